"""What is not taken contributes exactly nothing, whatever lies between the choice and the parameter.

Each row is a model whose branch not taken, or whose entries that an index range excludes, would be NaN, infinite or raise a
floating-point error; the right values come from what is left, by complex step or JAX.
"""

from __future__ import annotations

import warnings
from functools import cache
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from float_errors import float_errors
from sympy import Piecewise, Product, Sum

import symdiff as sd

n, d = sp.symbols("n d", integer=True, positive=True)
i, j, k = sp.symbols("i j k", integer=True)
p = sp.Symbol("p")
y = sp.IndexedBase("y", shape=(n,))
Y = np.array([0.3, -0.7, 1.1, 0.2, -0.4])
N = len(Y)
PAIRS = [(a, b) for a in range(N) for b in range(N)]


def checked(model: Any, *values: Any, f: Any) -> None:
    """Value, gradient and Hessian by the one scalar parameter against those of f, a function of complex numbers."""
    module = sd.compile(model, emit=("value", "grad", "value_and_grad", "hessian", "hvp"), cache=False)
    with float_errors(), warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        value, (slope,) = module.value_and_grad(*values)
        (product,) = module.hvp(*values, (1.0,))
        curvature = module.hessian(*values)[0][0]
    at = values[0]
    np.testing.assert_allclose(value, f(at), rtol=1e-12)
    np.testing.assert_allclose(slope, f(at + 1e-30j).imag / 1e-30, rtol=1e-11)
    step = 1e-5
    expected = (f(at + step + 1e-30j) - f(at - step + 1e-30j)).imag / (2e-30 * step)
    np.testing.assert_allclose(curvature, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(product, curvature, rtol=1e-12)


# name, f(d, p) of SymPy, the same of numbers, p; the difference d is positive where it is meant
KERNELS = [
    ("p/d", lambda d, p: p / d, lambda d, p: p / d, 0.4),
    ("d**-p", lambda d, p: d ** (-p), lambda d, p: np.exp(-p * np.log(d)), 0.5),
    ("exp(-p/d)", lambda d, p: sp.exp(-p / d), lambda d, p: np.exp(-p / d), 0.4),
    ("exp(-p log d)", lambda d, p: sp.exp(-p * sp.log(d)), lambda d, p: np.exp(-p * np.log(d)), 0.4),
    ("sin(p/d)", lambda d, p: sp.sin(p / d), lambda d, p: np.sin(p / d), 0.4),
    ("p**d", lambda d, p: p**d, lambda d, p: p**d, 0.7),
    ("p**d at 0", lambda d, p: p**d, lambda d, p: p**d, 0.0),
    ("sqrt(d) p", lambda d, p: sp.sqrt(d) * p**2, lambda d, p: np.sqrt(d) * p**2, 0.4),
    ("log(p d)", lambda d, p: sp.log(p * d), lambda d, p: np.log(p * d), 0.4),
    ("1/(exp(p d) - 1)", lambda d, p: 1 / (sp.exp(p * d) - 1), lambda d, p: 1 / (np.exp(p * d) - 1), 0.4),
    ("p/(d (d + 1))", lambda d, p: p**2 / (d * (d + 1)), lambda d, p: p**2 / (d * (d + 1)), 0.4),
    ("log(1 + p/d)", lambda d, p: sp.log(1 + p / d), lambda d, p: np.log(1 + p / d), 0.4),
    ("(p + d)**p", lambda d, p: (p + d) ** p, lambda d, p: np.exp(p * np.log(p + d)), 0.4),
]


@pytest.mark.parametrize(("ours", "theirs", "at"), [row[1:] for row in KERNELS], ids=[row[0] for row in KERNELS])
def test_a_kernel_outside_the_range_of_its_index(ours, theirs, at):
    model = sd.Model(Sum(y[i] * Sum(ours(i - k, p), (k, 0, i - 1)), (i, 0, n - 1)), params=[p], data=[y])
    checked(model, at, Y, f=lambda t: sum(Y[a] * theirs(a - b, t) for a, b in PAIRS if b < a))


@pytest.mark.parametrize(("ours", "theirs", "at"), [row[1:] for row in KERNELS], ids=[row[0] for row in KERNELS])
def test_a_kernel_behind_a_condition_on_indices(ours, theirs, at):
    body = Piecewise((y[k] * ours(i - k, p), i > k), (0, True))
    model = sd.Model(Sum(y[i] * body, (i, 0, n - 1), (k, 0, n - 1)), params=[p], data=[y])
    checked(model, at, Y, f=lambda t: sum(Y[a] * Y[b] * theirs(a - b, t) for a, b in PAIRS if b < a))


INDEX_CONDITIONS = [
    (Sum(Piecewise((y[i] * sp.exp(-p / i), i > 0), (0, True)), (i, 0, n - 1)),
     lambda t: sum(Y[a] * np.exp(-t / a) for a in range(1, N))),
    (Sum(Piecewise((y[i] * y[k] * sp.Abs(i - k) ** (-p), sp.Ne(i, k)), (0, True)), (i, 0, n - 1), (k, 0, n - 1)),
     lambda t: sum(Y[a] * Y[b] * np.exp(-t * np.log(abs(a - b))) for a, b in PAIRS if a != b)),
    (Sum(Piecewise((y[i] * y[k] * sp.sin(p * (i - k)) / (i - k), sp.Ne(i, k)), (p, True)), (i, 0, n - 1), (k, 0, n - 1)),
     lambda t: sum(Y[a] * Y[b] * np.sin(t * (a - b)) / (a - b) if a != b else t for a, b in PAIRS)),
    (Sum(y[i] * Product(1 + p / (i - k), (k, 0, i - 1)), (i, 0, n - 1)),
     lambda t: sum(Y[a] * np.prod([1 + t / (a - b) for b in range(a)]) for a in range(N))),
    (Sum(y[i] * sp.sqrt(Sum(p / (k - i), (k, i + 1, n - 1)) + 1), (i, 0, n - 1)),
     lambda t: sum(Y[a] * np.sqrt(sum(t / (b - a) for b in range(a + 1, N)) + 1) for a in range(N))),
    (Sum(y[i] * Sum(p / (i - k) / (k - j), (k, j + 1, i - 1), (j, 0, i - 2)), (i, 2, n - 1)),
     lambda t: sum(Y[a] * t / (a - e) / (e - b) for a in range(2, N) for b in range(a - 1) for e in range(b + 1, a))),
    (Sum(y[i] * Sum(Piecewise((p**2 / (k - 2), k > 2), (p, True)), (k, 0, i)), (i, 0, n - 1)),
     lambda t: sum(Y[a] * (t**2 / (b - 2) if b > 2 else t) for a in range(N) for b in range(a + 1))),
]  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs"), INDEX_CONDITIONS)
def test_what_a_condition_on_indices_excludes(ours, theirs):
    checked(sd.Model(ours, params=[p], data=[y]), 0.4, Y, f=theirs)


def test_the_binomial_probability_at_certainty():
    """(1 - p)**(m - k) of the terms k <= m at p = 1, where only k = m is left."""
    m = sp.Symbol("m", integer=True, positive=True)
    w = sp.IndexedBase("w", shape=(m + 1,))
    body = Sum(sp.binomial(i, k) * p**k * (1 - p) ** (i - k) * w[k], (k, 0, i))
    model = sd.Model(Sum(body, (i, 0, m)), params=[p], data=[w], samples=m)
    module = sd.compile(model, emit=("value_and_grad",), cache=False)
    W = np.array([0.5, -1.0, 2.0, 0.25])
    with float_errors():
        value, (slope,) = module.value_and_grad(1.0, W)
    np.testing.assert_allclose(value, W.sum())
    np.testing.assert_allclose(slope, sum(a * (W[a] - W[a - 1]) for a in range(1, 4)))


# Tensors: masked rows of X, with NaN where nothing is needed

X, w, v = sd.Tensor("X", (n, d)), sd.Tensor("w", (d,)), sd.Tensor("v", (n,))
on = sd.Tensor("on", (n,), dtype=bool)
KEPT = np.array([True, False, True, True, False])
rng = np.random.default_rng(3)
XS, WS, VS = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=5)

