"""Gradients of matrix functions from the literature, each compiled from the function and from the known gradient.

Numbers in brackets are equations of The Matrix Cookbook (Petersen and Pedersen, version of 15 November 2012); others
follow from Magnus and Neudecker (Matrix Differential Calculus, 2019) by the differentials given there. A gradient has
the shape of the variable: entry i, j is the derivative by entry i, j.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from sympy import (
    BlockDiagMatrix,
    BlockMatrix,
    Determinant,
    DiagMatrix,
    HadamardPower,
    HadamardProduct,
    Identity,
    KroneckerProduct,
    MatrixSymbol,
    OneMatrix,
    Rational,
    Trace,
    exp,
    log,
    sqrt,
    symbols,
)

import symdiff as sd

n, m = symbols("n m", integer=True, positive=True)
SIZES = {n: 3, m: 2}
A, B, C = (MatrixSymbol(name, n, n) for name in "ABC")
S, T, W = (MatrixSymbol(name, n, n) for name in "STW")  # positive definite
X, Y, Z = MatrixSymbol("X", n, n), MatrixSymbol("Y", n, m), MatrixSymbol("Z", n, m)
M, V = MatrixSymbol("M", m, m), MatrixSymbol("V", n, n)
a, b, d, x, v = (MatrixSymbol(name, n, 1) for name in "abdxv")
p = MatrixSymbol("p", m, 1)
I, J, ones = Identity(n), OneMatrix(n, n), OneMatrix(n, 1)  # noqa: E741
half = Rational(1, 2)


def inner(one, other):
    """The sum of the products of the entries."""
    return Trace(one.T * other)


def squares(e):
    """The sum of the squares of the entries."""
    return sd.norm(e) ** 2


def symmetric(e):
    """The symmetric part."""
    return (e + e.T) / 2


def of_power(k, left, right):
    """The gradient of left^T X^k right (91)."""
    total = left * right.T * (X ** (k - 1)).T
    for r in range(1, k):
        total = total + (X**r).T * left * right.T * (X ** (k - 1 - r)).T
    return total


XI, SI = X.I, S.I
YSY, YAY = Y.T * S * Y, Y.T * A * Y
residual = x - A * a
det, softmax = Determinant(X), sd.softmax(x, axis=0)
cubed = of_power(3, a, b)

# fmt: off
# name, function, variable, gradient
VECTORS = [
    ("69 linear", Trace(x.T * a), x, a),
    ("70 bilinear", Trace(a.T * X * b), X, a * b.T),
    ("71 transposed", Trace(a.T * X.T * b), X, b * a.T),
    ("72 same vector", Trace(a.T * X * a), X, a * a.T),
    ("76 square of a sum", sd.sum(X) ** 2, X, 2 * sd.sum(X) * J),
    ("77 squared form", Trace(a.T * X.T * X * b), X, X * (a * b.T + b * a.T)),
    ("78 affine times affine", Trace((A * x + a).T * C * (B * x + b)), x,
     A.T * C * (B * x + b) + B.T * C.T * (A * x + a)),
    ("81 quadratic form", Trace(x.T * A * x), x, (A + A.T) * x),
    ("82 form of a product", Trace(a.T * X.T * C * X * b), X, C.T * X * a * b.T + C * X * b * a.T),
    ("83 form of an affine map", Trace((X * a + b).T * C * (X * a + b)), X, (C + C.T) * (X * a + b) * a.T),
    ("84 weighted squares by the parameter", Trace(residual.T * W * residual), a, -2 * A.T * W * residual),
    ("85 weighted squares of a difference", Trace((x - a).T * W * (x - a)), x, 2 * W * (x - a)),
    ("86 its other side", Trace((x - a).T * W * (x - a)), a, -2 * W * (x - a)),
    ("87 weighted squares by the data", Trace(residual.T * W * residual), x, 2 * W * residual),
    ("88 weighted squares by the matrix", Trace(residual.T * W * residual), A, -2 * W * residual * a.T),
    ("91 square in a form", Trace(a.T * X**2 * b), X, of_power(2, a, b)),
    ("91 cube in a form", Trace(a.T * X**3 * b), X, cubed),
    ("91 fourth power in a form", Trace(a.T * X**4 * b), X, of_power(4, a, b)),
    ("92 squares in a form", Trace(a.T * (X**2).T * X**2 * b), X, of_power(2, X**2 * b, a) + of_power(2, X**2 * a, b)),
    ("97 linear and quadratic", Trace(x.T * A * x + b.T * x), x, (A + A.T) * x + b),
    ("cube of a form", Trace(x.T * S * x) ** 3, x, 6 * Trace(x.T * S * x) ** 2 * S * x),
    ("Rayleigh quotient", Trace(x.T * S * x) / Trace(x.T * x), x,
     2 * (S * x - Trace(x.T * S * x) / Trace(x.T * x) * x) / Trace(x.T * x)),
    ("Gaussian bump", exp(-Trace(x.T * S * x) / 2), x, -exp(-Trace(x.T * S * x) / 2) * S * x),
    ("logistic loss", log(1 + exp(Trace(a.T * x))), x, sd.sigmoid(Trace(a.T * x)) * a),
    ("log of sums of exponentials", sd.logsumexp(x), x, softmax),
    ("log of sums of exponentials, affine", sd.logsumexp(A * x + a), x, A.T * sd.softmax(A * x + a, axis=0)),
    ("ridge regression", squares(Y * p - a) + 3 * squares(p), p, 2 * Y.T * (Y * p - a) + 6 * p),
    ("outer product", squares(x * a.T - X), x, 2 * (x * a.T - X) * a),
    ("diagonal form", Trace(x.T * DiagMatrix(a) * x), x, 2 * HadamardProduct(a, x)),
    ("diagonal in a trace", Trace(A * DiagMatrix(x)), x, sd.diag(A)),
    ("diagonals around a matrix", Trace(DiagMatrix(x) * A * DiagMatrix(x) * B), x,
     HadamardProduct(A, B.T) * x + HadamardProduct(B, A.T) * x),
    ("129 distance", sd.norm(x - a), x, (x - a) / sd.norm(x - a)),
    ("131 squared norm", squares(x), x, 2 * x),
    ("fourth power of a norm", Trace(x.T * x) ** 2, x, 4 * Trace(x.T * x) * x),
]

TRACES = [
    ("99 trace", Trace(X), X, I),
    ("100 product", Trace(X * A), X, A.T),
    ("101 sandwich", Trace(A * X * B), X, A.T * B.T),
    ("102 sandwich of the transpose", Trace(A * X.T * B), X, B * A),
    ("103 transpose first", Trace(X.T * A), X, A),
    ("104 transpose last", Trace(A * X.T), X, A),
    ("105 Kronecker product", Trace(KroneckerProduct(A, X)), X, Trace(A) * I),
    ("106 square", Trace(X**2), X, 2 * X.T),
    ("107 square times", Trace(X**2 * B), X, (X * B + B * X).T),
    ("108 form", Trace(X.T * B * X), X, B * X + B.T * X),
    ("109 rotated", Trace(B * X * X.T), X, B * X + B.T * X),
    ("110 rotated again", Trace(X * X.T * B), X, B * X + B.T * X),
    ("111 right form", Trace(X * B * X.T), X, X * B.T + X * B),
    ("112 right form rotated", Trace(B * X.T * X), X, X * B.T + X * B),
    ("113 right form rotated again", Trace(X.T * X * B), X, X * B.T + X * B),
    ("114 two factors", Trace(A * X * B * X), X, A.T * X.T * B.T + B.T * X.T * A.T),
    ("115 squares", Trace(X.T * X), X, 2 * X),
    ("116 squares of a product", Trace(B.T * X.T * C * X * B), X, C.T * X * B * B.T + C * X * B * B.T),
    ("117 form on both sides", Trace(X.T * B * X * C), X, B * X * C + B.T * X * C.T),
    ("118 form within", Trace(A * X * B * X.T * C), X, A.T * C.T * X * B.T + C * A * X * B),
    ("119 squares of an affine map", squares(A * X * B + C), X, 2 * A.T * (A * X * B + C) * B.T),
    ("120 Kronecker square", Trace(KroneckerProduct(X, X)), X, 2 * Trace(X) * I),
    ("121 cube", Trace(X**3), X, 3 * (X**2).T),
    ("121 fifth power", Trace(X**5), X, 5 * (X**4).T),
    ("122 power times", Trace(A * X**3), X, (A * X**2 + X * A * X + X**2 * A).T),
    ("123 fourth order", Trace(B.T * X.T * C * X * X.T * C * X * B), X,
     C * X * X.T * C * X * B * B.T + C.T * X * B * B.T * X.T * C.T * X
     + C * X * B * B.T * X.T * C * X + C.T * X * X.T * C.T * X * B * B.T),
    ("rectangular squares", Trace(Y.T * Y * Y.T * Y), Y, 4 * Y * Y.T * Y),
    ("rectangular form", Trace(M * Y.T * A * Y), Y, A * Y * M + A.T * Y * M.T),
    ("power of a trace", Trace(X) ** 3, X, 3 * Trace(X) ** 2 * I),
    ("exponential of a trace", exp(Trace(A * X) / 5), X, exp(Trace(A * X) / 5) / 5 * A.T),
    ("product of traces", Trace(A * X) * Trace(B * X), X, Trace(B * X) * A.T + Trace(A * X) * B.T),
]

DETERMINANTS = [
    ("49 determinant", det, X, det * XI.T),
    ("51 of a product", Determinant(A * X * B), X, Determinant(A * X * B) * XI.T),
    ("52 of a square form", Determinant(X.T * S * X), X, 2 * Determinant(X.T * S * X) * XI.T),
    ("53 of a form, symmetric", Determinant(YSY), Y, 2 * Determinant(YSY) * S * Y * YSY.I),
    ("54 of a form", Determinant(YAY), Y, Determinant(YAY) * (A * Y * YAY.I + A.T * Y * (Y.T * A.T * Y).I)),
    ("55 log of a Gram determinant", log(Determinant(Y.T * Y)), Y, 2 * Y * (Y.T * Y).I),
    ("57 log of the absolute value", log(abs(Determinant(-X))), X, XI.T),
    ("58 of a power", Determinant(X**3), X, 3 * Determinant(X) ** 3 * XI.T),
    ("log", log(det), X, XI.T),
    ("logdet", sd.logdet(X), X, XI.T),
    ("square", det**2, X, 2 * det**2 * XI.T),
    ("root", sqrt(det), X, sqrt(det) / 2 * XI.T),
    ("reciprocal", 1 / det, X, -XI.T / det),
    ("62 of the inverse", Determinant(XI), X, -Determinant(XI) * XI.T),
    ("of a sum", Determinant(X + A), X, Determinant(X + A) * (X + A).I.T),
    ("of an affine map", Determinant(A * X * B + C), X, Determinant(A * X * B + C) * A.T * (A * X * B + C).I.T * B.T),
    ("log, Gram plus ridge", sd.logdet(Y * Y.T + S), Y, 2 * (Y * Y.T + S).I * Y),
    ("log, identity plus Gram", sd.logdet(Identity(m) + Y.T * S * Y), Y, 2 * S * Y * (Identity(m) + Y.T * S * Y).I),
    ("log, rank-one update", log(Determinant(S + x * x.T)), x, 2 * (S + x * x.T).I * x),
    ("rank-one update", Determinant(A + x * b.T), x, Determinant(A) * A.I.T * b),
    ("log of a diagonal", sd.logdet(DiagMatrix(HadamardPower(x, 2))), x, 2 * HadamardPower(x, -1)),
    ("of a Kronecker product", Determinant(KroneckerProduct(X, S)), X, n * Determinant(KroneckerProduct(X, S)) * XI.T),
    ("of blocks", Determinant(BlockMatrix([[X, a], [b.T, Identity(1)]])), X,
     Determinant(X - a * b.T) * (X - a * b.T).I.T),
    ("log of diagonal blocks", sd.logdet(BlockDiagMatrix(X, S)), X, XI.T),
    ("Stein's loss", Trace(S * X) - sd.logdet(X), X, S - XI.T),
    ("log of a quotient", log(Determinant(X) / Determinant(S)), X, XI.T),
    ("square of a log", log(det) ** 2, X, 2 * log(det) * XI.T),
]

INVERSES = [
    ("61 form", Trace(a.T * XI * b), X, -XI.T * a * b.T * XI.T),
    ("63 sandwich", Trace(A * XI * B), X, -(XI * B * A * XI).T),
    ("64 of a sum", Trace((X + A).I), X, -((X + A).I * (X + A).I).T),
    ("124 trace of the inverse", Trace(XI), X, -(XI * XI).T),
    ("125 inverse of a form", Trace(YSY.I * M), Y, -S * Y * YSY.I * (M + M.T) * YSY.I),
    ("126 quotient of forms", Trace(YSY.I * (Y.T * T * Y)), Y,
     -2 * S * Y * YSY.I * Y.T * T * Y * YSY.I + 2 * T * Y * YSY.I),
    ("127 quotient of forms with a ridge", Trace((Identity(m) + YSY).I * (Y.T * T * Y)), Y,
     -2 * S * Y * (Identity(m) + YSY).I * Y.T * T * Y * (Identity(m) + YSY).I + 2 * T * Y * (Identity(m) + YSY).I),
    ("solve", inner(B, sd.solve(X, A)), X, -XI.T * B * A.T * XI.T),
    ("solve by the right side", inner(B, sd.solve(A, X)), X, A.I.T * B),
    ("square of the inverse", Trace(a.T * X**-2 * b), X,
     -XI.T * a * b.T * XI.T * XI.T - XI.T * XI.T * a * b.T * XI.T),
    ("squared form", Trace(a.T * XI * b) ** 2, X, -2 * Trace(a.T * XI * b) * XI.T * a * b.T * XI.T),
    ("squared norm", squares(XI), X, -2 * XI.T * XI * XI.T),
    ("form of a Gram matrix", Trace(a.T * (Y * Y.T + S).I * a), Y,
     -2 * (Y * Y.T + S).I * a * a.T * (Y * Y.T + S).I * Y),
    ("Mahalanobis distance by the metric", Trace((x - a).T * SI * (x - a)), S, -SI * (x - a) * (x - a).T * SI),
    ("Mahalanobis distance by the point", Trace((x - a).T * SI * (x - a)), x, 2 * SI * (x - a)),
    ("normal density by the mean", -Trace((x - a).T * SI * (x - a)) / 2 - log(Determinant(S)) / 2, a, SI * (x - a)),
    ("normal density by the covariance", log(exp(-Trace((x - a).T * SI * (x - a)) / 2) / sqrt(Determinant(S))), S,
     (SI * (x - a) * (x - a).T * SI - SI) / 2),
    ("divergence of normals", (Trace(T.I * S) + log(Determinant(T) / Determinant(S))) / 2, S, (T.I - SI) / 2),
    ("divergence of normals, second", (Trace(T.I * S) + log(Determinant(T) / Determinant(S))) / 2, T,
     (T.I - T.I * S * T.I) / 2),
    ("inverse of a difference", Trace((I - X / 9).I * A), X, ((I - X / 9).I * A * (I - X / 9).I).T / 9),
    ("product with its inverse twice", Trace(X * A * XI * B), X, (A * XI * B).T - (XI * B * X * A * XI).T),
    ("projection", Trace(Y * (Y.T * Y).I * Y.T * S), Y, 2 * (I - Y * (Y.T * Y).I * Y.T) * S * Y * (Y.T * Y).I),
]

FACTORS = [
    ("log determinant", sd.sum(sd.log(sd.diag(sd.cholesky(S)))), S, SI / 2),
    ("factor times factor", inner(A, sd.cholesky(S) * sd.cholesky(S).T), S, symmetric(A)),
    ("squared norm of the factor", squares(sd.cholesky(S)), S, I),
    ("determinant of the factor", sd.det(sd.cholesky(S)), S, sqrt(Determinant(S)) / 2 * SI),
    ("whitened norm", squares(sd.solve(sd.cholesky(S), a)), S, -SI * a * a.T * SI),
    ("both solves", inner(b, sd.solve(sd.cholesky(S).T, sd.solve(sd.cholesky(S), a))), S,
     -symmetric(SI * a * b.T * SI)),
    ("marginal likelihood", squares(sd.solve(sd.cholesky(S), a)) / 2 + sd.logdet(sd.cholesky(S)), S,
     (SI - SI * a * a.T * SI) / 2),
    ("whitened norm by the vector", squares(sd.solve(sd.cholesky(S), x)), x, 2 * SI * x),
]

ENTRYWISE = [
    ("132 squared norm", squares(X), X, 2 * X),
    ("norm", sd.norm(X), X, X / sd.norm(X)),
    ("norm of a residual", sd.norm(A * X - B), X, A.T * (A * X - B) / sd.norm(A * X - B)),
    ("squared residual", squares(A * X - B), X, 2 * A.T * (A * X - B)),
    ("squared residual, both sides", squares(A * X * B - C), X, 2 * A.T * (A * X * B - C) * B.T),
    ("symmetry penalty", squares(X - X.T), X, 4 * (X - X.T)),
    ("orthogonality penalty", squares(Y.T * Y - Identity(m)), Y, 4 * Y * (Y.T * Y - Identity(m))),
    ("factorisation", squares(A - Y * Z.T), Y, -2 * (A - Y * Z.T) * Z),
    ("masked factorisation", squares(HadamardProduct(B, A - Y * Z.T)), Z,
     -2 * HadamardProduct(B, B, A - Y * Z.T).T * Y),
    ("Hadamard product in a trace", inner(A, HadamardProduct(X, B)), X, HadamardProduct(A, B)),
    ("Hadamard form", Trace(a.T * HadamardProduct(X, B) * b), X, HadamardProduct(a * b.T, B)),
    ("Hadamard square", sd.sum(HadamardProduct(X, X, A)), X, 2 * HadamardProduct(X, A)),
    ("Hadamard form of a vector", Trace(x.T * HadamardProduct(A, B) * x), x,
     HadamardProduct(A, B) * x + HadamardProduct(A, B).T * x),
    ("sum", sd.sum(X), X, J),
    ("sum of a product", sd.sum(A * X), X, A.T * J),
    ("sum of exponentials", sd.sum(sd.exp(A * X)), X, A.T * sd.exp(A * X)),
    ("sum of Kronecker products", sd.sum(KroneckerProduct(X, A)), X, sd.sum(A) * J),
    ("norm of a Kronecker product", squares(KroneckerProduct(X, A)), X, 2 * squares(A) * X),
    ("norm of a Kronecker product of vectors", squares(KroneckerProduct(x, a)), x, 2 * squares(a) * x),
    ("product of Kronecker products", Trace(KroneckerProduct(A, X) * KroneckerProduct(B, C)), X, Trace(A * B) * C.T),
    ("Kronecker square in a product", Trace(KroneckerProduct(X, X) * KroneckerProduct(A, B)), X,
     Trace(X * B) * A.T + Trace(X * A) * B.T),
    ("inverse of a Kronecker product", Trace(KroneckerProduct(X, S).I), X, -Trace(SI) * (XI * XI).T),
    ("Kronecker form", Trace(KroneckerProduct(a, b).T * KroneckerProduct(X, A) * KroneckerProduct(b, a)), X,
     Trace(b.T * A * a) * a * b.T),
    ("blocks", Trace(BlockMatrix([[X, A], [B, X.T]]) ** 2), X, 4 * X.T),
    ("diagonal blocks", Trace(BlockDiagMatrix(X, Y.T * X * Y)), X, I + Y * Y.T),
    ("columns joined", squares(BlockMatrix([[X, A * X]])), X, 2 * X + 2 * A.T * A * X),
]
# name, function, variable, direction, Hessian times the direction
SECOND = [
    ("quadratic form", Trace(x.T * A * x), x, v, (A + A.T) * v),
    ("residual", squares(A * x - a), x, v, 2 * A.T * A * v),
    ("norm", sd.norm(x), x, v, v / sd.norm(x) - x * Trace(x.T * v) / sd.norm(x) ** 3),
    ("fourth power of a norm", Trace(x.T * x) ** 2, x, v, 4 * Trace(x.T * x) * v + 8 * x * Trace(x.T * v)),
    ("exponential", exp(Trace(a.T * x)), x, v, exp(Trace(a.T * x)) * Trace(a.T * v) * a),
    ("logsumexp", sd.logsumexp(x), x, v, HadamardProduct(softmax, v) - softmax * Trace(softmax.T * v)),
    ("trace of a square", Trace(X**2), X, V, 2 * V.T),
    ("trace of a cube", Trace(X**3), X, V, 3 * (X * V + V * X).T),
    ("form on both sides", Trace(X.T * B * X * C), X, V, B * V * C + B.T * V * C.T),
    ("two factors", Trace(A * X * B * X), X, V, A.T * V.T * B.T + B.T * V.T * A.T),
    ("fourth order", Trace(X.T * X * X.T * X), X, V, 4 * (V * X.T * X + X * V.T * X + X * X.T * V)),
    ("determinant", det, X, V, det * (Trace(XI * V) * XI.T - XI.T * V.T * XI.T)),
    ("square of a determinant", det**2, X, V, det**2 * (4 * Trace(XI * V) * XI.T - 2 * XI.T * V.T * XI.T)),
    ("log determinant", log(det), X, V, -XI.T * V.T * XI.T),
    ("log absolute determinant", log(abs(det)), X, V, -XI.T * V.T * XI.T),
    ("inverse in a form", Trace(a.T * XI * b), X, V,
     XI.T * V.T * XI.T * a * b.T * XI.T + XI.T * a * b.T * XI.T * V.T * XI.T),
    ("trace of the inverse", Trace(XI), X, V, (XI * V * XI * XI + XI * XI * V * XI).T),
    ("solve", inner(B, sd.solve(X, A)), X, V,
     XI.T * V.T * XI.T * B * A.T * XI.T + XI.T * B * A.T * XI.T * V.T * XI.T),
    ("log determinant of the factor", sd.logdet(sd.cholesky(S)), S, V, -SI * symmetric(V) * SI / 2),
    ("whitened norm", squares(sd.solve(sd.cholesky(S), a)), S, V,
     SI * symmetric(V) * SI * a * a.T * SI + SI * a * a.T * SI * symmetric(V) * SI),
    ("Kronecker square", Trace(KroneckerProduct(X, X)), X, V, 2 * Trace(V) * I),
    ("diagonal blocks", sd.logdet(BlockDiagMatrix(X, S)), X, V, -XI.T * V.T * XI.T),
]
# fmt: on

FIRST = [
    (f"{kind}: {row[0]}", *row[1:])
    for kind, rows in (
        ("vectors", VECTORS), ("traces", TRACES), ("determinants", DETERMINANTS), ("inverses", INVERSES),
        ("factors", FACTORS), ("entries", ENTRYWISE),
    )
    for row in rows
]  # fmt: skip


@cache
def value_of(symbol):
    """The value of a symbol; square matrices are far from singular, and have positive determinants."""
    rng = np.random.default_rng(ord(str(symbol)))
    array = rng.uniform(-1, 1, [int(SIZES.get(dim, dim)) for dim in symbol.shape])
    if symbol in (S, T, W):
        return array @ array.T + np.eye(3)
    return array + 2.5 * np.eye(*array.shape) if symbol.shape in ((n, n), (m, m)) else array


def symbols_in(*expressions):
    """The matrix symbols, by name."""
    return sorted(set().union(*(e.atoms(MatrixSymbol) for e in expressions)), key=str)


def check(found, expected):
    """Equal to twelve digits of the largest entry."""
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * max(1.0, np.abs(expected).max()))


def compiled(expression, by, emit, known):
    """The function's module and the value of the known expression."""
    constants = [symbol for symbol in symbols_in(expression) if symbol != by]
    module = sd.compile(sd.Model(expression, params=[by], constants=constants), emit=emit)
    others = symbols_in(known)
    out = sd.compile(sd.Model(outputs={"out": known}, params=[], constants=others or [by]), emit="value").out
    if not others:  # a matrix of ones or zeros alone has the variable's sizes
        return module, constants, out(value_of(by))
    return module, constants, out(*map(value_of, others))


@pytest.mark.filterwarnings("ignore::symdiff.errors.ModelWarning")
@pytest.mark.parametrize(("function", "by", "gradient"), [row[1:] for row in FIRST], ids=[row[0] for row in FIRST])
def test_gradient(function, by, gradient):
    module, constants, expected = compiled(function, by, "grad", gradient)
    check(module.grad(value_of(by), *map(value_of, constants))[0], expected)


@pytest.mark.parametrize(
    ("function", "by", "direction", "product"), [row[1:] for row in SECOND], ids=[row[0] for row in SECOND]
)
def test_hessian_product(function, by, direction, product):
    module, constants, expected = compiled(function, by, ("hvp", "hessian"), product)
    arguments = [value_of(by), *map(value_of, constants)]
    check(module.hvp(*arguments, (value_of(direction),))[0], expected)
    check(np.tensordot(module.hessian(*arguments)[0][0], value_of(direction), 2), expected)


def test_there_are_at_least_a_hundred():
    assert len(FIRST) + len(SECOND) >= 100
    assert len({row[0] for row in FIRST}) == len(FIRST)
