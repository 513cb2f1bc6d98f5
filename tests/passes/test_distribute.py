"""Products with sums: zeros and ones that only tell pairs apart are not formed, differences of data are not multiplied out."""

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
from symdiff.passes.algebra.contract import nominal, order_contractions
from symdiff.passes.algebra.distribute import distribute

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
OF_ROWS = contract([], [], (0, 1, 0), {0: n, 1: n})  # 1 where the third axis is at the place of the first
OF_COLUMNS = contract([], [], (0, 1, 1), {0: n, 1: n})
APART = OF_ROWS - OF_COLUMNS  # n x n x n: the derivative of x_i - x_k by x
HALVES = 0.5 * OF_ROWS - 0.5 * OF_COLUMNS
F, G = parameter("F", (n, n)), parameter("G", (n, n))


def over_pairs(*parts: Node) -> Node:
    """Entry a: the sum over i and k of the product of parts at (i, k), the last of them at (i, k, a)."""
    return contract(parts, [*[(0, 1)] * (len(parts) - 1), (0, 1, 2)], (2,), {0: n, 1: n, 2: n})


SELECTED = [
    ("a gradient of differences", APART, [over_pairs(F, APART)]),
    ("with a number", HALVES, [over_pairs(F, HALVES)]),
    ("with two factors", APART, [over_pairs(F, G, APART)]),
    ("several products", APART, [over_pairs(F, APART), over_pairs(G, APART)]),
    ("summed over columns", APART, [contract([F, APART], [(0, 1), (0, 1, 2)], (0, 2), {0: n, 1: n, 2: n})]),
    ("nothing else summed", APART, [contract([APART], [(0, 1, 2)], (2,), {0: n, 1: n, 2: n})]),
]
FORMED = [
    ("a matrix times differences", PAIRS, [product(Q, PAIRS)]),
    ("a matrix and a diagonal times differences", PAIRS, [WHITENED]),
    ("several products of differences", PAIRS, [product(Q, PAIRS), over_samples(Y, PAIRS)]),
    ("differences summed", PAIRS, [contract([PAIRS], [(0, 1, 2)], (0, 2), ALL)]),
    ("a product summed", PAIRS, [contract([D, PAIRS], [(1, 2), (0, 1, 2)], (), ALL)]),
    ("squared", PAIRS, [over_samples(PAIRS, PAIRS)]),
    ("inside a function", PAIRS, [product(Q, PAIRS) + pointwise("exp", PAIRS)]),
    ("only scaled", PAIRS, [D * PAIRS]),
    ("needed itself", APART, [over_pairs(F, APART), APART]),
    ("inside a function and a product", APART, [over_pairs(F, APART), pointwise("exp", APART)]),
]


def values(roots: list[Node]) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    inputs = {
        node: rng.standard_normal([SIZES[str(dim)] for dim in node.shape]) for node in (X, M, D, Q, Y, DEEP, F, G)
    }
    return evaluate(roots, inputs, SIZES, NUMPY)


def same(roots: list[Node], changed: list[Node]) -> None:
    for before, after in zip(values(roots), values(changed), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("chosen", "roots"), [row[1:] for row in SELECTED], ids=[row[0] for row in SELECTED])
def test_zeros_and_ones_that_tell_pairs_apart_are_not_formed(chosen: Node, roots: list[Node]) -> None:
    changed = distribute(roots, nominal([n, d, k], "n"))
    assert chosen not in topological(changed)
    assert all(node.ndim < 3 for node in topological(changed))
    same(roots, changed)


@pytest.mark.parametrize(("chosen", "roots"), [row[1:] for row in FORMED], ids=[row[0] for row in FORMED])
def test_differences_of_data_and_what_is_needed_itself_are_formed(chosen: Node, roots: list[Node]) -> None:
    changed = distribute(roots, nominal([n, d, k], "n"))
    assert chosen in topological(changed)
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
