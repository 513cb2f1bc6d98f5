"""What the derivative of an operation is made of: how tangents go through it, and how cotangents come back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symdiff.graph.node import Node

Push = Callable[[Node, Sequence[Node | None], int], Node | None]
Pull = Callable[[Node, int, Node, int], Node | None]


@dataclass(frozen=True)
class Derivative:
    """The derivative of one kind of operation, as a linear map and its transpose.

    Tangents and cotangents have `lead` extra axes in front: one set for every direction that is followed at once.

    Attributes
    ----------
    push : (node, tangent of each operand or None where it is zero, lead) -> tangent of the result, or None.
    pull : (node, i, cotangent of the result, lead) -> its share of the cotangent of operand i, or None.
    """

    push: Push
    pull: Pull


def pushed_one_by_one(push: Callable[[Node, int, Node, int], Node | None]) -> Push:
    """The sum of what the tangent of each operand contributes by itself."""

    def whole(node: Node, tangents: Sequence[Node | None], lead: int) -> Node | None:
        found = None
        for i, t in enumerate(tangents):
            term = None if t is None else push(node, i, t, lead)
            found = term if found is None else found if term is None else found + term
        return found

    return whole
