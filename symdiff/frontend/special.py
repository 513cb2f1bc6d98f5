"""Functions that are formulas in the operations of the graph, special functions, and those refused by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import sympy as sp

from symdiff.functions import elementwise as own
from symdiff.graph.build import constant, pointwise, select
from symdiff.graph.node import Node


def _f(op: str) -> Callable[..., Node]:
    return lambda *operands: pointwise(op, *operands)


_sin, _cos, _tan = _f("sin"), _f("cos"), _f("tan")
_sinh, _cosh, _tanh = _f("sinh"), _f("cosh"), _f("tanh")


def _heaviside(x: Node, at_zero: Node) -> Node:
    zero = constant(0.0)
    positive = pointwise("lt", zero, x)
    at = select(pointwise("eq", x, zero), at_zero, select(pointwise("lt", x, zero), zero, x * 0 + constant(float("nan"))))
    return select(positive, constant(1.0), at)


def _sinc(x: Node) -> Node:
    """sin(x) / x, and 1 at 0."""
    zero = pointwise("eq", x, constant(0.0))
    return select(zero, constant(1.0), _sin(x) / select(zero, constant(1.0), x))


# SymPy class -> formula in its operands.
FORMULAS: dict[type, Callable[..., Node]] = {
    sp.cot: lambda x: 1 / _tan(x),
    sp.sec: lambda x: 1 / _cos(x),
    sp.csc: lambda x: 1 / _sin(x),
    sp.acot: lambda x: pointwise("arctan", 1 / x),
    sp.asec: lambda x: pointwise("arccos", 1 / x),
    sp.acsc: lambda x: pointwise("arcsin", 1 / x),
    sp.coth: lambda x: 1 / _tanh(x),
    sp.sech: lambda x: 1 / _cosh(x),
    sp.csch: lambda x: 1 / _sinh(x),
    sp.acoth: lambda x: pointwise("arctanh", 1 / x),
    sp.asech: lambda x: pointwise("arccosh", 1 / x),
    sp.acsch: lambda x: pointwise("arcsinh", 1 / x),
    sp.frac: lambda x: x - pointwise("floor", x),
    sp.Heaviside: _heaviside,
    sp.sinc: _sinc,
    own.gelu: lambda x: 0.5 * x * pointwise("erfc", x * constant(-math.sqrt(0.5))),
}

# Special functions, each of its own operation: filled from the table of `graph.special`.
SPECIAL: dict[type, Callable[..., Node]] = {}


def refusal(expression: Any) -> str:
    """Why an expression of this class is not compiled, and what to write instead."""
    name = type(expression).__name__
    return (
        f"{name} is not supported: write it in functions symdiff knows, or give a sympy.Function of your own with fdiff "
        "and a registered body."
    )
