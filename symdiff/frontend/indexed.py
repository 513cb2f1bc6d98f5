"""The index dialect: written-out sums and products over entries of arrays, never run as loops.

Inside a `Sum` every part becomes an array with an axis, called a label, for each bound index it depends on; parts meet by
axes of size 1, and then mean what they mean in the scalar dialect. An index is an affine form over labels, so x[i + p] is
a window of x and A[i, i] a diagonal. Summing over a label is a contraction: it merges with those of the factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.array_comprehension import ArrayComprehension

from symdiff.errors import ModelError, ShapeError, SymdiffError, UnsupportedError
from symdiff.frontend.affine import Affine, Label, along
from symdiff.frontend.indices import check_letters, free_indices
from symdiff.frontend.labelled import (
    Part,
    aligned,
    apply,
    arranged,
    delta,
    entries,
    labelled,
    multiplied,
    summed,
    value,
    with_axes,
)
from symdiff.frontend.numbers import built
from symdiff.frontend.positions import affine, bound, is_gather
from symdiff.frontend.rule import Rule, no_arguments
from symdiff.frontend.special import refusal
from symdiff.frontend.whole import check_commutes, is_whole, of_scalars
from symdiff.functions.printing import text
from symdiff.graph.axes import cumulative_sum, place, take
from symdiff.graph.bounds import nonnegative
from symdiff.graph.build import broadcast_to, mul, pointwise, select
from symdiff.graph.leaves import arange, constant
from symdiff.graph.node import Node
from symdiff.graph.size import Dim

_NEUTRAL = {sp.Sum: 0.0, sp.Product: 1.0}
_OVER = {sp.Sum: summed, sp.Product: multiplied}


class Scope:
    """Lowers the expressions under some bound indices.

    Attributes
    ----------
    walk : of the expression around; its symbols may have axes (the samples, or a matrix a function is applied to).
    indices : bound index -> what it is, an affine form over labels.
    """

    def __init__(self, walk: Any, indices: dict[Any, Affine], fronts: list[Label] | None = None) -> None:
        self.walk, self.indices = walk, indices
        self._scalars = walk.broadcast()
        self._fronts: list[Label] = [] if fronts is None else fronts
        self._memo: dict[int, tuple[Any, Part]] = {}

    def within(self, variable: Any, form: Affine) -> Scope:
        """The scope of a summand; the same index may mean another range elsewhere, so it remembers nothing of this."""
        return Scope(self.walk, {**self.indices, variable: form}, self._fronts)

    def lower(self, expression: Any) -> Part:
        """The part an expression is."""
        stack: list[tuple[Any, Sequence[Any] | None]] = [(expression, None)]
        while stack:
            part, children = stack.pop()
            if id(part) in self._memo:
                continue
            rule = self._scalars.rule(part)
            if children is None and (children := self._operands(part, rule)):
                stack.append((part, children))
                stack.extend((child, None) for child in reversed(children))
                continue
            try:
                self._memo[id(part)] = part, self._part(part, rule, children or ())
            except SymdiffError as error:
                error.expression = error.expression or text(part)
                raise
        return self._memo[id(expression)][1]

    def lowered(self, expression: Any) -> Node:
        """The node of an expression that no index is left in: its axes are those of the symbols around."""
        part = self.lower(expression)
        if not part.labels:
            return part.node
        return with_axes(part, self._around_axes(1 + max(map(self._fronts.index, part.labels))))

    def _operands(self, part: Any, rule: Rule | None) -> Sequence[Any]:
        """The operands of a scalar operation: those of anything else are not lowered here."""
        if rule is None or rule.inside is not None:
            return ()
        children = tuple(rule.children(part))
        return () if any(map(is_whole, (part, *children))) else children

    def _part(self, part: Any, rule: Rule | None, children: Sequence[Any]) -> Part:
        """A bound index as a number; by the row of its class; else by the walk around."""
        check_commutes(part)
        if isinstance(part, (sp.Symbol, sp.Idx)) and part in self.indices:
            return value(self.indices[part])
        if rule is None:
            raise UnsupportedError(refusal(part))
        if rule.inside is not None:
            return rule.inside(self, part)
        if not children:
            return self.around(part)
        nodes, labels = aligned([self._memo[id(child)][1] for child in children])
        return labelled(built(self._scalars, rule, part, children, nodes), labels)

    # Symbols, and what the walk around lowers

    @property
    def samples(self) -> Label:
        """The label of the sample axis, the last axis of the symbols around."""
        return self._around_axes(1)[0]

    def around(self, expression: Any) -> Part:
        """What holds no bound index: a number, a symbol, or a scalar made of whole matrices or tensors."""
        if is_whole(expression):
            raise UnsupportedError("A whole matrix stands inside a Sum: take its entries, as in A[i, j].")
        self._refuse_indices(expression)
        node = self.walk.lower(expression)
        return Part(node, self._around_axes(node.ndim))

    def bare(self, array: Any) -> Part:
        """An array without indices."""
        raise UnsupportedError(
            f"The array {array} stands inside a Sum without an index: write an entry of it, as {array}[i]."
        )

    def _around_axes(self, ndim: int) -> tuple[Label, ...]:
        """The labels of so many axes of the symbols around; they are counted from the last axis."""
        while len(self._fronts) < ndim:
            self._fronts.append(Label(0, number=-1 - len(self._fronts)))
        return tuple(self._fronts[:ndim][::-1])

    def _refuse_indices(self, expression: Any) -> None:
        stack = [expression]
        seen: dict[int, Any] = {}
        while stack:
            part = stack.pop()
            if part in self.indices:
                raise UnsupportedError(f"A matrix expression depends on the index {part} of a Sum: write its entries.")
            stack.extend(argument for argument in part.args if id(argument) not in seen)
            seen |= {id(argument): argument for argument in part.args}

    # Entries

    def entry(self, expression: Any) -> Part:
        """x[i, j + 1, k[i]]."""
        base = self.walk.lower(expression.base)
        if base.ndim != expression.rank:
            raise ShapeError(
                f"{expression.base} has {base.ndim} axes; {text(expression)} has {expression.rank} indices."
            )
        return self._entries(expression, base, expression.indices, ())

    def matrix_entry(self, expression: Any) -> Part:
        """A[i, j] of a matrix expression that is free of indices."""
        self._refuse_indices(expression.parent)
        node = self.walk.lower(expression.parent)
        front = self._around_axes(node.ndim - 2)
        return self._entries(expression, node, expression.indices, front)

    def _entries(self, expression: Any, node: Node, indices: Sequence[Any], front: tuple[Label, ...]) -> Part:
        forms: list[Affine] = []
        gathers: list[tuple[Label, Part]] = []
        for axis, (position, dim) in enumerate(zip(indices, node.shape[len(front) :], strict=True)):
            if is_gather(position, self.walk.declarations):
                label = Label(dim)
                gathers.append((label, self.lower(position)))
                forms.append(along(label))
                continue
            form = self.form(position)
            self._check_range(expression, position, form, axis, dim)
            forms.append(form)
        part = entries(node, forms, front)
        for label, positions in gathers:
            part = _gathered(part, label, positions)
        return part

    def _check_range(self, expression: Any, position: Any, form: Affine, axis: int, dim: Dim) -> None:
        low, high = form.smallest(), form.largest()
        if nonnegative(low) is False or nonnegative(dim - high - 1) is False:
            spread = f"is {low}" if low == high else f"runs from {low} to {high}"
            raise ShapeError(
                f"The index {text(position)} of {text(expression)} {spread}, but axis {axis} has size {dim}: "
                f"its indices are 0 to {dim - 1}."
            )

    def form(self, position: Any) -> Affine:
        """An index as an affine form over labels."""
        return affine(position, self.indices, self.walk)

    def delta(self, expression: Any) -> Part:
        """KroneckerDelta(a, b) as an identity where it can be, else as a comparison."""
        a, b = expression.args[:2]
        if any(is_gather(end, self.walk.declarations) for end in (a, b)):
            return apply(_equal, self.lower(a), self.lower(b))
        one, other = self.form(a), self.form(b)
        p, q = one.plain, other.plain
        if p and q and p is not q and one.start == other.start and p.dim == q.dim:
            return delta(p, q)
        return apply(_equal, value(one), value(other))

    # Sums and products

    def over(self, expression: Any) -> Part:
        """A Sum or Product over any number of indices.

        The last limit is the outermost; where none depends on another and no letter is used twice, the first one is, so that
        axes lie as entries do.
        """
        check_letters(expression, self.walk.declarations.sampled)
        kind = sp.Sum if isinstance(expression, sp.Sum) else sp.Product
        limits = expression.limits
        letters = {limit[0] for limit in limits}
        ends = {symbol for limit in limits for end in limit[1:] for symbol in end.free_symbols}
        if ends.isdisjoint(letters) and len(letters) == len(limits):
            limits = limits[::-1]
        return self._over(kind, expression.function, limits)

    def _over(self, kind: Any, body: Any, limits: Sequence[Any]) -> Part:
        if not limits:
            return self.lower(body)
        *inner, limit = limits
        variable, low, high = self.bounds(limit)
        length = high - low + Affine(1)
        least = length.smallest()
        if nonnegative(least) is False or (length.steps and nonnegative(least) is None):
            raise ShapeError(
                f"The range {text(limit[1])} to {text(limit[2])} of {variable} has {least} entries at the least: an upper "
                "bound one below the lower is an empty range, a lower one is an error."
            )
        if length.start == 0 and not length.steps:
            return Part(constant(_NEUTRAL[kind]), ())
        if length.steps:
            return self._triangular(kind, body, inner, variable, low, high)
        if kind is sp.Sum and not inner and (found := self._sifted(body, variable, low, high)) is not None:
            return found
        label = Label(length.start)
        part = self.within(variable, low + along(label))._over(kind, body, inner)
        found = _OVER[kind](part, label)
        return found if label in part.labels else self._where_not_empty(kind, found, length)

    def bounds(self, limit: Any) -> tuple[Any, Affine, Affine]:
        """An index with its first and last value."""
        if len(limit) != 3:
            raise ModelError(f"The index {limit[0]} has no range: write ({limit[0]}, first, last), both included.")
        check_commutes(limit[0])
        for end in limit[1:]:
            if not end.is_finite and end.is_infinite:
                raise UnsupportedError(f"The range of {limit[0]} ends at {text(end)}: only finite sums are compiled.")
        first, last = (bound(end, limit[0], self.indices, self.walk) for end in limit[1:])
        return limit[0], first, last

    def _sifted(self, body: Any, variable: Any, low: Affine, high: Affine) -> Part | None:
        """The sum of KroneckerDelta(j, a) f(j) over j: f(a), where a lies in the range of j for certain."""
        factors = body.args if body.is_Mul else (body,)
        for position, factor in enumerate(factors):
            if not isinstance(factor, sp.KroneckerDelta) or any(
                is_gather(end, self.walk.declarations) for end in factor.args[:2]
            ):
                continue
            probe = Label(1)
            inner = self.within(variable, along(probe))
            gap = inner.form(factor.args[0]) - inner.form(factor.args[1])
            step = dict(gap.steps).get(probe, 0)
            if abs(step) != 1:
                continue
            found = (gap - along(probe) * step) * -step
            if all(nonnegative(room.smallest()) for room in (found - low, high - found)):
                rest = sp.Mul(*factors[:position], *factors[position + 1 :])
                return self.within(variable, found).lower(rest)
        return None

    def _triangular(self, kind: Any, body: Any, inner: Any, variable: Any, low: Affine, high: Affine) -> Part:
        """A range whose length depends on outer indices: running sums where they serve, else a mask."""
        first, last = low.smallest(), high.largest()
        label = Label(last + 1 - first, low + Affine(first * -1), high + Affine(first * -1))
        form = Affine(first) + along(label)
        scope = self.within(variable, form)
        if kind is not sp.Sum or inner or (low.steps and high.steps):
            return self._masked(kind, scope._over(kind, body, inner), label, form, low, high)
        factors = body.args if body.is_Mul else (body,)
        inside = [factor for factor in factors if label in scope.lower(factor).labels]
        outside = [factor for factor in factors if factor not in inside]
        summand = scope.lower(sp.Mul(*inside))
        if set(summand.labels) & {*low.labels, *high.labels}:  # y[i] - y[j] too: a difference of sums has other digits
            return self._masked(kind, scope.lower(body), label, form, low, high)
        running = apply(mul, scope.lower(sp.Mul(*outside)), self._running(summand, label, low, high))
        return self._where_not_empty(kind, running, high - low + Affine(1))

    def _where_not_empty(self, kind: Any, part: Part, length: Affine) -> Part:
        """A sum over a range, which is 0 where the range is empty, or a product, 1, whatever would be added so often."""
        if nonnegative(length.smallest() - 1) or part.node.op in ("constant", "size"):
            return part
        neutral = constant(_NEUTRAL[kind])
        return apply(lambda n, x: select(pointwise("lt", constant(0.0), n), x, neutral), value(length), part)

    def _running(self, summand: Part, label: Label, low: Affine, high: Affine) -> Part:
        """Sums from the first entry up to `high`, or from `low` on: one cumulative sum, read where each ends."""
        length = high - low + Affine(1)
        if label not in summand.labels:
            return apply(mul, summand, value(length))
        backwards = bool(low.steps)
        axis = summand.labels.index(label)
        total = cumulative_sum(summand.node, axis - summand.node.ndim, backwards)
        where = low - Affine(low.smallest()) if backwards else length + Affine(-1)
        if not nonnegative(length.smallest() - 1):  # an empty range reads a 0 beyond the end
            rest = total.shape[axis + 1 :]
            start = 0 if backwards else 1
            items = [(start, label.dim + start, 1), *((0, dim, 1) for dim in rest)]
            total = place(total, items, (label.dim + 1, *rest))
            where = where + Affine(start)
        axes = [where if other is label else along(other) for other in summand.labels]
        front = sum(other.number < 0 for other in summand.labels)
        return entries(total, axes[front:], summand.labels[:front])

    def _masked(self, kind: Any, part: Part, label: Label, form: Affine, low: Affine, high: Affine) -> Part:
        """Entries outside the range count as 0, or as 1 in a product."""
        conditions = [apply(_at_most, value(low), value(form))] if low.steps else []
        conditions += [apply(_at_most, value(form), value(high))] if high.steps else []
        for condition in conditions:
            part = apply(lambda c, e: select(c, e, constant(_NEUTRAL[kind])), condition, part)
        return _OVER[kind](part, label)


def _equal(a: Node, b: Node) -> Node:
    return pointwise("cast", pointwise("eq", a, b))


def _at_most(a: Node, b: Node) -> Node:
    return pointwise("le", a, b)


def _gathered(part: Part, label: Label, positions: Part) -> Part:
    """The entries at positions along a label.

    Where the positions vary along another label of the part, as in x[i, k[i]], only those on the diagonal are meant: a sum
    with 1 at the position and 0 elsewhere, which needs no more than x itself.
    """
    if set(positions.labels) & set(part.labels):
        inside = take(arange(label.dim), positions.node, -1)  # refuses positions that are out of range
        return summed(apply(mul, part, apply(_equal, value(along(label)), Part(inside, positions.labels))), label)
    axis = part.labels.index(label)
    node = take(part.node, positions.node, axis - part.node.ndim)
    return arranged(node, (*part.labels[:axis], *positions.labels, *part.labels[axis + 1 :]))


def output(walk: Any, expression: Any) -> Node | None:
    """An expression with free indices as an array with an axis for each, in alphabetical order; None if it has none.

    The axes of an `ArrayComprehension` are in its own order.
    """
    if isinstance(expression, ArrayComprehension):
        body, limits = expression.function, expression.limits
    elif free := free_indices(expression):
        if endless := [index for index in free if index.upper is None]:
            raise ModelError(
                f"No Sum binds the index {endless[0]}, and it has no range: for an axis of the output write "
                f"sp.Idx('{endless[0]}', n).",
                expression=text(expression),
            )
        body, limits = expression, [(index, index.lower, index.upper) for index in free]
    else:
        return None
    scope, labels = Scope(walk, {}), []
    for limit in limits:
        variable, low, high = scope.bounds(limit)
        length = high - low + Affine(1)
        if variable in scope.indices:
            raise ModelError(f"The index {variable} stands for two axes: give each axis a letter of its own.")
        if length.steps:
            raise ShapeError(f"The range of {variable} depends on another index: an array is rectangular.")
        labels.append(Label(length.start))
        scope = scope.within(variable, low + along(labels[-1]))
    part = scope.lower(body)
    front = tuple(label for label in part.labels if label.number < 0)
    shape = (*part.node.shape[: len(front)], *(label.dim for label in labels))
    return broadcast_to(with_axes(part, (*front, *labels)), shape)


def _alone(walk: Any, expression: Any, args: list[Node]) -> Node:
    return Scope(walk, {}).lowered(expression)


RULES: dict[type, Rule] = {
    sp.IndexedBase: Rule(_alone, no_arguments, Scope.bare),  # symbols are the walk's own
    sp.Indexed: Rule(_alone, no_arguments, Scope.entry),
    sp.Sum: Rule(_alone, no_arguments, Scope.over),
    sp.Product: Rule(_alone, no_arguments, Scope.over),
    sp.KroneckerDelta: of_scalars(Rule(lambda walk, expression, args: _equal(*args[:2]), inside=Scope.delta)),
    MatrixElement: Rule(_alone, lambda e: (e.parent,), Scope.matrix_entry),
}
