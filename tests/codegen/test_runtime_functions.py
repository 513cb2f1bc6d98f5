"""Functions of the runtime by themselves, imported from the files that modules are given them from."""

from __future__ import annotations

import math
import threading

import mpmath
import numpy as np
import pytest

from symdiff.codegen.runtime.numpy import arrays, error_functions, flat, products, scratch, sines, threads, windows


@pytest.mark.parametrize("count", [1, 10, 1000, 300_000, 1_000_003])
def test_blocks_cover_all_samples_once(count):
    x = np.arange(count, dtype=float)
    starts, lock = [], threading.Lock()

    def block(x, scale):
        with lock:
            starts.append(len(x))
        return np.add.reduce(x) * scale, x.max(), x * scale

    total, largest, rows = threads._over_blocks(block, count, 1, (x,), (2.0,), ("add", "maximum", "rows 0"))
    assert sum(starts) == count
    assert (total, largest) == (count * (count - 1.0), count - 1)
    np.testing.assert_array_equal(rows, 2 * x)


def test_an_error_in_a_block_is_raised():
    def block(x):
        raise ValueError(f"{len(x)} samples")

    with pytest.raises(ValueError, match="samples"):
        threads._over_blocks(block, 10**6, 1, (np.zeros(10**6),), (), ("add",))


def test_points_of_any_shape():
    x = np.arange(600_000.0).reshape(2, 3, -1)
    (found,) = threads._over_points(lambda x, y: (x + y,), 1, x.shape, x.dtype, [x, np.float64(1)])
    np.testing.assert_array_equal(found, x + 1)


def test_scratch_is_lent_again_and_never_twice_at_once():
    lent = []

    @scratch._in_scratch
    def block(room, depth):
        lent.append(room)
        result = scratch._matmul_into(room, 0, np.ones((200, 200)), np.ones((200, 200)))
        if depth:
            inner = block(depth - 1)
            assert not np.shares_memory(inner, result)
        return result

    scratch.release_scratch()
    first, second = block(0), block(0)
    assert np.shares_memory(first, second)
    assert lent[0] is lent[1]
    block(1)
    assert lent[2] is lent[1]
    assert lent[3] is not lent[2]
    scratch.release_scratch()
    assert not np.shares_memory(block(0), second)


@pytest.mark.parametrize("few", [True, False])
@pytest.mark.parametrize(("function", "exact"), [("_erf", mpmath.erf), ("_erfc", mpmath.erfc)])
def test_error_functions(function, exact, few):
    x = np.linspace(-6, 26, 50 if few else 500)
    found = error_functions._erf(x) if function == "_erf" else error_functions._erfc(x, error_functions._bell(x))
    for value, at in zip(found, x, strict=True):
        wanted = exact(mpmath.mpf(float(at)))
        assert abs(value - wanted) <= 4 * math.ulp(float(wanted)), at


def test_sine_and_cosine():
    x = np.concatenate([np.linspace(-10, 10, 999), [0.0, 1e-300, 1e5, -123456.75]])
    for found, exact in zip(sines._sin_cos(x), (mpmath.sin, mpmath.cos), strict=True):
        for value, at in zip(found, x, strict=True):
            assert abs(value - exact(mpmath.mpf(float(at)))) <= 1.01 * math.ulp(max(abs(value), 1e-300)), at


def test_products_of_all_others_pass_zeros():
    x = np.array([[2.0, 0.0, 3.0, 5.0], [0.0, 0.0, 1.0, 1.0]])
    np.testing.assert_array_equal(products._prod_others(x, (1,)), [[0, 30, 0, 0], [0, 0, 0, 0]])


def test_windows_and_their_transpose():
    x = np.random.default_rng(0).normal(size=(2, 9))
    view = windows._windows(x, (1, 0, (4, 2), (3, 1)))
    assert view.shape == (2, 4, 3)
    values = np.random.default_rng(1).normal(size=view.shape)
    back = windows._add_windows(values, x.shape, (1, 0, (4, 2), (3, 1)))
    assert np.vdot(view, values) == pytest.approx(np.vdot(x, back))


def test_positions_that_are_not_there():
    x = np.arange(12.0).reshape(3, 4)
    with pytest.raises(IndexError):
        arrays._take(x, np.array([0, 3]), 0)


def test_vectors_are_split_by_shapes():
    w, b = flat._unflatten(np.arange(7.0), (((lambda d: 2 * d), 1), ()), {"d": None})
    assert (w.shape, b) == ((6, 1), 6.0)
    with pytest.raises(ValueError, match="vec"):
        flat._unflatten(np.arange(4.0), (((lambda d: 2 * d), 1), ()), {"d": None})
