"""Half precision is kept in memory alone: what CuPy would add up in half precision is computed in single."""

from __future__ import annotations

import cupy as cp


def _in_single(function):
    """The function, which of arrays in half precision is computed in single, and given back in half."""

    def computed(*given, **options):
        halves = [getattr(x, "dtype", None) == cp.float16 for x in given]
        if not any(halves):
            return function(*given, **options)
        single = (x.astype(cp.float32) if half else x for x, half in zip(given, halves))
        return function(*single, **options).astype(cp.float16)

    return computed


@_in_single
def _sum(x, axis=0):
    """The sum along axes."""
    return cp.add.reduce(x, axis)


@_in_single
def _prod(x, axis=0):
    """The product along axes."""
    return cp.multiply.reduce(x, axis)


@_in_single
def _norm(x, axis=0):
    """The Euclidean norm along axes."""
    return cp.sqrt(cp.add.reduce(x**2, axis))


@_in_single
def _cumsum(x, axis):
    """Running sums along an axis."""
    return cp.cumsum(x, axis)


@_in_single
def _tensordot(a, b, axes):
    """The product, summed over pairs of axes."""
    return cp.tensordot(a, b, axes)
