"""The time of steps that take turns: a machine that slows down slows all of them, so their ratios stay."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Step = Callable[[], object]

LONGEST = 30.0  # seconds of steps that are timed
FEWEST = 9  # rounds, however long they take
SETTLE = 0.05  # seconds in which the threads of the last step stop spinning, or they would slow the next one
TURN = (
    0.05  # seconds of a turn, at least: in a training loop one step follows the other, and threads stay where they are
)


def interleaved(
    steps: Mapping[str, Step],
    rounds: int,
    *,
    longest: float = LONGEST,
    after_round: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, float]:
    """Median seconds of one call of each step, all of which take one turn in each round.

    Before its turn each waits `SETTLE` seconds and takes one call that is not counted. The first two calls, which may
    compile, are not counted either.

    Parameters
    ----------
    rounds : at most; fewer where they would take more than `longest` seconds, but no fewer than `FEWEST` then.
    after_round : called with the number of rounds done and of all.
    """
    first = {name: _second_call(step) for name, step in steps.items()}
    batch = {name: max(1, round(TURN / max(seconds, 1e-7))) for name, seconds in first.items()}
    one_round = sum(seconds * (batch[name] + 1) for name, seconds in first.items())
    rounds = min(rounds, max(FEWEST, round(longest / max(one_round, 1e-9))))
    times: dict[str, list[float]] = {name: [] for name in steps}
    for done in range(rounds):
        for name, step in steps.items():
            time.sleep(SETTLE)
            step()
            started = time.perf_counter()
            for _ in range(batch[name]):
                step()
            times[name].append((time.perf_counter() - started) / batch[name])
        after_round(done + 1, rounds)
    return {name: statistics.median(found) for name, found in times.items()}


def _second_call(step: Step) -> float:
    """The seconds of a call after the first."""
    step()
    started = time.perf_counter()
    step()
    return time.perf_counter() - started
