"""What SymPy alone offers: diff, common subexpressions, lambdify. `written()` returns a `Scalars`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from benchmarks.case import Case, Contender, Inputs
from benchmarks.peers import by_hand


@dataclass(frozen=True)
class Scalars:
    """A model in scalars of SymPy, which lambdify then calls with arrays: one entry for each sample.

    Attributes
    ----------
    loss : of one sample; the value and gradient of the model are means over the samples, unless it is pointwise.
    params, data : symbols; one symbol, or a sequence for the entries of a vector.
    """

    loss: sp.Expr
    params: Sequence[sp.Symbol | Sequence[sp.Symbol]]
    data: Sequence[sp.Symbol | Sequence[sp.Symbol]]


def contender(written: Callable[[], Scalars], case: Case, inputs: Inputs) -> Contender:
    """A step of the lambdified loss and its derivatives."""
    model = written()
    inputs = Inputs(inputs.params, tuple(map(_as_given, model.data, inputs.data)))
    single = [s for group in model.params for s in (group if isinstance(group, Sequence) else [group])]
    derivatives = [sp.diff(model.loss, symbol) for symbol in single]
    # SciPy for erf, which NumPy lacks.
    function = sp.lambdify([*model.params, *model.data], [model.loss, *derivatives], ["scipy", "numpy"], cse=True)
    if case.kind == "pointwise":
        return by_hand.contender(_split(function), case, inputs)

    shapes = [np.shape(array) for array in inputs.params]
    bounds = np.cumsum([len(group) if isinstance(group, Sequence) else 1 for group in model.params])[:-1]

    def means(*given: Any) -> tuple[Any, list[Any]]:
        value, *found = map(np.mean, function(*given))
        if len(found) == len(shapes):
            return value, found
        parts = np.split(np.array(found), bounds)
        return value, [part.reshape(shape)[()] for part, shape in zip(parts, shapes, strict=True)]

    return by_hand.contender(means, case, inputs)


def _as_given(symbols: Any, array: Any) -> Any:
    """An array of samples as the function unpacks it: a column for each symbol of a sequence, else flat."""
    return (
        np.ascontiguousarray(array.T) if isinstance(symbols, Sequence) else np.ravel(array) if np.ndim(array) else array
    )


def _split(function: Callable[..., list[Any]]) -> Callable[..., tuple[Any, list[Any]]]:
    def value_and_derivatives(*given: Any) -> tuple[Any, list[Any]]:
        value, *derivatives = function(*given)
        return value, derivatives

    return value_and_derivatives
