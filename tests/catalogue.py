"""The catalogue of cases: one row each, a SymPy expression and the same written for PyTorch.

The names of the PyTorch function's arguments are the model's symbols, in that order; `data` names those that carry samples.
Where the expression is no scalar it is an output, and the objective a sum of a polynomial of its entries.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
import torch as t
from sympy import (
    ITE,
    And,
    DiagMatrix,
    HadamardPower,
    HadamardProduct,
    Identity,
    Matrix,
    MatrixSymbol,
    Max,
    Min,
    Not,
    OneMatrix,
    Or,
    Piecewise,
    Rational,
    Trace,
    Xor,
    ZeroMatrix,
    symbols,
)
from sympy.matrices.expressions.diagonal import DiagonalMatrix, DiagonalOf
from torch.nn import functional as tf

import symdiff as sd

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
DATA = ("x", "y", "X", "Y")


@dataclass(frozen=True, eq=False)
class Case:
    """One row: its name, the expression, the same in PyTorch, and where inputs are drawn from if not from -2 to 2."""

    name: str
    expression: Any
    theirs: Callable[..., t.Tensor]
    domain: tuple[float, float] | None = None

    @property
    def names(self) -> list[str]:
        """The symbols, in the order of the arguments: parameters first."""
        return list(inspect.signature(self.theirs).parameters)

    @property
    def params(self) -> list[str]:
        """The names derivatives are taken by."""
        return [name for name in self.names if name not in DATA]

    @property
    def scalar(self) -> bool:
        """Whether the expression is an objective by itself."""
        return not getattr(self.expression, "is_Matrix", False) and not self.per_sample

    @property
    def per_sample(self) -> bool:
        """Whether the expression is of the scalar dialect and not reduced."""
        return self.name.startswith("per sample")

    def model(self) -> sd.Model:
        """The model: `out` is the expression, the objective is it or a sum over it."""
        out = self.expression
        if self.scalar:
            objective = out
        elif self.per_sample and not getattr(out, "is_Matrix", False):
            objective = sd.sum(out**2 / 2 + out)
        else:
            objective = sd.sum(out.applyfunc(lambda e: e**2 / 2 + e))
            objective = sd.sum(objective) if self.per_sample else objective
        return sd.Model(
            objective,
            outputs={"out": out},
            params=[SYMBOLS[name] for name in self.params],
            data=[SYMBOLS[name] for name in self.names if name in DATA],
            name="case",
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Values for every symbol; exact in float32, so that both precisions see the same numbers."""
        rng = np.random.default_rng(sum(map(ord, self.name)))
        return {name: self._draw(rng, name) for name in self.names}

    def _draw(self, rng: np.random.Generator, name: str) -> np.ndarray:
        symbol = SYMBOLS[name]
        if isinstance(symbol, MatrixSymbol):
            shape = tuple(int(dim.subs(SIZES)) for dim in symbol.shape)
        else:
            shape = (SIZES[N],) if name in DATA else ()
        if name in ("S", "T", "D"):
            return regular(rng, shape, symmetric=name != "D")
        low, high = {"P": (0.5, 2.0), "U": (0.1, 0.9)}.get(name, self.domain or (-2.0, 2.0))
        return np.asarray(rng.uniform(low, high, shape), np.float32).astype(np.float64)

    def objective(self, out: t.Tensor) -> t.Tensor:
        """The objective of an output, in PyTorch."""
        return out if self.scalar else (out**2 / 2 + out).sum()


def regular(rng: np.random.Generator, shape: tuple[int, ...], symmetric: bool) -> np.ndarray:
    """A matrix far from singular, of entries that are whole multiples of 1/64; positive definite if symmetric."""
    entries = np.round(8 * rng.uniform(-1.5, 1.5, shape)) / 8
    return (entries @ entries.T if symmetric else entries) + 3 * np.eye(shape[0])


def entrywise(*names: str) -> list[Case]:
    """A row for each function of SymPy that PyTorch has under the same name, applied to a matrix."""
    return [
        Case(f"applyfunc {name}", A.applyfunc(getattr(sp, name)), lambda A, f=name: getattr(t, f)(A)) for name in names
    ]


def reductions() -> list[Case]:
    """Every reduction: of a whole matrix, along either axis, and over the samples of a scalar expression."""
    theirs = {
        "sum": t.sum,
        "mean": t.mean,
        "max": t.amax,
        "min": t.amin,
        "prod": lambda a, dim=None, keepdim=False: a.prod() if dim is None else a.prod(dim, keepdim),
        "norm": lambda a, dim=None, keepdim=False: t.linalg.vector_norm(a, dim=dim, keepdim=keepdim),
        "logsumexp": lambda a, dim=(0, 1), keepdim=False: t.logsumexp(a, dim, keepdim),
    }
    rows = []
    for name, f in theirs.items():
        ours = getattr(sd, name)
        rows.append(Case(f"{name} of a matrix", ours(A) ** 2, lambda A, f=f: f(A) ** 2))
        rows.append(Case(f"{name} axis=None keepdims", ours(A, keepdims=True), lambda A, f=f: f(A).reshape(1, 1)))
        for axis in (0, 1, -1):
            rows.append(
                Case(f"{name} axis={axis}", ours(A, axis=axis), lambda A, f=f, axis=axis: f(A, axis, keepdim=True))
            )
        rows.append(
            Case(f"{name} over samples", ours(sp.sin(w * x) + w), lambda w, x, f=f: f((t.sin(w * x) + w)[:, None]))
        )
    return [replace_argument(row) for row in rows]


