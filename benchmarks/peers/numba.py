"""Numba: `written(numba)` returns a jitted function of params and data with derivatives by hand: see `by_hand`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from benchmarks.case import Case, Contender, Inputs
from benchmarks.peers import by_hand


def contender(written: Callable[[Any], Callable[..., Any]], case: Case, inputs: Inputs) -> Contender:
    """A step of a function that is compiled at its first call."""
    return by_hand.contender(written(numba), case, inputs)
