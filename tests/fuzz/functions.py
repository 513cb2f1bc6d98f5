"""Functions of entries, each written once: ``function(f, *operands)``, where `f` has SymPy's functions or those of numbers.

So `lambda f, x: f.log(1 + x * x)` is both an expression and what it means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

import symdiff as sd
from fuzz.terms import Reader, Term, broadcast
from symdiff.functions.elementwise import entrywise

Function = Callable[..., Any]


class Words:
    """The functions as expressions, under the names that `fuzz.jets.Functions` has them."""

    exp, log, sin, cos, tanh, sinh, cosh, sqrt, atan, erf, erfc, loggamma, abs = (
        sp.exp, sp.log, sp.sin, sp.cos, sp.tanh, sp.sinh, sp.cosh, sp.sqrt, sp.atan, sp.erf, sp.erfc, sp.loggamma, sp.Abs,
    )  # fmt: skip
    sigmoid, softplus, relu, clip = map(staticmethod, (sd.sigmoid, sd.softplus, sd.relu, sd.clip))
    less, number = staticmethod(sp.StrictLessThan), staticmethod(sp.Rational)

    @staticmethod
    def power(x: Any, y: Any) -> Any:
        return x**y

    @staticmethod
    def largest(*values: Any) -> Any:
        return sd.maximum(*values) if len(values) == 2 else sp.Max(*values, evaluate=False)

    @staticmethod
    def smallest(*values: Any) -> Any:
        return sd.minimum(*values) if len(values) == 2 else sp.Min(*values, evaluate=False)

    @staticmethod
    def choose(condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        return sd.where(condition, yes(), no())


UNARY: list[Function] = [
    lambda f, x: f.sin(x),
    lambda f, x: f.cos(x),
    lambda f, x: f.tanh(x),
    lambda f, x: f.abs(x),
    lambda f, x: f.sigmoid(x),
    lambda f, x: f.softplus(x),
    lambda f, x: f.relu(x),
    lambda f, x: x**2,
    lambda f, x: x**3,
    lambda f, x: f.exp(f.tanh(x)),
    lambda f, x: f.log(1 + x**2),
    lambda f, x: f.sqrt(1 + x**2),
    lambda f, x: 1 / (2 + f.sin(x)),
    lambda f, x: -x,
    lambda f, x: f.atan(x),
    lambda f, x: f.erf(x),
    lambda f, x: f.clip(x, f.number(-1, 2), 1),
    lambda f, x: x * f.number(2, 3),
    lambda f, x: x - f.number(1, 3),
    lambda f, x: f.exp(-(x**2) / 2),
    lambda f, x: x * f.exp(-f.abs(x)),
]

BINARY: list[Function] = [
    lambda f, a, b: a + b,
    lambda f, a, b: a - b,
    lambda f, a, b: a * b,
    lambda f, a, b: a - 2 * b,
    lambda f, a, b: (a - b) ** 2,
    lambda f, a, b: a / (1 + b**2),
    lambda f, a, b: f.largest(a, b),
    lambda f, a, b: f.smallest(a, b),
    lambda f, a, b: f.largest(a, b, a * b),
    lambda f, a, b: a * f.exp(-(b**2)),
    lambda f, a, b: 1 / f.sqrt((a - b) ** 2 + f.number(1, 2)),
    lambda f, a, b: a * b / (2 + f.cos(a)),
]

POSITIVE: list[Function] = [  # made positive, of anything
    lambda f, x: f.exp(x / 2),
    lambda f, x: x**2 + f.number(1, 4),
    lambda f, x: f.softplus(x) + f.number(1, 8),
    lambda f, x: 1 + f.tanh(x) / 2,
]

# Of a positive x; elsewhere NaN, infinite or without a derivative: for branches
PARTIAL: list[Function] = [
    lambda f, x: f.log(x),
    lambda f, x: f.sqrt(x),
    lambda f, x: 1 / x,
    lambda f, x: 1 / x**2,
    lambda f, x: f.power(x, f.number(3, 2)),
    lambda f, x: f.power(x, f.number(-1, 3)),
    lambda f, x: x * f.log(x),
    lambda f, x: f.exp(-1 / x),
    lambda f, x: f.log(x) / x,
    lambda f, x: f.sin(x) / x,
    lambda f, x: f.exp(-f.number(1, 2) * f.log(x)),
    lambda f, x: f.sqrt(x) * f.log(x),
]

PARTIAL_OF_TWO: list[Function] = [  # the second is positive
    lambda f, a, x: a / x,
    lambda f, a, x: f.power(x, a),
    lambda f, a, x: a * f.log(x),
    lambda f, a, x: f.exp(-a / x),
    lambda f, a, x: f.exp(-a * f.log(x)),
    lambda f, a, x: f.sin(a / x),
    lambda f, a, x: (a - f.log(x)) ** 2,
    lambda f, a, x: f.sin(a * x) / x,
    lambda f, a, x: a**2 / f.sqrt(x),
]

GUARDED: list[Function] = [  # a choice within one function
    lambda f, x: f.choose(f.less(0, x), lambda: f.log(x), lambda: x),
    lambda f, x: f.choose(f.less(0, x), lambda: f.sqrt(x) * f.sin(x), lambda: 0 * x),
    lambda f, x: f.choose(f.less(x, 0), lambda: x**2, lambda: f.power(x, f.number(5, 2))),
    lambda f, x: f.choose(f.less(0, x), lambda: 1 / x, lambda: f.exp(x)),
]


def spelled(written: Function, meant: Function) -> Function:
    """A function as it is written, and by functions of numbers that neither overflow nor lose digits."""
    return lambda f, *operands: (written if f is Words else meant)(f, *operands)


# What overflows or loses all digits as it is written, at values of a kind, and what symdiff computes instead
STABLE: list[tuple[str, Function]] = [
    ("large", spelled(lambda f, z: f.log(1 + f.exp(z)), lambda f, z: f.softplus(z))),
    ("large", spelled(lambda f, z: f.log(1 + f.exp(-z)), lambda f, z: f.softplus(-z))),
    ("large", spelled(lambda f, z: 1 / (1 + f.exp(z)), lambda f, z: f.sigmoid(-z))),
    ("large", spelled(lambda f, z: f.exp(z) / (1 + f.exp(z)), lambda f, z: f.sigmoid(z))),
    ("large", spelled(lambda f, z: f.log(f.cosh(z)), lambda f, z: f.logcosh(z))),
    ("large", spelled(lambda f, z: f.log(1 / (1 + f.exp(-z))), lambda f, z: -f.softplus(-z))),
    ("large", spelled(lambda f, z: f.log(f.sigmoid(z)), lambda f, z: -f.softplus(-z))),
    ("large", spelled(lambda f, z: f.log(1 - f.sigmoid(z)), lambda f, z: -f.softplus(z))),
    ("large", lambda f, z: f.softplus(z)),
    ("large", lambda f, z: f.sigmoid(z)),
    ("tiny", spelled(lambda f, z: f.exp(z) - 1, lambda f, z: f.expm1(z))),
    ("tiny", spelled(lambda f, z: f.log(1 + z), lambda f, z: f.log1p(z))),
    ("tiny", spelled(lambda f, z: (f.exp(z) - 1) / z, lambda f, z: f.expm1(z) / z)),
    ("tiny", spelled(lambda f, z: f.log(1 + z) / z, lambda f, z: f.log1p(z) / z)),
    ("tiny", spelled(lambda f, z: f.log(1 - f.exp(-z)), lambda f, z: f.log(-f.expm1(-z)))),
    ("tiny", spelled(lambda f, z: 1 - f.exp(-z), lambda f, z: -f.expm1(-z))),
]

STABLE_OF_TWO: list[tuple[str, Function]] = [
    ("large", spelled(lambda f, a, b: f.log(f.exp(a) + f.exp(b)), lambda f, a, b: f.logsumexp([a, b]))),
    (
        "large",
        spelled(lambda f, a, b: f.log(f.exp(a) / (f.exp(a) + f.exp(b))), lambda f, a, b: a - f.logsumexp([a, b])),
    ),
    ("large", spelled(lambda f, a, b: f.log(1 + f.exp(a - b)), lambda f, a, b: f.softplus(a - b))),
]


def entrywise_of(function: Function, *args: Term, write: Callable[..., Any] | None = None) -> Term:
    """A function of the entries of operands that broadcast."""

    def meant(at: Reader, place: Any, *operands: Term) -> Any:
        return function(at.f, *(at.seen(operand, place) for operand in operands))

    def written(*operands: Any) -> Any:
        return entrywise(_named(function))(*operands)

    return Term(broadcast(*(a.shape for a in args)), write or written, meant, *args)


def _named(function: Function) -> Callable[..., Any]:
    def of_entries(*entries: Any) -> Any:
        return function(Words, *entries)

    return of_entries


def chosen(condition: Term, yes: Term, no: Term, write: Callable[..., Any] = sd.where) -> Term:
    """yes where the condition holds, else no; what is not taken is not looked at."""

    def meant(at: Reader, place: Any, condition: Term, yes: Term, no: Term) -> Any:
        return at.seen(yes if at.seen(condition, place) else no, place)

    return Term(broadcast(condition.shape, yes.shape, no.shape), write, meant, condition, yes, no)
