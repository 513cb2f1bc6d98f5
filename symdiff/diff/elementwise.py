"""The derivative of an operation of each entry by itself: a product with its partial, in either direction."""

from __future__ import annotations

from symdiff.diff.pointwise import partial_of
from symdiff.diff.rule import Derivative, pushed_one_by_one
from symdiff.graph.axes import sum_to
from symdiff.graph.build import broadcast_to, contract
from symdiff.graph.contraction import aligned
from symdiff.graph.leaves import constant
from symdiff.graph.node import Node


def _push(node: Node, i: int, t: Node, lead: int) -> Node | None:
    slope = partial_of(node, i)
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


def _pull(node: Node, i: int, g: Node, lead: int) -> Node | None:
    slope = partial_of(node, i)
    if slope is None:
        return None
    if lead == 0:
        return sum_to(g * slope, node.args[i].shape)
    return _batched(g, slope, node, node.args[i], lead)


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


ELEMENTWISE = Derivative(pushed_one_by_one(_push), _pull)
