# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad,vjp --math exact --style fast --runtime shared
"""lenet: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    k1     parameter, (6, 1, 5, 5)
    b1     parameter, (6,)
    k2     parameter, (16, 6, 5, 5)
    b2     parameter, (16,)
    w3     parameter, (400, 120)
    b3     parameter, (120,)
    w4     parameter, (120, 84)
    b4     parameter, (84,)
    w5     parameter, (84, 10)
    b5     parameter, (10,)
    image  data, (n, 1, 32, 32)
    label  data, (n,), integers

Closed form
    e3 = (window_max has no closed form in tensors)
    e4 = b1[:, None, None] + e3
    h1 = relu(e4)
    e5 = (Windows have no closed form in tensors)
    e7 = (window_max has no closed form in tensors)
    e8 = b2[:, None, None] + e7
    h2 = relu(e8)
    e9 = reshape(h2, n, 400)
    e10 = b3 + e9 @ w3
    h3 = relu(e10)
    e11 = b4 + h3 @ w4
    h4 = relu(e11)
    scores = b5 + h4 @ w5
    e12 = log_softmax(scores, axis=1)
    value = -sum(e12*one_hot(label, 10))/n
    e13 = -one_hot(label, 10) + softmax(scores, axis=1)
    e14 = where(0 < e11, (e13 @ w5.T)/n, 0)
    e15 = where(0 < e10, e14 @ w4.T, 0)
    e16 = where(0 < e8, reshape(e15 @ w3.T, n, 16, 5, 5), 0)
    e17 = (place_first_max has no closed form in tensors)
    e18 = (Windows and strides have no closed form in tensors)
    grad.k1 = (place_first_max has no closed form in tensors)
    grad.b1 = sum(e18, axis=(0, 2, 3))
    grad.k2 = einsum('mkjlno,oimn->ijkl', e5, e17)
    grad.b2 = sum(e16, axis=(0, 2, 3))
    grad.w3 = e9.T @ e15
    grad.b3 = sum(e15, axis=0)
    grad.w4 = h3.T @ e14
    grad.b4 = sum(e14, axis=0)
    grad.w5 = (h4.T @ e13)/n
    grad.b5 = sum(e13, axis=0)/n

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
    _add_windows = _runtime._add_windows
    _convert = _runtime._convert
    _cotangent = _runtime._cotangent
    _in_scratch = _runtime._in_scratch
    _masked = _runtime._masked
    _matmul_into = _runtime._matmul_into
    _of_windows = _runtime._of_windows
    _one_hot = _runtime._one_hot
    _over_blocks = _runtime._over_blocks
    _place_first_max = _runtime._place_first_max
    _unflatten = _runtime._unflatten
    _windows = _runtime._windows
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "lenet",
    "inputs": {
        "k1": {"role": "parameter", "shape": (6, 1, 5, 5), "dtype": "float"},
        "b1": {"role": "parameter", "shape": (6,), "dtype": "float"},
        "k2": {"role": "parameter", "shape": (16, 6, 5, 5), "dtype": "float"},
        "b2": {"role": "parameter", "shape": (16,), "dtype": "float"},
        "w3": {"role": "parameter", "shape": (400, 120), "dtype": "float"},
        "b3": {"role": "parameter", "shape": (120,), "dtype": "float"},
        "w4": {"role": "parameter", "shape": (120, 84), "dtype": "float"},
        "b4": {"role": "parameter", "shape": (84,), "dtype": "float"},
        "w5": {"role": "parameter", "shape": (84, 10), "dtype": "float"},
        "b5": {"role": "parameter", "shape": (10,), "dtype": "float"},
        "image": {"role": "data", "shape": ("n", 1, 32, 32), "dtype": "float"},
        "label": {"role": "data", "shape": ("n",), "dtype": "int"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("k1", "b1", "k2", "b2", "w3", "b3", "w4", "b4", "w5", "b5", "image", "label"),
        "grad": ("k1", "b1", "k2", "b2", "w3", "b3", "w4", "b4", "w5", "b5", "image", "label"),
        "value_and_grad": ("k1", "b1", "k2", "b2", "w3", "b3", "w4", "b4", "w5", "b5", "image", "label"),
        "scores": ("k1", "b1", "k2", "b2", "w3", "b3", "w4", "b4", "w5", "b5", "image"),
        "scores_vjp": ("k1", "b1", "k2", "b2", "w3", "b3", "w4", "b4", "w5", "b5", "image", "u"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    k1: np.ndarray
    b1: np.ndarray
    k2: np.ndarray
    b2: np.ndarray
    w3: np.ndarray
    b3: np.ndarray
    w4: np.ndarray
    b4: np.ndarray
    w5: np.ndarray
    b5: np.ndarray


class ScoresGrad(NamedTuple):
    """One array for each parameter of scores."""

    k1: np.ndarray
    b1: np.ndarray
    k2: np.ndarray
    b2: np.ndarray
    w3: np.ndarray
    b3: np.ndarray
    w4: np.ndarray
    b4: np.ndarray
    w5: np.ndarray
    b5: np.ndarray


def value(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label):
    """Return the objective."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label = _arguments(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label,
    )
    n = image.shape[0]
    t1 = b1[:, None, None]
    t2 = b2[:, None, None]
    (s1,) = _over_blocks(
        _in_scratch(_value_block), n, 19600, (image, label), (k1, k2, w3, b3, w4, b4, w5, b5, t1, t2), ("add",),
    )
    value = -s1 / n
    return value


