"""Rows of the matrix dialect: products, named matrices, entrywise functions, reductions, places, explicit matrices."""

from __future__ import annotations

import sympy as sp
import torch as t
from sympy import (
    DiagMatrix,
    HadamardPower,
    HadamardProduct,
    Identity,
    Matrix,
    OneMatrix,
    Piecewise,
    Rational,
    Trace,
    ZeroMatrix,
)
from sympy.matrices.expressions.diagonal import DiagonalMatrix, DiagonalOf
from torch.nn import functional as tf

import symdiff as sd
from catalogue.case import Case
from catalogue.symbols import A, B, C, G, P, Q, R, W, b, c, eye, m, n, r, row, s, u, v, w, x, y

REDUCTIONS = {
    "sum": t.sum,
    "mean": t.mean,
    "max": t.amax,
    "min": t.amin,
    "prod": lambda a, dim=None, keepdim=False: a.prod() if dim is None else a.prod(dim, keepdim),
    "norm": lambda a, dim=None, keepdim=False: t.linalg.vector_norm(a, dim=dim, keepdim=keepdim),
    "logsumexp": lambda a, dim=(0, 1), keepdim=False: t.logsumexp(a, dim, keepdim),
}


def entrywise(*names: str) -> list[Case]:
    """A row for each function of SymPy that PyTorch has under the same name, applied to a matrix."""
    return [
        row(f"applyfunc {name}", A.applyfunc(getattr(sp, name)), lambda A, f=name: getattr(t, f)(A)) for name in names
    ]


def reductions() -> list[Case]:
    """Every reduction of a whole matrix and along either axis."""
    rows = []
    for name, f in REDUCTIONS.items():
        ours = getattr(sd, name)
        rows.append(row(f"{name} of a matrix", ours(A) ** 2, lambda A, f=f: f(A) ** 2))
        rows.append(row(f"{name} axis=None keepdims", ours(A, keepdims=True), lambda A, f=f: f(A).reshape(1, 1)))
        for axis in (0, 1, -1):
            rows.append(
                row(f"{name} axis={axis}", ours(A, axis=axis), lambda A, f=f, axis=axis: f(A, axis, keepdim=True))
            )
    return rows


# fmt: off
LINEAR = [
    row("add", A + B, lambda A, B: A + B),
    row("subtract", A - 2 * B, lambda A, B: A - 2 * B),
    row("negate", -A, lambda A: -A),
    row("add itself", A + A + B, lambda A, B: 2 * A + B),
    row("number times matrix", Rational(7, 3) * A, lambda A: 7 / 3 * A),
    row("symbol times matrix", w * A, lambda A, w: w * A),
    row("scalar expression times matrix", sp.sin(w) * b**2 * A, lambda A, w, b: t.sin(w) * b**2 * A),
    row("matrix by symbol", A / w, lambda A, w: A / w, (0.5, 2)),
    row("reduction times matrix", sd.norm(B) * A, lambda A, B: t.linalg.vector_norm(B) * A),
    row("trace times matrix", Trace(Q) * A, lambda A, Q: t.trace(Q) * A),
    row("product", A * C, lambda A, C: A @ C),
    row("chain", Q * A * C, lambda Q, A, C: Q @ A @ C),
    row("product with numbers", 2 * Q * 3 * A, lambda Q, A: 6 * Q @ A),
    row("Gram", A * A.T, lambda A: A @ A.T),
    row("weighted Gram", A.T * DiagMatrix(u) * A, lambda A, u: A.T @ t.diag(u[:, 0]) @ A),
    row("quadratic form", u.T * Q * u, lambda u, Q: u.T @ Q @ u),
    row("bilinear form", u.T * A * v, lambda u, A, v: u.T @ A @ v),
    row("outer product", u * v.T, lambda u, v: u @ v.T),
    row("outer product with itself", u * u.T, lambda u: u @ u.T),
    row("1x1 matrix as factor", u * s, lambda u, s: u @ s),
    row("distributed", (A + B) * (C - 2 * C), lambda A, B, C: -(A + B) @ C),
    row("commutator", Q * R - R * Q, lambda Q, R: Q @ R - R @ Q),
    row("transpose", A.T, lambda A: A.T),
    row("transpose of a product", (A * C).T, lambda A, C: (A @ C).T),
    row("transpose of a sum", (A + B).T * Q, lambda A, B, Q: (A + B).T @ Q),
    row("square", Q**2, lambda Q: Q @ Q),
    row("power 3", Q**3, lambda Q: t.linalg.matrix_power(Q, 3)),
    row("power 7", Q**7, lambda Q: t.linalg.matrix_power(Q, 7), (-0.7, 0.7)),
    row("power 0", Q**0 * A, lambda Q, A: A + 0 * Q @ A),
    row("power of a sum", (Q + R.T) ** 2, lambda Q, R: t.linalg.matrix_power(Q + R.T, 2)),
]

