"""Random terms of the scalar dialect: plain symbols, of which data have one value per sample."""

from __future__ import annotations

from typing import Any

import sympy as sp

import symdiff as sd
from fuzz.functions import (
    BINARY,
    GUARDED,
    PARTIAL,
    PARTIAL_OF_TWO,
    POSITIVE,
    STABLE,
    STABLE_OF_TWO,
    UNARY,
    Words,
    spelled,
)  # fmt: skip
from fuzz.operations import REDUCTIONS, meaning_of
from fuzz.source import Source
from fuzz.terms import Place, Reader, Term, n

Shape = tuple[Any, ...]
SAMPLES: Shape = (n,)


def declare(name: str, shape: Shape, kind: str) -> Any:
    """A symbol, whatever its values are."""
    return sp.Symbol(name)


def function_of(function: Any, *args: Term) -> Term:
    """A function of entries."""
    shape = max((a.shape for a in args), key=len)
    return Term(
        shape,
        lambda *operands: function(Words, *operands),
        lambda at, p, *operands: function(at.f, *(at.seen(operand, p) for operand in operands)),
        *args,
    )


def scalar(g: Source, shape: Shape, depth: int) -> Term:
    """A term of a value per sample, or of one value."""
    if depth <= 0:
        return g.leaf(g.one_of([shape, ()]))
    options = [
        unary,
        unary,
        binary,
        binary,
        binary,
        choice,
        choice,
        several_branches,
        singular_branch,
        stable,
        deviation,
    ]
    options += [singular_branch, losses]
    if shape:
        options.append(of_a_reduction)
    return g.one_of(options)(g, shape, depth - 1)


def unary(g: Source, shape: Shape, depth: int) -> Term:
    return function_of(g.one_of([*UNARY, *GUARDED]), scalar(g, shape, depth))


def binary(g: Source, shape: Shape, depth: int) -> Term:
    return function_of(g.one_of(BINARY), scalar(g, shape, depth), scalar(g, shape, depth))


def stable(g: Source, shape: Shape, depth: int) -> Term:
    if g.chance(0.6):
        kind, function = g.one_of(STABLE)
        return function_of(function, g.leaf(g.one_of([shape, ()]), kind))
    kind, function = g.one_of(STABLE_OF_TWO)
    return function_of(function, g.leaf(shape, kind), g.leaf((), kind))


def deviation(g: Source, shape: Shape, depth: int) -> Term:
    kind = g.one_of(["far", "years"])
    return function_of(
        lambda f, x, c, s: (x - c) * s, g.leaf(shape, kind), g.leaf((), kind, new=True), g.leaf((), "small")
    )


def condition(g: Source, shape: Shape, depth: int) -> tuple[Term, Term]:
    """Two numbers, of which one may be less."""
    return g.leaf(shape), g.one_of([g.leaf(()), scalar(g, shape, depth)])


def choice(g: Source, shape: Shape, depth: int) -> Term:
    """A choice of two, as a Piecewise or a where."""
    # cosines: SymPy (1.14) divides a condition such as x/3 < y/2 by its coefficients, again and again
    low, high = (function_of(lambda f, x: f.cos(x), part) for part in condition(g, shape, depth))
    return chosen(g, low, high, scalar(g, shape, depth), scalar(g, shape, depth))


def chosen(g: Source, low: Term, high: Term, yes: Term, no: Term) -> Term:
    """yes where low < high."""
    if g.chance(0.5):
        write = lambda a, b, yes, no: sp.Piecewise((yes, a < b), (no, True))  # noqa: E731
    else:
        write = lambda a, b, yes, no: sd.where(a < b, yes, no)  # noqa: E731

    def meant(at: Reader, p: Place, a: Term, b: Term, yes: Term, no: Term) -> Any:
        return at.seen(yes if at.f.less(at.seen(a, p), at.seen(b, p)) else no, p)

    shape = max((part.shape for part in (low, high, yes, no)), key=len)
    return Term(shape, write, meant, low, high, yes, no)


