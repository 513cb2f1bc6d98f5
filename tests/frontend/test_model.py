"""What a user declares, and what is refused before anything is compiled."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from sympy import MatrixSymbol, Piecewise, exp, log, oo, symbols, zoo

import symdiff as sd
from symdiff.compare import compare
from symdiff.errors import ModelError, ModelWarning

w, b, x, y = symbols("w b x y")
A = MatrixSymbol("A", 2, 2)


def line(**options):
    return sd.Model(sd.mean((w * x + b - y) ** 2), params=[w, b], data=[x, y], **options)


REFUSED = [
    ("a condition", lambda: sd.Model(w < 1, params=[w]), r"a condition, not a number: write sd.where\(w < 1, 1, 0\)"),
    ("a truth value", lambda: sd.Model(True, params=[w]), "a condition, not a number"),
    ("a combined condition", lambda: sd.Model((w < 1) | (w > 2), params=[w]), "a condition, not a number"),
    ("infinity", lambda: sd.Model(oo, params=[w]), "An infinite constant"),
    ("infinity added", lambda: sd.Model(exp(w) + oo, params=[w]), r"An infinite constant(.|\n)*in: exp\(w\) \+ oo"),
    ("minus infinity times", lambda: sd.Model(-oo * w, params=[w]), "An infinite constant"),
    ("a power of infinity", lambda: sd.Model(outputs={"o": w**oo}, params=[w]), "An infinite constant"),
    ("complex infinity", lambda: sd.compile(sd.Model(zoo * w, params=[w])), "contains zoo"),
    ("a list", lambda: sd.Model([w, b], params=[w, b]), "objective is a list, not one expression: .*outputs="),
    ("a tuple", lambda: sd.Model(outputs={"o": (w, b)}, params=[w, b]), r"outputs\['o'\] is a tuple, not one"),
    ("an array", lambda: sd.Model(np.ones(2), params=[w]), "objective is a ndarray, not one expression"),
    ("a reduced list", lambda: sd.mean([w, b]), r"sd.mean takes an expression, not a list of them: .*sp.Matrix"),
    ("a function of a list", lambda: sd.relu([w, b]), "sd.relu takes an expression, not a list"),
    ("max of two", lambda: sd.max(w, b), r"Of two expressions: sd.maximum\(w, b\)"),
    ("min of two", lambda: sd.min(A, A), r"Of two expressions: sd.minimum\(A, A\)"),
    ("max and a number", lambda: sd.max(w, 1), r"of two expressions write sd.maximum\(a, b\)"),
    ("mean by a symbol", lambda: sd.mean(A, b), "its second argument is axis, a number, not b"),
    ("a number as name", lambda: line(name=5), "name=5 is not a text"),
    ("a list of outputs", lambda: sd.Model(outputs=[w], params=[w]), r"outputs takes a dict, name -> expression"),
    ("a symbol as key", lambda: sd.Model(outputs={w: w}, params=[w]), "outputs has the key w, which is not a text"),
    ("named as a list", lambda: line(named=[w]), "named takes a dict"),
    ("values of constants", lambda: sd.Model(w * b, params=[w], constants={b: 3.0}), r"not values: constants=\[b\]; "),
    ("a set", lambda: sd.Model(w, params={w}), "in the order of the arguments, not a set"),
    ("no params at all", lambda: sd.Model(w, params=None), "params takes a list of symbols, .* not a NoneType"),
    ("no symbols", lambda: sd.Model(3, params=[]), "needs symbols"),
]


@pytest.mark.parametrize(("make", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_no_model_is_refused(make, message):
    with pytest.raises(ModelError, match=message):
        make()


@pytest.mark.parametrize(
    ("expression", "at_half"),
    [
        (sd.maximum(w, -oo), 0.5),
        (sd.clip(w, 0, oo), 0.5),
        (Piecewise((log(w), w > 0), (-oo, True)), np.log(0.5)),
        (Piecewise((w, sp.Lt(w**2, oo, evaluate=False)), (0, True)), 0.5),
    ],
    ids=str,
)
def test_infinity_may_be_a_bound_and_a_branch(expression, at_half):
    assert sd.compile(sd.Model(expression, params=[w])).value(0.5) == at_half


@pytest.mark.parametrize("take", [sd.compile, sd.gradient, compare, lambda e: sd.generate(e, None)])
def test_an_expression_is_no_model(take):
    with pytest.raises(ModelError, match=r"takes a Model, not an expression: .*sd.Model\(expression, params="):
        take(w**2)


@pytest.mark.parametrize("wrt", [w, "w", ["w"], (w,)])
def test_one_symbol_or_name_will_do_for_wrt(wrt):
    assert sd.compile(line(), wrt=wrt).Grad._fields == ("w",)
    assert list(sd.gradient(line(), wrt=wrt)) == [w]


def test_a_matrix_will_do_for_wrt():
    model = sd.Model(sp.Trace(A * A) + w, params=[w, A])
    assert sd.compile(model, wrt=A).Grad._fields == ("A",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"emit": None}, "emit=None is not a list of names: give some, such as value, grad"),
        ({"emit": 5}, "emit=5 is not a list of names"),
        ({"emit": "jacobian"}, "an objective and no outputs"),
        ({"wrt": 5}, "wrt=5 is not a list of names"),
        ({"wrt": []}, "wrt is empty"),
    ],
)
def test_options_that_fit_no_model_are_refused(options, message):
    with pytest.raises(ModelError, match=message):
        sd.compile(line(), **options)


def test_a_model_without_params_has_values_only():
    model = sd.Model(sd.mean(x), params=[], data=[x], outputs={"double": 2 * x})
    module = sd.compile(model)
    assert module.value([1.0, 2.0]) == 1.5
    assert list(module.SIGNATURE["functions"]) == ["value", "double"]
    with pytest.raises(ModelError, match="emit=grad: There is nothing to differentiate by"):
        sd.compile(model, emit="value grad")
    with pytest.raises(ModelError, match="There is nothing to differentiate by"):
        sd.gradient(model)
    assert sd.compile(model, wrt=x, emit="grad").grad([1.0, 2.0]).x.tolist() == [0.5, 0.5]
    assert compare(model).agrees


def test_warnings_are_of_the_line_of_the_model():
    model = sd.Model(w**2, params=[w, b])
    file, _, number = model.place.rpartition(":")
    with pytest.warns(ModelWarning, match="b is declared as parameter") as caught:
        sd.compile(model)
    assert [(warning.filename, warning.lineno) for warning in caught] == [(file, int(number))]
