# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""posterior: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    scale   parameter, scalar
    length  parameter, scalar
    noise   parameter, scalar
    D       data, (n, n)
    E       data, (n, m)
    y       data, (n, 1)

Closed form
    e1 = exp(2*scale)
    e2 = exp(-2*length)
    K = e1*exp((-e2/2)*D) + exp(2*noise)*I
    L = cholesky(K)
    z = L**(-1)*y
    e3 = L**(-1)*exp((-e2/2)*E)
    mean = e1*e3.T*z
    variance = e1 + (-exp(4*scale))*sum(e3∘**2, axis=0)

"""


from typing import NamedTuple

import numpy as np


try:
    if __package__:
        from . import _symdiff_runtime as _runtime
    else:
        import _symdiff_runtime as _runtime
    if _runtime._VERSION != "0.1.0":
        raise ImportError(f"that there is of symdiff {_runtime._VERSION}")
    pack = _runtime.pack
    set_threads = _runtime.set_threads
    _FLOATING = _runtime._FLOATING
    _checked = _runtime._checked
    _cholesky = _runtime._cholesky
    _convert = _runtime._convert
    _solve_triangular = _runtime._solve_triangular
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "posterior",
    "inputs": {
        "scale": {"role": "parameter", "shape": (), "dtype": "float"},
        "length": {"role": "parameter", "shape": (), "dtype": "float"},
        "noise": {"role": "parameter", "shape": (), "dtype": "float"},
        "D": {"role": "data", "shape": ("n", "n"), "dtype": "float"},
        "E": {"role": "data", "shape": ("n", "m"), "dtype": "float"},
        "y": {"role": "data", "shape": ("n", 1), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "mean": ("scale", "length", "noise", "D", "E", "y"),
        "variance": ("scale", "length", "noise", "D", "E"),
    },
}


class MeanGrad(NamedTuple):
    """One array for each parameter of mean."""

    scale: np.ndarray
    length: np.ndarray
    noise: np.ndarray


class VarianceGrad(NamedTuple):
    """One array for each parameter of variance."""

    scale: np.ndarray
    length: np.ndarray
    noise: np.ndarray


def mean(scale, length, noise, D, E, y):
    """Return mean."""
    scale, length, noise, D, E, y = _arguments_of_mean(scale, length, noise, D, E, y)
    n = D.shape[0]
    t1 = np.exp(2 * scale)
    t2 = np.exp(-2 * length)
    K = np.exp(2 * noise) * np.eye(n, dtype=scale.dtype) + t1 * np.exp(-0.5 * t2 * D)
    L = _checked(_cholesky, 'K', K)
    z = _solve_triangular(L, y, upper=False)
    mean = t1 * (_solve_triangular(L, np.exp(-0.5 * t2 * E), upper=False).T @ z)
    return mean


def variance(scale, length, noise, D, E):
    """Return variance."""
    scale, length, noise, D, E = _arguments_of_variance(scale, length, noise, D, E)
    n = D.shape[0]
    t1 = np.exp(2 * scale)
    t2 = np.exp(-2 * length)
    K = np.exp(2 * noise) * np.eye(n, dtype=scale.dtype) + t1 * np.exp(-0.5 * t2 * D)
    L = _checked(_cholesky, 'K', K)
    t3 = _solve_triangular(L, np.exp(-0.5 * t2 * E), upper=False)
    variance = (t1 - np.exp(4 * scale) * np.einsum("ji,ji->i", t3, t3))[None, :]
    return variance


def unpack(vec):
    """Split one vector into scale, length, noise."""
    shapes = ((), (), ())
    return MeanGrad(*_unflatten(vec, shapes, {}))


def mean_flat(vec, D, E, y):
    """As `mean`, of one vector that holds scale, length, noise."""
    p = unpack(vec)
    return mean(p.scale, p.length, p.noise, D, E, y)


def variance_flat(vec, D, E):
    """As `variance`, of one vector that holds scale, length, noise."""
    p = unpack(vec)
    return variance(p.scale, p.length, p.noise, D, E)


def _arguments_of_mean(scale, length, noise, D, E, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(D) is type(E) is type(y) is np.ndarray
        and D.dtype is E.dtype is y.dtype and D.dtype in _FLOATING
        and D.ndim == 2 and D.shape == (D.shape[0], D.shape[0])
        and E.ndim == 2 and E.shape == (D.shape[0], E.shape[1])
        and y.shape == (D.shape[0], 1)
        and D.size and E.size and y.size
    ):
        kind = D.dtype.type
        if type(scale) is type(length) is type(noise) is kind:
            return scale, length, noise, D, E, y
        if (
            type(scale) in (kind, float)
            and type(length) in (kind, float)
            and type(noise) in (kind, float)
        ):
            return (kind(scale), kind(length), kind(noise), D, E, y)
    return _convert(
        {
            "scale": ((), "float"),
            "length": ((), "float"),
            "noise": ((), "float"),
            "D": (("n", "n"), "float"),
            "E": (("n", "m"), "float"),
            "y": (("n", 1), "float"),
        },
        (scale, length, noise, D, E, y),
    )


def _arguments_of_variance(scale, length, noise, D, E):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(D) is type(E) is np.ndarray
        and D.dtype is E.dtype and D.dtype in _FLOATING
        and D.ndim == 2 and D.shape == (D.shape[0], D.shape[0])
        and E.ndim == 2 and E.shape == (D.shape[0], E.shape[1])
        and D.size and E.size
    ):
        kind = D.dtype.type
        if type(scale) is type(length) is type(noise) is kind:
            return scale, length, noise, D, E
        if (
            type(scale) in (kind, float)
            and type(length) in (kind, float)
            and type(noise) in (kind, float)
        ):
            return (kind(scale), kind(length), kind(noise), D, E)
    return _convert(
        {
            "scale": ((), "float"),
            "length": ((), "float"),
            "noise": ((), "float"),
            "D": (("n", "n"), "float"),
            "E": (("n", "m"), "float"),
        },
        (scale, length, noise, D, E),
    )
