"""Scalar functions: SymPy class name -> a function of an mpmath context and numbers.

Only the mathematics stands here; what happens outside a real domain, at a pole or on overflow is decided once, in
`guarded`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp

from symdiff.reference.arrays import Context, Number

ScalarFunction = Callable[..., Number]

HUGE = 2.0**100  # beyond it, exp has an exponent no computer holds
ABANDONED = (ArithmeticError, ValueError, MemoryError, NotImplementedError, mpmath.libmp.NoConvergence)


class NoReferenceError(Exception):
    """The reference cannot evaluate this kind of expression."""


# Functions that mpmath calls what SymPy calls them, with the same arguments.
_ELEMENTARY = """
    sin cos tan cot sec csc asin acos atan acot asec acsc sinh cosh tanh coth sech csch asinh acosh atanh acoth asech
    acsch log log1p expm1 sinc
"""
_SPECIAL = """
    erf erfc erfi erfinv fresnels fresnelc gamma loggamma digamma beta factorial binomial zeta polylog lerchphi besselj
    bessely besseli besselk airyai airybi expint li legendre hermite gegenbauer jacobi appellf1
"""
# SymPy's name -> mpmath's.
_RENAMED = {
    "LambertW": "lambertw",
    "Ei": "ei",
    "Si": "si",
    "Ci": "ci",
    "Shi": "shi",
    "Chi": "chi",
    "chebyshevt": "chebyt",
    "chebyshevu": "chebyu",
    "factorial2": "fac2",
    "RisingFactorial": "rf",
    "FallingFactorial": "ff",
    "elliptic_k": "ellipk",
    "elliptic_f": "ellipf",
    "elliptic_e": "ellipe",
    "elliptic_pi": "ellippi",
}


def exp(c: Context, x: Number) -> Number:
    """The exponential function, infinite or 0 where its exponent could not be stored."""
    if not isinstance(x, c.mpc) and abs(x) > HUGE:
        return c.inf if x > 0 else c.zero
    return c.exp(x)


def power(c: Context, base: Number, exponent: Number) -> Number:
    """base**exponent as NumPy defines it on the reals: NaN for a negative base and a fractional exponent."""
    if exponent == 0 or (base == 1 and not isinstance(base, c.mpc)):
        return c.one  # even of a NaN, as in C and NumPy
    if base != base or exponent != exponent:
        return c.nan
    if isinstance(exponent, c.mpc) or isinstance(base, c.mpc):
        whole = not isinstance(exponent, c.mpc) and exponent == int(exponent)
        return base ** int(exponent) if whole else c.power(base, exponent)
    if base == 0:
        return c.inf if exponent < 0 else c.zero
    if abs(exponent) < HUGE and exponent == int(exponent):
        return base ** int(exponent)
    if base < 0:
        return c.nan
    return c.sqrt(base) if exponent == 0.5 else c.power(base, exponent)


def _sigmoid(c: Context, x: Number) -> Number:
    if c.re(x) >= 0:
        return 1 / (1 + exp(c, -x))
    return exp(c, x) / (1 + exp(c, x))


def _softplus(c: Context, x: Number) -> Number:
    return c.log1p(exp(c, -x)) + x if c.re(x) > 0 else c.log1p(exp(c, x))


def _spherical_bessel(bessel: str, parity: int) -> ScalarFunction:
    def function(c: Context, n: Number, x: Number) -> Number:
        if x == 0:
            return c.mpf(n == 0) if bessel == "besselj" else -c.inf
        if not isinstance(x, c.mpc) and x < 0:
            return (-1) ** (int(n) + parity) * function(c, n, -x)
        return c.sqrt(c.pi / (2 * x)) * getattr(c, bessel)(n + c.mpf(0.5), x)

    return function


def _harmonic(c: Context, n: Number, m: Number = 1) -> Number:
    return c.harmonic(n) if m == 1 else c.zeta(m) - c.zeta(m, n + 1)


def _eta(c: Context, s: Number, a: Number = 1) -> Number:
    return c.altzeta(s) if a == 1 else c.zeta(s, a) - c.power(2, 1 - s) * c.zeta(s, (a + 1) / 2)


def _whole_order(function: ScalarFunction) -> ScalarFunction:
    """`function` of an order that must be a whole number."""
    return lambda c, n, *x: function(c, int(n), *x) if n == int(n) else c.nan


_ELEMENTARY_FORMULAS: dict[str, ScalarFunction] = {
    "exp": exp,
    "Pow": power,
    "atan2": lambda c, y, x: c.atan2(y, x),
    "re": lambda c, x: x,
    "im": lambda c, x: c.zero,
    "conjugate": lambda c, x: x,
    "log2": lambda c, x: c.log(x) / c.log(2),
    "log10": lambda c, x: c.log(x) / c.log(10),
    "exp2": lambda c, x: c.power(2, x),
    "Sqrt": lambda c, x: c.sqrt(x),
    "Cbrt": lambda c, x: c.cbrt(x),
    "hypot": lambda c, x, y: c.sqrt(x * x + y * y),
    "fma": lambda c, x, y, z: x * y + z,
}
_SPECIAL_FORMULAS: dict[str, ScalarFunction] = {
    "erf2": lambda c, a, b: c.erf(b) - c.erf(a),
    "erfcinv": lambda c, x: c.erfinv(1 - x),
    "erf2inv": lambda c, x, y: c.erfinv(y + c.erf(x)),
    "Li": lambda c, x: c.li(x, offset=True),
    "polygamma": _whole_order(lambda c, n, x: c.psi(n, x)),
    "trigamma": lambda c, x: c.psi(1, x),
    "stieltjes": _whole_order(lambda c, n, a=1: c.stieltjes(n, a)),
    "dirichlet_eta": _eta,
    "harmonic": _harmonic,
    "lowergamma": lambda c, a, x: c.gammainc(a, 0, x),
    "uppergamma": lambda c, a, x: c.gammainc(a, x),
    "betainc": lambda c, a, b, lower, upper: c.betainc(a, b, lower, upper),
    "betainc_regularized": lambda c, a, b, lower, upper: c.betainc(a, b, lower, upper, regularized=True),
    "jn": _spherical_bessel("besselj", 0),
    "yn": _spherical_bessel("bessely", 1),
    "airyaiprime": lambda c, x: c.airyai(x, derivative=1),
    "airybiprime": lambda c, x: c.airybi(x, derivative=1),
    "assoc_legendre": lambda c, n, m, x: c.legenp(n, m, x, type=2 if abs(c.re(x)) <= 1 else 3),
    "hermite_prob": lambda c, n, x: c.power(2, -n / c.mpf(2)) * c.hermite(n, x / c.sqrt(2)),
    "laguerre": lambda c, n, x: c.laguerre(n, 0, x),
    "assoc_laguerre": lambda c, n, a, x: c.laguerre(n, a, x),
}


def _call(name: str) -> ScalarFunction:
    return lambda c, *arguments: getattr(c, name)(*arguments)


# (package, class) -> function. Double precision computes the elementary ones itself; mpmath's special functions lose
# digits there (besselk(2, 3) is right to five), so it takes them from high precision.
ELEMENTARY: dict[tuple[str, str], ScalarFunction] = {
    **{("sympy", name): _call(name) for name in _ELEMENTARY.split()},
    **{("sympy", name): function for name, function in _ELEMENTARY_FORMULAS.items()},
    ("symdiff", "sigmoid"): _sigmoid,
    ("symdiff", "softplus"): _softplus,
}
SPECIAL: dict[tuple[str, str], ScalarFunction] = {
    **{("sympy", name): _call(name) for name in _SPECIAL.split()},
    **{("sympy", name): _call(target) for name, target in _RENAMED.items()},
    **{("sympy", name): function for name, function in _SPECIAL_FORMULAS.items()},
    ("symdiff", "gelu"): lambda c, x: x * c.erfc(-x / c.sqrt(2)) / 2,
}


def guarded(context: Context, function: ScalarFunction) -> ScalarFunction:
    """`function` of numbers of the context, made total: NaN where it has no real value.

    Double precision that overflows, or lacks the function, asks high precision and rounds its answer.
    """
    keeps_nan = function is not power

    def apply(*arguments: Number) -> Number:
        if keeps_nan and any(x != x for x in arguments):
            return context.nan
        is_complex = any(isinstance(x, context.mpc) for x in arguments)
        try:
            try:
                result = function(context, *arguments)
            except (*ABANDONED, AttributeError):
                if context is not mpmath.fp:
                    raise
                result = by_high_precision(function)(context, *arguments)
        except ABANDONED:
            return context.nan
        except (TypeError, AttributeError):  # mpmath on some infinite arguments, and on complex ones of a real function
            if is_complex or any(context.isinf(x) for x in arguments):
                return context.nan
            raise
        return result if is_complex else real_part(context, result)

    return apply


def by_high_precision(function: ScalarFunction) -> ScalarFunction:
    """`function` as double precision takes it from high precision, with room for the tiny part of a complex step."""

    def rounded(c: Context, *arguments: Number) -> Number:
        if c is not mpmath.fp:
            return function(c, *arguments)
        with mpmath.workdps(100 if any(isinstance(x, complex) for x in arguments) else 40):
            result = mpmath.mp.convert(function(mpmath.mp, *(mpmath.mp.convert(x) for x in arguments)))
            return complex(result) if isinstance(result, mpmath.mp.mpc) else float(result)

    return rounded


def real_part(context: Context, result: Number) -> Number:
    """The real number that `result` is, up to rounding; NaN if it is truly complex."""
    if isinstance(result, context.mpc):
        rounding = 1024 * context.eps * abs(result.real)
        return result.real if abs(result.imag) <= rounding else context.nan
    return result if isinstance(result, context.mpf) else context.convert(result)


def by_sympy(cls: Any) -> ScalarFunction:
    """Evaluate a SymPy function that has no row in the tables by SymPy's own numerics, or by its `_imp_`."""

    def function(c: Context, *arguments: Number) -> Number:
        digits = max(20, c.dps + 5)
        numbers = [_to_sympy(c, x, digits) for x in arguments]
        result = sp.sympify(cls(*numbers), strict=True).evalf(digits)
        if result.is_Float or result.is_Rational or result in (sp.oo, -sp.oo, sp.nan):
            return from_sympy(c, result)
        real, imaginary = result.as_real_imag()
        if real.is_number and imaginary.is_number and not result.atoms(sp.Function):
            return c.mpc(from_sympy(c, real), from_sympy(c, imaginary))
        if hasattr(cls, "_imp_"):
            return c.convert(cls._imp_(*arguments))
        raise NoReferenceError(f"{cls.__name__} has no numerical value that SymPy or mpmath can compute")

    return function