NAMED = [
    row("trace", Trace(Q), lambda Q: t.trace(Q)),
    row("trace of a product", Trace(A * B.T), lambda A, B: (A * B).sum()),
    row("trace of a cube", Trace(Q**3), lambda Q: t.trace(Q @ Q @ Q)),
    row("trace of a sandwich", Trace(A.T * Q * A * C * C.T), lambda A, Q, C: t.trace(A.T @ Q @ A @ C @ C.T)),
    row("function of a trace", sp.exp(Trace(Q) / 5) * sp.sin(w), lambda Q, w: t.exp(t.trace(Q) / 5) * t.sin(w)),
    row("trace of a sum", Trace(Q + 2 * R.T), lambda Q, R: t.trace(Q) + 2 * t.trace(R)),
    row("identity added", Q + Identity(n), lambda Q: Q + eye),
    row("identity scaled", w * Identity(n) + Q * Q, lambda Q, w: w * eye + Q @ Q),
    row("identity alone", w * Identity(3), lambda w: w * eye),
    row("identity in a product", A * Identity(m) * C, lambda A, C: A @ C),
    row("identity entrywise", HadamardProduct(Identity(n), Q), lambda Q: eye * Q),
    row("trace of identity", Trace(w * Identity(n)) ** 2, lambda w, Q: (3 * w) ** 2 + 0 * Q.sum()),
    row("zeros added", A + ZeroMatrix(n, m), lambda A: A + 0),
    row("zeros entrywise", HadamardProduct(A, ZeroMatrix(n, m)) + B, lambda A, B: 0 * A + B),
    row("ones added", A + 3 * OneMatrix(n, m), lambda A: A + 3),
    row("ones scaled by a parameter", A + w * OneMatrix(n, m), lambda A, w: A + w),
    row("ones multiplied", OneMatrix(2, n) * A, lambda A: t.ones(2, 3, dtype=t.float64) @ A),
    row("ones entrywise", HadamardProduct(OneMatrix(n, m), A), lambda A: A + 0),
    row("row added to each", A + OneMatrix(n, 1) * r, lambda A, r: A + r),
    row("column added to each", A + u * OneMatrix(1, m), lambda A, u: A + u),
    row("DiagMatrix of a column", DiagMatrix(u), lambda u: t.diag(u[:, 0])),
    row("DiagMatrix of a row", DiagMatrix(r), lambda r: t.diag(r[0])),
    row("DiagMatrix from the left", DiagMatrix(u) * A, lambda u, A: u * A),
    row("DiagMatrix from the right", A * DiagMatrix(v), lambda A, v: A * v.T),
    row("DiagMatrix from both sides", DiagMatrix(u) * A * DiagMatrix(v), lambda u, A, v: u * A * v.T),
    row("DiagMatrix of an expression", DiagMatrix(Q * u) * DiagMatrix(u), lambda Q, u: t.diag((Q @ u * u)[:, 0])),
    row("trace of DiagMatrix", Trace(DiagMatrix(u) * Q), lambda u, Q: (u[:, 0] * t.diagonal(Q)).sum()),
    row("DiagMatrix added", DiagMatrix(u) + Q, lambda u, Q: t.diag(u[:, 0]) + Q),
    row("DiagonalMatrix", DiagonalMatrix(Q), lambda Q: t.diag(t.diagonal(Q))),
    row("DiagonalMatrix in a product", DiagonalMatrix(Q * R) * A, lambda Q, R, A: t.diag(t.diagonal(Q @ R)) @ A),
    row("DiagonalOf", DiagonalOf(Q), lambda Q: t.diagonal(Q)[:, None]),
    row("DiagonalOf a product", DiagonalOf(A * B.T), lambda A, B: (A * B).sum(1, keepdim=True)),
    row("DiagonalOf an applied function", DiagonalOf(Q.applyfunc(sp.sin)), lambda Q: t.sin(t.diagonal(Q))[:, None]),
]

