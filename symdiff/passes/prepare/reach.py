"""How the entries that are needed of a result reach back to those that are needed of its operands.

An entry of an operand is needed where it contributes to an entry of the result that is. Conditions broadcast to the array
they are about, so they go along with its axes: they are turned where the axes are, and hold where they hold anywhere along
an axis that the operand lacks.
"""

from __future__ import annotations

from collections.abc import Callable

from symdiff.graph.axes import arrange, reduced_axes
from symdiff.graph.bounds import nonnegative
from symdiff.graph.build import broadcast_to, cast, pointwise
from symdiff.graph.counted import holds_somewhere
from symdiff.graph.leaves import constant, size
from symdiff.graph.node import Node, Shape
from symdiff.graph.ops import COMPARISONS, LINALG, OPS, POINTWISE, REDUCTIONS
from symdiff.graph.size import Dim
from symdiff.passes.prepare.needs import Need, Needs, Question, conditions

Transpose = Callable[[Node, int, Node], Node]
Axes = tuple[int, ...]  # a label for each axis: axes of one label, of a result and an operand, are the same
_NEW = 1000  # labels from here on are of axes that the other side lacks
_MOST = 8  # conditions of a need that go along one by one; more go as one


class Reach:
    """Carries needs from results to operands.

    Parameters
    ----------
    transpose : (linear node, position of an operand, array of the node's shape) -> the transpose of the map, applied to it.
    samples : the size of the sample axis: looking along it takes a pass over the data.
    """

    def __init__(self, needs: Needs, transpose: Transpose, samples: Dim | None) -> None:
        self._needs, self._transpose, self._samples = needs, transpose, samples

    def operand(self, node: Node, position: int, need: Need) -> Need:
        """Where the operand at `position` is needed, if the result is needed where `need` says."""
        x = node.args[position]
        if node.op == "select" and position > 0:
            branches = (need, False) if position == 1 else (False, need)
            need = self._needs.where(node.args[0], *branches)
        if need is True and not x.shape and x.dtype == "float" and x.op != "contract":
            need = self._if_any(node)
        if isinstance(need, bool) or x.dtype == "int" or OPS[node.op].positions == position:
            return need is not False
        if node.op in _OWN_AXES:
            return self._of_linear(node, position, need)
        result, own = _labels(node, position)
        return self._moved(need, result, own)

    def _if_any(self, node: Node) -> Need:
        """Where a single number is needed that goes into every entry of a result, or of a sum: if there are any."""
        dims = [*node.shape] if node.op in POINTWISE else []
        for part in (node, *node.args) if OPS[node.op].multilinear else ():
            dims += part.attributes[2] if part.op == "contract" else ()
        need: Need = True
        for dim in dims:
            if not nonnegative(dim - 1):
                need = self._needs.where(pointwise("lt", constant(0.0), size(dim)), need)
        return need

    def _of_linear(self, node: Node, position: int, need: Question) -> Need:
        """Of a linear map of the last axes: what its transpose takes to something that is needed."""
        last, its = _OWN_AXES[node.op](node)
        if all(dim == 1 for dim in need.shape[max(len(need.shape) - last, 0) :]):
            lead = range(node.ndim - last)
            labels = _aligned(node.args[position].shape, (*node.shape[: len(lead)], *[1] * its))
            return self._moved(need, (*lead, *range(_NEW, _NEW + last)), labels)
        if node.op == "place":  # its transpose picks entries, of a condition too
            return self._needs.renamed(need, lambda part: self._picked(node, part))
        wanted = broadcast_to(cast(self._needs.mask(need)), node.shape)
        return self._needs.where(pointwise("lt", constant(0.0), self._transpose(node, position, wanted)))

    def _picked(self, placed: Node, condition: Node) -> Node:
        """A condition for each entry of what `placed` puts among zeros; a comparison as one of what it compares."""
        last = len(placed.attributes[1])

        def picked(x: Node) -> Node:
            x = cast(x)
            lead = x.shape[: max(x.ndim - last, 0)]
            return self._transpose(placed, 0, broadcast_to(x, (*lead, *placed.shape[-last:]))) if x.shape else x

        if condition.op in COMPARISONS:
            return pointwise(condition.op, *map(picked, condition.args))
        return pointwise("lt", constant(0.0), picked(condition))

    def _moved(self, need: Need, result: Axes, own: Axes) -> Need:
        """A need of an array whose axes are labelled `result`, as one of an operand whose axes are labelled `own`."""
        if isinstance(need, bool) or _stays(need.shape, result, own):
            return need
        if _is_view(need.shape, result, own) and need.count <= _MOST:
            return self._needs.renamed(
                need, lambda part: self._arranged(part, part not in self._needs.gathered, result, own)
            )
        for condition in conditions(need) if need.count <= _MOST else ():
            if _is_view(condition.shape, result, own):  # which need not be looked at along the lost axes
                yes, no = (
                    self._moved(self._needs.given(need, condition, holds), result, own) for holds in (True, False)
                )
                return self._needs.where(
                    self._arranged(condition, condition not in self._needs.gathered, result, own), yes, no
                )
        return self._needs.where(self._arranged(self._needs.mask(need), need.local, result, own))

    def _arranged(self, condition: Node, local: bool, result: Axes, own: Axes) -> Node:
        """A condition that holds where it holds anywhere along the axes the operand lacks."""
        labels = _along(condition.shape, result)
        first = next((place for place, label in enumerate(own) if label in labels), len(own))
        out = own[first:]
        if (known := _on_indices(condition, labels, out)) is not None:
            return known
        sizes = dict.fromkeys(out, 1) | dict(zip(labels, condition.shape, strict=True))
        found = arrange(condition, labels, out, sizes)
        lost = [dim for label, dim in zip(labels, condition.shape, strict=True) if label not in out]
        if not local or (self._samples in lost and self._samples not in found.shape):
            self._needs.gathered.add(found)
        return found


