"""The partial derivatives of reductions: for each entry x of the operand, d(result)/dx, with the operand's shape."""

from __future__ import annotations

from collections.abc import Callable

from symdiff.diff.rule import NO_DERIVATIVE, of_one_result, one_by_one
from symdiff.graph.axes import insert_axes, reduced_axes, structural, sum_axes
from symdiff.graph.build import contract, pointwise, select
from symdiff.graph.leaves import constant
from symdiff.graph.node import Node
from symdiff.graph.ops import INDICATORS


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


_PARTIALS: dict[str, Callable[[Node, Node, tuple[int, ...]], Node]] = {
    "reduce_max": _even_split,
    "reduce_min": _even_split,
    "reduce_norm": _direction,
    "reduce_logsumexp": _share,
    "reduce_prod": _others,
}


def _jvp(node: Node, i: int, t: Node) -> Node:
    axes, lead = reduced_axes(node), t.ndim - node.args[0].ndim
    slope = _PARTIALS[node.op](node, node.args[0], axes)
    if lead == 0:
        return sum_axes(t * slope, axes)
    labels = list(range(t.ndim))
    out = [label for label in labels if label - lead not in axes]
    return contract([t, slope], [labels, labels[lead:]], out, dict(enumerate(t.shape)))


def _vjp(node: Node, i: int, g: Node) -> Node:
    (operand,), axes, lead = node.args, reduced_axes(node), g.ndim - node.ndim
    slope = _PARTIALS[node.op](node, operand, axes)
    if lead == 0:
        return insert_axes(g, axes, operand.shape) * slope
    front, inner = list(range(lead)), [axis + lead for axis in range(operand.ndim)]
    kept = [axis + lead for axis in range(operand.ndim) if axis not in axes]
    sizes = dict(enumerate((*g.shape[:lead], *operand.shape)))
    return contract([g, slope], [front + kept, inner], front + inner, sizes)


REDUCTIONS = dict.fromkeys(_PARTIALS, of_one_result(one_by_one(_jvp), _vjp)) | dict.fromkeys(INDICATORS, NO_DERIVATIVE)
