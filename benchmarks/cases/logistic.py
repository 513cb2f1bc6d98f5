"""Logistic regression with a quadratic penalty: a million samples of 20 features."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from benchmarks.case import Case, Inputs, Target
from benchmarks.examples import example
from benchmarks.peers.lambdify import Scalars


def inputs(small: bool) -> Inputs:
    n, d = (50, 20) if small else (1_000_000, 20)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((n, d)), (rng.random((n, 1)) < 0.5).astype(float)
    return Inputs((0.1 * rng.standard_normal((d, 1)), np.float64(0.1)), (x, y, np.float64(0.1)))


def by_hand(w: Any, b: Any, x: Any, y: Any, penalty: Any) -> Any:
    z = x @ w + b
    residual = (1 / (1 + np.exp(-z)) - y) / len(x)
    value = (np.logaddexp(0, z) - y * z).mean() + penalty * (w * w).sum()
    return value, [x.T @ residual + 2 * penalty * w, residual.sum()]


def lambdify() -> Scalars:
    w, x = sp.symbols("w0:20"), sp.symbols("x0:20")
    b, y, penalty = sp.symbols("b y penalty")
    z = sum(map(sp.Mul, x, w)) + b
    loss = sp.log(1 + sp.exp(z)) - y * z + penalty * sum(e**2 for e in w)
    return Scalars(loss, [w, b], [x, y, penalty])


def torch(torch: Any, w: Any, b: Any, x: Any, y: Any, penalty: Any) -> Any:
    return torch.nn.functional.binary_cross_entropy_with_logits(x @ w + b, y) + penalty * (w * w).sum()


def jax(jax: Any, w: Any, b: Any, x: Any, y: Any, penalty: Any) -> Any:
    z = x @ w + b
    return (jax.nn.softplus(z) - y * z).mean() + penalty * (w * w).sum()


def pytensor(pt: Any, w: Any, b: Any, x: Any, y: Any, penalty: Any) -> Any:
    z = x @ w + b
    return (pt.softplus(z) - y * z).mean() + penalty * (w * w).sum()


def autograd(anp: Any, w: Any, b: Any, x: Any, y: Any, penalty: Any) -> Any:
    z = anp.dot(x, w) + b
    return anp.mean(anp.logaddexp(0, z) - y * z) + penalty * anp.sum(w * w)


def casadi(ca: Any, w: Any, b: Any, x: Any, y: Any, penalty: Any) -> Any:
    z = x @ w + b
    return ca.sum1(ca.log1p(ca.exp(z)) - y * z) / z.numel() + penalty * ca.sumsqr(w)


def tensorgrad(F: Any, Variable: Any, symbols: Any) -> Any:
    n, d, one = symbols("n d one")
    w, b, penalty = Variable("w", d, one), Variable("b"), Variable("penalty")
    x, y = Variable("x", n, d), Variable("y", n, one)
    z = x @ w + b
    return F.mean(F.log(F.exp(z) + 1) - y * z) + penalty * F.sum(w * w), (w, b, x, y, penalty)


def numba(nb: Any) -> Any:
    @nb.njit(parallel=True)
    def value_and_grad(w: Any, b: float, x: Any, y: Any, penalty: float) -> Any:
        n, d = x.shape
        value = gb = 0.0
        gw = np.zeros(d)
        for i in nb.prange(n):
            z = b
            for j in range(d):
                z += x[i, j] * w[j, 0]
            e = np.exp(-abs(z))
            value += max(z, 0.0) + np.log1p(e) - y[i, 0] * z
            r = ((1.0 if z > 0 else e) / (1 + e) - y[i, 0]) / n
            gb += r
            gw += r * x[i]
        return value / n + penalty * np.sum(w * w), (gw.reshape(d, 1) + 2 * penalty * w, gb)

    return value_and_grad


LOGISTIC = Case(
    name="logistic",
    title="logistic regression, 1,000,000 x 20",
    model=partial(example, "logistic_regression", "logistic"),
    inputs=inputs,
    written={
        "numpy": by_hand,
        "lambdify": lambdify,
        "torch": torch,
        "torch-compile": torch,
        "jax": jax,
        "pytensor": pytensor,
        "tensorgrad": tensorgrad,
        "autograd": autograd,
        "casadi": casadi,
        "numba": numba,
    },
    targets=(Target(0.55, ("torch", "torch-compile", "jax")),),
    most_memory=50,
)
