"""What generators draw from: choices, and the symbols a model declares."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from fuzz.terms import Leaf, Term


class Source:
    """Random choices and the symbols made so far.

    Attributes
    ----------
    declare : makes a dialect's symbol of a name, a shape and a kind.
    grow : makes a random term of a shape, so many operations deep at most.
    """

    def __init__(
        self,
        rng: random.Random,
        declare: Callable[[str, Any, str], Any],
        grow: Callable[[Source, Any, int], Term],
    ) -> None:
        self.rng, self.declare, self.grow = rng, declare, grow
        self._leaves: dict[tuple[Any, str], list[Leaf]] = {}
        self._count = 0

    def one_of(self, options: Sequence[Any]) -> Any:
        """One of a few."""
        return self.rng.choice(options)

    def chance(self, probability: float) -> bool:
        """Whether something with a probability happens."""
        return self.rng.random() < probability

    def term(self, shape: Any, depth: int) -> Term:
        """A random term."""
        term = self.grow(self, shape, depth)
        assert term.shape == tuple(shape), f"{term.written} has shape {term.shape}, not {shape}"
        return term

    def leaf(self, shape: Any, kind: str = "real", *, new: bool = False) -> Leaf:
        """A symbol of a shape and kind: one there was, or a new one."""
        known = self._leaves.setdefault((tuple(shape), kind), [])
        if not known or new or (len(known) < 3 and self.chance(0.4)):
            self._count += 1
            name = f"{kind[0]}{self._count}"
            known.append(Leaf(name, self.declare(name, tuple(shape), kind), shape, kind))
        return known[-1] if new else self.one_of(known)
