"""Leading axes: a lifted graph is a loop over single ones, for every operation, whichever operands are lifted."""

from itertools import product

import numpy as np
import pytest
from run_nodes import run

from symdiff.graph import axes, linalg, ops, windows
from symdiff.graph.build import broadcast_to, contract, full, pointwise
from symdiff.graph.item import Window
from symdiff.graph.leaves import arange, parameter
from symdiff.graph.lift import lift
from symdiff.graph.node import topological
from symdiff.passes.verify import verify

BATCH = 3


def f(*shape, name="x"):
    return parameter(name, shape)


def positive(a):
    """A positive definite matrix."""
    return contract([a, a], [(0, 1), (2, 1)], (0, 2), {0: 4, 1: 4, 2: 4}) + 0.5 * axes.identity((4,))


X, Y, Z = f(4, 5), f(4, 5, name="y"), f(4, 5, name="z")
V, W, S = f(5, name="v"), f(4, name="w"), f(name="s")
A, B, A3 = f(4, 4, name="a"), f(4, 2, name="b"), f(2, 4, 4, name="a3")
T = f(2, 4, 4, name="t")
K, K2 = parameter("k", (2,), "int"), parameter("k2", (2, 3), "int")
POOLED = windows.window_max(X, ((2, 1), (2, 2)))
SPANS = ((2, 1), (2, 2))

CASES = {
    # operations of each entry, whose operands broadcast
    "add": pointwise("add", X, V),
    "add of a scalar": pointwise("add", X, S),
    "mul": pointwise("mul", pointwise("exp", X), V),
    "mul of a diagonal": pointwise("mul", linalg.on_diagonal(W), A),
    "div": pointwise("div", V, X),
    "select": pointwise("select", pointwise("lt", V, S), X, Y),
    "a condition of whole numbers": pointwise(
        "select", pointwise("eq", K, axes.structural("kept", [arange(2)])), 1.0, B
    ),
    "max": pointwise("maximum", X, V),
    # whole axes
    **{f"{op} of {over}": axes.reduce(op, X, over) for op in ops.REDUCTIONS for over in ((0,), (-1,), (0, 1))},
    "contract": contract([X, V, S], [(0, 1), (1,), ()], (0,), {0: 4, 1: 5}),
    "a product of matrices": axes.matmul(A3, B),
    "a diagonal": linalg.diagonal(A),
    "a diagonal matrix": linalg.on_diagonal(W),
    "a repetition": broadcast_to(V, (4, 5)),
    "index": axes.index(X, [1, (0, 4, 2)]),
    "a window": axes.index(X, [Window(0, ((3, 1), (2, 1))), (0, 5, 1)]),
    "place": axes.place(V, [(1, 6, 1)], [8]),
    "stack": axes.stack([V, S, pointwise("exp", V), full(1.0, (5,))], (2, 2)),
    "concatenate": axes.concatenate([X, B, axes.index(Y, [(0, 3, 1)])], -1),
    "reshape": axes.reshape(X, (4, 5), (2, 10)),
    "contiguous": axes.contiguous(axes.transpose(X)),
    "cumsum": axes.cumulative_sum(X, -2),
    "cumsum backwards": axes.cumulative_sum(X, -1, True),
    "one_hot": axes.one_hot(K2, 4),
    "take": axes.take(X, K2, -2),
    "take of the last axis": axes.take(X, K, -1),
    "take in the middle": axes.take(T, K2, -2),
    "scatter": axes.scatter(f(2, 3, 5, name="g"), K2, -2, 4),
    "scatter along the last axis": axes.scatter(f(4, 2, name="g"), K, -1, 6),
    "scatter in the middle": axes.scatter(f(5, 2, 3, 4, name="g"), K2, -2, 4),
    "flat_positions": axes.take(f(8, 3, name="g"), axes.flat_positions(K2, 1, 1, 4), -2),
    "prod_others": axes.structural("prod_others", [X], (-1,)),
    "prod_others_tangent": axes.structural("prod_others_tangent", [f(2, 4, 5, name="g"), X], (-2, -1)),
    # windows
    "window_sum": windows.window_sum(X, SPANS),
    "spread_windows": windows.spread_windows(f(3, 2, name="g"), SPANS, (4, 5)),
    "window_max": POOLED,
    "pick_first_max": windows.pick_first_max(Y, X, POOLED, SPANS),
    "pick_first_max in two directions": windows.pick_first_max(f(2, 4, 5, name="g"), X, POOLED, SPANS),
    "place_first_max": windows.place_first_max(f(3, 2, name="g"), X, POOLED, SPANS),
    "place_first_max in two directions": windows.place_first_max(f(2, 3, 2, name="g"), X, POOLED, SPANS),
    # linear algebra
    "solve": linalg.solve(A, B),
    "solve of many": linalg.solve(A3, broadcast_to(B, (2, 4, 2))),
    "solve of a triangle": linalg.solve(linalg.triangle(A), B),
    "solve of its transpose": linalg.solve(linalg.swapped(linalg.triangle(A)), B),
    "solve of a product": linalg.solve(A, contract([W, V], [(0,), (1,)], (0, 1), {0: 4, 1: 5})),
    "inverse": linalg.inverse(A),
    "inverse of a factor": linalg.inverse(linalg.cholesky(positive(A))),
    "det": linalg.det(A3),
    "logdet": linalg.logdet(positive(A)),
    "log_abs_det": linalg.log_abs_det(A),
    "sign_det": linalg.sign_det(A),
    "cofactors": linalg.cofactors(A),
    "cofactors_tangent": linalg.cofactors_tangent(A, f(4, 4, name="g")),
    "cofactors_tangent in two directions": linalg.cofactors_tangent(A, T),
    "cholesky": linalg.cholesky(positive(A)),
    "cholesky of any matrix": linalg.cholesky(A + 9.0 * axes.identity((4,))),
    "triangle": linalg.triangle(A3, 0.5),
}


