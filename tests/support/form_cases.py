"""Objectives whose gradients are in the literature, each with the same function in NumPy.

The functions are analytic where they are evaluated, so that a complex step gives their gradients to full precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy as sp
from sympy import (
    BlockDiagMatrix,
    BlockMatrix,
    Determinant,
    DiagMatrix,
    HadamardPower,
    HadamardProduct,
    Identity,
    KroneckerDelta,
    KroneckerProduct,
    MatrixSymbol,
    OneMatrix,
    Product,
    Rational,
    Sum,
    Trace,
    cos,
    exp,
    log,
    sin,
    sqrt,
    tanh,
)

import symdiff as sd

n, m, N = sp.symbols("n m N", integer=True, positive=True)
SIZES = {n: 3, m: 2, N: 5}
half = Rational(1, 2)


@dataclass(frozen=True)
class Case:
    """An objective by some of its symbols, and the same in NumPy, of a namespace of arrays.

    Attributes
    ----------
    without : the symbols whose derivatives have no form, one letter each.
    symbols : all symbols by their names.
    """

    name: str
    objective: Any
    by: tuple[Any, ...]
    function: Callable[[Any], Any]
    without: str = ""
    symbols: Mapping[str, Any] = field(default_factory=dict)

    def arrays(self) -> dict[str, np.ndarray]:
        """An array for each symbol that the function takes or is differentiated by."""
        every = {name: value_of(name, symbol) for name, symbol in self.symbols.items()}
        asked = dict.fromkeys(str(symbol.name) for symbol in self.by)
        self.function(_Noting(every, asked))
        return {name: every[name] for name in asked}


class _Noting:
    """A namespace of arrays that notes which are asked for."""

    def __init__(self, arrays: dict[str, np.ndarray], asked: dict[str, None]) -> None:
        self._arrays, self._asked = arrays, asked

    def __getattr__(self, name: str) -> np.ndarray:
        self._asked[name] = None
        return self._arrays[name]


# fmt: off
def matrices() -> list[Case]:
    A, B, X = (MatrixSymbol(name, n, n) for name in "ABX")
    S, P = MatrixSymbol("S", n, n), MatrixSymbol("P", n, n)  # positive definite
    Y, Z = MatrixSymbol("Y", n, m), MatrixSymbol("Z", n, m)
    M = MatrixSymbol("M", m, m)
    D, T = MatrixSymbol("D", N, n), MatrixSymbol("T", N, m)
    x, y, a, b = (MatrixSymbol(name, n, 1) for name in "xyab")
    p, r = MatrixSymbol("p", m, 1), MatrixSymbol("r", 1, n)
    t = MatrixSymbol("t", N, 1)
    one = MatrixSymbol("o", 1, 1)
    tr, det, inv = np.trace, np.linalg.det, np.linalg.inv
    kron = np.kron

    def f(x): return (x.T * S * x)[0, 0]
    def quad(v): return (v.x.T @ v.S @ v.x)[0, 0]
    def dot(u, w): return (u.T @ w)[0, 0]
    def norm(u): return np.sqrt((u * u).sum())
    def sm(u, axis):
        e = np.exp(u)
        return e / e.sum(axis=axis, keepdims=True)
    def sig(u): return 1 / (1 + np.exp(-u))
    dots, centred = (x.T * y)[0, 0], x - sd.mean(x) * OneMatrix(n, 1)
    cosine = dots / (sd.norm(x) * sd.norm(y))
    rows = [
        # a nonlinear function of a 1x1 product
        ("square of an entry of a product", dots**2, (x, y), lambda v: dot(v.x, v.y)**2),
        ("square of a trace of a product", Trace(x.T * y)**2, (x, y), lambda v: dot(v.x, v.y)**2),
        ("square of a 1x1 product", (x.T * y)**2, (x, y), lambda v: dot(v.x, v.y)**2),
        ("cube of a form", f(x)**3, (x, S), lambda v: quad(v)**3),
        ("root of a form", sqrt(f(x)), (x, S), lambda v: np.sqrt(quad(v))),
        ("power of a form", f(x)**Rational(3, 4), (x, S), lambda v: quad(v)**.75),
        ("inverse of a form", 1 / f(x), (x, S), lambda v: 1 / quad(v)),
        ("log of a form", log(f(x)), (x, S), lambda v: np.log(quad(v))),
        ("log of one plus a form", log(1 + f(x)), (x, S), lambda v: np.log(1 + quad(v))),
        ("bump", exp(-f(x)), (x, S), lambda v: np.exp(-quad(v))),
        ("bump of a difference", exp(-((x - y).T * S * (x - y))[0, 0] / 2), (x, y, S),
         lambda v: np.exp(-((v.x - v.y).T @ v.S @ (v.x - v.y))[0, 0] / 2)),
        ("sine of a form", sin(f(x)) * f(y), (x, y, S), lambda v: np.sin(quad(v)) * (v.y.T @ v.S @ v.y)[0, 0]),
        ("Rayleigh quotient", f(x) / (x.T * x)[0, 0], (x, S), lambda v: quad(v) / dot(v.x, v.x)),
        ("Rayleigh quotient by traces", Trace(x.T * A * x) / Trace(x.T * x), (x, A),
         lambda v: (v.x.T @ v.A @ v.x)[0, 0] / dot(v.x, v.x)),
        ("generalised Rayleigh quotient", f(x) / (x.T * P * x)[0, 0], (x, S, P),
         lambda v: quad(v) / (v.x.T @ v.P @ v.x)[0, 0]),
        ("Rayleigh quotient of 1x1 matrices", (x.T * S * x) * (x.T * x).I, (x, S),
         lambda v: quad(v) / dot(v.x, v.x)),
        ("cosine similarity", cosine, (x, y), lambda v: dot(v.x, v.y) / (norm(v.x) * norm(v.y))),
        ("cosine similarity by roots", dots / sqrt((x.T * x)[0, 0] * (y.T * y)[0, 0]), (x, y),
         lambda v: dot(v.x, v.y) / (norm(v.x) * norm(v.y))),
        ("cosine distance of maps", 1 - ((A * x).T * (B * y))[0, 0] / sd.norm(A * x) / sd.norm(B * y), (x, y, A, B),
         lambda v: 1 - dot(v.A @ v.x, v.B @ v.y) / norm(v.A @ v.x) / norm(v.B @ v.y)),
        ("logistic loss of one sample", log(1 + exp(-(a.T * x)[0, 0])), (a, x),
         lambda v: np.log(1 + np.exp(-dot(v.a, v.x)))),
        ("logistic of a form", sd.sigmoid(f(x)), (x, S), lambda v: sig(quad(v))),
        ("hyperbolic tangent of a bilinear form", tanh((a.T * X * b)[0, 0]), (a, X, b),
         lambda v: np.tanh((v.a.T @ v.X @ v.b)[0, 0])),
        ("product of forms", f(x) * (a.T * x)[0, 0], (x, a, S), lambda v: quad(v) * dot(v.a, v.x)),
        ("product of forms as matrices", (x.T * S * x) * (a.T * x), (x, a, S), lambda v: quad(v) * dot(v.a, v.x)),
        ("vector scaled by a form", sd.sum(f(x) * y), (x, y, S), lambda v: quad(v) * v.y.sum()),
        ("norm of a vector scaled by a product", sd.norm((x.T * y)[0, 0] * a - b), (x, y, a, b),
         lambda v: norm(dot(v.x, v.y) * v.a - v.b)),
        ("Huber-like root", sqrt(1 + ((x - y).T * (x - y))[0, 0]), (x, y),
         lambda v: np.sqrt(1 + dot(v.x - v.y, v.x - v.y))),
        ("multiquadric and bump", sqrt(1 + (x.T * x)[0, 0]) * exp(-(y.T * y)[0, 0]), (x, y),
         lambda v: np.sqrt(1 + dot(v.x, v.x)) * np.exp(-dot(v.y, v.y))),
        ("Student density", -2 * log(1 + ((x - y).T * S.I * (x - y))[0, 0] / 3) - log(Determinant(S)) / 2, (x, y, S),
         lambda v: -2 * np.log(1 + ((v.x - v.y).T @ inv(v.S) @ (v.x - v.y))[0, 0] / 3) - np.log(det(v.S)) / 2),
        ("entries of a vector", x[0, 0]**2 * x[1, 0] + sin(x[2, 0]), (x,),
         lambda v: v.x[0, 0]**2 * v.x[1, 0] + np.sin(v.x[2, 0])),
        ("entry of a product", (A * X)[0, 1]**2, (A, X), lambda v: (v.A @ v.X)[0, 1]**2),
        ("1x1 symbol", one[0, 0]**3 * f(x), (one, x), lambda v: v.o[0, 0]**3 * quad(v)),
        ("1x1 symbol in a product", Trace(x * one * x.T) ** 2, (one, x), lambda v: (v.o[0, 0] * dot(v.x, v.x))**2),
        ("row times column", sd.sum(r * x)**2 + exp((r * x)[0, 0]), (r, x),
         lambda v: (v.r @ v.x)[0, 0]**2 + np.exp((v.r @ v.x)[0, 0])),
        ("outer product of a row", Trace(A * x * r)**2, (x, r, A), lambda v: tr(v.A @ v.x @ v.r)**2),
        # traces, diagonals
        ("square of a trace", Trace(A * X)**2, (X, A), lambda v: tr(v.A @ v.X)**2),
        ("quotient of traces", Trace(A * X) / Trace(B * X), (X, A, B), lambda v: tr(v.A @ v.X) / tr(v.B @ v.X)),
        ("log of a trace", log(Trace(X * S * X.T)), (X, S), lambda v: np.log(tr(v.X @ v.S @ v.X.T))),
        ("trace ratio of projections", Trace(Y.T * S * Y) / Trace(Y.T * P * Y), (Y, S, P),
         lambda v: tr(v.Y.T @ v.S @ v.Y) / tr(v.Y.T @ v.P @ v.Y)),
        ("diagonals around a matrix", Trace(DiagMatrix(x) * A * DiagMatrix(y) * B), (x, y, A, B),
         lambda v: tr(np.diag(v.x[:, 0]) @ v.A @ np.diag(v.y[:, 0]) @ v.B)),
        ("same diagonal around a matrix", Trace(DiagMatrix(x) * A * DiagMatrix(x) * B), (x, A, B),
         lambda v: tr(np.diag(v.x[:, 0]) @ v.A @ np.diag(v.x[:, 0]) @ v.B)),
        ("form of a diagonal", (a.T * DiagMatrix(x) * A * DiagMatrix(x) * b)[0, 0], (x, a, b, A),
         lambda v: (v.a.T @ np.diag(v.x[:, 0]) @ v.A @ np.diag(v.x[:, 0]) @ v.b)[0, 0]),
        ("sum of a diagonal's squares", sd.sum(HadamardPower(sd.diag(X), 2)), (X,),
         lambda v: (np.diag(v.X)**2).sum()),
        ("squares of the diagonal of a product", sd.norm(sd.diag(A * X))**2, (A, X),
         lambda v: (np.diag(v.A @ v.X)**2).sum()),
        ("log of the diagonal of a form", sd.sum(sd.log(sd.diag(X * S * X.T))), (X, S),
         lambda v: np.log(np.diag(v.X @ v.S @ v.X.T)).sum()),
        ("off-diagonal entries", sd.norm(X - DiagMatrix(sd.diag(X)))**2, (X,),
         lambda v: ((v.X - np.diag(np.diag(v.X)))**2).sum()),
        ("diagonal times a matrix", sd.norm(DiagMatrix(x) * A - B)**2, (x, A),
         lambda v: ((v.x * v.A - v.B)**2).sum()),
        ("matrix times a diagonal", sd.norm(A * DiagMatrix(x) - B)**2, (x, A),
         lambda v: ((v.A * v.x.T - v.B)**2).sum()),
        ("diagonal forms of low rank", Trace(Y * DiagMatrix(p) * Y.T * A), (Y, p, A),
         lambda v: tr(v.Y * v.p.T @ v.Y.T @ v.A)),
        ("low rank by a diagonal", sd.norm(S - Y * DiagMatrix(p) * Z.T)**2, (Y, p, Z),
         lambda v: ((v.S - (v.Y * v.p.T) @ v.Z.T)**2).sum()),
        # determinants, inverses
        ("log det of a sum", log(Determinant(S + x * x.T)), (x, S), lambda v: np.log(det(v.S + v.x @ v.x.T))),
        ("log det of three terms", sd.logdet(S + Y * M * M.T * Y.T + P), (Y, M, S, P),
         lambda v: np.log(det(v.S + v.Y @ v.M @ v.M.T @ v.Y.T + v.P))),
        ("log det of a diagonal plus low rank", sd.logdet(DiagMatrix(HadamardPower(x, 2)) + Y * Y.T), (x, Y),
         lambda v: np.log(det(np.diag(v.x[:, 0]**2) + v.Y @ v.Y.T))),
        ("determinant times a trace", Determinant(X) * Trace(A * X), (X, A), lambda v: det(v.X) * tr(v.A @ v.X)),
        ("determinant of a product squared", Determinant(A * X)**2, (A, X), lambda v: det(v.A @ v.X)**2),
        ("determinant by a form", Determinant(X) / f(x), (X, x, S), lambda v: det(v.X) / quad(v)),
        ("determinant of a rank-one update", Determinant(S + x * y.T), (S, x, y), lambda v: det(v.S + v.x @ v.y.T)),
        ("root of a determinant", sqrt(Determinant(S)) * exp(-f(x)), (S, x),
         lambda v: np.sqrt(det(v.S)) * np.exp(-quad(v))),
        ("determinant of a Gram matrix", Determinant(Y.T * Y), (Y,), lambda v: det(v.Y.T @ v.Y)),
        ("determinant of a Cholesky factor", sd.det(sd.cholesky(S)), (S,),
         lambda v: np.sqrt(det((v.S + v.S.T) / 2)), "S"),
        ("form of an inverse, squared", (a.T * X.I * b)[0, 0]**2, (a, b, X),
         lambda v: (v.a.T @ inv(v.X) @ v.b)[0, 0]**2),
        ("bump of an inverse", exp(-(x.T * S.I * x)[0, 0] / 2), (x, S),
         lambda v: np.exp(-(v.x.T @ inv(v.S) @ v.x)[0, 0] / 2)),
        ("trace of an inverse sum", Trace((S + x * x.T).I), (S, x), lambda v: tr(inv(v.S + v.x @ v.x.T))),
        ("Schur complement", Determinant(A - x * (y.T * S * y).I * y.T), (x, y),
         lambda v: det(v.A - v.x @ v.y.T / (v.y.T @ v.S @ v.y))),
        ("projection residual", sd.norm(x - Y * (Y.T * Y).I * Y.T * x)**2, (x, Y),
         lambda v: ((v.x - v.Y @ inv(v.Y.T @ v.Y) @ v.Y.T @ v.x)**2).sum()),
        ("projection onto a line", sd.norm(y - (x.T * y)[0, 0] / (x.T * x)[0, 0] * x)**2, (x, y),
         lambda v: ((v.y - dot(v.x, v.y) / dot(v.x, v.x) * v.x)**2).sum()),
        ("reflection", (a.T * (Identity(n) - 2 * x * x.T / (x.T * x)[0, 0]) * b)[0, 0], (a, b, x),
         lambda v: (v.a.T @ (np.eye(3) - 2 * v.x @ v.x.T / dot(v.x, v.x)) @ v.b)[0, 0]),
        ("solve squared", sd.norm(sd.solve(X, b))**2, (X, b), lambda v: (np.linalg.solve(v.X, v.b)**2).sum()),
        ("solve in a 1x1 product", exp((a.T * sd.solve(X, b))[0, 0]), (X, a, b),
         lambda v: np.exp(dot(v.a, np.linalg.solve(v.X, v.b)))),
        ("Sherman-Morrison", (a.T * A.I * b)[0, 0] / (1 + (y.T * A.I * x)[0, 0]), (A, a, x),
         lambda v: (v.a.T @ inv(v.A) @ v.b)[0, 0] / (1 + (v.y.T @ inv(v.A) @ v.x)[0, 0])),
        ("Woodbury", Trace((S + Y * M * Y.T).I * P), (Y, M), lambda v: tr(inv(v.S + v.Y @ v.M @ v.Y.T) @ v.P)),
        # Kronecker products
        ("trace of a Kronecker product", Trace(KroneckerProduct(A, X)), (A, X), lambda v: tr(kron(v.A, v.X))),
        ("squared trace of a Kronecker product", Trace(KroneckerProduct(A, X))**2, (A, X),
         lambda v: tr(kron(v.A, v.X))**2),
        ("trace of three Kronecker factors", Trace(KroneckerProduct(A, X, M)), (A, X, M),
         lambda v: tr(kron(kron(v.A, v.X), v.M))),
        ("trace of a Kronecker product and its transpose", Trace(KroneckerProduct(A, Y).T * KroneckerProduct(A, Y)), (A, Y),
         lambda v: (kron(v.A, v.Y)**2).sum()),
        ("Kronecker product of unequal sizes", sd.sum(KroneckerProduct(Y, M)), (Y, M),
         lambda v: kron(v.Y, v.M).sum()),
        ("norm of a Kronecker product", sd.norm(KroneckerProduct(Y, M)), (Y, M), lambda v: norm(kron(v.Y, v.M))),
        ("Kronecker product with an identity", Trace(KroneckerProduct(Identity(m), X) * KroneckerProduct(M, S)), (X, M),
         lambda v: tr(kron(np.eye(2), v.X) @ kron(v.M, v.S))),
        ("Kronecker sum", Trace((KroneckerProduct(A, Identity(n)) + KroneckerProduct(Identity(n), X))**2), (A, X),
         lambda v: tr(np.linalg.matrix_power(kron(v.A, np.eye(3)) + kron(np.eye(3), v.X), 2))),
        ("form of a Kronecker product",
         Trace(KroneckerProduct(a, p).T * KroneckerProduct(X, M) * KroneckerProduct(b, p)), (X, M, a, b, p),
         lambda v: (kron(v.a, v.p).T @ kron(v.X, v.M) @ kron(v.b, v.p))[0, 0]),
        ("Kronecker form of a dense vector", Trace(KroneckerProduct(a, b).T * KroneckerProduct(x, y))**2, (a, b, x, y),
         lambda v: (dot(v.a, v.x) * dot(v.b, v.y))**2),
        ("log det of a Kronecker product", sd.logdet(KroneckerProduct(S, M)), (S, M),
         lambda v: np.log(det(kron(v.S, v.M))), "SM"),
        ("Kronecker of sums", Trace(KroneckerProduct(A + X, B)), (A, X, B), lambda v: tr(kron(v.A + v.X, v.B))),
        ("distance from a Kronecker product", sd.sum(HadamardPower(KroneckerProduct(Y, M), 3)), (Y, M),
         lambda v: (kron(v.Y, v.M)**3).sum(), "YM"),
        # entrywise
        ("Hadamard product and form", (x.T * HadamardProduct(A, X) * y)[0, 0]**2, (A, X, x, y),
         lambda v: (v.x.T @ (v.A * v.X) @ v.y)[0, 0]**2),
        ("Hadamard powers", sd.sum(HadamardPower(X, 3)) * sd.sum(HadamardPower(A, 2)), (X, A),
         lambda v: (v.X**3).sum() * (v.A**2).sum()),
        ("entrywise quotient", sd.sum(HadamardProduct(A, HadamardPower(S, -1))), (A, S),
         lambda v: (v.A / v.S).sum()),
        ("entrywise exponentials in a form", (x.T * sd.exp(A) * y)[0, 0], (x, A, y),
         lambda v: (v.x.T @ np.exp(v.A) @ v.y)[0, 0]),
        ("sines of a product", sd.sum((A * X).applyfunc(sin)), (A, X), lambda v: np.sin(v.A @ v.X).sum()),
        ("row norms", sd.sum(sd.norm(X, axis=1)), (X,), lambda v: np.sqrt((v.X**2).sum(1)).sum()),
        ("column norms of a product", sd.sum(sd.norm(A * Y, axis=0)), (A, Y),
         lambda v: np.sqrt(((v.A @ v.Y)**2).sum(0)).sum()),
        ("normalised rows", sd.sum(HadamardProduct(A, X, HadamardPower(sd.norm(X, axis=1), -1) * OneMatrix(1, n))), (X, A),
         lambda v: (v.A * v.X / np.sqrt((v.X**2).sum(1, keepdims=True))).sum()),
        ("centred columns", sd.norm((Identity(n) - OneMatrix(n, n) / n) * Y)**2, (Y,),
         lambda v: ((v.Y - v.Y.mean(0))**2).sum()),
        ("variance", sd.sum(HadamardPower(x, 2)) / n - sd.mean(x)**2, (x,),
         lambda v: (v.x**2).mean() - v.x.mean()**2),
        ("covariance", sd.mean(HadamardProduct(x, y)) - sd.mean(x) * sd.mean(y), (x, y),
         lambda v: (v.x * v.y).mean() - v.x.mean() * v.y.mean()),
        ("correlation", sd.sum(HadamardProduct(centred, y)) / sd.norm(centred), (x, y),
         lambda v: ((v.x - v.x.mean()) * v.y).sum() / norm(v.x - v.x.mean())),
        ("sum times norm", sd.sum(X)**2 * sd.norm(X), (X,), lambda v: v.X.sum()**2 * norm(v.X)),
        ("product of all entries", sd.prod(Y), (Y,), lambda v: v.Y.prod(), "Y"),
        # losses, nets
        ("least squares", sd.norm(D * x - t)**2, (x, D), lambda v: ((v.D @ v.x - v.t)**2).sum()),
        ("norm of a residual", sd.norm(D * x - t), (x, D, t), lambda v: norm(v.D @ v.x - v.t)),
        ("ridge", sd.mean(HadamardPower(D * x - t, 2)) + 3 * (x.T * x)[0, 0], (x,),
         lambda v: ((v.D @ v.x - v.t)**2).mean() + 3 * dot(v.x, v.x)),
        ("logistic regression", sd.mean(sd.log(OneMatrix(N, 1) + sd.exp(-HadamardProduct(t, D * x)))), (x, D),
         lambda v: np.log(1 + np.exp(-v.t * (v.D @ v.x))).mean()),
        ("softplus loss", sd.sum(sd.softplus(-HadamardProduct(t, D * x))) + (x.T * x)[0, 0] / 2, (x,),
         lambda v: np.log(1 + np.exp(-v.t * (v.D @ v.x))).sum() + dot(v.x, v.x) / 2),
        ("softmax regression", -sd.mean(HadamardProduct(T, sd.log_softmax(D * Y))), (Y, D),
         lambda v: -(v.T * np.log(sm(v.D @ v.Y, 1))).mean()),
        ("logsumexp of columns", sd.sum(sd.logsumexp(D * Y, axis=1)), (Y, D),
         lambda v: np.log(np.exp(v.D @ v.Y).sum(1)).sum()),
        ("squared logsumexp", sd.logsumexp(x)**2, (x,), lambda v: np.log(np.exp(v.x).sum())**2),
        ("softmax in a form", (y.T * sd.softmax(A * x, axis=0))[0, 0], (x, y, A),
         lambda v: dot(v.y, sm(v.A @ v.x, 0))),
        ("attention", (y.T * X * sd.softmax(X.T * x, axis=0))[0, 0], (X, x, y),
         lambda v: dot(v.y, v.X @ sm(v.X.T @ v.x, 0))),
        ("entropy of a softmax", -sd.sum(HadamardProduct(sd.softmax(x, axis=0), sd.log_softmax(x, axis=0))), (x,),
         lambda v: -(sm(v.x, 0) * np.log(sm(v.x, 0))).sum()),
        ("two layers", sd.norm(sd.tanh(D * Y) * M - T)**2, (Y, M, D),
         lambda v: ((np.tanh(v.D @ v.Y) @ v.M - v.T)**2).sum()),
        ("three layers", sd.mean(HadamardPower(sd.sigmoid(sd.tanh(D * X) * Y) * M - T, 2)), (X, Y, M),
         lambda v: ((sig(np.tanh(v.D @ v.X) @ v.Y) @ v.M - v.T)**2).mean()),
        ("layers with offsets", sd.norm(sd.tanh(D * Y + OneMatrix(N, 1) * p.T) * M - T)**2, (Y, p, M),
         lambda v: ((np.tanh(v.D @ v.Y + v.p.T) @ v.M - v.T)**2).sum()),
        ("autoencoder", sd.norm(sd.tanh(D * Y) * Y.T - D)**2, (Y,),
         lambda v: ((np.tanh(v.D @ v.Y) @ v.Y.T - v.D)**2).sum()),
        ("matrix factorisation", sd.norm(A - Y * Z.T)**2 + half * sd.norm(Y)**2, (Y, Z),
         lambda v: ((v.A - v.Y @ v.Z.T)**2).sum() + (v.Y**2).sum() / 2),
        ("divergence of a factorisation", sd.sum(Y * Z.T - HadamardProduct(S, sd.log(Y * Z.T + 9 * OneMatrix(n, n)))), (Y, Z),
         lambda v: (v.Y @ v.Z.T - v.S * np.log(v.Y @ v.Z.T + 9)).sum()),
        ("orthogonality", sd.norm(Y.T * Y - Identity(m))**2, (Y,), lambda v: ((v.Y.T @ v.Y - np.eye(2))**2).sum()),
        ("contrastive", log(exp(dots) + exp((x.T * a)[0, 0])) - dots, (x, y, a),
         lambda v: np.log(np.exp(dot(v.x, v.y)) + np.exp(dot(v.x, v.a))) - dot(v.x, v.y)),
        ("triplet", sd.softplus(((x - y).T * (x - y))[0, 0] - ((x - a).T * (x - a))[0, 0]), (x, y, a),
         lambda v: np.log(1 + np.exp(dot(v.x - v.y, v.x - v.y) - dot(v.x - v.a, v.x - v.a)))),
        ("Gaussian process", half * (x.T * S.I * x)[0, 0] + half * sd.logdet(S), (x, S),
         lambda v: (v.x.T @ inv(v.S) @ v.x)[0, 0] / 2 + np.log(det(v.S)) / 2),
        ("Gaussian process by its factor", sd.norm(sd.solve(sd.cholesky(S + x * x.T), y))**2, (x, y),
         lambda v: (v.y.T @ inv(v.S + v.x @ v.x.T) @ v.y)[0, 0]),
        ("blocks", Trace(BlockMatrix([[X, x], [y.T, Identity(1)]])**2), (X, x, y),
         lambda v: tr(np.linalg.matrix_power(np.block([[v.X, v.x], [v.y.T, np.eye(1)]]), 2))),
        ("block diagonal and a form", Trace(BlockDiagMatrix(X, Y.T * X * Y))**2, (X, Y),
         lambda v: (tr(v.X) + tr(v.Y.T @ v.X @ v.Y))**2),
        ("slices", sd.norm(X[0:2, 1:3])**2 * X[2, 0], (X,), lambda v: (v.X[0:2, 1:3]**2).sum() * v.X[2, 0]),
        ("sizes as numbers", f(x) / n + sd.sum(A) / n**2, (x, A), lambda v: quad(v) / 3 + v.A.sum() / 9),
        ("power of a matrix in a form", (x.T * X**3 * y)[0, 0]**2, (x, X),
         lambda v: (v.x.T @ v.X @ v.X @ v.X @ v.y)[0, 0]**2),
        ("one plus a matrix entry", log(1 + X[0, 0]**2) * Trace(X), (X,),
         lambda v: np.log(1 + v.X[0, 0]**2) * tr(v.X)),
        ("one part without a form", sd.prod(Y) * f(x), (Y, x), lambda v: v.Y.prod() * quad(v), "Y"),
        ("constant gradient", 2 * Trace(A), (A,), lambda v: 2 * tr(v.A)),
        ("without a parameter", (x.T * x)[0, 0], (x, A), lambda v: dot(v.x, v.x)),
    ]
    return cases(rows, [A, B, X, S, P, Y, Z, M, D, T, x, y, a, b, p, r, t, one])


def tensors() -> list[Case]:
    X, Y = sd.Tensor("X", (N, n)), sd.Tensor("Y", (N, n))
    A, B, S = (sd.Tensor(name, (n, n)) for name in "ABS")
    W, V = sd.Tensor("W", (n, m)), sd.Tensor("V", (m, n))
    Q, R = sd.Tensor("Q", (N, n, n)), sd.Tensor("R", (N, n, m))
    u, v = (sd.Tensor(name, (n,)) for name in "uv")
    b, t = sd.Tensor("b", (m,)), sd.Tensor("t", (N,))
    K, G, F = sd.Tensor("K", (n, m, N)), sd.Tensor("G", (n, n, n)), sd.Tensor("F", (4,))
    c = sp.Symbol("c")
    es, det, inv = np.einsum, np.linalg.det, np.linalg.inv
    centred = X - sd.mean(X, axis=1, keepdims=True)
    def centre(x): return x - x.mean(1, keepdims=True)
    def nrm(x, axis=None): return np.sqrt((x * x).sum(axis))
    def sm(x, axis=-1): return np.exp(x) / np.exp(x).sum(axis, keepdims=True)
    rows = [
        ("trace", sd.trace(A), (A,), lambda o: np.trace(o.A)),
        ("trace of a product", sd.trace(A @ B)**2, (A, B), lambda o: np.trace(o.A @ o.B)**2),
        ("traces of a batch", sd.sum(sd.trace(Q)**2), (Q,), lambda o: (es("kii->k", o.Q)**2).sum()),
        ("traces of products of a batch", sd.sum(sd.exp(sd.trace(Q @ A))), (Q, A),
         lambda o: np.exp(es("kij,ji->k", o.Q, o.A)).sum()),
        ("diagonal", sd.sum(sd.diag(A)**3), (A,), lambda o: (np.diag(o.A)**3).sum()),
        ("diagonal of a product", sd.sum(sd.exp(sd.diag(A @ B))), (A, B),
         lambda o: np.exp(np.diag(o.A @ o.B)).sum()),
        ("diagonal by einsum", sd.sum(sd.einsum("ii->i", A)**2 * u), (A, u),
         lambda o: (np.diag(o.A)**2 * o.u).sum()),
        ("trace by einsum", sd.einsum("ii->", A)**2, (A,), lambda o: np.trace(o.A)**2),
        ("diagonals of a batch by einsum", sd.sum(sd.einsum("kii->ki", Q)**2), (Q,),
         lambda o: (es("kii->ki", o.Q)**2).sum()),
        ("diagonal over three equal axes", sd.sum(sd.einsum("ij,ij,ii->i", A, B, S)**2), (A, B, S),
         lambda o: (es("ij,ij,ii->i", o.A, o.B, o.S)**2).sum()),
        ("diagonal matrix", sd.sum((sd.diag(u) @ A - B)**2), (u, A),
         lambda o: ((np.diag(o.u) @ o.A - o.B)**2).sum()),
        ("diagonal matrix of a diagonal", sd.sum((A - sd.diag(sd.diag(A)))**2), (A,),
         lambda o: ((o.A - np.diag(np.diag(o.A)))**2).sum()),
        ("trace with a diagonal matrix", sd.trace(A @ sd.diag(u) @ B @ sd.diag(v)), (A, B, u, v),
         lambda o: np.trace(o.A @ np.diag(o.u) @ o.B @ np.diag(o.v))),
        ("identity minus", sd.sum((A @ A.T - sd.diag(sd.exp(u)))**2), (A, u),
         lambda o: ((o.A @ o.A.T - np.diag(np.exp(o.u)))**2).sum()),
        ("log det", sd.logdet(S), (S,), lambda o: np.log(det(o.S))),
        ("log det of a sum", sd.logdet(S + sd.outer(u, u)), (S, u),
         lambda o: np.log(det(o.S + np.outer(o.u, o.u)))),
        ("determinant", sd.det(A)**2, (A,), lambda o: det(o.A)**2),
        ("determinants of a batch", sd.sum(sd.det(Q) * t), (Q, t), lambda o: (det(o.Q) * o.t).sum()),
        ("trace of an inverse", sd.trace(sd.inv(S)), (S,), lambda o: np.trace(inv(o.S))),
        ("form of an inverse", sd.exp(-u @ sd.solve(S, u)), (S, u), lambda o: np.exp(-o.u @ inv(o.S) @ o.u)),
        ("trace of a solve", sd.trace(sd.solve(S, A))**2, (S, A), lambda o: np.trace(inv(o.S) @ o.A)**2),
        ("Cholesky log det", sd.sum(sd.log(sd.diag(sd.cholesky(S)))), (S,),
         lambda o: np.log(det((o.S + o.S.T) / 2)) / 2),
        ("Rayleigh quotient", (u @ A @ u) / (u @ u), (u, A), lambda o: (o.u @ o.A @ o.u) / (o.u @ o.u)),
        ("cosine similarity", (u @ v) / (sd.norm(u) * sd.norm(v)), (u, v),
         lambda o: o.u @ o.v / nrm(o.u) / nrm(o.v)),
        ("cosine similarities of rows", sd.sum(sd.sum(X * Y, axis=1) / (sd.norm(X, axis=1) * sd.norm(Y, axis=1))), (X, Y),
         lambda o: ((o.X * o.Y).sum(1) / nrm(o.X, 1) / nrm(o.Y, 1)).sum()),
        ("all cosine similarities", sd.sum(((X @ Y.T) / sd.outer(sd.norm(X, axis=1), sd.norm(Y, axis=1)))**2), (X, Y),
         lambda o: ((o.X @ o.Y.T / np.outer(nrm(o.X, 1), nrm(o.Y, 1)))**2).sum()),
        ("bump", sd.exp(-(u @ A @ u)), (u, A), lambda o: np.exp(-o.u @ o.A @ o.u)),
        ("log of a quadratic form", sd.log(1 + u @ S @ u), (u, S), lambda o: np.log(1 + o.u @ o.S @ o.u)),
        ("norm along an axis", sd.sum(sd.norm(X, axis=1) * t), (X, t), lambda o: (nrm(o.X, 1) * o.t).sum()),
        ("norm along the first axis", sd.sum(sd.norm(X @ W, axis=0)**3), (X, W),
         lambda o: (nrm(o.X @ o.W, 0)**3).sum()),
        ("norm along two axes", sd.sum(sd.norm(Q, axis=(1, 2)) * t), (Q,),
         lambda o: (nrm(o.Q, (1, 2)) * o.t).sum()),
        ("normalised rows", sd.sum(X / sd.norm(X, axis=1, keepdims=True) * Y), (X,),
         lambda o: (o.X / nrm(o.X, 1)[:, None] * o.Y).sum()),
        ("pairwise distances", sd.sum(sd.exp(-sd.sum((X[:, None, :] - Y[None, :, :])**2, axis=2))), (X, Y),
         lambda o: np.exp(-((o.X[:, None] - o.Y[None])**2).sum(2)).sum()),
        ("least squares", sd.sum((X @ u - t)**2), (u, X), lambda o: ((o.X @ o.u - o.t)**2).sum()),
        ("logistic regression", sd.mean(sd.log(1 + sd.exp(-t * (X @ u)))), (u, X),
         lambda o: np.log(1 + np.exp(-o.t * (o.X @ o.u))).mean()),
        ("cross-entropy", -sd.mean(sd.log_softmax(X @ W + b) * R[:, 0, :]), (W, b, X),
         lambda o: -(np.log(sm(o.X @ o.W + o.b)) * o.R[:, 0, :]).mean()),
        ("softmax of attention", sd.sum(sd.softmax(X @ A @ X.T / sp.sqrt(n), axis=1) @ Y), (X, A, Y),
         lambda o: (sm(o.X @ o.A @ o.X.T / np.sqrt(3), 1) @ o.Y).sum()),
        ("logsumexp", sd.logsumexp(X @ u)**2, (X, u), lambda o: np.log(np.exp(o.X @ o.u).sum())**2),
        ("two layers", sd.sum((sd.tanh(X @ W + b) @ V - Y)**2), (W, b, V),
         lambda o: ((np.tanh(o.X @ o.W + o.b) @ o.V - o.Y)**2).sum()),
        ("layer normalisation", sd.sum(centred / sd.norm(centred, axis=1, keepdims=True) * Y), (X,),
         lambda o: (centre(o.X) / nrm(centre(o.X), 1)[:, None] * o.Y).sum()),
        ("batch product", sd.sum((Q @ R)**2), (Q, R), lambda o: ((o.Q @ o.R)**2).sum()),
        ("batch forms", sd.sum(sd.exp(sd.einsum("ki,kij,kj->k", X, Q, X))), (X, Q),
         lambda o: np.exp(es("ki,kij,kj->k", o.X, o.Q, o.X)).sum()),
        ("bilinear map", sd.sum(sd.einsum("kij,ki,j->k", Q, X, u)**2), (Q, X, u),
         lambda o: (es("kij,ki,j->k", o.Q, o.X, o.u)**2).sum()),
        ("three-way product", sd.einsum("imk,i,m,k->", K, u, b, t)**2, (K, u, b, t),
         lambda o: es("imk,i,m,k->", o.K, o.u, o.b, o.t)**2),
        ("canonical decomposition", sd.sum((K - sd.einsum("ia,ma,ka->imk", A, sd.transpose(W), X))**2), (A, W, X),
         lambda o: ((o.K - es("ia,ma,ka->imk", o.A, o.W.T, o.X))**2).sum()),
        ("Tucker core", sd.sum(sd.einsum("imk,ia,km->a", K, A, R[:, 0, :])**2), (A, K),
         lambda o: (es("imk,ia,km->a", o.K, o.A, o.R[:, 0, :])**2).sum()),
        ("trace of a batch product", sd.einsum("kij,kji->", Q, Q)**2, (Q,), lambda o: es("kij,kji->", o.Q, o.Q)**2),
        ("squares of a reversed axis", sd.sum(u[::-1] * v)**2, (u, v), lambda o: (o.u[::-1] * o.v).sum()**2),
        ("slices", sd.sum(X[1:, :] * X[:-1, :])**2, (X,), lambda o: (o.X[1:] * o.X[:-1]).sum()**2),
        ("strides", sd.sum(sd.exp(F[::2])), (F,), lambda o: np.exp(o.F[::2]).sum(), "F"),
        ("reversed axis", sd.sum(sd.exp(X[:, ::-1] * Y)), (X, Y), lambda o: np.exp(o.X[:, ::-1] * o.Y).sum()),
        ("squares of a trace's shift", sd.sum((A - sd.trace(A) * sd.diag(u))**2), (A, u),
         lambda o: ((o.A - np.trace(o.A) * np.diag(o.u))**2).sum()),
        ("diagonal twice", sd.sum(sd.einsum("iik,i->k", sd.einsum("ij,k->ijk", A, t), u)**2), (A, t, u),
         lambda o: ((np.diag(o.A) @ o.u * o.t)**2).sum()),
        ("diagonals of two kinds", sd.sum(sd.einsum("iijj->ij", sd.einsum("ij,kl->ijkl", A, B))**2), (A, B),
         lambda o: (np.outer(np.diag(o.A), np.diag(o.B))**2).sum()),
        ("three equal axes", sd.sum(sd.einsum("iii->i", G)**2), (G,), lambda o: (es("iii->i", o.G)**2).sum()),
        ("trace beside an axis", sd.sum(sd.einsum("kii->k", Q) * t), (Q, t),
         lambda o: (es("kii->k", o.Q) * o.t).sum()),
        ("sum of traces", sd.sum(sd.einsum("kii->k", Q)), (Q,), lambda o: es("kii->", o.Q)),
        ("trace of a matrix in a batch of scalars", sd.sum(t * sd.trace(A)), (A, t),
         lambda o: (o.t * np.trace(o.A)).sum()),
        ("one entry", A[0, 1]**2 * A[2, 2], (A,), lambda o: o.A[0, 1]**2 * o.A[2, 2]),
        ("mean and scalar", c * sd.mean(X)**2 + sp.sin(c), (c, X), lambda o: o.c * o.X.mean()**2 + np.sin(o.c)),
        ("broadcast", sd.sum((X * u - t[:, None])**3), (X, u, t), lambda o: ((o.X * o.u - o.t[:, None])**3).sum()),
        ("product along an axis", sd.sum(sd.prod(X, axis=1)), (X,), lambda o: o.X.prod(1).sum(), "X"),
        ("reshaped", sd.sum(sd.reshape(A, (n * n,))**3), (A,), lambda o: (o.A**3).sum()),
        ("joined", sd.sum(sd.concatenate([X, Y], axis=0)**2)**2, (X, Y),
         lambda o: ((o.X**2).sum() + (o.Y**2).sum())**2),
        ("outer", sd.sum((sd.outer(u, v) - A)**2), (u, v, A), lambda o: ((np.outer(o.u, o.v) - o.A)**2).sum()),
        ("maximum along an axis", sd.sum(sd.max(X, axis=1)**2), (X,),
         lambda o: (np.take_along_axis(o.X, o.X.real.argmax(1)[:, None], 1)**2).sum()),
        ("mean of a norm", sd.mean(sd.norm(X[:, None, :] - Y[None, :, :], axis=2)), (X,),
         lambda o: nrm(o.X[:, None] - o.Y[None], 2).mean()),
        ("full sum squared", sd.sum(X)**2, (X,), lambda o: o.X.sum()**2),
        ("trace of the gradient's kind", sd.trace(sd.exp(A) @ B)**3, (A, B),
         lambda o: np.trace(np.exp(o.A) @ o.B)**3),
        ("trace of a square", sd.trace(A @ A), (A,), lambda o: np.trace(o.A @ o.A)),
        ("trace of a cube", sd.trace(A @ A @ A), (A,), lambda o: np.trace(o.A @ o.A @ o.A)),
    ]
    return cases(rows, [X, Y, A, B, S, W, V, Q, R, u, v, b, t, K, G, F, c])


def indexed() -> list[Case]:
    i, j, k, l = sp.symbols("i j k l", integer=True)  # noqa: E741
    x, y = (sp.IndexedBase(name, shape=(n,)) for name in "xy")
    A, B = (sp.IndexedBase(name, shape=(n, n)) for name in "AB")
    W = sp.IndexedBase("W", shape=(n, m))
    b, Q = sp.IndexedBase("b", shape=(m,)), sp.IndexedBase("Q", shape=(n, n, m))
    c = sp.Symbol("c")
    over = {"i": (i, 0, n - 1), "j": (j, 0, n - 1), "k": (k, 0, n - 1), "l": (l, 0, m - 1)}
    es = np.einsum
    def s(e, *names): return Sum(e, *(over[name] for name in names))
    xx, xy, yy = s(x[i]**2, "i"), s(x[i] * y[i], "i"), s(y[i]**2, "i")
    form = s(x[i] * A[i, j] * x[j], "i", "j")
    rows = [
        ("square of a sum", s(x[i], "i")**2, (x,), lambda o: o.x.sum()**2),
        ("square of a full sum", s(A[i, j], "i", "j")**2, (A,), lambda o: o.A.sum()**2),
        ("exponential of a sum", exp(s(x[i], "i")) * s(y[i], "i"), (x, y), lambda o: np.exp(o.x.sum()) * o.y.sum()),
        ("sum", s(x[i], "i"), (x,), lambda o: o.x.sum()),
        ("sum over rows", s(A[i, j] * x[i], "i", "j"), (A, x), lambda o: (o.A * o.x[:, None]).sum()),
        ("square of column sums", s(s(A[i, j], "i")**2, "j"), (A,), lambda o: (o.A.sum(0)**2).sum()),
        ("product of sums", s(x[i], "i") * s(A[i, j], "i", "j"), (x, A), lambda o: o.x.sum() * o.A.sum()),
        ("squares", xx, (x,), lambda o: (o.x**2).sum()),
        ("fourth power of a norm", xx**2, (x,), lambda o: (o.x**2).sum()**2),
        ("norm", sqrt(xx), (x,), lambda o: np.sqrt((o.x**2).sum())),
        ("cosine similarity", xy / sqrt(xx * yy), (x, y), lambda o: o.x @ o.y / np.sqrt(o.x @ o.x * (o.y @ o.y))),
        ("form", form, (x, A), lambda o: o.x @ o.A @ o.x),
        ("cube of a form", form**3, (x, A), lambda o: (o.x @ o.A @ o.x)**3),
        ("Rayleigh quotient", form / xx, (x, A), lambda o: o.x @ o.A @ o.x / (o.x @ o.x)),
        ("bump", exp(-form), (x, A), lambda o: np.exp(-o.x @ o.A @ o.x)),
        ("log of a form", log(1 + form**2), (x, A), lambda o: np.log(1 + (o.x @ o.A @ o.x)**2)),
        ("trace", s(A[i, i], "i"), (A,), lambda o: np.trace(o.A)),
        ("square of a trace", s(A[i, i], "i")**2, (A,), lambda o: np.trace(o.A)**2),
        ("trace of a product", s(A[i, j] * B[j, i], "i", "j"), (A, B), lambda o: np.trace(o.A @ o.B)),
        ("square of a trace of a product", s(A[i, j] * B[j, i], "i", "j")**2, (A, B),
         lambda o: np.trace(o.A @ o.B)**2),
        ("squares of the diagonal", s(A[i, i]**2 * x[i], "i"), (A, x), lambda o: (np.diag(o.A)**2 * o.x).sum()),
        ("Frobenius norm", sqrt(s(A[i, j]**2, "i", "j")), (A,), lambda o: np.sqrt((o.A**2).sum())),
        ("least squares", s((s(A[i, j] * x[j], "j") - y[i])**2, "i"), (A, x, y),
         lambda o: ((o.A @ o.x - o.y)**2).sum()),
        ("logistic", s(log(1 + exp(-y[i] * s(A[i, j] * x[j], "j"))), "i"), (A, x),
         lambda o: np.log(1 + np.exp(-o.y * (o.A @ o.x))).sum()),
        ("log of a sum of exponentials", log(s(exp(x[i]), "i")), (x,), lambda o: np.log(np.exp(o.x).sum())),
        ("log of sums of exponentials of rows", s(log(s(exp(A[i, j]), "j")), "i"), (A,),
         lambda o: np.log(np.exp(o.A).sum(1)).sum()),
        ("entropy", -s(x[i]**2 * log(x[i]**2), "i"), (x,), lambda o: -(o.x**2 * np.log(o.x**2)).sum()),
        ("softmax", s(y[i] * exp(x[i]), "i") / s(exp(x[i]), "i"), (x, y),
         lambda o: o.y @ np.exp(o.x) / np.exp(o.x).sum()),
        ("variance", s(x[i]**2, "i") / n - (s(x[i], "i") / n)**2, (x,), lambda o: (o.x**2).mean() - o.x.mean()**2),
        ("variance of differences", s((x[i] - s(x[j], "j") / n)**2, "i"), (x,),
         lambda o: ((o.x - o.x.mean())**2).sum()),
        ("all differences", s((x[i] - x[j])**2, "i", "j"), (x,), lambda o: ((o.x[:, None] - o.x)**2).sum()),
        ("kernel of differences", s(exp(-(x[i] - y[j])**2) * A[i, j], "i", "j"), (x, y, A),
         lambda o: (np.exp(-(o.x[:, None] - o.y)**2) * o.A).sum()),
        ("neighbours", Sum((x[i + 1] - x[i])**2, (i, 0, n - 2)), (x,), lambda o: (np.diff(o.x)**2).sum()),
        ("square of neighbours' products", Sum(x[i + 1] * x[i], (i, 0, n - 2))**2, (x,),
         lambda o: (o.x[1:] * o.x[:-1]).sum()**2),
        ("product", Product(1 + x[i]**2, (i, 0, n - 1)), (x,), lambda o: (1 + o.x**2).prod()),
        ("Kronecker delta", s(KroneckerDelta(i, j) * A[i, j]**2, "i", "j"), (A,),
         lambda o: (np.diag(o.A)**2).sum()),
        ("one entry", A[0, 1]**2 + x[0] * s(x[i], "i"), (A, x), lambda o: o.A[0, 1]**2 + o.x[0] * o.x.sum()),
        ("layer", s(tanh(s(x[i] * W[i, l], "i") + b[l])**2, "l"), (x, W, b),
         lambda o: (np.tanh(o.x @ o.W + o.b)**2).sum()),
        ("layer before a square", s(tanh(s(x[i] * W[i, l], "i") + b[l]), "l")**2, (x, W, b),
         lambda o: np.tanh(o.x @ o.W + o.b).sum()**2),
        ("bilinear layer", s(s(x[i] * Q[i, j, l] * y[j], "i", "j")**2, "l"), (x, Q, y),
         lambda o: (es("i,ijl,j->l", o.x, o.Q, o.y)**2).sum()),
        ("square of a tensor's sum", s(Q[i, j, l], "i", "j", "l")**2, (Q,), lambda o: o.Q.sum()**2),
        ("square of a tensor's sums", s(s(Q[i, j, l], "i", "j")**2, "l"), (Q,),
         lambda o: (o.Q.sum((0, 1))**2).sum()),
        ("traces of a tensor", s(s(Q[i, i, l], "i")**2, "l"), (Q,), lambda o: (es("iil->l", o.Q)**2).sum()),
        ("scalar and sum", c * s(x[i], "i") + sin(c), (c, x), lambda o: o.c * o.x.sum() + np.sin(o.c)),
        ("scalar times a full sum", c**2 * s(A[i, j], "i", "j"), (c, A), lambda o: o.c**2 * o.A.sum()),
        ("sum of indices", s(i * x[i], "i")**2, (x,), lambda o: (np.arange(3) * o.x).sum()**2),
        ("triangle", Sum(Sum(A[i, j], (j, 0, i)), (i, 0, n - 1))**2, (A,), lambda o: np.tril(o.A).sum()**2),
        ("running sums", s(Sum(x[j], (j, 0, i))**2, "i"), (x,), lambda o: (np.cumsum(o.x)**2).sum()),
        ("cosine of a matrix", s(cos(A[i, j]) * x[i] * y[j], "i", "j")**2, (A, x, y),
         lambda o: (o.x @ np.cos(o.A) @ o.y)**2),
        ("cube of a product", s(s(A[i, k] * B[k, j], "k")**3, "i", "j"), (A, B), lambda o: ((o.A @ o.B)**3).sum()),
    ]
    return cases(rows, [x, y, A, B, W, b, Q, c])
# fmt: on


def cases(rows: Sequence[tuple[Any, ...]], symbols: Sequence[Any]) -> list[Case]:
    """The rows of a dialect with its symbols."""
    named = {str(symbol.name): symbol for symbol in symbols}
    return [Case(*row, symbols=named) for row in rows]


def value_of(name: str, symbol: Any) -> np.ndarray:
    """S, P and M are positive definite, other square matrices have positive determinants."""
    array = np.random.default_rng(ord(name)).uniform(0.2, 1, [int(SIZES.get(dim, dim)) for dim in shape_of(symbol)])
    if name in "SPM" and array.ndim == 2 and array.shape[0] == array.shape[1]:
        return array @ array.T + np.eye(len(array))
    square = array.ndim >= 2 and array.shape[-1] == array.shape[-2] != 1
    return array + 2.5 * np.eye(array.shape[-1]) if square else array


def shape_of(symbol: Any) -> tuple[Any, ...]:
    """A plain symbol is a scalar."""
    return () if isinstance(symbol, sp.Symbol) else tuple(symbol.shape)


def by_complex_step(function: Callable[[Any], Any], given: dict[str, np.ndarray], name: str) -> np.ndarray:
    """The gradient by one of the arrays."""
    found, step = np.empty(given[name].shape), 1e-100
    for place in np.ndindex(found.shape):
        moved = given[name].astype(complex)
        moved[place] += 1j * step
        found[place] = function(SimpleNamespace(**given | {name: moved})).imag / step
    return found
