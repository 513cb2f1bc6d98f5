"""Generated source that one would sign: what holds of every committed module; statements that are too long for a line."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symdiff as sd
from symdiff.codegen.expression import Attribute, Binary, Literal, Name, Subscript, Tuple, Unary, call, method
from symdiff.codegen.layout import WIDTH, laid_out
from symdiff.codegen.program import Assign, Return, variables

GENERATED = Path(__file__).resolve().parents[2] / "generated"
MODULES = sorted(path for path in GENERATED.glob("*_numpy.py"))
x, y = Name("x"), Name("y")
LONG = [Name(f"{letter * 20}") for letter in "abcdefgh"]


def sums(names):
    """a + b + ..."""
    first, *rest = names
    for name in rest:
        first = Binary("+", first, name)
    return first


EXPRESSIONS = {
    "arguments": call("np.where", *LONG),
    "keywords": call("np.add", *LONG[:4], out=LONG[4], where=LONG[5], casting=Literal('"no"')),
    "a tuple": Tuple(tuple(LONG)),
    "a sum": sums(LONG),
    "a difference of sums": Binary("-", sums(LONG[:4]), sums(LONG[4:])),
    "a product of sums": Binary("*", sums(LONG[:5]), sums(LONG[3:])),
    "a quotient": Binary("/", Binary("*", sums(LONG[:5]), x), Binary("*", y, sums(LONG))),
    "a comparison": Binary("<", sums(LONG[:4]), sums(LONG[4:])),
    "methods": method(method(call("np.dot", *LONG[:6]), "reshape", *map(Literal, "123")), "transpose", x, y),
    "methods of a sum": method(sums(LONG), "reshape", Literal("3"), Literal("-1")),
    "an entry of a sum": Subscript(sums(LONG), (Literal("0"), x)),
    "a transpose of a sum": Attribute(sums(LONG), "T"),
    "a sign of a sum": Unary("-", sums(LONG)),
    "a call in a call": call("np.exp", call("np.maximum", sums(LONG[:5]), sums(LONG[2:]))),
    "a sum in a tuple": Tuple((sums(LONG), x)),
    "one item": Tuple((sums(LONG),)),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("width", [40, 60, 112])
def test_a_broken_line_means_the_same(name, width):
    expression = EXPRESSIONS[name]
    lines = laid_out("t1 = ", expression, width=width)
    assert len(lines) > 1
    assert ast.dump(ast.parse("\n".join(lines))) == ast.dump(ast.parse(f"t1 = {expression.source}"))
    assert max(map(len, lines)) <= max(width, 35)


def test_what_fits_stays_on_a_line():
    assert laid_out("t1 = ", sums(LONG[:4])) == [f"t1 = {sums(LONG[:4]).source}"]


def test_many_targets_and_many_results_are_broken_too():
    names = [name.name for name in LONG]
    for lines in (Assign(variables(names), call("f", x)).lines(), Return(Tuple(tuple(LONG))).lines()):
        assert len(lines) > 2
        assert max(map(len, lines)) <= WIDTH - 4
        ast.parse("def f():\n" + "\n".join(f"    {line}" for line in lines))


def statements(path: Path) -> list[str]:
    """The lines of a module's own functions, from the first on, without docstrings and messages."""
    text = path.read_text(encoding="utf-8")
    body = text[text.index("\ndef ") :]
    return [line for line in body.split("\n") if '"""' not in line and "raise " not in line]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_line_is_too_long(path):
    assert not [line for line in statements(path) if len(line) > WIDTH]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_pi_is_written_as_such(path):
    assert not [line for line in statements(path) if re.search(r"\b(3\.14159|6\.28318|1\.5707963|0\.7853981)", line)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_blocks_of_several_results_say_what_is_for_which(path):
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef) and re.search(r"(grad|hessian|jacobian|vjp)_block", function.name):
            *temporaries, last = function.body[1:]
            named = [name.id for part in temporaries for name in ast.walk(part) if isinstance(name, ast.Name)]
            several = isinstance(last.value, ast.Tuple) and len(last.value.elts) > 1
            if several and any(re.fullmatch(r"[st]\d+", name) for name in named):
                lines = path.read_text(encoding="utf-8").split("\n")[function.lineno : function.end_lineno]
                assert any(line.lstrip().startswith("# ") for line in lines), function.name


@pytest.mark.parametrize("value", [np.pi, 2 * np.pi, 4 * np.pi, -3 * np.pi, np.pi / 2, -np.pi / 6])
def test_pi_to_the_last_bit(value):
    w = sp.Symbol("w")
    model = sd.Model(sp.Float(value, 17) * sp.cos(w), params=[w])
    module = sd.compile(model, emit="value")
    assert "np.pi" in module.__loader__.source
    assert module.value(0.0) == value


def test_a_long_docstring_is_wrapped():
    names = sp.symbols(" ".join(f"parameter_{k}" for k in range(12)))
    module = sd.compile(sd.Model(sum(name**2 for name in names), params=names), emit="grad")
    assert max(map(len, module.grad.__doc__.split("\n"))) <= WIDTH
    assert " ".join(module.grad.__doc__.split()).endswith("parameter_10, parameter_11.")
