"""Cases: a random term as a model, with roles, sizes and values."""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

import symdiff as sd
from fuzz import indices, matrices, scalars, tensors
from fuzz.operations import REDUCTIONS, total
from fuzz.source import Source
from fuzz.tensor_shapes import any_shape
from fuzz.terms import Leaf, Term, k, m, n
from fuzz.values import draw

MOST_PARAMETERS = 24  # entries of all parameters: the reference has a Hessian of them in every number

NEVER_PARAMETERS = ("mask", "labels", "indicator", "share")  # kinds of values


@dataclass(frozen=True)
class Case:
    """A model and where it is computed.

    Attributes
    ----------
    term : of no axes, the objective; else an output.
    roles : name -> "params", "data" or "constants".
    streams : whether data alone carry the axis n, that of the samples.
    entries : of the parts that a streaming module computes at once.
    points : of a pointwise model, the shape of its inputs.
    """

    seed: int
    dialect: str
    term: Term
    roles: dict[str, str]
    sizes: dict[Any, int]
    streams: bool
    style: str
    entries: int
    points: tuple[int, ...] | None = None

    @property
    def leaves(self) -> list[Leaf]:
        """The declared symbols: parameters, data, constants."""
        order = ["params", "data", "constants"]
        return sorted(self.term.leaves(), key=lambda leaf: order.index(self.roles[leaf.name]))

    @property
    def params(self) -> list[str]:
        """The names of the parameters."""
        return [leaf.name for leaf in self.leaves if self.roles[leaf.name] == "params"]

    def values(self) -> dict[str, np.ndarray]:
        """The value of each symbol, the same whatever else the model has."""
        found = {}
        for leaf in self.leaves:
            rng = np.random.default_rng([self.seed, zlib.crc32(leaf.name.encode())])
            shape = self.points or tuple(int(sp.sympify(size).subs(self.sizes)) for size in leaf.shape)
            found[leaf.name] = draw(rng, leaf.kind, shape, self.sizes[m])
        return found

    def model(self) -> Any:
        """The model."""
        by_role = {
            role: [leaf.symbol for leaf in self.leaves if self.roles[leaf.name] == role]
            for role in ("params", "data", "constants")
        }
        samples = n if self.streams and self.dialect != "scalar" else None
        if self.term.shape:
            return sd.Model(outputs={"out": self.term.written}, samples=samples, name="case", **by_role)
        return sd.Model(self.term.written, samples=samples, name="case", **by_role)

    def with_term(self, term: Term) -> Case:
        """The same with another term."""
        return replace(self, term=term)


def of_tensors(rng: random.Random, depth: int) -> Term:
    """A tensor, mostly reduced to a scalar."""
    g = Source(rng, tensors.declare, tensors.tensor)
    if g.chance(0.25):
        return g.term(any_shape(g, 1), depth)
    inner = g.term(any_shape(g), depth)
    if inner.shape:
        return total(g.one_of(REDUCTIONS), inner)
    first = Term((), lambda a: sd.sum(sd.broadcast_to(a, (1,))), lambda at, p, a: at(a, p), inner)
    return first


def of_scalars(rng: random.Random, depth: int) -> Term:
    """A reduction over samples, or a pointwise model."""
    g = Source(rng, scalars.declare, scalars.scalar)
    return g.term((), depth + 1) if g.chance(0.25) else scalars.objective(g, depth)


def of_matrices(rng: random.Random, depth: int) -> Term:
    """A scalar of matrices, or a matrix."""
    g = Source(rng, matrices.declare, matrices.matrix)
    return g.term(matrices.any_shape(g), depth) if g.chance(0.25) else matrices.objective(g, depth)


def of_indices(rng: random.Random, depth: int) -> Term:
    """A written-out sum, or an entry for each of its free indices."""
    g = Source(rng, indices.declare, indices.summand)
    return indices.output(g, depth) if g.chance(0.2) else indices.objective(g, depth)


DIALECTS = {"scalar": of_scalars, "matrix": of_matrices, "tensor": of_tensors, "index": of_indices}


def make(seed: int, dialect: str | None = None) -> Case:
    """The case of a seed."""
    rng = random.Random(seed)
    while "params" not in (case := _drawn(rng, seed, dialect)).roles.values():
        pass
    return case


def _drawn(rng: random.Random, seed: int, dialect: str | None) -> Case:
    dialect = dialect or rng.choice(list(DIALECTS))
    sizes = {n: rng.choice([1, 2, 3, 4]), m: rng.choice([1, 2, 2, 3]), k: rng.choice([1, 2, 3])}
    term = DIALECTS[dialect](rng, rng.choice([1, 2, 2, 3]))
    pointwise = dialect == "scalar" and not any(leaf.shape for leaf in term.leaves())
    streams = (
        not pointwise and (dialect == "scalar" or rng.random() < 0.4) and any(n in leaf.shape for leaf in term.leaves())
    )
    if streams:
        sizes[n] = rng.randint(1 if dialect == "scalar" else 3, 9)
    roles = shared_out(rng, term.leaves(), sizes, streams)
    style = rng.choice(["fast", "fast", "plain"])
    points = rng.choice([(), (1,), (5,), (2, 3)]) if pointwise else None
    return Case(seed, dialect, term, roles, sizes, streams, style, rng.randint(4, 60), points)


def shared_out(rng: random.Random, leaves: list[Leaf], sizes: dict[Any, int], streams: bool) -> dict[str, str]:
    """A role for each symbol."""
    roles, room = {}, MOST_PARAMETERS
    for leaf in leaves:
        size = int(np.prod([int(sp.sympify(size).subs(sizes)) for size in leaf.shape], dtype=int))
        if streams and n in leaf.shape:
            roles[leaf.name] = "data"
        elif leaf.kind in NEVER_PARAMETERS or size > room or rng.random() < 0.15:
            roles[leaf.name] = "constants"
        else:
            roles[leaf.name], room = "params", room - size
    return roles
