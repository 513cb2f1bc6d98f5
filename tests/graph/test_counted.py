"""What follows of conditions on indices, against all entries of the arrays they are about."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from symdiff.graph.axes import insert_axes
from symdiff.graph.build import pointwise
from symdiff.graph.counted import decided, holds_somewhere
from symdiff.graph.leaves import arange, constant, parameter
from symdiff.graph.node import Node
from symdiff.graph.size import Dim, Size, evaluate

n, m = Size.named("n"), Size.named("m")
LENGTHS: tuple[Dim, ...] = (n, m, n - 1, n + m, 3)


def condition(rng: random.Random, lengths: tuple[Dim, Dim, Dim], steps: tuple[int, ...]) -> Node:
    """One or two comparisons of what is counted along three axes."""
    i, j, k = (
        insert_axes(
            arange(dim),
            [axis for axis in range(3) if axis != place],
            tuple(dim if axis == place else 1 for axis in range(3)),
        )
        for place, dim in enumerate(lengths)
    )
    parts = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        a, b, c = (float(rng.choice(steps)) for _ in range(3))
        part = pointwise(
            rng.choice(("lt", "le")), a * i + float(rng.randint(-2, 2)), b * j + c * k + float(rng.randint(-2, 2))
        )
        parts.append(pointwise("not", part) if rng.random() < 0.3 else part)
    return parts[0] if len(parts) == 1 else pointwise("and", parts[0], parts[1])


def entries(node: Node, sizes: dict[str, int]) -> np.ndarray:
    """A condition on indices, entry by entry."""
    args = [entries(operand, sizes) for operand in node.args]
    shape = tuple(evaluate(dim, sizes) for dim in node.shape)
    match node.op:
        case "constant":
            return np.asarray(node.attributes[0])
        case "size":
            return np.asarray(evaluate(node.attributes[0], sizes))
        case "arange":
            return np.arange(*shape)
        case "contract":
            axes, out, _ = node.attributes
            return np.einsum(np.ones(shape, int), out, *itertools.chain(*zip(args, axes, strict=True)), out)
    functions = {"add": np.add, "mul": np.multiply, "neg": np.negative, "lt": np.less, "le": np.less_equal}
    return (functions | {"and": np.logical_and, "not": np.logical_not})[node.op](*args)


@pytest.mark.parametrize("seed", range(10))
def test_conditions_on_indices_are_what_their_entries_say(seed):
    rng = random.Random(seed)
    known = [agrees(rng) for _ in range(50)]
    assert known.count(True) > 10


def agrees(rng: random.Random) -> bool:
    """Hold one condition against its entries; whether something is known of it along lost axes."""
    lengths = tuple(rng.choice(LENGTHS) for _ in range(3))
    asked = condition(rng, lengths, (-1, 0, 1))
    everywhere = decided(asked)
    kept = tuple(sorted(rng.sample(range(3), rng.randint(0, 2))))
    labels = tuple(axis if dim != 1 else -1 - axis for axis, dim in enumerate(asked.shape))
    found = holds_somewhere(asked, labels, kept)
    for sizes in ({"n": a, "m": b} for a, b in itertools.product((1, 2, 4), repeat=2)):
        shape = tuple(evaluate(dim, sizes) for dim in asked.shape)
        values = np.broadcast_to(entries(asked, sizes), shape)
        if everywhere is not None:
            assert (values == everywhere).all()
        if found is not None:
            lost = tuple(axis for axis in range(values.ndim) if labels[axis] not in kept)
            right = values.any(axis=lost)
            np.testing.assert_array_equal(np.broadcast_to(entries(found, sizes), right.shape), right)
    return found is not None


def test_what_is_not_counted_in_ones_or_not_counted_is_not_known():
    steep = pointwise("le", 2.0 * arange(n), constant(3.0))
    assert holds_somewhere(steep, (0,), ()) is None
    data = pointwise("lt", arange(n), parameter("x", (n,)))
    assert decided(data) is None
    assert holds_somewhere(data, (0,), ()) is None
