"""The same operation on other operands, through its constructor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symdiff.graph import axes, linalg, windows
from symdiff.graph.build import contract, pointwise
from symdiff.graph.node import Node
from symdiff.graph.ops import POINTWISE, REDUCTIONS
from symdiff.graph.several import of_several, result

# op -> constructor of (operands, *attributes)
_CONSTRUCTORS: dict[str, Callable[..., Node]] = {
    "contract": lambda args, labels, out, sizes: contract(args, labels, out, dict(enumerate(sizes))),
    "index": lambda args, items: axes.index(args[0], items),
    "place": lambda args, items, dims: axes.place(args[0], items, dims),
    "stack": axes.stack,
    "concatenate": axes.concatenate,
    "reshape": lambda args, before, after: axes.reshape(args[0], before, after),
    "contiguous": lambda args: axes.contiguous(args[0]),
    "take": lambda args, axis: axes.take(args[0], args[1], axis),
    "scatter": lambda args, axis, dim: axes.scatter(args[0], args[1], axis, dim),
    "cumsum": lambda args, axis, backwards: axes.cumulative_sum(args[0], axis, backwards),
    "prod_others": lambda args, over: axes.structural("prod_others", args, over),
    "prod_others_tangent": lambda args, over: axes.structural("prod_others_tangent", args, over),
    "one_hot": lambda args, dim: axes.one_hot(args[0], dim),
    "flat_positions": lambda args, rows, own, dim: axes.flat_positions(args[0], rows, own, dim),
    "window_sum": lambda args, spans: windows.window_sum(args[0], spans),
    "spread_windows": lambda args, spans, dims: windows.spread_windows(args[0], spans, dims),
    "window_max": lambda args, spans: windows.window_max(args[0], spans),
    "pick_first_max": lambda args, spans: windows.pick_first_max(args[0], args[1], args[2], spans),
    "place_first_max": lambda args, spans: windows.place_first_max(args[0], args[1], args[2], spans),
    "solve": lambda args, structure: linalg.solve(*args),
    "inverse": lambda args, structure, regular: linalg.inverse(*args),
    "det": lambda args: linalg.det(*args),
    "logdet": lambda args: linalg.logdet(*args),
    "cofactors": lambda args: linalg.cofactors(*args),
    "cofactors_tangent": lambda args: linalg.cofactors_tangent(*args),
    "cofactor_factors": lambda args: linalg.cofactor_factors(*args),
    "log_abs_det": lambda args: linalg.log_abs_det(*args),
    "sign_det": lambda args: linalg.sign_det(*args),
    "cholesky": lambda args, symmetric: linalg.cholesky(*args),
    "triangle": lambda args, on_diagonal: linalg.triangle(args[0], on_diagonal),
    "result": lambda args, k: result(args[0], k),
}


def rebuild(node: Node, args: Sequence[Node]) -> Node:
    """`node` with `args` in place of its operands; the node itself where they are the same."""
    if all(new is old for new, old in zip(args, node.args, strict=True)):
        return node
    if node.op in POINTWISE:
        return pointwise(node.op, *args)
    if node.op in REDUCTIONS:
        return axes.reduce(node.op, args[0], node.attributes[0])
    if node.dtype == "tuple":
        return of_several(node.op, args, *node.attributes)
    return _CONSTRUCTORS[node.op](args, *node.attributes)
