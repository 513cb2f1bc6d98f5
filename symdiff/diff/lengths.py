"""Second derivatives where a length is 0: the gradient there is a quotient 0/0 whose limit the chain rule does not see.

The gradient of f(r), r = |z|, is f'(r) z / r. If f(r) is smooth in z, f'(r) is r h(r), and so the gradient h(r) z: its
derivative at z = 0 is h(0), the derivative of f' at 0. Since the direction z / r counts as 0 there, the chain rule alone gives
0. What is said here of f(r) = root(r) holds for each entry of an array of lengths, whatever else the root depends on.

Where f' is not 0 at 0, as for r itself, there is no second derivative; f(r) - f'(0) r has one, and that is what comes.
"""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.diff.forward import tangents
from symdiff.diff.rule import Parts
from symdiff.diff.table import derivative_of
from symdiff.graph.axes import insert_axes, reduced_axes, sum_to
from symdiff.graph.build import full, pointwise, select
from symdiff.graph.leaves import constant
from symdiff.graph.node import Node, topological


def vjp_of_length(r: Node, cotangents: Parts, wanted: Sequence[bool]) -> Parts:
    """The cotangents of the operands of a length r, right to first order around r = 0 too."""
    (g,) = cotangents
    ordinary = derivative_of(r).vjp(r, cotangents, wanted)
    if g is None or r not in topological([g]):
        return ordinary
    (slope,) = tangents([g], {r: full(1.0, r.shape)})
    if slope is None:
        return ordinary
    return [None if term is None else _near_zero(r, x, slope, term) for x, term in zip(r.args, ordinary, strict=True)]


def _near_zero(r: Node, operand: Node, slope: Node, ordinary: Node) -> Node:
    """The cotangent of an operand of r: the limit where r is 0, given that of f'(r) by r."""
    ratio, length = pointwise("stop_gradient", slope), r
    if r.op == "reduce_norm":
        axes = reduced_axes(r)
        ratio, length = (insert_axes(x, axes, operand.shape) for x in (ratio, r))
    near = 0.5 * ratio if r.op == "sqrt" else sum_to(ratio * operand, operand.shape)
    return select(pointwise("eq", length, constant(0.0)), near, ordinary)
