"""The derivatives of solves, inverses, determinants and Cholesky factors (Giles 2008; Murray 2016 for Cholesky).

Leading axes of tangents and cotangents broadcast as those of a batch do.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce as fold

from symdiff.diff.rule import Derivative, pushed_one_by_one
from symdiff.graph.axes import insert_axes, matmul
from symdiff.graph.build import add, contract
from symdiff.graph.contraction import Contraction
from symdiff.graph.linalg import (
    cofactors,
    congruent,
    inverse,
    is_diagonal,
    is_symmetric,
    product,
    solve,
    swapped,
    symmetric_part,
    terms,
    transposed,
    triangle,
)
from symdiff.graph.node import Node


def _solve_push(node: Node, tangents: Sequence[Node | None], lead: int) -> Node | None:
    """dX = A^-1 (dB - dA X)."""
    da, right = tangents
    if da is not None:
        moved = -matmul(da, node)
        right = moved if right is None else right + moved
    assert right is not None
    return solve(node.args[0], right)


def _solve_pull(node: Node, i: int, g: Node, lead: int) -> Node:
    """The cotangent of B is A^-T G, that of A is -(A^-T G) X^T."""
    back = solve(transposed(node.args[0]), g)
    return back if i == 1 else -matmul(back, swapped(node))


def _inverse_push(node: Node, tangents: Sequence[Node | None], lead: int) -> Node | None:
    """dY = -Y dA Y."""
    (t,) = tangents
    assert t is not None
    return -matmul(matmul(node, t), node)


def _inverse_pull(node: Node, i: int, g: Node, lead: int) -> Node:
    y = transposed(node)
    return -matmul(matmul(y, g), y)


def _slope(node: Node) -> Node:
    """d det A / dA, the cofactors; d log det A / dA = A^-T."""
    (a,) = node.args
    return cofactors(a) if node.op == "det" else transposed(inverse(a))


def _det_push(node: Node, tangents: Sequence[Node | None], lead: int) -> Node | None:
    (t,) = tangents
    assert t is not None
    labels = list(range(t.ndim))
    return contract([t, _slope(node)], [labels, labels[lead:]], labels[:-2], dict(enumerate(t.shape)))


def _det_pull(node: Node, i: int, g: Node, lead: int) -> Node:
    slope = _slope(node)
    labels = list(range(lead + slope.ndim))
    return contract([g, slope], [labels[:-2], labels[lead:]], labels, dict(enumerate((*g.shape[:lead], *slope.shape))))


def _cofactors_push(node: Node, tangents: Sequence[Node | None], lead: int) -> Node | None:
    """dC = <A^-T, dA> C - A^-T dA^T C, of a matrix that is not singular."""
    (t,) = tangents
    assert t is not None
    inverted = transposed(inverse(node.args[0]))
    return _scaled(t, inverted, node, lead) - matmul(matmul(inverted, swapped(t)), node)


def _cofactors_pull(node: Node, i: int, g: Node, lead: int) -> Node:
    inverted = transposed(inverse(node.args[0]))
    return _scaled(g, node, inverted, lead) - matmul(matmul(node, swapped(g)), inverted)


def _scaled(x: Node, paired: Node, matrix: Node, lead: int) -> Node:
    """A matrix times its partner's inner product with x."""
    axes = list(range(x.ndim))
    out = [*axes[:-2], x.ndim, x.ndim + 1]
    sizes = dict(enumerate((*x.shape, *matrix.shape[-2:])))
    return contract([x, paired, matrix], [axes, axes[lead:], out[lead:]], out, sizes)


def _factor_push(node: Node, tangents: Sequence[Node | None], lead: int) -> Node | None:
    """dL = L Phi(L^-1 dA L^-T), Phi the lower triangle with its diagonal halved."""
    (t,) = tangents
    assert t is not None
    t = t if is_symmetric(node.args[0]) else symmetric_part(t)
    inner = solve(node, swapped(solve(node, swapped(t))))
    return matmul(node, triangle(inner, 0.5))


def _factor_pull(node: Node, i: int, g: Node, lead: int) -> Node:
    """L^-T S L^-1 / 2, where S is the lower triangle of L^T G and its reflection.

    Term by term of G: that of a quadratic form leaves a product of vectors, that of log det L the inverse of A.
    """
    upper = swapped(node)
    parts, dense = [], []
    for scalar, term in terms(g):
        side = _scaled_diagonal(node, term) if is_diagonal(term) else product(upper, term)
        if side is not None and is_symmetric(side):
            parts.append(scalar * congruent(upper, side))
        else:
            dense.append(scalar * term)
    if dense:
        half = triangle(product(upper, fold(add, dense)), 0.5)
        parts.append(congruent(upper, half + swapped(half)))
    return 0.5 * fold(add, parts)


def _scaled_diagonal(factor: Node, term: Node) -> Node | None:
    """The diagonal of L D for a diagonal D, as a matrix."""
    work = Contraction.of(term)
    if len(work.operands) != 1 or factor.ndim > 2:
        return None
    x, labels = work.operands[0]
    row = work.out[-1]
    if row not in labels:  # the same entry all along
        x, labels = insert_axes(x, (x.ndim,), (*x.shape, work.sizes[row])), (*labels, row)
    pivots = contract([factor], [(row, row)], labels, work.sizes)
    return contract([x * pivots], [labels], work.out, work.sizes)


LINALG: dict[str, Derivative] = {
    "solve": Derivative(_solve_push, _solve_pull),
    "inverse": Derivative(_inverse_push, _inverse_pull),
    "det": Derivative(_det_push, _det_pull),
    "cofactors": Derivative(_cofactors_push, _cofactors_pull),
    "logdet": Derivative(_det_push, _det_pull),
    "log_abs_det": Derivative(_det_push, _det_pull),
    "sign_det": Derivative(lambda node, tangents, lead: None, lambda node, i, g, lead: None),
    "cholesky": Derivative(_factor_push, _factor_pull),
    "triangle": Derivative(
        pushed_one_by_one(lambda node, i, t, lead: triangle(t, *node.attributes)),
        lambda node, i, g, lead: triangle(g, *node.attributes),
    ),
}
