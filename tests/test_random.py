"""Random models of the scalar and the matrix dialect: values and derivatives against PyTorch, and identities."""

from __future__ import annotations

import warnings

import numpy as np
import sympy as sp
import torch
from float_errors import float_errors
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from sympy import (
    And,
    DiagMatrix,
    HadamardPower,
    HadamardProduct,
    Identity,
    MatrixSymbol,
    Max,
    Min,
    OneMatrix,
    Or,
    Piecewise,
    Trace,
    cos,
    symbols,
)
from sympy.matrices.expressions.diagonal import DiagonalOf
from torch_values import Translator

import symdiff as sd
from symdiff.functions.elementwise import EntrywiseFunction, entrywise

w, b, x, y = symbols("w b x y")
n, m = symbols("n m", integer=True, positive=True)
ONE = sp.Integer(1)
SIZES = {n: 2, m: 3}
SAMPLES = 4
LEAVES = {
    (rows, columns): [MatrixSymbol(f"{letter}{rows}{columns}", rows, columns) for letter in "AB"]
    for rows in (n, m, ONE)
    for columns in (n, m, ONE)
}

bounded = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))


# Expressions


def numbers():
    return st.sampled_from([sp.Rational(p, q) for p in (-2, -1, 1, 2, 3) for q in (1, 2, 3)])


UNARY = [
    sp.sin, cos, sp.tanh, sp.Abs, sd.sigmoid, sd.softplus, sd.relu, lambda e: e**2, lambda e: e**3,
    lambda e: sp.exp(sp.tanh(e)), lambda e: sp.log(1 + e**2), lambda e: sp.sqrt(1 + e**2), lambda e: 1 / (2 + sp.sin(e)),
    lambda e: -e,
]  # fmt: skip
# Max is not evaluated: SymPy would compare its operands at length.
BINARY = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (1 + b**2), sd.maximum,
    lambda a, b: Max(a, b, evaluate=False), lambda a, b: Min(a, b, evaluate=False),
    lambda a, b: Max(a, b, a * b, evaluate=False),
]  # fmt: skip
# Conditions between cosines: SymPy (1.14) divides a condition such as x/3 < y/2 by its coefficients, again and again.
CHOICE = [
    lambda a, b, c: Piecewise((a, cos(b) < cos(c)), (c, True)),
    lambda a, b, c: Piecewise((a, And(cos(b) > cos(c), a > -1)), (b, c > 0), (c, True)),
    lambda a, b, c: Piecewise((a * b, Or(cos(b) > cos(c), a > 1)), (a - c, True)),
    lambda a, b, c: a * b + c,
]


def scalars(leaves=(w, b, x, y)):
    def deeper(inner):
        return st.one_of(
            st.builds(lambda f, a: f(a), st.sampled_from(UNARY), inner),
            st.builds(lambda f, a, b: f(a, b), st.sampled_from(BINARY), inner, inner),
            st.builds(lambda f, a, b, c: f(a, b, c), st.sampled_from(CHOICE), inner, inner, inner),
        )

    return st.recursive(st.sampled_from(leaves) | numbers(), deeper, max_leaves=7)


def objectives():
    """Scalar models: reductions of expressions over the samples, and of such reductions."""
    reduced = st.builds(lambda f, e: f(e), st.sampled_from([sd.mean, sd.sum, sd.logsumexp, sd.norm]), scalars())
    return st.one_of(
        reduced,
        st.builds(lambda a, b: a * sp.tanh(b), reduced, reduced),
        st.builds(lambda f, a, e: sd.mean((e - sp.tanh(a)) ** 2), st.just(None), reduced, scalars()),
    )


