"""The partial derivatives of every elementwise operation, one row each.

Row: operation -> for each operand a function of (result, *operands) that gives the partial derivative by that operand, or
None where it is zero everywhere. At kinks the rows follow the usual conventions: relu'(0) = 0, ties of a maximum share
equally, |x|' = 0 at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from symdiff.diff.special import SPECIAL
from symdiff.graph.build import pointwise, power, select
from symdiff.graph.external import EXTERNAL
from symdiff.graph.leaves import constant, number
from symdiff.graph.lengths import is_sum_of_squares
from symdiff.graph.node import Node

Partial = Callable[..., Node] | None


def _mask(condition: Node) -> Node:
    """1 where the condition holds, else 0; a product with it is a choice."""
    return select(condition, constant(1.0), constant(0.0))


def _tie(larger: Node, smaller: Node) -> Node:
    """1 where larger > smaller, 1/2 where they are equal."""
    return select(
        pointwise("lt", smaller, larger),
        constant(1.0),
        select(pointwise("eq", smaller, larger), constant(0.5), constant(0.0)),
    )


def _power_by_base(y: Node, x: Node, n: Node) -> Node:
    """n x**(n-1), and 0 where x and n are both 0 (as in PyTorch): there 0 * x**-1 would be NaN.

    Of a sum of squares x**(n-1) is flat where it is 0, for n > 1, though its own derivative x**(n-2) is not finite.
    """
    value = number(n)
    if value is not None and 1 < value < 2 and value != 1.5 and is_sum_of_squares(x):
        zero = pointwise("eq", x, constant(0.0))
        return select(zero, constant(0.0), n * power(select(zero, constant(1.0), x), n - 1))
    if value is None:
        both = pointwise("and", pointwise("eq", x, constant(0.0)), pointwise("eq", n, constant(0.0)))
        return n * power(x, select(both, constant(0.0), n - 1))
    return n * power(x, n - 1)


def _power_by_exponent(y: Node, x: Node, n: Node) -> Node:
    """x**n log x, and 0 where the base is 0 and the exponent is not negative."""
    if (base := number(x)) is not None and base > 0:
        return y * math.log(base)
    at_zero = pointwise("and", pointwise("eq", x, constant(0.0)), pointwise("le", constant(0.0), n))
    return select(at_zero, constant(0.0), y * pointwise("log", select(at_zero, constant(1.0), x)))


def _ratio(op: str, sign: float) -> Partial:
    """sign x f_{n+1}: f_n is a spherical Bessel function over x**n (DLMF 10.51.2, 10.51.5), so that 0 needs no limit."""
    return lambda y, n, x: sign * x * pointwise(op, n + 1, x)


def _over_length(y: Node, x: Node) -> Node:
    """x / y, and 0 where the length y is 0."""
    return x / select(pointwise("eq", y, constant(0.0)), constant(float("inf")), y)


def _root(y: Node, x: Node) -> Node:
    """1 / (2 sqrt(x)); of a sum of squares, as of any length, 0 where it is 0."""
    return _over_length(y, constant(0.5)) if is_sum_of_squares(x) else 0.5 / y


def _by_weight(y: Node, a: Node, x: Node) -> Node:
    """x; and 0 where a is 0 and x is not finite, as the product itself is."""
    lost = pointwise("and", pointwise("eq", a, constant(0.0)), pointwise("eq", x, constant(-math.inf)))
    return select(lost, constant(0.0), x)


def _over_squares(a: Node, b: Node) -> Node:
    """a / (a**2 + b**2) without the squares, which overflow or vanish long before the quotient does."""
    length = pointwise("hypot", a, b)
    return a / length / length


PARTIALS: dict[str, tuple[Partial, ...]] = {
    # arithmetic
    "add": (lambda y, a, b: constant(1.0), lambda y, a, b: constant(1.0)),
    "mul": (lambda y, a, b: b, lambda y, a, b: a),
    "div": (lambda y, a, b: 1 / b, lambda y, a, b: -(y / b)),
    "neg": (lambda y, x: constant(-1.0),),
    "pow": (_power_by_base, _power_by_exponent),
    "mod": (lambda y, a, b: constant(1.0), lambda y, a, b: -pointwise("floor", a / b)),
    "abs": (lambda y, x: pointwise("sign", x),),
    "sign": (None,),
    "floor": (None,),
    "ceil": (None,),
    # powers, exponentials, logarithms
    "sqrt": (_root,),
    "cbrt": (lambda y, x: 1 / (3 * y**2),),
    "exp": (lambda y, x: y,),
    "expm1": (lambda y, x: pointwise("exp", x),),
    "log": (lambda y, x: 1 / x,),
    "log1p": (lambda y, x: 1 / (1 + x),),
    # trigonometric and hyperbolic
    "sin": (lambda y, x: pointwise("cos", x),),
    "cos": (lambda y, x: -pointwise("sin", x),),
    "tan": (lambda y, x: 1 + y**2,),
    "arcsin": (lambda y, x: 1 / pointwise("sqrt", (1 - x) * (1 + x)),),
    "arccos": (lambda y, x: -1 / pointwise("sqrt", (1 - x) * (1 + x)),),
    "arctan": (lambda y, x: 1 / (1 + x**2),),
    "arctan2": (lambda y, a, b: _over_squares(b, a), lambda y, a, b: -_over_squares(a, b)),
    "sinh": (lambda y, x: pointwise("cosh", x),),
    "cosh": (lambda y, x: pointwise("sinh", x),),
    "tanh": (lambda y, x: 1 - y**2,),
    "arcsinh": (lambda y, x: 1 / pointwise("hypot", constant(1.0), x),),
    "arccosh": (lambda y, x: 1 / (pointwise("sqrt", x - 1) * pointwise("sqrt", x + 1)),),
    "arctanh": (lambda y, x: 1 / ((1 - x) * (1 + x)),),
    # kept whole
    "cot": (lambda y, x: -(1 + y**2),),
    "sec": (lambda y, x: y * pointwise("tan", x),),
    "csc": (lambda y, x: -y * pointwise("cot", x),),
    "acot": (lambda y, x: -1 / (1 + x**2),),
    "asec": (lambda y, x: 1 / (pointwise("abs", x) * pointwise("sqrt", (x - 1) * (x + 1))),),
    "acsc": (lambda y, x: -1 / (pointwise("abs", x) * pointwise("sqrt", (x - 1) * (x + 1))),),
    "coth": (lambda y, x: -(pointwise("csch", x) ** 2),),
    "sech": (lambda y, x: -y * pointwise("tanh", x),),
    "csch": (lambda y, x: -y * pointwise("coth", x),),
    "acoth": (lambda y, x: 1 / ((1 - x) * (1 + x)),),
    "asech": (lambda y, x: -1 / (x * pointwise("sqrt", (1 - x) * (1 + x))),),
    "acsch": (lambda y, x: -1 / (pointwise("abs", x) * pointwise("hypot", constant(1.0), x)),),
    "hypot": (lambda y, a, b: _over_length(y, a), lambda y, a, b: _over_length(y, b)),
    "weighted": (_by_weight, lambda y, a, x: a),
    "sinc": (None, _ratio("sinc", -1.0)),
    "sinhc": (None, _ratio("sinhc", 1.0)),
    "log1pc": (None, lambda y, n, x: pointwise("log1pc", n + 1, x)),
    "relu": (lambda y, x: _mask(pointwise("lt", constant(0.0), x)),),
    "sigmoid": (lambda y, x: y * pointwise("sigmoid", -x),),
    "softplus": (lambda y, x: pointwise("sigmoid", x),),
    "logaddexp": (lambda y, a, b: pointwise("sigmoid", a - b), lambda y, a, b: pointwise("sigmoid", -(a - b))),
    "logcosh": (lambda y, x: pointwise("tanh", x),),
    "log1mexp": (lambda y, x: pointwise("exp", x) / pointwise("expm1", x),),  # -1 / expm1(-x), which overflows
    "maximum": (lambda y, a, b: _tie(a, b), lambda y, a, b: _tie(b, a)),
    "minimum": (lambda y, a, b: _tie(b, a), lambda y, a, b: _tie(a, b)),
    # choice
    "select": (None, lambda y, c, a, b: _mask(c), lambda y, c, a, b: select(c, constant(0.0), constant(1.0))),
    **dict.fromkeys(("lt", "le", "eq", "ne", "and", "or", "xor"), (None, None)),
    "not": (None,),
    # markers
    "stop_gradient": (None,),
    "kept": (lambda y, x: constant(1.0),),
    "cast": (None,),
}
PARTIALS |= SPECIAL


def partial_of(node: Node, i: int) -> Node | None:
    """The partial derivative of an elementwise operation by operand i; None where it is zero everywhere."""
    if node.op in EXTERNAL:
        return EXTERNAL[node.op].partial(i, node.args)
    rule = PARTIALS[node.op][i]
    return None if rule is None else rule(node, *node.args)
