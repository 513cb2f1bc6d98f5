"""The softmax is no operation of its own: it is exp(x - logsumexp(x)), which is recognised where it is written out."""

from __future__ import annotations

from symdiff.graph.node import Node


def softmax_of(node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """The x and the axes of a softmax; None where `node` is none."""
    return log_softmax_of(node.args[0]) if node.op == "exp" else None


def log_softmax_of(node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """The x and the axes of x - logsumexp(x)."""
    if node.op == "add":
        for x, other in (node.args, node.args[::-1]):
            whole = _repeated_logsumexp(other)
            if whole is not None and whole.args[0] is x:
                return x, whole.attributes[0]
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
        kept = [axis for axis in range(whole.args[0].ndim) if axis not in whole.attributes[0]]
        return whole if len(out) == whole.args[0].ndim and [out.index(i) for i in labels] == kept else None
    return core if core.op == "reduce_logsumexp" else None
