"""``gpu_results.md``. Every ratio is of the time of another over symdiff's: below 1 the other is faster, and a peer bold."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence

from benchmarks.gpu.cases import CAPTURED
from benchmarks.gpu.contenders import FLOORS, PEERS
from benchmarks.gpu.run import Result
from benchmarks.report import Rows, digits, duration, line, table
from symdiff.version import __version__

LIBRARIES = ("cupy-cuda12x", "cupy-cuda13x", "torch", "jax")
HOW = """\
Time on the device, by CUDA events around steps in a row, of JAX by the clock on the wall: medians of at most {rounds} rounds in
which all take turns, after their results were compared. Single precision, products without TF32. `torch-compile` has
`mode="reduce-overhead"`, so CUDA graphs. The floors were measured in the same run: copying on the device the bytes that a step
must move (arguments once, results once), and its products of matrices alone, by cuBLAS.
"""


def head(device: str, rounds: int) -> Rows:
    """What the figures were taken with."""
    there = [f"{name} {version}" for name in LIBRARIES if (version := _version(name))]
    machine = f"{device}, Python {platform.python_version()}, symdiff {__version__}, {', '.join(there)}."
    return ["# Results on a GPU", "", machine, "", *HOW.format(rounds=rounds).splitlines()]


def device_name() -> str:
    """The GPU, as CUDA calls it."""
    import cupy

    name = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"]
    return name.decode() if isinstance(name, bytes) else str(name)


def steps(results: Sequence[Result]) -> Rows:
    """The time of a step, how much longer the others take, and the floors."""
    others = [CAPTURED, *PEERS, *FLOORS]
    rows = table(["step", "symdiff", *(f"{FLOORS.get(name, name)} / symdiff" for name in others), "bandwidth"])
    for result in results:
        seconds = result.outcomes["symdiff"].seconds
        ratios = [_ratio(result.ratio(name, "symdiff"), name in PEERS) for name in others]
        copy = "-" if result.bandwidth is None else f"{result.bandwidth / 1e9:.0f} GB/s"
        rows.append(line([result.case.case.title, "-" if seconds is None else duration(seconds), *ratios, copy]))
    return rows


def targets(results: Sequence[Result]) -> Rows:
    """What each case is to reach, and what it did."""
    rows = table(["case", "step", "time of", "over the step's, to reach", "is", ""])
    for result in results:
        for goal in result.case.goals:
            found = result.ratio(goal.other, goal.own)
            verdict = "not measured" if found is None else "reached" if found >= goal.ratio else "**missed**"
            cells = [goal.own, FLOORS.get(goal.other, goal.other), f"{goal.ratio:g}"]
            rows.append(line([result.case.case.title, *cells, "-" if found is None else digits(found), verdict]))
    return rows


def absent(results: Sequence[Result]) -> Rows:
    """Who is not in the tables, and why."""
    found = [
        f"- {result.case.case.title}: {name}: {outcome.why}"
        for result in results
        for name, outcome in result.outcomes.items()
        if outcome.why
    ]
    return found or ["No one."]


def page(results: Sequence[Result], device: str, rounds: int) -> str:
    """All tables."""
    tables = {"One step": steps(results), "Targets": targets(results), "Not in the tables": absent(results)}
    lines = head(device, rounds)
    for title, rows in tables.items():
        lines += ["", f"## {title}", "", *rows]
    return "\n".join(lines) + "\n"


def _ratio(ratio: float | None, is_peer: bool) -> str:
    if ratio is None:
        return "-"
    return f"**{digits(ratio)}**" if ratio < 1 and is_peer else digits(ratio)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
