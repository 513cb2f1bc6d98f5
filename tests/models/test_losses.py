"""Losses where a prediction is certain: a term 0 log 0 is 0, and so are its derivatives. Right values: PyTorch's, or known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch
from torch.nn import functional

import symdiff as sd

n, k = sp.symbols("n k", integer=True, positive=True)
w, x, y = sp.symbols("w x y")
Z, T = sd.Tensor("Z", (n, k)), sd.Tensor("T", (n, k))
labels = sd.Tensor("labels", n, dtype=int)
P, Q = sd.Tensor("P", n), sd.Tensor("Q", n)
EVERYTHING = ("value", "grad", "value_and_grad", "hessian", "hvp")
INFINITE = np.array([[-math.inf, 0.0, 0.5], [1.0, 2.0, -math.inf], [0.0, -math.inf, -math.inf]])
LABELS = np.array([1, 0, 0])


def compiled(objective: Any, params: list[Any], data: list[Any], **options: Any) -> Any:
    return sd.compile(sd.Model(objective, params=params, data=data), emit=EVERYTHING, cache=False, **options)


def by_torch(scores: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Cross-entropy of labels, its gradient, and its Hessian where the scores are finite, 0 elsewhere."""
    z = torch.tensor(scores, requires_grad=True)
    loss = functional.cross_entropy(z, torch.tensor(labels))
    (gradient,) = torch.autograd.grad(loss, z)
    share = torch.softmax(z, 1).detach().numpy()
    rows, classes = scores.shape
    hessian = np.zeros((rows, classes, rows, classes))
    for i in range(rows):
        hessian[i, :, i] = (np.diag(share[i]) - np.outer(share[i], share[i])) / rows
    return loss.item(), gradient.numpy(), hessian


def cross_entropies() -> dict[str, tuple[Any, list[Any], list[Any], tuple[Any, ...]]]:
    """The loss as it is written, its parameter, its data, and what stands for the labels."""
    codes = np.eye(3)[LABELS]
    A, U = sp.MatrixSymbol("A", n, k), sp.MatrixSymbol("U", n, k)
    return {
        "labels": (sd.cross_entropy(Z, labels), [Z], [labels], (LABELS,)),
        "codes": (sd.cross_entropy(Z, sd.one_hot(labels, k)), [Z], [labels], (LABELS,)),
        "probabilities": (sd.cross_entropy(Z, T), [Z], [T], (codes,)),
        "matrices": (sd.cross_entropy(A, U), [A], [U], (codes,)),
    }


@pytest.mark.parametrize("name", cross_entropies())
def test_a_class_without_probability_may_be_impossible(name: str) -> None:
    objective, params, data, given = cross_entropies()[name]
    module = compiled(objective, params, data)
    value, gradient, hessian = by_torch(INFINITE, LABELS)
    v = np.arange(9.0).reshape(3, 3)
    with np.errstate(all="raise"):
        found, (slope,) = module.value_and_grad(INFINITE, *given)
        assert found == module.value(INFINITE, *given) == pytest.approx(value, rel=1e-14)
        np.testing.assert_allclose(slope, gradient, rtol=1e-14, atol=1e-16)
        np.testing.assert_allclose(module.grad(INFINITE, *given)[0], gradient, rtol=1e-14, atol=1e-16)
        np.testing.assert_allclose(module.hessian(INFINITE, *given)[0][0], hessian, rtol=1e-14, atol=1e-16)
        product = np.tensordot(hessian, v)
        np.testing.assert_allclose(module.hvp(INFINITE, *given, (v,))[0], product, rtol=1e-13, atol=1e-15)


def test_cross_entropy_of_what_is_impossible_and_comes_is_infinite() -> None:
    module = compiled(sd.cross_entropy(Z, labels), [Z], [labels])
    assert module.value(INFINITE, np.array([0, 0, 0])) == math.inf
    assert np.isnan(module.value(np.array([[math.nan, 0.0]]), np.array([1])))


def test_the_derivative_by_a_probability_of_an_impossible_class() -> None:
    """By T it is -log_softmax(Z) / n, also where T is 0; 0 where that is not finite and has no weight."""
    module = compiled(sd.cross_entropy(Z, T), [T], [Z])
    scores, target = np.array([[-math.inf, 0.0, 1.0]]), np.array([[0.0, 0.0, 1.0]])
    with np.errstate(all="raise"):
        (slope,) = module.grad(target, scores)
    known = np.log(1 + math.e) - np.array([0.0, 1.0])
    np.testing.assert_allclose(slope[0], [0.0, *known], rtol=1e-14)


