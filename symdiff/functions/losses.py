"""Losses: ordinary compositions of other functions, averaged over the samples or over the entries of a matrix."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symdiff.functions.elementwise import entrywise
from symdiff.functions.reductions import mean


def _binary_cross_entropy(probability: sp.Expr, target: sp.Expr) -> sp.Expr:
    return -(target * sp.log(probability) + (1 - target) * sp.log(1 - probability))


def _squared(prediction: sp.Expr, target: sp.Expr) -> sp.Expr:
    return (prediction - target) ** 2


def mse(prediction: Any, target: Any) -> Any:
    """The mean squared difference."""
    return mean(entrywise(_squared)(prediction, target))


def binary_cross_entropy(probability: Any, target: Any) -> Any:
    """Mean of -(t log p + (1 - t) log(1 - p)); with p = sigmoid(z) it is computed from z, without overflow."""
    return mean(entrywise(_binary_cross_entropy)(probability, target))


def huber(prediction: Any, target: Any, delta: Any = 1) -> Any:
    """Mean of the Huber loss: r**2 / 2 where |r| <= delta, else delta (|r| - delta / 2) (Huber 1964)."""
    delta = sp.sympify(delta)

    def entry(a: sp.Expr, b: sp.Expr) -> sp.Expr:
        size = sp.Abs(a - b)
        return sp.Piecewise(((a - b) ** 2 / 2, size <= delta), (delta * (size - delta / 2), True))

    return mean(entrywise(entry)(prediction, target))
