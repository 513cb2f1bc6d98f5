"""What a comparison found, as a table and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from symdiff.compare.judge import Row

_VERDICTS = {True: "agrees", False: "DIFFERS", None: "-"}


@dataclass(frozen=True)
class Comparison:
    """A model's module held against its peers.

    Attributes
    ----------
    name, place : of the model.
    dtype, sizes : of the inputs.
    rows : one for each function, parameter and peer.
    """

    name: str
    place: str
    dtype: str
    sizes: Mapping[str, int]
    rows: tuple[Row, ...]

    @property
    def agrees(self) -> bool:
        """Whether no peer that could say says otherwise."""
        return all(row.agrees is not False for row in self.rows)

    def to_json(self) -> str:
        """A JSON object; what is no finite number there is a string, what is not known null."""
        rows = [{key: _plain(value) for key, value in asdict(row).items()} for row in self.rows]
        whole = {"model": self.name, "place": self.place, "agrees": self.agrees, "dtype": self.dtype}
        return json.dumps({**whole, "sizes": dict(self.sizes), "rows": rows}, indent=2)

    def table(self) -> Table:
        """The rows for a person."""
        sizes = ", ".join(f"{name} = {size}" for name, size in self.sizes.items())
        title = f"{self.name}: {'agrees' if self.agrees else 'DIFFERS'} ({self.dtype}{', ' + sizes if sizes else ''})"
        table = Table(title=Text(title), title_justify="left", box=None, padding=(0, 1, 0, 0))
        for heading in ("function", "by", "against", ""):
            table.add_column(heading, overflow="fold")
        for heading in ("abs.", "rel.", "roundings", "closer", "time", "theirs"):
            table.add_column(heading, justify="right", overflow="fold")
        for row in self.rows:
            numbers = (row.absolute, row.relative, row.roundings)
            peer = row.peer if row.dtype == self.dtype else f"{row.peer}, {row.dtype}"
            cells = [row.function, row.parameter, peer, _VERDICTS[row.agrees], *(_short(n) for n in numbers)]
            cells += [row.closer, _time(row.seconds), _time(row.peer_seconds)]
            table.add_row(*(Text(cell) for cell in cells), style="bold red" if row.agrees is False else None)
        notes = dict.fromkeys(f"{row.function}: {row.note}" for row in self.rows if row.note)
        table.caption = Text("\n".join(notes)) if notes else None
        table.caption_justify = "left"
        return table


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _short(number: float | None) -> str:
    if not number:
        return "" if number is None else "0"
    return f"{number:.2g}" if 0.01 <= number < 1000 else f"{number:.1e}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.2g} {unit}"
    return f"{seconds * 1e6:.2g} us"
