"""Every function of SymPy: compiled and compared with mpmath, or refused by name with what to do instead."""

from __future__ import annotations

import functools
import importlib
import itertools
import pkgutil
import re
import sys
import warnings
import zlib

import numpy as np
import pytest
import sympy as sp
from mpmath import mp
from scalar_cases import BASES, CASES, REFUSED
from sympy.core.function import WildFunction

import symdiff as sd
from symdiff.errors import UnsupportedError

REMEDY = re.compile(r": (.* )?(write|pass|call|give|use|replace|make|expand|compute|try)\b")
ROWS = [(cls.__name__, i, row) for cls, rows in CASES.items() for i, row in enumerate(rows)]
X = sp.symbols("x y")
EPS = {4: float(np.finfo(np.float32).eps), 8: float(np.finfo(np.float64).eps)}
# Twelve times the weights of central differences of order 0, 1, 2, 3.
STENCILS = ((0, 0, 12, 0, 0), (1, -8, 0, 8, -1), (-1, 16, -30, 16, -1), (-6, 12, 0, -12, 6))


@functools.cache
def sympy_functions() -> dict[type, str]:
    """Every public subclass of sympy.Function that SymPy defines anywhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in pkgutil.walk_packages(sp.__path__, "sympy."):
            if not re.search(r"\.(tests|benchmarks|conftest|this|__main__)", module.name):
                try:
                    importlib.import_module(module.name)
                except (ImportError, RuntimeError):
                    continue  # needs a package that is not here, or another version of one
    found: dict[type, str] = {}
    pending = [sp.Function]
    while pending:
        for cls in pending.pop().__subclasses__():
            module = sys.modules.get(cls.__module__ or "")
            own = any(value is cls for value in vars(module).values()) if module else False
            if own and cls not in found and module.__name__.startswith("sympy.") and not cls.__name__.startswith("_"):
                found[cls] = f"{module.__name__}.{cls.__name__}"
            pending.append(cls)
    return found


def test_every_function_of_sympy_is_compiled_or_refused():
    for cls, name in sympy_functions().items():
        places = [cls in CASES, cls.__name__ in REFUSED and cls not in CASES, cls.__name__ in BASES]
        assert sum(places) == 1, f"{name} is in {sum(places)} of CASES, REFUSED and BASES"


@pytest.mark.parametrize(
    "row", [row for *_, row in ROWS if row.orders], ids=[name for name, _, row in ROWS if row.orders]
)
def test_the_closed_form_compiles_again_to_the_same_numbers(row):
    symbols = X[: len(row.domain)]
    points = [float(low + 0.6 * (high - low)) for low, high in row.domain]
    expression = row.make(*symbols)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sd.errors.ModelWarning)
        without = symbols[1:] if type(expression) in (sp.elliptic_f, sp.elliptic_e) and len(symbols) == 2 else ()
        expected = compiled(expression, symbols, 1).grad(*points)
        gradient = sd.gradient(sd.Model(expression, params=symbols))
        for want, (symbol, closed) in zip(expected, gradient.items(), strict=True):
            if symbol in without:
                assert isinstance(closed, sd.NoForm)
                assert "carlson_rd has no closed form in SymPy" in str(closed)
                continue
            again = compiled(closed, symbols, 0).value(*points)
            assert float(again) == pytest.approx(float(want), rel=1e-12, abs=1e-14)


def test_what_is_refused_is_named_with_a_remedy():
    for cls, name in sympy_functions().items():
        if cls.__name__ not in REFUSED or cls in CASES:
            continue
        expression = cls("f") if cls is WildFunction else sp.Basic.__new__(cls, *X)
        with pytest.raises(UnsupportedError) as caught:
            sd.compile(sd.Model(sp.Add(1, expression, evaluate=False), params=X), cache=False)
        message = caught.value.message
        assert cls.__name__ in message, name
        assert REMEDY.search(message), message


@pytest.mark.parametrize(("row"), [row for *_, row in ROWS], ids=[f"{name}-{i}" if i else name for name, i, _ in ROWS])
def test_value_and_derivatives_against_mpmath(row, monkeypatch):
    symbols = X[: len(row.domain)]
    monkeypatch.setattr(mp, "dps", 60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sd.errors.ModelWarning)
        module = compiled(row.make(*symbols), symbols, row.orders)
    points = sample(row)
    with np.errstate(all="ignore"):
        found = derivatives(module, symbols, points, row.orders)
        single = derivatives(module, symbols, points.astype(np.float32), row.orders)
    for i, point in enumerate(points.T):
        compare(row, point, {orders: values[i] for orders, values in found.items()}, row.tolerance, 4 * EPS[8])
        if i < 2:
            rounded = point.astype(np.float32).astype(float)
            values = {orders: values[i] for orders, values in single.items()}
            compare(row, rounded, values, row.single, 16 * EPS[4])


def compiled(expression, symbols, orders):
    return sd.compile(
        sd.Model(expression, params=symbols), cache=False, emit=("value", "grad", "hessian")[: orders + 1]
    )


def sample(row):
    """Random points of the domain, the same in every run, and the row's own: one column a point."""
    random = np.random.default_rng(zlib.crc32(repr(row.domain).encode()))
    drawn = np.stack([random.uniform(low, high, 8) for low, high in row.domain])
    return np.concatenate([drawn, np.array(row.at).T.reshape(len(row.domain), -1)], axis=1) if row.at else drawn


