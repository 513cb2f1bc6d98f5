"""The plan between graph and source: what is computed when, and what could be computed block by block.

A reduction over the sample axis ends a stage. Inside a stage every node that carries the samples can be computed for one
block of samples at a time; the partial results of the blocks are combined by the reduction's own law.
"""

from __future__ import annotations

from dataclasses import dataclass

from symdiff.graph.node import Node
from symdiff.graph.size import Dim, Size


@dataclass(frozen=True)
class Stage:
    """One pass over the samples.

    Attributes
    ----------
    whole : nodes without samples, computed once before the pass: they may use what earlier stages reduced.
    streamed : nodes with samples, all that this pass needs, computed block by block.
    partials : the reductions that end the pass, each with the law that combines its blocks.
    rows : streamed nodes that are kept for all samples: results, and what costs too much to compute again in a later pass.
    streams : whether blocks are possible: every streamed node treats each sample by itself.
    """

    whole: tuple[Node, ...]
    streamed: tuple[Node, ...]
    partials: tuple[tuple[Node, str], ...]
    rows: tuple[Node, ...]
    streams: bool


@dataclass(frozen=True)
class Plan:
    """How a list of results is computed.

    Attributes
    ----------
    order : every node once, operands first: the straight-line program.
    stages : the same work as passes over the samples.
    """

    results: tuple[Node, ...]
    order: tuple[Node, ...]
    stages: tuple[Stage, ...]
    samples: Size | None

    def __str__(self) -> str:
        names = {node: f"%{i}" for i, node in enumerate(self.order)}
        lines = [f"plan: {len(self.order)} nodes, {len(self.stages)} stages, samples {self.samples}"]
        for k, stage in enumerate(self.stages):
            lines.append(f"stage {k}: " + ("in blocks" if stage.streams else "whole"))
            for what, nodes in (("once", stage.whole), ("block", stage.streamed)):
                lines += [f"  {what}  {self._line(node, names)}" for node in nodes]
            lines += [f"  reduce {self._line(node, names)}  by {law}" for node, law in stage.partials]
            lines += [f"  keep  {names[node]}" for node in stage.rows]
        lines.append("results: " + ", ".join(names[node] for node in self.results))
        return "\n".join(lines)

    def _line(self, node: Node, names: dict[Node, str]) -> str:
        operands = [names[operand] for operand in node.args] + [
            str(a) for a in node.attributes if node.op != "contract"
        ]
        shape = "x".join(map(str, node.shape)) or "scalar"
        return f"{names[node]} = {node.op}({', '.join(operands)}): {shape}"


@dataclass(frozen=True)
class Kernel:
    """Elementwise work on every entry of a space, with the reductions that end it: one launch on a GPU.

    A kernel of the form "rows" has one row after the other, the first `kept` axes counting them: its nodes are values of
    entries and values of rows, reductions of a row among them, after which it goes over the row's entries again.

    Attributes
    ----------
    space : the lengths of the axes it runs along.
    form : "all" entries, which its reductions make one; "columns", the last axes, which its reductions keep; or "rows".
    kept : how many axes rows or columns are.
    before : scalars that follow from arguments, which every kernel computes for itself.
    nodes : computed for every entry, or for every row, in order.
    ends : reductions over the others: in the form "rows" of all entries, of all rows, or of columns.
    after : scalars that follow from reductions of all entries.
    results : which of these are written to memory.
    """

    space: tuple[Dim, ...]
    form: str
    kept: int
    before: tuple[Node, ...]
    nodes: tuple[Node, ...]
    ends: tuple[Node, ...]
    after: tuple[Node, ...]
    results: tuple[Node, ...]


Step = Node | Kernel
