"""Merge contractions that nothing else uses, then split each into products of two in the cheapest order.

Example: X^T (X w) stays two matrix-vector products; (A B) v becomes A (B v); sum(r * x) becomes the dot product r . x.
The order comes from dynamic programming over the sizes (Pfeifer, Haegeman and Verstraete 2014, as in opt_einsum); sizes
that are known only when arrays come take nominal values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import opt_einsum

from symdiff.graph.build import contract
from symdiff.graph.contraction import Contraction, Labels, aligned, letters
from symdiff.graph.linalg import solve, transposed
from symdiff.graph.node import Node, rewrite, topological, users
from symdiff.graph.rebuild import rebuild
from symdiff.graph.size import evaluate, names_of
from symdiff.passes.algebra.distribute import distribute
from symdiff.passes.algebra.squares import squares

SAMPLES, OTHER = 1000, 30  # nominal sizes of the sample axis and of all others
_MOST_OPERANDS = 12
_ROUNDS = 8  # of splitting; the second is seldom needed


def nominal(dims: Sequence[object], samples: str | None) -> dict[str, int]:
    """A number for every named size."""
    return {name: SAMPLES if name == samples else OTHER for name in names_of(dims)}  # type: ignore[arg-type]


def order_contractions(roots: Sequence[Node], samples: str | None) -> list[Node]:
    """Merge, distribute over sums, split into pairs; what is multiplied with an inverse is solved for."""
    if all(node.op != "contract" for node in topological(roots)):
        return list(roots)
    merged = _merge(roots)
    sizes = nominal([dim for node in topological(merged) for dim in node.shape], samples)
    return squares(_solved(_shared(in_pairs(_split(distribute(merged, sizes), samples), samples))))


def in_pairs(roots: Sequence[Node], samples: str | None) -> list[Node]:
    """Every contraction with at most two operands, which is what source can be written of.

    Of operands that were split themselves the normal form may make a product of several again, behind the factor that it
    pulls in front: those are split in another round.
    """
    for _ in range(_ROUNDS):
        if all(node.op != "contract" or len(node.args) <= 2 for node in topological(roots)):
            break
        roots = _split(roots, samples)
    return list(roots)


def _merge(roots: Sequence[Node]) -> list[Node]:
    order = topological(roots)
    count = users(order)
    for root in roots:
        count[root] = count.get(root, 0) + 1

    def change(node: Node, args: tuple[Node, ...]) -> Node:
        if node.op != "contract":
            return rebuild(node, args)
        work = Contraction.of(node)
        work.operands = [(new, labels) for new, (_, labels) in zip(args, work.operands, strict=True)]
        for position in reversed(range(len(work.operands))):
            if count[node.args[position]] > 1:
                continue
            inner, labels = work.operands[position]
            few = len(work.operands) + len(inner.args) <= _MOST_OPERANDS
            if inner.op == "contract" and inner.args and few and node.args[position].op == "contract":
                work.merge(position)
            elif inner.op == "mul" and len(work.operands) == 1 and work.summed():
                work.operands = _factors(inner, labels, work, count)
        return contract(
            [operand for operand, _ in work.operands], [i for _, i in work.operands], work.out, dict(work.sizes)
        )

    return rewrite(roots, change)


def _factors(product: Node, labels: Labels, work: Contraction, count: Mapping[Node, int]) -> list[tuple[Node, Labels]]:
    """The factors of an elementwise product, and of products in it that nothing else uses, labelled as the product is."""
    found: list[tuple[Node, Labels]] = []
    for factor in product.args:
        own = []
        for place in aligned(factor.shape, product.shape, 1000):
            if place >= 1000:
                fresh = max(work.sizes) + 1
                work.sizes[fresh] = 1
                own.append(fresh)
            else:
                own.append(labels[place])
        inside = factor.op == "mul" and factor.ndim == product.ndim and count.get(factor) == 1
        found += _factors(factor, tuple(own), work, count) if inside else [(factor, tuple(own))]
    return found


def _split(roots: Sequence[Node], samples: str | None) -> list[Node]:
    def change(node: Node, args: tuple[Node, ...]) -> Node:
        node = rebuild(node, args)
        if node.op != "contract" or len(node.args) < 2:
            return node
        node = _summed_first(node)
        if node.op == "contract" and len(node.args) > 2:
            return _without_single_axes(node, lambda rest: _cheapest(rest, samples) if rest.op == "contract" else rest)
        return node

    return rewrite(roots, change)


def _without_single_axes(node: Node, split: Callable[[Node], Node]) -> Node:
    """Axes of size 1 of the operands are dropped before splitting and those of the result inserted after it."""
    work = Contraction.of(node)
    free = []
    for x, labels in work.operands:
        long = tuple(i for i in labels if work.sizes[i] != 1)
        free.append((contract([x], [labels], long, dict(work.sizes)), long) if long else (x, labels))
    out = tuple(i for i in work.out if work.sizes[i] != 1)
    rest = split(contract([x for x, _ in free], [own for _, own in free], out, dict(work.sizes)))
    return contract([rest], [out], work.out, work.sizes)


def _summed_first(node: Node) -> Node:
    """The same contraction of operands in which every axis that only one of them has is summed already."""
    work = Contraction.of(node)
    for place, (operand, labels) in enumerate(work.operands):
        rest = tuple(label for label in labels if work.sizes[label] == 1 or not work.held_alone(label))
        if rest != labels:
            work.operands[place] = (contract([operand], [labels], rest, dict(work.sizes)), rest)
    return contract([x for x, _ in work.operands], [own for _, own in work.operands], work.out, work.sizes)


def _shared(roots: Sequence[Node]) -> list[Node]:
    """A product that is a diagonal or a transpose of another one, as a view of that."""
    products: dict[tuple[Node, ...], list[Node]] = {}
    for node in topological(roots):
        if node.op == "contract" and len(node.args) == 2 and Contraction.of(node).summed():
            products.setdefault(node.args, []).append(node)
    views: dict[Node, tuple[Node, Labels]] = {}
    for alike in products.values():
        alike.sort(key=lambda node: -node.ndim)
        for position, node in enumerate(alike):
            for other in alike[position + 1 :] if node not in views else ():
                if other not in views and (labels := _as_view(other, node)) is not None:
                    views[other] = node, labels

    def change(node: Node, args: tuple[Node, ...]) -> Node:
        if node not in views:
            return rebuild(node, args)
        whole, labels = views[node]
        work = Contraction.of(node)
        return contract([rebuild(whole, args)], [labels], work.out, work.sizes)

    return rewrite(roots, change) if views else list(roots)


def _as_view(node: Node, whole: Node) -> Labels | None:
    """The labels that make a contraction an arrangement or a diagonal of another one of the same operands."""
    own, other = Contraction.of(node), Contraction.of(whole)
    names: dict[int, int] = {}
    for (_, labels), (_, known) in zip(own.operands, other.operands, strict=True):
        if any(names.setdefault(k, i) != i for k, i in zip(known, labels, strict=True)):
            return None
    summed = [names[k] for k in other.summed()]
    if len(set(summed)) < len(summed) or not set(other.out) <= set(names):
        return None
    labels = tuple(names[k] for k in other.out)
    return labels if set(own.out) <= set(labels) and own.summed() == set(summed) else None


def _cheapest(node: Node, samples: str | None) -> Node:
    """A contraction of several operands as products of two, in the order that takes the fewest operations."""
    work = Contraction.of(node)
    values = nominal(list(work.sizes.values()), samples)
    extents = {label: evaluate(dim, values) for label, dim in work.sizes.items()}
    free = _without_repeats(work)
    out = dict.fromkeys(i for i in work.out if any(i in labels for _, labels in free))
    equation = ",".join(letters(labels) for _, labels in free) + "->" + letters(out)
    shapes = [tuple(extents[i] for i in labels) for _, labels in free]
    path, _ = opt_einsum.contract_path(equation, *shapes, optimize="dp", shapes=True)
    for step in path[:-1]:
        taken = [free[i] for i in step]
        free = [pair for i, pair in enumerate(free) if i not in step]
        labels = _axes_of_product([own for _, own in taken], [own for _, own in free], work.out)
        product = contract([x for x, _ in taken], [own for _, own in taken], labels, dict(work.sizes))
        free.append((product, labels))
    return contract([x for x, _ in free], [own for _, own in free], work.out, dict(work.sizes))


def _axes_of_product(taken: Sequence[Labels], rest: Sequence[Labels], out: Labels) -> Labels:
    """The axes of an intermediate product that are needed later: those of larger operands first, then as in the result.

    An axis that is summed later stands where the axes do that take its place. So many matrices times one are many matrices
    again, and (A B) C is written without transposes, in whatever order the operands came.
    """
    place = {label: axis for axis, label in enumerate(out)}
    needed = [i for own in taken for i in own if i in place or any(i in labels for labels in rest)]

    def key(label: int) -> tuple[int, int]:
        successors = [place[i] for own in rest if label in own for i in own if i in place and i not in needed]
        largest = max(len(own) for own in taken if label in own)
        return -largest, place.get(label, min(successors, default=len(out)))

    return tuple(sorted(dict.fromkeys(needed), key=key))


def _solved(roots: Sequence[Node]) -> list[Node]:
    """Products with an inverse as solves, where nothing else needs the inverse."""
    order = topological(roots)
    products: dict[Node, dict[Node, Node | None]] = {node: {} for node in order if node.op == "inverse"}
    for node in order:
        for operand in node.args:
            if operand in products:
                products[operand][node] = _as_solve(node, operand)
    chosen: dict[Node, Node] = {}
    for inverted, uses in products.items():
        if inverted not in roots and None not in uses.values():
            chosen |= uses  # type: ignore[arg-type]
    if not chosen:
        return list(roots)
    return rewrite(roots, lambda node, args: chosen.get(node) or rebuild(node, args))


def _as_solve(node: Node, inverted: Node) -> Node | None:
    """A product of two operands, one an inverse, summed over one axis of it, as a solve with the matrix."""
    work = Contraction.of(node) if node.op == "contract" and len(node.args) == 2 else None
    if work is None or node.args.count(inverted) > 1 or inverted.ndim > 2:
        return None
    place = node.args.index(inverted)
    (_, (row, column)), (other, labels) = work.operands[place], work.operands[1 - place]
    if column in labels and column not in work.out and row not in labels:
        matrix, summed, free = inverted.args[0], column, row
    elif row in labels and row not in work.out and column not in labels:
        matrix, summed, free = transposed(inverted.args[0]), row, column
    else:
        return None
    rest = [label for label in labels if label != summed]
    if len(rest) > 1 or len(rest) == other.ndim:
        return None
    side = rest[0] if rest else max(work.sizes) + 1
    work.sizes.setdefault(side, 1)
    columns = contract([other], [labels], (summed, side), dict(work.sizes))
    return contract([solve(matrix, columns)], [(free, side)], work.out, work.sizes)


def _without_repeats(work: Contraction) -> list[tuple[Node, Labels]]:
    """The operands with their diagonals taken, since the search for an order wants distinct labels."""
    found = []
    for operand, labels in work.operands:
        distinct = tuple(dict.fromkeys(labels))
        same = distinct == labels
        found.append((operand if same else contract([operand], [labels], distinct, dict(work.sizes)), distinct))
    return found
