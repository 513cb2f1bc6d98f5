"""X^T diag(v) X of v >= 0 becomes a product of one matrix with itself, and the results stay the same."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from float_errors import float_errors
from node_values import NUMPY, evaluate

import symdiff as sd
from symdiff.graph.build import contract, pointwise
from symdiff.graph.leaves import parameter
from symdiff.graph.node import Node, topological
from symdiff.graph.size import Size
from symdiff.passes.algebra.squares import squares

n, d, k = (Size.named(name) for name in "ndk")
SIZES = {"n": 5, "d": 3, "k": 2}
ALL = {0: n, 1: d, 2: d}
X, Y = parameter("X", (n, d)), parameter("Y", (n, d))
u, v = parameter("u", (n,)), parameter("v", (d,))


def scaled(weights: Node, x: Node = X) -> Node:
    return contract([weights, x], [(0,), (0, 1)], (0, 1), ALL)


def gram(one: Node, other: Node, out: tuple[int, ...] = (1, 2)) -> Node:
    return contract([one, other], [(0, 1), (0, 2)], out, ALL)


def f(op: str, *operands: Node) -> Node:
    return pointwise(op, *operands)


SIGN = f("lt", u, u * 0.5)
POSITIVE = {
    "an exponential": f("exp", u),
    "a square": u * u,
    "an even power": u**4.0,
    "a quotient": f("exp", u) / (1.0 + f("abs", u)),
    "a choice": f("select", SIGN, f("exp", u), f("abs", u)),
    "a product": f("exp", u) * f("sqrt", f("abs", u)),
}
OTHERS = {
    "a weight of either sign": gram(scaled(u), X),
    "a negative one": gram(scaled(-f("exp", u) * u), X),
    "a choice with a negative branch": gram(scaled(f("select", SIGN, f("exp", u), u)), X),
    "two matrices": gram(scaled(f("exp", u)), Y),
    "scaled along the axis that stays": gram(contract([f("exp", v), X], [(1,), (0, 1)], (0, 1), ALL), X),
}  # fmt: skip


def values(roots: list[Node]) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    inputs = {node: rng.standard_normal([SIZES[str(dim)] for dim in node.shape]) for node in (X, Y, u, v)}
    return evaluate(roots, inputs, SIZES, NUMPY)


def same(roots: list[Node], changed: list[Node]) -> None:
    for before, after in zip(values(roots), values(changed), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-12)


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize("out", [(1, 2), (2, 1)])
@pytest.mark.parametrize("first", [True, False])
def test_a_weighted_square_is_a_square(name, out, first):
    weighted = scaled(POSITIVE[name])
    root = gram(weighted, X, out) if first else gram(X, weighted, out)
    (found,) = squares([root])
    product = next(node for node in topological([found]) if node.op == "contract" and len(node.args) == 2 and node.ndim == 2
                   and node.shape == (d, d))  # fmt: skip
    assert product.args[0] is product.args[1]
    same([root], [found])


@pytest.mark.parametrize("name", OTHERS)
def test_what_may_be_negative_or_is_no_square_stays(name):
    assert squares([OTHERS[name]]) == [OTHERS[name]]


def test_a_scaled_matrix_that_is_needed_itself_stays():
    weighted = scaled(f("exp", u))
    roots = [gram(weighted, X), weighted]
    assert squares(roots) == roots


def test_the_hessian_of_a_logistic_regression():
    """Against the formula, with weights that underflow: sqrt(0) has no derivative that anything needs."""
    rows, size = sp.symbols("rows size", integer=True, positive=True)
    A, w, y = sp.MatrixSymbol("A", rows, size), sp.MatrixSymbol("w", size, 1), sp.MatrixSymbol("y", rows, 1)
    model = sd.Model(sd.binary_cross_entropy(sd.sigmoid(A * w), y), params=[w], data=[A, y])
    module = sd.compile(model, emit="hessian", cache=False)
    rng = np.random.default_rng(0)
    for scale in (1.0, 2000.0):
        a, at, label = (
            rng.standard_normal((50, 4)) * scale,
            rng.standard_normal((4, 1)),
            rng.integers(0, 2, (50, 1)) * 1.0,
        )
        p = 1 / (1 + np.exp(-np.clip(a @ at, -700, 700)))
        with float_errors():
            found = module.hessian(at, a, label).w.w[:, 0, :, 0]
        np.testing.assert_allclose(found, a.T @ (p * (1 - p) * a) / 50, rtol=1e-9, atol=1e-9)


def test_axes_of_one_entry_are_left_out_of_products_of_three():
    rows, size = sp.symbols("rows size", integer=True, positive=True)
    A, v = sd.Tensor("A", (rows, size)), sd.Tensor("v", (rows, 1))
    module = sd.compile(sd.Model(outputs={"m": (v * A).T @ A}, params=[v], data=[A]), emit="jacobian", cache=False)
    a, b = np.random.default_rng(0).standard_normal((6, 3)), np.random.default_rng(1).standard_normal((6, 1))
    np.testing.assert_allclose(module.m(b, a), (b * a).T @ a, rtol=1e-12, atol=1e-14)
    expected = np.einsum("ni,nj->ijn", a, a)[..., None]
    np.testing.assert_allclose(module.m_jacobian(b, a).v, expected, rtol=1e-12)
