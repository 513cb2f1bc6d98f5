"""Nodes of several results, and nodes with graphs of their own inside."""

import os
import subprocess
import sys

import numpy as np
import pytest
from run_nodes import run

from symdiff.diff import table
from symdiff.diff.forward import tangents
from symdiff.diff.reverse import cotangents
from symdiff.diff.rule import Derivative
from symdiff.errors import InternalError
from symdiff.graph.axes import identity, reduce, sum_axes
from symdiff.graph.body import Body, bodies, body, bound, everywhere
from symdiff.graph.build import mul, pointwise
from symdiff.graph.leaves import parameter
from symdiff.graph.lift import lift
from symdiff.graph.node import Node, rewrite, topological
from symdiff.graph.operation import Op
from symdiff.graph.ops import OPS
from symdiff.graph.rebuild import rebuild
from symdiff.graph.several import RESULTS, of_several, result, results
from symdiff.passes.algebra.expand import expand
from symdiff.passes.verify import verify

X, Y, U = parameter("x", (3,)), parameter("y", (3,)), parameter("u", (3,))


def _jvp(node, tangents):
    """Of (x y, exp x): one tangent for each result."""
    (x, y), (dx, dy) = node.args, tangents
    parts = [t * other for t, other in ((dx, y), (dy, x)) if t is not None]
    product = sum(parts[1:], parts[0]) if parts else None
    return product, None if dx is None else dx * result(node, 1)


def _vjp(node, cotangents, wanted):
    (x, y), (g, h) = node.args, cotangents
    of_x = [g * y] if g is not None else []
    of_x += [h * result(node, 1)] if h is not None else []
    return (
        sum(of_x[1:], of_x[0]) if wanted[0] and of_x else None,
        g * x if wanted[1] and g is not None else None,
    )


@pytest.fixture(autouse=True)
def _made_up(monkeypatch):
    """Two operations for these tests: (x, y) -> (x y, exp x), and a body applied to operands."""
    monkeypatch.setitem(OPS, "pair", Op("several", 2, dtype="tuple"))
    monkeypatch.setitem(OPS, "apply", Op("several", None, dtype="tuple"))
    monkeypatch.setitem(RESULTS, "pair", lambda node: [(node.args[0].shape, "float")] * 2)
    monkeypatch.setitem(RESULTS, "apply", lambda node: [(x.shape, x.dtype) for x in node.attributes[0].results])
    monkeypatch.setitem(table._TABLE, "pair", Derivative(_jvp, _vjp))


def pair(x, y):
    return results(of_several("pair", [x, y]))


def plain(roots):
    """The graph with the made-up operations written out."""

    def change(node, args):
        if node.op == "result" and args[0].op == "pair":
            x, y = args[0].args
            return (x * y, pointwise("exp", x))[node.attributes[0]]
        if node.op == "result":
            (inner,) = bodies(args[0])
            return plain(inner.at(args[0].args))[node.attributes[0]]
        return rebuild(node, args)

    return rewrite(roots, change)


def loss():
    product, power = pair(pointwise("sin", X), X * Y)
    return sum_axes(product * power + product, (0,))


# Several results


def test_several_results_are_one_node():
    first, second = pair(X, Y)
    assert first.args[0] is second.args[0] is pair(X, Y)[0].args[0]
    assert (first.args[0].dtype, first.shape, second.dtype) == ("tuple", (3,), "float")
    (again,) = rewrite([second], rebuild, {X: U})
    assert again is pair(U, Y)[1]
    verify(topological([first + second]))


VALUES = {X: np.array([0.3, -1.2, 0.7]), Y: np.array([1.5, 0.4, -0.8]), U: np.array([1.0, -2.0, 0.5])}


@pytest.mark.parametrize("wrt", [[X], [Y], [X, Y]], ids=["x", "y", "both"])
def test_cotangents_come_back_through_all_results(wrt):
    (written,) = plain([loss()])
    found, wanted = cotangents(loss(), wrt), cotangents(written, wrt)
    mine, theirs = plain([found[x] for x in wrt]), [wanted[x] for x in wrt]
    given = {X: VALUES[X], Y: VALUES[Y]}
    np.testing.assert_allclose(run(mine, given), run(theirs, given), rtol=1e-13)


def test_a_result_that_nothing_uses_has_no_cotangent():
    product, power = pair(X, Y)
    assert Y not in cotangents(sum_axes(power, (0,)), [X, Y])
    assert cotangents(sum_axes(product, (0,)), [Y])[Y] is not None


@pytest.mark.parametrize("seeds", [{X: U}, {Y: U}, {X: U, Y: U}], ids=["x", "y", "both"])
def test_tangents_go_through_to_all_results(seeds):
    (mine,), (theirs,) = tangents([loss()], seeds), tangents(plain([loss()]), seeds)
    np.testing.assert_allclose(run(plain([mine]), VALUES), run([theirs], VALUES), rtol=1e-13)