def several_branches(g: Source, shape: Shape, depth: int) -> Term:
    """A Piecewise of three branches, by conditions that two comparisons make."""
    a, b, c = (function_of(lambda f, x: f.cos(x), scalar(g, shape, depth - 1)) for _ in range(3))
    branches = [scalar(g, shape, depth) for _ in range(3)]
    join, holds = g.one_of([(sp.And, all), (sp.Or, any)])

    def written(a: Any, b: Any, c: Any, one: Any, two: Any, three: Any) -> Any:
        return sp.Piecewise((one, join(a < b, c > sp.Rational(1, 2))), (two, b < c), (three, True))

    def meant(at: Reader, p: Place, a: Term, b: Term, c: Term, one: Term, two: Term, three: Term) -> Any:
        x, y, z = (at.seen(part, p) for part in (a, b, c))
        if holds([at.f.less(x, y), at.f.less(at.f.number(1, 2), z)]):
            return at.seen(one, p)
        return at.seen(two if at.f.less(y, z) else three, p)

    return Term(max((part.shape for part in (a, b, c, *branches)), key=len), written, meant, a, b, c, *branches)


def singular_branch(g: Source, shape: Shape, depth: int) -> Term:
    """What exists for a positive x alone, where x is."""
    x = g.leaf(shape) if g.chance(0.6) else function_of(lambda f, x: f.sin(x), scalar(g, shape, depth))
    if g.chance(0.5):
        inside = function_of(g.one_of(PARTIAL), x)
    else:
        inside = function_of(g.one_of(PARTIAL_OF_TWO), scalar(g, shape, depth), x)
    if g.chance(0.3):
        inside = function_of(g.one_of(BINARY), inside, scalar(g, shape, depth))
    return chosen(g, number(0), x, inside, scalar(g, shape, depth))


def losses(g: Source, shape: Shape, depth: int) -> Term:
    """What a loss averages: of a probability and a target that may be certain, or of a difference."""
    if g.chance(0.5):
        r = function_of(lambda f, a, b: a - b, scalar(g, shape, depth), g.leaf(shape))
        return function_of(
            lambda f, r: f.choose(f.less(f.abs(r), 1), lambda: r**2 / 2, lambda: f.abs(r) - f.number(1, 2)), r
        )
    z, t = scalar(g, shape, depth), g.leaf(shape, "share")
    written = lambda f, z, t: -(t * f.log(f.sigmoid(z)) + (1 - t) * f.log(1 - f.sigmoid(z)))  # noqa: E731
    return function_of(spelled(written, lambda f, z, t: t * f.softplus(-z) + (1 - t) * f.softplus(z)), z, t)


def number(value: int) -> Term:
    return Term((), lambda: sp.Integer(value), lambda at, p: at.f.number(value))


def of_a_reduction(g: Source, shape: Shape, depth: int) -> Term:
    """A reduction over the samples beside something else."""
    return function_of(g.one_of(BINARY), reduced(g, depth), scalar(g, shape, depth))


def reduced(g: Source, depth: int) -> Term:
    """A reduction over the samples, of values of each or of one value for all."""
    name = g.one_of(REDUCTIONS)
    inner = scalar(g, SAMPLES, depth)
    if name == "prod":
        inner = function_of(g.one_of(POSITIVE[3:]), inner)

    def meant(at: Reader, p: Place, a: Term) -> Any:
        return meaning_of(name)(at.f, [at.seen(a, (i,)) for i in range(at.extent(n))])

    return Term((), getattr(sd, name), meant, inner)


def objective(g: Source, depth: int) -> Term:
    """A reduction, with something that carries samples, so that there are some."""
    term = reduced(g, depth)
    if g.chance(0.3):
        term = function_of(lambda f, a, b: a * f.tanh(b), term, reduced(g, depth - 1))
    if not any(leaf.shape for leaf in term.leaves()):
        mean = Term(
            (),
            sd.mean,
            lambda at, p, a: meaning_of("mean")(at.f, [at(a, (i,)) for i in range(at.extent(n))]),
            g.leaf(SAMPLES),
        )
        term = function_of(lambda f, a, b: a + b, term, mean)
    return term
