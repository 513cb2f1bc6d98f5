"""Random terms of the matrix dialect: MatrixSymbols and SymPy's matrix expressions, without broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.matrices.expressions.diagonal import DiagonalOf

import symdiff as sd
from fuzz.functions import (
    BINARY,
    GUARDED,
    PARTIAL,
    PARTIAL_OF_TWO,
    STABLE,
    STABLE_OF_TWO,
    UNARY,
    entrywise_of,
)  # fmt: skip
from fuzz.operations import REDUCTIONS, eliminated, meaning_of, picked, whole_matrix
from fuzz.source import Source
from fuzz.terms import Place, Reader, Term, m, n, one
from symdiff.functions.elementwise import entrywise

Shape = tuple[Any, ...]
DIMS = (n, n, m, one)


def declare(name: str, shape: Shape, kind: str) -> Any:
    """A matrix, or a scalar."""
    return sp.MatrixSymbol(name, *shape) if shape else sp.Symbol(name)


def any_shape(g: Source) -> Shape:
    return g.one_of(DIMS), g.one_of(DIMS)


def matrix(g: Source, shape: Shape, depth: int) -> Term:
    """A term of a shape."""
    if depth <= 0 or g.chance(0.08):
        return g.leaf(shape)
    options = [*EVERY, *(SQUARE if shape[0] == shape[1] else []), *(COLUMNS if shape[1] == 1 != shape[0] else [])]
    return g.one_of(options)(g, shape, depth - 1)


def added(g: Source, shape: Shape, depth: int) -> Term:
    sign = g.one_of((1, -1))
    return Term(
        shape, lambda a, b: a + sign * b, lambda at, p, a, b: at(a, p) + sign * at(b, p),
        g.term(shape, depth), g.term(shape, depth),
    )  # fmt: skip


def product(g: Source, shape: Shape, depth: int) -> Term:
    inner = g.one_of(DIMS)
    return multiplied(g.term((shape[0], inner), depth), g.term((inner, shape[1]), depth))


def multiplied(a: Term, b: Term) -> Term:
    inner = a.shape[1]

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        parts = [at(a, (p[0], i)) * at(b, (i, p[1])) for i in range(at.extent(inner))]
        return sum(parts[1:], parts[0])

    return Term((a.shape[0], b.shape[1]), lambda a, b: a * b, meant, a, b)


def transposed(g: Source, shape: Shape, depth: int) -> Term:
    return turned(g.term(shape[::-1], depth))


def turned(a: Term) -> Term:
    return Term(a.shape[::-1], lambda a: a.T, lambda at, p, a: at(a, p[::-1]), a)


def hadamard(g: Source, shape: Shape, depth: int) -> Term:
    if shape == (1, 1):
        return product(g, shape, depth)
    return Term(
        shape,
        sp.HadamardProduct,
        lambda at, p, a, b: at(a, p) * at(b, p),
        g.term(shape, depth),
        g.term(shape, depth),
    )


def powers(g: Source, shape: Shape, depth: int) -> Term:
    exponent = g.one_of((2, 3))
    return Term(
        shape, lambda a: sp.HadamardPower(a, exponent), lambda at, p, a: at(a, p) ** exponent, g.term(shape, depth)
    )


def unary(g: Source, shape: Shape, depth: int) -> Term:
    return entrywise_of(g.one_of([*UNARY, *GUARDED]), g.term(shape, depth))


def binary(g: Source, shape: Shape, depth: int) -> Term:
    return entrywise_of(g.one_of(BINARY), g.term(shape, depth), g.term(shape, depth))


def stable(g: Source, shape: Shape, depth: int) -> Term:
    if g.chance(0.6):
        kind, function = g.one_of(STABLE)
        return entrywise_of(function, g.leaf(shape, kind))
    kind, function = g.one_of(STABLE_OF_TWO)
    return entrywise_of(function, g.leaf(shape, kind), g.leaf(shape, kind))


def deviation(g: Source, shape: Shape, depth: int) -> Term:
    """X - 1 mu, of data far from 0."""
    kind = g.one_of(["far", "years"])
    x, mu = g.leaf(shape, kind), g.leaf((one, shape[1]), kind, new=True)
    return Term(
        shape,
        lambda x, mu, s: s * (x - sp.OneMatrix(shape[0], 1) * mu),
        lambda at, p, x, mu, s: at(s, ()) * (at(x, p) - at(mu, (0, p[1]))),
        x, mu, g.leaf((), "small"),
    )  # fmt: skip


def repeated(g: Source, shape: Shape, depth: int) -> Term:
    """A row beside every row."""
    return Term(
        shape,
        lambda a, b: a + sp.OneMatrix(shape[0], 1) * b,
        lambda at, p, a, b: at(a, p) + at(b, (0, p[1])),
        g.term(shape, depth),
        g.term((one, shape[1]), depth),
    )


def diagonal_product(g: Source, shape: Shape, depth: int) -> Term:
    if shape[0] == 1:
        return scaled(g, shape, depth)
    return Term(
        shape,
        lambda a, b: sp.DiagMatrix(a) * b,
        lambda at, p, a, b: at(a, (p[0], 0)) * at(b, p),
        g.term((shape[0], one), depth),
        g.term(shape, depth),
    )


def softmax(g: Source, shape: Shape, depth: int) -> Term:
    axis, name = g.one_of((0, 1)), g.one_of(("softmax", "log_softmax"))

    def meant(at: Reader, p: Place, a: Term) -> Any:
        line = [at(a, (i, p[1]) if axis == 0 else (p[0], i)) for i in range(at.extent(a.shape[axis]))]
        found = at(a, p) - at.f.logsumexp(line)
        return at.f.exp(found) if name == "softmax" else found

    return Term(shape, lambda a: getattr(sd, name)(a, axis=axis), meant, g.term(shape, depth))


# Choices


def choose(condition: Term, yes: Term, no: Term) -> Term:
    """yes where the condition's entries are positive."""

    def meant(at: Reader, p: Place, c: Term, a: Term, b: Term) -> Any:
        return at(a if at.f.less(0, at(c, p)) else b, p)

    def of_entries(c: Any, a: Any, b: Any) -> Any:
        return sd.where(c > 0, a, b)

    return Term(condition.shape, entrywise(of_entries), meant, condition, yes, no)


