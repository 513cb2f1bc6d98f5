"""Every function of SymPy that a scalar model may use, beside what mpmath says it is; and every one that is refused.

mpmath's functions, or formulas in them that share nothing with symdiff's, are the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import sympy as sp
from mpmath import mp
from sympy.codegen import cfunctions as c, numpy_nodes as nodes, scipy_nodes
from sympy.functions.elementary.complexes import adjoint, transpose
from sympy.functions.elementary.miscellaneous import Rem
from sympy.functions.special.polynomials import hermite_prob
from sympy.physics.quantum.dagger import Dagger
from sympy.printing.rust import float_ceiling, float_floor


@dataclass(frozen=True)
class Case:
    """One function with its reference.

    Attributes
    ----------
    make : symbols -> expression.
    reference : the same of mpmath numbers.
    domain : for each argument the interval random points are drawn from.
    at : more points.
    orders : how many derivatives there are to compare; beyond them the function is refused.
    tolerance, single : relative, in double and single precision, beside the effect of rounding the arguments.
    """

    make: Callable[..., Any]
    reference: Callable[..., Any]
    domain: tuple[tuple[float, float], ...]
    at: tuple[tuple[float, ...], ...] = ()
    orders: int = 2
    tolerance: float = 1e-13
    single: float = 2e-5


def case(make: Any, reference: Any, *domain: tuple[float, float], at: Any = (), **options: Any) -> Case:
    """A row; a point of one argument may be a bare number."""
    points = tuple(point if isinstance(point, tuple) else (point,) for point in at)
    return Case(make, reference, domain, points, **options)


def raw(cls: Any, *more: Any) -> Callable[..., Any]:
    """The class without SymPy's own evaluation."""
    return lambda *arguments: cls(*arguments, *more, evaluate=False)


def flat(function: Callable[..., Any]) -> Callable[..., Any]:
    """A step function, with derivative 0, for mpmath's differences."""
    return lambda *arguments: mp.mpf(function(*(mp.mpf(round(float(v), 10)) for v in arguments)))


