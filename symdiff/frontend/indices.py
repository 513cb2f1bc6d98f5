"""What can be read off written-out sums before they are lowered: shapes of arrays, free indices."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.tensor.array.array_comprehension import ArrayComprehension

from symdiff.errors import ModelError
from symdiff.frontend.whole import is_whole
from symdiff.functions.printing import text
from symdiff.functions.reductions import Reduction

Ranges = Mapping[Any, tuple[Any, Any]]  # bound index -> its first and last value
WRITTEN_OUT = (ExprWithLimits, ArrayComprehension)
_SAMPLES = "the samples"  # as a letter


@dataclass
class Found:
    """What the expressions hold.

    Attributes
    ----------
    entries : every entry of an array, with the ranges of the indices bound where it stands.
    free : indices that no sum binds.
    ranges : the name of each index with the length of its range, and with the sizes of axes it walks along.
    written_out : whether there is a sum at all.
    """

    entries: list[tuple[Any, Ranges]] = field(default_factory=list)
    free: dict[Any, None] = field(default_factory=dict)
    ranges: dict[tuple[str, Any], None] = field(default_factory=dict)
    written_out: bool = False


def scan(expressions: Iterable[Any]) -> Found:
    """Walk the expressions once, iteratively; a part is read again only under other bound indices."""
    found = Found()
    stack: list[tuple[Any, Ranges]] = [(expression, {}) for expression in expressions]
    seen: dict[tuple[int, int], Any] = {}  # holds what it names, so that no id is used twice
    while stack:
        part, bound = stack.pop()
        if (id(part), id(bound)) in seen:
            continue
        seen[id(part), id(bound)] = part, bound
        if isinstance(part, WRITTEN_OUT):
            found.written_out = True
            found.ranges |= {(str(limit[0]), limit[2] - limit[1] + 1): None for limit in part.limits if len(limit) == 3}
            stack.extend(_body(part, bound))
        elif isinstance(part, sp.Idx):
            if part not in bound:
                found.free.setdefault(part)
                if part.upper is not None:
                    found.ranges.setdefault((str(part.name), part.upper - part.lower + 1))
        elif isinstance(part, sp.Indexed):
            found.entries.append((part, bound))
            stack.extend((index, bound) for index in part.indices)
            found.ranges |= _along(part, bound)
        elif not isinstance(part, sp.IndexedBase):
            stack.extend((argument, bound) for argument in getattr(part, "args", ()))
    return found


def check_letters(written_out: Any, sampled: Container[Any]) -> None:
    """Refuse a Sum that SymPy may have changed: it takes a Piecewise out of sums that stand around it, letters and all.

    So a condition on k may be left outside of the inner Sum over k that it was written in, where k is another index or none.
    The samples are a letter too: symbols in `sampled` run along them, and the reductions of scalars bind them.
    """
    if not isinstance(written_out.function, sp.Piecewise):
        return
    used: dict[Any, None] = {}
    for _, condition in written_out.function.args:
        used |= _letters(condition, sampled)[0]
    for pair in written_out.function.args:
        if letter := next((letter for letter in _letters(pair, sampled)[1] if letter in used), None):
            raise ModelError(
                f"A Piecewise on {letter} and a sum or product over {letter} stand in one Sum. SymPy moves a Piecewise out of "
                f"the sums inside, so that it is not known which {letter} the condition means: give each Sum a letter of its "
                "own, and write what is chosen inside an inner sum as sd.where(condition, a, b).",
                expression=text(written_out),
            )


def _letters(expression: Any, sampled: Container[Any]) -> tuple[dict[Any, None], dict[Any, None]]:
    """The symbols and indices that no sum inside an expression binds, and those that one does."""
    free: dict[Any, None] = {}
    bound: dict[Any, None] = {}
    stack: list[tuple[Any, Mapping[Any, Any]]] = [(expression, {})]
    seen: dict[tuple[int, int], Any] = {}  # holds what it names, so that no id is used twice
    while stack:
        part, around = stack.pop()
        if (id(part), id(around)) in seen:
            continue
        seen[id(part), id(around)] = part, around
        if isinstance(part, WRITTEN_OUT):
            bound |= {limit[0]: None for limit in part.limits}
            stack.extend(_body(part, around))
        elif isinstance(part, Reduction) and not is_whole(part.argument):
            bound[_SAMPLES] = None
            stack.append((part.argument, {**around, _SAMPLES: None}))
        elif isinstance(part, (sp.Symbol, sp.Idx)):
            letter = _SAMPLES if part in sampled else part
            free |= {} if letter in around else {letter: None}
        else:
            stack.extend((argument, around) for argument in getattr(part, "args", ()))
    return free, bound


def _along(entry: Any, bound: Ranges) -> dict[tuple[str, Any], None]:
    """The one index that each axis of an array is walked along, with the size of the axis."""
    sizes = entry.base.shape or ()
    names = [[part for part in index.atoms(sp.Symbol, sp.Idx) if part in bound] for index in entry.indices]
    return {(str(own[0]), size): None for own, size in zip(names, sizes, strict=False) if len(own) == 1}


def _body(part: Any, bound: Mapping[Any, Any]) -> Iterator[tuple[Any, Mapping[Any, Any]]]:
    """The bounds, each under the indices bound further out, and the summand under all of them."""
    inner = dict(bound)
    for limit in part.limits[::-1]:
        outer = dict(inner)
        yield from ((end, outer) for end in limit[1:])
        if len(limit) == 3:
            inner[limit[0]] = (limit[1], limit[2])
    yield part.function, inner


def free_indices(expression: Any) -> list[Any]:
    """The indices that no sum binds, in alphabetical order."""
    return sorted(scan([expression]).free, key=lambda index: str(index.name))


def inferred_shapes(bases: Iterable[Any], found: Found) -> dict[Any, tuple[Any, ...]]:
    """The shape of each `IndexedBase` declared without one, from axes indexed by a plain bound index from 0."""
    shapes = {}
    for base in bases:
        uses = [(entry, bound) for entry, bound in found.entries if entry.base == base]
        if not uses:
            raise ModelError(f"{base} has no shape and no entry of it is used: say IndexedBase('{base}', shape=(n,)).")
        ranks = sorted({entry.rank for entry, _ in uses})
        if len(ranks) > 1:
            raise ModelError(f"{base} is used with {' and with '.join(map(str, ranks))} indices.")
        shapes[base] = tuple(_axis(base, axis, uses) for axis in range(ranks[0]))
    return shapes


def _axis(base: Any, axis: int, uses: list[tuple[Any, Ranges]]) -> Any:
    """The one size an axis has by its plain indices."""
    sizes: dict[Any, Any] = {}
    for entry, bound in uses:
        index = entry.indices[axis]
        low, high = bound.get(index) or (getattr(index, "lower", None), getattr(index, "upper", None))
        if low == 0 and high is not None and high.free_symbols.isdisjoint(bound):
            sizes.setdefault(high + 1, entry)
    if len(sizes) > 1:
        (one, entry), (other, second) = list(sizes.items())[:2]
        raise ModelError(
            f"{base} has no shape, and its uses differ: axis {axis} has size {one} by {text(entry)} and {other} by "
            f"{text(second)}. Say which: IndexedBase('{base}', shape=...)."
        )
    if not sizes:
        raise ModelError(
            f"{base} has no shape, and no plain index that runs from 0 to a fixed end stands at its axis {axis}, as in "
            f"{text(uses[0][0])}: say IndexedBase('{base}', shape=...)."
        )
    return next(iter(sizes))
