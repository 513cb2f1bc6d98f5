"""Single precision in, single precision out: of every function, whatever its parts are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symdiff as sd

n = sp.symbols("n", integer=True, positive=True)
i, j = sp.symbols("i j", integer=True)
w, x = sp.symbols("w x")
B, C = sd.Tensor("B", (n, 2)), sd.Tensor("C", (2,))
labels, counts = sd.Tensor("labels", n, dtype=int), sd.Tensor("counts", (n, 2), dtype=int)
on = sd.Tensor("on", n, dtype=bool)
y = sp.IndexedBase("y", shape=(n,))
codes = sd.one_hot(labels, 2)
AT = {
    "B": np.array([[0.7, 0.2], [0.1, 0.3], [0.5, 0.4]], np.float32),
    "C": np.array([0.3, 0.4], np.float32),
    "labels": np.array([0, 1, 1]),
    "counts": np.array([[1, 2], [3, 1], [0, 2]]),
    "on": np.array([True, False, True]),
    "y": np.array([0.3, 0.2, 0.5], np.float32),
    "x": np.array([0.3, 0.2, 0.5], np.float32),
    "w": np.float32(0.5),
}
# name -> objective, what it is differentiated by, other data
MODELS: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "codes of labels": (sd.sum(B * codes), [B], [labels]),
    "codes in a product": (sd.sum((codes @ C) ** 2), [C], [labels]),
    "picked entries": (sd.sum(sd.take(C, labels) ** 2), [C], [labels]),
    "numbers chosen by a mask": (sd.sum(sd.where(on, 1.5, 0.5) * C[0]), [C], [on]),
    "a sum of whole numbers": (sd.sum(counts) * w, [w], [counts]),
    "roots of whole numbers": (sd.sum(sd.sqrt(counts)) * w, [w], [counts]),
    "comparisons": (sd.sum(sd.equal(labels, 1)) * w + sd.mean(sd.equal(counts, 0)), [w], [labels, counts]),
    "cross-entropy": (sd.cross_entropy(codes * C, labels), [C], [labels]),
    "positions": (sp.Sum(y[i] * y[j] * sp.exp(-((i - j) ** 2) / w), (i, 0, n - 1), (j, 0, n - 1)), [w], [y]),
    "numbers of positions": (sp.Sum(y[i] * i, (i, 0, n - 1)), [y], []),
    "numbers in cases": (sd.sum(sp.Piecewise((1, x > 0), (2, True)) * w), [w], [x]),
    "special functions of a number": (sd.sum(sp.besselj(2, x) * sp.gamma(w)), [w], [x]),
}


def _arrays(found: Any) -> Iterator[Any]:
    if isinstance(found, tuple):
        for part in found:
            yield from _arrays(part)
    else:
        yield found


@pytest.mark.parametrize("style", ["fast", "plain"])
@pytest.mark.parametrize("name", MODELS)
def test_single_precision_stays_single(name: str, style: str) -> None:
    objective, params, data = MODELS[name]
    model = sd.Model(objective, params=params, data=data, outputs={"out": objective})
    kinds = ("value", "grad", "value_and_grad", "hessian", "hvp", "jvp", "vjp", "jacobian")
    module = sd.compile(model, emit=kinds, style=style, cache=False)
    given = [AT[str(symbol)] for symbol in (*params, *data)]
    ones = tuple(np.ones_like(AT[str(symbol)]) for symbol in params)
    more = {"hvp": ones, "jvp": ones, "out_jvp": ones, "out_vjp": np.float32(1)}
    functions = ("value", "grad", "value_and_grad", "hessian", "out", "out_jacobian", *more)
    for function in functions:
        found = getattr(module, function)(*given, *([more[function]] if function in more else []))
        assert {array.dtype for array in _arrays(found)} == {np.dtype(np.float32)}, function
