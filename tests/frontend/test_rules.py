"""The rules of meaning and of declaration: what a model says, what is refused, and how the refusal reads."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import sympy as sp
from sympy import HadamardPower, HadamardProduct, Matrix, MatrixSymbol, OneMatrix, Symbol, Trace, symbols
from sympy.physics.quantum import Commutator, Operator

import symdiff as sd
from symdiff.errors import ModelError, ModelWarning, ShapeError, SymdiffError, UnsupportedError

w, b, x, y = symbols("w b x y")
n, m, k = symbols("n m k", integer=True, positive=True)
A, B, C, Q = MatrixSymbol("A", n, m), MatrixSymbol("B", n, m), MatrixSymbol("C", m, k), MatrixSymbol("Q", n, n)
XS = np.array([1.0, 2.0, 4.0])


def compiled(expression, params=(w,), data=(), **options):
    return sd.compile(sd.Model(expression, params=params, data=data), **options)


def refused(model, *texts, error=SymdiffError):
    """Compile a model that must be refused; the message holds every text and the place of the Model call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(error) as caught:
            sd.compile(model())
    for text in (*texts, "test_rules.py:"):
        assert text in str(caught.value)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


# Reductions are mathematics

SAMPLEWISE = [
    ("sum", sd.sum(w**2), 12.0, 12.0),
    ("mean", sd.mean(w**2), 4.0, 4.0),
    ("prod", sd.prod(w**2), 64.0, 192.0),
    ("logsumexp", sd.logsumexp(w**2), 4 + np.log(3), 4.0),
    ("norm", sd.norm(w**2), 4 * np.sqrt(3), 4 * np.sqrt(3)),
    ("max", sd.max(w**2), 4.0, 4.0),
    ("min", sd.min(w**2), 4.0, 4.0),
    ("sum of 1", sd.sum(1) * w, 6.0, 3.0),
    ("sum of what SymPy cancelled", sd.sum(x / x) * w, 6.0, 3.0),
    ("mean of what SymPy cancelled", sd.mean(x - x + w), 2.0, 1.0),
    ("sum of a sum", sd.sum(sd.sum(w)), 18.0, 9.0),
    ("mean of a sum of data", sd.mean(sd.sum(w * x)), 14.0, 7.0),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::symdiff.errors.ModelWarning")
@pytest.mark.parametrize(
    ("expression", "value", "slope"), [row[1:] for row in SAMPLEWISE], ids=[r[0] for r in SAMPLEWISE]
)
def test_reductions_without_data_are_over_the_samples(expression, value, slope):
    module = compiled(expression, data=[x])
    assert module.value(2.0, XS) == pytest.approx(value, rel=1e-15)
    assert module.grad(2.0, XS).w == pytest.approx(slope, rel=1e-15)


@pytest.mark.parametrize("power", [1, 3])
def test_prod_of_a_negative_number_over_the_samples(power):
    module = compiled(sd.prod(w**power), data=[x])
    assert module.value(-2.0, XS) == (-2.0) ** (3 * power)
    assert module.grad(-2.0, XS).w == 3 * power * (-2.0) ** (3 * power - 1)


def test_a_sum_without_data_warns():
    with pytest.warns(ModelWarning, match=r"(?s)sum\(w\*\*2\).*N times.*regulariser.*test_rules\.py:"):
        compiled(sd.sum(w**2) + sd.mean(w * x), data=[x], cache=False)


def test_a_reduction_without_a_sample_axis_is_refused():
    refused(lambda: sd.Model(sd.sum(w**2), params=[w]), "no sample axis", "sum(w**2)", error=ModelError)


def test_reductions_of_matrices_are_over_their_own_axes():
    module = compiled(sd.sum(A) + sd.mean(x), params=[A], data=[x])
    assert module.value(np.ones((2, 5)), XS) == 10 + 7 / 3


def test_what_sympy_cancelled_stands():
    module = compiled(sd.mean(w * x / x), data=[x])
    assert module.value(3.0, np.zeros(2)) == 3


# Shapes are symdiff's own

SHAPES = [
    ("a product", lambda: A * MatrixSymbol("D", k, n), "m columns on the left, k rows on the right"),
    ("a product of numbers", lambda: sp.MatMul(MatrixSymbol("D", 2, 3), MatrixSymbol("E", k, 1)), "3 columns"),
    ("a sum", lambda: sp.MatAdd(A, MatrixSymbol("D", n, k)), "nxm and a nxk matrix"),
    ("an entrywise product", lambda: HadamardProduct(A, MatrixSymbol("D", n, k), check=False), "nxm and a nxk matrix"),
    ("an entrywise power", lambda: HadamardPower(A, MatrixSymbol("D", k, m)), "nxm and a kxm matrix"),
    ("an entrywise function", lambda: sd.maximum(A, MatrixSymbol("D", n, k)), "nxm and a nxk matrix"),
    ("a column with 1", lambda: sp.MatAdd(MatrixSymbol("D", n, 1), A), "nx1 and a nxm matrix"),
    ("a square", lambda: A * A, "a square matrix, not nxm"),
    ("a power", lambda: sp.MatPow(Q, sp.Rational(1, 2)), "matrix power 1/2"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "text"), [row[1:] for row in SHAPES], ids=[row[0] for row in SHAPES])
def test_sizes_that_differ_are_refused(expression, text):
    symbols_of = sorted(expression().atoms(MatrixSymbol), key=str)
    refused(lambda: sd.Model(sd.sum(expression()), params=symbols_of), text)


def test_scalar_data_beside_a_matrix_is_refused():
    for expression in (
        x * A,
        A.applyfunc(lambda e: e * x),
        sd.maximum(A, x),
        sd.where(x > 0, A, B),
        HadamardPower(A, x),
        sd.clip(A, -1, x),
    ):
        refused(
            lambda e=expression: sd.Model(sd.sum(e), params=[A, B], data=[x]),
            "declare the data as a MatrixSymbol",
            error=UnsupportedError,
        )


def test_scalar_data_beside_a_matrix_of_the_same_size_is_refused():
    rows = MatrixSymbol("D", n, m)  # of which each has m entries, as many as there are samples
    expression = rows.applyfunc(lambda e: e * x * w)
    refused(
        lambda: sd.Model(sd.sum(expression), params=[w], data=[rows, x], samples=m),
        "declare the data as a MatrixSymbol",
    )


FUNCTIONS = [(sp.exp, "exp"), (sp.Abs, "abs"), (sp.sin, "sin"), (sp.log, "log"), (sp.tanh, "tanh")]


@pytest.mark.parametrize(("function", "own"), FUNCTIONS, ids=[row[1] for row in FUNCTIONS])
def test_a_scalar_function_of_a_matrix_is_refused_with_the_remedy(function, own):
    name = function.__name__
    refused(
        lambda: sd.Model(sd.sum(function(A)), params=[A]),
        f"X.applyfunc({name})",
        f"sd.{own}(X)",
        error=UnsupportedError,
    )
    by_hand = compiled(sd.sum(A.applyfunc(function)), params=[A])
    module = compiled(sd.sum(getattr(sd, own)(A)), params=[A])
    assert module.value(np.full((2, 3), 0.5)) == by_hand.value(np.full((2, 3), 0.5))


def test_a_piecewise_of_matrices_is_refused_with_the_remedy():
    piecewise = sp.Piecewise((A, w > 0), (B, True))
    refused(lambda: sd.Model(sd.sum(piecewise), params=[A, B, w]), "sd.where(condition, A, B)", error=UnsupportedError)


def test_the_objective_must_be_a_scalar():
    refused(lambda: sd.Model(A, params=[A]), "(n, m)", "sd.sum", "sd.mean", "outputs")
    refused(lambda: sd.Model(w * x, params=[w], data=[x]), "(N,)", "sd.mean")
    assert compiled(MatrixSymbol("s", 1, 1) ** 2, params=[MatrixSymbol("s", 1, 1)]).value(np.array([[3.0]])) == 9


PLACES = [
    ("an entry from the end", lambda: A[-1, 0] * OneMatrix(1, 1), "its indices are 0 to n - 1"),
    ("a step on an axis of unknown size", lambda: A[0:n:2, :], "step 2"),
]


@pytest.mark.parametrize(("make", "text"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES])
def test_places_that_cannot_be_are_refused(make, text):
    refused(lambda: sd.Model(sd.sum(make()), params=[A]), text)


def test_entries_are_counted_from_0_where_the_size_is_known_too():
    square = MatrixSymbol("S", 3, 3)
    refused(lambda: sd.Model(square[-1, 0], params=[square]), "its indices are 0 to 2")
    assert compiled(square[2, 0], params=[square]).value(np.arange(9.0).reshape(3, 3)) == 6


SHORT = [
    (A[0:9, :], "n - 9"),
    (A[n - 5 : n, :], "n - 5"),
    (A[0 : n - 5, :], "n - 5"),
    (A[7, 0] * OneMatrix(1, 1), "n - 8"),
]


@pytest.mark.parametrize(("expression", "need"), SHORT, ids=[need for _, need in SHORT])
@pytest.mark.parametrize("kind", ["value", "jacobian", "vjp"])
def test_arrays_too_short_for_a_slice_are_refused(expression, need, kind):
    module = sd.compile(sd.Model(outputs={"out": expression}, params=[A]), emit=("value", kind))
    call = module.out if kind == "value" else getattr(module, f"out_{kind}")
    arguments = [np.ones((3, 2)), *([np.ones((3, 2))] if kind == "vjp" else [])]
    with pytest.raises(ValueError, match=rf"n = 3 is too small.*{need} >= 0|u has shape"):
        call(*arguments)
    assert module.out(np.ones((9, 2))).shape[1] in (1, 2)


def test_slices_have_the_sizes_of_numpy():
    G = MatrixSymbol("G", 5, 4)
    values = np.arange(20.0).reshape(5, 4)
    for rows, columns in (
        (slice(0, 5, 2), slice(0, 4)),
        (slice(0, 5, 3), slice(1, 4, 2)),
        (slice(1, 2), slice(0, 4, 3)),
    ):
        module = sd.compile(sd.Model(outputs={"out": G[rows, columns]}, params=[G]), emit="value")
        np.testing.assert_array_equal(module.out(values), values[rows, columns])


# Declarations


def test_an_undeclared_symbol_is_refused():
    refused(
        lambda: sd.Model(sd.mean(w * x + b), params=[w], data=[x]), "b is not declared", "params, data or constants"
    )


def test_size_symbols_are_numbers():
    module = compiled(sd.sum(A) / n + m, params=[A])
    assert module.value(np.ones((2, 5))) == 10
    assert module.grad(np.ones((2, 5))).A[0, 0] == 0.5


def test_declared_twice():
    refused(lambda: sd.Model(w * b, params=[w, b], data=[w]), "w is declared twice: as parameter and as data")
    refused(lambda: sd.Model(w * b, params=[w, w, b]), "w is declared twice")


def test_a_size_declared_as_a_symbol_is_refused():
    refused(lambda: sd.Model(sd.sum(A) * n, params=[A, n]), "n is both a declared symbol and a size")


def test_two_symbols_of_one_name_are_refused():
    other = Symbol("w", positive=True)
    refused(lambda: sd.Model(w * other, params=[w]), "different symbols are called w", "assumptions")
    refused(lambda: sd.Model(w * other, params=[w, other]), "different symbols are called w")
    refused(lambda: sd.Model(sd.sum(A) + sd.sum(MatrixSymbol("A", k, k)), params=[A]), "different symbols are called A")


def test_declared_and_unused_warns():
    with pytest.warns(ModelWarning, match=r"(?s)b is declared as parameter.*test_rules\.py:"):
        module = compiled(sd.mean(w * x), params=[w, b], data=[x], cache=False)
    assert module.grad(1.0, 2.0, XS).b == 0


def test_nothing_warns_where_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled(sd.mean((w * x + b - y) ** 2) + w**2, params=[w, b], data=[x, y], cache=False)


def test_data_that_only_sympy_cancelled_still_give_the_samples():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = compiled(sd.sum(w * (x - x + 1)), data=[x])
    assert module.value(2.0, XS) == 6


@pytest.mark.parametrize(
    "expression", [sp.I * w, sp.sqrt(-1) + w, w * sp.zoo, w + sp.nan], ids=["I", "sqrt(-1)", "zoo", "nan"]
)
def test_what_is_not_real_is_refused(expression):
    refused(lambda: sd.Model(expression, params=[w]))


def test_a_symbol_declared_imaginary_is_refused():
    z = Symbol("z", imaginary=True)
    refused(lambda: sd.Model(z**2, params=[z]), "z is declared not real")


P, R = symbols("P R", commutative=False)
E, F, T = sp.IndexedBase("E", shape=(n,)), sp.IndexedBase(P, shape=(n,)), sd.Tensor("T", n)
NOT_COMMUTING = [
    ("parameters", "P", lambda: sd.Model(P * R - R * P, params=[P, R])),
    ("one alone", "P", lambda: sd.Model(P**2, params=[P])),
    ("a constant", "P", lambda: sd.Model(w * P, params=[w], constants=[P])),
    ("with a domain", "P", lambda: sd.Model(w * P, params=[w], data=[sd.domain(P, 0, 1)])),
    ("declared nowhere", "P", lambda: sd.Model(w * P, params=[w])),
    ("entries of a matrix", "P", lambda: sd.Model(Matrix([[P, R], [R, P]]).trace(), params=[P, R])),
    ("beside a tensor", "P", lambda: sd.Model(sd.sum(T * (P * R - R * P)), params=[T], constants=[P, R])),
    ("in an entrywise function", "P", lambda: sd.Model(sd.sum(A.applyfunc(lambda z: z * P)), params=[A])),
    ("under a name", "P", lambda: sd.Model(w**2, params=[w], named={"h": P * R})),
    ("the letter of a sum", "P", lambda: sd.Model(sp.Sum(E[P], (P, 0, n - 1)), params=[E])),
    ("the label of an array", "P", lambda: sd.Model(F[0] * w, params=[w], data=[F])),
    ("a size of a tensor", "P", lambda: sd.Model(sd.sum(sd.Tensor("U", P)), params=[sd.Tensor("U", P)])),
    ("a function", "f", lambda: sd.Model(sp.Function("f", commutative=False)(w), params=[w])),
    ("an operator", "O", lambda: sd.Model(Operator("O") * w, params=[w])),
    ("a commutator", "[", lambda: sd.Model(Commutator(Operator("O"), Operator("U")) * w, params=[w])),
]


@pytest.mark.parametrize(("name", "model"), [row[1:] for row in NOT_COMMUTING], ids=[row[0] for row in NOT_COMMUTING])
def test_what_does_not_commute_is_refused(name, model):
    refused(model, name, "is declared not to commute", "sp.MatrixSymbol(")


def test_the_square_root_of_a_negative_number_is_nan():
    module = compiled(sp.sqrt(w) + b, params=[w, b])
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(module.value(np.array([4.0, -1.0]), 1.0), [3, np.nan])
        assert np.isnan(compiled(w ** sp.Rational(1, 3)).value(-8.0))


def test_errors_show_the_sub_expression_alone():
    message = refused(lambda: sd.Model(sd.mean(w * x) + 3 * sp.mathieus(w, b, 1), params=[w, b], data=[x]))
    assert re.search(r"in: mathieus\(w, b, 1\)$", message, re.M)


def test_errors_of_derivatives_name_the_model():
    refused(lambda: sd.Model(sd.mean(w * x) + sp.zeta(w), params=[w], data=[x]), "zeta")


def test_a_model_without_anything_to_compute():
    with pytest.raises(ModelError, match=r"(?s)objective.*outputs.*test_rules\.py:"):
        sd.Model(params=[w])


@pytest.mark.parametrize(
    ("params", "text"),
    [("w", "list of symbols"), (w, "list of symbols"), (["w"], "not a symbol"), ([w * 2], "not a symbol")],
)
def test_params_must_be_symbols(params, text):
    with pytest.raises(ModelError, match=text):
        sd.Model(w, params=params)


def test_an_objective_that_is_no_expression():
    with pytest.raises(ModelError, match="not a SymPy expression"):
        sd.Model(object(), params=[w])


def test_which_axis_holds_the_samples():
    D, E = MatrixSymbol("D", n, m), MatrixSymbol("E", k, m)
    chosen = sd.compile(sd.Model(sd.sum(D * E.T) * w, params=[w], data=[D, E], samples=n))
    assert chosen.SIGNATURE["samples"] == "n"
    assert sd.compile(sd.Model(sd.sum(D * C) * w, params=[w, C], data=[D])).SIGNATURE["samples"] == "n"
    refused(lambda: sd.Model(sd.sum(D) * w, params=[w], data=[D], samples=k), "samples=k")
    refused(lambda: sd.Model(sd.sum(D) * sd.mean(w * x), params=[w], data=[D, x]), "samples=")


# Derivatives by


def test_freezing_and_derivatives_by_data():
    model = sd.Model(sd.sum((w * x + b) ** 2), params=[w, b], data=[x])
    everything = sd.compile(model, wrt=["w", "b", "x"], emit=("grad", "hessian", "hvp"))
    g = everything.grad(2.0, 1.0, XS)
    assert g._fields == ("w", "b", "x")
    np.testing.assert_allclose(g.x, 2 * (2 * XS + 1) * 2)
    assert everything.hessian(2.0, 1.0, XS).x.x.shape == (3, 3)
    np.testing.assert_allclose(everything.hessian(2.0, 1.0, XS).x.x, 8 * np.eye(3))
    assert sd.compile(model, wrt=[x, w]).grad(2.0, 1.0, XS)._fields == ("w", "x")
    assert sd.compile(model, wrt=[b]).grad(2.0, 1.0, XS)._fields == ("b",)


def test_wrt_names_what_is_declared():
    model = sd.Model(sd.mean(w * x) + b, params=[w], data=[x], constants=[b])
    for wrt, text in ((["q"], "q"), (["b"], "constant b")):
        with pytest.raises(ModelError, match=text):
            sd.compile(model, wrt=wrt)


def test_no_derivative_by_an_integer():
    i = Symbol("i", integer=True)
    refused(lambda: sd.Model(w * i, params=[w, i]), "i is declared an integer")
    module = sd.compile(sd.Model(w * i, params=[w], constants=[i]))
    assert module.grad(2.0, 3).w == 3


# Explicit matrices


def test_an_explicit_matrix_holds_scalars():
    refused(lambda: sd.Model(sd.sum(sp.ImmutableDenseMatrix([[w, Trace(Q)]]) * A), params=[w, Q, A]), "matrix product")


def test_an_output_of_every_shape():
    outputs = {
        "scalar": w**2,
        "per_sample": w * x,
        "matrix": w * A,
        "column": w * A * OneMatrix(m, 1),
        "each": Matrix([[w * x, 1]]),
    }
    module = sd.compile(sd.Model(outputs=outputs, params=[w, A], data=[x]), emit=("value", "jacobian"))
    shapes = [np.shape(getattr(module, name)(*args)) for name, args in (
        ("scalar", (2.0,)), ("per_sample", (2.0, XS)), ("matrix", (2.0, np.ones((2, 3)))),
        ("column", (2.0, np.ones((2, 3)))), ("each", (2.0, XS)),
    )]  # fmt: skip
    assert shapes == [(), (3,), (2, 3), (2, 1), (3, 1, 2)]
    assert module.column_jacobian(2.0, np.ones((2, 3))).A.shape == (2, 1, 2, 3)
    assert module.each_jacobian(2.0, XS).w.shape == (3, 1, 2)
    assert module.SIGNATURE["functions"]["scalar"] == ("w",)


def test_an_error_of_shape_is_one_of_its_own():
    with pytest.raises(ShapeError):
        sd.compile(sd.Model(sd.sum(sp.MatAdd(A, MatrixSymbol("D", n, k))), params=[A, MatrixSymbol("D", n, k)]))
