"""Second derivatives where a length is 0: the gradient there is a quotient 0/0 whose limit the chain rule does not see.

The gradient of f(r), r = |z|, is f'(r) z / r. If f(r) is smooth in z, f'(r) is r h(r), and so the gradient h(r) z: its
derivative at z = 0 is h(0), the derivative of f' at 0. Since the direction z / r counts as 0 there, the chain rule alone gives
0. What is said here of f(r) = root(r) holds for each entry of an array of lengths, whatever else the root depends on.

Where f' is not 0 at 0, as for r itself, there is no second derivative; f(r) - f'(0) r has one, and that is what comes.
"""

from __future__ import annotations

from symdiff.diff.forward import tangents
from symdiff.diff.table import derivative_of
from symdiff.graph.axes import insert_axes, reduced_axes, sum_to
from symdiff.graph.build import full, pointwise, select
from symdiff.graph.leaves import constant
from symdiff.graph.node import Node, topological


def pull_length(r: Node, i: int, g: Node) -> Node | None:
    """The cotangent of operand i of a length r with cotangent g, right to first order around r = 0 too."""
    (slope,) = tangents([g], {r: full(1.0, r.shape)}) if r in topological([g]) else (None,)
    ordinary = derivative_of(r).pull(r, i, g, 0)
    if slope is None or ordinary is None:
        return ordinary
    operand = r.args[i]
    ratio, length = pointwise("stop_gradient", slope), r
    if r.op == "reduce_norm":
        axes = reduced_axes(r)
        ratio, length = (insert_axes(x, axes, operand.shape) for x in (ratio, r))
    near = 0.5 * ratio if r.op == "sqrt" else sum_to(ratio * operand, operand.shape)
    return select(pointwise("eq", length, constant(0.0)), near, ordinary)
