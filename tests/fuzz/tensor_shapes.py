"""Shapes of random tensors."""

from __future__ import annotations

from typing import Any

from fuzz.source import Source
from fuzz.terms import k, m, n, one

Shape = tuple[Any, ...]
DIMS = (n, n, m, m, k, one)


def any_shape(g: Source, least: int = 0) -> Shape:
    """A shape of up to three axes."""
    return tuple(g.one_of(DIMS) for _ in range(g.one_of([r for r in (0, 1, 1, 2, 2, 2, 3) if r >= least])))


def narrower(g: Source, shape: Shape) -> Shape:
    """A shape that broadcasts to another."""
    return tuple(one if g.chance(0.4) else size for size in shape[g.one_of([0, 0, *range(len(shape) + 1)]) :])