def _value_block(scratch, image, label, k1, k2, w3, b3, w4, b4, w5, b5, t1, t2):
    """The part of `value` that one block of samples has."""
    rows = image.shape[0]
    one_hot_label = _one_hot(label, 10, image.dtype)
    t3 = _windows(np.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t4 = (
        _matmul_into(
            scratch, 0, k1.transpose(0, 2, 1, 3).reshape(6, 25),
            _windows(np.ascontiguousarray(t3), (0, 0, (28, 1), (5, 1))).reshape(28, 25, -1),
        )
        .reshape(28, 6, 28, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t4 = _of_windows(np.maximum, t4, (2, 2), (2, 2))
    h1 = window_max_t4 + t1
    h1 = np.maximum(h1, 0, out=h1)
    t5 = _windows(np.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t6 = (
        _matmul_into(
            scratch, 0, k2.transpose(0, 2, 1, 3).reshape(16, 150),
            _windows(np.ascontiguousarray(t5), (0, 0, (10, 1), (5, 1))).reshape(10, 150, -1),
        )
        .reshape(10, 16, 10, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t6 = _of_windows(np.maximum, t6, (2, 2), (2, 2))
    h2 = window_max_t6 + t2
    h2 = np.maximum(h2, 0, out=h2)
    h3 = _matmul_into(scratch, 0, h2.reshape(rows, 400), w3)
    h3 += b3
    h3 = np.maximum(h3, 0, out=h3)
    h4 = _matmul_into(scratch, 1, h3, w4)
    h4 += b4
    h4 = np.maximum(h4, 0, out=h4)
    scores = _matmul_into(scratch, 0, h4, w5)
    scores += b5
    max_scores = np.maximum.reduce(scores, axis=1)
    t7 = _masked(np.abs(max_scores) < np.inf, max_scores)
    t8 = np.subtract(
        scores, (np.log(np.add.reduce(np.exp(scores - t7[:, None]), axis=1)) + t7)[:, None], out=scores,
    )
    s1 = np.vdot(_masked(one_hot_label != 0, t8), one_hot_label)
    return (s1,)


def grad(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label):
    """Return the gradient of the objective by k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label = _arguments(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label,
    )
    n = image.shape[0]
    # shared by all results
    t1 = b1[:, None, None]
    t2 = b2[:, None, None]
    (
        grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5,
        grad_b5,
    ) = _over_blocks(
        _in_scratch(_grad_block), n, 19600, (image, label), (k1, k2, w3, b3, w4, b4, w5, b5, t1, t2, n),
        ("add",) * 10, sums=48000,
    )
    return Grad(grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5)


def _grad_block(scratch, image, label, k1, k2, w3, b3, w4, b4, w5, b5, t1, t2, n):
    """The part of `grad` that one block of samples has."""
    rows = image.shape[0]
    # shared by all results
    t3 = _windows(np.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t4 = _windows(np.ascontiguousarray(t3), (0, 0, (28, 1), (5, 1)))
    t5 = (
        _matmul_into(scratch, 0, k1.transpose(0, 2, 1, 3).reshape(6, 25), t4.reshape(28, 25, -1))
        .reshape(28, 6, 28, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t5 = _of_windows(np.maximum, t5, (2, 2), (2, 2))
    t6 = window_max_t5 + t1
    h1 = np.maximum(t6, 0)
    t7 = _windows(np.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t8 = _windows(np.ascontiguousarray(t7), (0, 0, (10, 1), (5, 1)))
    t9 = (
        _matmul_into(scratch, 1, k2.transpose(0, 2, 1, 3).reshape(16, 150), t8.reshape(10, 150, -1))
        .reshape(10, 16, 10, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t9 = _of_windows(np.maximum, t9, (2, 2), (2, 2))
    t10 = window_max_t9 + t2
    h2 = np.maximum(t10, 0)
    reshape_h2 = h2.reshape(rows, 400)
    t11 = _matmul_into(scratch, 2, reshape_h2, w3)
    t11 += b3
    h3 = np.maximum(t11, 0)
    t12 = _matmul_into(scratch, 3, h3, w4)
    t12 += b4
    h4 = np.maximum(t12, 0)
    scores = _matmul_into(scratch, 4, h4, w5)
    scores += b5
    max_scores = np.maximum.reduce(scores, axis=1)
    t13 = np.subtract(scores, _masked(np.abs(max_scores) < np.inf, max_scores)[:, None], out=scores)
    t13 = np.exp(t13, out=t13)
    t14 = (t13 / np.add.reduce(t13, axis=1)[:, None] - _one_hot(label, 10, image.dtype)) / n
    # gradient by k1, b1 and 6 more
    t15 = _masked(t12 > 0, _matmul_into(scratch, 4, t14, w5.T))
    # gradient by k1, b1 and 4 more
    t16 = _masked(t11 > 0, _matmul_into(scratch, 3, t15, w4.T))
    # gradient by k1, b1 and 2 more
    t17 = _masked(t10 > 0, _matmul_into(scratch, 2, t16, w3.T).reshape(rows, 16, 5, 5))
    # gradient by k1, b1, k2
    t18 = _place_first_max(t17, t9, window_max_t9, (2, 2), (2, 2))
    # gradient by k1, b1
    t19 = (
        _matmul_into(
            scratch, 2, k2.transpose(2, 1, 3, 0).reshape(150, 16),
            t18.transpose(2, 1, 3, 0).reshape(10, 16, -1),
        )
        .reshape(10, 5, 6, 5, 10, -1)
    )
    t20 = _add_windows(
        _add_windows(t19, (14, 6, 5, 10, rows), (0, 0, (10, 1), (5, 1))), (14, 6, 14, rows),
        (2, 0, (5, 1), (10, 1)),
    )
    t21 = _masked(t6 > 0, t20.transpose(3, 1, 0, 2))
    # gradient by k1
    t22 = _place_first_max(t21, t5, window_max_t5, (2, 2), (2, 2))
    grad_k1 = (
        np.add.reduce(
            _matmul_into(scratch, 2, t4.reshape(28, 25, -1), t22.transpose(2, 3, 0, 1).reshape(28, -1, 6)),
        )
        .reshape(5, 1, 5, 6)
        .transpose(3, 1, 0, 2)
    )
    grad_b1 = np.add.reduce(t21, axis=(0, 2, 3))
    grad_k2 = (
        np.add.reduce(
            _matmul_into(scratch, 0, t8.reshape(10, 150, -1), t18.transpose(2, 3, 0, 1).reshape(10, -1, 16)),
        )
        .reshape(5, 6, 5, 16)
        .transpose(3, 1, 0, 2)
    )
    grad_b2 = np.add.reduce(t17, axis=(0, 2, 3))
    grad_w3 = reshape_h2.T @ t16
    grad_b3 = np.add.reduce(t16)
    grad_w4 = h3.T @ t15
    grad_b4 = np.add.reduce(t15)
    grad_w5 = h4.T @ t14
    grad_b5 = np.add.reduce(t14)
    return grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5


def value_and_grad(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label):
    """Return the objective and its gradient by k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label = _arguments(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label,
    )
    n = image.shape[0]
    # shared by all results
    t1 = b1[:, None, None]
    t2 = b2[:, None, None]
    (
        s1, grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5,
        grad_b5,
    ) = _over_blocks(
        _in_scratch(_value_and_grad_block), n, 19600, (image, label),
        (k1, k2, w3, b3, w4, b4, w5, b5, t1, t2, n), ("add",) * 11, sums=48000,
    )
    value = -s1 / n
    return value, Grad(grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5)


def _value_and_grad_block(scratch, image, label, k1, k2, w3, b3, w4, b4, w5, b5, t1, t2, n):
    """The part of `value_and_grad` that one block of samples has."""
    rows = image.shape[0]
    # shared by all results
    one_hot_label = _one_hot(label, 10, image.dtype)
    t3 = _windows(np.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t4 = _windows(np.ascontiguousarray(t3), (0, 0, (28, 1), (5, 1)))
    t5 = (
        _matmul_into(scratch, 0, k1.transpose(0, 2, 1, 3).reshape(6, 25), t4.reshape(28, 25, -1))
        .reshape(28, 6, 28, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t5 = _of_windows(np.maximum, t5, (2, 2), (2, 2))
    t6 = window_max_t5 + t1
    h1 = np.maximum(t6, 0)
    t7 = _windows(np.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t8 = _windows(np.ascontiguousarray(t7), (0, 0, (10, 1), (5, 1)))
    t9 = (
        _matmul_into(scratch, 1, k2.transpose(0, 2, 1, 3).reshape(16, 150), t8.reshape(10, 150, -1))
        .reshape(10, 16, 10, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t9 = _of_windows(np.maximum, t9, (2, 2), (2, 2))
    t10 = window_max_t9 + t2
    h2 = np.maximum(t10, 0)
    reshape_h2 = h2.reshape(rows, 400)
    t11 = _matmul_into(scratch, 2, reshape_h2, w3)
    t11 += b3
    h3 = np.maximum(t11, 0)
    t12 = _matmul_into(scratch, 3, h3, w4)
    t12 += b4
    h4 = np.maximum(t12, 0)
    scores = _matmul_into(scratch, 4, h4, w5)
    scores += b5
    max_scores = np.maximum.reduce(scores, axis=1)
    t13 = _masked(np.abs(max_scores) < np.inf, max_scores)
    t14 = scores - t13[:, None]
    t14 = np.exp(t14, out=t14)
    t15 = np.add.reduce(t14, axis=1)
    # gradient by k1, b1 and 8 more
    t16 = (t14 / t15[:, None] - one_hot_label) / n
    # gradient by k1, b1 and 6 more
    t17 = _masked(t12 > 0, _matmul_into(scratch, 5, t16, w5.T))
    # gradient by k1, b1 and 4 more
    t18 = _masked(t11 > 0, _matmul_into(scratch, 3, t17, w4.T))
    # gradient by k1, b1 and 2 more
    t19 = _masked(t10 > 0, _matmul_into(scratch, 2, t18, w3.T).reshape(rows, 16, 5, 5))
    # gradient by k1, b1, k2
    t20 = _place_first_max(t19, t9, window_max_t9, (2, 2), (2, 2))
    # gradient by k1, b1
    t21 = (
        _matmul_into(
            scratch, 2, k2.transpose(2, 1, 3, 0).reshape(150, 16),
            t20.transpose(2, 1, 3, 0).reshape(10, 16, -1),
        )
        .reshape(10, 5, 6, 5, 10, -1)
    )
    t22 = _add_windows(
        _add_windows(t21, (14, 6, 5, 10, rows), (0, 0, (10, 1), (5, 1))), (14, 6, 14, rows),
        (2, 0, (5, 1), (10, 1)),
    )
    t23 = _masked(t6 > 0, t22.transpose(3, 1, 0, 2))
    # gradient by k1
    t24 = _place_first_max(t23, t5, window_max_t5, (2, 2), (2, 2))
    # objective
    s1 = np.vdot(_masked(one_hot_label != 0, scores - (np.log(t15) + t13)[:, None]), one_hot_label)
    grad_k1 = (
        np.add.reduce(
            _matmul_into(scratch, 2, t4.reshape(28, 25, -1), t24.transpose(2, 3, 0, 1).reshape(28, -1, 6)),
        )
        .reshape(5, 1, 5, 6)
        .transpose(3, 1, 0, 2)
    )
    grad_b1 = np.add.reduce(t23, axis=(0, 2, 3))
    grad_k2 = (
        np.add.reduce(
            _matmul_into(scratch, 0, t8.reshape(10, 150, -1), t20.transpose(2, 3, 0, 1).reshape(10, -1, 16)),
        )
        .reshape(5, 6, 5, 16)
        .transpose(3, 1, 0, 2)
    )
    grad_b2 = np.add.reduce(t19, axis=(0, 2, 3))
    grad_w3 = reshape_h2.T @ t18
    grad_b3 = np.add.reduce(t18)
    grad_w4 = h3.T @ t17
    grad_b4 = np.add.reduce(t17)
    grad_w5 = h4.T @ t16
    grad_b5 = np.add.reduce(t16)
    return (s1, grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5)


def scores(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image):
    """Return scores."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image = _arguments_of_scores(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image,
    )
    n = image.shape[0]
    t1 = b1[:, None, None]
    t2 = b2[:, None, None]
    (scores,) = _over_blocks(
        _in_scratch(_scores_block), n, 19600, (image,), (k1, k2, w3, b3, w4, b4, w5, b5, t1, t2), ("rows 0",),
    )
    return scores


def _scores_block(scratch, image, k1, k2, w3, b3, w4, b4, w5, b5, t1, t2):
    """The part of `scores` that one block of samples has."""
    rows = image.shape[0]
    t3 = _windows(np.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t4 = (
        _matmul_into(
            scratch, 0, k1.transpose(0, 2, 1, 3).reshape(6, 25),
            _windows(np.ascontiguousarray(t3), (0, 0, (28, 1), (5, 1))).reshape(28, 25, -1),
        )
        .reshape(28, 6, 28, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t4 = _of_windows(np.maximum, t4, (2, 2), (2, 2))
    h1 = window_max_t4 + t1
    h1 = np.maximum(h1, 0, out=h1)
    t5 = _windows(np.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t6 = (
        _matmul_into(
            scratch, 0, k2.transpose(0, 2, 1, 3).reshape(16, 150),
            _windows(np.ascontiguousarray(t5), (0, 0, (10, 1), (5, 1))).reshape(10, 150, -1),
        )
        .reshape(10, 16, 10, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t6 = _of_windows(np.maximum, t6, (2, 2), (2, 2))
    h2 = window_max_t6 + t2
    h2 = np.maximum(h2, 0, out=h2)
    h3 = _matmul_into(scratch, 0, h2.reshape(rows, 400), w3)
    h3 += b3
    h3 = np.maximum(h3, 0, out=h3)
    h4 = _matmul_into(scratch, 1, h3, w4)
    h4 += b4
    h4 = np.maximum(h4, 0, out=h4)
    scores = h4 @ w5
    scores += b5
    return (scores,)


def scores_vjp(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, u):
    """Return u^T times the Jacobian of scores, u of the shape of scores."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image = _arguments_of_scores(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image,
    )
    u = _cotangent("u", u, (image.shape[0], 10), k1.dtype)
    n = image.shape[0]
    # u^T Jacobian by k1, b1 and 7 more
    t1 = b1[:, None, None]
    t2 = b2[:, None, None]
    vjp_k1, vjp_b1, vjp_k2, vjp_b2, vjp_w3, vjp_b3, vjp_w4, vjp_b4, vjp_w5, vjp_b5 = _over_blocks(
        _in_scratch(_scores_vjp_block), n, 19600, (image, u), (k1, k2, w3, b3, w4, b4, w5, t1, t2),
        ("add",) * 10, sums=48000,
    )
    return ScoresGrad(vjp_k1, vjp_b1, vjp_k2, vjp_b2, vjp_w3, vjp_b3, vjp_w4, vjp_b4, vjp_w5, vjp_b5)


def _scores_vjp_block(scratch, image, u, k1, k2, w3, b3, w4, b4, w5, t1, t2):
    """The part of `scores_vjp` that one block of samples has."""
    rows = image.shape[0]
    # u^T Jacobian by k1, b1 and 7 more
    t3 = _windows(np.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t4 = _windows(np.ascontiguousarray(t3), (0, 0, (28, 1), (5, 1)))
    t5 = (
        _matmul_into(scratch, 0, k1.transpose(0, 2, 1, 3).reshape(6, 25), t4.reshape(28, 25, -1))
        .reshape(28, 6, 28, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t5 = _of_windows(np.maximum, t5, (2, 2), (2, 2))
    t6 = window_max_t5 + t1
    h1 = np.maximum(t6, 0)
    t7 = _windows(np.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t8 = _windows(np.ascontiguousarray(t7), (0, 0, (10, 1), (5, 1)))
    t9 = (
        _matmul_into(scratch, 1, k2.transpose(0, 2, 1, 3).reshape(16, 150), t8.reshape(10, 150, -1))
        .reshape(10, 16, 10, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t9 = _of_windows(np.maximum, t9, (2, 2), (2, 2))
    t10 = window_max_t9 + t2
    h2 = np.maximum(t10, 0)
    reshape_h2 = h2.reshape(rows, 400)
    t11 = _matmul_into(scratch, 2, reshape_h2, w3)
    t11 += b3
    h3 = np.maximum(t11, 0)
    t12 = _matmul_into(scratch, 3, h3, w4)
    t12 += b4
    # u^T Jacobian by k1, b1 and 6 more
    t13 = _masked(t12 > 0, _matmul_into(scratch, 4, u, w5.T))
    # u^T Jacobian by k1, b1 and 4 more
    t14 = _masked(t11 > 0, _matmul_into(scratch, 4, t13, w4.T))
    # u^T Jacobian by k1, b1 and 2 more
    t15 = _masked(t10 > 0, _matmul_into(scratch, 2, t14, w3.T).reshape(rows, 16, 5, 5))
    # u^T Jacobian by k1, b1, k2
    t16 = _place_first_max(t15, t9, window_max_t9, (2, 2), (2, 2))
    # u^T Jacobian by k1, b1
    t17 = (
        _matmul_into(
            scratch, 2, k2.transpose(2, 1, 3, 0).reshape(150, 16),
            t16.transpose(2, 1, 3, 0).reshape(10, 16, -1),
        )
        .reshape(10, 5, 6, 5, 10, -1)
    )
    t18 = _add_windows(
        _add_windows(t17, (14, 6, 5, 10, rows), (0, 0, (10, 1), (5, 1))), (14, 6, 14, rows),
        (2, 0, (5, 1), (10, 1)),
    )
    t19 = _masked(t6 > 0, t18.transpose(3, 1, 0, 2))
    # u^T Jacobian by k1
    t20 = _place_first_max(t19, t5, window_max_t5, (2, 2), (2, 2))
    h4 = np.maximum(t12, 0, out=t12)
    vjp_k1 = (
        np.add.reduce(
            _matmul_into(scratch, 2, t4.reshape(28, 25, -1), t20.transpose(2, 3, 0, 1).reshape(28, -1, 6)),
        )
        .reshape(5, 1, 5, 6)
        .transpose(3, 1, 0, 2)
    )
    vjp_b1 = np.add.reduce(t19, axis=(0, 2, 3))
    vjp_k2 = (
        np.add.reduce(
            _matmul_into(scratch, 0, t8.reshape(10, 150, -1), t16.transpose(2, 3, 0, 1).reshape(10, -1, 16)),
        )
        .reshape(5, 6, 5, 16)
        .transpose(3, 1, 0, 2)
    )
    vjp_b2 = np.add.reduce(t15, axis=(0, 2, 3))
    vjp_w3 = reshape_h2.T @ t14
    vjp_b3 = np.add.reduce(t14)
    vjp_w4 = h3.T @ t13
    vjp_b4 = np.add.reduce(t13)
    vjp_w5 = h4.T @ u
    vjp_b5 = np.add.reduce(u)
    return vjp_k1, vjp_b1, vjp_k2, vjp_b2, vjp_w3, vjp_b3, vjp_w4, vjp_b4, vjp_w5, vjp_b5


def unpack(vec):
    """Split one vector into k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    shapes = ((6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (400, 120), (120,), (120, 84), (84,), (84, 10), (10,))
    return Grad(*_unflatten(vec, shapes, {}))


def value_flat(vec, image, label):
    """As `value`, of one vector that holds k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    p = unpack(vec)
    return value(p.k1, p.b1, p.k2, p.b2, p.w3, p.b3, p.w4, p.b4, p.w5, p.b5, image, label)


def grad_flat(vec, image, label):
    """As `grad`, of one vector that holds k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    p = unpack(vec)
    return pack(grad(p.k1, p.b1, p.k2, p.b2, p.w3, p.b3, p.w4, p.b4, p.w5, p.b5, image, label))


def value_and_grad_flat(vec, image, label):
    """As `value_and_grad`, of one vector that holds k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    p = unpack(vec)
    value, gradient = value_and_grad(p.k1, p.b1, p.k2, p.b2, p.w3, p.b3, p.w4, p.b4, p.w5, p.b5, image, label)
    return value, pack(gradient)


def scores_flat(vec, image):
    """As `scores`, of one vector that holds k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    p = unpack(vec)
    return scores(p.k1, p.b1, p.k2, p.b2, p.w3, p.b3, p.w4, p.b4, p.w5, p.b5, image)


def scores_vjp_flat(vec, image, u):
    """As `scores_vjp`, of one vector that holds k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    p = unpack(vec)
    return pack(scores_vjp(p.k1, p.b1, p.k2, p.b2, p.w3, p.b3, p.w4, p.b4, p.w5, p.b5, image, u))


def _arguments(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "k1": ((6, 1, 5, 5), "float"),
            "b1": ((6,), "float"),
            "k2": ((16, 6, 5, 5), "float"),
            "b2": ((16,), "float"),
            "w3": ((400, 120), "float"),
            "b3": ((120,), "float"),
            "w4": ((120, 84), "float"),
            "b4": ((84,), "float"),
            "w5": ((84, 10), "float"),
            "b5": ((10,), "float"),
            "image": (("n", 1, 32, 32), "float"),
            "label": (("n",), "int"),
        },
        (k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label),
    )


def _arguments_of_scores(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(k1) is type(b1) is type(k2) is type(b2) is type(w3) is type(b3) is type(w4) is type(b4) is type(w5)
            is type(b5) is type(image) is np.ndarray
        and k1.dtype is b1.dtype is k2.dtype is b2.dtype is w3.dtype is b3.dtype is w4.dtype is b4.dtype is
            w5.dtype is b5.dtype is image.dtype and k1.dtype in _FLOATING
        and k1.shape == (6, 1, 5, 5)
        and b1.shape == (6,)
        and k2.shape == (16, 6, 5, 5)
        and b2.shape == (16,)
        and w3.shape == (400, 120)
        and b3.shape == (120,)
        and w4.shape == (120, 84)
        and b4.shape == (84,)
        and w5.shape == (84, 10)
        and b5.shape == (10,)
        and image.ndim == 4 and image.shape == (image.shape[0], 1, 32, 32)
        and k1.size and b1.size and k2.size and b2.size and w3.size and b3.size and w4.size and b4.size and
            w5.size and b5.size and image.size
    ):
        return k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image
    return _convert(
        {
            "k1": ((6, 1, 5, 5), "float"),
            "b1": ((6,), "float"),
            "k2": ((16, 6, 5, 5), "float"),
            "b2": ((16,), "float"),
            "w3": ((400, 120), "float"),
            "b3": ((120,), "float"),
            "w4": ((120, 84), "float"),
            "b4": ((84,), "float"),
            "w5": ((84, 10), "float"),
            "b5": ((10,), "float"),
            "image": (("n", 1, 32, 32), "float"),
        },
        (k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image),
    )
