"""What is compared: the functions of a model's module, at one set of inputs, along one set of directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symdiff.graph.inputs import Input
from symdiff.graph.node import Node
from symdiff.graph.program import ENTRIES, Program
from symdiff.graph.results import Array as Part, Tree, arrays
from symdiff.graph.size import evaluate
from symdiff.kinds import KINDS

Array = NDArray[Any]
Shape = tuple[int, ...]

MOST_COLUMNS = 256  # of a whole Jacobian or Hessian; above, only products with vectors are compared
MOST_ENTRIES = 1_000_000


@dataclass(frozen=True)
class Root:
    """The objective or an output: a function to differentiate.

    Attributes
    ----------
    output : the name of the output; None for the objective.
    expression : the user's own.
    inputs, wrt : what it takes, and what it is differentiated by.
    shape : of its value at the sizes of the problem.
    pointwise : whether every array has that one shape, entry by entry.
    v, u : a direction, one array for each of `wrt`, and a cotangent.
    w : another direction, which results with too many entries are multiplied with.
    """

    output: str | None
    expression: Any
    node: Node
    inputs: tuple[Input, ...]
    wrt: tuple[Input, ...]
    shape: Shape
    pointwise: bool
    v: tuple[Array, ...]
    w: tuple[Array, ...]
    u: Array

    @property
    def name(self) -> str:
        """The function of its value."""
        return KINDS["value"].function(self.output)

    def inputs_of(self, part: Part) -> tuple[Input, ...]:
        """What an array of a function's results is a derivative by."""
        known = {entry.name: entry for entry in self.wrt}
        return tuple(known[name] for name in part.by)


@dataclass(frozen=True)
class Call:
    """One function of the module: its name, its kind as in `KINDS`, and what it is of."""

    function: str
    kind: str
    root: Root

    @property
    def results(self) -> Tree:
        """What the function returns."""
        return KINDS[self.kind].results(self.root.output, [entry.name for entry in self.root.wrt])

    @property
    def parts(self) -> list[Part]:
        """The arrays in what it returns, in order."""
        return arrays(self.results)


@dataclass(frozen=True)
class Problem:
    """A model with values for its inputs.

    Attributes
    ----------
    values : name of an input -> its value; the floating ones all have the dtype `dtype`.
    """

    lowered: Program
    sizes: Mapping[str, int]
    values: Mapping[str, Array]
    dtype: np.dtype[Any]
    roots: tuple[Root, ...]

    @classmethod
    def create(cls, model: Any, lowered: Program, sizes: Mapping[str, int], values: Mapping[str, Array]) -> Problem:
        """Gather the roots and draw their directions."""
        floating = [values[e.name].dtype for e in lowered.declarations.inputs if e.node.dtype == "float"]
        dtype = np.result_type(*floating) if floating else np.dtype(float)
        found = [*_objective(model, lowered), *_outputs(model, lowered)]
        roots = tuple(_root(*parts, lowered, sizes, dtype) for parts in found)
        return cls(lowered, sizes, values, dtype, roots)

    def cast(self, dtype: np.dtype[Any]) -> Problem:
        """The same in another floating dtype."""
        floating = [entry.name for entry in self.lowered.declarations.inputs if entry.node.dtype == "float"]
        values = {name: self.values[name].astype(dtype) for name in floating}
        roots = [
            replace(root, v=tuple(part.astype(dtype) for part in root.v), u=root.u.astype(dtype)) for root in self.roots
        ]
        return replace(self, values={**self.values, **values}, dtype=dtype, roots=tuple(roots))

    def equals(self, other: Problem) -> bool:
        """Whether the values are the same numbers."""
        return all(np.array_equal(self.values[name], other.values[name], equal_nan=True) for name in self.values)

    def shape(self, entry: Input) -> Shape:
        """Of an input's value."""
        return self.values[entry.name].shape

    def symbols(self, entries: Mapping[str, Array]) -> dict[Any, Array]:
        """Values by name as values by the user's symbols."""
        return {e.symbol: entries[e.name] for e in self.lowered.declarations.inputs if e.name in entries}

    def calls(self) -> Iterator[Call]:
        """Every function of the module that is compared, in order."""
        for root in self.roots:
            columns = sum(prod(self.shape(entry)) for entry in root.wrt)
            entries = columns if root.pointwise else columns * prod(root.shape)
            whole = columns <= MOST_COLUMNS and entries <= MOST_ENTRIES
            kinds = [kind for kind in KINDS.values() if kind.exists(root.output, bool(root.wrt))]
            calls = [Call(kind.function(root.output), kind.name, root) for kind in kinds]
            yield from (call for call in calls if whole or not any(part.is_whole for part in call.parts))

    def result_shape(self, root: Root, part: Part) -> Shape:
        """The shape of an array of a function's results."""
        if not part.by or root.pointwise:
            return root.shape
        by = sum((self.shape(entry) for entry in root.inputs_of(part)), ())
        return root.shape + by if part.keeps_axes else by


def _objective(model: Any, lowered: Program) -> Iterator[tuple[str | None, Any, Node, tuple[Input, ...]]]:
    if lowered.objective is not None:
        yield None, model.objective, lowered.objective, lowered.declarations.inputs


def _outputs(model: Any, lowered: Program) -> Iterator[tuple[str | None, Any, Node, tuple[Input, ...]]]:
    for (name, node), expression in zip(lowered.outputs.items(), model.outputs.values(), strict=True):
        yield name, expression, node, lowered.arguments[name]


def _root(
    output: str | None,
    expression: Any,
    node: Node,
    inputs: tuple[Input, ...],
    lowered: Program,
    sizes: Mapping[str, int],
    dtype: np.dtype[Any],
) -> Root:
    pointwise = lowered.declarations.pointwise
    wrt = tuple(entry for entry in inputs if entry.role == "parameter")
    shape = (ENTRIES.evaluate(sizes),) if pointwise else shape_at(node, sizes)
    random = np.random.default_rng(1)
    v, w = (tuple(normal(random, shape_at(entry.node, sizes), dtype) for entry in wrt) for _ in range(2))
    return Root(output, expression, node, inputs, wrt, shape, pointwise, v, w, normal(random, shape, dtype))


def shape_at(node: Node, sizes: Mapping[str, int]) -> Shape:
    """A node's shape at given sizes."""
    return tuple(evaluate(dim, sizes) for dim in node.shape)


def normal(random: np.random.Generator, shape: Shape, dtype: Any) -> Array:
    """Normal numbers that float32 and float64 hold alike."""
    return np.asarray(random.standard_normal(shape), np.float32).astype(dtype)
