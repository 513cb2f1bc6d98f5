"""Index notation by plain loops over PyTorch scalars: what `Sum` and `Indexed` mean, and by autograd their derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import sympy as sp
import torch
from sympy.matrices.expressions.matexpr import MatrixElement

_FUNCTIONS = {
    sp.sin: torch.sin, sp.cos: torch.cos, sp.exp: torch.exp, sp.log: torch.log, sp.tanh: torch.tanh, sp.Abs: torch.abs,
}  # fmt: skip
_COMPARISONS = {
    sp.Ne: lambda a, b: a != b, sp.Eq: lambda a, b: a == b, sp.Lt: lambda a, b: a < b, sp.Le: lambda a, b: a <= b,
    sp.Gt: lambda a, b: a > b, sp.Ge: lambda a, b: a >= b,
}  # fmt: skip


def evaluate(e: Any, env: Mapping[Any, Any]) -> Any:
    """The value of an expression; `env`: symbol, array or bound index -> its value."""
    if e in env:
        return env[e]
    if e.is_Number:
        return torch.tensor(float(e), dtype=torch.float64)
    if isinstance(e, sp.Indexed):
        return _entry(env[e.base], [_whole(index, env) for index in e.indices], e)
    if isinstance(e, MatrixElement):
        return evaluate(e.parent, env)[tuple(_whole(index, env) for index in e.indices)]
    if isinstance(e, (sp.Sum, sp.Product)):
        values = [evaluate(e.function, inner) for inner in _places(e.limits[::-1], env)]
        start = torch.tensor(float(isinstance(e, sp.Product)), dtype=torch.float64)
        return sum(values, start) if isinstance(e, sp.Sum) else prod(values, start=start)
    if isinstance(e, sp.KroneckerDelta):
        return torch.tensor(float(_whole(e.args[0], env) == _whole(e.args[1], env)), dtype=torch.float64)
    if isinstance(e, sp.Piecewise):
        return next(evaluate(branch, env) for branch, condition in e.args if evaluate(condition, env))
    if type(e).__name__ == "where":
        return evaluate(e.args[1] if evaluate(e.args[0], env) else e.args[2], env)
    if e in (sp.true, sp.false):
        return bool(e)
    arguments = [evaluate(argument, env) for argument in e.args]
    if type(e) in _COMPARISONS:
        return _COMPARISONS[type(e)](*arguments)
    if e.is_Add:
        return sum(arguments)
    if e.is_Mul:
        return prod(arguments)
    if e.is_Pow:
        return arguments[0] ** arguments[1]
    return _FUNCTIONS[type(e)](*arguments)


def _whole(index: Any, env: Mapping[Any, Any]) -> int:
    value = float(evaluate(index, env))
    assert value == int(value), index
    return int(value)


def _entry(array: Any, places: list[int], e: Any) -> Any:
    for place, size in zip(places, array.shape, strict=True):
        if not 0 <= place < size:
            raise IndexError(f"{e} at {places}")
    return array[tuple(places)]


def _places(limits: Any, env: Mapping[Any, Any]) -> Any:
    """The environment at every place of the limits, the outermost first."""
    if not limits:
        yield env
        return
    (index, low, high), *rest = limits
    low, high = _whole(low, env), _whole(high, env)
    if high < low - 1:
        raise IndexError(f"{index} from {low} to {high}")
    for place in range(low, high + 1):
        yield from _places(rest, {**env, index: torch.tensor(float(place), dtype=torch.float64)})
