"""Random tensors: products, and entries in another place."""

from __future__ import annotations

from typing import Any

import symdiff as sd
from fuzz.functions import (
    BINARY,
    entrywise_of,
)
from fuzz.operations import (
    REDUCTIONS,
    picked,
    reduced,
    sum_of_products,
)
from fuzz.source import Source
from fuzz.tensor_shapes import DIMS, Shape
from fuzz.terms import Place, Reader, Term, k, m, n, one


def product(g: Source, shape: Shape, depth: int) -> Term:
    """A product of matrices, or of one and a vector."""
    inner = g.one_of(DIMS)
    left = g.term((*shape[:-1], inner) if len(shape) > 1 else (shape[-1], inner), depth)
    if len(shape) == 1:
        right = g.term((inner,), depth)
        return Term(
            shape,
            lambda a, b: a @ b,
            lambda at, p, a, b: sum_of_products(at, inner, lambda i: (at(a, (*p, i)), at(b, (i,)))),
            left,
            right,
        )
    batch = shape[:-2] if g.chance(0.5) else ()
    right = g.term((*batch, inner, shape[-1]), depth)

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        return sum_of_products(at, inner, lambda i: (at(a, (*p[:-1], i)), at.seen(b, (*p[:-2], i, p[-1]))))

    return Term(shape, lambda a, b: a @ b, meant, left, right)


def outer(g: Source, shape: Shape, depth: int) -> Term:
    cut = g.one_of(range(1, len(shape)))
    a, b = g.term(shape[:cut], depth), g.term(shape[cut:], depth)
    return Term(shape, sd.outer, lambda at, p, a, b: at(a, p[:cut]) * at(b, p[cut:]), a, b)


def product_with_an_outer_product(g: Source, shape: Shape, depth: int) -> Term:
    inner = g.one_of(DIMS)
    a, u, v = g.term((shape[-2], inner), depth), g.term((inner,), depth - 1), g.term((shape[-1],), depth - 1)

    def meant(at: Reader, p: Place, a: Term, u: Term, v: Term) -> Any:
        return sum_of_products(at, inner, lambda i: (at(a, (p[-2], i)), at(u, (i,)))) * at(v, (p[-1],))

    found = Term(shape[-2:], lambda a, u, v: a @ sd.outer(u, v), meant, a, u, v)
    return found if len(shape) == 2 else entrywise_of(lambda f, a, b: a + b, found, g.term(shape, depth - 1))


def quadratic_of_differences(g: Source, shape: Shape, depth: int) -> Term:
    """Q (x - mu) for all pairs, of data far from 0 or not."""
    d = g.one_of((m, k, one))
    kind = g.one_of(["far", "real"])
    Q, x, mu = g.leaf((d, d), "small"), g.leaf((shape[-2], d), kind), g.leaf((shape[-1], d), kind, new=True)

    def written(Q: Any, x: Any, mu: Any) -> Any:
        return sd.sum(sd.einsum("ij,nkj->nki", Q, x[:, None, :] - mu[None, :, :]) ** 2, axis=2)

    def meant(at: Reader, p: Place, Q: Term, x: Term, mu: Term) -> Any:
        r = [
            sum_of_products(at, d, lambda j, i=i: (at(Q, (i, j)), at(x, (p[-2], j)) - at(mu, (p[-1], j))))
            for i in range(at.extent(d))
        ]
        return sum((a * a for a in r[1:]), r[0] * r[0])

    found = Term(shape[-2:], written, meant, Q, x, mu)
    return found if len(shape) == 2 else entrywise_of(lambda f, a, b: a + b, found, g.term(shape, depth - 1))


def transposed(g: Source, shape: Shape, depth: int) -> Term:
    order = list(range(len(shape)))
    g.rng.shuffle(order)
    turned = tuple(shape[order.index(axis)] for axis in range(len(shape)))
    return Term(
        shape,
        lambda a: sd.transpose(a, order),
        lambda at, p, a: at(a, tuple(p[order.index(axis)] for axis in range(len(p)))),
        g.term(turned, depth),
    )


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
    inner = g.term((*shape[:axis], shape[axis] + more, *shape[axis + 1 :]), depth)

    def source(at: Reader, p: Place) -> Place:
        return (*p[:axis], place(p[axis], at.extent(inner.shape[axis])), *p[axis + 1 :])

    return picked(shape, lambda a: a[(*(slice(None),) * axis, part)], source, inner)


def entry_of(g: Source, shape: Shape, depth: int) -> Term:
    """One place of an axis that vanishes."""
    axis, size, place = g.one_of(range(len(shape) + 1)), g.one_of((n, m, k)), g.one_of((0, -1))

    def source(at: Reader, p: Place) -> Place:
        return (*p[:axis], at.extent(size) - 1 if place else 0, *p[axis:])

    inner = g.term((*shape[:axis], size, *shape[axis:]), depth)
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
        g.term(without, depth),
    )
    return entrywise_of(g.one_of(BINARY), narrow, g.term(shape, depth))


def joined(g: Source, shape: Shape, depth: int) -> Term:
    """Two parts one after the other, reduced along that axis or read from it."""
    axis = g.one_of(range(len(shape)))
    first, second = (g.one_of((n, m, one)) for _ in range(2))
    inner = (*shape[:axis], *shape[axis + 1 :])
    a, b = (g.term((*inner[:axis], size, *inner[axis:]), depth) for size in (first, second))

    def meant(at: Reader, p: Place, a: Term, b: Term) -> Any:
        before = at.extent(first)
        part, i = (a, p[axis]) if p[axis] < before else (b, p[axis] - before)
        return at(part, (*p[:axis], i, *p[axis + 1 :]))

    whole = Term(
        (*inner[:axis], first + second, *inner[axis:]), lambda a, b: sd.concatenate([a, b], axis=axis), meant, a, b
    )
    return entrywise_of(g.one_of(BINARY), g.term(shape, depth), reduced(g.one_of(REDUCTIONS), whole, axis))


def taken(g: Source, shape: Shape, depth: int) -> Term:
    """Entries at labels, of one axis."""
    axis = g.one_of(range(len(shape)))
    labels = g.leaf((shape[axis],), "labels")
    size = g.one_of((m, m + 2))
    inner = g.term((*shape[:axis], size, *shape[axis + 1 :]), depth)

    def source(at: Reader, p: Place, positions: Term) -> Place:
        return (*p[:axis], int(at(positions, (p[axis],))), *p[axis + 1 :])

    return picked(shape, lambda a, positions: sd.take(a, positions, axis=axis), source, inner, labels)


def diagonal(g: Source, shape: Shape, depth: int) -> Term:
    """The sum of a diagonal, or a diagonal matrix in a product."""
    a, b = g.term((shape[-1],), depth), g.term(shape, depth)
    found = lambda at, p, a, b: at(a, (p[-1],)) * at(b, p)  # noqa: E731
    return Term(shape, lambda a, b: b @ sd.diag(a), found, a, b)
