"""Graphs with what their nodes are called: labels travel with the roots through every rewrite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from symdiff.graph.node import Node, topological


@dataclass(frozen=True)
class Labelled:
    """Several graphs and the labels of nodes in them.

    Attributes
    ----------
    roots : the results.
    names : node -> the user's name for it.
    words : matrix that is factorised -> the user's words for it, for errors when it runs.
    """

    roots: tuple[Node, ...]
    names: Mapping[Node, str] = field(default_factory=dict)
    words: Mapping[Node, str] = field(default_factory=dict)

    def map(self, rewrite: Callable[[Sequence[Node]], Sequence[Node]]) -> Labelled:
        """The graphs rewritten; what is labelled is rewritten along with them, and keeps its label."""
        new = rewrite([*self.roots, *self.names, *self.words])
        roots, named, worded = len(self.roots), len(self.names), len(self.words)
        assert len(new) == roots + named + worded
        return Labelled(
            tuple(new[:roots]),
            dict(zip(new[roots : roots + named], self.names.values(), strict=True)),
            dict(zip(new[roots + named :], self.words.values(), strict=True)),
        )

    def below(self, roots: Sequence[Node]) -> Labelled:
        """Other roots with those labels that are of nodes they depend on."""
        there = set(topological(roots))
        names, words = (
            {node: label for node, label in labels.items() if node in there} for labels in (self.names, self.words)
        )
        return Labelled(tuple(roots), names, words)
