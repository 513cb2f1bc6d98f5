# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""oscillator: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    a  parameter, scalar
    g  parameter, scalar
    w  parameter, scalar
    p  parameter, scalar
    c  parameter, scalar
    t  data, (N,)
    y  data, (N,)

Closed form
    e1 = p + t*w
    e2 = cos(e1)
    e3 = e2*exp(-g*t)
    e4 = a*e3
    e5 = c + e4 - y
    value = mean(e5**2)
    grad.a = 2*mean(e3*e5)
    grad.g = -2*a*mean(e2*e5*t*exp(-g*t))
    e6 = e5*exp(-g*t)*sin(e1)
    grad.w = -2*a*mean(e6*t)
    grad.p = -2*a*mean(e6)
    grad.c = 2*mean(e5)
    displacement = c + e4

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
    _sin_cos = _runtime._sin_cos
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "oscillator",
    "inputs": {
        "a": {"role": "parameter", "shape": (), "dtype": "float"},
        "g": {"role": "parameter", "shape": (), "dtype": "float"},
        "w": {"role": "parameter", "shape": (), "dtype": "float"},
        "p": {"role": "parameter", "shape": (), "dtype": "float"},
        "c": {"role": "parameter", "shape": (), "dtype": "float"},
        "t": {"role": "data", "shape": ("N",), "dtype": "float"},
        "y": {"role": "data", "shape": ("N",), "dtype": "float"},
    },
    "samples": "N",
    "pointwise": False,
    "functions": {
        "value": ("a", "g", "w", "p", "c", "t", "y"),
        "grad": ("a", "g", "w", "p", "c", "t", "y"),
        "value_and_grad": ("a", "g", "w", "p", "c", "t", "y"),
        "displacement": ("a", "g", "w", "p", "c", "t"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    a: np.ndarray
    g: np.ndarray
    w: np.ndarray
    p: np.ndarray
    c: np.ndarray


class DisplacementGrad(NamedTuple):
    """One array for each parameter of displacement."""

    a: np.ndarray
    g: np.ndarray
    w: np.ndarray
    p: np.ndarray
    c: np.ndarray


def value(a, g, w, p, c, t, y):
    """Return the objective."""
    a, g, w, p, c, t, y = _arguments(a, g, w, p, c, t, y)
    N = t.shape[0]
    (s1,) = _over_blocks(_value_block, N, 1, (t, y), (a, g, w, p, c), ("add",))
    value = s1 / N
    return value


def _value_block(t, y, a, g, w, p, c):
    """The part of `value` that one block of samples has."""
    t1 = a * (np.exp(-g * t) * np.cos(w * t + p)) + (c - y)
    s1 = np.dot(t1, t1)
    return (s1,)


def grad(a, g, w, p, c, t, y):
    """Return the gradient of the objective by a, g, w, p, c."""
    a, g, w, p, c, t, y = _arguments(a, g, w, p, c, t, y)
    N = t.shape[0]
    s1, s2, s3, s4, s5 = _over_blocks(_grad_block, N, 1, (t, y), (a, g, w, p, c), ("add",) * 5)
    grad_a = 2 * s1 / N
    grad_g = -2 * a * s2 / N
    grad_w = -2 * a * s3 / N
    grad_p = -2 * a * s4 / N
    grad_c = 2 * s5 / N
    return Grad(grad_a, grad_g, grad_w, grad_p, grad_c)


def _grad_block(t, y, a, g, w, p, c):
    """The part of `grad` that one block of samples has."""
    # shared by all results
    t1 = np.exp(-g * t)
    t2 = w * t + p
    # gradient by w, p
    sin_t2, cos_t2 = _sin_cos(t2)
    # shared by all results
    t3 = t1 * cos_t2
    t4 = a * t3 + (c - y)
    # gradient by w, p
    t5 = sin_t2 * (t1 * t4)
    # gradient by a
    s1 = np.dot(t4, t3)
    # gradient by g
    s2 = np.dot(t1, t * (cos_t2 * t4))
    # gradient by w
    s3 = np.dot(t, t5)
    # gradient by p
    s4 = np.add.reduce(t5)
    # gradient by c
    s5 = np.add.reduce(t4)
    return s1, s2, s3, s4, s5


def value_and_grad(a, g, w, p, c, t, y):
    """Return the objective and its gradient by a, g, w, p, c."""
    a, g, w, p, c, t, y = _arguments(a, g, w, p, c, t, y)
    N = t.shape[0]
    s1, s2, s3, s4, s5, s6 = _over_blocks(_value_and_grad_block, N, 1, (t, y), (a, g, w, p, c), ("add",) * 6)
    value = s1 / N
    grad_a = 2 * s2 / N
    grad_g = -2 * a * s3 / N
    grad_w = -2 * a * s4 / N
    grad_p = -2 * a * s5 / N
    grad_c = 2 * s6 / N
    return value, Grad(grad_a, grad_g, grad_w, grad_p, grad_c)


def _value_and_grad_block(t, y, a, g, w, p, c):
    """The part of `value_and_grad` that one block of samples has."""
    # shared by all results
    t1 = np.exp(-g * t)
    t2 = w * t + p
    # gradient by w, p
    sin_t2, cos_t2 = _sin_cos(t2)
    # shared by all results
    t3 = t1 * cos_t2
    t4 = a * t3 + (c - y)
    # gradient by w, p
    t5 = sin_t2 * (t1 * t4)
    # objective
    s1 = np.dot(t4, t4)
    # gradient by a
    s2 = np.dot(t4, t3)
    # gradient by g
    s3 = np.dot(t1, t * (cos_t2 * t4))
    # gradient by w
    s4 = np.dot(t, t5)
    # gradient by p
    s5 = np.add.reduce(t5)
    # gradient by c
    s6 = np.add.reduce(t4)
    return s1, s2, s3, s4, s5, s6


def displacement(a, g, w, p, c, t):
    """Return displacement."""
    a, g, w, p, c, t = _arguments_of_displacement(a, g, w, p, c, t)
    N = t.shape[0]
    (displacement,) = _over_blocks(_displacement_block, N, 1, (t,), (a, g, w, p, c), ("rows 0",))
    return displacement


def _displacement_block(t, a, g, w, p, c):
    """The part of `displacement` that one block of samples has."""
    displacement = a * (np.exp(-g * t) * np.cos(w * t + p)) + c
    return (displacement,)


def unpack(vec):
    """Split one vector into a, g, w, p, c."""
    shapes = ((), (), (), (), ())
    return Grad(*_unflatten(vec, shapes, {}))


def value_flat(vec, t, y):
    """As `value`, of one vector that holds a, g, w, p, c."""
    p = unpack(vec)
    return value(p.a, p.g, p.w, p.p, p.c, t, y)


def grad_flat(vec, t, y):
    """As `grad`, of one vector that holds a, g, w, p, c."""
    p = unpack(vec)
    return pack(grad(p.a, p.g, p.w, p.p, p.c, t, y))


def value_and_grad_flat(vec, t, y):
    """As `value_and_grad`, of one vector that holds a, g, w, p, c."""
    p = unpack(vec)
    value, gradient = value_and_grad(p.a, p.g, p.w, p.p, p.c, t, y)
    return value, pack(gradient)


def displacement_flat(vec, t):
    """As `displacement`, of one vector that holds a, g, w, p, c."""
    p = unpack(vec)
    return displacement(p.a, p.g, p.w, p.p, p.c, t)


def _arguments(a, g, w, p, c, t, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(t) is type(y) is np.ndarray
        and t.dtype is y.dtype and t.dtype in _FLOATING
        and t.ndim == 1
        and y.shape == (t.shape[0],)
        and t.size and y.size
    ):
        kind = t.dtype.type
        if type(a) is type(g) is type(w) is type(p) is type(c) is kind:
            return a, g, w, p, c, t, y
        if (
            type(a) in (kind, float)
            and type(g) in (kind, float)
            and type(w) in (kind, float)
            and type(p) in (kind, float)
            and type(c) in (kind, float)
        ):
            return (kind(a), kind(g), kind(w), kind(p), kind(c), t, y)
    return _convert(
        {
            "a": ((), "float"),
            "g": ((), "float"),
            "w": ((), "float"),
            "p": ((), "float"),
            "c": ((), "float"),
            "t": (("N",), "float"),
            "y": (("N",), "float"),
        },
        (a, g, w, p, c, t, y),
    )


def _arguments_of_displacement(a, g, w, p, c, t):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(t) is np.ndarray
        and t.dtype in _FLOATING
        and t.ndim == 1
        and t.size
    ):
        kind = t.dtype.type
        if type(a) is type(g) is type(w) is type(p) is type(c) is kind:
            return a, g, w, p, c, t
        if (
            type(a) in (kind, float)
            and type(g) in (kind, float)
            and type(w) in (kind, float)
            and type(p) in (kind, float)
            and type(c) in (kind, float)
        ):
            return (kind(a), kind(g), kind(w), kind(p), kind(c), t)
    return _convert(
        {
            "a": ((), "float"),
            "g": ((), "float"),
            "w": ((), "float"),
            "p": ((), "float"),
            "c": ((), "float"),
            "t": (("N",), "float"),
        },
        (a, g, w, p, c, t),
    )