MASKED = {
    "residual of a product": lambda m, X, w, v, on: m.where(on, (X @ w - v) ** 2, 0),
    "a linear residual": lambda m, X, w, v, on: m.where(on, X @ w - v, 0),
    "product with the transpose": lambda m, X, w, v, on: m.where(on, m.exp(w @ X.T) * v, 0),
    "einsum": lambda m, X, w, v, on: m.where(on, m.einsum("nd,d->n", X, w) ** 3 * v, 0),
    "column beside a matrix": lambda m, X, w, v, on: m.where(on[:, None], m.sin(X * w) / X, 0),
    "normalised rows": lambda m, X, w, v, on: m.where(on[:, None], w * X / m.sum(X, axis=1)[:, None], 0) ** 2,
    "rows by their length": lambda m, X, w, v, on: m.where(on, (X @ w) / m.sqrt(m.sum(X**2, axis=1)), 0),
    "a slice": lambda m, X, w, v, on: m.where(on[1:], (X[1:] @ w) ** 2 / v[1:], 0),
    "a slice of the result": lambda m, X, w, v, on: m.where(on[:-1], ((X @ w) ** 2 / v)[:-1], 0),
    "reversed": lambda m, X, w, v, on: m.where(on, ((X[::-1] @ w) ** 2)[::-1], 0),
    "reshaped": lambda m, X, w, v, on: m.where(on, m.reshape(m.reshape(X @ w, (1, -1)) ** 2, (-1,)), 0),
    "logsumexp of rows": lambda m, X, w, v, on: m.where(on, m.logsumexp(X * w, axis=1), 0),
    "softmax by hand": lambda m, X, w, v, on: m.where(
        on[:, None], m.exp(X * w) / m.sum(m.exp(X * w), axis=1, keepdims=True), 0
    ) ** 2,
    "a logarithm": lambda m, X, w, v, on: m.where(on, m.log(v**2) * (X @ w), 0),
    "means of rows": lambda m, X, w, v, on: m.where(on, m.mean(X, axis=1) ** 2 * m.sum(w) ** 3, 0),
    "products of rows": lambda m, X, w, v, on: m.where(on, m.prod(X * w, axis=1), 0),
    "largest of rows": lambda m, X, w, v, on: m.where(on, m.max(X * w, axis=1), 0),
    "concatenated": lambda m, X, w, v, on: m.where(on, m.sum(m.concatenate([X * w, X**2], axis=1), axis=1), 0),
    "a choice within a choice": lambda m, X, w, v, on: m.where(
        on, m.where(X @ w > 0, m.log(1 + m.exp(X @ w)), (X @ w) * v), 0
    ),
    "both branches": lambda m, X, w, v, on: m.where(on, m.log(1 + (X @ w) ** 2), m.sum(w**2)),
    "a network": lambda m, X, w, v, on: m.where(on, m.tanh(m.relu(X @ m.outer(w, w)) @ w) * v, 0),
    "a solve": lambda m, X, w, v, on: m.where(on, X @ m.solve(m.outer(w, w) + m.diag(w**2), w) * v, 0),
}  # fmt: skip


