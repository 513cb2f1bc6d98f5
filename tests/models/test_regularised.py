"""Regularised incomplete gamma and beta functions as distributions are written by them, against mpmath."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from as_cupy import stand_in
from mpmath import mp
from sympy import Rational, betainc, betainc_regularized, gamma, log, loggamma, lowergamma, uppergamma

import symdiff as sd
from symdiff.errors import SymdiffError

x, a, b, k = sp.symbols("x a b k", positive=True)
FIRST = "value", "grad", "value_and_grad", "hessian", "hvp"


def P(s: Any, x: Any) -> Any:
    return mp.gammainc(s, 0, x, regularized=True)


def Q(s: Any, x: Any) -> Any:
    return mp.gammainc(s, x, mp.inf, regularized=True)


def I(a: Any, b: Any, x: Any, y: Any = None) -> Any:  # noqa: E743
    low, high = (0, x) if y is None else (x, y)
    return mp.betainc(a, b, low, high, regularized=True)


Case = tuple[Any, Callable[..., Any], tuple[Any, ...], tuple[float, ...], tuple[float, ...]]
# name -> expression of x, the same in mpmath, its constants, their values, points
CASES: dict[str, Case] = {
    "gamma": (lowergamma(a, x) / gamma(a), lambda x, a: P(a, x), (a,), (140.0,), (90.0, 150.0, 200.0)),
    "gamma, a million": (lowergamma(a, x) / gamma(a), lambda x, a: P(a, x), (a,), (1e6,), (998e3, 1003e3)),
    "gamma of a small parameter": (lowergamma(a, x) / gamma(a), lambda x, a: P(a, x), (a,), (0.3,), (1e-5, 2.0, 30.0)),
    "among factors": (
        3 * x * lowergamma(a, x**2) / (2 * gamma(a) * (1 + x)), lambda x, a: 3 * x * P(a, x**2) / 2 / (1 + x),
        (a,), (140.0,), (12.0, 11.0),
    ),
    "chi-square": (lowergamma(k / 2, x / 2) / gamma(k / 2), lambda x, k: P(k / 2, x / 2), (k,), (300.0,), (250.0, 400.0)),
    "upper tail": (1 - lowergamma(a, x) / gamma(a), lambda x, a: Q(a, x), (a,), (140.0,), (150.0, 300.0)),
    "lower tail": (1 - uppergamma(a, x) / gamma(a), lambda x, a: P(a, x), (a,), (140.0,), (50.0,)),
    "half a tail": (1 - (1 + lowergamma(a, x) / gamma(a)) / 2, lambda x, a: Q(a, x) / 2, (a,), (140.0,), (150.0,)),
    "Poisson": (uppergamma(k + 1, x) / sp.factorial(k), lambda x, k: Q(k + 1, x), (k,), (400.0,), (380.0, 500.0)),
    "log survival": (log(uppergamma(a, x) / gamma(a)), lambda x, a: log_(Q(a, x)), (a,), (140.0,), (150.0, 300.0)),
    "log of 1 - P": (log(1 - lowergamma(a, x) / gamma(a)), lambda x, a: log_(Q(a, x)), (a,), (140.0,), (300.0,)),
    "log of a difference": (
        log((gamma(a) - lowergamma(a, x)) / gamma(a)), lambda x, a: log_(Q(a, x)), (a,), (140.0,), (300.0,)
    ),
    "difference of logs": (
        log(uppergamma(a, x)) - loggamma(a), lambda x, a: log_(Q(a, x)), (a,), (400.0,), (500.0,)
    ),
    "over exp loggamma": (
        lowergamma(a, x) * sp.exp(-loggamma(a)), lambda x, a: P(a, x), (a,), (400.0,), (380.0,)
    ),
    "of a number": (
        1 - lowergamma(Rational(703, 10), x) / gamma(Rational(703, 10)), lambda x: Q(mp.mpf("70.3"), x), (), (), (80.0, 150.0)
    ),
    "of a large number": (lowergamma(400.7, x) / gamma(400.7), lambda x: P(mp.mpf(400.7), x), (), (), (380.0,)),
    "of a large fraction": (
        lowergamma(Rational(4007, 10), x) / gamma(Rational(4007, 10)), lambda x: P(mp.mpf("400.7"), x), (), (), (380.0,)
    ),
    "beta": (betainc_regularized(a, b, 0, x), lambda x, a, b: I(a, b, x), (a, b), (400.0, 900.0), (0.3, 0.28)),
    "beta, of numbers": (betainc_regularized(400, 900, 0, x), lambda x: I(400, 900, x), (), (), (0.3,)),
    "beta, lopsided": (betainc_regularized(a, b, 0, x), lambda x, a, b: I(a, b, x), (a, b), (1e6, 2.0), (1 - 4e-6,)),
    "beta, small": (betainc_regularized(a, b, 0, x), lambda x, a, b: I(a, b, x), (a, b), (0.5, 0.3), (1e-3, 0.4)),
    "beta's tail": (1 - betainc_regularized(a, b, 0, x), lambda x, a, b: I(a, b, x, 1), (a, b), (400.0, 900.0), (0.4,)),
    "beta from x on": (betainc_regularized(a, b, x, 1), lambda x, a, b: I(a, b, x, 1), (a, b), (400.0, 900.0), (0.4,)),
    "beta's log tail": (
        log(1 - betainc_regularized(a, b, 0, x)), lambda x, a, b: log_(I(a, b, x, 1)), (a, b), (400.0, 900.0), (0.3, 0.4)
    ),
    "beta between": (
        betainc_regularized(a, b, x, x + Rational(1, 64)), lambda x, a, b: I(a, b, x, x + mp.mpf(1) / 64),
        (a, b), (400.0, 900.0), (0.25, 0.3, 0.42),
    ),
    "beta by the complete one": (
        betainc(a, b, 0, x) / sp.beta(a, b), lambda x, a, b: I(a, b, x), (a, b), (400.0, 900.0), (0.3,)
    ),
    "Student": (
        1 - betainc_regularized(k / 2, Rational(1, 2), 0, k / (k + x**2)) / 2,
        lambda x, k: 1 - I(k / 2, mp.mpf(1) / 2, k / (k + x**2)) / 2, (k,), (5.0,), (0.5, 3.0),
    ),
    "F": (
        betainc_regularized(a / 2, b / 2, 0, a * x / (a * x + b)), lambda x, a, b: I(a / 2, b / 2, a * x / (a * x + b)),
        (a, b), (500.0, 700.0), (1.1, 0.8),
    ),
    "binomial": (
        betainc_regularized(a - k, k + 1, 0, 1 - x), lambda x, a, k: I(a - k, k + 1, 1 - x),
        (a, k), (1000.0, 300.0), (0.28, 0.35),
    ),
}  # fmt: skip


def log_(v: Any) -> Any:
    return mp.log(v)


@pytest.mark.parametrize("name", CASES)
def test_value_and_derivatives(name: str) -> None:
    expression, exact, constants, values, points = CASES[name]
    module = sd.compile(sd.Model(expression, params=[x], constants=constants), emit=FIRST, cache=False)
    for point in points:
        with np.errstate(all="raise", under="ignore"):
            value, gradient = module.value_and_grad(point, *values)
            found = (value, gradient.x, module.hessian(point, *values).x.x)
            assert module.hvp(point, *values, (1.0,)).x == pytest.approx(found[2], rel=1e-13)
        with mp.workdps(50):
            known = [mp.mpf(v) for v in values]
            wanted = [mp.diff(lambda v, k=known: exact(v, *k), point, order, h=mp.mpf(10) ** -12) for order in range(3)]
        for mine, right, rtol in zip(found, map(float, wanted), (2e-13, 1e-12, 1e-11), strict=True):
            assert mine == pytest.approx(right, rel=rtol)


def density(a: Any, x: Any) -> Any:
    return mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a))


@pytest.mark.parametrize("parameter", [0.3, 1.0, 2.5, 15.9, 16.1, 300.0, 1e4, 1e6])
def test_the_density_keeps_its_digits(parameter: float) -> None:
    """Wherever it is a normal number, in both tails."""
    module = sd.compile(sd.Model(lowergamma(a, x) / gamma(a), params=[x], constants=[a]), emit=("grad",))
    spread = parameter**0.5
    points = np.concatenate(
        [parameter + spread * np.linspace(-30, 30, 61), parameter * np.linspace(0.87, 1.13, 21), [1e-5]]
    )
    points = points[(points > 0)]
    found = module.grad(points, np.full_like(points, parameter)).x
    with mp.workdps(40):
        for mine, at in zip(found.tolist(), points.tolist(), strict=True):
            right = density(mp.mpf(parameter), mp.mpf(at))
            if right > 1e-300:
                assert abs(mine / right - 1) < 1e-12


@pytest.mark.parametrize(("parameter", "slope", "curvature"), [(1.0, 1, -1), (2.0, 0, 1), (3.0, 0, 0), (300.0, 0, 0)])
def test_at_zero(parameter: float, slope: float, curvature: float) -> None:
    model = sd.Model(lowergamma(a, x) / gamma(a), params=[x], constants=[a])
    module = sd.compile(model, emit=FIRST)
    with np.errstate(all="raise"):
        assert module.value_and_grad(0.0, parameter) == (0, (slope,))
        assert module.hessian(0.0, parameter).x.x == curvature


@pytest.mark.parametrize("at", [0.0, 1.0])
@pytest.mark.parametrize(("first", "second"), [(1, 1), (1, 3), (2, 1), (2, 2), (3, 4), (400, 900)])
def test_beta_at_its_ends(first: int, second: int, at: float) -> None:
    """The density is a polynomial."""
    module = sd.compile(sd.Model(betainc_regularized(a, b, 0, x), params=[x], constants=[a, b]), emit=FIRST)
    polynomial = x ** (first - 1) * (1 - x) ** (second - 1)
    scale = float(1 / sp.beta(first, second).doit()) if first < 9 else 1.0
    with np.errstate(all="raise"):
        value, gradient = module.value_and_grad(at, float(first), float(second))
        curvature = module.hessian(at, float(first), float(second)).x.x
    assert value == at
    assert gradient.x == pytest.approx(scale * float(polynomial.subs(x, at)), rel=1e-14)
    assert curvature == pytest.approx(scale * float(sp.diff(polynomial, x).subs(x, at)), rel=1e-14)


def test_a_branch_not_taken_may_be_out_of_range() -> None:
    z = sp.Symbol("z")
    cases = sp.Piecewise(
        (lowergamma(a, z) / gamma(a), z > 0), (betainc_regularized(a, a, 0, z + 2), z > -2), (z**2, True)
    )
    module = sd.compile(sd.Model(cases, params=[z], constants=[a]), emit=FIRST)
    with np.errstate(all="raise"):
        assert module.value_and_grad(-5.0, 3.0) == (25, (-10,))
        assert module.hessian(-5.0, 3.0).z.z == 2


def test_the_derivative_by_a_parameter_is_refused() -> None:
    for expression in (lowergamma(a, x) / gamma(a), 1 - betainc_regularized(a, b, 0, x)):
        with pytest.raises(SymdiffError, match="has no closed form"):
            sd.compile(sd.Model(expression, params=[a], constants=[x, b][: len(expression.free_symbols) - 1]))


def test_closed_form_in_the_words_of_the_model() -> None:
    (form,) = sd.gradient(sd.Model(lowergamma(a, x) / gamma(a), params=[x], constants=[a])).values()
    assert sp.simplify(form - x ** (a - 1) * sp.exp(-x) / gamma(a)) == 0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_on_a_gpu(dtype: type) -> None:
    expression = lowergamma(a, x) / gamma(a) + log(1 - betainc_regularized(a, b, 0, x / 1000))
    model = sd.Model(sd.sum(expression), params=[a, b], data=[x])
    host = sd.compile(model, wrt="x", emit=FIRST, cache=False)
    at = np.array([130.0, 150.0, 160.0], dtype)
    with stand_in() as cupy:
        device = sd.compile(model, wrt="x", emit=FIRST, backend="cupy", cache=False)
        found = device.value_and_grad(dtype(140), dtype(900), cupy.asarray(at))
        slope, curvature = (
            cupy.asnumpy(found[1].x),
            cupy.asnumpy(device.hessian(dtype(140), dtype(900), cupy.asarray(at)).x.x),
        )
    _, gradient = host.value_and_grad(140.0, 900.0, at.astype(float))
    rtol = 1e-12 if dtype is np.float64 else 2e-3
    assert slope.dtype == dtype
    np.testing.assert_allclose(slope, gradient.x, rtol=rtol)
    np.testing.assert_allclose(curvature, host.hessian(140.0, 900.0, at.astype(float)).x.x, rtol=100 * rtol, atol=1e-9)