def replace_argument(row: Case) -> Case:
    """The row with a PyTorch function whose signature shows its symbols alone."""
    names = [name for name in row.names if name in SYMBOLS]
    body = row.theirs
    source = f"lambda {', '.join(names)}: body({', '.join(names)})"
    return Case(row.name, row.expression, eval(source, {"body": body}), row.domain)


# fmt: off
LINEAR = [
    Case("add", A + B, lambda A, B: A + B),
    Case("subtract", A - 2 * B, lambda A, B: A - 2 * B),
    Case("negate", -A, lambda A: -A),
    Case("add itself", A + A + B, lambda A, B: 2 * A + B),
    Case("number times matrix", Rational(7, 3) * A, lambda A: 7 / 3 * A),
    Case("symbol times matrix", w * A, lambda A, w: w * A),
    Case("scalar expression times matrix", sp.sin(w) * b**2 * A, lambda A, w, b: t.sin(w) * b**2 * A),
    Case("matrix by symbol", A / w, lambda A, w: A / w, (0.5, 2)),
    Case("reduction times matrix", sd.norm(B) * A, lambda A, B: t.linalg.vector_norm(B) * A),
    Case("trace times matrix", Trace(Q) * A, lambda A, Q: t.trace(Q) * A),
    Case("product", A * C, lambda A, C: A @ C),
    Case("chain", Q * A * C, lambda Q, A, C: Q @ A @ C),
    Case("product with numbers", 2 * Q * 3 * A, lambda Q, A: 6 * Q @ A),
    Case("Gram", A * A.T, lambda A: A @ A.T),
    Case("weighted Gram", A.T * DiagMatrix(u) * A, lambda A, u: A.T @ t.diag(u[:, 0]) @ A),
    Case("quadratic form", u.T * Q * u, lambda u, Q: u.T @ Q @ u),
    Case("bilinear form", u.T * A * v, lambda u, A, v: u.T @ A @ v),
    Case("outer product", u * v.T, lambda u, v: u @ v.T),
    Case("outer product with itself", u * u.T, lambda u: u @ u.T),
    Case("1x1 matrix as factor", u * s, lambda u, s: u @ s),
    Case("distributed", (A + B) * (C - 2 * C), lambda A, B, C: -(A + B) @ C),
    Case("commutator", Q * R - R * Q, lambda Q, R: Q @ R - R @ Q),
    Case("transpose", A.T, lambda A: A.T),
    Case("transpose of a product", (A * C).T, lambda A, C: (A @ C).T),
    Case("transpose of a sum", (A + B).T * Q, lambda A, B, Q: (A + B).T @ Q),
    Case("square", Q**2, lambda Q: Q @ Q),
    Case("power 3", Q**3, lambda Q: t.linalg.matrix_power(Q, 3)),
    Case("power 7", Q**7, lambda Q: t.linalg.matrix_power(Q, 7), (-0.7, 0.7)),
    Case("power 0", Q**0 * A, lambda Q, A: A + 0 * Q @ A),
    Case("power of a sum", (Q + R.T) ** 2, lambda Q, R: t.linalg.matrix_power(Q + R.T, 2)),
]

