"""The tutorial programs symdiff replaces, held against known numbers and against PyTorch."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import sympy as sp
import torch
from sympy import HadamardPower, Matrix, MatrixSymbol, OneMatrix, symbols

import symdiff as sd

n, m, d, k, o = symbols("n m d k o", integer=True, positive=True)
w, b, x, y = symbols("w b x y")


def column(values):
    return np.array(values, dtype=float).reshape(-1, 1)


def squares(residual):
    """The two ways to write the squares of a matrix."""
    return HadamardPower(residual, 2), residual.applyfunc(lambda e: e**2)


@pytest.mark.parametrize("way", [0, 1], ids=["HadamardPower", "applyfunc"])
def test_p1_two_layer_net(way):
    data = MatrixSymbol("x", n, d), MatrixSymbol("y", n, o)
    params = MatrixSymbol("w1", d, k), MatrixSymbol("w2", k, o)
    residual = sd.relu(data[0] * params[0]) * params[1] - data[1]
    net = sd.compile(sd.Model(sd.sum(squares(residual)[way]), params=params, data=data, name="net"))
    rng = np.random.default_rng(0)
    xs, ys, w1, w2 = (rng.standard_normal(s) for s in ((64, 1000), (64, 10), (1000, 100), (100, 10)))
    losses = []
    for _ in range(500):
        loss, g = net.value_and_grad(w1, w2, xs, ys)
        w1, w2 = w1 - 1e-6 * g.w1, w2 - 1e-6 * g.w2
        losses.append(float(loss))
    expected = [31519525.11987488, 28895385.72182897, 1282336.7381878488, 308.73005871667124]
    np.testing.assert_allclose([losses[i] for i in (0, 1, 10, 100)], expected, rtol=1e-6)
    assert losses[499] == pytest.approx(4.8514456e-07, rel=1e-3)


def test_p3_scalars():
    module = sd.compile(sd.Model(w * x + b, params=[w, b], constants=[x]))
    value, g = module.value_and_grad(5.0, 7.0, 2.0)
    assert value == 17
    assert g._fields == ("w", "b")
    assert tuple(g) == (2, 1)


def test_p3_as_matrices():
    params, inputs = (MatrixSymbol("w", 1, 1), MatrixSymbol("b", 1, 1)), MatrixSymbol("x", 1, 1)
    module = sd.compile(sd.Model(inputs * params[0] + params[1], params=params, constants=[inputs]))
    g = module.grad(column([5]), column([7]), column([2]))
    assert g._fields == ("w", "b")
    assert (g.w.item(), g.b.item()) == (2, 1)


def test_p4_the_gradient_of_a_vector_is_refused_with_the_remedy():
    vector = MatrixSymbol("x", n, 1).applyfunc(lambda e: e**2 + 3)
    with pytest.raises(ValueError, match=r"sd\.(sum|mean)"):
        sd.compile(sd.Model(vector, params=[MatrixSymbol("x", n, 1)]))
    with pytest.raises(ValueError, match=r"sd\.(sum|mean)"):
        sd.compile(sd.Model(w * x**2 + 3, params=[w], data=[x]))


def test_p4_the_gradient_of_its_sum():
    vector = MatrixSymbol("x", n, 1)
    by_matrix = sd.compile(sd.Model(sd.sum(vector.applyfunc(lambda e: e**2 + 3)), params=[vector]))
    np.testing.assert_array_equal(by_matrix.grad(np.ones((2, 1))).x, column([2, 2]))
    by_data = sd.compile(sd.Model(sd.sum(w * x**2 + 3), params=[w], data=[x]), wrt=["x"])
    np.testing.assert_array_equal(by_data.grad(1.0, np.ones(2)).x, [2, 2])
    pointwise = sd.compile(sd.Model(x**2 + 3, params=[x]))
    np.testing.assert_array_equal(pointwise.value(np.ones(2)), [4, 4])
    np.testing.assert_array_equal(pointwise.grad(np.ones(2)).x, [2, 2])
    assert pointwise.grad(1.0).x == 2


def test_p5_jacobian_and_its_products():
    x1, x2 = symbols("x1 x2")
    outputs = {"y": Matrix([x1**2 + 3 * x2, x2**2 + 2 * x1])}
    module = sd.compile(sd.Model(outputs=outputs, params=[x1, x2]), emit=("value", "jacobian", "vjp", "jvp"))
    np.testing.assert_array_equal(module.y(2.0, 3.0), column([13, 13]))
    np.testing.assert_array_equal(module.y_jacobian(2.0, 3.0).x1, column([4, 2]))
    np.testing.assert_array_equal(module.y_jacobian(2.0, 3.0).x2, column([3, 6]))
    np.testing.assert_array_equal(module.y_jacobian_flat(np.array([2.0, 3.0])), [[4, 3], [2, 6]])
    for u, expected in (((1, 0), (4, 3)), ((0, 1), (2, 6)), ((1, 1), (6, 9))):
        assert tuple(module.y_vjp(2.0, 3.0, column(u))) == expected
    np.testing.assert_array_equal(module.y_jvp(2.0, 3.0, (1.0, 1.0)), column([7, 8]))


def test_p6_mean_over_a_matrix():
    inputs = MatrixSymbol("x", n, m)
    shifted = inputs + 2 * OneMatrix(n, m)
    for squared in squares(shifted):
        module = sd.compile(sd.Model(sd.mean(3 * squared), params=[inputs]))
        value, g = module.value_and_grad(np.ones((2, 2)))
        assert value == 27
        np.testing.assert_array_equal(g.x, np.full((2, 2), 4.5))


def test_p6_mean_over_samples():
    module = sd.compile(sd.Model(sd.mean(w * (x + 2) ** 2), params=[w], data=[x]), wrt=["x"])
    value, g = module.value_and_grad(3.0, np.ones(4))
    assert value == 27
    np.testing.assert_array_equal(g.x, np.full(4, 4.5))


def test_p7_vector_jacobian_product():
    vector = MatrixSymbol("x", n, 1)
    module = sd.compile(sd.Model(outputs={"y": 2 * vector}, params=[vector]), emit=("value", "vjp"))
    g = module.y_vjp(column([9, 8, 7, 6, 5]), column([1, 2, 3, 4, 5]))
    np.testing.assert_array_equal(g.x, column([2, 4, 6, 8, 10]))


def test_p10_third_derivative():
    first = sd.Model(x**4, params=[x], name="first")
    second = sd.Model(sd.gradient(first)[x], params=[x], name="second")
    third = sd.Model(sd.gradient(second)[x], params=[x], name="third")
    assert sp.simplify(sd.gradient(third)[x] - 24 * x) == 0
    points = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(sd.compile(third).grad(points).x, 24 * points, rtol=1e-14)
    np.testing.assert_allclose(sd.compile(second, emit="hessian").hessian(points).x.x, 24 * points, rtol=1e-14)


def squared_error(reduce=sd.sum):
    return sd.Model(reduce((w * x + b - y) ** 2), params=[w, b], data=[x, y], name="squared_error")


def test_p11_batches_add_up_to_the_whole():
    module = sd.compile(squared_error())
    rng = np.random.default_rng(0)
    xs, ys = rng.standard_normal((2, 1000))
    full = module.grad(1.5, -0.5, xs, ys)
    added = np.zeros(2)
    for i in range(0, 1000, 50):
        added += module.grad(1.5, -0.5, xs[i : i + 50], ys[i : i + 50])
    np.testing.assert_allclose(added, full, rtol=1e-13)


def test_p11_the_value_alone():
    module = sd.compile(squared_error(), emit=("value",))
    assert module.value(2.0, 1.0, np.arange(3.0), np.zeros(3)) == 1 + 9 + 25
    assert not hasattr(module, "grad")
    assert not hasattr(module, "value_and_grad")


def test_p11_frozen_parameters_get_no_gradient():
    frozen = sd.compile(squared_error(), wrt=["w"])
    xs, ys = np.arange(5.0), np.ones(5)
    g = frozen.grad(1.5, -0.5, xs, ys)
    assert g._fields == ("w",)
    assert g.w == sd.compile(squared_error()).grad(1.5, -0.5, xs, ys).w


def parabola_data():
    rng = np.random.RandomState(100)
    xs = np.linspace(-1, 1, 100).reshape(100, 1)
    ys = 3 * xs**2 + 2 + 0.2 * rng.rand(100).reshape(100, 1)
    return xs, ys, rng.rand(1, 1), rng.rand(1, 1)


def test_p12_quadratic_fit():
    module = sd.compile(sd.Model(sd.sum((w * x**2 + b - y) ** 2 / 2), params=[w, b], data=[x, y]))
    xs, ys, w0, b0 = parabola_data()
    wi, bi = w0.item(), b0.item()
    for _ in range(800):
        g = module.grad(wi, bi, xs.ravel(), ys.ravel())
        wi, bi = wi - 0.001 * g.w, bi - 0.001 * g.b
    np.testing.assert_allclose([wi, bi], [2.98927619, 2.09818307], atol=5e-9)


def test_p12_quadratic_fit_on_columns():
    data = MatrixSymbol("x", n, 1), MatrixSymbol("y", n, 1)
    params = MatrixSymbol("w", 1, 1), MatrixSymbol("b", 1, 1)
    residual = HadamardPower(data[0], 2) * params[0] + OneMatrix(n, 1) * params[1] - data[1]
    module = sd.compile(sd.Model(sd.sum(HadamardPower(residual, 2) / 2), params=params, data=data))
    xs, ys, wi, bi = parabola_data()
    for _ in range(800):
        g = module.grad(wi, bi, xs, ys)
        wi, bi = wi - 0.001 * g.w, bi - 0.001 * g.b
    np.testing.assert_allclose([wi.item(), bi.item()], [2.98927619, 2.09818307], atol=5e-9)


def torch_parabola(points, start, loss):
    """The loop of the fits below, run by PyTorch."""
    params = [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in start]
    optimiser = torch.optim.SGD(params, lr=0.01)
    for xs, ys in points:
        optimiser.zero_grad()
        loss(params[0] * torch.from_numpy(xs) ** 2 + params[1] - torch.from_numpy(ys)).backward()
        optimiser.step()
    return [p.item() for p in params]


def mean_of_squares(residual):
    return (residual**2).mean()


def mean_of_halves(residual):
    return (residual**2 / 2).mean()


def test_p13_mean_squared_error_as_in_torch(example):
    train = example("quadratic_fit", "train")
    start, xs, ys = train.problem()
    theirs = torch_parabola([(xs, ys)] * 10_000, start, mean_of_squares)
    np.testing.assert_allclose(train.main_mean(), theirs, rtol=0, atol=1e-9)


def test_p13_mini_batches_as_in_torch(example):
    train = example("quadratic_fit", "train")
    start, xs, ys = train.problem()
    theirs = torch_parabola(train.batches(xs, ys, 10, 1000), start, mean_of_squares)
    np.testing.assert_allclose(train.main_batches(), theirs, rtol=0, atol=1e-9)


def test_p13_half_the_mean_as_in_torch(example):
    train = example("quadratic_fit", "train")
    start, xs, ys = train.problem()
    theirs = torch_parabola([(xs, ys)] * 14_000, start, mean_of_halves)
    np.testing.assert_allclose(train.main_half_mean(), theirs, rtol=0, atol=1e-9)


LINE = {50: 0.2442796495, 100: 0.1245055052, 500: 0.0794994437, 1000: 0.0454077825}


@pytest.mark.parametrize("dialect", ["scalar", "matrix"])
def test_p14_linear_regression(example, tmp_path, dialect):
    train = example("linear_regression", "train")
    wi, bi, losses = train.main(file=tmp_path / "line.npz") if dialect == "scalar" else train.main_matrix()
    np.testing.assert_allclose([losses[epoch] for epoch in LINE], list(LINE.values()), atol=5e-11)
    np.testing.assert_allclose([np.asarray(wi).item(), np.asarray(bi).item()], [2.05737337, 0.6015988], atol=5e-9)


def test_p16_inputs_are_read_in_place_and_never_written():
    module = sd.compile(squared_error(sd.mean))
    xs, ys = np.arange(5.0), np.ones(5)
    first = module.value(1.0, 0.0, xs, ys)
    xs[:] = 1.0
    assert (first, module.value(1.0, 0.0, xs, ys)) == (3.0, 0.0)
    xs.flags.writeable = ys.flags.writeable = False
    value, g = module.value_and_grad(2.0, 0.0, xs, ys)
    assert (value, g.w, g.b) == (1, 2, 2)


def test_p16_no_copy_of_the_data_is_made():
    data, params = (MatrixSymbol("x", n, d), MatrixSymbol("y", n, 1)), MatrixSymbol("w", d, 1)
    module = sd.compile(sd.Model(sd.sum(HadamardPower(data[0] * params - data[1], 2)), params=[params], data=data))
    rng = np.random.default_rng(0)
    xs, ys, wi = rng.standard_normal((20_000, 100)), rng.standard_normal((20_000, 1)), rng.standard_normal((100, 1))
    module.value_and_grad(wi, xs, ys)
    tracemalloc.start()
    module.value_and_grad(wi, xs, ys)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < xs.nbytes / 10


def test_p16_results_share_no_memory_with_inputs_or_earlier_results():
    vector = MatrixSymbol("x", n, 1)
    module = sd.compile(sd.Model(sd.sum(vector), params=[vector], outputs={"same": vector}))
    values = np.ones((4, 1))
    same, first, second = module.same(values), module.grad(values).x, module.grad(values).x
    assert not np.shares_memory(same, values)
    assert not np.shares_memory(first, second)
    first[:] = 7
    np.testing.assert_array_equal(module.grad(values).x, np.ones((4, 1)))
