"""Sliding windows: views of them, sums over them, pooling and their transposes."""

from __future__ import annotations

import numpy as np


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
    return np.lib.stride_tricks.as_strided(x[tuple(first)], shape, strides, writeable=writeable)


def _add_windows(values, shape, *axes):
    """The transpose of `_windows`: zeros of a shape, with each value added where it came from."""
    result = np.zeros(shape, values.dtype)
    view = _windows(result, *axes, writeable=True)
    terms = {axis: sizes for axis, _, *sizes in axes}
    loops, place = [], 0
    for axis, length in enumerate(shape):
        sizes = terms.get(axis, [(length, 1)])
        apart = len(sizes) == 1 or (len(sizes) == 2 and any(abs(s) >= n * abs(t) for _, s in sizes for n, t in sizes))
        if not apart:  # entries meet: they are added one after the other, but for those along the longest
            longest = max(range(len(sizes)), key=lambda k: sizes[k][0])
            loops += [place + k for k in range(len(sizes)) if k != longest]
        place += len(sizes)
    for offsets in np.ndindex(*(view.shape[axis] for axis in loops)):
        entry = [slice(None)] * view.ndim
        for axis, k in zip(loops, offsets):
            entry[axis] = k
        part = view[tuple(entry)]
        part += values[tuple(entry)]
    return result


def _of_windows(function, x, *windows):
    """The sum or the largest entry of each window of the last axes; `windows` are (size, step) along each."""
    for axis, (size, step) in enumerate(windows, x.ndim - len(windows)):
        last = (x.shape[axis] - size) // step * step
        first, *rest = (x[(slice(None),) * axis + (slice(k, k + last + 1, step),)] for k in range(size))
        x = function(first, rest.pop()) if rest else first
        for part in rest:
            function(x, part, out=x)
    return x


def _spread_windows(values, shape, *windows):
    """The transpose of `_of_windows(np.add, ...)`: zeros of a shape, with each value added to all entries of its window."""
    for axis, (size, step) in reversed(list(enumerate(windows, values.ndim - len(windows)))):
        spread = np.zeros((*values.shape[:axis], *shape[axis:]), values.dtype)
        for k in range(size):
            part = spread[(slice(None),) * axis + (slice(k, k + step * (values.shape[axis] - 1) + 1, step),)]
            part += values
        values = spread
    return values


def _first_largest(x, y, windows):
    """For each place in the windows of x: those entries of x, and which of them are y, the largest, for the first time."""
    free = np.ones_like(y, bool)
    for place in np.ndindex(*(size for size, _ in windows)):
        steps = [(k, step, count) for k, (_, step), count in zip(place, windows, y.shape[-len(windows) :])]
        spot = (..., *(slice(k, k + step * (count - 1) + 1, step) for k, step, count in steps))
        hit = (x[spot] == y) & free
        free ^= hit
        yield spot, hit


def _pick_first_max(t, x, y, *windows):
    """For each window of x the entry of t at the first largest entry y."""
    return sum(np.where(hit, t[spot], 0) for spot, hit in _first_largest(x, y, windows))


def _place_first_max(g, x, y, *windows):
    """The transpose of `_pick_first_max`: zeros like x, to which g is added at the first largest entry y of each window."""
    result = np.zeros_like(x) if g.ndim == x.ndim else np.zeros((*g.shape[: g.ndim - x.ndim], *x.shape), x.dtype)
    if g.strides != y.strides and g.ndim == y.ndim:
        g, given = np.empty_like(y), g  # lines of memory of both are then of the same entries
        g[...] = given
    apart = all(size <= step for size, step in windows)
    for spot, hit in _first_largest(x, y, windows):
        part = result[spot]
        np.copyto(part, g, where=hit) if apart else np.add(part, np.where(hit, g, 0), out=part)
    return result
