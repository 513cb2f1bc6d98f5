"""Whole Jacobians and Hessians: forward or reverse mode from identity seeds, whose structure contractions keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symdiff.diff.forward import tangents
from symdiff.diff.reverse import cotangents
from symdiff.graph.axes import identity, transpose
from symdiff.graph.build import full
from symdiff.graph.node import Node, Shape


def zeros(shape: Shape) -> Node:
    """An array of zeros."""
    return full(0.0, shape)


def gradient(root: Node, wrt: Sequence[Node]) -> list[Node]:
    """The gradient of a scalar by each of `wrt`, each of that one's shape."""
    found = cotangents(root, wrt)
    return [found.get(node, zeros(node.shape)) for node in wrt]


def jacobian_forward(root: Node, by: Node, samplewise: bool = False) -> Node:
    """The derivative of every entry of `root` by every entry of `by`: shape ``root.shape + by.shape``.

    `samplewise`: entry k of the result depends on entry k of the input alone; only those derivatives, of shape `root.shape`.
    """
    if samplewise:
        (found,) = tangents([root], {by: full(1.0, by.shape)})
        return zeros(root.shape) if found is None else found
    lead = by.ndim
    (found,) = tangents([root], {by: identity(by.shape)}, lead)
    if found is None:
        return zeros((*root.shape, *by.shape))
    return transpose(found, [*range(lead, found.ndim), *range(lead)])


def jacobian_reverse(root: Node, by: Node) -> Node:
    """The same by reverse mode: cheaper where `root` has fewer entries than `by`."""
    found = cotangents(root, [by], identity(root.shape), root.ndim).get(by)
    return zeros((*root.shape, *by.shape)) if found is None else found


def hessian(root: Node, wrt: Sequence[Node], samplewise: bool = False) -> dict[tuple[int, int], Node]:
    """All second derivatives of a scalar: (i, j) -> array of shape ``wrt[i].shape + wrt[j].shape``; symmetric."""
    first = gradient(root, wrt)
    blocks: dict[tuple[int, int], Node] = {}
    for i, g in enumerate(first):
        for j in range(i, len(wrt)):
            blocks[i, j] = block = jacobian_forward(g, wrt[j], samplewise)
            if i != j:
                turned = [*range(g.ndim, block.ndim), *range(g.ndim)]
                blocks[j, i] = block if samplewise else transpose(block, turned)
    return blocks


def hessian_product(root: Node, wrt: Sequence[Node], directions: Mapping[Node, Node]) -> list[Node]:
    """The Hessian times a direction, forward over reverse (Pearlmutter 1994): the cost of a few gradients."""
    found = tangents(gradient(root, wrt), directions)
    return [zeros(node.shape) if t is None else t for node, t in zip(wrt, found, strict=True)]
