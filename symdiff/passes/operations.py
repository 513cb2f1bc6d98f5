"""Count operations: an elementwise operation counts its entries, a contraction twice the product of its axes."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.graph.contraction import Contraction
from symdiff.graph.node import Node, topological
from symdiff.graph.ops import LEAVES, LINEAR, POINTWISE
from symdiff.graph.size import Dim, total


def operations(roots: Sequence[Node]) -> Dim:
    """The operations of everything the roots need, each shared part once, as a polynomial in the sizes."""
    count: Dim = 0
    for node in topological(roots):
        count = count + operations_of(node)
    return count


def operations_of(node: Node) -> Dim:
    """The operations of one node by itself."""
    if node.op in LEAVES:
        return 0
    if node.op in POINTWISE:
        return total(node.shape) * POINTWISE[node.op].cost
    if node.op == "contract":
        work = Contraction.of(node)
        if len(node.args) >= 2:
            present = {label for _, labels in work.operands for label in labels}
            return total([work.sizes[label] for label in sorted(present)]) * (2 if work.summed() else 1)
        return total(node.args[0].shape) if node.args and work.summed() else 0
    if node.op in LINEAR:
        return 0
    return total(node.args[0].shape)
