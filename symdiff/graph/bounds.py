"""What entries and slices need of sizes: some differences of sizes must not be negative."""

from __future__ import annotations

from collections.abc import Iterable

from symdiff.graph.item import needs
from symdiff.graph.node import Node
from symdiff.graph.size import Dim, Size


def nonnegative(dim: Dim) -> bool | None:
    """Whether `dim` is at least 0 for all sizes from 1 up (True), for none (False), or that depends (None)."""
    if isinstance(dim, int):
        return dim >= 0
    terms = _from_one(dim)
    if all(factor >= 0 for _, factor in terms):
        return True
    none = all(factor <= 0 for _, factor in terms) and any(names == () for names, _ in terms)
    return False if none else None


def _from_one(dim: Size) -> tuple[tuple[tuple[str, ...], int], ...]:
    """The terms of a size in which every named size is written as 1 more than a number that may be 0."""
    total: Dim = 0
    for names, factor in dim.terms:
        term: Dim = factor
        for name in names:
            term = (Size.named(name) + 1) * term
        total = total + term
    return total.terms if isinstance(total, Size) else (((), total),)


def requirements(order: Iterable[Node]) -> list[Size]:
    """What the nodes need that only the sizes of arrays can tell."""
    found: dict[Dim, None] = {}
    for node in order:
        if node.op == "index":
            items = node.attributes[0]
            found |= dict.fromkeys(needs(items, node.args[0].shape[node.args[0].ndim - len(items) :]))
        elif node.op == "place":
            found |= dict.fromkeys(needs(*node.attributes))
        elif node.op in ("window_max", "window_sum"):
            (spans,) = node.attributes
            dims = node.args[0].shape[node.ndim - len(spans) :]
            found |= dict.fromkeys(dim - size for dim, (size, _) in zip(dims, spans, strict=True))
        elif node.op == "arange" or (node.op == "size" and node.attributes[1:]):
            found.setdefault(node.attributes[0])
    return [dim for dim in found if isinstance(dim, Size) and nonnegative(dim) is None]
