"""Formulas of the operations that stay whole until code generation, each sound to full precision where it is used.

Reciprocals of hyperbolic functions are written in exp(-2|x|), which cannot overflow; inverse functions without 1/x, whose
rounding would be magnified next to |x| = 1; sin(x)/x and its like by their series near 0. Where two formulas meet, each has
its operand held on its own side, so that the one not taken cannot warn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from symdiff.graph.build import pointwise, select
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node

ONE, ZERO, NAN = constant(1.0), constant(0.0), constant(math.nan)
_LOG_2 = math.log(2.0)


def _f(op: str) -> Callable[..., Node]:
    return lambda *operands: pointwise(op, *operands)


_exp, _expm1, _log1p, _sqrt, _abs, _sign = _f("exp"), _f("expm1"), _f("log1p"), _f("sqrt"), _f("abs"), _f("sign")
_arctan2, _lt, _le, _eq = _f("arctan2"), _f("lt"), _f("le"), _f("eq")


def _root(x: Node) -> Node:
    """sqrt(x**2 - 1)."""
    return _sqrt((x - 1) * (x + 1))


def _acot(node: Node, x: Node) -> Node:
    side = select(_lt(x, ZERO), constant(-1.0), ONE)
    return _arctan2(side, side * x)


def _asech(node: Node, x: Node) -> Node:
    """log((1 + sqrt(1 - x**2)) / x)."""
    return _log1p((1 - x + _sqrt((1 - x) * (1 + x))) / x)


def _logcosh(node: Node, x: Node) -> Node:
    """log(1 + 2 sinh(x/2)**2) near 0, where the other form cancels; |x| + log(1 + exp(-2|x|)) - log 2 beyond."""
    size, edge = _abs(x), constant(2.0)
    near = _log1p(2 * pointwise("sinh", pointwise("minimum", size, edge) / 2) ** 2)
    return select(_lt(size, edge), near, size + (_log1p(_exp(-2 * size)) - _LOG_2))


def _log1mexp(node: Node, x: Node) -> Node:
    """log(-expm1(x)) above -log 2, log1p(-exp(x)) below (Maechler 2012, "Accurately computing log(1 - exp(-|a|))")."""
    edge = constant(-_LOG_2)
    near = pointwise("log", -_expm1(pointwise("maximum", x, edge)))
    return select(_lt(edge, x), near, _log1p(-_exp(pointwise("minimum", x, edge))))


def _horner(coefficients: Iterable[float], z: Node) -> Node:
    first, *rest = reversed(list(coefficients))
    total = constant(first)
    for coefficient in rest:
        total = constant(coefficient) + z * total
    return total


def _bessel_ratio(sign: float, sine: str, cosine: str) -> Callable[[Node, Node, Node], Node]:
    """f_n(x) / x**n of a spherical Bessel function: its series up to |x| = n + 2, beyond it the recurrence in n."""

    def formula(node: Node, order: Node, x: Node) -> Node:
        n = int(number(order) or 0)
        if n == 0:
            divisor = select(_eq(x, ZERO), ONE, x)
            return select(_eq(x, ZERO), ONE, pointwise(sine, x) / divisor)
        near = _le(_abs(x), constant(n + 2.0))
        square = x * x
        terms = _series_terms(n, sign, (n + 2.0) ** 2)
        far = select(near, constant(n + 2.0), x)
        below, here = pointwise(cosine, far), pointwise(sine, far) / far
        for k in range(n):
            below, here = here, sign * (below - (2 * k + 1) * here) / (far * far)
        return select(near, _horner(terms, square), here)

    return formula


def _series_terms(n: int, sign: float, largest: float) -> list[float]:
    """(sign x**2 / 2)**k / (k! (2n + 2k + 1)!!) without x (DLMF 10.53.1), while a term can matter at x**2 = `largest`."""
    term = 1.0 / math.prod(range(1, 2 * n + 2, 2))
    terms = [term]
    while abs(terms[-1]) * largest ** (len(terms) - 1) > 1e-18 * terms[0]:
        k = len(terms)
        terms.append(terms[-1] * sign / (2 * k * (2 * n + 2 * k + 1)))
    return terms


def _log1pc(node: Node, order: Node, x: Node) -> Node:
    """The nth derivative f_n of f = log(1 + x) / x: its series near 0, beyond it by the nth derivative of x f."""
    n = int(number(order) or 0)
    if n == 0:
        return select(_eq(x, ZERO), ONE, _log1p(x) / select(_eq(x, ZERO), ONE, x))
    edge = 0.2
    near = _le(_abs(x), constant(edge))
    terms = [math.factorial(n) * (-1.0) ** n / (n + 1)]
    while abs(terms[-1]) * edge ** (len(terms) - 1) > 1e-18 * abs(terms[0]):
        k = n + len(terms)
        terms.append(-terms[-1] * k / (k - n) * k / (k + 1))
    far = select(near, ONE, x)
    here = _log1p(far) / far
    for k in range(1, n + 1):
        here = ((-1.0) ** (k - 1) * math.factorial(k - 1) / (1 + far) ** float(k) - k * here) / far
    return select(near, _horner(terms, x), here)


def _dilogarithm(node: Node, x: Node) -> Node:
    """Li_2(x): near 0 in u = -log(1 - x) by Bernoulli's numbers (25.12.7), else from Spence's function."""
    near = _lt(_abs(x), constant(0.5))
    u = -_log1p(-select(near, x, ZERO))
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)
    terms = [b / math.factorial(2 * k + 3) for k, b in enumerate(bernoulli)]
    series = u * (1 - u * (0.25 - u * _horner(terms, u * u)))
    return select(near, series, pointwise("spence", 1 - x))


def _elliptic_pi(node: Node, n: Node, m: Node) -> Node:
    """In Carlson's integrals (DLMF 19.25.2); NaN where the integrand has a pole."""
    p = select(_lt(n, ONE), 1 - n, NAN)
    return pointwise("carlson_rf", ZERO, 1 - m, ONE) + n / 3 * pointwise("carlson_rj", ZERO, 1 - m, ONE, p)


