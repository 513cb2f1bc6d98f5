"""Measure generated modules against their peers; write ``results.md`` and plots.

python -m benchmarks [--only line,lenet] [--peers torch,jax] [--rounds 60] [--quick] [--out benchmarks]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.cases import CASES
from benchmarks.compiling import compile_steps, compile_times, operations
from benchmarks.peers import PEERS
from benchmarks.run import Result, run

QUICK = 3  # rounds


def words(allowed: Sequence[str]):
    """A type of argument: words separated by commas, each one of those allowed."""

    def split(text: str) -> list[str]:
        found = text.split(",")
        for word in found:
            if word not in allowed:
                raise argparse.ArgumentTypeError(f"{word!r} is not one of {', '.join(allowed)}")
        return found

    return split


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", type=words(list(CASES)), default=list(CASES), help="cases, separated by commas")
    parser.add_argument("--peers", type=words(list(PEERS)), default=list(PEERS), help="peers, separated by commas")
    parser.add_argument("--rounds", type=int, default=60, help="rounds at most (default: 60)")
    parser.add_argument("--quick", action="store_true", help="tiny inputs, few rounds: whether all runs, not how fast")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    return parser.parse_args()


def write(results: Sequence[Result], given: argparse.Namespace, rounds: int) -> None:
    """Print the tables, write them with the plots."""
    tables = {
        "One step": report.steps(results, given.peers),
        "Targets": report.targets(results),
        "Peak memory of a step": report.memory(results, given.peers),
        "Time to the first result": report.first_results(results, given.peers),
        "Not in the tables": report.absent(results),
        "Compile time": compile_times(),
        "Where compile time goes": compile_steps(),
        "Operations": operations(),
    }
    lines = report.head(rounds, given.peers)
    for title, rows in tables.items():
        lines += ["", f"## {title}", "", *rows]
    print("\n".join(lines))
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "results.md").write_text("\n".join(lines) + "\n")
    try:
        from benchmarks.plots import draw
    except ImportError:
        print("matplotlib is not installed: no plots.", file=sys.stderr)
    else:
        draw(results, given.out)


def main() -> None:
    """Run the cases, one after the other."""
    given = arguments()
    rounds = QUICK if given.quick else given.rounds
    with tempfile.TemporaryDirectory() as folder:
        # Compilers start without what an earlier run has left; their first results are timed.
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = f"{folder}/torch"
        os.environ["PYTENSOR_FLAGS"] = f"base_compiledir={folder}/pytensor"
        results = [
            run(CASES[name], given.peers, rounds, given.quick, lambda text: print(text, file=sys.stderr, flush=True))
            for name in given.only
        ]
        write(results, given, rounds)


if __name__ == "__main__":
    main()
