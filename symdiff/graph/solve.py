"""Sizes that no axis has alone: n follows from an axis of n + 2, of 2*n, of n*m where m is known, of n**2."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from symdiff.graph.size import Dim, Size


@dataclass(frozen=True)
class Solution:
    """How a size follows from the length of an axis: ``((length - rest) // factor) ** (1 / power)``, if it is a whole number.

    Attributes
    ----------
    name : of the size.
    array, axis : the position of the array among those looked at, and the axis.
    needs : the names of the sizes in `rest` and `factor`.
    """

    name: str
    array: int
    axis: int
    rest: Dim
    factor: Dim
    power: int

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(name for part in (self.rest, self.factor) if isinstance(part, Size) for name in part.names)

    def source(self, length: str, names: Mapping[str, str]) -> str:
        """The size as Python, of the length and the other sizes."""
        text = length
        if isinstance(self.rest, Size):
            text = f"{length} - ({_renamed(self.rest, names)})"
        elif self.rest:
            text = f"{length} {'-' if self.rest > 0 else '+'} {abs(self.rest)}"
        if self.factor != 1:
            text = f"{text if self.rest == 0 else f'({text})'} // ({_renamed(self.factor, names)})"
        return text if self.power == 1 else f"round(({text}) ** (1 / {self.power}))"


def _renamed(dim: Dim, names: Mapping[str, str]) -> str:
    if not isinstance(dim, Size):
        return str(dim)
    return str(Size(tuple((tuple(names[name] for name in monomial), factor) for monomial, factor in dim.terms)))


def plain(dim: Dim) -> str | None:
    """The name that an axis has alone."""
    return dim.names[0] if isinstance(dim, Size) and dim == Size.named(dim.names[0]) else None


def solutions(shapes: Sequence[Sequence[Dim]]) -> list[Solution]:
    """What follows from the axes beyond the names they have alone, in an order in which it can be computed."""
    known = {name for shape in shapes for dim in shape if (name := plain(dim)) is not None}
    axes = [(i, axis, dim) for i, shape in enumerate(shapes) for axis, dim in enumerate(shape) if isinstance(dim, Size)]
    found: list[Solution] = []
    while (more := next((s for place in axes if (s := _solved(*place, known)) is not None), None)) is not None:
        found.append(more)
        known.add(more.name)
    return found


def derivable(shapes: Sequence[Sequence[Dim]]) -> set[str]:
    """The names of the sizes that the lengths of arrays of these shapes tell."""
    alone = {name for shape in shapes for dim in shape if (name := plain(dim)) is not None}
    return alone | {solution.name for solution in solutions(shapes)}


def _solved(array: int, axis: int, dim: Size, known: Container[str]) -> Solution | None:
    """The one size of an axis that is not known, where it stands in one power."""
    unknown = [name for name in dim.names if name not in known]
    if len(unknown) != 1:
        return None
    (name,) = unknown
    powers = {monomial.count(name) for monomial, _ in dim.terms} - {0}
    rest, factor = _split(dim, name)
    if len(powers) > 1 or (isinstance(factor, int) and factor < 1):
        return None
    return Solution(name, array, axis, rest, factor, powers.pop())


def _split(dim: Size, name: str) -> tuple[Dim, Dim]:
    """The terms without a name, and what multiplies its power in the others."""
    rest: Dim = 0
    factor: Dim = 0
    for monomial, count in dim.terms:
        others = tuple(other for other in monomial if other != name)
        term: Dim = Size(((others, count),)) if others else count
        rest, factor = (rest, factor + term) if name in monomial else (rest + term, factor)
    return rest, factor


def unknown_size(name: str) -> str:
    """What to say where a size is needed that the arguments of a function do not tell."""
    return (
        f"The value of the size {name} is needed, but it follows from no axis of the arrays given: declare one with an axis of "
        f"size {name} (in data or constants, if nothing else), or write the sizes of the arrays as symbols of their own."
    )