ENTRYWISE = [
    *entrywise("exp", "sin", "cos", "tan", "tanh", "sinh", "cosh", "atan", "asinh"),
    row("applyfunc polynomial", A.applyfunc(lambda e: e**3 - 2 * e + 1), lambda A: A**3 - 2 * A + 1),
    row("applyfunc with parameters", A.applyfunc(lambda e: sp.sin(w * e) + b), lambda A, w, b: t.sin(w * A) + b),
    row("applyfunc nested", A.applyfunc(lambda e: e**2).applyfunc(sp.tanh), lambda A: t.tanh(A**2)),
    row("applyfunc of a product", (A * C).applyfunc(sp.tanh), lambda A, C: t.tanh(A @ C)),
    row("applyfunc constant", A.applyfunc(lambda e: sp.Integer(2)) + B, lambda A, B: 2 + B + 0 * A),
    row("applyfunc parameter alone", A.applyfunc(lambda e: w**2) + B, lambda A, B, w: w**2 + B + 0 * A),
    row("applyfunc log", P.applyfunc(sp.log), lambda P: t.log(P)),
    row("applyfunc reciprocal", P.applyfunc(lambda e: 1 / e), lambda P: 1 / P),
    row("applyfunc Piecewise", A.applyfunc(lambda e: Piecewise((sp.sin(e), e < 0), (e**2, True))),
         lambda A: t.where(A < 0, t.sin(A), A**2)),
    row("applyfunc of 1x1", u * s.applyfunc(sp.exp), lambda u, s: t.exp(s) * u),
    row("function of a 1x1 product", sd.sigmoid(r * v), lambda r, v: t.sigmoid(r @ v)),
    row("function of a 1x1 product scales", u * sd.relu(r * v + s), lambda u, r, v, s: u @ t.relu(r @ v + s)),
    row("relu and clip of 1x1", sd.relu(s) + sd.clip(s, 0, 1), lambda s: t.relu(s) + t.clamp(s, 0, 1)),
    row("functions of two 1x1", sd.maximum(s, r * v), lambda r, v, s: t.maximum(s, r @ v)),
    row("HadamardProduct", HadamardProduct(A, B), lambda A, B: A * B),
    row("HadamardProduct of three", HadamardProduct(A, B, P), lambda A, B, P: A * B * P),
    row("HadamardProduct with itself", HadamardProduct(A, A), lambda A: A * A),
    row("HadamardProduct of products", HadamardProduct(Q * A, u * v.T), lambda Q, A, u, v: Q @ A * (u @ v.T)),
    row("HadamardProduct of columns", HadamardProduct(u, Q * u), lambda u, Q: u * (Q @ u)),
    row("HadamardPower 2", HadamardPower(A, 2), lambda A: A**2),
    row("HadamardPower 5", HadamardPower(A, 5), lambda A: A**5),
    row("HadamardPower -1", HadamardPower(P, -1), lambda P: 1 / P),
    row("HadamardPower -3", HadamardPower(P, -3), lambda P: P**-3),
    row("HadamardPower 1/2", HadamardPower(P, Rational(1, 2)), lambda P: t.sqrt(P)),
    row("HadamardPower 5/2", HadamardPower(P, Rational(5, 2)), lambda P: P**2.5),
    row("HadamardPower by a symbol", HadamardPower(P, w), lambda P, w: P**w),
    row("HadamardPower by a matrix", HadamardPower(P, A), lambda P, A: P**A),
    row("HadamardPower of a symbol", HadamardPower(c, A), lambda A, c: c**A, (0.5, 2)),
    row("HadamardPower of a sum", HadamardPower(A + 2 * B, 3), lambda A, B: (A + 2 * B) ** 3),
    row("relu", sd.relu(A), lambda A: t.relu(A)),
    row("sigmoid", sd.sigmoid(A), lambda A: t.sigmoid(A)),
    row("softplus", sd.softplus(A), lambda A: tf.softplus(A)),
    row("gelu", sd.gelu(A), lambda A: tf.gelu(A)),
    row("softmax", sd.softmax(A), lambda A: t.softmax(A, 1)),
    row("softmax axis=0", sd.softmax(A, axis=0), lambda A: t.softmax(A, 0)),
    row("log_softmax", sd.log_softmax(A), lambda A: t.log_softmax(A, 1)),
    row("log_softmax axis=0", sd.log_softmax(A, axis=0), lambda A: t.log_softmax(A, 0)),
    row("log of softmax", sd.softmax(A).applyfunc(sp.log), lambda A: t.log_softmax(A, 1)),
    row("maximum of matrices", sd.maximum(A, B), lambda A, B: t.maximum(A, B)),
    row("maximum with a number", sd.maximum(A, Rational(1, 3)), lambda A: t.clamp(A, min=1 / 3)),
    row("maximum with a symbol", sd.maximum(A, w), lambda A, w: t.maximum(A, w)),
    row("minimum of matrices", sd.minimum(A, Q * B), lambda A, B, Q: t.minimum(A, Q @ B)),
    row("minimum with a number", sd.minimum(A, Rational(1, 3)), lambda A: t.clamp(A, max=1 / 3)),
    row("clip", sd.clip(A, -1, 1), lambda A: t.clamp(A, -1, 1)),
    row("clip between symbols", sd.clip(A, -c, c), lambda A, c: t.clamp(A, -c, c), (0.5, 2)),
    row("clip between matrices", sd.clip(A, -P, P), lambda A, P: t.clamp(A, -P, P)),
    row("where on a scalar condition", sd.where(w > 0, A, B), lambda A, B, w: t.where(w > 0, A, B)),
    row("where on equal entries", sd.where(sd.equal(A, A), A, B), lambda A, B: A + 0 * B),
    row("abs", sd.abs(A), lambda A: t.abs(A)),
    row("abs of a product", sd.abs(A * C), lambda A, C: t.abs(A @ C)),
    row("sign", HadamardProduct(sd.sign(A), B), lambda A, B: t.sign(A) * B),
    row("equal", HadamardProduct(sd.equal(A, B), B), lambda A, B: (A == B) * B),
    row("stop_gradient", HadamardProduct(sd.stop_gradient(A), A), lambda A: A.detach() * A),
    row("stop_gradient of a product", sd.stop_gradient(A * C) + A * C, lambda A, C: (A @ C).detach() + A @ C),
    row("sd.exp and sd.log", sd.log(sd.exp(A) + sd.exp(B)), lambda A, B: t.logaddexp(A, B)),
]

