"""What would overflow is rewritten wherever its parts stand: repeated along an axis, sliced, turned or in another shape."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sympy as sp
from sympy import IndexedBase, MatrixSymbol, OneMatrix, Sum, cosh, exp, log

import symdiff as sd

n = sp.Symbol("n", integer=True, positive=True)
i, j = sp.symbols("i j", integer=True)
t, w, one = IndexedBase("t", shape=(n,)), MatrixSymbol("w", n, 1), OneMatrix(n, 1)
a, X = sd.Tensor("a", n), sd.Tensor("X", (n, 2))
PAIRS = ((i, 0, n - 1), (j, 0, n - 1))
T = np.array([1.0, 800.0, -800.0, 2.0])
COLUMN, ROW, TABLE = T[:, None], T[None, :], T.reshape(2, 2)
BOTH = np.logaddexp(COLUMN, ROW)


def share(mine, other):
    """exp(mine) / (exp(mine) + exp(other))."""
    return np.exp(mine - np.logaddexp(mine, other))


# expression, parameter, its value, the value, the gradient
CASES = {
    "all pairs": (Sum(log(exp(t[i]) + exp(t[j])), *PAIRS), t, T, BOTH.sum(), 2 * share(COLUMN, ROW).sum(axis=1)),
    "weights": (
        Sum(log(2 * exp(t[i]) + 3 * exp(t[j])), *PAIRS), t, T,
        np.logaddexp(COLUMN + np.log(2), ROW + np.log(3)).sum(),
        share(COLUMN + np.log(2), ROW + np.log(3)).sum(axis=1) + share(ROW + np.log(3), COLUMN + np.log(2)).sum(axis=0),
    ),
    "paired comparisons": (
        Sum(log(exp(t[i]) / (exp(t[i]) + exp(t[j]))), *PAIRS), t, T,
        (COLUMN - BOTH).sum(), len(T) - 2 * share(COLUMN, ROW).sum(axis=1),
    ),
    "and one": (
        Sum(log(1 + exp(t[i]) + exp(t[j])), *PAIRS), t, T,
        np.logaddexp(0, BOTH).sum(), 2 * np.exp(COLUMN - np.logaddexp(0, BOTH)).sum(axis=1),
    ),
    "hyperbolic": (
        Sum(log(cosh(t[i]) + cosh(t[j])), *PAIRS), t, T,
        (np.logaddexp(np.logaddexp(COLUMN, -COLUMN), np.logaddexp(ROW, -ROW)) - np.log(2)).sum(), None,
    ),
    "neighbours": (
        Sum(log(exp(t[i]) + exp(t[i + 1])), (i, 0, n - 2)), t, T,
        np.logaddexp(T[1:], T[:-1]).sum(), np.r_[share(T[:-1], T[1:]), 0] + np.r_[0, share(T[1:], T[:-1])],
    ),
    "new axes": (
        sd.sum(sd.log(sd.exp(a)[:, None] + sd.exp(a)[None, :])), a, T, BOTH.sum(), 2 * share(COLUMN, ROW).sum(axis=1)
    ),
    "columns": (
        sd.sum(sd.log(sd.exp(X)[:, :1] + sd.exp(X)[:, 1:])), X, TABLE,
        np.logaddexp(*TABLE.T).sum(), share(TABLE, TABLE[:, ::-1]),
    ),
    "another shape": (
        sd.sum(sd.log(sd.reshape(sd.exp(X), (2 * n,)) + 1)), X, TABLE, np.logaddexp(0, T).sum(), share(TABLE, 0)
    ),
    "matrices": (
        sd.sum((w.applyfunc(exp) * one.T + one * w.T.applyfunc(exp)).applyfunc(log)), w, COLUMN,
        BOTH.sum(), 2 * share(COLUMN, ROW).sum(axis=1, keepdims=True),
    ),
    "a quotient": (
        sd.sum(a[None, :] / (1 + sd.exp(a)[:, None])), a, T, (ROW * share(0, COLUMN)).sum(),
        share(0, COLUMN).sum() - T.sum() * share(0, T) * share(T, 0),
    ),
    "a difference from one": (
        sd.sum((1 - sd.sigmoid(a)[:, None]) * a), a, T, (ROW * share(0, COLUMN)).sum(),
        share(0, COLUMN).sum() - T.sum() * share(0, T) * share(T, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_stable_through_views(name):
    expression, symbol, at, value, gradient = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        module = sd.compile(sd.Model(expression, params=[symbol]), cache=False)
        found, (slope,) = module.value_and_grad(at)
    np.testing.assert_allclose(found, value, rtol=1e-13)
    assert np.isfinite(slope).all()
    if gradient is not None:
        np.testing.assert_allclose(slope, gradient, rtol=1e-11, atol=1e-13)
