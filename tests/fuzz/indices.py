"""Random terms of index notation: written-out sums under bound indices.

The axes of a term are the indices it stands under; its place is a number for each. An index runs over a range that may
depend on those before it, so kernels of differences such as p / (i - k) exist inside their range alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

import symdiff as sd
from fuzz.functions import BINARY, PARTIAL, PARTIAL_OF_TWO, STABLE, UNARY, Words
from fuzz.source import Source
from fuzz.terms import Place, Reader, Term, m, n

Scope = tuple[Any, ...]
INDICES = sp.symbols("i j l", integer=True)


def declare(name: str, shape: Scope, kind: str) -> Any:
    """An array, or a symbol."""
    if not shape:
        return sp.Symbol(name)
    return sp.IndexedBase(name, shape=shape, integer=True) if kind == "labels" else sp.IndexedBase(name, shape=shape)


class Position:
    """An index expression a + b i + ..., as SymPy has it and as a number at a place."""

    def __init__(self, expression: Any, scope: Scope) -> None:
        self.expression, self.scope = sp.sympify(expression), scope
        self.meant = sp.lambdify((*scope, n, m), self.expression, "math")

    def at(self, reader: Reader, place: Place) -> int:
        """Its number."""
        return int(self.meant(*place, reader.extent(n), reader.extent(m)))


def function_of(scope: Scope, function: Callable[..., Any], *args: Term) -> Term:
    """A function of operands at one place."""
    return Term(
        scope,
        lambda *operands: function(Words, *operands),
        lambda at, p, *operands: function(at.f, *(at(operand, p) for operand in operands)),
        *args,
    )


def entry(g: Source, scope: Scope) -> Term:
    """An entry of an array whose axes are as long as the indices run."""
    if len(scope) > 0 and g.chance(0.15):  # several indices, or a stride, in one axis
        a, b = g.one_of(scope), g.one_of(scope)
        return at_positions(
            scope, g.leaf((3 * n,)), Position(g.one_of((a + b, 2 * a + 1, a + 2 * b, 2 * n - a)), scope)
        )
    size = g.one_of((n, n, m))
    rank = g.one_of((1, 1, 2))
    array = g.leaf((size + (0 if rank == 2 else g.one_of((0, 0, 2))),) * rank, g.one_of(["real"] * 4 + ["small"]))
    positions = [position(g, scope, size, array.shape[0] - size) for _ in range(rank)]
    return at_positions(scope, array, *positions)


def at_positions(scope: Scope, array: Term, *positions: Position) -> Term:
    return Term(
        scope,
        lambda a: a[tuple(p.expression for p in positions)],
        lambda at, p, a: at(a, tuple(q.at(at, p) for q in positions)),
        array,
    )


def position(g: Source, scope: Scope, size: Any, more: Any) -> Position:
    """A place of an axis of a size, of which `more` entries are beyond where indices run."""
    if size is not n or not scope:  # an axis that no index runs over
        return Position(g.one_of((0, size - 1)), scope)
    index = g.one_of(scope)
    if more:
        return Position(index + g.one_of((0, 1, 2)), scope)
    return Position(g.one_of((index, index, index, n - 1 - index)), scope)


def gathered(g: Source, scope: Scope) -> Term:
    """An entry at the place that whole-number data say."""
    labels, array = g.leaf((n,), "labels"), g.leaf((m,))
    index = Position(g.one_of(scope), scope)

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        return at(a, (int(at(b, (index.at(at, p),))),))

    return Term(scope, lambda a, b: a[b[index.expression]], meant, array, labels)


def number(scope: Scope, expression: Any) -> Term:
    """A number that indices make."""
    position = Position(expression, scope)
    return Term(scope, lambda: position.expression, lambda at, p: at.f.number(position.at(at, p)))


def scalar(g: Source, scope: Scope, kind: str = "real") -> Term:
    leaf = g.leaf((), kind)
    return Term(scope, lambda a: a, lambda at, p, a: at(a, ()), leaf)


def delta(g: Source, scope: Scope) -> Term:
    a, b = Position(g.one_of(scope), scope), Position(g.one_of((*scope, 0, 1)), scope)
    return Term(
        scope,
        lambda: sp.KroneckerDelta(a.expression, b.expression),
        lambda at, p: at.f.number(int(a.at(at, p) == b.at(at, p))),
    )


def leaf(g: Source, scope: Scope) -> Term:
    match g.one_of(range(8)):
        case 0:
            return scalar(g, scope)
        case 1 if scope:
            return gathered(g, scope)
        case 2 if scope:
            return delta(g, scope)
        case 3 if scope:
            return number(scope, g.one_of(scope) + g.one_of((0, 1, 2)))
        case _:
            return entry(g, scope)


def summand(g: Source, scope: Scope, depth: int) -> Term:
    """A term under bound indices."""
    if depth <= 0:
        return leaf(g, scope)
    options = [binary, binary, binary, unary, stable, deviation]
    options += [summed, summed] * (len(scope) < len(INDICES)) + [kernel_off_the_diagonal, choice, first_places] * bool(
        scope
    )
    options += [triangular_kernel, triangular_kernel, pair_energy] * (0 < len(scope) < len(INDICES))
    return g.one_of(options)(g, scope, depth - 1)


def unary(g: Source, scope: Scope, depth: int) -> Term:
    return function_of(scope, g.one_of(UNARY), summand(g, scope, depth))


def binary(g: Source, scope: Scope, depth: int) -> Term:
    return function_of(scope, g.one_of(BINARY[:7]), summand(g, scope, depth), summand(g, scope, depth))


def stable(g: Source, scope: Scope, depth: int) -> Term:
    kind, function = g.one_of(STABLE)
    return function_of(scope, function, whole_entry(g, scope, kind))


def whole_entry(g: Source, scope: Scope, kind: str) -> Term:
    """An entry x[i] of an array of a kind, or a symbol."""
    if not scope:
        return scalar(g, scope, kind)
    return at_positions(scope, g.leaf((n,), kind), Position(g.one_of(scope), scope))


def deviation(g: Source, scope: Scope, depth: int) -> Term:
    """A difference of data far from 0, times something small."""
    kind = g.one_of(["far", "years"])
    x, s = whole_entry(g, scope, kind), scalar(g, scope, "small")
    leaf = g.leaf((), kind, new=True)
    centre = Term(scope, lambda a: a, lambda at, p, a: at(a, ()), leaf)
    return function_of(scope, lambda f, a, b, c: (a - b) * c, x, centre, s)


# Sums


def ranges(scope: Scope) -> list[tuple[Any, Any]]:
    """Bounds of one more index."""
    found = [(0, n - 1), (0, n - 1), (1, n - 1), (0, n - 2)]
    for outer in scope:
        found += [(0, outer), (0, outer - 1), (outer, n - 1), (outer + 1, n - 1)]
    return found


def summed(g: Source, scope: Scope, depth: int) -> Term:
    """A sum, or a product, over one more index."""
    bounds = g.one_of(ranges(scope))
    inner = summand(g, (*scope, INDICES[len(scope)]), depth)
    if g.chance(0.15):
        return over(scope, bounds, function_of(inner.shape, lambda f, x: 1 + f.tanh(x) / 2, inner), sp.Product)
    if g.chance(0.15):  # log-sum-exp of a range; an empty one has no logarithm
        total = over(scope, (0, n - 1), function_of(inner.shape, lambda f, x: f.exp(x), inner))
        return function_of(scope, lambda f, x: f.log(x), total)
    return over(scope, bounds, inner)


def over(scope: Scope, bounds: tuple[Any, Any], inner: Term, kind: Any = sp.Sum) -> Term:
    """The sum over the last index of a term's scope."""
    index = inner.shape[-1]
    low, high = (Position(bound, scope) for bound in bounds)

    def meant(at: Reader, p: Place, inner: Term) -> Any:
        found = at.f.number(int(kind is sp.Product))
        for i in range(low.at(at, p), high.at(at, p) + 1):
            found = found * at(inner, (*p, i)) if kind is sp.Product else found + at(inner, (*p, i))
        return found

    return Term(scope, lambda a: kind(a, (index, low.expression, high.expression)), meant, inner)


