"""What a node is the product of."""

from __future__ import annotations

from symdiff.graph.leaves import constant
from symdiff.graph.node import Node

MOST = 256  # factors, or terms of a sum, looked at one by one


def factors(x: Node) -> list[tuple[Node, Node]]:
    """Factors and their exponents, whose product is x; of very many the last stay together."""
    found: list[tuple[Node, Node]] = []
    pending = [(x, 1.0)]
    while pending:
        node, sign = pending.pop()
        if node.op in ("mul", "div") and len(found) < MOST:
            pending += [(node.args[1], sign if node.op == "mul" else -sign), (node.args[0], sign)]
        elif node.op == "pow":
            found.append((node.args[0], sign * node.args[1]))
        elif node.op == "sqrt":
            found.append((node.args[0], constant(sign / 2)))
        else:
            found.append((node, constant(sign)))
    return found
