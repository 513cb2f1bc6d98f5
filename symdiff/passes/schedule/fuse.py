"""Group elementwise operations, with the reductions that end them, into kernels: what is in between never reaches memory.

Stage of a node: how many launches must come before the one that computes it. An elementwise operation can share the launch
of an operand that has its space, the axes longer than 1 in the same order; every other operand must be in memory before.
So all nodes of one space and one stage make one kernel, and what scalars follow from its sums is computed at its end.

What goes row by row shares a launch too (`passes/rows.py`): values of rows, such as sums of a row, and entries.

Example: mean((w x + b - y)**2) and its gradient are one kernel over the samples; softmax regression is a kernel over rows of
scores between two matrix products; logistic regression is one kernel, where each row of X gives an entry of X w and adds to
X^T r.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from symdiff.graph.contraction import is_view
from symdiff.graph.node import Node
from symdiff.graph.ops import LEAVES
from symdiff.graph.plan import Kernel, Step
from symdiff.graph.size import Dim, Size
from symdiff.graph.space import (
    Axes,
    axes_of,
    is_elementwise,
    is_whole,
    loops_of,
    operands_of,
    reduction_of,
    seen_through,
    space_of,
)
from symdiff.passes.schedule.rows import Frame, Frames, in_one_pass, poor

_DEEPEST = 24  # elementwise operations, one after the other, that are computed again in each loop over a row


def fuse(roots: Sequence[Node], order: Sequence[Node], samples: Size | None = None) -> tuple[Step, ...]:
    """Kernels and single nodes, in an order in which each has what it needs; leaves and views are left out.

    Where the first axis of a matrix is the samples, its products with vectors may be part of a kernel.
    """
    found = _Fusion(roots, order, samples)
    while products := found.poor():
        found = _Fusion(roots, order, samples, found.calls | products)
    return found.steps()


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
    frame: Frame | None = None

    @property
    def columns(self) -> int:
        """How many axes of sums it keeps, 0 if it has none of columns."""
        own = self.form == "columns" or (self.form == "rows" and self.ends)
        return (self.kept if self.form == "columns" else len(self.space) - self.kept) if own else 0


class _Fusion:
    """Nodes in groups; `calls` are products with vectors that are library calls."""

    def __init__(
        self, roots: Sequence[Node], order: Sequence[Node], samples: Size | None, calls: frozenset[Node] = frozenset()
    ) -> None:
        self.roots, self.calls = roots, calls
        self.order = [node for node in order if node.op not in LEAVES and not (is_view(node) and _looks(node))]
        self.position = {node: i for i, node in enumerate(self.order)}
        self.elementwise = {node for node in self.order if is_elementwise(node)}
        others = [node for node in self.order if node not in self.elementwise and node not in calls]
        found = {node: one for node in others if (one := reduction_of(node)) is not None}
        self.reductions = {n: one for n, one in found.items() if not one.with_vector or in_one_pass(one, samples)}
        self.looked = {node: self._looked(node) for node in self.order}
        known = {
            node: found for node, found in self.looked.items() if node in self.elementwise or node in self.reductions
        }
        self.frames = Frames(self.order, known, self.reductions)
        self.reads = {node: self._reads(node) for node in self.order}
        self.early = self._early()
        self.stage = self._stages()
        self.home: dict[Node, _Group] = {}
        self.groups = self._groups()

    def poor(self) -> frozenset[Node]:
        """The products that library calls do as well."""
        products = [node for node, one in self.reductions.items() if one.with_vector]
        return frozenset(poor(products, self.looked, self.reductions, self.home)) if products else frozenset()

    def _looked(self, node: Node) -> list[tuple[Node, Axes]]:
        """What a node needs, seen through views."""
        if node in self.elementwise:
            operands = operands_of(node)
        elif node in self.reductions:
            operands = list(self.reductions[node].operands)
        else:
            operands = [(x, axes_of(x.shape)) for x in node.args]
        return [seen_through(x, axes) for x, axes in operands]

    def _reads(self, node: Node) -> list[tuple[Node, bool]]:
        """What a node needs, and whether it may be computed in the same kernel."""
        if node in self.frames:
            return [(x, self.frames.flows(x, axes, node)) for x, axes in self.looked[node]]
        space = self.reductions[node].space if node in self.reductions else space_of(node.shape)
        is_own = node in self.elementwise or node in self.reductions
        return [(x, is_own and self._shares(x, axes, space)) for x, axes in self.looked[node]]

    def _shares(self, x: Node, axes: Axes, space: tuple[Dim, ...]) -> bool:
        own = x in self.elementwise and x not in self.frames
        return own and bool(space) and space_of(x.shape) == space and is_whole(axes, space)

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
        wanted = self._wanted()
        for group in self.groups:
            wanted |= self._dear(group, wanted) if group.form == "rows" else set()
        ordered = sorted(self.groups, key=lambda group: group.key)
        return tuple(group.single or self._kernel(group, wanted) for group in ordered)

    def _groups(self) -> list[_Group]:
        groups: dict[tuple[object, ...], _Group] = {}
        for node in self.order:
            if node in self.early:
                continue
            at = self.stage[node]
            if node in self.frames:
                self._in_rows(node, groups)
            elif node in self.reductions:
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
        for group in groups.values():
            self._shape(group)
        for group in sorted(groups.values(), key=lambda group: group.key):
            self._behind_columns(group)
        return [group for group in groups.values() if group.single or group.nodes or group.ends]

    def _in_rows(self, node: Node, groups: dict[tuple[object, ...], _Group]) -> None:
        """Put a node into the kernel of its frame."""
        at, frame = self.stage[node], self.frames[node]
        group = groups.setdefault((frame, at), _Group((at, 0, self.position[node]), frame=frame))
        ends = node in self.reductions and not self.frames.is_of_rows(node)
        (group.ends if ends else group.nodes).append(node)
        self.home[node] = group

    def _shape(self, group: _Group) -> None:
        """The form of a kernel of a frame: where it has nothing of rows, or nothing else, it is a simpler one."""
        frame = group.frame
        if frame is None:
            return
        spaces = {space_of(node.shape) for node in group.nodes if node in self.elementwise}
        spaces |= {self.reductions[node].space for node in group.ends}
        of_rows = [node for node in group.nodes if self.frames.is_of_rows(node)]
        forms = {self.reductions[node].form for node in group.ends}
        if spaces == {frame.rows} and not any(node in self.reductions for node in of_rows):
            group.space = frame.rows
        elif of_rows or len(forms) > 1:
            group.space, group.form, group.kept = frame.space, "rows", frame.kept
        else:
            group.space, group.form = frame.space, *(forms or {"all"})
            group.kept = len(frame.columns) if group.form == "columns" else 0

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
        if any(self.reductions[end].form == "all" for end in last.ends):
            last.after.append(node)
            self.home[node] = last
            return
        at = self.stage[node]
        group = groups.setdefault(("scalars", at), _Group((at, 0, self.position[node])))
        group.nodes.append(node)
        self.home[node] = group

    def _behind_columns(self, group: _Group) -> None:
        """Move what follows from sums of columns to the end of their kernel, where nothing else is needed."""
        sums = {x for node in group.nodes for x, _ in self.looked[node] if x in self.reductions}
        if group.frame or group.ends or not any(self.reductions[x].form == "columns" for x in sums):
            return
        for nodes in self._connected(group.nodes):
            if last := self._columns_of(nodes, group):
                last.after += nodes
                self.home |= dict.fromkeys(nodes, last)
        group.nodes = [node for node in group.nodes if self.home[node] is group]

    def _connected(self, nodes: Sequence[Node]) -> list[list[Node]]:
        """Nodes in parts that need nothing of each other."""
        first: dict[Node, Node] = {}  # towards the node that stands for the part

        def part(node: Node) -> Node:
            while first[node] is not node:
                first[node] = first[first[node]]
                node = first[node]
            return node

        for node in nodes:
            first[node] = node
            for x, _ in self.looked[node]:
                if x in first:
                    first[part(x)] = node
        found: dict[Node, list[Node]] = {}
        for node in nodes:
            found.setdefault(part(node), []).append(node)
        return [*found.values()]

    def _columns_of(self, nodes: Sequence[Node], group: _Group) -> _Group | None:
        """The kernel whose sums of columns nodes follow from, and else only from what is in memory before."""
        reads = [(x, axes) for node in nodes for x, axes in self.looked[node] if self.home.get(x) not in (None, group)]
        last = max((self.home[x] for x, _ in reads), key=lambda other: other.key, default=None)
        if last is None or not last.space or last.space[len(last.space) - last.columns :] != group.space:
            return None
        for x, axes in reads:
            is_sum = x in last.ends and self.reductions[x].form == "columns"
            if is_sum or (x in last.after and space_of(x.shape)):
                if not is_whole(axes, group.space):
                    return None
            elif not self.home[x].key < last.key:
                return None
        return last

    def _wanted(self) -> set[Node]:
        """Nodes that must be in memory: results, and what another kernel or a library call reads."""
        found = {seen_through(root, axes_of(root.shape))[0] for root in self.roots}
        for node in self.order:
            if node in self.early:
                continue
            found |= {x for x, _ in self.reads[node] if self.home.get(x) is not self.home[node] and x not in self.early}
            if self.home[node].single is node:
                found |= {x for x, _ in self.reads[node]}
        return found | self._compared()

    def _dear(self, group: _Group, wanted: set[Node]) -> set[Node]:
        """Entries that cost more to compute again in a later loop over the row than to write and read."""
        own = [*group.nodes, *group.ends]
        loop = loops_of(own, lambda node: (x for x, _ in self.looked[node]))
        last = dict(loop)  # loop that needs a node
        for node in own[::-1]:
            for x, _ in self.looked[node]:
                if x in last:
                    last[x] = max(last[x], last[node])
        depth: dict[Node, int] = {}  # of what must be computed to have an entry
        found = set()
        for node in group.nodes:
            if node in self.elementwise and not self.frames.is_of_rows(node):
                depth[node] = 1 + max((depth.get(x, 0) for x, _ in self.looked[node] if x not in wanted), default=0)
                if depth[node] > _DEEPEST and last[node] > loop[node]:
                    found.add(node)
                    depth[node] = 0
        return found

    def _compared(self) -> set[Node]:
        """What is held against its largest or smallest in the row: computed again it might differ in the last bit from it."""
        extremes = [node for node in self.reductions if node.op in ("reduce_max", "reduce_min") and node in self.frames]
        found = {x for node in extremes for x, _ in self.looked[node] if x in self.elementwise}
        return found & {x for node in self.order if node.op == "eq" for x, _ in self.looked[node]}

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
