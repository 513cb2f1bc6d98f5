"""What SymPy's functions of scalars beyond the elementary operations mean, and why the rest is refused: tables.

Where a function is not real (log of a negative number, asec between -1 and 1), the result is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.codegen import cfunctions, numpy_nodes, scipy_nodes
from sympy.functions.elementary.complexes import adjoint, transpose
from sympy.functions.elementary.miscellaneous import Rem

from symdiff.errors import UnsupportedError
from symdiff.frontend.rule import Rule
from symdiff.functions import elementwise as own
from symdiff.graph.build import pointwise, power, select
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node


def _f(op: str) -> Callable[..., Node]:
    return lambda *operands: pointwise(op, *operands)


_abs, _floor, _exp, _expm1, _log, _log1p, _sqrt = map(_f, ("abs", "floor", "exp", "expm1", "log", "log1p", "sqrt"))
_lt, _eq, _mod = map(_f, ("lt", "eq", "mod"))
_erf, _erfc, _erfinv, _gamma, _psi, _zeta, _eta = map(
    _f, ("erf", "erfc", "erfinv", "gamma", "digamma", "zeta", "riemann_zeta")
)
_OWN_FUNCTION = "a sympy.Function of your own with fdiff and a registered body (sd.register)."
ZERO, ONE, NAN = constant(0.0), constant(1.0), constant(math.nan)
_LOG_2 = math.log(2.0)
_LI_2 = 1.045163780117492784844588889194613136522615578151  # li(2)
_EULER = 0.577215664901532860606512090082402431042159335940  # Euler's constant

# SymPy class -> operation of the graph, operand for operand.
OPERATIONS: dict[Any, str] = {
    **{
        cls: cls.__name__
        for cls in (
            sp.cot, sp.sec, sp.csc, sp.acot, sp.asec, sp.acsc,
            sp.coth, sp.sech, sp.csch, sp.acoth, sp.asech, sp.acsch,
            sp.erf, sp.erfc, sp.erfi, sp.erfinv, sp.erfcinv,
            sp.gamma, sp.loggamma, sp.digamma, sp.beta, sp.RisingFactorial,
            sp.besselj, sp.bessely, sp.besseli, sp.besselk, sp.airyai, sp.airyaiprime, sp.airybi, sp.airybiprime,
            sp.elliptic_k, sp.elliptic_f, sp.Ei, sp.li, sp.Si, sp.Ci, sp.Shi, sp.Chi, sp.fresnels, sp.fresnelc,
            cfunctions.expm1, cfunctions.log1p, cfunctions.hypot, numpy_nodes.logaddexp,
            *(getattr(numpy_nodes, name) for name in ("maximum", "minimum") if hasattr(numpy_nodes, name)),  # SymPy 1.14
        )
    },
    cfunctions.Sqrt: "sqrt",
    cfunctions.Cbrt: "cbrt",
}  # fmt: skip


def _whole(node: Node) -> int | None:
    """The whole number a node is, else None."""
    value = number(node)
    return int(value) if value is not None and value % 1 == 0 else None


def _refuse(message: str) -> Node:
    raise UnsupportedError(message)


# Elementary


def _heaviside(x: Node, at_zero: Node) -> Node:
    below = select(_lt(x, ZERO), ZERO, NAN)
    return select(_lt(ZERO, x), ONE, select(_eq(x, ZERO), at_zero, below))


def _rem(a: Node, b: Node) -> Node:
    """The remainder with the sign of the dividend."""
    return select(_lt(a, ZERO), -_mod(-a, _abs(b)), _mod(a, _abs(b)))


def _singularity(x: Node, a: Node, n: Node) -> Node:
    exponent = number(n)
    if exponent is None or exponent < 0:
        return _refuse(_DELTA.format("SingularityFunction of a negative or symbolic exponent"))
    return select(_lt(x, a), ZERO, power(x - a, n))


def _logaddexp2(a: Node, b: Node) -> Node:
    return pointwise("logaddexp", a * _LOG_2, b * _LOG_2) / _LOG_2


# Error functions


def _erf2(a: Node, b: Node) -> Node:
    """erf(b) - erf(a), in the tails as a difference of erfc."""
    left = select(pointwise("and", _lt(a, ZERO), _lt(b, ZERO)), _erfc(-b) - _erfc(-a), _erf(b) - _erf(a))
    return select(pointwise("and", _lt(ZERO, a), _lt(ZERO, b)), _erfc(a) - _erfc(b), left)


def _erf2inv(x: Node, y: Node) -> Node:
    return select(_lt(ZERO, x), pointwise("erfcinv", _erfc(x) - y), _erfinv(_erf(x) + y))


# Gamma and relatives


def _polygamma(n: Node, x: Node) -> Node:
    order = _whole(n)
    if number(n) is None:
        return pointwise("polygamma", n, x)
    if order is None or order < 0:
        return _refuse("polygamma is compiled for orders 0, 1, 2, ...: give the order as such a number.")
    return (-1.0) ** (order + 1) * math.factorial(order) * _zeta(order + 1.0, x) if order else _psi(x)


def _betainc(a: Node, b: Node, lower: Node, upper: Node) -> Node:
    """Between two limits a difference, in the upper half of what is 1 less."""
    below = pointwise("betainc_regularized", a, b, upper)
    if number(lower) == 0:
        return below
    above = pointwise("betainc_regularized", b, a, 1 - lower)
    if number(upper) == 1:
        return above
    from_left = below - pointwise("betainc_regularized", a, b, lower)
    from_right = above - pointwise("betainc_regularized", b, a, 1 - upper)
    return select(_lt(constant(0.5), below), from_right, from_left)


def _incomplete_gamma(op: str) -> Callable[[Node, Node], Node]:
    def build(s: Node, x: Node) -> Node:
        if (value := number(s)) is not None and value <= 0:
            return _refuse(
                f"{op}(s, x) is compiled for s > 0: lower s by its recurrence, and write x**s*exp(-x)/s out."
            )
        return pointwise(op, s, x)

    return build


def _harmonic(n: Node, m: Node = ONE) -> Node:
    order = _whole(m)
    if order == 1:
        return _psi(n + 1) + _EULER
    if order is None or order < 1:
        return _refuse("harmonic(n, m) is compiled for m = 1, 2, 3, ...: give m as such a number.")
    return _eta(m) - _zeta(m, n + 1)


def _factorial2(n: Node) -> Node:
    """Continued analytically: 2**(n/2) (2/pi)**((1 - cos(pi n)) / 4) Gamma(1 + n/2)."""
    exponent = _LOG_2 / 2 * n + math.log(2 / math.pi) / 4 * (1 - pointwise("cos", math.pi * n))
    return _exp(exponent) * _gamma(n / 2 + 1)


def _binomial(n: Node, k: Node) -> Node:
    """A polynomial where k is a small whole number."""
    order = _whole(k)
    if order is None or not 0 <= order <= 16:
        return pointwise("binomial", n, k)
    product = ONE
    for i in range(order):
        product = product * (n - i)
    return product / math.factorial(order)


# Zeta functions and polylogarithms


def _zeta_function(s: Node, a: Node = ONE) -> Node:
    return _eta(s) if number(a) == 1 else _zeta(s, a)


def _dirichlet_eta(s: Node, a: Node = ONE) -> Node:
    """(1 - 2**(1 - s)) zeta(s), and log 2 at s = 1."""
    if number(a) != 1:
        return _zeta(s, a) - _exp((1 - s) * _LOG_2) * _zeta(s, (a + 1) / 2)
    pole = _eq(s, ONE)
    regular = select(pole, constant(2.0), s)
    return select(pole, constant(_LOG_2), -_expm1((1 - regular) * _LOG_2) * _eta(regular))


def _polylog(n: Node, x: Node) -> Node:
    order = number(n)
    if order == 1:
        return -_log1p(-x)
    if order == 2:
        return pointwise("dilogarithm", x)
    return _refuse(
        "polylog is compiled for the orders 1 and 2, given as a number: expand orders below 0 by sympy.expand_func, or give "
        f"{_OWN_FUNCTION}"
    )


# Bessel functions and integrals


def _spherical(op: str, bessel: str) -> Callable[[Node, Node], Node]:
    """Of a whole order by the operation; of any other, for x > 0, by the cylindrical function."""

    def build(n: Node, x: Node) -> Node:
        order = _whole(n)
        if order is not None and order >= 0:
            return pointwise(op, n, x)
        return _sqrt(math.pi / 2 / x) * pointwise(bessel, n + 0.5, x)

    return build


def _expint(n: Node, x: Node) -> Node:
    order = number(n)
    if order is not None and order < 1:
        return power(x, n - 1) * pointwise("uppergamma", 1 - n, x)
    if _whole(n) is None:
        return _refuse(
            f"expint(n, x) is compiled for n = 1, 2, 3, ... and n < 1: give n as such a number, or {_OWN_FUNCTION}"
        )
    return pointwise("expint", n, x)


def _lambert(x: Node, branch: Node = ZERO) -> Node:
    if number(branch) not in (0.0, -1.0):
        return _refuse("LambertW is real only on its branches 0 and -1: write LambertW(x) or LambertW(x, -1).")
    return pointwise("LambertW", x, branch)


# SymPy class -> formula in its operands.
FORMULAS: dict[Any, Callable[..., Node]] = {
    # elementary
    sp.frac: lambda x: x - _floor(x),
    sp.Heaviside: _heaviside,
    sp.SingularityFunction: _singularity,
    sp.sinc: lambda x: pointwise("sinc", ZERO, x),
    Rem: _rem,
    own.gelu: lambda x: 0.5 * x * _erfc(-math.sqrt(0.5) * x),
    # parts of a real number
    sp.re: lambda x: x,
    sp.conjugate: lambda x: x,
    transpose: lambda x: x,
    adjoint: lambda x: x,
    sp.im: lambda x: 0.0 * x,
    sp.arg: lambda x: select(_lt(x, ZERO), constant(math.pi), select(_lt(ZERO, x), ZERO, NAN)),
    # of C and NumPy
    cfunctions.exp2: lambda x: power(constant(2.0), x),
    cfunctions.log2: lambda x: _log(x) / _LOG_2,
    cfunctions.log10: lambda x: _log(x) / math.log(10.0),
    cfunctions.fma: lambda a, b, c: a * b + c,
    numpy_nodes.logaddexp2: _logaddexp2,
    scipy_nodes.cosm1: lambda x: -2 * pointwise("sin", x / 2) ** 2,
    scipy_nodes.powm1: lambda x, y: _expm1(y * _log(x)),
}

SPECIAL: dict[Any, Callable[..., Node]] = {
    sp.erf2: _erf2,
    sp.erf2inv: _erf2inv,
    sp.polygamma: _polygamma,
    sp.trigamma: lambda x: _zeta(2.0, x),
    sp.betainc: lambda a, b, lower, upper: pointwise("beta", a, b) * _betainc(a, b, lower, upper),
    sp.betainc_regularized: _betainc,
    sp.lowergamma: _incomplete_gamma("lowergamma"),
    sp.uppergamma: _incomplete_gamma("uppergamma"),
    sp.harmonic: _harmonic,
    sp.factorial: lambda n: _gamma(n + 1),
    sp.factorial2: _factorial2,
    sp.binomial: _binomial,
    sp.FallingFactorial: lambda x, k: pointwise("RisingFactorial", x - k + 1, k),
    sp.catalan: lambda n: power(constant(4.0), n) / math.sqrt(math.pi) * pointwise("RisingFactorial", n + 2, -1.5),
    sp.zeta: _zeta_function,
    sp.dirichlet_eta: _dirichlet_eta,
    sp.polylog: _polylog,
    sp.jn: _spherical("jn", "besselj"),
    sp.yn: _spherical("yn", "bessely"),
    sp.elliptic_e: lambda *operands: pointwise("elliptic_e" if len(operands) == 1 else "incomplete_e", *operands),
    sp.elliptic_pi: lambda *operands: pointwise("elliptic_pi" if len(operands) == 2 else "incomplete_pi", *operands),
    sp.expint: _expint,
    sp.Li: lambda x: pointwise("li", x) - _LI_2,
    sp.LambertW: _lambert,
}


def _hyper(walk: Any, expression: Any, args: list[Node]) -> Node:
    if (len(expression.ap), len(expression.bq)) != (2, 1):
        return _refuse("hyper is compiled for two upper parameters and one lower: try sympy.hyperexpand on others.")
    return pointwise("hyp2f1", *args)


# SymPy class -> rule, where the arguments are not plain operands.
RULES: dict[Any, Rule] = {sp.hyper: Rule(_hyper, lambda e: (*e.ap, *e.bq, e.argument))}


def _ratio(n: Any, x: Any, first: Any, bessel: Any) -> Any:
    """f_n(x) / x**n of a spherical Bessel function, whose value at 0 is 1 / (2n + 1)!!."""
    return first if n == 0 else sp.Piecewise((bessel / x**n, sp.Ne(x, 0)), (1 / sp.factorial2(2 * n + 1), True))


def _logarithm_ratio(n: Any, x: Any) -> Any:
    """The nth derivative of log(1 + x) / x, from that of x times it."""
    found = sp.log(1 + x) / x
    for k in range(1, int(n) + 1):
        found = ((-1) ** (k - 1) * sp.factorial(k - 1) / (1 + x) ** k - k * found) / x
    return found


# Operation -> SymPy function, for closed forms, where the class is not in `OPERATIONS`.
CLOSED_FORMS: dict[str, Callable[..., Any]] = {
    **{name: getattr(sp, name) for name in ("polygamma", "zeta", "binomial", "lowergamma", "uppergamma", "jn", "yn")},
    **{name: getattr(sp, name) for name in ("elliptic_e", "elliptic_pi", "expint", "LambertW")},
    "betainc_regularized": lambda a, b, x: sp.betainc_regularized(a, b, 0, x),
    "beta_density": lambda a, b, x: x ** (a - 1) * (1 - x) ** (b - 1) / sp.beta(a, b),
    "gammainc": lambda a, x: sp.lowergamma(a, x) / sp.gamma(a),
    "gammaincc": lambda a, x: sp.uppergamma(a, x) / sp.gamma(a),
    "gamma_density": lambda a, x: x ** (a - 1) * sp.exp(-x) / sp.gamma(a),
    "riemann_zeta": sp.zeta,
    "incomplete_e": sp.elliptic_e,
    "incomplete_pi": sp.elliptic_pi,
    "dilogarithm": lambda x: sp.polylog(2, x),
    "hyp2f1": lambda a, b, c, x: sp.hyper((a, b), (c,), x),
    "sinc": lambda n, x: _ratio(n, x, sp.sinc(x), sp.jn(n, x)),
    "sinhc": lambda n, x: _ratio(n, x, sp.sinh(x) / x, sp.sqrt(sp.pi / (2 * x)) * sp.besseli(n + sp.S.Half, x)),
    "log1pc": _logarithm_ratio,
}

_OWN = f"write it in functions symdiff knows, or give {_OWN_FUNCTION}"
_COMPLEX = (
    "{} is complex, and symdiff computes over the real numbers: write its real and imaginary parts as two outputs."
)
_COUNTING = "{} is defined for whole numbers only and has no derivative: compute it outside and pass it as a constant."
_ORDER = "{} is compiled for orders that are whole numbers: give the order as one, and SymPy writes the polynomial out."
_DELTA = "{} is a distribution, not a function: use a narrow smooth peak, or integrate it by hand."
_DOIT = "{} stands for a calculation that was not carried out: call .doit() on it first."
_NO_NUMBERS = "{} has no numerical implementation in NumPy or SciPy: " + _OWN
_SYNTAX = "{} is syntax of another language or of SymPy's internals: write it in SymPy's public functions."

# Why a class is refused: its name, or that of a base of it.
REFUSED: dict[str, str] = {
    **dict.fromkeys(
        ("exp_polar", "polar_lift", "periodic_argument", "principal_branch", "hankel1", "hankel2", "hn1", "hn2", "Ynm",
         "Znm", "Wavefunction"), _COMPLEX),
    **dict.fromkeys(
        ("andre", "bell", "bernoulli", "carmichael", "divisor_sigma", "euler", "fibonacci", "genocchi", "jacobi_symbol",
         "kronecker_symbol", "legendre_symbol", "lucas", "mobius", "motzkin", "partition", "primenu", "primeomega",
         "primepi", "reduced_totient", "totient", "tribonacci", "udivisor_sigma", "subfactorial", "stieltjes",
         "LeviCivita", "SchurNumber", "Wigner3j", "MultiFactorial", "chebyshevt_root", "chebyshevu_root",
         "IsNonPositiveInteger"), _COUNTING),
    **dict.fromkeys(("OrthogonalPolynomial", "assoc_legendre", "assoc_laguerre"), _ORDER),
    "DiracDelta": _DELTA,
    **dict.fromkeys(("IntegralTransform", "CharacteristicCurveFunction", "Derivative", "Integral", "Limit", "Subs"), _DOIT),
    **dict.fromkeys(
        ("appellf1", "lerchphi", "marcumq", "MathieuBase", "meijerg", "multigamma", "riemann_xi"), _NO_NUMBERS),
    **dict.fromkeys(
        ("FFunction", "F95Function", "HyperRep", "Coeff", "Commutator", "WildFunction"), _SYNTAX),
    "AppliedUndef": "{} is an undefined function: replace it by an expression, or make it a sympy.Function with fdiff and "
    "a registered body.",
}  # fmt: skip


def refusal(expression: Any) -> str:
    """Why an expression of this class is not compiled, and what to write instead."""
    name = type(expression).__name__
    bases = [base.__name__ for base in type(expression).__mro__ if (base.__module__ or "").partition(".")[0] == "sympy"]
    default = f"{{}} is not supported: {_OWN}"
    if isinstance(expression, sp.Function) and name not in bases:
        default = f"{{}} has no registered body: call sd.register({name}, body), where body(xp, x) computes it."
    return next((REFUSED[base] for base in bases if base in REFUSED), default).replace("{}", name, 1)
