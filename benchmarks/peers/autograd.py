"""HIPS autograd: `written(autograd.numpy, *params, *data)` is the forward computation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as anp
from autograd.extend import vspace

from benchmarks.case import Case, Contender, Inputs
from benchmarks.peers import by_hand


def contender(written: Callable[..., Any], case: Case, inputs: Inputs) -> Contender:
    """A step that traces the computation anew, as autograd does at each call."""
    count = len(inputs.params)
    if case.kind == "hessian":
        hessian = autograd.hessian(lambda param, *data: written(anp, param, *data))
        return by_hand.contender(hessian, case, inputs)

    def value_and_gradient(*given: Any) -> tuple[Any, list[Any]]:
        data = given[count:]
        pull, value = autograd.make_vjp(lambda params: written(anp, *params, *data))(given[:count])
        return value, list(pull(vspace(value).ones()))

    return by_hand.contender(value_and_gradient, case, inputs)
