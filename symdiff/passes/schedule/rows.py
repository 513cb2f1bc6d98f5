"""Which work goes row by row: nodes that one kernel can compute while it has a row of a space at hand.

A softmax of (n, c) entries takes each row's largest entry, then the row's sum of exponentials, then entries again: what flows
between them stays in the row. So do z = X w, what is elementwise in z, and X^T of that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from symdiff.graph.node import Node
from symdiff.graph.size import Dim, Size
from symdiff.graph.space import Axes, Reduction, is_whole, space_of

Reads = Sequence[tuple[Node, Axes]]


@dataclass(frozen=True)
class Frame:
    """The rows of a space: its first `kept` axes count them."""

    space: tuple[Dim, ...]
    kept: int

    @property
    def rows(self) -> tuple[Dim, ...]:
        """The space of one value for each row."""
        return self.space[: self.kept]

    @property
    def columns(self) -> tuple[Dim, ...]:
        """The space along a row."""
        return self.space[self.kept :]

    def has(self, one: Reduction) -> bool:
        """Whether a reduction of entries is one of rows, of columns or of all."""
        keeps = {"all": 0, "rows": self.kept, "columns": len(self.space) - self.kept}
        return one.space == self.space and one.kept == keeps[one.form]


class Frames(dict[Node, Frame]):
    """Node -> the frame that it belongs to, of nodes that have one.

    Parameters
    ----------
    order : every node once, operands first.
    looked : what each elementwise node and each reduction reads, seen through views, and the axes that it runs along.
    reductions : how nodes reduce; the other nodes of `looked` are elementwise.
    """

    def __init__(
        self, order: Sequence[Node], looked: Mapping[Node, Reads], reductions: Mapping[Node, Reduction]
    ) -> None:
        super().__init__()
        self.looked, self.reductions = looked, reductions
        number = Counter((one.space, one.kept) for one in reductions.values() if one.form == "rows")
        self.of_space: dict[tuple[Dim, ...], Frame] = {}
        for (space, kept), _ in sorted(number.items(), key=lambda item: item[1]):
            self.of_space[space] = Frame(space, kept)  # the one of most reductions
        if not self.of_space:
            return
        self.reduced = self._reduced(order)
        for node in order:
            if node in looked:
                self._as_operands(node)
        for node in reversed(order):
            self._as_users(node)
        for node, one in reductions.items():
            if one.form == "all" and one.space not in self.of_space:  # of values of rows
                for x, _ in looked[node]:
                    if x in self and self.is_of_rows(x) and self[x].rows == one.space:
                        self[node] = self[x]

    def is_of_rows(self, node: Node) -> bool:
        """Whether a node of a frame has one value for each row."""
        if node in self.reductions:
            return self.reductions[node].form == "rows"
        return space_of(node.shape) == self[node].rows

    def flows(self, x: Node, axes: Axes, node: Node) -> bool:
        """Whether a node finds what it reads of x in the same row, or at the same entry."""
        frame = self[node]
        if self.get(x) != frame:
            return False
        if self.is_of_rows(x):
            return [axis for axis in axes if axis is not None] == list(range(frame.kept))
        return x not in self.reductions and is_whole(axes, frame.space)

    def _reduced(self, order: Sequence[Node]) -> set[Node]:
        """Elementwise nodes that go on to a reduction of the rows of their own space."""
        found: set[Node] = set()
        for node in reversed(order):
            one = self.reductions.get(node)
            if (node in found) if one is None else (one.form == "rows" and self.of_space[one.space].has(one)):
                space = space_of(node.shape) if one is None else one.space
                for x, axes in self.looked[node]:
                    if x in self.looked and x not in self.reductions and is_whole(axes, space):
                        found.add(x)
        return found

    def _as_operands(self, node: Node) -> None:
        """The frame of values of rows that a node goes on with, or that of its entries."""
        one = self.reductions.get(node)
        if one is not None:
            frame = self.of_space.get(one.space)
            if frame is not None and frame.has(one):
                self[node] = frame
            elif one.form == "rows":
                self[node] = Frame(one.space, one.kept)
            return
        space = space_of(node.shape)
        for x, axes in self.looked[node][::-1] if node not in self.reduced else ():
            if x in self and self.is_of_rows(x) and self[x].rows == space and is_whole(axes, space):
                self[node] = self[x]
                return
        if space in self.of_space:
            self[node] = self.of_space[space]

    def _as_users(self, node: Node) -> None:
        """What has one value for each row that a node reads, and no frame so far, joins the node's."""
        frame = self.get(node)
        for x, axes in self.looked[node] if frame else ():
            if frame and x in self.looked and x not in self and x not in self.reductions:
                own = [axis for axis in axes if axis is not None]
                if space_of(x.shape) == frame.rows and own == list(range(frame.kept)):
                    self[x] = frame


def in_one_pass(one: Reduction, samples: Size | None) -> bool:
    """Whether a product with a vector may be worth a kernel: many rows, the samples, of entries that are not as many."""
    names = set(samples.names) if samples is not None else set()
    has = [isinstance(dim, Size) and not names.isdisjoint(dim.names) for dim in one.space]
    return one.with_vector and has[0] and not any(has[1:])


def poor(
    products: Collection[Node],
    looked: Mapping[Node, Reads],
    reductions: Mapping[Node, Reduction],
    home: Mapping[Node, object],
) -> set[Node]:
    """Products with vectors that a library call does as well: whose kernel would do nothing else with the matrix or the result.

    `home` has the kernel of each node.
    """
    users: dict[Node, list[Node]] = {}
    for node, reads in looked.items():
        for x in dict.fromkeys(x for x, _ in reads):
            users.setdefault(x, []).append(node)
    found = set()
    for node in products:
        one, own = reductions[node], home[node]
        matrices = [x for x, axes in looked[node] if is_whole(axes, one.space)]
        others = [user for x in matrices for user in users[x] if user is not node and home.get(user) is own]
        if any(home.get(x) is own for x in matrices):
            continue
        if one.form == "rows":
            others += [user for user in users.get(node, ()) if home.get(user) is own]
        else:
            others = [user for user in others if user in reductions and reductions[user].form == "rows"]
        if not others:
            found.add(node)
    return found
