"""What holds of a graph between passes is checked, and what fails inside is said to be a fault of symdiff."""

from __future__ import annotations

import warnings

import pytest
import sympy as sp

import symdiff as sd
from symdiff import compiler
from symdiff.errors import InternalError, ModelError, ModelWarning
from symdiff.graph.build import contract, pointwise
from symdiff.graph.leaves import arange, constant, parameter
from symdiff.graph.node import Node, topological
from symdiff.graph.size import Size
from symdiff.passes.algebra.contract import in_pairs
from symdiff.passes.verify import verify

n, d = Size.named("n"), Size.named("d")
X, W, v = parameter("X", (n, d)), parameter("W", (d, d)), parameter("v", (d,))
place, flag = parameter("place", (n,), "int"), parameter("flag", (n, d), "bool")
w = sp.Symbol("w")


def made(op: str, *args: Node, attributes: tuple = (), shape: tuple = (), dtype: str = "float") -> Node:
    """A node as no constructor makes it, and that no constructor returns."""
    node = Node()
    node.op, node.args, node.attributes, node.shape, node.dtype, node.digest = op, args, attributes, shape, dtype, b""
    return node


WRONG = [
    ("a shape", made("exp", X, shape=(d, n)), r"\(n, d\)"),
    ("a dtype", made("lt", X, constant(1.0), shape=(n, d)), "bool"),
    ("operands that do not broadcast", made("mul", X, parameter("u", (n,)), shape=(n, d)), "do not match"),
    ("too many operands", made("exp", X, X, shape=(n, d)), "1 operands"),
    ("too few operands", made("solve", W, attributes=("general",), shape=(d, d)), "2 operands"),
    ("rows of another size", made("contract", X, attributes=(((0, 1),), (0,), (d, d)), shape=(d,)), "labelled"),
    ("an integer factor", made("contract", place, attributes=(((0,),), (), (n,))), "floating"),
    ("a sum of another axis", made("reduce_max", X, attributes=((-2,),), shape=(n,)), r"\(d,\)"),
    ("a solve of other rows", made("solve", W, X, attributes=("general",), shape=(n, d)), "do not fit"),
    ("no square", made("inverse", X, attributes=("general", False), shape=(n, d)), "square"),
    ("a determinant with axes", made("det", W, shape=(d, d)), r"\(\)"),
    ("a slice", made("index", v, attributes=(((0, 2, 1),),), shape=(d,)), r"\(2,\)"),
    ("a slice placed", made("place", v, attributes=(((0, 2, 1),), (n,)), shape=(n,)), "placed"),
    ("parts that differ", made("concatenate", X, W, attributes=(-1,), shape=(n, 2 * d)), "other axes"),
    ("entries lost", made("reshape", X, attributes=((n, d), (n,)), shape=(n,)), "taken as"),
    ("rows taken", made("take", X, place, attributes=(-1,), shape=(n, d)), r"\(n, n\)"),
    ("rows scattered", made("scatter", X, place, attributes=(-1, d), shape=(n, d)), "positions"),
    ("windows", made("window_max", v, attributes=(((2, 1),),), shape=(d,)), "windows"),
]


@pytest.mark.parametrize(("node", "message"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_does_not_follow_from_its_operands_is_found(node, message):
    with pytest.raises(InternalError, match=message):
        verify(topological([node]))


def test_operands_come_first():
    with pytest.raises(InternalError, match="comes after"):
        verify(topological([X * v])[::-1])


def test_source_is_written_of_products_of_two_and_of_what_has_source():
    three = contract([X, W, v], [(0, 1), (1, 2), (2,)], (0,), {0: n, 1: d, 2: d})
    sigmoid = made("sigmoid", X, shape=(n, d))
    verify(topological([three, sigmoid]))
    with pytest.raises(InternalError, match="products of two"):
        verify(topological([three]), unwritten=())
    with pytest.raises(InternalError, match="how it is written"):
        verify(topological([sigmoid]), unwritten={"sigmoid"})


def test_what_becomes_a_product_of_several_by_being_split_is_split_again():
    """Split, the inner product is 2 (v / exp v) X: the normal form pulls that 2 in front of the outer one."""
    inner = contract([X, 2.0 / pointwise("exp", v), v], [(0, 1), (1,), (1,)], (0, 1), {0: n, 1: d})
    outer = contract([inner, W, arange(d)], [(0, 1), (1, 2), (1,)], (0, 2), {0: n, 1: d, 2: d})
    assert [len(node.args) for node in (inner, outer)] == [3, 3]
    verify(topological(in_pairs([outer], "n")), unwritten=())


def test_what_fails_inside_is_a_fault_of_symdiff(monkeypatch):
    model = sd.Model(w**2, params=[w])
    for name, run in (
        ("prepared", sd.compile),
        ("lower", sd.compile),
        ("schedule", lambda m, **_: sd.generate(m, compiler.Options())),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(compiler, name, lambda *_: 1 / 0)
            with pytest.raises(InternalError) as caught:
                run(model, cache=False)
        message = str(caught.value)
        assert message.startswith("internal error: ZeroDivisionError: division by zero\n")
        assert "fault of symdiff, not of the model" in message
        assert message.endswith(f"model: {model.place}")
        assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_what_others_raise_inside_stays_what_it_is():
    """A warning that the user made an error, and a derivative of the user's own that fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ModelWarning)
        with pytest.raises(ModelWarning):
            sd.compile(sd.Model(w**2, params=[w, sp.Symbol("unused")]), cache=False)

    class Failing(sp.Function):
        def fdiff(self, argindex=1):
            return {}[argindex]

    def body(xp, x):
        return x

    sd.register(Failing, body)
    with pytest.raises(ModelError, match=r"Failing\.fdiff failed: KeyError") as caught:
        sd.compile(sd.Model(Failing(w), params=[w]), cache=False)
    assert not isinstance(caught.value, InternalError)
