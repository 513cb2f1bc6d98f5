"""A kind of function is one row: what is asked of it anywhere follows from what the row says."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symdiff as sd
from symdiff.compare import compare
from symdiff.compiler import generate
from symdiff.diff.second import gradient, hessian_product
from symdiff.errors import ModelError
from symdiff.graph.results import Several, arrays, named
from symdiff.kinds import KINDS, FunctionKind
from symdiff.options import Options

n = sp.Symbol("n", integer=True, positive=True)
w, b = sp.symbols("w b", real=True)
x, y = sp.symbols("x y", real=True)
MODEL = sd.Model(sd.mean((sp.exp(w * x) + b - y) ** 2), params=[w, b], data=[x, y], name="curve")
POINTWISE = sd.Model(w * sp.exp(-(b**2)), params=[w, b])
X, Y = np.linspace(0.0, 1.0, 7), np.linspace(1.0, 3.0, 7)


def tree(output, wrt):
    parts = tuple(KINDS[name].results(output, wrt) for name in ("value", "grad", "hvp"))
    return Several(("value", "gradient", "product"), parts)


def derived(subject, given):
    along = dict(zip(subject.by, given["direction"], strict=True))
    return [subject.root, *gradient(subject.root, subject.by), *hessian_product(subject.root, subject.by, along)]


ROW = FunctionKind(
    "value_grad_and_hvp",
    ("objective",),
    "Return {of}, its gradient by {by}, and its Hessian times v.",
    tree,
    derived,
    ("direction",),
)


@pytest.fixture
def row(monkeypatch):
    monkeypatch.setitem(KINDS, ROW.name, ROW)


@pytest.mark.parametrize("backend", ["numpy", "cupy"])
def test_a_new_row_is_written_for_each_backend(row, backend):
    source = generate(MODEL, Options.create(backend=backend, emit=ROW.name)).source
    assert f"def {ROW.name}(w, b, x, y, v):" in source
    assert "return value, Grad(grad_w, grad_b), Grad(" in source


def test_a_new_row_gives_a_function_that_works(row):
    module = sd.compile(MODEL, emit=("value", "grad", "hvp", ROW.name), cache=False)
    assert module.SIGNATURE["functions"][ROW.name] == ("w", "b", "x", "y", "v")
    assert (
        module.value_grad_and_hvp.__doc__.strip()
        == "Return the objective, its gradient by w, b, and its Hessian times v."
    )
    value, grad, product = module.value_grad_and_hvp(0.5, 1.0, X, Y, (1.0, -2.0))
    assert (type(grad), type(product)) == (module.Grad, module.Grad)
    np.testing.assert_allclose(value, module.value(0.5, 1.0, X, Y), rtol=1e-12)
    np.testing.assert_allclose(grad, module.grad(0.5, 1.0, X, Y), rtol=1e-12)
    np.testing.assert_allclose(product, module.hvp(0.5, 1.0, X, Y, (1.0, -2.0)), rtol=1e-12)
    with pytest.raises(ValueError, match="v has 1 parts"):
        module.value_grad_and_hvp(0.5, 1.0, X, Y, (1.0,))


def test_a_new_row_has_a_flat_form(row):
    module = sd.compile(MODEL, emit=("hvp", ROW.name), cache=False)
    vec, v = np.array([0.5, 1.0]), np.array([1.0, -2.0])
    value, grad, product = module.value_grad_and_hvp_flat(vec, X, Y, v)
    assert np.shape(value) == ()
    assert grad.shape == (2,)
    np.testing.assert_allclose(product, module.hvp_flat(vec, X, Y, v), rtol=1e-12)


def test_a_new_row_works_point_by_point(row):
    module = sd.compile(POINTWISE, emit=("hvp", ROW.name), cache=False)
    at = np.linspace(-1.0, 1.0, 5), np.linspace(0.0, 2.0, 5), (np.ones(5), np.ones(5))
    _, _, product = module.value_grad_and_hvp(*at)
    np.testing.assert_allclose(product, module.hvp(*at), rtol=1e-12)


def test_a_new_row_is_compared_with_high_precision(row):
    compared = compare(MODEL, against=("mpmath",))
    rows = [found for found in compared.rows if found.function == ROW.name]
    assert [found.parameter for found in rows] == 2 * ["", "w", "b", "w", "b"]  # in both precisions
    assert all(found.agrees for found in rows)


def test_a_row_that_is_not_there_is_refused():
    with pytest.raises(ModelError, match="is not one of value, grad"):
        sd.compile(MODEL, emit=ROW.name)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_parts_of_a_row_are_told_apart(kind):
    for output in (None, "y"):
        results = kind.results(output, ("w", "b"))
        labels = [array.label for array in arrays(results)]
        assert len({*labels}) == len(labels)
        held = {each.class_name: each for each in named(results)}
        assert all(held[each.class_name].fields == each.fields for each in named(results))
