"""A model as graphs: what the frontend makes, derivatives are taken of, and modules are written from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from symdiff.graph.inputs import Input
from symdiff.graph.labelled import Labelled
from symdiff.graph.node import Node
from symdiff.graph.size import Size

ENTRIES = Size.named("S")  # of a pointwise model: how many entries each of its arrays has, whatever their shape


@dataclass(frozen=True)
class Declarations:
    """All declared symbols.

    Attributes
    ----------
    inputs : parameters, then data, then constants, each in declared order.
    sizes : size symbol -> the size it stands for.
    samples : the size of the sample axis, or None where the model has none.
    pointwise : no data, scalars only: every input may be an array of one shape, and all is elementwise.
    indices : the user's names of indices, each with the length of its range.
    """

    inputs: tuple[Input, ...]
    sizes: dict[Any, Size]
    samples: Size | None
    pointwise: bool
    indices: tuple[tuple[str, Any], ...] = ()

    @cached_property
    def nodes(self) -> dict[Any, Node]:
        """SymPy symbol -> node."""
        return {declared.symbol: declared.node for declared in self.inputs}

    @property
    def sampled(self) -> list[Any]:
        """The scalar symbols that have a value for each sample."""
        return [declared.symbol for declared in self.inputs if declared.node.shape and not declared.has_axes]


@dataclass(frozen=True)
class Program:
    """A model as graphs.

    Attributes
    ----------
    name, place : of the model; the place is the file and line of its `Model(...)` call.
    objective, outputs : the results; the declared symbols that an output takes are in `arguments`.
    names : node -> the user's name for it (`named=`, the outputs).
    words : matrix that is factorised -> the user's words for it, for errors when it runs.
    """

    name: str
    place: str
    declarations: Declarations
    objective: Node | None
    outputs: Mapping[str, Node]
    arguments: Mapping[str, tuple[Input, ...]]
    names: Mapping[Node, str]
    words: Mapping[Node, str]

    @property
    def results(self) -> list[Node]:
        """The objective, if there is one, and the outputs."""
        return [*([] if self.objective is None else [self.objective]), *self.outputs.values()]

    @property
    def graphs(self) -> Labelled:
        """The results with all labels."""
        return Labelled(tuple(self.results), self.names, self.words)

    def map(self, rewrite: Callable[[Labelled], Labelled]) -> Program:
        """The program with its graphs rewritten."""
        new = rewrite(self.graphs)
        roots = iter(new.roots)
        objective = None if self.objective is None else next(roots)
        outputs = dict(zip(self.outputs, roots, strict=True))
        return replace(self, objective=objective, outputs=outputs, names=new.names, words=new.words)
