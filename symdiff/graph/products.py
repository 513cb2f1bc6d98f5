"""What a node is the product of."""

from __future__ import annotations

from symdiff.graph.leaves import constant
from symdiff.graph.node import Node
from symdiff.graph.pattern import seen_through

MOST = 256  # factors, or terms of a sum, looked at one by one


def factors(x: Node) -> list[tuple[Node, Node]]:
    """Factors and their exponents, whose product is x; of very many the last stay together."""
    found: list[tuple[Node, Node]] = []
    pending = [(x, 1.0)]
    while pending:
        node, sign = pending.pop()
        op, args = seen_through(node)
        if op in ("mul", "div") and len(found) < MOST:
            pending += [(args[1], sign if op == "mul" else -sign), (args[0], sign)]
        elif op == "pow":
            found.append((args[0], sign * args[1]))
        elif op == "sqrt":
            found.append((args[0], constant(sign / 2)))
        else:
            found.append((node, constant(sign)))
    return found
