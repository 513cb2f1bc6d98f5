"""Every row of the catalogue: value, derivatives and all products, in both precisions, against PyTorch and the reference."""

from __future__ import annotations

import re
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from catalogue import ALL, Case
from float_errors import float_errors

import symdiff as sd
from symdiff import reference

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*without data over the samples"),
    pytest.mark.filterwarnings("ignore:.*nothing depends on it"),
]
STYLES = ("fast", "plain")
# Errors in units of the largest entry of each array.
TOLERANCE = {np.float64: 1e-12, np.float32: 3e-5}


def named(expression: Any) -> set[str]:
    """The functions that an expression shows."""
    return {*re.findall(r"\w+(?=\()", str(expression))}


def flat(result: Any) -> list[Any]:
    """The arrays of a result, however nested."""
    return [part for entry in result for part in flat(entry)] if isinstance(result, tuple) else [result]


def close(mine: list[Any], theirs: list[np.ndarray], dtype: type = np.float64) -> None:
    """Each part of a result is of the dtype and shape it should be, and agrees to the size of its largest entry."""
    assert len(mine) == len(theirs)
    for one, other in zip(mine, theirs, strict=True):
        assert one.dtype == dtype
        assert one.shape == other.shape
        scale = max(1.0, np.abs(other).max(initial=0))
        np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("case", ALL, ids=str)
def test_as_in_torch(case: Case, style: str) -> None:
    """Every function of a row's module, in both precisions."""
    module = sd.compile(case.model(), style=style, emit=case.emit)
    for kind, dtype in product(case.kinds, TOLERANCE):
        try:
            check(case, module, kind, dtype)
        except Exception as error:
            error.add_note(f"{kind} in {dtype.__name__}")
            raise


def check(case: Case, module: ModuleType, kind: str, dtype: type) -> None:
    """One function of a module returns what PyTorch computes."""
    theirs, arrays = case.expected, case.arrays(dtype)
    taken = module.SIGNATURE["functions"]["out"] if kind.startswith("out") else list(arrays)
    by = [name in taken for name in case.wrt]
    if kind in ("out_jacobian", "out_vjp") and not any(by):
        return
    arguments = [arrays[name] for name in taken]
    if kind.endswith("vjp"):
        arguments.append(theirs.u.astype(dtype))
    elif kind.endswith(("hvp", "jvp")):
        arguments.append(tuple(v.astype(dtype) for v, has in zip(case.direction, by, strict=True) if has))
    wanted = getattr(theirs, kind)
    if kind in ("out_jacobian", "out_vjp"):
        wanted = [part for part, has in zip(wanted, by, strict=True) if has]
    with float_errors():
        mine = flat(getattr(module, kind)(*arguments))
    close(mine, wanted if isinstance(wanted, list) else [wanted], dtype)


WITH_WAVES = [case for case in ALL if "value_and_grad" in case.kinds and {"sin", "cos"} & named(case.expression)]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", WITH_WAVES, ids=str)
def test_fast_math_as_in_torch(case: Case, dtype: type) -> None:
    module = sd.compile(case.model(), math="fast", emit=("value_and_grad",))
    with float_errors():
        result = flat(module.value_and_grad(*case.arrays(dtype).values()))
    close(result, flat(tuple(case.expected.value_and_grad)), dtype)


NO_REFERENCE = {  # row -> why the reference cannot evaluate it
    "scalar, registered": "it knows no function of the user's own",
    "matrix, registered": "it knows no function of the user's own",
}


@pytest.mark.parametrize("case", ALL, ids=str)
def test_as_the_reference_has_it(case: Case) -> None:
    """The value, and the gradient along one direction, of the user's own expressions at high precision."""
    model = case.model()
    samples = reference.count_samples(model, case.values)
    direction = dict(zip(case.params, case.direction, strict=True))

    def ask(function: Any, *more: Any) -> np.ndarray:
        result = function(model.objective, case.values, *more, digits=20, samples=samples)
        return np.asarray(result.astype(float)).reshape(())

    if str(case) in NO_REFERENCE:
        with pytest.raises(reference.NoReferenceError, match="no numerical value"):
            ask(reference.evaluate)
        return
    exact = [ask(reference.evaluate), ask(reference.directional, direction)]
    close([case.expected.value, case.expected.jvp], exact)
    value, gradient = sd.compile(case.model(), emit=case.emit).value_and_grad(*case.arrays().values())
    along = sum(np.sum(part * v) for part, v in zip(gradient, case.direction, strict=True))
    close([value, along], exact)
