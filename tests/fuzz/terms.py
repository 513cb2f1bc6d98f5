"""Terms: an expression of symdiff and, independently of it, what each of its entries is.

A term has axes: sizes, or in index notation the bound indices it stands under. Its meaning is a function of the place, read
only where something needs it: a branch that is not taken, an entry that a slice leaves out, an index outside a range are
never looked at. So what was never looked at may hold anything (NaN, infinity, 0) without changing value or derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from fuzz.jets import Functions, Jet

Place = tuple[int, ...]
n, m, k, one = (*sp.symbols("n m k", integer=True, positive=True), sp.Integer(1))


class Term:
    """An operation on terms.

    Attributes
    ----------
    shape : the sizes of the axes, or the bound indices; in either case the place of an entry has a number for each.
    write : the expression, of the expressions of the operands.
    mean : the entry at a place: ``mean(reader, place, *operands)``.
    sort : "number", "condition" or "label": what may stand in its place.
    """

    def __init__(
        self, shape: Any, write: Callable[..., Any], mean: Callable[..., Any], *args: Term, sort: str = "number"
    ) -> None:
        self.shape, self.write, self.mean, self.args, self.sort = tuple(shape), write, mean, args, sort

    @cached_property
    def written(self) -> Any:
        """The expression."""
        return self.write(*(a.written for a in self.args))

    def with_args(self, args: tuple[Term, ...]) -> Term:
        """The same operation on other operands."""
        return Term(self.shape, self.write, self.mean, *args, sort=self.sort)

    def leaves(self) -> list[Leaf]:
        """The declared symbols inside, each once, in order of their first use."""
        found: dict[str, Leaf] = {}
        for part in self.parts():
            if isinstance(part, Leaf):
                found.setdefault(part.name, part)
        return list(found.values())

    def parts(self) -> Iterator[Term]:
        """This and all inside it, each once."""
        seen: dict[int, Term] = {}
        stack: list[Term] = [self]
        while stack:
            part = stack.pop()
            if id(part) not in seen:
                seen[id(part)] = part
                yield part
                stack.extend(part.args[::-1])


class Leaf(Term):
    """A declared symbol.

    Attributes
    ----------
    kind : what its values are; a row of `fuzz.values.KINDS`.
    """

    def __init__(self, name: str, symbol: Any, shape: Any, kind: str) -> None:
        sort = {"mask": "condition", "labels": "label"}.get(kind, "number")
        super().__init__(shape, lambda: symbol, lambda at, place: at.entry(self.name, place), sort=sort)
        self.name, self.symbol, self.kind = name, symbol, kind

    def with_args(self, args: tuple[Term, ...]) -> Term:
        return self


class Reader:
    """Reads entries of terms at a point: the values of symbols and of sizes.

    Attributes
    ----------
    touched : which entries of each symbol were looked at.
    dropped : entries that something computes and leaves out.
    """

    def __init__(self, f: Functions, sizes: dict[Any, int], values: dict[str, Any]) -> None:
        self.f, self.sizes, self.values = f, sizes, values
        self.touched = {name: np.zeros(np.shape(array), bool) for name, array in values.items()}
        self.dropped: dict[int, tuple[Term, list[Place]]] = {}
        self._known: dict[tuple[int, Place], Any] = {}
        self._extents: dict[Any, int] = {}

    def __call__(self, term: Term, place: Place) -> Any:
        """The entry at a place; axes in front that the term does not have are left out, those of size 1 repeated."""
        key = (id(term), place)
        if key not in self._known:
            self._known[key] = term.mean(self, place, *term.args)
        return self._known[key]

    def seen(self, term: Term, place: Place) -> Any:
        """The entry that broadcasting puts at a place."""
        shape = term.shape
        inner = place[len(place) - len(shape) :]
        return self(term, tuple(0 if size == 1 else i for size, i in zip(shape, inner, strict=True)))

    def drop(self, term: Term, places: Iterable[Place]) -> None:
        """Note entries that are computed and then left out, by a slice for one: they need not be harmless."""
        if id(term) not in self.dropped:
            self.dropped[id(term)] = term, list(places)

    def read_dropped(self) -> list[Any]:
        """Those entries."""
        found, done = [], 0
        while done < len(self.dropped):
            term, places = list(self.dropped.values())[done]
            found += [self(term, place) for place in places]
            done += 1
        return found

    def entry(self, name: str, place: Place) -> Any:
        """The entry of a symbol."""
        self.touched[name][place] = True
        return self.values[name][place]

    def extent(self, size: Any) -> int:
        """The number that a size is."""
        if size not in self._extents:
            self._extents[size] = int(sp.sympify(size).subs(self.sizes))
        return self._extents[size]

    def places(self, shape: Any) -> Iterator[Place]:
        """All places of a shape."""
        return product(*(range(self.extent(size)) for size in shape))


def jets(
    f: Functions, values: dict[str, np.ndarray], params: list[str], *, all_of_them: bool = False
) -> dict[str, Any]:
    """The values as numbers of an arithmetic, those of parameters with their derivatives, in one order of all entries.

    With `all_of_them` other numbers have derivatives too, of zeros.
    """
    count = sum(values[name].size for name in params)
    found, position = {}, 0
    for name, array in values.items():
        numbers = np.empty(array.shape, object)
        for place in np.ndindex(array.shape):
            given = array[place]
            numbers[place] = given if array.dtype.kind in "bi" else f.kind(float(given))
            if array.dtype.kind == "f" and (name in params or all_of_them):
                slope = np.full(count, f.kind(0), object if f.exact else f.kind)
                if name in params:
                    slope[position] = f.kind(1)
                    position += 1
                jet = numbers[place] = Jet(numbers[place], slope)
                jet.v, jet.g = f.kind(float(given)), slope  # exact, also where results are rounded
        found[name] = numbers
    return found


def broadcast(*shapes: Any) -> tuple[Any, ...]:
    """The shape that operands of these shapes have together."""
    longest = max(shapes, key=len)
    return tuple(
        next((shape[i] for shape in shapes if len(shape) >= -i and shape[i] != 1), one) for i in range(-len(longest), 0)
    )
