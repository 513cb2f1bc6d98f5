"""The densities of the gamma and beta distributions, which are the derivatives of the regularised incomplete functions.

x**(a - 1) exp(-x) / Gamma(a) overflows, and its logarithm, a sum of large terms, loses digits, long before it does. So the
powers are written by how far x is from the mean, and Gamma by what Stirling's formula misses (Loader 2000, "Fast and
accurate computation of binomial probabilities"): relative errors are a few units of rounding near the mean, and below 1e-12 in
the tails, for parameters of any size.
"""

from __future__ import annotations

import math

from symdiff.graph.build import pointwise, select
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node

ONE, ZERO, INF = constant(1.0), constant(0.0), constant(math.inf)
_HALF_LOG_2_PI = math.log(2 * math.pi) / 2
_LARGE = constant(16.0)  # from here on five terms of Stirling's series are enough
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)  # DLMF 5.11.1


def _lt(a: Node, b: Node) -> Node:
    return pointwise("lt", a, b)


def _log(x: Node) -> Node:
    return pointwise("log", x)


def _polynomial(coefficients: tuple[float, ...], z: Node) -> Node:
    total = constant(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = constant(coefficient) + z * total
    return total


def _stirling_error(a: Node) -> Node:
    """log Gamma(a) - ((a - 1/2) log a - a + log(2 pi) / 2)."""
    value = number(a)
    if value is not None and 0 < value < 16:
        return constant(math.lgamma(value) - (value - 0.5) * math.log(value) + value - _HALF_LOG_2_PI)
    inverse = 1 / pointwise("maximum", a, _LARGE)
    far = inverse * _polynomial(_STIRLING, inverse * inverse)
    if value is not None:
        return far
    near = pointwise("minimum", a, _LARGE)
    direct = pointwise("loggamma", near) - (near - 0.5) * _log(near) + near - _HALF_LOG_2_PI
    return select(_lt(a, _LARGE), direct, far)


def _deviance(a: Node, m: Node) -> Node:
    """a log(a / m) + m - a, which is 0 with its derivative at m = a: next to it by the series of artanh."""
    difference = a - m
    v = difference / (a + m)
    near = _lt(pointwise("abs", v), constant(0.1))
    square = select(near, v * v, ZERO)
    series = difference * v + 2 * a * v * square * _polynomial(tuple(1 / k for k in range(3, 19, 2)), square)
    return select(near, series, a * _log(a / m) - difference)


def _at_zero(power: Node, coefficient: Node) -> Node:
    """coefficient * x**(power - 1) at x = 0."""
    above = select(pointwise("eq", power, ONE), coefficient, ZERO)
    return select(_lt(power, ONE), INF, above)


def gamma_density(node: Node, a: Node, x: Node) -> Node:
    """x**(a - 1) exp(-x) / Gamma(a)."""
    zero = pointwise("eq", x, ZERO)
    inside = select(zero, a, x)
    exponent = _stirling_error(a) + _deviance(a, inside) + _log(inside)
    regular = pointwise("sqrt", a / (2 * math.pi)) * pointwise("exp", -exponent)
    return select(zero, _at_zero(a, ONE), regular)


def beta_density(node: Node, a: Node, b: Node, x: Node) -> Node:
    """x**(a - 1) (1 - x)**(b - 1) / B(a, b)."""
    first, last = pointwise("eq", x, ZERO), pointwise("eq", x, ONE)
    n = a + b
    inside = select(pointwise("or", first, last), a / n, x)
    rest = 1 - inside
    gammas = _stirling_error(a) + _stirling_error(b) - _stirling_error(n)
    exponent = gammas + _deviance(a, n * inside) + _deviance(b, n * rest) + _log(inside) + _log(rest)
    regular = pointwise("sqrt", a * (b / n) / (2 * math.pi)) * pointwise("exp", -exponent)
    return select(first, _at_zero(a, b), select(last, _at_zero(b, a), regular))
