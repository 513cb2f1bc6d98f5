"""Sums of products as matrix algebra.

Each factor is a scalar, a column along one axis or a matrix along two; axes of size 1 count only when the result is laid out.
Axes that are summed over vanish one by one: one that joins at most two others in a product of matrices, as j does in
sum_j A_ij v_j B_jk, which is A diag(v) B. A sum in which each joins more has no form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.matrixbase import MatrixBase

from symdiff.errors import UnsupportedError
from symdiff.functions.linalg import Explicit
from symdiff.functions.reductions import AxisReduction, Reduction
from symdiff.graph.contraction import Contraction
from symdiff.graph.node import Node
from symdiff.graph.size import Dim

Labels = tuple[int, ...]
Factor = tuple[Any, Labels]  # a scalar, a column or a matrix, and the labels of its axes longer than 1
Sizes = dict[int, Dim]


def contraction(form: Any, node: Node) -> Any:
    """A contraction as a scalar, a column or a matrix."""
    parts, work = factors(form, node)
    return product(form, parts, work.out, work.sizes)


def kronecker(form: Any, node: Node) -> Any:
    """The rows and columns of an outer product, each pair of them taken as one axis."""
    (x,), (before, after) = node.args, node.attributes
    if x.op == "contract" and len(before) == x.ndim:
        parts, work = factors(form, x)
        first, second = work.out[::2], work.out[1::2]
        own = _connected(parts, first)
        if _joins_pairs(before, after) and own.isdisjoint(second):
            left = [part for part in parts if own.issuperset(part[1])]
            right = [part for part in parts if not own.issuperset(part[1])]
            return sp.KroneckerProduct(product(form, left, first, work.sizes), product(form, right, second, work.sizes))
    raise UnsupportedError("This reshaping has no form in matrix algebra.")


def _joins_pairs(before: Sequence[Dim], after: Sequence[Dim]) -> bool:
    """Whether each axis of the result is made of two."""
    return len(before) == 2 * len(after) and all(
        a * b == c for a, b, c in zip(before[::2], before[1::2], after, strict=True)
    )


def _connected(parts: Sequence[Factor], labels: Labels) -> set[int]:
    """The labels that factors join with some, by any way."""
    found = set(labels)
    for _ in parts:
        for _, own in parts:
            if not found.isdisjoint(own):
                found.update(own)
    return found


def flattened(node: Node) -> tuple[Contraction, list[Node], list[Node]]:
    """A contraction with what it is made of in place of operands of more than two axes; factors and divisors of those."""
    work, scales, divisors = Contraction.of(node), list[Node](), list[Node]()
    position = 0
    while position < len(work.operands):
        operand, labels = work.operands[position]
        if operand.ndim > 2 and operand.op == "contract":
            work.merge(position)
        elif operand.ndim > 2 and operand.op in ("mul", "div") and not operand.args[1].shape:
            (scales if operand.op == "mul" else divisors).append(operand.args[1])
            work.operands[position] = (operand.args[0], labels)
        elif operand.ndim > 2 and operand.op == "mul" and not operand.args[0].shape:
            scales.append(operand.args[0])
            work.operands[position] = (operand.args[1], labels)
        else:
            position += 1
    return work, scales, divisors


def factors(form: Any, node: Node) -> tuple[list[Factor], Contraction]:
    """The operands, without their axes of size 1; of an axis that is repeated the diagonal."""
    work, scales, divisors = flattened(node)
    found: list[Factor] = [(form.written(x), ()) for x in scales]
    found += [(1 / form.written(x), ()) for x in divisors]
    beside_matrices = any(form.is_matrix(operand) for operand, _ in work.operands)
    for operand, labels in work.operands:
        x = form.written(operand)
        if beside_matrices and operand.ndim and not form.is_matrix(operand):
            raise UnsupportedError("Values of each sample beside matrices have no closed form in SymPy.")
        long = tuple(label for label in labels if work.sizes[label] != 1)
        if not long:
            x = entry(x) if operand.ndim else x
        elif len(long) == 1 and operand.ndim == 2 and labels[1] == long[0]:
            x = x.T
        elif len(long) == 2 and long[0] == long[1]:
            x, long = DiagonalOf(x), long[:1]
        found.append((x, long))
    return found, work


def entry(x: Any) -> Any:
    """The entry of a 1x1 matrix. (That of a product SymPy would write out in indices.)"""
    return x[0, 0] if isinstance(x, sp.MatrixSymbol | MatrixBase | Explicit) else sp.Trace(x)


def product(form: Any, parts: Sequence[Factor], out: Labels, sizes: Sizes) -> Any:
    """The sum of products with the axes `out`: a scalar, a column or a matrix."""
    long = tuple(label for label in out if sizes[label] != 1)
    scalars = [x for x, labels in parts if not labels]
    rest = [(x, labels) for x, labels in parts if labels]
    summed = list(dict.fromkeys(label for _, labels in rest for label in labels if label not in long))
    if out and not long and len(summed) == 1 and len(rest) < 3:  # 1x1
        column, *other = (x for x, _ in rest)
        return _times(sp.Mul(*scalars), column.T * other[0] if other else AxisReduction("sum", column, 0))
    while summed:
        label = min(summed, key=lambda label: _order(rest, label))
        rest = _without(rest, label, long, summed)
        summed = [label for label in summed if any(label in labels for _, labels in rest)]
        scalars += [x for x, labels in rest if not labels]
        rest = [(x, labels) for x, labels in rest if labels]
    scalar = sp.Mul(*scalars)
    if not out:
        return scalar
    return _times(scalar, _laid_out(form, rest, long, out, sizes))


def _times(scalar: Any, matrix: Any) -> Any:
    return matrix if scalar == 1 else scalar * matrix


def _order(parts: Sequence[Factor], label: int) -> tuple[int, int]:
    """Axes that join few others come first, and columns before rows, which would be transposed."""
    return len(_neighbours(parts, label)), sum(own[0] == label for _, own in parts if len(own) == 2)


def _neighbours(parts: Sequence[Factor], label: int) -> list[int]:
    """The other axes of the matrices that have an axis."""
    return list(dict.fromkeys(other for _, own in parts if label in own for other in own if other != label))


def _without(parts: list[Factor], label: int, out: Labels, summed: Sequence[int]) -> list[Factor]:
    """The factors after an axis is summed over."""
    mine = [part for part in parts if label in part[1]]
    rest = [part for part in parts if label not in part[1]]
    near = sorted(_neighbours(parts, label), key=lambda other: out.index(other) if other in out else len(out))
    if len(near) > 2:
        raise UnsupportedError("A sum of products over these axes has no form in matrix algebra.")
    if len(near) == 1 and (trace := _trace(mine, rest, near[0], summed)) is not None:
        return [*rest, (trace, ())]
    column = _together([x for x, own in mine if own == (label,)])
    if not near:
        return [*rest, (_sum_of(column), ())]
    matrices = [_together([x if own[0] == other else x.T for x, own in mine if other in own]) for other in near]
    if len(near) == 1:
        return [*rest, (_row_sums(mine, matrices[0], label) if column is None else matrices[0] * column, (near[0],))]
    left = matrices[0] if column is None else matrices[0] * DiagMatrix(column)
    return [*rest, (left * matrices[1].T, (near[0], near[1]))]


def _trace(mine: Sequence[Factor], rest: Sequence[Factor], other: int, summed: Sequence[int]) -> Any:
    """The trace of a product of two matrices, all of whose axes are summed over; None where they make none."""
    alone = other in summed and all(other not in own for _, own in rest)
    if not alone or len(mine) != 2 or mine[0][1] != mine[1][1][::-1] or len(mine[0][1]) != 2:
        return None
    return sp.Trace(mine[0][0] * mine[1][0])


def _together(parts: Sequence[Any]) -> Any:
    """The entrywise product; None of nothing."""
    if len(parts) == 2 and parts[0] == parts[1]:
        return HadamardPower(parts[0], 2)
    return parts[0] if len(parts) == 1 else HadamardProduct(*parts) if parts else None


def _row_sums(mine: Sequence[Factor], matrix: Any, label: int) -> Any:
    """The sums of a matrix along an axis as a column; of one that is transposed, of its own columns."""
    if all(own[0] == label for _, own in mine):
        return AxisReduction("sum", _together([x for x, _ in mine]), 0).T
    return AxisReduction("sum", matrix, 1)


def _sum_of(column: Any) -> Any:
    """The sum of a column: of a diagonal a trace, of sums the sum of all."""
    core = column.arg if isinstance(column, sp.Transpose) else column
    if isinstance(core, AxisReduction) and core.name == "sum":
        return Reduction("sum", core.argument)
    return sp.Trace(core.arg) if isinstance(core, DiagonalOf) else Reduction("sum", column)


def _laid_out(form: Any, parts: Sequence[Factor], long: Labels, out: Labels, sizes: Sizes) -> Any:
    """The entrywise product of columns and matrices whose axes are all in the result."""
    size = [form.size(sizes[label]) for label in out]
    if not long:
        return sp.OneMatrix(*size, *[1] * (2 - len(out)))
    columns = {label: _together([x for x, own in parts if own == (label,)]) for label in long}
    if len(long) == 1:
        found = columns[long[0]]
        found = sp.OneMatrix(form.size(sizes[long[0]]), 1) if found is None else found
        return found.T if len(out) == 2 and out[1] == long[0] else found
    if long[0] == long[1]:
        column = columns[long[0]]
        if column is None:
            return sp.Identity(size[0])
        return DiagonalMatrix(column.arg) if isinstance(column, DiagonalOf) else DiagMatrix(column)
    matrix = _together([x if own == long else x.T for x, own in parts if len(own) == 2])
    left, right = (columns[label] for label in long)
    if matrix is None:
        if left is None and right is None:
            return sp.OneMatrix(*size)
        left = sp.OneMatrix(size[0], 1) if left is None else left
        return left * (sp.OneMatrix(1, size[1]) if right is None else right.T)
    matrix = matrix if left is None else DiagMatrix(left) * matrix
    return matrix if right is None else matrix * DiagMatrix(right)
