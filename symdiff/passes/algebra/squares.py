"""X^T diag(v) X as Z^T Z with Z = sqrt(v) X, where v is not negative: BLAS has half the work (SYRK), and X is read once less.

Example: the Hessian of a logistic regression, in which v = p (1 - p). That v >= 0 is taken from its form alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.graph.build import contract, pointwise
from symdiff.graph.contraction import Contraction
from symdiff.graph.leaves import number
from symdiff.graph.node import Node, rewrite, topological, users
from symdiff.graph.ops import OPS
from symdiff.graph.rebuild import rebuild


def squares(roots: Sequence[Node]) -> list[Node]:
    """Replace every such product whose scaled X nothing else needs."""
    order = topological(roots)
    count = users(order)
    for root in roots:
        count[root] = count.get(root, 0) + 1
    known: dict[Node, bool] = {}
    for node in order:
        known[node] = _is_positive(node, known)
    chosen: dict[Node, Node] = {}
    for node in order:
        if node.op == "contract" and len(node.args) == 2 and node.args[0] is not node.args[1]:
            for place, (scaled, other) in enumerate((node.args, node.args[::-1])):
                square = _square(node, place, scaled, other, known) if count[scaled] == 1 else None
                if square is not None:
                    chosen[node] = square
    return rewrite(roots, lambda node, args: rebuild(node, args), dict(chosen)) if chosen else list(roots)


def _square(node: Node, place: int, scaled: Node, x: Node, known: dict[Node, bool]) -> Node | None:
    """The contraction of v x with x, as one of sqrt(v) x with itself."""
    if scaled.op != "contract" or len(scaled.args) != 2 or x not in scaled.args or Contraction.of(scaled).summed():
        return None
    work, inner = Contraction.of(node), Contraction.of(scaled)
    (_, own), (v, weights) = inner.operands if scaled.args[0] is x else inner.operands[::-1]
    over = {i for i in weights if inner.sizes[i] != 1}
    if own != inner.out or not known[v] or not over < set(own):
        return None
    mine, its = work.operands[place][1], work.operands[1 - place][1]
    summed = {i for i in mine if i in its and i not in work.out}
    free = [(i, j) for i, j in zip(mine, its, strict=True) if i != j]
    if len(free) != 1 or not set(free[0]) <= set(work.out) or {mine[own.index(i)] for i in over} - summed:
        return None
    root = contract([x, pointwise("sqrt", v)], [own, weights], inner.out, inner.sizes)
    return contract([root, root], [mine, its], work.out, work.sizes)


def _is_positive(node: Node, known: dict[Node, bool]) -> bool:
    """Whether no entry can be negative, by the form of the node."""
    value = number(node)
    if value is not None:
        return value >= 0
    if node.op == "size":
        return bool(node.attributes[1:])  # the length of an axis
    if OPS[node.op].multilinear and len(node.args) == 2 and node.args[0] is node.args[1]:
        return node.op == "mul" or Contraction.of(node).operands[0][1] == Contraction.of(node).operands[1][1]
    if node.op == "pow":
        exponent = number(node.args[1])
        return known[node.args[0]] or (exponent is not None and exponent % 2 == 0)
    follows = OPS[node.op].nonnegative
    return follows is not None and all(known[x] for x in follows.of(node.args))