def _to_sympy(c: Context, x: Number, digits: int) -> Any:
    if isinstance(x, c.mpc):
        return _to_sympy(c, x.real, digits) + sp.I * _to_sympy(c, x.imag, digits)
    return sp.Integer(int(x)) if abs(x) < HUGE and x == int(x) else sp.Float(x, digits)


def from_sympy(c: Context, number: Any) -> Number:
    """The value of a SymPy number: exact in mp up to its precision, correctly rounded in fp."""
    if number.is_Rational:
        return c.mpf(int(number.p)) / int(number.q) if c is not mpmath.fp else int(number.p) / int(number.q)
    if number.is_Float:
        return c.convert(mpmath.mp.make_mpf(number._mpf_)) if c is not mpmath.fp else float(number)
    constants = {
        "Infinity": c.inf,
        "NegativeInfinity": -c.inf,
        "Pi": c.pi,
        "Exp1": c.e,
        "EulerGamma": c.euler,
        "Catalan": c.catalan,
        "GoldenRatio": c.phi,
    }
    name = type(number).__name__
    if name in constants:
        return +c.mpf(constants[name])
    if number.is_NumberSymbol:
        return from_sympy(c, number.evalf(max(20, c.dps + 5)))
    return c.nan  # NaN, ComplexInfinity, the imaginary unit: no real value
