"""What the derivative of an operation is made of: how tangents go through it (jvp), and how cotangents come back (vjp)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symdiff.graph.node import Node

Parts = Sequence[Node | None]
"""A tangent or cotangent for each operand or result; None where it is zero."""


@dataclass(frozen=True)
class Derivative:
    """The derivative of one kind of operation at its operands, as a linear map and its transpose.

    A tangent or cotangent may have axes in front of those of what it belongs to, all of one node the same: one for every set of
    directions that is followed at once.

    Attributes
    ----------
    jvp : (node, tangent of each operand) -> tangent of each result.
    vjp : (node, cotangent of each result, whether each operand's is wanted) -> cotangent of each operand; None if not wanted.
    """

    jvp: Callable[[Node, Parts], Parts]
    vjp: Callable[[Node, Parts, Sequence[bool]], Parts]


def of_one_result(
    jvp: Callable[[Node, Parts], Node | None], vjp: Callable[[Node, int, Node], Node | None]
) -> Derivative:
    """The derivative of an operation with one result.

    Parameters
    ----------
    jvp : (node, tangent of each operand) -> tangent of the result.
    vjp : (node, i, cotangent of the result) -> its share of the cotangent of operand i.
    """

    def pulled(node: Node, cotangents: Parts, wanted: Sequence[bool]) -> Parts:
        (g,) = cotangents
        return [vjp(node, i, g) if wanted[i] and g is not None else None for i in range(len(node.args))]

    return Derivative(lambda node, tangents: (jvp(node, tangents),), pulled)


def one_by_one(jvp: Callable[[Node, int, Node], Node | None]) -> Callable[[Node, Parts], Node | None]:
    """The sum of what the tangent of each operand contributes by itself: (node, i, tangent of operand i) -> its share."""

    def whole(node: Node, tangents: Parts) -> Node | None:
        found = None
        for i, t in enumerate(tangents):
            term = None if t is None else jvp(node, i, t)
            found = term if found is None else found if term is None else found + term
        return found

    return whole


NO_DERIVATIVE = of_one_result(lambda node, tangents: None, lambda node, i, g: None)
"""Of what is the same around each point."""
