"""Constructors of nodes of linear algebra, over the last two axes; leading axes are a batch.

A product with an inverse is a solve; a factor of Cholesky makes a solve triangular, and a determinant a product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce as fold

from symdiff.errors import ShapeError
from symdiff.graph.axes import matmul, reduce, reshape, sum_axes, transpose
from symdiff.graph.build import add, broadcast_to, cast, contract, pointwise
from symdiff.graph.contraction import Contraction
from symdiff.graph.leaves import constant
from symdiff.graph.node import Node, intern
from symdiff.graph.ops import POINTWISE
from symdiff.graph.size import Dim, broadcast, spelled, total

_DEPTH = 50  # elementwise operations through which the symmetry of a matrix is followed

# Transposes


def swapped(x: Node) -> Node:
    """The transpose of the last two axes."""
    return transpose(x, [*range(x.ndim - 2), x.ndim - 1, x.ndim - 2])


def is_transpose(a: Node) -> bool:
    """Whether a matrix is written as the transpose of another."""
    return a.op == "contract" and len(a.args) == 1 and a.args[0].ndim == a.ndim and swapped(a) is a.args[0]


def transposed(a: Node) -> Node:
    """The transpose; of what is symmetric by its form that itself, so that its solves are found again."""
    return a if is_symmetric(a) else swapped(a)


def is_symmetric(a: Node) -> bool:
    """Whether a matrix is its own transpose by its form: X X^T, Q + Q^T, diagonals, functions of each entry of those."""
    return a.shape[-1] == a.shape[-2] and _turned(a, {}, _DEPTH) is a


def _turned(a: Node, known: dict[Node, Node], depth: int) -> Node:
    """The transpose, written in the transposes of what `a` is computed from entry by entry."""
    if a not in known:
        through = a.op in POINTWISE and all(operand.ndim in (0, a.ndim) for operand in a.args)
        if a.op == "contract":
            work = Contraction.of(a)
            work.out = (*work.out[:-2], work.out[-1], work.out[-2])
            known[a] = _node(work)
        elif a.op == "inverse" and depth:
            known[a] = inverse(_turned(a.args[0], known, depth - 1))
        elif through and depth:
            operands = [_turned(x, known, depth - 1) if x.ndim else x for x in a.args]
            known[a] = pointwise(a.op, *operands)
        else:
            known[a] = swapped(a)
    return known[a]


def diagonal(a: Node) -> Node:
    """The entries on the diagonal, as one axis."""
    _check_square("a diagonal", a)
    labels = list(range(a.ndim - 1))
    return contract([a], [[*labels, labels[-1]]], labels, dict(enumerate(a.shape)))


def on_diagonal(v: Node) -> Node:
    """The matrix with the entries along the last axis on its diagonal, zeros elsewhere."""
    labels = list(range(v.ndim))
    return contract([v], [labels], [*labels, labels[-1]], dict(enumerate(v.shape)))


def trace(a: Node) -> Node:
    """The sum of the diagonal."""
    _check_square("a trace", a)
    return sum_axes(diagonal(a), (a.ndim - 2,))


def is_diagonal(a: Node) -> bool:
    """Whether a matrix is a diagonal by its form."""
    return a.op == "contract" and a.attributes[1][-1] == a.attributes[1][-2]


def terms(a: Node) -> list[tuple[Node, Node]]:
    """The scalars and matrices whose products add up to a matrix."""
    found = []
    pending = [(constant(1.0), a)]
    while pending:
        scalar, x = pending.pop()
        match x.op:
            case "add" if all(term.shape == x.shape for term in x.args):
                pending += [(scalar, term) for term in x.args[::-1]]
            case "neg":
                pending.append((-scalar, x.args[0]))
            case "mul" if () in (x.args[0].shape, x.args[1].shape):
                factor, matrix = sorted(x.args, key=lambda operand: operand.ndim)
                pending.append((scalar * factor, matrix))
            case _:
                found.append((scalar, x))
    return found


# Products and solves


def product(a: Node, b: Node) -> Node:
    """The matrix product; A^-1 B and A B^-1 as solves, A A^-1 B as B."""
    if a.op == "inverse":
        return solve(a.args[0], b)
    if b.op == "inverse":
        return swapped(solve(transposed(b.args[0]), swapped(a)))
    if b.op == "solve" and b.args[0] is a:
        return b.args[1]
    inside = _on_columns(b, partial(product, a)) if a.ndim == 2 else None
    return matmul(a, b) if inside is None else inside


def chain(factors: Sequence[Node]) -> Node:
    """The matrix product of several factors: of P A^-1 Q the narrower one of P and Q is solved for."""
    inverses = [factor.op == "inverse" for factor in factors]
    narrow_left = _narrower(factors[0].shape[-2], factors[-1].shape[-1])
    if any(inverses) and (inverses[0] or not (inverses[-1] or narrow_left)):
        return fold(lambda right, left: product(left, right), factors[::-1])
    return fold(product, factors)


def _narrower(one: Dim, other: Dim) -> bool:
    """Whether a size is known to be the smaller one; a number is smaller than a symbol."""
    return isinstance(one, int) and (not isinstance(other, int) or one < other)


def solve(a: Node, b: Node) -> Node:
    """A^-1 B; where B has more axes in front than A, all its columns are solved for at once."""
    _check_square("solve", a)
    if a.shape[-1] != b.shape[-2]:
        raise ShapeError(f"solve: {a.shape[-1]} unknowns, but the right side has {b.shape[-2]} rows.")
    a, b = cast(a), cast(b)
    if a.op == "inverse":
        return matmul(a.args[0], b)
    if b.op == "neg":
        return -solve(a, b.args[0])
    if b.op == "mul":
        for scalar, rest in (b.args, b.args[::-1]):
            if not scalar.shape and rest.shape == b.shape:
                return scalar * solve(a, rest)
    if (inside := _solved_inside(a, b)) is not None:
        return inside
    if b.op == "inverse" and transposed(b.args[0]) is a and structure(a) != "general":  # a symmetric product
        return matmul(swapped(b), b)
    if b.ndim > a.ndim:
        return _solved_as_columns(a, b)
    lead = broadcast([a.shape[:-2], b.shape[:-2]], "solve")
    a, b = (broadcast_to(x, (*lead, *x.shape[-2:])) for x in (a, b))
    return intern("solve", (a, b), (structure(a),), (*lead, *b.shape[-2:]), "float")


def _solved_inside(a: Node, b: Node) -> Node | None:
    """A^-1 B of a product B that its rows enter by one factor alone: u v^T as (A^-1 u) v^T, an identity as A^-1."""
    if b.op == "add" and b.ndim > 2 and all(term.shape == b.shape for term in b.args):
        terms = [_solved_inside(a, term) for term in b.args]
        return None if None in terms else add(*terms)  # type: ignore[arg-type]
    if b.op != "contract" or a.ndim > 2:
        return None
    work = Contraction.of(b)
    row = work.out[-2]
    if work.out.count(row) > 1:  # a diagonal
        fresh = max(work.sizes) + 1
        work.operands.append((inverse(a), (fresh, row)))
        work.out = (*work.out[:-2], fresh, work.out[-1])
        work.sizes[fresh] = work.sizes[row]
        return _node(work)
    return _on_columns(b, partial(solve, a))


def _on_columns(b: Node, apply: Callable[[Node], Node]) -> Node | None:
    """A linear map of the columns of a product whose rows enter by one factor alone, as the map of that factor's columns."""
    if b.op != "contract":
        return None
    work = Contraction.of(b)
    if len(work.operands) == 1 and b.args[0].op == "contract":  # the transpose of a product
        work.merge(0)
    row = work.out[-2]
    holders = [k for k, (_, labels) in enumerate(work.operands) if row in labels]
    if work.out.count(row) > 1 or len(holders) != 1 or (b.ndim == 2 and len(work.operands) == 1):
        return None
    x, labels = work.operands[holders[0]]
    wider = any(label not in work.out and work.sizes[label] != 1 for label in labels)
    if x.ndim > 2 or len(set(labels)) < x.ndim or wider:
        return None
    other = next((label for label in labels if label != row), max(work.sizes) + 1)
    work.sizes.setdefault(other, 1)
    columns = apply(contract([x], [labels], (row, other), work.sizes))
    work.operands[holders[0]] = (columns, (row, other))
    work.sizes[row] = columns.shape[-2]  # a map that is not square gives other rows
    return _node(work)


