"""Contractions and places of matrices as SymPy matrix algebra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy import Determinant, Inverse, MatMul
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.slice import MatrixSlice

from symdiff.errors import UnsupportedError
from symdiff.functions.linalg import Cholesky, Element, Explicit, HalvedTriangle, LogDeterminant
from symdiff.functions.reductions import AxisReduction, Reduction
from symdiff.graph.contraction import Contraction
from symdiff.graph.node import Node

Labels = tuple[int, ...]
_COLUMN = -1  # the second axis of what has one axis


def contraction(form: Any, node: Node) -> Any:
    """A contraction of at most two operands, each a scalar, a column or a matrix."""
    work = Contraction.of(node)
    out = work.out if node.ndim == 2 else (*work.out, _COLUMN) if node.ndim == 1 else ()
    sizes = {**work.sizes, _COLUMN: 1}
    parts = [
        (form.used[operand], labels if operand.ndim == 2 else (*labels, _COLUMN)) for operand, labels in work.operands
    ]
    if len(parts) == 2:
        sizes, ones = _repeated_axes(form, parts, out, sizes)
    found = None
    if not parts:
        found = _of_nothing(form, out, sizes)
    elif len(parts) == 1:
        found = _single(form, *parts[0], out, sizes)
    elif len(parts) == 2:
        parts, sizes = _sum_alone(parts, out, sizes)
        found = _pair(parts[0], parts[1], out, sizes) or _pair(parts[1], parts[0], out, sizes)
        found = found and ones[0] * found * ones[1]
    if found is None:
        raise UnsupportedError("A sum of products over these axes has no form in matrix algebra.")
    return found


def _of_nothing(form: Any, out: Labels, sizes: dict[int, Any]) -> Any:
    rows, columns = (form.size(sizes[label]) for label in out)
    return sp.Identity(rows) if out[0] == out[1] else sp.OneMatrix(rows, columns)


def _single(form: Any, x: Any, labels: Labels, out: Labels, sizes: dict[int, Any]) -> Any:
    """A transpose, a sum along axes, a diagonal, or repeated rows or columns."""
    a, b = labels
    if a == b:
        if out in ((), labels):
            return DiagonalMatrix(x) if out else sp.Trace(x)
        return _laid_out(form, DiagonalOf(x), (a, _COLUMN), out, sizes)
    kept = [label for label in labels if label in out]
    for axis, label in reversed(list(enumerate(labels))):
        if label not in kept and sizes[label] != 1:
            if not kept and all(sizes[other] != 1 for other in labels):
                return Reduction("sum", x) if out == () else None
            x = AxisReduction("sum", x, axis)
            sizes = {**sizes, label: 1}
    if out == ():
        return _entry(x, 0, 0) if not isinstance(x, AxisReduction) else Reduction("sum", x.argument)
    if len(set(out)) == 1:
        return DiagMatrix(x) if len(kept) == 1 else None
    return _laid_out(form, x, labels, out, sizes)


def _laid_out(form: Any, x: Any, labels: Labels, out: Labels, sizes: dict[int, Any]) -> Any:
    """x transposed to the order of `out`, its single rows or columns repeated to the size of `out`."""
    kept = [label for label in labels if label in out]
    if len(kept) == 2:
        return x if labels == out else x.T
    if len(kept) == 1:
        if out.index(kept[0]) != labels.index(kept[0]):
            x = x.T
        other = out[1 - out.index(kept[0])]
        if sizes[other] == 1:
            return x
        ones = form.size(sizes[other])
        return x * sp.OneMatrix(1, ones) if out[0] == kept[0] else sp.OneMatrix(ones, 1) * x
    return None


def _repeated_axes(
    form: Any, parts: list[tuple[Any, Labels]], out: Labels, sizes: dict[int, Any]
) -> tuple[dict[int, Any], tuple[Any, Any]]:
    """Axes of the result that no operand has become size 1; the ones that repeat them again stand left and right."""
    ones: list[Any] = [sp.Integer(1), sp.Integer(1)]
    present = {label for _, labels in parts for label in labels}
    for place, label in enumerate(out):
        if label not in present and sizes[label] != 1:
            many = form.size(sizes[label])
            ones[place] = sp.OneMatrix(1, many) if place else sp.OneMatrix(many, 1)
            sizes = {**sizes, label: 1}
    return sizes, (ones[0], ones[1])


def _sum_alone(parts: list[tuple[Any, Labels]], out: Labels, sizes: dict[int, Any]) -> tuple[list[Any], dict[int, Any]]:
    """Sum along axes that neither the other operand nor the result has."""
    found = []
    for (x, labels), (_, others) in zip(parts, parts[::-1], strict=True):
        for axis, label in enumerate(labels):
            if label not in others and label not in out and sizes[label] != 1:
                x, sizes = AxisReduction("sum", x, axis), {**sizes, label: 1}
        found.append((x, labels))
    return found, sizes


def _pair(first: tuple[Any, Labels], second: tuple[Any, Labels], out: Labels, sizes: dict[int, Any]) -> Any:
    (x, la), (y, lb) = first, second
    if len(set(la)) < 2 or len(set(lb)) < 2 or len(set(out)) < len(out):
        return None
    if out == ():
        if la == lb:
            return Reduction("sum", HadamardPower(x, 2) if x == y else HadamardProduct(x, y))
        return sp.Trace(x * y) if la == lb[::-1] else None
    if set(la) == set(lb) == set(out):
        return HadamardProduct(*(z if labels == out else z.T for z, labels in (first, second)))
    product = _matrix_product(x, la, y, lb, out, sizes)
    return product if product is not None else _scaled_rows(x, la, y, lb, out, sizes)


def _matrix_product(x: Any, la: Labels, y: Any, lb: Labels, out: Labels, sizes: dict[int, Any]) -> Any:
    """x y with either transposed: one axis in common, which is summed (or has size 1), the others make the result."""
    row, column = out
    la, lb = _reuse_column(la, lb, out, sizes)
    if row in la and column in lb:
        inner_a = la[1 - la.index(row)]
        inner_b = lb[1 - lb.index(column)]
        same = inner_a == inner_b or (sizes[inner_a] == sizes[inner_b] == 1)
        if same and inner_a not in out:
            return (x if la[0] == row else x.T) * (y if lb[1] == column else y.T)
    return None


def _reuse_column(la: Labels, lb: Labels, out: Labels, sizes: dict[int, Any]) -> tuple[Labels, Labels]:
    """An operand's axis of size 1 may stand for the result's axis of size 1."""
    found: list[Labels] = []
    for labels in (la, lb):
        missing = [label for label in out if label not in (*la, *lb) and sizes[label] == 1]
        single = [label for label in labels if label not in out and sizes[label] == 1]
        if missing and single and not any(missing[0] in other for other in found):
            labels = tuple(missing[0] if label == single[0] else label for label in labels)
        found.append(labels)
    return found[0], found[1]


def _scaled_rows(x: Any, la: Labels, y: Any, lb: Labels, out: Labels, sizes: dict[int, Any]) -> Any:
    """A vector along one axis of a matrix: diag(v) Y or Y diag(v)."""
    single = [label for label in la if sizes[label] == 1 and label not in lb]
    along = [label for label in la if label in lb]
    if len(single) != 1 or len(along) != 1 or set(lb) != set(out):
        return None
    y = y if lb == out else y.T
    return DiagMatrix(x) * y if out[0] == along[0] else y * DiagMatrix(x)


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
            return Determinant(a) * Inverse(a).T
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


def kronecker(form: Any, node: Node) -> Any:
    """The rows and columns of an outer product, each pair taken as one axis."""
    (x,), (before, after) = node.args, node.attributes
    if x.op == "contract" and len(x.args) == 2 and node.ndim == 2 and len(before) == 4:
        work = Contraction.of(x)
        ((a, la), (b, lb)), out = work.operands, work.out
        for one, ones, other, others in ((a, la, b, lb), (b, lb, a, la)):
            if set(ones) == {out[0], out[2]} and set(others) == {out[1], out[3]}:
                factors = [
                    form.used[x] if labels == pair else form.used[x].T
                    for x, labels, pair in ((one, ones, out[::2]), (other, others, out[1::2]))
                ]
                if after == (before[0] * before[1], before[2] * before[3]):
                    return sp.KroneckerProduct(*factors)
    raise UnsupportedError("This reshaping has no form in matrix algebra.")


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
