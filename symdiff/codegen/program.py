"""Frozen statements: what a generated function does, independent of how a backend spells it."""

from __future__ import annotations

from dataclasses import dataclass, field

# Python's precedence, as far as generated expressions use it.
ATOM, POWER, UNARY, PRODUCT, SUM, BITWISE, COMPARISON = 9, 8, 7, 6, 5, 4, 3


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
    """``target = expression``, under an optional comment."""

    target: str
    expression: str
    comment: str | None = None


@dataclass(frozen=True)
class Return:
    """``return expression``."""

    expression: str


Statement = Assign | Return


@dataclass(frozen=True)
class Function:
    """One function of a generated module."""

    name: str
    parameters: tuple[str, ...]
    docstring: str
    body: tuple[Statement, ...] = field(default=())

    def lines(self) -> list[str]:
        """Its source, line by line."""
        found = [f"def {self.name}({', '.join(self.parameters)}):", *indent(docstring(self.docstring))]
        for statement in self.body:
            if isinstance(statement, Return):
                found.append(f"    return {statement.expression}")
                continue
            if statement.comment:
                found.append(f"    # {statement.comment}")
            found.append(f"    {statement.target} = {statement.expression}")
        return found


def docstring(text: str) -> list[str]:
    """A docstring as lines, safe whatever the text holds."""
    safe = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines = safe.splitlines()
    if len(lines) == 1:
        return [f'"""{lines[0]}"""' if not lines[0].endswith('"') else f'"""{lines[0]} """']
    return [f'"""{lines[0]}', *lines[1:], '"""']


def indent(lines: list[str]) -> list[str]:
    """Each line moved in by one level; empty lines stay empty."""
    return [f"    {line}" if line else "" for line in lines]
