# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad,jacobian,vjp --math exact --style fast --runtime shared
"""quartic: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    x  parameter, scalar or array

Closed form
    value = x**4
    grad.x = 4*x**3

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
    _convert_points = _runtime._convert_points
    _shaped = _runtime._shaped
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "quartic",
    "inputs": {
        "x": {"role": "parameter", "shape": ("S",), "dtype": "float"},
    },
    "samples": None,
    "pointwise": True,
    "functions": {
        "value": ("x",),
        "grad": ("x",),
        "value_and_grad": ("x",),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    x: np.ndarray


def value(x):
    """Return the objective."""
    x, S2 = _arguments(x)
    value = (x**2)**2
    return _shaped(value, S2, x.dtype)


def grad(x):
    """Return the gradient of the objective by x."""
    x, S2 = _arguments(x)
    grad_x = 4 * (x * x**2)
    return Grad(_shaped(grad_x, S2, x.dtype))


def value_and_grad(x):
    """Return the objective and its gradient by x."""
    x, S2 = _arguments(x)
    value = (x**2)**2
    grad_x = 4 * (x * x**2)
    return _shaped(value, S2, x.dtype), Grad(_shaped(grad_x, S2, x.dtype))


def unpack(vec):
    """Split one vector into x."""
    shapes = ((),)
    return Grad(*_unflatten(vec, shapes, {}))


def value_flat(vec):
    """As `value`, of one vector that holds x."""
    p = unpack(vec)
    return value(p.x)


def grad_flat(vec):
    """As `grad`, of one vector that holds x."""
    p = unpack(vec)
    return pack(grad(p.x))


def value_and_grad_flat(vec):
    """As `value_and_grad`, of one vector that holds x."""
    p = unpack(vec)
    value, gradient = value_and_grad(p.x)
    return value, pack(gradient)


def _arguments(x):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if type(x) is np.ndarray and x.dtype in _FLOATING:
        if x.ndim and x.size:
            return x, x.shape
    elif type(x) in (np.float64, float):
        return np.float64(x), ()
    return _convert_points(('x',), (x,))
