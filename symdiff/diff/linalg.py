"""The derivatives of solves, inverses, determinants and Cholesky factors (Giles 2008; Murray 2016 for Cholesky)."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.diff.rule import Derivative
from symdiff.graph.axes import insert_axes, matmul
from symdiff.graph.build import contract
from symdiff.graph.linalg import below, inverse, solve, swapped
from symdiff.graph.node import Node


def _batch(node: Node, t: Node) -> Node:
    """`node` with axes of size 1 in front, up to the number of axes of t: leading axes then broadcast."""
    missing = t.ndim - node.ndim
    sizes = dict(enumerate([1] * missing + list(node.shape)))
    return contract([node], [range(missing, t.ndim)], range(t.ndim), sizes)


def _solve_push(node: Node, tangents: Sequence[Node | None], lead: int) -> Node | None:
    """dX = A^-1 (dB - dA X)."""
    a, _ = node.args
    da, db = tangents
    right = db
    if da is not None:
        moved = -matmul(_masked(node, da), _batch(node, da))
        right = moved if db is None else db + moved
    assert right is not None
    return solve(_batch(a, right), right)


def _solve_pull(node: Node, i: int, g: Node, lead: int) -> Node:
    """The cotangent of B is A^-T G, that of A is -(A^-T G) X^T."""
    back = solve(_batch(swapped(node.args[0]), g), g)
    return back if i == 1 else _masked(node, -matmul(back, swapped(_batch(node, g))))


def _masked(node: Node, x: Node) -> Node:
    """Of a triangular matrix only the entries that a solve reads."""
    (structure,) = node.attributes
    if structure == "general":
        return x
    triangle = below(x.shape[-1], 1.0)
    return x * (triangle if structure == "lower" else swapped(triangle))


def _inverse_push(node: Node, tangents: Sequence[Node | None], lead: int) -> Node | None:
    (t,) = tangents
    assert t is not None
    y = _batch(node, t)
    return -matmul(matmul(y, t), y)


def _inverse_pull(node: Node, i: int, g: Node, lead: int) -> Node:
    y = swapped(_batch(node, g))
    return -matmul(matmul(y, g), y)


def _slope(node: Node) -> Node:
    """d log det A / dA = A^-T; times the determinant, of a matrix that is not singular, the cofactors."""
    inverted = swapped(inverse(node.args[0]))
    return inverted if node.op == "logdet" else insert_axes(node, (node.ndim, node.ndim + 1), inverted.shape) * inverted


def _det_push(node: Node, tangents: Sequence[Node | None], lead: int) -> Node | None:
    (t,) = tangents
    assert t is not None
    labels = list(range(t.ndim))
    return contract([t, _slope(node)], [labels, labels[lead:]], labels[:-2], dict(enumerate(t.shape)))


def _det_pull(node: Node, i: int, g: Node, lead: int) -> Node:
    slope = _slope(node)
    labels = list(range(lead + slope.ndim))
    return contract([g, slope], [labels[:-2], labels[lead:]], labels, dict(enumerate((*g.shape[:lead], *slope.shape))))


def _factor_push(node: Node, tangents: Sequence[Node | None], lead: int) -> Node | None:
    """dL = L Phi(L^-1 dA L^-T), Phi the lower triangle with its diagonal halved."""
    (t,) = tangents
    assert t is not None
    factor = _batch(node, t)
    inner = solve(factor, swapped(solve(factor, swapped(t))))
    return matmul(factor, inner * below(t.shape[-1], 0.5))


def _factor_pull(node: Node, i: int, g: Node, lead: int) -> Node:
    """The symmetric part of L^-T Phi(L^T G) L^-1."""
    upper = swapped(_batch(node, g))
    inner = matmul(upper, g) * below(g.shape[-1], 0.5)
    outer = swapped(solve(upper, swapped(solve(upper, inner))))
    return 0.5 * (outer + swapped(outer))


LINALG: dict[str, Derivative] = {
    "solve": Derivative(_solve_push, _solve_pull),
    "inverse": Derivative(_inverse_push, _inverse_pull),
    "det": Derivative(_det_push, _det_pull),
    "logdet": Derivative(_det_push, _det_pull),
    "cholesky": Derivative(_factor_push, _factor_pull),
}
