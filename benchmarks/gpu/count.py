"""What a step needs on a GPU, counted from its plan: launches, bytes, operations. Nothing is run.

Each array that a kernel or a library call reads or writes counts once, whatever caches do; views are not in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from symdiff.compiler import scheduled
from symdiff.derive import derive, prepared
from symdiff.frontend.lower import lower
from symdiff.graph.inputs import Unit
from symdiff.graph.node import Node, topological
from symdiff.graph.ops import LEAVES
from symdiff.graph.plan import Kernel, Step
from symdiff.graph.size import Dim, evaluate, total
from symdiff.graph.space import Axes, axes_of, is_elementwise, operands_of, reduction_of, seen_through, space_of
from symdiff.model import Model
from symdiff.options import Options
from symdiff.passes.algebra.operations import operations
from symdiff.passes.pipeline import Setting

VIEWS = ("reshape", "index")  # single nodes that CuPy computes without touching memory


@dataclass(frozen=True)
class Count:
    """What a step needs.

    Attributes
    ----------
    launches : of kernels of the module.
    calls : of CuPy's library, each of which may be several kernels.
    read, written : bytes of memory, by both.
    operations : floating operations.
    least : bytes that any program must move: the arguments once, the results once.
    """

    launches: int
    calls: int
    read: int
    written: int
    operations: int
    least: int

    @property
    def bytes(self) -> int:
        """Read and written."""
        return self.read + self.written


def planned(model: Model, function: str) -> Unit:
    """A function of the module for CuPy, with its plan."""
    options = Options.create(backend="cupy", emit=function)
    program = prepared(lower(model))
    setting = Setting.of(program, options.backend, options.math)
    return next(scheduled(unit, program, setting) for unit in derive(program, options) if unit.name == function)


def count(unit: Unit, sizes: Mapping[str, int], itemsize: int) -> Count:
    """What a function needs at some sizes, with floating numbers of so many bytes."""

    def size_of(node: Node, entries: Dim) -> int:
        return evaluate(entries, sizes) * {"float": itemsize, "int": 8, "bool": 1}[node.dtype]

    read = written = 0
    for step in unit.steps:
        largest: dict[Node, int] = {}
        for node, entries in reads(step):
            largest[node] = max(largest.get(node, 0), min(size_of(node, entries), size_of(node, total(node.shape))))
        read += sum(largest.values())
        written += sum(size_of(node, total(node.shape)) for node in results(step))
    used = set(topological(unit.roots))
    needed = [entry.node for entry in unit.inputs if entry.node in used] + [v for v in unit.further if v in used]
    return Count(
        launches=sum(isinstance(step, Kernel) for step in unit.steps),
        calls=sum(is_call(step) for step in unit.steps),
        read=read,
        written=written,
        operations=evaluate(operations(unit.roots), sizes),
        least=sum(size_of(node, total(node.shape)) for node in [*needed, *dict.fromkeys(unit.roots)]),
    )


def is_call(step: Step) -> bool:
    """Whether a step is work of CuPy's library."""
    return not isinstance(step, Kernel) and step.op not in VIEWS


def results(step: Step) -> tuple[Node, ...]:
    """The arrays that a step writes."""
    if isinstance(step, Kernel):
        return step.results
    return (step,) if is_call(step) else ()


def reads(step: Step) -> Iterator[tuple[Node, Dim]]:
    """The arrays in memory that a step reads, with the number of entries; an array may come several times."""
    if isinstance(step, Kernel):
        yield from _reads_of_kernel(step)
    elif is_call(step):
        for operand in step.args:
            base, _ = seen_through(operand, axes_of(operand.shape))
            entries = total(base.shape)
            while base.op in VIEWS:
                base, _ = seen_through(base.args[0], axes_of(base.args[0].shape))
            if _is_in_memory(base):
                yield base, entries


def _reads_of_kernel(kernel: Kernel) -> Iterator[tuple[Node, Dim]]:
    computed = {*kernel.before, *kernel.nodes, *kernel.ends, *kernel.after}
    for node in (*kernel.before, *kernel.nodes, *kernel.ends, *kernel.after):
        reduction = None if is_elementwise(node) else reduction_of(node)
        space = space_of(node.shape) if reduction is None else reduction.space
        for operand in operands_of(node) if reduction is None else reduction.operands:
            base, axes = seen_through(*operand)
            if base in computed or not _is_in_memory(base):
                continue
            entries = _places(axes, space)
            while base.op in VIEWS:
                base, _ = seen_through(base.args[0], axes_of(base.args[0].shape))
            yield base, entries


def _places(axes: Axes, space: Sequence[Dim]) -> Dim:
    """How many entries there are along these axes of a space: of a diagonal, its length."""
    return total(space[axis] for axis in {axis for axis in axes if axis is not None})


def _is_in_memory(node: Node) -> bool:
    """Whether it is an array: no number, size or range that each thread knows, and no repeated 1."""
    return node.op == "input" or (node.op not in LEAVES and bool(node.args))
