"""The derivatives of solves, inverses, determinants and Cholesky factors (Giles 2008; Murray 2016 for Cholesky).

What tangents and cotangents have in front broadcasts as the axes of a batch do.
"""

from __future__ import annotations

from functools import reduce as fold

from symdiff.diff.rule import NO_DERIVATIVE, Derivative, Parts, of_one_result, one_by_one
from symdiff.graph.axes import insert_axes, matmul, sum_axes
from symdiff.graph.build import add, contract
from symdiff.graph.contraction import Contraction
from symdiff.graph.linalg import (
    cofactors,
    cofactors_tangent,
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


def _solve_jvp(node: Node, tangents: Parts) -> Node | None:
    """dX = A^-1 (dB - dA X)."""
    da, right = tangents
    if da is not None:
        moved = -matmul(da, node)
        right = moved if right is None else right + moved
    assert right is not None
    return solve(node.args[0], right)


def _solve_vjp(node: Node, i: int, g: Node) -> Node:
    """The cotangent of B is A^-T G, that of A is -(A^-T G) X^T."""
    back = solve(transposed(node.args[0]), g)
    return back if i == 1 else -matmul(back, swapped(node))


def _inverse_jvp(node: Node, tangents: Parts) -> Node | None:
    """dY = -Y dA Y."""
    (t,) = tangents
    assert t is not None
    return -matmul(matmul(node, t), node)


def _inverse_vjp(node: Node, i: int, g: Node) -> Node:
    y = transposed(node)
    return -matmul(matmul(y, g), y)


def _slope(node: Node) -> Node:
    """d det A / dA, the cofactors; d log det A / dA = A^-T."""
    (a,) = node.args
    return cofactors(a) if node.op == "det" else transposed(inverse(a))


def _det_jvp(node: Node, tangents: Parts) -> Node | None:
    (t,) = tangents
    assert t is not None
    labels = list(range(t.ndim))
    own = labels[t.ndim - node.args[0].ndim :]
    return contract([t, _slope(node)], [labels, own], labels[:-2], dict(enumerate(t.shape)))


def _det_vjp(node: Node, i: int, g: Node) -> Node:
    slope, lead = _slope(node), g.ndim - node.ndim
    labels = list(range(lead + slope.ndim))
    return contract([g, slope], [labels[:-2], labels[lead:]], labels, dict(enumerate((*g.shape[:lead], *slope.shape))))


def _cofactors_jvp(node: Node, tangents: Parts) -> Node | None:
    (t,) = tangents
    assert t is not None
    return cofactors_tangent(node.args[0], t)


def _cofactors_vjp(node: Node, i: int, g: Node) -> Node:
    """The map is its own transpose."""
    return cofactors_tangent(node.args[0], g)


def _cofactors_tangent_jvp(node: Node, tangents: Parts) -> Node | None:
    (a, t), (da, dt) = node.args, tangents
    linear = None if dt is None else cofactors_tangent(a, dt)
    if da is None:
        return linear
    lead = da.ndim - a.ndim
    front = da.shape[:lead]
    own = insert_axes(t, range(lead), (*front, *t.shape))
    between = range(lead, lead + t.ndim - a.ndim)
    moved = _third_derivative(a, own, insert_axes(da, between, (*front, *t.shape)))
    return moved if linear is None else moved + linear


def _cofactors_tangent_vjp(node: Node, i: int, g: Node) -> Node:
    a, t = node.args
    if i == 1:
        return cofactors_tangent(a, g)
    lead = g.ndim - t.ndim
    moved = _third_derivative(a, insert_axes(t, range(lead), g.shape), g)
    return sum_axes(moved, range(lead, lead + t.ndim - a.ndim))


def _third_derivative(a: Node, s: Node, t: Node) -> Node:
    """The derivative of the cofactors C in two directions, of a matrix that is not singular; V is A^-T.

    From that in one, <V, T> C - V T^T C, with dV = -V S^T V and dC = <V, S> C - V S^T C.
    """
    v, c = transposed(inverse(a)), cofactors(a)

    def along(direction: Node, matrix: Node) -> Node:
        return matmul(matmul(v, swapped(direction)), matrix)

    def by_traces(x: Node, direction: Node) -> Node:
        """<x, direction>, repeated along the rows and columns."""
        axes = list(range(t.ndim))
        own = axes[t.ndim - x.ndim :]
        return contract([x, direction], [own, axes], axes[:-2], dict(enumerate(t.shape)))

    def scaled(scalar: Node, matrix: Node) -> Node:
        axes = list(range(t.ndim))
        return contract([scalar, matrix], [axes[:-2], axes[t.ndim - matrix.ndim :]], axes, dict(enumerate(t.shape)))

    dc = scaled(by_traces(v, s), c) - along(s, c)
    crossed = by_traces(along(s, v), t)
    return scaled(by_traces(v, t), dc) - scaled(crossed, c) + along(s, along(t, c)) - along(t, dc)


def _factor_jvp(node: Node, tangents: Parts) -> Node | None:
    """dL = L Phi(L^-1 dA L^-T), Phi the lower triangle with its diagonal halved."""
    (t,) = tangents
    assert t is not None
    t = t if is_symmetric(node.args[0]) else symmetric_part(t)
    inner = solve(node, swapped(solve(node, swapped(t))))
    return matmul(node, triangle(inner, 0.5))


def _factor_vjp(node: Node, i: int, g: Node) -> Node:
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
    "solve": of_one_result(_solve_jvp, _solve_vjp),
    "inverse": of_one_result(_inverse_jvp, _inverse_vjp),
    "det": of_one_result(_det_jvp, _det_vjp),
    "cofactors": of_one_result(_cofactors_jvp, _cofactors_vjp),
    "cofactors_tangent": of_one_result(_cofactors_tangent_jvp, _cofactors_tangent_vjp),
    "logdet": of_one_result(_det_jvp, _det_vjp),
    "log_abs_det": of_one_result(_det_jvp, _det_vjp),
    "sign_det": NO_DERIVATIVE,
    "cholesky": of_one_result(_factor_jvp, _factor_vjp),
    "triangle": of_one_result(
        one_by_one(lambda node, i, t: triangle(t, *node.attributes)),
        lambda node, i, g: triangle(g, *node.attributes),
    ),
}
