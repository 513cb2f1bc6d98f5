"""What a comparison found, as a table and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from symdiff.compare.judge import Row
from symdiff.compare.table import table


@dataclass(frozen=True)
class Comparison:
    """A model's module held against its peers.

    Attributes
    ----------
    name, place : of the model.
    dtype, sizes : of the inputs.
    rows : one for each function, parameter and peer.
    drawn : whether the inputs were, rather than given.
    """

    name: str
    place: str
    dtype: str
    sizes: Mapping[str, int]
    rows: tuple[Row, ...]
    drawn: bool = False

    @property
    def agrees(self) -> bool:
        """Whether no peer that could say says otherwise."""
        return all(row.agrees is not False for row in self.rows)

    def to_json(self) -> str:
        """A JSON object; what is no finite number there is a string, what is not known null."""
        rows = [{key: _plain(value) for key, value in asdict(row).items()} for row in self.rows]
        whole = {
            "model": self.name,
            "place": self.place,
            "agrees": self.agrees,
            "dtype": self.dtype,
            "drawn": self.drawn,
        }
        return json.dumps({**whole, "sizes": dict(self.sizes), "rows": rows}, indent=2)

    def table(self) -> Table:
        """The rows for a person."""
        sizes = "".join(f", {name} = {size}" for name, size in self.sizes.items())
        inputs = f"{'drawn' if self.drawn else 'given'} inputs, {self.dtype}{sizes}"
        return table(f"{self.name}: {'agrees' if self.agrees else 'DIFFERS'} ({inputs})", self.rows)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
