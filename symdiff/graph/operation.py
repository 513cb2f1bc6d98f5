"""What is known of one operation, whatever asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from symdiff.graph.node import Node
from symdiff.graph.samples import mixes
from symdiff.graph.size import Dim, Size, total

T = TypeVar("T")


class Operands(Enum):
    """Some of the operands of a node."""

    NONE = slice(0)
    FIRST = slice(1)
    REST = slice(1, None)
    ALL = slice(None)

    def of(self, each: Sequence[T]) -> Sequence[T]:
        """Of what there is one of for each operand, that of these operands."""
        return each[self.value]


NONE, FIRST, REST, ALL = Operands


@dataclass(frozen=True)
class Op:
    """One operation.

    What takes more than a word stands in a table of its own over the names of operations, where it is read: derivatives
    (`diff`), constructors (`graph.rebuild`), leading axes (`graph.lift`), what attributes need of sizes (`graph.bounds`),
    shapes (`passes.verify`), source (`codegen`). `tests/test_operations_are_complete.py` holds that no table misses an
    operation, and that a record says what the operation does.

    Attributes
    ----------
    kind : "leaf"; "pointwise", of each entry by itself, operands broadcast as in NumPy; "linear", a linear map of whole
        axes; "reduction", of axes that vanish; "product", of all other entries along axes; "linalg", of the square
        matrices in the last two axes; "pooling", of windows; "indicator", of positions, which to derivatives are constants;
        "selector", one of several results; "several", a node that has them.
    arity : number of operands; None for any.
    dtype : of the result: "float", "int", "bool", "tuple" (several results), "given" (by attributes) or "operands" (what all
        operands have, else "float").
    cost : how many operations it counts for: a number for each entry of the result, or a function of the node.
    linear : the operands in all of which together it is linear, the others being constant.
    multilinear : whether it is linear in each operand, the others being constant.
    homogeneous : the operands with all of which it scales: f(c x) = c f(x) for c > 0. Needed only where it is not linear.
    exponential : whether it may grow as fast as an exponential function.
    nonnegative : the operands that must not be negative for the result never to be; None where that does not follow.
    positive : whether no result is negative or 0.
    length : whether it is the length of a vector: without a derivative where it is 0, and flat there if squared.
    increasing : whether it is increasing, and defined for every real number.
    commutative : whether its operands may be exchanged: they then are in the order of their digests.
    shares : the operands whose memory the result may share. A contraction does so only where it is a view.
    positions : the place of the operand that holds positions along an axis; None where none does.
    safe : for an operation with a singularity or overflow, an operand at which value and derivatives are harmless;
        it takes the place of the first operand on a branch that is not taken, or, where it is a tuple, of each operand
        that has one. None where every operand is harmless.
    combine : how the results for two blocks of samples make one, as NumPy calls it; "" where they do not.
    samplewise : (node, number of samples) -> whether it treats samples one by one, or reduces over them: then one block of
        the operands' samples is enough for one block of the result, or for its share of a reduction.
    """

    kind: str
    arity: int | None = 1
    dtype: str = "float"
    cost: int | Callable[[Node], Dim] = 0
    linear: Operands = NONE
    multilinear: bool = False
    homogeneous: Operands = NONE
    exponential: bool = False
    nonnegative: Operands | None = None
    positive: bool = False
    length: bool = False
    increasing: bool = False
    commutative: bool = False
    shares: Operands = NONE
    positions: int | None = None
    safe: float | tuple[float | None, ...] | None = None
    combine: str = ""
    samplewise: Callable[[Node, Size], bool] = mixes

    def operations(self, node: Node) -> Dim:
        """How many operations a node of this operation counts for."""
        return total(node.shape) * self.cost if isinstance(self.cost, int) else self.cost(node)

    def dtype_of(self, operands: Sequence[Node]) -> str:
        """The dtype of the result; not of a leaf whose attributes give it."""
        if self.dtype != "operands":
            return self.dtype
        found = {operand.dtype for operand in operands}
        return found.pop() if len(found) == 1 else "float"

    def harmless(self) -> tuple[float | None, ...]:
        """For each of the first operands what takes its place on a branch that is not taken."""
        return self.safe if isinstance(self.safe, tuple) else (self.safe,)

    def scales_with(self) -> Operands:
        """The operands with all of which the result scales."""
        return self.linear if self.homogeneous is NONE else self.homogeneous