@cache
def in_jax(name: str) -> tuple[Any, Any, Any]:
    """Value, gradient and Hessian by w in JAX, of arrays that are finite everywhere."""
    library = SimpleNamespace(
        **vars(jnp) | {"logsumexp": jax.scipy.special.logsumexp, "relu": jax.nn.relu, "solve": jnp.linalg.solve}
    )
    kept = kept_rows(name)
    with jax.enable_x64(True):
        x, at, target = map(jnp.asarray, (np.where(kept[:, None], XS, 1.5), WS, np.where(kept, VS, 2.0)))
        f = jax.jit(lambda at: jnp.sum(MASKED[name](library, x, at, target, kept)))
        return f(at), jax.grad(f)(at), jax.hessian(f)(at)


def kept_rows(name: str) -> Any:
    return KEPT & {"a slice": np.arange(5) > 0, "a slice of the result": np.arange(5) < 4}.get(name, True)


@pytest.mark.parametrize("style", ["fast", "plain"])
@pytest.mark.parametrize("name", MASKED)
def test_dropped_rows_may_hold_anything(name, style):
    """NaN in all that the mask drops, against JAX with ordinary numbers in its place."""
    model = sd.Model(sd.sum(MASKED[name](sd, X, w, v, on)), params=[w], data=[X, v, on])
    module = sd.compile(model, emit=("value_and_grad", "hessian", "hvp"), cache=False, style=style)
    kept, expected = kept_rows(name), in_jax(name)
    arguments = WS, np.where(kept[:, None], XS, np.nan), np.where(kept, VS, np.nan), kept
    with float_errors():
        value, (slope,) = module.value_and_grad(*arguments)
        curvature = module.hessian(*arguments).w.w
        (product,) = module.hvp(*arguments, (np.ones(3),))
    for ours, theirs in zip((value, slope, curvature), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(product, curvature.sum(axis=1), rtol=1e-11, atol=1e-12)


# Branches that are taken keep the rewrites that make them stable

z = sp.Symbol("z")
STABLE = {
    "log(1 + exp)": (sp.log(1 + sp.exp(p * z)), lambda p, z: mp.log(1 + mp.exp(p * z)), 800.0, 1.0),
    "log(1 + exp) of a negative": (sp.log(1 + sp.exp(p * z)), lambda p, z: mp.log(1 + mp.exp(p * z)), -800.0, 1.0),
    "sigmoid by hand": (1 / (1 + sp.exp(-p * z)), lambda p, z: 1 / (1 + mp.exp(-p * z)), -500.0, 1.0),
    "exp over 1 + exp": (sp.exp(p * z) / (1 + sp.exp(p * z)), lambda p, z: 1 / (1 + mp.exp(-p * z)), 800.0, 1.0),
    "log cosh": (sp.log(sp.cosh(p * z)), lambda p, z: mp.log(mp.cosh(p * z)), 900.0, 1.0),
    "exp - 1": ((sp.exp(p * z) - 1) * z, lambda p, z: mp.expm1(p * z) * z, 1e-12, 1.5),
    "1 - erf": (1 - sp.erf(p * z), lambda p, z: mp.erfc(p * z), 9.0, 1.0),
    "log of two exponentials": (
        sp.log(sp.exp(p * z) + 3 * sp.exp(z)), lambda p, z: mp.log(mp.exp(p * z) + 3 * mp.exp(z)), 900.0, 1.0
    ),
    "log(1 + p z)/p": (sp.log(1 + p * z) / p, lambda p, z: mp.log(1 + p * z) / p, 1e-8, 2.5),
    "log(1 + p z)/p, smaller": (sp.log(1 + p * z) / p, lambda p, z: mp.log(1 + p * z) / p, 1e-12, 2.5),
    "log(1 - p z)/p": (sp.log(1 - p * z) / p, lambda p, z: mp.log(1 - p * z) / p, -1e-15, 2.5),
    "the same of a shift": (
        sp.log(1 + p * (z - 2) / 3) / p, lambda p, z: mp.log(1 + p * (z - 2) / 3) / p, 1e-10, 2.5
    ),
    "(1 + p z)**(-1/p)": ((1 + p * z) ** (-1 / p), lambda p, z: (1 + p * z) ** (-1 / p), 1e-9, 2.5),
    "(1 + 1/p) log(1 + p z)": (
        (1 + 1 / p) * sp.log(1 + p * z), lambda p, z: (1 + 1 / p) * mp.log(1 + p * z), 1e-11, 2.5
    ),
    "(1 + p z)**(-1/p - 1)": ((1 + p * z) ** (-1 / p - 1), lambda p, z: (1 + p * z) ** (-1 / p - 1), 0.3, 2.5),
}  # fmt: skip


@pytest.mark.parametrize("choose", [
    lambda f: f,
    lambda f: Piecewise((f, sp.Ne(p, 0)), (z, True)),
    lambda f: sd.where(z > 5, z**2, f),
    lambda f: Piecewise((0, z > 5), (Piecewise((f, z > -5), (1, True)), z < 4), (p, True)),
], ids=["no choice", "Piecewise", "where", "nested"])  # fmt: skip
@pytest.mark.parametrize("name", STABLE)
def test_a_branch_that_is_taken_is_computed_as_without_the_choice(name, choose):
    f, exact, at, data = STABLE[name]
    model = sd.Model(sd.sum(choose(f)), params=[p], data=[z])
    module = sd.compile(model, emit=("value_and_grad", "hessian"), cache=False)
    with float_errors():
        value, (slope,) = module.value_and_grad(at, np.array([data]))
        curvature = module.hessian(at, np.array([data])).p.p
    with mp.workdps(80):
        point, step = mp.mpf(at), mp.mpf(10) ** -20 * abs(at)
        right = [exact(point, mp.mpf(data))]
        right += [mp.diff(lambda t: exact(t, mp.mpf(data)), point, order, h=step) for order in (1, 2)]
    for ours, theirs in zip((value, slope, curvature), right, strict=True):
        np.testing.assert_allclose(float(ours), float(theirs), rtol=1e-12, atol=1e-300)


# Ranges that are empty, or leave entries out

S = sp.IndexedBase("S", shape=(n, n))
NAN = np.nan


@pytest.mark.parametrize(("expression", "by", "at", "data", "value", "gradient"), [
    # an empty inner range leaves out what stands in front of it
    (Sum(y[i], (j, 0, i - 1), (i, 0, n - 1)), y, [NAN, 1, 2], (), 5, [0, 1, 2]),
    (Sum(y[j], (k, j + 1, n - 1), (j, 0, n - 1)), y, [1, 2, NAN], (), 4, [2, 1, 0]),
    (Sum(y[i] * S[j, i], (j, 0, i - 1), (i, 0, n - 1)), S, [[NAN, 1], [NAN, NAN]], ([NAN, 2],), 2, [[0, 2], [0, 0]]),
    # no range has an index at all
    (y[0] + Sum(sp.Product(1 + sp.tanh(p), (k, i + 1, n - 1)), (j, 0, i), (i, 0, n - 2)), p, 0.5, ([2],), 2, 0),
    (Sum(y[i] * Sum(p**2 / sp.sqrt(i - j), (j, 0, i - 1)), (i, 1, n - 1)), p, 0.5, ([2],), 0, 0),
    (Sum(sp.log(sp.exp(1 / p) + sp.exp(y[j] / p)), (j, 0, n - 2), (i, 0, n - 1)), p, 0.5, ([2],), 0, 0),
])  # fmt: skip
def test_an_empty_range_contributes_nothing(expression, by, at, data, value, gradient):
    model = sd.Model(expression, params=[by], data=[y] if data else [], samples=n if data else None)
    module = sd.compile(model, emit=("value_and_grad", "hessian"), cache=False)
    arguments = [np.array(part, float) if np.ndim(part) else float(part) for part in (at, *data)]
    with float_errors():
        found, (slope,) = module.value_and_grad(*arguments)
        assert np.isfinite(module.hessian(*arguments)[0][0]).all()
    assert found == value
    np.testing.assert_array_equal(slope, gradient)
