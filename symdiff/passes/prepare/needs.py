"""Which entries of an array are needed: conditions combined by and, or and not, as binary decision diagrams.

A diagram asks one condition after the other (Bryant 1986, "Graph-based algorithms for Boolean function manipulation").
Equal diagrams are one object, and a question whose answers lead to the same diagram is not asked. So what is needed
whether a condition holds or not is seen to be needed always, however the choices are nested.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass

from symdiff.graph.build import pointwise, repeated_scalar, select
from symdiff.graph.counted import decided
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node, Shape
from symdiff.graph.size import broadcast

_DEEPEST = 100  # questions in a row that two diagrams are combined along; beyond, they become one condition


@dataclass(frozen=True, eq=False)
class Question:
    """Needed where `yes` says so, if the condition holds, else where `no` does.

    Attributes
    ----------
    shape : what all conditions of the diagram broadcast to.
    count : how many questions there are, each counted as often as it is come to.
    local : whether no condition of the diagram was found by looking along the sample axis.
    """

    condition: Node
    yes: Need
    no: Need
    shape: Shape
    count: int
    local: bool


Need = bool | Question  # True: everywhere; False: nowhere


class Needs:
    """Makes diagrams. Conditions that were met last are asked first, so that a chain of choices grows at its top."""

    def __init__(self) -> None:
        self.gathered: set[Node] = set()  # conditions that were found by looking along the sample axis
        self._ranks: dict[Node, int] = {}
        self._interned: dict[tuple[Node, int, int], Question] = {}
        self._unions: dict[tuple[int, int], Need] = {}
        self._masks: dict[Need, Node] = {True: constant(True), False: constant(False)}
        self._renamed: dict[Need, Node] = dict(self._masks)

    @property
    def conditions(self) -> tuple[Node, ...]:
        """All conditions met, in that order."""
        return tuple(self._ranks)

    def where(self, condition: Node, yes: Need = True, no: Need = False, depth: int = 0) -> Need:
        """`yes` where the condition holds, `no` elsewhere."""
        if (known := _decided(condition)) is not None:
            return yes if known else no
        if condition.dtype != "bool":
            condition = pointwise("ne", condition, constant(0.0))
        match condition.op:
            case "not":
                return self.where(condition.args[0], no, yes, depth)
            case "and":
                return self.where(condition.args[0], self.where(condition.args[1], yes, no, depth), no, depth)
            case "or":
                return self.where(condition.args[0], yes, self.where(condition.args[1], yes, no, depth), depth)
            case "select":
                which, one, other = condition.args
                return self.where(which, self.where(one, yes, no, depth), self.where(other, yes, no, depth), depth)
        rank = self._ranks.setdefault(condition, len(self._ranks))
        top = max((q for q in (yes, no) if isinstance(q, Question)), key=self._rank, default=None)
        if top is None or self._rank(top) < rank:
            return self._question(condition, yes, no)
        if depth > _DEEPEST:
            return self.where(select(condition, self.mask(yes), self.mask(no)))
        first, second = (_answers(need, top.condition) for need in (yes, no))
        if top.condition is condition:
            return self._question(condition, first[0], second[1])
        inner = [self.where(condition, first[k], second[k], depth + 1) for k in (0, 1)]
        return self._question(top.condition, *inner)

    def either(self, one: Need, other: Need, depth: int = 0) -> Need:
        """Needed where one of them says so."""
        if isinstance(one, bool) or one is other:
            return one or other
        if isinstance(other, bool):
            return other or one
        known = (id(one), id(other))
        if (found := self._unions.get(known)) is None:
            if depth > _DEEPEST:
                return self.where(pointwise("or", self.mask(one), self.mask(other)))
            top = max(one, other, key=self._rank).condition
            (a, b), (c, d) = _answers(one, top), _answers(other, top)
            found = self._question(top, self.either(a, c, depth + 1), self.either(b, d, depth + 1))
            self._unions[known] = found
        return found

    def mask(self, need: Need, renamed: Callable[[Node], Node | None] | None = None) -> Node:
        """The need as one condition; `renamed` says what a condition has become, or None: then it counts as open."""
        masks = self._masks if renamed is None else self._renamed
        for question in _inside_out(need, masks):
            condition = question.condition if renamed is None else renamed(question.condition)
            yes, no = masks[question.yes], masks[question.no]
            masks[question] = _either(yes, no) if condition is None else _choice(condition, yes, no)
        return masks[need]

    def renamed(self, need: Need, change: Callable[[Node], Node]) -> Need:
        """The need by other conditions in place of its own."""
        known: dict[Need, Need] = {True: True, False: False}
        for question in _inside_out(need, known):
            known[question] = self.where(change(question.condition), known[question.yes], known[question.no])
        return known[need]

    def given(self, need: Need, condition: Node, holds: bool) -> Need:
        """The need if a condition holds, or if it does not."""
        known: dict[Need, Need] = {True: True, False: False}
        for question in _inside_out(need, known):
            yes, no = known[question.yes], known[question.no]
            known[question] = (
                (yes if holds else no)
                if question.condition is condition
                else self._question(question.condition, yes, no)
            )
        return known[need]

    def without_gathered(self, need: Need) -> Need:
        """The need if conditions that were found by looking along the sample axis may hold or not."""
        known: dict[Need, Need] = {True: True, False: False}
        for question in _inside_out(need, known):
            yes, no = known[question.yes], known[question.no]
            known[question] = (
                self.either(yes, no)
                if question.condition in self.gathered
                else self._question(question.condition, yes, no)
            )
        return known[need]

    def _rank(self, question: Question) -> int:
        return self._ranks[question.condition]

    def _question(self, condition: Node, yes: Need, no: Need) -> Need:
        if yes is no:
            return yes
        known = (condition, id(yes), id(no))
        if known not in self._interned:
            below = [need for need in (yes, no) if isinstance(need, Question)]
            shape = broadcast([condition.shape, *(need.shape for need in below)])
            count = 1 + sum(need.count for need in below)
            local = condition not in self.gathered and all(need.local for need in below)
            self._interned[known] = Question(condition, yes, no, shape, count, local)
        return self._interned[known]


def _decided(condition: Node) -> bool | None:
    """Whether a condition holds, where that is known: it is a constant, or compares indices, or 0 with a number."""
    if condition.op == "constant":
        return bool(condition.attributes[0])
    if (known := decided(condition)) is not None:
        return known
    if condition.op == "lt" and number(condition.args[0]) == 0:
        positive = number(repeated_scalar(condition.args[1]) or condition)
        return None if positive is None else positive > 0
    return None


def conditions(need: Need) -> list[Node]:
    """The conditions that a diagram asks."""
    known: dict[Need, None] = {True: None, False: None}
    found: dict[Node, None] = {}
    for question in _inside_out(need, known):
        known[question] = None
        found[question.condition] = None
    return list(found)


def _answers(need: Need, condition: Node) -> tuple[Need, Need]:
    """What a diagram is where a condition, asked first or not at all, holds and where it does not."""
    if isinstance(need, Question) and need.condition is condition:
        return need.yes, need.no
    return need, need


def _inside_out(need: Need, known: Container[Need]) -> Iterator[Question]:
    """The questions of a diagram that are not known, each after those its answers lead to."""
    stack: list[tuple[Need, bool]] = [(need, False)]
    while stack:
        question, ready = stack.pop()
        if question in known or not isinstance(question, Question):
            continue
        if ready:
            yield question
        else:
            stack += ((question, True), (question.no, False), (question.yes, False))


def _either(one: Node, other: Node) -> Node:
    """The condition that holds where one of two does."""
    for here, there in ((one, other), (other, one)):
        if here.op == "constant":
            return here if here.attributes[0] else there
    return pointwise("or", one, other)


def _choice(condition: Node, yes: Node, no: Node) -> Node:
    """The condition that is `yes` where another holds, else `no`."""
    always, never = constant(True), constant(False)
    if yes is always and no is never:
        return condition
    if yes is never and no is always:
        return pointwise("not", condition)
    if yes is always:
        return pointwise("or", condition, no)
    if no is never:
        return pointwise("and", condition, yes)
    if yes is never:
        return pointwise("and", pointwise("not", condition), no)
    if no is always:
        return pointwise("or", pointwise("not", condition), yes)
    return select(condition, yes, no)
