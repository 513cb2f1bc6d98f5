"""Random terms of the tensor dialect."""

from __future__ import annotations

from collections.abc import Callable
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
    chosen,
    entrywise_of,
)  # fmt: skip
from fuzz.jets import Jet, value
from fuzz.source import Source
from fuzz.terms import Place, Reader, Term, broadcast, k, m, n, one

DIMS = (n, n, m, m, k, one)
Shape = tuple[Any, ...]


def declare(name: str, shape: Shape, kind: str) -> Any:
    """A tensor."""
    return sd.Tensor(name, shape, {"mask": bool, "labels": int}.get(kind, float))


def any_shape(g: Source, least: int = 0) -> Shape:
    """A shape of up to three axes."""
    return tuple(g.one_of(DIMS) for _ in range(g.one_of([r for r in (0, 1, 1, 2, 2, 2, 3) if r >= least])))


def narrower(g: Source, shape: Shape) -> Shape:
    """A shape that broadcasts to another."""
    return tuple(one if g.chance(0.4) else size for size in shape[g.one_of([0, 0, *range(len(shape) + 1)]) :])


def tensor(g: Source, shape: Shape, depth: int) -> Term:
    """A term of a shape."""
    if depth <= 0 or g.chance(0.08):
        return g.leaf(shape)
    options = [*EVERY, *(OF_VECTORS if shape else []), *(OF_MATRICES if len(shape) >= 2 else [])]
    return g.one_of(options)(g, shape, depth - 1)


# Functions of entries


def unary(g: Source, shape: Shape, depth: int) -> Term:
    return entrywise_of(g.one_of([*UNARY, *GUARDED]), tensor(g, shape, depth))


def binary(g: Source, shape: Shape, depth: int) -> Term:
    operands = [tensor(g, shape, depth), tensor(g, narrower(g, shape), depth)]
    g.rng.shuffle(operands)
    return entrywise_of(g.one_of(BINARY), *operands)


def stable(g: Source, shape: Shape, depth: int) -> Term:
    """What is computed right by a stable form alone."""
    if g.chance(0.6):
        kind, function = g.one_of(STABLE)
        return entrywise_of(function, g.leaf(shape, kind))
    kind, function = g.one_of(STABLE_OF_TWO)
    return entrywise_of(function, g.leaf(shape, kind), g.leaf(narrower(g, shape), kind))


def deviation(g: Source, shape: Shape, depth: int) -> Term:
    """Differences of data far from 0."""
    kind = g.one_of(["far", "years"])
    x, centre = g.leaf(shape, kind), g.leaf(narrower(g, shape), kind, new=True)
    difference = entrywise_of(lambda f, a, b: a - b, x, centre)
    return entrywise_of(lambda f, a, b: a * b, difference, g.leaf(narrower(g, shape), "small"))


def positive(g: Source, shape: Shape, depth: int) -> Term:
    return entrywise_of(g.one_of(POSITIVE), tensor(g, shape, depth))


# Choices


def condition(g: Source, shape: Shape, depth: int) -> Term:
    """A condition of a shape."""
    match g.one_of(range(5)):
        case 0 | 1:
            return g.leaf(shape, "mask")
        case 2:
            return compared(g.leaf(shape), g.leaf(narrower(g, shape)))
        case 3:
            return compared(constant(0), tensor(g, shape, depth))
        case _:
            one_, other = g.leaf(shape, "mask"), compared(constant(0), g.leaf(narrower(g, shape)))
            return Term(
                shape,
                lambda a, b: a & ~b,
                lambda at, p, a, b: at.seen(a, p) and not at.seen(b, p),
                one_,
                other,
                sort="condition",
            )


def compared(a: Term, b: Term) -> Term:
    """a < b."""
    return Term(
        broadcast(a.shape, b.shape),
        lambda x, y: x < y,
        lambda at, p, x, y: at.f.less(at.seen(x, p), at.seen(y, p)),
        a,
        b,
        sort="condition",
    )


def constant(value: int) -> Term:
    return Term((), lambda: sp.Integer(value), lambda at, p: at.f.number(value))


