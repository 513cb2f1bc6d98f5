"""Every rewrite rule fires, and what it puts in place has the same value at random points, to 40 digits."""

from __future__ import annotations

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from node_values import UndefinedError, evaluate
from sympy import MatrixSymbol, cosh, erf, exp, lambdify, log, sech, sqrt, symbols, tanh
from sympy.codegen.cfunctions import expm1, log1p
from sympy.codegen.numpy_nodes import logaddexp, logaddexp2

import symdiff as sd
from symdiff.errors import ShapeError
from symdiff.graph.axes import insert_axes, matmul, reduce, sum_axes
from symdiff.graph.build import div, full, pointwise
from symdiff.graph.leaves import constant, parameter
from symdiff.graph.linalg import cholesky, det, diagonal, swapped
from symdiff.graph.node import Node, topological
from symdiff.graph.ops import POINTWISE
from symdiff.graph.pattern import Pattern, Rule, match
from symdiff.graph.softmax import log_softmax
from symdiff.passes.algebra import simplify
from symdiff.passes.algebra.expand import expand
from symdiff.passes.prepare import incomplete, stabilise

RULES = [
    *((f"incomplete {i}", rule) for i, rule in enumerate(incomplete.RULES)),
    *((f"stabilise {i}", rule) for i, rule in enumerate(stabilise.RULES) if rule not in incomplete.RULES),
    *((f"simplify {i}", rule) for i, rule in enumerate(simplify.RULES)),
]
SCALARS = [parameter(name, ()) for name in ("p", "q")]
VECTORS = [parameter(name, (3,)) for name in ("s", "t")]
MATRIX, SQUARE = parameter("M", (2, 3)), parameter("D", (2, 2))
EXPONENTIALS = pointwise("exp", MATRIX)
# What the variables of a pattern may stand for.
POOL = [
    *SCALARS, *VECTORS, constant(2.0), pointwise("lt", SCALARS[0], SCALARS[1]), pointwise("lt", *VECTORS),
    sum_axes(EXPONENTIALS, (0, 1)), sum_axes(EXPONENTIALS, (1,)), sum_axes(pointwise("exp", VECTORS[0]), (0,)),
    diagonal(cholesky(matmul(SQUARE, swapped(SQUARE)))),
    reduce("reduce_norm", VECTORS[0], (0,)), log_softmax(VECTORS[0], 0),
    det(SQUARE), 2.0 / (det(SQUARE) * det(2.0 * SQUARE) ** 3),
    pointwise("exp", 2.0 * SCALARS[0]), 1 + pointwise("exp", SCALARS[0]), (1 + pointwise("exp", SCALARS[0])) ** 3,
    SCALARS[0] * VECTORS[0], 1 + 1 / SCALARS[0], sum_axes(pointwise("log1p", 0.25 * SCALARS[0] * VECTORS[0]), (0,)),
    -SCALARS[0], SCALARS[1] * pointwise("sigmoid", -SCALARS[0]), SCALARS[1] * pointwise("exp", SCALARS[0]),
    SCALARS[1] * pointwise("log1p", 0.25 * SCALARS[0] * VECTORS[0]), pointwise("log1p", 0.25 * SCALARS[0]) * VECTORS[0],
]  # fmt: skip


INCOMPLETE = [
    *SCALARS, constant(2.0), constant(-2.0), constant(math.nextafter(1 / 3, 1)), 2 * pointwise("gamma", SCALARS[0]),
    pointwise("lowergamma", *SCALARS) * SCALARS[1], pointwise("gammainc", *SCALARS), pointwise("gammaincc", 2.0, SCALARS[0]),
]  # fmt: skip


def variables(pattern: Pattern | float) -> list[str]:
    """The names of a pattern's variables."""
    if not isinstance(pattern, Pattern):
        return []
    return list(
        dict.fromkeys(
            [pattern.name] if pattern.op is None else [name for part in pattern.args for name in variables(part)]
        )
    )


def written(pattern: Pattern | float, chosen: dict[str, Node]) -> Node:
    """The node that a pattern describes."""
    if not isinstance(pattern, Pattern):
        return constant(float(pattern))
    if pattern.op is None:
        return chosen[pattern.name]
    return pointwise(pattern.op, *(written(part, chosen) for part in pattern.args))


