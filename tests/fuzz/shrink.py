"""A smaller case with the same fault."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import sympy as sp

from fuzz.cases import Case
from fuzz.check import Outcome, check
from fuzz.terms import Leaf, Term


def shrunk(case: Case, found: Outcome, seconds: float = 10) -> tuple[Case, Outcome]:
    """The smallest case that comes in time of those that fail alike, by parts replaced by what they hold, and smaller sizes."""
    end = time.monotonic() + seconds
    progress = True
    while progress and time.monotonic() < end:
        progress = False
        for smaller in _smaller(case):
            if time.monotonic() > end:
                break
            outcome = check(smaller)
            if outcome.cause == found.cause:
                case, found, progress = smaller, outcome, True
                break
    return case, found


def _smaller(case: Case) -> Iterator[Case]:
    for term in _without_a_part(case.term):
        if any(case.roles[leaf.name] == "params" for leaf in term.leaves()):
            yield case.with_term(term)
    for size, extent in case.sizes.items():
        if extent > 1:
            yield replace(case, sizes={**case.sizes, size: extent - 1})
    if case.streams and case.dialect != "scalar":
        yield replace(case, streams=False)
    if case.style == "fast":
        yield replace(case, style="plain")


def _without_a_part(term: Term) -> Iterator[Term]:
    """The term with one part replaced by something of its shape inside it, the largest parts first, or by a symbol or 1."""
    for part in term.parts():
        if isinstance(part, Leaf):
            continue
        inside = [
            other
            for other in part.parts()
            if other is not part and (other.shape, other.sort) == (part.shape, part.sort)
        ]
        bound = any(isinstance(size, sp.Symbol) and not size.is_positive for size in part.shape)
        if bound and part.args:
            inside.append(Term(part.shape, lambda: sp.Integer(1), lambda at, p: at.f.number(1)))
        for other in inside:
            yield _replaced(term, part, other, {})


def _replaced(term: Term, part: Term, other: Term, done: dict[int, Term]) -> Term:
    if term is part:
        return other
    if id(term) not in done:
        args = tuple(_replaced(a, part, other, done) for a in term.args)
        same = all(a is b for a, b in zip(args, term.args, strict=True))
        done[id(term)] = term if same else term.with_args(args)
    return done[id(term)]
