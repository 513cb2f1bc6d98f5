"""What a timing found, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from rich.table import Table
from rich.text import Text

from symdiff.errors import printable

_LEGEND = (
    "Times are medians of one call, all contenders in turns; a ratio below 1 says that the peer is faster. "
    "The first call may compile."
)


@dataclass(frozen=True)
class Contender:
    """One side of one function.

    Attributes
    ----------
    function, name : of the generated module; ``"symdiff"`` or the peer's.
    seconds : of a call.
    ratio : the seconds over those of symdiff.
    first : seconds of the first call.
    agrees : whether results are those of symdiff; None where there are none.
    note : why there are none.
    """

    function: str
    name: str
    seconds: float | None = None
    ratio: float | None = None
    first: float | None = None
    agrees: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Timing:
    """The functions of a model's module, timed beside peers.

    Attributes
    ----------
    name, place : of the model.
    dtype, sizes : of the inputs.
    compile_seconds : of `symdiff.compile`, without the cache.
    rows : for each function symdiff and then each peer.
    """

    name: str
    place: str
    dtype: str
    sizes: Mapping[str, int]
    compile_seconds: float
    rows: tuple[Contender, ...]

    @property
    def agrees(self) -> bool:
        """Whether no peer's results differ."""
        return all(row.agrees is not False for row in self.rows)

    def to_json(self) -> str:
        """A JSON object."""
        whole = {"model": self.name, "place": self.place, "agrees": self.agrees, "dtype": self.dtype}
        more = {"sizes": dict(self.sizes), "compile_seconds": self.compile_seconds}
        return json.dumps({**whole, **more, "rows": [asdict(row) for row in self.rows]}, indent=2)

    def table(self) -> Table:
        """The rows for a person: peers that are faster are yellow, those that differ red."""
        sizes = "".join(f", {name} = {size}" for name, size in self.sizes.items())
        title = f"{self.name} ({self.dtype}{sizes})"
        found = Table(
            title=Text(printable(title)), title_justify="left", box=None, padding=(0, 2, 0, 0), caption_justify="left"
        )
        for heading in ("function", "contender"):
            found.add_column(heading, no_wrap=True)
        for heading in ("time", "/ symdiff", "first call"):
            found.add_column(heading, justify="right", no_wrap=True)
        found.add_column("", overflow="fold")
        shown, compiled = "", f"compiled in {self.compile_seconds:.2f} s"
        for row in self.rows:
            ratio = "" if row.ratio is None or row.name == "symdiff" else f"{row.ratio:.3g}"
            note = "DIFFERS: not the same results" if row.agrees is False else row.note
            note, compiled = (compiled, "") if row.name == "symdiff" else (note, compiled)
            style = "bold red" if row.agrees is False else "yellow" if row.ratio and row.ratio < 1 else None
            function = row.function if row.function != shown else ""
            cells = [function, row.name, _duration(row.seconds), ratio, _duration(row.first), note]
            found.add_row(*(Text(printable(cell)) for cell in cells), style=style)
            shown = row.function
        found.caption = Text(_LEGEND)
        return found


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    unit, scale = next((pair for pair in (("s", 1.0), ("ms", 1e-3)) if seconds >= pair[1]), ("us", 1e-6))
    return f"{float(f'{seconds / scale:.3g}'):g} {unit}"
