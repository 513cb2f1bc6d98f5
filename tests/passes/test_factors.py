"""Scalar factors move to where they multiply the fewest entries, and the results stay the same."""

from __future__ import annotations

import numpy as np
import pytest
from node_values import NUMPY, evaluate

from symdiff.graph.axes import insert_axes, matmul, sum_axes
from symdiff.graph.build import pointwise, select
from symdiff.graph.leaves import constant, parameter, size
from symdiff.graph.linalg import swapped
from symdiff.graph.node import Node, topological
from symdiff.graph.size import Size
from symdiff.passes.algebra.factors import place_factors

n, d, k = (Size.named(name) for name in "ndk")
SIZES = {"n": 4, "d": 3, "k": 2}
X, R, V = parameter("X", (n, d)), parameter("R", (n, k)), parameter("V", (d, k))
u, v, s = parameter("u", (n,)), parameter("v", (d,)), parameter("s", ())
E = R - matmul(X, V)
BACK = matmul(E, swapped(V))
MASKED = select(pointwise("lt", constant(0.0), X), BACK, constant(0.0))
LAYERS = [matmul(swapped(X), E), BACK, sum_axes(E, (0,))]
OUTER = insert_axes(u, (1,), (n, d)) * insert_axes(pointwise("exp", v), (0,), (n, d))


def scaled(roots: list[Node]) -> list[Node]:
    """The arrays that are multiplied or divided by a scalar."""
    products = [
        x for x in topological(roots) if x.op in ("mul", "div") and x.shape and any(not a.shape for a in x.args)
    ]
    return [next(a for a in product.args if a.shape) for product in products]


MOVED = [
    ("a number, to what several results share", [2.0 * layer for layer in LAYERS], [E]),
    ("a size that divides", [layer / size(n) for layer in LAYERS], [E]),
    ("a scalar of the model", [s * layer for layer in LAYERS], [E]),
    ("past a choice", [2.0 * MASKED, 2.0 * LAYERS[0]], [E]),
    ("past a sum", [3.0 * (BACK + MASKED), 3.0 * LAYERS[0]], [E]),
    ("two factors, one after the other", [2.0 * layer / size(n) for layer in LAYERS], None),
    ("results that stay unscaled elsewhere", [2.0 * LAYERS[0], 2.0 * BACK, sum_axes(E * E, (0, 1))], [E]),
]
KEPT = [
    ("a gradient that is smaller than the residual", [2.0 * matmul(swapped(X), a) for a in (insert_axes(u, (1,), (n, 1)),)]),
    ("a sum with another term", [2.0 * (LAYERS[0] + V), 2.0 * (BACK + X)]),
    ("something not linear", [2.0 * pointwise("exp", LAYERS[0]), 2.0 * pointwise("exp", BACK)]),
    ("a square", [2.0 * (BACK * BACK), 2.0 * matmul(swapped(E), E)]),
    ("a divisor", [2.0 * (X / BACK), 2.0 * (V / LAYERS[0])]),
    ("what is needed unscaled too", [2.0 * LAYERS[0], LAYERS[0], 2.0 * BACK, BACK]),
]  # fmt: skip


def values(roots: list[Node]) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    inputs = {node: rng.standard_normal([SIZES[str(dim)] for dim in node.shape]) for node in (X, R, V, u, v, s)}
    return evaluate(roots, inputs, SIZES, NUMPY)


@pytest.mark.parametrize(("roots", "parts"), [row[1:] for row in MOVED], ids=[row[0] for row in MOVED])
def test_a_factor_moves_to_the_smaller_part(roots, parts):
    found = place_factors(roots)
    assert len(scaled(found)) < len(scaled(roots))
    if parts is not None:
        assert scaled(found) == parts
    for before, after in zip(values(roots), values(found), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-14)


@pytest.mark.parametrize("roots", [row[1] for row in KEPT], ids=[row[0] for row in KEPT])
def test_a_factor_stays_where_it_would_change_the_result_or_save_nothing(roots):
    assert place_factors(roots) == roots


def test_one_array_suffices_where_its_factor_is_small():
    """2 u v^T as (2 u) v^T."""
    (found,) = place_factors([2.0 * OUTER])
    assert [part.ndim for part in scaled([found])] == [1]
    np.testing.assert_allclose(values([found])[0], values([2.0 * OUTER])[0], rtol=1e-14)


def test_what_it_moved_stays_there():
    found = place_factors([2.0 * layer for layer in LAYERS])
    assert place_factors(found) == found