def choice(g: Source, shape: Shape, depth: int) -> Term:
    condition = g.leaf(shape, "indicator") if g.chance(0.6) else g.term(shape, depth - 1)
    return choose(condition, g.term(shape, depth), g.term(shape, depth))


def singular_branch(g: Source, shape: Shape, depth: int) -> Term:
    x = g.term(shape, depth)
    if g.chance(0.5):
        return choose(x, entrywise_of(g.one_of(PARTIAL), x), g.term(shape, depth - 1))
    return choose(x, entrywise_of(g.one_of(PARTIAL_OF_TWO), g.term(shape, depth), x), g.term(shape, depth - 1))


# Scalars made of matrices


def scaled(g: Source, shape: Shape, depth: int) -> Term:
    return Term(
        shape, lambda a, b: a * b, lambda at, p, a, b: at(a, ()) * at(b, p), scalar(g, depth), g.term(shape, depth)
    )


def tamed(t: Term) -> Term:
    return Term((), sp.tanh, lambda at, p, a: at.f.tanh(at(a, ())), t)


def scalar(g: Source, depth: int) -> Term:
    """A scalar of a matrix."""
    match g.one_of(range(8)):
        case 0 | 1 | 2:
            return reduced(g.one_of(REDUCTIONS), g.term(any_shape(g), depth))
        case 3:
            size = g.one_of((n, m))
            return trace(g.term((size, size), depth))
        case 4:
            return one_by_one(g, depth)
        case 5:
            return determinant(g, depth)
        case 6:
            a = g.leaf((n, m))
            return picked((), lambda a: a[0, 0], lambda at, p: (0, 0), a)
        case _:
            return g.leaf(())


def reduced(name: str, a: Term) -> Term:
    def meant(at: Reader, p: Place, a: Term) -> Any:
        return meaning_of(name)(at.f, [at(a, q) for q in at.places(a.shape)])

    return Term((), getattr(sd, name), meant, a)


def off_the_diagonal(at: Reader, a: Term) -> list[Place]:
    return [p for p in at.places(a.shape) if p[0] != p[1]]


def trace(a: Term) -> Term:
    def meant(at: Reader, p: Place, a: Term) -> Any:
        at.drop(a, off_the_diagonal(at, a))
        parts = [at(a, (i, i)) for i in range(at.extent(a.shape[0]))]
        return sum(parts[1:], parts[0])

    return Term((), sp.Trace, meant, a)


def one_by_one(g: Source, depth: int) -> Term:
    """A function of a 1x1 product, as a scalar."""
    x = g.leaf((g.one_of((n, m)), one))
    square = multiplied(turned(x), x)
    _, write, mean = g.one_of(
        [
            ("root", lambda a: a ** sp.Rational(1, 2), lambda f, x: f.sqrt(x)),
            ("cube root", lambda a: a ** sp.Rational(1, 3), lambda f, x: f.power(x, f.number(1, 3))),
            ("entry", lambda a: a[0, 0] ** 2, lambda f, x: x**2),
            ("logarithm", lambda a: sp.log(1 + a[0, 0]), lambda f, x: f.log(1 + x)),
            ("trace", lambda a: sp.exp(-sp.Trace(a)), lambda f, x: f.exp(-x)),
            ("applied", lambda a: sp.Trace(a.applyfunc(sp.sqrt)), lambda f, x: f.sqrt(x)),
            ("inverse", lambda a: sp.Trace(a.I), lambda f, x: 1 / x),
        ]
    )
    return Term((), write, lambda at, p, a: mean(at.f, at(a, (0, 0))), square)


