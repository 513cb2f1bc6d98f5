"""Rules for incomplete gamma and beta functions: what is regularised by hand, and its complements, as functions of their own.

The complete functions overflow early, and 1 minus a tail has no digits left.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from symdiff.graph.build import pointwise, power
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node
from symdiff.graph.pattern import P, Rule, variable
from symdiff.graph.products import factors

a, b, x = variable("a"), variable("b"), variable("x")


def _f(op: str, *operands: Node) -> Node:
    return pointwise(op, *operands)


_REGULARISED = {"lowergamma": "gammainc", "uppergamma": "gammaincc"}
_COMPLEMENTS: dict[str, Callable[..., Node]] = {
    "gammainc": lambda a, x: _f("gammaincc", a, x),
    "gammaincc": lambda a, x: _f("gammainc", a, x),
    "betainc_regularized": lambda a, b, x: _f("betainc_regularized", b, a, 1 - x),
}


def _regularised(a: Node, b: Node) -> Node | None:
    """lowergamma(s, x) / gamma(s) and the like, also with other factors above and below."""
    below = {factor for factor, n in factors(b) if number(n) == 1}
    for factor, n in factors(a):
        complete = _f("gamma", factor.args[0]) if factor.op in _REGULARISED else factor
        if number(n) == 1 and complete.op in ("gamma", "beta") and complete in below:
            part = _f(_REGULARISED[factor.op], *factor.args) if complete is not factor else constant(1.0)
            return _without(a, factor) * part / _without(b, complete)
    return None


def _without(product: Node, factor: Node) -> Node:
    """A product without one of its factors."""
    rest = constant(1.0)
    left = factors(product)
    left.remove(next((x, n) for x, n in left if x is factor and number(n) == 1))
    for x, n in left:
        rest = rest * power(x, n)
    return rest


def _of_number(op: str, s: Node, x: Node) -> Node | None:
    """An incomplete gamma function of a number, by the regularised one."""
    value = number(s)
    return None if value is None or not 0 < value < 170 else constant(math.gamma(value)) * _f(op, s, x)


def _short(a: Node, x: Node) -> Node | None:
    """A factor that is a short fraction but for its rounding, as gamma(s) / gamma(s) of a number s is."""
    value = number(a)
    if value is None or x.op not in _COMPLEMENTS or not 1e-3 < abs(value) < 1e3:
        return None
    near = float(Fraction(value).limit_denominator(1000))
    return constant(near) * x if near != value and abs(near - value) < 2e-15 * abs(value) else None


def _complement(a: Node, b: Node, x: Node) -> Node | None:
    """a - a x of a number a, by the function that is 1 - x."""
    if number(a) is None or number(b) is None or number(a) != -(number(b) or 0) or x.op not in _COMPLEMENTS:
        return None
    return a * _COMPLEMENTS[x.op](*x.args)


RULES = (
    Rule(a / b, _regularised),
    Rule(P("lowergamma", a, x), lambda a, x: _of_number("gammainc", a, x)),
    Rule(P("uppergamma", a, x), lambda a, x: _of_number("gammaincc", a, x)),
    Rule(P("gamma", a) + -P("lowergamma", a, x), lambda a, x: _f("uppergamma", a, x)),
    Rule(P("gamma", a) + -P("uppergamma", a, x), lambda a, x: _f("lowergamma", a, x)),
    Rule(P("lowergamma", a, x) * P("exp", -P("loggamma", a)), lambda a, x: _f("gammainc", a, x)),
    Rule(P("uppergamma", a, x) * P("exp", -P("loggamma", a)), lambda a, x: _f("gammaincc", a, x)),
    Rule(P("log", P("lowergamma", a, x)), lambda a, x: _f("loggamma", a) + _f("log", _f("gammainc", a, x))),
    Rule(P("log", P("uppergamma", a, x)), lambda a, x: _f("loggamma", a) + _f("log", _f("gammaincc", a, x))),
    Rule(1 + -P("gammainc", a, x), lambda a, x: _f("gammaincc", a, x)),
    Rule(1 + -P("gammaincc", a, x), lambda a, x: _f("gammainc", a, x)),
    Rule(1 + -P("betainc_regularized", a, b, x), lambda a, b, x: _f("betainc_regularized", b, a, 1 - x)),
    Rule(a + b * x, _complement),
    Rule(a * x, _short),
)
