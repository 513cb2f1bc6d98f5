"""Elementwise functions against values of high precision: as good as PyTorch's, or within a few units of rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch as t
from mpmath import mp

import symdiff as sd

x = sp.symbols("x")
EDGES = (
    0.0,
    -0.0,
    5e-324,
    1e-300,
    1e-40,
    1e-8,
    0.5,
    5.9,
    6.0,
    6.1,
    9.3,
    26.5,
    27.3,
    28.0,
    40.0,
    1e10,
    1e300,
    np.inf,
    np.nan,
)
CDF = (1 + sp.erf(x / sp.sqrt(2))) / 2


def compiled(expression: Any, **options: Any) -> Any:
    return sd.compile(sd.Model(expression, params=[x]), cache=False, **options)


def units(found: np.ndarray, exact: list[Any]) -> np.ndarray:
    """Errors in units of rounding of the exact values."""
    spacing = np.spacing(np.abs(np.array([float(value) for value in exact]).astype(found.dtype)))
    pairs = zip(found.tolist(), exact, spacing.tolist(), strict=True)
    return np.array([float(abs(mp.mpf(one) - value) / mp.mpf(unit)) for one, value, unit in pairs])


def points(low: float, high: float, dtype: type, count: int = 128) -> np.ndarray:
    return np.random.default_rng(5).uniform(low, high, count).astype(dtype)


@pytest.mark.parametrize(("function", "exact", "bounds"), [(sp.erf, mp.erf, (2, 0.6)), (sp.erfc, mp.erfc, (4, 1.5))])
@pytest.mark.parametrize("few", [True, False])
def test_error_functions_are_right_to_their_bounds(function: Any, exact: Any, bounds: Any, few: bool) -> None:
    value = compiled(function(x)).value
    ranges = [(-28, 28), (-6, 6), (-1, 1), (1, 3), (3, 6), (6, 12), (12, 26), (-1e-3, 1e-3), (-1e-300, 1e-300)]
    for dtype, bound in zip((np.float64, np.float32), bounds, strict=True):
        for low, high in ranges:
            given = points(low, high, dtype, 20 if few else 128)
            with mp.workdps(40), np.errstate(all="raise", under="ignore"):
                found = value(given)
                assert found.dtype == dtype
                assert units(found, [exact(mp.mpf(float(entry))) for entry in given]).max() <= bound


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(), (len(EDGES),), (8, len(EDGES))])
def test_error_functions_at_the_edges(sign: int, dtype: type, shape: tuple[int, ...]) -> None:
    with np.errstate(over="ignore"):
        edges = sign * np.array(EDGES).astype(dtype)
    for function, exact in ((sp.erf, mp.erf), (sp.erfc, mp.erfc)):
        value = compiled(function(x)).value
        wanted = np.array([float(exact(mp.mpf(float(np.clip(entry, -40, 40))))) for entry in edges])
        with np.errstate(all="raise", under="ignore"):
            found = np.array([value(v) for v in edges]) if not shape else value(np.broadcast_to(edges, shape))
        smallest = np.finfo(dtype).smallest_subnormal
        np.testing.assert_allclose(
            found, np.broadcast_to(wanted, found.shape), rtol=4 * np.finfo(dtype).eps, atol=smallest
        )
        if function is sp.erf:
            np.testing.assert_array_equal(np.signbit(found), np.broadcast_to(np.signbit(edges), found.shape))


@pytest.mark.parametrize("count", [5, 99, 128])
def test_the_slope_of_a_tail_keeps_its_digits(count: int) -> None:
    """exp(-x**2) that is computed for erfc is right where the rounding of x**2 alone costs a hundred units."""
    given = points(10, 26, np.float64, count)
    slope = compiled(sp.erfc(x)).value_and_grad(given)[1].x
    with mp.workdps(40):
        exact = [-2 / mp.sqrt(mp.pi) * mp.exp(-(mp.mpf(float(entry)) ** 2)) for entry in given]
        assert units(slope, exact).max() <= 3


# name -> expression, the same in PyTorch, in mpmath, and an interval
FUNCTIONS: dict[str, tuple[Any, Callable[[Any], Any], Callable[[Any], Any], tuple[float, float]]] = {
    "sin": (sp.sin(x), t.sin, mp.sin, (-30, 30)),
    "cos": (sp.cos(x), t.cos, mp.cos, (-30, 30)),
    "tan": (sp.tan(x), t.tan, mp.tan, (-30, 30)),
    "exp": (sp.exp(x), t.exp, mp.exp, (-60, 60)),
    "log": (sp.log(x), t.log, mp.log, (1e-3, 30)),
    "sqrt": (sp.sqrt(x), t.sqrt, mp.sqrt, (1e-3, 30)),
    "cube": (x**3, lambda v: v**3, lambda v: v**3, (-30, 30)),
    "fifth power": (x**5, lambda v: v**5, lambda v: v**5, (-30, 30)),
    "inverse square": (x**-2, lambda v: v**-2, lambda v: v**-2, (1, 30)),
    "power 3/2": (x ** sp.Rational(3, 2), lambda v: v**1.5, lambda v: v**1.5, (1e-3, 30)),
    "tanh": (sp.tanh(x), t.tanh, mp.tanh, (-1, 1)),
    "sinh": (sp.sinh(x), t.sinh, mp.sinh, (-30, 30)),
    "cosh": (sp.cosh(x), t.cosh, mp.cosh, (-30, 30)),
    "atan": (sp.atan(x), t.atan, mp.atan, (-30, 30)),
    "sigmoid": (sd.sigmoid(x), t.sigmoid, lambda v: 1 / (1 + mp.exp(-v)), (-30, 30)),
    "softplus": (sd.softplus(x), lambda v: t.logaddexp(v, 0 * v), lambda v: mp.log1p(mp.exp(v)), (-30, 30)),
    "gelu": (sd.gelu(x), t.nn.functional.gelu, lambda v: v * mp.erfc(-v / mp.sqrt(2)) / 2, (0.1, 8)),
    "erf": (sp.erf(x), t.erf, mp.erf, (-5, 5)),
    "erfc": (sp.erfc(x), t.erfc, mp.erfc, (-5, 5)),
    "normal distribution": (CDF, lambda v: (1 + t.erf(v / 2**0.5)) / 2, mp.ncdf, (-5, 8)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_exact_is_no_less_accurate_than_torch(name: str, dtype: type) -> None:
    """Value and derivative: an error is at most PyTorch's largest, or 4 units, and what rounding an argument may do."""
    expression, theirs, exact, interval = FUNCTIONS[name]
    given = points(*interval, dtype)
    tensor = t.tensor(given, requires_grad=True)
    value = theirs(tensor)
    (slope,) = t.autograd.grad(value.sum(), tensor)
    mine, gradient = compiled(expression).value_and_grad(given)
    for order, (own, other) in enumerate([(mine, value.detach().numpy()), (gradient.x, slope.numpy())]):
        with mp.workdps(60):
            at = [mp.mpf(float(entry)) for entry in given]
            wanted = [mp.diff(exact, v, order) for v in at]
            rounded = [float(abs(mp.diff(exact, v, order + 1) * v)) * np.finfo(dtype).eps for v in at]
            spare = np.array(rounded) / np.spacing(np.abs(np.array([float(v) for v in wanted], dtype)))
            assert (units(own, wanted) <= np.maximum(units(other, wanted).max(), 4 + spare)).all()