def _node(work: Contraction) -> Node:
    return contract([x for x, _ in work.operands], [labels for _, labels in work.operands], work.out, work.sizes)


def _solved_as_columns(a: Node, b: Node) -> Node:
    """The axes that A lacks as further columns, so that A is factorised once."""
    extra = b.ndim - a.ndim
    own = list(range(extra, b.ndim - 1))
    columns = [*range(extra), b.ndim - 1]
    order = [*own, *columns]
    many = [b.shape[axis] for axis in columns]
    side = reshape(transpose(b, order), many, [total(many)])
    found = solve(a, side)
    return transpose(reshape(found, [total(many)], many), [order.index(axis) for axis in range(b.ndim)])


def congruent(a: Node, s: Node) -> Node:
    """A^-1 S A^-T of a symmetric S."""
    return solve(a, swapped(solve(a, s)))


def structure(a: Node) -> str:
    """What is known of the entries of a matrix: "lower", "upper" or "general"."""
    if a.op in ("cholesky", "triangle"):
        return "lower"
    return "upper" if is_transpose(a) and structure(a.args[0]) == "lower" else "general"


def inverse(a: Node) -> Node:
    """A^-1."""
    _check_square("an inverse", a)
    if a.op == "inverse":
        return a.args[0]
    if is_transpose(a):
        return swapped(inverse(a.args[0]))
    return intern("inverse", (cast(a),), (structure(a), a.op == "cholesky"), a.shape, "float")


