"""The reference interpreter against NumPy, SciPy and closed forms; its derivatives against SymPy's."""

from __future__ import annotations

from types import SimpleNamespace

import mpmath
import numpy as np
import pytest
import scipy.special as special
import sympy as sp
from sympy.codegen import cfunctions
from sympy.utilities.lambdify import implemented_function

import symdiff as sd
from symdiff import reference

x, y, z, w, b, n = sp.symbols("x y z w b n", real=True)
size = sp.Symbol("size", integer=True, positive=True)
X, Y = sp.MatrixSymbol("X", 3, 3), sp.MatrixSymbol("Y", 3, 3)
R, v = sp.MatrixSymbol("R", size, 3), sp.MatrixSymbol("v", 3, 1)
random = np.random.default_rng(7)
SAMPLES = {x: random.uniform(0.2, 0.9, 6), y: random.uniform(1.2, 2.5, 6), z: random.normal(size=6)}
MATRICES = {X: random.normal(size=(3, 3)), Y: random.normal(size=(3, 3)), R: random.normal(size=(5, 3))}
MATRICES[v] = random.normal(size=(3, 1))
A, B, C, c = (MATRICES[symbol] for symbol in (X, Y, R, v))
s, t, r = (SAMPLES[symbol] for symbol in (x, y, z))


def value(expression, values, **options):
    return reference.evaluate(expression, values, **{"digits": 30, **options}).astype(float)


def close(actual, expected, rtol=1e-13):
    expected = np.asarray(expected, dtype=float)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(
        actual.astype(float), expected, rtol=rtol, atol=rtol * np.max(np.abs(expected), initial=0)
    )


