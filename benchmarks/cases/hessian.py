"""The Hessian of logistic regression by all its 1000 weights, of 2000 samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

import symdiff as sd
from benchmarks.case import Case, Inputs, Target


def model() -> sd.Model:
    n, d = sp.symbols("n d", integer=True, positive=True)
    x, y, w = sd.Tensor("x", (n, d)), sd.Tensor("y", n), sd.Tensor("w", d)
    z = x @ w
    return sd.Model(sd.mean(sd.softplus(z) - y * z), params=[w], data=[x, y], name="logistic_hessian")


def inputs(small: bool) -> Inputs:
    n, d = (20, 5) if small else (2000, 1000)
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((n, d)), rng.standard_normal(d) / np.sqrt(d)
    return Inputs((w,), (x, (rng.random(n) < 0.5).astype(float)))


def by_hand(w: Any, x: Any, y: Any) -> Any:
    p = 1 / (1 + np.exp(-(x @ w)))
    return x.T @ ((p * (1 - p) / len(x))[:, None] * x)


def torch(torch: Any, w: Any, x: Any, y: Any) -> Any:
    return torch.nn.functional.binary_cross_entropy_with_logits(x @ w, y)


def jax(jax: Any, w: Any, x: Any, y: Any) -> Any:
    z = x @ w
    return (jax.nn.softplus(z) - y * z).mean()


def pytensor(pt: Any, w: Any, x: Any, y: Any) -> Any:
    z = x @ w
    return (pt.softplus(z) - y * z).mean()


def autograd(anp: Any, w: Any, x: Any, y: Any) -> Any:
    z = anp.dot(x, w)
    return anp.mean(anp.logaddexp(0, z) - y * z)


def casadi(ca: Any, w: Any, x: Any, y: Any) -> Any:
    z = x @ w
    return ca.sum1(ca.log1p(ca.exp(z)) - y * z) / z.numel()


def tensorgrad(F: Any, Variable: Any, symbols: Any) -> Any:
    n, d = symbols("n d")
    w, x, y = Variable("w", d), Variable("x", n, d), Variable("y", n)
    z = x @ w
    return F.mean(F.log(F.exp(z) + 1) - y * z), (w, x, y)


def numba(nb: Any) -> Any:
    @nb.njit
    def hessian(w: Any, x: Any, y: Any) -> Any:
        scaled = np.empty_like(x)
        z = np.dot(x, w)
        for i in range(len(x)):
            p = 1 / (1 + np.exp(-z[i]))
            scaled[i] = x[i] * (p * (1 - p) / len(x))
        return np.dot(x.T, scaled)

    return hessian


HESSIAN = Case(
    name="hessian",
    title="Hessian of logistic regression, d = 1000, n = 2000",
    model=model,
    inputs=inputs,
    kind="hessian",
    written={
        "numpy": by_hand,
        "torch": torch,
        "torch-compile": torch,
        "jax": jax,
        "pytensor": pytensor,
        "tensorgrad": tensorgrad,
        "autograd": autograd,
        "casadi": casadi,
        "numba": numba,
    },
    cannot={"lambdify": "its derivatives are of scalars: 1,000,000 entries are too many"},
    targets=(Target(0.5, ("jax",)), Target(0.05, ("torch",))),
)
