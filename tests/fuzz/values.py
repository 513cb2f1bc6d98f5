"""Values for symbols: ordinary, far from 0, where only a stable form is right, masks, labels, and what nothing may look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
Draw = Callable[[np.random.Generator, tuple[int, ...], int], Any]

KINDS: dict[str, Draw] = {
    "real": lambda r, s, top: r.uniform(-1.25, 1.25, s),
    "positive": lambda r, s, top: r.uniform(0.25, 2, s),
    "far": lambda r, s, top: 65536 + r.integers(-256, 256, s) / 64,
    "years": lambda r, s, top: 2000.0 + r.integers(0, 20, s),
    "small": lambda r, s, top: r.uniform(0.05, 0.25, s),
    "large": lambda r, s, top: r.choice([-800, -90, -2.5, 0.5, 40, 110, 720.0], s),
    "tiny": lambda r, s, top: 10.0 ** r.choice([-16, -12, -9, -6, -3, -1], s) * r.uniform(1, 2, s),
    "zero": lambda r, s, top: np.zeros(s) if r.random() < 0.8 else r.uniform(-1, 1, s),
    "share": lambda r, s, top: r.choice([0.0, 0.25, 0.625, 1.0], s),
    "indicator": lambda r, s, top: (r.random(s) < 0.5).astype(float),
    "mask": lambda r, s, top: r.random(s) < r.choice([0.3, 0.6]),
    "labels": lambda r, s, top: r.integers(0, top, s),
}
"""How values are drawn; whole numbers lie below `top`."""


def draw(rng: np.random.Generator, kind: str, shape: tuple[int, ...], top: int) -> Array:
    """Values of a kind; numbers are exact in single precision."""
    found = np.asarray(KINDS[kind](rng, shape, top))
    return found.astype(np.float32).astype(np.float64) if found.dtype.kind == "f" else found


def poisoned(rng: np.random.Generator, array: Array, touched: Array) -> Array:
    """The array with anything where nothing looks; a single number is not worth a pass over all conditions."""
    if array.dtype.kind != "f" or array.ndim == 0 or touched.all():
        return array
    # 0 and a negative number are singular for some operations, the others for all
    harm = rng.choice([np.nan, np.nan, np.inf, -np.inf, 0.0, -1.0, 1e30], array.shape)
    return np.where(touched, array, harm)
