"""Measure generated modules on a GPU against their peers and floors; write ``gpu_results.md``.

python -m benchmarks.gpu [--only net,hessian] [--peers torch,jax] [--rounds 30] [--quick] [--out benchmarks]
python -m benchmarks.gpu --count        # needs no GPU: what steps need, counted; writes gpu.md
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.__main__ import QUICK, words
from benchmarks.gpu import counted, results
from benchmarks.gpu.cases import CASES
from benchmarks.gpu.contenders import OWN, PEERS, missing
from benchmarks.gpu.run import run


def arguments() -> argparse.Namespace:
    """What was asked for."""
    names = [case.case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", type=words(names), default=names, help="cases, separated by commas")
    parser.add_argument("--peers", type=words(list(PEERS)), default=list(PEERS), help="peers, separated by commas")
    parser.add_argument("--rounds", type=int, default=30, help="rounds at most (default: 30)")
    parser.add_argument("--quick", action="store_true", help="tiny inputs, few rounds: whether all runs, not how fast")
    parser.add_argument(
        "--count", action="store_true", help="count what steps need, which needs no GPU, and write gpu.md"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1], help="folder to write to")
    return parser.parse_args()


def say(text: str) -> None:
    """Tell what is being done."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Run the cases, one after the other."""
    given = arguments()
    if not given.count and (lacking := missing()):
        sys.exit(lacking)
    given.out.mkdir(parents=True, exist_ok=True)
    if given.count:
        counted.write(given.out / "gpu.md")
        return
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX would take most of the memory from the others
    rounds = QUICK if given.quick else given.rounds
    measured = []
    for case in (case for case in CASES if case.case.name in given.only):
        makers = {name: OWN[name] for name in case.own} | {name: PEERS[name] for name in given.peers}
        measured.append(run(case, makers, rounds, given.quick, say))
    page = results.page(measured, results.device_name(), rounds)
    print(page)
    (given.out / "gpu_results.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
