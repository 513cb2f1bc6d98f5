"""Reductions and softmax: of the list of numbers along the reduced axes, with ties decided at a given point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symdiff.reference.arrays import Array, Context, Number, as_array
from symdiff.reference.kinks import Numbers, largest, smallest
from symdiff.reference.special import exp, power

RowFunction = Callable[[Context, Numbers, Numbers], Any]


def _sum(c: Context, x: Numbers, at: Numbers) -> Number:
    return sum(x, c.zero)


def _mean(c: Context, x: Numbers, at: Numbers) -> Number:
    return sum(x, c.zero) / len(x)


def _prod(c: Context, x: Numbers, at: Numbers) -> Number:
    product = c.one
    for value in x:
        product = product * value
    return product


def _norm(c: Context, x: Numbers, at: Numbers) -> Number:
    scale = largest(c, sizes := [abs(a) for a in at], sizes)
    if scale == 0 or scale != scale or c.isinf(scale):
        return scale  # at 0 the norm is held there: its derivative is 0
    return scale * c.sqrt(sum(((value / scale) ** 2 for value in x), c.zero))


def _shifted(c: Context, x: Numbers, at: Numbers) -> tuple[Number, list[Number], Number]:
    """The largest value, exp(x - largest) and its sum: no overflow, and a shift that is constant."""
    top = largest(c, at, at)
    terms = [exp(c, value - top) for value in x]
    return top, terms, sum(terms, c.zero)


def _logsumexp(c: Context, x: Numbers, at: Numbers) -> Number:
    top = largest(c, at, at)
    if top != top or c.isinf(top):
        return top
    _, _, total = _shifted(c, x, at)
    return top + c.log(total)


def _softmax(c: Context, x: Numbers, at: Numbers) -> list[Number]:
    _, terms, total = _shifted(c, x, at)
    return [term / total for term in terms]


def _log_softmax(c: Context, x: Numbers, at: Numbers) -> list[Number]:
    top, _, total = _shifted(c, x, at)
    return [value - top - c.log(total) for value in x]


REDUCTIONS: dict[str, RowFunction] = {
    "sum": _sum,
    "mean": _mean,
    "max": largest,
    "min": smallest,
    "prod": _prod,
    "norm": _norm,
    "logsumexp": _logsumexp,
}
NORMALISATIONS: dict[str, RowFunction] = {"softmax": _softmax, "log_softmax": _log_softmax}


def reduce_axes(c: Context, name: str, array: Array, at: Array, axes: tuple[int, ...], keep: bool = False) -> Array:
    """Reduce `array` over the last axes, over one of them, or over the samples."""
    axes = tuple(axis % array.ndim for axis in axes)
    kept = [axis for axis in range(array.ndim) if axis not in axes]
    shape = tuple(array.shape[axis] for axis in kept)
    rows = array.transpose(*kept, *axes).reshape(*shape, -1)
    rows_at = at.transpose(*kept, *axes).reshape(*shape, -1)
    result = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        result[index] = REDUCTIONS[name](c, list(rows[index]), list(rows_at[index]))
    return as_array(np.expand_dims(result, axes)) if keep else result


def normalise(c: Context, name: str, array: Array, at: Array, axis: int) -> Array:
    """Softmax or log-softmax along one axis of a matrix."""
    rows, rows_at = np.moveaxis(array, axis, -1), np.moveaxis(at, axis, -1)
    result = np.empty(rows.shape, dtype=object)
    for index in np.ndindex(*rows.shape[:-1]):
        result[index] = NORMALISATIONS[name](c, list(rows[index]), list(rows_at[index]))
    return as_array(np.moveaxis(result, -1, axis))


def reduce_replicated(c: Context, name: str, value: Number, at: Number, samples: int | None) -> Number:
    """Reduce one number that every one of the N samples has: the sum is N times it, the mean is itself."""
    if name in ("mean", "max", "min"):
        return value
    if samples is None:
        raise ValueError(f"sd.{name} of an expression without data needs the number of samples: pass samples=N")
    if name == "sum":
        return samples * value
    if name == "prod":
        return power(c, value, c.mpf(samples))
    if name == "logsumexp":
        return value + c.log(samples)
    return c.sqrt(samples) * _norm(c, [value], [at])
