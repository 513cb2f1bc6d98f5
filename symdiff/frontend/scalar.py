"""The scalar dialect: what each SymPy function of scalars means, as rows of a table.

A parameter is a scalar, a data symbol a vector over the sample axis; everything is elementwise but the reductions.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from symdiff.frontend import special
from symdiff.frontend.numbers import beyond, check_range, fits, spread, value as value_of
from symdiff.frontend.rule import Rule, no_arguments
from symdiff.frontend.undistributed import undistributed
from symdiff.frontend.whole import of_scalars
from symdiff.functions import elementwise as own
from symdiff.graph.axes import reduce, stack
from symdiff.graph.build import add, div, mul, pointwise, power, repeated_scalar, select
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node

# SymPy class -> elementwise operation, operand for operand.
OPERATIONS: dict[type, str] = {
    **special.OPERATIONS,
    sp.Abs: "abs", sp.sign: "sign", sp.floor: "floor", sp.ceiling: "ceil", sp.Mod: "mod",
    sp.exp: "exp", sp.log: "log",
    sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.asin: "arcsin", sp.acos: "arccos", sp.atan: "arctan",
    sp.atan2: "arctan2",
    sp.sinh: "sinh", sp.cosh: "cosh", sp.tanh: "tanh", sp.asinh: "arcsinh", sp.acosh: "arccosh", sp.atanh: "arctanh",
    own.relu: "relu", own.sigmoid: "sigmoid", own.softplus: "softplus", own.stop_gradient: "stop_gradient",
    own.maximum: "maximum", own.minimum: "minimum",
    sp.LessThan: "le", sp.StrictLessThan: "lt", sp.Equality: "eq", sp.Unequality: "ne",
}  # fmt: skip

_BOUNDED_BY = ("le", "lt", "eq", "ne", "maximum", "minimum")  # of a number too large they are right by infinity
_EXACT = 2**53  # whole numbers below are doubles
_COMPARISONS = {"le": operator.le, "lt": operator.lt, "eq": operator.eq, "ne": operator.ne}


def _number(walk: Any, expression: Any, args: list[Node]) -> Node:
    return constant(float(value_of(expression)))


def _sum(walk: Any, expression: Any, args: list[Node]) -> Node:
    ordered = sorted(args, key=lambda node: node.ndim)  # scalars are added before they meet an array
    total = ordered[0]
    for term in ordered[1:]:
        total = add(total, term)
    return total


def _product(walk: Any, expression: Any, args: list[Node]) -> Node:
    """Numerator over denominator, scalars multiplied before they meet an array."""
    parts = _regularised(list(zip(expression.args, args, strict=True)))
    if (coefficient := beyond(*zip(*parts, strict=True))) is not None:
        return _multiply(spread(coefficient, [node for _, node in parts if number(node) is None]))
    above: list[Node] = []
    below: list[Node] = []
    for factor, node in parts:
        if factor.is_Rational and not factor.is_Integer and max(abs(factor.p), factor.q) < _EXACT:
            above.append(constant(float(factor.p)))
            below.append(constant(float(factor.q)))
        elif node.op == "div" and factor.is_Pow:
            above.append(node.args[0])
            below.append(node.args[1])
        else:
            above.append(node)
    top = _multiply(above)
    return div(top, _multiply(below)) if below else top


def _regularised(factors: list[tuple[Any, Node]]) -> list[tuple[Any, Node]]:
    """An incomplete gamma function of a number together with what numbers multiply it: either alone may be beyond doubles."""
    place = next((i for i, (factor, _) in enumerate(factors) if _is_incomplete(factor)), None)
    numbers = [factor for factor, node in factors if number(node) is not None]
    if place is None or not numbers:
        return factors
    incomplete, node = factors.pop(place)
    part = pointwise("gammainc" if isinstance(incomplete, sp.lowergamma) else "gammaincc", *node.args)
    scale = sp.Mul(*numbers, sp.gamma(incomplete.args[0]))
    rest = [(factor, other) for factor, other in factors if number(other) is None]
    return [*rest, (scale, _number(None, scale, [])), (sp.S.One, part)]


def _is_incomplete(factor: Any) -> bool:
    return isinstance(factor, sp.lowergamma | sp.uppergamma) and bool(factor.args[0].is_Number and factor.args[0] > 0)


def _power(walk: Any, expression: Any, args: list[Node]) -> Node:
    base, exponent = args
    check_range(expression.args[1:], [exponent])
    if (known := number(base)) is not None and not (known and fits(known)) and expression.base.is_positive:
        return pointwise("exp", exponent * float(sp.log(value_of(expression.base))))
    return power(base, exponent)


def _multiply(factors: list[Node]) -> Node:
    product = constant(1.0)
    for factor in sorted(factors, key=lambda node: node.ndim):
        product = mul(product, factor)
    return product


def _entrywise(op: str) -> Callable[[Any, Any, list[Node]], Node]:
    return lambda walk, expression, args: _decided(op, args) or pointwise(op, *args)


def _decided(op: str, args: list[Node]) -> Node | None:
    """A comparison of numbers."""
    values = [number(repeated_scalar(node) or node) for node in args] if op in _COMPARISONS else [None]
    return None if None in values else constant(bool(_COMPARISONS[op](*values)))


def _formula(function: Callable[..., Node]) -> Callable[[Any, Any, list[Node]], Node]:
    return lambda walk, expression, args: function(*args)


def _extreme(op: str, reduction: str) -> Callable[[Any, Any, list[Node]], Node]:
    """Of two operands an elementwise operation; of more a reduction, so that ties share equally among all."""

    def build(walk: Any, expression: Any, args: list[Node]) -> Node:
        if len(args) == 2:
            return pointwise(op, *args)
        stacked = stack(args, (len(args),))
        return reduce(reduction, stacked, (stacked.ndim - 1,))

    return build


def _piecewise(walk: Any, expression: Any, args: list[Node]) -> Node:
    """Branches from the last to the first; NaN where no condition holds."""
    result = constant(float("nan"))
    for value, condition in reversed(list(zip(args[::2], args[1::2], strict=True))):
        result = select(_condition(condition), value, result)
    return result


def _piecewise_children(expression: Any) -> list[Any]:
    return [part for pair in expression.args for part in (pair.expr, pair.cond)]


def _condition(node: Node) -> Node:
    return node if node.dtype == "bool" else pointwise("ne", node, constant(0.0))


def _choice(walk: Any, expression: Any, args: list[Node]) -> Node:
    return select(_condition(args[0]), args[1], args[2])


def _logic(op: str) -> Callable[[Any, Any, list[Node]], Node]:
    def build(walk: Any, expression: Any, args: list[Node]) -> Node:
        conditions = [_condition(node) for node in args]
        result = conditions[0]
        for condition in conditions[1:]:
            result = pointwise(op, result, condition)
        return result

    return build


def _greater(op: str) -> Callable[[Any, Any, list[Node]], Node]:
    return lambda walk, expression, args: _decided(op, args[::-1]) or pointwise(op, args[1], args[0])


def _clip(walk: Any, expression: Any, args: list[Node]) -> Node:
    """Chosen, not maximum and minimum, so that the derivative is 1 on the bounds; of crossed bounds the upper one."""
    x, low, high = args
    raised = pointwise("select", pointwise("lt", x, low), low, x)
    return pointwise("select", pointwise("lt", high, raised), high, raised)


_SCALAR: dict[type, Rule] = {
    sp.Add: Rule(_sum, undistributed),
    sp.Mul: Rule(_product, unbounded=True),
    sp.Pow: Rule(_power, unbounded=True),
    **{cls: Rule(_entrywise(op), unbounded=op in _BOUNDED_BY) for cls, op in OPERATIONS.items()},
    **{cls: Rule(_formula(function)) for cls, function in {**special.FORMULAS, **special.SPECIAL}.items()},
    **special.RULES,
    sp.GreaterThan: Rule(_greater("le"), unbounded=True),
    sp.StrictGreaterThan: Rule(_greater("lt"), unbounded=True),
    sp.Max: Rule(_extreme("maximum", "reduce_max"), unbounded=True),
    sp.Min: Rule(_extreme("minimum", "reduce_min"), unbounded=True),
    sp.And: Rule(_logic("and")),
    sp.Or: Rule(_logic("or")),
    sp.Xor: Rule(_logic("xor")),
    sp.Not: Rule(lambda walk, e, args: pointwise("not", _condition(args[0]))),
    sp.ITE: Rule(_choice),
    sp.Piecewise: Rule(_piecewise, _piecewise_children),
    own.where: Rule(_choice),
    own.clip: Rule(_clip, unbounded=True),
    own.equal: Rule(lambda walk, e, args: pointwise("cast", pointwise("eq", *args))),
}

RULES: dict[type, Rule] = {
    sp.Symbol: Rule(_number, no_arguments),  # symbols are the walk's own
    sp.Number: Rule(_number, no_arguments),
    sp.NumberSymbol: Rule(_number, no_arguments),
    type(sp.I): Rule(_number, no_arguments),
    type(sp.zoo): Rule(_number, no_arguments),
    BooleanTrue: Rule(lambda walk, e, args: constant(True), no_arguments),
    BooleanFalse: Rule(lambda walk, e, args: constant(False), no_arguments),
    **{cls: of_scalars(rule) for cls, rule in _SCALAR.items()},
}
