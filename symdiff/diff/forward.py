"""Forward mode: tangents flow from the inputs to the results, over the same tables as reverse mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symdiff.diff.table import derivative_of
from symdiff.graph.node import Node, topological
from symdiff.graph.several import results


class ForwardMode:
    """Forward mode over one graph, in one set of directions after another: each visits only what depends on its inputs.

    Parameters
    ----------
    roots : the results.
    """

    def __init__(self, roots: Sequence[Node]) -> None:
        self.roots = list(roots)
        self.place = {node: place for place, node in enumerate(topological(roots))}
        self.users: dict[Node, list[Node]] = {}
        moving = {*roots}  # what tangents reach a root from
        for node in reversed(self.place):
            if node in moving and node.dtype in ("float", "tuple") and node.op != "stop_gradient":
                moving.update(node.args)
                for operand in node.args:
                    self.users.setdefault(operand, []).append(node)

    def tangents(self, seeds: Mapping[Node, Node], first: int | None = None) -> list[Node | None]:
        """The derivative of each root, or of the `first` few, in the directions `seeds`.

        Parameters
        ----------
        seeds : input -> its tangent, of its shape, or of all with the same axes in front: then many directions at once.

        Returns
        -------
        for each root its tangent, with the axes that the seeds have in front, or None where it is zero.
        """
        roots = self.roots[:first]
        end = max((self.place[root] for root in roots), default=-1)  # what only later roots need stands behind
        found: dict[Node, Node] = dict(seeds)
        for node in self._reached(seeds, end):
            if node.op == "result":  # found with the node of several results
                continue
            through = [found.get(operand) if operand.dtype == "float" else None for operand in node.args]
            if any(t is not None for t in through):
                targets = results(node) if node.dtype == "tuple" else [node]
                pairs = zip(targets, derivative_of(node).jvp(node, through), strict=True)
                found |= {target: t for target, t in pairs if t is not None}
        return [found.get(root) for root in roots]

    def _reached(self, seeds: Mapping[Node, Node], end: int) -> list[Node]:
        """What depends on the seeds, operands first."""
        seen = set(seeds)
        pending = list(seeds)
        while pending:
            for user in self.users.get(pending.pop(), ()):
                if user not in seen and self.place[user] <= end:
                    seen.add(user)
                    pending.append(user)
        return sorted(seen - set(seeds), key=self.place.__getitem__)


def tangents(roots: Sequence[Node], seeds: Mapping[Node, Node]) -> list[Node | None]:
    """The derivative of each root in the directions `seeds`, as `ForwardMode.tangents` gives it."""
    return ForwardMode(roots).tangents(seeds)