def definite(g: Source, size: Any, depth: int) -> Term:
    """X X^T + 1, of an X that is not large."""
    x = entrywise_of(lambda f, a: f.tanh(a), g.term((size, g.one_of(DIMS)), depth))
    squares = multiplied(x, turned(x))
    return Term(
        (size, size),
        lambda a: a + sp.Identity(size),
        lambda at, p, a: at(a, p) + 1 if p[0] == p[1] else at(a, p),
        squares,
    )


def determinant(g: Source, depth: int) -> Term:
    name, write = g.one_of([("det", sd.det), ("logdet", sd.logdet), ("log det", lambda a: sp.log(sp.Determinant(a)))])

    def meant(at: Reader, p: Place, a: Term) -> Any:
        A = whole_matrix(at, a, ())
        found = eliminated(at.f, A, [[at.f.number(0)] for _ in A])[1]
        return found if name == "det" else at.f.log(found)

    return Term((), write, meant, definite(g, g.one_of((n, m)), depth))


def solved(g: Source, shape: Shape, depth: int) -> Term:
    write = g.one_of([sd.solve, lambda a, b: a.I * b])

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        rows = range(at.extent(shape[0]))
        return eliminated(at.f, whole_matrix(at, a, ()), [[at(b, (i, p[1]))] for i in rows])[0][p[0]][0]

    if shape[0] == 1:
        return added(g, shape, depth)
    return Term(shape, write, meant, definite(g, shape[0], depth - 1), g.term(shape, depth))


# Parts


def sliced(g: Source, shape: Shape, depth: int) -> Term:
    """The first or the middle rows of a longer matrix."""
    start, more = g.one_of(((0, 2), (1, 2), (1, 1)))
    inner = g.term((shape[0] + more, shape[1]), depth) if g.chance(0.3) else g.leaf((shape[0] + more, shape[1]))
    rows = slice(start, shape[0] + start)
    return picked(shape, lambda a: a[rows, :], lambda at, p: (p[0] + start, p[1]), inner)


def stacked(g: Source, shape: Shape, depth: int) -> Term:
    """A block matrix in a product."""
    first, second = g.one_of((n, m)), g.one_of((n, m))
    a, b = g.term((shape[0], first), depth), g.term((shape[0], second), depth)
    c, d = g.term((first, shape[1]), depth - 1), g.term((second, shape[1]), depth - 1)

    def written(a: Any, b: Any, c: Any, d: Any) -> Any:
        return sp.BlockMatrix([[a, b]]) * sp.BlockMatrix([[c], [d]])

    def meant(at: Reader, p: Place, a: Term, b: Term, c: Term, d: Term) -> Any:
        parts = [at(x, (p[0], i)) * at(y, (i, p[1])) for x, y in ((a, c), (b, d)) for i in range(at.extent(x.shape[1]))]
        return sum(parts[1:], parts[0])

    return Term(shape, written, meant, a, b, c, d)


def about_a_reduction(g: Source, shape: Shape, depth: int) -> Term:
    """Everything less a reduction of each column, repeated."""
    name = g.one_of(REDUCTIONS)
    x = g.term(shape, depth)

    def meant(at: Reader, p: Place, a: Term) -> Any:
        return at(a, p) - meaning_of(name)(at.f, [at(a, (i, p[1])) for i in range(at.extent(shape[0]))])

    return Term(shape, lambda a: a - sp.OneMatrix(shape[0], 1) * getattr(sd, name)(a, axis=0), meant, x)


def with_identity(g: Source, shape: Shape, depth: int) -> Term:
    return Term(
        shape,
        lambda a: sp.Identity(shape[0]) * 2 + a,
        lambda at, p, a: at(a, p) + 2 if p[0] == p[1] else at(a, p),
        g.term(shape, depth),
    )


def column_of_square(g: Source, shape: Shape, depth: int) -> Term:
    """A diagonal, or a reduction of every row."""
    size = shape[0]
    name = g.one_of(["diagonal", *REDUCTIONS])

    def meant(at: Reader, p: Place, a: Term) -> Any:
        if name == "diagonal":
            at.drop(a, off_the_diagonal(at, a))
            return at(a, (p[0], p[0]))
        return meaning_of(name)(at.f, [at(a, (p[0], i)) for i in range(at.extent(size))])

    def written(a: Any) -> Any:
        return DiagonalOf(a) if name == "diagonal" else getattr(sd, name)(a, axis=1)

    return Term(shape, written, meant, g.term((size, size), depth))


EVERY: list[Callable[..., Term]] = [
    added, product, product, product, transposed, hadamard, powers, unary, unary, binary, binary, stable, deviation, repeated,
    diagonal_product, softmax, choice, choice, singular_branch, singular_branch, scaled, solved, sliced, stacked,
    about_a_reduction,
]  # fmt: skip
SQUARE = [with_identity]
COLUMNS = [column_of_square]


def objective(g: Source, depth: int) -> Term:
    """A scalar."""
    return scalar(g, depth + 1)