PLACES = [
    row("entry", A[1, 2] ** 2 * A[0, 0], lambda A: A[1, 2] ** 2 * A[0, 0]),
    row("entries beside the whole", A[0, 1] * sd.sum(A), lambda A: A[0, 1] * A.sum()),
    row("entry of a transpose", A.T[2, 1] ** 3, lambda A: A[1, 2] ** 3),
    row("entry of a softmax", sd.softmax(A)[0, 1] * w, lambda A, w: t.softmax(A, 1)[0, 1] * w),
    row("entry of a sum of columns", sd.sum(A, axis=0)[0, 2] ** 2, lambda A: A.sum(0)[2] ** 2),
    row("entry of an entrywise function", sd.maximum(A, B)[1, 1] * sd.exp(A)[0, 0],
         lambda A, B: t.maximum(A, B)[1, 1] * t.exp(A[0, 0])),
    row("slice of a softmax", sd.softmax(A)[0:2, :], lambda A: t.softmax(A, 1)[0:2]),
    row("rows", A[0:2, :], lambda A: A[0:2]),
    row("one row", A[1, :], lambda A: A[1:2]),
    row("one column", A[:, 1], lambda A: A[:, 1:2]),
    row("block", G[1:4, 2:4], lambda G: G[1:4, 2:4]),
    row("steps", G[0:5:2, 1:4:2], lambda G: G[0:5:2, 1:4:2]),
    row("steps that end early", G[0:4:3, 0:3], lambda G: G[0:4:3, 0:3]),
    row("bounds from the end", G[-3:-1, -2:], lambda G: G[-3:-1, -2:]),
    row("to a symbolic end", A[1:n, 1:m], lambda A: A[1:, 1:]),
    row("to before a symbolic end", A[0 : n - 1, :], lambda A: A[:-1]),
    row("differences", A[1:n, :] - A[0 : n - 1, :], lambda A: A[1:] - A[:-1]),
    row("slice of a sum", (A + 2 * B)[0:2, 1:3], lambda A, B: (A + 2 * B)[0:2, 1:3]),
    row("slice of a slice", G[1:5, :][1:3, 0:2], lambda G: G[1:5][1:3, 0:2]),
    row("slice in a product", A[:, 0:2] * W, lambda A, W: A[:, 0:2] @ W),
]

