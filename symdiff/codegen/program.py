"""Frozen statements: what a generated function does, independent of how a backend spells it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from symdiff.errors import printable

# Python's precedence, as far as generated expressions use it.
ATOM, POWER, UNARY, PRODUCT, SUM, BIT_AND, BIT_XOR, BIT_OR, COMPARISON = 11, 10, 9, 8, 7, 6, 5, 4, 3


WIDTH = 112  # columns of generated source
_UNSPLIT = 90  # columns of results that need no brackets
_STRING = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")


@dataclass(frozen=True)
class Text:
    """Source of an expression, with the precedence of its outermost operator."""

    source: str
    precedence: int = ATOM

    def at(self, precedence: int) -> str:
        """The source, in parentheses where an operator of that precedence would tear it apart."""
        return self.source if self.precedence >= precedence else f"({self.source})"


@dataclass(frozen=True)
class Assign:
    """``target = expression``, or ``target += expression`` with an operator, under an optional comment."""

    target: str
    expression: str
    comment: str | None = None
    operator: str = ""


@dataclass(frozen=True)
class Return:
    """``return expression``."""

    expression: str


@dataclass(frozen=True)
class Refuse:
    """``raise ValueError(message)`` where the condition holds; the message is the source of a string."""

    condition: str
    message: str


Statement = Assign | Refuse | Return


@dataclass(frozen=True)
class Function:
    """One function of a generated module."""

    name: str
    parameters: tuple[str, ...]
    docstring: str
    body: tuple[Statement, ...] = field(default=())

    def lines(self) -> list[str]:
        """Its source, line by line."""
        found = [*wrapped(f"def {self.name}({', '.join(self.parameters)}):"), *indent(docstring(self.docstring))]
        for statement in self.body:
            if isinstance(statement, Return):
                found += indent(wrapped(f"return {statement.expression}"))
                continue
            if isinstance(statement, Refuse):
                found += [f"    if {statement.condition}:", f"        raise ValueError({statement.message})"]
                continue
            if statement.comment:
                found.append(f"    # {statement.comment}")
            found += indent(wrapped(f"{statement.target} {statement.operator}= {statement.expression}"))
        return found


def listed(items: Sequence[str]) -> str:
    """A tuple."""
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def returned(items: Sequence[str]) -> str:
    """Several results, in brackets where the line may have to be split."""
    joined = ", ".join(items)
    return joined if len(items) > 1 and len(joined) < _UNSPLIT else listed(items)


def docstring(text: str) -> list[str]:
    """A docstring as lines, safe whatever the text holds."""
    safe = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines = [*map(printable, safe.split("\n"))]
    if len(lines) == 1:
        return [f'"""{lines[0]}"""' if not lines[0].endswith('"') else f'"""{lines[0]} """']
    return [f'"""{lines[0]}', *lines[1:], '"""']


def indent(lines: list[str]) -> list[str]:
    """Each line moved in by one level; empty lines stay empty."""
    return [f"    {line}" if line else "" for line in lines]


def wrapped(line: str) -> list[str]:
    """A line that is too long, split inside its last pair of brackets, as many items a line as fit."""
    if len(line) <= WIDTH:
        return [line]
    code = _STRING.sub(lambda found: "_" * len(found[0]), line)  # brackets and commas in strings do not count
    end = max(code.rfind(bracket) for bracket in ")]")
    start = _opening(code, end)
    items = [line[a:b].strip() for a, b in _items(code, start + 1, end)]
    if start < 0 or len(items) < 2:
        return [line]
    rows = [""]
    for item in items:
        if rows[-1] and len(rows[-1]) + len(item) + 7 > WIDTH:
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