def choice(g: Source, shape: Shape, depth: int) -> Term:
    """Two branches, each perhaps broadcast against the condition."""
    shapes = [shape, narrower(g, shape), narrower(g, shape)]
    g.rng.shuffle(shapes)
    chooser, yes, no = shapes
    one_ = tensor(g, yes, depth)
    other = constant(0) if g.chance(0.3) and shape in (chooser, yes) else tensor(g, no, depth)
    return chosen(condition(g, chooser, depth - 1), one_, other)


def singular_branch(g: Source, shape: Shape, depth: int) -> Term:
    """What exists for positive x alone, where x is; the condition looks at x itself, or x is anything where a mask says so."""
    x = tensor(g, narrower(g, shape), depth)
    if g.chance(0.5):
        function, operands = g.one_of(PARTIAL), (x,)
        wide = g.leaf(shape)
    else:
        function, wide = g.one_of(PARTIAL_OF_TWO), tensor(g, shape, depth)
        operands = (wide, x)
    inside = entrywise_of(function, *operands)
    if g.chance(0.3):  # something more between the choice and the singularity
        inside = g.one_of([reversed_rows, summed_and_kept])(inside) if inside.shape else inside
    return (
        chosen(compared(constant(0), x), inside, wide)
        if inside.args == operands
        else masked(g, shape, operands[-1], inside)
    )


def masked(g: Source, shape: Shape, x: Term, inside: Term) -> Term:
    """A branch that is taken where every x is positive."""
    least = Term((), lambda t: sd.min(t), lambda at, p, t: at.f.smallest(*(at(t, q) for q in at.places(t.shape))), x)
    return chosen(compared(constant(0), least), inside, g.leaf(shape))


def reversed_rows(t: Term) -> Term:
    return Term(t.shape, lambda a: a[::-1], lambda at, p, a: at(a, (at.extent(a.shape[0]) - 1 - p[0], *p[1:])), t)


def summed_and_kept(t: Term) -> Term:
    return reduced("sum", t, 0)


def masked_rows(g: Source, shape: Shape, depth: int) -> Term:
    """A product of matrices, a reduction, a solve, ... under a mask of rows: what the others hold is not looked at."""
    rows = (shape[0], *(one for _ in shape[1:]))
    return chosen(g.leaf(rows, "mask"), tensor(g, shape, depth), constant(0) if g.chance(0.6) else g.leaf(shape))


def row_ratio(g: Source, shape: Shape, depth: int) -> Term:
    """x / sum(x) along the last axis, or a softmax by hand."""
    x = positive(g, shape, depth)
    total = reduced("sum", x, len(shape) - 1)
    if g.chance(0.4):
        z = g.leaf(shape, g.one_of(["real", "large"]))
        x = entrywise_of(lambda f, a: f.exp(a), z)
        return (
            log_softmax(z)
            if z.kind == "large"
            else entrywise_of(lambda f, a, b: a / b, x, reduced("sum", x, len(shape) - 1))
        )
    return entrywise_of(lambda f, a, b: a / b, x, total)


# Reductions


def meaning_of(name: str) -> Callable[[Any, list[Any]], Any]:
    """What a reduction makes of numbers."""
    return {
        "sum": lambda f, v: sum(v[1:], v[0]),
        "mean": lambda f, v: sum(v[1:], v[0]) / len(v),
        "max": lambda f, v: f.largest(*v),
        "min": lambda f, v: f.smallest(*v),
        "prod": lambda f, v: _product(v),
        "norm": lambda f, v: f.norm(v),
        "logsumexp": lambda f, v: f.logsumexp(v),
    }[name]


def _product(values: list[Any]) -> Any:
    found = values[0]
    for x in values[1:]:
        found = found * x
    return found


REDUCTIONS = ("sum", "sum", "mean", "max", "min", "prod", "norm", "logsumexp")


def reduced(name: str, t: Term, axis: int, keepdims: bool = True) -> Term:
    """A reduction along an axis."""

    def meant(at: Reader, p: Place, a: Term) -> Any:
        after = p[axis + 1 :] if keepdims else p[axis:]
        return meaning_of(name)(at.f, [at(a, (*p[:axis], i, *after)) for i in range(at.extent(a.shape[axis]))])

    middle = (one,) if keepdims else ()
    shape = (*t.shape[:axis], *middle, *t.shape[axis + 1 :])
    return Term(shape, lambda a: getattr(sd, name)(a, axis=axis, keepdims=keepdims), meant, t)


