"""Graphs inside graphs: a function of its own as an attribute of a node, such as the step of a loop.

A body is closed: all that it depends on is among its parameters. So it means the same wherever it stands, bodies may stand in
bodies, and walks over a graph need not enter them. Bodies stand directly among the attributes of a node of several results.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symdiff.errors import InternalError
from symdiff.graph.node import Node, Shape, intern, rewrite, topological
from symdiff.graph.rebuild import rebuild
from symdiff.graph.several import with_attributes

Pass = Callable[[Sequence[Node]], list[Node]]


@dataclass(frozen=True, eq=False)
class Body:
    """A function from parameters to results.

    It is shown as a digest of its structure, by which nodes are interned: nodes of equal bodies are one node.

    Attributes
    ----------
    parameters : leaves "bound", numbered by their positions.
    results : what follows from them, constants and sizes.
    """

    parameters: tuple[Node, ...]
    results: tuple[Node, ...]

    def __repr__(self) -> str:
        parts = (b"%d" % len(self.parameters), *(node.digest for node in (*self.parameters, *self.results)))
        return hashlib.blake2b(b"\0".join(parts), digest_size=16).hexdigest()

    def at(self, operands: Sequence[Node]) -> list[Node]:
        """The results of operands, as nodes of the graph these stand in."""
        return rewrite(self.results, rebuild, dict(zip(self.parameters, operands, strict=True)))


def bound(position: int, shape: Shape, dtype: str = "float") -> Node:
    """A parameter of a body."""
    return intern("bound", (), (position, shape, dtype), shape, dtype)


def body(parameters: Sequence[Node], results: Sequence[Node]) -> Body:
    """The function from some nodes to others that follow from them.

    Raises
    ------
    InternalError : where a result depends on an input, or on a parameter of another body, that is not among the parameters.
    """
    leaves = tuple(bound(k, node.shape, node.dtype) for k, node in enumerate(parameters))
    roots = tuple(rewrite(results, rebuild, dict(zip(parameters, leaves, strict=True))))
    for node in topological(roots):
        if node.op in ("input", "bound") and node not in leaves:
            raise InternalError(f"a body depends on {node!r}, which is not among its parameters.")
    return Body(leaves, roots)


def bodies(node: Node) -> list[Body]:
    """The bodies of a node."""
    return [attribute for attribute in node.attributes if isinstance(attribute, Body)]


def everywhere(change: Pass) -> Pass:
    """A pass over a graph that does the same to all bodies in it, inner ones first, and to equal ones once."""
    done: dict[str, Body] = {}

    def inside(attribute: object) -> object:
        if not isinstance(attribute, Body):
            return attribute
        key = repr(attribute)
        if key not in done:
            done[key] = Body(attribute.parameters, tuple(whole(attribute.results)))
        return done[key]

    def entered(node: Node, args: tuple[Node, ...]) -> Node:
        new = rebuild(node, args)
        return with_attributes(new, tuple(map(inside, new.attributes))) if bodies(new) else new

    def whole(roots: Sequence[Node]) -> list[Node]:
        return change(rewrite(roots, entered))

    return whole
