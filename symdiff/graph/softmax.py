"""The softmax is no operation of its own but exp(x - logsumexp(x)): how it is made, and how closed forms find it."""

from __future__ import annotations

from symdiff.graph.axes import insert_axes, reduce, reduced_axes
from symdiff.graph.build import cast, pointwise
from symdiff.graph.node import Node


def log_softmax(x: Node, axis: int) -> Node:
    """x - logsumexp(x) along an axis."""
    x = cast(x)
    return x - insert_axes(reduce("reduce_logsumexp", x, (axis,)), (axis,), x.shape)


def softmax(x: Node, axis: int) -> Node:
    """exp(x) divided by its sum along an axis, without overflow."""
    return pointwise("exp", log_softmax(x, axis))


def softmax_of(node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """The x and the axes of a softmax; None where `node` is none."""
    return log_softmax_of(node.args[0]) if node.op == "exp" else None


def log_softmax_of(node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """The x and the axes of x - logsumexp(x)."""
    if node.op == "add":
        for x, other in (node.args, node.args[::-1]):
            whole = _repeated_logsumexp(other)
            if whole is not None and whole.args[0] is x:
                return x, reduced_axes(whole)
    return None


def _repeated_logsumexp(node: Node) -> Node | None:
    """The logsumexp whose negative, repeated along the axes it reduced, `node` is."""
    if node.op != "neg":
        return None
    core = node.args[0]
    if core.op == "contract" and len(core.args) == 1:
        (labels,), out, _ = core.attributes
        whole = core.args[0]
        if whole.op != "reduce_logsumexp" or len(set(out)) < len(out):
            return None
        kept = [axis for axis in range(whole.args[0].ndim) if axis not in reduced_axes(whole)]
        return whole if len(out) == whole.args[0].ndim and [out.index(i) for i in labels] == kept else None
    return core if core.op == "reduce_logsumexp" else None
