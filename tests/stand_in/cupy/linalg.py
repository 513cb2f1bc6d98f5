"""Linear algebra: what cannot be computed is NaN, unless ``cupyx.errstate(linalg="raise")``."""

from __future__ import annotations

import cupyx
import numpy as np
from numpy.linalg import LinAlgError

from cupy import _array, _functions, _graph


def _each(function, *arrays):
    """function(*matrices) of each of the batch, NaN where it fails."""
    with np.errstate(all="ignore"):
        try:
            return _array.to_device(function(*arrays))
        except LinAlgError:
            if cupyx.geterr()["linalg"] == "raise":
                raise
            if arrays[0].ndim == 2:
                return _array.wrap(np.full_like(arrays[-1], np.nan, np.result_type(*arrays, np.float32)))
        return _array.wrap(np.stack([_each(function, *matrices).host for matrices in zip(*arrays, strict=True)]))


def _square(*arrays):
    _graph.refuse("cuSOLVER")
    _functions._device_arrays("linalg", arrays)
    if any(a.dtype == np.float16 for a in arrays):
        raise TypeError("float16 is unsupported in linalg")
    if arrays[0].ndim < 2 or arrays[0].shape[-1] != arrays[0].shape[-2]:
        raise LinAlgError("Last 2 dimensions of the array must be square")


def solve(a, b):
    """a^-1 b; the batches are not broadcast."""
    _square(a, b)
    if b.ndim > 1 and a.shape[:-1] != b.shape[:-1]:
        raise ValueError("a must have (..., M, M) shape and b must have (..., M, K) for multidimensional b")
    columns = np.broadcast_to(b.host, a.shape[:-1])[..., None] if b.ndim == 1 else b.host
    found = _each(np.linalg.solve, a.host, columns)
    return found[..., 0] if b.ndim == 1 else found


def inv(a):
    """The inverse."""
    _square(a)
    return _each(np.linalg.inv, a.host)


def cholesky(a):
    """The lower Cholesky factor."""
    _square(a)
    return _each(np.linalg.cholesky, a.host)


def slogdet(a):
    """The sign of the determinant and the logarithm of its size."""
    _square(a)
    return _each(np.linalg.slogdet, a.host)


def det(a):
    """The determinant, from its logarithm as in CuPy."""
    import cupy

    sign, logarithm = slogdet(a)
    return sign * cupy.exp(logarithm)


_TABLE = {
    "eigh": "a, UPLO='L'",
    "eigvalsh": "a, UPLO='L'",
    "matrix_power": "M, n",
    "norm": "x, ord=None, axis=None, keepdims=False",
    "pinv": "a, rcond=1e-15",
    "qr": "a, mode='reduced'",
    "svd": "a, full_matrices=True, compute_uv=True",
}
globals().update({name: _functions.function_of(name, text, getattr(np.linalg, name)) for name, text in _TABLE.items()})
