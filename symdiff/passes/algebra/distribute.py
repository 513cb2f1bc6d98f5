"""Products with sums, so that less is multiplied and no array is formed that only tells entries apart.

Two rules, the second only once the first has gathered the terms:

- gather: A r + D * r, where D scales the entries along the axis that A sums over, is (A + diag(D)) r;
- distribute: the sum over i and k of (delta_ia - delta_ka) g_ik is that of g_ak less that of g_ia. Such differences of zeros
  and ones are derivatives of x_i - x_k, and have an axis more than anything they meet.

Only sums of zeros and ones are distributed over: A (x - m) as A x - A m would round relative to x and m, and where these are
far from 0, or pairs of them close together, no digit of the difference would be left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symdiff.graph.build import coefficient, contract
from symdiff.graph.contraction import Contraction, Labels, aligned
from symdiff.graph.leaves import size
from symdiff.graph.node import Node, rewrite, topological
from symdiff.graph.ops import OPS
from symdiff.graph.rebuild import rebuild
from symdiff.graph.size import evaluate, total

Sizes = Mapping[str, int]
_MOST = 2  # entries of results, for each of the sum that is no longer formed
_FRESH = 1000  # labels from here on stand for axes of size 1 that broadcast


def distribute(roots: Sequence[Node], sizes: Sizes) -> list[Node]:
    """Apply both rules; `sizes` gives a nominal number for every size."""
    roots = rewrite(roots, lambda node, args: _gathered(rebuild(node, args), sizes))
    while chosen := _chosen(roots, sizes):
        roots = rewrite(roots, lambda node, args: _over_terms(node, args, chosen.get(node)))
    return roots


def _gathered(node: Node, sizes: Sizes) -> Node:
    """A r + D * r as (A + diag(D)) r, where the matrix has fewer entries than r."""
    if node.op != "add":
        return node
    (first, p), (second, q) = (_signed(operand) for operand in node.args)
    for (one, product), (other, scaled) in (((first, p), (second, q)), ((second, q), (first, p))):
        if product.shape == scaled.shape == node.shape and product.op == "contract" and OPS[scaled.op].multilinear:
            found = _with_diagonal(_product(product), _product(scaled), one, other, sizes)
            if found is not None:
                return found
    return node


def _with_diagonal(work: Contraction, scaled: Contraction, one: int, other: int, sizes: Sizes) -> Node | None:
    """one * (a contraction of A with r) + other * (D times r), gathered; None where they are not of this form."""
    if (
        len(work.operands) != 2
        or len(scaled.operands) != 2
        or scaled.summed()
        or len(set(scaled.out)) < len(scaled.out)
    ):
        return None
    shared = [x for x, _ in work.operands if any(x is y for y, _ in scaled.operands)]
    if len(shared) != 1 or len(set(work.out)) < len(work.out):
        return None
    (r,) = shared
    place, its = (next(i for i, (x, _) in enumerate(w.operands) if x is r) for w in (work, scaled))
    matrix, labels = work.operands[1 - place]
    diagonal, own = scaled.operands[1 - its]
    here = {**dict(zip(scaled.out, work.out, strict=True))}
    before, after = work.operands[place][1], tuple(here.get(i, -1 - i) for i in scaled.operands[its][1])
    moved = [(s, i) for s, i in zip(before, after, strict=True) if s != i]
    if len(moved) != 1:
        return None
    ((summed, kept),) = moved
    if summed in work.out or kept not in labels or summed not in labels or len(set(labels)) < len(labels):
        return None
    if any(i != summed and i not in work.out for i in labels):
        return None  # the diagonal would count once for each entry of what A alone sums
    onto = tuple(kept if i == summed else i for i in labels)
    along = tuple(here.get(i, -1 - i) for i in own)
    if any(i not in onto and scaled.sizes[j] != 1 for i, j in zip(along, own, strict=True)):
        return None
    if _entries(matrix, sizes) >= _entries(r, sizes):
        return None
    every = {**work.sizes, **{i: scaled.sizes[j] for i, j in zip(along, own, strict=True) if i not in work.sizes}}
    whole = matrix * float(one) + contract([diagonal], [along], onto, every) * float(other)
    return contract([r, whole], [before, labels], work.out, dict(work.sizes))


def _chosen(roots: Sequence[Node], sizes: Sizes) -> dict[Node, Node]:
    """Products -> the sum in them that they are to be distributed over, which nothing else needs then."""
    order = topological(roots)
    uses: dict[Node, list[Node]] = {node: [] for node in order if node.op == "add" and _selects_twice(node, sizes)}
    for node in order if uses else ():
        for operand in node.args:
            if operand in uses:
                uses[operand].append(node)
    chosen: dict[Node, Node] = {}
    for node, products in uses.items():
        few = sum(_entries(user, sizes) for user in products) <= _MOST * _entries(node, sizes)
        if few and node not in roots and all(_sums_over(user, node) and user not in chosen for user in products):
            chosen |= dict.fromkeys(products, node)
    return chosen


def _sums_over(user: Node, node: Node) -> bool:
    """Whether a node is a product with another one, once, that sums over some of its axes."""
    if user.op != "contract" or user.args.count(node) > 1:
        return False
    work = Contraction.of(user)
    return bool(work.summed().intersection(work.operands[user.args.index(node)][1]))


def _over_terms(product: Node, args: Sequence[Node], node: Node | None) -> Node:
    """A product with a sum, as a sum of products."""
    if node is None:
        return rebuild(product, args)
    place = product.args.index(node)
    parts = []
    for operand in args[place].args:
        work = Contraction.of(product)
        labels, first = work.operands[place][1], max(work.sizes) + 1
        own = tuple(labels[i] if i < _FRESH else first + i for i in aligned(operand.shape, node.shape, _FRESH))
        operands = [(new, axes) for new, (_, axes) in zip(args, work.operands, strict=True)]
        operands[place] = (operand, own)
        every = {**work.sizes, **{i: 1 for i in own if i >= first}}
        known = {i for _, axes in operands for i in axes}
        lead = next((axis for axis, i in enumerate(work.out) if i in known), 0)
        part = contract([x for x, _ in operands], [i for _, i in operands], work.out[lead:], every)
        repeated = total(work.sizes[i] for i in sorted(work.summed() - known))  # what is summed over without an operand
        parts.append(part * size(repeated))
    return parts[0] + parts[1]


def _selects_twice(node: Node, sizes: Sizes) -> bool:
    """Whether both parts of a sum are zeros and ones, times a number, that are smaller than it."""
    cores = [coefficient(operand)[1] for operand in node.args]
    selects = all(core.op == "contract" and not core.args for core in cores)
    return selects and all(_entries(operand, sizes) < _entries(node, sizes) for operand in node.args)


def _signed(node: Node) -> tuple[int, Node]:
    return (-1, node.args[0]) if node.op == "neg" else (1, node)


def _product(node: Node) -> Contraction:
    """A contraction, or an elementwise product as one."""
    if node.op == "contract":
        return Contraction.of(node)
    sizes = dict(enumerate(node.shape))
    operands: list[tuple[Node, Labels]] = []
    for k, operand in enumerate(node.args, start=1):
        labels = aligned(operand.shape, node.shape, k * _FRESH)
        sizes |= {i: 1 for i in labels if i >= _FRESH}
        operands.append((operand, labels))
    return Contraction(operands, tuple(range(node.ndim)), sizes)


def _entries(node: Node, sizes: Sizes) -> int:
    return evaluate(total(node.shape), sizes)
