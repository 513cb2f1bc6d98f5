"""python -m fuzz --models 20000 --seed 0 --jobs 2: random models, and what came of them.

Each failure is printed with its seed and a smaller model that fails alike; ``--only SEED`` shows one with its values.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from fuzz.cases import DIALECTS, Case, make
from fuzz.check import Outcome, check
from fuzz.shrink import shrunk

PART = 50  # models a process is given at once


def text(case: Case) -> str:
    """A case as one would write it."""
    try:
        expression = str(case.term.written).replace("\n", " ")
    except Exception as error:
        expression = f"(without a text: {type(error).__name__}: {error})"
    roles = ", ".join(
        f"{role}=[{', '.join(leaf.name for leaf in case.leaves if case.roles[leaf.name] == role)}]"
        for role in ("params", "data", "constants")
    )
    shapes = ", ".join(f"{leaf.name}{tuple(leaf.shape)}" for leaf in case.leaves if leaf.shape)
    sizes = ", ".join(f"{size}={extent}" for size, extent in case.sizes.items())
    return f"{expression}\n    {roles}; {shapes}; {sizes}; style={case.style}{'; samples=n' * case.streams}"


def report(seed: int, dialect: str | None, seconds: float) -> tuple[Outcome, str]:
    """What came of a seed, and of a fault what to print."""
    case = make(seed, dialect)
    outcome = check(case)
    if not outcome.is_finding:
        return outcome, ""
    smaller, last = shrunk(case, outcome, seconds)
    return outcome, f"{seed} {case.dialect}: {last.kind}: {last.message}\n    {text(smaller)}"


def run(seeds: list[int], dialect: str | None, seconds: float) -> list[tuple[Outcome, str]]:
    """What came of several seeds."""
    return [report(seed, dialect, seconds) for seed in seeds]


def outcomes(options: argparse.Namespace) -> Iterator[tuple[Outcome, str]]:
    """What came of all, in order."""
    seeds = range(options.seed, options.seed + options.models)
    parts = [list(seeds[i : i + PART]) for i in range(0, len(seeds), PART)]
    given = ([options.dialect] * len(parts), [options.shrink] * len(parts))
    if options.jobs == 1:
        for part in map(run, parts, *given):
            yield from part
        return
    with ProcessPoolExecutor(options.jobs) as pool:
        for part in pool.map(run, parts, *given):
            yield from part


def main() -> int:
    """Run the command; 1 where there is a fault."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Random models against what they mean.")
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first model; each has the next one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--dialect", choices=sorted(DIALECTS))
    parser.add_argument("--shrink", type=float, default=10, help="seconds for making a failing model smaller")
    parser.add_argument("--only", type=int, help="show the model of one seed with its values")
    options = parser.parse_args()
    if options.only is not None:
        case = make(options.only, options.dialect)
        print(text(case), *(f"{name} = {np.array2string(a)}" for name, a in case.values().items()), sep="\n")
        print(check(case))
        return 0
    start, counts = time.perf_counter(), Counter[str]()
    for outcome, found in outcomes(options):
        counts[outcome.kind] += 1
        if found:
            print(found, flush=True)
    took = time.perf_counter() - start
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    print(f"{options.models} models from seed {options.seed} in {took:.0f} s: {kinds}")
    return int(any(Outcome(kind).is_finding for kind in counts))


if __name__ == "__main__":
    sys.exit(main())
