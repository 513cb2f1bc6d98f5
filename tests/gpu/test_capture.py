"""Captured steps of CuPy modules, on the stand-in: a graph of it computes nothing until it is launched."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import nvrtc
import pytest
import sympy as sp
from as_cupy import stand_in
from sympy import HadamardPower, MatrixSymbol

import symdiff as sd
from symdiff.codegen.runtime.definitions import source_of

n, d, k = sp.symbols("n d k", integer=True, positive=True)
X, Y, V, W = MatrixSymbol("X", n, d), MatrixSymbol("Y", n, 1), MatrixSymbol("V", d, k), MatrixSymbol("W", k, 1)


@pytest.fixture(scope="module")
def cp():
    """The stand-in for CuPy, as what modules import."""
    with stand_in() as cupy:
        try:
            cupy.compile_all([('extern "C" __global__ void nothing() {}', "nothing")])
        except cupy.CompilerMissing as error:
            pytest.skip(str(error))
        yield cupy


@pytest.fixture(scope="module")
def net(cp: ModuleType) -> ModuleType:
    model = sd.Model(sd.mean(HadamardPower(sd.relu(X * V) * W - Y, 2)), params=[V, W], data=[X, Y], name="net")
    return sd.compile(model, backend="cupy", cache=False)


def arrays(cp: ModuleType, dtype: type = np.float64) -> list:
    rng = np.random.default_rng(0)
    return [cp.asarray(rng.standard_normal(shape).astype(dtype)) for shape in ((3, 4), (4, 1), (20, 3), (20, 1))]


def trained(cp: ModuleType, net: ModuleType, captured: bool) -> tuple[list[float], list[np.ndarray]]:
    """Losses and parameters of some steps of gradient descent."""
    v, w, x, y = arrays(cp)

    def step(v, w, x, y):
        value, gradient = net.value_and_grad(v, w, x, y)
        v -= 0.1 * gradient.V
        w -= 0.1 * gradient.W
        return value

    again = net.capture(step, v, w, x, y) if captured else lambda: step(v, w, x, y)
    if not captured:
        again()  # the call that gets a graph ready counts
    with cp.no_synchronisation():
        losses = [again().copy() for _ in range(5)]
    return [float(loss) for loss in losses], [v.get(), w.get()]


def test_a_captured_training_step_trains_as_without(cp, net):
    losses, parameters = trained(cp, net, captured=True)
    wanted, others = trained(cp, net, captured=False)
    np.testing.assert_allclose(losses, wanted, rtol=1e-13)
    assert losses[-1] < losses[0]
    for one, other in zip(parameters, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_graph_reads_its_arrays_where_they_are_and_returns_the_same(cp, net):
    given = arrays(cp)
    step = net.capture(net.value_and_grad, *given)
    first, gradient = step()
    before = float(first)
    given[2][...] = 2 * given[2]
    second, other = step()
    assert second is first
    assert other.V is gradient.V
    wanted, expected = net.value_and_grad(*given)
    assert float(second) == pytest.approx(float(wanted), rel=1e-13)
    assert float(second) != before
    np.testing.assert_allclose(other.V.get(), expected.V.get(), rtol=1e-12)


def test_nothing_is_computed_while_a_step_is_recorded(cp, net):
    calls = []

    def step(v, w, x, y):
        calls.append(cp.cuda.get_current_stream().is_capturing())
        v += 1
        return v

    given = arrays(cp)
    before = given[0].get()
    net.capture(step, *given)
    assert calls == [False, True]
    np.testing.assert_array_equal(given[0].get(), before + 1)


def test_a_direction_may_be_a_tuple(cp):
    model = sd.Model(sd.sum(sp.HadamardPower(V, 3)), params=[V])
    module = sd.compile(model, backend="cupy", emit="hvp", cache=False)
    v, u = cp.asarray(np.arange(6.0).reshape(3, 2)), cp.asarray(np.ones((3, 2)))
    step = module.capture(module.hvp, v, (u,))
    np.testing.assert_allclose(step()[0].get(), 6 * v.get())


SHAPES = [
    ((7,), (7,)),
    ((7,), (7, 3)),
    ((1, 1), (1, 1)),
    ((2, 7), (7,)),
    ((16, 64), (64, 16)),
    ((17, 65), (65, 33)),
    ((5, 17, 130), (5, 130, 2)),
    ((5, 1, 4, 6), (3, 6, 4)),
    ((4, 6), (2, 3, 6, 5)),
    ((3, 4, 6), (6,)),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_products_of_a_graph(cp, net, left, right, turned, dtype):
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal(shape).astype(dtype) for shape in (left, right))
    one, two = ((cp.asarray(x.T.copy()).T if turned else cp.asarray(x)) for x in (a, b))
    found = net.capture(net._matmul, one, two)().get()
    wanted = a.astype(np.float64) @ b.astype(np.float64)
    assert found.dtype == dtype
    assert found.shape == np.shape(wanted)
    scale = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
    assert (np.abs(found - wanted) <= 2 * np.sqrt(left[-1]) * np.finfo(dtype).eps * scale).all()


def test_more_rows_than_a_grid_has_blocks(cp, net):
    a, b = cp.asarray(np.arange(16.0 * 65_540).reshape(-1, 1)), cp.asarray(np.full((1, 1), 2.0))
    np.testing.assert_array_equal(net.capture(net._matmul, a, b)().get(), 2 * a.get())


def test_what_a_graph_cannot_read(cp, net):
    v, w, x, y = arrays(cp)
    with pytest.raises(TypeError, match=r"argument 1 of the step is a float: .* cupy.asarray"):
        net.capture(net.value, v, 1.0, x, y)
    with pytest.raises(TypeError, match="argument 2 of the step is a ndarray"):
        net.capture(net.value, v, w, x.get(), y)


def test_what_a_graph_cannot_do(cp, net):
    v, w, x, y = arrays(cp)
    with pytest.raises(RuntimeError, match=r"this step cannot be captured: .*synchronous.* waits for the device"):
        net.capture(lambda *given: float(net.value(*given)), v, w, x, y)
    square = MatrixSymbol("A", d, d)
    solve = sd.compile(sd.Model(sd.sum(square.I * V), params=[V], constants=[square]), backend="cupy", cache=False)
    with pytest.raises(RuntimeError, match=r"this step cannot be captured: calling cuSOLVER.* no solves"):
        solve.capture(solve.value, v, cp.asarray(np.eye(3)))
    assert not cp.cuda.get_current_stream().is_capturing()
    assert float(net.value(v, w, x, y)) == float(net.capture(net.value, v, w, x, y)())  # as if nothing had been


@pytest.mark.skipif(nvrtc.MISSING is not None, reason=str(nvrtc.MISSING))
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize("dtype", ["float", "double"])
def test_products_become_machine_code(architecture, dtype):
    source = f"typedef {dtype} T, A;\n{source_of('cupy/matmul.cu')}"
    (needed,) = nvrtc.resources(source, architecture).values()
    assert needed.registers <= 128  # so that two blocks of 256 threads fit
    assert needed.spilled == 0
