"""Count operations: an elementwise operation counts its entries, a contraction twice the product of its axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from symdiff.graph.contraction import Contraction
from symdiff.graph.node import Node, topological
from symdiff.graph.ops import LEAVES, LINALG, LINEAR, POINTWISE
from symdiff.graph.size import Dim, total


def operations(roots: Sequence[Node]) -> Dim:
    """The operations of everything the roots need, each shared part once, as a polynomial in the sizes."""
    times = Counter(operations_of(node) for node in topological(roots))  # few are distinct, and sums of sizes are slow
    count: Dim = 0
    for own, repeats in times.items():
        count = count + own * repeats
    return count


def operations_of(node: Node) -> Dim:
    """The operations of one node by itself."""
    if node.op in LEAVES:
        return 0
    if node.op in POINTWISE:
        return total(node.shape) * POINTWISE[node.op].cost
    if node.op == "contract":
        return _of_contraction(Contraction.of(node))
    if node.op in ("place", "scatter", "cumsum", "window_sum", "spread_windows"):
        return total(node.args[0].shape)
    if node.op in LINEAR:
        return 0
    if node.op in LINALG:
        return _of_linear_algebra(node)
    return total(node.args[0].shape)


def _of_linear_algebra(node: Node) -> Dim:
    """The leading terms for a matrix of order n: a factorisation n^3 (2/3 of it or less), then 2 n^2 a column, or n^2
    where the matrix is triangular.
    """
    n = node.args[0].shape[-1]
    batch = total(node.args[0].shape[:-2])
    match node.op:
        case "triangle":
            return total(node.shape)
        case "solve":
            columns = batch * n * n * node.shape[-1]
            return batch * n * n * n + 2 * columns if node.attributes[0] == "general" else columns
        case "inverse":
            return batch * n * n * n * (2 if node.attributes[0] == "general" else 1)
        case "cofactors":
            return 2 * batch * n * n * n
        case "cofactor_factors":  # where it takes singular values
            return 20 * batch * n * n * n
    return batch * n * n * n


def _of_contraction(work: Contraction) -> Dim:
    """Labels that only one operand has are summed before the product; of Z^T Z only one half is computed (SYRK)."""
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
