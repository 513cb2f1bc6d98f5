"""Rewrite rules as data: a pattern of nodes, and a function of what its variables matched.

A pattern is written like the expression it matches: ``P("log", 1 + P("exp", x))`` with ``x = variable("x")``. Operands of
commutative operations match in either order; a number matches the constant. The function returns the replacement, or
None where its conditions do not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Union

from symdiff.graph.leaves import number
from symdiff.graph.node import Node, rewrite
from symdiff.graph.ops import COMMUTATIVE
from symdiff.graph.rebuild import rebuild

Operand = Union["Pattern", float]


@dataclass(frozen=True)
class Pattern:
    """Matches a node of operation `op` with operands that match; or, without `op`, any node, under its name."""

    op: str | None
    args: tuple[Operand, ...] = ()
    name: str = ""

    def __add__(self, other: Operand) -> Pattern:
        return Pattern("add", (self, other))

    def __radd__(self, other: Operand) -> Pattern:
        return Pattern("add", (other, self))

    def __mul__(self, other: Operand) -> Pattern:
        return Pattern("mul", (self, other))

    def __truediv__(self, other: Operand) -> Pattern:
        return Pattern("div", (self, other))

    def __pow__(self, other: Operand) -> Pattern:
        return Pattern("pow", (self, other))

    def __neg__(self) -> Pattern:
        return Pattern("neg", (self,))


def variable(name: str) -> Pattern:
    """A pattern that matches any node; the same node wherever it stands in the pattern."""
    return Pattern(None, (), name)


def P(op: str, *args: Operand) -> Pattern:
    """A pattern for the operation `op`."""
    return Pattern(op, args)


@dataclass(frozen=True)
class Rule:
    """What matches `pattern` may become `replace(**variables)`; None says the rule does not apply after all."""

    pattern: Pattern
    replace: Callable[..., Node | None]


def match(pattern: Operand, node: Node, found: dict[str, Node]) -> Iterator[dict[str, Node]]:
    """Every way in which the pattern's variables can stand for parts of `node`."""
    if not isinstance(pattern, Pattern):
        if number(node) == pattern:
            yield found
        return
    if pattern.op is None:
        if found.setdefault(pattern.name, node) is node:
            yield found
        return
    if node.op != pattern.op or len(node.args) != len(pattern.args):
        return
    orders: list[tuple[Node, ...]] = [node.args]
    if node.op in COMMUTATIVE:
        orders.append(node.args[::-1])
    for args in orders:
        yield from _match_all(pattern.args, args, dict(found))


def _match_all(patterns: Sequence[Operand], nodes: Sequence[Node], found: dict[str, Node]) -> Iterator[dict[str, Node]]:
    if not patterns:
        yield found
        return
    for partial in match(patterns[0], nodes[0], dict(found)):
        yield from _match_all(patterns[1:], nodes[1:], partial)


def apply_rules(rules: Sequence[Rule], roots: Sequence[Node]) -> list[Node]:
    """Apply rules from the inputs up, and again to what they produced, until none applies."""
    by_op: dict[str, list[tuple[Rule, frozenset[str]]]] = {}
    for rule in rules:
        by_op.setdefault(rule.pattern.op or "", []).append((rule, _operations_below(rule.pattern)))
    settled: dict[Node, Node] = {}  # no rule applies to them or to what they depend on: never looked at again

    def change(node: Node, args: tuple[Node, ...]) -> Node:
        current = rebuild(node, args)
        while (replaced := _first_replacement(by_op.get(current.op, ()), current)) is not None:
            current = replaced
        if all(operand in settled for operand in current.args):
            settled[current] = current
        return current

    while True:
        new = rewrite(roots, change, dict(settled))
        if all(a is b for a, b in zip(new, roots, strict=True)) or all(root in settled for root in new):
            return new
        roots = new


def _operations_below(pattern: Pattern) -> frozenset[str]:
    """The operations that the operands of what matches must have; cheap to compare before matching."""
    parts = [part for part in pattern.args if not isinstance(part, Pattern) or part.op is not None]
    return frozenset("constant" if not isinstance(part, Pattern) else part.op or "" for part in parts)


def _first_replacement(rules: Sequence[tuple[Rule, frozenset[str]]], node: Node) -> Node | None:
    if not rules:
        return None
    operations = {operand.op for operand in node.args}
    for rule, below in rules:
        if not below <= operations:
            continue
        for found in match(rule.pattern, node, {}):
            replaced = rule.replace(**found)
            if replaced is not None and replaced is not node:
                return replaced
    return None
