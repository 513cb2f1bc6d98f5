"""Closed forms in LaTeX and as text: what a person would write, whole, and in every dialect."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sympy as sp
from sympy.matrices.expressions.hadamard import HadamardProduct

import symdiff as sd
from symdiff.loader import load_models
from symdiff.show import show

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*/model.py"))
n, d, c = sp.symbols("n d c", integer=True, positive=True)
i, j = sp.symbols("i j", integer=True)
x, y, w = sd.Tensor("x", (n, d)), sd.Tensor("y", (n, d)), sd.Tensor("w", (d, c))
b, v, batch = sd.Tensor("b", c), sd.Tensor("v", n), sd.Tensor("batch", (n, d, c))
labels = sd.Tensor("labels", n, dtype=int)
s = sp.Symbol("s")
A, B = sp.MatrixSymbol("A", n, d), sp.MatrixSymbol("B", n, d)

TENSORS = [
    (x @ w + b, "b + x @ w", r"b + x w"),
    ((x + y) @ w, "(x + y) @ w", r"\left(x + y\right) w"),
    (x.T @ (y / n), "x.T @ (y/n)", r"x^{T} \frac{y}{n}"),
    ((x.T @ y) ** 2, "(x.T @ y)**2", r"{\left(x^{T} y\right)}^{2}"),
    (x.T**2, "x.T**2", r"{\left(x^{T}\right)}^{2}"),
    ((x @ w).T, "(x @ w).T", r"\left(x w\right)^{T}"),
    (2 * s * x * y, "(2*s*x)*y", r"\left(2 s x\right) \odot y"),
    (x * (x @ w @ w.T), "x*(x @ w @ w.T)", r"x \odot \left(x w w^{T}\right)"),
    (x / y, "x/y", r"\frac{x}{y}"),
    (-x / 2, "(-x)/2", r"\frac{- x}{2}"),
    (sd.exp(-x) + 1, "exp(-x) + 1", r"e^{- x} + 1"),
    (sd.sqrt(x + 1), "sqrt(x + 1)", r"\sqrt{x + 1}"),
    (sd.sum(x * y, axis=0), "sum(x*y, axis=0)", r"\operatorname{sum}_{0}\left(x \odot y\right)"),
    (sd.sum(batch, axis=(0, 2)), "sum(batch, axis=(0, 2))", r"\operatorname{sum}_{0, 2}\left(\mathrm{batch}\right)"),
    (s * sd.sum(x) ** 2, "s*sum(x)**2", r"s \operatorname{sum}\left(x\right)^{2}"),
    (sd.softmax(x, axis=1), "softmax(x, axis=1)", r"\operatorname{softmax}_{1}\left(x\right)"),
    (sd.relu(x), "relu(x)", r"\operatorname{relu}{\left(x \right)}"),
    (sd.maximum(x, y), "maximum(x, y)", r"\max\left(x, y\right)"),
    (sd.where(x > 0, 1, 0), "where(x > 0, 1, 0)", r"\mathbf{1}_{x > 0}"),
    (
        sd.where(x > 0, x, y),
        "where(x > 0, x, y)",
        r"\begin{cases} x & \text{if}\: x > 0 \\ y & \text{otherwise} \end{cases}",
    ),
    (x * v[:, None], "v[:, None]*x", r"v \odot x"),
    (x[1:n, 0], "x[1:n, 0]", r"x\left[1:n, 0\right]"),
    (x[labels], "x[labels]", r"x\left[\mathrm{labels}\right]"),
    (sd.take(x, labels, 0), "take(x, labels, 0)", r"x\left[\mathrm{labels}\right]"),
    (sd.transpose(batch, (0, 2, 1)), "transpose(batch, (0, 2, 1))", r"\mathrm{batch}^{T}"),
    (sd.broadcast_to(b, (n, c)), "broadcast_to(b, n, c)", r"b"),
    (sd.broadcast_to(0, (n, c)), "broadcast_to(0, n, c)", r"{0}_{n \times c}"),
    (sd.reshape(x, (d, n)), "reshape(x, d, n)", r"\operatorname{reshape}_{d \times n}\left(x\right)"),
    (
        sd.einsum("ijk,ij->k", batch, x),
        "einsum('ijk,ij->k', batch, x)",
        r"\left[\sum_{i, j} \mathrm{batch}_{ijk} x_{ij}\right]_{k}",
    ),
    (sd.inv(x) @ y, "inv(x) @ y", r"x^{-1} y"),
    (sd.solve(x, y), "solve(x, y)", r"x^{-1} y"),
    (sd.outer(v, b), "outer(v, b)", r"v \otimes b"),
    (sd.log(sd.det(x)), "log(det(x))", r"\log{\left(\det\left(x\right) \right)}"),
]


@pytest.mark.parametrize(("tensor", "python", "latex"), TENSORS, ids=[row[1] for row in TENSORS])
def test_a_tensor_as_text_and_in_latex(tensor, python, latex):
    assert str(tensor) == python
    assert sp.latex(tensor) == latex


MATRICES = [
    (sd.sum(A, axis=0), r"\operatorname{sum}_{0}\left(A\right)"),
    (sd.log_softmax(A, axis=1), r"\operatorname{log\_softmax}_{1}\left(A\right)"),
    (sd.maximum(A, B), r"\max\left(A, B\right)"),
    (HadamardProduct(A, B), r"A \circ B"),
]


@pytest.mark.parametrize(("matrix", "latex"), MATRICES, ids=[row[1] for row in MATRICES])
def test_matrices_of_symdiff_in_latex(matrix, latex):
    assert sp.latex(matrix) == latex


OPENS = {"}": "{", r"\right": r"\left"}


def balanced(text: str) -> bool:
    """Whether braces, ``\\left`` and ``\\right``, and environments close as they open."""
    stack = []
    for token in re.findall(r"\\begin\{\w+\}|\\end\{\w+\}|\\left|\\right|\\[{}]|[{}]", text):
        opens = OPENS.get(token) or (token.replace("end", "begin") if token.startswith(r"\end") else None)
        if opens is None:
            stack += [token] if token not in (r"\{", r"\}") else []
        elif not stack or stack.pop() != opens:
            return False
    return not stack


def test_the_check_of_brackets_can_fail():
    assert balanced(r"\left(\frac{a}{b}\right) \begin{cases} x \end{cases} \{")
    assert not any(map(balanced, ("{", "}", r"\left(", r"{\left(}\right)", r"\begin{cases}", r"\begin{a}\end{b}")))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_example_in_latex(path):
    for model in load_models(path):
        text = show(model, latex=True)
        assert balanced(text)
        assert "..." not in text, "cut"
        assert not re.search(r"einsum|axis|@|\*|'|None|AxisReduction|nobreak", text), (
            "Python or SymPy's own inside LaTeX"
        )
        assert len(text.splitlines()) == len(show(model).splitlines()) - 1  # the same lines, without the name


def test_indices_stand_without_their_ranges():
    u = sp.IndexedBase("u", shape=(n,))
    text = show(sd.Model(sp.Sum(u[i] ** 2 * u[i + 1], (i, 0, n - 2)), params=[u], name="m"), latex=True)
    assert r"\mathrm{m} = \sum_{i=0}^{n - 2} {e_{1}}_{i} {u}_{i + 1}" in text.splitlines()
    assert r"\frac{\partial \mathrm{m}}{\partial {u}_{i}} = " in text


def test_one_derivative_without_a_form_leaves_the_others_theirs():
    signal, kernel = sd.Tensor("signal", (n, 3, 8)), sd.Tensor("kernel", (2, 3, 3))
    model = sd.Model(sd.sum(sd.conv1d(signal, kernel) ** 2) + sd.sum(x**2), params=[kernel, x], data=[signal])
    found = sd.gradient(model)
    assert found[x] == 2 * x
    assert isinstance(found[kernel], sd.NoForm)
    assert "Windows" in found[kernel].reason
    lines = show(model).splitlines()
    assert "    grad.x = 2*x" in lines
    assert any(line.endswith("(Windows have no closed form in tensors)") for line in lines)
    with pytest.raises(sd.errors.ModelError, match="NoForm"):
        sd.Model(outputs={"g": found[kernel]}, params=[kernel], data=[signal])


def test_parts_that_repeat_do_not_make_a_text_of_exponential_length():
    tensor = x
    for _ in range(200):
        tensor = sd.tanh(tensor) * tensor[::-1]
    assert len(str(tensor)) < 10**5
    assert len(sp.latex(tensor)) < 10**5
