"""The derivative of an operation of each entry by itself: a product with its partial, in either direction."""

from __future__ import annotations

from symdiff.diff.pointwise import partial_of
from symdiff.diff.rule import of_one_result, one_by_one
from symdiff.graph.axes import sum_to
from symdiff.graph.build import broadcast_to, contract, select
from symdiff.graph.contraction import aligned
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node


def _jvp(node: Node, i: int, t: Node) -> Node | None:
    slope, lead = partial_of(node, i), t.ndim - node.args[i].ndim
    if slope is None:
        return None
    if lead == 0:
        return broadcast_to(t * slope, node.shape)
    operand = node.args[i]
    front = list(range(lead))
    by_slope = [k + lead for k in aligned(slope.shape, node.shape, 100)]
    by_operand = [k + lead for k in aligned(operand.shape, node.shape, 200)]
    sizes = dict(enumerate((*t.shape[:lead], *node.shape)))
    sizes |= {k: 1 for k in (*by_slope, *by_operand) if k >= 100}
    out = front + [axis + lead for axis in range(node.ndim)]
    return contract([t, slope], [front + by_operand, by_slope], out, sizes)


def _vjp(node: Node, i: int, g: Node) -> Node | None:
    slope, lead = partial_of(node, i), g.ndim - node.ndim
    if slope is None:
        return None
    if lead == 0:
        operand = node.args[i]
        return _chosen(g, slope) if operand.shape == node.shape == g.shape else sum_to(g * slope, operand.shape)
    return _batched(g, slope, node, node.args[i], lead)


def _chosen(g: Node, slope: Node) -> Node:
    """g * slope; where a choice made g exactly 0 the product is, even if the slope is not finite there."""
    if g.op == "select" and not (slope.op == "select" and slope.args[0] is g.args[0]):
        condition, yes, no = g.args
        if number(no) == 0 and number(yes) is None:
            return select(condition, g * slope, no)  # g, not `yes`: this is differentiated again, and `yes` may be NaN
        if number(yes) == 0 and number(no) is None:
            return select(condition, yes, g * slope)
    return g * slope


def _batched(g: Node, slope: Node, node: Node, operand: Node, lead: int) -> Node:
    """sum_to(g * slope) as one contraction, so that diagonal structure in g is never filled in."""
    if slope == constant(1.0):
        return sum_to(g, operand.shape, lead)
    front = list(range(lead))
    sizes = dict(enumerate((*g.shape[:lead], *node.shape)))
    by_slope = [i + lead for i in aligned(slope.shape, node.shape, 100)]
    by_operand = [i + lead for i in aligned(operand.shape, node.shape, 200)]
    sizes |= {i: 1 for i in (*by_slope, *by_operand) if i >= 100}
    inner = [axis + lead for axis in range(node.ndim)]
    return contract([g, slope], [front + inner, by_slope], front + by_operand, sizes)


ELEMENTWISE = of_one_result(one_by_one(_jvp), _vjp)
