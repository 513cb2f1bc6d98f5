"""Text where an expression is meant: SymPy's parser would run it as Python, so it is refused before it gets there."""

from __future__ import annotations

import ast
import operator
from collections import UserString, deque
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symdiff as sd
from symdiff.errors import ModelError

PACKAGE = Path(sd.__file__).parent
n = sp.Symbol("n", integer=True, positive=True)
w, x = sp.symbols("w x")
A = sp.MatrixSymbol("A", n, n)
T = sd.Tensor("T", (n, 3))


class Posing:
    """Says of itself that it is some text in SymPy."""

    def __init__(self, text: Any) -> None:
        self.text = text

    def _sympy_(self) -> Any:
        return self.text


class Entry:
    """Looks like an array of one entry, a text."""

    shape = ()

    def __init__(self, text: str) -> None:
        self.text, self.flat = text, [text]

    def item(self) -> str:
        return self.text


class Word(str):
    """A kind of text."""


WRAPPED: dict[str, Callable[[str], Any]] = {
    "text": lambda text: text,
    "a subclass of str": Word,
    "NumPy's text": np.str_,
    "bytes": str.encode,
    "a list": lambda text: [text],
    "a tuple": lambda text: (text,),
    "a tuple in a tuple": lambda text: ((text,),),
    "a dict": lambda text: {text: text},
    "a set": lambda text: {text},
    "an array": lambda text: np.array([text]),
    "an array of objects": lambda text: np.array([text], object),
    "an array without axes": np.array,
    "another container": lambda text: deque([text]),
    "a user's string": UserString,
    "an object that poses as text": Posing,
    "an object that poses as a tuple": lambda text: Posing((text,)),
    "an entry": Entry,
}

PLACES: dict[str, Callable[[Any], Any]] = {
    "the objective": lambda given: sd.Model(given, params=[w]),
    "an output": lambda given: sd.Model(outputs={"o": given}, params=[w]),
    "outputs": lambda given: sd.Model(outputs=given, params=[w]),
    "a named expression": lambda given: sd.Model(w, named={"h": given}, params=[w]),
    "samples": lambda given: sd.Model(w, params=[w], samples=given),
    "params": lambda given: sd.Model(w, params=given),
    "a parameter": lambda given: sd.Model(w, params=[given]),
    "data": lambda given: sd.Model(w, params=[w], data=given),
    "a bound of a domain": lambda given: sd.domain(w, given, 1),
    "sizes": lambda given: sd.Tensor("x", given),
    "a size": lambda given: sd.Tensor("x", (n, given)),
    "a slice": lambda given: T[given:],
    "the end of a slice": lambda given: T[:given],
    "the step of a slice": lambda given: T[::given],
    "an index": lambda given: T[given],
    "one of two indices": lambda given: T[0, given],
    "a new shape": lambda given: sd.reshape(T, given),
    "a new size": lambda given: sd.reshape(T, (3, given)),
    "a broadcast": lambda given: sd.broadcast_to(T, given),
    "the classes of one_hot": lambda given: sd.one_hot(sd.Tensor("k", n, dtype=int), given),
    "delta": lambda given: sd.huber(w, x, given),
    "a model": sd.compile,
    "what sd.register is given": lambda given: sd.register(given, lambda xp, x: x),
    "safe": lambda given: sd.register(type("F", (sp.Function,), {}), lambda xp, x: x, safe=given),
}
_NAMES = [name for name in sd.functions.__all__ if name != "Tensor"]
for _name in _NAMES:
    PLACES[f"sd.{_name}"] = getattr(sd, _name)
    PLACES |= {f"sd.{_name} beside {other}": partial(getattr(sd, _name), other) for other in (w, A, T)}
for _name in ("add", "sub", "mul", "truediv", "pow", "matmul", "floordiv", "mod", "lt", "ge", "and_"):
    PLACES[f"T {_name} it"] = partial(getattr(operator, _name), T)
    PLACES[f"it {_name} T"] = lambda given, name=_name: getattr(operator, name)(given, T)


@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED)
@pytest.mark.filterwarnings("ignore")
def test_text_is_never_run(wrapped, tmp_path):
    mark = tmp_path / "ran"
    text = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    for place, attempt in PLACES.items():
        with suppress(ModelError, TypeError, LookupError):  # what Python's own containers say of a tensor, too
            attempt(wrapped(text))
        assert not mark.exists(), place


REFUSED = {
    "the objective": (lambda: sd.Model("w**2", params=[w]), r"^The objective is a text, 'w\*\*2', and text is never run"),
    "an output": (lambda: sd.Model(outputs={"o": "w"}, params=[w]), r"^outputs\['o'\] is a text, 'w'"),
    "samples": (lambda: sd.Model(w, params=[w], samples="n"), "^samples is a text, 'n'"),
    "a function": (lambda: sd.relu("w"), "^What sd.relu is given is a text, 'w'"),
    "a condition": (lambda: sd.where("w > 0", w, 0), "^What sd.where is given is a text, 'w > 0'"),
    "a reduction": (lambda: sd.sum(b"w"), "^What sd.sum is given is a text, b'w'"),
    "a long text": (lambda: sd.sum("w + " * 99), r"a text, '.{60}'\.\.\., and"),
    "an operand": (lambda: T + "w", "^What meets a tensor is a text, 'w'"),
    "a slice": (lambda: T["1":], "^A slice is a text, '1'"),
    "an index": (lambda: T["1"], "^An index is a whole number, .* not '1'"),
    "a size": (lambda: sd.reshape(T, "n"), "^A size is a text, 'n'"),
    "subscripts": (lambda: sd.einsum("i(,j", T, T), "write every axis as a letter"),
    "a bound": (lambda: sd.domain(w, "a", 1), "the bounds must be numbers"),
}  # fmt: skip


@pytest.mark.parametrize(("attempt", "message"), REFUSED.values(), ids=REFUSED)
def test_text_is_refused_with_what_to_write(attempt, message):
    with pytest.raises(ModelError, match=message):
        attempt()


@pytest.mark.parametrize(
    "number",
    [2, True, 2.5, np.float32(2.5), np.int64(2), np.array(2.5), Fraction(5, 2), sp.Float(2.5)],
    ids=lambda number: f"{type(number).__name__} {number}",
)
def test_numbers_of_every_kind_are_expressions(number):
    module = sd.compile(sd.Model(sd.maximum(w, number) + sd.sum(T * number), params=[w], data=[T]))
    assert module.value(0.0, np.ones((2, 3))) == 7 * float(number)


def test_one_place_alone_calls_what_parses_text():
    """`sympify`, `S` and `parse_expr` take text; elsewhere only where strict, of what is SymPy's own."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("sympify", "S", "parse_expr"):
                assert path.name == "given.py" or "strict=True" in ast.unparse(node), f"{path}:{node.lineno}"
