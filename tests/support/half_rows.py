"""The catalogue in half precision: what comes out, and how far that may be from double precision.

Every array between two kernels is rounded once, by at most `UNIT` of each entry. That moves a result about as much as if every
argument was rounded so; how much that is, double precision says, when the arguments move by `UNIT` in random directions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from types import ModuleType
from typing import Any

import numpy as np
from catalogue import Case
from gpu_rows import calls, flat, modules, on_device

UNIT, SMALLEST, LARGEST = 2.0**-11, 2.0**-24, 65504
MOST = 4  # of what moving the arguments does, and of the rounding of the largest entry


def takes_halves(module: ModuleType) -> bool:
    """Whether a module says that it does."""
    return not hasattr(module, "_without_halves")


def widened(given: Any) -> Any:
    """Arguments in double precision."""
    if isinstance(given, (tuple, list)):
        return type(given)(map(widened, given))
    return given.astype(np.float64) if given.dtype.kind == "f" else given


def moved(given: Any, rng: np.random.Generator) -> Any:
    """Arguments with each entry rounded to half precision at worst, up or down."""
    if isinstance(given, (tuple, list)):
        return type(given)(moved(one, rng) for one in given)
    return given * (1 + UNIT * rng.choice([-1, 1], given.shape)) if given.dtype.kind == "f" else given


def allowed(plain: ModuleType, function: str, given: Sequence[Any]) -> tuple[list[np.ndarray], list[float]]:
    """The results in double precision, and how far off those in half precision may be."""
    with np.errstate(all="ignore"):
        exact = flat(getattr(plain, function)(*given))
        rng = np.random.default_rng(0)
        others = [flat(getattr(plain, function)(*moved(given, rng))) for _ in range(8)]
    spread = [max(_apart(one, other) for other in found) for one, *found in zip(exact, *others, strict=True)]
    scale = max((np.abs(one).max(initial=0) for one in exact), default=0)
    return exact, [MOST * (size + UNIT * scale) + SMALLEST for size in spread]


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference, where the moved arguments have a value."""
    with np.errstate(all="ignore"):
        return float(np.abs(np.nan_to_num(other - one, posinf=0, neginf=0)).max(initial=0))


def errors(xp: Any, case: Case, module: ModuleType, dtype: type) -> Iterator[tuple[str, float, float]]:
    """For each result of a row what it is, how far off it is, and how far off it may be in half precision.

    Left out are results that half precision cannot hold.
    """
    for function, given in calls(case, module, np.float16):
        exact, most = allowed(modules(case)[1], function, widened(given))
        arguments = [on_device(xp, one) for one in (given if dtype is np.float16 else widened(given))]
        with getattr(xp, "no_synchronisation", nullcontext)():
            found = flat(getattr(module, function)(*arguments))
        for number, (one, other, bound) in enumerate(zip(found, exact, most, strict=True)):
            assert one.dtype == dtype
            assert one.shape == np.shape(other)
            if np.abs(other).max(initial=0) <= LARGEST:
                yield f"{case}, {function}, {number}", np.abs(one.get() - other).max(initial=0), bound
