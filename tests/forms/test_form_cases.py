"""Closed forms of gradients from the literature: each compiles again to the gradient's numbers, or says why there is none."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from form_cases import by_complex_step, indexed, matrices, tensors

import symdiff as sd
from symdiff.errors import UnsupportedError

CASES = [(kind.__name__, case) for kind in (matrices, tensors, indexed) for case in kind()]


def close(found, expected, digits):
    """Of the same shape, and equal to so many digits of the largest entry."""
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=10**-digits * max(1.0, np.abs(expected).max()))


def forms_of(model, case):
    """The forms by name; none where they are refused together."""
    if len(case.without) == len(case.by):
        with pytest.raises(UnsupportedError, match=r"no (closed )?form"):
            sd.gradient(model)
        return {}
    found = {symbol.name: form for symbol, form in sd.gradient(model).items()}
    assert {name for name, form in found.items() if isinstance(form, sd.NoForm)} == set(case.without)
    return {name: form for name, form in found.items() if name not in case.without}


@pytest.mark.filterwarnings("ignore::symdiff.errors.ModelWarning")
@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[f"{kind}: {case.name}" for kind, case in CASES])
def test_gradient(case):
    given = case.arrays()
    constants = [case.symbols[name] for name in given if case.symbols[name] not in case.by]
    model = sd.Model(case.objective, params=list(case.by), constants=constants)
    module = sd.compile(model, emit=("value", "grad"))
    close(module.value(**given), case.function(SimpleNamespace(**given)), 12)
    gradient = module.grad(**given)._asdict()
    for name, found in gradient.items():
        close(found, by_complex_step(case.function, given, name), 11)
    forms = forms_of(model, case)
    if not forms:
        return
    names = {name: f"g{number}" for number, name in enumerate(forms)}
    outputs = {names[name]: form for name, form in forms.items()}
    again = sd.compile(sd.Model(outputs=outputs, params=list(case.by), constants=constants), emit="value")
    for name, output in names.items():
        arguments = again.SIGNATURE["functions"][output]
        close(getattr(again, output)(**{key: given[key] for key in arguments}), gradient[name], 11)


def test_there_are_more_than_two_hundred():
    assert len(CASES) > 200
    assert len({(kind, case.name) for kind, case in CASES}) == len(CASES)