NAMED = [
    Case("trace", Trace(Q), lambda Q: t.trace(Q)),
    Case("trace of a product", Trace(A * B.T), lambda A, B: (A * B).sum()),
    Case("trace of a cube", Trace(Q**3), lambda Q: t.trace(Q @ Q @ Q)),
    Case("trace of a sandwich", Trace(A.T * Q * A * C * C.T), lambda A, Q, C: t.trace(A.T @ Q @ A @ C @ C.T)),
    Case("function of a trace", sp.exp(Trace(Q) / 5) * sp.sin(w), lambda Q, w: t.exp(t.trace(Q) / 5) * t.sin(w)),
    Case("trace of a sum", Trace(Q + 2 * R.T), lambda Q, R: t.trace(Q) + 2 * t.trace(R)),
    Case("identity added", Q + Identity(n), lambda Q: Q + eye),
    Case("identity scaled", w * Identity(n) + Q * Q, lambda Q, w: w * eye + Q @ Q),
    Case("identity alone", w * Identity(3), lambda w: w * eye),
    Case("identity in a product", A * Identity(m) * C, lambda A, C: A @ C),
    Case("identity entrywise", HadamardProduct(Identity(n), Q), lambda Q: eye * Q),
    Case("trace of identity", Trace(w * Identity(n)) ** 2, lambda w, Q: (3 * w) ** 2 + 0 * Q.sum()),
    Case("zeros added", A + ZeroMatrix(n, m), lambda A: A + 0),
    Case("zeros entrywise", HadamardProduct(A, ZeroMatrix(n, m)) + B, lambda A, B: 0 * A + B),
    Case("ones added", A + 3 * OneMatrix(n, m), lambda A: A + 3),
    Case("ones scaled by a parameter", A + w * OneMatrix(n, m), lambda A, w: A + w),
    Case("ones multiplied", OneMatrix(2, n) * A, lambda A: t.ones(2, 3, dtype=t.float64) @ A),
    Case("ones entrywise", HadamardProduct(OneMatrix(n, m), A), lambda A: A + 0),
    Case("row added to each", A + OneMatrix(n, 1) * r, lambda A, r: A + r),
    Case("column added to each", A + u * OneMatrix(1, m), lambda A, u: A + u),
    Case("DiagMatrix of a column", DiagMatrix(u), lambda u: t.diag(u[:, 0])),
    Case("DiagMatrix of a row", DiagMatrix(r), lambda r: t.diag(r[0])),
    Case("DiagMatrix from the left", DiagMatrix(u) * A, lambda u, A: u * A),
    Case("DiagMatrix from the right", A * DiagMatrix(v), lambda A, v: A * v.T),
    Case("DiagMatrix from both sides", DiagMatrix(u) * A * DiagMatrix(v), lambda u, A, v: u * A * v.T),
    Case("DiagMatrix of an expression", DiagMatrix(Q * u) * DiagMatrix(u), lambda Q, u: t.diag((Q @ u * u)[:, 0])),
    Case("trace of DiagMatrix", Trace(DiagMatrix(u) * Q), lambda u, Q: (u[:, 0] * t.diagonal(Q)).sum()),
    Case("DiagMatrix added", DiagMatrix(u) + Q, lambda u, Q: t.diag(u[:, 0]) + Q),
    Case("DiagonalMatrix", DiagonalMatrix(Q), lambda Q: t.diag(t.diagonal(Q))),
    Case("DiagonalMatrix in a product", DiagonalMatrix(Q * R) * A, lambda Q, R, A: t.diag(t.diagonal(Q @ R)) @ A),
    Case("DiagonalOf", DiagonalOf(Q), lambda Q: t.diagonal(Q)[:, None]),
    Case("DiagonalOf a product", DiagonalOf(A * B.T), lambda A, B: (A * B).sum(1, keepdim=True)),
    Case("DiagonalOf an applied function", DiagonalOf(Q.applyfunc(sp.sin)), lambda Q: t.sin(t.diagonal(Q))[:, None]),
]

