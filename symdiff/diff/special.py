"""The partial derivatives of special functions, one row each.

Rows are as in `diff.pointwise`. Numbers in comments are equations of the Digital Library of Mathematical Functions,
https://dlmf.nist.gov. Where the usual formula loses digits or is 0/0 inside the domain, the row uses another that does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from symdiff.errors import UnsupportedError
from symdiff.graph.build import pointwise, power, select
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node

Partial = Callable[..., Node] | None


def _f(op: str) -> Callable[..., Node]:
    return lambda *operands: pointwise(op, *operands)


_exp, _log, _sqrt, _sin, _cos = _f("exp"), _f("log"), _f("sqrt"), _f("sin"), _f("cos")
_psi, _zeta, _hyp2f1, _rd = _f("digamma"), _f("zeta"), _f("hyp2f1"), _f("carlson_rd")


def _refused(name: str, operand: str) -> Callable[..., Node]:
    """No closed form: an error, if this derivative is asked for."""

    def refuse(*_: Node) -> Node:
        raise UnsupportedError(
            f"The derivative of {name} by {operand} has no closed form. Pass {operand} as a constant, take it out of wrt=, "
            "or give a sympy.Function of your own with fdiff and a registered body."
        )

    return refuse


def _step(op: str, down: float, up: float) -> Callable[..., Node]:
    """(down f_{n-1} + up f_{n+1}) / 2 of a Bessel function; f_{-1} is written as f_1."""

    def partial(y: Node, n: Node, x: Node) -> Node:
        above = pointwise(op, n + 1, x)
        if number(n) == 0:
            return above * (up - down if op in ("besselj", "bessely") else up + down) * 0.5
        return (down * pointwise(op, n - 1, x) + up * above) * 0.5

    return partial


def _spherical(op: str) -> Callable[..., Node]:
    """(n f_{n-1} - (n + 1) f_{n+1}) / (2n + 1) of a spherical Bessel function of a numeric order; 10.51.1, 10.51.2."""

    def partial(y: Node, n: Node, x: Node) -> Node:
        above = (n + 1) * pointwise(op, n + 1, x)
        return -above if number(n) == 0 else (n * pointwise(op, n - 1, x) - above) / (2 * n + 1)

    return partial


def _expint(y: Node, n: Node, x: Node) -> Node:
    """-E_{n-1}(x), and E_0 as exp(-x) / x; 8.19.13, 8.19.5."""
    return -(_exp(-x) / x) if number(n) == 1 else -pointwise("expint", n - 1, x)


def _gamma_integrand(y: Node, s: Node, x: Node) -> Node:
    """x**(s - 1) exp(-x), whose power overflows before the product does."""
    zero = pointwise("eq", x, constant(0.0))
    at_zero = power(select(zero, x, constant(1.0)), s - 1)
    return select(zero, at_zero, _exp((s - 1) * _log(select(zero, constant(1.0), x)) - x))


def _slope_at_zero(a: Node, one: Node, two: Node) -> Node:
    """The slope of c x**(a - 1) + ... at x = 0, given those for a = 1 and a = 2."""
    cases = [("eq", 1.0, one), ("eq", 2.0, two), ("lt", 1.0, constant(-math.inf)), ("lt", 2.0, constant(math.inf))]
    found = constant(0.0)
    for op, value, slope in reversed(cases):
        found = select(pointwise(op, a, constant(value)), slope, found)
    return found


def _gamma_density(y: Node, a: Node, x: Node) -> Node:
    zero = pointwise("eq", x, constant(0.0))
    inside = y * ((a - 1 - x) / select(zero, constant(1.0), x))
    return select(zero, _slope_at_zero(a, constant(-1.0), constant(1.0)), inside)


def _beta_density(y: Node, a: Node, b: Node, x: Node) -> Node:
    first, last = pointwise("eq", x, constant(0.0)), pointwise("eq", x, constant(1.0))
    within = select(pointwise("or", first, last), constant(0.5), x)
    slope = ((a - 1) * (1 - within) - (b - 1) * within) / (within * (1 - within))  # 0 at the mode, to full precision
    at_zero = _slope_at_zero(a, b * (1 - b), b * (1 + b))
    at_one = -_slope_at_zero(b, a * (1 - a), a * (1 + a))
    return select(first, at_zero, select(last, at_one, y * slope))


# Elliptic integrals. K' and E' as hypergeometric functions are regular at m = 0 (19.5.1, 19.5.2); so are F' and E' of an
# amplitude by Carlson's integral R_D (19.25.5, 19.25.9), once the amplitude is reduced to |r| <= pi/2 (19.2.10).


def _k_by_m(y: Node, m: Node) -> Node:
    return math.pi / 8 * _hyp2f1(1.5, 1.5, 2.0, m)


def _e_by_m(y: Node, m: Node) -> Node:
    return -math.pi / 8 * _hyp2f1(0.5, 1.5, 2.0, m)


def _root(phi: Node, m: Node) -> Node:
    """sqrt(1 - m sin(phi)**2)."""
    return _sqrt(1 - m * _sin(phi) ** 2)


def _incomplete(complete: Callable[..., Node], carlson: Callable[[Node, Node], Node]) -> Callable[..., Node]:
    def partial(y: Node, phi: Node, m: Node) -> Node:
        turns = pointwise("floor", phi / math.pi + 0.5)
        r = phi - math.pi * turns
        inner = _sin(r) ** 3 / 6 * carlson(_cos(r) ** 2, 1 - m * _sin(r) ** 2)
        return inner + select(pointwise("eq", turns, 0.0), constant(0.0), 2 * turns * complete(y, m))

    return partial


def _rd_by(i: int) -> Callable[..., Node]:
    """By x or y, which are exchangeable: a difference of two R_D; the limit where all three operands are equal."""

    def partial(value: Node, x: Node, y: Node, z: Node) -> Node:
        a, b = (x, y) if i == 0 else (y, x)
        equal = pointwise("and", pointwise("eq", a, z), pointwise("eq", b, z))
        apart = (value - _rd(b, z, a)) / (2 * select(equal, constant(1.0), z - a))
        return select(equal, -0.3 * value / z, apart)

    return partial


def _rd_by_z(value: Node, x: Node, y: Node, z: Node) -> Node:
    """From R_D being homogeneous of degree -3/2."""
    return -(1.5 * value + x * _rd_by(0)(value, x, y, z) + y * _rd_by(1)(value, x, y, z)) / z


def _pi_by_n(y: Node, n: Node, m: Node) -> Node:
    k, e = pointwise("elliptic_k", m), pointwise("elliptic_e", m)
    return (e + (m - n) * k / n + (n**2 - m) * y / n) / (2 * (m - n) * (n - 1))


def _pi_by_m(y: Node, n: Node, m: Node) -> Node:
    return (pointwise("elliptic_e", m) / (m - 1) + y) / (2 * (n - m))


def _incomplete_pi_by_n(y: Node, n: Node, phi: Node, m: Node) -> Node:
    f, e = pointwise("elliptic_f", phi, m), pointwise("incomplete_e", phi, m)
    last = n * _root(phi, m) * _sin(2 * phi) / (2 * (1 - n * _sin(phi) ** 2))
    return (e + (m - n) * f / n + (n**2 - m) * y / n - last) / (2 * (m - n) * (n - 1))


def _incomplete_pi_by_m(y: Node, n: Node, phi: Node, m: Node) -> Node:
    e = pointwise("incomplete_e", phi, m)
    return (e / (m - 1) + y - m * _sin(2 * phi) / (2 * (m - 1) * _root(phi, m))) / (2 * (n - m))


_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
_HALF_ROOT_PI = math.sqrt(math.pi) / 2

SPECIAL: dict[str, tuple[Partial, ...]] = {
    # error functions
    "erf": (lambda y, x: _TWO_OVER_ROOT_PI * _exp(-(x**2)),),  # 7.2.1
    "erfc": (lambda y, x: -_TWO_OVER_ROOT_PI * _exp(-(x**2)),),  # 7.2.2
    "bell": (lambda y, x: -2 * x * y,),
    "erfc_of": (lambda y, x, bell: -_TWO_OVER_ROOT_PI * bell, None),
    "erfi": (lambda y, x: _TWO_OVER_ROOT_PI * _exp(x**2),),
    "erfinv": (lambda y, x: _HALF_ROOT_PI * _exp(y**2),),
    "erfcinv": (lambda y, x: -_HALF_ROOT_PI * _exp(y**2),),
    # gamma and relatives
    "gamma": (lambda y, x: y * _psi(x),),  # 5.2.2
    "loggamma": (lambda y, x: _psi(x),),
    "digamma": (lambda y, x: _zeta(2.0, x),),  # 25.11.12
    "polygamma": (_refused("polygamma", "its order"), lambda y, n, x: pointwise("polygamma", n + 1, x)),  # 5.15
    "beta": (lambda y, a, b: y * (_psi(a) - _psi(a + b)), lambda y, a, b: y * (_psi(b) - _psi(a + b))),  # 5.12.1
    "betainc_regularized": (
        _refused("betainc", "a"),
        _refused("betainc", "b"),
        lambda y, a, b, x: pointwise("beta_density", a, b, x),  # 8.17.1
    ),
    "beta_density": (
        lambda y, a, b, x: y * (_log(x) - _psi(a) + _psi(a + b)),
        lambda y, a, b, x: y * (pointwise("log1p", -x) - _psi(b) + _psi(a + b)),
        _beta_density,
    ),
    "gammainc": (_refused("lowergamma", "s"), lambda y, a, x: pointwise("gamma_density", a, x)),  # 8.2.1
    "gammaincc": (_refused("uppergamma", "s"), lambda y, a, x: -pointwise("gamma_density", a, x)),  # 8.2.2
    "gamma_density": (lambda y, a, x: y * (_log(x) - _psi(a)), _gamma_density),
    "lowergamma": (_refused("lowergamma", "s"), _gamma_integrand),  # 8.2.1
    "uppergamma": (_refused("uppergamma", "s"), lambda y, s, x: -_gamma_integrand(y, s, x)),  # 8.2.2
    "binomial": (
        lambda y, n, k: y * (_psi(n + 1) - _psi(n - k + 1)),
        lambda y, n, k: y * (_psi(n - k + 1) - _psi(k + 1)),
    ),
    "RisingFactorial": (lambda y, x, k: y * (_psi(x + k) - _psi(x)), lambda y, x, k: y * _psi(x + k)),  # 5.2.5
    # zeta functions
    "riemann_zeta": (_refused("zeta", "s"),),
    "zeta": (_refused("zeta", "s"), lambda y, s, a: -s * _zeta(s + 1, a)),  # 25.11.17
    # Bessel functions
    "besselj": (_refused("besselj", "its order"), _step("besselj", 1.0, -1.0)),  # 10.6.1
    "bessely": (_refused("bessely", "its order"), _step("bessely", 1.0, -1.0)),  # 10.6.1
    "besseli": (_refused("besseli", "its order"), _step("besseli", 1.0, 1.0)),  # 10.29.1
    "besselk": (_refused("besselk", "its order"), _step("besselk", -1.0, -1.0)),  # 10.29.1
    "jn": (_refused("jn", "its order"), _spherical("jn")),
    "yn": (_refused("yn", "its order"), _spherical("yn")),
    "airyai": (lambda y, x: pointwise("airyaiprime", x),),
    "airyaiprime": (lambda y, x: x * pointwise("airyai", x),),  # 9.2.1
    "airybi": (lambda y, x: pointwise("airybiprime", x),),
    "airybiprime": (lambda y, x: x * pointwise("airybi", x),),
    # elliptic integrals
    "elliptic_k": (_k_by_m,),
    "elliptic_e": (_e_by_m,),
    "elliptic_f": (lambda y, phi, m: 1 / _root(phi, m), _incomplete(_k_by_m, lambda c2, d2: _rd(c2, 1.0, d2))),
    "incomplete_e": (lambda y, phi, m: _root(phi, m), _incomplete(_e_by_m, lambda c2, d2: -_rd(c2, d2, 1.0))),
    "elliptic_pi": (_pi_by_n, _pi_by_m),  # 19.4.3
    "incomplete_pi": (
        _incomplete_pi_by_n,
        lambda y, n, phi, m: 1 / (_root(phi, m) * (1 - n * _sin(phi) ** 2)),  # 19.2.7
        _incomplete_pi_by_m,
    ),
    "carlson_rf": (_refused("R_F", "x"), _refused("R_F", "y"), _refused("R_F", "z")),
    "carlson_rd": (_rd_by(0), _rd_by(1), _rd_by_z),
    "carlson_rj": tuple(_refused("R_J", operand) for operand in "xyzp"),
    # exponential, logarithmic and trigonometric integrals
    "Ei": (lambda y, x: _exp(x) / x,),  # 6.2.5
    "expint": (_refused("expint", "its order"), _expint),
    "li": (lambda y, x: 1 / _log(x),),  # 6.2.8
    "Si": (lambda y, x: pointwise("sinc", 0.0, x),),  # 6.2.9
    "Ci": (lambda y, x: _cos(x) / x,),  # 6.2.11
    "Shi": (lambda y, x: pointwise("sinhc", 0.0, x),),  # 6.2.15
    "Chi": (lambda y, x: pointwise("cosh", x) / x,),  # 6.2.16
    "fresnels": (lambda y, x: _sin(math.pi / 2 * x**2),),  # 7.2.8
    "fresnelc": (lambda y, x: _cos(math.pi / 2 * x**2),),  # 7.2.7
    # others
    "spence": (lambda y, x: -_hyp2f1(1.0, 1.0, 2.0, 1 - x),),
    "dilogarithm": (lambda y, x: _hyp2f1(1.0, 1.0, 2.0, x),),  # 25.12.2: -log(1 - x) / x
    "hyp2f1": (
        *(_refused("hyper", f"its parameter {name}") for name in "abc"),
        lambda y, a, b, c, x: a * b / c * _hyp2f1(a + 1, b + 1, c + 1, x),  # 15.5.1
    ),
    "LambertW": (lambda y, x, k: _exp(-y) / (1 + y), None),  # 4.13.4
}
