"""Rows of the index dialect: an expression each, whose meaning in PyTorch `index_values.evaluate` computes by loops."""

from __future__ import annotations

import zlib
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import sympy as sp
import torch
from index_values import evaluate
from sympy import (
    Idx,
    IndexedBase,
    KroneckerDelta,
    MatrixSymbol,
    Ne,
    Piecewise,
    Product,
    Sum,
    exp,
    log,
    sin,
    sqrt,
    symbols,
)
from sympy.tensor.array.array_comprehension import ArrayComprehension

from catalogue.case import Case

n, m, c, h = symbols("n m c h", integer=True, positive=True)
SIZES = {n: 5, m: 4, c: 3, h: 14}
i, j, k, p, q = symbols("i j k p q", integer=True)
a = symbols("a")
x, y, w, z = (IndexedBase(name, shape=(dim,)) for name, dim in zip("xywz", (n, n, m, h), strict=True))
A, B, C, D, S, T = (
    IndexedBase(name, shape=shape)
    for name, shape in zip("ABCDST", ((n, m), (m, c), (n, c), (n, n + 1), (n, n), (n, n)), strict=True)
)
U = IndexedBase("U", shape=(n, m, c))
K = IndexedBase("K", shape=(n,), integer=True)
M, Q = MatrixSymbol("M", n, m), MatrixSymbol("Q", m, n)