SCALAR = {  # expression -> NumPy's or SciPy's value at x in (0, 1), y > 1, z of either sign
    "polynomial": (3 * x**2 - x * y / 7 + sp.pi, 3 * s**2 - s * t / 7 + np.pi),
    "float": (sp.Float("0.1") * x, 0.1 * s),
    "negative power": (z**-3, r**-3.0),
    "sqrt": (sp.sqrt(y), np.sqrt(t)),
    "sqrt of negatives": (sp.sqrt(-y), np.full(6, np.nan)),
    "log of negatives": (sp.log(-y), np.full(6, np.nan)),
    "imaginary": (sp.sqrt(-2) * y, np.full(6, np.nan)),
    "cube root": ((-y) ** sp.Rational(1, 3), np.full(6, np.nan)),
    "real root": (sp.real_root(z, 3), np.cbrt(r)),
    "symbolic power": (y**z, t**r),
    "trigonometric": (sp.sin(z) + sp.cos(z) * sp.tan(x) - sp.cot(x) + sp.sec(x) + sp.csc(x),
                      np.sin(r) + np.cos(r) * np.tan(s) - 1 / np.tan(s) + 1 / np.cos(s) + 1 / np.sin(s)),
    "inverse trigonometric": (sp.asin(x) - sp.acos(x) + sp.atan(z) + sp.asec(y) + sp.acsc(y),
                              np.arcsin(s) - np.arccos(s) + np.arctan(r) + np.arccos(1 / t) + np.arcsin(1 / t)),
    "atan2": (sp.atan2(z, x - sp.Rational(1, 2)), np.arctan2(r, s - 0.5)),
    "hyperbolic": (sp.sinh(z) + sp.cosh(z) + sp.tanh(z) + sp.sech(z),
                   np.sinh(r) + np.cosh(r) + np.tanh(r) + 1 / np.cosh(r)),
    "inverse hyperbolic": (sp.asinh(z) + sp.acosh(y) + sp.atanh(x), np.arcsinh(r) + np.arccosh(t) + np.arctanh(s)),
    "exp log": (sp.exp(-x) * sp.log(y), np.exp(-s) * np.log(t)),
    "log1p expm1": (cfunctions.log1p(x) + cfunctions.expm1(x), np.log1p(s) + np.expm1(s)),
    "log2 log10 exp2 hypot": (cfunctions.log2(y) + cfunctions.log10(y) + cfunctions.exp2(z) + cfunctions.hypot(x, y),
                              np.log2(t) + np.log10(t) + np.exp2(r) + np.hypot(s, t)),
    "sinc": (sp.sinc(z), np.sinc(r / np.pi)),
    "erf": (sp.erf(z) + sp.erfc(z), np.ones(6)),
    "erfinv": (sp.erfinv(x) + sp.erfcinv(x), special.erfinv(s) + special.erfcinv(s)),
    "erfi erf2": (sp.erfi(z) + sp.erf2(x, z), special.erfi(r) + special.erf(r) - special.erf(s)),
    "gamma": (sp.gamma(z) + sp.loggamma(y), special.gamma(r) + special.gammaln(t)),
    "digamma": (sp.digamma(y) + sp.trigamma(y) + sp.polygamma(2, y), sum(special.polygamma(k, t) for k in range(3))),
    "incomplete gamma": (sp.lowergamma(x, y) + sp.uppergamma(x, y), special.gamma(s)),
    "beta": (sp.beta(x, y), special.beta(s, t)),
    "factorial binomial": (sp.factorial(y) + sp.binomial(y, x), special.gamma(t + 1) + special.binom(t, s)),
    "harmonic": (sp.harmonic(y), special.digamma(t + 1) + np.euler_gamma),
    "zeta": (sp.zeta(y), special.zeta(t)),
    "polylog": (sp.polylog(2, x), special.spence(1 - s)),
    "bessel": (sp.besselj(0, y) + sp.bessely(1, y) + sp.besseli(2, y) + sp.besselk(2, y),
               special.jv(0, t) + special.yv(1, t) + special.iv(2, t) + special.kv(2, t)),
    "bessel of negatives": (sp.besselj(1, -y), special.jv(1, -t)),
    "spherical bessel": (sp.jn(1, z) + sp.yn(2, y),
                         np.sign(r) * special.spherical_jn(1, abs(r)) + special.spherical_yn(2, t)),
    "airy": (sp.airyai(z) + sp.airybi(z) + sp.airyaiprime(z) + sp.airybiprime(z), sum(special.airy(r))),
    "elliptic": (sp.elliptic_k(x) + sp.elliptic_e(x) + sp.elliptic_f(z, x),
                 special.ellipk(s) + special.ellipe(s) + special.ellipkinc(r, s)),
    "exponential integrals": (sp.Ei(z) + sp.expint(1, y) + sp.expint(3, y),
                              special.expi(r) + special.exp1(t) + special.expn(3, t)),
    "si ci": (sp.Si(z) + sp.Ci(y) + sp.Shi(z) + sp.Chi(y),
              special.sici(r)[0] + special.sici(t)[1] + special.shichi(r)[0] + special.shichi(t)[1]),
    "fresnel": (sp.fresnels(z) + sp.fresnelc(z), sum(special.fresnel(r))),
    "lambert": (sp.LambertW(y) + sp.LambertW(-x / 3, -1), (special.lambertw(t) + special.lambertw(-s / 3, -1)).real),
    "polynomials": (sp.legendre(n, z) + sp.chebyshevt(n, z) + sp.chebyshevu(n, z),
                    special.eval_legendre(3, r) + special.eval_chebyt(3, r) + special.eval_chebyu(3, r)),
    "more polynomials": (sp.hermite(n, z) + sp.laguerre(n, z),
                         special.eval_hermite(3, r) + special.eval_laguerre(3, r)),
    "hyper": (sp.hyper([x, y], [3], z / 9), special.hyp2f1(s, t, 3, r / 9)),
    "abs sign": (sp.Abs(z) * sp.sign(z), r),
    "floor ceiling": (sp.floor(z) + 2 * sp.ceiling(z) + sp.frac(z), np.floor(r) + 2 * np.ceil(r) + r - np.floor(r)),
    "mod": (sp.Mod(z, x), np.mod(r, s)),
    "heaviside": (sp.Heaviside(z) + sp.Heaviside(x - x**1, sp.Rational(1, 3)), np.heaviside(r, 0.5) + 1 / 3),
    "max min": (sp.Max(x, z, 0) - sp.Min(y, z), np.maximum(np.maximum(s, r), 0) - np.minimum(t, r)),
    "real and imaginary parts": (sp.re(n * z) + sp.im(y) + sp.conjugate(z), 4 * r),
    "delta": (sp.KroneckerDelta(n, 3) * x, s),
    "relu": (sd.relu(z), np.maximum(r, 0)),
    "sigmoid": (sd.sigmoid(1000 * z) + sd.sigmoid(z), special.expit(1000 * r) + special.expit(r)),
    "softplus": (sd.softplus(z) + sd.softplus(1000 * z), np.logaddexp(0, r) + np.logaddexp(0, 1000 * r)),
    "gelu": (sd.gelu(z), r * special.ndtr(r)),
    "maximum minimum": (sd.maximum(x, z) + sd.minimum(y, z), np.maximum(s, r) + np.minimum(t, r)),
    "clip": (sd.clip(z, -0.5, 0.5) + sd.clip(z, 1, -1), np.clip(r, -0.5, 0.5) - 1),
    "where": (sd.where(z > 0, x, y), np.where(r > 0, s, t)),
    "equal": (sd.equal(n, 3) + sd.equal(x, y), np.ones(6)),
    "stop_gradient": (sd.stop_gradient(x) * x, s * s),
    "logic": (sd.where(sp.And(z > -1, sp.Or(z < 0, sp.Not(x < y))) ^ (y > 2), 1, 0),
              ((r > -1) & ((r < 0) | ~(s < t))) ^ (t > 2)),
    "if then else": (sd.where(sp.ITE(z > 0, x > 0.5, y > 2), 1, 0), np.where(r > 0, s > 0.5, t > 2)),
}  # fmt: skip


