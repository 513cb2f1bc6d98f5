"""Bar plots of the results: a panel for each case, a bar for each peer, one logarithmic axis of ratios for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill

import matplotlib
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.report import digits, duration, title
from benchmarks.run import Result

AHEAD, BEHIND = "#4c78a8", "#e45756"  # whether symdiff is
COLUMNS, WIDTH = 3, 44  # panels in a row, characters in a line of a title
Figures = dict[str, float]


def draw(results: Sequence[Result], folder: Path) -> list[Path]:
    """Write ``ratios.svg``, ``memory.svg`` and ``compile.svg``; their paths."""
    matplotlib.rcParams.update({"svg.hashsalt": "symdiff", "svg.fonttype": "none", "font.size": 9})
    figures = {
        "ratios": ("Time of a step, peer / symdiff: right of the line symdiff is faster", _times),
        "memory": ("Peak memory of a step, peer / symdiff (each counted as at least 1 MB)", _memory),
        "compile": ("Time to the first result, peer / symdiff: compiling included, imports not", _ready),
    }
    return [_figure(results, heading, of, folder / f"{name}.svg") for name, (heading, of) in figures.items()]


def _times(result: Result, own: str) -> tuple[str, Figures]:
    seconds = {
        name: outcome.seconds for name, outcome in result.outcomes.items() if outcome.seconds and name != "floor"
    }
    return _over(seconds, own, duration)


def _memory(result: Result, own: str) -> tuple[str, Figures]:
    found = {name: outcome.probed.memory for name, outcome in result.outcomes.items()}
    sizes = {name: max(1e6, size) for name, size in found.items() if size is not None}
    return _over(sizes, own, lambda size: f"{size / 1e6:.0f} MB")


def _ready(result: Result, own: str) -> tuple[str, Figures]:
    found = {name: outcome.probed.ready for name, outcome in result.outcomes.items()}
    return _over({name: seconds for name, seconds in found.items() if seconds}, own, duration)


def _over(found: Figures, own: str, text: Callable[[float], str]) -> tuple[str, Figures]:
    """What symdiff's own figure is, and those of the others over it."""
    if own not in found:
        return "-", {}
    return text(found[own]), {name: value / found[own] for name, value in found.items() if name != own}


def _figure(
    results: Sequence[Result], heading: str, of: Callable[[Result, str], tuple[str, Figures]], path: Path
) -> Path:
    panels = []
    for result in results:
        for own in result.case.variants:
            size, ratios = of(result, own)
            ratios = {name: ratio for name, ratio in ratios.items() if name not in result.case.variants}
            panels.append((f"{fill(title(result, own), WIDTH)}\nsymdiff: {size}", ratios))
    every = [ratio for _, ratios in panels for ratio in ratios.values()] or [1.0]
    limits = min(0.5, min(every) / 4), max(2.0, max(every) * 3)  # room for the figures at the bars
    rows = -(-len(panels) // COLUMNS)
    tallest = max(len(ratios) for _, ratios in panels)
    figure, grid = plt.subplots(
        rows,
        COLUMNS,
        squeeze=False,
        sharex=True,
        layout="constrained",
        figsize=(13, 0.6 + rows * (0.95 + 0.19 * tallest)),
    )
    figure.suptitle(heading, fontsize=12, fontweight="bold")
    for axes, (above, ratios) in zip(grid.flat, panels, strict=False):
        _bars(axes, above, ratios, limits)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def _bars(axes: Axes, heading: str, ratios: Figures, limits: tuple[float, float]) -> None:
    """One panel: bars that start at 1, the peer that does best on top."""
    ordered = sorted(ratios.items(), key=lambda item: item[1], reverse=True)
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    for place, (_, ratio) in enumerate(ordered):
        axes.barh(place, ratio - 1, left=1, height=0.72, color=AHEAD if ratio >= 1 else BEHIND)
        axes.text(
            ratio * (1.06 if ratio >= 1 else 0.94),
            place,
            digits(ratio),
            va="center",
            ha="left" if ratio >= 1 else "right",
            fontsize=8,
        )
    axes.set_yticks(range(len(ordered)), [name for name, _ in ordered])
    axes.axvline(1, color="black", linewidth=1)
    axes.set_title(heading, fontsize=9, loc="left")
    axes.tick_params(labelbottom=True)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", which="major", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