# Determinants


def det(a: Node) -> Node:
    """The determinant."""
    _check_square("a determinant", a)
    if structure(a) != "general":
        return reduce("reduce_prod", diagonal(a), (a.ndim - 2,))
    return intern("det", (cast(a),), (), a.shape[:-2], "float")


def logdet(a: Node) -> Node:
    """The logarithm of the determinant, without overflow; NaN where that is negative."""
    _check_square("logdet", a)
    a = a.args[0] if is_transpose(a) else a
    if a.op == "cholesky":  # whose diagonal is positive
        return sum_axes(pointwise("log", diagonal(a)), (a.ndim - 2,))
    return intern("logdet", (cast(a),), (), a.shape[:-2], "float")


def cofactors(a: Node) -> Node:
    """det(A) A^-T, which a singular matrix has too: the derivative of the determinant."""
    _check_square("cofactors", a)
    return intern("cofactors", (cast(a),), (), a.shape, "float")


def cofactors_tangent(a: Node, t: Node) -> Node:
    """The derivative of the cofactors in the direction T, the second derivative of the determinant; T may have axes in front.

    With A = U S V^T, S diagonal, it is U R V^T, where R = diag(P d) - P o M^T, M = U^T T V and d the diagonal of M; P_ij is
    the product of all entries of S but two, s_i and s_j, and of det U det V: no division, so that a singular matrix is no
    exception. It is linear in T and symmetric: <T', C(A, T)> = <T, C(A, T')>.
    """
    return intern("cofactors_tangent", (cast(a), cast(t)), (), t.shape, "float")


def cofactor_factors(a: Node) -> Node:
    """U, V and P of `cofactors_tangent`, stacked in front of the rows."""
    return intern("cofactor_factors", (cast(a),), (), (*a.shape[:-2], 3, *a.shape[-2:]), "float")


def log_abs_det(a: Node) -> Node:
    """The logarithm of the absolute value of the determinant, without overflow."""
    return intern("log_abs_det", (cast(a),), (), a.shape[:-2], "float")


def sign_det(a: Node) -> Node:
    """The sign of the determinant, without overflow."""
    return intern("sign_det", (cast(a),), (), a.shape[:-2], "float")


# Cholesky


def cholesky(a: Node) -> Node:
    """The lower triangular L of A = L L^T; of a matrix that is not symmetric its symmetric part is taken."""
    _check_square("cholesky", a)
    return intern("cholesky", (cast(a),), (is_symmetric(a),), a.shape, "float")


def symmetric_part(a: Node) -> Node:
    """(A + A^T) / 2."""
    return 0.5 * (a + swapped(a))


def triangle(x: Node, on_diagonal: float = 1.0) -> Node:
    """The lower triangle: zeros above the diagonal, which is scaled."""
    if x.op == "triangle":
        return triangle(x.args[0], on_diagonal * x.attributes[0])
    return intern("triangle", (cast(x),), (on_diagonal,), x.shape, "float")


def _check_square(what: str, a: Node) -> None:
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"{what} needs a square matrix, not {spelled(a.shape[-2:])}.")
