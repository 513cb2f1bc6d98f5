"""What the comments above statements say: which results the statements that follow are computed for."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.graph.node import Node, topological

_MOST = 3  # names that a comment lists


def purposes(roots: Sequence[Node], titles: Sequence[str]) -> dict[Node, str]:
    """Node -> the results that need it, in words; nothing where there is one result, which everything is for.

    Parameters
    ----------
    titles : of the roots: "objective", "gradient by w".
    """
    if len(roots) < 2:
        return {}
    needed_by: dict[Node, int] = {}  # a bit for each root
    for k, root in enumerate(roots):
        needed_by[root] = needed_by.get(root, 0) | 1 << k
    for node in reversed(topological(roots)):
        for operand in node.args:
            needed_by[operand] = needed_by.get(operand, 0) | needed_by[node]
    texts = {
        bits: "shared by all results"
        if bits == (1 << len(roots)) - 1
        else _joined([title for k, title in enumerate(titles) if bits >> k & 1])
        for bits in dict.fromkeys(needed_by.values())
    }
    return {node: texts[bits] for node, bits in needed_by.items()}


def _joined(titles: Sequence[str]) -> str:
    """Several titles in few words: "objective; gradient by w, b"."""
    names: dict[str, list[str]] = {}
    for title in titles:
        what, by, name = title.rpartition(" by ")
        names.setdefault(what + by or title, []).extend([name] if by else [])
    return "; ".join(what + _listed(of) for what, of in names.items())


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _MOST:
        return ", ".join(names)
    return f"{names[0]}, {names[1]} and {len(names) - 2} more"
