"""What a function returns: never memory of its arguments, never one array twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from symdiff.codegen.expression import Expression, Subscript, Tuple, call, method
from symdiff.graph.contraction import Contraction
from symdiff.graph.item import Window
from symdiff.graph.node import Node
from symdiff.graph.ops import OPS
from symdiff.graph.pattern import rearranges


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
    bases, repeated = _bases(node)
    shared = repeated or any(base.op in ("input", "constant") or base in seen for base in bases)
    seen.update(bases)
    return method(text, "copy") if shared else text


def _bases(node: Node) -> tuple[list[Node], bool]:
    """The nodes whose memory a node may share, and whether a view among them repeats entries."""
    found: list[Node] = []
    repeated = False
    pending, seen = [node], {node}
    while pending:
        node = pending.pop()
        shared = _shared(node)
        repeated = repeated or (bool(shared) and _repeats(node))
        found += [] if shared else [node]
        pending += [operand for operand in dict.fromkeys(shared) if operand not in seen]
        seen.update(shared)
    return found, repeated


def _shared(node: Node) -> Sequence[Node]:
    """The operands whose memory the result may share."""
    return () if node.op == "contract" and not rearranges(node) else OPS[node.op].shares.of(node.args)


def _repeats(node: Node) -> bool:
    """Whether a view has entries of its operand more than once."""
    if node.op == "contract":
        ((labels,), out, sizes) = node.attributes
        return any(label not in labels and sizes[label] != 1 for label in out)
    return node.op == "index" and any(isinstance(item, Window) for item in node.attributes[0])
