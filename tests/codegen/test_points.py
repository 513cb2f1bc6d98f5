"""Pointwise models in parts of the points: the bits of straight-line code, for any shape and number of threads."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st

import symdiff as sd

s, k, r, v, t = sp.symbols("s k r v t", positive=True)


def call() -> sp.Expr:
    """The price of a European call (Black and Scholes 1973)."""
    one = (sp.log(s / k) + (r + v**2 / 2) * t) / (v * sp.sqrt(t))
    return s * normal(one) - k * sp.exp(-r * t) * normal(one - v * sp.sqrt(t))


def normal(z: sp.Expr) -> sp.Expr:
    return (1 + sp.erf(z / sp.sqrt(2))) / 2


MODEL = sd.Model(call(), params=[s, k, r, v, t], name="call")
KINDS = ("value", "grad", "value_and_grad", "hessian", "hvp")
RANGES = {"s": (50, 150), "k": (50, 150), "r": (0, 0.1), "v": (0.1, 0.5), "t": (0.1, 2)}


@pytest.fixture(scope="module")
def modules():
    """In parts of six points, and straight-line; both with the rational functions that are meant for long arrays."""
    parts, plain = (sd.compile(MODEL, emit=KINDS, style=style, cache=False) for style in ("fast", "plain"))
    parts._ENTRIES, parts._FEW, plain._FEW = 24, 0, 0
    return parts, plain


def drawn(shape, scalars=(), dtype=np.float64, seed=0):
    """Arguments in the order of a function: those in `scalars` one number, the others arrays."""
    rng = np.random.default_rng(seed)
    return [dtype(rng.uniform(*limits, () if name in scalars else shape)) for name, limits in RANGES.items()]


def flat(result):
    return [part for entry in result for part in flat(entry)] if isinstance(result, tuple) else [result]


def same(one, other):
    for mine, plain in zip(flat(one), flat(other), strict=True):
        assert mine.dtype == plain.dtype
        np.testing.assert_array_equal(mine, plain)


@settings(deadline=None, max_examples=40)
@given(
    shape=st.lists(st.integers(1, 7), max_size=3).map(tuple),
    scalars=st.sets(st.sampled_from(sorted(RANGES))),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_any_shape_and_any_scalars_among_the_arguments(modules, shape, scalars, dtype):
    parts, plain = modules
    given_ = drawn(shape, scalars, dtype)
    direction = plain.grad(*given_)
    for function in KINDS:
        more = (direction,) if function == "hvp" else ()
        # NumPy's own loops for long and short arrays may differ in the last bit, of terms whose differences are returned
        for mine, theirs in zip(*(flat(getattr(m, function)(*given_, *more)) for m in (parts, plain)), strict=True):
            assert (mine.dtype, np.shape(mine)) == (theirs.dtype, np.shape(theirs))
            ulp = np.finfo(dtype).eps
            np.testing.assert_allclose(mine, theirs, rtol=4 * ulp, atol=4 * ulp * max(4, np.abs(theirs).max()))


def test_arrays_that_are_not_contiguous(modules):
    parts, plain = modules
    given_ = [a[::2, ::-1].T for a in drawn((8, 9))]
    same(parts.value_and_grad(*given_), plain.value_and_grad(*given_))


def test_the_same_bits_for_any_number_of_threads():
    module = sd.compile(MODEL, cache=False)
    module._ENTRIES = 4096
    given_ = drawn((50, 1001))
    found = []
    for count in (1, 2, 4):
        module.set_threads(count)
        found.append(module.value_and_grad(*given_))
    same(found[0], found[1])
    same(found[0], found[2])


def test_inputs_stay_and_results_are_their_own(modules):
    parts, _ = modules
    given_ = drawn((40,))
    before = [a.copy() for a in given_]
    results = flat(parts.value_and_grad(*given_))
    for result in results:
        assert not any(np.shares_memory(result, other) for other in [*given_, *(x for x in results if x is not result)])
        result[:] = np.nan
    for a, b in zip(given_, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_error_in_a_part_reaches_the_caller(modules):
    parts, _ = modules
    given_ = drawn((40,))
    given_[0][33] = -1.0
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
        parts.value(*given_)


def test_a_model_of_few_operations_stays_one_expression():
    module = sd.compile(sd.Model(s**2 * v, params=[s, v], name="few"), cache=False)
    assert not hasattr(module, "_Threads")