ENTRYWISE = [
    *map(replace_argument, entrywise("exp", "sin", "cos", "tan", "tanh", "sinh", "cosh", "atan", "asinh")),
    Case("applyfunc polynomial", A.applyfunc(lambda e: e**3 - 2 * e + 1), lambda A: A**3 - 2 * A + 1),
    Case("applyfunc with parameters", A.applyfunc(lambda e: sp.sin(w * e) + b), lambda A, w, b: t.sin(w * A) + b),
    Case("applyfunc nested", A.applyfunc(lambda e: e**2).applyfunc(sp.tanh), lambda A: t.tanh(A**2)),
    Case("applyfunc of a product", (A * C).applyfunc(sp.tanh), lambda A, C: t.tanh(A @ C)),
    Case("applyfunc constant", A.applyfunc(lambda e: sp.Integer(2)) + B, lambda A, B: 2 + B + 0 * A),
    Case("applyfunc parameter alone", A.applyfunc(lambda e: w**2) + B, lambda A, B, w: w**2 + B + 0 * A),
    Case("applyfunc log", P.applyfunc(sp.log), lambda P: t.log(P)),
    Case("applyfunc reciprocal", P.applyfunc(lambda e: 1 / e), lambda P: 1 / P),
    Case("applyfunc Piecewise", A.applyfunc(lambda e: Piecewise((sp.sin(e), e < 0), (e**2, True))),
         lambda A: t.where(A < 0, t.sin(A), A**2)),
    Case("applyfunc of 1x1", u * s.applyfunc(sp.exp), lambda u, s: t.exp(s) * u),
    Case("function of a 1x1 product", sd.sigmoid(r * v), lambda r, v: t.sigmoid(r @ v)),
    Case("function of a 1x1 product scales", u * sd.relu(r * v + s), lambda u, r, v, s: u @ t.relu(r @ v + s)),
    Case("relu and clip of 1x1", sd.relu(s) + sd.clip(s, 0, 1), lambda s: t.relu(s) + t.clamp(s, 0, 1)),
    Case("functions of two 1x1", sd.maximum(s, r * v), lambda r, v, s: t.maximum(s, r @ v)),
    Case("HadamardProduct", HadamardProduct(A, B), lambda A, B: A * B),
    Case("HadamardProduct of three", HadamardProduct(A, B, P), lambda A, B, P: A * B * P),
    Case("HadamardProduct with itself", HadamardProduct(A, A), lambda A: A * A),
    Case("HadamardProduct of products", HadamardProduct(Q * A, u * v.T), lambda Q, A, u, v: Q @ A * (u @ v.T)),
    Case("HadamardProduct of columns", HadamardProduct(u, Q * u), lambda u, Q: u * (Q @ u)),
    Case("HadamardPower 2", HadamardPower(A, 2), lambda A: A**2),
    Case("HadamardPower 5", HadamardPower(A, 5), lambda A: A**5),
    Case("HadamardPower -1", HadamardPower(P, -1), lambda P: 1 / P),
    Case("HadamardPower -3", HadamardPower(P, -3), lambda P: P**-3),
    Case("HadamardPower 1/2", HadamardPower(P, Rational(1, 2)), lambda P: t.sqrt(P)),
    Case("HadamardPower 5/2", HadamardPower(P, Rational(5, 2)), lambda P: P**2.5),
    Case("HadamardPower by a symbol", HadamardPower(P, w), lambda P, w: P**w),
    Case("HadamardPower by a matrix", HadamardPower(P, A), lambda P, A: P**A),
    Case("HadamardPower of a symbol", HadamardPower(c, A), lambda A, c: c**A, (0.5, 2)),
    Case("HadamardPower of a sum", HadamardPower(A + 2 * B, 3), lambda A, B: (A + 2 * B) ** 3),
    Case("relu", sd.relu(A), lambda A: t.relu(A)),
    Case("sigmoid", sd.sigmoid(A), lambda A: t.sigmoid(A)),
    Case("softplus", sd.softplus(A), lambda A: tf.softplus(A)),
    Case("gelu", sd.gelu(A), lambda A: tf.gelu(A)),
    Case("softmax", sd.softmax(A), lambda A: t.softmax(A, 1)),
    Case("softmax axis=0", sd.softmax(A, axis=0), lambda A: t.softmax(A, 0)),
    Case("log_softmax", sd.log_softmax(A), lambda A: t.log_softmax(A, 1)),
    Case("log_softmax axis=0", sd.log_softmax(A, axis=0), lambda A: t.log_softmax(A, 0)),
    Case("log of softmax", sd.softmax(A).applyfunc(sp.log), lambda A: t.log_softmax(A, 1)),
    Case("maximum of matrices", sd.maximum(A, B), lambda A, B: t.maximum(A, B)),
    Case("maximum with a number", sd.maximum(A, Rational(1, 3)), lambda A: t.clamp(A, min=1 / 3)),
    Case("maximum with a symbol", sd.maximum(A, w), lambda A, w: t.maximum(A, w)),
    Case("minimum of matrices", sd.minimum(A, Q * B), lambda A, B, Q: t.minimum(A, Q @ B)),
    Case("minimum with a number", sd.minimum(A, Rational(1, 3)), lambda A: t.clamp(A, max=1 / 3)),
    Case("clip", sd.clip(A, -1, 1), lambda A: t.clamp(A, -1, 1)),
    Case("clip between symbols", sd.clip(A, -c, c), lambda A, c: t.clamp(A, -c, c), (0.5, 2)),
    Case("clip between matrices", sd.clip(A, -P, P), lambda A, P: t.clamp(A, -P, P)),
    Case("where on a scalar condition", sd.where(w > 0, A, B), lambda A, B, w: t.where(w > 0, A, B)),
    Case("where on equal entries", sd.where(sd.equal(A, A), A, B), lambda A, B: A + 0 * B),
    Case("abs", sd.abs(A), lambda A: t.abs(A)),
    Case("abs of a product", sd.abs(A * C), lambda A, C: t.abs(A @ C)),
    Case("sign", HadamardProduct(sd.sign(A), B), lambda A, B: t.sign(A) * B),
    Case("equal", HadamardProduct(sd.equal(A, B), B), lambda A, B: (A == B) * B),
    Case("stop_gradient", HadamardProduct(sd.stop_gradient(A), A), lambda A: A.detach() * A),
    Case("stop_gradient of a product", sd.stop_gradient(A * C) + A * C, lambda A, C: (A @ C).detach() + A @ C),
    Case("sd.exp and sd.log", sd.log(sd.exp(A) + sd.exp(B)), lambda A, B: t.logaddexp(A, B)),
]

