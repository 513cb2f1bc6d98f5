"""From the graph back to index notation: the closed forms of a model that declares any `IndexedBase`.

A node with axes is an expression with a free index for each; a contraction is a Sum of a product, a repeated label a
KroneckerDelta. So each node is written at given indices, from the results down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count
from typing import Any

import sympy as sp

from symdiff.errors import UnsupportedError
from symdiff.forms.closed_form import ClosedForm, NoForm, number
from symdiff.functions import elementwise as own
from symdiff.functions.given import as_sympy
from symdiff.functions.reductions import Reduction
from symdiff.graph.axes import reduced_axes
from symdiff.graph.contraction import Contraction
from symdiff.graph.item import Item, Window
from symdiff.graph.node import Node
from symdiff.graph.ops import POINTWISE
from symdiff.graph.program import Declarations
from symdiff.graph.size import Dim

Indices = tuple[Any, ...]
SAMPLE = sp.Dummy("sample")  # the index of an axis that scalar data have; it is never written


def index_forms(
    roots: Sequence[Node], declarations: Declarations, named: Mapping[Node, str] | None = None
) -> list[Any]:
    """The expression of each root, or a `NoForm`, whose free indices are its axes.

    Nodes in `named` stand under those names. Without any, the expressions can be compiled again: the alphabetical order
    of free indices is then that of the axes.
    """
    form = IndexForm(declarations, named or {})
    return [_form(form, root, ascending=named is None) for root in roots]


def _form(form: IndexForm, root: Node, ascending: bool) -> Any:
    try:
        return form.root(root, ascending)
    except UnsupportedError as error:
        return NoForm(error.message)
    except RecursionError:
        return NoForm("It is too deep for SymPy.")


def free(root: Node, declarations: Declarations) -> list[Any]:
    """The free indices of a root, one for each axis."""
    return [index for index in IndexForm(declarations, {}).axes(root) if index != SAMPLE]


class IndexForm(ClosedForm):
    """Writes nodes at indices; what is written at the same indices again is one object."""

    def __init__(self, declarations: Declarations, named: Mapping[Node, str]) -> None:
        super().__init__(declarations, named)
        self._known: dict[tuple[Node, Indices], Any] = {}
        self._free: set[str] = set()

    def root(self, node: Node, ascending: bool) -> Any:
        """A result with free indices; `ascending`: their alphabetical order is that of its axes."""
        indices = self.axes(node)
        if ascending:
            names = sorted(index.name for index in indices if index != SAMPLE)
            dims = zip(indices, node.shape, strict=True)
            indices = tuple(SAMPLE if index == SAMPLE else self._index(names.pop(0), dim) for index, dim in dims)
        self._free = {str(index.name) for index in indices if index != SAMPLE}
        self._known.clear()  # what is bound inside is named apart from the free indices
        expression = self._written(node, indices)
        return self._at_all(expression, indices, node.shape) if ascending else expression

    def _at_all(self, expression: Any, indices: Indices, dims: Sequence[Dim]) -> Any:
        """The expression with every index in it: one that it does not depend on as the 1 that a row of deltas adds up to."""
        known = as_sympy(expression).free_symbols
        ones = sp.Integer(1)
        for index, dim in zip(indices, dims, strict=True):
            if index != SAMPLE and index not in known:
                other = self._fresh(dim, [])
                ones *= self._sum(sp.KroneckerDelta(index, other), [other])
        found = ones - 1 if expression == 0 and ones != 1 else expression * ones
        return self.of_each_sample(found) if SAMPLE in indices else found

    def axes(self, node: Node) -> Indices:
        """An index for each axis of a node."""
        self._free = set()
        chosen: list[Any] = []
        for dim in node.shape:
            chosen.append(self._fresh(dim, chosen))
        return tuple(chosen)

    def at(self, node: Node, indices: Indices) -> Any:
        """An operand at indices: under its name where it has one."""
        name = self.named.get(node)
        if name is None or node.op == "input":
            return self._written(node, indices)
        own_axes = tuple(index for index in indices if index != SAMPLE)
        return sp.IndexedBase(name)[own_axes] if own_axes else sp.Symbol(name)

    def _written(self, node: Node, indices: Indices) -> Any:
        key = node, indices
        if key not in self._known:
            self._known[key] = self._expressed(node, indices)
        return self._known[key]

    def _expressed(self, node: Node, indices: Indices) -> Any:
        if node.op == "input":
            symbol, places = self.symbols[node], tuple(index for index in indices if index != SAMPLE)
            return symbol[places] if places else symbol
        if node.op == "constant":
            return number(node.attributes[0])
        if node.op == "size":
            return self.size(node.attributes[0])
        if node.op in POINTWISE:
            return self._elementwise_at(node, indices)
        if node.op in _WRITERS:
            return _WRITERS[node.op](self, node, indices)
        if node.op.startswith("reduce_"):
            return self._reduced(node, indices)
        raise UnsupportedError(f"{node.op} has no closed form in index notation.")

    # Indices

    def _index(self, name: str, dim: Dim) -> Any:
        return sp.Idx(name, self.size(dim))

    def _fresh(self, dim: Dim, taken: Sequence[Any]) -> Any:
        """An index that does not occur in `taken`, under a name the user gave one of that range where there is one left."""
        if dim == self._scalar_axis():
            if SAMPLE in taken:
                raise UnsupportedError("Derivatives of one sample by another have no closed form in SymPy.")
            return SAMPLE
        used = {str(symbol) for index in taken for symbol in as_sympy(index).free_symbols}
        used |= self._free | {str(entry.symbol.name) for entry in self.declarations.inputs}
        ranges = self.declarations.indices
        mine = [name for name, length in ranges if length == self.size(dim)]
        used |= {name for name, _ in ranges} - set(mine)
        spare = chain("ijklmnpqrst", (f"i{k}" for k in count(1)))
        sizes = set(map(str, self.declarations.sizes))
        return self._index(next(name for name in chain(mine, spare) if name not in used | sizes), dim)

    def _sum(self, body: Any, indices: Sequence[Any], kind: Any = sp.Sum) -> Any:
        """The sum over indices, that over the samples outermost."""
        limits = [(index, index.lower, index.upper) for index in indices if index != SAMPLE]
        if limits and body != 0:
            body = kind(body, *limits)
        name = "sum" if kind is sp.Sum else "prod"
        return Reduction(name, body) if SAMPLE in indices else body

    # Operations

    def _elementwise_at(self, node: Node, indices: Indices) -> Any:
        operands = [self.at(a, _broadcast(a, indices)) for a in node.args]
        if node.op == "cast" and isinstance(operands[0], sp.Eq) and all(map(_is_whole, operands[0].args)):
            return sp.KroneckerDelta(*operands[0].args)
        return self._apply(node, operands)

    def _contract(self, node: Node, indices: Indices) -> Any:
        work = Contraction.of(node)
        factors: list[Any] = []
        at: dict[int, Any] = {}
        for label, index in zip(work.out, indices, strict=True):
            if label in at and at[label] != index:
                if SAMPLE in (at[label], index):
                    raise UnsupportedError("Derivatives of one sample by another have no closed form in SymPy.")
                factors.append(sp.KroneckerDelta(at[label], index))
            at.setdefault(label, index)
        summed = []
        for label, dim in work.sizes.items():
            if label not in at:
                at[label] = sp.Integer(0) if dim == 1 else self._fresh(dim, [*at.values()])
                summed += [] if dim == 1 else [at[label]]
        factors += [self.at(operand, tuple(at[label] for label in labels)) for operand, labels in work.operands]
        return self._sum(sp.Mul(*factors), summed)

    def _index_at(self, item: Item, indices: Sequence[Any]) -> Any:
        """The place that an item looks at."""
        if isinstance(item, int):
            return sp.Integer(item)
        if isinstance(item, Window):
            return self.size(item.start) + sum(step * i for (_, step), i in zip(item.terms, indices, strict=True))
        return self.size(item[0]) + item[2] * indices[0]

    def _picked(self, node: Node, indices: Indices) -> Any:
        (items,) = node.attributes
        lead = node.args[0].ndim - len(items)
        places, rest = list(indices[:lead]), list(indices[lead:])
        for item in items:
            width = _width(item)
            places.append(self._index_at(item, rest[:width]))
            rest = rest[width:]
        return self.at(node.args[0], tuple(places))

    def _placed(self, node: Node, indices: Indices) -> Any:
        """Each entry of the operand where it was put: KroneckerDelta(i, its place) in a sum."""
        (x,), (items, dims) = node.args, node.attributes
        lead = node.ndim - len(items)
        places, factors = list(indices[:lead]), []
        summed: list[Any] = []
        axis = lead
        for item, dim, index in zip(items, dims, indices[lead:], strict=True):
            mine = []
            for _ in range(_width(item)):
                whole = item == (0, dim, 1)
                mine.append(index if whole else self._fresh(x.shape[axis], [*indices, *summed]))
                summed += [] if whole else mine[-1:]
                axis += 1
            if item != (0, dim, 1):
                factors.append(sp.KroneckerDelta(index, self._index_at(item, mine)))
            places += mine
        return self._sum(sp.Mul(*factors, self.at(x, tuple(places))), summed)

    def _running(self, node: Node, indices: Indices) -> Any:
        (x,), (axis, backwards) = node.args, node.attributes
        axis += node.ndim
        index = self._fresh(x.shape[axis], indices)
        limits = (index, indices[axis], index.upper) if backwards else (index, 0, indices[axis])
        return sp.Sum(self.at(x, (*indices[:axis], index, *indices[axis + 1 :])), limits)

    def _taken(self, node: Node, indices: Indices) -> Any:
        (x, positions), (axis,) = node.args, node.attributes
        axis += x.ndim
        end = axis + positions.ndim
        return self.at(x, (*indices[:axis], self.at(positions, indices[axis:end]), *indices[end:]))

    def _scattered(self, node: Node, indices: Indices) -> Any:
        (x, positions), (axis, _) = node.args, node.attributes
        axis += node.ndim
        summed: list[Any] = []
        for dim in positions.shape:
            summed.append(self._fresh(dim, [*indices, *summed]))
        hit = sp.KroneckerDelta(indices[axis], self.at(positions, tuple(summed)))
        return self._sum(hit * self.at(x, (*indices[:axis], *summed, *indices[axis + 1 :])), summed)

    def _stacked(self, node: Node, indices: Indices) -> Any:
        """The sum of each entry times 1 at its own place."""
        (extents,) = node.attributes
        lead = len(indices) - len(extents)
        total = sp.Integer(0)
        for position, entry in enumerate(node.args):
            hit, rest = sp.Integer(1), position
            for index, extent in zip(indices[lead:][::-1], extents[::-1], strict=True):
                hit *= sp.KroneckerDelta(index, rest % extent)
                rest //= extent
            total += hit * self.at(entry, _broadcast(entry, indices[:lead]))
        return total

    def _reduced(self, node: Node, indices: Indices) -> Any:
        (x,), axes = node.args, reduced_axes(node)
        places, over = self._reduced_places(x, axes, indices)
        body = self.at(x, places)
        name = node.op.removeprefix("reduce_")
        if over == [SAMPLE]:
            return Reduction(name, body)
        match name:
            case "prod":
                return self._sum(body, over, sp.Product)
            case "logsumexp":
                return sp.log(self._sum(sp.exp(body), over))
            case "norm":
                return sp.sqrt(self._sum(body**2, over))
        raise UnsupportedError(f"sd.{name} has no closed form in index notation.")

    def _reduced_places(self, x: Node, axes: Sequence[int], indices: Indices) -> tuple[Indices, list[Any]]:
        rest, places = list(indices), []
        over: list[Any] = []
        for axis, dim in enumerate(x.shape):
            if axis in axes:
                over.append(self._fresh(dim, [*indices, *over]))
                places.append(over[-1])
            else:
                places.append(rest.pop(0))
        return tuple(places), over

    def _product_of_others(self, node: Node, indices: Indices) -> Any:
        """The product of the others: of all, with 1 in place of the entry itself."""
        (x,), (axes,) = node.args, node.attributes
        places, own_place = list(indices), []
        for axis in axes:
            places[axis] = self._fresh(x.shape[axis], [*indices, *places])
            own_place.append(sp.Ne(places[axis], indices[axis]))
        body = own.where(sp.Or(*own_place), self.at(x, tuple(places)), 1)
        return self._sum(body, [places[axis] for axis in axes], sp.Product)


_WRITERS: dict[str, Callable[[IndexForm, Node, Indices], Any]] = {
    "contract": IndexForm._contract,
    "index": IndexForm._picked,
    "place": IndexForm._placed,
    "arange": lambda form, node, indices: indices[0],
    "cumsum": IndexForm._running,
    "take": IndexForm._taken,
    "scatter": IndexForm._scattered,
    "stack": IndexForm._stacked,
    "prod_others": IndexForm._product_of_others,
}


def _broadcast(operand: Node, indices: Indices) -> Indices:
    """The indices of an operand that broadcasts: the last ones, 0 along axes of size 1."""
    last = indices[len(indices) - operand.ndim :]
    return tuple(sp.Integer(0) if dim == 1 else index for dim, index in zip(operand.shape, last, strict=True))


def _width(item: Item) -> int:
    """How many axes an item gives."""
    return 0 if isinstance(item, int) else len(item.terms) if isinstance(item, Window) else 1


def _is_whole(expression: Any) -> bool:
    return bool(expression.is_integer)
