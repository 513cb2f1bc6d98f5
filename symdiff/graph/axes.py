"""Constructors of nodes that work on whole axes: permute, sum, repeat, reduce, index, place and stack."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.errors import ShapeError
from symdiff.graph.build import broadcast, broadcast_to, cast, contract
from symdiff.graph.contraction import aligned
from symdiff.graph.node import Node, Shape, intern
from symdiff.graph.size import Dim

Item = int | tuple[Dim, Dim, int]


# Contractions


def transpose(x: Node, order: Sequence[int] | None = None) -> Node:
    """The axes of x in another order; reversed by default."""
    order = tuple(order) if order is not None else tuple(range(x.ndim))[::-1]
    return contract([x], [range(x.ndim)], order, dict(enumerate(x.shape)))


def matmul(a: Node, b: Node) -> Node:
    """The matrix product over the last two axes; leading axes broadcast."""
    lead = broadcast([a.shape[:-2], b.shape[:-2]], "matrix product")
    if a.shape[-1] != b.shape[-2]:
        raise ShapeError(f"matrix product: {a.shape[-1]} columns on the left, {b.shape[-2]} rows on the right.")
    labels = [
        (*aligned(x.shape[:-2], lead, fresh), *last) for x, fresh, last in ((a, 100, (90, 91)), (b, 200, (91, 92)))
    ]
    sizes = dict(enumerate(lead)) | {90: a.shape[-2], 91: a.shape[-1], 92: b.shape[-1]}
    sizes |= {i: 1 for axes in labels for i in axes if i >= 100}
    return contract([a, b], labels, (*range(len(lead)), 90, 92), sizes)


def sum_axes(x: Node, axes: Sequence[int]) -> Node:
    """The sum over `axes`, which vanish."""
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    return contract([x], [range(x.ndim)], kept, dict(enumerate(x.shape)))


def insert_axes(x: Node, axes: Sequence[int], shape: Shape) -> Node:
    """x repeated along new `axes` of the result, whose shape is `shape`."""
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    return contract([x], [kept], range(len(shape)), dict(enumerate(shape)))


def sum_to(x: Node, shape: Shape, lead: int = 0) -> Node:
    """The transpose of broadcasting from `shape`: sum what was repeated; the first `lead` axes stay."""
    result = x.shape[lead:]
    if result == shape:
        return x
    inner = [i + lead for i in aligned(shape, result, 100)]
    out = [*range(lead), *inner]
    return contract([x], [range(x.ndim)], out, dict(enumerate(x.shape)) | {i: 1 for i in inner if i >= 100})


# Reductions, indexing, stacking


def reduce(op: str, x: Node, axes: Sequence[int]) -> Node:
    """A reduction of `ops.REDUCTIONS` over `axes`, which vanish."""
    shape = tuple(dim for axis, dim in enumerate(x.shape) if axis not in axes)
    return intern(op, (cast(x),), (tuple(sorted(axes)),), shape, "float") if axes else x


def structural(op: str, operands: Sequence[Node], *attributes: object) -> Node:
    """A node of another operation whose shape is that of its first operand."""
    return intern(op, tuple(operands), attributes, broadcast([x.shape for x in operands]), "float")


def index(x: Node, items: Sequence[Item]) -> Node:
    """x[..., items]: for each of the last axes an integer, which drops it, or (start, stop, step)."""
    lead = x.ndim - len(items)
    dims = x.shape[lead:]
    if all(item == (0, dim, 1) for item, dim in zip(items, dims, strict=True)):
        return x
    for item, dim in zip(items, dims, strict=True):
        if isinstance(item, int) and isinstance(dim, int) and not 0 <= item < dim:
            raise ShapeError(f"index {item} is out of range for an axis of size {dim}.")
    if x.op == "stack" and all(isinstance(item, int) for item in items) and len(items) == len(x.attributes[0]):
        position = 0
        for item, dim in zip(items, x.attributes[0], strict=True):
            position = position * dim + item
        return broadcast_to(x.args[position], x.shape[:lead])
    shape = (*x.shape[:lead], *(_length(item) for item in items if not isinstance(item, int)))
    return intern("index", (x,), (tuple(items),), shape, x.dtype)


def _length(item: tuple[Dim, Dim, int]) -> Dim:
    start, stop, step = item
    span = stop - start
    if step == 1:
        return span
    if not isinstance(span, int):
        raise ShapeError(f"a slice with step {step} needs bounds that are numbers, not {start}:{stop}.")
    return max(0, -(-span // step))


def place(x: Node, items: Sequence[Item], dims: Sequence[Dim]) -> Node:
    """The transpose of `index`: zeros over the last axes `dims`, with x at `items`."""
    lead = x.ndim - sum(not isinstance(item, int) for item in items)
    return intern("place", (x,), (tuple(items), tuple(dims)), (*x.shape[:lead], *dims), "float")


def stack(entries: Sequence[Node], shape: Sequence[int]) -> Node:
    """Entries, in C order, that form new last axes `shape`."""
    lead = broadcast([entry.shape for entry in entries], "stack")
    return intern("stack", tuple(cast(e) for e in entries), (tuple(shape),), (*lead, *shape), "float")
