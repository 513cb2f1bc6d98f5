"""Pooling: the derivative goes to the first largest entry of each window; its place is a constant to further derivatives."""

from __future__ import annotations

from collections.abc import Callable

from symdiff.diff.rule import Derivative, of_one_result, one_by_one
from symdiff.graph.node import Node
from symdiff.graph.windows import pick_first_max, place_first_max


def _linear(jvp: Callable[[Node, Node], Node], vjp: Callable[[Node, Node], Node]) -> Derivative:
    """Of (node, tangent) and (node, cotangent) of the first operand; the others only say where."""
    return of_one_result(
        one_by_one(lambda node, i, t: jvp(node, t) if i == 0 else None),
        lambda node, i, g: vjp(node, g) if i == 0 else None,
    )


def _at_max(rule: Callable[..., Node]) -> Callable[[Node, Node], Node]:
    return lambda node, v: rule(v, node.args[0], node, *node.attributes)


def _as_there(rule: Callable[..., Node]) -> Callable[[Node, Node], Node]:
    return lambda node, v: rule(v, *node.args[1:], *node.attributes)


POOLING: dict[str, Derivative] = {
    "window_max": _linear(_at_max(pick_first_max), _at_max(place_first_max)),
    "pick_first_max": _linear(_as_there(pick_first_max), _as_there(place_first_max)),
    "place_first_max": _linear(_as_there(place_first_max), _as_there(pick_first_max)),
}
