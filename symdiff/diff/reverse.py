"""Reverse mode: cotangents flow from the results to the inputs, each node visited once (Griewank and Walther 2008, ch. 3)."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.diff.linear import LINEAR
from symdiff.diff.pointwise import partial_of
from symdiff.diff.reductions import PARTIALS as REDUCTION_PARTIALS
from symdiff.graph.axes import insert_axes, sum_to
from symdiff.graph.build import add, constant, contract, full
from symdiff.graph.contraction import aligned
from symdiff.graph.node import Node, topological


def cotangents(root: Node, wrt: Sequence[Node], seed: Node | None = None, lead: int = 0) -> dict[Node, Node]:
    """The derivative of <seed, root> by every node between `wrt` and `root`.

    Parameters
    ----------
    root : the result.
    wrt : the inputs to differentiate by; nothing is computed for nodes that depend on none of them.
    seed : the cotangent of the result, of shape ``lead axes + root.shape``; 1 by default.
    lead : number of leading axes of the seed, which every cotangent keeps.

    Returns
    -------
    dict from node to cotangent, of shape ``lead axes + node.shape``; nodes of derivative zero are absent.
    """
    order = topological([root])
    active = set(wrt)
    for node in order:
        if any(operand in active for operand in node.args):
            active.add(node)
    found: dict[Node, Node] = {}
    if root in active:
        found[root] = full(1.0, root.shape) if seed is None else seed
    for node in reversed(order):
        if node not in found or node in wrt:
            continue
        for i, operand in enumerate(node.args):
            if operand in active and (term := pull(node, i, found[node], lead)) is not None:
                found[operand] = add(found[operand], term) if operand in found else term
    return found


def pull(node: Node, i: int, g: Node, lead: int) -> Node | None:
    """The contribution of the cotangent g of `node` to its operand i; None where it is zero."""
    operand = node.args[i]
    if operand.dtype != "float":
        return None
    if node.op in LINEAR:
        return LINEAR[node.op][1](node, i, g, lead)
    if node.op in REDUCTION_PARTIALS:
        (axes,) = node.attributes
        partial = REDUCTION_PARTIALS[node.op](node, operand, axes)
        kept = [axis for axis in range(operand.ndim) if axis not in axes]
        if lead == 0:
            return insert_axes(g, axes, operand.shape) * partial
        front = list(range(lead))
        sizes = dict(enumerate((*g.shape[:lead], *operand.shape)))
        inner = [axis + lead for axis in range(operand.ndim)]
        return contract([g, partial], [front + [axis + lead for axis in kept], inner], front + inner, sizes)
    slope = partial_of(node, i)
    if slope is None:
        return None
    if lead == 0:
        return sum_to(g * slope, operand.shape)
    return _batched(g, slope, node, operand, lead)


def _batched(g: Node, partial: Node, node: Node, operand: Node, lead: int) -> Node:
    """sum_to(g * partial) as one contraction, so that diagonal structure in g is never filled in."""
    if partial == constant(1.0):
        return sum_to(g, operand.shape, lead)
    front = list(range(lead))
    sizes = dict(enumerate((*g.shape[:lead], *node.shape)))
    by_partial = [i + lead for i in aligned(partial.shape, node.shape, 100)]
    by_operand = [i + lead for i in aligned(operand.shape, node.shape, 200)]
    sizes |= {i: 1 for i in (*by_partial, *by_operand) if i >= 100}
    inner = [axis + lead for axis in range(node.ndim)]
    return contract([g, partial], [front + inner, by_partial], front + by_operand, sizes)
