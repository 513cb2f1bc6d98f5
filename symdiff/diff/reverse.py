"""Reverse mode: cotangents flow from the results to the inputs, each node visited once (Griewank and Walther 2008, ch. 3)."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.diff.lengths import pull_length
from symdiff.diff.table import derivative_of
from symdiff.graph.build import add, full
from symdiff.graph.lengths import is_length
from symdiff.graph.node import Node, topological


def cotangents(
    root: Node, wrt: Sequence[Node], seed: Node | None = None, lead: int = 0, again: bool = False
) -> dict[Node, Node]:
    """The derivative of <seed, root> by every node between `wrt` and `root`.

    Parameters
    ----------
    root : the result.
    wrt : the inputs to differentiate by; nothing is computed for nodes that depend on none of them.
    seed : the cotangent of the result, of shape ``lead axes + root.shape``; 1 by default.
    lead : number of leading axes of the seed, which every cotangent keeps.
    again : whether the cotangents are to be differentiated, also where lengths are 0; without leading axes.

    Returns
    -------
    dict from node to cotangent, of shape ``lead axes + node.shape``; nodes of derivative zero are absent.
    """
    order = topological([root])
    active = set(wrt)
    for node in order:
        if node.dtype == "float" and any(
            operand in active for operand in node.args
        ):  # not what a condition alone decides
            active.add(node)
    found: dict[Node, Node] = {}
    leaves = set(wrt)
    if root in active:
        found[root] = full(1.0, root.shape) if seed is None else seed
    for node in reversed(order):
        if node not in found or node in leaves:
            continue
        to_second_order = again and is_length(node)
        for i, operand in enumerate(node.args):
            if operand not in active:
                continue
            g = found[node]
            term = pull_length(node, i, g) if to_second_order else derivative_of(node).pull(node, i, g, lead)
            if term is not None:
                found[operand] = add(found[operand], term) if operand in found else term
    return found
