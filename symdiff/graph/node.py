"""One immutable, interned node: two structurally equal nodes are the same object."""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING, Any

from symdiff.graph.size import Dim

Attributes = tuple[Any, ...]
Shape = tuple[Dim, ...]


class Node:
    """An operation applied to other nodes.

    Attributes
    ----------
    op : a name of `symdiff.graph.ops`.
    args : the operands.
    attributes : what else determines the result: axes, a constant's value, an input's name.
    shape, dtype : of the result; dtype is ``"float"``, ``"int"`` or ``"bool"``; ``"tuple"`` where there are several results.
    digest : a hash of the structure, the same in every process: the order of commuting operands follows it.
    """

    __slots__ = ("__weakref__", "args", "attributes", "digest", "dtype", "op", "shape")

    op: str
    args: tuple[Node, ...]
    attributes: Attributes
    shape: Shape
    dtype: str
    digest: bytes

    def __repr__(self) -> str:
        inner = ", ".join([*(argument.op for argument in self.args), *(repr(a) for a in self.attributes)])
        return f"<{self.op}({inner}) {self.dtype}{list(map(str, self.shape))}>"

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    # `build` installs the arithmetic, since it knows shapes and simplification.
    if TYPE_CHECKING:

        def __add__(self, other: Node | float) -> Node: ...
        def __radd__(self, other: Node | float) -> Node: ...
        def __sub__(self, other: Node | float) -> Node: ...
        def __rsub__(self, other: Node | float) -> Node: ...
        def __mul__(self, other: Node | float) -> Node: ...
        def __rmul__(self, other: Node | float) -> Node: ...
        def __truediv__(self, other: Node | float) -> Node: ...
        def __rtruediv__(self, other: Node | float) -> Node: ...
        def __pow__(self, other: Node | float) -> Node: ...
        def __neg__(self) -> Node: ...


_interned: weakref.WeakValueDictionary[tuple[Any, ...], Node] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def intern(op: str, args: tuple[Node, ...], attributes: Attributes, shape: Shape, dtype: str) -> Node:
    """Return the one node of this structure. Only `build` calls this; shape and dtype follow from the rest."""
    # repr tells 1 from 1.0 and 0.0 from -0.0, which compare equal.
    key = (op, tuple(id(argument) for argument in args), repr(attributes))
    with _lock:
        node = _interned.get(key)
        if node is None:
            node = Node()
            node.op, node.args, node.attributes, node.shape, node.dtype = op, args, attributes, shape, dtype
            parts = (op.encode(), key[2].encode(), *(argument.digest for argument in args))
            node.digest = hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()
            _interned[key] = node
    return node


def topological(roots: Iterable[Node], known: Container[Node] = ()) -> list[Node]:
    """Every node the roots depend on, operands first, in an order that depends on structure alone.

    What is `known` is left out, and so is what only known nodes depend on.
    """
    seen: set[Node] = set()
    order: list[Node] = []
    stack: list[Node | None] = [*reversed([*roots])]  # None: all operands of the node below it are in order
    while stack:
        node = stack.pop()
        if node is None:
            order.append(stack.pop())  # type: ignore[arg-type]
        elif node not in seen and node not in known:
            seen.add(node)
            stack += (node, None)
            stack += node.args[::-1]
    return order


def users(order: Iterable[Node]) -> dict[Node, int]:
    """How many operand places each node of `order` fills."""
    count: dict[Node, int] = {}
    for node in order:
        for operand in node.args:
            count[operand] = count.get(operand, 0) + 1
    return count


def rewrite(
    roots: Iterable[Node], change: Callable[[Node, tuple[Node, ...]], Node], memo: dict[Node, Node] | None = None
) -> list[Node]:
    """Rebuild the roots from the inputs up: `change(node, new_args)` gives what replaces each node.

    `memo` holds what is known to replace a node already; it is extended, and `change` may extend it too.
    """
    memo = {} if memo is None else memo
    roots = list(roots)
    for node in topological(roots, memo):
        if node not in memo:
            memo.setdefault(node, change(node, tuple(memo[operand] for operand in node.args)))
    return [memo[root] for root in roots]
