"""A straight line through 11 points, by the mean squared error: all is overhead."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from benchmarks.case import Case, Inputs, Target, same
from benchmarks.examples import example
from benchmarks.peers.lambdify import Scalars


def inputs(small: bool) -> Inputs:
    x = np.arange(11.0)
    return Inputs((np.float64(0), np.float64(0)), (x, 2 * x + 1))


def loss(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    return ((w * x + b - y) ** 2).mean()


def by_hand(w: Any, b: Any, x: Any, y: Any) -> Any:
    r = w * x + b - y
    return (r * r).mean(), (2 * (r * x).mean(), 2 * r.mean())


def lambdify() -> Scalars:
    w, b, x, y = sp.symbols("w b x y")
    return Scalars((w * x + b - y) ** 2, [w, b], [x, y])


def casadi(ca: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    return ca.sumsqr(w * x + b - y) / x.numel()


def tensorgrad(F: Any, Variable: Any, symbols: Any) -> Any:
    n = symbols("n")
    w, b, x, y = Variable("w"), Variable("b"), Variable("x", n), Variable("y", n)
    return F.mean((w * x + b - y) ** 2), (w, b, x, y)


def numba(nb: Any) -> Any:
    @nb.njit
    def value_and_grad(w: float, b: float, x: Any, y: Any) -> Any:
        value = gw = gb = 0.0
        for i in range(x.size):
            r = w * x[i] + b - y[i]
            value += r * r
            gw += r * x[i]
            gb += r
        return value / x.size, (2 * gw / x.size, 2 * gb / x.size)

    return value_and_grad


LINE = Case(
    name="line",
    title="line through 11 points, with update",
    model=partial(example, "linear_regression", "line"),
    inputs=inputs,
    rate=1e-3,
    written={
        "numpy": by_hand,
        "lambdify": lambdify,
        **same(loss, "torch", "torch-compile", "jax", "pytensor", "autograd"),
        "tensorgrad": tensorgrad,
        "casadi": casadi,
        "numba": numba,
    },
    targets=(Target(0.6, ("jax",)), Target(0.08, ("torch",))),
)
