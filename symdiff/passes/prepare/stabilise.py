"""Rewrite what would overflow or lose digits, before anything is differentiated, so that derivatives are stable too.

Example: log(1 + exp(z)) becomes softplus(z), whose derivative is sigmoid(z): right at z = 1000 and at z = -1000.
Each rule holds for all real values for which its left side is defined.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce as fold

from symdiff.graph.axes import reduce, reduced_axes, sum_axes
from symdiff.graph.build import add, broadcast_to, coefficient, contract, mul, neg, pointwise, power
from symdiff.graph.leaves import constant, number
from symdiff.graph.linalg import log_abs_det, logdet, sign_det
from symdiff.graph.node import Node
from symdiff.graph.pattern import P, Rule, apply_rules, operation, rearranges, seen_through, variable
from symdiff.graph.products import MOST, factors
from symdiff.graph.rebuild import rebuild
from symdiff.graph.size import broadcast
from symdiff.graph.softmax import log_softmax_of
from symdiff.passes.prepare import incomplete

_DEPTH = 4  # sums within products within sums that are looked into

a, b, x, n = variable("a"), variable("b"), variable("x"), variable("n")


def _f(op: str, *operands: Node) -> Node:
    return pointwise(op, *operands)


def _log_sum_exp(x: Node) -> Node | None:
    """log of a contraction that sums products of exp(...), cosh(...) and the like over some axes."""
    if x.op != "contract" or not x.args:
        return None
    axes, out, sizes = x.attributes
    if len(set(out)) < len(out) or any(len(set(labels)) < len(labels) for labels in axes):
        return None
    within = [*out, *(label for label in range(len(sizes)) if label not in out)]
    total = constant(0.0)
    for operand, labels in zip(x.args, axes, strict=True):
        log, rest = _log_and_rest(operand, _DEPTH)
        if log is None or number(rest) != 1:
            return None
        own = dict.fromkeys(within, 1) | {label: sizes[label] for label in labels}
        total = total + contract([log], [labels], within, own)
    if total.shape != tuple(sizes[label] for label in within):  # what no operand has is repeated
        return None
    return reduce("reduce_logsumexp", total, range(len(out), len(within)))


def _terms(x: Node) -> list[Node]:
    """What x is the sum of; of very many terms the last stay together."""
    found: list[Node] = []
    pending = [x]
    while pending:
        node = pending.pop()
        op, args = seen_through(node)
        if op == "add" and len(found) < MOST:
            pending += args[::-1]
        else:
            found.append(node)
    return found


def _log_of_determinants(x: Node) -> Node | None:
    """log of a product with determinants, by the logarithm of each, which does not overflow as they do."""
    rest, found = constant(-1.0 if x.op == "neg" else 1.0), []
    for factor, n in factors(x.args[0] if x.op == "neg" else x):
        if number(n) is not None and _has_determinant(factor, number(n) or 0):
            found.append((factor, n))
        else:
            rest = rest * power(factor, n)
    log_of_rest, rest = _log_and_rest(rest, _DEPTH)
    signed = [factor for factor, n in found if factor.op == "det" and (number(n) or 0) % 2 == 1]
    alone = len(signed) == 1 and (number(rest) or 0) > 0
    logs = [n * _log_of_determinant(factor, number(n) or 0, alone) for factor, n in found]
    for factor in () if alone else signed:
        rest = rest * sign_det(factor.args[0])
    if log_of_rest is not None:
        logs.append(log_of_rest)
    if number(rest) != 1:
        logs.append(_log_of_number(rest) or _f("log", rest))
    return fold(add, logs) if found else None


def _has_determinant(x: Node, n: float) -> bool:
    """Whether x**n is a power of a determinant or of its absolute value, or a root of a product with one."""
    inner = x.args[0] if x.op == "abs" else x
    return inner.op == "det" or (n % 1 != 0 and any(factor.op == "det" for factor, _ in factors(x)))


def _log_of_determinant(x: Node, n: float, alone: bool) -> Node:
    """log |x|; NaN for a negative x that alone decides the sign of x**n, or is under a root."""
    inner = x.args[0] if x.op == "abs" else x
    if x is inner and n % 1:
        return _f("log", x)
    return logdet(x.args[0]) if alone and x is inner and n % 2 else log_abs_det(inner.args[0])


def _log(x: Node) -> Node | None:
    """log x by the factors of x that are positive by their form; what else there is stays together under its log."""
    total, rest = _log_and_rest(x, _DEPTH)
    if total is None or number(rest) == 1:
        return total
    if rest.op == "div" and number(rest.args[0]) == 1:
        return total - _f("log", rest.args[1])
    return total + (_log_of_number(rest) or _f("log", rest))


def _log_and_rest(x: Node, depth: int) -> tuple[Node | None, Node]:
    """The log of the factors that are positive by their form, None where there are none, and the product of the others."""
    total, rest = None, constant(1.0)
    for factor, n in factors(x):
        log = _log_of_factor(factor, depth) or (_log_of_number(factor) if number(n) is None else None)
        if log is None:
            rest = rest * power(factor, n)
        else:
            total = n * log if total is None else total + n * log
    return total, rest


def _log_of_number(x: Node) -> Node | None:
    value = number(x)
    return constant(math.log(value)) if value is not None and value > 0 else None


def _log_of_factor(x: Node, depth: int) -> Node | None:
    """log x of what is positive by its form."""
    op, args = seen_through(x)
    match op:
        case "exp":
            return args[0]
        case "sigmoid":
            return -_f("softplus", -args[0])
        case "cosh":
            return _f("logcosh", args[0])
        case "sech":
            return -_f("logcosh", args[0])
        case "add":
            return _log_of_sum(x, depth)
        case _ if rearranges(x):
            inner = _log_of_factor(x.args[0], depth)
            return None if inner is None else rebuild(x, (inner,))
        case "contract":
            return _log_sum_exp(x)
    return None


def _log_of_sum(x: Node, depth: int = _DEPTH) -> Node | None:
    """log of a sum of positive terms, one of which could overflow."""
    total, unbounded = None, False
    for term in _terms(x) if operation(x) == "add" and depth else ():
        log, rest = _log_and_rest(term, depth - 1)
        if number(rest) != 1 or log is None:
            of_rest = _log_of_number(rest)
            if of_rest is None:
                return None
            log = of_rest if log is None else log + of_rest
        unbounded |= any(_may_overflow(factor) for factor, _ in factors(term))
        total = log if total is None else _f("logaddexp", total, log)
    return total if unbounded else None


def _may_overflow(x: Node) -> bool:
    return operation(x) in ("exp", "cosh", "add", "contract", "index", "reshape", "contiguous")


def _sigmoids(a: Node, b: Node) -> Node | None:
    """A quotient whose denominator has a factor (1 + exp x)**n; exp(k x) above it, k <= n, would overflow before 1 / b."""
    below = factors(b)
    for i, (factor, n) in enumerate(below):
        x = _one_plus_exp(factor)
        if x is None:
            continue
        above, k = _without_exponential(a, x, number(n))
        shares = power(_f("sigmoid", x), constant(k)) * power(_f("sigmoid", -x), n - k)
        quotient = above * shares
        for j, (other, m) in enumerate(below):
            if j != i:
                quotient = quotient / power(other, m)
        return quotient
    return None


def _one_plus_exp(x: Node) -> Node | None:
    """The x of 1 + exp x."""
    op, args = seen_through(x)
    for one, other in (args, args[::-1]) if op == "add" else ():
        inner, operands = seen_through(other)
        if number(one) == 1 and inner == "exp":
            return operands[0]
    return None


def _without_exponential(a: Node, x: Node, most: float | None) -> tuple[Node, float]:
    """a without its factor exp(k x), and k: between 0 and `most`, or 1 where that is unknown."""
    above = factors(a)
    for i, (factor, n) in enumerate(above):
        op, args = seen_through(factor)
        k = _multiple(args[0], x) if op == "exp" and number(n) == 1 else None
        if k is not None and (k == 1 if most is None else 0 < k <= most):
            rest = constant(1.0)
            for other, m in above[:i] + above[i + 1 :]:
                rest = rest * power(other, m)
            return rest, k
    return a, 0.0


def _exponential_times_sigmoid(a: Node, b: Node) -> Node | None:
    """exp(x) among factors with sigmoid(-x): together they are sigmoid(x)."""
    op, args = seen_through(a)
    if op == "sigmoid":
        rest, k = _without_exponential(b, -args[0], 1.0)
        return rest * _f("sigmoid", -args[0]) if k == 1 else None
    below = factors(b)
    for i, (factor, n) in enumerate(below):
        inner, operands = seen_through(factor)
        if inner == "sigmoid" and (number(n) or 0.0) >= 1 and _multiple(args[0], -operands[0]) == 1:
            rest = _f("sigmoid", args[0]) * power(factor, n - 1.0)
            return fold(mul, (power(other, m) for other, m in below[:i] + below[i + 1 :]), rest)
    return None


def _multiple(y: Node, x: Node) -> float | None:
    """The number k of y = k x."""
    if y is x:
        return 1.0
    (p, one), (q, other) = coefficient(y), coefficient(x)
    return p / q if one is other else None


def _share_of_sum(a: Node, x: Node) -> Node | None:
    """exp(a) over the sum of its entries."""
    total = _log_sum_exp(x)
    return _f("exp", a - total) if total is not None and not total.shape and total.args[0] is a else None


def _log1p_ratio(x: Node, y: Node) -> Node | None:
    """log(1 + x) / y of a y that is a factor of x, or shares one: x / y times log(1 + x) / x, which is smooth at 0."""
    rest, shared = constant(1.0), False
    scale, core = coefficient(x)
    above = [(factor, n) for factor, n in factors(core)]
    for factor, n in factors(y):
        place = next((k for k, (other, m) in enumerate(above) if other is factor and m is n), None)
        if place is None or number(factor) is not None:
            rest = rest * power(factor, n)
        else:
            shared = True
            del above[place]
    if not shared:
        return None
    left = fold(mul, (power(factor, n) for factor, n in above), constant(scale))
    return left * _f("log1pc", constant(0.0), x) / rest


def _log1p_over(a: Node, b: Node) -> Node | None:
    """The same of a product a with log(1 + x)."""
    above = factors(a)
    for i, (factor, n) in enumerate(above):
        op, args = seen_through(factor)
        ratio = _log1p_ratio(args[0], b) if op == "log1p" and number(n) == 1 else None
        if ratio is not None:
            return fold(mul, (power(other, m) for other, m in above[:i] + above[i + 1 :]), ratio)
    return None


def _times_log1p(n: Node, x: Node) -> Node | None:
    """n log(1 + x) of a sum n with terms over a factor of x: each of them by itself."""
    parts, found = [], False
    for term in _terms(n):
        scale, core = coefficient(term)
        ratio = _log1p_ratio(x, core.args[1]) if core.op == "div" else None
        found |= ratio is not None
        parts.append(term * _f("log1p", x) if ratio is None else scale * core.args[0] * ratio)
    return fold(add, parts) if found else None


def _times_sum_of_log1p(n: Node, y: Node) -> Node | None:
    """The same of a sum over axes of log(1 + x), in front of which a scalar n was put."""
    if y.op != "contract" or len(y.args) != 1 or y.args[0].op != "log1p" or n.op != "add" or n.shape:
        return None
    (labels,), out, sizes = y.attributes
    inside = _times_log1p(n, y.args[0].args[0])
    return None if inside is None else contract([inside], [labels], out, dict(enumerate(sizes)))


def _power_of_one_plus(x: Node, n: Node) -> Node | None:
    """(1 + x)**n of an n over a factor of x, as (1 + k z)**(1/k): near k = 0 the sum 1 + x keeps few digits of x."""
    exponent = _times_log1p(n, x)
    return None if exponent is None else _f("exp", exponent)


def _tail(a: Node, b: Node, x: Node) -> Node | None:
    """a + b erf(x) of two numbers a = b or a = -b, such as the normal distribution function."""
    constant_part, factor = number(a), number(b)
    if constant_part is None or factor is None or abs(constant_part) != abs(factor):
        return None
    return a * _f("erfc", -x if constant_part == factor else x)


RULES = (
    *incomplete.RULES,
    # exponentials of either sign in a denominator
    Rule(a / b, _sigmoids),
    Rule(P("exp", a) / x, _share_of_sum),
    Rule(P("exp", a) * b, lambda a, b: _exponential_times_sigmoid(_f("exp", a), b)),
    Rule(P("sigmoid", a) * b, lambda a, b: _exponential_times_sigmoid(_f("sigmoid", a), b)),
    Rule(a / b, _log1p_over),
    Rule(a * (b / x), lambda a, b, x: None if (ratio := _log1p_over(a, x)) is None else ratio * b),
    Rule(a * P("log1p", x), lambda a, x: _times_log1p(a, x) if a.op == "add" else None),
    Rule(a * b, lambda a, b: _times_sum_of_log1p(a, b)),
    Rule((1 + x) ** n, lambda x, n: _power_of_one_plus(x, n)),
    # logarithms of exponentials
    Rule(P("log", -P("expm1", x)), lambda x: _f("log1mexp", x)),
    Rule(P("log1p", -P("exp", x)), lambda x: _f("log1mexp", x)),
    Rule(P("log", P("expm1", x)), lambda x: x + _f("log1mexp", -x)),
    Rule(P("log", x), _log_of_determinants),
    Rule(P("log", x), _log),
    Rule(P("log1p", x), lambda x: _log_of_sum(1 + x)),
    Rule(P("logaddexp", 0.0, x), lambda x: _f("softplus", x)),
    # differences from one
    Rule(1 + -P("sigmoid", x), lambda x: _f("sigmoid", -x)),
    Rule(P("exp", x) + -1.0, lambda x: _f("expm1", x)),
    Rule(1 + -P("exp", x), lambda x: neg(_f("expm1", x))),
    Rule(P("log", 1 + x), lambda x: _f("log1p", x)),
    Rule(1 + -P("erf", x), lambda x: _f("erfc", x)),
    Rule(1 + P("erf", x), lambda x: _f("erfc", -x)),
    Rule(a + b * P("erf", x), lambda a, b, x: _tail(a, b, x)),
    Rule(1 + -P("erfc", x), lambda x: _f("erf", x)),
    Rule(2 + -P("erfc", x), lambda x: _f("erfc", -x)),
    Rule(1 + P("mul", -0.5, P("erfc", x)), lambda x: 0.5 * _f("erfc", -x)),
    # the cross-entropy of a label a: one softplus is the other and x
    Rule(a * P("softplus", -x) + (1 + -a) * P("softplus", x), lambda a, x: _f("softplus", -x) + (1 + -a) * x),
    Rule(-(a * P("softplus", -x)) + -((1 + -a) * P("softplus", x)), lambda a, x: -(_f("softplus", -x) + (1 + -a) * x)),
    # losses: a score of no weight may be infinite, a probability of finite scores is never 0 or 1
    Rule(P("select", P("eq", 0.0, a), 0.0, a * x), lambda a, x: _f("weighted", a, x) if log_softmax_of(x) else None),
    Rule(
        P("select", P("eq", 0.0, P("select", b, P("sigmoid", x) * P("sigmoid", -x), 1.0)), 0.0, a),
        lambda a, b, x: broadcast_to(a, broadcast([a.shape, b.shape, x.shape])),
    ),
    # powers
    Rule(P("exp", x) ** n, lambda x, n: _f("exp", n * x)),
    Rule(P("sqrt", x**2.0), lambda x: _f("abs", x)),
    Rule(P("abs", -x), lambda x: _f("abs", x)),
    Rule(x**2.0, lambda x: sum_axes(x.args[0] ** 2, reduced_axes(x)) if x.op == "reduce_norm" else None),
)


def stabilise(roots: Sequence[Node]) -> list[Node]:
    """Apply the rules until none applies."""
    return apply_rules(RULES, roots, seen_through)
