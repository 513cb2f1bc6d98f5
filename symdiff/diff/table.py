"""Every operation's derivative: the tables of the kinds of operations as one."""

from __future__ import annotations

from symdiff.diff import elementwise, linalg, linear, pooling, reductions
from symdiff.diff.rule import Derivative
from symdiff.graph.node import Node
from symdiff.graph.ops import POINTWISE

_TABLE: dict[str, Derivative] = {
    **linear.LINEAR, **reductions.REDUCTIONS, **pooling.POOLING, **linalg.LINALG,
}  # fmt: skip


def derivative_of(node: Node) -> Derivative:
    """How tangents and cotangents pass a node; operations of each entry by itself have one rule over their partials."""
    return elementwise.ELEMENTWISE if node.op in POINTWISE else _TABLE[node.op]
