"""Functions of the user's own: operations whose source and derivatives the user gives.

Their names are not in the vocabulary of `ops`: each carries a digest of all it means, so that nodes that mean something
else differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symdiff.graph import samples
from symdiff.graph.node import Node
from symdiff.graph.operation import ALL, Op
from symdiff.graph.ops import OPS, POINTWISE


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


def declare(external: External, digest: str, arity: int, safe: float | None) -> str:
    """Make `external` an operation; its name."""
    op = f"external:{external.name}:{digest}"
    EXTERNAL[op] = external
    row = Op("pointwise", arity, cost=10, shares=ALL, safe=(safe,) * arity, samplewise=samples.each)
    POINTWISE[op] = OPS[op] = row  # its source may return an operand as it is
    return op
