"""What is known of an operation of each entry by itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pointwise:
    """An operation of each entry by itself; operands broadcast as in NumPy.

    Attributes
    ----------
    arity : number of operands.
    cost : operations an entry counts for.
    safe : for an operation with a singularity or overflow, an operand at which value and derivatives are harmless;
        it takes the place of the first operand on a branch that is not taken, or, where it is a tuple, of each operand
        that has one. None where every operand is harmless.
    dtype : of the result.
    """

    arity: int
    cost: int = 1
    safe: float | tuple[float | None, ...] | None = None
    dtype: str = "float"

    def harmless(self) -> tuple[float | None, ...]:
        """For each of the first operands what takes its place on a branch that is not taken."""
        return self.safe if isinstance(self.safe, tuple) else (self.safe,)
