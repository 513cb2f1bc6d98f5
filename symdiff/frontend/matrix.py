"""The matrix dialect: what each SymPy matrix expression means, as rows of a table.

A matrix is a node whose last two axes are its rows and columns; an explicit matrix of per-sample entries has the sample
axis in front. Shapes are inferred from the parts and checked here, since SymPy accepts some that cannot match.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.matrixbase import MatrixBase

from symdiff.errors import ShapeError, UnsupportedError
from symdiff.frontend.numbers import beyond, check_range, spread
from symdiff.frontend.reductions import reduce_axes
from symdiff.frontend.rule import Rule, no_arguments
from symdiff.frontend.undistributed import undistributed
from symdiff.frontend.whole import SAMPLES_BESIDE_MATRIX, as_scalar, is_one_by_one
from symdiff.functions.elementwise import EntrywiseFunction
from symdiff.functions.linalg import Explicit
from symdiff.functions.printing import text
from symdiff.functions.reductions import AxisFunction, AxisReduction
from symdiff.graph.axes import identity, index, insert_axes, matmul, stack, sum_axes
from symdiff.graph.bounds import nonnegative
from symdiff.graph.build import add, broadcast_to, full, mul, power
from symdiff.graph.item import Item, needs
from symdiff.graph.leaves import constant, number
from symdiff.graph.linalg import chain, diagonal, inverse, is_transpose, on_diagonal, swapped, terms, trace
from symdiff.graph.node import Node
from symdiff.graph.size import Dim, broadcast
from symdiff.graph.softmax import log_softmax, softmax


def _shape(node: Node) -> tuple[Dim, Dim]:
    rows, columns = node.shape[-2:]
    return rows, columns


def _spelled(node: Node) -> str:
    return "x".join(map(str, _shape(node)))


def _check_same_shape(what: str, args: list[Node]) -> None:
    for other in args[1:]:
        if _shape(other) != _shape(args[0]):
            raise ShapeError(
                f"{what} of a {_spelled(args[0])} and a {_spelled(other)} matrix: the sizes must be equal."
            )


def _refuse_samples(args: list[Node]) -> None:
    if any(node.ndim == 1 for node in args) and any(node.ndim >= 2 for node in args):
        raise UnsupportedError(SAMPLES_BESIDE_MATRIX)


def _addition(walk: Any, expression: Any, args: list[Node]) -> Node:
    _refuse_samples(args)
    _check_same_shape("A sum", args)
    if all(map(_turned, args)):  # SymPy distributes a transpose over a sum
        return swapped(_addition(walk, expression, [swapped(node) for node in args]))
    total = args[0]
    for term in args[1:]:
        total = add(total, term)
    return total


def _multiplication(walk: Any, expression: Any, args: list[Node]) -> Node:
    """The product of the matrix factors, scalar factors in front."""
    _refuse_samples(args)
    coefficient = beyond(expression.args, args)
    factor, matrices = constant(1.0), []
    for part, node in zip(expression.args, args, strict=True):
        if part.is_Matrix:
            matrices.append(node)
        elif coefficient is None or number(node) is None:
            factor = mul(factor, as_scalar(node))  # SymPy takes a function of a 1x1 matrix for a scalar
    runs = _runs(matrices)
    for run in runs:
        if _is_scalar(run) and len(runs) > 1:
            factor = mul(factor, as_scalar(_chained(run)))
    rest = [node for run in runs if len(runs) == 1 or not _is_scalar(run) for node in run]
    found = mul(factor, _chained(rest)) if rest else factor
    return found if coefficient is None else spread(coefficient, [found])[0]


def _runs(matrices: list[Node]) -> list[list[Node]]:
    """The factors of a product split where sizes do not match: SymPy writes (w.T w) A, a scalar times A, as w.T w A."""
    runs: list[list[Node]] = []
    for node in matrices:
        if runs and _shape(runs[-1][-1])[1] == _shape(node)[0]:
            runs[-1].append(node)
        else:
            runs.append([node])
    return runs


def _is_scalar(run: list[Node]) -> bool:
    """Whether the product is 1x1, which counts as a scalar."""
    return _shape(run[0])[0] == 1 == _shape(run[-1])[1]


def _chained(matrices: list[Node]) -> Node:
    if len(matrices) > 1 and all(map(_turned, matrices)):
        return swapped(chain([swapped(node) for node in matrices[::-1]]))
    return chain(matrices)


def _turned(node: Node) -> bool:
    """Whether a matrix is written as a transpose, perhaps with a scalar in front."""
    found = terms(node)
    return len(found) == 1 and is_transpose(found[0][1])


def _hadamard_product(walk: Any, expression: Any, args: list[Node]) -> Node:
    _check_same_shape("An entrywise product", args)
    product = args[0]
    for factor in args[1:]:
        product = mul(product, factor)
    return product


def _transpose(walk: Any, expression: Any, args: list[Node]) -> Node:
    return swapped(args[0])


def _adjoint(walk: Any, expression: Any, args: list[Node]) -> Node:
    raise UnsupportedError(
        "Abs(X) of a whole matrix, which SymPy turns into an adjoint, has no meaning in matrix algebra: write X.applyfunc(Abs) "
        "or sd.abs(X); for the adjoint of a real matrix write X.T."
    )


def _trace(walk: Any, expression: Any, args: list[Node]) -> Node:
    return trace(args[0])


def _identity(walk: Any, expression: Any, args: list[Node]) -> Node:
    return identity((walk.dimension(expression.shape[0]),))


def _filled(value: float) -> Callable[[Any, Any, list[Node]], Node]:
    return lambda walk, e, args: full(value, [walk.dimension(dim) for dim in e.shape])


def _diagonal_from_vector(walk: Any, expression: Any, args: list[Node]) -> Node:
    """The square matrix with a vector, row or column, on its diagonal."""
    (v,) = args
    rows, columns = _shape(v)
    if 1 not in (rows, columns):
        raise ShapeError(f"DiagMatrix needs a row or a column, not a {rows}x{columns} matrix.")
    return on_diagonal(sum_axes(v, (v.ndim - 2 if rows == 1 else v.ndim - 1,)))


def _only_diagonal(walk: Any, expression: Any, args: list[Node]) -> Node:
    """A square matrix with everything off its diagonal set to 0."""
    return on_diagonal(diagonal(args[0]))


def _diagonal_column(walk: Any, expression: Any, args: list[Node]) -> Node:
    found = diagonal(args[0])
    return insert_axes(found, (found.ndim,), (*found.shape, 1))


def _apply(walk: Any, expression: Any, args: list[Node]) -> Node:
    return _at_shape(walk.apply(expression.function, args), args)


def _entrywise(walk: Any, expression: Any, args: list[Node]) -> Node:
    _refuse_samples(args)
    args = _beside(args)
    _check_same_shape("An entrywise function", [node for node in args if node.ndim >= 2])
    return _at_shape(walk.apply(expression.args[0], args), args)


def _at_shape(result: Node, args: list[Node]) -> Node:
    """The result of a function at the shape of its operands, also where it ignores some of them."""
    return broadcast_to(result, broadcast([result.shape, *(node.shape for node in args)]))


def _power(walk: Any, expression: Any, args: list[Node]) -> Node:
    """A whole power as repeated squaring; a negative one is the inverse of a power; any power of a 1x1 matrix."""
    (x, *rest), exponent = args, expression.exp
    remedy = f"write sp.HadamardPower(X, {text(exponent)}) for the power of its entries"
    if expression.base.shape == (1, 1) and _shape(x) != (1, 1):
        raise ShapeError(f"SymPy takes this {_spelled(x)} matrix for 1x1: {remedy}.")
    if rest:
        if not is_one_by_one(x):
            raise UnsupportedError(
                f"The matrix power {text(exponent)} is not supported, only whole powers are: {remedy}."
            )
        _refuse_samples(args)
        found = power(as_scalar(x), as_scalar(rest[0]))
        return insert_axes(found, (found.ndim, found.ndim + 1), (*found.shape, 1, 1))
    if _shape(x)[0] != _shape(x)[1]:
        raise ShapeError(f"A matrix power needs a square matrix, not {_spelled(x)}: {remedy}.")
    result, square, n = None, x, abs(int(exponent))
    while n:
        if n % 2:
            result = square if result is None else matmul(result, square)
        square, n = matmul(square, square) if n > 1 else square, n // 2
    if result is None:
        return identity(x.shape[-1:])
    return result if exponent > 0 else inverse(result)


def _beside(args: list[Node]) -> list[Node]:
    """The operands of an entrywise operation, a 1x1 matrix among larger ones as a scalar."""
    return args if all(node.ndim < 2 or is_one_by_one(node) for node in args) else [as_scalar(node) for node in args]


def _hadamard_power(walk: Any, expression: Any, args: list[Node]) -> Node:
    _refuse_samples(args)
    base, exponent = _beside(args)
    if base.ndim >= 2 and exponent.ndim >= 2:
        _check_same_shape("An entrywise power", [base, exponent])
    return power(base, exponent)


def _slice(walk: Any, expression: Any, args: list[Node]) -> Node:
    """Bounds are checked here: SymPy gets some of the sizes wrong."""
    (x,) = args
    items: list[Item] = []
    for part, dim in zip((expression.rowslice, expression.colslice), x.shape[-2:], strict=True):
        start, stop, step = (walk.dimension(bound) for bound in part)
        if not isinstance(step, int) or step < 1:
            raise UnsupportedError(f"The step of a slice must be a positive number, not {step}.")
        if any(nonnegative(gap) is False for gap in needs([(start, stop, step)], [dim])):
            raise ShapeError(f"The slice {start}:{stop}:{step} does not fit an axis of size {dim}.")
        items.append((start, stop, step))
    return index(x, items)


def _entries(explicit: Any) -> tuple[Any, ...]:
    return tuple((explicit.args[0] if isinstance(explicit, Explicit) else explicit).flat())


def _explicit(walk: Any, expression: Any, args: list[Node]) -> Node:
    _refuse_nested(args)
    rows, columns = expression.shape
    if rows * columns == 0:
        raise ShapeError(f"An explicit matrix of {rows} rows and {columns} columns has no entries.")
    check_range(_entries(expression), args)
    return stack([as_scalar(node) for node in args], (int(rows), int(columns)))


def _refuse_nested(args: list[Node]) -> None:
    if any(node.ndim >= 2 and not is_one_by_one(node) for node in args):
        raise UnsupportedError("An explicit matrix holds a matrix as an entry: its entries must be scalars.")


def _axis_reduction(walk: Any, expression: Any, args: list[Node]) -> Node:
    (x,) = args
    axis = x.ndim - 2 + expression.axis
    reduced = reduce_axes(expression.name, x, (axis,))
    shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    return insert_axes(reduced, (axis,), shape)


def _axis_function(walk: Any, expression: Any, args: list[Node]) -> Node:
    (x,) = args
    function = {"softmax": softmax, "log_softmax": log_softmax}[expression.name]
    return function(x, x.ndim - 2 + expression.axis)


def _first(expression: Any) -> tuple[Any, ...]:
    return (expression.args[0],)


RULES: dict[type, Rule] = {
    sp.MatrixSymbol: Rule(_addition, no_arguments),  # symbols are the walk's own
    sp.MatAdd: Rule(_addition, undistributed),
    sp.MatMul: Rule(_multiplication, unbounded=True),
    sp.MatPow: Rule(_power, lambda e: e.args[: 1 if e.exp.is_Integer else 2]),
    HadamardProduct: Rule(_hadamard_product),
    HadamardPower: Rule(_hadamard_power),
    sp.Transpose: Rule(_transpose),
    sp.Adjoint: Rule(_adjoint, no_arguments),
    sp.Trace: Rule(_trace),
    sp.Identity: Rule(_identity, no_arguments),
    sp.ZeroMatrix: Rule(_filled(0.0), no_arguments),
    sp.OneMatrix: Rule(_filled(1.0), no_arguments),
    DiagMatrix: Rule(_diagonal_from_vector),
    DiagonalMatrix: Rule(_only_diagonal),
    DiagonalOf: Rule(_diagonal_column),
    ElementwiseApplyFunction: Rule(_apply, lambda e: (e.expr,)),
    EntrywiseFunction: Rule(_entrywise, lambda e: e.args[1:]),
    MatrixSlice: Rule(_slice, _first),
    MatrixBase: Rule(_explicit, _entries),
    Explicit: Rule(_explicit, _entries),
    AxisReduction: Rule(_axis_reduction, lambda e: (e.argument,)),
    AxisFunction: Rule(_axis_function, lambda e: (e.argument,)),
}
