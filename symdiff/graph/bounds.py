"""What entries and slices need of sizes: some differences of sizes must not be negative."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from symdiff.graph.item import needs, reach
from symdiff.graph.node import Node
from symdiff.graph.size import Dim, Size

_SOMEWHERE = "a slice or an entry in the model"


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


def requirements(order: Iterable[Node], inputs: Mapping[Node, str]) -> dict[Size, str]:
    """What the nodes need that only the sizes of arrays can tell, and what for, in words; `inputs`: their names."""
    found: dict[Size, str] = {}
    for node in order:
        for dim, words in NEEDS[node.op](node, inputs) if node.op in NEEDS else ():
            if isinstance(dim, Size) and nonnegative(dim) is None:
                found.setdefault(dim, words)
    return found


Needs = Iterable[tuple[Dim, str]]


def _index(node: Node, inputs: Mapping[Node, str]) -> Needs:
    (x,), (items,) = node.args, node.attributes
    for axis, item in enumerate(items, start=x.ndim - len(items)):
        words = f"{reach(item)} on axis {axis} of {inputs[x]}" if x in inputs else _SOMEWHERE
        yield from ((dim, words) for dim in needs([item], [x.shape[axis]]))


def _place(node: Node, inputs: Mapping[Node, str]) -> Needs:
    return [(dim, _SOMEWHERE) for dim in needs(*node.attributes)]


def _count(node: Node, inputs: Mapping[Node, str]) -> Needs:
    """A number of entries."""
    return [(node.attributes[0], _SOMEWHERE)]


def _windows(node: Node, inputs: Mapping[Node, str]) -> Needs:
    """Axes are not shorter than the windows on them: of the operand, or of the result into whose windows it is added."""
    spans = node.attributes[0]
    whole = node if node.op == "spread_windows" else node.args[0]
    dims = whole.shape[whole.ndim - len(spans) :]
    return [(dim - size, _SOMEWHERE) for dim, (size, _) in zip(dims, spans, strict=True)]


# operation -> the sizes that must not be negative, and what for, of the node and the names of inputs
NEEDS: dict[str, Callable[[Node, Mapping[Node, str]], Needs]] = {
    "index": _index,
    "place": _place,
    "arange": _count,
    "size": lambda node, inputs: _count(node, inputs) if node.attributes[1:] else (),
    "window_max": _windows,
    "window_sum": _windows,
    "spread_windows": _windows,
}
