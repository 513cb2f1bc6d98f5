"""Cut a graph into stages at its reductions over the sample axis.

Level of a node: how many passes over the samples must come before it. Stage k computes, once, what has level k and no samples;
then, block by block, all nodes with samples that its reductions and results need. A node with samples that a later stage
needs again is computed again there. Nodes for which samples are not independent (a product of all pairs of samples, say)
make their stage one that cannot stream.
"""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.graph.contraction import Contraction
from symdiff.graph.node import Node, topological
from symdiff.graph.ops import LEAVES, POINTWISE
from symdiff.graph.plan import LAWS, Plan, Stage
from symdiff.graph.size import Size
from symdiff.passes.buffers import assign_buffers


def plan(roots: Sequence[Node], samples: Size | None) -> Plan:
    """Order the nodes the roots need, and cut them into stages."""
    order = topological(roots)
    level = _levels(order, samples)
    stages = tuple(_stage(k, order, level, roots, samples) for k in range(max(level.values(), default=0) + 1))
    stages = tuple(stage for stage in stages if stage.whole or stage.streamed or stage.partials)
    return Plan(tuple(roots), tuple(order), stages, samples, assign_buffers(order, roots))


def carries(node: Node, samples: Size | None) -> bool:
    """Whether a node has the sample axis."""
    return samples is not None and samples in node.shape


def _levels(order: Sequence[Node], samples: Size | None) -> dict[Node, int]:
    level: dict[Node, int] = {}
    for node in order:
        level[node] = max((level[operand] for operand in node.args), default=0) + _ends_pass(node, samples)
    return level


def _stage(k: int, order: Sequence[Node], level: dict[Node, int], roots: Sequence[Node], samples: Size | None) -> Stage:
    here = [node for node in order if level[node] == k and node.op not in LEAVES]
    ends = [node for node in order if level[node] == k + 1 and _ends_pass(node, samples)]
    wanted = {operand for node in ends for operand in node.args if carries(operand, samples)}
    wanted |= {node for node in roots if carries(node, samples) and level[node] == k}
    for node in reversed(order):
        if node in wanted:
            wanted |= {operand for operand in node.args if carries(operand, samples)}
    streamed = tuple(node for node in order if node in wanted and node.op not in LEAVES)
    whole = tuple(node for node in here if not carries(node, samples) and not _ends_pass(node, samples))
    partials = tuple((node, LAWS.get(node.op, "none")) for node in ends)
    streams = (
        samples is not None and bool(streamed or ends) and all(_by_sample(node, samples) for node in (*streamed, *ends))
    )
    return Stage(whole, streamed, partials, streams and all(law != "none" for _, law in partials))


def _ends_pass(node: Node, samples: Size | None) -> bool:
    """Whether a node reduces over the samples: it is known after the pass that all its operands are known in."""
    return not carries(node, samples) and any(carries(operand, samples) for operand in node.args)


def _by_sample(node: Node, samples: Size) -> bool:
    """Whether one block of samples of the operands is enough for one block of the result, or for its share of a reduction."""
    if any(part.shape.count(samples) > 1 for part in (node, *node.args)):
        return False
    if node.op == "contract":
        work = Contraction.of(node)
        of_samples = [label for label, dim in work.sizes.items() if dim == samples]
        return len(of_samples) <= 1 and all(
            of_samples[0] in labels for operand, labels in work.operands if carries(operand, samples)
        )
    if node.op in LAWS:
        (axes,) = node.attributes
        axis = node.args[0].shape.index(samples) if carries(node.args[0], samples) else None
        return axis is None or axis in axes or carries(node, samples)
    return node.op in POINTWISE or node.op == "stack"
