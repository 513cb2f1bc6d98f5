"""Reductions, which every dialect has, and what one over the samples is of an expression that is the same for all of them."""

from __future__ import annotations

from typing import Any

from symdiff.errors import ModelError
from symdiff.graph.axes import reduce, sum_axes
from symdiff.graph.build import div, pointwise, power
from symdiff.graph.leaves import size
from symdiff.graph.node import Node


def reduce_axes(name: str, x: Node, axes: tuple[int, ...]) -> Node:
    """A reduction by its name in `sd`, over `axes`, which vanish."""
    if name == "sum":
        return sum_axes(x, axes)
    if name == "mean":
        total = sum_axes(x, axes)
        for axis in axes:
            total = div(total, size(x.shape[axis]))
        return total
    return reduce(f"reduce_{name}", x, axes)


def reduce_equal(walk: Any, expression: Any, operand: Node) -> Node:
    """A reduction over the samples of what is the same for all."""
    if walk.samples is None or walk.declarations.pointwise:
        raise ModelError(
            f"sd.{expression.name}(...) of a scalar is over the samples, but the model has no sample axis: "
            "declare data, or leave the reduction out."
        )
    if expression.name == "sum" and operand.op != "constant":
        walk.warn(
            f"{expression} sums an expression without data over the samples: it is N times that expression. "
            "A regulariser is usually meant outside the sum."
        )
    return _over_equal_samples(expression.name, operand, size(walk.samples))


def _over_equal_samples(name: str, e: Node, count: Node) -> Node:
    """The reduction of `count` equal values."""
    match name:
        case "sum":
            return count * e
        case "prod":
            return power(e, count) if e.op != "pow" else power(e.args[0], e.args[1] * count)
        case "logsumexp":
            return e + pointwise("log", count)
        case "norm":
            return pointwise("sqrt", count) * pointwise("abs", e)
        case _:
            return e
