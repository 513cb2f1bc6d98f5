"""Smooth functions of a length where it is 0: they have second derivatives there, though the length itself has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import Abs, Matrix, MatrixSymbol, Sum, Trace, cos, exp, sinc, sqrt
from sympy.codegen.cfunctions import hypot

import symdiff as sd

n, d = sp.symbols("n d", integer=True, positive=True)
i = sp.symbols("i", integer=True)
x, y, c = sp.symbols("x y c")
u, v = sd.Tensor("u", (d,)), sd.Tensor("v", (d,))
U, V = MatrixSymbol("U", d, 1), MatrixSymbol("V", d, 1)
W = MatrixSymbol("W", 2, 2)
s, t = (sp.IndexedBase(name, shape=(n,)) for name in "st")
KINDS = ("value_and_grad", "hessian", "hvp")

# name -> f, its second derivative at 0, which is the Hessian over the identity matrix
FUNCTIONS: dict[str, tuple[Any, float]] = {
    "Matern 3/2": (lambda r: (1 + sqrt(3) * r) * exp(-sqrt(3) * r), -3.0),
    "Matern 5/2": (lambda r: (1 + sqrt(5) * r + 5 * r**2 / 3) * exp(-sqrt(5) * r), -5 / 3),
    "squared exponential": (lambda r: exp(-(r**2) / 2), -1.0),
    "cosine": (cos, -1.0),
    "sinc": (sinc, -1 / 3),
    "cube": (lambda r: r**3 + r**2, 2.0),
    "power 5/2": (lambda r: r ** sp.Rational(5, 2), 0.0),
    "fourth power": (lambda r: r**4, 0.0),
    "multiquadric": (lambda r: sqrt(1 + r**2), 1.0),
    "Student": (lambda r: (1 + r**2 / 3) ** -2, -4 / 3),
    "log cosh": (lambda r: sp.log(sp.cosh(r)), 1.0),
    "a quotient": (lambda r: (1 + r) / exp(r), -1.0),
    "a length of a length": (lambda r: sqrt((r - r**2) ** 2 + r**4) ** 2, 2.0),
    "spline": (lambda r: sp.Piecewise(((1 - r) ** 3 * (3 * r + 1), r < 1), (0, True)), -12.0),
}
# name -> the length, its parameters and constants, a point where it is 0
AT = np.array([0.3, -1.2])
LENGTHS: dict[str, tuple[Any, list[Any], list[Any], tuple[Any, ...]]] = {
    "norm": (sd.norm(u - v), [u], [v], (AT, AT)),
    "norm of a matrix": (sd.norm(U - V), [U], [V], (AT[:, None], AT[:, None])),
    "absolute value": (Abs(x - y), [x], [y], (0.3, 0.3)),
    "hypot": (hypot(x, y), [x, y], [], (0.0, 0.0)),
    "scalars": (sqrt((x - 1) ** 2 + (y - 2) ** 2), [x, y], [], (1.0, 2.0)),
    "scaled": (2 * sqrt(((x - 1) ** 2 + (y - 2) ** 2) / c) / 3, [x, y], [c], (1.0, 2.0, 4 / 9)),
    "explicit": (Matrix([x - 1, y - 2]).norm(), [x, y], [], (1.0, 2.0)),
    "product": (sqrt(((U - V).T * (U - V))[0, 0]), [U], [V], (AT[:, None], AT[:, None])),
    "trace": (sqrt(Trace(W.T * W)), [W], [], (np.zeros((2, 2)),)),
    "indices": (sqrt(Sum((s[i] - t[i]) ** 2, (i, 0, n - 1))), [s], [t], (AT, AT)),
    "tensor": (sqrt(sd.sum((u - v) ** 2)), [u], [v], (AT, AT)),
}


def dense(hessian: Any, parameters: tuple[Any, ...]) -> np.ndarray:
    sizes = [np.size(value) for value in parameters]
    return np.block([[np.reshape(entry, (p, q)) for entry, q in zip(row, sizes, strict=True)]
                     for row, p in zip(hessian, sizes, strict=True)])  # fmt: skip


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_second_derivatives_at_zero(function: str, length: str) -> None:
    (f, curvature), (r, params, constants, at) = FUNCTIONS[function], LENGTHS[length]
    module = sd.compile(sd.Model(f(r), params=params, constants=constants), emit=KINDS, cache=False)
    given = at[: len(params)]
    with np.errstate(all="raise"):
        gradient = module.value_and_grad(*at)[1]
        hessian = dense(module.hessian(*at), given)
        product = module.hvp(*at, tuple(np.full_like(value, 2.0) for value in given))
    assert not any(np.any(part) for part in gradient)
    np.testing.assert_allclose(hessian, curvature * np.eye(len(hessian)), rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(
        np.concatenate([np.ravel(part) for part in product]), 2 * curvature, rtol=1e-14, atol=1e-14
    )


@pytest.mark.parametrize("length", LENGTHS)
def test_a_length_alone_has_derivatives_zero_at_zero(length: str) -> None:
    """As the documentation says: what is not there counts as 0."""
    r, params, constants, at = LENGTHS[length]
    module = sd.compile(sd.Model(r, params=params, constants=constants), emit=KINDS, cache=False)
    with np.errstate(all="raise"):
        value, gradient = module.value_and_grad(*at)
        hessian = dense(module.hessian(*at), at[: len(params)])
    assert value == 0
    assert not any(np.any(part) for part in gradient)
    assert not hessian.any()


def covariance(points: np.ndarray, length: float, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matern 5/2: differences, the kernel, and its derivative by r over r."""
    apart = points[:, None] - points[None]
    r = np.sqrt((apart**2).sum(-1)) / length
    decay = np.exp(-np.sqrt(5) * r)
    return apart, scale * (1 + np.sqrt(5) * r + 5 * r**2 / 3) * decay, -scale * 5 / 3 * (1 + np.sqrt(5) * r) * decay