def derivatives(module, symbols, points, orders):
    """(order in each argument) -> values at the points."""
    count = len(symbols)
    unit = np.eye(count, dtype=int)
    found = {(0,) * count: module.value(*points)}
    if orders >= 1:
        found |= {tuple(unit[i]): part for i, part in enumerate(module.grad(*points))}
    if orders >= 2:
        second = module.hessian(*points)
        found |= {tuple(unit[i] + unit[j]): second[i][j] for i in range(count) for j in range(i, count)}
    return found


def compare(row, point, found, tolerance, rounding):
    """Each value is right but for `tolerance` and for what rounding an argument by `rounding` may change."""
    grid = values_around(row, point)
    if not all(mp.isfinite(value) for value in grid.values()):
        assert not np.isfinite(found[0,] if len(point) == 1 else found[0, 0]), (point, found)
        return
    for orders, value in found.items():
        assert value.dtype == (np.float32 if rounding > 1e-10 else np.float64)
        want = difference(grid, orders, point)
        allowed = tolerance * abs(want) + 1e-30
        for i, coordinate in enumerate(point):
            slope = difference(grid, tuple(n + (i == j) for j, n in enumerate(orders)), point)
            allowed += rounding * abs(slope * coordinate)
        assert abs(mp.mpf(float(value)) - want) <= allowed, (orders, point, float(value), mp.nstr(want, 20))


def values_around(row, point):
    """mpmath's values on a grid of five points along each argument, whose step is tiny."""
    found = {}
    for offsets in itertools.product(range(-2, 3), repeat=len(point)):
        arguments = [mp.mpf(float(v)) + i * step(v) for v, i in zip(point, offsets, strict=True)]
        try:
            found[offsets] = mp.mpf(row.reference(*arguments))
        except (ZeroDivisionError, ValueError, TypeError):
            found[offsets] = mp.nan
    return found


def step(coordinate):
    return mp.mpf(10) ** -14 * max(1, abs(float(coordinate)))


def difference(grid, orders, point):
    """A derivative by central differences; right to some 30 digits, a third derivative to some 15."""
    total = mp.mpf(0)
    for offsets, value in grid.items():
        weight = mp.mpf(1)
        for offset, order in zip(offsets, orders, strict=True):
            weight *= mp.mpf(STENCILS[order][offset + 2]) / 12
        total += weight * value
    return total / mp.fprod(step(v) ** order for v, order in zip(point, orders, strict=True))


