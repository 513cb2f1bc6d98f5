"""Losses: ordinary compositions of other functions, averaged over the samples or over the entries of a matrix."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symdiff.functions.elementwise import entrywise, where
from symdiff.functions.given import as_sympy
from symdiff.functions.reductions import log_softmax, mean, sum
from symdiff.functions.tensor import TensorExpr, is_tensor, operands


def _zero(expression: sp.Expr) -> sp.Basic:
    """Whether an expression is 0. SymPy does not look into it."""
    return sp.Eq(expression, 0, evaluate=False)


def _binary_cross_entropy(probability: sp.Expr, target: sp.Expr) -> sp.Expr:
    """0 of what is certain and comes: p = t = 0 or 1."""
    loss = -(target * sp.log(probability) + (1 - target) * sp.log(1 - probability))
    hit = sp.Eq(probability, target, evaluate=False)
    return where(_zero(where(hit, probability * (1 - probability), 1)), 0, loss)


def _weighted(target: sp.Expr, logarithm: sp.Expr) -> sp.Expr:
    """The product; 0 of what does not come, however unlikely."""
    return where(_zero(target), 0, target * logarithm)


def _squared(prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
    return (prediction - target) ** 2


def _beside(prediction: Any, target: Any) -> Any:
    """The predictions; of tensors the compiler checks that they and the targets do not broadcast to more than either."""
    if not (is_tensor(prediction) or is_tensor(target)):
        return prediction
    return TensorExpr("beside", operands(prediction, target))


def mse(prediction: Any, target: Any) -> Any:
    """The mean squared difference."""
    return mean(entrywise(_squared)(_beside(prediction, target), target))


def binary_cross_entropy(probability: Any, target: Any) -> Any:
    """Mean of -(t log p + (1 - t) log(1 - p)); with p = sigmoid(z) it is computed from z, without overflow."""
    return mean(entrywise(_binary_cross_entropy)(_beside(probability, target), target))


def cross_entropy(logits: Any, target: Any) -> Any:
    """Mean over the samples of -sum(t * log_softmax(z)): a row of scores z and of probabilities t for each sample.

    Of a tensor of whole-number labels, one a sample, each target is the unit vector of its label.
    """
    if is_tensor(logits) or is_tensor(target):
        return mean(TensorExpr("cross_entropy", operands(log_softmax(logits, -1), target)))
    return -mean(sum(entrywise(_weighted)(target, log_softmax(logits, 1)), 1))


def huber(prediction: Any, target: Any, delta: Any = 1) -> Any:
    """Mean of the Huber loss: r**2 / 2 where |r| <= delta, else delta (|r| - delta / 2) (Huber 1964)."""
    delta = as_sympy(delta, "delta")

    def entry(a: sp.Expr, b: sp.Expr) -> sp.Expr:
        size = sp.Abs(a - b)
        return sp.Piecewise(((a - b) ** 2 / 2, size <= delta), (delta * (size - delta / 2), True))

    return mean(entrywise(entry)(_beside(prediction, target), target))
