"""With ``math="fast"``: sin and cos of one array together, by the tangent of half the angle.

With t = tan(x/2) they are 2t / (1 + t**2) and 2 / (1 + t**2) - 1. NumPy's sin and cos of doubles cost five times its tan; of
single precision all three cost the same, and this is neither gain nor loss. The sine keeps its digits; the cosine is off by a
few units of rounding of 1, so near its zeros it loses relative accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.graph.build import pointwise
from symdiff.graph.node import Node, rewrite, topological
from symdiff.graph.rebuild import rebuild


def fast_math(roots: Sequence[Node]) -> list[Node]:
    """The roots, with sin and cos of the same array by one tangent."""
    order = topological(roots)
    sines, cosines = ({node.args[0] for node in order if node.op == op and node.shape} for op in ("sin", "cos"))
    pairs = sines & cosines

    def change(node: Node, args: tuple[Node, ...]) -> Node:
        if node.op not in ("sin", "cos") or node.args[0] not in pairs:
            return rebuild(node, args)
        half = pointwise("tan", _half(args[0]))
        share = 2 / (1 + half**2)
        return share - 1 if node.op == "cos" else half * share

    return rewrite(roots, change) if pairs else list(roots)


def _half(x: Node) -> Node:
    """x / 2; of the scalars of s t + r, which are fewer."""
    if x.op == "add" and any(not part.shape for part in x.args):
        return 0.5 * x.args[0] + 0.5 * x.args[1]
    return 0.5 * x
