# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""net: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    w1  parameter, (d, k)
    w2  parameter, (k, o)
    x   data, (n, d)
    y   data, (n, o)

Closed form
    h = relu(x*w1)
    e1 = h*w2 - y
    value = sum(e1∘**2)
    grad.w1 = 2*x.T*where(0 < x*w1, e1*w2.T, 0)
    grad.w2 = 2*h.T*e1

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
    release_scratch = _runtime.release_scratch
    set_threads = _runtime.set_threads
    _FLOATING = _runtime._FLOATING
    _convert = _runtime._convert
    _in_scratch = _runtime._in_scratch
    _masked = _runtime._masked
    _matmul_into = _runtime._matmul_into
    _over_blocks = _runtime._over_blocks
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "net",
    "inputs": {
        "w1": {"role": "parameter", "shape": ("d", "k"), "dtype": "float"},
        "w2": {"role": "parameter", "shape": ("k", "o"), "dtype": "float"},
        "x": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "y": {"role": "data", "shape": ("n", "o"), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("w1", "w2", "x", "y"),
        "grad": ("w1", "w2", "x", "y"),
        "value_and_grad": ("w1", "w2", "x", "y"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    w1: np.ndarray
    w2: np.ndarray


def value(w1, w2, x, y):
    """Return the objective."""
    w1, w2, x, y = _arguments(w1, w2, x, y)
    k = w1.shape[1]
    o = w2.shape[1]
    n = x.shape[0]
    (value,) = _over_blocks(_in_scratch(_value_block), n, max(k, o), (x, y), (w1, w2), ("add",))
    return value


def _value_block(scratch, x, y, w1, w2):
    """The part of `value` that one block of samples has."""
    h = _matmul_into(scratch, 0, x, w1)
    h = np.maximum(h, 0, out=h)
    t1 = _matmul_into(scratch, 1, h, w2)
    t1 -= y
    value = np.vdot(t1, t1)
    return (value,)


def grad(w1, w2, x, y):
    """Return the gradient of the objective by w1, w2."""
    w1, w2, x, y = _arguments(w1, w2, x, y)
    k = w1.shape[1]
    o = w2.shape[1]
    d = w1.shape[0]
    n = x.shape[0]
    grad_w1, grad_w2 = _over_blocks(
        _in_scratch(_grad_block), n, max(k, o), (x, y), (w1, w2), ("add", "add"), sums=max(d*k, k*o),
    )
    return Grad(grad_w1, grad_w2)


def _grad_block(scratch, x, y, w1, w2):
    """The part of `grad` that one block of samples has."""
    # shared by all results
    t1 = _matmul_into(scratch, 0, x, w1)
    h = np.maximum(t1, 0)
    t2 = _matmul_into(scratch, 1, h, w2)
    t2 -= y
    t2 *= 2
    grad_w1 = x.T @ _masked(t1 > 0, _matmul_into(scratch, 2, t2, w2.T))
    grad_w2 = h.T @ t2
    return grad_w1, grad_w2


def value_and_grad(w1, w2, x, y):
    """Return the objective and its gradient by w1, w2."""
    w1, w2, x, y = _arguments(w1, w2, x, y)
    k = w1.shape[1]
    o = w2.shape[1]
    d = w1.shape[0]
    n = x.shape[0]
    value, grad_w1, grad_w2 = _over_blocks(
        _in_scratch(_value_and_grad_block), n, max(k, o), (x, y), (w1, w2), ("add", "add", "add"),
        sums=max(d*k, k*o),
    )
    return value, Grad(grad_w1, grad_w2)


def _value_and_grad_block(scratch, x, y, w1, w2):
    """The part of `value_and_grad` that one block of samples has."""
    # shared by all results
    t1 = _matmul_into(scratch, 0, x, w1)
    h = np.maximum(t1, 0)
    t2 = _matmul_into(scratch, 1, h, w2)
    t2 -= y
    # gradient by w1, w2
    t3 = 2 * t2
    value = np.vdot(t2, t2)
    grad_w1 = x.T @ _masked(t1 > 0, _matmul_into(scratch, 1, t3, w2.T))
    grad_w2 = h.T @ t3
    return value, grad_w1, grad_w2


def unpack(vec, *, d=None, k=None, o=None):
    """Split one vector into w1, w2. One size may be left out: it follows from the length of the vector."""
    shapes = (("d", "k"), ("k", "o"))
    return Grad(*_unflatten(vec, shapes, {"d": d, "k": k, "o": o}))


def value_flat(vec, x, y, *, k=None):
    """As `value`, of one vector that holds w1, w2."""
    p = unpack(vec, d=np.shape(x)[1], k=k, o=np.shape(y)[1])
    return value(p.w1, p.w2, x, y)


def grad_flat(vec, x, y, *, k=None):
    """As `grad`, of one vector that holds w1, w2."""
    p = unpack(vec, d=np.shape(x)[1], k=k, o=np.shape(y)[1])
    return pack(grad(p.w1, p.w2, x, y))


def value_and_grad_flat(vec, x, y, *, k=None):
    """As `value_and_grad`, of one vector that holds w1, w2."""
    p = unpack(vec, d=np.shape(x)[1], k=k, o=np.shape(y)[1])
    value, gradient = value_and_grad(p.w1, p.w2, x, y)
    return value, pack(gradient)


def _arguments(w1, w2, x, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(w1) is type(w2) is type(x) is type(y) is np.ndarray
        and w1.dtype is w2.dtype is x.dtype is y.dtype and w1.dtype in _FLOATING
        and w1.ndim == 2
        and w2.ndim == 2 and w2.shape == (w1.shape[1], w2.shape[1])
        and x.ndim == 2 and x.shape == (x.shape[0], w1.shape[0])
        and y.shape == (x.shape[0], w2.shape[1])
        and w1.size and w2.size and x.size and y.size
    ):
        return w1, w2, x, y
    return _convert(
        {
            "w1": (("d", "k"), "float"),
            "w2": (("k", "o"), "float"),
            "x": (("n", "d"), "float"),
            "y": (("n", "o"), "float"),
        },
        (w1, w2, x, y),
    )