PLACES = [
    Case("entry", A[1, 2] ** 2 * A[0, 0], lambda A: A[1, 2] ** 2 * A[0, 0]),
    Case("entry from the end", G[-1, -2] ** 2, lambda G: G[-1, -2] ** 2),
    Case("entries beside the whole", A[0, 1] * sd.sum(A), lambda A: A[0, 1] * A.sum()),
    Case("entry of a transpose", A.T[2, 1] ** 3, lambda A: A[1, 2] ** 3),
    Case("entry of a softmax", sd.softmax(A)[0, 1] * w, lambda A, w: t.softmax(A, 1)[0, 1] * w),
    Case("entry of a sum of columns", sd.sum(A, axis=0)[0, 2] ** 2, lambda A: A.sum(0)[2] ** 2),
    Case("entry of an entrywise function", sd.maximum(A, B)[1, 1] * sd.exp(A)[0, 0],
         lambda A, B: t.maximum(A, B)[1, 1] * t.exp(A[0, 0])),
    Case("slice of a softmax", sd.softmax(A)[0:2, :], lambda A: t.softmax(A, 1)[0:2]),
    Case("rows", A[0:2, :], lambda A: A[0:2]),
    Case("one row", A[1, :], lambda A: A[1:2]),
    Case("one column", A[:, 1], lambda A: A[:, 1:2]),
    Case("block", G[1:4, 2:4], lambda G: G[1:4, 2:4]),
    Case("steps", G[0:5:2, 1:4:2], lambda G: G[0:5:2, 1:4:2]),
    Case("steps that end early", G[0:4:3, 0:3], lambda G: G[0:4:3, 0:3]),
    Case("bounds from the end", G[-3:-1, -2:], lambda G: G[-3:-1, -2:]),
    Case("to a symbolic end", A[1:n, 1:m], lambda A: A[1:, 1:]),
    Case("to before a symbolic end", A[0 : n - 1, :], lambda A: A[:-1]),
    Case("differences", A[1:n, :] - A[0 : n - 1, :], lambda A: A[1:] - A[:-1]),
    Case("slice of a sum", (A + 2 * B)[0:2, 1:3], lambda A, B: (A + 2 * B)[0:2, 1:3]),
    Case("slice of a slice", G[1:5, :][1:3, 0:2], lambda G: G[1:5][1:3, 0:2]),
    Case("slice in a product", A[:, 0:2] * W, lambda A, W: A[:, 0:2] @ W),
]

EXPLICIT = [
    Case("explicit", Matrix([[w, w * b], [sp.sin(b), 1]]),
         lambda w, b: t.stack([w, w * b, t.sin(b), 1 + 0 * w]).reshape(2, 2)),
    Case("explicit immutable", sp.ImmutableMatrix([[w**2, b]]), lambda w, b: t.stack([w**2, b]).reshape(1, 2)),
    Case("explicit of numbers", Matrix([[1, 2], [3, 4]]) * W, lambda W: t.tensor([[1.0, 2], [3, 4]]).double() @ W),
    Case("explicit times symbol", Matrix([[w, b], [b, 1]]) * W,
         lambda W, w, b: t.stack([w, b, b, 1 + 0 * w]).reshape(2, 2) @ W),
    Case("explicit beside symbol", W + Matrix([[w, b], [1, w * b]]),
         lambda W, w, b: W + t.stack([w, b, 1 + 0 * w, w * b]).reshape(2, 2)),
    Case("explicit rotation", (W.T * Matrix([[sp.cos(w), -sp.sin(w)], [sp.sin(w), sp.cos(w)]])).T,
         lambda W, w: (W.T @ t.stack([t.cos(w), -t.sin(w), t.sin(w), t.cos(w)]).reshape(2, 2)).T),
    Case("explicit of entries", Matrix([[A[0, 0], A[1, 1]], [A[0, 1], w]]) * W,
         lambda A, W, w: t.stack([A[0, 0], A[1, 1], A[0, 1], w]).reshape(2, 2) @ W),
    Case("explicit of reductions", Matrix([sd.norm(A), sd.sum(A)]),
         lambda A: t.stack([t.linalg.norm(A), A.sum()])[:, None]),
    Case("trace of explicit", Trace(W * Matrix([[w, b], [b, 1]])),
         lambda W, w, b: w * W[0, 0] + b * (W[0, 1] + W[1, 0]) + W[1, 1]),
    Case("per sample explicit", Matrix([[w * x, y], [b, x * y]]),
         lambda w, b, x, y: t.stack([w * x, y, b + 0 * x, x * y], -1).reshape(-1, 2, 2)),
    Case("per sample explicit times symbol", Matrix([[w * x, y]]) * W,
         lambda W, w, x, y: t.stack([w * x, y], -1)[:, None, :] @ W),
    Case("per sample symbol times explicit", W.T * Matrix([sp.sin(w * x), 1]),
         lambda W, w, x: W.T @ t.stack([t.sin(w * x), 1 + 0 * x], -1)[:, :, None]),
    Case("per sample explicit plus symbol", Matrix([[w * x, 1]]) + OneMatrix(1, 2) * W,
         lambda W, w, x: t.stack([w * x, 1 + 0 * x], -1)[:, None, :] + W.sum(0)),
    Case("quadratic form of each sample", sd.mean((Matrix([[x, 1]]) * W * W.T * Matrix([x, 1]))[0, 0]),
         lambda W, x: ((t.stack([x, 1 + 0 * x], -1) @ W) ** 2).sum(1).mean()),
]

