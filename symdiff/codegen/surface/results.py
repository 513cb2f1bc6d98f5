"""What a function returns: never memory of its arguments, never one array twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from symdiff.codegen.expression import Expression, Subscript, Tuple, call, method
from symdiff.graph.contraction import Contraction
from symdiff.graph.item import Window
from symdiff.graph.node import Node


def is_scalar(node: Node) -> bool:
    """Whether a result has no axes."""
    return not node.shape


def of_floating_inputs(order: Iterable[Node]) -> set[Node]:
    """The nodes of an order that depend on an input of floating numbers."""
    found: set[Node] = set()
    for node in order:
        if (node.op == "input" and node.dtype == "float") or not found.isdisjoint(node.args):
            found.add(node)
    return found


def result_type(node: Node, text: Expression, dtype: str, floating: Collection[Node]) -> Expression:
    """A scalar result as a NumPy scalar of the working dtype, which results that are `floating` have already."""
    if node not in floating:
        return call(f"{dtype}.type" if dtype.endswith(".dtype") else dtype, text)
    return Subscript(text, (Tuple(()),)) if _has_no_axes_but_is_an_array(node) else text


def _has_no_axes_but_is_an_array(node: Node) -> bool:
    """Whether NumPy gives an array for it where others give a scalar: np.where, np.tensordot and the like."""
    if node.op in ("stop_gradient", "kept", "contiguous"):
        return _has_no_axes_but_is_an_array(node.args[0])
    if node.op == "contract" and len(node.args) == 2:
        (_, one), (_, other) = Contraction.of(node).operands
        return len(one) > 1 and len(other) > 1 and one != other
    return node.op in ("select", "stack", "place")


def copied(node: Node, text: Expression, seen: set[Node]) -> Expression:
    """An array result; a copy where it would share memory with an argument or with an earlier result."""
    base, repeated = _base(node)
    shared = base.op in ("input", "constant") or base in seen or repeated
    seen.add(base)
    return method(text, "copy") if shared else text


def _base(node: Node) -> tuple[Node, bool]:
    """The node whose memory a view looks at, and whether the view repeats entries."""
    repeated = False
    while True:
        if node.op in ("stop_gradient", "kept", "contiguous", "index", "reshape"):
            repeated = repeated or (node.op == "index" and any(isinstance(item, Window) for item in node.attributes[0]))
            node = node.args[0]
        elif node.op == "contract" and len(node.args) == 1:
            work = Contraction.of(node)
            ((_, labels),) = work.operands
            if work.summed() or len(set(work.out)) < len(work.out):
                return node, repeated
            repeated = repeated or any(label not in labels and work.sizes[label] != 1 for label in work.out)
            node = node.args[0]
        else:
            return node, repeated