def drawn(node, rng, batch=()):
    shape = (*batch, *node.shape)
    if node.dtype == "int":
        return rng.integers(0, 2, shape)
    values = rng.normal(size=shape)
    return values + 3 * np.eye(4) if node.shape[-2:] == (4, 4) else values


def choices():
    """Every operation with every choice of inputs that are lifted."""
    for name, root in CASES.items():
        inputs = [node for node in topological([root]) if node.op == "input"]
        for which in product((True, False), repeat=len(inputs)):
            yield pytest.param(root, dict(zip(inputs, which, strict=True)), id=f"{name}: {[*map(int, which)]}")


@pytest.mark.parametrize(("root", "which"), [*choices()])
def test_as_one_after_the_other(root, which):
    rng = np.random.default_rng(0)
    fronts = {node: (BATCH,) if lifted else () for node, lifted in which.items()}
    values = {node: drawn(node, rng, front) for node, front in fronts.items()}
    inputs = {
        node: parameter(node.attributes[0], (BATCH, *node.shape), node.dtype)
        for node, lifted in which.items()
        if lifted
    }
    (whole,) = lift([root], inputs, (BATCH,))
    assert whole.shape == (BATCH, *root.shape)
    verify(topological([whole]))
    (found,) = run([whole], {inputs.get(node, node): value for node, value in values.items()})
    for k in range(BATCH):
        (single,) = run([root], {node: value[k] if which[node] else value for node, value in values.items()})
        np.testing.assert_allclose(found[k], single, rtol=1e-11, atol=1e-11)


def test_every_operation_is_tried():
    tried = {node.op for node in topological(CASES.values())}
    assert tried >= {*ops.LINEAR, *ops.REDUCTIONS, *ops.PRODUCTS, *ops.POOLING, *ops.INDICATORS, *ops.LINALG} - {
        "cofactor_factors"  # what cofactors_tangent is written as
    }


def test_what_depends_on_nothing_lifted_is_computed_once():
    once = pointwise("exp", X)
    (whole,) = lift([once * S], {S: f(BATCH, name="many")}, (BATCH,))
    assert once in topological([whole])
    (repeated,) = lift([once], {S: f(BATCH, name="many")}, (BATCH,))
    assert repeated is broadcast_to(once, (BATCH, 4, 5))


def test_several_leading_axes_are_as_one_after_the_other():
    whole = pointwise("sin", axes.reduce("reduce_max", X * V, (0,)))
    inputs = {X: f(2, 3, 4, 5, name="many")}
    (at_once,) = lift([whole], inputs, (2, 3))
    (first,) = lift([whole], {X: f(3, 4, 5, name="some")}, (3,))
    (twice,) = lift([first], {f(3, 4, 5, name="some"): inputs[X]}, (2,))
    assert at_once is twice


def test_a_position_beyond_its_row_is_refused():
    (whole,) = lift([axes.take(X, K, -2)], {X: f(3, 4, 5, name="xs"), K: parameter("ks", (3, 2), "int")}, (3,))
    given = {
        f(3, 4, 5, name="xs"): np.zeros((3, 4, 5)),
        parameter("ks", (3, 2), "int"): np.array([[0, 1], [4, 0], [0, 1]]),
    }
    with pytest.raises(IndexError, match="axis of 4 entries"):
        run([whole], given)


def test_identities_stay_diagonals():
    """The lifted product with an identity is a diagonal that is never formed."""
    (whole,) = lift([V * pointwise("exp", f(5, name="u"))], {V: axes.identity((5,))}, (5,))
    assert whole is linalg.on_diagonal(pointwise("exp", f(5, name="u")))
