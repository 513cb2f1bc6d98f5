"""The pipeline: every pass that a graph goes through, in order, and the one function that runs them.

A pass takes the graphs with their labels and gives them back rewritten. What it requires of a graph, and what it ensures of
one, is said beside it; that graphs stay sound in between is checked after every pass where the environment variable
SYMDIFF_VERIFY is 1, as it is in all tests.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from symdiff.errors import InternalError
from symdiff.graph.labelled import Labelled
from symdiff.graph.node import Node, topological
from symdiff.graph.plan import Plan, Step
from symdiff.graph.program import Program
from symdiff.graph.size import Dim, Size, evaluate
from symdiff.passes.algebra.balance import balance
from symdiff.passes.algebra.contract import in_pairs, nominal, order_contractions
from symdiff.passes.algebra.expand import WHOLE, expand
from symdiff.passes.algebra.factors import place_factors
from symdiff.passes.algebra.fast_math import fast_math
from symdiff.passes.algebra.operations import operations
from symdiff.passes.algebra.simplify import simplify
from symdiff.passes.algebra.split import split_early
from symdiff.passes.prepare.guard import guard
from symdiff.passes.prepare.pool import pool_first
from symdiff.passes.prepare.reach import Transpose
from symdiff.passes.prepare.stabilise import stabilise
from symdiff.passes.schedule.fuse import fuse
from symdiff.passes.schedule.stages import plan
from symdiff.passes.verify import verify
from symdiff.passes.verify_plan import verify_plan, verify_steps


@dataclass(frozen=True)
class Setting:
    """What passes are told besides the graphs.

    Attributes
    ----------
    samples : the size of the sample axis, or None.
    backend, math : as in `Options`.
    executed : whether the graphs are to be run, rather than read as closed forms.
    hidden : inputs whose entries may be anything, NaN too, where nothing needs them.
    transpose : of linear operations, as `passes.prepare.reach` takes it; None after differentiation.
    """

    samples: Size | None
    backend: str = "numpy"
    math: str = "exact"
    executed: bool = True
    hidden: Collection[Node] = ()
    transpose: Transpose | None = None

    @classmethod
    def of(cls, program: Program, backend: str, math: str) -> Setting:
        """That of a program."""
        return cls(program.declarations.samples, backend, math)

    @property
    def sample_name(self) -> str | None:
        """The name of the size of the sample axis."""
        return None if self.samples is None else str(self.samples)


@dataclass(frozen=True)
class Pass:
    """One rewrite of graphs.

    Attributes
    ----------
    name : how `docs/design.md` and errors call it.
    run : gives the graphs rewritten.
    example : what it does, on one formula.
    requires : what must hold of the graphs it is given, beyond what the verifier checks.
    ensures : what holds of those it gives.
    when : whether it runs at all.
    """

    name: str
    run: Callable[[Labelled, Setting], Labelled]
    example: str
    requires: str = ""
    ensures: str = ""
    when: Callable[[Setting], bool] = lambda setting: True


def _of_roots(rewrite: Callable[[Sequence[Node]], list[Node]]) -> Callable[[Labelled, Setting], Labelled]:
    """A pass that needs to know of nothing but the graphs."""
    return lambda graphs, setting: graphs.map(rewrite)


def _of_samples(
    rewrite: Callable[[Sequence[Node], str | None], list[Node]],
) -> Callable[[Labelled, Setting], Labelled]:
    """A pass that asks which size is that of the samples."""
    return lambda graphs, setting: graphs.map(lambda roots: rewrite(roots, setting.sample_name))


def _guarded(graphs: Labelled, setting: Setting) -> Labelled:
    assert setting.transpose is not None
    results, hidden, transpose, samples = graphs.roots, setting.hidden, setting.transpose, setting.samples
    return graphs.map(lambda roots: guard(roots, results, hidden, transpose, samples))


SIMPLIFY = Pass("simplify", _of_roots(simplify), "where(c, 1, 0) * x -> where(c, x, 0)")
ORDER = Pass(
    "contract",
    _of_samples(order_contractions),
    "A @ B @ v -> A @ (B @ v); inv(A) @ b -> solve(A, b)",
    ensures="products have at most two factors",
)

PREPARE = (
    SIMPLIFY,
    Pass(
        "stabilise",
        _of_roots(stabilise),
        "log(1 + exp(z)) -> softplus(z)",
        requires="nothing is differentiated yet: derivatives of the stable form are stable too",
    ),
    Pass(
        "guard",
        _guarded,
        "where(x > 0, log(x), 0) -> where(x > 0, log(where(x > 0, x, 1)), 0)",
        requires="stabilise has run: it looks for formulas as they were written",
        ensures="values and derivatives of all orders are finite where a branch is not taken",
        when=lambda setting: setting.executed,
    ),
    Pass("pool", _of_roots(pool_first), "window_max(relu(x)) -> relu(window_max(x))"),
    ORDER,
)
"""Before differentiation: into a form whose derivatives are sound."""

ALGEBRA = (
    SIMPLIFY,
    Pass(
        "balance",
        _of_roots(balance),
        "t * (e / s / s) -> (t / s) * (e / s)",
        ensures="no intermediate grows faster than value and gradient do",
    ),
    Pass(
        "expand",
        _of_roots(expand),
        "softplus(z) -> max(z, 0) + log1p(exp(-abs(z)))",
        requires="nothing is differentiated any more",
        ensures="only operations that a backend can write are left",
    ),
    Pass(
        "fast_math",
        _of_roots(fast_math),
        "sin(x), cos(x) by tan(x / 2)",
        when=lambda setting: setting.math == "fast" and setting.backend == "numpy",  # a GPU has both at once
    ),
    ORDER,
    Pass(
        "factors",
        _of_roots(place_factors),
        "2 * (X.T @ r) -> X.T @ (2 * r), where that has fewer entries",
        ensures="scalar factors stand where they multiply the fewest entries",
    ),
    Pass("pairs", _of_samples(in_pairs), "A * B * C -> (A * B) * C", ensures="products have at most two factors"),
)
"""After differentiation: what is computed stays the same, and costs less."""

CLOSED_FORM = (
    SIMPLIFY,
    Pass("split", _of_roots(split_early), "f(x.reshape(n * m)) -> f(x).reshape(n * m)"),
    ORDER,
)
"""After differentiation, for formulas that are to be read."""


def run(passes: Sequence[Pass], graphs: Labelled, setting: Setting) -> Labelled:
    """The graphs after the passes."""
    for each in passes:
        if each.when(setting):
            graphs = each.run(graphs, setting)
            if _verifies():
                with _named(each.name):
                    verify(topological([*graphs.roots, *graphs.names, *graphs.words]))
    return graphs


def schedule(roots: Sequence[Node], setting: Setting) -> tuple[Plan, tuple[Step, ...]]:
    """What is computed when: the plan, and for a GPU its steps, kernels and library calls. Both are always verified."""
    chosen = plan(roots, setting.samples)
    with _named("plan"):
        verify_plan(chosen, unwritten=WHOLE)
    if setting.backend != "cupy":
        return chosen, ()
    steps = fuse(chosen.results, chosen.order, chosen.samples)
    with _named("fuse"):
        verify_steps(chosen, steps)
    return chosen, steps


@contextmanager
def _named(name: str) -> Iterator[None]:
    """An `InternalError` says after which pass it was found."""
    try:
        yield
    except InternalError as error:
        raise InternalError(f"after the pass {name}: {error.fault}") from error


def cost(roots: Sequence[Node], setting: Setting) -> int:
    """Operations at nominal sizes, once optimised: to choose between graphs of the same results."""
    count = operations(run(ALGEBRA, Labelled(tuple(roots)), setting).roots)
    return evaluate(count, nominal_sizes([count], setting.samples))


def nominal_sizes(counts: Sequence[Dim], samples: Size | None) -> dict[str, int]:
    """A number for every size that the counts name."""
    return nominal(counts, None if samples is None else str(samples))


def _verifies() -> bool:
    return os.environ.get("SYMDIFF_VERIFY") == "1"
