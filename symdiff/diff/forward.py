"""Forward mode: tangents flow from the inputs to the results, over the same tables as reverse mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symdiff.diff.linear import LINEAR
from symdiff.diff.pointwise import partial_of
from symdiff.diff.reductions import PARTIALS as REDUCTION_PARTIALS
from symdiff.graph.axes import sum_axes
from symdiff.graph.build import add, broadcast_to, contract
from symdiff.graph.contraction import aligned
from symdiff.graph.node import Node, topological


def tangents(roots: Sequence[Node], seeds: Mapping[Node, Node], lead: int = 0) -> list[Node | None]:
    """The derivative of each root in the directions `seeds`.

    Parameters
    ----------
    seeds : input -> its tangent, of shape ``lead axes + input.shape``.
    lead : number of leading axes: that many sets of directions are followed at once.

    Returns
    -------
    for each root its tangent, of shape ``lead axes + root.shape``, or None where it is zero.
    """
    found: dict[Node, Node] = dict(seeds)
    for node in topological(roots):
        if node in found:
            continue
        for i, operand in enumerate(node.args):
            if operand in found and (term := push(node, i, found[operand], lead)) is not None:
                found[node] = add(found[node], term) if node in found else term
    return [found.get(root) for root in roots]


def push(node: Node, i: int, t: Node, lead: int) -> Node | None:
    """The contribution of the tangent t of operand i to the tangent of `node`; None where it is zero."""
    operand = node.args[i]
    if operand.dtype != "float":
        return None
    if node.op in LINEAR:
        return LINEAR[node.op][0](node, i, t, lead)
    if node.op in REDUCTION_PARTIALS:
        (axes,) = node.attributes
        partial = REDUCTION_PARTIALS[node.op](node, operand, axes)
        if lead == 0:
            return sum_axes(t * partial, axes)
        labels = list(range(t.ndim))
        out = [label for label in labels if label - lead not in axes]
        return contract([t, partial], [labels, labels[lead:]], out, dict(enumerate(t.shape)))
    slope = partial_of(node, i)
    if slope is None:
        return None
    if lead == 0:
        return broadcast_to(t * slope, node.shape)
    front = list(range(lead))
    by_slope = [k + lead for k in aligned(slope.shape, node.shape, 100)]
    by_operand = [k + lead for k in aligned(operand.shape, node.shape, 200)]
    sizes = dict(enumerate((*t.shape[:lead], *node.shape)))
    sizes |= {k: 1 for k in (*by_slope, *by_operand) if k >= 100}
    out = front + [axis + lead for axis in range(node.ndim)]
    return contract([t, slope], [front + by_operand, by_slope], out, sizes)
