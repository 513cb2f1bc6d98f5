# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""quadratic: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    w  parameter, scalar
    b  parameter, scalar
    x  data, (N,)
    y  data, (N,)

Closed form
    e1 = b + w*x**2 - y
    value = sum(e1**2)/2
    grad.w = sum(e1*x**2)
    grad.b = sum(e1)

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
    _over_blocks = _runtime._over_blocks
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "quadratic",
    "inputs": {
        "w": {"role": "parameter", "shape": (), "dtype": "float"},
        "b": {"role": "parameter", "shape": (), "dtype": "float"},
        "x": {"role": "data", "shape": ("N",), "dtype": "float"},
        "y": {"role": "data", "shape": ("N",), "dtype": "float"},
    },
    "samples": "N",
    "pointwise": False,
    "functions": {
        "value": ("w", "b", "x", "y"),
        "grad": ("w", "b", "x", "y"),
        "value_and_grad": ("w", "b", "x", "y"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    w: np.ndarray
    b: np.ndarray


def value(w, b, x, y):
    """Return the objective."""
    w, b, x, y = _arguments(w, b, x, y)
    N = x.shape[0]
    (s1,) = _over_blocks(_value_block, N, 1, (x, y), (w, b), ("add",))
    value = 0.5 * s1
    return value


def _value_block(x, y, w, b):
    """The part of `value` that one block of samples has."""
    t1 = w * x**2 + (b - y)
    s1 = np.dot(t1, t1)
    return (s1,)


def grad(w, b, x, y):
    """Return the gradient of the objective by w, b."""
    w, b, x, y = _arguments(w, b, x, y)
    N = x.shape[0]
    grad_w, grad_b = _over_blocks(_grad_block, N, 1, (x, y), (w, b), ("add", "add"))
    return Grad(grad_w, grad_b)


def _grad_block(x, y, w, b):
    """The part of `grad` that one block of samples has."""
    # shared by all results
    t1 = x**2
    t2 = w * t1 + (b - y)
    grad_w = np.dot(t2, t1)
    grad_b = np.add.reduce(t2)
    return grad_w, grad_b


def value_and_grad(w, b, x, y):
    """Return the objective and its gradient by w, b."""
    w, b, x, y = _arguments(w, b, x, y)
    N = x.shape[0]
    s1, grad_w, grad_b = _over_blocks(_value_and_grad_block, N, 1, (x, y), (w, b), ("add", "add", "add"))
    value = 0.5 * s1
    return value, Grad(grad_w, grad_b)


def _value_and_grad_block(x, y, w, b):
    """The part of `value_and_grad` that one block of samples has."""
    # shared by all results
    t1 = x**2
    t2 = w * t1 + (b - y)
    # objective
    s1 = np.dot(t2, t2)
    grad_w = np.dot(t2, t1)
    grad_b = np.add.reduce(t2)
    return s1, grad_w, grad_b


def unpack(vec):
    """Split one vector into w, b."""
    shapes = ((), ())
    return Grad(*_unflatten(vec, shapes, {}))


def value_flat(vec, x, y):
    """As `value`, of one vector that holds w, b."""
    p = unpack(vec)
    return value(p.w, p.b, x, y)


def grad_flat(vec, x, y):
    """As `grad`, of one vector that holds w, b."""
    p = unpack(vec)
    return pack(grad(p.w, p.b, x, y))


def value_and_grad_flat(vec, x, y):
    """As `value_and_grad`, of one vector that holds w, b."""
    p = unpack(vec)
    value, gradient = value_and_grad(p.w, p.b, x, y)
    return value, pack(gradient)


def _arguments(w, b, x, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(x) is type(y) is np.ndarray
        and x.dtype is y.dtype and x.dtype in _FLOATING
        and x.ndim == 1
        and y.shape == (x.shape[0],)
        and x.size and y.size
    ):
        kind = x.dtype.type
        if type(w) is type(b) is kind:
            return w, b, x, y
        if (
            type(w) in (kind, float)
            and type(b) in (kind, float)
        ):
            return (kind(w), kind(b), x, y)
    return _convert(
        {
            "w": ((), "float"),
            "b": ((), "float"),
            "x": (("N",), "float"),
            "y": (("N",), "float"),
        },
        (w, b, x, y),
    )
