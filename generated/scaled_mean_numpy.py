# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad,jacobian,vjp --math exact --style fast --runtime shared
"""scaled_mean: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    X  parameter, (n, m)

Closed form
    value = 3*sum((X + 2)∘**2)/(m*n)
    grad.X = (6/(m*n))*(X + 2)

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
    _convert = _runtime._convert
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "scaled_mean",
    "inputs": {
        "X": {"role": "parameter", "shape": ("n", "m"), "dtype": "float"},
    },
    "samples": None,
    "pointwise": False,
    "functions": {
        "value": ("X",),
        "grad": ("X",),
        "value_and_grad": ("X",),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    X: np.ndarray


def value(X):
    """Return the objective."""
    X, = _arguments(X)
    m = X.shape[1]
    n = X.shape[0]
    t1 = X + 2
    value = 3 * np.vdot(t1, t1) / (m*n)
    return value


def grad(X):
    """Return the gradient of the objective by X."""
    X, = _arguments(X)
    m = X.shape[1]
    n = X.shape[0]
    grad_X = 6 * (X + 2) / (m*n)
    return Grad(grad_X)


def value_and_grad(X):
    """Return the objective and its gradient by X."""
    X, = _arguments(X)
    m = X.shape[1]
    n = X.shape[0]
    # shared by all results
    t1 = X + 2
    value = 3 * np.vdot(t1, t1) / (m*n)
    grad_X = 6 * t1 / (m*n)
    return value, Grad(grad_X)


def unpack(vec, *, n=None, m=None):
    """Split one vector into X. One size may be left out: it follows from the length of the vector."""
    shapes = (("n", "m"),)
    return Grad(*_unflatten(vec, shapes, {"n": n, "m": m}))


def value_flat(vec, *, n=None, m=None):
    """As `value`, of one vector that holds X."""
    p = unpack(vec, n=n, m=m)
    return value(p.X)


def grad_flat(vec, *, n=None, m=None):
    """As `grad`, of one vector that holds X."""
    p = unpack(vec, n=n, m=m)
    return pack(grad(p.X))


def value_and_grad_flat(vec, *, n=None, m=None):
    """As `value_and_grad`, of one vector that holds X."""
    p = unpack(vec, n=n, m=m)
    value, gradient = value_and_grad(p.X)
    return value, pack(gradient)


def _arguments(X):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(X) is np.ndarray
        and X.dtype in _FLOATING
        and X.ndim == 2
        and X.size
    ):
        return X,
    return _convert(
        {
            "X": (("n", "m"), "float"),
        },
        (X,),
    )
