"""The same operation on other operands, through its constructor."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.graph.axes import index, place, reduce, stack, structural
from symdiff.graph.build import contract, pointwise
from symdiff.graph.node import Node
from symdiff.graph.ops import POINTWISE, REDUCTIONS


def rebuild(node: Node, args: Sequence[Node]) -> Node:
    """`node` with `args` in place of its operands; the node itself where they are the same."""
    if all(new is old for new, old in zip(args, node.args, strict=True)):
        return node
    if node.op in POINTWISE:
        return pointwise(node.op, *args)
    if node.op in REDUCTIONS:
        return reduce(node.op, args[0], node.attributes[0])
    if node.op == "contract":
        axes, out, sizes = node.attributes
        return contract(args, axes, out, dict(enumerate(sizes)))
    if node.op == "index":
        return index(args[0], *node.attributes)
    if node.op == "place":
        return place(args[0], *node.attributes)
    if node.op == "stack":
        return stack(args, *node.attributes)
    return structural(node.op, args, *node.attributes)