EXPLICIT = [
    row("explicit", Matrix([[w, w * b], [sp.sin(b), 1]]),
         lambda w, b: t.stack([w, w * b, t.sin(b), 1 + 0 * w]).reshape(2, 2)),
    row("explicit immutable", sp.ImmutableMatrix([[w**2, b]]), lambda w, b: t.stack([w**2, b]).reshape(1, 2)),
    row("explicit of numbers", Matrix([[1, 2], [3, 4]]) * W, lambda W: t.tensor([[1.0, 2], [3, 4]]).double() @ W),
    row("explicit times symbol", Matrix([[w, b], [b, 1]]) * W,
         lambda W, w, b: t.stack([w, b, b, 1 + 0 * w]).reshape(2, 2) @ W),
    row("explicit beside symbol", W + Matrix([[w, b], [1, w * b]]),
         lambda W, w, b: W + t.stack([w, b, 1 + 0 * w, w * b]).reshape(2, 2)),
    row("explicit rotation", (W.T * Matrix([[sp.cos(w), -sp.sin(w)], [sp.sin(w), sp.cos(w)]])).T,
         lambda W, w: (W.T @ t.stack([t.cos(w), -t.sin(w), t.sin(w), t.cos(w)]).reshape(2, 2)).T),
    row("explicit of entries", Matrix([[A[0, 0], A[1, 1]], [A[0, 1], w]]) * W,
         lambda A, W, w: t.stack([A[0, 0], A[1, 1], A[0, 1], w]).reshape(2, 2) @ W),
    row("explicit of reductions", Matrix([sd.norm(A), sd.sum(A)]),
         lambda A: t.stack([t.linalg.norm(A), A.sum()])[:, None]),
    row("trace of explicit", Trace(W * Matrix([[w, b], [b, 1]])),
         lambda W, w, b: w * W[0, 0] + b * (W[0, 1] + W[1, 0]) + W[1, 1]),
    row("per sample explicit", Matrix([[w * x, y], [b, x * y]]),
         lambda w, b, x, y: t.stack([w * x, y, b + 0 * x, x * y], -1).reshape(-1, 2, 2)),
    row("per sample explicit times symbol", Matrix([[w * x, y]]) * W,
         lambda W, w, x, y: t.stack([w * x, y], -1)[:, None, :] @ W),
    row("per sample symbol times explicit", W.T * Matrix([sp.sin(w * x), 1]),
         lambda W, w, x: W.T @ t.stack([t.sin(w * x), 1 + 0 * x], -1)[:, :, None]),
    row("per sample explicit plus symbol", Matrix([[w * x, 1]]) + OneMatrix(1, 2) * W,
         lambda W, w, x: t.stack([w * x, 1 + 0 * x], -1)[:, None, :] + W.sum(0)),
    row("quadratic form of each sample", sd.mean((Matrix([[x, 1]]) * W * W.T * Matrix([x, 1]))[0, 0]),
         lambda W, x: ((t.stack([x, 1 + 0 * x], -1) @ W) ** 2).sum(1).mean()),
]

# fmt: on
ROWS = [*LINEAR, *NAMED, *ENTRYWISE, *reductions(), *PLACES, *EXPLICIT]
