"""Whole Jacobians and Hessians: forward or reverse mode from identity seeds, whose structure contractions keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symdiff.diff.forward import ForwardMode, tangents
from symdiff.diff.reverse import cotangents
from symdiff.graph.axes import identity, transpose
from symdiff.graph.build import full
from symdiff.graph.node import Node, Shape


def zeros(shape: Shape) -> Node:
    """An array of zeros."""
    return full(0.0, shape)


def gradient(root: Node, wrt: Sequence[Node], again: bool = False) -> list[Node]:
    """The gradient of a scalar by each of `wrt`, each of that one's shape; `again`: it will be differentiated."""
    found = cotangents(root, wrt, again=again)
    return [found.get(node, zeros(node.shape)) for node in wrt]


def jacobian_forward(root: Node, by: Sequence[Node], samplewise: bool = False) -> list[Node]:
    """The derivatives of every entry of `root` by every entry of each of `by`, each of shape ``root.shape + by.shape``.

    `samplewise`: entry k of the result depends on entry k of the input alone; only those derivatives, of shape `root.shape`.
    """
    forward = ForwardMode([root])
    return [_columns(forward, node, 1, samplewise)[0] for node in by]


def _columns(forward: ForwardMode, by: Node, first: int, samplewise: bool) -> list[Node]:
    """The derivatives of the `first` roots by all entries of `by`, which are followed at once."""
    lead = 0 if samplewise else by.ndim
    seed = full(1.0, by.shape) if samplewise else identity(by.shape)
    columns = []
    for root, found in zip(forward.roots, forward.tangents({by: seed}, first), strict=False):
        if found is None:
            columns.append(zeros((*root.shape, *by.shape[:lead])))
        else:
            columns.append(transpose(found, [*range(lead, found.ndim), *range(lead)]) if lead else found)
    return columns


def jacobian_reverse(root: Node, by: Sequence[Node]) -> list[Node]:
    """The same by reverse mode: cheaper where `root` has fewer entries than `by`."""
    found = cotangents(root, by, identity(root.shape))
    return [found.get(node, zeros((*root.shape, *node.shape))) for node in by]


def hessian(root: Node, wrt: Sequence[Node], samplewise: bool = False) -> dict[tuple[int, int], Node]:
    """All second derivatives of a scalar: (i, j) -> array of shape ``wrt[i].shape + wrt[j].shape``; symmetric."""
    forward = ForwardMode(gradient(root, wrt, again=True))
    blocks: dict[tuple[int, int], Node] = {}
    for j, by in enumerate(wrt):
        for i, block in enumerate(_columns(forward, by, j + 1, samplewise)):
            blocks[i, j] = block
            if i != j:
                rows = wrt[i].ndim
                turned = [*range(rows, block.ndim), *range(rows)]
                blocks[j, i] = block if samplewise else transpose(block, turned)
    return blocks


def hessian_product(root: Node, wrt: Sequence[Node], directions: Mapping[Node, Node]) -> list[Node]:
    """The Hessian times a direction, forward over reverse (Pearlmutter 1994): the cost of a few gradients."""
    found = tangents(gradient(root, wrt, again=True), directions)
    return [zeros(node.shape) if t is None else t for node, t in zip(wrt, found, strict=True)]
