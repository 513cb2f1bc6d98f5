"""Reductions, which every dialect has: of a matrix over its entries, of a scalar over the samples."""

from __future__ import annotations

from typing import Any

from symdiff.errors import ModelError
from symdiff.frontend.labelled import Part
from symdiff.frontend.rule import Rule
from symdiff.frontend.whole import is_whole
from symdiff.functions.printing import text
from symdiff.functions.reductions import Reduction
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


def _reduction(walk: Any, expression: Any, args: list[Node]) -> Node:
    (operand,) = args
    if operand.ndim >= 2:
        return reduce_axes(expression.name, operand, (operand.ndim - 2, operand.ndim - 1))
    if operand.shape and not walk.declarations.pointwise:
        return reduce_axes(expression.name, operand, (0,))
    return _reduce_equal(walk, expression, operand)


def _inside(scope: Any, expression: Any) -> Part:
    """Inside a written-out sum a scalar has axes for bound indices too: only that of the samples is reduced."""
    if is_whole(expression.argument):
        return scope.around(expression)
    part, samples = scope.lower(expression.argument), scope.samples
    if samples not in part.labels:
        return Part(_reduce_equal(scope.walk, expression, part.node), part.labels)
    axis = part.labels.index(samples)
    node = reduce_axes(expression.name, part.node, (axis,))
    return Part(node, (*part.labels[:axis], *part.labels[axis + 1 :]))


def _reduce_equal(walk: Any, expression: Any, operand: Node) -> Node:
    """A reduction over the samples of what is the same for all."""
    if walk.samples is None or walk.declarations.pointwise:
        raise ModelError(
            f"sd.{expression.name}(...) of a scalar is over the samples, but the model has no sample axis: "
            "declare data, or leave the reduction out."
        )
    if expression.name == "sum" and operand.op != "constant":
        walk.warn(
            f"{text(expression)} sums an expression without data over the samples: it is N times that expression. "
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


RULES: dict[type, Rule] = {Reduction: Rule(_reduction, lambda e: (e.argument,), _inside)}
