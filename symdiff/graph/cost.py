"""How many operations a node counts for, where that is not a number for each entry of the result: for `Op.cost`."""

from __future__ import annotations

from collections.abc import Callable

from symdiff.graph.contraction import Contraction
from symdiff.graph.node import Node
from symdiff.graph.size import Dim, total


def of_operand(node: Node) -> Dim:
    """One for each entry of the first operand."""
    return total(node.args[0].shape)


def of_matrix(factor: int) -> Callable[[Node], Dim]:
    """So many times n^3 for each matrix of order n: once for a factorisation, though it takes 2/3 of that or less."""

    def cost(node: Node) -> Dim:
        n = node.args[0].shape[-1]
        return factor * total(node.args[0].shape[:-2]) * n * n * n

    return cost


def of_solve(node: Node) -> Dim:
    """A factorisation, and 2 n^2 for each column; n^2 for each, if the matrix is triangular."""
    n = node.args[0].shape[-1]
    batch = total(node.args[0].shape[:-2])
    columns = batch * n * n * node.shape[-1]
    return batch * n * n * n + 2 * columns if node.attributes[0] == "general" else columns


def of_inverse(node: Node) -> Dim:
    """Half as much where the matrix is triangular."""
    return of_matrix(2 if node.attributes[0] == "general" else 1)(node)


def of_contraction(node: Node) -> Dim:
    """Twice the product of its sizes, for a product that is summed.

    Labels that only one operand has are summed before the product; of Z^T Z only one half is computed (SYRK).
    """
    work = Contraction.of(node)
    count: Dim = 0
    left = []
    for i, (operand, labels) in enumerate(work.operands):
        others = {label for j, (_, axes) in enumerate(work.operands) if j != i for label in axes}
        kept = {label for label in labels if label in others or label in work.out}
        if any(work.sizes[label] != 1 for label in labels if label not in kept):
            count = count + total(operand.shape)
        left.append(kept)
    if len(left) < 2:
        return count
    together = set().union(*left)
    product = total([work.sizes[label] for label in sorted(together)])
    summed = any(work.sizes[label] != 1 for label in together - set(work.out))
    return count + product * (2 if summed and not _is_square(work) else 1)


def _is_square(work: Contraction) -> bool:
    """Whether a product is Z Z^T or Z^T Z."""
    if len(work.operands) != 2 or work.operands[0][0] is not work.operands[1][0]:
        return False
    (_, one), (_, other) = work.operands
    return set(one) != set(other) and len(one) == 2
