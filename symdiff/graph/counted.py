"""Comparisons of whole numbers that are counted along axes: what follows of them without looking at any array.

Conditions on indices are of this kind: k <= i - 1 compares what is counted along two axes. Whether such conditions hold for
some i is a condition on k again, found by eliminating i (Fourier and Motzkin; exact in whole numbers where i is counted once).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce as fold

from symdiff.graph.bounds import nonnegative
from symdiff.graph.build import contract, pointwise
from symdiff.graph.contraction import is_view
from symdiff.graph.leaves import arange, constant, number, size
from symdiff.graph.node import Node
from symdiff.graph.size import Dim

Labels = Sequence[int]  # of the axes of a node
_KNOWN = frozenset(("and", "not", "lt", "le", "add", "neg", "mul", "constant", "size", "arange", "contract"))
_MOST = 64  # operations of a condition that is looked into


@dataclass
class Counted:
    """A number that is `offset` and, along axes with labels, so many `steps` more from each entry to the next."""

    offset: Dim
    steps: Mapping[int, int] = field(default_factory=dict)

    def __add__(self, other: Counted) -> Counted:
        steps = {label: self.steps.get(label, 0) + other.steps.get(label, 0) for label in {**self.steps, **other.steps}}
        return Counted(self.offset + other.offset, {label: step for label, step in steps.items() if step})

    def __mul__(self, factor: int) -> Counted:
        return Counted(self.offset * factor, {label: step * factor for label, step in self.steps.items() if factor})


def decided(condition: Node) -> bool | None:
    """Whether comparisons of counted numbers hold everywhere (True), nowhere (False), or that depends (None)."""
    labels = range(condition.ndim)
    found = _margins(condition, labels)
    if found is None:
        return None
    sizes = dict(zip(labels, condition.shape, strict=True))
    if all(nonnegative(_extreme(margin, sizes, -1)) for margin in found):
        return True
    return False if any(nonnegative(_extreme(margin, sizes, 1)) is False for margin in found) else None


def holds_somewhere(condition: Node, labels: Labels, out: Labels) -> Node | None:
    """Where comparisons of counted numbers hold anywhere along the axes that `out` lacks; None where that is not known."""
    found = _margins(condition, labels)
    if found is None:
        return None
    sizes = dict(zip(labels, condition.shape, strict=True))
    for label in [label for label in sizes if label not in out]:
        found = _without(found, label, sizes[label])
        if found is None:
            return None
    kept = _distinct(found)
    for margin in list(kept):
        if any(nonnegative(_extreme(margin + other * -1, sizes, -1)) for other in kept if other is not margin):
            kept.remove(margin)  # implied by another
    if any(nonnegative(_extreme(margin, sizes, 1)) is False for margin in kept):
        return constant(False)
    open_ones = [margin for margin in kept if not nonnegative(_extreme(margin, sizes, -1))]
    parts = [pointwise("le", _node(margin, -1, sizes, out), _node(margin, 1, sizes, out)) for margin in open_ones]
    return fold(lambda a, b: pointwise("and", a, b), parts) if parts else constant(True)


def _distinct(margins: list[Counted]) -> list[Counted]:
    return [margin for place, margin in enumerate(margins) if margin not in margins[:place]]


def _extreme(margin: Counted, sizes: Mapping[int, Dim], sign: int) -> Dim:
    """The largest value (`sign` 1) or the smallest (-1)."""
    last = (step * (sizes[label] - 1) for label, step in margin.steps.items() if step * sign > 0)
    return sum(last, start=margin.offset)


def _without(margins: list[Counted], label: int, length: Dim) -> list[Counted] | None:
    """What must not be negative for an index from 0 to length - 1 to exist for which no margin is."""
    lower, upper = [Counted(0)], [Counted(length - 1)]  # the index is at least -lower and at most upper
    for margin in margins:
        step = margin.steps.get(label, 0)
        if abs(step) > 1:
            return None
        if step:
            rest = Counted(margin.offset, {other: n for other, n in margin.steps.items() if other != label})
            (lower if step > 0 else upper).append(rest)
    kept = [margin for margin in margins if label not in margin.steps]
    return kept + [low + high for low in lower for high in upper]


def _node(margin: Counted, sign: int, sizes: Mapping[int, Dim], out: Labels) -> Node:
    """The side of a comparison that has the steps of a sign; the offset stands on the right."""
    total = constant(0.0) if sign < 0 else size(margin.offset)
    for label, step in margin.steps.items():
        if step * sign > 0:
            along = contract([arange(sizes[label])], [[label]], out, {**dict.fromkeys(out, 1), label: sizes[label]})
            total = total + float(abs(step)) * along
    return total


def _margins(condition: Node, labels: Labels) -> list[Counted] | None:
    """Counted numbers; the condition holds where none is negative."""
    return _margins_of(condition, labels) if _is_small(condition) else None


def _is_small(condition: Node) -> bool:
    """Whether a condition is made of few operations, each of which counted numbers may have."""
    seen = {condition}
    pending = [condition]
    while pending and len(seen) < _MOST:
        node = pending.pop()
        if node.op not in _KNOWN:
            return False
        pending += [operand for operand in node.args if operand not in seen]
        seen.update(node.args)
    return not pending


def _margins_of(condition: Node, labels: Labels) -> list[Counted] | None:
    if condition.op == "and":
        parts = [_margins_of(part, labels[len(labels) - part.ndim :]) for part in condition.args]
        return None if None in parts else [margin for part in parts for margin in part or ()]
    negated = condition.op == "not"
    compared = condition.args[0] if negated else condition
    if compared.op not in ("lt", "le"):
        return None
    a, b = (_counted(side, labels[len(labels) - side.ndim :]) for side in compared.args)
    if a is None or b is None:
        return None
    if negated:  # a <= b does not hold where b < a
        a, b = b, a
    return [b + a * -1 + Counted(-1 if (compared.op == "lt") != negated else 0)]


def _counted(x: Node, labels: Labels) -> Counted | None:
    """A node as a counted number, its axes labelled."""
    value = number(x)
    if value is not None:
        return Counted(int(value)) if value.is_integer() else None
    if x.op == "size":
        return Counted(x.attributes[0])
    if x.op == "arange":
        return Counted(0, {labels[0]: 1} if x.shape != (1,) else {})
    if x.op in ("add", "neg"):
        total = Counted(0)
        for operand in x.args:
            part = _counted(operand, labels[len(labels) - operand.ndim :])
            if part is None:
                return None
            total = total + part
        return total * (-1 if x.op == "neg" else 1)
    if x.op == "mul":
        factor, other = (number(operand) for operand in x.args), x.args[1]
        known = next(factor)
        part = _counted(other, labels[len(labels) - other.ndim :]) if known is not None and known.is_integer() else None
        return None if part is None else part * int(known or 0)
    if x.op == "contract" and len(x.args) == 1 and is_view(x):
        (own,), out, _ = x.attributes
        if len(set(out)) < len(out):
            return None
        return _counted(x.args[0], [labels[out.index(label)] if label in out else -1 - label for label in own])
    return None
