"""Linear operations: each is its own derivative, and has a transpose.

Row: operation -> (forward, transpose). `forward(node, i, t, lead)` is the operation with operand i replaced by the tangent
t; `transpose(node, i, g, lead)` carries the cotangent g of the result to operand i. Tangents and cotangents have `lead`
extra axes in front, one set for every direction that is followed at once.
"""

from __future__ import annotations

from collections.abc import Callable

from symdiff.errors import UnsupportedError
from symdiff.graph.axes import index, place, stack, structural, sum_to
from symdiff.graph.build import broadcast_to, contract, full
from symdiff.graph.node import Node
from symdiff.graph.size import Dim

Rule = Callable[[Node, int, Node, int], Node]


def _contract_labels(
    node: Node, lead_dims: tuple[Dim, ...]
) -> tuple[list[list[int]], list[int], list[int], dict[int, Dim]]:
    """The labels of a contraction moved up by the number of leading axes, which take the first labels."""
    axes, out, sizes = node.attributes
    lead = len(lead_dims)
    moved = [[i + lead for i in labels] for labels in axes]
    return moved, [i + lead for i in out], list(range(lead)), dict(enumerate((*lead_dims, *sizes)))


def _contract_forward(node: Node, i: int, t: Node, lead: int) -> Node:
    axes, out, front, sizes = _contract_labels(node, t.shape[:lead])
    operands = [*node.args[:i], t, *node.args[i + 1 :]]
    axes[i] = front + axes[i]
    return contract(operands, axes, front + out, sizes)


def _contract_transpose(node: Node, i: int, g: Node, lead: int) -> Node:
    axes, out, front, sizes = _contract_labels(node, g.shape[:lead])
    operands = [*node.args[:i], g, *node.args[i + 1 :]]
    target, axes[i] = front + axes[i], front + out
    return contract(operands, axes, target, sizes)


def _stack_forward(node: Node, i: int, t: Node, lead: int) -> Node:
    batch = node.shape[: node.ndim - len(node.attributes[0])]
    entry = node.args[i]
    padded = contract(
        [t], [range(t.ndim)], [*range(lead), *range(50, 50 + len(batch) - entry.ndim), *range(lead, t.ndim)],
        dict(enumerate(t.shape)) | {50 + k: 1 for k in range(len(batch) - entry.ndim)},
    )  # fmt: skip
    shape = (*t.shape[:lead], *batch)
    entries = [full(0.0, shape)] * len(node.args)
    entries[i] = broadcast_to(padded, shape)
    return stack(entries, node.attributes[0])


def _stack_transpose(node: Node, i: int, g: Node, lead: int) -> Node:
    items: list[int] = []
    position = i
    for extent in reversed(node.attributes[0]):
        items.insert(0, position % extent)
        position //= extent
    return sum_to(index(g, items), node.args[i].shape, lead)


def _index_transpose(node: Node, i: int, g: Node, lead: int) -> Node:
    (items,) = node.attributes
    return place(g, items, node.args[0].shape[node.args[0].ndim - len(items) :])


def _others_derivative(node: Node, i: int, t: Node, lead: int) -> Node:
    return structural("prod_others_tangent", [t, node.args[0]], *node.attributes)


def _others_tangent_derivative(node: Node, i: int, t: Node, lead: int) -> Node:
    if i == 1:
        raise UnsupportedError("sd.prod has derivatives to second order; a third was asked for.")
    return structural("prod_others_tangent", [t, node.args[1]], *node.attributes)


LINEAR: dict[str, tuple[Rule, Rule]] = {
    "contract": (_contract_forward, _contract_transpose),
    "index": (lambda node, i, t, lead: index(t, node.attributes[0]), _index_transpose),
    "place": (
        lambda node, i, t, lead: place(t, *node.attributes),
        lambda node, i, g, lead: index(g, node.attributes[0]),
    ),
    "stack": (_stack_forward, _stack_transpose),
    # the Hessian of a product is symmetric, so it is its own transpose
    "prod_others": (_others_derivative, _others_derivative),
    "prod_others_tangent": (_others_tangent_derivative, _others_tangent_derivative),
}
