# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""logistic: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    w        parameter, (d, 1)
    b        parameter, scalar
    x        data, (n, d)
    y        data, (n, 1)
    penalty  constant, scalar

Closed form
    e1 = b + x*w
    value = penalty*sum(w∘**2) + sum(softplus(-e1) + (-y + 1) ∘ e1)/n
    probability = sigmoid(e1)
    e2 = probability - y
    grad.w = (2*penalty)*w + 1/n*x.T*e2
    grad.b = sum(e2)/n

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
    _matmul_into = _runtime._matmul_into
    _over_blocks = _runtime._over_blocks
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "logistic",
    "inputs": {
        "w": {"role": "parameter", "shape": ("d", 1), "dtype": "float"},
        "b": {"role": "parameter", "shape": (), "dtype": "float"},
        "x": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "y": {"role": "data", "shape": ("n", 1), "dtype": "float"},
        "penalty": {"role": "constant", "shape": (), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("w", "b", "x", "y", "penalty"),
        "grad": ("w", "b", "x", "y", "penalty"),
        "value_and_grad": ("w", "b", "x", "y", "penalty"),
        "probability": ("w", "b", "x"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    w: np.ndarray
    b: np.ndarray


class ProbabilityGrad(NamedTuple):
    """One array for each parameter of probability."""

    w: np.ndarray
    b: np.ndarray


def value(w, b, x, y, penalty):
    """Return the objective."""
    w, b, x, y, penalty = _arguments(w, b, x, y, penalty)
    n = x.shape[0]
    t1 = penalty * np.vdot(w, w)
    (s1,) = _over_blocks(_in_scratch(_value_block), n, 1, (x, y), (w, b), ("add",))
    value = s1 / n + t1
    return value


def _value_block(scratch, x, y, w, b):
    """The part of `value` that one block of samples has."""
    t2 = _matmul_into(scratch, 0, x, w)
    t2 += b
    s1 = np.add.reduce((t2 * (1 - y) + (np.log1p(np.exp(-np.abs(t2))) - np.minimum(t2, 0)))[:, 0])
    return (s1,)


def grad(w, b, x, y, penalty):
    """Return the gradient of the objective by w, b."""
    w, b, x, y, penalty = _arguments(w, b, x, y, penalty)
    n = x.shape[0]
    d = w.shape[0]
    # gradient by w
    t1 = 2 * penalty * w
    s1, s2 = _over_blocks(_in_scratch(_grad_block), n, 1, (x, y), (w, b), ("add", "add"))
    grad_w = s1 / n + t1
    grad_b = s2 / n
    return Grad(grad_w, grad_b)


def _grad_block(scratch, x, y, w, b):
    """The part of `grad` that one block of samples has."""
    # shared by all results
    t2 = _matmul_into(scratch, 0, x, w)
    t2 += b
    t3 = -np.abs(t2)
    t3 = np.exp(t3, out=t3)
    t4 = np.where(t2 >= 0, 1, t3) / (t3 + 1) - y
    # gradient by w
    s1 = x.T @ t4
    # gradient by b
    s2 = np.add.reduce(t4[:, 0])
    return s1, s2


def value_and_grad(w, b, x, y, penalty):
    """Return the objective and its gradient by w, b."""
    w, b, x, y, penalty = _arguments(w, b, x, y, penalty)
    n = x.shape[0]
    d = w.shape[0]
    # objective
    t1 = penalty * np.vdot(w, w)
    # gradient by w
    t2 = 2 * penalty * w
    s1, s2, s3 = _over_blocks(_in_scratch(_value_and_grad_block), n, 1, (x, y), (w, b), ("add", "add", "add"))
    value = s1 / n + t1
    grad_w = s2 / n + t2
    grad_b = s3 / n
    return value, Grad(grad_w, grad_b)


def _value_and_grad_block(scratch, x, y, w, b):
    """The part of `value_and_grad` that one block of samples has."""
    # shared by all results
    t3 = _matmul_into(scratch, 0, x, w)
    t3 += b
    t4 = -np.abs(t3)
    t4 = np.exp(t4, out=t4)
    # gradient by w, b
    t5 = np.where(t3 >= 0, 1, t4) / (t4 + 1) - y
    # objective
    s1 = np.add.reduce((t3 * (1 - y) + (np.log1p(t4) - np.minimum(t3, 0)))[:, 0])
    # gradient by w
    s2 = x.T @ t5
    # gradient by b
    s3 = np.add.reduce(t5[:, 0])
    return s1, s2, s3


def probability(w, b, x):
    """Return probability."""
    w, b, x = _arguments_of_probability(w, b, x)
    n = x.shape[0]
    (probability,) = _over_blocks(_in_scratch(_probability_block), n, 1, (x,), (w, b), ("rows 0",))
    return probability


def _probability_block(scratch, x, w, b):
    """The part of `probability` that one block of samples has."""
    t1 = _matmul_into(scratch, 0, x, w)
    t1 += b
    t2 = -np.abs(t1)
    t2 = np.exp(t2, out=t2)
    probability = np.where(t1 >= 0, 1, t2) / (t2 + 1)
    return (probability,)


def unpack(vec, *, d=None):
    """Split one vector into w, b. One size may be left out: it follows from the length of the vector."""
    shapes = (("d", 1), ())
    return Grad(*_unflatten(vec, shapes, {"d": d}))


def value_flat(vec, x, y, penalty):
    """As `value`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1])
    return value(p.w, p.b, x, y, penalty)


def grad_flat(vec, x, y, penalty):
    """As `grad`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1])
    return pack(grad(p.w, p.b, x, y, penalty))


def value_and_grad_flat(vec, x, y, penalty):
    """As `value_and_grad`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1])
    value, gradient = value_and_grad(p.w, p.b, x, y, penalty)
    return value, pack(gradient)


def probability_flat(vec, x):
    """As `probability`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1])
    return probability(p.w, p.b, x)


def _arguments(w, b, x, y, penalty):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(w) is type(x) is type(y) is np.ndarray
        and w.dtype is x.dtype is y.dtype and w.dtype in _FLOATING
        and w.ndim == 2 and w.shape == (w.shape[0], 1)
        and x.ndim == 2 and x.shape == (x.shape[0], w.shape[0])
        and y.shape == (x.shape[0], 1)
        and w.size and x.size and y.size
    ):
        kind = w.dtype.type
        if type(b) is type(penalty) is kind:
            return w, b, x, y, penalty
        if (
            type(b) in (kind, float)
            and type(penalty) in (kind, float)
        ):
            return (w, kind(b), x, y, kind(penalty))
    return _convert(
        {
            "w": (("d", 1), "float"),
            "b": ((), "float"),
            "x": (("n", "d"), "float"),
            "y": (("n", 1), "float"),
            "penalty": ((), "float"),
        },
        (w, b, x, y, penalty),
    )


def _arguments_of_probability(w, b, x):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(w) is type(x) is np.ndarray
        and w.dtype is x.dtype and w.dtype in _FLOATING
        and w.ndim == 2 and w.shape == (w.shape[0], 1)
        and x.ndim == 2 and x.shape == (x.shape[0], w.shape[0])
        and w.size and x.size
    ):
        kind = w.dtype.type
        if type(b) is kind:
            return w, b, x
        if (
            type(b) in (kind, float)
        ):
            return (w, kind(b), x)
    return _convert(
        {
            "w": (("d", 1), "float"),
            "b": ((), "float"),
            "x": (("n", "d"), "float"),
        },
        (w, b, x),
    )
