"""Compiling never asks SymPy for algebra that the user did not ask for: no inverse, determinant or sum is worked out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.core.expr import Expr
from sympy.matrices.matrixbase import MatrixBase
from sympy.printing.precedence import precedence

import symdiff as sd
from symdiff.errors import ModelError
from symdiff.functions.latex import latex
from symdiff.functions.printing import binding, written
from symdiff.show import show

pytestmark = pytest.mark.filterwarnings("ignore:.*nothing depends on it")
SIZE = 4
M = sp.Matrix(SIZE, SIZE, sp.symbols(f"m0:{SIZE * SIZE}"))
F = sp.Matrix(SIZE, 1, sp.symbols(f"f0:{SIZE}"))
A, w = sp.MatrixSymbol("A", SIZE, SIZE), sp.MatrixSymbol("w", SIZE, 1)
z = sp.Symbol("z")
FORBIDDEN = [
    *((MatrixBase, name) for name in ("inv", "det", "adjugate", "LUsolve", "rref", "multiply", "__pow__")),
    *((cls, "doit") for cls in (sp.Sum, sp.Product, sp.Integral)),
    *((Expr, name) for name in ("expand", "simplify", "factor", "together", "cancel", "equals")),
]


@pytest.fixture
def algebra(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is asked for of `FORBIDDEN`, which fails at once."""
    asked: list[str] = []

    def refuse(name: str) -> Callable[..., Any]:
        def fail(*_: Any, **__: Any) -> Any:
            asked.append(name)
            raise AssertionError(name)

        return fail

    for owner, name in FORBIDDEN:
        monkeypatch.setattr(owner, name, refuse(f"{owner.__name__}.{name}"))
    return asked


OBJECTIVES = {
    "a solution": lambda: sd.sum(sd.solve(M, F)),
    "a solution by a row": lambda: sd.sum(w.T * sd.solve(M, F)),
    "a solution of a symbol": lambda: sd.sum(sd.solve(M, w)),
    "a quadratic form": lambda: sd.sum(w.T * sd.solve(M, w)),
    "a trace": lambda: sd.trace(sd.solve(M, A)),
    "a determinant": lambda: sd.det(M),
    "a determinant times a matrix": lambda: sd.sum(sd.det(M) * A),
    "a log-determinant": lambda: sd.logdet(M + A),
    "an inverse": lambda: sd.sum(sd.inv(M) * w),
    "an inverse of a sum": lambda: sd.sum(sd.solve(M + A, w)),
    "a factor": lambda: sd.sum(sd.cholesky(M) * w),
    "a power": lambda: sd.sum(sp.MatPow(A * M, 2) * w),
    "blocks": lambda: sd.sum(sp.BlockMatrix([[A, sd.inv(M)]])),
    "functions of entries": lambda: sd.sum(sd.exp(M) * sd.solve(M, w)),
    "a product of two": lambda: sd.sum(sd.softplus(M) * A * M * w),
}


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_explicit_matrices_are_computed_not_worked_out(objective, algebra):
    expression = objective()
    model = sd.Model(expression, params=[w, A, *M, *F])
    sd.compile(model, cache=False)
    show(model, latex=True)
    try:
        closed = sd.gradient(model)
    except ModelError:
        closed = {}
    assert written(expression)
    assert all(str(form) for form in closed.values())  # SymPy's own text
    assert not algebra


def test_outputs_of_explicit_matrices_are_computed_not_worked_out(algebra):
    outputs = {"x": sd.solve(M, F), "i": sd.inv(M), "d": sd.det(M) * w}
    module = sd.compile(
        sd.Model(outputs=outputs, params=[w, A, *M, *F]), emit=("value", "jacobian", "jvp"), cache=False
    )
    assert not algebra
    values = np.random.default_rng(0).standard_normal((SIZE, SIZE + 1))
    given = {
        str(symbol): value for symbol, value in zip([*M, *F], [*values[:, :SIZE].flat, *values[:, SIZE]], strict=True)
    }
    np.testing.assert_allclose(module.x(**given)[:, 0], np.linalg.solve(values[:, :SIZE], values[:, SIZE]), rtol=1e-10)


def test_closed_forms_of_explicit_matrices_compile_to_the_same_numbers():
    entries = list(M)
    model = sd.Model(sd.sum(w.T * sd.solve(M, w)) + sd.logdet(M + A), params=[w, A], constants=entries)
    closed = sd.gradient(model)
    again = sd.compile(
        sd.Model(outputs={"w": closed[w], "A": closed[A]}, params=[w, A], constants=entries), emit="value"
    )
    rng = np.random.default_rng(1)
    at = {"w": rng.standard_normal((SIZE, 1)), "A": np.eye(SIZE) + 0.1 * rng.standard_normal((SIZE, SIZE))}
    numbers = np.eye(SIZE) + 0.1 * rng.standard_normal((SIZE, SIZE))
    given = {str(symbol): value for symbol, value in zip(entries, numbers.flat, strict=True)}
    inverse = np.linalg.inv(numbers)
    np.testing.assert_allclose(again.w(w=at["w"], **given), (inverse + inverse.T) @ at["w"], rtol=1e-12)
    np.testing.assert_allclose(again.A(A=at["A"], **given), np.linalg.inv(at["A"] + numbers).T, rtol=1e-12)


