# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad,jacobian,vjp --math exact --style fast --runtime shared
"""square_sum: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    V  parameter, (n, 1)

Closed form
    value = sum(V∘**2 + 3)
    grad.V = 2*V

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
    "model": "square_sum",
    "inputs": {
        "V": {"role": "parameter", "shape": ("n", 1), "dtype": "float"},
    },
    "samples": None,
    "pointwise": False,
    "functions": {
        "value": ("V",),
        "grad": ("V",),
        "value_and_grad": ("V",),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    V: np.ndarray


def value(V):
    """Return the objective."""
    V, = _arguments(V)
    value = np.add.reduce((V**2 + 3)[:, 0])
    return value


def grad(V):
    """Return the gradient of the objective by V."""
    V, = _arguments(V)
    grad_V = 2 * V
    return Grad(grad_V)


def value_and_grad(V):
    """Return the objective and its gradient by V."""
    V, = _arguments(V)
    value = np.add.reduce((V**2 + 3)[:, 0])
    grad_V = 2 * V
    return value, Grad(grad_V)


def unpack(vec, *, n=None):
    """Split one vector into V. One size may be left out: it follows from the length of the vector."""
    shapes = (("n", 1),)
    return Grad(*_unflatten(vec, shapes, {"n": n}))


def value_flat(vec, *, n=None):
    """As `value`, of one vector that holds V."""
    p = unpack(vec, n=n)
    return value(p.V)


def grad_flat(vec, *, n=None):
    """As `grad`, of one vector that holds V."""
    p = unpack(vec, n=n)
    return pack(grad(p.V))


def value_and_grad_flat(vec, *, n=None):
    """As `value_and_grad`, of one vector that holds V."""
    p = unpack(vec, n=n)
    value, gradient = value_and_grad(p.V)
    return value, pack(gradient)


def _arguments(V):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(V) is np.ndarray
        and V.dtype in _FLOATING
        and V.ndim == 2 and V.shape == (V.shape[0], 1)
        and V.size
    ):
        return V,
    return _convert(
        {
            "V": (("n", 1), "float"),
        },
        (V,),
    )
