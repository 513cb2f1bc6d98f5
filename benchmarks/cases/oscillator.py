"""A damped oscillator, A exp(-g t) cos(w t + p) + c, fitted to a million samples: elementary functions of few parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

import symdiff as sd
from benchmarks.case import Case, Inputs, Target, same
from benchmarks.peers.lambdify import Scalars

A, G, W, P, C, T, Y = sp.symbols("a g w p c t y")
ERROR = (A * sp.exp(-G * T) * sp.cos(W * T + P) + C - Y) ** 2


def model() -> sd.Model:
    return sd.Model(sd.mean(ERROR), params=[A, G, W, P, C], data=[T, Y], name="oscillator")


def inputs(small: bool) -> Inputs:
    t = np.linspace(0, 10, 100 if small else 1_000_000)
    y = np.exp(-0.3 * t) * np.cos(2 * t) + 0.1 * np.random.default_rng(0).standard_normal(t.size)
    return Inputs(tuple(map(np.float64, (1, 0.2, 2.1, 0.1, 0.05))), (t, y))


def loss(xp: Any, a: Any, g: Any, w: Any, p: Any, c: Any, t: Any, y: Any) -> Any:
    return ((a * xp.exp(-g * t) * xp.cos(w * t + p) + c - y) ** 2).mean()


def jax(jax: Any, *given: Any) -> Any:
    return loss(jax.numpy, *given)


def by_hand(a: Any, g: Any, w: Any, p: Any, c: Any, t: Any, y: Any) -> Any:
    decay, angle = np.exp(-g * t), w * t + p
    wave, slope = decay * np.cos(angle), -a * decay * np.sin(angle)
    r = a * wave + c - y
    gradient = (r * wave, -a * r * t * wave, r * t * slope, r * slope, r)
    return (r * r).mean(), [2 * part.mean() for part in gradient]


def lambdify() -> Scalars:
    return Scalars(ERROR, [A, G, W, P, C], [T, Y])


def casadi(ca: Any, a: Any, g: Any, w: Any, p: Any, c: Any, t: Any, y: Any) -> Any:
    return ca.sumsqr(a * ca.exp(-g * t) * ca.cos(w * t + p) + c - y) / t.numel()


def numba(nb: Any) -> Any:
    @nb.njit(parallel=True)
    def value_and_grad(a: float, g: float, w: float, p: float, c: float, t: Any, y: Any) -> Any:
        value = ga = gg = gw = gp = gc = 0.0
        for i in nb.prange(t.size):
            decay, angle = np.exp(-g * t[i]), w * t[i] + p
            wave, slope = decay * np.cos(angle), -a * decay * np.sin(angle)
            r = a * wave + c - y[i]
            value += r * r
            ga += r * wave
            gg -= a * r * t[i] * wave
            gw += r * t[i] * slope
            gp += r * slope
            gc += r
        n = t.size
        return value / n, (2 * ga / n, 2 * gg / n, 2 * gw / n, 2 * gp / n, 2 * gc / n)

    return value_and_grad


OSCILLATOR = Case(
    name="oscillator",
    title="damped oscillator, 1,000,000 samples",
    model=model,
    inputs=inputs,
    written={
        "numpy": by_hand,
        "lambdify": lambdify,
        **same(loss, "torch", "torch-compile", "pytensor", "autograd"),
        "jax": jax,
        "casadi": casadi,
        "numba": numba,
    },
    cannot={"tensorgrad": "it has no cosine"},
    variants={"symdiff": {}, "symdiff fast": {"math": "fast"}},
    targets=(Target(0.75, ("torch-compile",), own="symdiff fast"), Target(1.0, ("torch",))),
)
