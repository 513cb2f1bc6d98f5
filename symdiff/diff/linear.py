"""Linear operations: each is its own derivative, and has a transpose.

`forward(node, i, t)` is the operation with operand i replaced by the tangent t; `transpose(node, i, g)` carries the cotangent g
of the result to operand i.
"""

from __future__ import annotations

from collections.abc import Callable

from symdiff.diff.rule import Derivative, Parts, of_one_result, one_by_one
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
from symdiff.graph.node import Node, Shape
from symdiff.graph.size import Dim
from symdiff.graph.windows import spread_windows, window_sum

Rule = Callable[[Node, int, Node], Node]


def _contract_labels(
    node: Node, lead_dims: tuple[Dim, ...]
) -> tuple[list[list[int]], list[int], list[int], dict[int, Dim]]:
    """The labels of a contraction moved up by the number of leading axes, which take the first labels."""
    axes, out, sizes = node.attributes
    lead = len(lead_dims)
    moved = [[i + lead for i in labels] for labels in axes]
    return moved, [i + lead for i in out], list(range(lead)), dict(enumerate((*lead_dims, *sizes)))


def _contract_forward(node: Node, i: int, t: Node) -> Node:
    axes, out, front, sizes = _contract_labels(node, t.shape[: t.ndim - node.args[i].ndim])
    operands = [*node.args[:i], t, *node.args[i + 1 :]]
    axes[i] = front + axes[i]
    return contract(operands, axes, front + out, sizes)


def _contract_transpose(node: Node, i: int, g: Node) -> Node:
    axes, out, front, sizes = _contract_labels(node, g.shape[: g.ndim - node.ndim])
    operands = [*node.args[:i], g, *node.args[i + 1 :]]
    target, axes[i] = front + axes[i], front + out
    return contract(operands, axes, target, sizes)


def _stack_jvp(node: Node, tangents: Parts) -> Node:
    """Each tangent at its place, with axes of size 1 where its operand was repeated."""
    batch = node.shape[: node.ndim - len(node.attributes[0])]
    front = _front(node, tangents)
    lead = len(front)
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


def _front(node: Node, tangents: Parts) -> Shape:
    """The axes that tangents have in front."""
    return next(t.shape[: t.ndim - x.ndim] for x, t in zip(node.args, tangents, strict=True) if t is not None)


def _stack_transpose(node: Node, i: int, g: Node) -> Node:
    items: list[int] = []
    position = i
    for extent in reversed(node.attributes[0]):
        items.insert(0, position % extent)
        position //= extent
    return sum_to(index(g, items), node.args[i].shape, g.ndim - node.ndim)


def _index_transpose(node: Node, i: int, g: Node) -> Node:
    (items,) = node.attributes
    return place(g, items, node.args[0].shape[node.args[0].ndim - len(items) :])


def _concatenate_jvp(node: Node, tangents: Parts) -> Node:
    front = _front(node, tangents)
    parts = [full(0.0, (*front, *part.shape)) if t is None else t for part, t in zip(node.args, tangents, strict=True)]
    return concatenate(parts, *node.attributes)


def _concatenate_transpose(node: Node, i: int, g: Node) -> Node:
    (axis,) = node.attributes
    start: Dim = 0
    for part in node.args[:i]:
        start = start + part.shape[axis]
    rest = g.shape[g.ndim + axis + 1 :]
    return index(g, [(start, start + node.args[i].shape[axis], 1), *((0, dim, 1) for dim in rest)])


def _others_derivative(node: Node, i: int, t: Node) -> Node:
    return structural("prod_others_tangent", [t, node.args[0]], *node.attributes)


def _others_tangent_derivative(node: Node, i: int, t: Node) -> Node:
    if i == 1:
        raise UnsupportedError("sd.prod has derivatives to second order; a third was asked for.")
    return structural("prod_others_tangent", [t, node.args[1]], *node.attributes)


def _linear(forward: Rule, transpose: Rule) -> Derivative:
    return of_one_result(one_by_one(forward), transpose)


LINEAR: dict[str, Derivative] = {
    "contract": _linear(_contract_forward, _contract_transpose),
    "index": _linear(lambda node, i, t: index(t, node.attributes[0]), _index_transpose),
    "place": _linear(
        lambda node, i, t: place(t, *node.attributes),
        lambda node, i, g: index(g, node.attributes[0]),
    ),
    "stack": of_one_result(_stack_jvp, _stack_transpose),
    "concatenate": of_one_result(_concatenate_jvp, _concatenate_transpose),
    "reshape": _linear(
        lambda node, i, t: reshape(t, *node.attributes),
        lambda node, i, g: reshape(g, *node.attributes[::-1]),
    ),
    "window_sum": _linear(
        lambda node, i, t: window_sum(t, node.attributes[0]),
        lambda node, i, g: spread_windows(
            g, node.attributes[0], node.args[0].shape[node.ndim - len(node.attributes[0]) :]
        ),
    ),
    "spread_windows": _linear(
        lambda node, i, t: spread_windows(t, *node.attributes),
        lambda node, i, g: window_sum(g, node.attributes[0]),
    ),
    "contiguous": _linear(lambda node, i, t: t, lambda node, i, g: g),
    "take": _linear(
        lambda node, i, t: take(t, node.args[1], *node.attributes),
        lambda node, i, g: scatter(g, node.args[1], node.attributes[0], node.args[0].shape[node.attributes[0]]),
    ),
    "scatter": _linear(
        lambda node, i, t: scatter(t, node.args[1], node.attributes[0], node.attributes[1]),
        lambda node, i, g: take(g, node.args[1], node.attributes[0]),
    ),
    "cumsum": _linear(
        lambda node, i, t: cumulative_sum(t, *node.attributes),
        lambda node, i, g: cumulative_sum(g, node.attributes[0], not node.attributes[1]),
    ),
    # not linear, but the Hessian of a product is symmetric, so its derivative is its own transpose
    "prod_others": _linear(_others_derivative, _others_derivative),
    "prod_others_tangent": _linear(_others_tangent_derivative, _others_tangent_derivative),
}


def transpose(node: Node, i: int, g: Node) -> Node:
    """The transpose of a linear map, by its operand i, applied to an array of its result's shape."""
    found = LINEAR[node.op].vjp(node, (g,), [place == i for place in range(len(node.args))])[i]
    assert found is not None
    return found
