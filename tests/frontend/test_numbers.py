"""Numbers beyond the range of doubles: right where the whole is a double, however large its parts; else a message."""

from __future__ import annotations

import warnings

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy import Float, Integer, Piecewise, Pow, Rational, binomial, exp, factorial, gamma, log, pi, sqrt, symbols

import symdiff as sd
from symdiff.errors import ModelWarning, UnsupportedError

w, x = symbols("w x")
HUGE, TINY = Integer(10) ** 400, Rational(1, 10**400)
n = sp.Symbol("n", integer=True, positive=True)
A, v, T = sp.MatrixSymbol("A", 2, 2), sp.MatrixSymbol("v", 2, 1), sd.Tensor("T", n)

# (expression, where); what is right comes from mpmath, of the expression and of its derivative
RIGHT = [
    (w**171 / factorial(171), 1.0),
    (w**171 / factorial(171), 170.0),  # 170**171 is no double either
    (-(w**171) / factorial(171), 3.0),
    (w**-171 * factorial(171), 170.0),
    (w / factorial(171), 1e3),
    (w / factorial(180), 1e30),
    (w**200 * exp(-w) / factorial(200), 180.0),
    (binomial(1100, 550) * w**550 * (1 - w) ** 550, 0.5),
    (w**3 * exp(2 * w) / gamma(Rational(401, 2)), 2.0),
    (w * Rational(1, 10**320), 1e10),
    (w * Rational(10**400, 3**838), 2.0),
    (w * Float("1e-310", 30), 1e10),
    (w**2 * HUGE, 1e-250),
    (w * HUGE * sp.sin(w), 1e-250),
    (w * exp(-1000), 1e200),
    (w * exp(1000) * exp(-1000 * w), 1.0),
    (w * pi**1000 * exp(-1000), 2.0),
    (w * sqrt(factorial(200)), 2.0),
    (w / sqrt(factorial(200)), 2.0),
    (w * (HUGE + 1) ** Rational(1, 3), 2.0),
    (w * log(factorial(200)), 2.0),
    (w * (sqrt(2) * 10**400 - sqrt(3) * 10**400) / 10**400, 2.0),
    (w * (sp.E - Rational(2718281828459045, 10**15)), 2.0),  # all digits of a difference of numbers
    (w * sp.fibonacci(2000) / sp.fibonacci(1999), 2.0),
    (w * Pow(10, -320, evaluate=False), 1e5),
    (w / sp.cosh(720), 2.0),
    (Integer(10) ** (400 * w) * w, 0.5),
    (HUGE ** (w / 2), 0.5),
    (TINY**w, 0.1),
    (w + TINY, 1.0),
    (Piecewise((w**2, w < HUGE), (0, True)), 2.0),
    (Piecewise((w**2, w > -HUGE), (0, True)), 2.0),
    (sd.clip(w, TINY, HUGE) ** 2, 2.0),
    (sp.Min(w, HUGE) ** 2, 2.0),
]  # fmt: skip


def exact(expression, at):
    with mpmath.workdps(60):
        return float(sp.lambdify(w, expression, "mpmath")(mpmath.mpf(at)))


@pytest.mark.parametrize(("expression", "at"), RIGHT, ids=lambda value: str(value)[:40])
def test_the_whole_is_right_where_it_is_a_double(expression, at):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        module = sd.compile(sd.Model(expression, params=[w]), cache=False)
        value, gradient = module.value_and_grad(at)
    smooth = expression.replace(sd.functions.elementwise.clip, lambda e, low, high: e).replace(sp.Min, lambda *e: w)
    for mine, right in ((value, exact(smooth, at)), (gradient.w, exact(sp.diff(smooth, w), at))):
        assert abs(mine - right) <= 3e-13 * abs(right) + 1e-323


def test_arrays_matrices_and_tensors_scale_too():
    small = float(1 / mpmath.factorial(171))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        of_data = sd.compile(sd.Model(sd.sum(w * x / factorial(180)), params=[w], data=[x]), cache=False)
    np.testing.assert_allclose(
        of_data.value(1e30, np.array([1.0, 2.0])), float(3e30 / mpmath.factorial(180)), rtol=1e-13
    )
    of_matrix = sd.compile(sd.Model(outputs={"o": A * v / factorial(171)}, params=[A, v]), cache=False)
    np.testing.assert_allclose(of_matrix.o(1e3 * np.eye(2), np.ones((2, 1))), np.full((2, 1), 1e3 * small), rtol=1e-13)
    of_tensor = sd.compile(sd.Model(sd.sum(T**171 / factorial(171)), params=[T]), cache=False)
    np.testing.assert_allclose(of_tensor.value(np.ones(3)), 3 * small, rtol=1e-13)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (w + factorial(171), "1.24E[+]309 is larger"),
        (w**HUGE, "1.00E[+]400 is larger"),
        (w + 10 * Integer(17) ** 307, "is larger"),
        (sp.Mod(w, HUGE), "is larger"),
        (Piecewise((w, w > 0), (HUGE, True)), "is larger"),
        (sd.sum(sp.Matrix([[w, HUGE]])), "is larger"),
        (w * factorial(1000), "4.02E[+]2567 is beyond"),
        (w / factorial(1000), "2.49E-2568 is beyond"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_number_that_no_double_is_is_refused(expression, text):
    with pytest.raises(UnsupportedError, match=text):
        sd.compile(sd.Model(expression, params=[w]), cache=False)
