"""Put scalar factors where they cost least: once on the residual rather than on the gradient of every layer.

Example: 2 * (x.T @ where(h > 0, e @ w2.T, 0)) and 2 * (h.T @ e) become products with 2 * e. The normal form has such
factors in front; a factor may move down to any part that the product depends on linearly, where a node "kept" holds it.

Sizes known only when arrays come are taken to be equal, and a factor moves only where that at least halves its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from symdiff.graph.build import pointwise, repeated_scalar
from symdiff.graph.leaves import number
from symdiff.graph.node import Node, Shape, rewrite, topological, users
from symdiff.graph.ops import OPS
from symdiff.graph.rebuild import rebuild
from symdiff.graph.size import evaluate, names_of, total

_EQUAL = 30  # every size that is not known
_CANDIDATES = 8  # parts tried for one factor
_PRODUCTS = 32  # products with one factor that are looked into
_MOST_VISITS = 50  # nodes looked at, for each node of the graph


@dataclass(frozen=True)
class _Move:
    """A factor that goes from `products` to `part`, through the nodes `between`; it saves multiplications."""

    products: tuple[Node, ...]
    part: Node
    between: tuple[Node, ...]
    saved: int


def place_factors(roots: Sequence[Node]) -> list[Node]:
    """The same results, with scalar factors where they multiply the fewest entries."""
    roots = list(roots)
    budget = _MOST_VISITS * len(topological(roots))
    seen: set[Node] = set()
    while True:
        order = topological(roots)
        budget -= len(order)
        move = None
        for products in _groups(order, seen):
            seen.update(products)
            if budget < 0:
                return roots
            move, visits = _best(products[:_PRODUCTS], order, roots)
            budget -= visits
            if move is not None:
                break
        if move is None:
            return roots
        roots = _moved(roots, move)


def _groups(order: Sequence[Node], seen: set[Node]) -> list[list[Node]]:
    """Arrays with one scalar factor or divisor in front, together."""
    groups: dict[tuple[str, Node], list[Node]] = {}
    for node in order:
        if node not in seen and (factor := _factor(node)) is not None:
            groups.setdefault((node.op, factor), []).append(node)
    return list(groups.values())


def _factor(node: Node) -> Node | None:
    """The scalar that an array is multiplied or divided by."""
    if not node.shape or node.op not in ("mul", "div"):
        return None
    scalars = [x for x in node.args if not x.shape]
    return scalars[0] if scalars and (node.op == "mul" or scalars[0] is node.args[1]) else None


def _core(product: Node) -> Node:
    return product.args[0] if product.args[0].shape else product.args[1]


def _best(products: Sequence[Node], order: Sequence[Node], roots: Sequence[Node]) -> tuple[_Move | None, int]:
    """The move of a common factor that saves most, and how many nodes were looked at."""
    reached: dict[Node, int] = {}
    visits = 0
    for product in products:
        for node in _linear_parts(_core(product)):
            reached[node] = reached.get(node, 0) + _entries(product)
            visits += 1
    worthwhile = [node for node, gain in reached.items() if node.shape and 2 * _entries(node) <= gain]
    if not worthwhile:
        return None, visits
    count = users(order)
    for root in roots:
        count[root] = count.get(root, 0) + 1
    place = {node: i for i, node in enumerate(order)}
    worthwhile.sort(key=lambda node: (_entries(node), -place[node]))
    moves = [_move(products, part, order, count) for part in worthwhile[:_CANDIDATES]]
    best = max((move for move in moves if move is not None), key=lambda move: move.saved, default=None)
    return best, visits + len(order) * (1 + len(moves))


def _linear_parts(core: Node) -> Iterator[Node]:
    """What a node depends on through operations that are linear, if the other operands stay."""
    seen = {core}
    pending = [core]
    while pending:
        node = pending.pop()
        row = OPS[node.op]
        for operand in node.args if row.multilinear else row.linear.of(node.args):
            if operand not in seen:
                seen.add(operand)
                pending.append(operand)
                yield operand


def _move(products: Sequence[Node], part: Node, order: Sequence[Node], count: Mapping[Node, int]) -> _Move | None:
    """The factor of those products that are linear in `part`, put there; None where that costs more."""
    degree = _degrees(part, topological(_core(product) for product in products))
    chosen = tuple(product for product in products if degree.get(_core(product)) == 1 and _core(product) is not part)
    saved = sum(map(_entries, chosen)) - _entries(part)
    if saved < _entries(part):
        return None
    inside = [node for node in topological(_core(product) for product in chosen) if degree.get(node) == 1]
    between = tuple(node for node in inside if node is not part)
    used: dict[Node, int] = {}
    for node in (*between, *chosen):
        for operand in node.args:
            used[operand] = used.get(operand, 0) + 1
    if any(used[node] != count[node] for node in between):
        return None  # it is needed without the factor too
    return _Move(chosen, part, between, saved)


def _degrees(part: Node, order: Sequence[Node]) -> dict[Node, int]:
    """The degree in `part` of every node that is homogeneous in it; nodes that do not depend on it are left out.

    A degree of -1 says that the node is not homogeneous.
    """
    degree = {part: 1}
    for node in order:
        own = [degree.get(operand, 0) for operand in node.args]
        if node is part or not any(own):
            continue
        row = OPS[node.op]
        if row.multilinear and min(own) >= 0:
            degree[node] = sum(own)
            continue
        linear = row.linear.of(own)
        kinds = {d for d, operand in zip(linear, row.linear.of(node.args), strict=True) if not _is_zero(operand)}
        others = sum(map(abs, own)) - sum(map(abs, linear))
        degree[node] = kinds.pop() if len(kinds) == 1 and not others else -1
    return degree


def _is_zero(node: Node) -> bool:
    return number(repeated_scalar(node) or node) == 0


def _entries(node: Node) -> int:
    return _entries_of(node.shape)


@lru_cache(1024)
def _entries_of(shape: Shape) -> int:
    dims = total(shape)
    return evaluate(dims, dict.fromkeys(names_of([dims]), _EQUAL))


def _moved(roots: Sequence[Node], move: _Move) -> list[Node]:
    first = move.products[0]
    scaled = rebuild(first, [move.part if operand.shape else operand for operand in first.args])
    new = {move.part: pointwise("kept", scaled)}
    for node in move.between:
        new[node] = rebuild(node, [new.get(operand, operand) for operand in node.args])
    return rewrite(roots, lambda node, args: rebuild(node, args), {p: new[_core(p)] for p in move.products})
