"""Running the cases: each contender alone first, then all that are left in turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.agreement import difference
from benchmarks.case import Case, Contender, Inputs
from benchmarks.peers import PEERS, build, contenders_of
from benchmarks.probe import NOTHING, Probed, probe
from symdiff.bench.measure import interleaved

SLOW = 3.0  # seconds: a contender whose step takes longer is not waited for in every round


@dataclass(frozen=True)
class Outcome:
    """What a contender did in a case: the median seconds of a step, what `probe` found, why it is not there."""

    seconds: float | None = None
    probed: Probed = NOTHING
    why: str = ""


@dataclass(frozen=True)
class Result:
    """A case, and the outcome of each of its contenders and peers by name; of its floor as ``"floor"``."""

    case: Case
    outcomes: dict[str, Outcome]

    def seconds(self, name: str) -> float | None:
        """Of a step of a contender."""
        return self.outcomes[name].seconds if name in self.outcomes else None

    def ratio(self, peer: str, own: str) -> float | None:
        """The time of a peer over that of a contender of symdiff; None where either is not there."""
        theirs, ours = self.seconds(peer), self.seconds(own)
        return None if theirs is None or ours is None else theirs / ours


def run(case: Case, peers: Sequence[str], rounds: int, small: bool, say: Callable[[str], None]) -> Result:
    """Probe and time a case against some of the peers."""
    outcomes = {name: Outcome(why=why) for name in peers if (why := _absent(name, case))}
    inputs = case.inputs(small)
    built: dict[str, Contender] = {}
    answers = None
    probed = {}
    for name in (name for name in contenders_of(case) if name in (*case.variants, *peers) and name not in outcomes):
        say(f"{case.name}: {name}")
        probed[name] = probe(case, name, small)
        why = probed[name].why or _too_slow(probed[name])
        if not why:
            try:
                contender = build(name, case, inputs)
                answer = contender.read(contender.step())
                answers = answer if answers is None else answers
                why = difference(case, inputs, answers, answer)
                built[name] = contender
            except Exception as error:  # whatever a peer raises
                why = f"{type(error).__name__}: {error}".splitlines()[0]
        if why:
            built.pop(name, None)
            outcomes[name] = Outcome(probed=probed[name], why=why)
    say(f"{case.name}: {len(built)} contenders in turns")
    steps = {name: contender.step for name, contender in built.items()}
    if case.floor:
        steps["floor"] = _floor(case, inputs)
    times = interleaved(steps, rounds)
    timed = {name: Outcome(seconds, probed.get(name, NOTHING)) for name, seconds in times.items()}
    return Result(case, {**outcomes, **timed})


def _absent(name: str, case: Case) -> str:
    if PEERS[name].version is None:
        return "not installed"
    return "" if name in case.written else case.cannot[name]


def _too_slow(found: Probed) -> str:
    return f"takes {found.step:.1f} s for a step" if found.step and found.step > SLOW else ""


def _floor(case: Case, inputs: Inputs) -> Callable[[], object]:
    _, function = case.floor
    return lambda: function(*inputs.params, *inputs.data)
