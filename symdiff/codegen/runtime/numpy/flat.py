"""One flat vector from several arrays, and back."""

from __future__ import annotations

import math

import numpy as np


def pack(parts):
    """Join arrays, such as the parts of a gradient, into one vector."""
    return np.concatenate([np.ravel(part) for part in parts])


def _unflatten(vec, shapes, sizes):
    """Split a copy of a vector into arrays; at most one size may be None: it follows from the length.

    Axes in `shapes` are numbers, names of sizes, or functions of all sizes.
    """
    vec = np.array(vec)
    if vec.ndim != 1:
        raise ValueError(f"vec has shape {vec.shape}, expected one vector")
    unknown = [name for name, size in sizes.items() if size is None]
    if len(unknown) > 1:
        raise ValueError(f"the sizes {', '.join(unknown)} do not follow from vec: give all but one of them")

    def shapes_at(trial):
        known = {name: trial if size is None else size for name, size in sizes.items()}
        return [tuple(dim(**known) if callable(dim) else known.get(dim, dim) for dim in shape) for shape in shapes]

    def too_small(trial):
        trials = shapes_at(trial)
        return any(dim < 0 for shape in trials for dim in shape) or sum(map(math.prod, trials)) < vec.size

    low = high = 1
    while unknown and too_small(high):
        low, high = high + 1, 2 * high
    while low < high:  # the unknown size lies between
        middle = (low + high) // 2
        low, high = (middle + 1, high) if too_small(middle) else (low, middle)
    parts, start = [], 0
    for shape in shapes_at(low):
        stop = start + math.prod(shape)
        parts.append((shape, vec[start:stop]))
        start = stop
    if start != vec.size:
        raise ValueError(f"vec has {vec.size} entries, expected {start}")
    return [part.reshape(shape)[()] for shape, part in parts]
