"""Cut a graph into stages at its reductions over the sample axis.

Level of a node: how many passes over the samples must come before it. Stage k computes, once, what has level k and no samples;
then, block by block, all nodes with samples that its reductions and results need. A node with samples that a later stage
needs again is computed again there, unless it is a product or the like, or held against its own largest entry: those are kept.
Nodes for which samples are not independent (a product of all pairs of samples, say) make their stage one that cannot stream.
"""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.graph.contraction import Contraction
from symdiff.graph.node import Node, topological
from symdiff.graph.ops import LEAVES, LINALG, OPS
from symdiff.graph.plan import Plan, Stage
from symdiff.graph.samples import carries, depends
from symdiff.graph.size import Size


def plan(roots: Sequence[Node], samples: Size | None) -> Plan:
    """Order the nodes the roots need, and cut them into stages."""
    order = topological(roots)
    level = _levels(order, samples)
    last = max(level.values(), default=0)
    kept = {node for node in order if _dear(node)} | _compared(order)
    stored: set[Node] = set()
    for k in range(last, 0, -1):  # what is kept for a pass may itself need something of an earlier one
        reached = _wanted(k, order, level, roots, samples, stored, kept)
        stored |= {node for node in reached if level[node] < k and node in kept}
    stages = tuple(_stage(k, order, level, roots, samples, stored) for k in range(last + 1))
    stages = tuple(stage for stage in stages if stage.whole or stage.streamed or stage.partials)
    return Plan(tuple(roots), tuple(order), stages, samples)


def _levels(order: Sequence[Node], samples: Size | None) -> dict[Node, int]:
    level: dict[Node, int] = {}
    for node in order:
        level[node] = max((level[operand] for operand in node.args), default=0) + _ends_pass(node, samples)
    return level


def _wanted(
    k: int,
    order: Sequence[Node],
    level: dict[Node, int],
    roots: Sequence[Node],
    samples: Size | None,
    stored: set[Node],
    kept: set[Node],
) -> set[Node]:
    """The nodes with samples that stage k needs: those it computes, and those of earlier stages that are `kept`."""
    wanted = {operand for node in order if level[node] == k + 1 and _ends_pass(node, samples) for operand in node.args}
    wanted |= {node for node in (*roots, *stored) if level[node] == k}
    wanted = {node for node in wanted if carries(node, samples)}
    for node in reversed(order):
        if node in wanted and not (node in kept and level[node] < k):
            wanted |= {operand for operand in node.args if carries(operand, samples)}
    return wanted


def _streamed(
    k: int,
    order: Sequence[Node],
    level: dict[Node, int],
    roots: Sequence[Node],
    samples: Size | None,
    stored: set[Node],
) -> list[Node]:
    """The nodes with samples that stage k computes, given what earlier stages store."""
    wanted = _wanted(k, order, level, roots, samples, stored, stored)
    return [
        node for node in order if node in wanted and node.op not in LEAVES and not (node in stored and level[node] < k)
    ]


def _dear(node: Node) -> bool:
    """Whether computing a node again costs more than keeping its entries."""
    return node.op in LINALG or (node.op == "contract" and bool(Contraction.of(node).summed()))


def _compared(order: Sequence[Node]) -> set[Node]:
    """What is held against another for equality, as its largest entry is: computed again, its last bit might differ."""
    return {x for node in order if node.op == "eq" for x in node.args}


def _stage(
    k: int,
    order: Sequence[Node],
    level: dict[Node, int],
    roots: Sequence[Node],
    samples: Size | None,
    stored: set[Node],
) -> Stage:
    here = [node for node in order if level[node] == k and node.op not in LEAVES]
    ends = [node for node in order if level[node] == k + 1 and _ends_pass(node, samples)]
    streamed = tuple(_streamed(k, order, level, roots, samples, stored))
    whole = tuple(node for node in here if not carries(node, samples) and not _ends_pass(node, samples))
    partials = tuple((node, OPS[node.op].combine or "none") for node in ends)
    kept = stored.union(roots)
    rows = tuple(node for node in streamed if level[node] == k and node in kept)
    streams = (
        samples is not None and bool(streamed or ends) and all(_by_sample(node, samples) for node in (*streamed, *ends))
    )
    return Stage(whole, streamed, partials, rows, streams and all(law != "none" for _, law in partials))


def _ends_pass(node: Node, samples: Size | None) -> bool:
    """Whether a node reduces over the samples: it is known after the pass that all its operands are known in."""
    return not carries(node, samples) and any(carries(operand, samples) for operand in node.args)


def _by_sample(node: Node, samples: Size) -> bool:
    """Whether one block of samples of the operands is enough for one block of the result, or for its share of a reduction."""
    for part in (node, *node.args):
        beside = [dim for dim in part.shape if dim != samples]
        if len(beside) < part.ndim - 1 or depends(beside, samples) or (part.op == "arange" and carries(part, samples)):
            return False
    return OPS[node.op].samplewise(node, samples)
