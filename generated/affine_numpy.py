# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad,jacobian,vjp --math exact --style fast --runtime shared
"""affine: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    w  parameter, scalar or array
    b  parameter, scalar or array
    x  constant, scalar or array

Closed form
    grad.w = x
    value = b + w*x
    grad.b = 1

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
    "model": "affine",
    "inputs": {
        "w": {"role": "parameter", "shape": ("S",), "dtype": "float"},
        "b": {"role": "parameter", "shape": ("S",), "dtype": "float"},
        "x": {"role": "constant", "shape": ("S",), "dtype": "float"},
    },
    "samples": None,
    "pointwise": True,
    "functions": {
        "value": ("w", "b", "x"),
        "grad": ("w", "b", "x"),
        "value_and_grad": ("w", "b", "x"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    w: np.ndarray
    b: np.ndarray


def value(w, b, x):
    """Return the objective."""
    w, b, x, S2 = _arguments(w, b, x)
    value = x * w + b
    return _shaped(value, S2, w.dtype)


def grad(w, b, x):
    """Return the gradient of the objective by w, b."""
    w, b, x, S2 = _arguments(w, b, x)
    grad_b = 1
    return Grad(_shaped(x, S2, w.dtype), _shaped(grad_b, S2, w.dtype))


def value_and_grad(w, b, x):
    """Return the objective and its gradient by w, b."""
    w, b, x, S2 = _arguments(w, b, x)
    value = x * w + b
    grad_b = 1
    return _shaped(value, S2, w.dtype), Grad(_shaped(x, S2, w.dtype), _shaped(grad_b, S2, w.dtype))


def unpack(vec):
    """Split one vector into w, b."""
    shapes = ((), ())
    return Grad(*_unflatten(vec, shapes, {}))


def value_flat(vec, x):
    """As `value`, of one vector that holds w, b."""
    p = unpack(vec)
    return value(p.w, p.b, x)


def grad_flat(vec, x):
    """As `grad`, of one vector that holds w, b."""
    p = unpack(vec)
    return pack(grad(p.w, p.b, x))


def value_and_grad_flat(vec, x):
    """As `value_and_grad`, of one vector that holds w, b."""
    p = unpack(vec)
    value, gradient = value_and_grad(p.w, p.b, x)
    return value, pack(gradient)


def _arguments(w, b, x):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(w) is type(b) is type(x) is np.ndarray and w.dtype is b.dtype is x.dtype and w.dtype in
        _FLOATING
    ):
        if w.shape == b.shape == x.shape and w.ndim and w.size:
            return w, b, x, w.shape
    elif type(w) is type(b) is type(x) and type(w) in (np.float64, float):
        return np.float64(w), np.float64(b), np.float64(x), ()
    return _convert_points(('w', 'b', 'x'), (w, b, x))