# Kernels of index differences


def difference(g: Source, scope: Scope, place: int) -> tuple[Term, list[tuple[Any, Any]]]:
    """i - k and the ranges of k where it is positive."""
    inner, outer = INDICES[len(scope)], scope[place]
    if g.chance(0.7):
        return number((*scope, inner), outer - inner), [(0, outer - 1)]
    return number((*scope, inner), inner - outer), [(outer + 1, n - 1)]


def triangular_kernel(g: Source, scope: Scope, depth: int) -> Term:
    """A sum over a range of a kernel that is singular outside."""
    inside = (*scope, INDICES[len(scope)])
    away, bounds = difference(g, scope, g.one_of(range(len(scope))))
    return over(scope, g.one_of(bounds), times(g, inside, kernel(g, inside, away, depth), depth))


def kernel(g: Source, scope: Scope, away: Term, depth: int) -> Term:
    """A function of an index difference, which is positive, and a parameter."""
    p = scalar(g, scope, g.one_of(["real", "positive", "zero"])) if g.chance(0.7) else summand(g, scope, depth - 1)
    match g.one_of(range(4)):
        case 0:
            return function_of(scope, g.one_of(PARTIAL), away)
        case 1:
            return function_of(scope, lambda f, p, d: f.power(p, d), p, away)
        case _:
            return function_of(scope, g.one_of(PARTIAL_OF_TWO), p, away)


