# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""plane: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    W  parameter, (d, 1)
    B  parameter, (1, 1)
    X  data, (n, d)
    Y  data, (n, 1)

Closed form
    predict = X*W + B
    e1 = -Y + predict
    value = sum(e1∘**2)/n
    grad.W = (2/n)*X.T*e1
    grad.B = (2/n)*sum(e1, axis=0)

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
    "model": "plane",
    "inputs": {
        "W": {"role": "parameter", "shape": ("d", 1), "dtype": "float"},
        "B": {"role": "parameter", "shape": (1, 1), "dtype": "float"},
        "X": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "Y": {"role": "data", "shape": ("n", 1), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("W", "B", "X", "Y"),
        "grad": ("W", "B", "X", "Y"),
        "value_and_grad": ("W", "B", "X", "Y"),
        "predict": ("W", "B", "X"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    W: np.ndarray
    B: np.ndarray


class PredictGrad(NamedTuple):
    """One array for each parameter of predict."""

    W: np.ndarray
    B: np.ndarray


def value(W, B, X, Y):
    """Return the objective."""
    W, B, X, Y = _arguments(W, B, X, Y)
    n = X.shape[0]
    (s1,) = _over_blocks(_in_scratch(_value_block), n, 1, (X, Y), (W, B), ("add",))
    value = s1 / n
    return value


def _value_block(scratch, X, Y, W, B):
    """The part of `value` that one block of samples has."""
    predict = _matmul_into(scratch, 0, X, W)
    predict += B
    t1 = np.subtract(predict, Y, out=predict)
    s1 = np.vdot(t1, t1)
    return (s1,)


def grad(W, B, X, Y):
    """Return the gradient of the objective by W, B."""
    W, B, X, Y = _arguments(W, B, X, Y)
    n = X.shape[0]
    d = W.shape[0]
    s1, s2 = _over_blocks(_in_scratch(_grad_block), n, 1, (X, Y), (W, B), ("add", "add"))
    grad_W = 2 * s1 / n
    grad_B = 2 * s2 / n
    return Grad(grad_W, grad_B)


def _grad_block(scratch, X, Y, W, B):
    """The part of `grad` that one block of samples has."""
    predict = _matmul_into(scratch, 0, X, W)
    predict += B
    t1 = np.subtract(predict, Y, out=predict)
    # gradient by W
    s1 = X.T @ t1
    # gradient by B
    s2 = np.add.reduce(t1)[None, :]
    return s1, s2


def value_and_grad(W, B, X, Y):
    """Return the objective and its gradient by W, B."""
    W, B, X, Y = _arguments(W, B, X, Y)
    n = X.shape[0]
    d = W.shape[0]
    s1, s2, s3 = _over_blocks(_in_scratch(_value_and_grad_block), n, 1, (X, Y), (W, B), ("add", "add", "add"))
    value = s1 / n
    grad_W = 2 * s2 / n
    grad_B = 2 * s3 / n
    return value, Grad(grad_W, grad_B)


def _value_and_grad_block(scratch, X, Y, W, B):
    """The part of `value_and_grad` that one block of samples has."""
    predict = _matmul_into(scratch, 0, X, W)
    predict += B
    t1 = np.subtract(predict, Y, out=predict)
    # objective
    s1 = np.vdot(t1, t1)
    # gradient by W
    s2 = X.T @ t1
    # gradient by B
    s3 = np.add.reduce(t1)[None, :]
    return s1, s2, s3


def predict(W, B, X):
    """Return predict."""
    W, B, X = _arguments_of_predict(W, B, X)
    n = X.shape[0]
    (predict,) = _over_blocks(_predict_block, n, 1, (X,), (W, B), ("rows 0",))
    return predict


def _predict_block(X, W, B):
    """The part of `predict` that one block of samples has."""
    predict = X @ W
    predict += B
    return (predict,)


def unpack(vec, *, d=None):
    """Split one vector into W, B. One size may be left out: it follows from the length of the vector."""
    shapes = (("d", 1), (1, 1))
    return Grad(*_unflatten(vec, shapes, {"d": d}))


def value_flat(vec, X, Y):
    """As `value`, of one vector that holds W, B."""
    p = unpack(vec, d=np.shape(X)[1])
    return value(p.W, p.B, X, Y)


def grad_flat(vec, X, Y):
    """As `grad`, of one vector that holds W, B."""
    p = unpack(vec, d=np.shape(X)[1])
    return pack(grad(p.W, p.B, X, Y))


def value_and_grad_flat(vec, X, Y):
    """As `value_and_grad`, of one vector that holds W, B."""
    p = unpack(vec, d=np.shape(X)[1])
    value, gradient = value_and_grad(p.W, p.B, X, Y)
    return value, pack(gradient)


def predict_flat(vec, X):
    """As `predict`, of one vector that holds W, B."""
    p = unpack(vec, d=np.shape(X)[1])
    return predict(p.W, p.B, X)


def _arguments(W, B, X, Y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(W) is type(B) is type(X) is type(Y) is np.ndarray
        and W.dtype is B.dtype is X.dtype is Y.dtype and W.dtype in _FLOATING
        and W.ndim == 2 and W.shape == (W.shape[0], 1)
        and B.shape == (1, 1)
        and X.ndim == 2 and X.shape == (X.shape[0], W.shape[0])
        and Y.shape == (X.shape[0], 1)
        and W.size and B.size and X.size and Y.size
    ):
        return W, B, X, Y
    return _convert(
        {
            "W": (("d", 1), "float"),
            "B": ((1, 1), "float"),
            "X": (("n", "d"), "float"),
            "Y": (("n", 1), "float"),
        },
        (W, B, X, Y),
    )


def _arguments_of_predict(W, B, X):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(W) is type(B) is type(X) is np.ndarray
        and W.dtype is B.dtype is X.dtype and W.dtype in _FLOATING
        and W.ndim == 2 and W.shape == (W.shape[0], 1)
        and B.shape == (1, 1)
        and X.ndim == 2 and X.shape == (X.shape[0], W.shape[0])
        and W.size and B.size and X.size
    ):
        return W, B, X
    return _convert(
        {
            "W": (("d", 1), "float"),
            "B": ((1, 1), "float"),
            "X": (("n", "d"), "float"),
        },
        (W, B, X),
    )
