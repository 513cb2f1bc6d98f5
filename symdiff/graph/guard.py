"""Choices whose branch not taken can do no harm.

A branch is computed for every entry, also where it is not chosen: there log(x) may be NaN, and NaN times a derivative of 0
is NaN. So operations with a singularity get a harmless operand wherever their branch is not taken; value and derivatives
of every order are then finite there, and the choice makes them exactly 0.
"""

from __future__ import annotations

from symdiff.graph.axes import reduce
from symdiff.graph.build import constant, pointwise, select
from symdiff.graph.node import Node, rewrite, topological
from symdiff.graph.ops import POINTWISE
from symdiff.graph.rebuild import rebuild


def choose(condition: Node, yes: Node, no: Node) -> Node:
    """`yes` where the condition holds, else `no`, each guarded where it is not taken."""
    return select(condition, guarded(yes, condition), guarded(no, pointwise("not", condition)))


def guarded(branch: Node, condition: Node) -> Node:
    """`branch` with harmless operands wherever the condition does not hold."""
    if condition.op == "constant":
        return branch
    varying = {node for node in topological([branch]) if node.op == "input"}
    anywhere = _anywhere(condition)

    def change(node: Node, args: tuple[Node, ...]) -> Node:
        if any(operand in varying for operand in node.args):
            varying.add(node)
        harmless = POINTWISE[node.op].harmless() if node.op in POINTWISE else ()
        for position, value in enumerate(harmless):
            if value is not None and node.args[position] in varying:
                mask = condition if _covers(condition, args[position]) else anywhere
                operand = select(mask, args[position], constant(value))
                args = (*args[:position], operand, *args[position + 1 :])
        return rebuild(node, args)

    return rewrite([branch], change)[0]


def _covers(condition: Node, operand: Node) -> bool:
    """Whether the condition applies entry by entry to the operand."""
    return not condition.shape or condition.shape == operand.shape


def _anywhere(condition: Node) -> Node:
    """Whether the condition holds for any entry."""
    if not condition.shape:
        return condition
    hit = select(condition, constant(1.0), constant(0.0))
    return pointwise("lt", constant(0.0), reduce("reduce_max", hit, range(hit.ndim)))
