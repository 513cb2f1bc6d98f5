"""The symbols of the scalar and the matrix rows, the values they take, and how a row is made of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch as t
from sympy import MatrixSymbol, symbols

import symdiff as sd
from catalogue.case import Case
from symdiff.functions.reductions import is_matrix

n, m, k, N = symbols("n m k N", integer=True, positive=True)
SIZES = {n: 3, m: 4, k: 2, N: 5}
w, b, c, x, y = symbols("w b c x y")
A, B, C, Q, R, G = (
    MatrixSymbol(name, *shape)
    for name, *shape in (("A", n, m), ("B", n, m), ("C", m, k), ("Q", n, n), ("R", n, n), ("G", 5, 4))
)
P, U = MatrixSymbol("P", n, m), MatrixSymbol("U", n, m)  # positive; between 0 and 1
u, v, r, s = MatrixSymbol("u", n, 1), MatrixSymbol("v", m, 1), MatrixSymbol("r", 1, m), MatrixSymbol("s", 1, 1)
X, Y = MatrixSymbol("X", N, m), MatrixSymbol("Y", N, k)
S, T, D = MatrixSymbol("S", n, n), MatrixSymbol("T", n, n), MatrixSymbol("D", n, n)  # S, T positive definite; D regular
F, W = MatrixSymbol("F", k, k), MatrixSymbol("W", 2, 2)
eye = t.eye(3, dtype=t.float64)
SYMBOLS = {
    str(symbol.name): symbol for symbol in (w, b, c, x, y, A, B, C, Q, R, G, P, U, u, v, r, s, X, Y, S, T, D, F, W)
}
DATA = (x, y, X, Y)
DOMAINS = {P: (0.5, 2.0), U: (0.1, 0.9)}


def row(name: str, expression: Any, theirs: Callable[..., t.Tensor], domain: tuple[float, float] = (-2.0, 2.0)) -> Case:
    """A row whose symbols are the arguments of `theirs` that have no default, in that order, parameters first.

    `domain` is where inputs are drawn from. Of an output per sample, which its name says, and of a matrix the objective
    is a sum.
    """
    arguments = inspect.signature(theirs).parameters.values()
    taken = [SYMBOLS[argument.name] for argument in arguments if argument.default is argument.empty]
    return Case(
        name,
        "matrix" if any(hasattr(symbol, "shape") for symbol in taken) else "scalar",
        expression,
        theirs,
        partial(draw, domain=domain),
        params=tuple(symbol for symbol in taken if symbol not in DATA),
        data=tuple(symbol for symbol in taken if symbol in DATA),
        objective=objective_of(expression, name.startswith("per sample")),
    )


def objective_of(out: Any, per_sample: bool) -> Any:
    """The sum of e**2 / 2 + e over the entries of an output and over the samples; None if the output is a scalar."""
    if is_matrix(out):
        total = sd.sum(out.applyfunc(lambda e: e**2 / 2 + e))
        return sd.sum(total) if per_sample else total
    return sd.sum(out**2 / 2 + out) if per_sample else None


def draw(rng: np.random.Generator, symbol: Any, domain: tuple[float, float]) -> np.ndarray:
    """A value: one number, one for each sample, or a matrix."""
    if isinstance(symbol, MatrixSymbol):
        shape = tuple(int(dim.subs(SIZES)) for dim in symbol.shape)
    else:
        shape = (SIZES[N],) if symbol in DATA else ()
    if symbol in (S, T, D):
        return regular(rng, shape, symmetric=symbol is not D)
    return np.asarray(rng.uniform(*DOMAINS.get(symbol, domain), shape))


def regular(rng: np.random.Generator, shape: tuple[int, ...], symmetric: bool) -> np.ndarray:
    """A matrix far from singular, of entries that are whole multiples of 1/64; positive definite if symmetric."""
    entries = np.round(8 * rng.uniform(-1.5, 1.5, shape)) / 8
    return (entries @ entries.T if symmetric else entries) + 3 * np.eye(shape[0])
