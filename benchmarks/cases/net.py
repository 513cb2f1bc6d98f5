"""A two-layer ReLU network and its squared error: 64 samples, 1000 inputs, 100 hidden units, 10 outputs."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.case import Case, Inputs, Target
from benchmarks.examples import example

NO_SCALARS = "its derivatives are of scalars: 101,000 parameters are too many"


def inputs(dtype: str, small: bool) -> Inputs:
    n, d, k, o = (5, 4, 3, 2) if small else (64, 1000, 100, 10)
    rng = np.random.default_rng(0)
    x, y, w1, w2 = (rng.standard_normal(shape).astype(dtype) for shape in ((n, d), (n, o), (d, k), (k, o)))
    return Inputs((w1, w2), (x, y))


def by_hand(w1: Any, w2: Any, x: Any, y: Any) -> Any:
    h = np.maximum(x @ w1, 0)
    r = h @ w2 - y
    gr = 2 * r
    gh = gr @ w2.T
    gh[h == 0] = 0
    return np.vdot(r, r), [x.T @ gh, h.T @ gr]


def torch(torch: Any, w1: Any, w2: Any, x: Any, y: Any) -> Any:
    return ((x.mm(w1).clamp(min=0).mm(w2) - y) ** 2).sum()


def jax(jax: Any, w1: Any, w2: Any, x: Any, y: Any) -> Any:
    return ((jax.nn.relu(x @ w1) @ w2 - y) ** 2).sum()


def arrays(xp: Any, w1: Any, w2: Any, x: Any, y: Any) -> Any:
    return xp.sum((xp.dot(xp.maximum(xp.dot(x, w1), 0), w2) - y) ** 2)


def casadi(ca: Any, w1: Any, w2: Any, x: Any, y: Any) -> Any:
    return ca.sumsqr(ca.fmax(x @ w1, 0) @ w2 - y)


def tensorgrad(F: Any, Variable: Any, symbols: Any) -> Any:
    n, d, k, o = symbols("n d k o")
    x, y, w1, w2 = Variable("x", n, d), Variable("y", n, o), Variable("w1", d, k), Variable("w2", k, o)
    return F.sum((F.relu(x @ w1) @ w2 - y) ** 2), (w1, w2, x, y)


def numba(nb: Any) -> Any:
    @nb.njit
    def value_and_grad(w1: Any, w2: Any, x: Any, y: Any) -> Any:
        h = np.maximum(np.dot(x, w1), x.dtype.type(0))
        r = np.dot(h, w2) - y
        gr = r + r
        gh = np.dot(gr, w2.T)
        for i in range(gh.shape[0]):
            for j in range(gh.shape[1]):
                if h[i, j] == 0:
                    gh[i, j] = 0
        return np.sum(r * r), (np.dot(x.T, gh), np.dot(h.T, gr))

    return value_and_grad


def products(w1: Any, w2: Any, x: Any, y: Any) -> Any:
    """The five matrix products alone: no gradient without them."""
    h = x @ w1
    r = h @ w2
    gh = r @ w2.T
    return r, [x.T @ gh, h.T @ r]


def net(dtype: str) -> Case:
    return Case(
        name=f"net-{dtype}",
        title=f"two-layer net 64x1000x100x10, {dtype}, with update",
        model=partial(example, "two_layer_net", "net"),
        inputs=partial(inputs, dtype),
        rate=1e-6,
        written={
            "numpy": by_hand,
            "torch": torch,
            "torch-compile": torch,
            "jax": jax,
            "pytensor": arrays,
            "tensorgrad": tensorgrad,
            "autograd": arrays,
            **({"casadi": casadi} if dtype == "float64" else {}),
            "numba": numba,
        },
        cannot={"lambdify": NO_SCALARS, **({"casadi": "double precision only"} if dtype == "float32" else {})},
        floor=("its five matrix products", products),
        targets=(Target(0.75, ("jax",)), Target(0.4, ("torch",)), Target(1.25, ("floor",))),
        tolerance=1e-4 if dtype == "float32" else 1e-10,
    )


NETS = (net("float32"), net("float64"))
