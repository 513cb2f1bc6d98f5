"""The index dialect beyond the rows of the catalogue: closed forms, costs, sizes and ranges, refusals, the commands."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from types import ModuleType

import numpy as np
import pytest
import sympy as sp
from catalogue.indices import (
    EXPRESSIONS,
    A,
    M,
    Q,
    S,
    a,
    draw,
    i,
    j,
    k,
    m,
    n,
    symbols_of,
    w,
    x,
    y,
)
from click.testing import CliRunner
from sympy import Idx, IndexedBase, MatrixSymbol, Product, Sum, symbols
from sympy.tensor.array.array_comprehension import ArrayComprehension

import symdiff as sd
from symdiff.cli import main as symdiff
from symdiff.errors import SymdiffError

pytestmark = pytest.mark.filterwarnings("ignore:.*nothing depends on it")


def model(expression, **options):
    params, integers = symbols_of(expression)
    return sd.Model(expression, params=params, constants=integers, name="case", **options)


@cache
def compiled(name: str) -> ModuleType:
    return sd.compile(model(EXPRESSIONS[name]), emit=("value", "grad"), cache=False)


def close(mine, theirs):
    theirs = np.asarray(theirs)
    assert np.shape(mine) == theirs.shape
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-12 * max(1.0, np.abs(theirs).max(initial=0)))


@pytest.mark.parametrize("name", [name for name in EXPRESSIONS if name != "entries of matrices"])
def test_closed_forms_compile_to_the_same_numbers(name):
    params, integers = symbols_of(EXPRESSIONS[name])
    values = {str(s.name): draw(s) for s in (*params, *integers)}
    gradient = compiled(name).grad(*values.values())
    for symbol, form in sd.gradient(model(EXPRESSIONS[name])).items():
        again = sd.Model(outputs={"g": form}, params=params, constants=integers, name="again")
        module = sd.compile(again, emit="value", cache=False)
        taken = [values[s] for s in module.SIGNATURE["functions"]["g"]]
        mine = getattr(gradient, str(symbol.name))
        close(np.broadcast_to(module.g(*taken), mine.shape), mine)  # what holds no index is the same for all entries


def test_closed_forms_keep_the_names_of_indices():
    loss = Sum((x[i] - Sum(A[i, j] * w[j], (j, 0, m - 1))) ** 2, (i, 0, n - 1))
    found = sd.gradient(model(loss))
    assert str(found[w]) == "-2*Sum((x[i] - Sum(A[i, k]*w[k], (k, 0, m - 1)))*A[i, j], (i, 0, n - 1))"


# What a sum costs


def operations(module, name="value_and_grad"):
    return module.__doc__ and [line for line in inspect.getsource(getattr(module, name)).splitlines() if "=" in line]


def test_least_squares_is_the_same_work_in_both_dialects():
    X, Y, W = MatrixSymbol("X", n, m), MatrixSymbol("Y", n, 1), MatrixSymbol("W", m, 1)
    by_matrices = sd.Model(sd.sum(sp.HadamardPower(X * W - Y, 2)), params=[W], data=[X, Y], name="case")
    XX, YY, WW = IndexedBase("X"), IndexedBase("Y"), IndexedBase("W")
    residual = Sum(XX[i, j] * WW[j], (j, 0, m - 1)) - YY[i]
    by_indices = sd.Model(Sum(residual**2, (i, 0, n - 1)), params=[WW], data=[XX, YY], name="case")
    one, other = (sd.compile(e, emit="value_and_grad", style="plain", cache=False) for e in (by_matrices, by_indices))
    source = inspect.getsource(other.value_and_grad)
    assert source.count("@") == inspect.getsource(one.value_and_grad).count("@") == 2
    assert "einsum" not in source
    assert len(operations(other)) <= len(operations(one))
    rng = np.random.default_rng(0)
    X, Y, W = rng.standard_normal((20, 4)), rng.standard_normal((20, 1)), rng.standard_normal((4, 1))
    (value, g), (mine, mine_g) = one.value_and_grad(W, X, Y), other.value_and_grad(W[:, 0], X, Y[:, 0])
    close(mine, value)
    close(mine_g.W, g.W[:, 0])


@pytest.mark.parametrize("expression", [
    lambda N: Sum(x[i] ** 2 * Sum(y[j], (j, 0, i)), (i, 0, N - 1)),
    lambda N: Sum((x[i + 1] - x[i]) ** 2, (i, 0, N - 2)),
    lambda N: Product(1 + x[i] * y[i], (i, 0, N - 1)),
])  # fmt: skip
def test_source_does_not_grow_with_the_size(expression):
    statements = set()
    for size in (10, 10**6):
        fixed = expression(size).xreplace({n: sp.Integer(size)})
        fixed = fixed.xreplace({base: IndexedBase(base.name, shape=(size,)) for base in fixed.atoms(IndexedBase)})
        params = sorted(fixed.atoms(IndexedBase), key=str)
        module = sd.compile(sd.Model(fixed, params=params, name="case"), emit="value_and_grad", cache=False)
        tree = ast.parse(inspect.getsource(module))
        statements.add(sum(isinstance(node, ast.stmt) for node in ast.walk(tree)))
    assert len(statements) == 1


def test_a_running_sum_takes_no_square_of_memory():
    module = compiled("running sum")
    values = [np.ones(300_000), np.ones(300_000)]
    np.testing.assert_allclose(module.value(*values), 300_000 * 300_001 / 2)


# Declarations


def test_shapes_follow_from_plain_indices():
    X, Y, W = map(IndexedBase, "XYW")
    residual = Sum(X[i, j] * W[j], (j, 0, m - 1)) - Y[i]
    module = sd.compile(sd.Model(Sum(residual**2, (i, 0, n)), params=[W], data=[X, Y], name="case"), cache=False)
    shapes = {name: entry["shape"] for name, entry in module.SIGNATURE["inputs"].items()}
    assert shapes == {"W": ("m",), "X": ("n + 1", "m"), "Y": ("n + 1",)}


def test_scalar_data_are_samples():
    t, b = symbols("t b")
    W = IndexedBase("W")
    loss = sd.mean((Sum(W[k] * t**k, (k, 0, 3)) - b) ** 2) + Sum(W[k] * sd.mean(t**k), (k, 0, 3))
    module = sd.compile(sd.Model(loss, params=[W, b], data=[t]), emit="value", cache=False)
    ws, ts = np.array([1.0, 2.0, -1.0, 0.5]), np.linspace(0, 1, 7)
    powers = ts[:, None] ** np.arange(4)
    close(module.value(ws, 0.3, ts), ((powers @ ws - 0.3) ** 2).mean() + (powers @ ws).mean())


def test_scalar_models_with_sums_are_not_pointwise():
    module = sd.compile(sd.Model(Sum(a**k / (k + 1), (k, 0, 5)), params=[a]), emit=("value", "grad"), cache=False)
    assert not module.SIGNATURE["pointwise"]
    close(module.value(0.5), sum(0.5**k / (k + 1) for k in range(6)))
    close(module.grad(0.0).a, 0.5)


def test_free_indices_of_an_output_are_its_axes_in_alphabetical_order():
    r, c = Idx("r", n), Idx("c", m)
    outputs = {"out": A[r, c] * w[c] + r, "row": Sum(A[r, j] * w[j], (j, 0, m - 1)), "flat": x[r] * 0 + a}
    module = sd.compile(sd.Model(outputs=outputs, params=[w, A, x, a]), emit=("value", "jacobian"), cache=False)
    ws, As = draw(w), draw(A)
    close(module.out(ws, As), (As * ws + np.arange(5)[:, None]).T)
    close(module.row(ws, As), As @ ws)
    close(module.row_jacobian(ws, As).w, As)


def test_a_free_index_without_a_range_is_refused():
    with pytest.raises(SymdiffError, match="No Sum binds the index r, and it has no range"):
        sd.compile(sd.Model(outputs={"out": x[Idx("r")] ** 2}, params=[x]), cache=False)


def test_array_comprehensions_keep_their_order():
    out = ArrayComprehension(A[i, j] * x[i], (i, 1, n - 1), (j, 0, m - 1))
    module = sd.compile(sd.Model(outputs={"out": out}, params=[A, x]), emit="value", cache=False)
    close(module.out(draw(A), draw(x)), draw(A)[1:] * draw(x)[1:, None])


def test_gathers_by_integer_data_of_each_sample():
    label, t = symbols("label", integer=True), symbols("t")
    W = IndexedBase("W", shape=(n,))
    module = sd.compile(
        sd.Model(sd.sum(W[label] * t), params=[W], data=[label, t]), emit=("value", "grad"), cache=False
    )
    labels, ts = np.array([0, 3, 3, 1]), np.array([1.0, 2.0, 3.0, 4.0])
    close(module.value(draw(x), labels, ts), draw(x)[labels] @ ts)
    close(module.grad(draw(x), labels, ts).W, np.bincount(labels, ts, 5))


def test_gradients_written_by_sympy():
    """SymPy differentiates by one entry, into sums with KroneckerDelta."""
    loss = Sum((x[i] - Sum(S[i, j] * x[j], (j, 0, n - 1))) ** 2 + x[i] ** 3, (i, 0, n - 1))
    r = Idx("r", n)
    module = sd.compile(sd.Model(loss, outputs={"theirs": loss.diff(x[r])}, params=[x, S]), cache=False)
    close(module.theirs(draw(x), draw(S)), module.grad(draw(x), draw(S)).x)


# Ranges


@pytest.mark.parametrize(("expression", "message"), [
    (Sum(x[i + 1], (i, 0, n - 1)), "runs from 1 to n, but axis 0 has size n"),
    (Sum(x[i - 1], (i, 0, n - 1)), "runs from -1 to n - 2"),
    (x[-1], "is -1, but axis 0"),
    (x[n], "is n, but axis 0 has size n"),
    (Sum(Sum(x[i + j + 1], (j, 0, i)), (i, 0, n - 1)), "runs from 1 to 2\\*n - 1"),
    (Sum(x[i], (i, 0, -2)), "at the least"),
    (Sum(Sum(x[j], (j, 0, i - 2)), (i, 0, n - 1)), "has -1 entries at the least"),
    (Sum(x[i * j], (i, 0, n - 1), (j, 0, n - 1)), "not affine"),
    (Sum(x[i**2], (i, 0, 1)), "not affine"),
    (Sum(x[i], (i, 0, sp.Float(2.5))), "2.5.* whole number"),
    (Sum(x[i], (i, 0, sp.oo)), "only finite sums"),
    (Sum(x[k], (i, 0, n - 1)), "k is no index of a Sum"),
    (Sum(x[i], (i, 0, k - 1)), "One end of the range of i is k - 1, but k is no size of a declared array"),
    (Sum(x[i], (i, k, n - 1)), "One end of the range of i is k, but k"),
    (x[Idx("r", n)], "no Sum binds its index r"),
    (Sum(sp.Trace(M * Q) * x[i], (i, 0, n - 1)) + sp.Integral(a, (a, 0, 1)), "Integral"),
], ids=str)  # fmt: skip
def test_refusals_say_what_is_wrong(expression, message):
    with pytest.raises(SymdiffError, match=message):
        sd.compile(model(expression), cache=False)


def test_shapes_that_conflict_or_do_not_follow_are_refused():
    X = IndexedBase("X")
    for expression, message in (
        (Sum(X[i], (i, 0, n - 1)) + Sum(X[i], (i, 0, m - 1)), "size n by X\\[i\\] and m"),
        (Sum(X[i + 1], (i, 0, n - 1)), "say IndexedBase\\('X', shape="),
        (Sum(X[i] * X[i, j], (i, 0, n - 1), (j, 0, 1)), "with 1 and with 2 indices"),
    ):
        with pytest.raises(SymdiffError, match=message):
            sd.compile(sd.Model(expression, params=[X]), cache=False)


def test_a_delta_of_entries_is_a_comparison():
    """Outside of sums KroneckerDelta compares numbers, also in a function of the entries of a matrix."""
    t = sp.Symbol("t")
    square = MatrixSymbol("square", n, n)
    entries = square.applyfunc(sp.Lambda(t, sp.KroneckerDelta(t, 1) * t**2))
    module = sd.compile(sd.Model(sd.sum(entries), params=[square]), cache=False)
    given = np.array([[1.0, 2.0], [0.0, 1.0]])
    assert module.value(given) == 2
    np.testing.assert_array_equal(module.grad(given).square, 2 * (given == 1))
    inside = Sum(sp.KroneckerDelta(a, 2) * sp.KroneckerDelta(i, 1) * x[i], (i, 0, n - 1))
    assert sd.compile(model(inside), emit="value", cache=False).value(np.array([3.0, 5.0]), 2.0) == 5


def test_ranges_that_only_sizes_tell_are_checked_at_the_call():
    module = sd.compile(model(Sum(x[i + 3] * a, (i, 0, n - 4)) + Sum(a, (k, 0, n - 3))), emit="value", cache=False)
    assert module.value(np.ones(3), 2.0) == 2
    with pytest.raises(
        ValueError, match="n = 2 is too small for the indices 3 to n - 1 on axis 0 of x, which needs n - 3 >= 0"
    ):
        module.value(np.ones(2), 2.0)
    windows = sd.compile(model(EXPRESSIONS["convolution"]), emit=("value", "grad"), cache=False)
    assert windows.value(np.ones(3), np.ones(2)) == 0  # no place for the window
    with pytest.raises(ValueError, match="too small"):
        windows.value(np.ones(4), np.ones(2))


def test_positions_out_of_range_are_refused_at_the_call():
    for name in ("gather", "gather one of each row", "gather of rows"):
        values = [draw(s) for group in symbols_of(EXPRESSIONS[name]) for s in group]
        for wrong in (-1, 5):
            values[-1] = np.array([0, 1, wrong, 2, 0])
            with pytest.raises(IndexError, match="do not fit an axis of 5"):
                compiled(name).value(*values)


# The command


def test_compare_agrees_with_every_reference(tmp_path):
    (tmp_path / "model.py").write_text(
        "from sympy import *\nimport symdiff as sd\n"
        "n, m, h = symbols('n m h', integer=True, positive=True)\n"
        "i, j, k, p = symbols('i j k p', integer=True)\n"
        "x, y, K = IndexedBase('x'), IndexedBase('y'), IndexedBase('K', shape=(n,), integer=True)\n"
        "v = IndexedBase('v', shape=(5,))\n"
        "z, w, t, r = IndexedBase('z', shape=(h,)), IndexedBase('w'), Symbol('t'), Idx('r', n)\n"
        "running = sd.Model(Sum(x[i]**2 * Sum(sin(x[j]) * x[j], (j, 0, i - 1)), (i, 0, n - 1)), params=[x])\n"
        "windows = sd.Model(Sum(Sum(z[i + p] * w[p], (p, 0, m - 1))**2, (i, 0, h - m)), params=[w, z])\n"
        "gather = sd.Model(Sum(v[K[i]]**2 * y[i], (i, 0, n - 1)), params=[v, y], constants=[sd.domain(K, 0, 4)])\n"
        "polynomial = sd.Model(sd.mean(Sum(w[k] * t**k, (k, 0, 3))**2), params=[w], data=[t])\n"
        "table = sd.Model(outputs={'out': x[r]**2 * Product(1 + y[i] * y[r], (i, 0, n - 1))}, params=[x, y])\n"
    )
    names = "torch,jax,finite-difference,mpmath"
    result = CliRunner().invoke(symdiff, ["compare", str(tmp_path / "model.py"), "--against", names])
    assert result.exit_code == 0, result.output
    assert result.output.count("agrees (drawn inputs, float64") == 5


def test_show_writes_index_notation(tmp_path):
    (tmp_path / "model.py").write_text(
        "from sympy import *\nimport symdiff as sd\n"
        "n = Symbol('n', integer=True, positive=True)\ni, x = Symbol('i', integer=True), IndexedBase('x')\n"
        "cube = sd.Model(Sum(x[i]**3, (i, 0, n - 1)), params=[x])\n"
    )
    result = CliRunner().invoke(symdiff, ["show", str(tmp_path / "model.py")])
    assert result.exit_code == 0, result.output
    assert "3*x[i]**2" in result.output


def test_entries_in_an_explicit_matrix_have_closed_forms():
    table = sp.Matrix([[Sum(x[i], (i, 0, n - 1)), x[0]], [2 * x[1], x[1] ** 2]])
    given = np.array([1.0, 3.0])
    module = sd.compile(sd.Model(sd.sum(table), params=[x]), cache=False)
    assert module.value(given) == 4 + 1 + 6 + 9
    np.testing.assert_array_equal(module.grad(given).x, [2, 9])
    np.testing.assert_array_equal(sd.compile(sd.Model(sp.Trace(table), params=[x]), cache=False).value(given), 13)
