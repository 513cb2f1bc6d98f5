"""The partial derivatives of reductions: for each entry x of the operand, d(result)/dx, with the operand's shape."""

from __future__ import annotations

from collections.abc import Callable

from symdiff.graph.axes import insert_axes, structural, sum_axes
from symdiff.graph.build import constant, pointwise, select
from symdiff.graph.node import Node


def _even_split(y: Node, x: Node, axes: tuple[int, ...]) -> Node:
    """1 at the extreme entry, split evenly over ties."""
    hit = select(pointwise("eq", x, insert_axes(y, axes, x.shape)), constant(1.0), constant(0.0))
    return hit / insert_axes(sum_axes(hit, axes), axes, x.shape)


def _direction(y: Node, x: Node, axes: tuple[int, ...]) -> Node:
    """x / |x|, and 0 where the norm is 0: there the divisor is infinite."""
    divisor = select(pointwise("eq", y, constant(0.0)), constant(float("inf")), y)
    return x / insert_axes(divisor, axes, x.shape)


def _share(y: Node, x: Node, axes: tuple[int, ...]) -> Node:
    return pointwise("exp", x - insert_axes(y, axes, x.shape))


def _others(y: Node, x: Node, axes: tuple[int, ...]) -> Node:
    return structural("prod_others", [x], tuple(axis - x.ndim for axis in axes))


PARTIALS: dict[str, Callable[[Node, Node, tuple[int, ...]], Node]] = {
    "reduce_max": _even_split,
    "reduce_min": _even_split,
    "reduce_norm": _direction,
    "reduce_logsumexp": _share,
    "reduce_prod": _others,
}
