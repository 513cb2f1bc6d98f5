"""Which axes of a kernel's space the operands of an elementwise node run along."""

from symdiff.graph.axes import stack
from symdiff.graph.leaves import parameter
from symdiff.graph.space import operands_of

ROW, WHOLE, COLUMN, SCALAR = parameter("r", (5,)), parameter("x", (4, 5)), parameter("c", (4, 1)), parameter("s", ())


def test_entries_of_a_stack_broadcast_from_the_last_axis():
    entries = stack([ROW, WHOLE, COLUMN, SCALAR], (4,))
    assert operands_of(entries) == [(ROW, (1,)), (WHOLE, (0, 1)), (COLUMN, (0, None)), (SCALAR, ())]
