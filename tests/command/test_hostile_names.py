"""Names that a terminal, LaTeX or Rich would carry out are shown as what they are, wherever names are shown."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner

import symdiff as sd
from symdiff.cli import main
from symdiff.compiler import generate
from symdiff.errors import ModelError, printable
from symdiff.functions.latex import latex, verbatim
from symdiff.options import BACKENDS, Options

NAMES = {
    "a colour": "w\x1b[31m",
    "a control sequence": "w\x9b2J",
    "a bell": "w\x07",
    "a line of an error": "w\n  model: elsewhere.py:1",
    "a carriage return": "w\rx",
    "a null": "w\x00",
    "right to left": "w\u202ex",
    "an isolate": "\u2066w",
    "nothing to be seen": "w\u200bx",
    "another line": "w\u2028x",
    "markup": "[red]w[/red]",
    "broken markup": "w[/]",
    "a file": r"\input{/etc/passwd}",
    "a command": r"\immediate\write18{id}",
    "a definition": r"\def\x{y}",
    "a letter by its code": "w^^5cinput{x}",
    "a brace": "w}{",
    "a formula": "x$y",
    "a comment": "x%y#&~",
}
OBEYED = ("input", "write", "immediate", "def", "x")
parametrized = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)


def unseen(text: str) -> list[str]:
    """Characters, besides line breaks, that are none to be seen."""
    return [c for c in text if c != "\n" and not c.isprintable()]


def models(name: str) -> list[sd.Model]:
    """In each dialect a model whose symbols have that name."""
    w, x = sp.Symbol(name), sp.Symbol("other")
    n = sp.Symbol("n", integer=True, positive=True)
    h, i = sp.sin(w * x), sp.Idx(name + "i", n)
    A, y, T = sp.MatrixSymbol(name, n, n), sp.IndexedBase(name, shape=(n,)), sd.Tensor(name, (n, 3))
    return [
        sd.Model(sd.mean(h**2 + h), params=[w], data=[x], name=name, named={name + "h": h}),
        sd.Model(sd.logdet(A) + sd.sum(A.I), params=[A], name="matrices"),
        sd.Model(sp.Sum(y[i] ** 3, (i, 0, n - 1)), params=[y], name="indices"),
        sd.Model(sd.sum(sd.exp(T) @ T.T), params=[T], name="tensors"),
        sd.Model(outputs={name: w**2}, params=[w], name="outputs"),
    ]


@parametrized
def test_generated_source_holds_no_such_character(name):
    for model in models(name):
        for backend in BACKENDS:
            assert not unseen(generate(model, Options.create(backend=backend)).source)
        assert not unseen(repr(model))


def mistakes(name: str) -> list[sd.Model]:
    w, x = sp.Symbol(name), sp.Symbol("other")
    n = sp.Symbol(name, integer=True, positive=True)
    T, v = sd.Tensor(name, (n, 3)), sd.Tensor("v", (n, 4))
    return [
        sd.Model(w * x, params=[x]),
        sd.Model(w * x, params=[w, w, x]),
        sd.Model(w * x, params=[w, sp.Symbol(name, positive=True), x]),
        sd.Model(sp.Function("f")(w) + w, params=[w]),
        sd.Model(sd.sum(T * v), params=[T, v]),
        sd.Model(w * x, params=[w], data=[x], samples=sp.Symbol(name)),
        sd.Model(
            sd.sum(sp.MatrixSymbol(name, 2, 3) * sp.MatrixSymbol("B", 3, 2)), params=[sp.MatrixSymbol(name, 2, 3)]
        ),
        sd.Model(
            x, params=[x], outputs={"o": sp.Symbol(name, imaginary=True)}, constants=[sp.Symbol(name, imaginary=True)]
        ),
    ]


@parametrized
def test_messages_are_of_lines_that_are_seen(name):
    for model in mistakes(name):
        with pytest.raises(ModelError) as caught:
            sd.compile(model)
        lines = str(caught.value).split("\n")
        assert not unseen(str(caught.value))
        assert [line.partition(":")[0] for line in lines[1:]] in (["  in", "  model"], ["  model"])
        assert "elsewhere" not in lines[-1]
    assert not unseen(repr(sd.Tensor(name, (2,)) + 1))


@parametrized
def test_warnings_are_of_lines_that_are_seen(name):
    with pytest.warns(sd.errors.ModelWarning) as caught:
        sd.compile(sd.Model(sp.Symbol("a") ** 2, params=[sp.Symbol(name), sp.Symbol("a")]))
    assert not unseen(str(caught[0].message))
    assert str(caught[0].message).count("\n") == 1


FILE = """
import sympy as sp, symdiff as sd
w, x = sp.Symbol({name!r}), sp.Symbol("other")
line = sd.Model(sd.mean((w * x - 1) ** 2), params=[w], data=[x], name={name!r})
"""


@parametrized
def test_the_command_prints_what_is_seen(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(FILE.format(name=name), encoding="utf-8")
    run = CliRunner().invoke
    for command in (
        ["show"],
        ["show", "--latex"],
        ["compile"],
        ["compare"],
        ["bench", "--against", "plain", "--rounds", "1"],
    ):
        found = run(main, [command[0], "model.py", *command[1:]])
        assert found.exit_code == 0, found.output
        assert not unseen(found.output)
    (report,) = json.loads(run(main, ["compare", "model.py", "--json"]).output)
    assert report["model"] == name
    wrong = run(main, ["show", "model.py", "--wrt", name.replace(",", "") + "unknown"])
    assert wrong.exit_code == 1
    assert not unseen(wrong.output)


@parametrized
def test_latex_carries_nothing_out(name):
    w = sp.Symbol(name)
    n = sp.Symbol("n", integer=True, positive=True)
    expressions = [w, sp.MatrixSymbol(name, n, n), sp.IndexedBase(name)[sp.Idx(name, n)], sd.Tensor(name, (n,)) * 2,
                   type(name.replace("\0", "0"), (sp.Function,), {})(w), sp.sin(w) / w]  # fmt: skip
    for text in (*map(latex, expressions), verbatim(name)):
        assert not set(re.findall(r"\\([A-Za-z]+)", text)) & {*OBEYED}
        assert "^^" not in text
        assert not unseen(text)
        bare = re.sub(r"\\[^A-Za-z]", "", text)
        assert bare.count("{") == bare.count("}")
        assert not set("$%#&~") & {*bare}


@pytest.mark.parametrize("name", [r"\alpha", r"x_{1}", r"\hat{y}", r"\mathbf{w}_{i}", r"\dot{\theta}", "x_1^2", "θ"])
def test_names_that_are_written_as_formulas_stay_so(name):
    assert latex(sp.Symbol(name)) == sp.latex(sp.Symbol(name))


def test_escapes_keep_what_is_seen():
    assert printable("a θ ∘ 数\x1b\u202e\n") == r"a θ ∘ 数\x1b\u202e\n"
    assert printable("a\tb\n", keep="\n\t") == "a\tb\n"


def test_a_matrix_that_is_singular_is_named_in_words_that_are_seen():
    A = sp.MatrixSymbol("A\x1b[31m", 2, 2)
    with pytest.raises(np.linalg.LinAlgError) as caught:
        sd.compile(sd.Model(sd.sum(A.I), params=[A])).value(np.zeros((2, 2)))
    assert not unseen(str(caught.value))