def pointwise(expression, *values, params=X[:1], constants=()):
    """Value, and gradient by each parameter, at one point."""
    module = sd.compile(sd.Model(expression, params=params, constants=constants), cache=False)
    return float(module.value(*values)), [float(part) for part in module.grad(*values)]


x, y = X


@pytest.mark.parametrize(
    ("expression", "at", "value", "slope"),
    [
        (sp.Max(x, 1, 2), 2.0, 2.0, 0.5),  # a tie of two of three
        (sp.Max(x, 1, 2), 3.0, 3.0, 1.0),
        (sp.Min(x, 1, 2), 1.0, 1.0, 0.5),
        (sp.Max(x, 2), 2.0, 2.0, 0.5),
        (sp.Min(x, 2), 2.0, 2.0, 0.5),
        (sp.Abs(x), 0.0, 0.0, 0.0),
        (sp.sign(x), 0.0, 0.0, 0.0),
        (sp.Heaviside(x), 0.0, 0.5, 0.0),
        (sp.Heaviside(x, 1), 0.0, 1.0, 0.0),
        (sp.real_root(x, 3), -8.0, -2.0, 1 / 12),
        (sp.cbrt(x), 8.0, 2.0, 1 / 12),
        (x**2, -3.0, 9.0, -6.0),
        (x**-3, -2.0, -0.125, -3 / 16),
        (x**3.0, -2.0, -8.0, 12.0),
        (x ** sp.Rational(2, 3), 8.0, 4.0, 1 / 3),
        (2**x, 3.0, 8.0, 8 * np.log(2)),
        (0**x, 2.0, 0.0, 0.0),
        (x**x, 2.0, 4.0, 4 * (np.log(2) + 1)),
        (
            sp.Piecewise((1, x > 5), (x, sp.And(x > 1, x < 3)), (0, sp.Or(x > 4, sp.Not(x > 0))), (7, True)),
            2.0,
            2.0,
            1.0,
        ),
        (sp.ITE(x > 1, x < 3, x > 0) & True, 2.0, 1.0, 0.0),
        (sp.acot(x), -1.0, -np.pi / 4, -0.5),
        (sp.acot(x), 0.0, np.pi / 2, -1.0),
        (sp.arg(x), -2.0, np.pi, 0.0),
        (sp.Piecewise((sp.gamma(x), x > 0), (x, True)), -1.0, -1.0, 1.0),
        (sp.Piecewise((sp.besselk(0, x), x > 0), (x, True)), 0.0, 0.0, 1.0),
        (sp.Piecewise((sp.asec(x), x > 1), (x, True)), 0.5, 0.5, 1.0),
        (sp.Piecewise((sp.expint(1, x), x > 0), (x, True)), -0.5, -0.5, 1.0),
        (sp.Piecewise((sp.elliptic_k(x), x < 1), (x, True)), 1.0, 1.0, 1.0),
        (sp.gamma(sp.Rational(1, 3)) * x + sp.log(2), 1.0, 2.6789385347077476 + np.log(2), 2.6789385347077476),
    ],
    ids=str,
)
def test_kinks_branches_and_powers(expression, at, value, slope):
    if getattr(expression, "is_Boolean", False):
        expression = sd.where(expression, 1, 0)
    with np.errstate(all="raise", under="ignore"):
        found = pointwise(expression, at)
    np.testing.assert_allclose([found[0], *found[1]], [value, slope], rtol=1e-14)


@pytest.mark.parametrize(
    "expression", [sp.sqrt(x), x ** sp.Rational(1, 3), sp.log(x), sp.asin(x - 5), sp.acosh(x)], ids=str
)
def test_what_has_no_real_value_is_nan(expression):
    with np.errstate(invalid="ignore"):
        assert np.isnan(pointwise(expression, -1.0)[0])


