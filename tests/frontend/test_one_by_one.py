"""A 1x1 matrix is a scalar: under functions, as a base and an exponent, as a factor of a matrix, as an entry."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from sympy import HadamardPower, Matrix, MatrixSymbol, Piecewise, Rational, symbols

import symdiff as sd
from symdiff.compare import compare
from symdiff.errors import SymdiffError

n, m = symbols("n m", integer=True, positive=True)
w, v, b, a = MatrixSymbol("w", n, 1), MatrixSymbol("v", n, 1), MatrixSymbol("b", n, 1), MatrixSymbol("a", m, 1)
A, X, u, B = MatrixSymbol("A", n, n), MatrixSymbol("X", m, n), MatrixSymbol("u", 3, 1), MatrixSymbol("B", 3, 3)
p = sp.Symbol("p")
third, half = Rational(1, 3), Rational(1, 2)
q, z, c, s = w.T * w, w.T * v, a.T * X * b, u.T * u
RNG = np.random.default_rng(0)
AT = {
    symbol: RNG.uniform(0.2, 1, [{n: 3, m: 2}.get(size, size) for size in symbol.shape]) for symbol in (w, v, b, a, u)
}
AT |= {symbol: RNG.standard_normal([{n: 3, m: 2}.get(size, size) for size in symbol.shape]) + 2 for symbol in (A, X, B)}
AT[p] = 1.3

SCALARS = {
    "a root": (sp.sqrt(q), lambda q, z, c, p: q**0.5),
    "a cube root": (q**third, lambda q, z, c, p: q ** (1 / 3)),
    "one over a root": (q**-half, lambda q, z, c, p: q**-0.5),
    "a power of a Float": (q**0.7, lambda q, z, c, p: q**0.7),
    "a symbol as exponent": (q**p, lambda q, z, c, p: q**p),
    "an expression as exponent": (q ** (-p / 2), lambda q, z, c, p: q ** (-p / 2)),
    "itself as exponent": (sp.Pow(q, z), lambda q, z, c, p: q**z),
    "applyfunc of a root": (c.applyfunc(sp.sqrt), lambda q, z, c, p: c**0.5),
    "applyfunc": (c.applyfunc(sp.exp), lambda q, z, c, p: np.exp(c)),
    "exp": (sp.exp(-q / 2), lambda q, z, c, p: np.exp(-q / 2)),
    "log of a sum": (sp.log(1 + sp.exp(z)), lambda q, z, c, p: np.log1p(np.exp(z))),
    "of two": (sp.atan2(q, z), lambda q, z, c, p: np.arctan2(q, z)),
    "maximum": (sd.maximum(q, z), lambda q, z, c, p: max(q, z)),
    "a branch": (Piecewise((sp.sqrt(q), p > 0), (2, True)), lambda q, z, c, p: q**0.5),
    "a condition": (Piecewise((z, q[0, 0] > 50), (sp.exp(q), True)), lambda q, z, c, p: np.exp(q)),
    "an equality": (sd.where(sp.Eq(q, z), 0, q), lambda q, z, c, p: q),
    "a product of functions": (sp.exp(z) * sp.exp(q), lambda q, z, c, p: np.exp(z + q)),
    "a cosine": (z / sp.sqrt(q * (v.T * v)), lambda q, z, c, p: z / np.sqrt(q * (AT[v] ** 2).sum())),
    "over our own": (p / sd.exp(q), lambda q, z, c, p: p / np.exp(q)),
}  # fmt: skip


def parts(expression):
    return [symbol for symbol in AT if expression.has(symbol)]


def numbers():
    return (AT[w].T @ AT[w]).item(), (AT[w].T @ AT[v]).item(), (AT[a].T @ AT[X] @ AT[b]).item(), AT[p]


def by_differences(function, at, step=1e-6):
    """The gradient of a function of one array, by central differences."""
    found = np.empty_like(at)
    for place in np.ndindex(*at.shape):
        values = []
        for sign in (1, -1):
            moved = at.copy()
            moved[place] += sign * step
            values.append(function(moved))
        found[place] = (values[0] - values[1]) / (2 * step)
    return found


@pytest.mark.parametrize("name", SCALARS)
def test_any_function_of_a_1x1_matrix(name):
    expression, right = SCALARS[name]
    declared = parts(expression)
    module = sd.compile(sd.Model(expression, params=declared), cache=False)
    given = [AT[symbol] for symbol in declared]
    np.testing.assert_allclose(module.value(*given), right(*numbers()), rtol=1e-13)
    first = declared[0]
    slopes = by_differences(lambda moved: module.value(moved, *given[1:]), AT[first])
    np.testing.assert_allclose(getattr(module.grad(*given), first.name), slopes, rtol=1e-6, atol=1e-8)


Q, S = (AT[w] ** 2).sum(), (AT[u] ** 2).sum()
MATRICES = {
    "a root times": (sp.sqrt(q) * A, Q**0.5 * AT[A]),
    "over a root": (A / sp.sqrt(q), AT[A] / Q**0.5),
    "over the product": (A / q, AT[A] / Q),
    "a power between": (A * q**p * A, Q**1.3 * AT[A] @ AT[A]),
    "a row times": (w.T * (v.T * v) * A, (AT[v] ** 2).sum() * AT[w].T @ AT[A]),
    "other sizes": (X.T * sp.sqrt(q) * a, Q**0.5 * AT[X].T @ AT[a]),
    "a unit vector": (w / sp.sqrt(q), AT[w] / Q**0.5),
    "a projection": (A - A * w * w.T / q, AT[A] - AT[A] @ AT[w] @ AT[w].T / Q),
    "our own times": (sd.exp(q) * A, np.exp(Q) * AT[A]),
    "our own times, whole sizes": (sd.exp(s) * B, np.exp(S) * AT[B]),
    "times our own, whole sizes": (B * sd.log(s) * u, np.log(S) * AT[B] @ AT[u]),
    "over our own, whole sizes": (B / sd.exp(s), AT[B] / np.exp(S)),
    "our own of an entry": (sp.exp(s[0, 0]) * B, np.exp(S) * AT[B]),
    "beside larger ones": (sd.maximum(B, s), np.maximum(AT[B], S)),
    "an entrywise exponent": (HadamardPower(A, q), AT[A] ** Q),
    "an entry": (Matrix([[sp.exp(q), p]]), np.array([[np.exp(Q), 1.3]])),
}  # fmt: skip


@pytest.mark.parametrize("name", MATRICES)
def test_a_1x1_matrix_as_a_factor(name):
    expression, right = MATRICES[name]
    declared = parts(expression)
    module = sd.compile(sd.Model(outputs={"o": expression}, params=declared), emit="value", cache=False)
    np.testing.assert_allclose(module.o(*(AT[symbol] for symbol in declared)), right, rtol=1e-13)


@pytest.mark.parametrize(
    "expression", [sp.sqrt(q), q**p, sd.sum(A / sp.sqrt(q)), sp.Trace(Matrix([[sp.exp(q)]]))], ids=str
)
def test_the_reference_takes_them_too(expression):
    assert compare(sd.Model(expression, params=parts(expression)), against=("mpmath",)).agrees


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (sp.sqrt(A), r"write sp.HadamardPower\(X, 1/2\)"),
        (w**2, r"square matrix, not nx1: write sp.HadamardPower\(X, 2\)"),
        (A**p, r"write sp.HadamardPower\(X, p\)"),
        (sp.exp(A), r"X.applyfunc\(exp\) or sd.exp\(X\)"),
        (w * q * A, "1 columns"),
    ],
    ids=str,
)  # fmt: skip
def test_of_other_matrices_the_message_says_what_to_write(expression, message):
    with pytest.raises(SymdiffError, match=message):
        sd.compile(sd.Model(outputs={"o": expression}, params=parts(expression)), cache=False)
