"""Linear operations: each is its own derivative, and has a transpose.

`forward(node, i, t, lead)` is the operation with operand i replaced by the tangent t; `transpose(node, i, g, lead)` carries the
cotangent g of the result to operand i.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symdiff.diff.rule import Derivative, pushed_one_by_one
from symdiff.errors import UnsupportedError
from symdiff.graph.axes import (
    concatenate,
    cumulative_sum,
    index,
    place,
    reshape,
    scatter,
    stack,
    structural,
    sum_to,
    take,
)
from symdiff.graph.build import broadcast_to, contract, full
from symdiff.graph.node import Node
from symdiff.graph.size import Dim
from symdiff.graph.windows import spread_windows, window_sum

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


def _stack_push(node: Node, tangents: Sequence[Node | None], lead: int) -> Node:
    """Each tangent at its place, with axes of size 1 where its operand was repeated."""
    batch = node.shape[: node.ndim - len(node.attributes[0])]
    front = next(t.shape[:lead] for t in tangents if t is not None)
    entries = []
    for entry, t in zip(node.args, tangents, strict=True):
        if t is None:
            entries.append(full(0.0, (*front, *batch)))
            continue
        missing = len(batch) - entry.ndim
        padded = contract(
            [t], [range(t.ndim)], [*range(lead), *range(50, 50 + missing), *range(lead, t.ndim)],
            dict(enumerate(t.shape)) | {50 + k: 1 for k in range(missing)},
        )  # fmt: skip
        entries.append(broadcast_to(padded, (*front, *batch)))
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


def _concatenate_push(node: Node, tangents: Sequence[Node | None], lead: int) -> Node:
    front = next(t.shape[:lead] for t in tangents if t is not None)
    parts = [full(0.0, (*front, *part.shape)) if t is None else t for part, t in zip(node.args, tangents, strict=True)]
    return concatenate(parts, *node.attributes)


def _concatenate_pull(node: Node, i: int, g: Node, lead: int) -> Node:
    (axis,) = node.attributes
    start: Dim = 0
    for part in node.args[:i]:
        start = start + part.shape[axis]
    rest = g.shape[g.ndim + axis + 1 :]
    return index(g, [(start, start + node.args[i].shape[axis], 1), *((0, dim, 1) for dim in rest)])


def _others_derivative(node: Node, i: int, t: Node, lead: int) -> Node:
    return structural("prod_others_tangent", [t, node.args[0]], *node.attributes)


def _others_tangent_derivative(node: Node, i: int, t: Node, lead: int) -> Node:
    if i == 1:
        raise UnsupportedError("sd.prod has derivatives to second order; a third was asked for.")
    return structural("prod_others_tangent", [t, node.args[1]], *node.attributes)


def _linear(forward: Rule, transpose: Rule) -> Derivative:
    return Derivative(pushed_one_by_one(forward), transpose)


LINEAR: dict[str, Derivative] = {
    "contract": _linear(_contract_forward, _contract_transpose),
    "index": _linear(lambda node, i, t, lead: index(t, node.attributes[0]), _index_transpose),
    "place": _linear(
        lambda node, i, t, lead: place(t, *node.attributes),
        lambda node, i, g, lead: index(g, node.attributes[0]),
    ),
    "stack": Derivative(_stack_push, _stack_transpose),
    "concatenate": Derivative(_concatenate_push, _concatenate_pull),
    "reshape": _linear(
        lambda node, i, t, lead: reshape(t, *node.attributes),
        lambda node, i, g, lead: reshape(g, *node.attributes[::-1]),
    ),
    "window_sum": _linear(
        lambda node, i, t, lead: window_sum(t, node.attributes[0]),
        lambda node, i, g, lead: spread_windows(
            g, node.attributes[0], node.args[0].shape[node.ndim - len(node.attributes[0]) :]
        ),
    ),
    "spread_windows": _linear(
        lambda node, i, t, lead: spread_windows(t, *node.attributes),
        lambda node, i, g, lead: window_sum(g, node.attributes[0]),
    ),
    "contiguous": _linear(lambda node, i, t, lead: t, lambda node, i, g, lead: g),
    "take": _linear(
        lambda node, i, t, lead: take(t, node.args[1], *node.attributes),
        lambda node, i, g, lead: scatter(g, node.args[1], node.attributes[0], node.args[0].shape[node.attributes[0]]),
    ),
    "scatter": _linear(
        lambda node, i, t, lead: scatter(t, node.args[1], node.attributes[0], node.attributes[1]),
        lambda node, i, g, lead: take(g, node.args[1], node.attributes[0]),
    ),
    "cumsum": _linear(
        lambda node, i, t, lead: cumulative_sum(t, *node.attributes),
        lambda node, i, g, lead: cumulative_sum(g, node.attributes[0], not node.attributes[1]),
    ),
    # not linear, but the Hessian of a product is symmetric, so its derivative is its own transpose
    "prod_others": _linear(_others_derivative, _others_derivative),
    "prod_others_tangent": _linear(_others_tangent_derivative, _others_tangent_derivative),
}


def transpose(node: Node, i: int, g: Node) -> Node:
    """The transpose of a linear map, by its operand i, applied to an array of its result's shape."""
    found = LINEAR[node.op].pull(node, i, g, 0)
    assert found is not None
    return found
