"""What holds of every graph between two passes, and what must hold of one that source is written of.

Each operation says here once more which shape and dtype follow from its operands: the constructors infer them when a node is
made, and a pass that hands them sizes that do not fit would otherwise give wrong numbers in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from symdiff.errors import InternalError, ShapeError
from symdiff.graph.body import bodies
from symdiff.graph.item import dims_of
from symdiff.graph.node import Node, Shape, topological
from symdiff.graph.ops import LEAVES, OPS, POINTWISE, PRODUCTS, REDUCTIONS
from symdiff.graph.several import RESULTS
from symdiff.graph.size import broadcast, spelled, total


def verify(order: Sequence[Node], unwritten: Collection[str] | None = None) -> None:
    """Raise `InternalError` where something does not hold of the nodes of a graph, operands first.

    Parameters
    ----------
    unwritten : of a graph that source is written of, the operations that have no source; else None.
    """
    known: set[Node] = set()
    for node in order:
        fault = _fault(node, known, unwritten)
        if fault is not None:
            raise InternalError(f"{node!r}: {fault}.")
        known.add(node)


def _fault(node: Node, known: Collection[Node], unwritten: Collection[str] | None) -> str | None:
    """What is wrong with one node."""
    if any(operand not in known for operand in node.args):
        return "an operand comes after it"
    if node.op != "result" and any(operand.dtype == "tuple" for operand in node.args):
        return "an operand has several results"
    for inner in bodies(node):
        verify(topological(inner.results), unwritten)
        if not set(inner.parameters) >= {x for x in topological(inner.results) if x.op in ("input", "bound")}:
            return "a body depends on more than its parameters"
    if unwritten is not None and node.op in unwritten:
        return "nothing says how it is written"
    if unwritten is not None and node.op == "contract" and len(node.args) > 2:
        return "it was to be split into products of two"
    try:
        shape, dtype = _inferred(node)
    except ShapeError as error:
        return str(error)
    if shape != node.shape:
        return f"its shape follows as {spelled(shape)}"
    return None if dtype == node.dtype else f"its dtype follows as {dtype}"


def _inferred(node: Node) -> tuple[Shape, str]:
    """Shape and dtype as they follow from operation, operands and attributes."""
    row = OPS[node.op]
    if row.arity is not None and len(node.args) != row.arity:
        raise ShapeError(f"it takes {row.arity} operands")
    if node.op in LEAVES:
        return _leaf(node)
    if node.op == "result":
        return _result(node)
    if node.op in RESULTS:
        return (), "tuple"
    shapes = [x.shape for x in node.args]
    if node.op in POINTWISE or node.op in PRODUCTS:
        return broadcast(shapes, node.op), row.dtype_of(node.args)
    return _SHAPES[node.op](node, *shapes), row.dtype_of(node.args)


def _leaf(node: Node) -> tuple[Shape, str]:
    match node.op:
        case "input" | "bound":
            _, shape, dtype = node.attributes
            return shape, dtype
        case "constant":
            return (), "bool" if isinstance(node.attributes[0], bool) else "float"
        case "arange":
            return (node.attributes[0],), "float"
    return (), "float"


def _result(node: Node) -> tuple[Shape, str]:
    (x,), (k,) = node.args, node.attributes
    outlines = RESULTS[x.op](x) if x.op in RESULTS else ()
    if not 0 <= k < len(outlines):
        raise ShapeError(f"its operand has {len(outlines)} results")
    return outlines[k]


def _reduction(node: Node, x: Shape) -> Shape:
    (axes,) = node.attributes
    return tuple(dim for axis, dim in enumerate(x) if axis - len(x) not in axes)


def _contract(node: Node, *shapes: Shape) -> Shape:
    axes, out, sizes = node.attributes
    for labels, shape in zip(axes, shapes, strict=True):
        if tuple(sizes[label] for label in labels) != shape:
            raise ShapeError(f"an operand of shape {spelled(shape)} is labelled {labels}")
    if any(x.dtype != "float" for x in node.args):
        raise ShapeError("an operand is no floating number")
    return tuple(sizes[label] for label in out)


def _index(node: Node, x: Shape) -> Shape:
    (items,) = node.attributes
    return (*x[: len(x) - len(items)], *(dim for item in items for dim in dims_of(item)))


def _place(node: Node, x: Shape) -> Shape:
    items, dims = node.attributes
    picked = tuple(dim for item in items for dim in dims_of(item))
    lead = len(x) - len(picked)
    if x[lead:] != picked:
        raise ShapeError(f"{spelled(picked)} are placed")
    return (*x[:lead], *dims)


def _concatenate(node: Node, *shapes: Shape) -> Shape:
    (axis,) = node.attributes
    place = len(shapes[0]) + axis
    if len({(*shape[:place], *shape[place + 1 :]) for shape in shapes}) > 1:
        raise ShapeError("the parts differ in other axes too")
    return (*shapes[0][:place], sum((shape[place] for shape in shapes), 0), *shapes[0][place + 1 :])


def _reshape(node: Node, x: Shape) -> Shape:
    before, after = node.attributes
    lead = len(x) - len(before)
    if x[lead:] != before or total(before) != total(after):
        raise ShapeError(f"{spelled(before)} are taken as {spelled(after)}")
    return (*x[:lead], *after)


def _take(node: Node, x: Shape, positions: Shape) -> Shape:
    place = len(x) + node.attributes[0]
    return (*x[:place], *positions, *x[place + 1 :])


def _scatter(node: Node, x: Shape, positions: Shape) -> Shape:
    axis, dim = node.attributes
    place = len(x) + axis + 1 - len(positions)
    if x[place : place + len(positions)] != positions:
        raise ShapeError("there are not as many entries as positions")
    return (*x[:place], dim, *x[place + len(positions) :])


def _solve(node: Node, a: Shape, b: Shape) -> Shape:
    if a[-1] != a[-2] or a[-1] != b[-2] or a[:-2] != b[:-2]:
        raise ShapeError("matrix and right side do not fit")
    return b


def _square(node: Node, x: Shape) -> Shape:
    if x[-1] != x[-2]:
        raise ShapeError("its operand is not square")
    return x


def _cofactors_tangent(node: Node, a: Shape, t: Shape) -> Shape:
    if t[len(t) - len(a) :] != _square(node, a):
        raise ShapeError("matrix and direction do not fit")
    return t


def _windows(node: Node, x: Shape) -> Shape:
    """Where windows are counted: their number follows from their size and step, when those are numbers."""
    spans = node.attributes[0]
    lead = len(x) - len(spans)
    for dim, count, (size, step) in zip(x[lead:], node.shape[lead:], spans, strict=True):
        room = dim - size
        if count != (room // step + 1 if isinstance(room, int) else room + 1):
            raise ShapeError(f"an axis of {dim} has not {count} windows of {size}")
    return (*x[:lead], *node.shape[lead:])


# operation -> its shape, of the node and the shapes of its operands
_SHAPES: dict[str, Callable[..., Shape]] = {
    **dict.fromkeys(REDUCTIONS, _reduction),
    "contract": _contract,
    "index": _index,
    "place": _place,
    "stack": lambda node, *shapes: (*broadcast(shapes, "stack"), *node.attributes[0]),
    "concatenate": _concatenate,
    "reshape": _reshape,
    "take": _take,
    "scatter": _scatter,
    "window_sum": _windows,
    "window_max": _windows,
    "spread_windows": lambda node, x: (*x[: len(x) - len(node.attributes[1])], *node.attributes[1]),
    "pick_first_max": lambda node, t, x, y: (*t[: len(t) - len(x)], *y),
    "place_first_max": lambda node, g, x, y: (*g[: len(g) - len(y)], *x),
    "one_hot": lambda node, positions: (*positions, node.attributes[0]),
    "flat_positions": lambda node, positions: positions,
    "solve": _solve,
    **dict.fromkeys(("contiguous", "cumsum", "triangle"), lambda node, x: x),
    **dict.fromkeys(("inverse", "cofactors", "cholesky"), _square),
    "cofactors_tangent": _cofactors_tangent,
    "cofactor_factors": lambda node, a: (*a[:-2], 3, *_square(node, a)[-2:]),
    **dict.fromkeys(("det", "logdet", "log_abs_det", "sign_det"), lambda node, x: _square(node, x)[:-2]),
}
