"""Which temporaries can share memory: a linear scan over the order of computation.

A node's buffer is free again after its last use; a later node of the same shape and dtype takes it. Results keep theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.graph.node import Node
from symdiff.graph.ops import LEAVES


def last_uses(order: Sequence[Node]) -> dict[Node, int]:
    """The position in `order` at which each node is used for the last time."""
    return {operand: position for position, node in enumerate(order) for operand in node.args}


def assign_buffers(order: Sequence[Node], results: Sequence[Node]) -> dict[Node, int]:
    """A buffer number for every array the program computes."""
    last = last_uses(order)
    kept = set(results)
    free: dict[tuple[object, str], list[int]] = {}
    buffers: dict[Node, int] = {}
    count = 0
    for position, node in enumerate(order):
        if node.shape and node.op not in LEAVES:
            available = free.get((node.shape, node.dtype), [])
            if available:
                buffers[node] = available.pop()
            else:
                buffers[node], count = count, count + 1
        for operand in dict.fromkeys(node.args):
            if operand in buffers and last[operand] == position and operand not in kept:
                free.setdefault((operand.shape, operand.dtype), []).append(buffers[operand])
    return buffers
