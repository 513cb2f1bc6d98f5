"""Functions of the user's own: operations whose source and derivatives the user gives.

Their names are not in the vocabulary of `ops`; each carries a digest of its source, so that nodes with other source differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symdiff.graph.node import Node
from symdiff.graph.ops import POINTWISE
from symdiff.graph.pointwise import Pointwise


@dataclass(frozen=True)
class External:
    """One such function.

    Attributes
    ----------
    name : of the function that `source` defines.
    source : a Python function of the array library and the operands.
    partial : (position, operands) -> the partial derivative by the operand at that position.
    """

    name: str
    source: str
    partial: Callable[[int, Sequence[Node]], Node]


EXTERNAL: dict[str, External] = {}


def declare(external: External, arity: int, safe: float | None) -> str:
    """Make an operation of `external`; its name."""
    digest = hashlib.blake2b(external.source.encode(), digest_size=8).hexdigest()
    op = f"external:{external.name}:{digest}"
    EXTERNAL[op] = external
    POINTWISE[op] = Pointwise(arity, cost=10, safe=None if safe is None else (safe,) * arity)
    return op
