# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""softmax: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    w        parameter, (d, c)
    b        parameter, (c,)
    x        data, (n, d)
    label    data, (n,), integers
    penalty  constant, scalar

Closed form
    e1 = b + x @ w
    e2 = log_softmax(e1, axis=1)
    value = penalty*sum(w**2) - sum(e2*one_hot(label, c))/n
    probability = softmax(e1, axis=1)
    e3 = -one_hot(label, c) + probability
    grad.w = 2*penalty*w + (x.T @ e3)/n
    grad.b = sum(e3, axis=0)/n

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
    _one_hot = _runtime._one_hot
    _over_blocks = _runtime._over_blocks
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "softmax",
    "inputs": {
        "w": {"role": "parameter", "shape": ("d", "c"), "dtype": "float"},
        "b": {"role": "parameter", "shape": ("c",), "dtype": "float"},
        "x": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "label": {"role": "data", "shape": ("n",), "dtype": "int"},
        "penalty": {"role": "constant", "shape": (), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("w", "b", "x", "label", "penalty"),
        "grad": ("w", "b", "x", "label", "penalty"),
        "value_and_grad": ("w", "b", "x", "label", "penalty"),
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


def value(w, b, x, label, penalty):
    """Return the objective."""
    w, b, x, label, penalty = _arguments(w, b, x, label, penalty)
    n = x.shape[0]
    c = w.shape[1]
    t1 = penalty * np.vdot(w, w)
    (s1,) = _over_blocks(_in_scratch(_value_block), n, c, (x, label), (w, b), ("add",))
    value = t1 - s1 / n
    return value


def _value_block(scratch, x, label, w, b):
    """The part of `value` that one block of samples has."""
    c = w.shape[1]
    one_hot_label = _one_hot(label, c, x.dtype)
    t2 = _matmul_into(scratch, 0, x, w)
    t2 += b
    max_t2 = np.maximum.reduce(t2, axis=1)
    t3 = _masked(np.abs(max_t2) < np.inf, max_t2)
    t4 = _masked(
        one_hot_label != 0, t2 - (np.log(np.add.reduce(np.exp(t2 - t3[:, None]), axis=1)) + t3)[:, None],
    )
    s1 = np.vdot(one_hot_label, t4)
    return (s1,)


def grad(w, b, x, label, penalty):
    """Return the gradient of the objective by w, b."""
    w, b, x, label, penalty = _arguments(w, b, x, label, penalty)
    n = x.shape[0]
    c = w.shape[1]
    d = w.shape[0]
    # gradient by w
    t1 = 2 * penalty * w
    s1, s2 = _over_blocks(_in_scratch(_grad_block), n, c, (x, label), (w, b), ("add", "add"), sums=c*d)
    grad_w = s1 / n + t1
    grad_b = s2 / n
    return Grad(grad_w, grad_b)


def _grad_block(scratch, x, label, w, b):
    """The part of `grad` that one block of samples has."""
    c = w.shape[1]
    # shared by all results
    t2 = _matmul_into(scratch, 0, x, w)
    t2 += b
    max_t2 = np.maximum.reduce(t2, axis=1)
    t3 = np.subtract(t2, _masked(np.abs(max_t2) < np.inf, max_t2)[:, None], out=t2)
    t3 = np.exp(t3, out=t3)
    probability = np.divide(t3, np.add.reduce(t3, axis=1)[:, None], out=t3)
    t4 = _one_hot(label, c, x.dtype)
    t4 = np.subtract(probability, t4, out=t4)
    # gradient by w
    s1 = x.T @ t4
    # gradient by b
    s2 = np.add.reduce(t4)
    return s1, s2


def value_and_grad(w, b, x, label, penalty):
    """Return the objective and its gradient by w, b."""
    w, b, x, label, penalty = _arguments(w, b, x, label, penalty)
    n = x.shape[0]
    c = w.shape[1]
    d = w.shape[0]
    # objective
    t1 = penalty * np.vdot(w, w)
    # gradient by w
    t2 = 2 * penalty * w
    s1, s2, s3 = _over_blocks(
        _in_scratch(_value_and_grad_block), n, c, (x, label), (w, b), ("add", "add", "add"), sums=c*d,
    )
    value = t1 - s1 / n
    grad_w = s2 / n + t2
    grad_b = s3 / n
    return value, Grad(grad_w, grad_b)


def _value_and_grad_block(scratch, x, label, w, b):
    """The part of `value_and_grad` that one block of samples has."""
    c = w.shape[1]
    # shared by all results
    one_hot_label = _one_hot(label, c, x.dtype)
    t3 = _matmul_into(scratch, 0, x, w)
    t3 += b
    max_t3 = np.maximum.reduce(t3, axis=1)
    t4 = _masked(np.abs(max_t3) < np.inf, max_t3)
    t5 = t3 - t4[:, None]
    t5 = np.exp(t5, out=t5)
    t6 = np.add.reduce(t5, axis=1)
    probability = np.divide(t5, t6[:, None], out=t5)
    t7 = np.subtract(probability, one_hot_label, out=probability)
    # objective
    s1 = np.vdot(one_hot_label, _masked(one_hot_label != 0, t3 - (np.log(t6) + t4)[:, None]))
    # gradient by w
    s2 = x.T @ t7
    # gradient by b
    s3 = np.add.reduce(t7)
    return s1, s2, s3


def probability(w, b, x):
    """Return probability."""
    w, b, x = _arguments_of_probability(w, b, x)
    c = w.shape[1]
    n = x.shape[0]
    (probability,) = _over_blocks(_in_scratch(_probability_block), n, c, (x,), (w, b), ("rows 0",))
    return probability


def _probability_block(scratch, x, w, b):
    """The part of `probability` that one block of samples has."""
    t1 = _matmul_into(scratch, 0, x, w)
    t1 += b
    max_t1 = np.maximum.reduce(t1, axis=1)
    t2 = np.subtract(t1, _masked(np.abs(max_t1) < np.inf, max_t1)[:, None], out=t1)
    t2 = np.exp(t2, out=t2)
    probability = t2 / np.add.reduce(t2, axis=1)[:, None]
    return (probability,)


def unpack(vec, *, d=None, c=None):
    """Split one vector into w, b. One size may be left out: it follows from the length of the vector."""
    shapes = (("d", "c"), ("c",))
    return Grad(*_unflatten(vec, shapes, {"d": d, "c": c}))


def value_flat(vec, x, label, penalty, *, c=None):
    """As `value`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1], c=c)
    return value(p.w, p.b, x, label, penalty)


def grad_flat(vec, x, label, penalty, *, c=None):
    """As `grad`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1], c=c)
    return pack(grad(p.w, p.b, x, label, penalty))


def value_and_grad_flat(vec, x, label, penalty, *, c=None):
    """As `value_and_grad`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1], c=c)
    value, gradient = value_and_grad(p.w, p.b, x, label, penalty)
    return value, pack(gradient)


def probability_flat(vec, x, *, c=None):
    """As `probability`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1], c=c)
    return probability(p.w, p.b, x)


def _arguments(w, b, x, label, penalty):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "w": (("d", "c"), "float"),
            "b": (("c",), "float"),
            "x": (("n", "d"), "float"),
            "label": (("n",), "int"),
            "penalty": ((), "float"),
        },
        (w, b, x, label, penalty),
    )


def _arguments_of_probability(w, b, x):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(w) is type(b) is type(x) is np.ndarray
        and w.dtype is b.dtype is x.dtype and w.dtype in _FLOATING
        and w.ndim == 2
        and b.shape == (w.shape[1],)
        and x.ndim == 2 and x.shape == (x.shape[0], w.shape[0])
        and w.size and b.size and x.size
    ):
        return w, b, x
    return _convert(
        {
            "w": (("d", "c"), "float"),
            "b": (("c",), "float"),
            "x": (("n", "d"), "float"),
        },
        (w, b, x),
    )
