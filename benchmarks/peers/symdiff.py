"""symdiff itself: the generated module, called as its users do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

import symdiff as sd
from benchmarks.case import Case, Contender, Inputs
from benchmarks.peers import by_hand


def contender(options: Mapping[str, str], case: Case, inputs: Inputs) -> Contender:
    """Compile the model, from scratch, with these options."""
    if case.kind == "hessian":
        hessian = sd.compile(case.model(), emit="hessian", cache=False, **options).hessian
        columns = inputs.params[0].size
        return Contender(
            lambda: hessian(*inputs.params, *inputs.data),
            lambda found: [np.asarray(found[0][0]).reshape(columns, columns)],
        )
    module = sd.compile(case.model(), emit="value_and_grad", cache=False, **options)
    return by_hand.contender(module.value_and_grad, case, inputs)
