"""Closed forms: `sd.gradient` compiles again to the same numbers; what `symdiff show` prints of them."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
import sympy as sp
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix

import symdiff as sd
from symdiff.errors import ModelError, UnsupportedError
from symdiff.options import Options
from symdiff.show import show

w, b, x, y = sp.symbols("w b x y")
n, d, k = sp.symbols("n d k", integer=True, positive=True)
X, Y, W, V = (
    sp.MatrixSymbol("X", n, d),
    sp.MatrixSymbol("Y", n, k),
    sp.MatrixSymbol("W", d, k),
    sp.MatrixSymbol("V", d, 1),
)
A, B, P = sp.MatrixSymbol("A", d, d), sp.MatrixSymbol("B", d, d), sp.MatrixSymbol("P", 4, 3)
SIZES = {n: 6, d: 4, k: 3}
scores = X * W


def scalars(objective, data=(x, y)):
    """A model of the scalar dialect."""
    return sd.Model(objective, params=[w, b], data=data)


def matrices(objective, *params, data=()):
    """A model of the matrix dialect."""
    return sd.Model(objective, params=params, data=data)


MODELS = {
    "line": scalars(sd.mean((w * x + b - y) ** 2)),
    "logistic": scalars(sd.mean(sp.log(1 + sp.exp(-y * (w * x + b))))),
    "branches": scalars(sd.mean(sp.Piecewise((sp.log(x) * w, x > 0), (b**2 * x, x > -1), (w * b, True)) * y)),
    "extremes": scalars(sd.max(w * x + b) + sd.min(b * y * x) + sd.mean(sp.Max(w * x, b) * y)),
    "whole reductions": scalars(sd.logsumexp(w * x) + sd.norm(b * x + y) + sd.sum(w * x) ** 2),
    "two stages": scalars(sd.mean((w * x - sd.mean(b * x**2)) ** 2 * y)),
    "powers": scalars(sd.mean(sp.Abs(x) ** w + sp.sqrt(b**2 + x**2) + sp.atan2(w * x, b) * y)),
    "huber": scalars(sd.huber(w * x + b, y, sp.Rational(1, 2))),
    "pointwise": sd.Model((1 - w) ** 2 + 100 * (b - w**2) ** 2 + sp.sin(w * b), params=[w, b]),
    "net": matrices(sd.sum(sp.HadamardPower(sd.relu(scores) - Y, 2)), W, data=[X, Y]),
    "ridge": matrices(sd.mse(X * V, Y[:, 0]) + 3 * sp.Trace(V.T * V), V, data=[X, Y]),
    "softmax": matrices(-sd.mean(sp.HadamardProduct(Y, sd.log_softmax(scores))), W, data=[X, Y]),
    "row sums": matrices(sd.sum(sp.HadamardPower(sd.sum(scores, axis=1), 3)), W, data=[X]),
    "column means": matrices(sd.norm(sd.mean(scores, axis=0) + sp.OneMatrix(1, k)), W, data=[X]),
    "quadratic form": matrices(sp.Trace(V.T * A * V) + sp.Trace(A * B * A.T), V, A, B),
    "diagonals": matrices(sp.Trace(DiagMatrix(V) * A) + sd.sum(DiagonalMatrix(A) * B), V, A, B),
    "entries and slices": matrices(P[1, 2] * P[0, 0] ** 2 + sd.sum(P[1:3, 0:2].applyfunc(sp.sin)), P),
    "explicit": matrices(sp.Trace(sp.Matrix([[w, b], [b**2, w * b]]) ** 2 + sp.eye(2)), w, b, data=[X]),
    "sizes as numbers": matrices(sd.sum(sp.HadamardPower(scores, 2)) / (n * k) + d * sd.sum(W), W, data=[X]),
}


def arguments(model, rng):
    """Random values for every declared symbol."""
    found = {}
    for symbol in (*model.params, *model.data):
        shape = [SIZES.get(dim, dim) for dim in getattr(symbol, "shape", ())] if symbol.is_Matrix else ()
        if not symbol.is_Matrix and symbol in model.data:
            shape = (7,)
        found[str(symbol)] = rng.uniform(0.3, 1.7, [int(dim) for dim in shape]) * rng.choice([-1, 1])
    return found


@pytest.mark.filterwarnings("ignore::symdiff.errors.ModelWarning")
@pytest.mark.parametrize("name", MODELS)
def test_gradient_compiles_again_to_the_same_numbers(name):
    model = MODELS[name]
    module = sd.compile(model, cache=False)
    forms = sd.gradient(model)
    assert list(forms) == list(model.params)
    for seed in range(3):
        given = arguments(model, np.random.default_rng(seed))
        expected = module.grad(**given)._asdict()
        for symbol, form in forms.items():
            again = sd.compile(sd.Model(outputs={"g": form}, params=model.params, data=model.data), cache=False)
            taken = again.SIGNATURE["functions"]["g"]
            value = again.g(**{key: given[key] for key in taken}) if taken else again.g()
            scale = np.abs(expected[str(symbol)]).max() + 1
            np.testing.assert_allclose(value, expected[str(symbol)], rtol=1e-12, atol=1e-13 * scale)


def test_third_derivatives_by_closed_forms_of_closed_forms():
    (quartic,) = (sd.Model(w**4, params=[w]),)
    for _ in range(2):
        (form,) = sd.gradient(quartic).values()
        quartic = sd.Model(form, params=[w])
    assert sd.gradient(quartic) == {w: 24 * w}


def test_closed_forms_read_as_a_person_writes_them():
    assert sd.gradient(MODELS["line"]) == {w: 2 * sd.mean(x * (b + w * x - y)), b: 2 * sd.mean(b + w * x - y)}
    z = sp.MatrixSymbol("z", n, 1)
    least_squares = matrices(sd.sum(sp.HadamardPower(X * V - z, 2)), V, data=[X, z])
    assert str(sd.gradient(least_squares)[V]) == "2*X.T*(X*V - z)"


def test_docstring_names_shared_parts():
    source = sd.generate(MODELS["net"], Options.create()).source
    assert "    e1 = relu(X*W) - Y\n    value = sum(e1∘**2)\n" in source
    named = sd.Model(sd.sum(sp.HadamardPower(sd.relu(scores), 2)), params=[W], data=[X], named={"h": sd.relu(scores)})
    assert "    h = relu(X*W)\n    value = sum(h∘**2)\n" in sd.generate(named, Options.create()).source


def test_gradient_by_data_and_without_an_objective():
    assert sd.gradient(MODELS["line"], wrt=[x])[x].has(w)
    with pytest.raises(ModelError, match="no objective"):
        sd.gradient(sd.Model(outputs={"f": w * x}, params=[w], data=[x]))


def test_a_size_may_have_any_name():
    """Also that of the shape of pointwise models."""
    Z = sp.MatrixSymbol("Z", n, sp.Symbol("S", integer=True, positive=True))
    model = sd.Model(sd.sum(sd.exp(sd.norm(Z, axis=0))), params=[Z])
    entries = np.random.default_rng(0).normal(size=(4, 3))
    again = sd.compile(sd.Model(outputs={"g": sd.gradient(model)[Z]}, params=[Z]), cache=False)
    np.testing.assert_allclose(again.g(entries), sd.compile(model, cache=False).grad(entries).Z, rtol=1e-13)


def test_what_has_no_closed_form_says_so():
    with pytest.raises(UnsupportedError, match="prod_others has no closed form"):
        sd.gradient(scalars(sd.prod(w * x + b), data=[x]))


def test_show_prints_forms_latex_source_and_graph(tmp_path):
    text = show(MODELS["line"])
    assert "value = mean(e1**2)" in text
    assert "grad.w = 2*mean(e1*x)" in text
    latex = show(MODELS["line"], latex=True)
    assert r"\frac{\partial" in latex
    assert r"\operatorname{mean}" in latex
    assert "def value_and_grad(" in show(MODELS["line"], source=True)
    drawing = tmp_path / "graph.svg"
    assert str(drawing) in show(MODELS["line"], graph=drawing)
    labels = [node.text for node in ElementTree.parse(drawing).iter() if node.text]
    assert {"w", "b", "x", "y"} <= set(labels)
    assert labels.count("input scalar") == 2  # leaves are told from inner nodes


def test_show_of_a_very_deep_model_is_one_message():
    e = w
    for _ in range(600):
        e = sp.tanh(e * x + b)
    deep = scalars(sd.mean(e), data=[x])
    assert "too long to show" in show(deep)