def test_many_directions_at_once():
    (mine,) = tangents(pair(X, Y)[:1], {X: identity((3,))})
    (theirs,) = tangents(plain(pair(X, Y)[:1]), {X: identity((3,))})
    assert plain([mine]) == [theirs]


def test_several_results_have_leading_axes_too():
    many = parameter("many", (2, 3))
    found = lift(pair(X, Y), {X: many}, (2,))
    assert [x.shape for x in found] == [(2, 3)] * 2
    single = lift(plain(pair(X, Y)), {X: many}, (2,))
    given = {many: np.arange(6.0).reshape(2, 3), Y: VALUES[Y]}
    np.testing.assert_allclose(run(plain(found), given), run(single, given))


def made(op, *args, attributes=(), shape=(), dtype="float"):
    node = Node()
    node.op, node.args, node.attributes, node.shape, node.dtype, node.digest = op, args, attributes, shape, dtype, b""
    return node


def test_what_has_several_results_is_no_operand():
    whole = pair(X, Y)[0].args[0]
    with pytest.raises(InternalError, match="several results"):
        verify(topological([made("exp", whole)]))
    with pytest.raises(InternalError, match="2 results"):
        verify(topological([made("result", whole, attributes=(2,), shape=(3,))]))
    with pytest.raises(InternalError, match=r"\(3,\)"):
        verify(topological([made("result", whole, attributes=(1,))]))


# Bodies


def step(x, y):
    """A function with two results, as a body."""
    return body([x, y], [x + pointwise("sigmoid", y), reduce("reduce_max", x * y, (0,))])


def applied(inner, *operands):
    return results(of_several("apply", operands, inner))


def test_equal_bodies_are_one_whatever_their_parameters_were_called():
    assert repr(step(X, Y)) == repr(step(U, X))
    assert applied(step(X, Y), X, Y) == applied(step(U, X), X, Y)
    assert repr(step(X, Y)) != repr(body([X, Y], step(X, Y).at([Y, X])))
    assert repr(body([X, Y], [X])) != repr(body([X], [X]))
    verify(topological(applied(step(X, Y), X, Y)))


def test_a_body_is_shown_alike_in_every_process():
    script = """
from symdiff.graph.body import body
from symdiff.graph.leaves import parameter
x, y = parameter("x", (3,)), parameter("y", (3,))
print(body([x, y], [x * y + x]))
"""
    shown = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True
    )
    assert shown.stdout.decode().strip() == repr(body([U, Y], [U * Y + U]))


def test_a_body_is_closed():
    with pytest.raises(InternalError, match="not among its parameters"):
        body([X], [X * Y])
    with pytest.raises(InternalError, match="not among its parameters"):
        body([X], [X * bound(1, (3,))])
    cut = body([pointwise("exp", Y), X], [pointwise("exp", Y) * X])  # at any node
    assert cut.at([X, U]) == [X * U]


def test_operands_take_the_place_of_parameters():
    inside = applied(step(X, Y), X, Y)
    outer = body([X, Y], [mul(*applied(step(X, Y), X, pointwise("exp", Y))), inside[1]])  # a body in a body
    found = plain(applied(outer, U, X))
    wanted = [(U + pointwise("sigmoid", z)) * reduce("reduce_max", U * z, (0,)) for z in [pointwise("exp", X)]]
    assert found == [*wanted, reduce("reduce_max", U * X, (0,))]


def test_a_pass_enters_bodies_and_equal_ones_once():
    seen = []

    def change(roots):
        seen.append(list(roots))
        return expand(roots)

    inner = applied(step(X, Y), X, Y)
    outer = body([X, Y], [mul(*inner)])
    roots = [applied(outer, U, X)[0], applied(outer, X, U)[0], *applied(step(X, Y), X, U)]
    found = everywhere(change)(roots)
    assert len(seen) == 3  # the graph, the outer body, the inner one
    assert not [node for node in plain(found) if node.op == "sigmoid"]
    assert "sigmoid" not in {node.op for node in topological(plain(found))}
    assert plain(found) == expand(plain(roots))
    assert everywhere(list)(roots) == roots
    verify(topological(found))


def test_bodies_are_verified():
    x = bound(0, (3,))
    for results_, message in (((made("exp", x, shape=(2,)),), r"\(3,\)"), ((x * X,), "more than its parameters")):
        wrong = made("apply", X, attributes=(Body((x,), results_),), dtype="tuple")
        with pytest.raises(InternalError, match=message):
            verify(topological([wrong]))


def test_leading_axes_of_what_has_a_body_are_refused():
    with pytest.raises(InternalError, match="leading axes"):
        lift(applied(step(X, Y), X, Y), {X: parameter("many", (2, 3))}, (2,))
