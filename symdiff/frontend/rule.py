"""What a SymPy class means: which of its arguments are lowered first, and the node made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from symdiff.graph.node import Node


def all_arguments(expression: Any) -> Sequence[Any]:
    """Every argument, the usual case."""
    return expression.args


def no_arguments(expression: Any) -> Sequence[Any]:
    """None: a leaf."""
    return ()


@dataclass(frozen=True)
class Rule:
    """How to lower one SymPy class.

    Attributes
    ----------
    build : (walk, expression, nodes of the children) -> node.
    children : the arguments that are lowered first.
    inside : (scope, expression) -> what it is inside a written-out sum, where it means more than `build` makes of it.
    unbounded : whether an operand may be a number that is larger than any double.
    array : whether all axes of the result count; else a result of 1x1 counts as a scalar, as a matrix of one entry does.
    """

    build: Callable[[Any, Any, list[Node]], Node]
    children: Callable[[Any], Sequence[Any]] = all_arguments
    inside: Callable[[Any, Any], Any] | None = None
    unbounded: bool = False
    array: bool = False
