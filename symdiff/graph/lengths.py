"""Lengths: absolute values, norms, roots of sums of squares. They have no derivative where they are 0.

A square has derivative 0 where it is 0. So has a sum of squares, and with it whatever else of the length is smooth there.
"""

from __future__ import annotations

from symdiff.graph.contraction import Contraction
from symdiff.graph.leaves import number
from symdiff.graph.node import Node
from symdiff.graph.operation import NONE
from symdiff.graph.ops import OPS


def is_length(node: Node) -> bool:
    """Whether a node is a length by its form, and not one that is positive by its form, as sqrt(x**2 + 1) is."""
    if node.op == "sqrt":
        return is_sum_of_squares(node.args[0]) and not _is_positive(node.args[0])
    return OPS[node.op].length


def is_sum_of_squares(x: Node) -> bool:
    """Whether, by its form, x has derivative 0 wherever it is 0: squares, positive numbers, their sums and products.

    What divides the whole may have either sign: it moves no zero.
    """
    while x.op == "div":
        x = x.args[0]
    seen = {x}
    pending = [x]
    while pending:
        parts = _parts(pending.pop())
        if parts is None:
            return False
        pending += [part for part in parts if part not in seen]
        seen.update(parts)
    return True


def _is_positive(x: Node) -> bool:
    """Whether a sum of squares has a positive number among its terms."""
    pending, seen = [x], {x}
    while pending:
        x = pending.pop()
        if (number(x) or 0.0) > 0 or OPS[x.op].positive:
            return True
        new = [part for part in x.args if part not in seen] if x.op == "add" else []
        pending += new
        seen.update(new)
    return False


def _parts(x: Node) -> tuple[Node, ...] | None:
    """The operands that must be sums of squares for x to be one; None where it is none whatever they are."""
    value = number(x)
    if value is not None:
        return () if value >= 0 else None
    row = OPS[x.op]
    if row.positive or (x.op == "size" and x.attributes[1:]):  # the length of an axis
        return ()
    if x.op == "pow":
        exponent = number(x.args[1])
        if exponent is None or exponent <= 1:
            return None
        return () if exponent % 2 == 0 else x.args[:1]
    if x.op == "contract":
        return tuple(_unpaired(x))
    follows = row.nonnegative  # what is never negative if operands are not is flat where it is 0, if they are
    return None if follows in (None, NONE) else tuple(follows.of(x.args))


def _unpaired(x: Node) -> list[Node]:
    """The operands of a contraction without pairs that are multiplied entry by entry with themselves."""
    work = Contraction.of(x)
    found: dict[tuple[Node, tuple[int, ...]], None] = {}
    for node, labels in work.operands:
        operand = node, tuple(-1 if work.sizes[label] == 1 else label for label in labels)
        if operand in found:
            del found[operand]
        else:
            found[operand] = None
    return [node for node, _ in found]
