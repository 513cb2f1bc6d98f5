"""Frozen statements: what a generated function does, independent of how a backend spells it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from symdiff.codegen.expression import Expression, Name, Tuple, Verbatim
from symdiff.codegen.layout import INDENT, WIDTH, laid_out
from symdiff.errors import printable

_INSIDE = WIDTH - INDENT  # columns of a statement, which stands in a function
_UNSPLIT = 90  # columns of results that need no brackets
_STRING = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")


@dataclass(frozen=True)
class Assign:
    """``target = expression``, or ``target += expression`` with an operator, under an optional comment."""

    target: Expression
    expression: Expression
    comment: str | None = None
    operator: str = ""

    def lines(self) -> list[str]:
        """Its source."""
        comment = [f"# {self.comment}"] if self.comment else []
        if isinstance(self.expression, Verbatim) or isinstance(self.target, Verbatim):
            return [*comment, *wrapped(f"{listing(self.target)} {self.operator}= {self.expression.source}")]
        *above, start = [f"{listing(self.target)} {self.operator}= "]
        if len(start) > _UNSPLIT and isinstance(self.target, Tuple):
            *above, start = laid_out("", self.target, f" {self.operator}= ", _UNSPLIT)
        return [*comment, *above, *laid_out(start, self.expression, width=_INSIDE)]


@dataclass(frozen=True)
class Return:
    """``return expression``, several results in brackets where the line may have to be split."""

    expression: Expression

    def lines(self) -> list[str]:
        """Its source."""
        text = listing(self.expression)
        if len(text) < _UNSPLIT or isinstance(self.expression, Verbatim):
            return wrapped(f"return {text}")
        return laid_out("return ", self.expression, width=_INSIDE)


@dataclass(frozen=True)
class Refuse:
    """``raise ValueError(message)`` where the condition holds; the message is the source of a string."""

    condition: Expression
    message: str

    def lines(self) -> list[str]:
        """Its source."""
        return [f"if {self.condition.source}:", f"    raise ValueError({self.message})"]


@dataclass(frozen=True)
class For:
    """The body once for each number below a count."""

    variable: str
    count: Expression
    body: tuple[Statement, ...]

    def lines(self) -> list[str]:
        """Its source."""
        return [f"for {self.variable} in range({self.count.source}):", *indent(lines_of(self.body))]


@dataclass(frozen=True)
class While:
    """The body again and again, while a condition holds."""

    condition: Expression
    body: tuple[Statement, ...]

    def lines(self) -> list[str]:
        """Its source."""
        return [f"while {self.condition.source}:", *indent(lines_of(self.body))]


Statement = Assign | Refuse | Return | For | While


def lines_of(region: Sequence[Statement]) -> list[str]:
    """The source of statements, one after the other."""
    return [line for statement in region for line in statement.lines()]


@dataclass(frozen=True)
class Function:
    """One function of a generated module."""

    name: str
    parameters: tuple[str, ...]
    docstring: str
    body: tuple[Statement, ...] = field(default=())

    def lines(self) -> list[str]:
        """Its source, line by line."""
        head = wrapped(f"def {self.name}({', '.join(self.parameters)}):")
        return [*head, *indent([*docstring(self.docstring), *lines_of(self.body)])]


def listing(several: Expression) -> str:
    """Several variables, or results, without brackets."""
    if isinstance(several, Tuple) and len(several.items) > 1:
        return ", ".join(item.source for item in several.items)
    return several.source


def variables(names: Sequence[str]) -> Tuple:
    """Several variables, to be assigned together."""
    return Tuple(tuple(map(Name, names)))


def listed(items: Sequence[str]) -> str:
    """A tuple."""
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def docstring(text: str) -> list[str]:
    """A docstring as lines, safe whatever the text holds."""
    safe = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines = [*map(printable, safe.split("\n"))]
    if len(lines) == 1 and len(lines[0]) + 6 > _INSIDE:
        lines = textwrap.wrap(lines[0], _INSIDE - 6)
    if len(lines) == 1:
        return [f'"""{lines[0]}"""' if not lines[0].endswith('"') else f'"""{lines[0]} """']
    return [f'"""{lines[0]}', *lines[1:], '"""']


def indent(lines: list[str]) -> list[str]:
    """Each line moved in by one level; empty lines stay empty."""
    return [f"    {line}" if line else "" for line in lines]


def wrapped(line: str, width: int = _INSIDE) -> list[str]:
    """A line that is too long, split inside its last pair of brackets, as many items a line as fit."""
    if len(line) <= width:
        return [line]
    code = _STRING.sub(lambda found: "_" * len(found[0]), line)  # brackets and commas in strings do not count
    end = max(code.rfind(bracket) for bracket in ")]")
    start = _opening(code, end)
    items = [line[a:b].strip() for a, b in _items(code, start + 1, end)]
    if start < 0 or len(items) < 2:
        return [line]
    rows = [""]
    for item in items:
        if rows[-1] and len(rows[-1]) + len(item) + 7 > width:
            rows.append("")
        rows[-1] += f"{' ' if rows[-1] else ''}{item},"
    return [line[: start + 1], *indent(rows), line[end:]]


def _opening(code: str, end: int) -> int:
    """The bracket that the one at `end` closes."""
    depth = 0
    for place in range(end, -1, -1):
        depth += (code[place] in ")]}") - (code[place] in "([{")
        if depth == 0:
            return place
    return -1


def _items(code: str, start: int, end: int) -> list[tuple[int, int]]:
    """From where to where each item of a comma-separated list reaches, nested brackets kept whole."""
    found, depth, first = [], 0, start
    for place in range(start, end):
        depth += (code[place] in "([{") - (code[place] in ")]}")
        if code[place] == "," and depth == 0:
            found.append((first, place))
            first = place + 1
    return [*found, (first, end)] if code[first:end].strip() else found
