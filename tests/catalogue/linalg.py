"""Rows of the matrix dialect: inverses, determinants, factors, blocks; losses over the rows of a data matrix."""

from __future__ import annotations

import numpy as np
import sympy as sp
import torch as t
from sympy import DiagMatrix, HadamardPower, HadamardProduct, Identity, Matrix, OneMatrix, Rational, Trace, ZeroMatrix
from torch.nn import functional as tf

import symdiff as sd
from catalogue.symbols import A, B, C, D, F, G, N, P, Q, S, T, U, W, X, Y, b, c, eye, m, n, r, row, s, u, v, w, x, y

# fmt: off
LINALG = [
    row("inverse", D.I, lambda D: t.linalg.inv(D)),
    row("inverse of a product", (D * S).I, lambda D, S: t.linalg.inv(D @ S)),
    row("inverse of a sum", (S + w**2 * Identity(n)).I, lambda S, w: t.linalg.inv(S + w**2 * eye)),
    row("inverse of a transpose", D.T.I, lambda D: t.linalg.inv(D.T)),
    row("inverse of an inverse", sp.Inverse(sp.Inverse(D) + T), lambda D, T: t.linalg.inv(t.linalg.inv(D) + T)),
    row("power -1", sp.MatPow(D, -1), lambda D: t.linalg.inv(D)),
    row("power -3", D**-3, lambda D: t.linalg.matrix_power(t.linalg.inv(D), 3)),
    row("power -2 times a matrix", D**-2 * A, lambda D, A: t.linalg.solve(D @ D, A)),
    row("sd.inv", sd.inv(D) * A, lambda D, A: t.linalg.solve(D, A)),
    row("inverse times a matrix", D.I * A, lambda D, A: t.linalg.solve(D, A)),
    row("matrix times an inverse", A.T * D.I, lambda A, D: A.T @ t.linalg.inv(D)),
    row("inverse in a sandwich", A.T * S.I * A, lambda A, S: A.T @ t.linalg.solve(S, A)),
    row("inverses around a matrix", D.I * Q * S.I, lambda D, Q, S: t.linalg.inv(D) @ Q @ t.linalg.inv(S)),
    row("two inverses", D.I * S.I * A, lambda D, S, A: t.linalg.inv(D) @ t.linalg.inv(S) @ A),
    row("inverse of a diagonal", DiagMatrix(P * OneMatrix(m, 1)).I, lambda P: t.diag(1 / P.sum(1))),
    row("quadratic form of an inverse", u.T * S.I * u, lambda u, S: u.T @ t.linalg.solve(S, u)),
    row("trace of an inverse", Trace(D.I), lambda D: t.trace(t.linalg.inv(D))),
    row("inverse of explicit", sd.inv(Matrix([[w**2 + 3, w], [b, 2]])) * W,
         lambda W, w, b: t.linalg.inv(t.stack([w**2 + 3, w, b, 2 + 0 * w]).reshape(2, 2)) @ W, (-1, 1)),
    row("entry of an inverse", D.I[0, 1] + w, lambda D, w: t.linalg.inv(D)[0, 1] + w),
    row("entry of an inverse of numbers", (W * W.T + 3 * Identity(2)).I[0, 1] * w,
         lambda W, w: t.linalg.inv(W @ W.T + 3 * t.eye(2).double())[0, 1] * w),
    row("slice of an inverse", D.I[0:2, 1:3], lambda D: t.linalg.inv(D)[0:2, 1:3]),
    row("entry of a product of numbers", (G.T * G)[0, 1], lambda G: (G.T @ G)[0, 1]),
    row("slice of a product", (Q * A)[0:2, :], lambda Q, A: (Q @ A)[0:2]),
    row("determinant", sp.det(D), lambda D: t.linalg.det(D)),
    row("determinant of a product", sp.Determinant(D * S), lambda D, S: t.linalg.det(D @ S)),
    row("determinant of explicit", sd.det(Matrix([[w, b], [c, w**2]])) * sd.sum(A),
         lambda A, w, b, c: (w**3 - b * c) * A.sum()),
    row("log of a determinant", sp.log(sp.det(D)), lambda D: t.logdet(D)),
    row("log of a negative determinant's size", sp.log(sp.Abs(sp.det(-D))), lambda D: t.logdet(D)),
    row("log of a quotient of determinants", sp.log(sp.det(-D) / sp.Determinant(-S)),
         lambda D, S: t.logdet(D) - t.logdet(S)),
    row("log of a root of a determinant", sp.log(w**2 * sp.sqrt(3 * sp.det(S))),
         lambda S, w: t.log(w**2) + t.logdet(S) / 2 + np.log(3) / 2),
    row("logdet", sd.logdet(S + w**2 * Identity(n)), lambda S, w: t.logdet(S + w**2 * eye)),
    row("sd.trace", sd.trace(Q * D), lambda Q, D: t.trace(Q @ D)),
    row("diag of a column", sd.diag(u) * A, lambda u, A: u * A),
    row("diag of a matrix", sd.diag(Q * D), lambda Q, D: t.diagonal(Q @ D)[:, None]),
    row("solve", sd.solve(D, A), lambda D, A: t.linalg.solve(D, A)),
    row("solve of a sum", sd.solve(S + D, A - 2 * B), lambda S, D, A, B: t.linalg.solve(S + D, A - 2 * B)),
    row("solve of a column", sd.solve(D, u).applyfunc(sp.sin), lambda D, u: t.sin(t.linalg.solve(D, u))),
    row("solve of a solve", sd.solve(D, sd.solve(S, A)), lambda D, S, A: t.linalg.solve(D, t.linalg.solve(S, A))),
    row("solve of an outer product", sd.solve(D, u * v.T), lambda D, u, v: t.linalg.solve(D, u @ v.T)),
    row("cholesky", sd.cholesky(S), lambda S: t.linalg.cholesky((S + S.T) / 2)),
    row("cholesky of a Gram matrix", sd.cholesky(A * A.T + w**2 * Identity(n)),
         lambda A, w: t.linalg.cholesky(A @ A.T + w**2 * eye), (1, 2)),
    row("cholesky transposed", sd.cholesky(S).T * A, lambda S, A: t.linalg.cholesky((S + S.T) / 2).T @ A),
    row("triangular solve", sd.solve(sd.cholesky(S), A), lambda S, A: t.linalg.solve(t.linalg.cholesky((S + S.T) / 2), A)),
    row("both triangular solves", sd.solve(sd.cholesky(S).T, sd.solve(sd.cholesky(S), u)),
         lambda S, u: t.linalg.solve((S + S.T) / 2, u)),
    row("inverse of a factor", sd.cholesky(S).I, lambda S: t.linalg.inv(t.linalg.cholesky((S + S.T) / 2))),
    row("logdet of a factor", sd.logdet(sd.cholesky(S)), lambda S: t.logdet((S + S.T) / 2) / 2),
    row("determinant of a factor", sd.det(sd.cholesky(S)), lambda S: t.linalg.det(t.linalg.cholesky((S + S.T) / 2))),
    row("entry of a factor", sd.cholesky(S)[2, 1], lambda S: t.linalg.cholesky((S + S.T) / 2)[2, 1]),
    row("KroneckerProduct", sp.KroneckerProduct(A, C), lambda A, C: t.kron(A, C)),
    row("KroneckerProduct of three", sp.KroneckerProduct(F, u, W), lambda F, u, W: t.kron(t.kron(F, u), W)),
    row("KroneckerProduct of a column and a row", A * sp.KroneckerProduct(v, r), lambda A, v, r: A @ t.kron(v, r)),
    row("mean after a KroneckerProduct", sd.mean(A * sp.KroneckerProduct(v, u.T)), lambda A, v, u: (A @ t.kron(v, u.T)).mean()),
    row("KroneckerProduct in a product", sp.KroneckerProduct(Q, F) * sp.KroneckerProduct(u, C.T),
         lambda Q, F, u, C: t.kron(Q, F) @ t.kron(u, C.T.contiguous())),
    row("BlockMatrix", sp.BlockMatrix([[Q, A], [A.T, C * C.T]]),
         lambda Q, A, C: t.cat([t.cat([Q, A], 1), t.cat([A.T, C @ C.T], 1)], 0)),
    row("BlockMatrix with zeros", sp.BlockMatrix([[Q, ZeroMatrix(n, m)], [A.T, Identity(m)]]),
         lambda Q, A: t.cat([t.cat([Q, 0 * A], 1), t.cat([A.T, t.eye(4).double()], 1)], 0)),
    row("BlockMatrix in a product", sp.BlockMatrix([[Q, A]]) * sp.BlockMatrix([[u], [v]]), lambda Q, A, u, v: Q @ u + A @ v),
    row("BlockDiagMatrix", sp.BlockDiagMatrix(Q, A, F), lambda Q, A, F: t.block_diag(Q, A, F)),
    row("determinant of blocks", sp.Determinant(sp.BlockMatrix([[D, u], [u.T, s]])),
         lambda D, u, s: t.linalg.det(t.cat([t.cat([D, u], 1), t.cat([u.T, s], 1)], 0))),
    row("normal density", sp.exp(-Trace((u - w * OneMatrix(n, 1)).T * S.I * (u - w * OneMatrix(n, 1))) / 2)
         / sp.sqrt(sp.det(2 * sp.pi * S)),
         lambda u, w, S: t.exp(-(u - w).T @ t.linalg.solve(S, u - w) / 2)[0, 0] / t.sqrt(t.linalg.det(2 * t.pi * S))),
    row("log of a normal density", sp.log(sp.exp(-Trace(u.T * S.I * u) / 2) / sp.sqrt((2 * sp.pi) ** n * sp.det(S))),
         lambda u, S: -(u.T @ t.linalg.solve(S, u))[0, 0] / 2 - t.logdet(2 * t.pi * S) / 2),
    row("per sample inverse", sd.inv(Matrix([[w**2 + 3, x], [b, 2]])),
         lambda w, b, x: t.linalg.inv(t.stack([w**2 + 3 + 0 * x, x, b + 0 * x, 2 + 0 * x], -1).reshape(-1, 2, 2)), (-1, 1)),
    row("logdet of each sample", sd.mean(sd.logdet(Matrix([[w**2 + 3, x], [b, 2]]))),
         lambda w, b, x: t.logdet(t.stack([w**2 + 3 + 0 * x, x, b + 0 * x, 2 + 0 * x], -1).reshape(-1, 2, 2)).mean(), (-1, 1)),
]

