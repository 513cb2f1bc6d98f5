"""Products with sums of smaller arrays: the array of all pairs is not formed, and the results stay the same."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from node_values import NUMPY, evaluate

import symdiff as sd
from symdiff.graph.axes import insert_axes
from symdiff.graph.build import contract, pointwise
from symdiff.graph.leaves import parameter
from symdiff.graph.node import Node, topological
from symdiff.graph.size import Size
from symdiff.passes.contract import nominal, order_contractions
from symdiff.passes.distribute import distribute

n, d, k = (Size.named(name) for name in "ndk")
SIZES = {"n": 5, "d": 3, "k": 2}
ALL = {0: n, 1: k, 2: d, 3: d}
X, M, D = parameter("X", (n, d)), parameter("M", (k, d)), parameter("D", (k, d))
Q, Y, DEEP = parameter("Q", (k, d, d)), parameter("Y", (n, k, d)), parameter("Deep", (k, d, d, d))
PAIRS = insert_axes(X, (1,), (n, 1, d)) - M  # n x k x d


def product(matrix: Node, array: Node) -> Node:
    """Entry (n, k, i): the sum over j of matrix[k, i, j] array[n, k, j]."""
    return contract([matrix, array], [(1, 2, 3), (0, 1, 3)], (0, 1, 2), ALL)


def over_samples(one: Node, other: Node) -> Node:
    """Entry (k, i, j): the sum over n of one[n, k, i] other[n, k, j]."""
    return contract([one, other], [(0, 1, 2), (0, 1, 3)], (1, 2, 3), ALL)


WHITENED = product(Q, PAIRS) + D * PAIRS
WITHOUT_PAIRS = [
    ("a matrix times differences", [product(Q, PAIRS)]),
    ("a matrix and a diagonal times differences", [WHITENED]),
    ("subtracted", [product(Q, PAIRS) - D * PAIRS]),
    ("subtracted from", [D * PAIRS - product(Q, PAIRS)]),
    ("several products", [product(Q, PAIRS), over_samples(Y, PAIRS)]),
    ("summed over what one part lacks", [contract([PAIRS], [(0, 1, 2)], (0, 2), ALL)]),
    ("summed over what the other part lacks", [contract([PAIRS], [(0, 1, 2)], (1,), ALL)]),
    ("all of it summed", [contract([PAIRS], [(0, 1, 2)], (), ALL)]),
    ("a product summed over what both have and one lacks", [contract([D, PAIRS], [(1, 2), (0, 1, 2)], (), ALL)]),
    ("products with what was a product", [over_samples(WHITENED, PAIRS)]),
]
WITH_PAIRS = [
    ("needed itself", [product(Q, PAIRS), PAIRS]),
    ("squared", [over_samples(PAIRS, PAIRS)]),
    ("inside a function", [product(Q, PAIRS) + pointwise("exp", PAIRS)]),
    ("only scaled", [D * PAIRS]),
]


def values(roots: list[Node]) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    inputs = {node: rng.standard_normal([SIZES[str(dim)] for dim in node.shape]) for node in (X, M, D, Q, Y, DEEP)}
    return evaluate(roots, inputs, SIZES, NUMPY)


def same(roots: list[Node], changed: list[Node]) -> None:
    for before, after in zip(values(roots), values(changed), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "roots"), WITHOUT_PAIRS, ids=[name for name, _ in WITHOUT_PAIRS])
def test_the_array_of_pairs_is_not_formed(name: str, roots: list[Node]) -> None:
    changed = distribute(roots, nominal([n, d, k], "n"))
    assert PAIRS not in topological(changed)
    same(roots, changed)


@pytest.mark.parametrize(("name", "roots"), WITH_PAIRS, ids=[name for name, _ in WITH_PAIRS])
def test_the_array_of_pairs_stays_where_it_is_needed(name: str, roots: list[Node]) -> None:
    changed = distribute(roots, nominal([n, d, k], "n"))
    assert PAIRS in topological(changed)
    same(roots, changed)


def test_a_diagonal_is_gathered_only_into_a_smaller_matrix() -> None:
    whole = product(Q, Y) + D * Y
    (gathered,) = distribute([whole], nominal([n, d, k], "n"))
    assert gathered.op == "contract"
    same([whole], [gathered])
    assert distribute([whole], {"n": 5, "d": 30, "k": 30}) == [whole]


def test_a_diagonal_is_not_gathered_into_a_matrix_that_is_summed_further() -> None:
    whole = contract([DEEP, Y], [(1, 2, 3, 4), (0, 1, 3)], (0, 1, 2), {**ALL, 4: d}) + D * Y
    same([whole], distribute([whole], {"n": 1000, "d": 2, "k": 2}))
    same([whole], order_contractions([whole], "n"))


def test_what_one_operand_alone_sums_is_summed_before_the_product() -> None:
    totals = contract([Y, Q], [(0, 1, 2), (1, 2, 3)], (1, 3), ALL)
    (ordered,) = order_contractions([totals], "n")
    assert (k, d) in [operand.shape for operand in ordered.args]
    same([totals], [ordered])


def test_a_diagonal_or_a_transpose_of_another_product_is_a_view_of_it() -> None:
    other = pointwise("exp", Y)
    whole = over_samples(Y, other)
    diagonal = contract([Y, other], [(0, 1, 2), (0, 1, 2)], (1, 2), ALL)
    turned = contract([Y, other], [(0, 1, 2), (0, 1, 3)], (3, 1, 2), ALL)
    roots = [whole, diagonal, turned]
    ordered = order_contractions(roots, "n")
    assert all(len(view.args) == 1 for view in ordered[1:])
    same(roots, ordered)


def test_two_different_sums_of_one_product_stay_two() -> None:
    rows = contract([Y, PAIRS], [(0, 1, 2), (0, 1, 2)], (0, 1), ALL)
    columns = contract([Y, PAIRS], [(0, 1, 2), (0, 1, 2)], (1, 2), ALL)
    same([rows, columns], order_contractions([rows, columns], "n"))


def test_three_dialects_that_subtract_before_a_product() -> None:
    """Each as its user would write it, against NumPy with the differences formed; data far from the origin."""
    rng = np.random.default_rng(0)
    x, m, q = rng.standard_normal((7, 3)) + 100, rng.standard_normal((4, 3)) + 100, rng.standard_normal((3, 2))
    rows, size, width, count = sp.symbols("rows size width count", integer=True, positive=True)
    X, C, W = sd.Tensor("x", (rows, size)), sd.Tensor("m", (count, size)), sd.Tensor("q", (size, width))
    tensor = sd.sum(sd.sum(sd.exp((X[:, None, :] - C) @ W), axis=2))
    shapes = {"x": (rows, size), "m": (count, size), "q": (size, width)}
    a, b, c = (sp.IndexedBase(name, shape=shape) for name, shape in shapes.items())
    i, j, s, t = sp.symbols("i j s t", integer=True)
    inner = sp.Sum((a[i, s] - b[j, s]) * c[s, t], (s, 0, size - 1))
    index = sp.Sum(sp.exp(inner), (i, 0, rows - 1), (j, 0, count - 1), (t, 0, width - 1))
    A, B, P = (sp.MatrixSymbol(*row) for row in (("x", rows, size), ("m", 1, size), ("q", size, width)))
    matrix = sd.sum(((A - sp.OneMatrix(rows, 1) * B) * P).applyfunc(sp.exp))
    for model, centres in (
        (sd.Model(tensor, params=[C, W], data=[X], name="t"), m),
        (sd.Model(index, params=[b, c], data=[a], name="i"), m),
        (sd.Model(matrix, params=[B, P], data=[A], name="m"), m[:1]),
    ):
        found = sd.compile(model, cache=False).value_and_grad(centres, q, x)
        pairs = x[:, None, :] - centres
        made = np.exp(pairs @ q)
        np.testing.assert_allclose(found[0], made.sum(), rtol=1e-10)
        np.testing.assert_allclose(found[1][0], -np.einsum("nkw,dw->kd", made, q), rtol=1e-10)
        np.testing.assert_allclose(found[1][1], np.einsum("nkd,nkw->dw", pairs, made), rtol=1e-8, atol=1e-8)
