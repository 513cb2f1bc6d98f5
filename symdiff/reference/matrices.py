"""Matrix algebra: SymPy class name -> a function of the context and the values of the node's children.

Matrices may have a sample axis in front. `children` of the interpreter says what the children of a node are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symdiff.reference.arrays import Array, Context, align, as_array, entrywise, fold, same_shape
from symdiff.reference.special import NoReferenceError, guarded, power

MatrixFunction = Callable[[Context, Any, Sequence[Array]], Array]


def to_index(value: Array) -> int:
    """An index or size as an int; the nearest one, as inputs may carry perturbations."""
    number = value.item()
    nearest = round(float(number))
    if abs(number - nearest) > 1e-6:
        raise ValueError(f"{number} where a whole number is meant")
    return nearest


def _product(c: Context, node: Any, values: Sequence[Array]) -> Array:
    """From left to right; where sizes do not match, a product that is 1x1 so far, or from there on, is a scalar."""
    scalars = [value for value in values if value.ndim < 2]
    parts: list[Array] = []
    for matrix in (value for value in values if value.ndim >= 2):
        if parts and parts[-1].shape[-1] == matrix.shape[-2]:
            parts[-1] = as_array(np.matmul(parts[-1], matrix))
        else:
            parts.append(matrix)
    single = [part[..., 0, 0] for part in parts if part.shape[-2:] == (1, 1) and len(parts) > 1]
    result, *rest = [part for part in parts if part.shape[-2:] != (1, 1) or len(parts) == 1]
    for matrix in rest:
        result = as_array(np.matmul(result, matrix))
    return fold(np.multiply, [*scalars, *single, result])


def _sum(c: Context, node: Any, values: Sequence[Array]) -> Array:
    same_shape(values)
    return fold(np.add, values)


def _hadamard(c: Context, node: Any, values: Sequence[Array]) -> Array:
    same_shape(values)
    return fold(np.multiply, values)


def _hadamard_power(c: Context, node: Any, values: Sequence[Array]) -> Array:
    return entrywise(guarded(c, power), values)


def _transpose(c: Context, node: Any, values: Sequence[Array]) -> Array:
    return values[0].swapaxes(-1, -2)


def _square(matrix: Array) -> Array:
    if matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(f"a square matrix is needed, not {matrix.shape[-2:]}")
    return matrix


def _trace(c: Context, node: Any, values: Sequence[Array]) -> Array:
    diagonal = np.diagonal(_square(values[0]), axis1=-2, axis2=-1)
    return as_array(np.add.reduce(diagonal, axis=-1))


def _eliminate(c: Context, rows: list[list[Any]], size: int) -> Any:
    """Gauss-Jordan elimination in place with partial pivoting; returns the determinant of the first columns."""
    determinant = c.one
    for k in range(size):
        pivot = max(range(k, size), key=lambda i: abs(rows[i][k]))
        if rows[pivot][k] == 0:
            return c.zero
        if pivot != k:
            rows[k], rows[pivot] = rows[pivot], rows[k]
            determinant = -determinant
        head = rows[k][k]
        determinant = determinant * head
        rows[k] = [entry / head for entry in rows[k]]
        for i in range(size):
            if i != k and rows[i][k] != 0:
                factor = rows[i][k]
                rows[i] = [entry - factor * pivot_entry for entry, pivot_entry in zip(rows[i], rows[k], strict=True)]
    return determinant


def _each(function: Callable[..., Any], *stacks: Array) -> Array:
    """A function of matrices, given as lists of rows, of each in stacks of them."""
    lead = np.broadcast_shapes(*(stack.shape[:-2] for stack in stacks))
    stacks = tuple(np.broadcast_to(stack, (*lead, *stack.shape[-2:])) for stack in stacks)
    results = np.array([function(*(stack[index].tolist() for stack in stacks)) for index in np.ndindex(*lead)], object)
    return as_array(results.reshape((*lead, *results.shape[1:])))


def _determinant(c: Context, node: Any, values: Sequence[Array]) -> Array:
    matrix = _square(values[0])
    return _each(lambda rows: _eliminate(c, rows, len(rows)), matrix)


def _cofactors(c: Context, node: Any, values: Sequence[Array]) -> Array:
    """The determinants of what is left without one row and one column, with signs by turns."""

    def of(rows: list[Any]) -> list[Any]:
        places = range(len(rows))

        def minor(i: int, k: int) -> Any:
            left = [[rows[r][s] for s in places if s != k] for r in places if r != i]
            return (-1) ** (i + k) * (_eliminate(c, left, len(left)) if left else c.one)

        return [[minor(i, k) for k in places] for i in places]

    return _each(of, _square(values[0]))


def _log_determinant(c: Context, node: Any, values: Sequence[Array]) -> Array:
    """NaN where the determinant is negative."""
    logarithm = guarded(c, lambda c, x: c.ln(x) if x.real > 0 else -c.inf if x == 0 else c.nan)
    return entrywise(logarithm, [_determinant(c, node, values)])


def _solution(c: Context, a: Array, b: Array) -> Array:
    """a^-1 b; NaN throughout where a is singular."""

    def solve(left: list[Any], right: list[Any]) -> list[Any]:
        size = len(left)
        rows = [row + more for row, more in zip(left, right, strict=True)]
        singular = _eliminate(c, rows, size) == 0
        return [[c.nan] * (len(row) - size) if singular else row[size:] for row in rows]

    return _each(solve, _square(a), b)


def _solve(c: Context, node: Any, values: Sequence[Array]) -> Array:
    return _solution(c, *values)


def _invert(c: Context, matrix: Array) -> Array:
    size = _square(matrix).shape[-1]
    return _solution(c, matrix, _identity(c, size, size))


def _cholesky(c: Context, node: Any, values: Sequence[Array]) -> Array:
    """Row by row (Cholesky and Banachiewicz), of the symmetric part; NaN throughout where that is not positive definite."""

    def factor(a: list[Any]) -> list[Any]:
        size = len(a)
        rows = [[c.zero] * size for _ in range(size)]
        for i in range(size):
            for j in range(i + 1):
                rest = (a[i][j] + a[j][i]) / 2 - sum((rows[i][k] * rows[j][k] for k in range(j)), c.zero)
                if i == j and not rest.real > 0:  # derivatives may come by complex numbers
                    return [[c.nan] * size] * size
                rows[i][j] = c.sqrt(rest) if i == j else rest / rows[j][j]
        return rows

    return _each(factor, _square(values[0]))


def _halved_triangle(c: Context, node: Any, values: Sequence[Array]) -> Array:
    size = _square(values[0]).shape[-1]
    weights = np.array([[c.mpf(i > j) + c.mpf(i == j) / 2 for j in range(size)] for i in range(size)], object)
    return as_array(values[0] * weights)


def _matrix_power(c: Context, node: Any, values: Sequence[Array]) -> Array:
    matrix = values[0]
    if matrix.shape[-2:] == (1, 1):
        return entrywise(guarded(c, power), [matrix, values[1].reshape(())])
    exponent = float(values[1].item())
    if exponent != int(exponent):
        raise NoReferenceError("a fractional power of a matrix")
    if exponent < 0:
        matrix = _invert(c, matrix)
    result = _identity(c, _square(matrix).shape[-1], matrix.shape[-1])
    for _ in range(abs(int(exponent))):
        result = as_array(np.matmul(result, matrix))
    return result


def _identity(c: Context, rows: int, columns: int) -> Array:
    unit = np.full((rows, columns), c.zero, dtype=object)
    for i in range(min(rows, columns)):
        unit[i, i] = c.one
    return unit


def _identity_node(c: Context, node: Any, values: Sequence[Array]) -> Array:
    return _identity(c, to_index(values[0]), to_index(values[-1]))


def _constant(name: str) -> MatrixFunction:
    def function(c: Context, node: Any, values: Sequence[Array]) -> Array:
        return np.full((to_index(values[0]), to_index(values[1])), getattr(c, name), dtype=object)

    return function


def _from_diagonal(c: Context, node: Any, values: Sequence[Array]) -> Array:
    """A square matrix with the entries of a row or column vector on its diagonal."""
    vector = values[0].reshape(*values[0].shape[:-2], -1)
    size = vector.shape[-1]
    return as_array(vector[..., None] * _identity(c, size, size))


def _keep_diagonal(c: Context, node: Any, values: Sequence[Array]) -> Array:
    return as_array(values[0] * _identity(c, *values[0].shape[-2:]))


def _diagonal_of(c: Context, node: Any, values: Sequence[Array]) -> Array:
    return as_array(np.diagonal(values[0], axis1=-2, axis2=-1)[..., None])


def _element(c: Context, node: Any, values: Sequence[Array]) -> Array:
    matrix, (row, column) = values[0], (to_index(value) for value in values[1:])
    rows, columns = matrix.shape[-2:]
    if not (-rows <= row < rows and -columns <= column < columns):
        raise IndexError(f"entry [{row}, {column}] of a matrix of size {matrix.shape[-2:]}")
    return as_array(matrix[..., row, column])


def _slice(c: Context, node: Any, values: Sequence[Array]) -> Array:
    matrix, *bounds = values
    for axis, (start, stop, step) in zip((-2, -1), (map(to_index, bounds[:3]), map(to_index, bounds[3:])), strict=True):
        size = matrix.shape[axis]
        start, stop = (bound + size if bound < 0 else bound for bound in (start, stop))
        indices = range(start, stop, step)
        if len(indices) == 0 or max(indices) >= size or min(indices) < 0:
            raise IndexError(f"slice {start}:{stop}:{step} of an axis of size {size}")
        matrix = np.take(matrix, list(indices), axis=axis)
    return as_array(matrix)


def explicit(c: Context, node: Any, values: Sequence[Array]) -> Array:
    """A matrix written entry by entry; per sample if one entry is."""
    rows, columns = node.shape
    values = [value[..., 0, 0] if value.ndim >= 2 else value for value in values]
    entries = np.broadcast_arrays(*values) if values else []
    stacked = np.stack(entries, axis=-1) if entries else np.empty(0, dtype=object)
    return as_array(stacked.reshape(*stacked.shape[:-1], int(rows), int(columns)))


def _blocks(c: Context, node: Any, values: Sequence[Array]) -> Array:
    rows, columns = node.blocks.shape
    lines = [np.concatenate(align(values[i * columns : (i + 1) * columns]), axis=-1) for i in range(rows)]
    return as_array(np.concatenate(lines, axis=-2))


def _kronecker(c: Context, node: Any, values: Sequence[Array]) -> Array:
    result = values[0]
    for factor in values[1:]:
        left, right = result[..., :, None, :, None], factor[..., None, :, None, :]
        product = as_array(left * right)
        rows, columns = result.shape[-2] * factor.shape[-2], result.shape[-1] * factor.shape[-1]
        result = product.reshape(*product.shape[:-4], rows, columns)
    return result


MATRIX: dict[str, MatrixFunction] = {
    "MatAdd": _sum,
    "MatMul": _product,
    "MatPow": _matrix_power,
    "Inverse": _matrix_power,
    "HadamardProduct": _hadamard,
    "HadamardPower": _hadamard_power,
    "KroneckerProduct": _kronecker,
    "Transpose": _transpose,
    "Adjoint": _transpose,
    "Trace": _trace,
    "Determinant": _determinant,
    "Cofactors": _cofactors,
    "LogDeterminant": _log_determinant,
    "Solve": _solve,
    "Explicit": lambda c, node, values: values[0],
    "Cholesky": _cholesky,
    "HalvedTriangle": _halved_triangle,
    "Identity": _identity_node,
    "ZeroMatrix": _constant("zero"),
    "OneMatrix": _constant("one"),
    "DiagMatrix": _from_diagonal,
    "DiagonalMatrix": _keep_diagonal,
    "DiagonalOf": _diagonal_of,
    "MatrixElement": _element,
    "MatrixSlice": _slice,
    "BlockMatrix": _blocks,
    "MatrixBase": explicit,
}

# Rearranging and selecting make no rounding errors.
_REARRANGING = """
    Transpose Adjoint Identity ZeroMatrix OneMatrix DiagMatrix DiagonalMatrix DiagonalOf MatrixElement MatrixSlice
    BlockMatrix MatrixBase
"""
EXACT = frozenset(_REARRANGING.split())
