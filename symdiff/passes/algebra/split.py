"""Axes that were joined, split again before what is done with them, for closed forms.

Example: twice a Kronecker product, split into the rows and columns of its factors, is twice their outer product; a product of
two is the Kronecker product of products. In generated code splitting an axis costs nothing, and what is elementwise is often
needed joined as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.graph.axes import reshape, split_groups, split_labels, split_outside
from symdiff.graph.build import add, pointwise
from symdiff.graph.contraction import Contraction
from symdiff.graph.node import Node, Shape, rewrite, topological
from symdiff.graph.ops import POINTWISE
from symdiff.graph.rebuild import rebuild


def split_early(roots: Sequence[Node]) -> list[Node]:
    """Reshaped elementwise operations as operations on what is reshaped, where no reshaping is left."""
    if all(node.op != "reshape" for node in topological(roots)):
        return list(roots)
    return rewrite(roots, _change)


def _change(node: Node, args: tuple[Node, ...]) -> Node:
    node = rebuild(node, args)
    if node.op == "reshape":
        return _split(node.args[0], *node.attributes)
    return _summed_apart(node)


def _split(x: Node, before: Shape, after: Shape) -> Node:
    whole = reshape(x, before, after)
    if whole.op != "reshape":
        return whole
    if x.op == "contract" and (outer := split_outside(x, before, after)) is not None:
        work = Contraction.of(x)
        return split_labels(work, outer | _joined_sums(work), _split) or split_labels(work, outer, _split) or whole
    if x.op not in POINTWISE or any(operand.shape not in ((), x.shape) for operand in x.args):
        return whole
    operands = [_split(operand, before, after) if operand.shape else operand for operand in x.args]
    return whole if any(operand.op == "reshape" for operand in operands) else pointwise(x.op, *operands)


def _summed_apart(node: Node) -> Node:
    """A contraction that sums over joined axes over each of them; of a sum of many axes the sum of its terms'."""
    if node.op in ("mul", "neg"):  # a factor that moved in front
        return rebuild(node, [_summed_apart(x) if x.op == "contract" else x for x in node.args])
    if node.op != "contract":
        return node
    for position, term in enumerate(node.args):
        if term.op == "add" and term.ndim > 2 and all(part.shape == term.shape for part in term.args):
            before, after = node.args[:position], node.args[position + 1 :]
            return add(*(_summed_apart(rebuild(node, (*before, part, *after))) for part in term.args))
    work = Contraction.of(node)
    joined = _joined_sums(work)
    return (split_labels(work, joined, _split) if joined else None) or node


def _joined_sums(work: Contraction) -> dict[int, Shape]:
    """The axes that are summed over and that an operand joined from several, and the sizes of those."""
    found = {}
    for operand, labels in work.operands:
        groups = split_groups(operand.shape, operand.attributes[0]) if operand.op == "reshape" else None
        for label, group in zip(labels, groups or (), strict=False):
            if label not in work.out and len(group) > 1:
                found[label] = group
    return found
