"""Numbers of a model as doubles: each is evaluated as a whole, whose parts may lie beyond the range of doubles.

So may a factor: of w**171/171! the product is a number, the factorial is none.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import sympy as sp

from symdiff.errors import UnsupportedError
from symdiff.frontend.rule import Rule
from symdiff.graph.build import div, mul, neg, pointwise, power
from symdiff.graph.leaves import constant, is_normal, number
from symdiff.graph.node import Node

_DIGITS = 30


def value(expression: Any) -> Any:
    """A real number as SymPy's, to 30 digits and of any size; a `TypeError` where SymPy has no number for it."""
    if expression in (sp.nan, sp.zoo):
        raise UnsupportedError(f"The expression contains {expression}: it is not defined anywhere.")
    found = expression if expression.is_Float else expression.evalf(_DIGITS)
    if found.is_Number:
        return sp.Float(found, _DIGITS)
    if complex(found).imag:
        raise UnsupportedError("The expression contains the imaginary unit: symdiff computes over the real numbers.")
    return sp.Float(complex(found).real, _DIGITS)


def built(walk: Any, rule: Rule, part: Any, children: Sequence[Any], nodes: list[Node]) -> Node:
    """The node of an expression whose children are known: of numbers alone a number, else as its rule says."""
    if nodes and all(number(node) is not None for node in nodes) and _is_number(part):
        try:
            return constant(float(value(part)))
        except TypeError:  # SymPy has no number for it
            pass
    if not rule.unbounded:
        check_range(children, nodes)
    return rule.build(walk, part, nodes)


def _is_number(part: Any) -> bool:
    return isinstance(part, sp.Expr) and not part.is_Matrix and not part.free_symbols


def check_range(expressions: Sequence[Any], nodes: Sequence[Node]) -> None:
    """Refuse a finite number that no double is."""
    for expression, node in zip(expressions, nodes, strict=True):
        if math.isinf(number(node) or 0.0) and expression not in (sp.oo, -sp.oo):
            raise UnsupportedError(
                f"The number {sp.Float(value(expression), 3)} is larger than any floating-point number "
                f"({sys.float_info.max:.2g}): measure in other units, or write the expression in logarithms."
            )


def fits(number: Any) -> bool:
    """Whether a number is a double with all its digits."""
    return number == 0 or is_normal(number)


def beyond(expressions: Sequence[Any], nodes: Sequence[Node]) -> Any:
    """The product of the numbers among some factors, where it or one of them is no double with all its digits."""
    found = [(e, n) for e, node in zip(expressions, nodes, strict=True) if (n := number(node)) is not None]
    if any(e in (sp.oo, -sp.oo) or not e.is_number for e, _ in found):
        return None
    product = 1.0
    for expression, double in found:
        product *= double
        if not (fits(double) and fits(product)) or (product == 0 and not expression.is_zero):
            return math.prod((value(e) for e, _ in found), start=sp.Float(1, _DIGITS))
    return None


def spread(coefficient: Any, factors: list[Node]) -> list[Node]:
    """Factors times a number that no double is: taken up by a power or an exponential where there is one."""
    for i, factor in enumerate(factors):
        if (found := _taken_up(abs(coefficient), factor)) is not None:
            return [*factors[:i], neg(found) if coefficient < 0 else found, *factors[i + 1 :]]
    return [_scaled(coefficient, factors[0]), *factors[1:]]


def _taken_up(c: Any, factor: Node) -> Node | None:
    """c x**n as (c**(1/n) x)**n, c exp(x) as exp(x + log c)."""
    if factor.op == "exp":
        return pointwise("exp", factor.args[0] + float(sp.log(c)))
    inverse = factor.op == "div" and number(factor.args[0]) == 1
    x = factor.args[1] if inverse else factor
    n = number(x.args[1]) if x.op == "pow" else None
    if n is None or n < 2:
        return None
    root = c ** (sp.Float(-1 if inverse else 1, _DIGITS) / n)
    if not fits(root):
        return None
    raised = power(mul(constant(float(root)), x.args[0]), constant(n))
    return div(constant(1.0), raised) if inverse else raised


def _scaled(c: Any, x: Node) -> Node:
    """c x, by two numbers that are doubles with all their digits."""
    if fits(c):
        return mul(constant(float(c)), x)
    divisor = 1 / sp.sqrt(abs(c))
    if not (fits(divisor) and fits(1 / divisor)):
        raise UnsupportedError(
            f"The factor {sp.Float(c, 3)} is beyond the range of floating-point numbers: measure in other units, or write the "
            "expression in logarithms."
        )
    rounded = float(divisor)
    return div(mul(constant(float(c * rounded)), x), constant(rounded))
