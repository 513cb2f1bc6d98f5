"""The declared inputs of a model and the functions derived from it: what passes between derivation and code generation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from symdiff.graph.node import Node
from symdiff.graph.plan import Plan, Step


@dataclass(frozen=True)
class Input:
    """One declared symbol: its identifier in source, the SymPy object, its role, its node; whether it has axes of its own."""

    name: str
    symbol: Any
    role: str
    node: Node
    has_axes: bool = False


@dataclass(frozen=True)
class Unit:
    """One function to generate.

    Attributes
    ----------
    name : of the function.
    kind : ``"value"``, ``"grad"``, ... as in `options.EMIT`.
    output : name of the output it belongs to; None for the objective.
    inputs : its arguments.
    direction : for hvp and jvp the nodes of v, one for each of `wrt`; for vjp the node of u.
    direction_name : of the argument v or u.
    wrt : what it differentiates by.
    roots : its results, in order: the value first where it is returned too.
    labels : what each result is called in source.
    plan : how the results are computed, once that is decided.
    steps : the plan as kernels and library calls, for a GPU.
    names : node of the plan -> the user's name for it.
    words : matrix of the plan that is factorised -> the user's words for it, for errors when it runs.
    """

    name: str
    kind: str
    output: str | None
    inputs: tuple[Input, ...]
    wrt: tuple[Input, ...]
    roots: tuple[Node, ...]
    direction: tuple[Node, ...] = ()
    direction_name: str = ""
    labels: tuple[str, ...] = ()
    plan: Plan | None = None
    steps: tuple[Step, ...] = ()
    names: Mapping[Node, str] = field(default_factory=dict)
    words: Mapping[Node, str] = field(default_factory=dict)
