"""Comments above statements say which results they are computed for, in block functions too."""

from __future__ import annotations

import inspect
import re
from itertools import pairwise

import pytest
import sympy as sp

import symdiff as sd
from symdiff.codegen.surface.comments import purposes
from symdiff.graph.build import pointwise
from symdiff.graph.leaves import parameter
from symdiff.graph.size import Size

n = Size.named("n")
x, y = parameter("x", (n,)), parameter("y", (n,))
w, b, c, d, e, u, v = sp.symbols("w b c d e u v")


def test_what_a_node_is_for():
    shared, mine = pointwise("exp", x), pointwise("sin", y)
    one, other, third = shared + 1, shared * mine, mine * 2
    found = purposes([one, other, third], ["objective", "gradient by w", "gradient by b"])
    assert found[one] == "objective"
    assert found[shared] == "objective; gradient by w"
    assert found[mine] == "gradient by w, b"
    assert purposes([one, other], ["a", "b"])[shared] == "shared by all results"
    assert purposes([one], ["objective"]) == {}


def test_many_results_are_counted():
    roots = [pointwise("exp", x) * k for k in (2.0, 3.0, 5.0, 7.0, 11.0)]
    titles = ["objective", *(f"gradient by {name}" for name in "abcd")]
    assert purposes([*roots, y], [*titles, "other"])[pointwise("exp", x)] == "objective; gradient by a, b and 2 more"


CURVE = sd.Model(
    sd.mean((w * sp.exp(-b * u) * sp.cos(c * u) - v) ** 2) + sd.max(d * sp.sin(u)), params=[w, b, c, d], data=[u, v]
)


@pytest.mark.parametrize("style", ["fast", "plain"])
def test_every_group_of_temporaries_has_a_comment(style):
    module = sd.compile(CURVE, style=style, emit="value_and_grad")
    source = inspect.getsource(getattr(module, "_value_and_grad_block", module.value_and_grad))
    comments = re.findall(r"^    # (.*)$", source, flags=re.MULTILINE)
    assert any(re.fullmatch("gradient by [wbcd]", comment) for comment in comments)
    assert all(one != other for one, other in pairwise(comments))
    for comment in comments:
        assert re.fullmatch(r"shared by all results|((objective|gradient by [\w, ]+)(; )?)+", comment)


def test_a_single_result_needs_none():
    module = sd.compile(CURVE, emit="value")
    assert "    # " not in inspect.getsource(module.value) + inspect.getsource(module._value_block)


def test_arguments_of_blocks_are_in_declared_order():
    model = sd.Model(sd.mean((c * sp.sin(v) + b * u + w * sp.exp(d * v)) ** 2), params=[w, b, c, d], data=[u, v])
    module = sd.compile(model, emit="value_and_grad")
    names = list(inspect.signature(module._value_and_grad_block).parameters)
    assert [name for name in names if name in "wbcduv"] == ["u", "v", "w", "b", "c", "d"]
