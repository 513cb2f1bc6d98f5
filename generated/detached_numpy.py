# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad,jacobian,vjp --math exact --style fast --runtime shared
"""detached: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    T  parameter, (n,)

Closed form
    grad.T = stop_gradient(T**2 + 3)
    value = stop_gradient(T**2 + 3) @ T

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
    "model": "detached",
    "inputs": {
        "T": {"role": "parameter", "shape": ("n",), "dtype": "float"},
    },
    "samples": None,
    "pointwise": False,
    "functions": {
        "value": ("T",),
        "grad": ("T",),
        "value_and_grad": ("T",),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    T: np.ndarray


def value(T):
    """Return the objective."""
    T, = _arguments(T)
    value = np.dot(T**2 + 3, T)
    return value


def grad(T):
    """Return the gradient of the objective by T."""
    T, = _arguments(T)
    grad_T = T**2 + 3
    return Grad(grad_T)


def value_and_grad(T):
    """Return the objective and its gradient by T."""
    T, = _arguments(T)
    grad_T = T**2 + 3
    value = np.dot(grad_T, T)
    return value, Grad(grad_T)


def unpack(vec, *, n=None):
    """Split one vector into T. One size may be left out: it follows from the length of the vector."""
    shapes = (("n",),)
    return Grad(*_unflatten(vec, shapes, {"n": n}))


def value_flat(vec, *, n=None):
    """As `value`, of one vector that holds T."""
    p = unpack(vec, n=n)
    return value(p.T)


def grad_flat(vec, *, n=None):
    """As `grad`, of one vector that holds T."""
    p = unpack(vec, n=n)
    return pack(grad(p.T))


def value_and_grad_flat(vec, *, n=None):
    """As `value_and_grad`, of one vector that holds T."""
    p = unpack(vec, n=n)
    value, gradient = value_and_grad(p.T)
    return value, pack(gradient)


def _arguments(T):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(T) is np.ndarray
        and T.dtype in _FLOATING
        and T.ndim == 1
        and T.size
    ):
        return T,
    return _convert(
        {
            "T": (("n",), "float"),
        },
        (T,),
    )