def pendulum(links: int) -> tuple[sd.Model, Any]:
    """Accelerations of a chain of points on rods of unit mass and length: M(q) a = F(q, v); and the same in NumPy."""
    q, v = sp.symbols(f"q0:{links}"), sp.symbols(f"v0:{links}")
    below = lambda i, j: links - max(i, j)  # noqa: E731
    mass = sp.Matrix(links, links, lambda i, j: below(i, j) * sp.cos(q[i] - q[j]))
    force = sp.Matrix(links, 1, lambda i, _: sum(-below(i, j) * sp.sin(q[i] - q[j]) * v[j] ** 2 for j in range(links))
                      - sp.Float(9.81) * below(i, i) * sp.sin(q[i]))  # fmt: skip

    def accelerations(q: Any, v: Any) -> Any:
        counts = np.array([[below(i, j) for j in range(links)] for i in range(links)])
        gaps = q[:, None] - q
        return np.linalg.solve(
            counts * np.cos(gaps), -(counts * np.sin(gaps)) @ v**2 - 9.81 * counts.diagonal() * np.sin(q)
        )

    return sd.Model(outputs={"a": sd.solve(mass, force)}, params=[*q, *v]), accelerations


def test_a_pendulum_of_twenty_links(algebra):
    model, accelerations = pendulum(20)
    module = sd.compile(model, emit=("value", "jacobian"), cache=False)
    assert not algebra
    at = np.random.default_rng(0).standard_normal((2, 20))
    np.testing.assert_allclose(module.a(*at.flat)[:, 0], accelerations(*at), rtol=1e-10)
    jacobian = module.a_jacobian(*at.flat)
    for place, found in enumerate(jacobian):
        step = np.zeros(40, complex)
        step[place] = 1e-30j
        right = accelerations(*(at + step.reshape(2, 20))).imag / 1e-30
        np.testing.assert_allclose(found[:, 0], right, rtol=1e-8, atol=1e-10 * np.abs(right).max())


def calls(work: Callable[[], Any]) -> int:
    """How many Python functions some work calls."""
    count = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_the_work_grows_as_the_entries_do():
    counts = []
    for links in (4, 8):
        model, _ = pendulum(links)
        counts.append(calls(lambda model=model: sd.compile(model, emit=("value", "jacobian"), cache=False)))
    assert counts[1] < 5 * counts[0]


def test_messages_show_a_product_without_working_it_out(algebra):
    unknown = sp.MatAdd(sp.MatMul(-2, sp.Inverse(sp.ImmutableMatrix(M)), A, w), sp.MatMul(-1, sp.OneMatrix(SIZE, 1), z))
    with pytest.raises(ModelError, match=r"z is not declared"):
        sd.compile(sd.Model(outputs={"y": unknown}, params=[w, A, *M]))
    with pytest.raises(ModelError, match=r"needs a matrix") as caught:
        sd.logdet(sp.Trace(unknown))
    assert "(-1)*A*w" in str(caught.value)
    total = sp.Trace(sp.MatMul(sp.Sum(z**2, (z, 1, 10)), A, sp.MatMul(sp.Inverse(sp.ImmutableMatrix(M)), A)))
    with pytest.raises(ModelError, match="axis, a number, not Trace"):
        sd.sum(A, total)
    assert not algebra


n = sp.Symbol("n", integer=True, positive=True)
P, Q, R = (sp.MatrixSymbol(name, n, n) for name in "PQR")
PRODUCTS = [
    P * Q, -P * Q, -2 * P * Q, -2 * z * P * Q, z * P * Q, P - Q, -P + Q, P - 2 * Q * R, -P * Q - R, (P + Q) * R, P * (Q - R),
    -(P + Q) * R, 3 * (P + Q) * R, 2 * (P + Q), (P * Q).T, P.I * Q, (P - Q).I, P**2 * Q, sp.HadamardProduct(P, Q) * R,
    z * P - Q, P / 2, -P * Q / 2, sp.Trace(P * Q) * z - sp.Trace(-P), sp.MatMul(P, sp.MatMul(Q, R)), sp.MatMul(-1, P),
    sp.MatAdd(P, sp.MatMul(-1, sp.MatAdd(Q, R))), sp.Identity(n) - P * P.T, (z + 1) * P * Q, -(z + 1) * P * Q,
]  # fmt: skip


@pytest.mark.parametrize("expression", PRODUCTS, ids=str)
def test_products_are_spelled_as_sympy_spells_them(expression):
    assert written(expression) == str(expression)
    assert binding(expression) == precedence(expression)


def test_ones_between_two_matrices_add_up_and_are_shown():
    column, ones = sp.MatrixSymbol("c", n, 1), sp.OneMatrix(1, n)
    assert latex(column * ones) == "c"
    assert latex(column * ones * P) == rf"c {sp.latex(ones)} P"
