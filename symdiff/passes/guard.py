"""Make the branches of choices harmless where they are not taken.

A branch is computed for every entry, also where it is not chosen: there log(x) may be NaN, and NaN times a derivative of 0
is NaN. So operations with a singularity get a harmless operand wherever nothing needs their result, and data that only a
branch reads (missing values behind a mask, say) are read as 0 there. Value and derivatives of every order are then finite,
and the choice makes them exactly 0.

What is needed where is found in one walk from the results to the inputs: a result is needed everywhere, a branch where its
condition says so, a part of several branches wherever one of them is.
"""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.graph.axes import identity, reduce
from symdiff.graph.build import pointwise, select
from symdiff.graph.leaves import constant
from symdiff.graph.node import Node, Shape, rewrite, topological
from symdiff.graph.ops import LINALG, POINTWISE
from symdiff.graph.rebuild import rebuild
from symdiff.graph.size import Size

Case = frozenset[tuple[Node, bool]]  # conditions that all hold (True) or fail (False)
Need = frozenset[Case]  # one of the cases, at least
ALWAYS: Need = frozenset([frozenset()])
_MOST_CASES = 12


def guard(roots: Sequence[Node], results: Sequence[Node], samples: Size | None) -> list[Node]:
    """The roots, with harmless operands wherever no branch of `results` that is taken needs them."""
    needs = _needs(results)
    if all(need == ALWAYS for need in needs.values()):
        return list(roots)
    varying: set[Node] = set()
    memo: dict[Node, Node] = {}

    def change(node: Node, args: tuple[Node, ...]) -> Node:
        if node.op == "input" or any(operand in varying for operand in node.args):
            varying.add(node)
        if (need := needs.get(node, ALWAYS)) == ALWAYS:
            return rebuild(node, args)
        if node.op == "input":
            masked = node.dtype == "float" and samples in node.shape
            return select(_mask(need, memo), node, constant(0.0)) if masked else node
        harmless = POINTWISE[node.op].harmless() if node.op in POINTWISE else ()
        for position, value in enumerate(harmless):
            if value is not None and node.args[position] in varying:
                mask = _mask(_seen_from(need, args[position].shape), memo)
                operand = select(mask, args[position], constant(value))
                args = (*args[:position], operand, *args[position + 1 :])
        if node.op in LINALG and node.args[0] in varying:  # a matrix that may be singular
            mask = _mask(_seen_from(need, ()), memo)
            args = (select(mask, args[0], identity(args[0].shape[-1:])), *args[1:])
        return rebuild(node, args)

    conditions = dict.fromkeys(condition for need in needs.values() for condition in _conditions(need))
    rewrite(conditions, change, memo)  # outer conditions come first: masks are made of what they became
    return rewrite(roots, change, memo)


def _needs(roots: Sequence[Node]) -> dict[Node, Need]:
    """For every node where its entries are needed, by conditions that broadcast to its shape."""
    needs: dict[Node, Need] = dict.fromkeys(roots, ALWAYS)
    for node in reversed(topological(roots)):
        for position, operand in enumerate(node.args):
            need = needs[node]
            if node.op == "select" and position > 0:
                need = _and(need, node.args[0], position == 1)
            need = _seen_from(need, operand.shape if node.op in POINTWISE else ())
            needs[operand] = _either(needs[operand], need) if operand in needs else need
    return needs


def _and(need: Need, condition: Node, holds: bool) -> Need:
    return frozenset(case | {(condition, holds)} for case in need if (condition, not holds) not in case)


def _either(one: Need, other: Need) -> Need:
    """The union: a case within another vanishes, and one that holds whether a condition does or not is freed of it."""
    cases = set(one | other)
    changed = True
    while changed:
        changed = False
        for case in _sorted(cases):
            if any(wider < case for wider in cases):
                cases.discard(case)
                continue
            for condition, holds in case:
                rest = case - {(condition, holds)}
                if rest | {(condition, not holds)} in cases:
                    cases -= {case, rest | {(condition, not holds)}}
                    cases.add(rest)
                    changed = True
                    break
    found = frozenset(cases)
    return found if len(found) <= _MOST_CASES else frozenset([frozenset([(_mask(found, {}), True)])])


def _seen_from(need: Need, shape: Shape) -> Need:
    """The need for an operand of a shape: a condition of another shape counts where it holds anywhere."""
    return frozenset(frozenset(_seen(condition, holds, shape) for condition, holds in case) for case in need)


def _seen(condition: Node, holds: bool, shape: Shape) -> tuple[Node, bool]:
    own = condition.shape
    if len(own) <= len(shape) and all(a in (1, b) for a, b in zip(own[::-1], shape[::-1], strict=False)):
        return condition, holds
    hit = select(condition, constant(float(holds)), constant(float(not holds)))
    return pointwise("lt", constant(0.0), reduce("reduce_max", hit, range(hit.ndim))), True


def _mask(need: Need, memo: dict[Node, Node]) -> Node:
    """The need as one condition, of conditions as they were rewritten."""
    mask = None
    for case in _sorted(need):
        every = None
        for condition, holds in _ordered(case):
            condition = memo.get(condition, condition)
            part = condition if holds else pointwise("not", condition)
            every = part if every is None else pointwise("and", every, part)
        assert every is not None
        mask = every if mask is None else pointwise("or", mask, every)
    return constant(False) if mask is None else mask


def _conditions(need: Need) -> list[Node]:
    return list(dict.fromkeys(condition for case in _sorted(need) for condition, _ in _ordered(case)))


def _ordered(case: Case) -> list[tuple[Node, bool]]:
    return sorted(case, key=lambda part: (part[0].digest, part[1]))


def _sorted(cases: Need | set[Case]) -> list[Case]:
    """In an order that depends on structure alone."""
    return sorted(cases, key=lambda case: [(condition.digest, holds) for condition, holds in _ordered(case)])