@st.composite
def matrices(draw, shape=None, depth=3):
    """A matrix expression of a shape."""
    rows, columns = shape or draw(st.tuples(st.sampled_from([n, m]), st.sampled_from([n, m, ONE])))
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(LEAVES[rows, columns]))
    same = matrices((rows, columns), depth - 1)
    match draw(st.integers(0, 13)):
        case 0:
            return draw(same) + draw(same)
        case 1 | 2 | 3:
            inner = draw(st.sampled_from([n, m, ONE]))
            return draw(matrices((rows, inner), depth - 1)) * draw(matrices((inner, columns), depth - 1))
        case 4:
            return draw(matrices((columns, rows), depth - 1)).T
        case 5:
            return HadamardProduct(draw(same), draw(same))
        case 6 | 7:
            return entrywise(draw(st.sampled_from(UNARY[:9])))(draw(same))
        case 8:
            return draw(reduced_matrices(depth - 1)) * draw(same)
        case 9:
            return (
                DiagMatrix(draw(matrices((rows, ONE), depth - 1))) * draw(same)
                if rows != 1
                else draw(numbers()) * draw(same)
            )
        case 10:
            return draw(same) + OneMatrix(rows, 1) * draw(matrices((ONE, columns), depth - 1))
        case 11:
            return sd.softmax(draw(same), axis=draw(st.sampled_from([0, 1])))
        case 12:
            return entrywise(draw(st.sampled_from(BINARY)))(draw(same), draw(same))
        case _ if rows == columns:
            return Identity(rows) * draw(numbers()) + draw(same)
        case _ if columns == 1 and rows != 1:
            square = draw(matrices((rows, rows), depth - 1))
            return draw(st.sampled_from([DiagonalOf, lambda q: sd.sum(q, axis=1), lambda q: sd.logsumexp(q, axis=1)]))(
                square
            )
        case _:
            return HadamardPower(draw(same), 2)


@st.composite
def reduced_matrices(draw, depth=2):
    """A scalar made of a matrix."""
    if draw(st.booleans()):
        return draw(st.sampled_from([sd.sum, sd.mean, sd.norm, sd.logsumexp]))(draw(matrices(depth=depth)))
    size = draw(st.sampled_from([n, m]))
    return Trace(draw(matrices((size, size), depth)))


# The two sides


def draw_values(symbols_of, seed=0):
    rng = np.random.default_rng(seed)
    shapes = {
        s: tuple(int(d.subs(SIZES)) for d in s.shape) if isinstance(s, MatrixSymbol) else (SAMPLES,) * (s in (x, y))
        for s in symbols_of
    }
    return {symbol: rng.uniform(-1.2, 1.2, shape) for symbol, shape in shapes.items()}


def symbols_of(expression, kind):
    return sorted((s for s in expression.atoms(kind) if s not in (n, m) and not isinstance(s, sp.Dummy)), key=str)


