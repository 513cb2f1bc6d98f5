"""Spaces of entries that elementwise work runs along: which operands have an entry for each of a space, and at which place.

A space is the lengths of its axes, those of one entry left out. Views (transposes, diagonals, repetitions) are no work: whoever
reads one reads what it looks at, at other places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from symdiff.graph.axes import reduced_axes
from symdiff.graph.contraction import Contraction, is_view
from symdiff.graph.external import EXTERNAL
from symdiff.graph.node import Node, Shape
from symdiff.graph.ops import POINTWISE, REDUCTIONS
from symdiff.graph.size import Dim
from symdiff.graph.special import SPECIAL

_MOST_ENTRIES = 64  # side by side that a kernel chooses from

# For each axis of an array the axis of the kernel it runs along; None for an axis of one entry.
Axes = tuple[int | None, ...]


def is_elementwise(node: Node) -> bool:
    """Whether a kernel can compute each entry of a node by itself."""
    if node.op == "contract":
        work = Contraction.of(node)
        is_diagonal = len(set(work.out)) < len(work.out)
        return not work.summed() and (len(node.args) > 1 or is_diagonal)
    if node.op == "stack":
        return len(node.args) <= _MOST_ENTRIES
    return node.op == "one_hot" or (node.op in POINTWISE and node.op not in SPECIAL and node.op not in EXTERNAL)


def space_of(shape: Shape) -> tuple[Dim, ...]:
    """The axes that a kernel runs along."""
    return tuple(dim for dim in shape if dim != 1)


def axes_of(shape: Shape) -> Axes:
    """The axes of a whole array of that shape."""
    numbers = iter(range(len(shape)))
    return tuple(None if dim == 1 else next(numbers) for dim in shape)


def operands_of(node: Node) -> list[tuple[Node, Axes]]:
    """The operands of an elementwise node, each with the axes of the node that it runs along."""
    own = axes_of(node.shape)
    if node.op == "contract":
        work = Contraction.of(node)
        at: dict[int, int | None] = {}
        for label, axis in zip(work.out, own, strict=True):
            at.setdefault(label, axis)
        return [(x, tuple(at.get(label) for label in labels)) for x, labels in work.operands]
    if node.op == "one_hot":
        return [(node.args[0], own[:-1])]
    if node.op == "stack":
        own = own[: node.ndim - len(node.attributes[0])]  # to which entries broadcast
    return [
        (x, tuple(None if dim == 1 else axis for dim, axis in zip(x.shape, own[len(own) - x.ndim :], strict=True)))
        for x in node.args
    ]


def seen_through(node: Node, axes: Axes) -> tuple[Node, Axes]:
    """What a view looks at, with the axes that it runs along."""
    while is_view(node) and node.args:
        work = Contraction.of(node)
        if len(set(work.out)) < len(work.out):
            break
        at = dict(zip(work.out, axes, strict=True))
        ((node, labels),) = work.operands
        axes = tuple(at.get(label) for label in labels)
    return node, axes


def is_whole(axes: Axes, space: Sequence[Dim]) -> bool:
    """Whether an array has an entry for each of a space, in the same order."""
    return [axis for axis in axes if axis is not None] == list(range(len(space)))


def loops_of(nodes: Iterable[Node], reads: Callable[[Node], Iterable[Node]]) -> dict[Node, int]:
    """For nodes that a kernel over rows computes, operands first, the loop over a row's columns.

    Entries are first computed in it, reductions end it, and values of a row are known before it.
    """
    found: dict[Node, int] = {}
    for node in nodes:
        found[node] = max((found[x] + (not is_elementwise(x)) for x in reads(node) if x in found), default=0)
    return found


@dataclass(frozen=True)
class Reduction:
    """How a node reduces arrays of one space.

    Attributes
    ----------
    form : "all", "rows" or "columns": nothing is kept, or the first axes, or the last.
    space : of the operands.
    operands : their product is reduced.
    kept : how many axes stay.
    with_vector : whether some of them have only the first or only the last axes, as in a matrix times a vector: then a
        library call may do it as well.
    """

    form: str
    space: tuple[Dim, ...]
    operands: tuple[tuple[Node, Axes], ...]
    kept: int
    with_vector: bool = False


def reduction_of(node: Node) -> Reduction | None:
    """The reduction that a node is, if a kernel can do it: of axes at one end, of whole arrays and vectors along either end."""
    if node.op in REDUCTIONS and REDUCTIONS[node.op].combine:
        (x,), reduced = node.args, reduced_axes(node)
        own = axes_of(x.shape)
        kept = [axis for place, axis in enumerate(own) if place not in reduced and axis is not None]
        return _reduction(space_of(x.shape), [(x, own)], kept)
    if node.op != "contract" or not node.args:
        return None
    work = Contraction.of(node)
    if not work.summed() or len(set(work.out)) < len(work.out):
        return None
    wide = {label: None if work.sizes[label] == 1 else label for label in work.sizes}
    found = [seen_through(x, tuple(wide[label] for label in labels)) for x, labels in work.operands]
    orders = [tuple(label for label in axes if label is not None) for _, axes in found]
    order = max(orders, key=len)
    if len(set(order)) < len(order) or not {wide[i] for i in work.out} <= {*order, None}:
        return None
    place: dict[int | None, int | None] = {label: axis for axis, label in enumerate(order)}
    operands = [(x, tuple(place.get(label) for label in axes)) for x, axes in found]
    kept = [axis for label in work.out if (axis := place.get(wide[label])) is not None]
    one = _reduction(tuple(work.sizes[label] for label in order), operands, kept)
    if one is None or set(orders) == {order}:
        return one
    cut = one.kept if one.form == "rows" else len(order) - one.kept
    fits = one.form != "all" and set(orders) <= {order, order[:cut], order[cut:]}
    return replace(one, with_vector=True) if fits else None


def _reduction(space: tuple[Dim, ...], operands: Sequence[tuple[Node, Axes]], kept: Sequence[int]) -> Reduction | None:
    count, last = len(kept), len(space)
    if not count:
        return Reduction("all", space, tuple(operands), 0)
    if list(kept) == list(range(count)) and count < last:
        return Reduction("rows", space, tuple(operands), count)
    if list(kept) == list(range(last - count, last)) and count < last:
        return Reduction("columns", space, tuple(operands), count)
    return None
