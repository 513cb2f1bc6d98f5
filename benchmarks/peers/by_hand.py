"""NumPy functions with derivatives by hand: `written(*params, *data)` returns the value and the list of derivatives.

Of a case of kind ``"hessian"`` it returns the Hessian. symdiff's modules, lambdify, autograd and Numba are called in the same
way and share the update: gradients are their own, so they are scaled in place, and parameters are changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.case import Case, Contender, Inputs


def contender(written: Callable[..., Any], case: Case, inputs: Inputs) -> Contender:
    """A step of a function of NumPy arrays."""
    data = inputs.data
    if case.kind == "hessian":
        params = inputs.params
        return Contender(lambda: written(*params, *data), lambda hessian: [np.asarray(hessian)])
    if case.rate is None:
        params = inputs.params
        return Contender(
            lambda: written(*params, *data), lambda result: [np.asarray(result[0]), *map(np.asarray, result[1])]
        )
    rate = case.rate
    state = [np.copy(p) if np.ndim(p) else p for p in inputs.params]
    descend = _descend_arrays if all(map(np.ndim, state)) else _descend_scalars

    def step() -> Any:
        value, gradient = written(*state, *data)
        descend(state, gradient, rate)
        return value

    return Contender(step, lambda value: [np.asarray(value), *map(np.copy, state)])


def _descend_arrays(state: list[Any], gradient: Sequence[Any], rate: float) -> None:
    for p, g in zip(state, gradient, strict=True):
        g *= rate
        p -= g


def _descend_scalars(state: list[Any], gradient: Sequence[Any], rate: float) -> None:
    state[:] = [p - rate * g for p, g in zip(state, gradient, strict=True)]
