"""Multiply what is large by what is small first, so that derivatives need no larger numbers than value and gradient do.

Example: the derivative of e / s by s leaves t * (e / s / s). At s = 1e174 the last quotient is 0, though t / s and e / s,
and the result (t / s) * (e / s), are ordinary numbers. How factors grow is told by their degrees in exponentials.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from symdiff.graph.build import contract, pointwise
from symdiff.graph.contraction import Contraction, Labels, aligned, is_view
from symdiff.graph.degree import Degrees
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node, Shape, rewrite
from symdiff.graph.rebuild import rebuild
from symdiff.graph.size import Dim

_MOST = 12  # factors of one product
_HIGHEST = 4  # powers with a larger exponent stay whole


def balance(roots: Sequence[Node]) -> list[Node]:
    """The same results, their products ordered by how the factors grow."""
    degrees = Degrees()

    def change(node: Node, args: tuple[Node, ...]) -> Node:
        node = rebuild(node, args)
        some = node.op in ("mul", "div", "contract") and any(degrees[operand] for operand in node.args)
        return _balanced(node, degrees) if some else node

    return rewrite(roots, change)


def _balanced(node: Node, degrees: Degrees) -> Node:
    """A product in which factors that grow in opposite directions are multiplied first, two by two."""
    work = _as_contraction(node)
    _open(work, degrees)
    whole = work
    while degrees.mixed(factor for factor, _ in work.operands) and (pair := _best_pair(work, degrees)) is not None:
        rest = [operand for i, operand in enumerate(work.operands) if i not in pair]
        work = Contraction([*rest, _product(work, pair)], work.out, work.sizes)
    if work is whole:
        return node
    return contract([x for x, _ in work.operands], [own for _, own in work.operands], work.out, dict(work.sizes))


def _as_contraction(node: Node) -> Contraction:
    """A product as a contraction."""
    if node.op == "contract":
        return Contraction.of(node)
    a, b = node.args
    factors = [a, b if node.op == "mul" else 1 / b]
    sizes = dict(enumerate(node.shape))
    operands = [_labelled(factor, node.shape, tuple(range(node.ndim)), sizes) for factor in factors]
    return Contraction(operands, tuple(range(node.ndim)), sizes)


def _labelled(factor: Node, shape: Shape, labels: Labels, sizes: dict[int, Dim]) -> tuple[Node, Labels]:
    """A factor that broadcasts to an array of `shape`, with the labels of that; an axis of size 1 gets one of its own."""
    own = []
    for axis in aligned(factor.shape, shape, len(shape)):
        fresh = axis >= len(shape)
        own.append(max((*sizes, -1)) + 1 if fresh else labels[axis])
        sizes.setdefault(own[-1], 1)
    return factor, tuple(own)


def _open(work: Contraction, degrees: Degrees) -> None:
    """Replace factors that are products, and grow faster than each of their own factors, by these."""
    position = 0
    while position < len(work.operands) and len(work.operands) < _MOST:
        node, labels = work.operands[position]
        if is_view(node) or (node.op == "contract" and degrees.exceeds_factors(node)):
            work.merge(position)
        elif degrees.exceeds_factors(node) and (factors := _factors(node)):
            work.operands[position : position + 1] = [
                _labelled(factor, node.shape, labels, work.sizes) for factor in factors
            ]
        else:
            position += 1


def _factors(node: Node) -> list[Node]:
    """The factors of an elementwise product; none where it is no product, or a quotient 1 / x."""
    match node.op:
        case "neg":
            return [constant(-1.0), node.args[0]]
        case "mul":
            return list(node.args)
        case "pow":
            exponent = number(node.args[1]) or 0.0
            return [node.args[0]] * int(exponent) if exponent in range(2, _HIGHEST + 1) else []
        case "div":
            below = node.args[1]
            if number(node.args[0]) is None:
                return [node.args[0], 1 / below]
            under = [factor for factor in _factors(below) if below.op != "contract"]
            return [node.args[0], *(1 / factor for factor in under)] if under else []
    return []


def _best_pair(work: Contraction, degrees: Degrees) -> tuple[int, int] | None:
    """Two factors that grow in opposite directions: those whose product grows least and has the fewest axes."""
    best, least = None, None
    for pair in combinations(range(len(work.operands)), 2):
        (one, first), (other, second) = (work.operands[i] for i in pair)
        if degrees[one] * degrees[other] >= 0 or len(set(first)) < len(first) or len(set(second)) < len(second):
            continue
        axes, more = ({i for i in labels if work.sizes[i] != 1} for labels in (first, second))
        cost = abs(degrees[one] + degrees[other]), len(axes | more), len(axes ^ more)
        if least is None or cost < least:
            best, least = pair, cost
    return best


def _product(work: Contraction, pair: tuple[int, int]) -> tuple[Node, Labels]:
    """The product of two factors, entry by entry, and its labels."""
    operands = sorted((work.operands[i] for i in pair), key=lambda operand: -len(operand[1]))
    labels = tuple(dict.fromkeys(label for _, own in operands for label in own))
    fresh = max(work.sizes, default=-1) + 1
    sizes = work.sizes | {fresh + place: 1 for place in range(len(labels))}
    factors = [  # each with its axes in that order, and axes of size 1 for those that it lacks
        contract([x], [own], [i if i in own else fresh + place for place, i in enumerate(labels)], dict(sizes))
        for x, own in operands
    ]
    return pointwise("kept", factors[0] * factors[1]), labels