def compiled(expression, params, data=(), **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sd.compile(sd.Model(expression, params=params, data=data), cache=False, **options)


def assert_as_torch(expression, params, data=()):
    """Value, gradient and the Hessian's product with a direction."""
    values = draw_values([*params, *data])
    leaves = [torch.tensor(values[p], requires_grad=True) for p in params]
    environment = dict(zip(params, leaves, strict=True)) | {d: torch.tensor(values[d]) for d in data}
    value = Translator(environment, SIZES, SAMPLES)(expression).sum()
    assume(value.isfinite() and value.abs() < 1e4)
    value = value + 0 * sum(leaf.sum() for leaf in leaves)
    gradient = torch.autograd.grad(value, leaves, create_graph=True)
    direction = draw_values(params, seed=1)
    slope = sum((g * torch.tensor(direction[p])).sum() for g, p in zip(gradient, params, strict=True))
    product = torch.autograd.grad(slope, leaves, allow_unused=True) if slope.requires_grad else [None] * len(leaves)
    product = [torch.zeros_like(leaf) if part is None else part for part, leaf in zip(product, leaves, strict=True)]
    assume(all(part.isfinite().all() and part.abs().max() < 1e6 for part in (*gradient, *product)))
    module = compiled(expression, params, data, emit=("value_and_grad", "hvp"))
    arguments = [values[s] for s in (*params, *data)]
    with float_errors():
        mine, g = module.value_and_grad(*arguments)
        hv = module.hvp(*arguments, tuple(direction[p] for p in params))
    for ours, theirs in (([mine], [value]), (g, gradient), (hv, product)):
        scale = max(1.0, *(float(part.detach().abs().max()) for part in theirs))
        for one, other in zip(ours, theirs, strict=True):
            assert one.shape == tuple(other.shape)
            np.testing.assert_allclose(one, other.detach().numpy(), rtol=0, atol=1e-11 * scale)


@settings(bounded, max_examples=150)
@given(objectives())
def test_scalar_models_are_as_in_torch(expression):
    assert_as_torch(expression, [w, b], [x, y])


@settings(bounded, max_examples=150)
@given(reduced_matrices(depth=3))
def test_matrix_models_are_as_in_torch(expression):
    params = symbols_of(expression, MatrixSymbol)
    assume(params)
    assert_as_torch(expression, params)


# Identities


@settings(bounded, max_examples=60)
@given(matrices())
def test_products_with_a_jacobian_agree(expression):
    params = symbols_of(expression, MatrixSymbol)
    values, v = draw_values(params), draw_values(params, seed=1)
    arguments = [values[p] for p in params]
    module = sd.compile(
        sd.Model(outputs={"out": expression}, params=params), emit=("value", "jacobian", "jvp", "vjp"), cache=False
    )
    taken = [p for p in params if p.name in module.SIGNATURE["functions"]["out"]]
    if taken != params:
        params, arguments = taken, [values[p] for p in taken]
    direction = tuple(v[p] for p in params)
    Jv = module.out_jvp(*arguments, direction)
    u = np.random.default_rng(2).uniform(-1, 1, Jv.shape)
    uJ = module.out_vjp(*arguments, u)
    J = module.out_jacobian(*arguments)
    scale = max(1.0, *(np.abs(part).max() for part in (*J, *uJ)))
    np.testing.assert_allclose(
        np.sum(u * Jv), sum(np.sum(a * b) for a, b in zip(uJ, direction, strict=True)), atol=1e-11 * scale
    )
    np.testing.assert_allclose(
        sum(np.tensordot(j, d, d.ndim) for j, d in zip(J, direction, strict=True)), Jv, atol=1e-11 * scale
    )
    for mine, block in zip(uJ, J, strict=True):
        np.testing.assert_allclose(np.tensordot(u, block, u.ndim), mine, atol=1e-11 * scale)


@settings(bounded, max_examples=60)
@given(reduced_matrices(depth=2))
def test_hessians_are_symmetric_and_give_their_products(expression):
    params = symbols_of(expression, MatrixSymbol)
    assume(params)
    values, v = draw_values(params), draw_values(params, seed=1)
    arguments = [values[p] for p in params]
    module = compiled(expression, params, emit=("grad", "hessian", "hvp"))
    blocks = module.hessian(*arguments)
    H = np.block(
        [[blocks[i][j].reshape(p.size, q.size) for j, q in enumerate(arguments)] for i, p in enumerate(arguments)]
    )
    scale = max(1.0, np.abs(H).max())
    np.testing.assert_allclose(H, H.T, rtol=0, atol=1e-12 * scale)
    product = module.pack(module.hvp(*arguments, tuple(v[p] for p in params)))
    np.testing.assert_allclose(H @ module.pack([v[p] for p in params]), product, rtol=0, atol=1e-11 * scale)


@settings(bounded, max_examples=40)
@given(objectives(), objectives())
def test_the_gradient_of_a_sum_is_the_sum_of_gradients(one, other):
    values = draw_values([w, b, x, y])
    arguments = [values[s] for s in (w, b, x, y)]
    g, h, both = (
        np.array(compiled(e, [w, b], [x, y], emit="grad").grad(*arguments)) for e in (one, other, one + other)
    )
    np.testing.assert_allclose(g + h, both, rtol=1e-11, atol=1e-11 * max(1, np.abs(g).max(), np.abs(h).max()))


@settings(bounded, max_examples=60)
@given(scalars(), st.sampled_from(["sum", "mean", "logsumexp", "max", "norm"]))
def test_both_dialects_say_the_same(expression, reduction):
    """Samples as scalar data, and as the rows of columns."""
    used = {symbol for part in sp.preorder_traversal(expression) for symbol in (x, y) if part == symbol}
    assume(used == {x, y})
    columns = MatrixSymbol("X", n, 1), MatrixSymbol("Y", n, 1)
    reduce = getattr(sd, reduction)
    entries = EntrywiseFunction(sp.Lambda((x, y), expression), *columns)
    by_scalars = compiled(reduce(expression), [w, b], [x, y], emit=("value_and_grad", "hvp"))
    by_columns = compiled(reduce(entries), [w, b], columns, emit=("value_and_grad", "hvp"))
    values = draw_values([w, b, x, y])
    scalar_arguments = [values[s] for s in (w, b, x, y)]
    column_arguments = [values[w], values[b], values[x][:, None], values[y][:, None]]
    one, other = by_scalars.value_and_grad(*scalar_arguments), by_columns.value_and_grad(*column_arguments)
    np.testing.assert_allclose([one[0], *one[1]], [other[0], *other[1]], rtol=1e-11, atol=1e-11)
    v = (0.3, -0.7)
    products = by_scalars.hvp(*scalar_arguments, v), by_columns.hvp(*column_arguments, v)
    np.testing.assert_allclose(*products, rtol=1e-9, atol=1e-10)
