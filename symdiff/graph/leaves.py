"""Nodes without operands: inputs, numbers, sizes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from symdiff.graph.node import Node, intern
from symdiff.graph.size import Dim, Size


def parameter(name: str, shape: Sequence[Dim], dtype: str = "float") -> Node:
    """An input of the model, whatever its role."""
    return intern("input", (), (name, tuple(shape), dtype), tuple(shape), dtype)


def constant(value: float | bool) -> Node:
    """A number; always a scalar."""
    if isinstance(value, bool):
        return intern("constant", (), (value,), (), "bool")
    return intern("constant", (), (float(value),), (), "float")


def size(dim: Dim) -> Node:
    """A size used as a number."""
    return intern("size", (), (dim,), (), "float") if isinstance(dim, Size) else constant(float(dim))


def counted(dim: Dim) -> Node:
    """A size used as a number of entries: it must not be negative."""
    return intern("size", (), (dim, "count"), (), "float") if isinstance(dim, Size) else constant(float(dim))


def arange(dim: Dim) -> Node:
    """The numbers 0, 1, ... along one axis."""
    return intern("arange", (), (dim,), (dim,), "float")


def number(node: Node) -> float | None:
    """The value of a numeric constant, else None."""
    return node.attributes[0] if node.op == "constant" and node.dtype == "float" else None


def is_normal(x: float) -> bool:
    """Whether a number is a double with all its digits, and not 0."""
    return sys.float_info.min <= abs(x) <= sys.float_info.max


def loses_digits(p: float, q: float) -> bool:
    """Whether p and q may not be made one number: their product is no double, though p x times q may be."""
    return is_normal(p) and is_normal(q) and is_normal(1 / p) and is_normal(1 / q) and not is_normal(p * q)