def _incomplete_pi(node: Node, n: Node, phi: Node, m: Node) -> Node:
    """The same up to an amplitude (DLMF 19.25.14), whose whole half turns count twice the complete integral (19.2.10)."""
    turns = pointwise("floor", phi / math.pi + 0.5)
    r = phi - math.pi * turns
    s, c2 = pointwise("sin", r), pointwise("cos", r) ** 2
    p = 1 - n * s**2
    rest = (c2, 1 - m * s**2, ONE)
    rj = pointwise("carlson_rj", *rest, select(_lt(ZERO, p), p, NAN))
    part = s * pointwise("carlson_rf", *rest) + n * s**3 / 3 * rj
    return part + select(_eq(turns, ZERO), ZERO, 2 * turns * _elliptic_pi(node, n, m))


def _real_for_positive(node: Node, x: Node) -> Node:
    return select(_lt(x, ZERO), NAN, node)


def _lambert(node: Node, x: Node, branch: Node) -> Node:
    """NaN where the branch is not real."""
    real = _le(constant(-math.exp(-1.0)), x)
    if number(branch) == -1:
        real = pointwise("and", real, _le(x, ZERO))
    return select(real, node, NAN)


FORMULAS: dict[str, Callable[..., Node]] = {
    "cot": lambda node, x: 1 / pointwise("tan", x),
    "sec": lambda node, x: 1 / pointwise("cos", x),
    "csc": lambda node, x: 1 / pointwise("sin", x),
    "acot": _acot,
    "asec": lambda node, x: _arctan2(_root(x), _sign(x)),
    "acsc": lambda node, x: _sign(x) * _arctan2(ONE, _root(x)),
    "coth": lambda node, x: -_sign(x) * (1 + _exp(-2 * _abs(x))) / _expm1(-2 * _abs(x)),
    "sech": lambda node, x: 2 * _exp(-_abs(x)) / (1 + _exp(-2 * _abs(x))),
    "csch": lambda node, x: -2 * _sign(x) * _exp(-_abs(x)) / _expm1(-2 * _abs(x)),
    "acoth": lambda node, x: 0.5 * _sign(x) * _log1p(2 / (_abs(x) - 1)),
    "asech": _asech,
    "acsch": lambda node, x: pointwise("arcsinh", 1 / x),
    "logcosh": _logcosh,
    "log1mexp": _log1mexp,
    "sinc": _bessel_ratio(-1.0, "sin", "cos"),
    "sinhc": _bessel_ratio(1.0, "sinh", "cosh"),
    "log1pc": _log1pc,
    "dilogarithm": _dilogarithm,
    "elliptic_pi": _elliptic_pi,
    "incomplete_pi": _incomplete_pi,
    "Ci": _real_for_positive,
    "Chi": _real_for_positive,
    "LambertW": _lambert,
}