def _on_indices(condition: Node, labels: Axes, out: Axes) -> Node | None:
    """Where a condition on indices holds anywhere along axes that are lost; None where none is, or it is no such condition."""
    lost = {label for label in labels if label >= 0 and label not in out}
    alone = len(set(labels)) == len(labels) and all(out.count(label) == 1 for label in labels if label in out)
    return holds_somewhere(condition, labels, out) if lost and alone else None


def _labels(node: Node, position: int) -> tuple[Axes, Axes]:
    """Labels of the axes of a node, and of an operand's."""
    x = node.args[position]
    axes = tuple(range(node.ndim))
    if node.op in POINTWISE:
        return axes, _aligned(x.shape, node.shape)
    if node.op == "contract":
        labels, out, _ = node.attributes
        return out, labels[position]
    if node.op in REDUCTIONS:
        over = reduced_axes(node)
        return tuple(axis for axis in range(x.ndim) if axis not in over), tuple(range(x.ndim))
    if node.op == "solve" and position == 1:  # a column of the right side gives one of the result
        return axes, (*axes[:-2], _NEW, axes[-1])
    if node.op in LINALG:
        batch = tuple(range(x.ndim - 2))
        return (*batch, *range(_NEW, _NEW + node.ndim - len(batch))), (*batch, _NEW + 2, _NEW + 3)
    if node.op == "window_max":
        lead = tuple(range(node.ndim - len(node.attributes[0])))
        windows = range(_NEW, _NEW + len(node.attributes[0]))
        return (*lead, *windows), (*lead, *(label + len(windows) for label in windows))
    return axes, tuple(range(_NEW, _NEW + x.ndim))


# Linear maps of the last axes: how many axes of the result, and of an operand, they are about.
_OWN_AXES: dict[str, Callable[[Node], tuple[int, int]]] = {
    "index": lambda node: _rest(node, node.args[0].ndim - len(node.attributes[0])),
    "place": lambda node: _rest(node, node.ndim - len(node.attributes[1])),
    "reshape": lambda node: (len(node.attributes[1]), len(node.attributes[0])),
    "contiguous": lambda node: (0, 0),
    "stack": lambda node: (len(node.attributes[0]), 0),
    "concatenate": lambda node: (-node.attributes[0], -node.attributes[0]),
    "take": lambda node: _rest(node, node.args[0].ndim + node.attributes[0]),
    "cumsum": lambda node: (-node.attributes[0], -node.attributes[0]),
    "window_sum": lambda node: _rest(node, node.ndim - len(node.attributes[0])),
    "spread_windows": lambda node: _rest(node, node.ndim - len(node.attributes[1])),
}


def _rest(node: Node, lead: int) -> tuple[int, int]:
    return node.ndim - lead, node.args[0].ndim - lead


def _aligned(shape: Shape, result: Shape) -> Axes:
    """Labels of an operand that broadcasts to `result`, whose axes are labelled 0, 1, ..."""
    offset = len(result) - len(shape)
    return tuple(offset + axis if dim == result[offset + axis] else _NEW + axis for axis, dim in enumerate(shape))


def _along(shape: Shape, result: Axes) -> Axes:
    """The labels of the axes of a condition of a shape; those of size 1 have labels of their own."""
    labels = result[len(result) - len(shape) :]
    return tuple(label if dim != 1 else -1 - axis for axis, (label, dim) in enumerate(zip(labels, shape, strict=True)))


def _stays(shape: Shape, result: Axes, own: Axes) -> bool:
    """Whether conditions of a shape broadcast to the operand as they do to the result."""
    if len(shape) > len(own):
        return False
    labels, there = _along(shape, result), own[len(own) - len(shape) :]
    return all(i < 0 or (i == other and own.count(i) == 1) for i, other in zip(labels, there, strict=True))


def _is_view(shape: Shape, result: Axes, own: Axes) -> bool:
    """Whether conditions of a shape vary along axes alone that the operand has too."""
    labels = [label for label in _along(shape, result) if label >= 0]
    return len(set(labels)) == len(labels) and all(own.count(label) == 1 for label in labels)
