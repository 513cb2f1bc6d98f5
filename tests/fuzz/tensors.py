"""Random terms of the tensor dialect: functions of entries, choices, reductions; and which kinds there are."""

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
    chosen,
    entrywise_of,
)
from fuzz.operations import (
    REDUCTIONS,
    compared,
    constant,
    log_softmax,
    reduced,
    total,
)
from fuzz.source import Source
from fuzz.tensor_axes import (
    diagonal,
    entry_of,
    joined,
    outer,
    product,
    product_with_an_outer_product,
    quadratic_of_differences,
    sliced,
    taken,
    transposed,
    with_an_axis,
)
from fuzz.tensor_shapes import DIMS, Shape, any_shape, narrower
from fuzz.tensor_solves import losses, of_determinant, of_norm, solved
from fuzz.terms import Place, Reader, Term, m, n, one


def declare(name: str, shape: Shape, kind: str) -> Any:
    """A tensor."""
    return sd.Tensor(name, shape, {"mask": bool, "labels": int}.get(kind, float))


def tensor(g: Source, shape: Shape, depth: int) -> Term:
    """A term of a shape."""
    if depth <= 0 or g.chance(0.08):
        return g.leaf(shape)
    options = [*EVERY, *(OF_VECTORS if shape else []), *(OF_MATRICES if len(shape) >= 2 else [])]
    return g.one_of(options)(g, shape, depth - 1)


def unary(g: Source, shape: Shape, depth: int) -> Term:
    return entrywise_of(g.one_of([*UNARY, *GUARDED]), g.term(shape, depth))


def binary(g: Source, shape: Shape, depth: int) -> Term:
    operands = [g.term(shape, depth), g.term(narrower(g, shape), depth)]
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
    return entrywise_of(g.one_of(POSITIVE), g.term(shape, depth))


def condition(g: Source, shape: Shape, depth: int) -> Term:
    """A condition of a shape."""
    match g.one_of(range(5)):
        case 0 | 1:
            return g.leaf(shape, "mask")
        case 2:
            return compared(g.leaf(shape), g.leaf(narrower(g, shape)))
        case 3:
            return compared(constant(0), g.term(shape, depth))
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


def choice(g: Source, shape: Shape, depth: int) -> Term:
    """Two branches, each perhaps broadcast against the condition."""
    shapes = [shape, narrower(g, shape), narrower(g, shape)]
    g.rng.shuffle(shapes)
    chooser, yes, no = shapes
    one_ = g.term(yes, depth)
    other = constant(0) if g.chance(0.3) and shape in (chooser, yes) else g.term(no, depth)
    return chosen(condition(g, chooser, depth - 1), one_, other)


def singular_branch(g: Source, shape: Shape, depth: int) -> Term:
    """What exists for positive x alone, where x is; the condition looks at x itself, or x is anything where a mask says so."""
    x = g.term(narrower(g, shape), depth)
    if g.chance(0.5):
        function, operands = g.one_of(PARTIAL), (x,)
        wide = g.leaf(shape)
    else:
        function, wide = g.one_of(PARTIAL_OF_TWO), g.term(shape, depth)
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
    return chosen(g.leaf(rows, "mask"), g.term(shape, depth), constant(0) if g.chance(0.6) else g.leaf(shape))


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


def reduction(g: Source, shape: Shape, depth: int) -> Term:
    """A reduction along one more axis, which vanishes."""
    axis = g.one_of(range(len(shape) + 1))
    inner = (*shape[:axis], g.one_of(DIMS), *shape[axis:])
    return reduced(g.one_of(REDUCTIONS), g.term(inner, depth), axis, keepdims=False)


def about_a_reduction(g: Source, shape: Shape, depth: int) -> Term:
    """Something and its reduction, kept, together."""
    x = g.term(shape, depth)
    return entrywise_of(g.one_of(BINARY), x, reduced(g.one_of(REDUCTIONS), x, g.one_of(range(len(shape)))))


def over_everything(g: Source, shape: Shape, depth: int) -> Term:
    """A scalar of everything beside a tensor."""
    scalar = total(g.one_of(REDUCTIONS), g.term(any_shape(g, 1), depth))
    scalar = Term((), sp.tanh, lambda at, p, a: at.f.tanh(at(a, ())), scalar)
    return entrywise_of(lambda f, a, b: a * b, scalar, g.term(shape, depth)) if shape else scalar


def softmax(g: Source, shape: Shape, depth: int) -> Term:
    axis = g.one_of(range(len(shape)))
    x = g.term(shape, depth)
    if g.chance(0.5):
        return log_softmax(x, axis)

    def meant(at: Reader, p: Place, a: Term) -> Any:
        row = [at(a, (*p[:axis], i, *p[axis + 1 :])) for i in range(at.extent(a.shape[axis]))]
        return at.f.exp(at(a, p) - at.f.logsumexp(row))

    return Term(shape, lambda a: sd.softmax(a, axis=axis), meant, x)


def log_of_sum(g: Source, shape: Shape, depth: int) -> Term:
    """log(sum(exp(..))) by hand, of what overflows; second derivatives may lose the digits that two means of squares do."""
    x, b = g.leaf((*shape, g.one_of((n, m))), "years"), g.leaf((), "small")
    z = entrywise_of(lambda f, a, b: a * b, x, b)

    def meant(at: Reader, p: Place, a: Term) -> Any:
        terms = [at.f.exp(at(a, (*p, i))) for i in range(at.extent(a.shape[-1]))]
        return at.f.log(sum(terms[1:], terms[0]))

    return Term(shape, lambda a: sd.log(sd.sum(sd.exp(a), axis=len(shape))), meant, z)


EVERY = [
    unary, unary, binary, binary, choice, choice, singular_branch, singular_branch, stable, deviation, reduction,
    entry_of, over_everything, of_determinant, log_of_sum, of_norm, losses,
]  # fmt: skip


OF_VECTORS = [
    product, about_a_reduction, softmax, sliced, with_an_axis, joined, taken, masked_rows, masked_rows, row_ratio, solved,
    diagonal,
]  # fmt: skip


OF_MATRICES = [product, outer, product_with_an_outer_product, transposed, quadratic_of_differences]