def nearest_to_quarters(count: int, dtype: type) -> np.ndarray:
    """The numbers nearest to multiples of pi/2, up to 5e4, where sine or cosine has fewest digits."""
    k = np.random.default_rng(6).integers(-31_000, 31_000, count)
    return np.concatenate([np.arange(-40, 41) * np.pi / 2, k * np.pi / 2]).astype(dtype)


def sine_and_cosine(given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both, as a generated module has them where both are needed."""
    module = compiled(sp.sin(x), emit=("value_and_grad",))
    assert "_sin_cos(x)" in module.__loader__.source
    with np.errstate(all="raise", under="ignore"):
        value, gradient = module.value_and_grad(given)
    assert value.dtype == gradient.x.dtype == given.dtype
    assert value.shape == gradient.x.shape == given.shape
    return value, gradient.x


@pytest.mark.parametrize("reach", [1e-300, 1e-3, 0.8, 3, 30, 4.9e4, 1e6])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sine_and_cosine_of_one_array_are_right_to_a_unit(reach: float, dtype: type) -> None:
    given = points(-reach, reach, dtype, 4_000)
    with mp.workdps(40):
        for found, exact in zip(sine_and_cosine(given), (mp.sin, mp.cos), strict=True):
            assert units(found, [exact(mp.mpf(float(entry))) for entry in given]).max() <= (
                1 if dtype is np.float64 else 2
            )


def test_sine_and_cosine_keep_their_digits_near_zeros() -> None:
    given = nearest_to_quarters(4_000, np.float64)
    with mp.workdps(60):
        for found, exact in zip(sine_and_cosine(given), (mp.sin, mp.cos), strict=True):
            assert units(found, [exact(mp.mpf(float(entry))) for entry in given]).max() <= 1


@pytest.mark.parametrize("shape", [(), (1,), (999,), (1_000,), (65_536,), (65_537,), (300, 500)])
@pytest.mark.parametrize("step", [1, 3, -1])
def test_sine_and_cosine_of_any_shape(shape: tuple[int, ...], step: int) -> None:
    given = np.random.default_rng(7).normal(0, 9, shape)[..., ::step] if shape else np.float64(9.0)
    sine, cosine = sine_and_cosine(given)
    np.testing.assert_allclose(sine, np.sin(given), rtol=3e-16)
    np.testing.assert_allclose(cosine, np.cos(given), rtol=3e-16)


def test_sine_and_cosine_at_the_edges() -> None:
    given = np.resize([0.0, -0.0, 5e-324, -5e-324, np.pi / 2, -np.pi / 2, np.pi, 49_999.9], 2_000)
    sine, cosine = sine_and_cosine(given)
    np.testing.assert_array_equal(np.signbit(sine), np.signbit(np.sin(given)))
    np.testing.assert_array_equal(sine[given**2 < 1], given[given**2 < 1])
    np.testing.assert_allclose(cosine, np.cos(given), rtol=3e-16)
    for odd in (np.nan, 1e300):
        given[1_234] = odd
        sine, cosine = sine_and_cosine(given)
        np.testing.assert_allclose(sine, np.sin(given), rtol=3e-16)
        np.testing.assert_allclose(cosine, np.cos(given), rtol=3e-16)
    given[1_234] = np.inf
    with pytest.raises(FloatingPointError, match="invalid value encountered in sin"):
        sine_and_cosine(given)


@pytest.mark.parametrize("turns", [1, 1e3, 1e9])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_fast_sines_and_cosines_are_off_by_a_few_units_of_one(dtype: type, turns: float) -> None:
    """The bound that the documentation states: 4 units of rounding of 1, for arguments of any size."""
    model = sd.Model(sp.sin(x) + sp.cos(x), params=[x])
    module = sd.compile(model, math="fast", emit=("value_and_grad",), cache=False)
    assert "np.sin(" not in module.__loader__.source
    assert "np.tan(" in module.__loader__.source
    quarters = np.arange(-8, 9) * np.pi / 2
    given = np.concatenate([points(-7 * turns, 7 * turns, dtype, 2000), quarters.astype(dtype), [dtype(0)]])
    with np.errstate(all="raise", under="ignore"):
        value, gradient = module.value_and_grad(given)
    with mp.workdps(40):
        at = [mp.mpf(float(entry)) for entry in given]
        for found, exact in ((value, lambda v: mp.sin(v) + mp.cos(v)), (gradient.x, lambda v: mp.cos(v) - mp.sin(v))):
            error = max(abs(mp.mpf(float(one)) - exact(v)) for one, v in zip(found, at, strict=True))
            assert error <= 4 * np.finfo(dtype).eps