CERTAIN = np.array([0.0, 1.0, 0.3, 1.0, 0.5]), np.array([0.0, 1.0, 0.6, 1.0, 0.5])


def binary(p: Any, t: Any, **options: Any) -> Any:
    return compiled(sd.binary_cross_entropy(p, t), [p], [t], **options)


@pytest.mark.parametrize("style", ["fast", "plain"])
def test_a_right_prediction_may_be_certain(style: str) -> None:
    a, b = sp.MatrixSymbol("a", n, 1), sp.MatrixSymbol("b", n, 1)
    p, t = CERTAIN
    prediction = torch.tensor(p, requires_grad=True)
    loss = functional.binary_cross_entropy(prediction, torch.tensor(t))
    (gradient,) = torch.autograd.grad(loss, prediction)
    with np.errstate(divide="ignore", invalid="ignore"):
        curvature = np.where((p == 0) | (p == 1), 0, t / p**2 + (1 - t) / (1 - p) ** 2) / len(p)
    for module, arrays in ((binary(P, Q, style=style), (p, t)), (binary(a, b, style=style), (p[:, None], t[:, None]))):
        with np.errstate(all="raise"):
            value, (slope,) = module.value_and_grad(*arrays)
            hessian = module.hessian(*arrays)[0][0].reshape(len(p), len(p))
            product = module.hvp(*arrays, (np.ones_like(arrays[0]),))[0].ravel()
        assert value == pytest.approx(loss.item(), rel=1e-15)
        np.testing.assert_allclose(slope.ravel(), gradient.numpy(), rtol=1e-14, atol=1e-16)
        np.testing.assert_allclose(hessian, np.diag(curvature), rtol=1e-14, atol=1e-14)
        np.testing.assert_allclose(product, curvature, rtol=1e-14, atol=1e-14)


def test_a_wrong_prediction_that_is_certain_is_infinite() -> None:
    module = binary(P, Q)
    with np.errstate(divide="ignore"):
        assert module.value(np.array([0.0, 0.5]), np.array([1.0, 1.0])) == math.inf
        assert module.value(np.array([1.0, 0.5]), np.array([0.0, 1.0])) == math.inf
        assert module.value(np.array([0.0]), np.array([0.25])) == math.inf
    assert np.isnan(module.value(np.array([math.nan]), np.array([0.0])))


def test_next_to_certainty_the_derivative_is_that_of_the_logarithm() -> None:
    """-log(1 - p) at p = 1e-300: nothing is cut off."""
    module = binary(P, Q)
    value, (slope,) = module.value_and_grad(np.array([1e-300]), np.array([0.0]))
    assert (value, slope[0]) == (1e-300, 1.0)
    np.testing.assert_allclose(module.hessian(np.array([1e-300]), np.array([0.0]))[0][0], 1.0)


def test_certain_predictions_of_a_model_of_scalars() -> None:
    """p = w**x is 1 at w = 1; of both parts of the model the derivative is that of what is not certain."""
    module = compiled(sd.binary_cross_entropy(w**x, y), [w], [x, y])
    with np.errstate(all="raise"):
        value, (slope,) = module.value_and_grad(1.0, np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    assert (value, slope) == (0, 0)
    value, (slope,) = module.value_and_grad(0.5, np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    assert value == pytest.approx((math.log(2) - math.log(0.75)) / 2)
    assert slope == pytest.approx((-2 + 1 / 0.75) / 2)  # d/dw of -log(w) and of -log(1 - w**2), halved


@pytest.mark.parametrize("score", [40.0, 800.0, -800.0])
@pytest.mark.parametrize("probability", [sd.sigmoid, lambda z: 1 / (1 + sp.exp(-z))])
def test_scores_of_probabilities_are_never_certain(probability: Any, score: float) -> None:
    module = compiled(sd.binary_cross_entropy(probability(w * x), y), [w], [x, y])
    assert "==" not in module.__loader__.source[module.__loader__.source.index("def value(") :].split("def ")[1]
    z = torch.tensor(score, dtype=torch.float64, requires_grad=True)
    for target in (0.0, 1.0, 0.3):
        loss = functional.binary_cross_entropy_with_logits(z, torch.tensor(target, dtype=torch.float64))
        (slope,) = torch.autograd.grad(loss, z)
        with np.errstate(all="raise", under="ignore"):
            value, gradient = module.value_and_grad(score, np.array([1.0]), np.array([target]))
        assert value == pytest.approx(loss.item(), rel=1e-14, abs=1e-300)
        assert gradient.w == pytest.approx(slope.item(), rel=1e-14, abs=1e-16)
