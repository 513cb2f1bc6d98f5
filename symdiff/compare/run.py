"""The comparison itself: choose the inputs, ask every side, judge each result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from symdiff.compare.bench import PEERS, Bench
from symdiff.compare.calls import ask, transfers
from symdiff.compare.comparison import Comparison
from symdiff.compare.inputs import draws, load
from symdiff.compare.problem import Call, Problem
from symdiff.compare.slow import Exact
from symdiff.compiler import compile
from symdiff.errors import ComparisonError
from symdiff.frontend.lower import lower
from symdiff.graph.program import Program
from symdiff.kinds import KINDS
from symdiff.model import Model, checked
from symdiff.reference import NoReferenceError


def compare(
    model: Model,
    *,
    against: Sequence[str] = ("finite-difference", "mpmath"),
    data: Path | Mapping[str, Any] | None = None,
    backend: str = "numpy",
) -> Comparison:
    """Compile a model and hold every function of its module against peers.

    Parameters
    ----------
    against : any of torch, jax, finite-difference, mpmath.
    data : an ``.npz`` file or a mapping with the inputs by name; by default they are drawn.
    backend : whose module is checked.

    Raises
    ------
    ComparisonError
        If a framework is missing, the data do not fit, or no peer can compute the model.
    """
    checked(model, "compare")
    for name in against:
        if name not in PEERS:
            raise ComparisonError(f"There is no peer {name!r}: it is one of {', '.join(PEERS)}.")
    transfers(backend)
    module = compile(model, backend=backend, emit=tuple(KINDS))
    return compare_module(module, model, against=against, data=data, backend=backend)


def compare_module(
    module: ModuleType,
    model: Model,
    *,
    against: Sequence[str] = ("finite-difference", "mpmath"),
    data: Path | Mapping[str, Any] | None = None,
    backend: str = "numpy",
) -> Comparison:
    """The same for a module that is there already, with every function the model can have."""
    try:
        lowered = lower(model)
        problem = _problem(model, lowered, data, module, backend)
        bench = Bench(module, problem, tuple(against), backend)
        rows = tuple(bench.rows())
        if rows and all(row.agrees is None for row in rows):
            notes = "; ".join(dict.fromkeys(row.note for row in rows))
            raise ComparisonError(f"No peer can compute the model: {notes}.")
        return Comparison(lowered.name, model.place, problem.dtype.name, problem.sizes, rows, data is None)
    except ComparisonError as error:
        error.place = error.place or model.place
        raise


def _problem(
    model: Model, lowered: Program, data: Path | Mapping[str, Any] | None, module: ModuleType, backend: str
) -> Problem:
    """The inputs: given, or the first drawn ones at which every result has finite values."""
    if data is not None:
        return Problem.create(model, lowered, *load(data, lowered))
    reason = ""
    for sizes, values in draws(lowered, model.domains):
        problem = Problem.create(model, lowered, sizes, values)
        values_of = [call for call in problem.calls() if call.kind == "value"]
        reason = next(filter(None, (_lacks_value(problem, call, module, backend) for call in values_of)), "")
        if not reason:
            return problem
    raise ComparisonError(
        f"The model has no finite value at any of the inputs drawn for it (the last time: {reason}). Give some with "
        "--data, or say where the symbols lie, as symbols(..., positive=True) or params=[sd.domain(x, 0, 1)]."
    )


def _lacks_value(problem: Problem, call: Call, module: ModuleType, backend: str) -> str:
    """Why the inputs are of no use for a root; empty where they are."""
    try:
        value = Exact(problem, call.root).value().astype(float)
    except NoReferenceError:
        answer = ask(module, problem, call, backend)
        if answer.failure:
            return answer.failure
        value = answer.arrays[0]
    except (IndexError, ValueError) as error:  # sizes too small for an index, or not the ones that fit together
        return str(error)
    return "" if np.isfinite(value).all() else f"{call.function} is NaN or infinite"