def total(name: str, t: Term, around: Callable[[Any], Any] = lambda a: a) -> Term:
    """A reduction of all entries, to a scalar."""

    def meant(at: Reader, p: Place, a: Term) -> Any:
        return meaning_of(name)(at.f, [at(a, q) for q in at.places(a.shape)])

    return Term((), lambda a: getattr(sd, name)(a), meant, t)


def reduction(g: Source, shape: Shape, depth: int) -> Term:
    """A reduction along one more axis, which vanishes."""
    axis = g.one_of(range(len(shape) + 1))
    inner = (*shape[:axis], g.one_of(DIMS), *shape[axis:])
    return reduced(g.one_of(REDUCTIONS), tensor(g, inner, depth), axis, keepdims=False)


def about_a_reduction(g: Source, shape: Shape, depth: int) -> Term:
    """Something and its reduction, kept, together."""
    x = tensor(g, shape, depth)
    return entrywise_of(g.one_of(BINARY), x, reduced(g.one_of(REDUCTIONS), x, g.one_of(range(len(shape)))))


def over_everything(g: Source, shape: Shape, depth: int) -> Term:
    """A scalar of everything beside a tensor."""
    scalar = total(g.one_of(REDUCTIONS), tensor(g, any_shape(g, 1), depth))
    scalar = Term((), sp.tanh, lambda at, p, a: at.f.tanh(at(a, ())), scalar)
    return entrywise_of(lambda f, a, b: a * b, scalar, tensor(g, shape, depth)) if shape else scalar


def softmax(g: Source, shape: Shape, depth: int) -> Term:
    axis = g.one_of(range(len(shape)))
    x = tensor(g, shape, depth)
    if g.chance(0.5):
        return log_softmax(x, axis)

    def meant(at: Reader, p: Place, a: Term) -> Any:
        row = [at(a, (*p[:axis], i, *p[axis + 1 :])) for i in range(at.extent(a.shape[axis]))]
        return at.f.exp(at(a, p) - at.f.logsumexp(row))

    return Term(shape, lambda a: sd.softmax(a, axis=axis), meant, x)


def log_softmax(x: Term, axis: int = -1) -> Term:
    axis = axis % len(x.shape)

    def meant(at: Reader, p: Place, a: Term) -> Any:
        row = [at(a, (*p[:axis], i, *p[axis + 1 :])) for i in range(at.extent(a.shape[axis]))]
        return at(a, p) - at.f.logsumexp(row)

    return Term(x.shape, lambda a: sd.log_softmax(a, axis=axis), meant, x)


def log_of_sum(g: Source, shape: Shape, depth: int) -> Term:
    """log(sum(exp(..))) by hand, of what overflows."""
    x, b = g.leaf((*shape, g.one_of((n, m))), "years"), g.leaf((), "small")
    z = entrywise_of(lambda f, a, b: a * b, x, b)
    found = reduced("logsumexp", z, len(shape), keepdims=False)
    return Term(shape, lambda a: sd.log(sd.sum(sd.exp(a), axis=len(shape))), found.mean, z)


# Products


def product(g: Source, shape: Shape, depth: int) -> Term:
    """A product of matrices, or of one and a vector."""
    inner = g.one_of(DIMS)
    left = tensor(g, (*shape[:-1], inner) if len(shape) > 1 else (shape[-1], inner), depth)
    if len(shape) == 1:
        right = tensor(g, (inner,), depth)
        return Term(
            shape,
            lambda a, b: a @ b,
            lambda at, p, a, b: _sum(at, inner, lambda i: (at(a, (*p, i)), at(b, (i,)))),
            left,
            right,
        )
    batch = shape[:-2] if g.chance(0.5) else ()
    right = tensor(g, (*batch, inner, shape[-1]), depth)

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        return _sum(at, inner, lambda i: (at(a, (*p[:-1], i)), at.seen(b, (*p[:-2], i, p[-1]))))

    return Term(shape, lambda a, b: a @ b, meant, left, right)