SAMPLES = [
    row("linear regression", sd.mean(HadamardPower(X * C - Y, 2)), lambda C, X, Y: ((X @ C - Y) ** 2).mean()),
    row("softmax regression", -sd.mean(HadamardProduct(sd.log_softmax(X * C), Y)),
         lambda C, X, Y: -(t.log_softmax(X @ C, 1) * Y).mean()),
    row("two layers", sd.sum(HadamardPower(sd.relu(X * C) * F - Y, 2)),
         lambda C, F, X, Y: ((t.relu(X @ C) @ F - Y) ** 2).sum()),
    row("standardised", sd.sum(HadamardPower(X - OneMatrix(N, 1) * sd.mean(X, axis=0), 2) * v),
         lambda v, X: ((X - X.mean(0)) ** 2 @ v).sum()),
    row("mse", sd.mse(A, B), lambda A, B: tf.mse_loss(A, B)),
    row("binary cross-entropy", sd.binary_cross_entropy(U, sd.sigmoid(B)),
         lambda U, B: -(t.sigmoid(B) * t.log(U) + t.sigmoid(-B) * t.log(1 - U)).mean()),
    row("binary cross-entropy of logits", sd.binary_cross_entropy(sd.sigmoid(A), U),
         lambda A, U: tf.binary_cross_entropy_with_logits(A, U)),
    row("huber", sd.huber(A, B), lambda A, B: tf.huber_loss(A, B)),
    row("huber delta", sd.huber(3 * A, B, delta=Rational(1, 2)), lambda A, B: tf.huber_loss(3 * A, B, delta=0.5)),
    row("mse over samples", sd.mse(w * x + b, y), lambda w, b, x, y: tf.mse_loss(w * x + b, y)),
    row("huber over samples", sd.huber(w * x + b, y), lambda w, b, x, y: tf.huber_loss(w * x + b, y)),
    row("logistic over samples", sd.binary_cross_entropy(sd.sigmoid(w * x + b), y),
         lambda w, b, x, y: tf.binary_cross_entropy_with_logits(w * x + b, y)),
]

# fmt: on
ROWS = [*LINALG, *SAMPLES]
