"""Rewrite what would overflow or lose digits, before anything is differentiated, so that derivatives are stable too.

Example: log(1 + exp(z)) becomes softplus(z), whose derivative is sigmoid(z): right at z = 1000 and at z = -1000.
Each rule holds for all real values for which its left side is defined.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from symdiff.graph.axes import reduce, sum_axes
from symdiff.graph.build import neg, number, pointwise, power
from symdiff.graph.node import Node
from symdiff.graph.pattern import P, Rule, apply_rules, variable

a, b, x, n = variable("a"), variable("b"), variable("x"), variable("n")


def _f(op: str, *operands: Node) -> Node:
    return pointwise(op, *operands)


def _log_sum_exp(x: Node) -> Node | None:
    """log of a contraction that only sums exp(...) over some axes."""
    if x.op != "contract" or len(x.args) != 1 or x.args[0].op != "exp":
        return None
    (labels,), out, _ = x.attributes
    if len(set(labels)) < len(labels) or list(out) != [i for i in labels if i in out]:
        return None
    return reduce("reduce_logsumexp", x.args[0].args[0], [axis for axis, i in enumerate(labels) if i not in out])


def _share_of_sum(a: Node, x: Node) -> Node | None:
    """exp(a) over the sum of its entries."""
    total = _log_sum_exp(x)
    return _f("exp", a - total) if total is not None and not total.shape and total.args[0] is a else None


def _tail(a: Node, b: Node, x: Node) -> Node | None:
    """a + b erf(x) of two numbers a = b or a = -b, such as the normal distribution function."""
    constant_part, factor = number(a), number(b)
    if constant_part is None or factor is None or abs(constant_part) != abs(factor):
        return None
    return a * _f("erfc", -x if constant_part == factor else x)


RULES = (
    # exponentials of either sign in a denominator
    Rule(P("exp", x) / (1 + P("exp", x)), lambda x: _f("sigmoid", x)),
    Rule(a / (1 + P("exp", -x)), lambda a, x: a * _f("sigmoid", x)),
    Rule(a / (1 + P("exp", x)), lambda a, x: a * _f("sigmoid", -x)),
    Rule(a / (1 + P("exp", x)) ** n, lambda a, x, n: a * power(_f("sigmoid", -x), n)),
    Rule(P("exp", a) / x, _share_of_sum),
    # logarithms of exponentials
    Rule(P("log", P("exp", x)), lambda x: x),
    Rule(P("log", 1 + P("exp", x)), lambda x: _f("softplus", x)),
    Rule(P("log1p", P("exp", x)), lambda x: _f("softplus", x)),
    Rule(P("log", P("exp", a) + P("exp", b)), lambda a, b: b + _f("softplus", a - b)),
    Rule(P("log", a * P("exp", x)), lambda a, x: _f("log", a) + x),
    Rule(P("log", P("exp", x) / a), lambda a, x: x - _f("log", a)),
    Rule(P("log", P("sigmoid", x)), lambda x: -_f("softplus", -x)),
    Rule(P("log", P("cosh", x)), lambda x: x + _f("softplus", -2 * x) - math.log(2.0)),
    Rule(P("log", x), _log_sum_exp),
    Rule(P("log", x / a), lambda x, a: None if (y := _log_sum_exp(x)) is None else y - _f("log", a)),
    # differences from one
    Rule(1 + -P("sigmoid", x), lambda x: _f("sigmoid", -x)),
    Rule(P("exp", x) + -1.0, lambda x: _f("expm1", x)),
    Rule(1 + -P("exp", x), lambda x: neg(_f("expm1", x))),
    Rule(P("log", 1 + x), lambda x: _f("log1p", x)),
    Rule(1 + -P("erf", x), lambda x: _f("erfc", x)),
    Rule(1 + P("erf", x), lambda x: _f("erfc", -x)),
    Rule(a + b * P("erf", x), lambda a, b, x: _tail(a, b, x)),
    Rule(1 + -P("erfc", x), lambda x: _f("erf", x)),
    Rule(2 + -P("erfc", x), lambda x: _f("erfc", -x)),
    Rule(1 + P("mul", -0.5, P("erfc", x)), lambda x: 0.5 * _f("erfc", -x)),
    # powers
    Rule(P("exp", x) ** n, lambda x, n: _f("exp", n * x)),
    Rule(P("sqrt", x**2.0), lambda x: _f("abs", x)),
    Rule(P("abs", -x), lambda x: _f("abs", x)),
    Rule(x**2.0, lambda x: sum_axes(x.args[0] ** 2, x.attributes[0]) if x.op == "reduce_norm" else None),
)


def stabilise(roots: Sequence[Node]) -> list[Node]:
    """Apply the rules until none applies."""
    return apply_rules(RULES, roots)