# fmt: off
EXPRESSIONS: dict[str, Any] = {
    "matrix product": Sum(C[i, k] * Sum(A[i, j] * B[j, k], (j, 0, m - 1)), (i, 0, n - 1), (k, 0, c - 1)),
    "trace": Sum(S[i, i], (i, 0, n - 1)) ** 2,
    "bilinear": Sum(x[i] * A[i, j] * w[j], (i, 0, n - 1), (j, 0, m - 1)),
    "over three indices": Sum(U[i, j, k] * A[i, j] * B[j, k] * sin(C[i, k]), (i, 0, n - 1), (j, 0, m - 1), (k, 0, c - 1)),
    "least squares": Sum((x[i] - Sum(A[i, j] * w[j], (j, 0, m - 1))) ** 2, (i, 0, n - 1)),
    "convolution": Sum(Sum(z[i + p] * w[p], (p, 0, m - 1)) ** 2, (i, 0, h - m)),
    "convolution with stride": Sum(Sum(z[2 * i + p] * w[p], (p, 0, m - 1)) ** 2 * x[i], (i, 0, n - 1)),
    "convolution of two axes": Sum(S[i + p, j + q] * T[p, q] * T[i, j], (p, 0, 1), (q, 0, 2), (i, 0, n - 2), (j, 0, n - 3)),
    "reversed": Sum(x[n - 1 - i] * y[i] ** 2, (i, 0, n - 1)),
    "stencil": Sum((x[i + 1] - 2 * x[i] + x[i - 1]) ** 2, (i, 1, n - 2)),
    "band": Sum(D[i, i + 1] * x[i], (i, 0, n - 1)),
    "antidiagonal": Sum(S[n - 1 - i, i] * S[i, i], (i, 0, n - 1)),
    "one index on two axes": Sum(z[2 * i + j] * S[j, i], (i, 0, n - 1), (j, 0, 3)),
    "from 1": Sum(x[i - 1] * i, (i, 1, n)),
    "running sum": Sum(x[i] ** 2 * Sum(y[j], (j, 0, i)), (i, 0, n - 1)),
    "running sum of those before": Sum((x[i] * Sum(sin(y[j]) * x[j], (j, 0, i - 1))) ** 2, (i, 0, n - 1)),
    "running sum from the end": Sum(x[i] ** 2 * Sum(y[j] ** 2, (j, i, n - 1)), (i, 0, n - 1)),
    "running sum of those after": Sum(x[i] ** 2 * Sum(y[j] ** 2, (j, i + 1, n - 1)), (i, 0, n - 1)),
    "running sums in a running sum": Sum(x[i] * y[j] * x[k], (k, 0, j), (j, 0, i), (i, 0, n - 1)),
    "triangular": Sum(exp(Sum(S[i, j] * y[j], (j, 0, i))), (i, 0, n - 1)),
    "triangular convolution": Sum(Sum(x[i - j] * y[j], (j, 0, i)) ** 2, (i, 0, n - 1)),
    "triangular, nonlinear": Sum(Sum(log(2 + x[i - j] * y[j] / 8), (j, 0, i)) ** 2, (i, 0, n - 1)),
    "triangular, of pairs": Sum((x[i] - x[j]) ** 2 * T[i, j], (j, 0, i - 1), (i, 0, n - 1)),
    "energy of pairs": Sum(x[i] * x[j] / sqrt((y[i] - y[j]) ** 2 + 1), (i, 0, n - 1), (j, 0, n - 1)),
    "energy of each pair once": Sum(x[i] * x[j] / sqrt((y[i] - y[j]) ** 2 + 1), (j, 0, i - 1), (i, 0, n - 1)),
    "energy of pairs apart":
        Sum(Piecewise((y[i] / sqrt((x[i] - x[j]) ** 2 + 1), Ne(i, j)), (0, True)), (i, 0, n - 1), (j, 0, n - 1)),
    "quotients of pairs": Sum(y[i] / (2 + exp(x[i] - x[j])) / (1 + y[j] ** 2), (i, 0, n - 1), (j, 0, n - 1)),
    "triangular, term by term": Sum(Sum(x[j] + y[i] * x[j] + S[i, j] + 1, (j, 0, i)) ** 2, (i, 0, n - 1)),
    "triangular, both ends move": Sum(x[i] * Sum(z[j], (j, i, 2 * i + 1)), (i, 0, n - 1)),
    "triangular, nested": Sum(Sum(S[i, j] * Sum(T[j, k] * y[k], (k, j, i)), (j, 0, i)), (i, 0, n - 1)),
    "window whose ends move alike": Sum(Sum(y[j], (j, i, i + 2)) ** 2 * x[i], (i, 0, n - 3)),
    "delta": Sum(KroneckerDelta(i, j) * S[i, j] * x[j], (i, 0, n - 1), (j, 0, n - 1)),
    "delta subtracted": Sum((S[i, j] - KroneckerDelta(i, j)) ** 2, (i, 0, n - 1), (j, 0, n - 1)),
    "delta off the diagonal": Sum(KroneckerDelta(i + 1, j) * S[i, j] * x[j], (i, 0, n - 1), (j, 0, n - 1)),
    "delta at a number": Sum(KroneckerDelta(i, 0) * x[i] ** 2, (i, 0, n - 1)),
    "product": Product(1 + x[i] * y[i], (i, 0, n - 1)),
    "product over two indices": Product(1 + A[i, j] / 3, (i, 0, n - 1), (j, 0, m - 1)),
    "product of equals": Sum(x[i], (i, 0, n - 1)) * Product(a, (i, 0, n - 1)),
    "triangular product": Sum(x[i] * Product(1 + y[j], (j, 0, i - 1)), (i, 0, n - 1)),
    "triangular product of both": Sum(Product(S[i, j] + x[i], (j, 0, i)), (i, 0, n - 1)),
    "log-sum-exp": log(Sum(exp(Sum(A[i, j] * w[j], (j, 0, m - 1))), (i, 0, n - 1))),
    "index as a number": Sum(x[i] * i + i**2 * y[i], (i, 0, n - 1)),
    "polynomial": Sum(x[i] * a**i, (i, 0, n - 1)),
    "condition on indices": Sum(Piecewise((x[i] * y[j], Ne(i, j)), (0, True)), (i, 0, n - 1), (j, 0, n - 1)),
    "gather": Sum(x[K[i]] ** 2 * y[i], (i, 0, n - 1)),
    "gather of rows": Sum(A[K[i], j] * w[j], (i, 0, n - 1), (j, 0, m - 1)),
    "gather one of each row": Sum(S[i, K[i]] * y[i], (i, 0, n - 1)),
    "gather by a gather": Sum(x[K[K[i]]] * w[0], (i, 0, n - 1)),
    "entries": x[0] * x[n - 1] + S[1, n - 2] ** 2 + S[n - 1, 0],
    "sums of equals": Sum(a, (i, 0, n - 1)) * Sum(1, (j, 0, n)) + Sum(x[0], (j, 1, 3)),
    "empty ranges": Sum(x[i], (i, 0, -1)) + Product(x[i], (i, 3, 2)) * a + Sum(x[i], (i, n, n - 1)),
    "one name for two indices": Sum(x[i], (i, 0, n - 1)) * Sum(w[i], (i, 0, m - 1)),
    "entries of matrices": Sum((M * Q)[i, i] * x[i] + M[i, 0] * Q[1, i], (i, 0, n - 1)) + M[n - 1, 0],
}
# fmt: on


