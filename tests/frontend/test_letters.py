"""One letter for several sums: each means the innermost sum around it; what SymPy may have moved is refused.

SymPy takes a Piecewise out of the sums it stands in when another Sum is made around them, and leaves its letters behind.
"""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from sympy import Idx, IndexedBase, Piecewise, Product, Sum, symbols
from sympy.tensor.array.array_comprehension import ArrayComprehension

import symdiff as sd
from symdiff.errors import ModelError

n = sp.Symbol("n", integer=True, positive=True)
j, k = symbols("j k", integer=True)
I = Idx("I", n)  # noqa: E741
T, M, x = IndexedBase("T", shape=(n,)), IndexedBase("M", shape=(n, n)), sp.Symbol("x")
ALL = (0, n - 1)
t, m = np.arange(1.0, 6), np.arange(25.0).reshape(5, 5) / 10
big, s = np.where(t > 2, t, 0).sum(), t.sum()


def chosen(letter, choose=lambda c, a: Piecewise((a, c), (0, True))):
    """T where it is larger than 2."""
    return choose(T[letter] > 2, T[letter])


def where(letter):
    return chosen(letter, lambda c, a: sd.where(c, a, 0))


RIGHT = {
    "a power of a sum": (Sum(T[k] * Sum(T[k], (k, *ALL)) ** 2, (k, *ALL)), s**3),
    "a function of a sum": (Sum(T[k] * sp.sin(Sum(T[k], (k, *ALL))), (k, *ALL)), s * np.sin(s)),
    "a product in a sum": (Sum(T[k] * Product(T[k], (k, *ALL)), (k, *ALL)), s * t.prod()),
    "up to the outer letter": (Sum(T[k] * Sum(T[k] ** 2, (k, 0, k)) ** 2, (k, *ALL)), (t * np.cumsum(t**2) ** 2).sum()),
    "a sum alone in a sum": (Sum(Sum(T[k], (k, *ALL)), (k, 0, 2)), 3 * s),
    "a shorter sum alone in a sum": (Sum(Sum(T[k], (k, 0, 2)), (k, *ALL)), 5 * t[:3].sum()),
    "a product alone in a product": (Product(Product(T[k], (k, 0, 2)), (k, *ALL)), t[:3].prod() ** 5),
    "an Idx": (Sum(T[I] * Sum(T[I], (I, *ALL)) ** 2, (I, *ALL)), s**3),
    "beside each other": (Sum(T[k], (k, *ALL)) * Sum(chosen(k), (k, *ALL)), s * big),
    "another letter": (Sum(T[j] * Sum(chosen(k), (k, *ALL)) ** 2, (j, *ALL)), s * big**2),
    "where": (Sum(T[k] * Sum(where(k), (k, *ALL)) ** 2, (k, *ALL)), s * big**2),
    "where of both letters": (
        Sum(T[j] * Sum(sd.where(k <= j, T[k], 0), (k, *ALL)) ** 2, (j, *ALL)),
        (t * np.cumsum(t) ** 2).sum(),
    ),
    "a condition on the outer letter": (
        Sum(T[j] * Sum(Piecewise((T[k], T[j] > 2), (0, True)), (k, *ALL)) ** 2, (j, *ALL)),
        big * s**2,
    ),
    "a sum in a condition": (Sum(Piecewise((T[k], Sum(T[k], (k, *ALL)) > 2), (0, True)), (k, *ALL)), s),
    "one letter of two": (
        Sum(M[k, k] * Sum(M[k, j], (k, *ALL)) ** 2, (k, *ALL), (j, *ALL)),
        (np.diagonal(m)[:, None] * m.sum(axis=0) ** 2).sum(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_letter_means_the_innermost_sum(name):
    expression, right = RIGHT[name]
    arrays = {T: t, M: m}
    params = [base for base in (T, M) if expression.has(base)]
    module = sd.compile(sd.Model(expression, params=params), emit="value", cache=False)
    np.testing.assert_allclose(module.value(*(arrays[base] for base in params)), right, rtol=1e-14)


def test_axes_of_an_output_keep_the_letters_of_sums():
    expression = ArrayComprehension(T[k] * Sum(chosen(k), (k, *ALL)) ** 2, (k, *ALL))
    free = T[I] * Sum(chosen(I), (I, *ALL))
    module = sd.compile(sd.Model(outputs={"a": expression, "b": free}, params=[T]), emit="value", cache=False)
    np.testing.assert_allclose(module.a(t), t * big**2)
    np.testing.assert_allclose(module.b(t), t * big)


UNKNOWN = {
    "a power of a sum": Sum(T[k] * Sum(chosen(k), (k, *ALL)) ** 2, (k, *ALL)),
    "a sum": Sum((T[k] - Sum(chosen(k), (k, *ALL)) / n) ** 2, (k, *ALL)),
    "a function of a sum": Sum(T[k] * sp.exp(Sum(chosen(k), (k, *ALL))), (k, *ALL)),
    "the larger of a sum": Sum(T[k] * sp.Max(2, Sum(chosen(k), (k, *ALL))), (k, *ALL)),
    "a sum in a product": Product(1 + Sum(chosen(k), (k, *ALL)), (k, *ALL)),
    "a product in a sum": Sum(T[k] * Product(1 + chosen(k), (k, *ALL)), (k, *ALL)),
    "up to the outer letter": Sum(T[k] * Sum(chosen(k), (k, 0, k)), (k, *ALL)),
    "a sum between": Sum(T[k] * Sum(T[j] * Sum(chosen(k) * T[j], (k, *ALL)) ** 2, (j, *ALL)), (k, *ALL)),
    "in a condition": Sum(Piecewise((T[k], Sum(chosen(k), (k, *ALL)) > 2), (0, True)), (k, *ALL)),
    "an Idx": Sum(T[I] * Sum(chosen(I), (I, *ALL)) ** 2, (I, *ALL)),
    "both letters": Sum(T[j] * Sum(Piecewise((T[k], k <= j), (0, True)), (k, *ALL)) ** 2, (j, *ALL)),
    "the samples": Sum(T[j] * sd.mean(Piecewise((x, x > T[j]), (0, True))) ** 2, (j, *ALL)),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_letter_that_sympy_may_have_moved_is_refused(name):
    data = [x] if name == "the samples" else []
    with pytest.raises(
        ModelError, match=r"A Piecewise on (.*) and a sum or product over \1 stand in one Sum(.|\n)*sd.where"
    ):
        sd.compile(sd.Model(sd.mean(x * UNKNOWN[name]) if data else UNKNOWN[name], params=[T], data=data), cache=False)


def test_what_the_refusal_advises_of_samples_is_right():
    xs = np.array([0.5, 1.5, 2.5, 3.5])
    expression = Sum(T[j] * sd.mean(sd.where(x > T[j], x, 0)) ** 2, (j, *ALL))
    module = sd.compile(sd.Model(expression, params=[T], data=[x]), emit="value", cache=False)
    np.testing.assert_allclose(module.value(t, xs), sum(a * np.where(xs > a, xs, 0).mean() ** 2 for a in t))


def test_one_letter_for_two_axes_is_refused():
    with pytest.raises(ModelError, match="The index k stands for two axes"):
        sd.compile(sd.Model(outputs={"o": ArrayComprehension(T[k], (k, 0, 2), (k, *ALL))}, params=[T]))
