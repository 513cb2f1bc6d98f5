"""Forward mode: tangents flow from the inputs to the results, over the same tables as reverse mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symdiff.diff.table import derivative_of
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
        through = [found.get(operand) if operand.dtype == "float" else None for operand in node.args]
        if any(t is not None for t in through) and (t := derivative_of(node).push(node, through, lead)) is not None:
            found[node] = t
    return [found.get(root) for root in roots]
