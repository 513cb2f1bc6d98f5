"""Data far from 0 and close together, in single precision: differences stay differences, whoever would multiply them out.

The data are whole multiples of 1/64, so that they are exact also when 100,000 is added. Right is PyTorch in double precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch

import symdiff as sd

n, d, k = sp.symbols("n d k", integer=True, positive=True)
i, j, l = sp.symbols("i j l", integer=True)  # noqa: E741
s, t, x = sp.symbols("s t x")
X, M, Q, P, C = (
    sd.Tensor(name, shape)
    for name, shape in (("X", (n, d)), ("M", (k, d)), ("Q", (k, d, d)), ("P", (d, d)), ("C", (n, k)))
)
a, b, c, W = (sp.IndexedBase(name, shape=shape) for name, shape in (("a", n), ("b", n), ("c", n), ("W", (n, n))))
A, B = sp.MatrixSymbol("A", n, d), sp.MatrixSymbol("B", 1, d)
SIZES = {"X": (12, 2), "M": (3, 2), "Q": (3, 2, 2), "P": (2, 2), "C": (12, 3), "W": (12, 12), "A": (12, 2), "B": (1, 2)}
SIZES |= dict.fromkeys("abcx", (12,)) | dict.fromkeys("st", ())
FAR = "XMabxtAB"
pairs = X[:, None] - M
apart = lambda X, M: X[:, None] - M  # noqa: E731
lower = torch.ones(12, 12, dtype=torch.float64).tril()

# fmt: off
ROWS: list[tuple[str, Any, tuple[Any, ...], Callable[..., torch.Tensor]]] = [
    ("mixture", -sd.sum(sd.logsumexp(-sd.sum(sd.einsum("kij,nkj->nki", Q, pairs) ** 2, axis=2) / 2, axis=1)), (M, Q, X),
     lambda M, Q, X: -torch.logsumexp(-(torch.einsum("kij,nkj->nki", Q, apart(X, M)) ** 2).sum(2) / 2, 1).sum()),
    ("a matrix times differences", sd.sum(sd.tanh(pairs @ P)), (M, P, X), lambda M, P, X: torch.tanh(apart(X, M) @ P).sum()),
    ("differences summed", sd.sum(sd.sum(C[:, :, None] * pairs, axis=1) ** 2), (M, C, X),
     lambda M, C, X: ((C[:, :, None] * apart(X, M)).sum(1) ** 2).sum()),
    ("kernels", sd.sum(C * sd.exp(-sd.sum(pairs ** 2, axis=2))), (M, C, X),
     lambda M, C, X: (C * torch.exp(-(apart(X, M) ** 2).sum(2))).sum()),
    ("oscillators that pull each other", sp.Sum(sp.Sum(W[i, j] * (a[j] - a[i]), (j, 0, n - 1)) ** 2, (i, 0, n - 1)), (W, a),
     lambda W, a: ((W * (a[None] - a[:, None])).sum(1) ** 2).sum()),
    ("pairs over a number", sp.Sum(sp.exp(-((a[i] - b[j]) / 3) ** 2), (i, 0, n - 1), (j, 0, n - 1)), (a, b),
     lambda a, b: torch.exp(-((a[:, None] - b) / 3) ** 2).sum()),
    ("pairs times a decimal", sp.Sum(c[i] * sp.tanh(0.7 * (a[i] - b[j])), (i, 0, n - 1), (j, 0, n - 1)), (a, b, c),
     lambda a, b, c: (c[:, None] * torch.tanh(0.7 * (a[:, None] - b))).sum()),
    ("running sums of differences", sp.Sum(c[i] * sp.Sum(a[j] - b[j], (j, 0, i)), (i, 0, n - 1)), (c, a, b),
     lambda c, a, b: (c * torch.cumsum(a - b, 0)).sum()),
    ("pairs of a triangle", sp.Sum(c[i] * sp.Sum(a[i] - b[j], (j, 0, i)), (i, 0, n - 1)), (c, a, b),
     lambda c, a, b: (c[:, None] * (a[:, None] - b) * lower).sum()),
    ("a matrix less a row", sd.sum(((A - sp.OneMatrix(n, 1) * B) / 7).applyfunc(sp.tanh)), (A, B),
     lambda A, B: torch.tanh((A - B) / 7).sum()),
    ("standardised by numbers", sd.sum(s * sp.tanh((x - 100000) / 3)), (s, x),
     lambda s, x: (s * torch.tanh((x - 100000) / 3)).sum()),
    ("standardised by decimals", sd.sum(sp.tanh(s * ((x - 100000) * 0.3))), (s, x),
     lambda s, x: torch.tanh(s * (x - 100000) * 0.3).sum()),
    ("per sample over a number", sd.mean(((x - t) / 3) ** 2), (t, x), lambda t, x: (((x - t) / 3) ** 2).mean()),
]
# fmt: on


def near(one: Any, other: np.ndarray) -> None:
    assert one.dtype == np.float32
    np.testing.assert_allclose(one, other, rtol=0, atol=2e-6 * max(np.abs(other).max(), 1e-3))


@pytest.mark.parametrize("spread", [False, True], ids=["one cloud", "clouds far apart"])
@pytest.mark.parametrize(("objective", "symbols", "theirs"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_as_accurate_as_at_0(objective, symbols, theirs, spread):
    rng = np.random.default_rng(0)
    names = [str(symbol.name) if hasattr(symbol, "name") else str(symbol) for symbol in symbols]
    at = {name: np.round(64 * rng.standard_normal(SIZES[name])) / 64 for name in names}
    for name in names:
        if name in FAR:
            signs = (
                np.resize([1.0, -1.0], SIZES[name][:1]).reshape(-1, *[1] * (at[name].ndim - 1)) if at[name].ndim else 1
            )
            at[name] = at[name] + 100_000 * (signs if spread else 1)
    given = tuple(torch.tensor(value.astype(np.float32).astype(float)) for value in at.values())
    data = [symbol for symbol in symbols if symbol is x]
    module = sd.compile(
        sd.Model(objective, params=[q for q in symbols if q is not x], data=data), wrt=names, cache=False
    )
    value, gradient = module.value_and_grad(*(each.numpy().astype(np.float32) for each in given))
    near(value, theirs(*given).numpy())
    for name, right in zip(names, torch.autograd.functional.jacobian(theirs, given), strict=True):
        near(getattr(gradient, name), right.numpy())
