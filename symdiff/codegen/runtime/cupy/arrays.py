"""Arrays put together from others, where CuPy does it otherwise than NumPy."""

from __future__ import annotations

import math

import cupy as cp


def _positions(positions, length):
    """Whether each position fits an axis of that length: to raise an error the host would have to wait for the device."""
    return (positions >= 0) & (positions < length)


def _one_hot(positions, length, dtype):
    """Along a new last axis 1 at each position, counted from 0, else 0."""
    return (positions[..., None] == cp.arange(length)).astype(dtype)


def _flat_positions(positions, rows, own, length):
    """Positions in rows of a length, numbered by `rows` axes before the last `own`, in all rows joined; -1 where none is."""
    positions = positions.astype(cp.int64, copy=False)
    counts = positions.shape[positions.ndim - own - rows : positions.ndim - own]
    starts = length * cp.arange(math.prod(counts)).reshape(counts + (1,) * own)
    return cp.where(_positions(positions, length), positions + starts, cp.full((), -1, cp.int64))


def _take(x, positions, axis):
    """The entries of x at positions, counted from 0, along an axis; NaN (of integers -1) at a position that x does not have."""
    positions = positions.astype(cp.int64, copy=False)
    inside = _positions(positions, x.shape[axis]).reshape(positions.shape + (1,) * (x.ndim - 1 - axis))
    return cp.where(inside, cp.take(x, positions, axis), cp.full((), cp.nan if x.dtype.kind == "f" else -1, x.dtype))


def _scatter(values, positions, axis, length):
    """The transpose of `_take`: zeros of a length along the axis, with each value added at its position, in any order."""
    positions = positions.astype(cp.int64, copy=False)
    result = cp.zeros((*values.shape[:axis], length, *values.shape[axis + positions.ndim :]), values.dtype)
    inside = _positions(positions, length).reshape(positions.shape + (1,) * (values.ndim - axis - positions.ndim))
    values = cp.where(inside, values, cp.zeros((), values.dtype))
    cp.add.at(result, (slice(None),) * axis + (positions,), values)
    return result


def _masked(condition, x):
    """x where the condition holds, else 0, whatever x is there."""
    return cp.where(condition, x, cp.zeros((), x.dtype))


def _bell(x):
    """exp(-x**2)."""
    return cp.exp(-(x**2))


def _windows(x, *axes, writeable=False):
    """A view of x in which some axes are several, one for each (size, step) of theirs.

    Each of `axes` is (axis, start, (size, step), (size', step'), ...): the entries at start + step i + step' i' + ...
    """
    shape, strides, first = [], [], [slice(None)] * x.ndim
    terms = {axis: sizes for axis, _, *sizes in axes}
    for axis, start, *sizes in axes:
        first[axis] = slice(0 if any(size == 0 for size, _ in sizes) else start, None)
    for axis, stride in enumerate(x.strides):
        for size, step in terms.get(axis, [(x.shape[axis], 1)]):
            shape.append(size)
            strides.append(step * stride)
    return cp.lib.stride_tricks.as_strided(x[tuple(first)], shape, strides)
