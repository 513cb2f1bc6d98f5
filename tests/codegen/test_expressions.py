"""Brackets of generated source follow from precedence; what lives how long, in regions inside each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from source_trees import expression

import symdiff
from symdiff.codegen.expression import Binary, Choice, Name, Unary, before, integer, negative, without_sign
from symdiff.codegen.liveness import assigned, carried, live_after, reads
from symdiff.codegen.program import Assign, For, Return, While

SOURCES = [
    *("a - (b - c)", "(a + b) * c", "a * (b / c)", "(-a)**2", "-a**2", "a**(-b)", "(a**2)**2", "(a @ b).T"),
    *("-(-a)", "f(a, axis=(0,))[0, :, ::2]", "(a % b) * c"),
]


@pytest.mark.parametrize("source", SOURCES)
def test_brackets_are_those_that_are_needed(source):
    assert expression(source).source == source.replace("(a % b)", "a % b")


def test_conditions_in_c():
    a, b = Name("a"), Name("b")
    both = Binary("&&", Binary("==", a, b), Binary("||", a, b))
    assert Choice(((both, a),), Unary("!", Binary("==", a, b))).source == "(a == b && (a || b) ? a : !(a == b))"


def test_the_sign_of_a_product_goes_to_its_first_factor():
    assert negative(expression("a * b / c")).source == "-a * b / c"
    assert negative(expression("a % b * c")).source == "-(a % b * c)"  # -a % b is (-a) % b
    assert negative(expression("a + b")).source == "-(a + b)"
    rest = without_sign(expression("-a * b"))
    assert rest is not None
    assert rest.source == "a * b"
    assert without_sign(expression("-a % b")) is None
    assert without_sign(expression("(-a)**2")) is None


def test_a_factor_meets_the_first_operand_of_a_product():
    assert before(integer(2), expression("x * y")) == expression("2 * x * y")
    assert before(integer(2), expression("(x + 1) / y")).source == "2 * (x + 1) / y"


def assign(line):
    target, source = line.split(" = ")
    return Assign(Name(target), expression(source))


INNER = While(expression("f(e)"), (assign("e = a * e"),))
LOOP = For("i", Name("n"), (assign("b = a + i"), assign("c = b * d"), assign("d = c"), INNER))
REGION = [assign("a = x"), assign("d = x"), assign("e = y"), LOOP, Return(Name("d"))]


def test_a_variable_is_live_until_the_last_statement_or_loop_that_reads_it():
    after = live_after(REGION)
    assert after[0] >= {"a", "n", "x", "y"}
    assert "x" not in after[1]
    assert after[3] == {"d"}
    assert after[4] == set()
    assert live_after(LOOP.body, carried(LOOP))[1] >= {"a", "d", "e"}


def test_what_a_loop_carries_is_read_before_it_is_set():
    assert carried(LOOP) - {"f"} == {"a", "d", "e"}
    assert {"n", "a", "b", "c", "d", "e"} <= reads(LOOP)
    assert assigned(LOOP) == {"i", "b", "c", "d", "e"}
    assert carried(INNER) >= {"a", "e"}


def test_loops_are_spelled_with_their_bodies():
    assert LOOP.lines() == [
        *("for i in range(n):", "    b = a + i", "    c = b * d", "    d = c"),
        *("    while f(e):", "        e = a * e"),
    ]


# Lines that are too long, templates of special functions, names of Unicode, the file of device functions.
MAY = {"program.py", "numpy/writer.py", "cupy/ascii.py", "cupy/device.py"}


def test_nothing_reads_generated_source_again():
    root = Path(symdiff.__file__).parent / "codegen"
    found = set()
    for path in sorted(root.rglob("*.py")):
        name = str(path.relative_to(root))
        if not name.startswith("runtime/") and {"import re", "import ast"} & {*path.read_text().split("\n")}:
            found.add(name)
    assert found <= MAY