@pytest.mark.parametrize(
    ("function", "order"),
    [
        *((cls, 1) for cls in (sp.besselj, sp.bessely, sp.besseli, sp.besselk)),
        *((sp.polygamma, 2), (sp.zeta, 2.5), (sp.uppergamma, 1.5)),
    ],
)
def test_an_order_may_be_a_constant_but_not_what_is_differentiated_by(function, order):
    value, (slope,) = pointwise(function(y, x), 2.0, order, constants=[y])
    expected, (steep,) = pointwise(function(order, x), 2.0)
    np.testing.assert_allclose([value, slope], [expected, steep], rtol=1e-14)
    with pytest.raises(UnsupportedError, match=rf"derivative of {function.__name__} by .* has no closed form"):
        sd.compile(sd.Model(function(y, x), params=[x, y]), cache=False)


@pytest.mark.parametrize(
    "expression",
    [
        sp.legendre(y, x), sp.hermite(y, x), sp.jacobi(y, 2, 1, x), sp.polygamma(0.5, x), sp.harmonic(x, y), sp.polylog(3, x),
        sp.expint(1.5, x), sp.LambertW(x, 1), sp.uppergamma(-1.2, x), sp.SingularityFunction(x, 0, -1),
        sp.hyper((1, 2, 3), (4, 5), x), sp.meijerg([], [], [0], [], x), sp.Derivative(sp.Function("f")(x), x),
        sp.lerchphi(x, 1, 2), sp.hankel1(0, x),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_computed_soundly_is_refused_by_name(expression):
    with pytest.raises(UnsupportedError) as caught:
        sd.compile(sd.Model(expression * y, params=X), cache=False)
    assert type(expression).__name__ in str(caught.value)
    assert REMEDY.search(caught.value.message)


@pytest.mark.parametrize("z", [-8.0, -3.0, 0.5, 3.0, 8.0])
def test_tails_of_the_error_function_keep_their_digits(z):
    for expression, reference in (
        (1 - sp.erf(x), mp.erfc(z)),
        (1 + sp.erf(x), mp.erfc(-z)),
        ((1 + sp.erf(x)) / 2, mp.erfc(-z) / 2),
        (sp.Rational(1, 2) - sp.erf(x) / 2, mp.erfc(z) / 2),
        (1 - sp.erfc(x), mp.erf(z)),
        (1 - sp.erfc(x) / 2, mp.erfc(-z) / 2),
        (sd.gelu(x), z * mp.erfc(-z / mp.sqrt(2)) / 2),
    ):
        assert pointwise(expression, z)[0] == pytest.approx(float(reference), rel=1e-13, abs=0), expression


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sign", [1, -1])
def test_derivatives_at_arguments_whose_squares_leave_the_range(dtype, sign):
    """Neither x**2 nor y**2 may be formed."""
    exponent = sign * (20 if dtype is np.float32 else 170)
    at = np.array([2.0, -3.0]).astype(dtype) * dtype(10.0**exponent)
    angle = sd.compile(sd.Model(sp.atan2(x, y), params=[x, y]), cache=False)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = angle.grad(*at)
        a, b = map(mp.mpf, map(float, at))
        for mine, exact in zip(found, (b / (a**2 + b**2), -a / (a**2 + b**2)), strict=True):
            assert mine.dtype == dtype
            assert float(mine) == pytest.approx(float(exact), rel=4 * EPS[at.itemsize])
        inverse = sd.compile(sd.Model(sp.asinh(x), params=[x]), cache=False).grad(at[0]).x
        assert float(inverse) == pytest.approx(float(1 / mp.sqrt(1 + a**2)), rel=4 * EPS[at.itemsize])


def test_scipy_is_imported_only_where_it_is_needed():
    def source(expression):
        return sd.compile(sd.Model(expression, params=[x]), cache=False).__loader__.source

    assert "scipy" not in source(sp.sinc(x) + sp.acoth(x) + sp.sech(x))
    assert "scipy" not in source(sp.erf(x) + sp.erfc(x))
    assert "from scipy.special import erfinv as _erfinv\n" in source(sp.erfinv(x))
