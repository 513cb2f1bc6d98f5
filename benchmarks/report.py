"""The results as Markdown. Every ratio is of the time of a peer over symdiff's: below 1 the peer is faster, and bold."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.case import Target
from benchmarks.peers import PEERS
from benchmarks.run import Result
from symdiff.version import __version__

Rows = list[str]


def head(rounds: int, peers: Sequence[str]) -> Rows:
    """What the figures were taken with."""
    there = [f"{PEERS[p].distribution or PEERS[p].package} {PEERS[p].version}" for p in peers if PEERS[p].version]
    return [
        "# Results",
        "",
        f"{_processor()}, {_cores()} cores, Python {platform.python_version()}, "
        f"symdiff {__version__}, {', '.join(dict.fromkeys(there))}. Medians of at most {rounds} rounds.",
    ]


def steps(results: Sequence[Result], peers: Sequence[str]) -> Rows:
    """The time of a step, and how much longer each peer takes."""
    rows = table(["step", "symdiff", *(f"{peer} / symdiff" for peer in peers)])
    for result, own in _own(results):
        seconds = result.seconds(own)
        ratios = [_ratio(result.ratio(peer, own)) for peer in peers]
        rows.append(line([title(result, own), "-" if seconds is None else duration(seconds), *ratios]))
    return rows


def targets(results: Sequence[Result]) -> Rows:
    """What each case is to reach, and what it did."""
    rows = table(["case", "time of symdiff as a share of", "to reach", "is", ""])
    for result in results:
        for target in result.case.targets:
            there = {peer: result.ratio(peer, target.own) for peer in target.peers}
            known = {peer: ratio for peer, ratio in there.items() if ratio is not None}
            share = 1 / min(known.values()) if known else None
            best = min(known, key=known.__getitem__) if known else ""
            rows.append(line([title(result, target.own), _named(result, target, best), *_verdict(share, target)]))
        if (most := result.case.most_memory) is not None:
            memory = result.outcomes["symdiff"].probed.memory
            is_met = memory is not None and memory / 1e6 <= most
            cells = ["extra memory", f"{most:g} MB", _megabytes(memory), "reached" if is_met else "**missed**"]
            rows.append(line([result.case.title, *cells]))
    return rows


def _verdict(share: float | None, target: Target) -> list[str]:
    wanted = f"{target.share:g}{' (stretch)' if target.stretch else ''}"
    if share is None:
        return [wanted, "-", "no such peer ran"]
    return [wanted, digits(share), "reached" if share <= target.share else "**missed**"]


def _named(result: Result, target: Target, best: str) -> str:
    if target.peers == ("floor",):
        return result.case.floor[0]
    return target.peers[0] if len(target.peers) == 1 else f"the best, {best}" if best else "the best"


def memory(results: Sequence[Result], peers: Sequence[str]) -> Rows:
    """Peak memory of a step, in megabytes."""
    return _probed(results, peers, lambda result, name: _megabytes(result.outcomes[name].probed.memory))


def first_results(results: Sequence[Result], peers: Sequence[str]) -> Rows:
    """Time to the first result."""

    def text(result: Result, name: str) -> str:
        ready = result.outcomes[name].probed.ready
        return "-" if ready is None else duration(ready)

    return _probed(results, peers, text)


def _probed(results: Sequence[Result], peers: Sequence[str], text: Callable[[Result, str], str]) -> Rows:
    rows = table(["case", "symdiff", *peers])
    for result, own in _own(results):
        rows.append(line([title(result, own), *(text(result, name) for name in (own, *peers))]))
    return rows


def absent(results: Sequence[Result]) -> Rows:
    """Who is not in a table, and why."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for name, outcome in result.outcomes.items():
            if outcome.why:
                reasons.setdefault((name, outcome.why), []).append(result.case.name)
    rows = [
        f"- {name} ({'every case' if len(cases) == len(results) else ', '.join(cases)}): {why}"
        for (name, why), cases in reasons.items()
    ]
    return rows or ["No one."]


def table(heads: Sequence[str]) -> Rows:
    """The first two lines of a table."""
    return [line(heads), "|" + " --- |" * len(heads)]


def line(cells: Sequence[str]) -> str:
    """A row of a table."""
    return "| " + " | ".join(cells) + " |"


def duration(seconds: float) -> str:
    """Seconds with a unit and three digits."""
    unit, scale = next((pair for pair in (("s", 1.0), ("ms", 1e-3)) if seconds >= pair[1]), ("us", 1e-6))
    return f"{float(f'{seconds / scale:.3g}'):g} {unit}"


def digits(ratio: float) -> str:
    """A ratio, with two decimals or two digits, whichever is more."""
    return f"{ratio:.2g}" if ratio < 0.1 else f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def _own(results: Sequence[Result]) -> Iterator[tuple[Result, str]]:
    for result in results:
        for own in result.case.variants:
            yield result, own


def title(result: Result, own: str) -> str:
    """Of a case, with the options of one of its variants."""
    options = result.case.variants[own]
    return ", ".join([result.case.title, *(f'{key}="{value}"' for key, value in options.items())])


def _ratio(ratio: float | None) -> str:
    if ratio is None:
        return "-"
    return f"**{digits(ratio)}**" if ratio < 1 else digits(ratio)


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:.0f} MB"


def _cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    """The name of the processor, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((text.partition(":")[2].strip() for text in lines if text.startswith("model name")), platform.machine())
