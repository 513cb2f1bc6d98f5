"""Apply increasing functions after the largest entry of a window is found, not before.

Example: max_pool2d(relu(conv + b)) becomes relu(max_pool2d(conv) + b): a quarter of the entries, forward and in the
derivative. An increasing function of the largest entry is the largest of the function's values, and what is added alike to
all entries of a window is added to its largest. Where the function is strictly increasing its first largest entry is in
the same place; where it is constant its derivative is 0 there, and all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce as fold

from symdiff.graph.build import add, pointwise
from symdiff.graph.node import Node, rewrite, topological, users
from symdiff.graph.ops import OPS
from symdiff.graph.rebuild import rebuild
from symdiff.graph.windows import before_padding, largest_of_windows


def pool_first(roots: Sequence[Node]) -> list[Node]:
    """The same results, with pooling before increasing functions that nothing else uses."""
    order = topological(roots)
    count = users(order)
    shared = {node for node in order if count.get(node, 0) > 1} | set(roots)

    def change(node: Node, args: tuple[Node, ...]) -> Node:
        found = rebuild(node, args)
        return _later(found) if node.op == "window_max" and node.args[0] not in shared else found

    return rewrite(roots, change)


def _later(pooling: Node) -> Node:
    """A pooling of functions of something as functions of a pooling."""
    (x,), (spans,) = pooling.args, pooling.attributes
    x, padding = before_padding(x, len(spans))  # of each window some entry is no padding
    functions: list[Callable[[Node], Node]] = []
    while (step := _step(x, len(spans))) is not None:
        function, x = step
        functions.append(function)
    found = largest_of_windows(x, spans, padding) if functions else pooling
    return fold(lambda value, function: function(value), reversed(functions), found)


def _step(x: Node, axes: int) -> tuple[Callable[[Node], Node], Node] | None:
    """Split x into an increasing function and what it is taken of, where it is alike all over the last axes."""
    if OPS[x.op].increasing:  # of every real number: what is NaN stays NaN
        return partial(pointwise, x.op), x.args[0]
    for term, rest in (x.args, x.args[::-1]) if x.op == "add" else ():
        if rest.shape == x.shape and all(dim == 1 for dim in term.shape[-axes:]):
            return partial(add, term), rest
    return None