def instances(rule: Rule, pool: list[Node]) -> list[tuple[Node, Node]]:
    """Nodes the rule applies to, with what it makes of them."""
    names = variables(rule.pattern)
    found = []
    for nodes in itertools.product(pool, repeat=len(names)):
        try:
            left = written(rule.pattern, dict(zip(names, nodes, strict=True)))
        except ShapeError:
            continue
        for variables_of in match(rule.pattern, left, {}):
            right = rule.replace(**variables_of)
            if right is not None and right is not left:
                found.append((left, right))
                break
    return list(dict.fromkeys(found))


def points(count: int) -> list[dict[Node, object]]:
    """Random values for the inputs, of either sign."""
    rng = np.random.default_rng(0)
    to_mp = np.frompyfunc(lambda x: mp.mpf(float(x)), 1, 1)
    shapes = {node: node.shape for node in (*SCALARS, *VECTORS, MATRIX, SQUARE)}
    return [{node: to_mp(rng.uniform(-2, 2, shape)) for node, shape in shapes.items()} for _ in range(count)]


SLOW = {"simplify 6"}  # what its instances hold takes mpmath half a minute


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, id=name, marks=[pytest.mark.slow] * (name in SLOW)) for name, rule in RULES]
)
def test_a_rule_fires_and_keeps_the_value(rule):
    pairs = instances(rule, INCOMPLETE if rule in incomplete.RULES else POOL)
    assert pairs, "no instance of the pattern is changed by this rule"
    compared = 0
    with mp.workdps(60):
        for left, right in pairs[:: max(1, len(pairs) // 12)]:
            assert right.shape == left.shape
            for values in points(24):
                try:
                    (before,) = evaluate([left], values, {})
                except UndefinedError:
                    continue
                (after,) = evaluate([right], values, {})
                # a rule may hold a double-precision constant
                accuracy = 1e-15 if any(map(inexact, topological([right]))) else mp.mpf(10) ** -40
                assert np.all(distance(before, after) <= accuracy * (1 + distance(before, 0)))
                compared += 1
    assert compared >= 8


def distance(one: object, other: object) -> object:
    """|one - other|, entry by entry."""
    return np.frompyfunc(lambda a, b: abs(a - b), 2, 1)(one, other)


def inexact(node: Node) -> bool:
    """Whether a node is a constant that no short fraction is."""
    return node.op == "constant" and node.dtype == "float" and node.attributes[0] % 0.125 != 0


EXPANDED = [
    ("sigmoid", pointwise("sigmoid", VECTORS[0])),
    ("sigmoid of a negative", pointwise("sigmoid", -VECTORS[0])),
    ("softplus", pointwise("softplus", VECTORS[0])),
    ("logsumexp", reduce("reduce_logsumexp", MATRIX, (1,))),
    ("logsumexp over all", reduce("reduce_logsumexp", MATRIX, (0, 1))),
    (
        "softmax along rows",
        pointwise("exp", MATRIX - insert_axes(reduce("reduce_logsumexp", MATRIX, (1,)), (1,), (2, 3))),
    ),
    (
        "softmax along columns",
        pointwise("exp", MATRIX - insert_axes(reduce("reduce_logsumexp", MATRIX, (0,)), (0,), (2, 3))),
    ),
    (
        "softmax over all",
        pointwise("exp", MATRIX - insert_axes(reduce("reduce_logsumexp", MATRIX, (0, 1)), (0, 1), (2, 3))),
    ),
]


@pytest.mark.parametrize("node", [node for _, node in EXPANDED], ids=[name for name, _ in EXPANDED])
def test_what_is_written_out_keeps_its_value(node):
    (written_out,) = expand([node])
    assert written_out is not node
    kept = {part.op for part in topological([written_out])}
    assert not kept & {"sigmoid", "softplus", "reduce_logsumexp"}
    with mp.workdps(60):
        for values in points(8):
            before, after = evaluate([node, written_out], values, {})
            assert np.all(distance(before, after) < mp.mpf(10) ** -50)


@pytest.mark.parametrize("name", [name for name, _ in EXPANDED if "softmax" in name])
def test_a_softmax_is_recognised(name):
    """It is exponentials over their sum: exp(x - logsumexp(x)) would lose digits where x is large."""
    (written_out,) = expand([dict(EXPANDED)[name]])
    assert not any(part.op == "log" for part in topological([written_out]))


def test_numbers_leave_a_quotient_where_their_own_is_a_number():
    """The quotient of two numbers may be 0, infinite or undefined where that of the arrays is none of these."""
    x, y = parameter("x", (3,)), pointwise("exp", parameter("y", (3,)))
    assert div(6 * x, 3.0 * y) is 2.0 * div(x, y)
    for p, q in ((1e-300, 1e300), (1e300, 1e-300)):
        assert div(p * x, q * y).op == "div"
    assert div(x, full(0.0, (3,))).op == "div"


def test_rules_keep_to_the_closed_vocabulary():
    def ops(pattern: Pattern | float) -> set[str]:
        if not isinstance(pattern, Pattern):
            return set()
        return {pattern.op or "add"}.union(*map(ops, pattern.args))

    for _, rule in RULES:
        assert ops(rule.pattern) <= set(POINTWISE)


# Stability that users see

z, w, x = symbols("z w x")

# name, expression of z, and its value and two derivatives at 1000, -1000 and 1/2
STABLE = [
    ("log(1 + exp(z))", log(1 + exp(z)), (1000, 1, 0), (0, 0, 0)),
    ("log(1 + exp(-z))", log(1 + exp(-z)), (0, 0, 0), (1000, -1, 0)),
    ("-log(sigmoid(z))", -log(sd.sigmoid(z)), (0, 0, 0), (1000, -1, 0)),
    ("-log(1/(1 + exp(-z)))", -log(1 / (1 + exp(-z))), (0, 0, 0), (1000, -1, 0)),
    ("-log(1 - sigmoid(z))", -log(1 - sd.sigmoid(z)), (1000, 1, 0), (0, 0, 0)),
    ("-log(1 - 1/(1 + exp(-z)))", -log(1 - 1 / (1 + exp(-z))), (1000, 1, 0), (0, 0, 0)),
    ("1/(1 + exp(-z))", 1 / (1 + exp(-z)), (1, 0, 0), (0, 0, 0)),
    ("1/(1 + exp(z))", 1 / (1 + exp(z)), (0, 0, 0), (1, 0, 0)),
    ("1/(1 + exp(z))**2", 1 / (1 + exp(z)) ** 2, (0, 0, 0), (1, 0, 0)),
    ("exp(z)/(1 + exp(z))", exp(z) / (1 + exp(z)), (1, 0, 0), (0, 0, 0)),
    ("log(exp(z) + exp(-z))", log(exp(z) + exp(-z)), (1000, 1, 0), (1000, -1, 0)),
    ("log(exp(z) + exp(2*z))", log(exp(z) + exp(2 * z)), (2000, 2, 0), (-1000, 1, 0)),
    ("log(cosh(z))", log(cosh(z)), (1000 - np.log(2), 1, 0), (1000 - np.log(2), -1, 0)),
    ("log(exp(z) + exp(-z) + exp(2*z))", log(exp(z) + exp(-z) + exp(2 * z)), (2000, 2, 0), (1000, -1, 0)),
    ("log(cosh(z)**2/2)", log(cosh(z) ** 2 / 2), (2000 - 3 * np.log(2), 2, 0), (2000 - 3 * np.log(2), -2, 0)),
    ("log((1 + exp(z))**2)", log((1 + exp(z)) ** 2), (2000, 2, 0), (0, 0, 0)),
    ("exp(-z)/(1 + exp(-z))**2", exp(-z) / (1 + exp(-z)) ** 2, (0, 0, 0), (0, 0, 0)),
    ("3*exp(z)/(7*(1 + exp(z))**2)", 3 * exp(z) / (7 * (1 + exp(z)) ** 2), (0, 0, 0), (0, 0, 0)),
    ("exp(2*z)/(1 + exp(z))**2", exp(2 * z) / (1 + exp(z)) ** 2, (1, 0, 0), (0, 0, 0)),
    ("log(exp(-z)/(1 + exp(-z))**2)", log(exp(-z) / (1 + exp(-z)) ** 2), (-1000, -1, 0), (-1000, 1, 0)),
    ("log(sigmoid(z)**3)", log(sd.sigmoid(z) ** 3), (0, 0, 0), (-3000, 3, 0)),
    ("log(exp(z)**3)", log(exp(z) ** 3), (3000, 3, 0), (-3000, 3, 0)),
    ("log(3*exp(z))", log(3 * exp(z)), (1000 + np.log(3), 1, 0), (-1000 + np.log(3), 1, 0)),
    ("sigmoid(z)*(1 - sigmoid(z))", sd.sigmoid(z) * (1 - sd.sigmoid(z)), (0, 0, 0), (0, 0, 0)),
    ("softplus(z)", sd.softplus(z), (1000, 1, 0), (0, 0, 0)),
    ("tanh(z)", tanh(z), (1, 0, 0), (-1, 0, 0)),
    ("1 - erf(z)", 1 - erf(z), (0, 0, 0), (2, 0, 0)),
    ("sqrt(z**2)", sqrt(z**2), (1000, 1, 0), (1000, -1, 0)),
]


@pytest.mark.parametrize(("expression", "above", "below"), [row[1:] for row in STABLE], ids=[row[0] for row in STABLE])
def test_values_and_derivatives_far_out(expression, above, below):
    module = sd.compile(sd.Model(expression, params=[z]), emit=("value", "grad", "hessian"))
    for at, wanted in ((1000.0, above), (-1000.0, below)):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            found = module.value(at), module.grad(at).z, module.hessian(at).z.z
        np.testing.assert_allclose(found, wanted, rtol=1e-15, atol=1e-300)


EPS = 2.0**-52
LN2 = float(mp.log(2))
MAGNITUDES = (1e-20, 1e-10, 1e-3, 0.3, LN2, 1.0, 2.0, 3.5, 20.0, 40.0, 50.0, 300.0, 745.0, 800.0)
LINE = [(sign * at,) for at in (0.0, *MAGNITUDES) for sign in (1, -1)]
BELOW = [(-at,) for at in MAGNITUDES]
PLANE = [
    (1e-8, -40.0),
    (-40.0, 1e-8),
    (-1e-12, -800.0),
    (-800.0, -1e-12),
    (1000.0, 999.0),
    (0.0, 0.0),
    (-1000.0, -1000.5),
    (5.0, -800.0),
    (-0.7, -LN2),
]
# From which derivative on only absolute accuracy is asked: the terms of these cancel at 0 (exp(z) - exp(-z)), or far out
# (tanh' is 1 - tanh**2). 3 is of none.
CANCELS = {
    "1/(1 + exp(-z))": 2, "1/(1 + exp(z))": 2, "exp(z)/(1 + exp(z))": 2, "log(cosh(z))": 2, "log(cosh(z)**2/2)": 2,
    "tanh(z)": 1, "log(exp(z) + exp(-z))": 1, "log(exp(z) + exp(-z) + exp(2*z))": 1, "exp(-z)/(1 + exp(-z))**2": 1,
    "3*exp(z)/(7*(1 + exp(z))**2)": 1, "log(exp(-z)/(1 + exp(-z))**2)": 1, "sigmoid(z)*(1 - sigmoid(z))": 1,
}  # fmt: skip
EXACT = [
    *((name, row, LINE, CANCELS.get(name, 3)) for name, row, *_ in STABLE if "sqrt" not in name),
    ("log(sech(z))", log(sech(z)), LINE, 2),
    ("log(1 - exp(z))", log(1 - exp(z)), BELOW, 3),
    ("log1p(-exp(z))", log1p(-exp(z)), BELOW, 3),
    ("log(-expm1(z))", log(-expm1(z)), BELOW, 3),
    ("log(exp(-z) - 1)", log(exp(-z) - 1), BELOW, 3),
    ("log(2 + exp(z))", log(2 + exp(z)), LINE, 3),
    ("log1p(exp(z) + exp(-z))", log1p(exp(z) + exp(-z)), LINE, 1),
    ("log(3*exp(z) + exp(-z)/7)", log(3 * exp(z) + exp(-z) / 7), LINE, 3),
    ("log(exp(z) + exp(w))", log(exp(z) + exp(w)), PLANE, 3),
    ("log(exp(z) + exp(w) + exp(-z))", log(exp(z) + exp(w) + exp(-z)), PLANE, 1),
    ("log(1 + exp(z) + exp(w))", log(1 + exp(z) + exp(w)), PLANE, 3),
    ("logaddexp(z, w)", logaddexp(z, w), PLANE, 3),
    ("logaddexp(z, 0)", logaddexp(z, 0), LINE, 3),
    ("logaddexp2(z, w)", logaddexp2(z, w), PLANE, 3),
]
MPMATH = {
    "sigmoid": lambda v: 1 / (1 + mp.exp(-v)),
    "softplus": lambda v: mp.log(1 + mp.exp(v)),
    "logaddexp": lambda u, v: mp.log(mp.exp(u) + mp.exp(v)),
    "logaddexp2": lambda u, v: mp.log(mp.mpf(2) ** u + mp.mpf(2) ** v) / mp.log(2),
    "expm1": lambda v: mp.exp(v) - 1,
    "log1p": lambda v: mp.log(1 + v),
    "exp2": lambda v: mp.mpf(2) ** v,
}


@pytest.mark.parametrize(("expression", "points", "cancels"), [row[1:] for row in EXACT], ids=[row[0] for row in EXACT])
def test_values_and_derivatives_at_every_magnitude(expression, points, cancels):
    """Right to rounding, and to what rounding the arguments may change."""
    params = [z, w][: len(points[0])]
    module = sd.compile(sd.Model(expression, params=params), emit=("value", "grad", "hessian"), cache=False)
    value = {(): expression}
    for _ in range(3):
        value |= {(*by, p): e.diff(p) for by, e in value.items() for p in params if (*by, p) not in value}
    exact = {by: lambdify(params, e, [MPMATH, "mpmath"]) for by, e in value.items()}
    for point in points:
        with mp.workdps(800), np.errstate(over="raise", invalid="raise", divide="raise"):
            want = {by: f(*map(mp.mpf, point)) for by, f in exact.items()}
            found = {(): module.value(*point)} | {
                (p,): part for p, part in zip(params, module.grad(*point), strict=True)
            }
            for p, row in zip(params, module.hessian(*point), strict=True):
                found |= {(p, q): part for q, part in zip(params, row, strict=True)}
            for by, one in found.items():
                rounding = sum(abs(want[*by, p] * at) for p, at in zip(params, point, strict=True))
                allowed = 6 * EPS * (abs(want[by]) + rounding) + (2 * EPS if len(by) >= cancels else 1e-300)
                assert abs(float(one) - want[by]) <= allowed, (by, point, float(one), mp.nstr(want[by], 17))


def test_the_domain_of_log1mexp_is_below_zero():
    module = sd.compile(sd.Model(log(1 - exp(z)), params=[z]), cache=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.testing.assert_array_equal(module.value(np.array([-np.inf, 0.0, 1e-9, 5.0])), [0, -np.inf, np.nan, np.nan])


@pytest.mark.parametrize("way", ["entropy of a sigmoid", "softplus", "labels of either sign"])
def test_logistic_regression_of_separated_classes(way):
    labels = np.array([1.0, 0.0, 1.0, 0.0])
    t = symbols("t")
    loss = {
        "entropy of a sigmoid": sd.binary_cross_entropy(1 / (1 + exp(-w * x)), t),
        "softplus": sd.mean(log(1 + exp(w * x)) - t * w * x),
        "labels of either sign": sd.mean(log(1 + exp(-(2 * t - 1) * w * x))),
    }[way]
    module = sd.compile(sd.Model(loss, params=[w], data=[x, t]), emit=("value", "grad", "hessian"))
    xs = np.array([1.0, -1.0, -1.0, 1.0])  # two right, two wrong
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert module.value(1000.0, xs, labels) == 500
        assert module.grad(1000.0, xs, labels).w == 0.5
        assert module.hessian(1000.0, xs, labels).w.w == 0


def test_small_differences_keep_their_digits():
    for expression, wanted in ((log(1 + z), 1e-20), (exp(z) - 1, 1e-20), (1 - exp(-z), 1e-20)):
        assert sd.compile(sd.Model(expression, params=[z])).value(1e-20) == pytest.approx(wanted, rel=1e-15)


def test_the_softmax_of_large_numbers_keeps_its_digits():
    A = MatrixSymbol("A", 1, 3)
    module = sd.compile(sd.Model(outputs={"out": sd.softmax(A)}, params=[A]))
    entries = np.array([[1e6, 1e6 + 1, 1e6 - 1]])
    shares = np.exp([0.0, 1.0, -1.0])
    np.testing.assert_allclose(module.out(entries)[0], shares / shares.sum(), rtol=1e-15)
