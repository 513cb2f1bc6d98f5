"""Whether two contenders compute the same: a benchmark that compares different things is worth nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.case import Case, Inputs

ROUNDINGS = 4  # of a parameter that an update adds to


def difference(case: Case, inputs: Inputs, ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> str:
    """What is wrong with the results of a first step, those of symdiff taken for right; empty where they agree.

    Of parameters that were updated, the change is compared.
    """
    if len(ours) != len(theirs):
        return f"returns {len(theirs)} arrays, symdiff {len(ours)}"
    updated = [None, *inputs.params] if case.rate else [None] * len(ours)
    for place, (own, other, start) in enumerate(zip(ours, theirs, updated, strict=True)):
        if own.shape != other.shape:
            return f"result {place} has shape {other.shape}, symdiff's {own.shape}"
        if own.dtype != other.dtype and place:  # a sum may be kept in more digits
            return f"result {place} is {other.dtype}, symdiff's {own.dtype}"
        moved = own if start is None else own - start
        rounding = 0.0 if start is None else ROUNDINGS * np.finfo(own.dtype).eps * np.abs(start).max()
        error = np.abs(other.astype(float) - own).max()
        if not error <= case.tolerance * np.abs(moved).max() + rounding:
            return f"result {place} differs from symdiff's by {error:.1e}, and its largest entry is {np.abs(moved).max():.1e}"
    return ""