def _sum(at: Reader, size: Any, factors: Callable[[int], tuple[Any, Any]]) -> Any:
    parts = [x * y for x, y in map(factors, range(at.extent(size)))]
    return sum(parts[1:], parts[0])


def outer(g: Source, shape: Shape, depth: int) -> Term:
    cut = g.one_of(range(1, len(shape)))
    a, b = tensor(g, shape[:cut], depth), tensor(g, shape[cut:], depth)
    return Term(shape, sd.outer, lambda at, p, a, b: at(a, p[:cut]) * at(b, p[cut:]), a, b)


def product_with_an_outer_product(g: Source, shape: Shape, depth: int) -> Term:
    inner = g.one_of(DIMS)
    a, u, v = tensor(g, (shape[-2], inner), depth), tensor(g, (inner,), depth - 1), tensor(g, (shape[-1],), depth - 1)

    def meant(at: Reader, p: Place, a: Term, u: Term, v: Term) -> Any:
        return _sum(at, inner, lambda i: (at(a, (p[-2], i)), at(u, (i,)))) * at(v, (p[-1],))

    found = Term(shape[-2:], lambda a, u, v: a @ sd.outer(u, v), meant, a, u, v)
    return found if len(shape) == 2 else entrywise_of(lambda f, a, b: a + b, found, tensor(g, shape, depth - 1))


def quadratic_of_differences(g: Source, shape: Shape, depth: int) -> Term:
    """Q (x - mu) for all pairs, of data far from 0 or not."""
    d = g.one_of((m, k, one))
    kind = g.one_of(["far", "real"])
    Q, x, mu = g.leaf((d, d), "small"), g.leaf((shape[-2], d), kind), g.leaf((shape[-1], d), kind, new=True)

    def written(Q: Any, x: Any, mu: Any) -> Any:
        return sd.sum(sd.einsum("ij,nkj->nki", Q, x[:, None, :] - mu[None, :, :]) ** 2, axis=2)

    def meant(at: Reader, p: Place, Q: Term, x: Term, mu: Term) -> Any:
        r = [
            _sum(at, d, lambda j, i=i: (at(Q, (i, j)), at(x, (p[-2], j)) - at(mu, (p[-1], j))))
            for i in range(at.extent(d))
        ]
        return sum((a * a for a in r[1:]), r[0] * r[0])

    found = Term(shape[-2:], written, meant, Q, x, mu)
    return found if len(shape) == 2 else entrywise_of(lambda f, a, b: a + b, found, tensor(g, shape, depth - 1))


# Shapes


def transposed(g: Source, shape: Shape, depth: int) -> Term:
    order = list(range(len(shape)))
    g.rng.shuffle(order)
    turned = tuple(shape[order.index(axis)] for axis in range(len(shape)))
    return Term(
        shape,
        lambda a: sd.transpose(a, order),
        lambda at, p, a: at(a, tuple(p[order.index(axis)] for axis in range(len(p)))),
        tensor(g, turned, depth),
    )


def picked(shape: Shape, write: Callable[..., Any], source: Callable[..., Place], inner: Term, *more: Term) -> Term:
    """Entries of `inner`, each from the place that `source` says; the others are left out."""

    def meant(at: Reader, p: Place, a: Term, *more: Term) -> Any:
        kept = {source(at, q, *more) for q in at.places(shape)}
        at.drop(a, [q for q in at.places(a.shape) if q not in kept])
        return at(a, source(at, p, *more))

    return Term(shape, write, meant, inner, *more)


SLICES = [
    # of an axis with how many more entries, the slice, the place read
    (2, slice(1, -1), lambda i, size: i + 1),
    (2, slice(2, None), lambda i, size: i + 2),
    (2, slice(None, -2), lambda i, size: i),
    (1, slice(1, None), lambda i, size: i + 1),
    (0, slice(None, None, -1), lambda i, size: size - 1 - i),
]


