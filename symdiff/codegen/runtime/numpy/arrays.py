"""Arrays put together from others: entries at positions, diagonals, choices."""

from __future__ import annotations

import math

import numpy as np


def _on_diagonal(values, diagonal, shape):
    """Zeros, but `values` on the diagonal that einsum(diagonal) views."""
    result = np.zeros(shape, values.dtype)
    np.einsum(diagonal, result)[...] = values
    return result


def _place(values, where, shape, dtype):
    """Zeros, but `values` at `where`."""
    result = np.zeros(shape, dtype)
    result[where] = values
    return result


def _positions(positions, length):
    """Positions as indices; raise where one does not fit an axis of that length."""
    positions = np.asarray(positions).astype(np.intp, copy=False)
    if positions.size and not 0 <= positions.min() <= positions.max() < length:
        raise IndexError(
            f"positions from {positions.min()} to {positions.max()} do not fit an axis of {length} entries"
        )
    return positions


def _one_hot(positions, length, dtype):
    """Along a new last axis 1 at each position, counted from 0, else 0."""
    positions = _positions(positions, length)
    result = np.zeros((*positions.shape, length), dtype)
    np.put_along_axis(result, positions[..., None], 1, -1)
    return result


def _flat_positions(positions, rows, own, length):
    """Positions in rows of a length, numbered by `rows` axes before the last `own`, as positions in all rows joined."""
    positions = _positions(positions, length)
    counts = positions.shape[positions.ndim - own - rows : positions.ndim - own]
    return positions + length * np.arange(math.prod(counts)).reshape(counts + (1,) * own)


def _take(x, positions, axis):
    """The entries of x at positions, counted from 0, along an axis."""
    return np.take(x, _positions(positions, x.shape[axis]), axis)


def _scatter(values, positions, axis, length):
    """The transpose of `_take`: zeros of a length along the axis, with each value added at its position."""
    positions = np.asarray(positions).astype(np.intp, copy=False)
    result = np.zeros((*values.shape[:axis], length, *values.shape[axis + positions.ndim :]), values.dtype)
    np.add.at(result, (slice(None),) * axis + (positions,), values)
    return result


def _masked(condition, x):
    """x where the condition holds, else 0, whatever x is there: of large arrays by bits, in a third of the time."""
    if np.size(x) < 4096 or np.shape(condition) != np.shape(x):
        return np.where(condition, x, 0)
    kept = np.negative(condition.view(np.int8)).astype(f"i{x.itemsize}")  # all bits, or none
    return np.bitwise_and(kept, x.view(kept.dtype), out=kept).view(x.dtype)


def _shaped(result, shape, dtype):
    """A result that may not depend on every argument, at the shape of them all, in memory of its own."""
    result = np.asarray(result, dtype)
    return np.broadcast_to(result, shape).copy() if shape else result[()]
