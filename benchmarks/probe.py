"""One contender alone in a fresh process: the seconds to its first result, and the memory of a step.

python -m benchmarks.probe CASE CONTENDER [--small]     prints one line of JSON
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass

from benchmarks.case import Case
from benchmarks.cases import CASES
from benchmarks.peers import PEERS, build, load
from symdiff.bench.memory import peak_of

PATIENCE = 180.0  # seconds a contender has for all of it


@dataclass(frozen=True)
class Probed:
    """What was found.

    Attributes
    ----------
    ready : seconds from the inputs to the first result: building the step, compiling, one call; imports are not counted.
    step : seconds of a later call.
    memory : bytes at the peak of a step over what was held before: of the first call, where that does not compile.
    why : why there is nothing.
    """

    ready: float | None = None
    step: float | None = None
    memory: int | None = None
    why: str = ""


NOTHING = Probed()


def probe(case: Case, name: str, small: bool) -> Probed:
    """Run a contender in a process of its own, for `PATIENCE` seconds at most."""
    command = [sys.executable, "-m", "benchmarks.probe", case.name, name, *(["--small"] if small else [])]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return Probed(why=f"has no result after {PATIENCE:.0f} s")
    if run.returncode:
        last = run.stderr.strip().splitlines()[-1:] or [f"ends with {run.returncode}"]
        return Probed(why=last[0][:200])
    return Probed(**json.loads(run.stdout.splitlines()[-1]))


def main() -> None:
    """Be that process."""
    case, name, small = CASES[sys.argv[1]], sys.argv[2], "--small" in sys.argv
    load(name, case)
    inputs = case.inputs(small)
    started = time.perf_counter()
    contender = build(name, case, inputs)
    built = time.perf_counter() - started
    first: list[float] = []

    def timed() -> object:
        started = time.perf_counter()
        result = contender.step()
        first.append(time.perf_counter() - started)
        return result

    memory = peak_of(timed)
    if name in PEERS and PEERS[name].compiles_late:
        memory = peak_of(timed)
    else:
        timed()
    print(json.dumps({"ready": built + first[0], "step": first[1], "memory": memory}))


if __name__ == "__main__":
    main()
