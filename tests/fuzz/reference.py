"""What a case's value and derivatives are, entry by entry from the meaning of its term."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np

from fuzz.cases import Case
from fuzz.jets import Functions, Jet, rounding
from fuzz.terms import Reader, jets

EXACT = ("far", "years", "share")
"""Kinds of values that are taken as they are: their differences are exact, and a share is no more than 1."""

Values = dict[str, np.ndarray]


class Point:
    """A case in one arithmetic.

    Attributes
    ----------
    v, g, h : value, gradient by all entries of all parameters, and Hessian; of a pointwise model for each point.
    touched : which entries of each symbol were looked at.
    nearest : how near to one another two values were that were compared, relative to them.
    is_singular : whether a function was asked for where it is not finite, or max or min for a number beyond all range.
    """

    def __init__(self, case: Case, values: Values, kind: Any, *, all_of_them: bool = False) -> None:
        f = Functions(kind)
        self.is_exact, self.dropped = f.exact, []
        self.touched = {name: np.zeros(array.shape, bool) for name, array in values.items()}
        read = self._at_points if case.points is not None else self._at_once
        with np.errstate(all="ignore"):
            self.v, self.g, self.h = (part.astype(np.longdouble) for part in read(case, values, f, all_of_them))
        self.nearest, self.is_singular = f.nearest, f.is_singular

    def _at_once(self, case: Case, values: Values, f: Functions, all_of_them: bool) -> list[Any]:
        at = Reader(f, case.sizes, jets(f, values, case.params, all_of_them=all_of_them))
        count = sum(values[name].size for name in case.params)
        shape = tuple(map(at.extent, case.term.shape))
        parts = [np.zeros(shape + (count,) * order, object if f.exact else f.kind) for order in range(3)]
        for place in np.ndindex(shape):
            for part, number in zip(parts, _numbers(at(case.term, place)), strict=False):
                part[place] = number
        self.dropped += [part for number in at.read_dropped() for part in _numbers(number)]
        self.touched = {name: seen | at.touched[name] for name, seen in self.touched.items()}
        return parts

    def _at_points(self, case: Case, values: Values, f: Functions, all_of_them: bool) -> list[Any]:
        """One point after the other."""
        touched, found = self.touched, []
        for place in np.ndindex(case.points):
            self.touched = {name: np.zeros((), bool) for name in values}
            found.append(self._at_once(case, {name: array[place] for name, array in values.items()}, f, all_of_them))
            for name, seen in self.touched.items():
                touched[name][place] = seen
        self.touched = touched
        return [np.reshape(np.stack(part), (*case.points, *part[0].shape)) for part in zip(*found, strict=True)]

    def parts(self) -> tuple[Any, Any, Any]:
        """Value, gradient, Hessian."""
        return self.v, self.g, self.h

    @property
    def size(self) -> float:
        """How large values are."""
        return float(np.abs(self.v).max(initial=0))

    def within(self, most: float) -> bool:
        """Whether all numbers are finite and below a bound, also those that slices leave out."""
        return all(bool((np.abs(part) < most).all()) for part in (*self.parts(), *self.dropped))


def _numbers(number: Any) -> tuple[Any, ...]:
    """A number and its derivatives, those that are not 0."""
    if not isinstance(number, Jet):
        return (number,)
    return (number.v, number.g) if number.h is None else (number.v, number.g, number.h)


def extended(case: Case) -> Point:
    """The case in extended precision."""
    return Point(case, case.values(), np.longdouble)


def exact(case: Case) -> Point:
    """The case in many digits."""
    with mp.workdps(60):
        return Point(case, case.values(), mp.mpf)


def rounded(case: Case, dtype: Any) -> Iterator[Point]:
    """The case a few times as it is written, with inputs and every operation off by up to a unit of rounding of a dtype."""
    rng = np.random.default_rng(case.seed)
    unit = np.finfo(dtype).eps
    for _ in range(5):
        values = case.values()
        for leaf in case.leaves:
            array = values[leaf.name]
            if array.dtype.kind == "f" and leaf.kind not in EXACT:
                values[leaf.name] = array * (1 + unit * rng.uniform(-1, 1, array.shape))
        with rounding(unit, rng):
            yield Point(case, values, np.longdouble, all_of_them=True)
