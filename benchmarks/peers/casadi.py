"""CasADi: `written(casadi, *params, *data)` is the forward computation in MX; matrices of doubles, vectors are columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import casadi as ca
import numpy as np

from benchmarks.case import Case, Contender, Inputs


def contender(written: Callable[..., Any], case: Case, inputs: Inputs) -> Contender:
    """A step of CasADi's virtual machine; arrays of three axes come as matrices, their first two axes joined."""
    given = [_matrix(array) for array in (*inputs.params, *inputs.data)]
    symbols = [ca.MX.sym(f"x{i}", *array.shape) for i, array in enumerate(given)]
    count = len(inputs.params)
    params = symbols[:count]
    value = written(ca, *symbols)
    if case.kind == "hessian":
        function = ca.Function("hessian", symbols, [ca.hessian(value, params[0])[0]])
        return Contender(lambda: function(*given), lambda hessian: [np.array(hessian)])
    gradient = [ca.jtimes(value, p, ca.MX.ones(*value.shape), True) for p in params]
    shapes = [np.shape(array) for array in inputs.params]
    data = given[count:]
    if case.rate is None:
        function = ca.Function("gradient", symbols, [value, *gradient])
        value_shape = shapes[0] if case.kind == "pointwise" else ()
        return Contender(lambda: function(*given), lambda found: _arrays(found, [value_shape, *shapes]))
    updated = [p - case.rate * g for p, g in zip(params, gradient, strict=True)]
    function = ca.Function("descend", symbols, [value, *updated])
    state = given[:count]

    def step() -> Any:
        value, *state[:] = function(*state, *data)
        return value

    return Contender(step, lambda value: _arrays([value, *state], [(), *shapes]))


def _matrix(array: Any) -> ca.DM:
    array = np.asarray(array, float)
    return ca.DM(array.reshape(-1, array.shape[-1]) if array.ndim > 2 else array)


def _arrays(found: Any, shapes: list[Any]) -> list[np.ndarray]:
    return [np.array(matrix.full()).reshape(shape) for matrix, shape in zip(found, shapes, strict=True)]
