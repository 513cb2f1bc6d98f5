"""What picks entries along one axis: an integer, a slice or a window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from symdiff.errors import ShapeError
from symdiff.graph.size import Dim


@dataclass(frozen=True)
class Window:
    """Entries at ``start + step_1 i_1 + step_2 i_2 + ...``: an axis of the result for each ``(size, step)``.

    One term is a strided slice, in either direction; two are sliding windows.
    """

    start: Dim
    terms: tuple[tuple[Dim, int], ...]


Item = int | tuple[Dim, Dim, int] | Window


def is_entry(item: Item) -> bool:
    """Whether an item picks one entry, so that its axis vanishes."""
    return isinstance(item, int) or (isinstance(item, Window) and not item.terms)


def plain(item: Item) -> Item:
    """A window that is a slice or an entry, as one."""
    if not isinstance(item, Window):
        return item
    if not item.terms and isinstance(item.start, int):
        return item.start
    if len(item.terms) == 1:
        ((dim, step),) = item.terms
        if step == 1:
            return (item.start, item.start + dim, 1)
        if step > 1 and isinstance(dim, int) and dim > 0:
            return (item.start, item.start + (dim - 1) * step + 1, step)
    return item


def dims_of(item: Item) -> tuple[Dim, ...]:
    """The axes of the result that an item gives."""
    if isinstance(item, int):
        return ()
    return tuple(dim for dim, _ in item.terms) if isinstance(item, Window) else (_length(item),)


def _length(item: tuple[Dim, Dim, int]) -> Dim:
    start, stop, step = item
    span = stop - start
    if step == 1:
        return span
    if not isinstance(span, int):
        raise ShapeError(f"a slice with step {step} needs bounds that are numbers, not {start}:{stop}.")
    return max(0, -(-span // step))


def needs(items: Iterable[Item], dims: Iterable[Dim]) -> Iterator[Dim]:
    """The differences that must not be negative for `items`, as of an `index`, on axes of sizes `dims`."""
    for item, dim in zip(items, dims, strict=True):
        if isinstance(item, int):
            yield from (item, dim - (item + 1))
        elif isinstance(item, Window):
            low, high = item.start, item.start
            for size, step in item.terms:
                yield size
                if step > 0:
                    high = high + (size - 1) * step
                else:
                    low = low + (size - 1) * step
            yield from (low, dim - (high + 1))
        else:
            start, stop, _ = item
            yield from (start, stop - start, dim - stop)


def reach(item: Item) -> str:
    """From which entry to which an item reaches, for messages."""
    if isinstance(item, int):
        return f"the index {item}"
    if isinstance(item, Window):
        ends = [item.start, item.start]
        for size, step in item.terms:
            ends[step > 0] = ends[step > 0] + (size - 1) * step
        low, high = ends
    else:
        low, high = item[0], item[1] - 1
    return f"the index {low}" if low == high else f"the indices {low} to {high}"


def described(item: Item) -> str:
    """An item in words, for messages."""
    if isinstance(item, int):
        return f"index {item}"
    if isinstance(item, Window):
        last = item.start
        for size, step in item.terms:
            last = last + (size - 1) * step
        return f"the range from index {item.start} to {last}"
    return f"the slice {item[0]}:{item[1]}:{item[2]}"