def likelihood_gradient(vector: np.ndarray, given: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Of a Gaussian process by its points, length and scale, by hand."""
    points, length, scale = vector[:-2].reshape(-1, 2), *vector[-2:]
    apart, kernel, ratio = covariance(points, length, scale)
    inverse = np.linalg.inv(kernel + noise)
    weights = (inverse - np.outer(inverse @ given, inverse @ given)) / 2
    by_points = 2 * ((weights * ratio)[:, :, None] * apart).sum(1) / length**2
    by_length = -(weights * ratio * (apart**2).sum(-1)).sum() / length**3
    return np.array([*by_points.ravel(), by_length, (weights * kernel).sum() / scale])


def test_a_gaussian_process_with_two_points_in_one_place() -> None:
    """The Hessian of the likelihood against differences of its gradient by hand: distances of 0 on and off the diagonal."""
    X, z, N = sd.Tensor("X", (n, 2)), sd.Tensor("z", (n,)), sd.Tensor("N", (n, n))
    length, scale = sp.symbols("length scale")
    r = sd.norm(X[:, None, :] - X[None, :, :], axis=2) / length
    K = scale * (1 + sqrt(5) * r + 5 * r**2 / 3) * sd.exp(-sqrt(5) * r) + N
    loss = sd.logdet(K) / 2 + z @ sd.solve(K, z) / 2
    module = sd.compile(sd.Model(loss, params=[X, length, scale], constants=[z, N]), emit=KINDS, cache=False)
    rng = np.random.default_rng(0)
    points, given, noise = rng.normal(size=(5, 2)), rng.normal(size=5), 0.1 * np.eye(5)
    points[3] = points[1]
    parameters, vector = (points, 0.7, 1.3), np.array([*points.ravel(), 0.7, 1.3])
    gradient = module.value_and_grad(*parameters, given, noise)[1]
    np.testing.assert_allclose(
        np.concatenate([np.ravel(part) for part in gradient]), likelihood_gradient(vector, given, noise), rtol=1e-12
    )
    step = 1e-5 * np.eye(len(vector))
    columns = [
        likelihood_gradient(vector + e, given, noise) - likelihood_gradient(vector - e, given, noise) for e in step
    ]
    hessian = dense(module.hessian(*parameters, given, noise), parameters)
    np.testing.assert_allclose(hessian, np.array(columns).T / 2e-5, rtol=1e-6, atol=1e-6)
    w = rng.normal(size=len(vector))
    product = module.hvp(*parameters, given, noise, (w[:-2].reshape(-1, 2), w[-2], w[-1]))
    np.testing.assert_allclose(
        np.concatenate([np.ravel(part) for part in product]), hessian @ w, rtol=1e-11, atol=1e-11
    )


def test_what_is_no_sum_of_squares_keeps_its_infinite_slope() -> None:
    """sqrt(x**2 - y**2) has no derivative where it is 0, and neither has sqrt(c) of a factor c that is 0."""
    for expression in (sqrt(x**2 - y**2), sqrt(y * (x - 1) ** 2 + y**3), sqrt(Abs(x - 1)) + y):
        module = sd.compile(sd.Model(expression, params=[x, y]), emit=("grad",))
        with np.errstate(all="ignore"):
            assert not np.isfinite(module.grad(1.0, 1.0 if expression == sqrt(x**2 - y**2) else 0.0)).all()


@pytest.mark.parametrize("keepdims", [False, True])
def test_the_norm_of_a_tensor_without_axes_is_its_absolute_value(keepdims: bool) -> None:
    entries = np.array([-5.0, 0.0, 2.0])
    X, whole = sd.Tensor("X", (n,)), sd.Tensor("whole", (n,), dtype=int)
    for k, entry in enumerate(entries):
        model = sd.Model(outputs={"out": sd.norm(X[k], keepdims=keepdims)}, params=[X])
        module = sd.compile(model, emit=("value", "jacobian"), cache=False)
        assert module.out(entries) == abs(entry)
        np.testing.assert_array_equal(module.out_jacobian(entries).X, np.sign(entry) * np.eye(3)[k])
    module = sd.compile(
        sd.Model(outputs={"out": sd.norm(X, axis=()) * sd.norm(whole[0])}, params=[X], data=[whole]), cache=False
    )
    np.testing.assert_array_equal(module.out(entries, np.array([-2, 1, 1])), 2 * np.abs(entries))