@pytest.mark.parametrize("context", [mpmath.mp, mpmath.fp], ids=["mp", "fp"])
@pytest.mark.parametrize("name", SCALAR)
def test_scalar_functions(name, context):
    expression, expected = SCALAR[name]
    close(value(expression, {**SAMPLES, n: 3}, context=context), np.broadcast_to(expected, 6), rtol=3e-11)


def test_high_precision():
    with mpmath.workdps(60):
        actual = reference.evaluate(sp.exp(x) / 3, {x: 1}).item()
        assert abs(actual - mpmath.e / 3) < mpmath.mpf(10) ** -59


EDGES = [  # at x = the number
    (1 / x, 0, np.inf),
    (x**0.5, 0, 0),
    (x**-0.5, 0, np.inf),
    (sp.log(x), 0, -np.inf),
    (sp.exp(x), 1e4, np.inf),
    (sp.exp(sp.exp(sp.exp(x))), 10, np.inf),
    (x - sp.exp(x), np.inf, np.nan),
    (sp.sin(x), np.nan, np.nan),
    (sd.relu(x), np.nan, np.nan),
    (sd.maximum(x, 1), np.nan, np.nan),
    (sp.Piecewise((1, x > 0)), -1, np.nan),
    (sp.Piecewise((1, x > 0), (2, True)), np.nan, 2),
    (sp.Piecewise((sp.log(x), x > 0), (0, True)), -1, 0),
    (sd.where(sp.Ne(x, 0), sp.sin(x) / x, 1), 0, 1),
    (sd.where(sp.Eq(x, y), 1, 0), np.nan, 0),
    (sp.gamma(x), 0, np.nan),
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("context", [mpmath.mp, mpmath.fp], ids=["mp", "fp"])
@pytest.mark.parametrize(("expression", "at", "expected"), EDGES, ids=str)
def test_edges(expression, at, expected, context):
    actual = reference.evaluate(expression, {x: at, y: at}, context=context, digits=30)
    np.testing.assert_equal(actual.astype(float), float(expected))


def test_untaken_branches_are_not_evaluated():
    unknown = sp.Function("unknown")
    assert value(sp.Piecewise((unknown(x), x < 0), (x, True)), {x: 2.0}) == 2
    assert value(sd.where(x < 0, sd.sum(w), 1), {x: 2.0, w: 1}) == 1
    with pytest.raises(reference.NoReferenceError, match="unknown"):
        value(unknown(x), {x: 2.0})


def test_branches_are_taken_sample_by_sample():
    e = sp.Piecewise((sp.log(z), z > 0), (sp.sqrt(-z), z > -1), (0, True))
    with np.errstate(invalid="ignore"):
        close(value(e, SAMPLES), np.where(r > 0, np.log(r), np.where(r > -1, np.sqrt(-r), 0)))


def test_a_users_function_is_evaluated_by_sympy():
    class Cube(sp.Function):
        def _eval_evalf(self, prec):
            return (self.args[0] ** 3)._eval_evalf(prec)

    implemented = implemented_function("f", lambda a: a * a)
    close(value(Cube(x) + implemented(x), SAMPLES), s**3 + s**2)
    close(reference.directional(Cube(x), {x: 2}, {x: 1}), 12)


N = 6
REDUCTIONS = [  # of per-sample x, and of a constant w = 1.7 that each sample has
    (sd.sum, s.sum(), N * 1.7),
    (sd.mean, s.mean(), 1.7),
    (sd.max, s.max(), 1.7),
    (sd.min, s.min(), 1.7),
    (sd.prod, s.prod(), 1.7**N),
    (sd.norm, np.linalg.norm(s), np.sqrt(N) * 1.7),
    (sd.logsumexp, special.logsumexp(s), 1.7 + np.log(N)),
]


@pytest.mark.parametrize("context", [mpmath.mp, mpmath.fp], ids=["mp", "fp"])
@pytest.mark.parametrize(("reduce", "of_data", "of_constant"), REDUCTIONS, ids=lambda f: getattr(f, "__name__", ""))
def test_reductions_over_samples(reduce, of_data, of_constant, context):
    values = {x: s, w: 1.7}
    close(value(reduce(x), values, context=context), of_data)
    close(value(reduce(w), values, context=context), of_constant)
    close(value(reduce(w), {w: 1.7}, samples=N, context=context), of_constant)
    close(value(reduce(w + 0 * y), {w: 1.7, y: s}, context=context), of_constant)


def test_reductions_need_the_number_of_samples():
    with pytest.raises(ValueError, match="samples"):
        value(sd.sum(w), {w: 1})
    with pytest.raises(ValueError, match="numbers of samples"):
        value(sd.sum(x * y), {x: [1, 2], y: [1, 2, 3]})


def test_truth_values_as_data():
    mask = np.array([True, False, True])
    close(value(sd.where(x, y, 0), {x: mask, y: [1.0, 2.0, 3.0]}), [1, 0, 3])
    close(value(sd.sum(x), {x: mask}), 2)
    close(value(sd.sum(y > 1), {y: [1.0, 2.0, 3.0]}), 2)


def test_losses():
    close(value(sd.mse(x, y), SAMPLES), ((s - t) ** 2).mean())
    huber = np.where(abs(s - t) <= 1, (s - t) ** 2 / 2, abs(s - t) - 0.5)
    close(value(sd.huber(x, y), SAMPLES), huber.mean())
    close(value(sd.binary_cross_entropy(x, y), SAMPLES), -(t * np.log(s) + (1 - t) * np.log1p(-s)).mean())


def softmax(a, axis):
    return special.softmax(a, axis=axis)


S = X * X.T + 3 * sp.Identity(3)
S_ = A @ A.T + 3 * np.eye(3)
MATRIX = {
    "sum": (X + 2 * Y - X.T, A + 2 * B - A.T),
    "product": (w * R * X * v, 1.5 * C @ A @ c),
    "scalar from 1x1": (sp.sqrt((v.T * v)[0, 0]) + sp.Trace(X), np.linalg.norm(c) + np.trace(A)),
    "hadamard": (sp.hadamard_product(X, Y), A * B),
    "hadamard power": (sp.HadamardPower(X, 2) + sp.HadamardPower(Y, -1), A**2 + 1 / B),
    "applyfunc": (X.applyfunc(lambda e: sp.tanh(w * e)), np.tanh(1.5 * A)),
    "nested applyfunc": (X.applyfunc(sp.sin).applyfunc(sp.exp), np.exp(np.sin(A))),
    "own function": (sd.sigmoid(X), special.expit(A)),
    "of several": (sd.maximum(X, Y) + sd.where(X.applyfunc(lambda e: e), Y, w * sp.OneMatrix(3, 3)),
                   np.maximum(A, B) + B),
    "clip": (sd.clip(X, -w, w), np.clip(A, -1.5, 1.5)),
    "identity": (sp.Identity(3) + sp.ZeroMatrix(3, 3) - sp.OneMatrix(3, 3), np.eye(3) - 1),
    "sized identity": (sp.Identity(size) * R, C),
    "size as number": (R.T * R / size, C.T @ C / 5),
    "diagonals": (sp.DiagMatrix(v) + sp.DiagonalMatrix(X), np.diag(c[:, 0]) + np.diag(np.diag(A))),
    "diagonal of": (sp.DiagonalOf(X), np.diag(A)[:, None]),
    "power": (X**3, A @ A @ A),
    "inverse": (X.I * v, np.linalg.solve(A, c)),
    "negative power": (sp.MatPow(X, -2), np.linalg.inv(A @ A)),
    "determinant": (sp.Determinant(X), np.linalg.det(A)),
    "log determinant": (sp.log(sp.Determinant(S)), np.linalg.slogdet(S_)[1]),
    "element": (X[1, 2] * R[size - 1, 0], A[1, 2] * C[4, 0]),
    "slice": (R[1:, ::2], C[1:, ::2]),
    "end of slice": (R[-2:, 0], C[-2:, :1]),
    "blocks": (sp.BlockMatrix([[X, Y], [Y, X]]), np.block([[A, B], [B, A]])),
    "kronecker": (sp.KroneckerProduct(X, v), np.kron(A, c)),
    "explicit": (sp.Matrix([[w, 2], [X[0, 0], (v.T * v)[0, 0]]]), [[1.5, 2], [A[0, 0], (c.T @ c).item()]]),
    "explicit times symbolic": (sp.Matrix([[w, 1, 0]]) * X, np.array([[1.5, 1, 0]]) @ A),
    "reductions": (sd.sum(R) + sd.mean(X) + sd.max(X) * sd.min(X) + sd.prod(v),
                   C.sum() + A.mean() + A.max() * A.min() + c.prod()),
    "norm logsumexp": (sd.norm(R) + sd.logsumexp(X), np.linalg.norm(C) + special.logsumexp(A)),
    "1x1 is reduced over its own axes": (sd.sum(v.T * v), (c.T @ c).item()),
    "sum of rows": (sd.sum(R, axis=0), C.sum(axis=0, keepdims=True)),
    "max of columns": (sd.max(R, axis=1), C.max(axis=1, keepdims=True)),
    "keepdims": (sd.norm(R, keepdims=True), np.linalg.norm(C).reshape(1, 1)),
    "softmax": (sd.softmax(R), softmax(C, 1)),
    "log_softmax": (sd.log_softmax(R, axis=0), np.log(softmax(C, 0))),
    "mse": (sd.mse(X, Y), ((A - B) ** 2).mean()),
}  # fmt: skip


@pytest.mark.parametrize("context", [mpmath.mp, mpmath.fp], ids=["mp", "fp"])
@pytest.mark.parametrize("name", MATRIX)
def test_matrices(name, context):
    expression, expected = MATRIX[name]
    close(value(expression, {**MATRICES, w: 1.5}, context=context), expected, rtol=1e-12)


def test_explicit_matrices_of_samples():
    m = sp.Matrix([[x, 1], [w, y]])
    stacked = np.array([[[a, 1], [1.5, d]] for a, d in zip(s, t, strict=True)])
    values = {**SAMPLES, w: 1.5}
    close(value(m, values), stacked)
    close(value(sp.Determinant(m), values), np.linalg.det(stacked))
    close(value(sd.sum(m), values), stacked.sum(axis=(1, 2)))
    close(value(sp.Trace(sp.MatMul(m, m.T)), values), np.einsum("nij,nij->n", stacked, stacked))
    close(value(sp.ImmutableMatrix([[2, 3]]).applyfunc(lambda e: e * x), values), s[:, None, None] * [[2, 3]])


REFUSED = [
    (X, {X: np.ones((2, 3))}, "size 2"),
    (R + 0 * R, {R: np.ones(3)}, "size 1"),
    (x, {x: np.ones((2, 2))}, "scalar"),
    (R.T * sp.MatrixSymbol("Q", size, 1), {R: np.ones((2, 3)), sp.MatrixSymbol("Q", size, 1): np.ones(3)}, "size is 2"),
    (R[n, 0], {R: np.ones((2, 3)), n: 2}, "entry"),
    (x + w, {x: 1}, "no value was given for w"),
    (sp.Integral(sp.sin(x * y), (x, 0, y)), {y: 1}, "Integral"),
]


@pytest.mark.parametrize(("expression", "values", "message"), REFUSED, ids=lambda p: p if isinstance(p, str) else "")
def test_refused(expression, values, message):
    with pytest.raises((ValueError, KeyError, IndexError, reference.NoReferenceError), match=message):
        value(expression, values)


# --- derivatives ---

SMOOTH = (
    "polynomial, symbolic power, trigonometric, inverse trigonometric, atan2, hyperbolic, inverse hyperbolic, exp log, "
    "sinc, erfinv, gamma, digamma, beta, bessel, airy, lambert, elliptic, exponential integrals, si ci, abs sign, "
    "max min, relu, sigmoid, softplus, gelu, maximum minimum, clip, logic"
)


@pytest.mark.parametrize("name", SMOOTH.split(", "))
def test_derivatives_are_sympys(name):
    """To 30 digits at high precision; within the stated error in double precision."""
    expression, values = SCALAR[name][0], {x: 0.4, y: 1.75, z: -0.3}
    for symbol in (x, y, z):
        derivative = sp.diff(expression, symbol).subs(sp.DiracDelta(z), 0)
        exact = reference.evaluate(derivative, values, digits=60).item()
        actual = reference.directional(expression, values, {symbol: 1}).item()
        assert abs(actual - exact) <= mpmath.mpf(10) ** -30 * abs(exact)
        estimate, error = reference.finite_difference(expression, values, {symbol: 1})
        assert abs(estimate - exact) <= error <= 1e-8 * (1 + abs(exact))


def test_gradient_and_hessian_of_a_model():
    loss = sd.mean((w * sp.tanh(b * x) - y) ** 2)
    values = {x: s, y: t, w: 0.7, b: 1.3}
    slope, residual = 1 - np.tanh(1.3 * s) ** 2, 0.7 * np.tanh(1.3 * s) - t
    close(reference.gradient(loss, values, w), (2 * residual * np.tanh(1.3 * s)).mean())
    close(reference.gradient(loss, values, b), (2 * residual * 0.7 * slope * s).mean())
    close(reference.gradient(loss, values, y), -2 * residual / N)
    close(reference.gradient(loss, values, y, [(2,), 0]), -2 * residual[[2, 0]] / N)
    mixed = (2 * slope * s * (0.7 * np.tanh(1.3 * s) + residual)).mean()
    close(reference.second(loss, values, {w: 1}, {b: 1}), mixed)
    close(reference.gradient(loss, values, b, directions={w: 1}), mixed)
    close(reference.second(loss, values, {w: 1}, {b: 1}, context=mpmath.fp), mixed, rtol=1e-9)
    estimate, error = reference.finite_difference(loss, values, {w: 1}, {b: 1})
    assert abs(estimate - mixed) <= error <= 1e-8


def test_gradient_of_a_matrix_model():
    e = sp.log(sp.Determinant(S)) + sd.sum(sd.softmax(X * Y)[:, 0])
    close(
        reference.gradient(sp.log(sp.Determinant(S)), MATRICES, X),
        2 * np.linalg.solve(S_, A),
        rtol=1e-12,
    )
    fast = reference.gradient(e, MATRICES, Y, context=mpmath.fp)
    close(fast, reference.gradient(e, MATRICES, Y), rtol=1e-10)
    close(reference.gradient(X * v, MATRICES, v).reshape(3, 3), A)
    close(reference.gradient(v.T * X * v, MATRICES, X, [(0, 1), (2, 2)]).ravel(), [c[0, 0] * c[1, 0], c[2, 0] ** 2])


KINKS = [  # the rules of meaning at x = 0
    (sd.relu(x), 0),
    (sp.Abs(x), 0),
    (sp.sign(x), 0),
    (sp.Heaviside(x), 0),
    (sp.floor(x), 0),
    (sd.maximum(x, 0), 0.5),
    (sp.Max(x, 2 * x, 3 * x), 2),
    (sd.clip(x, 0, 1), 1),
    (sd.clip(x, -1, 0), 1),
    (sd.norm(x + 0 * y), 0),
    (sd.max(sp.Matrix([[x, 5 * x]])), 3),
    (sp.Piecewise((2 * x, x >= 0), (7 * x, True)), 2),
    (sd.where(x > 0, sp.sqrt(x), 3 * x), 3),
    (sd.stop_gradient(sp.exp(x)) * x, 1),
    (sd.stop_gradient(x), 0),
    (sd.equal(x, 0) * x, 1),
]


@pytest.mark.parametrize("context", [mpmath.mp, mpmath.fp], ids=["mp", "fp"])
@pytest.mark.parametrize(("expression", "slope"), KINKS, ids=str)
def test_kinks(expression, slope, context):
    actual = reference.directional(expression, {x: 0.0, y: np.ones(1)}, {x: 1}, context=context)
    close(actual.reshape(()), slope)


def test_stop_gradient_is_frozen_in_second_derivatives():
    e = sd.stop_gradient(x**2) * x**2 + sd.relu(x) ** 2
    close(reference.second(e, {x: 3}, {x: 1}, {x: 1}), 18 + 2)
    close(reference.directional(sd.sum(sd.stop_gradient(X) * X * v), MATRICES, {X: np.eye(3)}), (A @ c).sum())


HARD = [  # expression of x, point, derivative: where plain differences lose digits
    (sp.exp(30 * x), 1.0, 30 * np.exp(30)),
    (sp.sin(100 * x), 0.3, 100 * np.cos(100 * 0.3)),
    (sp.log(x), 1e-8, 1e8),
    (sp.sqrt(x), 1e-6, 500),
    (1e8 + x**2, 1.0, 2),
    (sp.Abs(x - 1), 1 + 1e-9, 1),
    (x**3, 0.0, 0),
    (sp.Ei(x), -1.0, -np.exp(-1)),
    (sp.besselk(2, x), 3.0, -(special.kv(1, 3) + special.kv(3, 3)) / 2),
    (x, 2.0, 1),
]


@pytest.mark.parametrize(("expression", "at", "expected"), HARD, ids=str)
def test_stated_errors_hold(expression, at, expected):
    estimate, error = reference.finite_difference(expression, {x: at}, {x: 1})
    assert abs(estimate - expected) <= error + 4e-16 * abs(expected)
    assert error <= 1e-5 * max(1, abs(expected))
    exact = reference.directional(expression, {x: at}, {x: 1}).item()
    assert abs(exact - expected) <= 1e-14 * abs(expected) + 1e-60


def test_tiny_and_huge_inputs_keep_their_digits():
    for scale in (6.6e-34, 1e20):
        exact = 1 / mpmath.mpf(scale)
        actual = reference.directional(sp.log(x) + y, {x: scale, y: 1e6}, {x: 1}).item()
        with mpmath.workdps(60):
            assert abs(actual - 1 / mpmath.mpf(scale)) < mpmath.mpf(10) ** -25 * exact


@pytest.mark.parametrize("context", [mpmath.mp, mpmath.fp], ids=["mp", "fp"])
def test_two_thousand_levels(context):
    a, d, e = sp.symbols("a d e")  # without assumptions, which SymPy asks for recursively
    start, expected, slope = e, 0.4, 1.0
    for _ in range(2000):
        e = sp.tanh(e * a + d)
    for _ in range(2000):
        expected = np.tanh(expected * 0.99 + 1e-3)
        slope *= 0.99 * (1 - expected**2)
    values = {a: [0.99, 0.5], d: 1e-3, start: 0.4}
    close(value(e, values, context=context)[:1], [expected], rtol=1e-12)
    close(reference.directional(e, values, {start: 1}, context=context, digits=15)[:1], [slope], rtol=1e-8)


def test_shared_sub_expressions_are_evaluated_once():
    start = e = sp.Symbol("e")
    for _ in range(100):  # 2**100 paths
        e = sp.sin(e) * sp.cos(e)
    assert 0 < value(e, {start: 0.3}) < 0.3
    assert 0 < reference.gradient(e, {start: 0.3}, start).item() < 1


def test_condition_scale():
    close(reference.condition_scale(x - y, {x: 1e8, y: 1e8}), np.sqrt(4) * 1e8, rtol=1)
    close(reference.condition_scale(sd.sum(x), {x: s}), s.sum(), rtol=1e-12)
    cancelling = reference.condition_scale((x + 1) ** 2 - 1, {x: 1e-9})
    assert 0.5 <= cancelling <= 10  # 1 cancels, which the input alone does not show
    well = reference.condition_scale(sp.exp(x), {x: 1e-3})
    close(well, 1, rtol=1)
    assert reference.condition_scale(X * v, MATRICES, v).shape == (3, 1, 3, 1)
    assert reference.condition_scale(X * v, MATRICES, directions={v: c}).shape == (3, 1)
    steep = reference.condition_scale(sp.sin(1e6 * x), {x: 1.0}, x)
    assert 1e11 <= steep <= 1e13  # the second derivative, 1e12
    np.testing.assert_equal(steep, reference.condition_scale(sp.sin(1e6 * x), {x: 1.0}, x))


def test_rounding_errors_are_within_the_condition_scale():
    e = sd.mean((w * sp.exp(-b * x) + z * sp.log(y) - 1) ** 2) * sp.sin(40 * w)
    values = {**SAMPLES, w: 0.7, b: 1.3}
    computed = (((0.7 * np.exp(-1.3 * s) + r * np.log(t) - 1) ** 2).mean()) * np.sin(40 * 0.7)
    exact = value(e, values)
    assert abs(computed - exact) <= 16 * np.finfo(float).eps * reference.condition_scale(e, values)


def test_count_samples():
    def model(data, params, samples=None):
        return SimpleNamespace(data=data, params=params, samples=samples)

    assert reference.count_samples(model([x], [w]), {x: s, w: 1}) == N
    assert reference.count_samples(model([R], [v]), MATRICES) == 5
    assert reference.count_samples(model([X], [v]), MATRICES) is None
    assert reference.count_samples(model([R], [v], size), MATRICES) == 5
