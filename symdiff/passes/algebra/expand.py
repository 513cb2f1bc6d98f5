"""Write operations that were kept whole in elementary ones that neither overflow nor warn.

sigmoid and softplus of z and of -z share exp(-|z|), which is at most 1; logsumexp and softmax share exp(x - max x).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symdiff.graph.axes import index, insert_axes, reduce, reduced_axes, sum_axes
from symdiff.graph.build import contract, pointwise, select
from symdiff.graph.leaves import constant, number
from symdiff.graph.linalg import cofactor_factors
from symdiff.graph.node import Node, rewrite, topological
from symdiff.graph.rebuild import rebuild
from symdiff.graph.softmax import softmax_of
from symdiff.graph.special import SPECIAL
from symdiff.passes.algebra.densities import beta_density, gamma_density
from symdiff.passes.algebra.elementary import FORMULAS


def expand(roots: Sequence[Node]) -> list[Node]:
    """Replace every operation that has a formula here."""

    # A softmax holds a logsumexp, which must still be whole when the softmax is recognised.
    def recognise(node: Node, args: tuple[Node, ...]) -> Node:
        node = rebuild(node, args)
        return _softmax(node) or node

    def write_out(node: Node, args: tuple[Node, ...]) -> Node:
        node = rebuild(node, args)
        return _FORMULAS[node.op](node, *node.args) if node.op in _FORMULAS else node

    operations = {node.op for node in topological(roots)}
    if "reduce_logsumexp" in operations:
        roots = rewrite(roots, recognise)
    if operations.isdisjoint(_FORMULAS):
        return list(roots)
    tails = {_unsigned(node.args[0]) for node in topological(roots) if node.op == "erfc"}

    def share_bells(node: Node, args: tuple[Node, ...]) -> Node:
        """exp(-x**2) as it is computed for erfc(x) anyway."""
        new = rebuild(node, args)
        inside = _squared(new)
        return pointwise("bell", inside) if inside is not None and _squared(node) in tails else new

    return rewrite(rewrite(roots, share_bells) if tails else roots, write_out)


def _unsigned(x: Node) -> Node:
    return x.args[0] if x.op == "neg" else x


def _squared(node: Node) -> Node | None:
    """The x of exp(-x**2)."""
    if node.op != "exp" or node.args[0].op != "neg":
        return None
    square = node.args[0].args[0]
    return square.args[0] if square.op == "pow" and number(square.args[1]) == 2 else None


def _decay(x: Node) -> Node:
    """exp(-|x|): at most 1 for either sign."""
    core = x.args[0] if x.op == "neg" else x
    return pointwise("exp", -pointwise("abs", core))


def _sigmoid(node: Node, x: Node) -> Node:
    decay = _decay(x)
    rises = pointwise("le", x.args[0], constant(0.0)) if x.op == "neg" else pointwise("le", constant(0.0), x)
    return select(rises, constant(1.0), decay) / (1 + decay)


def _softplus(node: Node, x: Node) -> Node:
    log = pointwise("log1p", _decay(x))
    if x.op == "neg":
        return log - pointwise("minimum", x.args[0], constant(0.0))
    return log + pointwise("maximum", x, constant(0.0))


def _shifted_exponentials(x: Node, axes: tuple[int, ...]) -> tuple[Node, Node]:
    """The finite maximum over `axes`, and exp(x - maximum)."""
    top = reduce("reduce_max", x, axes)
    finite = pointwise("lt", pointwise("abs", top), constant(float("inf")))
    top = select(finite, top, constant(0.0))
    return top, pointwise("exp", x - insert_axes(top, axes, x.shape))


def _logsumexp(node: Node, x: Node) -> Node:
    axes = reduced_axes(node)
    top, exponentials = _shifted_exponentials(x, axes)
    return top + pointwise("log", sum_axes(exponentials, axes))


def _softmax(node: Node) -> Node | None:
    """exp(x - logsumexp(x)) as exponentials over their sum."""
    found = softmax_of(node)
    if found is None:
        return None
    x, axes = found
    _, exponentials = _shifted_exponentials(x, axes)
    return exponentials / insert_axes(sum_axes(exponentials, axes), axes, x.shape)


def _cofactors_tangent(node: Node, a: Node, t: Node) -> Node:
    """U diag(P d) V^T - U (P o M^T) V^T, where M = U^T T V and d is its diagonal, as sums of products."""
    whole = (0, a.shape[-1], 1)
    u, v, p = (index(cofactor_factors(a), [k, whole, whole]) for k in range(3))
    front = list(range(t.ndim - 2))
    batch = front[t.ndim - a.ndim :]
    row, column, i, j, c, d = range(t.ndim, t.ndim + 6)
    sizes = dict(enumerate(t.shape)) | dict.fromkeys((row, column, i, j, c, d), a.shape[-1])

    def term(*pairs: tuple[int, int]) -> Node:
        axes = [[*batch, *pair] for pair in pairs]
        return contract([u, v, u, v, p, t], [*axes, [*batch, i, j], [*front, c, d]], [*front, row, column], sizes)

    return term((row, i), (column, i), (c, j), (d, j)) - term((row, i), (column, j), (c, j), (d, i))


_FORMULAS: dict[str, Callable[..., Node]] = {
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "reduce_logsumexp": _logsumexp,
    "weighted": lambda node, a, x: a * select(pointwise("ne", a, constant(0.0)), x, constant(0.0)),
    "erfc": lambda node, x: pointwise("erfc_of", x, pointwise("bell", _unsigned(x))),
    "beta_density": beta_density,
    "gamma_density": gamma_density,
    "cofactors_tangent": _cofactors_tangent,
    **FORMULAS,
}
WHOLE = frozenset(_FORMULAS) - frozenset(SPECIAL)  # operations that are always written out, and have no source