def real(function: Callable[..., Any]) -> Callable[..., Any]:
    """NaN where the value is complex."""

    def call(*arguments: Any) -> Any:
        value = mp.mpmathify(function(*arguments))
        if isinstance(value, mp.mpc):
            return value.real if abs(value.imag) < mp.mpf(10) ** (-mp.dps // 2) * abs(value) else mp.nan
        return value

    return call


def spherical(bessel: Callable[..., Any], order: int, mirror: int) -> Callable[..., Any]:
    def call(v: Any) -> Any:
        if v < 0:
            return mirror * call(-v)
        return mp.sqrt(mp.pi / 2 / v) * bessel(order + mp.mpf(1) / 2, v)

    return call


def sinc(v: Any) -> Any:
    return mp.sin(v) / v if v else mp.mpf(1)


def complete_pi(n: Any, m: Any) -> Any:
    return mp.ellippi(n, m) if n < 1 else mp.nan


def polar(v: Any) -> Any:
    return mp.pi if v < 0 else mp.mpf(0)


WIDE, POSITIVE, OPEN, UNIT = (-5.0, 5.0), (0.05, 20.0), (-0.97, 0.97), (0.02, 0.98)
half = mp.mpf(1) / 2

ELEMENTARY: dict[Any, list[Case]] = {
    sp.Abs: [case(sp.Abs, abs, WIDE)],
    sp.sign: [case(sp.sign, flat(mp.sign), WIDE)],
    sp.floor: [case(sp.floor, flat(mp.floor), WIDE)],
    sp.ceiling: [case(sp.ceiling, flat(mp.ceil), WIDE)],
    float_floor: [case(float_floor, flat(mp.floor), WIDE)],
    float_ceiling: [case(float_ceiling, flat(mp.ceil), WIDE)],
    sp.frac: [case(sp.frac, lambda v: v - mp.floor(v), WIDE)],
    sp.Mod: [
        case(sp.Mod, lambda a, b: a - b * mp.floor(a / b), WIDE, (0.5, 2.0)),
        case(sp.Mod, lambda a, b: a - b * mp.floor(a / b), WIDE, (-2.0, -0.5)),
    ],
    Rem: [case(Rem, lambda a, b: a - b * mp.mpf(int(a / b)), WIDE, (0.5, 2.0))],
    sp.Heaviside: [case(sp.Heaviside, flat(lambda v: mp.mpf(v > 0) if v else half), WIDE, at=[0.0])],
    sp.SingularityFunction: [
        case(
            lambda a: sp.SingularityFunction(a, sp.Rational(1, 2), 3),
            lambda v: (v - half) ** 3 if v > half else mp.mpf(0),
            WIDE,
        )
    ],
    sp.KroneckerDelta: [case(sp.KroneckerDelta, flat(lambda a, b: mp.mpf(a == b)), WIDE, WIDE, at=[(2.0, 2.0)])],
    sp.Piecewise: [
        case(
            lambda a: sp.Piecewise((sp.log(a), a > 1), (a**2, a > -1), (sp.exp(a), True)),
            lambda v: mp.log(v) if v > 1 else v**2 if v > -1 else mp.exp(v),
            WIDE,
        )
    ],
    sp.exp: [case(sp.exp, mp.exp, WIDE)],
    sp.log: [
        case(sp.log, real(mp.log), POSITIVE, at=[-1.0]),
        case(lambda a: sp.log(a, 10), mp.log10, POSITIVE),
    ],
    **{
        cls: [case(cls, getattr(mp, cls.__name__), WIDE)]
        for cls in (
            sp.sin,
            sp.cos,
            sp.tan,
            sp.cot,
            sp.sec,
            sp.csc,
            sp.atan,
            sp.sinh,
            sp.cosh,
            sp.asinh,
            sp.coth,
            sp.sech,
            sp.csch,
        )
    },
    sp.tanh: [case(sp.tanh, mp.tanh, (-2.0, 2.0))],
    **{cls: [case(cls, real(getattr(mp, cls.__name__)), OPEN, at=[1.5])] for cls in (sp.asin, sp.acos, sp.atanh)},
    sp.acosh: [case(sp.acosh, real(mp.acosh), (1.01, 20.0), at=[0.5, -2.0])],
    sp.acot: [case(sp.acot, lambda v: mp.atan(1 / v) if v else mp.pi / 2, WIDE, at=[-1.0, 1e8, -1e8])],
    sp.asec: [
        case(sp.asec, real(mp.asec), (1.001, 9.0), at=[1 + 2.0**-30, 0.5]),
        case(sp.asec, real(mp.asec), (-9.0, -1.001), at=[-1 - 2.0**-30]),
    ],
    sp.acsc: [
        case(sp.acsc, real(mp.acsc), (1.001, 9.0), at=[1 + 2.0**-30, 0.5]),
        case(sp.acsc, real(mp.acsc), (-9.0, -1.001)),
    ],
    sp.acoth: [
        case(sp.acoth, real(mp.acoth), (1.001, 9.0), at=[1 + 2.0**-30, 0.5, 1e9]),
        case(sp.acoth, real(mp.acoth), (-9.0, -1.001), at=[-1 - 2.0**-30]),
    ],
    sp.asech: [case(sp.asech, real(mp.asech), UNIT, at=[1 - 2.0**-30, 2.0, -0.5])],
    sp.acsch: [case(sp.acsch, mp.acsch, WIDE)],
    sp.atan2: [case(sp.atan2, mp.atan2, (0.1, 5.0), WIDE), case(sp.atan2, mp.atan2, (-5.0, -0.1), WIDE)],
    sp.sinc: [case(sp.sinc, sinc, (-20.0, 20.0), at=[0.0, 1e-9, 1e-3, 0.5, 3.0, -4.0])],
    sp.re: [case(sp.re, lambda v: v, WIDE)],
    sp.im: [case(sp.im, lambda v: 0 * v, WIDE)],
    sp.conjugate: [case(sp.conjugate, lambda v: v, WIDE)],
    transpose: [case(transpose, lambda v: v, WIDE)],
    adjoint: [case(adjoint, lambda v: v, WIDE)],
    Dagger: [case(Dagger, lambda v: v, WIDE)],
    sp.arg: [case(sp.arg, flat(polar), WIDE)],
    c.expm1: [case(c.expm1, mp.expm1, WIDE, at=[1e-10])],
    c.log1p: [case(c.log1p, real(mp.log1p), (-0.9, 5.0), at=[1e-10, -2.0])],
    c.exp2: [case(c.exp2, lambda v: mp.mpf(2) ** v, WIDE)],
    c.log2: [case(c.log2, lambda v: mp.log(v, 2), POSITIVE)],
    c.log10: [case(c.log10, mp.log10, POSITIVE)],
    c.Sqrt: [case(c.Sqrt, real(mp.sqrt), POSITIVE, at=[-1.0])],
    c.Cbrt: [case(c.Cbrt, mp.cbrt, POSITIVE)],
    c.hypot: [case(c.hypot, mp.hypot, WIDE, WIDE)],
    c.fma: [case(lambda a, b: c.fma(a, b, a), lambda a, b: a * b + a, WIDE, WIDE)],
    nodes.logaddexp: [case(nodes.logaddexp, lambda a, b: mp.log(mp.exp(a) + mp.exp(b)), WIDE, WIDE)],
    nodes.logaddexp2: [case(nodes.logaddexp2, lambda a, b: mp.log(mp.mpf(2) ** a + mp.mpf(2) ** b, 2), WIDE, WIDE)],
    nodes.maximum: [case(nodes.maximum, max, WIDE, WIDE)],
    nodes.minimum: [case(nodes.minimum, min, WIDE, WIDE)],
    scipy_nodes.cosm1: [case(scipy_nodes.cosm1, lambda v: mp.cos(v) - 1, WIDE, at=[1e-9])],
    scipy_nodes.powm1: [case(scipy_nodes.powm1, mp.powm1, (0.2, 3.0), (0.2, 3.0))],
}

SPECIAL: dict[Any, list[Case]] = {
    sp.erf: [case(sp.erf, mp.erf, WIDE, at=[0.0, 1e-20])],
    sp.erfc: [case(sp.erfc, mp.erfc, WIDE, at=[20.0])],
    sp.erfi: [case(sp.erfi, mp.erfi, WIDE)],
    sp.erfinv: [case(sp.erfinv, mp.erfinv, OPEN)],
    sp.erfcinv: [case(sp.erfcinv, lambda v: mp.erfinv(1 - v), (0.02, 1.98))],
    sp.erf2: [case(sp.erf2, lambda a, b: mp.erf(b) - mp.erf(a), (-4.0, -1.0), WIDE, at=[(5.0, 6.0)])],
    sp.erf2inv: [case(sp.erf2inv, lambda a, b: mp.erfinv(b + mp.erf(a)), (-0.4, 0.4), (-0.4, 0.4))],
    sp.gamma: [case(sp.gamma, mp.gamma, (-4.9, 20.0), at=[100.5])],
    sp.loggamma: [case(sp.loggamma, real(mp.loggamma), POSITIVE, at=[-0.5, 1e5])],
    sp.digamma: [case(raw(sp.digamma), mp.digamma, (-4.9, 20.0))],
    sp.trigamma: [case(raw(sp.trigamma), lambda v: mp.psi(1, v), (-4.9, 20.0))],
    sp.polygamma: [case(partial(sp.polygamma, order), partial(mp.psi, order), (-4.9, 20.0)) for order in (0, 1, 2, 3)],
    sp.beta: [case(sp.beta, mp.beta, (0.2, 6.0), (0.2, 6.0))],
    sp.betainc: [
        case(lambda a: sp.betainc(2, sp.Rational(1, 3), 0, a), lambda v: mp.betainc(2, mp.mpf(1) / 3, 0, v), UNIT),
        case(lambda a, b: sp.betainc(2, 3, a, b), lambda a, b: mp.betainc(2, 3, a, b), (0.1, 0.4), (0.6, 0.9)),
    ],
    sp.betainc_regularized: [
        case(lambda a: sp.betainc_regularized(2, 3, 0, a), lambda v: mp.betainc(2, 3, 0, v, regularized=True), UNIT)
    ],
    sp.lowergamma: [case(partial(sp.lowergamma, 2.3), lambda v: mp.gammainc(2.3, 0, v), POSITIVE)],
    sp.uppergamma: [case(partial(sp.uppergamma, 2.3), lambda v: mp.gammainc(2.3, v), POSITIVE)],
    sp.harmonic: [
        case(sp.harmonic, mp.harmonic, (0.5, 20.0)),
        case(lambda a: sp.harmonic(a, 3), lambda v: mp.zeta(3) - mp.zeta(3, v + 1), (0.5, 20.0)),
    ],
    sp.factorial: [case(sp.factorial, mp.factorial, (-0.9, 20.0))],
    sp.factorial2: [case(sp.factorial2, mp.fac2, (0.1, 9.0), tolerance=1e-12)],
    sp.binomial: [
        case(sp.binomial, mp.binomial, (5.0, 9.0), (0.5, 4.0), tolerance=1e-12),
        case(lambda a: sp.binomial(a, 3), lambda v: mp.binomial(v, 3), WIDE, at=[0.0, 1.0, 2.0]),
    ],
    sp.RisingFactorial: [
        case(sp.RisingFactorial, mp.rf, (0.5, 9.0), (0.5, 4.0), tolerance=1e-12),
        case(lambda a: sp.RisingFactorial(a, 3), lambda v: mp.rf(v, 3), WIDE),
    ],
    sp.FallingFactorial: [case(sp.FallingFactorial, mp.ff, (5.0, 9.0), (0.5, 4.0), tolerance=1e-12)],
    sp.catalan: [
        case(
            sp.catalan,
            lambda v: 4**v * mp.gamma(v + half) / mp.sqrt(mp.pi) / mp.gamma(v + 2),
            (0.5, 9.0),
            tolerance=1e-12,
        )
    ],
    sp.zeta: [
        case(partial(sp.zeta, 2.5), lambda v: mp.zeta(2.5, v), POSITIVE),
        case(sp.zeta, mp.zeta, (-5.0, 20.0), orders=0, at=[1 + 2.0**-30]),
    ],
    sp.dirichlet_eta: [case(sp.dirichlet_eta, mp.altzeta, (-5.0, 20.0), orders=0, at=[1.0, 1 + 2.0**-30])],
    sp.polylog: [
        case(partial(sp.polylog, 2), real(partial(mp.polylog, 2)), (-20.0, 0.98), at=[1e-9, 0.5, -0.5]),
        case(partial(sp.polylog, 1), lambda v: -mp.log1p(-v), (-20.0, 0.98)),
    ],
    sp.besselj: [case(partial(sp.besselj, order), partial(mp.besselj, order), (-9.0, 9.0)) for order in (0, 1, 2)]
    + [case(partial(sp.besselj, 2.5), partial(mp.besselj, 2.5), POSITIVE)],
    sp.bessely: [case(partial(sp.bessely, order), partial(mp.bessely, order), POSITIVE) for order in (0, 1, 2.5)],
    sp.besseli: [case(partial(sp.besseli, order), partial(mp.besseli, order), POSITIVE) for order in (0, 1, 2.5)],
    sp.besselk: [case(partial(sp.besselk, order), partial(mp.besselk, order), POSITIVE) for order in (0, 1, 2.5)],
    sp.jn: [case(partial(sp.jn, m), spherical(mp.besselj, m, (-1) ** m), WIDE) for m in (0, 1, 3)]
    + [case(partial(sp.jn, half), lambda v: mp.sqrt(mp.pi / 2 / v) * mp.besselj(1, v), POSITIVE)],
    sp.yn: [case(partial(sp.yn, m), spherical(mp.bessely, m, (-1) ** (m + 1)), WIDE) for m in (0, 1, 3)],
    sp.airyai: [case(sp.airyai, mp.airyai, WIDE)],
    sp.airybi: [case(sp.airybi, mp.airybi, WIDE)],
    sp.airyaiprime: [case(sp.airyaiprime, lambda v: mp.airyai(v, derivative=1), WIDE)],
    sp.airybiprime: [case(sp.airybiprime, lambda v: mp.airybi(v, derivative=1), WIDE)],
    sp.elliptic_k: [case(sp.elliptic_k, real(mp.ellipk), (-20.0, 0.98), at=[0.0, 1 - 2.0**-30])],
    sp.elliptic_f: [
        case(sp.elliptic_f, mp.ellipf, (-1.4, 1.4), (-4.0, -0.3)),
        case(sp.elliptic_f, mp.ellipf, (2.0, 9.0), (0.3, 0.9)),
    ],
    sp.elliptic_e: [
        case(sp.elliptic_e, real(mp.ellipe), (-20.0, 0.98), at=[0.0, 1 - 2.0**-30]),
        case(sp.elliptic_e, mp.ellipe, (-1.4, 1.4), (-4.0, -0.3)),
        case(sp.elliptic_e, mp.ellipe, (2.0, 9.0), (0.3, 0.9)),
    ],
    # Next to an amplitude of 0, and where n and m are close, its second derivatives lose digits.
    sp.elliptic_pi: [
        case(sp.elliptic_pi, complete_pi, (-3.0, -0.5), (0.3, 0.9), tolerance=1e-12, at=[(2.0, 0.5)]),
        case(
            partial(sp.elliptic_pi, -1), partial(mp.ellippi, -1), (0.3, 5.0), (0.3, 0.9), tolerance=1e-12, single=1e-2
        ),
    ],
    sp.Ei: [case(sp.Ei, mp.ei, WIDE)],
    sp.expint: [
        case(partial(sp.expint, order), real(partial(mp.expint, order)), POSITIVE, at=[-1.0]) for order in (1, 2, 3)
    ]
    + [case(partial(sp.expint, 0.3), partial(mp.expint, 0.3), POSITIVE)],
    sp.li: [case(sp.li, mp.li, (0.05, 0.9)), case(sp.li, mp.li, (1.1, 20.0))],
    sp.Li: [case(sp.Li, lambda v: mp.li(v, offset=True), (1.1, 20.0))],
    sp.Si: [case(sp.Si, mp.si, (-20.0, 20.0), at=[0.0, 1e-5])],
    sp.Ci: [case(sp.Ci, real(mp.ci), POSITIVE, at=[-1.0])],
    sp.Shi: [case(sp.Shi, mp.shi, (-20.0, 20.0), at=[0.0, 1e-5])],
    sp.Chi: [case(sp.Chi, real(mp.chi), POSITIVE, at=[-1.0])],
    sp.fresnels: [case(sp.fresnels, mp.fresnels, WIDE)],
    sp.fresnelc: [case(sp.fresnelc, mp.fresnelc, WIDE)],
    sp.LambertW: [
        case(sp.LambertW, real(mp.lambertw), (-0.35, 20.0), at=[0.0, -0.5]),
        case(lambda a: sp.LambertW(a, -1), real(lambda v: mp.lambertw(v, -1)), (-0.36, -0.01), at=[1.0]),
    ],
    sp.hyper: [case(lambda a: sp.hyper((half, 2), (3,), a), lambda v: mp.hyp2f1(0.5, 2, 3, v), (-5.0, 0.9))],
    sp.legendre: [case(partial(sp.legendre, 4), partial(mp.legendre, 4), WIDE)],
    sp.assoc_legendre: [case(partial(sp.assoc_legendre, 3, 2), lambda v: 15 * v * (1 - v**2), OPEN)],
    sp.chebyshevt: [case(partial(sp.chebyshevt, 4), partial(mp.chebyt, 4), WIDE)],
    sp.chebyshevu: [case(partial(sp.chebyshevu, 4), partial(mp.chebyu, 4), WIDE)],
    sp.hermite: [case(partial(sp.hermite, 4), partial(mp.hermite, 4), WIDE)],
    hermite_prob: [case(partial(hermite_prob, 4), lambda v: mp.hermite(4, v / mp.sqrt(2)) / 4, WIDE)],
    sp.laguerre: [case(partial(sp.laguerre, 4), partial(mp.laguerre, 4, 0), WIDE)],
    sp.assoc_laguerre: [case(lambda a, b: sp.assoc_laguerre(3, a, b), lambda a, b: mp.laguerre(3, a, b), UNIT, WIDE)],
    sp.gegenbauer: [case(lambda a, b: sp.gegenbauer(3, a, b), lambda a, b: mp.gegenbauer(3, a, b), UNIT, WIDE)],
    sp.jacobi: [case(lambda a, b: sp.jacobi(3, a, 1, b), lambda a, b: mp.jacobi(3, a, 1, b), UNIT, WIDE)],
}

CASES = {**ELEMENTARY, **SPECIAL}


def _names(text: str) -> set[str]:
    return set(text.split())


# Names of classes that are refused, by the reason.
REFUSED = _names(
    """
    exp_polar polar_lift periodic_argument principal_branch hankel1 hankel2 hn1 hn2 Ynm Znm Wavefunction
    andre bell bernoulli carmichael divisor_sigma euler fibonacci genocchi jacobi_symbol kronecker_symbol legendre_symbol
    lucas mobius motzkin partition primenu primeomega primepi reduced_totient totient tribonacci udivisor_sigma
    subfactorial stieltjes LeviCivita SchurNumber Wigner3j MultiFactorial chebyshevt_root chebyshevu_root
    IsNonPositiveInteger
    DiracDelta
    LaplaceTransform InverseLaplaceTransform MellinTransform InverseMellinTransform FourierTransform
    InverseFourierTransform SineTransform InverseSineTransform CosineTransform InverseCosineTransform HankelTransform
    InverseHankelTransform FiberForceLengthActiveDeGroote2016 FiberForceLengthPassiveDeGroote2016
    FiberForceLengthPassiveInverseDeGroote2016 FiberForceVelocityDeGroote2016 FiberForceVelocityInverseDeGroote2016
    TendonForceLengthDeGroote2016 TendonForceLengthInverseDeGroote2016
    appellf1 lerchphi marcumq mathieus mathieuc mathieusprime mathieucprime meijerg multigamma riemann_xi
    cmplx dsign isign kind merge Coeff Commutator WildFunction
    HyperRep_asin1 HyperRep_asin2 HyperRep_atanh HyperRep_cosasin HyperRep_log1 HyperRep_log2 HyperRep_power1
    HyperRep_power2 HyperRep_sinasin HyperRep_sqrts1 HyperRep_sqrts2
    """
)

# Bases of others, which no expression is an instance of.
BASES = _names(
    """
    AppliedUndef DefinedFunction CombinatorialFunction ExpBase RoundFunction HyperbolicFunction
    InverseHyperbolicFunction ReciprocalHyperbolicFunction TrigonometricFunction InverseTrigonometricFunction
    ReciprocalTrigonometricFunction AiryBase BesselBase SphericalBesselBase SphericalHankelBase FresnelIntegral
    TrigonometricIntegral HyperRep TupleParametersBase MathieuBase OrthogonalPolynomial IntegralTransform
    FourierTypeTransform HankelTypeTransform SineCosineTypeTransform CharacteristicCurveFunction FFunction F95Function
    """
)
