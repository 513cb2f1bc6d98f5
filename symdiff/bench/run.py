"""The timing itself: compile, choose the inputs, compare one call of each contender, time them in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from symdiff.bench.inputs import make_problem
from symdiff.bench.measure import Step, interleaved
from symdiff.bench.steps import JaxPeer, Peer, Plain, TorchPeer, own_step
from symdiff.bench.timing import Contender, Timing
from symdiff.compare.calls import leaves
from symdiff.compare.judge import Numbers, judge
from symdiff.compare.problem import Array, Call, Problem
from symdiff.compiler import compile
from symdiff.errors import ComparisonError, SymdiffError
from symdiff.frontend.lower import lower
from symdiff.model import Model, checked

PEERS = ("torch", "torch-compile", "jax", "plain")
Progress = Callable[[str, int, int], None]  # what is done, how many rounds are, of how many


def bench(
    model: Model,
    *,
    against: Sequence[str] = ("torch", "jax"),
    functions: Sequence[str] | None = None,
    data: Path | Mapping[str, Any] | None = None,
    sizes: Mapping[str, int] | None = None,
    dtype: str | None = None,
    math: str = "exact",
    rounds: int = 30,
    progress: Progress = lambda what, done, of: None,
) -> Timing:
    """Compile a model and time functions of its module beside the same in other libraries.

    Parameters
    ----------
    against : any of torch, torch-compile, jax, plain (the straight-line module); one that is not installed is left out.
    functions : kinds, as for `symdiff.compile`; by default value_and_grad of the objective, or vjp of the outputs.
    data : an ``.npz`` file or a mapping with the inputs by name; by default they are drawn.
    sizes : named sizes of what is drawn; by default 1000 samples, and 30 of anything else.
    dtype : ``"float32"`` or ``"float64"``.
    math : of symdiff's module.
    rounds : at most; slow functions have fewer.

    Raises
    ------
    ComparisonError
        If the data do not fit, or no peer can run any of the functions.
    """
    checked(model, "bench")
    for name in against:
        if name not in PEERS:
            raise ComparisonError(f"There is no peer {name!r}: it is one of {', '.join(PEERS)}.")
    try:
        lowered = lower(model)
        problem = make_problem(model, lowered, data, sizes or {}, dtype)
        calls = _calls(problem, functions)
        emit = tuple(dict.fromkeys(call.kind for call in calls))
        started = time.perf_counter()
        module = compile(model, emit=emit, math=math, cache=False)
        compile_seconds = time.perf_counter() - started
        peers, absent = _peers(against, model, problem, emit, math)
        rows: list[Contender] = []
        with ExitStack() as sessions:
            for peer in peers.values():
                sessions.enter_context(peer.session())
            for call in calls:
                rows += _time(module, problem, call, peers, rounds, progress)
                rows += [Contender(call.function, name, note=reason) for name, reason in absent.items()]
        if all(row.seconds is None for row in rows if row.name != "symdiff"):
            notes = "; ".join(dict.fromkeys(f"{row.name}: {row.note}" for row in rows if row.note))
            raise ComparisonError(f"No peer can run the model: {notes}")
        found = tuple(rows)
        return Timing(lowered.name, model.place, problem.dtype.name, problem.sizes, compile_seconds, found)
    except ComparisonError as error:
        error.place = error.place or model.place
        raise


def _peers(
    names: Sequence[str], model: Model, problem: Problem, emit: Sequence[str], math: str
) -> tuple[dict[str, Peer], dict[str, str]]:
    """The peers that are there, and why the others are not, by name."""
    peers: dict[str, Peer] = {}
    absent: dict[str, str] = {}
    for name in names:
        try:
            peers[name] = _peer(name, model, problem, emit, math)
        except SymdiffError as error:
            absent[name] = error.message
    return peers, absent


def _peer(name: str, model: Model, problem: Problem, emit: Sequence[str], math: str) -> Peer:
    """A peer by name; a `SymdiffError` where it is not installed."""
    match name:
        case "plain":
            return Plain(problem, compile(model, emit=emit, math=math, style="plain", cache=False))
        case "jax":
            return JaxPeer(problem)
    return TorchPeer(problem, compiled=name == "torch-compile")


def _calls(problem: Problem, functions: Sequence[str] | None) -> list[Call]:
    """The functions to time, in order."""
    every = list(problem.calls())
    if functions is None:
        has_objective = any(call.kind == "value_and_grad" for call in every)
        functions = ("value_and_grad",) if has_objective else ("vjp", "jvp")
    chosen = [call for call in every if call.kind in functions]
    if not chosen:
        there = ", ".join(dict.fromkeys(call.kind for call in every))
        raise ComparisonError(
            f"The model has no {', '.join(functions)} to time: at these sizes there are {there}. A whole Hessian or "
            "Jacobian is timed where it has few columns."
        )
    return chosen


def _time(
    module: ModuleType,
    problem: Problem,
    call: Call,
    peers: Mapping[str, Peer],
    rounds: int,
    progress: Progress,
) -> list[Contender]:
    """The rows of one function."""
    progress(f"{call.function}: symdiff", 0, rounds)
    steps: dict[str, Step] = {"symdiff": own_step(module, problem, call)}
    first = {}
    try:
        result, first["symdiff"] = _first(steps["symdiff"])
    except Exception as error:
        raise ComparisonError(f"{call.function} of the generated module fails: {error}") from error
    ours = [np.asarray(part) for part in leaves(call.results, result)]
    notes, agrees = {}, {}
    for name, peer in peers.items():
        progress(f"{call.function}: {name}", 0, rounds)
        try:
            step = peer.step(call)
            result, first[name] = _first(step)
            agrees[name] = _agree(ours, peer.arrays(result), problem.dtype, name)
            steps[name] = step
        except Exception as error:  # whatever a framework raises where it has no derivative
            notes[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    times = interleaved(steps, rounds, after_round=lambda done, of: progress(f"{call.function}: in turns", done, of))
    found = []
    for name in ("symdiff", *peers):
        seconds = times.get(name)
        ratio = None if seconds is None else seconds / times["symdiff"]
        note = notes.get(name, "")
        found.append(Contender(call.function, name, seconds, ratio, first.get(name), agrees.get(name), note))
    return found


def _first(step: Step) -> tuple[Any, float]:
    """What a first call returns, and its seconds."""
    started = time.perf_counter()
    result = step()
    return result, time.perf_counter() - started


def _agree(ours: Sequence[Array], theirs: Sequence[Array], dtype: np.dtype[Any], name: str) -> bool:
    """Whether all arrays of a result agree to half the digits."""
    if [array.shape for array in ours] != [array.shape for array in theirs]:
        return False
    return all(judge(Numbers(a, b), dtype, name)["agrees"] for a, b in zip(ours, theirs, strict=True))
