"""Nodes whose axes are labelled: how they meet, what an index is as a number, entries at affine places, sums over a label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from symdiff.frontend.affine import Affine, Label, ordered
from symdiff.graph.axes import arrange, identity, index, place, reduce, sum_axes
from symdiff.graph.build import add, contract, mul, power
from symdiff.graph.item import Window
from symdiff.graph.leaves import arange, constant, counted, size
from symdiff.graph.node import Node


class Part(NamedTuple):
    """A node and the labels of its axes, outer ones first."""

    node: Node
    labels: tuple[Label, ...]


def aligned(parts: Sequence[Part]) -> tuple[list[Node], tuple[Label, ...]]:
    """The nodes with axes of size 1 for labels they lack, so that they broadcast; and all labels."""
    labels = ordered(label for part in parts for label in part.labels)
    return [with_axes(part, labels) for part in parts], labels


def with_axes(part: Part, labels: tuple[Label, ...]) -> Node:
    """The axes a node has with those of size 1 between and after them; NumPy puts the ones in front."""
    if not part.labels:
        return part.node
    kept = labels[labels.index(part.labels[0]) :]
    if kept == part.labels:
        return part.node
    own = dict(zip(part.labels, part.node.shape, strict=True))
    sizes = {place: own.get(label, 1) for place, label in enumerate(kept)}
    return arrange(part.node, [kept.index(label) for label in part.labels], range(len(kept)), sizes)


def apply(function: Callable[..., Node], *parts: Part) -> Part:
    """An elementwise operation on parts."""
    nodes, labels = aligned(parts)
    return labelled(function(*nodes), labels)


def labelled(node: Node, labels: tuple[Label, ...]) -> Part:
    """A node with the last of the labels for the axes it has."""
    return Part(node, labels[len(labels) - node.ndim :])


def value(form: Affine) -> Part:
    """An index used as a number."""
    total = Part(size(form.start), ())
    for label, step in form.steps:
        total = apply(add, total, Part(mul(constant(float(step)), arange(label.dim)), (label,)))
    return total


def entries(node: Node, forms: Sequence[Affine], front: tuple[Label, ...] = ()) -> Part:
    """The entries of a node at a form for each of its last axes; its first axes have the labels `front`.

    Where a triangular sum never looks, entries beyond the ends of an axis are 0.
    """
    items, axes = [], list(front)
    for axis, form in enumerate(forms, start=len(front)):
        node, form = _padded(node, axis, form)
        items.append(Window(form.start, tuple((label.dim, step) for label, step in form.steps)))
        axes += form.labels
    return arranged(index(node, items), axes)


def arranged(node: Node, axes: Sequence[Label]) -> Part:
    """A node with outer labels first; of a label that several axes have, the diagonal."""
    labels = ordered(axes)
    if tuple(axes) == labels:
        return Part(node, labels)
    numbers = {label: number for number, label in enumerate(labels)}
    sizes = {numbers[label]: dim for label, dim in zip(axes, node.shape, strict=True)}
    return Part(contract([node], [[numbers[label] for label in axes]], range(len(labels)), sizes), labels)


def _padded(node: Node, axis: int, form: Affine) -> tuple[Node, Affine]:
    """Zeros where only masked places of labels look, so that all places find an entry."""
    low, high = form.smallest(), form.largest()
    first, last = form.smallest(box=True), form.largest(box=True)
    if (low, high) == (first, last):
        return node, form
    after = [(0, dim, 1) for dim in node.shape[axis + 1 :]]
    seen = index(node, [(low, high + 1, 1), *after])
    items = [(low - first, high + 1 - first, 1), *after]
    return place(seen, items, (last + 1 - first, *node.shape[axis + 1 :])), form + Affine(first * -1)


def summed(part: Part, label: Label) -> Part:
    """The sum over a label."""
    if label not in part.labels:
        return Part(mul(counted(label.dim), part.node), part.labels)
    return _without(part, label, sum_axes)


def multiplied(part: Part, label: Label) -> Part:
    """The product over a label."""
    if label not in part.labels:
        return Part(power(part.node, counted(label.dim)), part.labels)
    return _without(part, label, lambda node, axes: reduce("reduce_prod", node, axes))


def _without(part: Part, label: Label, over: Callable[[Node, Sequence[int]], Node]) -> Part:
    axis = part.labels.index(label)
    return Part(over(part.node, (axis,)), (*part.labels[:axis], *part.labels[axis + 1 :]))


def delta(one: Label, other: Label) -> Part:
    """1 where two labels of one size are equal, else 0: a contraction, which merges with those it meets."""
    return Part(identity((one.dim,)), ordered((one, other)))
