"""Count operations: what `Op.cost` says of each node, together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from symdiff.graph.node import Node, topological
from symdiff.graph.ops import OPS
from symdiff.graph.size import Dim


def operations(roots: Sequence[Node]) -> Dim:
    """The operations of everything the roots need, each shared part once, as a polynomial in the sizes."""
    # few are distinct, and sums of sizes are slow
    times = Counter(OPS[node.op].operations(node) for node in topological(roots))
    count: Dim = 0
    for own, repeats in times.items():
        count = count + own * repeats
    return count