def sliced(g: Source, shape: Shape, depth: int) -> Term:
    """A part of a longer axis, such as n + 2."""
    axis = g.one_of(range(len(shape)))
    more, part, place = g.one_of(SLICES)
    if shape[axis] == 1:
        more, part, place = 1, slice(None, 1), lambda i, size: 0
    inner = tensor(g, (*shape[:axis], shape[axis] + more, *shape[axis + 1 :]), depth)

    def source(at: Reader, p: Place) -> Place:
        return (*p[:axis], place(p[axis], at.extent(inner.shape[axis])), *p[axis + 1 :])

    return picked(shape, lambda a: a[(*(slice(None),) * axis, part)], source, inner)


def entry_of(g: Source, shape: Shape, depth: int) -> Term:
    """One place of an axis that vanishes."""
    axis, size, place = g.one_of(range(len(shape) + 1)), g.one_of((n, m, k)), g.one_of((0, -1))

    def source(at: Reader, p: Place) -> Place:
        return (*p[:axis], at.extent(size) - 1 if place else 0, *p[axis:])

    inner = tensor(g, (*shape[:axis], size, *shape[axis:]), depth)
    return picked(shape, lambda a: a[(*(slice(None),) * axis, place)], source, inner)


def with_an_axis(g: Source, shape: Shape, depth: int) -> Term:
    """A new axis, against which something else is broadcast."""
    axis = g.one_of(range(len(shape)))
    without = (*shape[:axis], *shape[axis + 1 :])
    key = tuple(None if i == axis else slice(None) for i in range(len(shape)))
    narrow = Term(
        (*shape[:axis], one, *shape[axis + 1 :]),
        lambda a: a[key] if len(key) > 1 or not key else sd.expand_dims(a, axis),
        lambda at, p, a: at(a, (*p[:axis], *p[axis + 1 :])),
        tensor(g, without, depth),
    )
    return entrywise_of(g.one_of(BINARY), narrow, tensor(g, shape, depth))


def joined(g: Source, shape: Shape, depth: int) -> Term:
    """Two parts one after the other, reduced along that axis or read from it."""
    axis = g.one_of(range(len(shape)))
    first, second = (g.one_of((n, m, one)) for _ in range(2))
    inner = (*shape[:axis], *shape[axis + 1 :])
    a, b = (tensor(g, (*inner[:axis], size, *inner[axis:]), depth) for size in (first, second))

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        before = at.extent(first)
        part, i = (a, p[axis]) if p[axis] < before else (b, p[axis] - before)
        return at(part, (*p[:axis], i, *p[axis + 1 :]))

    whole = Term(
        (*inner[:axis], first + second, *inner[axis:]), lambda a, b: sd.concatenate([a, b], axis=axis), meant, a, b
    )
    return entrywise_of(g.one_of(BINARY), tensor(g, shape, depth), reduced(g.one_of(REDUCTIONS), whole, axis))


def taken(g: Source, shape: Shape, depth: int) -> Term:
    """Entries at labels, of one axis."""
    axis = g.one_of(range(len(shape)))
    labels = g.leaf((shape[axis],), "labels")
    size = g.one_of((m, m + 2))
    inner = tensor(g, (*shape[:axis], size, *shape[axis + 1 :]), depth)

    def source(at: Reader, p: Place, positions: Term) -> Place:
        return (*p[:axis], int(at(positions, (p[axis],))), *p[axis + 1 :])

    return picked(shape, lambda a, positions: sd.take(a, positions, axis=axis), source, inner, labels)


def diagonal(g: Source, shape: Shape, depth: int) -> Term:
    """The sum of a diagonal, or a diagonal matrix in a product."""
    a, b = tensor(g, (shape[-1],), depth), tensor(g, shape, depth)
    found = lambda at, p, a, b: at(a, (p[-1],)) * at(b, p)  # noqa: E731
    return Term(shape, lambda a, b: b @ sd.diag(a), found, a, b)


# Linear algebra


def whole_matrix(at: Reader, a: Term, batch: Place) -> list[list[Any]]:
    """The entries of a matrix."""
    rows, columns = map(at.extent, a.shape[-2:])
    return [[at(a, (*batch, i, j)) for j in range(columns)] for i in range(rows)]


