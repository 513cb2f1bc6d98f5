"""Python's operators on nodes: a + b, 2 * a, -a, a / b, a ** n."""

from __future__ import annotations

from collections.abc import Callable

from symdiff.graph.build import add, as_node, div, mul, neg, power
from symdiff.graph.node import Node

_ARITHMETIC: dict[str, Callable[..., Node]] = {
    "__add__": lambda a, b: add(a, as_node(b)),
    "__radd__": lambda a, b: add(as_node(b), a),
    "__sub__": lambda a, b: add(a, neg(as_node(b))),
    "__rsub__": lambda a, b: add(as_node(b), neg(a)),
    "__mul__": lambda a, b: mul(a, as_node(b)),
    "__rmul__": lambda a, b: mul(as_node(b), a),
    "__truediv__": lambda a, b: div(a, as_node(b)),
    "__rtruediv__": lambda a, b: div(as_node(b), a),
    "__pow__": lambda a, b: power(a, as_node(b)),
    "__neg__": neg,
}
for _name, _method in _ARITHMETIC.items():
    setattr(Node, _name, _method)
