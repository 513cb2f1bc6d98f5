"""Linear algebra beyond NumPy's."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from cupy import _graph
from cupy._array import wrap
from cupy._functions import _device_arrays


def solve_triangular(
    a, b, trans=0, lower=False, unit_diagonal=False, overwrite_b=False, check_finite=False
):  # fmt: skip
    """a^-1 b for a triangular a, or for each of a batch of them, with as many b; NaN for a singular one."""
    _graph.refuse("cuBLAS")
    _device_arrays("solve_triangular", [a, b])
    if a.ndim > 2 and a.shape[:-2] != b.shape[: a.ndim - 2]:
        raise ValueError("incompatible batch count")
    dtype = np.result_type(a.dtype, b.dtype, np.float32)
    found = np.empty(b.shape, dtype)
    for place in np.ndindex(*a.shape[:-2]):
        try:
            found[place] = scipy.linalg.solve_triangular(
                a.host[place], b.host[place], trans, lower, unit_diagonal, check_finite=False
            )
        except np.linalg.LinAlgError:
            found[place] = np.nan
    return wrap(found)