def eliminated(f: Any, A: list[list[Any]], B: list[list[Any]]) -> tuple[list[list[Any]], Any]:
    """A^-1 B and det A, by Gauss with the largest pivot."""
    A, B, size, det = [list(r) for r in A], [list(r) for r in B], len(A), f.number(1)
    for c in range(size):
        pivot = max(range(c, size), key=lambda r: abs(getattr(A[r][c], "v", A[r][c])))
        if pivot != c:
            A[c], A[pivot], B[c], B[pivot], det = A[pivot], A[c], B[pivot], B[c], -det
        det = det * A[c][c]
        for r in range(size):
            if r != c:
                factor = A[r][c] / A[c][c]
                A[r] = [x - factor * y for x, y in zip(A[r], A[c], strict=True)]
                B[r] = [x - factor * y for x, y in zip(B[r], B[c], strict=True)]
    return [[x / A[r][r] for x in B[r]] for r in range(size)], det


def definite(g: Source, batch: Shape, depth: int) -> Term:
    """A symmetric matrix, positive definite, not large."""
    root = entrywise_of(lambda f, a: f.tanh(a), tensor(g, (*batch, k, k), depth))

    def meant(at: Reader, p: Place, a: Term) -> Any:
        found = _sum(at, k, lambda i: (at(a, (*p[:-1], i)), at(a, (*p[:-2], p[-1], i))))
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
    return entrywise_of(g.one_of(BINARY), tensor(g, shape, depth), found)


def solved(g: Source, shape: Shape, depth: int) -> Term:
    """A^-1 b."""
    columns = tensor(g, (k, shape[-1]), depth)
    matrix = definite(g, (), depth - 1)

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        rows = range(at.extent(k))
        return eliminated(at.f, whole_matrix(at, a, ()), [[at(b, (i, p[-1]))] for i in rows])[0][p[0]][0]

    write = g.one_of([sd.solve, lambda a, b: sd.inv(a) @ b])
    solution = Term((k, shape[-1]), write, meant, matrix, columns)
    return entrywise_of(g.one_of(BINARY), tensor(g, shape, depth), reduced(g.one_of(REDUCTIONS), solution, 0))


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
    return entrywise_of(g.one_of(BINARY), tensor(g, shape, depth), found)


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
            found = cross_entropy(tensor(g, (rows, m), depth), g.leaf((rows,), "labels"))
        case 1:
            found = mean_of(lambda p, t: sd.mse(p, t), lambda f, p, t: (p - t) ** 2, g, (rows, classes), depth)
        case _:
            found = certain_cross_entropy(g.leaf((rows, classes), "share"), g.leaf((rows, classes), "share"))
    return entrywise_of(lambda f, a, b: a * f.tanh(b), tensor(g, shape, depth), found)


def mean_of(write: Any, mean: Any, g: Source, shape: Shape, depth: int) -> Term:
    """The mean of a function of predictions and targets."""

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        return meaning_of("mean")(at.f, [mean(at.f, at(a, q), at(b, q)) for q in at.places(a.shape)])

    return Term((), write, meant, tensor(g, shape, depth), g.leaf(shape))


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
        likely = f.choose(t == 0, lambda: 0 * t, lambda: t * f.log(p))
        return -likely - f.choose(t == 1, lambda: 0 * t, lambda: (1 - t) * f.log(1 - p))

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        parts = [entry(at.f, at(a, q), at(b, q)) for q in at.places(a.shape)]
        return meaning_of("mean")(at.f, parts)

    return Term((), sd.binary_cross_entropy, meant, probabilities, targets)


EVERY = [
    unary, unary, binary, binary, choice, choice, singular_branch, singular_branch, stable, deviation, reduction,
    entry_of, over_everything, of_determinant, log_of_sum, of_norm, losses,
]  # fmt: skip
OF_VECTORS = [
    product, about_a_reduction, softmax, sliced, with_an_axis, joined, taken, masked_rows, masked_rows, row_ratio, solved,
    diagonal,
]  # fmt: skip
OF_MATRICES = [product, outer, product_with_an_outer_product, transposed, quadratic_of_differences]