LINALG = [
    Case("inverse", D.I, lambda D: t.linalg.inv(D)),
    Case("inverse of a product", (D * S).I, lambda D, S: t.linalg.inv(D @ S)),
    Case("inverse of a sum", (S + w**2 * Identity(n)).I, lambda S, w: t.linalg.inv(S + w**2 * eye)),
    Case("inverse of a transpose", D.T.I, lambda D: t.linalg.inv(D.T)),
    Case("inverse of an inverse", sp.Inverse(sp.Inverse(D) + T), lambda D, T: t.linalg.inv(t.linalg.inv(D) + T)),
    Case("power -1", sp.MatPow(D, -1), lambda D: t.linalg.inv(D)),
    Case("power -3", D**-3, lambda D: t.linalg.matrix_power(t.linalg.inv(D), 3)),
    Case("power -2 times a matrix", D**-2 * A, lambda D, A: t.linalg.solve(D @ D, A)),
    Case("sd.inv", sd.inv(D) * A, lambda D, A: t.linalg.solve(D, A)),
    Case("inverse times a matrix", D.I * A, lambda D, A: t.linalg.solve(D, A)),
    Case("matrix times an inverse", A.T * D.I, lambda A, D: A.T @ t.linalg.inv(D)),
    Case("inverse in a sandwich", A.T * S.I * A, lambda A, S: A.T @ t.linalg.solve(S, A)),
    Case("inverses around a matrix", D.I * Q * S.I, lambda D, Q, S: t.linalg.inv(D) @ Q @ t.linalg.inv(S)),
    Case("two inverses", D.I * S.I * A, lambda D, S, A: t.linalg.inv(D) @ t.linalg.inv(S) @ A),
    Case("inverse of a diagonal", DiagMatrix(P * OneMatrix(m, 1)).I, lambda P: t.diag(1 / P.sum(1))),
    Case("quadratic form of an inverse", u.T * S.I * u, lambda u, S: u.T @ t.linalg.solve(S, u)),
    Case("trace of an inverse", Trace(D.I), lambda D: t.trace(t.linalg.inv(D))),
    Case("inverse of explicit", sd.inv(Matrix([[w**2 + 3, w], [b, 2]])) * W,
         lambda W, w, b: t.linalg.inv(t.stack([w**2 + 3, w, b, 2 + 0 * w]).reshape(2, 2)) @ W, (-1, 1)),
    Case("entry of an inverse", D.I[0, 1] + w, lambda D, w: t.linalg.inv(D)[0, 1] + w),
    Case("entry of an inverse of numbers", (W * W.T + 3 * Identity(2)).I[0, 1] * w,
         lambda W, w: t.linalg.inv(W @ W.T + 3 * t.eye(2).double())[0, 1] * w),
    Case("slice of an inverse", D.I[0:2, 1:3], lambda D: t.linalg.inv(D)[0:2, 1:3]),
    Case("entry of a product of numbers", (G.T * G)[0, 1], lambda G: (G.T @ G)[0, 1]),
    Case("slice of a product", (Q * A)[0:2, :], lambda Q, A: (Q @ A)[0:2]),
    Case("determinant", sp.det(D), lambda D: t.linalg.det(D)),
    Case("determinant of a product", sp.Determinant(D * S), lambda D, S: t.linalg.det(D @ S)),
    Case("determinant of explicit", sd.det(Matrix([[w, b], [c, w**2]])) * sd.sum(A),
         lambda A, w, b, c: (w**3 - b * c) * A.sum()),
    Case("log of a determinant", sp.log(sp.det(D)), lambda D: t.logdet(D)),
    Case("log of a negative determinant's size", sp.log(sp.Abs(sp.det(-D))), lambda D: t.logdet(D)),
    Case("log of a quotient of determinants", sp.log(sp.det(-D) / sp.Determinant(-S)),
         lambda D, S: t.logdet(D) - t.logdet(S)),
    Case("log of a root of a determinant", sp.log(w**2 * sp.sqrt(3 * sp.det(S))),
         lambda S, w: t.log(w**2) + t.logdet(S) / 2 + np.log(3) / 2),
    Case("logdet", sd.logdet(S + w**2 * Identity(n)), lambda S, w: t.logdet(S + w**2 * eye)),
    Case("trace", sd.trace(Q * D), lambda Q, D: t.trace(Q @ D)),
    Case("diag of a column", sd.diag(u) * A, lambda u, A: u * A),
    Case("diag of a matrix", sd.diag(Q * D), lambda Q, D: t.diagonal(Q @ D)[:, None]),
    Case("solve", sd.solve(D, A), lambda D, A: t.linalg.solve(D, A)),
    Case("solve of a sum", sd.solve(S + D, A - 2 * B), lambda S, D, A, B: t.linalg.solve(S + D, A - 2 * B)),
    Case("solve of a column", sd.solve(D, u).applyfunc(sp.sin), lambda D, u: t.sin(t.linalg.solve(D, u))),
    Case("solve of a solve", sd.solve(D, sd.solve(S, A)), lambda D, S, A: t.linalg.solve(D, t.linalg.solve(S, A))),
    Case("solve of an outer product", sd.solve(D, u * v.T), lambda D, u, v: t.linalg.solve(D, u @ v.T)),
    Case("cholesky", sd.cholesky(S), lambda S: t.linalg.cholesky((S + S.T) / 2)),
    Case("cholesky of a Gram matrix", sd.cholesky(A * A.T + w**2 * Identity(n)),
         lambda A, w: t.linalg.cholesky(A @ A.T + w**2 * eye), (1, 2)),
    Case("cholesky transposed", sd.cholesky(S).T * A, lambda S, A: t.linalg.cholesky((S + S.T) / 2).T @ A),
    Case("triangular solve", sd.solve(sd.cholesky(S), A), lambda S, A: t.linalg.solve(t.linalg.cholesky((S + S.T) / 2), A)),
    Case("both triangular solves", sd.solve(sd.cholesky(S).T, sd.solve(sd.cholesky(S), u)),
         lambda S, u: t.linalg.solve((S + S.T) / 2, u)),
    Case("inverse of a factor", sd.cholesky(S).I, lambda S: t.linalg.inv(t.linalg.cholesky((S + S.T) / 2))),
    Case("logdet of a factor", sd.logdet(sd.cholesky(S)), lambda S: t.logdet((S + S.T) / 2) / 2),
    Case("determinant of a factor", sd.det(sd.cholesky(S)), lambda S: t.linalg.det(t.linalg.cholesky((S + S.T) / 2))),
    Case("entry of a factor", sd.cholesky(S)[2, 1], lambda S: t.linalg.cholesky((S + S.T) / 2)[2, 1]),
    Case("KroneckerProduct", sp.KroneckerProduct(A, C), lambda A, C: t.kron(A, C)),
    Case("KroneckerProduct of three", sp.KroneckerProduct(F, u, W), lambda F, u, W: t.kron(t.kron(F, u), W)),
    Case("KroneckerProduct in a product", sp.KroneckerProduct(Q, F) * sp.KroneckerProduct(u, C.T),
         lambda Q, F, u, C: t.kron(Q, F) @ t.kron(u, C.T.contiguous())),
    Case("BlockMatrix", sp.BlockMatrix([[Q, A], [A.T, C * C.T]]),
         lambda Q, A, C: t.cat([t.cat([Q, A], 1), t.cat([A.T, C @ C.T], 1)], 0)),
    Case("BlockMatrix with zeros", sp.BlockMatrix([[Q, ZeroMatrix(n, m)], [A.T, Identity(m)]]),
         lambda Q, A: t.cat([t.cat([Q, 0 * A], 1), t.cat([A.T, t.eye(4).double()], 1)], 0)),
    Case("BlockMatrix in a product", sp.BlockMatrix([[Q, A]]) * sp.BlockMatrix([[u], [v]]), lambda Q, A, u, v: Q @ u + A @ v),
    Case("BlockDiagMatrix", sp.BlockDiagMatrix(Q, A, F), lambda Q, A, F: t.block_diag(Q, A, F)),
    Case("determinant of blocks", sp.Determinant(sp.BlockMatrix([[D, u], [u.T, s]])),
         lambda D, u, s: t.linalg.det(t.cat([t.cat([D, u], 1), t.cat([u.T, s], 1)], 0))),
    Case("normal density", sp.exp(-Trace((u - w * OneMatrix(n, 1)).T * S.I * (u - w * OneMatrix(n, 1))) / 2)
         / sp.sqrt(sp.det(2 * sp.pi * S)),
         lambda u, w, S: t.exp(-(u - w).T @ t.linalg.solve(S, u - w) / 2)[0, 0] / t.sqrt(t.linalg.det(2 * t.pi * S))),
    Case("log of a normal density", sp.log(sp.exp(-Trace(u.T * S.I * u) / 2) / sp.sqrt((2 * sp.pi) ** n * sp.det(S))),
         lambda u, S: -(u.T @ t.linalg.solve(S, u))[0, 0] / 2 - t.logdet(2 * t.pi * S) / 2),
    Case("per sample inverse", sd.inv(Matrix([[w**2 + 3, x], [b, 2]])),
         lambda w, b, x: t.linalg.inv(t.stack([w**2 + 3 + 0 * x, x, b + 0 * x, 2 + 0 * x], -1).reshape(-1, 2, 2)), (-1, 1)),
    Case("logdet of each sample", sd.mean(sd.logdet(Matrix([[w**2 + 3, x], [b, 2]]))),
         lambda w, b, x: t.logdet(t.stack([w**2 + 3 + 0 * x, x, b + 0 * x, 2 + 0 * x], -1).reshape(-1, 2, 2)).mean(), (-1, 1)),
]

