"""Sizes that no axis has alone: they follow from what is there, in every function, or the message says what to declare."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from sympy import Idx, IndexedBase, MatrixSymbol, Sum, symbols

import symdiff as sd
from symdiff.errors import ModelError

n, m, k = symbols("n m k", integer=True, positive=True)
i = sp.Symbol("i", integer=True)
A, B, C, D = sd.Tensor("A", (n + 2,)), sd.Tensor("B", (2 * n,)), sd.Tensor("C", (n * m,)), sd.Tensor("D", (m,))
E, F, G, H = sd.Tensor("E", (n + m,)), sd.Tensor("F", (n + 1, n + 2)), sd.Tensor("G", (n**2,)), sd.Tensor("H", (n - 2,))
X, W, I = IndexedBase("X", shape=(n + 2,)), MatrixSymbol("W", n + 2, m), Idx("I", n)  # noqa: E741
FOUR, SIX, TWO = np.array([1.0, 4, 6, 1]), np.arange(1.0, 7), np.array([0.5, 2.0])
NINE, TABLE, LONG = np.arange(9.0), np.arange(12.0).reshape(3, 4), np.arange(8.0).reshape(4, 2)

# expression, {symbol: array}, value, the sum of its entries differentiated by the first symbol
KNOWN = {
    "a sum": (A[1:-1] ** 2, {A: FOUR}, [16, 36], [0, 8, 12, 0]),
    "a sum used as a number": (A[1:-1] ** 2 / n, {A: FOUR}, [8, 18], [0, 4, 6, 0]),
    "a difference": (sd.concatenate([H, H]) * n, {H: TWO}, 4 * np.tile(TWO, 2), [8, 8]),
    "a multiple": (sd.reshape(B, (n, 2)) ** 2 * n, {B: SIX}, 3 * SIX.reshape(3, 2) ** 2, 6 * SIX),
    "a product with a known size": (sd.reshape(C, (n, m)) @ D, {C: SIX, D: TWO}, SIX.reshape(3, 2) @ TWO, np.tile(TWO, 3)),
    "a sum with a known size": (E[:n] ** 2 * D[0], {E: SIX, D: TWO}, SIX[:4] ** 2 / 2, [1, 2, 3, 4, 0, 0]),
    "a square": (sd.reshape(G, (n, n)).T ** 2, {G: NINE}, NINE.reshape(3, 3).T ** 2, 2 * NINE),
    "two axes": (F[:n, :n] ** 2, {F: TABLE}, TABLE[:2, :2] ** 2, np.pad(2 * TABLE[:2, :2], ((0, 1), (0, 2)))),
    "indices": (X[I] * X[I + 2], {X: FOUR}, [6, 4], [6, 1, 1, 4]),
    "a matrix": (W[1 : n + 1, :] * 2 * n, {W: LONG}, 4 * LONG[1:3], np.pad(np.full((2, 2), 4.0), ((1, 1), (0, 0)))),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_a_size_follows_from_an_axis_in_every_function(name):
    expression, arrays, value, slope = KNOWN[name]
    (first, at), *_ = arrays.items()
    rest = list(arrays.values())[1:]
    emit = ("value", "jacobian", "jvp", "vjp")
    model = sd.Model(outputs={"o": expression}, params=[first], constants=list(arrays)[1:])
    module = sd.compile(model, emit=emit, cache=False)
    value, slope = np.asarray(value, float), np.asarray(slope, float)
    ones = np.ones(value.shape)
    np.testing.assert_allclose(module.o(at, *rest), value)
    np.testing.assert_allclose(module.o_vjp(at, *rest, ones)[0], slope)
    np.testing.assert_allclose(module.o_jacobian(at, *rest)[0].sum(axis=tuple(range(value.ndim))), slope)
    np.testing.assert_allclose(module.o_jvp(at, *rest, (at,)).sum(), (slope * at).sum())
    known = {"m": 2} if name == "a matrix" else {}
    np.testing.assert_allclose(module.o_vjp_flat(at.ravel(), *rest, ones, **known), slope.ravel())
    np.testing.assert_allclose(module.o_jacobian_flat(at.ravel(), *rest, **known).sum(axis=0), slope.ravel())
    np.testing.assert_array_equal(module.unpack(at.ravel(), **({"m": 2} if "m" in str(first.shape) else {}))[0], at)


@pytest.mark.parametrize(
    ("expression", "arrays", "message"),
    [
        (sd.reshape(B, (n, 2)), {B: np.ones(5)}, r"B has shape \(5,\), expected shape \(2\*n,\)"),
        (sd.reshape(C, (n, m)), {C: np.ones(5), D: TWO}, r"C has shape \(5,\), expected shape \(m\*n,\)"),
        (E[:n], {E: np.ones(1), D: TWO}, r"E has shape \(1,\), expected shape \(m \+ n,\)"),
        (F[:n, :n], {F: np.ones((3, 3))}, r"F has shape \(3, 3\), expected shape \(n \+ 1, n \+ 2\)"),
        (sd.reshape(G, (n, n)), {G: np.ones(8)}, r"G has shape \(8,\), expected shape \(n\*n,\)"),
        (A, {A: np.ones(1)}, r"A has shape \(1,\), expected shape \(n \+ 2,\)"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_lengths_that_no_size_gives_are_refused(expression, arrays, message):
    total = sd.sum(expression) + sum(sd.sum(array) for array in arrays)
    module = sd.compile(sd.Model(total, params=list(arrays)), emit="value", cache=False)
    with pytest.raises(ValueError, match=message):
        module.value(*arrays.values())


@pytest.mark.parametrize("entries", [5, 7])
@pytest.mark.parametrize("make", [np.ones, lambda count: [1.0] * count])
def test_an_array_is_held_against_a_size_that_comes_after_it(entries, make):
    last = sd.Tensor("last", (n,))
    module = sd.compile(sd.Model(sd.sum(A[1:-1]) + sd.sum(last), params=[A, last]), emit="value", cache=False)
    assert module.value(make(6), np.ones(4)) == 8
    with pytest.raises(
        ValueError, match=rf"A has shape \({entries},\), expected shape \(n \+ 2,\) with n = 4 from last"
    ):
        module.value(make(entries), np.ones(4))


@pytest.mark.parametrize("emit", ["value", "value vjp"])
@pytest.mark.parametrize(
    "expression",
    [sd.reshape(C, (n, m)) ** 2, sd.Tensor("Z", (3 * n + m,))[:n], sd.Tensor("Z", (n**2 + n,))[:n]],
    ids=["a product of two", "a sum of two", "two powers"],
)  # fmt: skip
def test_a_size_that_does_not_follow_is_named(expression, emit):
    (array,) = [part for part in (C, expression.args[0]) if isinstance(part, sd.Tensor)][-1:] or [C]
    with pytest.raises(ModelError, match=r"The value of the size n is needed, .* declare one with an axis of size n"):
        sd.compile(sd.Model(outputs={"o": expression}, params=[array]), emit=emit, cache=False)


def test_the_array_the_message_asks_for_is_taken():
    Z, sized = sd.Tensor("Z", (3 * n + m,)), sd.Tensor("sized", (n,))
    model = sd.Model(outputs={"o": Z[:n] ** 2}, params=[Z], constants=[sized])
    with pytest.warns(UserWarning, match="sized is declared"):
        module = sd.compile(model, emit="value vjp", cache=False)
    np.testing.assert_array_equal(module.o(SIX, TWO[:1]), [1])
    np.testing.assert_array_equal(module.o_vjp(SIX, TWO[:1], np.ones(1))[0], [2, 0, 0, 0, 0, 0])


def test_index_notation_by_a_longer_array():
    second = Sum((X[i] - 2 * X[i + 1] + X[i + 2]) ** 2, (i, 0, n - 1)) / n
    module = sd.compile(sd.Model(second, params=[X]), cache=False)
    right = np.diff(FOUR, 2)
    np.testing.assert_allclose(module.value(FOUR), (right**2).mean())
    np.testing.assert_allclose(module.grad_flat(FOUR) @ FOUR, 2 * (right**2).mean())
