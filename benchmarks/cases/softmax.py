"""Softmax regression with a quadratic penalty: 60,000 samples of 784 features, 10 classes, float32."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.case import Case, Inputs, Target
from benchmarks.examples import example


def inputs(small: bool) -> Inputs:
    n, d, c = (40, 6, 4) if small else (60_000, 784, 10)
    rng = np.random.default_rng(0)
    x, label = rng.standard_normal((n, d)).astype(np.float32), rng.integers(0, c, n)
    params = (0.01 * rng.standard_normal((d, c))).astype(np.float32), np.zeros(c, np.float32)
    return Inputs(params, (x, label, np.float32(0.1)))


def by_hand(w: Any, b: Any, x: Any, label: Any, penalty: Any) -> Any:
    scores, rows = x @ w + b, np.arange(len(x))
    scores -= scores.max(axis=1, keepdims=True)
    p = np.exp(scores)
    total = p.sum(axis=1, keepdims=True)
    value = np.mean(np.log(total[:, 0]) - scores[rows, label]) + penalty * (w * w).sum()
    p /= total
    p[rows, label] -= 1
    p /= len(x)
    return value, [x.T @ p + 2 * penalty * w, p.sum(axis=0)]


def torch(torch: Any, w: Any, b: Any, x: Any, label: Any, penalty: Any) -> Any:
    return torch.nn.functional.cross_entropy(x @ w + b, label) + penalty * (w * w).sum()


def jax(jax: Any, w: Any, b: Any, x: Any, label: Any, penalty: Any) -> Any:
    logs = jax.nn.log_softmax(x @ w + b)
    return -jax.numpy.take_along_axis(logs, label[:, None], 1).mean() + penalty * (w * w).sum()


def pytensor(pt: Any, w: Any, b: Any, x: Any, label: Any, penalty: Any) -> Any:
    logs = pt.special.log_softmax(x @ w + b, axis=1)
    return -logs[pt.arange(label.shape[0]), label].mean(dtype="float32") + penalty * (w * w).sum()


def autograd(anp: Any, w: Any, b: Any, x: Any, label: Any, penalty: Any) -> Any:
    from autograd.scipy.special import logsumexp

    scores = anp.dot(x, w) + b
    given = scores[np.arange(len(label)), label]
    return anp.mean(logsumexp(scores, axis=1) - given) + penalty * anp.sum(w * w)


def tensorgrad(F: Any, Variable: Any, symbols: Any) -> Any:
    n, d, c = symbols("n d c")
    w, b, penalty = Variable("w", d, c), Variable("b", c), Variable("penalty")
    x, label = Variable("x", n, d), Variable("label", n)
    entropy = F.cross_entropy(x @ w + b, F.one_hot(label, c, dim="c"), dim="c")
    return F.mean(entropy) + penalty * F.sum(w * w), (w, b, x, label, penalty)


def numba(nb: Any) -> Any:
    @nb.njit(parallel=True)
    def value_and_grad(w: Any, b: Any, x: Any, label: Any, penalty: Any) -> Any:
        n, c = len(x), len(b)
        p = np.dot(x, w)
        value = 0.0
        for i in nb.prange(n):
            top = p[i, 0] + b[0]
            for j in range(c):
                p[i, j] += b[j]
                top = max(top, p[i, j])
            given = p[i, label[i]] - top
            total = x.dtype.type(0)
            for j in range(c):
                p[i, j] = np.exp(p[i, j] - top)
                total += p[i, j]
            value += np.log(total) - given
            for j in range(c):
                p[i, j] /= total * n
            p[i, label[i]] -= x.dtype.type(1 / n)
        return value / n + penalty * np.sum(w * w), (np.dot(x.T, p) + (penalty + penalty) * w, np.sum(p, axis=0))

    return value_and_grad


PEERS = ("numpy", "torch", "torch-compile", "jax", "pytensor", "tensorgrad", "autograd", "numba")

SOFTMAX = Case(
    name="softmax",
    title="softmax regression, 60,000 x 784, 10 classes, float32",
    model=partial(example, "softmax_regression", "softmax"),
    inputs=inputs,
    written={
        "numpy": by_hand,
        "torch": torch,
        "torch-compile": torch,
        "jax": jax,
        "pytensor": pytensor,
        "tensorgrad": tensorgrad,
        "autograd": autograd,
        "numba": numba,
    },
    cannot={
        "lambdify": "its derivatives are of scalars: 7,850 parameters are too many",
        "casadi": "double precision only",
    },
    targets=(Target(1.0, PEERS), Target(0.85, PEERS, stretch=True)),
    tolerance=1e-4,
)
