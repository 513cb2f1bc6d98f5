"""From a plan to a function that streams: a function of one block of samples for each pass, and the calls that run it.

The generated function computes what has no samples, hands the block function to the helper `_over_blocks`, and goes on with
the sums it returns. An input of one block takes the same path, as one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symdiff.codegen.expression import (
    Binary,
    Expression,
    Name,
    Tuple,
    call,
    dotted,
    integer,
    integers,
    names_in,
    quoted,
)
from symdiff.codegen.function import FunctionWriter
from symdiff.codegen.numpy.buffers import SCRATCH, Buffers
from symdiff.codegen.program import Assign, Function, Return, variables
from symdiff.graph.node import Node
from symdiff.graph.ops import LEAVES
from symdiff.graph.plan import Plan, Stage
from symdiff.graph.size import Dim, evaluate, names_of, total
from symdiff.names import unique

_SPELLED = 3  # laws that are written one by one
_NOMINAL = 30  # sizes that are not known, where the widest array is looked for
_LARGE = _NOMINAL**2  # entries of sums that take time to add up


def streams(plan: Plan) -> bool:
    """Whether blocks save anything: an array with samples is computed, and every pass that does so can be in blocks."""
    return any(_in_blocks(stage, plan) for stage in plan.stages)


def _in_blocks(stage: Stage, plan: Plan) -> bool:
    reads = {operand for node in _nodes(stage) for operand in node.args}
    return (
        stage.streams
        and bool(stage.streamed)
        and any(plan.samples in node.shape for node in reads if node.op == "input")
    )


@dataclass
class StageWriter:
    """Writes one function of a module, pass by pass.

    Attributes
    ----------
    writer : of the function itself.
    new_writer : (arguments, taken names, lengths) -> the writer of a block function.
    names : node -> its wanted name.
    """

    name: str
    plan: Plan
    writer: FunctionWriter
    new_writer: Callable[[dict[Node, str], set[str], dict[str, str]], FunctionWriter]
    need: Callable[[str], None]

    def write(self) -> list[Function]:
        """Append the function's statements; return its block functions."""
        plan = self.plan
        found: list[Function] = []
        self.writer.write([node for node in plan.order if node.op in LEAVES], plan.results)
        for k, stage in enumerate(plan.stages):
            self.writer.write(stage.whole, plan.results, self._needed_later(k))
            if _in_blocks(stage, plan):
                found.append(self._block(stage, len(found)))
            elif stage.streamed or stage.partials:
                nodes = [*stage.streamed, *(node for node, _ in stage.partials)]
                self.writer.write(nodes, plan.results, self._needed_later(k))
        return found

    def _needed_later(self, k: int) -> set[Node]:
        """What stages from this one's pass on use of what came before."""
        stages = self.plan.stages
        inside = [*stages[k].streamed, *(node for node, _ in stages[k].partials)]
        later = [node for stage in stages[k + 1 :] for node in _nodes(stage)]
        return {operand for node in (*inside, *later) for operand in node.args}

    def _block(self, stage: Stage, number: int) -> Function:
        samples = self.plan.samples
        assert samples is not None
        computed = set(stage.streamed)
        ends = [node for node, _ in stage.partials]
        used = dict.fromkeys(a for node in (*stage.streamed, *ends) for a in node.args if a not in computed)
        data = [node for node in used if samples in node.shape and node.op != "arange"]
        rest = [node for node in used if node not in data and (node.op == "size" or node.op not in LEAVES)]
        rest += [node for node in used if node.op == "input" and node not in data]
        declared = {node: place for place, node in enumerate(self.writer.inputs)}
        for nodes in (data, rest):
            nodes.sort(key=lambda node: declared.get(node, len(declared)))
        arguments, taken = self._arguments(data, rest)
        writer = self.new_writer(arguments, taken, {samples.names[0]: "rows"})
        writer.texts |= {node: Name(name) for node, name in arguments.items()}
        writer.numbered = self.writer.numbered
        results = [*ends, *stage.rows]
        wanted = [self.writer.names.get(node) or f"s{i}" for i, node in enumerate(results, 1)]
        targets = [unique(name, self.writer.taken) for name in wanted]
        writer.names = {**dict(zip(results, targets, strict=True)), **writer.names}
        constants = [node for node in used if node.op in ("constant", "arange")]
        writer.write([*constants, *stage.streamed, *ends], results, results)
        writer.finish()
        parts = [writer.texts[node] for node in results]
        name = f"_{self.name}_block" + (f"_{number + 1}" if number else "")
        sizes = writer.sizes.unknown
        others = [self._given(node) for node in rest] + [Name(self.writer.sizes[size]) for size in sizes]
        given = (*arguments.values(), *(writer.sizes[size] for size in sizes))
        if writer.missing_dtype:
            others, given = [*others, dotted(self.writer.dtype)], (*given, writer.missing_dtype)
        returned = [name for part in parts for name in names_in(part)]
        buffers = Buffers(returned, writer.xp, self.need)
        statements = (*buffers.place(writer.statements), Return(Tuple(tuple(parts))))
        block: Expression = Name(name)
        if buffers.uses_scratch:
            self.need("release_scratch")
            self.need("_in_scratch")
            block = call("_in_scratch", block)
        self._call(block, stage, data, others, dict(zip(results, targets, strict=True)))
        doc = f"The part of `{self.name}` that one block of samples has."
        return Function(name, (SCRATCH, *given) if buffers.uses_scratch else given, doc, statements)

    def _given(self, node: Node) -> Expression:
        """How a value that a block function is given is written."""
        return self.writer.writer.size(node.attributes[0]) if node.op == "size" else self.writer.texts[node]

    def _arguments(self, data: Sequence[Node], rest: Sequence[Node]) -> tuple[dict[Node, str], set[str]]:
        """The names of a block function's arguments: those of the variables they are given, where they have some."""
        taken = {self.writer.xp, SCRATCH}
        found = {}
        for node in (*data, *rest):
            given = self._given(node)
            found[node] = unique(given.name if isinstance(given, Name) else "c", taken)
        return found, taken

    def _call(
        self,
        block: Expression,
        stage: Stage,
        data: Sequence[Node],
        others: Sequence[Expression],
        targets: dict[Node, str],
    ) -> None:
        """The statement that runs the pass."""
        writer, samples = self.writer, self.plan.samples
        assert samples is not None
        laws = [law for _, law in stage.partials] + [f"rows {node.shape.index(samples)}" for node in stage.rows]
        spelled: Expression = Tuple(tuple(map(quoted, laws)))
        if len(laws) > _SPELLED and len(set(laws)) == 1:
            spelled = Binary("*", Tuple((quoted(laws[0]),)), integer(len(laws)))
        axes = [node.shape.index(samples) for node in data]
        self.need("_over_blocks")
        width, widest = self._largest(stage.streamed)
        sums, most = self._largest([node for node, _ in stage.partials])
        more: dict[str, Expression] = {"axes": integers(axes)} if any(axes) else {}
        more |= {"sums": sums} if most > widest and most >= _LARGE else {}
        arrays = Tuple(tuple(writer.texts[node] for node in data))
        size = writer.writer.size(samples)
        run = call("_over_blocks", block, size, width, arrays, Tuple(tuple(others)), spelled, **more)
        writer.statements.append(Assign(variables([*targets.values()]), run))
        writer.texts |= {node: Name(target) for node, target in targets.items()}

    def _largest(self, nodes: Sequence[Node]) -> tuple[Expression, int]:
        """The entries of the largest array, of one sample where it has samples: as source, and at nominal sizes."""
        samples = self.plan.samples
        sizes: list[Dim] = list(dict.fromkeys(total([dim for dim in node.shape if dim != samples]) for node in nodes))
        nominal = dict.fromkeys(names_of(sizes), _NOMINAL)
        most = max((evaluate(size, nominal) for size in sizes), default=0)
        texts = [self.writer.writer.size(size) for size in sizes if evaluate(size, nominal) == most]
        return texts[0] if len(texts) == 1 else call("max", *texts), most


def _nodes(stage: Stage) -> list[Node]:
    return [*stage.whole, *stage.streamed, *(node for node, _ in stage.partials)]
