"""Sizes of axes: integers, or polynomials in named sizes with integer coefficients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import prod
from typing import Union

from symdiff.errors import ShapeError

Dim = Union[int, "Size"]
Monomial = tuple[str, ...]


@dataclass(frozen=True)
class Size:
    """A size known only when arrays come: a polynomial such as ``n*m + 2``.

    Attributes
    ----------
    terms : sorted pairs (monomial, coefficient); a monomial is the sorted tuple of its names, ``()`` for the constant.
    """

    terms: tuple[tuple[Monomial, int], ...]

    @classmethod
    def named(cls, name: str) -> Size:
        """The size called `name`."""
        return cls((((name,), 1),))

    @property
    def names(self) -> tuple[str, ...]:
        """The names the size depends on, sorted."""
        return tuple(sorted({name for monomial, _ in self.terms for name in monomial}))

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """The number it is for given sizes."""
        return sum(factor * prod(sizes[name] for name in monomial) for monomial, factor in self.terms)

    def __add__(self, other: Dim) -> Dim:
        return _collect([*self.terms, *_terms(other)])

    def __mul__(self, other: Dim) -> Dim:
        return _collect((tuple(sorted(m + n)), a * b) for m, a in self.terms for n, b in _terms(other))

    def __sub__(self, other: Dim) -> Dim:
        return self + other * -1

    def __rsub__(self, other: Dim) -> Dim:
        return self * -1 + other

    __radd__ = __add__
    __rmul__ = __mul__

    def __str__(self) -> str:
        text = ""
        for monomial, factor in sorted(self.terms, key=lambda term: (-len(term[0]), term[0])):
            scale = [] if abs(factor) == 1 and monomial else [str(abs(factor))]
            text += (" - " if factor < 0 else " + ") + "*".join([*scale, *monomial])
        return text[3:] if text.startswith(" + ") else "-" + text[3:]


def _terms(dim: Dim) -> tuple[tuple[Monomial, int], ...]:
    return dim.terms if isinstance(dim, Size) else (((), dim),)


def _collect(terms: Iterable[tuple[Monomial, int]]) -> Dim:
    total: dict[Monomial, int] = {}
    for monomial, factor in terms:
        total[monomial] = total.get(monomial, 0) + factor
    kept = tuple(sorted((monomial, factor) for monomial, factor in total.items() if factor))
    if not kept:
        return 0
    if len(kept) == 1 and kept[0][0] == ():
        return kept[0][1]
    return Size(kept)


def evaluate(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The number a size is, for given named sizes."""
    return dim.evaluate(sizes) if isinstance(dim, Size) else dim


def names_of(dims: Iterable[Dim]) -> tuple[str, ...]:
    """The names that occur in any of `dims`, sorted."""
    return tuple(sorted({name for dim in dims if isinstance(dim, Size) for name in dim.names}))


def spelled(dims: Iterable[Dim]) -> str:
    """A shape as NumPy spells it: ``(n, 2)``, ``(n,)``."""
    parts = [str(dim) for dim in dims]
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


def total(dims: Iterable[Dim]) -> Dim:
    """The product of `dims`: how many entries an array of that shape has."""
    product: Dim = 1
    for dim in dims:
        product = product * dim
    return product


def broadcast(shapes: Sequence[tuple[Dim, ...]], op: str = "broadcasting") -> tuple[Dim, ...]:
    """The shape that operands broadcast to, as in NumPy; different symbolic sizes differ."""
    if len(set(shapes)) == 1:
        return shapes[0]
    result: list[Dim] = []
    for dims in zip_longest(*(reversed(shape) for shape in shapes), fillvalue=1):
        wide = [dim for dim in dict.fromkeys(dims) if dim != 1]
        if len(wide) > 1:
            texts = " and ".join(spelled(shape) for shape in shapes)
            raise ShapeError(f"{op}: the shapes {texts} do not match: {wide[0]} is not {wide[1]}.")
        result.append(wide[0] if wide else 1)
    return tuple(reversed(result))
