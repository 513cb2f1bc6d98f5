"""What holds of every plan and its steps: each node is known before it is used, and every result comes out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from symdiff.errors import InternalError
from symdiff.graph.contraction import is_view
from symdiff.graph.node import Node
from symdiff.graph.ops import LEAVES, OPS
from symdiff.graph.plan import Kernel, Plan, Stage, Step
from symdiff.passes.verify import verify


def verify_plan(plan: Plan, unwritten: Collection[str]) -> None:
    """Raise `InternalError` where something does not hold of a plan; `unwritten` are the operations that have no source."""
    verify(plan.order, unwritten)
    for fault in _of_stages(plan):
        raise InternalError(f"In a plan {fault}.")


def verify_steps(plan: Plan, steps: Sequence[Step]) -> None:
    """Raise `InternalError` where something does not hold of a plan's steps, which are kernels and library calls."""
    for fault in _of_steps(plan, steps):
        raise InternalError(f"In the steps of a plan {fault}.")


def _of_stages(plan: Plan) -> Iterator[str]:
    known = {node for node in plan.order if node.op in LEAVES}  # with samples: in memory for all of them
    if missing := set(plan.results) - set(plan.order):
        yield f"{_any(missing)!r} is a result that is not computed"
    for number, stage in enumerate(plan.stages):
        for fault in _of_stage(stage, plan, known):
            yield f"stage {number}: {fault}"
        known.update(stage.whole, stage.rows, (node for node, _ in stage.partials))
    if missing := set(plan.results) - known:
        yield f"{_any(missing)!r} is a result of no stage"


def _of_stage(stage: Stage, plan: Plan, known: Collection[Node]) -> Iterator[str]:
    here = set(known)
    for node in stage.whole:
        if not here.issuperset(node.args):
            yield f"{node!r} is computed before an operand"
        here.add(node)
    for node in stage.streamed:
        if plan.samples not in node.shape:
            yield f"{node!r} is computed in blocks, and has no samples"
        if not here.issuperset(node.args):
            yield f"{node!r} is computed in blocks before an operand"
        here.add(node)
    for node, law in stage.partials:
        if not here.issuperset(node.args):
            yield f"{node!r} ends it without an operand"
        if law != (OPS[node.op].combine or "none") or (stage.streams and law == "none"):
            yield f"nothing says how blocks of {node!r} combine"
    if missing := set(stage.rows) - set(stage.streamed):
        yield f"{_any(missing)!r} is kept for all samples, and not computed"


def _of_steps(plan: Plan, steps: Sequence[Step]) -> Iterator[str]:
    """Faults of steps: what none of them writes (views, constants) is computed where it is read."""
    written = {node for step in steps for node in _writes(step)}
    known: set[Node] = set()
    for number, step in enumerate(steps):
        inside = set(_nodes(step))
        early = [node for node in _reads(inside, written) if node not in known]
        if early:
            yield f"step {number} reads {early[0]!r}, which a later one writes"
        if not inside.issuperset(_writes(step)):
            yield f"step {number} writes what it does not compute"
        pending = inside - known
        for node in _nodes(step):  # in the order in which they are computed
            if not pending.isdisjoint(_reads((node,), inside | written)):
                yield f"step {number} computes {node!r} before an operand"
            pending.discard(node)
        known.update(_writes(step))
    for root in plan.results:
        while root not in known and is_view(root) and root.args:
            (root,) = root.args
        if root.args and root not in known:
            yield f"{root!r} is written by no step"


def _nodes(step: Step) -> list[Node]:
    return [step] if isinstance(step, Node) else [*step.before, *step.nodes, *step.ends, *step.after]


def _writes(step: Step) -> tuple[Node, ...]:
    return step.results if isinstance(step, Kernel) else (step,)


def _reads(nodes: Collection[Node], written: Collection[Node]) -> Iterator[Node]:
    """What steps write that nodes depend on, directly or by what no step writes."""
    pending = [x for node in nodes for x in node.args if x not in nodes]
    seen: set[Node] = set()
    while pending:
        node = pending.pop()
        if node in written:
            yield node
        elif node not in seen:
            seen.add(node)
            pending += [x for x in node.args if x not in nodes]


def _any(nodes: Collection[Node]) -> Node:
    return min(nodes, key=lambda node: node.digest)
