# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""process: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    scale   parameter, scalar
    length  parameter, scalar
    noise   parameter, scalar
    D       data, (n, n)
    y       data, (n, 1)

Closed form
    e1 = exp(2*noise)
    e2 = exp(-2*length)
    e3 = exp((-e2/2)*D)
    e4 = exp(2*scale)
    K = e1*I + e4*e3
    L = cholesky(K)
    z = L**(-1)*y
    value = 0.9189385332046728*n + sum(log(DiagonalOf(L))) + sum(z∘**2)/2
    e5 = L**(-1)
    e6 = L.T**(-1)*z
    e7 = -e6*e6.T + e5.T*e5
    e8 = e3 ∘ e7
    grad.scale = e4*sum(e8)
    grad.length = e2*e4*sum(e8 ∘ D)/2
    grad.noise = e1*Trace(e7)

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
    _inverse_lower = _runtime._inverse_lower
    _solve_triangular = _runtime._solve_triangular
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "process",
    "inputs": {
        "scale": {"role": "parameter", "shape": (), "dtype": "float"},
        "length": {"role": "parameter", "shape": (), "dtype": "float"},
        "noise": {"role": "parameter", "shape": (), "dtype": "float"},
        "D": {"role": "data", "shape": ("n", "n"), "dtype": "float"},
        "y": {"role": "data", "shape": ("n", 1), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("scale", "length", "noise", "D", "y"),
        "grad": ("scale", "length", "noise", "D", "y"),
        "value_and_grad": ("scale", "length", "noise", "D", "y"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    scale: np.ndarray
    length: np.ndarray
    noise: np.ndarray


def value(scale, length, noise, D, y):
    """Return the objective."""
    scale, length, noise, D, y = _arguments(scale, length, noise, D, y)
    n = D.shape[0]
    K = (
        np.exp(2 * noise) * np.eye(n, dtype=scale.dtype)
        + np.exp(2 * scale) * np.exp(-0.5 * np.exp(-2 * length) * D)
    )
    L = _checked(_cholesky, 'K', K)
    z = _solve_triangular(L, y, upper=False)
    value = 0.5 * np.vdot(z, z) + 0.9189385332046728 * n + np.add.reduce(np.log(np.diagonal(L)))
    return value


def grad(scale, length, noise, D, y):
    """Return the gradient of the objective by scale, length, noise."""
    scale, length, noise, D, y = _arguments(scale, length, noise, D, y)
    n = D.shape[0]
    # shared by all results
    t1 = np.exp(-2 * length)
    t2 = np.exp(-0.5 * t1 * D)
    t3 = np.exp(2 * noise)
    t4 = np.exp(2 * scale)
    K = t3 * np.eye(n, dtype=scale.dtype) + t4 * t2
    L = _checked(_cholesky, 'K', K)
    inverse_L = _inverse_lower(L)
    z = _solve_triangular(L, y, upper=False)
    t5 = _solve_triangular(L.T, z, upper=True)
    t6 = inverse_L.T @ inverse_L - t5 @ t5.T
    # gradient by scale, length
    t7 = t2 * t6
    grad_scale = t4 * np.add.reduce(t7, axis=None)
    grad_length = 0.5 * t1 * t4 * np.vdot(t7, D)
    grad_noise = t3 * np.trace(t6)
    return Grad(grad_scale, grad_length, grad_noise)


def value_and_grad(scale, length, noise, D, y):
    """Return the objective and its gradient by scale, length, noise."""
    scale, length, noise, D, y = _arguments(scale, length, noise, D, y)
    n = D.shape[0]
    # shared by all results
    t1 = np.exp(2 * noise)
    t2 = np.exp(-2 * length)
    t3 = np.exp(-0.5 * t2 * D)
    t4 = np.exp(2 * scale)
    K = t1 * np.eye(n, dtype=scale.dtype) + t4 * t3
    L = _checked(_cholesky, 'K', K)
    z = _solve_triangular(L, y, upper=False)
    value = 0.5 * np.vdot(z, z) + 0.9189385332046728 * n + np.add.reduce(np.log(np.diagonal(L)))
    # gradient by scale, length, noise
    inverse_L = _inverse_lower(L)
    t5 = _solve_triangular(L.T, z, upper=True)
    t6 = inverse_L.T @ inverse_L - t5 @ t5.T
    # gradient by scale, length
    t7 = t3 * t6
    grad_scale = t4 * np.add.reduce(t7, axis=None)
    grad_length = 0.5 * t2 * t4 * np.vdot(t7, D)
    grad_noise = t1 * np.trace(t6)
    return value, Grad(grad_scale, grad_length, grad_noise)


def unpack(vec):
    """Split one vector into scale, length, noise."""
    shapes = ((), (), ())
    return Grad(*_unflatten(vec, shapes, {}))


def value_flat(vec, D, y):
    """As `value`, of one vector that holds scale, length, noise."""
    p = unpack(vec)
    return value(p.scale, p.length, p.noise, D, y)


def grad_flat(vec, D, y):
    """As `grad`, of one vector that holds scale, length, noise."""
    p = unpack(vec)
    return pack(grad(p.scale, p.length, p.noise, D, y))


def value_and_grad_flat(vec, D, y):
    """As `value_and_grad`, of one vector that holds scale, length, noise."""
    p = unpack(vec)
    value, gradient = value_and_grad(p.scale, p.length, p.noise, D, y)
    return value, pack(gradient)


def _arguments(scale, length, noise, D, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(D) is type(y) is np.ndarray
        and D.dtype is y.dtype and D.dtype in _FLOATING
        and D.ndim == 2 and D.shape == (D.shape[0], D.shape[0])
        and y.shape == (D.shape[0], 1)
        and D.size and y.size
    ):
        kind = D.dtype.type
        if type(scale) is type(length) is type(noise) is kind:
            return scale, length, noise, D, y
        if (
            type(scale) in (kind, float)
            and type(length) in (kind, float)
            and type(noise) in (kind, float)
        ):
            return (kind(scale), kind(length), kind(noise), D, y)
    return _convert(
        {
            "scale": ((), "float"),
            "length": ((), "float"),
            "noise": ((), "float"),
            "D": (("n", "n"), "float"),
            "y": (("n", 1), "float"),
        },
        (scale, length, noise, D, y),
    )
