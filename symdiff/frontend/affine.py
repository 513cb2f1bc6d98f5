"""Index arithmetic: the axes that bound indices run along, affine forms over them, and the range that a form takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

from symdiff.graph.size import Dim

_numbers = count()


@dataclass(eq=False)
class Label:
    """An axis: p = 0, ..., dim - 1, of which only low <= p <= high is meant where outer axes bound it.

    Labels are ordered by `number`: of those that meet in one node, outer ones were made first.
    """

    dim: Dim
    low: Affine | None = None
    high: Affine | None = None
    number: int = field(default_factory=lambda: next(_numbers))


@dataclass(frozen=True)
class Affine:
    """The whole number ``start + step_1 p_1 + step_2 p_2 + ...`` at the places p of labels, outer ones first."""

    start: Dim
    steps: tuple[tuple[Label, int], ...] = ()

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.start + other, self.steps)
        total = dict(self.steps)
        for label, step in other.steps:
            total[label] = total.get(label, 0) + step
        steps = sorted(((label, step) for label, step in total.items() if step), key=lambda pair: pair[0].number)
        return Affine(self.start + other.start, tuple(steps))

    def __mul__(self, factor: int) -> Affine:
        return Affine(self.start * factor, tuple((label, step * factor) for label, step in self.steps if factor))

    def __sub__(self, other: Affine) -> Affine:
        return self + other * -1

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels it depends on."""
        return tuple(label for label, _ in self.steps)

    @property
    def plain(self) -> Label | None:
        """The one label it counts along by single steps, or None."""
        return self.steps[0][0] if len(self.steps) == 1 and self.steps[0][1] == 1 else None

    def smallest(self, box: bool = False) -> Dim:
        """The smallest value; `box`: where every label takes all its places, not only those between its bounds."""
        return self._extreme(False, box)

    def largest(self, box: bool = False) -> Dim:
        """The largest value."""
        return self._extreme(True, box)

    def _extreme(self, largest: bool, box: bool) -> Dim:
        """The inner labels are put at one of their bounds first: those are forms of the outer ones."""
        form = self
        while form.steps:
            label, step = form.steps[-1]
            bound = label.high if (step > 0) == largest else label.low
            if bound is None or box:
                bound = Affine(label.dim - 1) if (step > 0) == largest else Affine(0)
            form = Affine(form.start, form.steps[:-1]) + bound * step
        return form.start


def along(label: Label) -> Affine:
    """The place on a label itself."""
    return Affine(0, ((label, 1),))


def ordered(labels: Iterable[Label]) -> tuple[Label, ...]:
    """Each label once, outer ones first."""
    return tuple(sorted(dict.fromkeys(labels), key=lambda label: label.number))
