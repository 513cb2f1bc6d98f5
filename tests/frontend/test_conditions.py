"""Conditions joined by and, or, xor and not mean what SymPy means by them, however they are nested."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import sympy as sp

import symdiff as sd

SYMBOLS = sp.symbols("a b c d", real=True)
POINTS = np.array(list(itertools.product((-1.0, 1.0), repeat=4)))


def condition(rng: random.Random, depth: int) -> Any:
    """A condition on the signs of the symbols."""
    if depth == 0:
        x = rng.choice(SYMBOLS)
        return rng.choice((x > 0, x < 0, sp.Ne(x, rng.choice(SYMBOLS)), sp.Eq(x, rng.choice(SYMBOLS))))
    join = rng.choice((sp.And, sp.Or, sp.Xor, sp.Not, sp.ITE))
    parts = {sp.Not: 1, sp.ITE: 3}.get(join, rng.choice((2, 3)))
    return join(*(condition(rng, depth - 1) for _ in range(parts)), evaluate=False)


def meant(condition: Any, values: dict[Any, float]) -> bool:
    """Whether it holds, by the meaning of each class."""
    if condition.is_Relational:
        return bool(condition.func(*(x.subs(values) for x in condition.args)))
    if condition in (sp.true, sp.false):
        return condition is sp.true
    parts = [meant(part, values) for part in condition.args]
    match type(condition).__name__:
        case "And":
            return all(parts)
        case "Or":
            return any(parts)
        case "Xor":
            return sum(parts) % 2 == 1
        case "Not":
            return not parts[0]
        case "ITE":
            return parts[1] if parts[0] else parts[2]
    raise AssertionError(condition)


def test_nested_conditions():
    rng = random.Random(0)
    conditions = [condition(rng, rng.choice((1, 2, 3))) for _ in range(60)]
    outputs = {f"o{i}": sp.Piecewise((SYMBOLS[0] + 2, c), (SYMBOLS[1] - 2, True)) for i, c in enumerate(conditions)}
    model = sd.Model(outputs=outputs, params=SYMBOLS)
    module = sd.compile(model, emit="value", cache=False)
    for i, asked in enumerate(conditions):
        holds = [meant(asked, dict(zip(SYMBOLS, point, strict=True))) for point in POINTS]
        right = np.where(holds, POINTS[:, 0] + 2, POINTS[:, 1] - 2)
        used = module.SIGNATURE["functions"][f"o{i}"]
        given = [POINTS[:, SYMBOLS.index(sp.Symbol(name, real=True))] for name in used]
        np.testing.assert_array_equal(getattr(module, f"o{i}")(*given), right, err_msg=str(asked))


def test_what_counts_sizes_alone():
    """A number in front of a sum that may be empty."""
    n, i = sp.Symbol("n", integer=True, positive=True), sp.Symbol("i", integer=True)
    x, c = sp.IndexedBase("x", shape=(n,)), sp.IndexedBase("c", shape=(2,))
    module = sd.compile(sd.Model(sp.Sum(c[1] * x[i], (i, 1, n - 1)), params=[x, c]), cache=False)
    for dtype in (np.float32, np.float64):
        value, gradient = module.value_and_grad(np.array([2.0], dtype), np.array([1, np.nan], dtype))
        assert (value, gradient.x, list(gradient.c)) == (0, [0], [0, 0])
        assert value.dtype == gradient.x.dtype == gradient.c.dtype == dtype
        value, gradient = module.value_and_grad(np.array([2, 3, 4], dtype), np.array([np.nan, 5], dtype))
        assert (value, list(gradient.x), list(gradient.c)) == (35, [0, 5, 5], [0, 7])
