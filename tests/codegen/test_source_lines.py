"""Long lines of generated source are split between items, never inside a string, and stay the same expression."""

from __future__ import annotations

import ast
import string

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, strategies as st

import symdiff as sd
from symdiff.codegen.program import WIDTH, wrapped

words = st.text(alphabet=string.ascii_letters + "(),[]{}'\\\" .*", max_size=60)


@given(st.lists(words, min_size=2, max_size=6))
def test_strings_stay_whole(texts):
    items = ", ".join(f"f({text!r}, x)" for text in texts)
    line = f't1 = _checked(np.linalg.solve, {items}) + np.einsum("ij,jk->ik", {"a" * 40}, {"b" * 40})'
    assert ast.dump(ast.parse("\n".join(wrapped(line)))) == ast.dump(ast.parse(line))


def test_lines_are_split_where_they_can_be():
    line = "t1 = f(" + ", ".join(f"argument_{i}" for i in range(30)) + ")"
    assert max(map(len, wrapped(line))) <= WIDTH


def test_words_cut_in_the_middle_of_brackets():
    n, d = sp.symbols("n d", integer=True, positive=True)
    X, y, D, e = sd.Tensor("X", (n, d)), sd.Tensor("y", n), sd.Tensor("D", (n, n)), sd.Tensor("e", n)
    s, t = sd.Tensor("s", 1), sd.Tensor("t", 1)
    K = s * sd.exp(-(D**2) / (2 * t**2) - sd.sum(s) ** 2 - sd.sum(t) ** 2) + sd.diag(e) * sd.sum(s) + X @ X.T
    model = sd.Model(y @ sd.solve(K, y) + sd.logdet(sd.cholesky(K)), params=[s, t, e], data=[X, y], constants=[D])
    module = sd.compile(model, cache=False)
    with pytest.raises(np.linalg.LinAlgError, match=r"definite: X @ X.T .* \.\.\. [^(]*\(s\).*\)\*s"):
        module.value(-np.ones(1), np.ones(1), np.ones(3), np.zeros((3, 2)), np.ones(3), np.zeros((3, 3)))
