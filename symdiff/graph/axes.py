"""Constructors of nodes that work on whole axes: permute, sum, repeat, reduce; pick, place, join and reshape.

Attributes count axes from the end, so that an operation stays the same when axes are put in front.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

from symdiff.errors import ShapeError
from symdiff.graph.bounds import nonnegative
from symdiff.graph.build import broadcast_to, cast, contract, pointwise
from symdiff.graph.contraction import Contraction, aligned
from symdiff.graph.item import Item, Window, described, dims_of, needs, plain
from symdiff.graph.leaves import constant
from symdiff.graph.node import Node, Shape, intern
from symdiff.graph.ops import COMPARISONS
from symdiff.graph.size import Dim, broadcast, spelled, total

# Contractions


def identity(shape: Shape) -> Node:
    """The identity map of arrays of a shape: an array of ``shape + shape``, never formed."""
    labels = range(len(shape))
    return contract([], [], [*labels, *labels], dict(enumerate(shape)))


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


def arrange(x: Node, labels: Sequence[int], out: Sequence[int], sizes: dict[int, Dim]) -> Node:
    """x with its axes in the order `out`: those it lacks have size 1, those that `out` lacks are summed over.

    A condition stays one: it holds where it holds anywhere along the axes that are lost. A comparison that loses none
    becomes one of what it compares, so that it is read as it was written.
    """
    if x.dtype != "bool":
        return contract([x], [labels], out, sizes)
    kept = [label for label in labels if sizes[label] != 1]
    if x.op in COMPARISONS and all(kept.count(label) == 1 == list(out).count(label) for label in kept):
        return pointwise(x.op, *(_arranged_side(cast(side), labels, out, sizes) for side in x.args))
    return pointwise("lt", constant(0.0), contract([cast(x)], [labels], out, sizes))


def _arranged_side(side: Node, labels: Sequence[int], out: Sequence[int], sizes: dict[int, Dim]) -> Node:
    """One side of a comparison whose axes are `labels`; where the other side is longer it has size 1."""
    if not side.shape:
        return side
    fresh = max([*sizes, *labels, *out]) + 1
    last = labels[len(labels) - side.ndim :]
    own = [i if dim == sizes[i] else fresh + axis for axis, (i, dim) in enumerate(zip(last, side.shape, strict=True))]
    mine = dict.fromkeys(out, 1) | dict(zip(own, side.shape, strict=True))
    return contract([side], [own], out, mine)


# Reductions, indexing, stacking


def reduce(op: str, x: Node, axes: Sequence[int]) -> Node:
    """A reduction of `ops.REDUCTIONS` over `axes`, which vanish; over none, of each entry by itself.

    Axes may be counted from either end, as in NumPy; the node's attribute counts them from the end.
    """
    if not axes:
        return pointwise("abs", cast(x)) if op == "reduce_norm" else x
    over = tuple(sorted(axis % x.ndim - x.ndim for axis in axes))
    shape = tuple(dim for axis, dim in enumerate(x.shape) if axis - x.ndim not in over)
    return intern(op, (cast(x),), (over,), shape, "float")


def reduced_axes(node: Node) -> tuple[int, ...]:
    """The axes of its operand that a reduction loses, counted from the front."""
    (x,), (over,) = node.args, node.attributes
    return tuple(axis + x.ndim for axis in over)


def structural(op: str, operands: Sequence[Node], *attributes: object) -> Node:
    """A node of another operation, of the shape its operands broadcast to."""
    return intern(op, tuple(operands), attributes, broadcast([x.shape for x in operands]), "float")


def index(x: Node, items: Sequence[Item]) -> Node:
    """x[..., items]: for each of the last axes an integer, which drops it, (start, stop, step), or a `Window`."""
    items = tuple(plain(item) for item in items)
    lead = x.ndim - len(items)
    dims = x.shape[lead:]
    if all(item == (0, dim, 1) for item, dim in zip(items, dims, strict=True)):
        return x
    for item, dim in zip(items, dims, strict=True):
        if any(nonnegative(gap) is False for gap in needs([item], [dim])):
            raise ShapeError(f"{described(item)} is out of range for an axis of size {dim}.")
    single = [axis for axis, (item, dim) in enumerate(zip(items, dims, strict=True), lead) if item == 0 and dim == 1]
    whole = [axis for axis, (item, dim) in enumerate(zip(items, dims, strict=True), lead) if item == (0, dim, 1)]
    if len(single) + len(whole) == len(items) and x.dtype == "float":  # a view that merges into contractions
        kept = [axis for axis in range(x.ndim) if axis not in single]
        return contract([x], [range(x.ndim)], kept, dict(enumerate(x.shape)))
    if x.op == "place" and x.attributes == (items, dims) and not any(isinstance(item, Window) for item in items):
        return x.args[0]
    if x.op == "stack" and all(isinstance(item, int) for item in items) and len(items) == len(x.attributes[0]):
        position = 0
        for item, dim in zip(items, x.attributes[0], strict=True):
            position = position * dim + item
        return broadcast_to(x.args[position], x.shape[:lead])
    shape = (*x.shape[:lead], *(dim for item in items for dim in dims_of(item)))
    return intern("index", (x,), (tuple(items),), shape, x.dtype)


def place(x: Node, items: Sequence[Item], dims: Sequence[Dim]) -> Node:
    """The transpose of `index`: zeros over the last axes `dims`, with x added at `items`."""
    items = tuple(plain(item) for item in items)
    if all(item == (0, dim, 1) for item, dim in zip(items, dims, strict=True)):
        return x
    lead = x.ndim - sum(len(dims_of(item)) for item in items)
    return intern("place", (x,), (tuple(items), tuple(dims)), (*x.shape[:lead], *dims), "float")


def stack(entries: Sequence[Node], shape: Sequence[int]) -> Node:
    """Entries, in C order, that form new last axes `shape`."""
    lead = broadcast([entry.shape for entry in entries], "stack")
    return intern("stack", tuple(cast(e) for e in entries), (tuple(shape),), (*lead, *shape), "float")


def concatenate(parts: Sequence[Node], axis: int) -> Node:
    """The parts one after the other along an axis, counted from the end (-1, -2, ...); their other axes are the same."""
    parts = [part for part in parts if part.shape[axis] != 0] or list(parts[:1])
    if len(parts) == 1:
        return parts[0]
    rest = {(*part.shape[:axis], *part.shape[part.ndim + axis + 1 :]) for part in parts}
    if len(rest) > 1:
        raise ShapeError(
            f"concatenate: {' and '.join(spelled(part.shape) for part in parts)} differ in other axes too."
        )
    dim: Dim = 0
    for part in parts:
        dim = dim + part.shape[axis]
    first = parts[0].shape
    shape = (*first[:axis], dim, *first[len(first) + axis + 1 :])
    return intern("concatenate", tuple(cast(part) for part in parts), (axis,), shape, "float")


def reshape(x: Node, before: Sequence[Dim], after: Sequence[Dim]) -> Node:
    """x with its last axes, of sizes `before`, taken in C order as axes of sizes `after`."""
    before, after = tuple(before), tuple(after)
    if before == after:
        return x
    if total(before) != total(after):
        raise ShapeError(f"reshape: {spelled(before)} has {total(before)} entries, {spelled(after)} {total(after)}.")
    lead = x.ndim - len(before)
    if x.dtype == "float" and _longer(before) == _longer(after):
        return _with_single_axes(x, lead, before, after)
    if x.op == "reshape" and x.attributes[1] == before:
        return reshape(x.args[0], x.attributes[0], after)
    groups = split_outside(x, before, after) if x.op == "contract" else None
    if groups is not None and (apart := split_labels(Contraction.of(x), groups, reshape)) is not None:
        return apart
    return intern("reshape", (x,), (before, after), (*x.shape[:lead], *after), x.dtype)


def _longer(dims: Sequence[Dim]) -> list[Dim]:
    """The sizes other than 1."""
    return [dim for dim in dims if dim != 1]


def split_labels(
    work: Contraction, apart: dict[int, Shape], split: Callable[[Node, Shape, Shape], Node]
) -> Node | None:
    """A contraction with several labels in place of some, sizes split; None where an operand is not split but reshaped.

    `split` is the operands' reshaping. Example: the rows of a Kronecker product, split, are those of its factors again.
    """
    apart = {label: group for label, group in apart.items() if len(group) > 1}
    names = count(max(work.sizes, default=0) + 1)
    fresh = {label: tuple(next(names) for _ in group) for label, group in apart.items()}
    operands = []
    for operand, labels in work.operands:
        if not apart.keys().isdisjoint(labels):
            own = tuple(dim for label in labels for dim in apart.get(label, (work.sizes[label],)))
            operand = split(operand, operand.shape, own)
            if operand.op == "reshape":
                return None
        operands.append(operand)
    axes = [[new for label in labels for new in fresh.get(label, (label,))] for _, labels in work.operands]
    out = [new for label in work.out for new in fresh.get(label, (label,))]
    sizes = work.sizes | {new: dim for label in apart for new, dim in zip(fresh[label], apart[label], strict=True)}
    return contract(operands, axes, out, sizes)


def split_outside(x: Node, before: Shape, after: Shape) -> dict[int, Shape] | None:
    """The labels of a contraction's last axes and the sizes that these are split into; None where one is also left whole.

    So are, of an identity with a row for each entry of what is reshaped, the axes that count these entries.
    """
    groups = split_groups(before, after)
    if groups is None:
        return None
    lead = [(dim,) for dim in x.shape[: x.ndim - len(before)]]
    found: dict[int, Shape] = {}
    for label, group in zip(Contraction.of(x).out, (*lead, *groups), strict=True):
        if found.setdefault(label, group) != group:
            return None
    return found


def split_groups(before: Shape, after: Shape) -> list[Shape] | None:
    """The sizes that each axis is split into; None where axes are joined too."""
    rest, groups = list(after), []
    for dim in before:
        group: list[Dim] = []
        while not group or total(group) != dim:
            if not rest:
                return None
            group.append(rest.pop(0))
        groups.append(tuple(group))
    if groups and all(dim == 1 for dim in rest):
        return [*groups[:-1], (*groups[-1], *rest)]
    return None


def _with_single_axes(x: Node, lead: int, before: Shape, after: Shape) -> Node:
    """Axes of size 1 dropped and put elsewhere: a view that merges into contractions."""
    kept = iter([lead + axis for axis, dim in enumerate(before) if dim != 1])
    sizes = dict(enumerate(x.shape)) | {200 + i: 1 for i in range(len(after))}
    out = [200 + i if dim == 1 else next(kept) for i, dim in enumerate(after)]
    return contract([x], [range(x.ndim)], [*range(lead), *out], sizes)


def contiguous(x: Node) -> Node:
    """x in memory in the order of its axes, so that reshaping and slices of its first axes are views."""
    return intern("contiguous", (x,), (), x.shape, x.dtype)


def one_hot(positions: Node, dim: Dim) -> Node:
    """Along a new last axis of size `dim` 1 at each whole-number position, else 0."""
    return intern("one_hot", (positions,), (dim,), (*positions.shape, dim), "float")


def flat_positions(positions: Node, rows: int, own: int, dim: Dim) -> Node:
    """Positions in rows of `dim` entries, as positions in all rows joined.

    The last `own` axes are those of one row's positions, `rows` axes before them number the rows. The result is of whole
    numbers, since a floating number has not enough digits for the entries of many rows.
    """
    return intern("flat_positions", (positions,), (rows, own, dim), positions.shape, "int")


def take(x: Node, positions: Node, axis: int) -> Node:
    """The entries of x at whole-number `positions` along an axis, counted from the end; its place take their axes."""
    place = x.ndim + axis
    shape = (*x.shape[:place], *positions.shape, *x.shape[place + 1 :])
    return intern("take", (cast(x), positions), (axis,), shape, "float")


def scatter(x: Node, positions: Node, axis: int, dim: Dim) -> Node:
    """The transpose of `take`: zeros, with `dim` entries along the axis, to which x is added at `positions`."""
    place = x.ndim + axis + 1 - positions.ndim
    shape = (*x.shape[:place], dim, *x.shape[place + positions.ndim :])
    return intern("scatter", (x, positions), (axis, dim), shape, "float")


def cumulative_sum(x: Node, axis: int, backwards: bool = False) -> Node:
    """The sums of all entries up to each one along an axis, counted from the end; or from each one on."""
    return intern("cumsum", (cast(x),), (axis, backwards), x.shape, "float")