SAMPLES = [
    Case("linear regression", sd.mean(HadamardPower(X * C - Y, 2)), lambda C, X, Y: ((X @ C - Y) ** 2).mean()),
    Case("softmax regression", -sd.mean(HadamardProduct(sd.log_softmax(X * C), Y)),
         lambda C, X, Y: -(t.log_softmax(X @ C, 1) * Y).mean()),
    Case("two layers", sd.sum(HadamardPower(sd.relu(X * C) * F - Y, 2)),
         lambda C, F, X, Y: ((t.relu(X @ C) @ F - Y) ** 2).sum()),
    Case("standardised", sd.sum(HadamardPower(X - OneMatrix(N, 1) * sd.mean(X, axis=0), 2) * v),
         lambda v, X: ((X - X.mean(0)) ** 2 @ v).sum()),
    Case("mse", sd.mse(A, B), lambda A, B: tf.mse_loss(A, B)),
    Case("binary cross-entropy", sd.binary_cross_entropy(U, sd.sigmoid(B)),
         lambda U, B: -(t.sigmoid(B) * t.log(U) + t.sigmoid(-B) * t.log(1 - U)).mean()),
    Case("binary cross-entropy of logits", sd.binary_cross_entropy(sd.sigmoid(A), U),
         lambda A, U: tf.binary_cross_entropy_with_logits(A, U)),
    Case("huber", sd.huber(A, B), lambda A, B: tf.huber_loss(A, B)),
    Case("huber delta", sd.huber(3 * A, B, delta=Rational(1, 2)), lambda A, B: tf.huber_loss(3 * A, B, delta=0.5)),
    Case("mse over samples", sd.mse(w * x + b, y), lambda w, b, x, y: tf.mse_loss(w * x + b, y)),
    Case("huber over samples", sd.huber(w * x + b, y), lambda w, b, x, y: tf.huber_loss(w * x + b, y)),
    Case("logistic over samples", sd.binary_cross_entropy(sd.sigmoid(w * x + b), y),
         lambda w, b, x, y: tf.binary_cross_entropy_with_logits(w * x + b, y)),
]

