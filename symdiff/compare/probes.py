"""Which entries of a result are held against high precision, and which derivative of the expression each one is.

An entry of any result is a derivative of the expression along no, one or two directions, contracted with weights where
the result is: of a gradient, along the unit direction of that entry; of a Hessian-vector product, along v and it. In a
pointwise model every derivative by an array is a diagonal, which is the contraction with ones.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from symdiff.compare.problem import Array, Call, Problem, Root
from symdiff.graph.inputs import Input
from symdiff.graph.results import Array as Part

Columns = list[tuple[tuple[int, ...], ...]]  # for each chosen column, an index into each input it is a derivative by


@dataclass(frozen=True)
class Direction:
    """A direction in the space of the inputs, by the user's symbols; for a unit direction, which entry it moves."""

    key: tuple[Any, ...]
    parts: Mapping[Any, Array] = field(compare=False)
    symbol: Any = field(default=None, compare=False)
    entry: tuple[int, ...] | None = field(default=None, compare=False)


Chain = tuple[Direction, ...]


@dataclass(frozen=True)
class Probe:
    """Some numbers of a result.

    Attributes
    ----------
    chain : the directions of the derivative.
    weights : what the derivative is contracted with; None where the result keeps the axes of the expression.
    places : flat indices into the result.
    along : instead of places, a vector the last axes of the result are multiplied with: all their entries at once.
    """

    chain: Chain
    weights: Array | None
    places: Array | None
    along: Array | None = None

    def read(self, result: Array) -> Array:
        """The numbers, from the whole result."""
        if self.along is None:
            return np.asarray(result.ravel()[self.places])
        rows = result.reshape(-1, self.along.size).astype(np.longdouble)
        return np.asarray(rows @ self.along.ravel(), float)

    def contract(self, derivative: Array) -> Array:
        """The same numbers, from the derivative along the chain."""
        if self.weights is None:
            return derivative.ravel()
        return np.asarray([np.sum(self.weights * derivative)])

    def bound(self, scale: Array) -> Array:
        """The size of their terms, from that of the derivative's."""
        return scale.ravel() if self.weights is None else np.asarray([np.sum(np.abs(self.weights) * scale)])


def probes(problem: Problem, call: Call, part: Part, limit: int, suspects: Sequence[int] = ()) -> list[Probe]:
    """The probes of one result: all of its columns where they are at most `limit`, else some, chosen at random.

    `suspects` are flat indices of entries whose columns are chosen too.
    """
    root = call.root
    label = root.inputs_of(part)
    along_v = Direction(("v",), dict(zip([entry.symbol for entry in root.wrt], root.v, strict=True)))
    before: Chain = (along_v,) if "direction" in part.along else ()
    if not label:
        return [Probe(before, None, np.arange(prod(root.shape)))]
    keeps = part.keeps_axes and not root.pointwise
    weights = None if keeps else root.u if "cotangent" in part.along else np.ones(root.shape)
    columns, complete = _columns(problem, call, label, limit, suspects)
    shape = problem.result_shape(root, part)
    numbers = np.arange(prod(shape)).reshape(*(root.shape if keeps else ()), -1)
    found = []
    for column in columns:
        chain = before + _chain(problem, root, label, column)
        found.append(Probe(chain, weights, numbers[..., _flat(problem, root, label, column)].ravel()))
    if not complete:
        chain, along = _product(root, label)
        found.append(Probe(before + chain, weights, None, along))
    return found


def _product(root: Root, label: tuple[Input, ...]) -> tuple[Chain, Array]:
    """Directions that move all entries of the inputs, and what the axes of a result are multiplied with to match."""
    parts = [root.w[root.wrt.index(label[0])], *(root.v[root.wrt.index(entry)] for entry in label[1:])]
    if root.pointwise and len(parts) == 2:
        parts[0] = np.ones(root.shape)
    chain = [
        Direction(("part", i, entry.name), {entry.symbol: part})
        for i, (entry, part) in enumerate(zip(label, parts, strict=True))
    ]
    return tuple(chain), parts[-1] if root.pointwise or len(parts) == 1 else np.multiply.outer(*parts)


def read(chosen: Sequence[Probe], result: Array) -> Array:
    """The numbers of all probes, from the whole result."""
    return np.concatenate([probe.read(result) for probe in chosen])


def _columns(
    problem: Problem, call: Call, label: tuple[Input, ...], limit: int, suspects: Sequence[int]
) -> tuple[Columns, bool]:
    """Indices of the columns, and whether these are all."""
    shapes = [problem.shape(entry) for entry in label]
    if call.root.pointwise:
        shapes = [call.root.shape]
    size = prod(prod(shape) for shape in shapes)
    chosen = set(range(size))
    if size > limit:
        # The two blocks of a Hessian that mirror each other take the same entries, so that these are computed once.
        mirrored = len(label) == 2 and not call.root.pointwise and _turned(call.root, label)
        name = ".".join(sorted(entry.name for entry in label))
        random = np.random.default_rng(zlib.crc32(name.encode()))
        chosen = {int(i) for i in random.choice(size, max(1, limit), replace=False)}
        if mirrored:
            rows, columns = (prod(shape) for shape in shapes)
            chosen = {i % rows * columns + i // rows for i in chosen}
        chosen |= {place % size for place in suspects}
    axes = [axis for shape in shapes for axis in shape]
    split = len(shapes[0])
    indices = [tuple(int(i) for i in np.unravel_index(place, axes)) if axes else () for place in sorted(chosen)]
    pairs: Columns = [(index[:split], index[split:]) if len(shapes) == 2 else (index,) for index in indices]
    return pairs, size <= limit


def _turned(root: Root, label: tuple[Input, ...]) -> bool:
    return root.wrt.index(label[0]) > root.wrt.index(label[1])


def _flat(problem: Problem, root: Root, label: tuple[Input, ...], column: tuple[tuple[int, ...], ...]) -> int:
    shape = root.shape if root.pointwise else sum((problem.shape(entry) for entry in label), ())
    index = sum(column, ())
    return int(np.ravel_multi_index(index, shape)) if shape else 0


def _chain(problem: Problem, root: Root, label: tuple[Input, ...], column: tuple[tuple[int, ...], ...]) -> Chain:
    """Unit directions; in a pointwise model all entries of the first of two inputs move at once."""
    if len(label) == 1:
        return (unit(problem, label[0], column[0]),)
    if root.pointwise:
        first = Direction(("all", label[0].name), {label[0].symbol: np.ones(root.shape)})
        return (first, unit(problem, label[1], column[0]))
    pair = (unit(problem, label[0], column[0]), unit(problem, label[1], column[1]))
    return pair[::-1] if _turned(root, label) else pair


def unit(problem: Problem, entry: Input, place: tuple[int, ...]) -> Direction:
    """The direction that moves one entry of one input."""
    move = np.zeros(problem.shape(entry), int)
    move[place] = 1
    return Direction((entry.name, *place), {entry.symbol: move}, entry.symbol, place)
