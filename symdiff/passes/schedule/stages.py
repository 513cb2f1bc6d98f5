"""Cut a graph into stages at its reductions over the sample axis.

Level of a node: how many passes over the samples must come before it. Stage k computes, once, what has level k and no samples;
then, block by block, all nodes with samples that its reductions and results need. A node with samples that a later stage
needs again is computed again there, unless it is a product or the like, or held against its own largest entry: those are kept.
Nodes for which samples are not independent (a product of all pairs of samples, say) make their stage one that cannot stream.
"""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.graph.axes import reduced_axes
from symdiff.graph.contraction import Contraction
from symdiff.graph.item import Window
from symdiff.graph.node import Node, topological
from symdiff.graph.ops import LEAVES, LINALG, POINTWISE, REDUCTIONS
from symdiff.graph.plan import LAWS, Plan, Stage
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


def carries(node: Node, samples: Size | None) -> bool:
    """Whether a node has the sample axis."""
    return samples is not None and samples in node.shape


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
    partials = tuple((node, LAWS.get(node.op, "none")) for node in ends)
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
    if node.op in POINTWISE or node.op == "stack":
        return True
    if node.op == "contract":
        work = Contraction.of(node)
        of_samples = [label for label, dim in work.sizes.items() if dim == samples]
        return len(of_samples) <= 1 and all(
            of_samples[0] in labels for operand, labels in work.operands if carries(operand, samples)
        )
    if node.op in REDUCTIONS:
        return carries(node, samples) or (node.op in LAWS and node.args[0].shape.index(samples) in reduced_axes(node))
    return carries(node, samples) and any(carries(a, samples) for a in node.args) and _keeps_axis(node, samples)


def depends(sizes: object, samples: Size) -> bool:
    """Whether the number of samples is anywhere in sizes, positions or tuples of them: a block has fewer."""
    if isinstance(sizes, Size):
        return samples.names[0] in sizes.names
    if isinstance(sizes, Window):
        return depends((sizes.start, sizes.terms), samples)
    return isinstance(sizes, (tuple, list)) and any(depends(part, samples) for part in sizes)


def _keeps_axis(node: Node, samples: Size) -> bool:
    """Whether an operation on other axes leaves the sample axis alone."""
    axis, operand = node.shape.index(samples), node.args[0]
    match node.op:
        case "index":
            return _whole_axis(node.attributes[0], operand, samples)
        case "place":
            return _whole_axis(node.attributes[0], node, samples)
        case "reshape":
            return axis < node.ndim - len(node.attributes[1])
        case "window_max" | "pick_first_max" | "place_first_max" | "window_sum" | "spread_windows":
            apart = axis < node.ndim - len(node.attributes[0]) and not depends(node.attributes, samples)
            return apart and all(carries(x, samples) for x in node.args)
        case "contiguous" | "one_hot":
            return True
        case "take":
            return not carries(operand, samples)
        case (
            "solve"
            | "inverse"
            | "det"
            | "logdet"
            | "cofactors"
            | "cofactor_factors"
            | "log_abs_det"
            | "sign_det"
            | "cholesky"
            | "triangle"
        ):
            return all(samples in x.shape[:-2] for x in node.args)
    return False


def _whole_axis(items: Sequence[object], whole: Node, samples: Size) -> bool:
    """Whether items of the last axes of `whole` leave its sample axis as it is and do not depend on it elsewhere."""
    if not carries(whole, samples):
        return False
    own = whole.shape.index(samples) - (whole.ndim - len(items))
    others = [item for axis, item in enumerate(items) if axis != own]
    return (own < 0 or items[own] == (0, samples, 1)) and not depends(others, samples)
