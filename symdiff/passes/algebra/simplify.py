"""Tidy what derivatives leave behind. (Constants, signs and equal parts are already in normal form by construction.)"""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.graph.build import full, pointwise, select
from symdiff.graph.contraction import is_view
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node
from symdiff.graph.pattern import P, Rule, apply_rules, rearranges, variable

a, b, c, x, y = (variable(name) for name in "abcxy")


def _is_pivots(x: Node) -> bool:
    """The diagonal of a Cholesky factor, which is positive."""
    if not is_view(x) or [a.op for a in x.args] != ["cholesky"]:
        return False
    (labels,) = x.attributes[0]
    return labels[-1] == labels[-2]


def _factored(a: Node, b: Node, x: Node, y: Node) -> Node | None:
    """c x + c y or c x - c y for a number c, with one product."""
    p, q = number(a), number(b)
    if p is None or q is None or abs(p) != abs(q) or x.shape != y.shape or (number(x), number(y)) != (None, None):
        return None
    return a * (x + y) if p == q else a * (x - y) if p > 0 else b * (y - x)


def _is_given(x: Node) -> bool:
    """Whether x is an input or a view of one: where it is masked it may be infinite."""
    while rearranges(x):
        x = x.args[0]
    return x.op == "input"


def _once(c: Node, x: Node, product: Node) -> Node | None:
    """The product, masked; but what may be infinite is masked before it is multiplied with what may be 0."""
    return None if _is_given(x) else select(c, product, constant(0.0))


def _summed(c: Node, x: Node, y: Node) -> Node | None:
    """The sum, masked; but what may be infinite, of either sign, is masked before it is added."""
    return None if _is_given(x) and _is_given(y) else select(c, x + y, constant(0.0))


RULES = (
    Rule(P("abs", x) * P("sign", x), lambda x: x),
    Rule(P("abs", -x), lambda x: pointwise("abs", x)),
    Rule(P("abs", P("exp", x)), lambda x: pointwise("exp", x)),
    Rule(P("sign", -x), lambda x: -pointwise("sign", x)),
    # a common scalar factor or divisor of a sum: fewer operations on arrays
    Rule(a / c + b / c, lambda a, b, c: (a + b) / c if a.shape == b.shape else None),
    Rule(a / c + -(b / c), lambda a, b, c: (a - b) / c if a.shape == b.shape else None),
    # one number in front of both parts of a sum
    Rule(a * x + b * y, lambda a, b, x, y: _factored(a, b, x, y)),
    # the derivative of log(x / y)
    Rule((a / (x / y)) / y, lambda a, x, y: a / x if y.shape in ((), x.shape) else None),
    Rule((a / (x / y)) * ((x / y) / y), lambda a, x, y: a / y if x.shape in ((), y.shape) else None),
    # x / x is 1 where x is never 0
    Rule(x / x, lambda x: full(1.0, x.shape) if _is_pivots(x) else None),
    Rule((a + b) + b, lambda a, b: a + 2.0 * b),
    Rule(-a + -b, lambda a, b: -(a + b)),
    Rule(a * (1.0 + -b) + a * b, lambda a, b: a if a.shape == (a * b).shape else None),
    # the derivative of a cross-entropy
    Rule(P("sigmoid", -x) + (a + -1.0), lambda a, x: -(pointwise("sigmoid", x) - a)),
    Rule(-P("sigmoid", -x) + (1 + -a), lambda a, x: pointwise("sigmoid", x) - a),
    # a choice that masks what is already masked
    Rule(
        P("select", c, x, 0.0) + P("select", c, y, 0.0),
        _summed,
    ),
    Rule(
        P("select", c, x, 0.0) + P("select", c, 0.0, y),
        lambda c, x, y: select(c, x, y),
    ),
    Rule(P("select", c, P("select", c, x, 0.0) * y, 0.0), lambda c, x, y: _once(c, x, x * y)),
    Rule(P("select", c, P("select", c, x, 0.0) / y, 0.0), lambda c, x, y: _once(c, x, x / y)),
    Rule(P("select", c, -P("select", c, x, 0.0), 0.0), lambda c, x: select(c, -x, constant(0.0))),
)


def simplify(roots: Sequence[Node]) -> list[Node]:
    """Apply the rules until none applies."""
    return apply_rules(RULES, roots)
