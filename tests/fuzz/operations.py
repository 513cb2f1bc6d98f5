"""Operations on terms that several dialects have: reductions, comparisons, picked entries, elimination."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

import symdiff as sd
from fuzz.terms import Place, Reader, Term, broadcast, one

Shape = tuple[Any, ...]

REDUCTIONS = ("sum", "sum", "mean", "max", "min", "prod", "norm", "logsumexp")


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


def reduced(name: str, t: Term, axis: int, keepdims: bool = True) -> Term:
    """A reduction along an axis."""

    def meant(at: Reader, p: Place, a: Term) -> Any:
        after = p[axis + 1 :] if keepdims else p[axis:]
        return meaning_of(name)(at.f, [at(a, (*p[:axis], i, *after)) for i in range(at.extent(a.shape[axis]))])

    middle = (one,) if keepdims else ()
    shape = (*t.shape[:axis], *middle, *t.shape[axis + 1 :])
    return Term(shape, lambda a: getattr(sd, name)(a, axis=axis, keepdims=keepdims), meant, t)


def total(name: str, t: Term) -> Term:
    """A reduction of all entries, to a scalar."""

    def meant(at: Reader, p: Place, a: Term) -> Any:
        return meaning_of(name)(at.f, [at(a, q) for q in at.places(a.shape)])

    return Term((), lambda a: getattr(sd, name)(a), meant, t)


def sum_of_products(at: Reader, size: Any, factors: Callable[[int], tuple[Any, Any]]) -> Any:
    parts = [x * y for x, y in map(factors, range(at.extent(size)))]
    return sum(parts[1:], parts[0])


def picked(shape: Shape, write: Callable[..., Any], source: Callable[..., Place], inner: Term, *more: Term) -> Term:
    """Entries of `inner`, each from the place that `source` says; the others are left out."""

    def meant(at: Reader, p: Place, a: Term, *more: Term) -> Any:
        kept = {source(at, q, *more) for q in at.places(shape)}
        at.drop(a, [q for q in at.places(a.shape) if q not in kept])
        return at(a, source(at, p, *more))

    return Term(shape, write, meant, inner, *more)


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


def log_softmax(x: Term, axis: int = -1) -> Term:
    axis = axis % len(x.shape)

    def meant(at: Reader, p: Place, a: Term) -> Any:
        row = [at(a, (*p[:axis], i, *p[axis + 1 :])) for i in range(at.extent(a.shape[axis]))]
        return at(a, p) - at.f.logsumexp(row)

    return Term(x.shape, lambda a: sd.log_softmax(a, axis=axis), meant, x)
