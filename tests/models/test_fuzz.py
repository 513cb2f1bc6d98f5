"""What random models are held against: numbers with derivatives, terms that look at what is needed alone, and the judgement."""

from __future__ import annotations

import random
from types import SimpleNamespace

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from fuzz import check as judge, functions, shrink, tensors
from fuzz.cases import Case, make
from fuzz.check import Outcome
from fuzz.jets import Functions, Jet
from fuzz.operations import constant, total
from fuzz.reference import exact, extended
from fuzz.source import Source
from fuzz.terms import Term, k, m, n

ONE = [*functions.UNARY, *functions.POSITIVE, *functions.PARTIAL, *functions.GUARDED]
STABLE = [function for _, function in (*functions.STABLE, *functions.STABLE_OF_TWO)]
TWO = [*functions.BINARY, *functions.PARTIAL_OF_TWO]
OWN = {
    "where": lambda c, a, b: a if c else b, "relu": lambda x: max(x, 0), "softplus": lambda x: mp.log(1 + mp.exp(x)),
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)), "clip": lambda x, a, b: min(max(x, a), b), "maximum": max, "minimum": min,
}  # fmt: skip


@pytest.mark.parametrize("function", [*ONE, *TWO, *STABLE])
def test_functions_of_jets_are_what_their_expressions_say(function):
    """In mpmath, whose derivatives are differences in many digits."""
    count = 2 if function in TWO or function in [f for _, f in functions.STABLE_OF_TWO] else 1
    at = (0.375, 0.8125)[:count]
    symbols = sp.symbols("a b")[:count]
    written = sp.lambdify(symbols, function(functions.Words, *symbols), [OWN, "mpmath"])
    kind = np.longdouble
    jets = [Jet(kind(x), np.eye(count, dtype=kind)[i]) for i, x in enumerate(at)]
    found = function(Functions(kind), *jets)
    with mp.workdps(40):
        for order in np.ndindex(*(3,) * count):
            if sum(order) > 2:
                continue
            right = mp.diff(written, tuple(map(mp.mpf, at)), order)
            places = [i for i, times in enumerate(order) for _ in range(times)]
            ours = (found.v, found.g, found.h)[len(places)]
            ours = 0 if ours is None else ours[tuple(places)] if places else ours
            assert float(abs(float(ours) - right)) <= 1e-15 * max(1, abs(right))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dialect", ["scalar", "matrix", "tensor", "index"])
def test_extended_precision_is_as_many_digits(dialect, seed):
    case = make(seed, dialect)
    for ours, right in zip(extended(case).parts(), exact(case).parts(), strict=True):
        np.testing.assert_allclose(ours, right, rtol=1e-10, atol=1e-10)


def masked_quotient():
    """sum(where(mask, a / b, 0)) of arrays of n entries."""
    g = Source(random.Random(0), tensors.declare, tensors.tensor)
    a, b, mask = g.leaf((n,)), g.leaf((n,), new=True), g.leaf((n,), "mask")
    quotient = functions.entrywise_of(lambda f, a, b: a / b, a, b)
    return total("sum", functions.chosen(mask, quotient, constant(0))), mask.name


def test_a_branch_that_is_not_taken_is_not_looked_at():
    term, mask = masked_quotient()
    roles = {leaf.name: "constants" if leaf.name == mask else "params" for leaf in term.leaves()}
    case = Case(1, "tensor", term, roles, {n: 6, m: 2}, False, "fast", 10)
    point, on = extended(case), case.values()[mask]
    assert on.any()
    assert not on.all()
    for name in case.params:
        np.testing.assert_array_equal(point.touched[name], on)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda g: g._replace(**{g._fields[0]: g[0] * 1.001}), "wrong"),
        (lambda g: g._replace(**{g._fields[0]: g[0] * np.nan}), "nan"),
        (lambda g: np.log(np.zeros(1)) and g, "warning"),
        (lambda g: g._replace(**{g._fields[0]: g[0][None]}), "wrong"),
        (lambda g: {}[0], "crash"),
    ],
    ids=["a digit", "NaN", "a warning", "a shape", "an exception"],
)
def test_faults_are_found(monkeypatch, change, kind):
    case = simple()
    assert judge.check(case).kind == "right"
    compiled = judge._compiled

    def faulty(case):
        module = SimpleNamespace(**vars(compiled(case)))  # the module itself may be kept for others
        grad = module.grad
        module.grad = lambda *args: change(grad(*args))
        return module

    monkeypatch.setattr(judge, "_compiled", faulty)
    assert judge.check(case).kind == kind


def simple():
    """sum(sin(a) * a) of a tensor."""
    a = Source(random.Random(0), tensors.declare, tensors.tensor).leaf((n,))
    term = total("sum", functions.entrywise_of(lambda f, x: x * f.sin(x), a))
    return Case(0, "tensor", term, {a.name: "params"}, {n: 3, m: 2, k: 2}, False, "fast", 10)


def test_what_fails_is_made_smaller(monkeypatch):
    """Of a sum of two terms, the one that fails stays."""
    g = Source(random.Random(0), tensors.declare, tensors.tensor)
    a, b = g.leaf((n,)), g.leaf((n,), new=True)
    good, bad = (total("sum", functions.entrywise_of(lambda f, x: x * f.sin(x), x)) for x in (a, b))
    both = Term((), lambda x, y: x + y, lambda at, p, x, y: at(x, p) + at(y, p), good, bad)
    roles = {a.name: "params", b.name: "params"}
    case = Case(0, "tensor", both, roles, {n: 3, m: 2, k: 2}, False, "fast", 10)
    monkeypatch.setattr(shrink, "check", lambda c: Outcome("wrong" if b in c.term.leaves() else "right"))
    smaller, outcome = shrink.shrunk(case, Outcome("wrong"))
    assert outcome.kind == "wrong"
    assert smaller.term.leaves() == [b]
    assert smaller.sizes[n] == 1


@pytest.mark.parametrize(
    "seed",
    [
        *(100356, 100494, 100653, 100914, 101162, 101389, 101979, 200293, 200714, 302855, 402003, 403919),
        *(404912, 504894, 505880, 505890, 602861, 1007588, 1010786, 1013437, 1016281, 1017059, 1019794),
    ],
)
def test_models_that_failed_once(seed):
    assert judge.check(make(seed, None)).kind == "right"
