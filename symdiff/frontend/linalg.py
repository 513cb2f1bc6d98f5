"""Linear algebra of the matrix dialect: inverses, determinants, factors, Kronecker products and blocks, as rows of a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from symdiff.frontend.rule import Rule
from symdiff.functions.linalg import Cholesky, Cofactors, HalvedTriangle, LogDeterminant, Solve
from symdiff.graph.axes import concatenate, reshape
from symdiff.graph.build import broadcast_to, contract
from symdiff.graph.linalg import cholesky, cofactors, det, inverse, logdet, solve, triangle
from symdiff.graph.node import Node
from symdiff.graph.size import broadcast


def _of_matrix(function: Callable[..., Node]) -> Callable[[Any, Any, list[Node]], Node]:
    """A function of one matrix or several; the user's words for the first are kept for errors when it runs."""

    def build(walk: Any, expression: Any, args: list[Node]) -> Node:
        walk.describe(args[0], expression.args[0])
        return function(*args)

    return build


def _kronecker(walk: Any, expression: Any, args: list[Node]) -> Node:
    """Rows and columns of both, each pair taken as one axis."""
    result = args[0]
    for factor in args[1:]:
        (n, m), (p, q) = result.shape[-2:], factor.shape[-2:]
        lead = broadcast([result.shape[:-2], factor.shape[:-2]], "KroneckerProduct")
        result, factor = (broadcast_to(x, (*lead, *x.shape[-2:])) for x in (result, factor))
        axes = list(range(len(lead)))
        sizes = dict(enumerate(lead)) | {90: n, 91: p, 92: m, 93: q}
        pairs = contract([result, factor], [[*axes, 90, 92], [*axes, 91, 93]], [*axes, 90, 91, 92, 93], sizes)
        result = reshape(pairs, (n, p, m, q), (n * p, m * q))
    return result


def _blocks(walk: Any, expression: Any, args: list[Node]) -> Node:
    """The blocks of each row side by side, the rows below each other."""
    columns = expression.blocks.shape[1]
    rows = [args[start : start + columns] for start in range(0, len(args), columns)]
    lead = broadcast([block.shape[:-2] for block in args], "BlockMatrix")
    joined = [concatenate([broadcast_to(x, (*lead, *x.shape[-2:])) for x in row], -1) for row in rows]
    return concatenate(joined, -2)


RULES: dict[type, Rule] = {
    sp.Inverse: Rule(_of_matrix(inverse), lambda e: (e.arg,)),
    sp.Determinant: Rule(_of_matrix(det)),
    LogDeterminant: Rule(_of_matrix(logdet)),
    Solve: Rule(_of_matrix(solve)),
    Cholesky: Rule(_of_matrix(cholesky)),
    Cofactors: Rule(_of_matrix(cofactors)),
    HalvedTriangle: Rule(lambda walk, expression, args: triangle(args[0], 0.5)),
    sp.KroneckerProduct: Rule(_kronecker),
    sp.BlockMatrix: Rule(_blocks, lambda e: tuple(e.blocks.flat())),
}
