"""Overflow, division by zero and invalid operations as errors, wherever an operation of NumPy meets one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def float_errors() -> Iterator[None]:
    """As ``np.errstate(all="raise", under="ignore")``, but in matrix products.

    BLAS computes on whole registers: what lies beside the last entries may raise the processor's flags though every entry is
    right. (NumPy has a switch for that, `ignore_floating_point_errors_in_matmul`, which is off on most processors.)
    Values of products are for a test to compare.
    """
    with np.errstate(all="warn", under="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("error", r"\w+.* encountered in", RuntimeWarning)
        warnings.filterwarnings("ignore", r"\w+.* encountered in (matmul|dot|vecdot|matvec|vecmat)$", RuntimeWarning)
        yield
