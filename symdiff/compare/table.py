"""A comparison as a table for a person: a line for each result, a column for each peer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from symdiff.compare.judge import Row
from symdiff.errors import printable

_LEGEND = (
    "abs., rel.: the largest difference of symdiff from any peer. Under a peer: that from it, in units of rounding; + where "
    'symdiff, - where the peer is closer to the high-precision value. Under "time": of one call.'
)


def table(title: str, rows: Sequence[Row]) -> Table:
    """The rows by function, parameter and dtype; what disagrees is red and says so."""
    # A peer of the second precision has the name of the first, so it shares its column.
    peers = list(dict.fromkeys(row.peer for row in rows))
    timed = [peer for peer in peers if peer not in ("finite-difference", "mpmath")]
    found = Table(
        title=Text(printable(title)), title_justify="left", box=None, padding=(0, 2, 0, 0), caption_justify="left"
    )
    for heading in ("function", "by"):
        found.add_column(heading, no_wrap=True)
    times = [f"time {name}" for name in ("symdiff", *map(_short_name, timed))]
    for heading in ("abs.", "rel.", *map(_short_name, peers), *times):
        found.add_column(heading, justify="right", no_wrap=True)
    groups: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in rows:
        groups.setdefault((row.function, row.parameter, row.dtype), {})[row.peer] = row
    for (function, parameter, dtype), by_peer in groups.items():
        wrong = any(row.agrees is False for row in by_peer.values())
        name = f"{function} ({dtype})" if dtype != rows[0].dtype else function
        cells = [name, parameter, *_largest(by_peer), *(_cell(by_peer.get(peer)) for peer in peers)]
        cells.append(_time(next((row.seconds for row in by_peer.values() if row.seconds is not None), None)))
        cells += [_time(by_peer[peer].peer_seconds) if peer in by_peer else "" for peer in timed]
        found.add_row(*(Text(printable(cell)) for cell in cells), style="bold red" if wrong else None)
    notes = dict.fromkeys(f"{row.function}: {row.note}" for row in rows if row.note)
    found.caption = Text("\n".join([_LEGEND, *map(printable, notes)]))
    return found


def _largest(by_peer: Mapping[str, Row]) -> tuple[str, str]:
    """The largest absolute and relative difference from any peer."""
    absolute = [row.absolute for row in by_peer.values() if row.absolute is not None]
    relative = [row.relative for row in by_peer.values() if row.relative is not None]
    return _number(max(absolute, default=None)), _number(max(relative, default=None))


def _cell(row: Row | None) -> str:
    if row is None or row.agrees is None:
        return "" if row is None else "?"
    closer = "" if not row.closer else "+" if row.closer == "symdiff" else "-"
    return f"{'' if row.agrees else 'DIFFERS '}{_number(row.roundings)}{closer or ' '}"


def _short_name(peer: str) -> str:
    return {"finite-difference": "differences"}.get(peer, peer)


def _number(number: float | None) -> str:
    if not number:
        return "" if number is None else "0"
    return f"{number:.2g}" if 0.01 <= number < 1000 else f"{number:.0e}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    unit, scale = next((pair for pair in (("s", 1.0), ("ms", 1e-3)) if seconds >= pair[1]), ("us", 1e-6))
    return f"{float(f'{seconds / scale:.2g}'):g} {unit}"