def symbols_of(expression: Any) -> tuple[list[Any], list[Any]]:
    """The parameters of an expression, and its integer arrays."""
    arrays = sorted(expression.atoms(IndexedBase, MatrixSymbol), key=str)
    arrays += [a] if a in expression.free_symbols else []
    return [s for s in arrays if s is not K], [s for s in arrays if s is K]


def draw(symbol: Any, seed: str = "") -> np.ndarray:
    """A value, exact in float32."""
    rng = np.random.default_rng(zlib.crc32(f"{symbol}{seed}".encode()))
    shape = tuple(int(sp.sympify(dim).subs(SIZES)) for dim in getattr(symbol, "shape", ()))
    if symbol is K:
        return rng.integers(0, 4, shape)
    return np.asarray(rng.uniform(-1, 1, shape), np.float32).astype(np.float64)


def by_loops(expression: Any, values: dict[Any, Any]) -> torch.Tensor:
    """The value of an expression by loops, of PyTorch tensors."""
    sizes = {symbol: torch.tensor(float(size), dtype=torch.float64) for symbol, size in SIZES.items()}
    total = sum(value.sum() for value in values.values())
    return evaluate(expression, {**sizes, **values}) + 0 * total


def row(name: str, expression: Any) -> Case:
    """A row, of the symbols that the expression holds."""
    params, integers = symbols_of(expression)

    def theirs(*given: torch.Tensor) -> torch.Tensor:
        return by_loops(expression, dict(zip((*params, *integers), given, strict=True)))

    return Case(
        name, "index", expression, theirs, lambda _, symbol: draw(symbol), tuple(params), constants=tuple(integers)
    )


def table(name: str, entry: Any, *axes: Any, comprehension: bool = False) -> Case:
    """A row whose output has axes: one entry for each place; each axis is an index with its bounds.

    The output is an array comprehension, or has free indices with a range of their own, that run from 0.
    """
    params, integers = symbols_of(entry)
    bounds = [(index, *(int(sp.sympify(bound).subs(SIZES)) for bound in ends)) for index, *ends in axes]

    def theirs(*given: torch.Tensor) -> torch.Tensor:
        values = dict(zip((*params, *integers), given, strict=True))
        entries = [
            by_loops(
                entry.xreplace(dict(zip((index for index, _, _ in bounds), map(sp.Integer, place), strict=True))),
                values,
            )
            for place in product(*(range(low, high + 1) for _, low, high in bounds))
        ]
        return torch.stack(entries).reshape([high + 1 - low for _, low, high in bounds])

    free = {index: Idx(str(index), high + 1) for index, _, high in axes}
    return replace(
        row(name, entry),
        expression=ArrayComprehension(entry, *axes) if comprehension else entry.xreplace(free),
        theirs=theirs,
        objective=Sum(entry**2 / 2 + entry, *axes),
    )


ROWS = [
    *(row(name, expression) for name, expression in EXPRESSIONS.items()),
    table("free index", Sum(A[p, j] * w[j], (j, 0, m - 1)) ** 2 * x[p], (p, 0, n - 1)),
    table("free index of a gather", x[K[p]] * y[p], (p, 0, n - 1)),
    table("free indices", sin(A[p, q]) * w[q] + a * p, (p, 0, n - 1), (q, 0, m - 1)),
    table("free indices in another order than theirs", A[q, p] * x[q] * w[p], (p, 0, m - 1), (q, 0, n - 1)),
    table("array comprehension", A[p, q] * x[p] ** 2, (p, 1, n - 1), (q, 0, m - 1), comprehension=True),
]
