"""Group elementwise operations, with the reductions that end them, into kernels: what is in between never reaches memory.

Stage of a node: how many launches must come before the one that computes it. An elementwise operation can share the launch
of an operand that has its space, the axes longer than 1 in the same order; every other operand must be in memory before.
So all nodes of one space and one stage make one kernel, and what scalars follow from its sums is computed at its end.

Example: mean((w x + b - y)**2) and its gradient are one kernel over the samples; softmax regression alternates kernels with
matrix products.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from symdiff.graph.contraction import is_view
from symdiff.graph.node import Node
from symdiff.graph.ops import LEAVES
from symdiff.graph.plan import Kernel, Step
from symdiff.graph.size import Dim
from symdiff.graph.space import (
    Axes,
    axes_of,
    is_elementwise,
    is_whole,
    operands_of,
    reduction_of,
    seen_through,
    space_of,
)


def fuse(roots: Sequence[Node], order: Sequence[Node]) -> tuple[Step, ...]:
    """Kernels and single nodes, in an order in which each has what it needs; leaves and views are left out."""
    return _Fusion(roots, order).steps()


@dataclass
class _Group:
    """A kernel, or a single node, before its results are known; `key` orders them."""

    key: tuple[int, int, int]
    space: tuple[Dim, ...] = ()
    form: str = "all"
    kept: int = 0
    nodes: list[Node] = field(default_factory=list)
    ends: list[Node] = field(default_factory=list)
    after: list[Node] = field(default_factory=list)
    single: Node | None = None


class _Fusion:
    def __init__(self, roots: Sequence[Node], order: Sequence[Node]) -> None:
        self.roots = roots
        self.order = [node for node in order if node.op not in LEAVES and not (is_view(node) and _looks(node))]
        self.position = {node: i for i, node in enumerate(self.order)}
        self.elementwise = {node for node in self.order if is_elementwise(node)}
        others = [node for node in self.order if node not in self.elementwise]
        found = {node: reduction_of(node) for node in others}
        self.reductions = {node: one for node, one in found.items() if one is not None}
        self.reads = {node: self._reads(node) for node in self.order}
        self.early = self._early()
        self.stage = self._stages()
        self.home: dict[Node, _Group] = {}

    def _reads(self, node: Node) -> list[tuple[Node, bool]]:
        """What a node needs, seen through views, and whether it may be computed in the same kernel."""
        if node in self.elementwise:
            operands, space = operands_of(node), space_of(node.shape)
        elif node in self.reductions:
            operands, space = list(self.reductions[node].operands), self.reductions[node].space
        else:
            return [(seen_through(x, axes_of(x.shape))[0], False) for x in node.args]
        looked = [seen_through(x, axes) for x, axes in operands]
        return [(x, self._shares(x, axes, space)) for x, axes in looked]

    def _shares(self, x: Node, axes: Axes, space: tuple[Dim, ...]) -> bool:
        return x in self.elementwise and bool(space) and space_of(x.shape) == space and is_whole(axes, space)

    def _early(self) -> set[Node]:
        """Scalars that follow from arguments: every kernel that needs one computes it itself."""
        found: set[Node] = set()
        for node in self.order:
            is_scalar = node in self.elementwise and not space_of(node.shape)
            if is_scalar and all(x not in self.position or x in found for x, _ in self.reads[node]):
                found.add(node)
        return found

    def _stages(self) -> dict[Node, int]:
        stage: dict[Node, int] = {}
        for node in self.order:
            needs = [(x, shared) for x, shared in self.reads[node] if x in stage and x not in self.early]
            stage[node] = max((stage[x] + (not shared) for x, shared in needs), default=0)
        latest: dict[Node, int] = {}
        for node in reversed(self.order):  # elementwise work as late as its users let it: nearer to them
            if node in self.elementwise and node in latest:
                stage[node] = max(stage[node], latest[node])
            for x, shared in self.reads[node]:
                until = stage[node] - (not shared)
                latest[x] = min(latest.get(x, until), until)
        return stage

    def steps(self) -> tuple[Step, ...]:
        """The kernels and single nodes in order."""
        groups: dict[tuple[object, ...], _Group] = {}
        for node in self.order:
            if node in self.early:
                continue
            at = self.stage[node]
            if node in self.reductions:
                self._end(node, groups)
            elif node in self.elementwise and space_of(node.shape):
                key = (space_of(node.shape), at)
                group = groups.setdefault(key, _Group((at, 0, self.position[node]), key[0]))
                group.nodes.append(node)
                self.home[node] = group
            elif node in self.elementwise:
                self._scalar(node, groups)
            else:
                self.home[node] = groups[(node,)] = _Group((at, 0, self.position[node]), single=node)
        wanted = self._wanted()
        for node in self.order:
            if node in self.early and node in wanted:
                group = groups.setdefault(("scalars", 0), _Group((0, 0, self.position[node])))
                group.nodes.append(node)
                self.home[node] = group
        ordered = sorted(groups.values(), key=lambda group: group.key)
        return tuple(group.single or self._kernel(group, wanted) for group in ordered)

    def _end(self, node: Node, groups: dict[tuple[object, ...], _Group]) -> None:
        """Put a reduction at the end of the kernel of its operands, or, where that keeps other axes, in one of its own."""
        one, at = self.reductions[node], self.stage[node]
        group = groups.setdefault((one.space, at), _Group((at, 0, self.position[node]), one.space))
        if not group.ends:
            group.form, group.kept = one.form, one.kept
        elif (group.form, group.kept) != (one.form, one.kept):
            fresh = _Group((at, 1, self.position[node]), one.space, one.form, one.kept)
            group = groups.setdefault((one.space, at, one.form, one.kept), fresh)
        group.ends.append(node)
        self.home[node] = group

    def _scalar(self, node: Node, groups: dict[tuple[object, ...], _Group]) -> None:
        """Put a scalar behind the sums it follows from, or in a kernel of scalars."""
        homes = [self.home[x] for x, _ in self.reads[node] if x in self.home]
        last = max(homes, key=lambda group: group.key)
        if last.ends and last.form == "all" and last.single is None:
            last.after.append(node)
            self.home[node] = last
            return
        at = self.stage[node]
        group = groups.setdefault(("scalars", at), _Group((at, 0, self.position[node])))
        group.nodes.append(node)
        self.home[node] = group

    def _wanted(self) -> set[Node]:
        """Nodes that must be in memory: results, and what another kernel or a library call reads."""
        found = {seen_through(root, axes_of(root.shape))[0] for root in self.roots}
        for node in self.order:
            if node in self.early:
                continue
            found |= {x for x, _ in self.reads[node] if self.home.get(x) is not self.home[node] and x not in self.early}
            if self.home[node].single is node:
                found |= {x for x, _ in self.reads[node]}
        return found

    def _kernel(self, group: _Group, wanted: set[Node]) -> Kernel:
        before = self._before(group)
        if not self.early.isdisjoint(group.nodes):
            group.nodes = sorted({*before, *group.nodes}, key=self.position.__getitem__)
            before = ()
        computed = [*group.nodes, *group.ends, *group.after]
        results = tuple(node for node in computed if node in wanted)
        parts: Mapping[str, list[Node]] = {"nodes": group.nodes, "ends": group.ends, "after": group.after}
        lists = {name: tuple(nodes) for name, nodes in parts.items()}
        return Kernel(group.space, group.form, group.kept, results=results, before=before, **lists)

    def _before(self, group: _Group) -> tuple[Node, ...]:
        """The scalars that a kernel computes for itself."""
        own = {*group.nodes}
        needed = {
            x for node in (*group.nodes, *group.ends, *group.after) for x, _ in self.reads[node] if x in self.early
        }
        for node in reversed(self.order):
            if node in needed:
                needed |= {x for x, _ in self.reads[node] if x in self.early}
        return tuple(node for node in self.order if node in needed and node not in own)


def _looks(node: Node) -> bool:
    """Whether a view puts nothing on a diagonal: then it, or the ones that it repeats, need not be in memory."""
    out = node.attributes[1]
    return len(set(out)) == len(out)
