"""Random tensors: linear algebra, functions of norms, losses."""

from __future__ import annotations

from typing import Any

import sympy as sp

import symdiff as sd
from fuzz.functions import (
    BINARY,
    Words,
    entrywise_of,
)
from fuzz.jets import Jet, value
from fuzz.operations import (
    REDUCTIONS,
    eliminated,
    meaning_of,
    reduced,
    sum_of_products,
    whole_matrix,
)
from fuzz.source import Source
from fuzz.tensor_shapes import Shape, narrower
from fuzz.terms import Place, Reader, Term, k, m, n, one


def definite(g: Source, batch: Shape, depth: int) -> Term:
    """A symmetric matrix, positive definite, not large."""
    root = entrywise_of(lambda f, a: f.tanh(a), g.term((*batch, k, k), depth))

    def meant(at: Reader, p: Place, a: Term) -> Any:
        found = sum_of_products(at, k, lambda i: (at(a, (*p[:-1], i)), at(a, (*p[:-2], p[-1], i))))
        return found + 1 if p[-1] == p[-2] else found

    axes = [*range(len(batch)), len(batch) + 1, len(batch)]
    one_each = sp.Integer(1)
    return Term(
        (*batch, k, k),
        lambda a: a @ sd.transpose(a, axes) + sd.diag(sd.broadcast_to(one_each, (k,))),
        meant,
        root,
    )


def of_determinant(g: Source, shape: Shape, depth: int) -> Term:
    name = g.one_of(["det", "logdet", "log det"])

    def meant(at: Reader, p: Place, a: Term) -> Any:
        A = whole_matrix(at, a, p[: len(a.shape) - 2])
        det = eliminated(at.f, A, [[at.f.number(0)] for _ in A])[1]
        return det if name == "det" else at.f.log(det)

    write = {"det": sd.det, "logdet": sd.logdet, "log det": lambda a: sd.log(sd.det(a))}[name]
    found = Term((), write, meant, definite(g, (), depth))
    return entrywise_of(g.one_of(BINARY), g.term(shape, depth), found)


def solved(g: Source, shape: Shape, depth: int) -> Term:
    """A^-1 b."""
    columns = g.term((k, shape[-1]), depth)
    matrix = definite(g, (), depth - 1)

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        rows = range(at.extent(k))
        return eliminated(at.f, whole_matrix(at, a, ()), [[at(b, (i, p[-1]))] for i in rows])[0][p[0]][0]

    write = g.one_of([sd.solve, lambda a, b: sd.inv(a) @ b])
    solution = Term((k, shape[-1]), write, meant, matrix, columns)
    return entrywise_of(
        g.one_of(BINARY), g.term(shape, depth), reduced(g.one_of(REDUCTIONS), solution, 0, keepdims=False)
    )


def of_norm(g: Source, shape: Shape, depth: int) -> Term:
    """A smooth function of a norm, which may be 0: a function of the sum of squares, with a slope of its own there."""
    write, slope, mean = g.one_of(RADIAL)
    u = g.leaf(narrower(g, (g.one_of((m, k, one)),)), g.one_of(["zero", "zero", "real"]))

    def meant(at: Reader, p: Place, u: Term) -> Any:
        squares = [at(u, q) * at(u, q) for q in at.places(u.shape)]
        s = sum(squares[1:], squares[0])
        if value(s) != 0:
            return mean(at.f, at.f.sqrt(s))
        h0, h1 = mean(at.f, at.f.number(0)), at.f.number(*slope)
        return s.chain(h0, h1, 0 * h1) if isinstance(s, Jet) else h0

    found = Term((), lambda u: write(Words, sd.norm(u)), meant, u)
    return entrywise_of(g.one_of(BINARY), g.term(shape, depth), found)


RADIAL: list[Any] = [
    # a function of r, its slope by r**2 at 0, and once more of numbers
    *(
        (function, slope, function)
        for function, slope in [
            (lambda f, r: f.cos(r), (-1, 2)),
            (lambda f, r: f.cosh(r), (1, 2)),
            (lambda f, r: f.exp(-(r**2) / 2), (-1, 2)),
            (lambda f, r: f.sqrt(1 + r**2), (1, 2)),
            (lambda f, r: f.log(1 + r**2), (1, 1)),
            (lambda f, r: (1 + r) * f.exp(-r), (-1, 2)),  # Matern 3/2
            (lambda f, r: (1 + r + r**2 / 3) * f.exp(-r), (-1, 6)),  # Matern 5/2
            (lambda f, r: r**4, (0, 1)),
            (lambda f, r: r**3, (0, 1)),
            (lambda f, r: r * f.sin(r), (1, 1)),
        ]
    )
]


def losses(g: Source, shape: Shape, depth: int) -> Term:
    """A loss, beside something else."""
    rows, classes = g.one_of((n, m)), g.one_of((k, m))
    match g.one_of(range(3)):
        case 0:
            found = cross_entropy(g.term((rows, m), depth), g.leaf((rows,), "labels"))
        case 1:
            found = mean_of(lambda p, t: sd.mse(p, t), lambda f, p, t: (p - t) ** 2, g, (rows, classes), depth)
        case _:
            found = certain_cross_entropy(g.leaf((rows, classes), "share"), g.leaf((rows, classes), "share"))
    return entrywise_of(lambda f, a, b: a * f.tanh(b), g.term(shape, depth), found)


def mean_of(write: Any, mean: Any, g: Source, shape: Shape, depth: int) -> Term:
    """The mean of a function of predictions and targets."""

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        return meaning_of("mean")(at.f, [mean(at.f, at(a, q), at(b, q)) for q in at.places(a.shape)])

    return Term((), write, meant, g.term(shape, depth), g.leaf(shape))


def cross_entropy(scores: Term, labels: Term) -> Term:
    """The mean of -log softmax of the scores at labels."""

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        rows = [[at(a, (i, j)) for j in range(at.extent(a.shape[1]))] for i in range(at.extent(a.shape[0]))]
        each = [at.f.logsumexp(row) - row[int(at(b, (i,)))] for i, row in enumerate(rows)]
        return meaning_of("mean")(at.f, each)

    return Term((), sd.cross_entropy, meant, scores, labels)


def certain_cross_entropy(probabilities: Term, targets: Term) -> Term:
    """The mean of -(t log p + (1 - t) log(1 - p)), where 0 log 0 is 0."""

    def entry(f: Any, p: Any, t: Any) -> Any:
        likely = f.choose(value(t) == 0, lambda: 0 * t, lambda: t * f.log(p))
        return -likely - f.choose(value(t) == 1, lambda: 0 * t, lambda: (1 - t) * f.log(1 - p))

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        parts = [entry(at.f, at(a, q), at(b, q)) for q in at.places(a.shape)]
        return meaning_of("mean")(at.f, parts)

    return Term((), sd.binary_cross_entropy, meant, probabilities, targets)
