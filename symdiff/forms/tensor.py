"""From the graph back to tensors: the closed forms of a model that declares any.

A contraction is an Einstein sum, or `@`, a sum, a transpose where it is one. Windows have no form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp

from symdiff import functions as sd
from symdiff.errors import UnsupportedError
from symdiff.forms.closed_form import FUNCTIONS, ClosedForm, number
from symdiff.functions import elementwise as own
from symdiff.functions.tensor import MOST_OPERANDS, Tensor, TensorExpr, elementwise, is_tensor
from symdiff.graph.axes import reduced_axes
from symdiff.graph.contraction import Contraction, is_repetition, letters, unrepeated_shape
from symdiff.graph.item import Item, Window
from symdiff.graph.node import Node, topological
from symdiff.graph.ops import POINTWISE, REDUCTIONS
from symdiff.graph.program import Declarations
from symdiff.graph.size import Dim, broadcast
from symdiff.graph.softmax import log_softmax_of, softmax_of

Labels = tuple[int, ...]


def tensor_forms(
    roots: Sequence[Node], declarations: Declarations, named: Mapping[Node, str] | None = None
) -> list[Any]:
    """The expression of each root, a tensor, a scalar, or a `NoForm`; nodes in `named` stand under those names elsewhere."""
    writer = TensorForm(declarations, named or {})
    for node in topological(roots):
        writer.convert(node)
    return [writer.own[root] for root in roots]


class TensorForm(ClosedForm):
    """Converts nodes, operands first.

    Attributes
    ----------
    bare : a repetition -> what broadcasts to it.
    """

    def __init__(self, declarations: Declarations, named: Mapping[Node, str]) -> None:
        super().__init__(declarations, named)
        self.bare: dict[Node, Any] = {}

    def name(self, node: Node, name: str) -> Any:
        """A tensor, or a scalar, of that name."""
        return Tensor(name, self._shape(node.shape)) if node.shape else sp.Symbol(name)

    def _shape(self, dims: Sequence[Dim]) -> tuple[Any, ...]:
        return tuple(self.size(dim) for dim in dims)

    def _expression(self, node: Node) -> Any:
        if node.op == "input":
            return self.symbols[node]
        if node.op == "constant":
            return number(node.attributes[0])
        if node.op == "size":
            return self.size(node.attributes[0])
        if node.op in POINTWISE:
            return self._pointwise(node)
        if node.op in REDUCTIONS and hasattr(sd, name := node.op.removeprefix("reduce_")):
            (x,), axes = node.args, reduced_axes(node)
            return getattr(sd, name)(self.used[x], axis=None if len(axes) == x.ndim else axes)
        method = getattr(self, f"_{node.op}", None)
        if any(self.used[operand] is None for operand in node.args):
            raise UnsupportedError(
                "The number of an entry, as in a triangle of a matrix, has no closed form in tensors."
            )
        if method is None:
            raise UnsupportedError(f"{node.op} has no closed form in tensors.")
        return method(node, [self.written(operand) for operand in node.args])

    def _pointwise(self, node: Node) -> Any:
        for function, found in ((sd.softmax, softmax_of(node)), (sd.log_softmax, log_softmax_of(node))):
            if node.ndim and found is not None and len(found[1]) == 1:
                return function(self.used[found[0]], found[1][0])
        operands = [self.written(operand) for operand in node.args]
        if any(operand is None for operand in operands):
            return None
        if node.op == "cast":
            (x,) = operands
            return x if node.args[0].dtype != "bool" else sd.where(x, 1, 0)
        function = own.where if node.op == "select" else FUNCTIONS[node.op]
        if not any(map(is_tensor, operands)):
            return function(*operands)
        shapes = [unrepeated_shape(a) if a in self.bare else a.shape for a in node.args]
        if broadcast(shapes) == node.shape:
            operands = [self.bare.get(a, operand) for a, operand in zip(node.args, operands, strict=True)]
        return _fused(function, operands)

    def _arange(self, node: Node, operands: list[Any]) -> Any:
        """Numbers from 0 have a form only inside unit vectors."""
        return None

    def _contract(self, node: Node, operands: list[Any]) -> Any:
        work = Contraction.of(node)
        if len(set(work.out)) < len(work.out):
            return self._on_diagonals(work, operands)
        labels = [own for _, own in work.operands]
        core = tuple(label for label in work.out if any(label in own for own in labels))
        found = self._product(operands, labels, core, work) if operands else sp.Integer(1)
        if core == work.out:
            return found
        if is_tensor(found):
            found = found[tuple(slice(None) if label in core else None for label in work.out)]
        if unrepeated_shape(node) == node.shape:
            return found
        if is_repetition(node) and is_tensor(found):
            self.bare[node] = found
        return sd.broadcast_to(found, self._shape(node.shape))

    def _on_diagonals(self, work: Contraction, operands: list[Any]) -> Any:
        """A product of identity matrices, which place what is along each repeated axis on a diagonal, with zeros elsewhere."""
        labels = [own for _, own in work.operands]
        core = tuple(dict.fromkeys(label for label in work.out if any(label in own for own in labels)))
        entries = self._product(operands, labels, core, work) if operands else sp.Integer(1)
        if core == work.out[:1] and len(work.out) == 2:
            return sd.diag(entries)
        axes, out = ([core] if core else []), list(work.out)
        factors = [entries] if core else []
        for axis, label in enumerate(work.out):
            ones = sd.broadcast_to(1, (self.size(work.sizes[label]),))
            if label in work.out[:axis]:
                out[axis] = len(work.sizes) + axis
                factors.append(sd.diag(ones))
                axes.append((label, out[axis]))
            elif label not in core and work.out.count(label) == 1:
                factors.append(ones)
                axes.append((label,))
        placed = (
            factors[0]
            if axes == [tuple(out)]
            else sd.einsum(f"{','.join(map(letters, axes))}->{letters(out)}", *factors)
        )
        return placed if core else entries * placed

    def _product(self, operands: list[Any], labels: list[Labels], core: Labels, work: Contraction) -> Any:
        if len(operands) == 1:
            return _single(operands[0], labels[0], core)
        if len(operands) == 2 and all(len(set(own)) == len(own) for own in labels):
            (x, y), (la, lb) = operands, labels
            if la == lb == core:
                return x * y
            if len(la) < len(lb):  # X @ w rather than w @ X.T
                (x, y), (la, lb) = (y, x), (lb, la)
            for product in (_matrix_product(x, la, y, lb, core), _matrix_product(y, lb, x, la, core)):
                if product is not None:
                    return product
            if la == lb and core == tuple(label for label in la if label in core):
                return _single(x * y, la, core)
        return sd.einsum(",".join(map(letters, labels)) + "->" + letters(core), *operands)

    def _solve(self, node: Node, operands: list[Any]) -> Any:
        return sd.solve(*operands)

    def _inverse(self, node: Node, operands: list[Any]) -> Any:
        return sd.inv(*operands)

    def _det(self, node: Node, operands: list[Any]) -> Any:
        return sd.det(*operands)

    def _logdet(self, node: Node, operands: list[Any]) -> Any:
        return sd.logdet(*operands)

    def _cofactors(self, node: Node, operands: list[Any]) -> Any:
        return TensorExpr("cofactors", tuple(operands))

    def _cofactors_tangent(self, node: Node, operands: list[Any]) -> Any:
        """<V, T> C - V T^T C with V = A^-T and the cofactors C, where A is not singular."""
        a, t = operands
        if node.ndim > node.args[0].ndim:
            raise UnsupportedError("Derivatives of cofactors in several directions have no closed form in tensors.")
        swapped = [*range(node.ndim - 2), node.ndim - 1, node.ndim - 2]
        v, c = sd.transpose(sd.inv(a), swapped), TensorExpr("cofactors", (a,))
        inner = sd.sum(v * t, axis=(-2, -1), keepdims=True)
        return inner * c - v @ sd.transpose(t, swapped) @ c

    def _log_abs_det(self, node: Node, operands: list[Any]) -> Any:
        return sd.log(sd.abs(sd.det(*operands)))

    def _sign_det(self, node: Node, operands: list[Any]) -> Any:
        return sd.sign(sd.det(*operands))

    def _cholesky(self, node: Node, operands: list[Any]) -> Any:
        return sd.cholesky(*operands)

    def _contiguous(self, node: Node, operands: list[Any]) -> Any:
        return operands[0]

    def _index(self, node: Node, operands: list[Any]) -> Any:
        (items,) = node.attributes
        return operands[0][
            (..., *(self._key(item, dim) for item, dim in zip(items, node.args[0].shape[-len(items) :], strict=True)))
        ]

    def _key(self, item: Item, dim: Dim) -> Any:
        if isinstance(item, int):
            return item
        if isinstance(item, Window):
            if not item.terms:
                return self.size(item.start)
            if item == Window(dim - 1, ((dim, -1),)):
                return slice(None, None, -1)
            raise UnsupportedError("Windows have no closed form in tensors.")
        start, stop, step = item
        return slice(
            None if start == 0 else self.size(start),
            None if stop == dim else self.size(stop),
            step if step != 1 else None,
        )

    def _place(self, node: Node, operands: list[Any]) -> Any:
        """Zeros before and after, joined axis by axis."""
        items, dims = node.attributes
        found, shape = operands[0], list(node.args[0].shape)
        for axis, (item, dim) in enumerate(zip(items, dims, strict=True), start=node.ndim - len(items)):
            if isinstance(item, int):
                item = (item, item + 1, 1)
                found, shape = sd.expand_dims(found, axis), [*shape[:axis], 1, *shape[axis:]]
            if item == Window(dim - 1, ((dim, -1),)):
                found = found[(*[slice(None)] * axis, slice(None, None, -1))]
                continue
            if isinstance(item, Window) or item[2] != 1:
                raise UnsupportedError("Windows and strides have no closed form in tensors.")
            parts = [self._zeros(shape, axis, item[0]), found, self._zeros(shape, axis, dim - item[1])]
            found = (
                sd.concatenate([part for part in parts if part is not None], axis) if item[:2] != (0, dim) else found
            )
            shape[axis] = dim
        return found

    def _zeros(self, shape: Sequence[Dim], axis: int, dim: Dim) -> Any:
        return None if dim == 0 else sd.broadcast_to(0, self._shape([*shape[:axis], dim, *shape[axis + 1 :]]))

    def _concatenate(self, node: Node, operands: list[Any]) -> Any:
        return sd.concatenate(operands, node.ndim + node.attributes[0])

    def _reshape(self, node: Node, operands: list[Any]) -> Any:
        return sd.reshape(operands[0], self._shape(node.shape))

    def _take(self, node: Node, operands: list[Any]) -> Any:
        return sd.take(operands[0], operands[1], node.args[0].ndim + node.attributes[0])

    def _one_hot(self, node: Node, operands: list[Any]) -> Any:
        return sd.one_hot(operands[0], self.size(node.shape[-1]))

    def _scatter(self, node: Node, operands: list[Any]) -> Any:
        """A sum over the positions, picked by unit vectors."""
        x, positions = operands
        axis, dim = node.attributes
        place, many = node.ndim + axis, node.args[1].ndim
        entries, others = letters(range(node.ndim, node.ndim + many)), letters(range(node.ndim))
        given = others[:place] + entries + others[place + 1 :]
        return sd.einsum(f"{given},{entries}{others[place]}->{others}", x, sd.one_hot(positions, self.size(dim)))


def _fused(function: Callable[..., Any], operands: Sequence[Any]) -> TensorExpr:
    """One elementwise function of what the elementwise operands are made of, so that SymPy tidies the whole."""
    places: dict[Any, Any] = {}
    inside = []
    for operand in operands:
        if not is_tensor(operand):
            inside.append(operand)
        elif operand.op == "elementwise" and len({*places, *operand.args}) <= MOST_OPERANDS:
            (inner,) = operand.options
            taken = {v: _place(places, a) for v, a in zip(inner.variables, operand.args, strict=True)}
            inside.append(inner.expr.xreplace(taken))
        else:
            inside.append(_place(places, operand))
    body = function(*inside)
    order = list(places)
    return elementwise(lambda *values: body.xreplace(dict(zip(places.values(), values, strict=True))), *order)


def _place(places: dict[Any, Any], operand: Any) -> Any:
    return places.setdefault(operand, sp.Dummy(f"p{len(places)}"))


def _single(x: Any, labels: Labels, core: Labels) -> Any:
    """A diagonal, a sum, axes in another order."""
    if len(set(labels)) < len(labels):
        return sd.einsum(f"{letters(labels)}->{letters(core)}", x)
    summed = tuple(axis for axis, label in enumerate(labels) if label not in core)
    kept = tuple(label for label in labels if label in core)
    if summed:
        x = sd.sum(x, axis=None if not kept else summed)
    if kept == core:
        return x
    return x.T if kept == core[::-1] else sd.transpose(x, [kept.index(label) for label in core])


def _matrix_product(x: TensorExpr, la: Labels, y: TensorExpr, lb: Labels, core: Labels) -> TensorExpr | None:
    """``x @ y`` of matrices and vectors, transposed where that helps; None where it is no such product."""
    summed = [label for label in la if label in lb and label not in core]
    if len(summed) != 1 or len({*la, *lb}) != len(core) + 1:
        return None
    if len(la) > 2 or len(lb) > 2:
        return _batch_product(x, la, y, lb, core, summed[0])
    rows, columns = (tuple(label for label in own if label != summed[0]) for own in (la, lb))
    if core != rows + columns:
        return None
    return (x if la[-1] == summed[0] else x.T) @ (y if lb[0] == summed[0] else y.T)


def _batch_product(
    x: TensorExpr, la: Labels, y: TensorExpr, lb: Labels, core: Labels, summed: int
) -> TensorExpr | None:
    """``x @ y`` of stacks of matrices."""
    if len(core) < 3:
        return None
    *lead, row, column = core
    left, right = _as_stack(x, la, lead, row, summed), _as_stack(y, lb, lead, summed, column)
    return None if left is None or right is None else left @ right


def _as_stack(x: TensorExpr, labels: Labels, lead: Sequence[int], row: int, column: int) -> TensorExpr | None:
    """A matrix, or a stack of them, with those rows and columns."""
    if labels in ((row, column), (*lead, row, column)):
        return x
    if labels not in ((column, row), (*lead, column, row)):
        return None
    n = len(labels)
    return x.T if n == 2 else sd.transpose(x, [*range(n - 2), n - 1, n - 2])
