"""PyTensor: `written(pytensor.tensor, *params, *data)` is the forward computation; parameters are shared variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from benchmarks.case import Case, Contender, Inputs


def contender(written: Callable[..., Any], case: Case, inputs: Inputs) -> Contender:
    """A compiled function without arguments, as its users train; what is updated is updated in place."""
    params = [pytensor.shared(np.array(array)) for array in inputs.params]
    data = [pytensor.shared(np.asarray(array), borrow=True) for array in inputs.data]
    value = written(pt, *params, *data)
    if case.kind == "hessian":
        function = pytensor.function([], pytensor.gradient.hessian(value, params[0]))
        return Contender(function, lambda hessian: [np.asarray(hessian)])
    gradient = pytensor.grad(value.sum(), params)
    if case.rate is None:
        return Contender(pytensor.function([], [value, *gradient]), lambda found: [np.array(part) for part in found])
    rate = np.asarray(case.rate, value.dtype)  # a Python number would make float32 parameters float64
    updates = [(p, p - rate * g) for p, g in zip(params, gradient, strict=True)]
    function = pytensor.function([], value, updates=updates)
    return Contender(function, lambda value: [np.asarray(value), *(p.get_value() for p in params)])
