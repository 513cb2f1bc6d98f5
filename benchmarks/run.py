"""Measure generated modules against their peers, all in one interleaved run; print ratios and write them to results.md.

    python benchmarks/run.py [--rounds 60] [--out benchmarks/results.md]

Each round times every contender once, in turn, so that a machine that slows down slows all of them; the figure of a case is
the median over the rounds, of which slow cases have fewer. A peer that is not installed is left out, and the table says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cases

Step = Callable[[], object]
LONGEST = 10.0  # seconds of steps that are timed for one case
SETTLE = 0.05  # seconds in which the threads of the last contender stop spinning, or they would slow the next one


def measure(contenders: dict[str, Step], rounds: int) -> dict[str, float]:
    """Median seconds of one call of each contender; calls too short to time alone are timed in batches."""
    repeats, together = {}, 0.0
    for name, step in contenders.items():
        step()
        started = time.perf_counter()
        step()
        repeats[name] = max(1, round(2e-3 / max(time.perf_counter() - started, 1e-7)))
        together += time.perf_counter() - started
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(min(rounds, max(9, round(LONGEST / (2 * together))))):
        for name, step in contenders.items():
            time.sleep(SETTLE)
            step()
            started = time.perf_counter()
            for _ in range(repeats[name]):
                step()
            times[name].append((time.perf_counter() - started) / repeats[name])
    return {name: statistics.median(found) for name, found in times.items()}


def step_table(rounds: int) -> list[str]:
    """Time of one training step: symdiff against each peer, as peer / symdiff."""
    peers = [name for name in cases.PEERS if name == "lambdify" or importlib.util.find_spec(name)]
    lines = ["| step | symdiff | " + " | ".join(f"{name} / symdiff" for name in peers) + " |"]
    lines.append("| --- | --- |" + " --- |" * len(peers))
    for case in cases.STEPS:
        found = measure({name: step for name, step in case.contenders().items() if name in (*peers, "symdiff")}, rounds)
        own = found["symdiff"]
        ratios = [f"{found[name] / own:.2f}" if name in found else "-" for name in peers]
        lines.append(f"| {case.name} | {own * 1e6:.1f} us | " + " | ".join(ratios) + " |")
    return lines


def compile_table() -> list[str]:
    """Compile time, gradient included."""
    lines = ["| compile | seconds | operations |", "| --- | --- | --- |"]
    for name, model in cases.compiled_models():
        started = time.perf_counter()
        formula = cases.compile_gradient(model)
        lines.append(f"| {name} | {time.perf_counter() - started:.3f} | {formula} |")
    lines.append(f"| two-layer net, from the cache | {cases.cached_compile():.4f} | |")
    return lines


def operations_table() -> list[str]:
    """Operations of the gradient over those of the value, at nominal sizes, for every example."""
    lines = ["| example | value | gradient | ratio |", "| --- | --- | --- | --- |"]
    for name, value, gradient in cases.example_operations():
        ratio = f"{gradient / value:.2f}" if value else "-"
        lines.append(f"| {name} | {value} | {gradient} | {ratio} |")
    return lines


def main() -> None:
    """Run all tables."""
    parser = argparse.ArgumentParser(description="Measure generated modules against their peers.")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results.md")
    given = parser.parse_args()
    lines = [
        f"# Results\n\n{platform.machine()}, Python {platform.python_version()}; medians of at most {given.rounds} rounds.\n"
    ]
    for title, table in (
        ("One step: objective, gradient and update", step_table(given.rounds)),
        ("Compile time", compile_table()),
        ("Operations", operations_table()),
    ):
        print(f"\n{title}\n", *table, sep="\n", flush=True)
        lines += [f"\n## {title}\n", *table]
    given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
