"""Operations on matrices as SymPy matrix algebra; sums of products are in `matrix_sums`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy import Determinant, Inverse, MatMul
from sympy.matrices.expressions.diagonal import DiagonalMatrix
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.slice import MatrixSlice

from symdiff.errors import UnsupportedError
from symdiff.functions.linalg import Cholesky, Cofactors, Element, Explicit, HalvedTriangle, LogDeterminant
from symdiff.graph.node import Node


def algebra(op: str, operands: Sequence[Any]) -> Any:
    """Matrix algebra's own sum, product with a scalar, entrywise product and power; None for other operations."""
    matrices = [bool(getattr(operand, "is_Matrix", False)) for operand in operands]
    match op:
        case "add":
            return operands[0] + operands[1]
        case "neg":
            return -operands[0]
        case "mul" if all(matrices):
            return HadamardProduct(*operands)
        case "mul":
            return operands[0] * operands[1]
        case "div" if all(matrices):
            return HadamardProduct(operands[0], HadamardPower(operands[1], -1))
        case "div" if matrices[0]:
            return operands[0] / operands[1]
        case "pow" if matrices == [True, False]:
            return HadamardPower(*operands)
        case _:
            return None


def repeated(form: Any, operand: Node, result: Node) -> Any:
    """An operand at the shape of the result: a scalar in a sum fills a matrix, a single row or column is repeated."""
    x = form.used[operand]
    if not form.is_matrix(operand):
        return x * sp.OneMatrix(*form.shape(result)) if result.op == "add" else x
    (rows, columns), (own_rows, own_columns) = form.shape(result), form.shape(operand)
    if operand.ndim == 1 and result.ndim == 2:
        x, own_rows, own_columns = x.T, own_columns, own_rows
    if own_rows == 1 and rows != 1:
        x = sp.OneMatrix(rows, 1) * x
    if own_columns == 1 and columns != 1:
        x = x * sp.OneMatrix(1, columns)
    return x


def linear_algebra(form: Any, node: Node) -> Any:
    """A^-1, A^-1 B, det A, log det A, the Cholesky factor of A."""
    if node.args[0].ndim > 2:
        raise UnsupportedError("Linear algebra of each matrix of a batch has no form in matrix algebra.")
    a, *rest = (form.used[operand] for operand in node.args)
    match node.op:
        case "inverse":
            return Inverse(a)
        case "solve":
            return MatMul(Inverse(a), rest[0])
        case "det":
            return Determinant(a)
        case "cofactors":
            return Cofactors(a)
        case "cofactors_tangent":  # where A is not singular
            inverse = Inverse(a).T
            return sp.Trace(Inverse(a) * rest[0]) * Cofactors(a) - inverse * rest[0].T * Cofactors(a)
        case "logdet":
            return LogDeterminant(a)
        case "log_abs_det":
            return sp.log(sp.Abs(Determinant(a)))
        case "sign_det":
            return sp.sign(Determinant(a))
        case "cholesky":
            return Cholesky(a)
        case _:
            return _triangle(a, node.attributes[0])


def _triangle(a: Any, on_diagonal: float) -> Any:
    """The lower triangle as twice its half, less what that has on the diagonal."""
    half = HalvedTriangle(a)
    return half if on_diagonal == 0.5 else half + (on_diagonal - sp.Rational(1, 2)) * DiagonalMatrix(a)


def joined(form: Any, node: Node) -> Any:
    """Matrices side by side or below each other."""
    (axis,), parts = node.attributes, [form.used[part] for part in node.args]
    if node.ndim != 2:
        raise UnsupportedError("Arrays of other than two axes, one after the other, have no form in matrix algebra.")
    return sp.BlockMatrix([parts] if axis == -1 else [[part] for part in parts])


def entry_or_slice(form: Any, node: Node) -> Any:
    """x[i, j], x[a:b, c:d]; a mixture is a row or column."""
    (x,), (items,) = node.args, node.attributes
    matrix = form.used[x]
    if x.ndim == 2 and len(items) == 1:
        items = ((0, x.shape[0], 1), *items)
    if x.ndim != 2 or len(items) != 2:
        raise UnsupportedError("A slice of these axes has no form in matrix algebra.")
    if all(isinstance(item, int) for item in items):
        return _entry(matrix, *items)
    sliced = MatrixSlice(matrix, *(_bounds(form, item) for item in items))
    return sliced.T if isinstance(items[0], int) else sliced


def _entry(matrix: Any, row: Any, column: Any) -> Any:
    """An entry; of a product, an inverse and the like as it is."""
    written_out = isinstance(matrix, sp.MatrixExpr) and not isinstance(matrix, (sp.MatrixSymbol, Explicit))
    return Element(matrix, row, column) if written_out else matrix[row, column]


def _bounds(form: Any, item: Any) -> tuple[Any, ...]:
    return tuple(form.size(bound) for bound in ((item, item + 1, 1) if isinstance(item, int) else item))


def placed(form: Any, node: Node) -> Any:
    """A block x in a matrix of zeros: I[:, a:b] x I[c:d, :]."""
    (x,), (items, dims) = node.args, node.attributes
    if node.ndim == 2 and len(items) == 1:
        items, dims = ((0, node.shape[0], 1), *items), node.shape
    if len(items) != 2 or node.ndim != 2:
        raise UnsupportedError("A block placed among more than two axes has no form in matrix algebra.")
    rows, columns = (form.size(dim) for dim in dims)
    block = form.used[x]
    if x.ndim == 1 and isinstance(items[0], int):
        block = block.T
    left = MatrixSlice(sp.Identity(rows), (0, rows, 1), _bounds(form, items[0]))
    right = MatrixSlice(sp.Identity(columns), _bounds(form, items[1]), (0, columns, 1))
    factors = [part for part, dim in ((left, dims[0]), (right, dims[1])) if dim != 1]
    if not x.ndim:
        return block * (sp.MatMul(*factors) if factors else sp.OneMatrix(1, 1))
    return sp.MatMul(*(part for part in (left, block, right) if part is block or part in factors))
