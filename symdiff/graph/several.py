"""Nodes of several results: such a node has the dtype "tuple" and no shape, and a node "result" takes one of its results.

Only a "result" has such a node as its operand. What the results are follows from the node, by a row of `RESULTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symdiff.graph.node import Attributes, Node, Shape, intern

RESULTS: dict[str, Callable[[Node], Sequence[tuple[Shape, str]]]] = {}
"""Operation -> shape and dtype of each result of a node."""


def of_several(op: str, args: Sequence[Node], *attributes: object) -> Node:
    """A node of an operation that has several results."""
    return intern(op, tuple(args), attributes, (), "tuple")


def result(node: Node, k: int) -> Node:
    """The k-th result of a node that has several."""
    shape, dtype = RESULTS[node.op](node)[k]
    return intern("result", (node,), (k,), shape, dtype)


def results(node: Node) -> list[Node]:
    """Every result of a node that has several."""
    return [result(node, k) for k in range(len(RESULTS[node.op](node)))]


def with_attributes(node: Node, attributes: Attributes) -> Node:
    """A node of several results with other attributes."""
    return intern(node.op, node.args, attributes, (), "tuple")
