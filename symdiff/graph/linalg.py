"""Constructors of nodes of linear algebra, over the last two axes; leading axes are a batch.

A product with an inverse is a solve; a factor of Cholesky makes a solve triangular.
"""

from __future__ import annotations

from symdiff.errors import ShapeError
from symdiff.graph.axes import matmul, transpose
from symdiff.graph.build import arange, broadcast, broadcast_to, cast, constant, contract, pointwise, select
from symdiff.graph.node import Node, intern
from symdiff.graph.size import Dim, spelled


def swapped(x: Node) -> Node:
    """The transpose of the last two axes."""
    return transpose(x, [*range(x.ndim - 2), x.ndim - 1, x.ndim - 2])


def product(a: Node, b: Node) -> Node:
    """The matrix product; A^-1 B and A B^-1 as solves."""
    if a.op == "inverse":
        return solve(a.args[0], b)
    if b.op == "inverse":
        return swapped(solve(swapped(b.args[0]), swapped(a)))
    return matmul(a, b)


def solve(a: Node, b: Node) -> Node:
    """A^-1 B."""
    _check_square("solve", a)
    if a.shape[-1] != b.shape[-2]:
        raise ShapeError(f"solve: {a.shape[-1]} unknowns, but the right side has {b.shape[-2]} rows.")
    lead = broadcast([a.shape[:-2], b.shape[:-2]], "solve")
    a, b = (broadcast_to(x, (*lead, *x.shape[-2:])) for x in (cast(a), cast(b)))
    return intern("solve", (a, b), (structure(a),), (*lead, *b.shape[-2:]), "float")


def structure(a: Node) -> str:
    """What is known of the entries of a matrix: "lower", "upper" or "general"."""
    if a.op == "cholesky":
        return "lower"
    if a.op == "contract" and len(a.args) == 1 and a.args[0].op == "cholesky" and swapped(a) is a.args[0]:
        return "upper"
    return "general"


def inverse(a: Node) -> Node:
    """A^-1."""
    _check_square("an inverse", a)
    return a.args[0] if a.op == "inverse" else intern("inverse", (cast(a),), (), a.shape, "float")


def det(a: Node) -> Node:
    """The determinant."""
    _check_square("a determinant", a)
    return intern("det", (cast(a),), (), a.shape[:-2], "float")


def logdet(a: Node) -> Node:
    """The logarithm of the determinant, without overflow; NaN where that is negative."""
    _check_square("logdet", a)
    return intern("logdet", (cast(a),), (), a.shape[:-2], "float")


def cholesky(a: Node) -> Node:
    """The lower triangular L of A = L L^T; of a matrix that is not visibly symmetric its symmetric part is taken."""
    _check_square("cholesky", a)
    a = cast(a)
    return factor(a if swapped(a) is a else 0.5 * (a + swapped(a)))


def factor(symmetric: Node) -> Node:
    """The Cholesky factor of what is known to be symmetric."""
    return intern("cholesky", (symmetric,), (), symmetric.shape, "float")


def below(dim: Dim, on_diagonal: float) -> Node:
    """The matrix of ones below the diagonal, `on_diagonal` on it, and zeros above."""
    row = arange(dim)
    i = contract([row], [[0]], [0, 1], {0: dim, 1: dim})
    j = contract([row], [[1]], [0, 1], {0: dim, 1: dim})
    strict = select(pointwise("lt", j, i), constant(1.0), constant(0.0))
    return select(pointwise("eq", i, j), constant(on_diagonal), strict)


def _check_square(what: str, a: Node) -> None:
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"{what} needs a square matrix, not {spelled(a.shape[-2:])}.")