SCALAR = [
    Case("line", sd.mean((w * x + b - y) ** 2), lambda w, b, x, y: ((w * x + b - y) ** 2).mean()),
    Case("oscillator", sd.mean((w * sp.exp(-b * x) * sp.cos(c * x) - y) ** 2),
         lambda w, b, c, x, y: ((w * t.exp(-b * x) * t.cos(c * x) - y) ** 2).mean()),
    Case("variance", sd.mean((w * x - sd.mean(w * x)) ** 2), lambda w, x: (w * x).var(correction=0)),
    Case("nested reductions", sd.sum(sp.exp(w * x - sd.logsumexp(w * x)) * y),
         lambda w, x, y: (t.softmax(w * x, 0) * y).sum()),
    Case("function of reductions", sp.log(sd.mean(sp.exp(w * x)) + 1) * sd.sum(y * b),
         lambda w, b, x, y: t.log(t.exp(w * x).mean() + 1) * (y * b).sum()),
    Case("per sample line", w * x + b, lambda w, b, x: w * x + b),
    Case("per sample product of reductions", x * sd.mean(w * x) ** 2, lambda w, x: x * (w * x).mean() ** 2),
    Case("per sample Piecewise", Piecewise((sp.exp(w * x), x < 0), (w * x + 1, True)),
         lambda w, x: t.where(x < 0, t.exp(w * x), w * x + 1)),
    Case("nested Piecewise", sd.sum(Piecewise((Piecewise((w * x, x < -1), (w**2 * x, True)), x < 0), (sp.sin(w * x), True))),
         lambda w, x: t.where(x < 0, t.where(x < -1, w * x, w**2 * x), t.sin(w * x)).sum()),
    Case("And", sd.sum(Piecewise((w * x, And(x > -1, x < 1)), (w**2, True))),
         lambda w, x: t.where((x > -1) & (x < 1), w * x, w**2).sum()),
    Case("Or", sd.sum(Piecewise((w * x, Or(x < -1, x > 1)), (w**2, True))),
         lambda w, x: t.where((x < -1) | (x > 1), w * x, w**2).sum()),
    Case("Not", sd.sum(Piecewise((w * x, Not(And(x > 0, y > 0))), (w**2, True))),
         lambda w, x, y: t.where((x > 0) & (y > 0), w**2, w * x).sum()),
    Case("Xor", sd.sum(Piecewise((w * x, Xor(x > 0, y > 0)), (w**2, True))),
         lambda w, x, y: t.where((x > 0) ^ (y > 0), w * x, w**2).sum()),
    Case("ITE", sd.sum(Piecewise((w * x, ITE(x > 0, y > 0, y < 1)), (w**2, True))),
         lambda w, x, y: t.where(t.where(x > 0, y > 0, y < 1), w * x, w**2).sum()),
    Case("condition on a reduction", sd.sum(Piecewise((w * x, sd.mean(y) > x), (w**2 * x, True))),
         lambda w, x, y: t.where(y.mean() > x, w * x, w**2 * x).sum()),
    Case("Max of two", sd.sum(Max(w * x, b)), lambda w, b, x: t.maximum(w * x, b).sum()),
    Case("Max of four", sd.sum(Max(w * x, b, y, c * x**2)),
         lambda w, b, c, x, y: t.stack([w * x, b + 0 * x, y, c * x**2]).amax(0).sum()),
    Case("Min of three", sd.sum(Min(w * x, b, y)), lambda w, b, x, y: t.stack([w * x, b + 0 * x, y]).amin(0).sum()),
    Case("Abs and sign", sd.sum(sp.Abs(w * x) + sp.sign(w * x) * b),
         lambda w, b, x: (t.abs(w * x) + t.sign(w * x) * b).sum()),
    Case("where", sd.sum(sd.where(x > w, x * w, sp.cos(w))), lambda w, x: t.where(x > w, x * w, t.cos(w)).sum()),
    Case("stop_gradient of a scalar", sd.sum(sd.stop_gradient(w * x) * w), lambda w, x: ((w * x).detach() * w).sum()),
]

# fmt: on
CASES = list(itertools.chain(LINEAR, NAMED, ENTRYWISE, reductions(), PLACES, EXPLICIT, LINALG, SAMPLES, SCALAR))
