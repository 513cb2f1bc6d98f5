"""Where derivatives are a matter of convention, and where a branch not taken must do no harm: one row a case.

Everything runs with floating-point errors raised and warnings as errors: a branch not taken may not even overflow in silence.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import sympy as sp
from sympy import ITE, Abs, And, Max, Min, Not, Or, Piecewise, Rational, Xor, exp, log, sign, sqrt, symbols

import symdiff as sd

w, b, c, x = symbols("w b c x")
n, m = symbols("n m", integer=True, positive=True)
A = sp.MatrixSymbol("A", n, m)
HUGE = 1e200  # whose square overflows


def derivatives(expression, params, values):
    """Value, gradient and Hessian of an expression at one point, with every floating-point error raised."""
    module = sd.compile(sd.Model(expression, params=params), emit=("value", "grad", "hessian", "hvp"))
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        hessian = module.hessian(*values)
        product = module.hvp(*values, tuple(np.ones_like(value) for value in values))
        found = module.value(*values), tuple(module.grad(*values)), tuple(tuple(row) for row in hessian)
    np.testing.assert_allclose(np.array(product, float), np.sum(np.array(hessian, float), axis=1), rtol=1e-12)
    return found


# name, expression of w and b, (w, b) -> value, gradient, Hessian
KINKS = [
    ("relu at 0", sd.relu(w) + b, (0, 0), 0, (0, 1), ((0, 0), (0, 0))),
    ("relu(w)**2 at 0", sd.relu(w) ** 2 * b, (0, 1), 0, (0, 0), ((0, 0), (0, 0))),
    ("|w| at 0", Abs(w) * b, (0, 2), 0, (0, 0), ((0, 0), (0, 0))),
    ("|w| below 0", Abs(w) * b, (-3, 2), 6, (-2, 3), ((0, -1), (-1, 0))),
    ("|w|**3 at 0", Abs(w) ** 3 + b, (0, 2), 2, (0, 1), ((0, 0), (0, 0))),
    ("w**(5/2) at 0", w ** Rational(5, 2) + b, (0, 1), 1, (0, 1), ((0, 0), (0, 0))),
    ("w**2 sqrt(w) at 0", w**2 * sqrt(w) + b, (0, 1), 1, (0, 1), ((0, 0), (0, 0))),
    ("|w|**(5/2) at 0", Abs(w) ** Rational(5, 2) + b, (0, 1), 1, (0, 1), ((0, 0), (0, 0))),
    ("sqrt(w**2) at 0", sqrt(w**2) + b, (0, 1), 1, (0, 1), ((0, 0), (0, 0))),
    ("sign at 0", sign(w) * b, (0, 2), 0, (0, 0), ((0, 0), (0, 0))),
    ("sign", sign(w) * b, (-1, 2), -2, (0, -1), ((0, 0), (0, 0))),
    ("Heaviside at 0", sp.Heaviside(w) * b, (0, 2), 1, (0, 0.5), ((0, 0), (0, 0))),
    ("Heaviside", sp.Heaviside(w) * b, (1, 2), 2, (0, 1), ((0, 0), (0, 0))),
    ("floor", sp.floor(w) * b, (2.5, 3), 6, (0, 2), ((0, 0), (0, 0))),
    ("floor on a step", sp.floor(w) * b, (2, 3), 6, (0, 2), ((0, 0), (0, 0))),
    ("ceiling", sp.ceiling(w) * b, (-2.5, 3), -6, (0, -2), ((0, 0), (0, 0))),
    ("frac", sp.frac(w) * b, (-2.25, 3), 2.25, (3, 0.75), ((0, 1), (1, 0))),
    ("Mod", sp.Mod(w, b), (-7, 3), 2, (1, 3), ((0, 0), (0, 0))),
    ("Max, a tie", Max(w, b), (3, 3), 3, (0.5, 0.5), ((0, 0), (0, 0))),
    ("Min, a tie", Min(w, b), (3, 3), 3, (0.5, 0.5), ((0, 0), (0, 0))),
    ("Max, three-way tie", Max(w, b, 2), (2, 2), 2, (1 / 3, 1 / 3), ((0, 0), (0, 0))),
    ("Min, three-way tie", Min(w, 2 * b, 2), (2, 1), 2, (1 / 3, 2 / 3), ((0, 0), (0, 0))),
    ("Max, two of three tie", Max(w, b, -5), (2, 2), 2, (0.5, 0.5), ((0, 0), (0, 0))),
    ("Max of squares, a tie", Max(w**2, b**2), (2, -2), 4, (2, -2), ((1, 0), (0, 1))),
    ("maximum, a tie", sd.maximum(w, 2 * b), (2, 1), 2, (0.5, 1), ((0, 0), (0, 0))),
    ("minimum, a tie", sd.minimum(w, 2 * b), (2, 1), 2, (0.5, 1), ((0, 0), (0, 0))),
    ("maximum, no tie", sd.maximum(w, b), (3, 1), 3, (1, 0), ((0, 0), (0, 0))),
    ("clip on its upper bound", sd.clip(w * b, -1, 1), (1, 1), 1, (1, 1), ((0, 1), (1, 0))),
    ("clip on its lower bound", sd.clip(w, b, 5), (1, 1), 1, (1, 0), ((0, 0), (0, 0))),
    ("clip outside", sd.clip(w, -1, b), (3, 2), 2, (0, 1), ((0, 0), (0, 0))),
    ("equal", sd.equal(w, b) * w, (2, 2), 2, (1, 0), ((0, 0), (0, 0))),
    ("stop_gradient", sd.stop_gradient(w) * w * b, (2, 3), 12, (6, 4), ((0, 2), (2, 0))),
    ("0**n", w**b, (0, 2), 0, (0, 0), ((2, 0), (0, 0))),
    ("0**1", w**b, (0, 1), 0, (1, 0), None),
    ("0**0", w**b, (0, 0), 1, (0, 0), None),
    ("w**0", w**b, (2, 0), 1, (0, math.log(2)), ((0, 0.5), (0.5, math.log(2) ** 2))),
    ("power of a negative number", w**3 * b, (-2, 1), -8, (12, -8), ((-12, 12), (12, 0))),
    ("sinc at 0", sp.sinc(w) * b, (0, 2), 2, (0, 1), ((-2 / 3, 0), (0, 0))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "point", "value", "gradient", "hessian"), [row[1:] for row in KINKS], ids=[r[0] for r in KINKS]
)
def test_kink(expression, point, value, gradient, hessian):
    if hessian is None:
        module = sd.compile(sd.Model(expression, params=[w, b]))
        assert module.value(*map(float, point)) == value
        assert tuple(module.grad(*map(float, point))) == gradient
        return
    found = derivatives(expression, [w, b], tuple(map(float, point)))
    for mine, wanted in zip(found, (value, gradient, hessian), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize(
    "power", [w ** Rational(3, 2), w * sqrt(w), Abs(w) ** Rational(3, 2), (w**2 + b**2) ** Rational(3, 2)]
)
def test_the_power_3_2_has_its_derivative_at_zero(power):
    module = sd.compile(sd.Model(power + b, params=[w, b]), emit=("value_and_grad",))
    with np.errstate(all="raise"):
        assert module.value_and_grad(0.0, 0.0) == (0, (0, 1))


def test_powers_of_zero_by_an_array_of_exponents():
    """x**0 and its derivatives beside those of x, x**2 and x**3, all at 0: as in PyTorch."""
    module = sd.compile(
        sd.Model(sd.sum(w**x), params=[w], data=[x]), wrt=["w", "x"], emit=("value", "grad", "hessian"), cache=False
    )
    exponents = np.array([0.0, 1.0, 2.0, 3.0])
    with np.errstate(all="raise"):
        assert module.value(0.0, exponents) == 1
        g = module.grad(0.0, exponents)
        assert g.w == 1
        np.testing.assert_array_equal(g.x, np.zeros(4))
        assert module.hessian(0.0, exponents).w.w == 2


# name, f(w), w where it is not taken: there f or a derivative of it is not finite, or overflows
SINGULAR = [
    ("log", log(w), -1.0),
    ("log at 0", log(w), 0.0),
    ("sqrt", sqrt(w), -1.0),
    ("sqrt at 0", sqrt(w), 0.0),
    ("1/w", 1 / w, 0.0),
    ("1/w**3", w**-3, 0.0),
    ("w**(1/3)", w ** Rational(1, 3), -1.0),
    ("w**2.5 at 0", w ** Rational(5, 2), -1.0),
    ("w**w", w**w, -1.5),
    ("2**w", 2**w, 1e5),
    ("exp", exp(w), 1e4),
    ("exp(-w)", exp(-w), -1e4),
    ("exp(w**2)", exp(w**2), HUGE),
    ("w**4", w**4, HUGE),
    ("sinh", sp.sinh(w), 1e4),
    ("cosh", sp.cosh(w), 1e4),
    ("asin", sp.asin(w), 2.0),
    ("acos", sp.acos(w), 1.0),
    ("acosh", sp.acosh(w), 0.5),
    ("atanh", sp.atanh(w), 1.0),
    ("log of log", log(log(w)), 0.5),
    ("sin(w)/w", sp.sin(w) / w, 0.0),
    ("log(1 + exp(w))/w", log(1 + exp(w)) / w, 0.0),
    ("atan2", sp.atan2(w, w), 0.0),
    ("tan", sp.tan(w), math.inf),
    ("Mod", sp.Mod(1, w), 0.0),
    ("sqrt(1 - w**2)", sqrt(1 - w**2), 2.0),
    ("log Max", log(Max(w, w / 2, -5)), -4.0),
    ("inner Piecewise", Piecewise((log(w), w < 5), (1 / w, True)), 0.0),
]
BRANCHES = [
    ("Piecewise", lambda f: Piecewise((f, c > 0), (b**2, True)), -1.0),
    ("Piecewise default", lambda f: Piecewise((b**2, c < 0), (f, True)), -1.0),
    ("nested", lambda f: Piecewise((Piecewise((f, c > 1), (b, c > 0), (b**2, True)), c > -5), (w, True)), -1.0),
    ("where", lambda f: sd.where(c > 0, f, b**2), -1.0),
    ("And", lambda f: Piecewise((f, And(c > 0, c < 1)), (b**2, True)), 2.0),
    ("Or", lambda f: Piecewise((f, Or(c > 0, c < -1)), (b**2, True)), -0.5),
    ("Not", lambda f: Piecewise((f, Not(And(c > -2, b > 0))), (b**2, True)), -1.0),
    ("Xor", lambda f: Piecewise((f, Xor(c > 0, b > 0)), (b**2, True)), 1.0),
    ("ITE", lambda f: Piecewise((f, ITE(c > 0, b > 0, b < 0)), (b**2, True)), -1.0),
]


@pytest.mark.parametrize(("branch", "at"), [row[1:] for row in BRANCHES], ids=[row[0] for row in BRANCHES])
@pytest.mark.parametrize(("function", "point"), [row[1:] for row in SINGULAR], ids=[row[0] for row in SINGULAR])
def test_a_branch_not_taken_contributes_nothing(function, point, branch, at):
    value, gradient, hessian = derivatives(branch(function), [w, b, c], (point, 3.0, at))
    assert value == 9
    assert gradient == (0, 6, 0)
    assert hessian == ((0, 0, 0), (0, 2, 0), (0, 0, 0))


def test_both_branches_in_one_array():
    module = sd.compile(
        sd.Model(sd.sum(Piecewise((w * log(x), x > 0), (w**2 * x, True))), params=[w], data=[x]),
        emit=("value", "hessian"),
    )
    with np.errstate(all="raise"):
        assert module.value(2.0, np.array([1.0, -1.0, 0.0])) == -4
        assert module.hessian(2.0, np.array([1.0, -1.0, 0.0])).w.w == -2


def test_a_branch_taken_for_no_sample_may_hold_what_is_not_finite():
    module = sd.compile(
        sd.Model(sd.sum(Piecewise((w * b, x > 0), (0, True))), params=[w, b], data=[x]), emit=("value",)
    )
    assert module.value(np.inf, 2.0, np.array([-1.0, -2.0])) == 0


def test_a_piecewise_without_default_is_nan_where_no_condition_holds():
    module = sd.compile(sd.Model(Piecewise((w, w > 1), (2 * w, w > 0)), params=[w]))
    np.testing.assert_array_equal(module.value(np.array([2.0, 0.5, -1.0])), [2, 1, np.nan])


def test_comparisons_with_nan_do_not_hold():
    module = sd.compile(sd.Model(Piecewise((w, w > 0), (b, True)), params=[w, b]))
    assert module.value(np.nan, 3.0) == 3
    module = sd.compile(sd.Model(Piecewise((w, sp.Ne(w, b)), (7, True)), params=[w, b]))
    assert np.isnan(module.value(np.nan, 3.0))


def test_nan_passes_through_arithmetic():
    module = sd.compile(sd.Model(w * b + Max(w, b), params=[w, b]))
    assert np.isnan(module.value(np.nan, 3.0))


def matrix(expression, emit=("value", "grad", "hessian")):
    return sd.compile(sd.Model(expression, params=[A]), emit=emit)


@pytest.mark.parametrize(("name", "entries", "expected"), [
    ("max", [[1, 3], [3, 3]], [[0, 1 / 3], [1 / 3, 1 / 3]]),
    ("min", [[1, 3], [1, 3]], [[1 / 2, 0], [1 / 2, 0]]),
    ("norm", [[0, 0], [0, 0]], [[0, 0], [0, 0]]),
])  # fmt: skip
def test_reductions_share_ties(name, entries, expected):
    module = matrix(getattr(sd, name)(A))
    with np.errstate(all="raise"):
        np.testing.assert_allclose(module.grad(np.array(entries, float)).A, expected, rtol=1e-15)
        np.testing.assert_array_equal(module.hessian(np.array(entries, float)).A.A, np.zeros((2, 2, 2, 2)))


def test_ties_along_an_axis_and_over_samples():
    module = matrix(sd.sum(sd.max(A, axis=1)))
    np.testing.assert_array_equal(module.grad(np.array([[1.0, 1.0], [0.0, 2.0]])).A, [[0.5, 0.5], [0, 1]])
    module = sd.compile(sd.Model(sd.max(w * x), params=[w], data=[x]), wrt=["w", "x"])
    g = module.grad(2.0, np.array([1.0, 5.0, 5.0]))
    assert g.w == 5
    np.testing.assert_array_equal(g.x, [0, 1, 1])


def test_the_norm_of_a_zero_row_beside_others():
    module = matrix(sd.sum(sd.norm(A, axis=1)))
    with np.errstate(all="raise"):
        g = module.grad(np.array([[0.0, 0.0], [3.0, 4.0]])).A
        H = module.hessian(np.array([[0.0, 0.0], [3.0, 4.0]])).A.A
    np.testing.assert_allclose(g, [[0, 0], [0.6, 0.8]], rtol=1e-15)
    np.testing.assert_array_equal(H[0], np.zeros((2, 2, 2)))
    np.testing.assert_allclose(H[1, :, 1], [[0.128, -0.096], [-0.096, 0.072]], rtol=1e-14)


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8])
def test_products_with_zeros(size, zeros):
    entries = np.arange(1.0, size + 1).reshape(1, size)
    entries[0, :zeros] = 0
    module = matrix(sd.prod(A), ("value", "grad", "hessian", "hvp"))
    flat = entries.ravel()
    others = [np.prod(np.delete(flat, i)) for i in range(size)]
    pairs = [[0 if i == j else np.prod(np.delete(flat, [i, j])) for j in range(size)] for i in range(size)]
    assert module.value(entries) == np.prod(flat)
    np.testing.assert_allclose(module.grad(entries).A.ravel(), others, rtol=1e-14)
    np.testing.assert_allclose(module.hessian(entries).A.A.reshape(size, size), pairs, rtol=1e-14)
    v = np.arange(2.0, size + 2).reshape(1, size)
    np.testing.assert_allclose(module.hvp(entries, (v,)).A.ravel(), pairs @ v.ravel(), rtol=1e-14)


def test_products_with_zeros_over_samples():
    module = sd.compile(sd.Model(sd.prod(w * x + b), params=[w, b], data=[x]), emit=("value", "grad", "hessian"))
    xs = np.array([1.0, 2.0, -3.0])  # the second factor is 0 at w = 1, b = -2
    assert module.value(1.0, -2.0, xs) == 0
    np.testing.assert_allclose(module.grad(1.0, -2.0, xs), (2 * 5, 5), rtol=1e-14)
    f0, f2 = -1, -5
    hessian = [[2 * 2 * (f2 + f0 * -3), 2 * (f2 + f0) + f2 * 1 + f0 * -3 - (f2 + f0) * 0], [0, 2 * (f0 + f2)]]
    found = module.hessian(1.0, -2.0, xs)
    assert found.w.w == hessian[0][0]
    assert found.b.b == hessian[1][1]
    assert found.w.b == found.b.w == f2 * (1 + 2) + f0 * (2 - 3)


@pytest.mark.parametrize(("entries", "value"), [
    ([[1000.0, 1000.0]], 1000 + math.log(2)),
    ([[-1000.0, -1001.0]], -1000 + math.log1p(math.exp(-1))),
    ([[1e300, 0.0]], 1e300),
    ([[-np.inf, 1.0]], 1.0),
    ([[-np.inf, -np.inf]], -np.inf),
    ([[np.inf, 1.0]], np.inf),
])  # fmt: skip
def test_logsumexp_at_extremes(entries, value):
    module = matrix(sd.logsumexp(A), ("value",))
    with np.errstate(over="raise", invalid="raise", divide="ignore"):
        assert module.value(np.array(entries)) == pytest.approx(value, rel=1e-15)


def test_logsumexp_and_softmax_keep_their_derivatives_at_extremes():
    entries = np.array([[1000.0, 1000.0, -1000.0]])
    for expression in (sd.logsumexp(A), sd.log(sd.sum(sd.exp(A))), sd.sum(sd.softmax(A).applyfunc(lambda e: e**2)) / 2):
        module = matrix(expression)
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            g, H = module.grad(entries).A, module.hessian(entries).A.A
        softmax = np.array([0.5, 0.5, 0])
        if "softmax" in str(expression):
            np.testing.assert_allclose(g, np.zeros((1, 3)), atol=1e-15)
        else:
            np.testing.assert_allclose(g[0], softmax, rtol=1e-15)
            np.testing.assert_allclose(H[0, :, 0], np.diag(softmax) - np.outer(softmax, softmax), rtol=1e-15)


@pytest.mark.parametrize("missing", [math.nan, math.inf, HUGE])
def test_what_a_mask_leaves_out_may_be_missing(missing):
    """Data that only a branch reads never reach value or derivatives where the branch is not taken."""
    y, mask = symbols("y mask")
    model = sd.Model(sd.sum(sd.where(mask > 0, exp(w * x) * (w * x - y) ** 2, 0)), params=[w], data=[x, y, mask])
    module = sd.compile(model, emit=("value", "grad", "hessian", "hvp"))
    known = (0.5, np.array([1.0, 2.0]), np.array([0.3, -1.0]), np.ones(2))
    holes = (0.5, np.array([1.0, missing, 2.0]), np.array([0.3, missing, -1.0]), np.array([1.0, 0.0, 1.0]))
    with np.errstate(all="raise"):
        assert module.value(*holes) == pytest.approx(module.value(*known), rel=1e-15)
        assert module.grad(*holes).w == pytest.approx(module.grad(*known).w, rel=1e-15)
        assert module.hessian(*holes).w.w == pytest.approx(module.hessian(*known).w.w, rel=1e-15)
        assert module.hvp(*holes, (1.0,)).w == pytest.approx(module.hvp(*known, (1.0,)).w, rel=1e-15)


def test_a_part_that_several_branches_read_is_kept_harmless_for_each():
    """log(w x) is read where x > 0 by one choice and where x > 1 by another."""
    part = log(w * x)
    both = sd.where(x > 0, part, 0) + sd.where(x > 1, part**2, 0)
    module = sd.compile(sd.Model(sd.sum(both), params=[w], data=[x]), emit=("value", "grad", "hessian"))
    at = np.array([-2.0, 0.5, 3.0])
    with np.errstate(all="raise"):
        assert module.value(2.0, at) == pytest.approx(math.log(1.0) + math.log(6.0) + math.log(6.0) ** 2)
        assert module.grad(2.0, at).w == pytest.approx(0.5 + 0.5 + math.log(6.0))
        assert module.hessian(2.0, at).w.w == pytest.approx(-0.25 - 0.25 + 0.5 - 0.5 * math.log(6.0))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("columns", [1, 9, 3000])
def test_what_a_mask_hides_does_not_leak_from_arrays_of_any_size(columns: int, dtype: type) -> None:
    """NaN and infinity where a unit is off, in rows and in transposed or strided arrays."""
    n, m = sp.symbols("n m")
    X, U = sd.Tensor("X", (n, m)), sd.Tensor("U", (n, m))
    module = sd.compile(
        sd.Model(outputs={"out": sd.where(X > 0, U * X, 0)}, params=[U], constants=[X]), emit=("value", "vjp")
    )
    x = np.random.default_rng(3).normal(size=(6, columns)).astype(dtype)
    u, cotangent = 2 * x, np.abs(x)
    for array, bad in ((u, np.nan), (cotangent, np.inf)):
        array[x <= 0] = bad
    for order in (np.ascontiguousarray, np.asfortranarray):
        with np.errstate(all="raise"):
            found, slope = module.out(order(u), order(x)), module.out_vjp(order(u), order(x), order(cotangent)).U
        assert found.dtype == slope.dtype == dtype
        np.testing.assert_array_equal(found, np.where(x > 0, 2 * x * x, 0))
        np.testing.assert_array_equal(slope, np.where(x > 0, np.abs(x) * x, 0))