def times(g: Source, scope: Scope, one: Term, depth: int) -> Term:
    return function_of(scope, lambda f, a, b: a * b, one, summand(g, scope, min(depth, 1)))


def kernel_off_the_diagonal(g: Source, scope: Scope, depth: int) -> Term:
    """A kernel under a condition on indices."""
    index, other = g.one_of(scope), g.one_of((*scope, 0, 1))
    if index == other:
        other = 0
    relation, distance = g.one_of(
        [(sp.Gt, index - other), (sp.Ne, sp.Abs(index - other)), (sp.Lt, other - index), (sp.Ge, index - other + 1)]
    )
    away = number(scope, distance)
    inside = times(g, scope, kernel(g, scope, away, depth), depth)
    place = Position(index - other, scope)
    holds = {sp.Gt: lambda d: d > 0, sp.Ne: lambda d: d != 0, sp.Lt: lambda d: d < 0, sp.Ge: lambda d: d >= 0}[relation]
    if (
        len(scope) == 1 and isinstance(other, int) and g.chance(0.5)
    ):  # out of nested sums SymPy (1.14) moves a Piecewise
        write = lambda c, a, b: sp.Piecewise((a, c), (b, True))  # noqa: E731
    else:
        write = sd.where
    return Term(
        scope,
        lambda a, b: write(relation(index, other), a, b),
        lambda at, p, a, b: at(a if holds(place.at(at, p)) else b, p),
        inside,
        leaf(g, scope),
    )


def first_places(g: Source, scope: Scope, depth: int) -> Term:
    """Something of places beyond the first, and another thing there."""
    index = g.one_of(scope)
    place = Position(index, scope)
    return Term(
        scope,
        lambda a, b: sd.where(index > 0, a, b),
        lambda at, p, a, b: at(a if place.at(at, p) > 0 else b, p),
        summand(g, scope, depth),
        leaf(g, scope),
    )


def choice(g: Source, scope: Scope, depth: int) -> Term:
    """A branch that is singular where it is not taken, by data."""
    x = entry(g, scope)
    if g.chance(0.5):
        yes = function_of(scope, g.one_of(PARTIAL), x)
    else:
        yes = function_of(scope, g.one_of(PARTIAL_OF_TWO), summand(g, scope, depth), x)
    return Term(
        scope,
        lambda x, a, b: sd.where(x > 0, a, b),
        lambda at, p, x, a, b: at(a if at.f.less(0, at(x, p)) else b, p),
        x,
        yes,
        summand(g, scope, depth - 1),
    )


def pair_energy(g: Source, scope: Scope, depth: int) -> Term:
    """A sum over pairs of a function of a difference of entries."""
    inner = INDICES[len(scope)]
    inside = (*scope, inner)
    y = g.leaf((n,))
    a, b = (at_positions(inside, y, Position(index, inside)) for index in (g.one_of(scope), inner))
    c = scalar(g, inside, "positive")
    function = g.one_of(
        [
            lambda f, a, b, c: 1 / f.sqrt((a - b) ** 2 + c),
            lambda f, a, b, c: f.exp(-((a - b) ** 2) / c),
            lambda f, a, b, c: f.log(1 + (a - b) ** 2 / c),
            lambda f, a, b, c: f.log(f.exp(a / c) + f.exp(b / c)),
        ]
    )
    return over(scope, g.one_of(ranges(scope)), function_of(inside, function, a, b, c))


def objective(g: Source, depth: int) -> Term:
    """A sum over an index; and x[0], which brings the size n."""
    total = summed(g, (), depth)
    return function_of((), lambda f, a, b: a + b, total, at_positions((), g.leaf((n,)), Position(0, ())))


def output(g: Source, depth: int) -> Term:
    """An entry for each place of one or two free indices."""
    scope = INDICES[: g.one_of((1, 1, 2))]
    places = {index: sp.Idx(str(index), n) for index in scope}
    everywhere = at_positions(scope, g.leaf((n,) * len(scope)), *(Position(index, scope) for index in scope))
    inner = function_of(scope, lambda f, a, b: a + b, summand(g, scope, depth), everywhere)
    return Term((n,) * len(scope), lambda e: e.xreplace(places), lambda at, p, e: at(e, p), inner)
