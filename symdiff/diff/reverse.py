"""Reverse mode: cotangents flow from the results to the inputs, each node visited once (Griewank and Walther 2008, ch. 3)."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.diff.lengths import vjp_of_length
from symdiff.diff.table import derivative_of
from symdiff.graph.build import add, full
from symdiff.graph.lengths import is_length
from symdiff.graph.node import Node, topological
from symdiff.graph.several import results


def cotangents(root: Node, wrt: Sequence[Node], seed: Node | None = None, again: bool = False) -> dict[Node, Node]:
    """The derivative of <seed, root> by every node between `wrt` and `root`.

    Parameters
    ----------
    root : the result.
    wrt : the inputs to differentiate by; nothing is computed for nodes that depend on none of them.
    seed : the cotangent of the result, of its shape, or with axes in front: then many at once; 1 by default.
    again : whether the cotangents are to be differentiated, also where lengths are 0; of a seed without axes in front.

    Returns
    -------
    dict from node to cotangent, with the axes that the seed has in front; nodes of derivative zero are absent.
    """
    order = topological([root])
    active = set(wrt)
    for node in order:
        if node.dtype in ("float", "tuple") and not active.isdisjoint(node.args):  # not what a condition alone decides
            active.add(node)
    found: dict[Node, Node] = {}
    leaves = set(wrt)
    if root in active:
        found[root] = full(1.0, root.shape) if seed is None else seed
    for node in reversed(order):
        given = [found.get(x) for x in (results(node) if node.dtype == "tuple" else [node])]
        if (
            node.op == "result" or node in leaves or all(g is None for g in given)
        ):  # of a result: passed on with the others
            continue
        wanted = [operand in active for operand in node.args]
        vjp = vjp_of_length if again and is_length(node) else derivative_of(node).vjp
        for operand, term in zip(node.args, vjp(node, given, wanted), strict=True):
            if term is not None:
                found[operand] = add(found[operand], term) if operand in found else term
    return found
