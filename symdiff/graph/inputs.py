"""The declared inputs of a model and the functions derived from it: what passes between derivation and code generation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from symdiff.graph.node import Node
from symdiff.graph.plan import Plan, Step
from symdiff.graph.results import Tree, arrays


@dataclass(frozen=True)
class Input:
    """One declared symbol: its identifier in source, the SymPy object, its role, its node; whether it has axes of its own."""

    name: str
    symbol: Any
    role: str
    node: Node
    has_axes: bool = False


@dataclass(frozen=True)
class Bundle:
    """An argument of a function besides the declared symbols.

    Attributes
    ----------
    role : "direction", one array for each input it differentiates by; or "cotangent", an array like the output.
    name : of the argument.
    nodes : of its parts.
    """

    role: str
    name: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Unit:
    """One function to generate.

    Attributes
    ----------
    name : of the function.
    output : name of the output it belongs to; None for the objective.
    inputs : its arguments.
    wrt : what it differentiates by.
    roots : the graphs of its results, in order.
    results : what it returns: a tree of those.
    text : its docstring.
    bundles : its further arguments, after the inputs.
    plan : how the results are computed, once that is decided.
    steps : the plan as kernels and library calls, for a GPU.
    names : node of the plan -> the user's name for it.
    words : matrix of the plan that is factorised -> the user's words for it, for errors when it runs.
    """

    name: str
    output: str | None
    inputs: tuple[Input, ...]
    wrt: tuple[Input, ...]
    roots: tuple[Node, ...]
    results: Tree
    text: str = ""
    bundles: tuple[Bundle, ...] = ()
    plan: Plan | None = None
    steps: tuple[Step, ...] = ()
    names: Mapping[Node, str] = field(default_factory=dict)
    words: Mapping[Node, str] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """What each result is called in source."""
        return tuple(array.label for array in arrays(self.results))

    @property
    def further(self) -> tuple[Node, ...]:
        """The parts of its further arguments."""
        return tuple(node for bundle in self.bundles for node in bundle.nodes)
