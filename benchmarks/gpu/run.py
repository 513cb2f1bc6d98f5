"""Running a case on a GPU: what all compute is compared, then they take turns; who runs out of memory is left out."""

from __future__ import annotations

import gc
import math
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.agreement import difference
from benchmarks.case import Inputs
from benchmarks.gpu.cases import COPY, DTYPE, PRODUCTS, DeviceCase
from benchmarks.gpu.contenders import COPIED, Maker, Timed, copying, cupy_seconds, products
from benchmarks.gpu.count import count, planned
from benchmarks.run import Outcome
from symdiff.bench.measure import FEWEST, LONGEST, TURN

WARM_UPS = 3  # calls: the first compiles, and CUDA graphs of PyTorch are recorded by the second


@dataclass(frozen=True)
class Result:
    """A case, the outcomes of contenders and floors by name, and the bytes a second that a copy moves."""

    case: DeviceCase
    outcomes: Mapping[str, Outcome]
    bandwidth: float | None

    def ratio(self, other: str, own: str) -> float | None:
        """The time of a contender or floor over that of another; None where either is not there."""
        theirs, ours = (self.outcomes[name].seconds if name in self.outcomes else None for name in (other, own))
        return None if theirs is None or ours is None else theirs / ours


def run(case: DeviceCase, makers: Mapping[str, Maker], rounds: int, small: bool, say: Callable[[str], None]) -> Result:
    """Compare and time the contenders of a case, of which the first are symdiff's."""
    try:
        return _run(case, makers, rounds, small, say)
    finally:
        release()


def _run(case: DeviceCase, makers: Mapping[str, Maker], rounds: int, small: bool, say: Callable[[str], None]) -> Result:
    inputs = case.inputs(small)
    steps, absent = compared(case, makers, inputs, say)
    size = COPIED >> 10 if small else COPIED
    floors = {COPY: lambda: copying(size)} | ({PRODUCTS: lambda: products(case, inputs)} if case.products else {})
    for name, make in floors.items():
        try:
            steps[name] = make(), cupy_seconds
        except Exception as error:  # there is no memory left
            absent[name] = reason(error)
    say(f"{case.case.name}: {', '.join(steps)} in turns")
    times, failed = in_turns(steps, rounds)
    bandwidth = 2 * size / times[COPY] if COPY in times else None
    if bandwidth:
        times[COPY] = least(case, small) / bandwidth
    outcomes = {name: Outcome(why=why) for name, why in (absent | failed).items()}
    return Result(case, outcomes | {name: Outcome(seconds) for name, seconds in times.items()}, bandwidth)


def compared(
    case: DeviceCase, makers: Mapping[str, Maker], inputs: Inputs, say: Callable[[str], None]
) -> tuple[dict[str, Timed], dict[str, str]]:
    """The steps whose results are those of the first, and for all others why they are none."""
    steps: dict[str, Timed] = {}
    absent: dict[str, str] = {}
    answers: list[np.ndarray] = []

    def attempt(maker: Maker) -> tuple[Timed, str]:
        contender, seconds = maker.make(case, inputs)
        answer = contender.read(contender.step())
        answers.extend([] if answers else answer)
        return (contender.step, seconds), difference(case.case, inputs, answers, answer)

    for name, maker in makers.items():
        say(f"{case.case.name}: {name}")
        why = maker.absent()
        if not why:
            try:
                steps[name], why = attempt(maker)
            except Exception as error:  # whatever a peer raises
                why = reason(error)
        if why:
            absent[name] = why
            steps.pop(name, None)
            release()
    return steps, absent


def in_turns(steps: dict[str, Timed], rounds: int) -> tuple[dict[str, float], dict[str, str]]:
    """The median seconds of each step, all of which take one turn in each round; and why others failed, which are taken out.

    A turn is a call that is not counted, then steps in a row for `TURN` seconds.
    """
    failed: dict[str, str] = {}

    def turn(name: str, calls: int, before: int) -> float:
        """The seconds of a step in a turn; not a number where it fails, as it may when another has taken its memory."""
        step, seconds = steps[name]
        try:
            seconds(step, before)
            return seconds(step, calls)
        except Exception as error:
            failed[name] = reason(error)
        del steps[name], step
        release()
        return math.nan

    first = {name: turn(name, 1, WARM_UPS) for name in list(steps)}
    calls = {name: max(1, round(TURN / max(first[name], 1e-7))) for name in steps}
    one_round = sum(first[name] * (calls[name] + 1) for name in steps)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(min(rounds, max(FEWEST, round(LONGEST / max(one_round, 1e-9))))):
        for name in list(steps):
            times[name].append(turn(name, calls[name], 1))
    return {name: statistics.median(times[name]) for name in steps}, failed


def least(case: DeviceCase, small: bool) -> int:
    """The bytes that a step must move."""
    sizes = case.small if small else case.sizes
    return count(planned(case.case.model(), case.function), sizes, np.dtype(DTYPE).itemsize).least


def reason(error: Exception) -> str:
    """Why a contender is left out, in a line."""
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    signs = ("OutOfMemory", "RESOURCE_EXHAUSTED", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "MemoryError")
    return "out of memory" if any(sign in text for sign in signs) else text


def release() -> None:
    """Give memory that nobody uses back to the device, for the others."""
    gc.collect()
    if "cupy" in sys.modules:
        sys.modules["cupy"].get_default_memory_pool().free_all_blocks()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
