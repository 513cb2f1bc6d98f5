"""Derivatives of determinants: polynomials, whose derivatives exist at singular matrices too."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
import sympy as sp
import torch
from sympy import MatrixSymbol, Trace, symbols

import symdiff as sd
from symdiff.compare import compare

n, N = symbols("n N", integer=True, positive=True)
A, B = MatrixSymbol("A", n, n), MatrixSymbol("B", n, n)
RNG = np.random.default_rng(0)


def regular(size):
    """A matrix far from singular."""
    return RNG.standard_normal((size, size)) + 4 * np.eye(size)


def by_permutations(a):
    """The determinant as the polynomial it is, which PyTorch differentiates at singular matrices too."""
    size, total = a.shape[-1], 0.0
    for order in permutations(range(size)):
        turns = sum(order[j] > order[i] for i in range(size) for j in range(i))
        total = total + (-1) ** turns * math.prod(a[..., i, k] for i, k in enumerate(order))
    return total


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_second_derivatives_of_a_determinant_exist_at_matrices_of_every_rank(size):
    """One whose last pivot is only rounding, such as 1, 2, ..., 9 by rows, would lose all digits through its inverse."""
    square = MatrixSymbol("A", size, size)
    module = sd.compile(sd.Model(sp.det(square), params=[square]), emit=("hessian", "hvp"))
    counted = np.arange(1.0, size * size + 1).reshape(size, size)
    of_rank = [RNG.standard_normal((size, r)) @ RNG.standard_normal((r, size)) for r in range(size + 1)]
    direction = RNG.standard_normal((size, size))
    for a in (counted, np.zeros((size, size)), np.ones((size, size)), *of_rank):
        expected = torch.autograd.functional.hessian(by_permutations, torch.tensor(a)).numpy()
        atol = 1e-13 * max(1, np.abs(expected).max())
        with np.errstate(all="raise"):
            np.testing.assert_allclose(module.hessian(a).A.A, expected, atol=atol)
            product = module.hvp(a, (direction,)).A
        np.testing.assert_allclose(product, np.tensordot(expected, direction, 2), atol=10 * atol)


def test_second_derivatives_of_determinants_of_a_batch_some_singular():
    Q, R, t = sd.Tensor("Q", (N, n, n)), sd.Tensor("R", (n, n)), sd.Tensor("t", (N,))
    objective = sd.sum(sd.det(Q @ R) ** 2 * t) + sd.sum(sd.exp(sd.det(Q)))
    module = sd.compile(sd.Model(objective, params=[Q, R], data=[t], samples=N), emit=("hessian", "hvp"))
    q, r, weights = RNG.standard_normal((4, 3, 3)), np.ones((3, 3)) + np.diag([0, 0, 1.0]), RNG.standard_normal(4)
    q[0], q[1], q[2, 2] = 0, np.outer([1, 2, 3], [1, 0, 2]), q[2, 1]
    inputs = tuple(map(torch.tensor, (q, r)))

    def theirs(a, b):
        return (by_permutations(a @ b) ** 2 * torch.tensor(weights)).sum() + by_permutations(a).exp().sum()

    expected = torch.autograd.functional.hessian(theirs, inputs)
    direction = tuple(RNG.standard_normal(x.shape) for x in inputs)
    _, products = torch.autograd.functional.hvp(theirs, inputs, tuple(map(torch.tensor, direction)))
    for row, mine in zip(expected, module.hessian(q, r, weights), strict=True):
        for block, my_block in zip(row, mine, strict=True):
            np.testing.assert_allclose(my_block, block, atol=1e-12)
    for expected_product, mine in zip(products, module.hvp(q, r, weights, direction), strict=True):
        np.testing.assert_allclose(mine, expected_product, atol=1e-12)


def test_derivatives_of_a_determinant_out_of_range():
    """det(A) under- or overflows where its derivatives do not."""
    for size, scale in ((2, 1e-200), (2, 1e200), (3, 1e-120), (3, 1e100)):
        square = MatrixSymbol("A", size, size)
        module = sd.compile(sd.Model(sp.det(square), params=[square]), emit=("grad", "hessian"))
        a = regular(size)
        with np.errstate(all="raise"):
            first, second = module.grad(scale * a).A, module.hessian(scale * a).A.A
        np.testing.assert_allclose(first / scale ** (size - 1), module.grad(a).A, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(second / scale ** (size - 2), module.hessian(a).A.A, rtol=1e-12, atol=1e-13)


def test_third_derivatives_of_a_determinant():
    """The Hessian of a function of the gradient: of a regular matrix."""
    form = sd.gradient(sd.Model(sp.det(A), params=[A]))[A]
    module = sd.compile(sd.Model(Trace(B.T * form) ** 2, params=[A], constants=[B]), emit=("hessian", "hvp"))
    a, b, direction = regular(3), regular(3), RNG.standard_normal((3, 3))

    def theirs(x):
        slope = torch.autograd.functional.jacobian(by_permutations, x, create_graph=True)
        return (torch.tensor(b) * slope).sum() ** 2

    expected = torch.autograd.functional.hessian(theirs, torch.tensor(a)).numpy()
    atol = 1e-12 * np.abs(expected).max()
    np.testing.assert_allclose(module.hessian(a, b).A.A, expected, atol=atol)
    np.testing.assert_allclose(module.hvp(a, b, (direction,)).A, np.tensordot(expected, direction, 2), atol=10 * atol)


def test_the_derivatives_of_a_determinant_of_numbers_that_are_none():
    module = sd.compile(sd.Model(sp.det(A), params=[A]), emit=("grad", "hessian"))
    a = np.diag([1.0, np.nan, 0])
    assert np.isnan(module.grad(a).A).all()
    assert np.isnan(module.hessian(a).A.A).all()


def test_the_hessian_of_the_trace_of_an_inverse_stays_singular():
    module = sd.compile(sd.Model(Trace(A.I), params=[A]), emit="hessian")
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix: A"):
        module.hessian(np.ones((2, 2)))


@pytest.mark.parametrize("dialect", ["matrices", "tensors"])
def test_closed_forms_of_determinants_compile_again_to_the_same_numbers_at_singular_matrices(dialect):
    square = sd.Tensor("A", (n, n)) if dialect == "tensors" else A
    model = sd.Model(sd.det(square) + sd.det(square @ square if dialect == "tensors" else A * A), params=[square])
    (form,) = sd.gradient(model).values()
    module = sd.compile(model, emit="grad")
    again = sd.compile(sd.Model(outputs={"g": form}, params=[square]), emit="value")
    for a in (np.arange(9.0).reshape(3, 3), np.ones((3, 3)), regular(3)):
        expected = module.grad(a).A
        np.testing.assert_allclose(again.g(a), expected, atol=1e-12 * max(1, np.abs(expected).max()))


def test_closed_forms_of_closed_forms_of_a_determinant():
    square = sd.Tensor("A", (n, n))
    a = regular(3)
    for symbol, directed in (
        (A, lambda form: Trace(form.T * A) ** 2),
        (square, lambda form: sd.sum(form * square) ** 2),
    ):
        model = sd.Model(directed(sd.gradient(sd.Model(sd.det(symbol), params=[symbol]))[symbol]), params=[symbol])
        again = sd.compile(sd.Model(outputs={"g": sd.gradient(model)[symbol]}, params=[symbol]), emit="value")
        expected = 18 * np.linalg.det(a) ** 2 * np.linalg.inv(a).T  # of (3 det A)^2, by Euler
        np.testing.assert_allclose(again.g(a), expected, atol=1e-12 * np.abs(expected).max())
        np.testing.assert_allclose(
            sd.compile(model, emit="grad").grad(a).A, expected, atol=1e-12 * np.abs(expected).max()
        )


@pytest.mark.filterwarnings("ignore::symdiff.errors.ModelWarning")
def test_every_peer_computes_the_closed_form_of_a_determinant():
    form = sd.gradient(sd.Model(sp.det(A), params=[A]))[A]
    found = compare(sd.Model(sd.sum(form.applyfunc(sp.sin)), params=[A]), against=("torch", "jax", "mpmath"))
    assert found.agrees
