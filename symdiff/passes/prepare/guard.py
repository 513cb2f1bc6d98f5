"""Make the branches of choices harmless where they are not taken.

A branch is computed for every entry, also where it is not chosen: there log(x) may be NaN, and NaN times a derivative of 0
is NaN. So operations with a singularity get a harmless operand wherever nothing needs their result, and arrays that only a
branch reads (missing values behind a mask, say) are read as 0 there. Value and derivatives of every order are then finite,
and the choice makes them exactly 0.

What is needed where is found in one walk from the results to the inputs (`passes.reach`): a result is needed everywhere, a
branch where its condition says so, a part of several branches wherever one of them is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from symdiff.graph.axes import identity
from symdiff.graph.bounds import nonnegative
from symdiff.graph.build import select
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node, rewrite, topological
from symdiff.graph.ops import LINALG, OPS, POINTWISE
from symdiff.graph.rebuild import rebuild
from symdiff.graph.size import Dim, Size
from symdiff.passes.prepare.needs import Need, Needs, Question
from symdiff.passes.prepare.reach import Reach, Transpose


def guard(
    roots: Sequence[Node],
    results: Sequence[Node],
    hidden: Collection[Node],
    transpose: Transpose,
    samples: Dim | None = None,
) -> list[Node]:
    """The roots, with harmless operands wherever no branch of `results` that is taken needs them.

    Parameters
    ----------
    hidden : inputs whose entries may be anything where nothing needs them: not finite, or missing.
    transpose : (linear node, position of an operand, array of the node's shape) -> the transpose of the map, applied to it.
    samples : the size of the sample axis, if there is one.
    """
    order = topological(results)
    dims = {dim for node in order for dim in node.shape if isinstance(dim, Size)}
    if all(node.op != "select" for node in order) and all(nonnegative(dim - 1) for dim in dims):
        return list(roots)
    return _Guard(results, hidden, transpose, samples).guarded(roots)


class _Guard:
    def __init__(
        self, results: Sequence[Node], hidden: Collection[Node], transpose: Transpose, samples: Dim | None
    ) -> None:
        self._hidden = hidden
        self._needs = Needs()
        self._reach = Reach(self._needs, transpose, samples)
        self._needed: dict[Node, Need] = dict.fromkeys(results, True)
        self._computed_with: set[Node] = set()  # choices that go into more than further choices
        for node in reversed(topological(results)):
            need = self._needed[node]
            for position, operand in enumerate(node.args):
                found = self._reach.operand(node, position, need)
                self._needed[operand] = self._needs.either(self._needed.get(operand, False), found)
                if node.op != "select" or node in self._computed_with:
                    self._computed_with.add(operand)
        self._new: dict[Node, Node] = {}
        self._pending: set[Node] = set()

    def guarded(self, roots: Sequence[Node]) -> list[Node]:
        """The roots rewritten. Conditions come first, outer before inner ones: masks are made of what they become."""
        rewrite(self._needs.conditions, self._change, self._new)
        return rewrite(roots, self._change, self._new)

    def _change(self, node: Node, args: tuple[Node, ...]) -> Node:
        need = self._needed.get(node, True)
        if need is True or not node.args:
            return rebuild(node, args)
        changed = [self._read(node, position, new, need) for position, new in enumerate(args)]
        for position, value in enumerate(OPS[node.op].harmless()):
            if value is not None and number(node.args[position]) in (None, 0.0):
                changed[position] = select(self._mask(need), changed[position], constant(value))
        if node.op in LINALG:  # of a matrix that may be singular
            mask = self._mask(self._reach.operand(node, 0, need))
            changed[0] = select(mask, args[0], identity(args[0].shape[-1:]))
        return rebuild(node, changed)

    def _read(self, node: Node, position: int, new: Node, need: Need) -> Node:
        """An operand, with zeros for the entries of an input that nothing needs here."""
        operand = node.args[position]
        if operand not in self._hidden or node.dtype == "bool":
            return new
        if node.op == "select":  # which drops what it does not choose itself
            whole = operand.shape == node.shape and node in self._computed_with
            return select(self._mask(need), new, constant(0.0)) if whole else new
        entries = self._reach.operand(node, position, need)
        if not operand.shape and entries is not need:  # whether any entry needs a number is not worth a pass over all
            return new
        if isinstance(entries, Question) and not entries.local:
            beside = node.op in POINTWISE and isinstance(need, Question) and need.local
            entries = need if beside and operand.shape else self._needs.without_gathered(entries)
        return select(self._mask(entries), new, constant(0.0))

    def _mask(self, need: Need) -> Node:
        return self._needs.mask(need, self._condition)

    def _condition(self, condition: Node) -> Node | None:
        """What a condition has become; one within another comes before it. None for one that this is asked for."""
        if condition not in self._new and condition not in self._pending:
            self._pending.add(condition)
            rewrite([condition], self._change, self._new)
        return self._new.get(condition)
