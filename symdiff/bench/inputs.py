"""The inputs of a timing: from a file, or drawn at sizes that are given or nominal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from symdiff.compare.calls import ask
from symdiff.compare.inputs import draws_at, load
from symdiff.compare.problem import Problem, shape_at
from symdiff.compiler import compile
from symdiff.errors import ComparisonError
from symdiff.graph.program import ENTRIES, Program
from symdiff.model import Model
from symdiff.passes.algebra.contract import nominal


def parse_sizes(words: Sequence[str]) -> dict[str, int]:
    """``["n=1000", "d=20"]`` as a mapping; `ComparisonError` for what is no size."""
    sizes = {}
    for word in words:
        name, _, number = word.partition("=")
        if not (name.isidentifier() and number.isdecimal() and int(number)):
            raise ComparisonError(f"{word!r} is not a size: write --sizes n=1000,d=20.")
        sizes[name] = int(number)
    return sizes


def make_problem(
    model: Model,
    lowered: Program,
    data: Path | Mapping[str, Any] | None,
    sizes: Mapping[str, int],
    dtype: str | None,
) -> Problem:
    """The problem whose functions are timed, in the dtype that is asked for, else that of the data, else float64."""
    if data is not None:
        if sizes:
            raise ComparisonError("Sizes come from the data: give --data or --sizes, not both.")
        return _cast(Problem.create(model, lowered, *load(data, lowered)), dtype)
    all_sizes = _sizes(lowered, sizes)
    for entry in lowered.declarations.inputs:
        if min(shape_at(entry.node, all_sizes), default=0) < 0:
            named = ", ".join(f"{name} = {size}" for name, size in all_sizes.items())
            raise ComparisonError(f"{entry.name} has no shape at the sizes {named}: choose others with --sizes.")
    module = compile(model, emit="value", cache=False)
    for values in draws_at(all_sizes, lowered, model.domains):
        problem = _cast(Problem.create(model, lowered, all_sizes, values), dtype)
        if _is_finite(module, problem):
            return problem
    raise ComparisonError(
        "The model has no finite value at any of the inputs drawn for it. Give some with --data, or say where the symbols "
        "lie, as symbols(..., positive=True) or params=[sd.domain(x, 0, 1)]."
    )


def _cast(problem: Problem, dtype: str | None) -> Problem:
    return problem if dtype is None else problem.cast(np.dtype(dtype))


def _sizes(lowered: Program, given: Mapping[str, int]) -> dict[str, int]:
    """All named sizes: those given, and nominal ones."""
    declared = lowered.declarations
    samples = ENTRIES if declared.pointwise else declared.samples
    dims = [dim for entry in declared.inputs for dim in entry.node.shape]
    known = nominal(dims, None if samples is None else str(samples))
    for name in given:
        if name not in known:
            there = f"Its sizes: {', '.join(known)}." if known else "It has none."
            raise ComparisonError(f"The model has no size {name}. {there}")
    return {**known, **given}


def _is_finite(module: ModuleType, problem: Problem) -> bool:
    answers = [ask(module, problem, call, "numpy") for call in problem.calls() if call.kind == "value"]
    return all(not answer.failure and np.isfinite(answer.arrays[0]).all() for answer in answers)
