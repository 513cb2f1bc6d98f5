"""Rewrite rules as data: a pattern of nodes, and a function of what its variables matched.

A pattern is written like the expression it matches: ``P("log", 1 + P("exp", x))`` with ``x = variable("x")``. Operands of
commutative operations match in either order; a number matches the constant. The function returns the replacement, or
None where its conditions do not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Union

from symdiff.graph.build import broadcast_to
from symdiff.graph.contraction import is_view
from symdiff.graph.leaves import number
from symdiff.graph.node import Node, rewrite
from symdiff.graph.ops import OPS, POINTWISE
from symdiff.graph.rebuild import rebuild

Operand = Union["Pattern", float]
Look = Callable[[Node], tuple[str, tuple[Node, ...]]]


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


def rearranges(node: Node) -> bool:
    """Whether every entry of a node is one of its operand: a view without zeros, entries, another shape."""
    if node.op == "contract":
        return is_view(node) and bool(node.args) and len(set(node.attributes[1])) == node.ndim
    row = OPS[node.op]
    return row.kind == "linear" and bool(row.shares.of(node.args))


def operation(node: Node) -> str:
    """The operation of a node; of a view of an elementwise operation, that one: the normal form repeats exp(x), not x."""
    inner = node
    while rearranges(inner):
        inner = inner.args[0]
    return inner.op if inner.op in POINTWISE else node.op


def seen_through(node: Node) -> tuple[str, tuple[Node, ...]]:
    """The operation of a node and its operands, as views where the node is a view of what they give."""
    op = operation(node)
    if op == node.op:
        return op, node.args
    inner = node.args[0]
    views = (broadcast_to(x, inner.shape) if x.shape else x for x in seen_through(inner)[1])
    return op, tuple(rebuild(node, (x,)) if x.shape else x for x in views)


def _as_is(node: Node) -> tuple[str, tuple[Node, ...]]:
    return node.op, node.args


def match(pattern: Operand, node: Node, found: dict[str, Node], look: Look = _as_is) -> Iterator[dict[str, Node]]:
    """Every way in which the pattern's variables can stand for parts of `node`; `look` says what a node is."""
    if not isinstance(pattern, Pattern):
        if number(node) == pattern:
            yield found
        return
    if pattern.op is None:
        if found.setdefault(pattern.name, node) is node:
            yield found
        return
    op, operands = look(node)
    if op != pattern.op or len(operands) != len(pattern.args):
        return
    orders: list[tuple[Node, ...]] = [operands]
    if OPS[op].commutative:
        orders.append(operands[::-1])
    for args in orders:
        yield from _match_all(pattern.args, args, dict(found), look)


def _match_all(
    patterns: Sequence[Operand], nodes: Sequence[Node], found: dict[str, Node], look: Look
) -> Iterator[dict[str, Node]]:
    if not patterns:
        yield found
        return
    for partial in match(patterns[0], nodes[0], dict(found), look):
        yield from _match_all(patterns[1:], nodes[1:], partial, look)


def apply_rules(rules: Sequence[Rule], roots: Sequence[Node], look: Look = _as_is) -> list[Node]:
    """Apply rules from the inputs up, and again to what they produced, until none applies.

    With `look=seen_through` operands match through views, too: the normal form computes exp(x) once and then repeats it.
    """
    by_op: dict[str, list[tuple[Rule, frozenset[str]]]] = {}
    for rule in rules:
        by_op.setdefault(rule.pattern.op or "", []).append((rule, _operations_below(rule.pattern)))
    settled: dict[Node, Node] = {}  # no rule applies to them or to what they depend on: never looked at again

    def change(node: Node, args: tuple[Node, ...]) -> Node:
        current = rebuild(node, args)
        while (replaced := _first_replacement(by_op.get(current.op, ()), current, look)) is not None:
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


def _first_replacement(rules: Sequence[tuple[Rule, frozenset[str]]], node: Node, look: Look) -> Node | None:
    if not rules:
        return None
    operations = {operand.op if look is _as_is else operation(operand) for operand in node.args}
    for rule, below in rules:
        if not below <= operations:
            continue
        for found in match(rule.pattern, node, {}, look):
            replaced = rule.replace(**found)
            if replaced is not None and replaced is not node:
                return replaced
    return None
