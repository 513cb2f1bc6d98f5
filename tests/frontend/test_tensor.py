"""The tensor dialect beyond the rows of the catalogue: shapes, refusals, masks, ties, closed forms."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sympy as sp
from catalogue.tensors import ROWS, E, T, V, W, X, b, d, n, narrow, place, s, signal, v, wide

import symdiff as sd
from symdiff.errors import ModelError, ShapeError, UnsupportedError


def test_a_tensor_keeps_its_shape_where_sympy_would_cancel_it():
    module = sd.compile(sd.Model(outputs={"y": X - X, "z": 0 * X + 1, "t": X**0}, params=[X]))
    for name, entry in (("y", 0), ("z", 1), ("t", 1)):
        np.testing.assert_array_equal(getattr(module, name)(np.ones((2, 3))), np.full((2, 3), entry))


def test_sums_of_what_cancels_cover_every_entry():
    module = sd.compile(sd.Model(sd.sum(X / X) + sd.sum(X - X + 2), params=[X]))
    assert module.value(np.full((4, 3), 2.0)) == 12 + 24


def factor_of(matrix):
    return sd.compile(sd.Model(sd.sum(sd.cholesky(matrix)), params=[matrix]))


REFUSED = [
    (lambda: sp.exp(X), ModelError, "sd.exp"),
    (lambda: sd.Model(sd.sum(X @ X), params=[X]), ShapeError, "n rows"),
    (lambda: sd.Model(sd.sum(X + W), params=[X, W]), ShapeError, "do not match"),
    (lambda: sd.Model(X, params=[X]), ModelError, "sd.sum"),
    (lambda: sd.Model(sd.Tensor("one", (1, 1)), params=[sd.Tensor("one", (1, 1))]), ModelError, r"shape is \(1, 1\)"),
    (lambda: sd.Model(sd.sum(X, axis=1)[0] + s, params=[X], data=[s]), UnsupportedError, "sd.Tensor"),
    (lambda: sd.Model(sd.sum(sd.where(s > 0, sd.sum(X), v)), params=[X, v], data=[s]), UnsupportedError, "s > 0 has"),
    (lambda: sd.Model(sd.sum(sd.reshape(X, (5, -1))), params=[X]), ShapeError, "multiple"),
    (lambda: sd.Model(sd.sum(sd.take(X, b)), params=[X, b]), ModelError, "dtype=int"),
    (lambda: sd.Model(sd.sum(signal[:, :, 9]), params=[signal]), ShapeError, "index 9"),
    (lambda: sd.Model(sd.sum(X[0, 0, 0]), params=[X]), ShapeError, "3 indices"),
    (lambda: sd.Model(sd.sum(sd.conv2d(wide, narrow, stride=2)), params=[wide, narrow]), UnsupportedError, "stride"),
    (lambda: sd.Model(sd.sum(sd.einsum("ij,ij", X, W)), params=[X, W]), ShapeError, "axis i"),
    (lambda: sd.Model(sd.sum(sd.transpose(T, (0, 1))), params=[T]), ShapeError, "transpose"),
    (lambda: sp.diff(sd.sum(X * s), s), ModelError, "sd.gradient"),
    (lambda: bool(X > 0), ModelError, "sd.where"),
    (lambda: X * np.ones(3), ModelError, "ndarray"),
    (lambda: np.ones(3) @ X, ModelError, "data or constants"),
    (lambda: X[0.5], ModelError, "whole number"),
    (lambda: sd.max(X, X), ModelError, "sd.maximum"),
    (lambda: sd.Model(sd.sum(v + b), params=[v, b]), ShapeError, r"in: b \+ v"),
    (
        lambda: sd.compile(sd.Model(sd.logdet(sd.cholesky(V)), params=[V])).value(-np.eye(2)),
        np.linalg.LinAlgError,
        "definite: V",
    ),
    (lambda: X["a"], ModelError, "index"),
    (lambda: sd.Tensor("Z", 3, dtype=complex), ModelError, "dtype"),
]


@pytest.mark.parametrize(("build", "error", "text"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_is_refused(build, error, text):
    def compiled():
        model = build()
        return sd.compile(model) if isinstance(model, sd.Model) else model

    with pytest.raises(error, match=text):
        compiled()


def test_positions_out_of_range_are_refused_when_called():
    module = sd.compile(sd.Model(sd.sum(sd.take(E, place)), params=[E], data=[place]))
    for wrong in ([0, 4], [-1, 0]):
        with pytest.raises(IndexError, match="axis of 4 entries"):
            module.value(np.ones((4, 3)), np.array(wrong))


def test_the_first_of_a_tie_takes_the_derivative_of_pooling():
    pixels = sd.Tensor("pixels", (1, 1, 2, 2))
    module = sd.compile(sd.Model(sd.sum(sd.max_pool2d(pixels, 2)), params=[pixels]))
    np.testing.assert_array_equal(module.grad(np.ones((1, 1, 2, 2))).pixels, [[[[1, 0], [0, 0]]]])


def test_a_boolean_tensor_is_a_mask():
    mask = sd.Tensor("mask", (n, d), dtype=bool)
    module = sd.compile(sd.Model(sd.sum(sd.where(mask, X**2, 0)), params=[X], data=[mask]))
    at, seen = np.arange(6.0).reshape(2, 3), np.array([[True, False, True], [False, True, False]])
    value, gradient = module.value_and_grad(at, seen)
    assert value == (at[seen] ** 2).sum()
    np.testing.assert_array_equal(gradient.X, 2 * at * seen)
    with pytest.raises(TypeError, match="mask"):
        module.value(at, at)


NO_FORM = (
    "conv",
    "max_pool",
    "avg_pool",
    "strides",
    "slices",
    "reductions",
    "cholesky",
    "triangular",
    "batch: cholesky",
    "prod axis",
    "output: conv",
    "output: max_pool",
    "output: avg_pool",
    "output: cholesky",
)


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_closed_forms_compile_to_the_same_numbers(case):
    model = case.model()
    try:
        forms = sd.gradient(model)
    except UnsupportedError:  # none of the entries has a form
        forms = {}
    found = [i for i, entry in enumerate(case.params) if entry in forms and not isinstance(forms[entry], sd.NoForm)]
    assert (len(found) < len(case.params)) == case.name.startswith(NO_FORM)
    if not found:
        return
    outputs = {f"g{i}": forms[case.params[i]] for i in found}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sd.errors.ModelWarning)  # not every form uses every symbol
        again = sd.compile(sd.Model(outputs=outputs, params=case.params, data=case.data), emit="value")
    named = case.arrays()
    expected = sd.compile(model).grad(*named.values())
    for i, part in ((i, expected[i]) for i in found):
        function = getattr(again, f"g{i}")
        given = {name: named[name] for name in again.SIGNATURE["functions"][f"g{i}"]}
        np.testing.assert_allclose(function(**given), part, rtol=1e-10, atol=1e-10)


def test_three_dialects_give_the_same_numbers():
    """Ridge regression as tensors, as matrices and in indices."""
    i, j = sp.symbols("i j", integer=True)
    t = {name: sd.Tensor(name, shape) for name, shape in (("X", (n, d)), ("w", d), ("y", n))}
    tensors = sd.sum((t["X"] @ t["w"] - t["y"]) ** 2) / n + s * sd.sum(t["w"] ** 2)
    X_, w_, y_ = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("w", d, 1), sp.MatrixSymbol("y", n, 1)
    matrices = ((X_ * w_ - y_).T * (X_ * w_ - y_))[0, 0] / n + s * sp.Trace(w_.T * w_)
    x = {name: sp.IndexedBase(name, shape=shape) for name, shape in (("X", (n, d)), ("w", (d,)), ("y", (n,)))}
    residual = sp.Sum(x["X"][i, j] * x["w"][j], (j, 0, d - 1)) - x["y"][i]
    indices = sp.Sum(residual**2, (i, 0, n - 1)) / n + s * sp.Sum(x["w"][j] ** 2, (j, 0, d - 1))
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((5, 3)), rng.standard_normal(3), rng.standard_normal(5)
    found = []
    for objective, (points, weights, targets), column in (
        (tensors, t.values(), False),
        (matrices, (X_, w_, y_), True),
        (indices, x.values(), False),
    ):
        model = sd.Model(objective, params=[weights, s], data=[points, targets], samples=n)
        module = sd.compile(model, emit=("value", "grad", "hessian"))
        arguments = (b[:, None], 0.3, a, c[:, None]) if column else (b, 0.3, a, c)
        gradient, hessian = module.grad(*arguments), module.hessian(*arguments)
        found.append(
            np.concatenate([[module.value(*arguments)], np.ravel(gradient.w), np.ravel(hessian.w.w), [gradient.s]])
        )
    np.testing.assert_allclose(found[0], found[1], rtol=1e-13)
    np.testing.assert_allclose(found[0], found[2], rtol=1e-13)


AT, AX, A22 = np.array([1.0, 2.0, 4.0]), 1.5, np.array([[1.0, 2.0, 3.0]])
u, x, half, row = sd.Tensor("u", 3), sp.Symbol("x"), sp.Rational(1, 2), sp.MatrixSymbol("row", 1, 3)
LEFT = {
    "a rational": (lambda t: half * t, AT / 2),
    "less a rational": (lambda t: half - t, 0.5 - AT),
    "over an integer": (lambda t: sp.Integer(3) / t, 3 / AT),
    "a constant": (lambda t: sp.pi * t, np.pi * AT),
    "a root": (lambda t: sp.sqrt(2) / t, np.sqrt(2) / AT),
    "a Float": (lambda t: sp.Float(3) ** t, 3**AT),
    "a symbol": (lambda t: x + t, AX + AT),
    "an expression": (lambda t: (x + 1) * sp.exp(x) * t, 2.5 * np.exp(1.5) * AT),
    "remainder of a rational": (lambda t: sp.Rational(7, 2) % t, 3.5 % AT),
    "whole part of a symbol": (lambda t: x // t, 1.5 // AT),
    "remainder of Python's number": (lambda t: 7 % t, 7 % AT),
    "an integer below": (lambda t: sd.where(sp.Integer(1) < t, t, 0), np.where(AT > 1, AT, 0)),
    "a root below": (lambda t: sd.where(sp.sqrt(2) <= t, t, 0), np.where(AT > 1.4, AT, 0)),
    "a symbol above": (lambda t: sd.where(x >= t, t, 0), np.where(AT < 1.5, AT, 0)),
    "a condition and": (lambda t: sd.where((x > 1) & (t > 1), t, 0), np.where(AT > 1, AT, 0)),
    "a condition or": (lambda t: sd.where((x < 1) | (t > 1), t, 0), np.where(AT > 1, AT, 0)),
    "an explicit matrix": (lambda t: sp.Matrix([[1, 2, 3]]) * t, A22 * AT),
    "an explicit matrix minus": (lambda t: sp.Matrix([[1, 2, 3]]) - t, A22 - AT),
    "an explicit matrix at": (lambda t: sp.Matrix([[1, 2, 3]]) @ t, A22 @ AT),
    "a matrix symbol": (lambda t: row * t, A22 * AT),
    "a matrix symbol at": (lambda t: row @ t, A22 @ AT),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT)
def test_what_is_of_sympy_on_the_left_hands_over_at_once(name, monkeypatch):
    """The text of a tensor is long: SymPy raises and drops an error for each operation, which must not write it out."""
    build, right = LEFT[name]
    with monkeypatch.context() as unread:
        unread.setattr("symdiff.functions.tensor.plain", lambda *a, **k: pytest.fail("a tensor was written out"))
        found = build(u)
    declared = {u: AT, x: AX, row: A22}
    model = sd.Model(outputs={"found": found, "all": sd.sum(u) + x + sd.sum(row)}, params=list(declared))
    module = sd.compile(model, emit="value", cache=False)
    taken = {str(symbol.name): value for symbol, value in declared.items()}
    result = module.found(*(taken[argument] for argument in module.SIGNATURE["functions"]["found"]))
    np.testing.assert_allclose(result, right, rtol=1e-15)
    assert result.shape == right.shape


def test_errors_about_a_tensor_still_spell_it():
    with pytest.raises(ModelError, match=r"write sd.exp\(T\), .* for 2\*u\."):
        sp.exp(2 * u)
    with pytest.raises(AttributeError, match=r"2\*u has no attribute shape: shapes are found"):
        _ = (2 * u).shape
