"""The same graph for many inputs at once: leading axes added to some inputs and to all that depends on them.

Attributes count axes from the end, so most operations stay as they are. The others are those whose operands meet axis by axis:
there an operand without leading axes is repeated along them, or axes of size 1 come between them and its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from symdiff.errors import InternalError
from symdiff.graph import axes
from symdiff.graph.body import bodies
from symdiff.graph.build import broadcast_to, contract, pointwise
from symdiff.graph.node import Node, Shape, rewrite
from symdiff.graph.ops import POINTWISE, PRODUCTS
from symdiff.graph.rebuild import rebuild
from symdiff.graph.size import total

Which = Sequence[bool]  # the operands that have the leading axes
Rule = Callable[[Node, Sequence[Node], Which, Shape], Node]


def lift(roots: Sequence[Node], inputs: Mapping[Node, Node], front: Shape) -> list[Node]:
    """The roots as functions of many inputs at once.

    Parameters
    ----------
    inputs : node -> what stands in its place, of shape ``front + node.shape``.
    front : the sizes of the leading axes.

    Returns
    -------
    for each root a node of shape ``front + root.shape``: for each entry of the inputs along the leading axes, the root of that.
    What depends on none of the inputs is computed once; a root that does not is repeated.
    """
    lifted = {*inputs}

    def change(node: Node, args: tuple[Node, ...]) -> Node:
        which = [operand in lifted for operand in node.args]
        if not any(which):
            return rebuild(node, args)
        lifted.add(node)
        rule = _elementwise if node.op in POINTWISE else _RULES.get(node.op, _repeated)
        return rule(node, args, which, front)

    found = rewrite(roots, change, dict(inputs))
    return [x if root in lifted else _with_front(x, front) for root, x in zip(roots, found, strict=True)]


def _with_front(x: Node, front: Shape) -> Node:
    """x repeated along leading axes."""
    shape = (*front, *x.shape)
    if x.dtype != "bool":
        return broadcast_to(x, shape)
    return axes.arrange(x, range(len(front), len(shape)), range(len(shape)), dict(enumerate(shape)))


def _all_with_front(args: Sequence[Node], which: Which, front: Shape) -> list[Node]:
    return [x if has else _with_front(x, front) for x, has in zip(args, which, strict=True)]


def _broadcasting(args: Sequence[Node], which: Which, front: Shape, ndim: int) -> list[Node]:
    """Operands whose own axes broadcast to the last `ndim`, and whose leading axes stand before those."""
    return [_with_axes_between(x, len(front), ndim) if has else x for x, has in zip(args, which, strict=True)]


def _with_axes_between(x: Node, lead: int, ndim: int) -> Node:
    missing = lead + ndim - x.ndim
    if not missing:
        return x
    if x.dtype == "int":
        return axes.reshape(x, x.shape, (*x.shape[:lead], *(1,) * missing, *x.shape[lead:]))
    new = range(x.ndim, x.ndim + missing)
    sizes = dict(enumerate(x.shape)) | dict.fromkeys(new, 1)
    return axes.arrange(x, range(x.ndim), [*range(lead), *new, *range(lead, x.ndim)], sizes)


def _moved(x: Node, start: int, count: int, to: int) -> Node:
    """The `count` axes from `start` on put before what is then the axis `to` of the others."""
    others = [axis for axis in range(x.ndim) if not start <= axis < start + count]
    return axes.transpose(x, [*others[:to], *range(start, start + count), *others[to:]])


# One rule for each way in which operands meet


def _elementwise(node: Node, args: Sequence[Node], which: Which, front: Shape) -> Node:
    return pointwise(node.op, *_broadcasting(args, which, front, node.ndim))


def _repeated(node: Node, args: Sequence[Node], which: Which, front: Shape) -> Node:
    """Axes other than its own are a batch to the operation: all operands have the same."""
    if bodies(node):
        raise InternalError(f"nothing says how {node.op} has leading axes.")
    return rebuild(node, _all_with_front(args, which, front))


def _by_broadcasting(node: Node, args: Sequence[Node], which: Which, front: Shape) -> Node:
    return axes.structural(node.op, _broadcasting(args, which, front, node.ndim), *node.attributes)


def _stack(node: Node, args: Sequence[Node], which: Which, front: Shape) -> Node:
    (shape,) = node.attributes
    return axes.stack(_broadcasting(args, which, front, node.ndim - len(shape)), shape)


def _contract(node: Node, args: Sequence[Node], which: Which, front: Shape) -> Node:
    labels, out, sizes = node.attributes
    leading = tuple(range(len(sizes), len(sizes) + len(front)))
    own = [(*leading, *axes) if has else axes for axes, has in zip(labels, which, strict=True)]
    return contract(args, own, (*leading, *out), dict(enumerate((*sizes, *front))))


def _solve(node: Node, args: Sequence[Node], which: Which, front: Shape) -> Node:
    """Right sides of one matrix are columns; matrices of one right side meet it by broadcasting."""
    return rebuild(node, args)


def _in_direction(node: Node, args: Sequence[Node], which: Which, front: Shape) -> Node:
    """A direction may have axes in front of those of the other operands: those come before the leading axes, then after."""
    direction, beside = _DIRECTIONS[node.op]
    if not any(has for place, has in enumerate(which) if place != direction):
        return rebuild(node, args)
    args = _all_with_front(args, which, front)
    extra, lead = node.args[direction].ndim - node.args[beside].ndim, len(front)
    args[direction] = _moved(args[direction], lead, extra, 0)
    return _moved(rebuild(node, args), extra, lead, 0)


_DIRECTIONS = {"cofactors_tangent": (1, 0), "pick_first_max": (0, 1), "place_first_max": (0, 2)}
"""Operation -> the operand that is a direction, and one whose axes are the last of it."""


def _take(node: Node, args: Sequence[Node], which: Which, front: Shape) -> Node:
    (x, positions), (axis,) = args, node.attributes
    before, lead = node.args[0].ndim + axis, len(front)
    if not which[1]:
        return axes.take(x, positions, axis)
    if not which[0]:
        return _moved(axes.take(x, positions, axis), before, lead, 0)
    dim = x.shape[axis]
    beside = _moved(
        x, lead + before, 1, lead
    )  # leading axes, the one that is picked from, those before it, those after it
    rows = axes.reshape(beside, beside.shape, (total((*front, dim)), *beside.shape[lead + 1 :]))
    found = axes.take(rows, axes.flat_positions(positions, lead, positions.ndim - lead, dim), -rows.ndim)
    return _moved(found, lead, positions.ndim - lead, lead + before)


def _scatter(node: Node, args: Sequence[Node], which: Which, front: Shape) -> Node:
    (x, positions), (axis, dim) = args, node.attributes
    if not which[1]:
        return axes.scatter(x, positions, axis, dim)
    x, own, lead = x if which[0] else _with_front(x, front), positions.ndim - len(front), len(front)
    before = node.ndim + axis
    beside = _moved(
        x, lead + before, own, lead
    )  # leading axes, those of the positions, those before them, those after them
    flat = axes.flat_positions(positions, lead, own, dim)
    found = axes.scatter(beside, flat, positions.ndim - beside.ndim - 1, total((*front, dim)))
    rows = axes.reshape(found, found.shape, (*front, dim, *found.shape[1:]))
    return _moved(rows, lead, 1, lead + before)


_RULES: dict[str, Rule] = {
    "contract": _contract,
    "stack": _stack,
    "solve": _solve,
    "take": _take,
    "scatter": _scatter,
    **dict.fromkeys(PRODUCTS, _by_broadcasting),
    **dict.fromkeys(_DIRECTIONS, _in_direction),
}
"""Of operations on whole axes, those whose operands are not just repeated: what they do with leading axes."""
