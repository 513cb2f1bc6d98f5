"""Sliding windows: convolution as a product of matrices, sums of windows, the largest entry of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symdiff.errors import ShapeError, UnsupportedError
from symdiff.graph.axes import contiguous, index, place, transpose
from symdiff.graph.build import cast, contract, full, pointwise, select
from symdiff.graph.item import Item, Window
from symdiff.graph.leaves import constant
from symdiff.graph.node import Node, intern
from symdiff.graph.size import Dim

Span = tuple[Dim, int]  # size and step of the windows along an axis


def convolution(x: Node, kernel: Node, stride: Sequence[int], padding: Sequence[int], what: str) -> Node:
    """Cross-correlation of x (samples, channels, *lengths) with a kernel (out, channels, *sizes).

    The samples are put last, so that rows of memory are long. Windows along the last of `lengths` are copied, once for each
    place in them; along the one before they are a view of that copy, in which the entries of a window follow each other
    for a whole line of the result. So a line is the kernel times a matrix that BLAS takes as it lies: for a kernel of
    5 x 5 the image is copied 5 times, not 25 times. Gradients are products of the same matrices.
    """
    n = len(stride)
    if all(size == step == 1 for size, step in zip(kernel.shape[2:], stride, strict=True)) and not any(padding):
        kept = (n + 2, *range(2, n + 2))  # one entry a window: the sum over channels alone
        sizes = {**dict(enumerate(x.shape)), n + 2: kernel.shape[0], **{n + 3 + axis: 1 for axis in range(n)}}
        return contract([kernel, x], [[n + 2, 1, *range(n + 3, 2 * n + 3)], range(n + 2)], [0, *kept], sizes)
    turned = padded(transpose(x, [*range(2, n + 1), 1, n + 1, 0]), [*padding[:-1], 0, padding[-1], 0])
    spans = [(size, step) for size, step in zip(kernel.shape[2:], stride, strict=True)]
    starts, places = _terms(turned.shape[n], spans[-1], what)
    across = _indexed(turned, {n: Window(0, (places, starts))})
    views = {axis: Window(0, _terms(turned.shape[axis], spans[axis], what)) for axis in range(n - 1)}
    seen = _indexed(across, views)  # for each line its start and place; channels, place, start, samples
    at, inside = [*range(0, 2 * n - 2, 2), 2 * n], [2 * n - 2, *range(1, 2 * n - 2, 2), 2 * n - 1]
    samples, out = 2 * n + 1, 2 * n + 2
    sizes = {**dict(enumerate(seen.shape)), out: kernel.shape[0]}
    return contract([kernel, seen], [[out, *inside], range(out)], [samples, out, *at], sizes)


def _indexed(x: Node, windows: Mapping[int, Item]) -> Node:
    """Some axes of x as windows; x lies in memory as its axes do, so that what stays in order is a view."""
    whole: list[Item] = [(0, dim, 1) for dim in x.shape]
    items = [windows.get(axis, item) for axis, item in enumerate(whole)]
    return index(contiguous(x), items) if windows else contiguous(x)


def _terms(dim: Dim, span: Span, what: str) -> tuple[tuple[Dim, int], tuple[Dim, int]]:
    """The terms of a window: where it starts, and the place in it."""
    size, step = span
    return (_count(dim, span, what), step), (size, 1)


def _count(dim: Dim, span: Span, what: str) -> Dim:
    """How many windows an axis has."""
    size, step = span
    room = dim - size
    if not isinstance(room, int):
        if step != 1:
            raise UnsupportedError(f"{what}: a stride of {step} needs sizes that are numbers, not {dim}.")
        return room + 1
    if room < 0:
        raise ShapeError(f"{what}: a window of {size} does not fit an axis of {dim}.")
    return room // step + 1


def padded(x: Node, padding: Sequence[int]) -> Node:
    """x with zeros before and after its last axes."""
    dims = x.shape[x.ndim - len(padding) :]
    items: list[Item] = [(many, many + dim, 1) for many, dim in zip(padding, dims, strict=True)]
    return place(x, items, [dim + 2 * many for many, dim in zip(padding, dims, strict=True)])


def largest_of_windows(x: Node, spans: Sequence[Span], padding: Sequence[int]) -> Node:
    """The largest entry of each window of the last axes; what is padded is never the largest."""
    return window_max(_padded_below(x, padding) if any(padding) else x, spans)


def before_padding(x: Node, axes: int) -> tuple[Node, tuple[int, ...]]:
    """What `largest_of_windows` padded to x along so many last axes, and by how much; x and zeros where it did not."""
    if x.op == "select" and x.args[1].op == "place":
        inner, (items, _) = x.args[1].args[0], x.args[1].attributes
        padding = tuple(item[0] if isinstance(item, tuple) else 0 for item in items)
        if len(padding) == axes and _padded_below(inner, padding) is x:
            return inner, padding
    return x, (0,) * axes


def _padded_below(x: Node, padding: Sequence[int]) -> Node:
    """x with minus infinity before and after its last axes."""
    ones = full(1.0, x.shape[x.ndim - len(padding) :])
    inside = pointwise("lt", constant(0.0), padded(ones, padding))
    return select(inside, padded(x, padding), constant(float("-inf")))


def window_max(x: Node, spans: Sequence[Span]) -> Node:
    """The largest entry of each window of the last axes."""
    return _of_windows("window_max", x, spans)


def window_sum(x: Node, spans: Sequence[Span]) -> Node:
    """The sum of each window of the last axes."""
    return _of_windows("window_sum", x, spans)


def spread_windows(x: Node, spans: Sequence[Span], dims: Sequence[Dim]) -> Node:
    """The transpose of `window_sum`: zeros over the last axes `dims`, with x added to all entries of its window."""
    return intern("spread_windows", (x,), (tuple(spans), tuple(dims)), (*x.shape[: x.ndim - len(dims)], *dims), "float")


def _of_windows(op: str, x: Node, spans: Sequence[Span]) -> Node:
    lead = x.ndim - len(spans)
    dims = x.shape[lead:]
    counts = [_count(dim, span, "pooling") for dim, span in zip(dims, spans, strict=True)]
    if all(size == 1 for size, _ in spans):
        return index(x, [Window(0, ((count, step),)) for count, (_, step) in zip(counts, spans, strict=True)])
    return intern(op, (cast(x),), (tuple(spans),), (*x.shape[:lead], *counts), "float")


def pick_first_max(t: Node, x: Node, y: Node, spans: Sequence[Span]) -> Node:
    """For each window of x the entry of t where x has its largest entry y, the first such; t may have axes in front."""
    return intern("pick_first_max", (t, x, y), (tuple(spans),), (*t.shape[: t.ndim - x.ndim], *y.shape), "float")


def place_first_max(g: Node, x: Node, y: Node, spans: Sequence[Span]) -> Node:
    """The transpose of `pick_first_max`: g added to zeros; g may have axes in front."""
    return intern("place_first_max", (g, x, y), (tuple(spans),), (*g.shape[: g.ndim - y.ndim], *x.shape), "float")
