# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad,vjp --math exact --style fast
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
    grad.k2 = einsum('mino,nkjlom->ijkl', e17, e5)
    grad.b2 = sum(e16, axis=(0, 2, 3))
    grad.w3 = e9.T @ e15
    grad.b3 = sum(e15, axis=0)
    grad.w4 = h3.T @ e14
    grad.b4 = sum(e14, axis=0)
    grad.w5 = (h4.T @ e13)/n
    grad.b5 = sum(e13, axis=0)/n

"""


import _thread
import contextvars
import math
import os
import threading
from collections import deque
from contextlib import suppress
from itertools import starmap
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np


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
        _in_scratch(_value_block), n, 19600, (label, image), (t1, t2, k1, k2, w3, b3, w4, b4, w5, b5), ("add",),
    )
    value = -s1 / n
    return value


def _value_block(scratch, label, image, t1, t2, k1, k2, w3, b3, w4, b4, w5, b5):
    """The part of `value` that one block of samples has."""
    rows = label.shape[0]
    one_hot_label = _one_hot(label, 10, image.dtype)
    t3 = _windows(np.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t4 = _matmul_into(scratch, 0, k1.transpose(0, 2, 1, 3).reshape(6, 25), _windows(np.ascontiguousarray(t3), (0, 0, (28, 1), (5, 1))).reshape(28, 25, -1)).reshape(28, 6, 28, -1).transpose(
        3, 1, 0, 2,
    )
    window_max_t4 = _of_windows(np.maximum, t4, (2, 2), (2, 2))
    h1 = window_max_t4 + t1
    h1 = np.maximum(h1, 0, out=h1)
    t5 = _windows(np.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t6 = _matmul_into(scratch, 0, k2.transpose(0, 2, 1, 3).reshape(16, 150), _windows(np.ascontiguousarray(t5), (0, 0, (10, 1), (5, 1))).reshape(10, 150, -1)).reshape(10, 16, 10, -1).transpose(
        3, 1, 0, 2,
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
    s1 = np.vdot(one_hot_label, _masked(one_hot_label != 0, t8))
    return (s1,)


def grad(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label):
    """Return the gradient of the objective by k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label = _arguments(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label,
    )
    n = image.shape[0]
    # gradient by k1
    t1 = b1[:, None, None]
    t2 = b2[:, None, None]
    grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5 = _over_blocks(
        _in_scratch(_grad_block), n, 19600, (image, label), (t1, t2, n, k1, k2, w3, b3, w4, b4, w5, b5),
        ("add",) * 10, sums=48000,
    )
    return Grad(grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5)


def _grad_block(scratch, image, label, t1, t2, n, k1, k2, w3, b3, w4, b4, w5, b5):
    """The part of `grad` that one block of samples has."""
    rows = image.shape[0]
    t3 = _windows(np.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t4 = _windows(np.ascontiguousarray(t3), (0, 0, (28, 1), (5, 1)))
    t5 = _matmul_into(scratch, 0, k1.transpose(0, 2, 1, 3).reshape(6, 25), t4.reshape(28, 25, -1)).reshape(28, 6, 28, -1).transpose(
        3, 1, 0, 2,
    )
    window_max_t5 = _of_windows(np.maximum, t5, (2, 2), (2, 2))
    t6 = window_max_t5 + t1
    h1 = np.maximum(t6, 0)
    t7 = _windows(np.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t8 = _windows(np.ascontiguousarray(t7), (0, 0, (10, 1), (5, 1)))
    t9 = _matmul_into(scratch, 1, k2.transpose(0, 2, 1, 3).reshape(16, 150), t8.reshape(10, 150, -1)).reshape(10, 16, 10, -1).transpose(
        3, 1, 0, 2,
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
    t15 = _masked(t12 > 0, _matmul_into(scratch, 4, t14, w5.T))
    t16 = _masked(t11 > 0, _matmul_into(scratch, 3, t15, w4.T))
    t17 = _masked(t10 > 0, _matmul_into(scratch, 2, t16, w3.T).reshape(rows, 16, 5, 5))
    t18 = _place_first_max(t17, t9, window_max_t9, (2, 2), (2, 2))
    t19 = _matmul_into(scratch, 2, k2.transpose(2, 1, 3, 0).reshape(150, 16), t18.transpose(2, 1, 3, 0).reshape(10, 16, -1)).reshape(
        10, 5, 6, 5, 10, -1,
    )
    t20 = _add_windows(
        _add_windows(t19, (14, 6, 5, 10, rows), (0, 0, (10, 1), (5, 1))), (14, 6, 14, rows),
        (2, 0, (5, 1), (10, 1)),
    )
    t21 = _masked(t6 > 0, t20.transpose(3, 1, 0, 2))
    t22 = _place_first_max(t21, t5, window_max_t5, (2, 2), (2, 2))
    grad_k1 = np.add.reduce(_matmul_into(scratch, 2, t4.reshape(28, 25, -1), t22.transpose(2, 3, 0, 1).reshape(28, -1, 6))).reshape(5, 1, 5, 6).transpose(
        3, 1, 0, 2,
    )
    grad_b1 = np.add.reduce(t21, axis=(0, 2, 3))
    grad_k2 = np.add.reduce(_matmul_into(scratch, 0, t8.reshape(10, 150, -1), t18.transpose(2, 3, 0, 1).reshape(10, -1, 16))).reshape(5, 6, 5, 16).transpose(
        3, 1, 0, 2,
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
    t1 = b1[:, None, None]
    t2 = b2[:, None, None]
    s1, grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5 = _over_blocks(
        _in_scratch(_value_and_grad_block), n, 19600, (label, image), (t1, t2, n, k1, k2, w3, b3, w4, b4, w5, b5),
        ("add",) * 11, sums=48000,
    )
    value = -s1 / n
    return value, Grad(grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5)


def _value_and_grad_block(scratch, label, image, t1, t2, n, k1, k2, w3, b3, w4, b4, w5, b5):
    """The part of `value_and_grad` that one block of samples has."""
    rows = label.shape[0]
    one_hot_label = _one_hot(label, 10, image.dtype)
    t3 = _windows(np.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t4 = _windows(np.ascontiguousarray(t3), (0, 0, (28, 1), (5, 1)))
    t5 = _matmul_into(scratch, 0, k1.transpose(0, 2, 1, 3).reshape(6, 25), t4.reshape(28, 25, -1)).reshape(28, 6, 28, -1).transpose(
        3, 1, 0, 2,
    )
    window_max_t5 = _of_windows(np.maximum, t5, (2, 2), (2, 2))
    t6 = window_max_t5 + t1
    h1 = np.maximum(t6, 0)
    t7 = _windows(np.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t8 = _windows(np.ascontiguousarray(t7), (0, 0, (10, 1), (5, 1)))
    t9 = _matmul_into(scratch, 1, k2.transpose(0, 2, 1, 3).reshape(16, 150), t8.reshape(10, 150, -1)).reshape(10, 16, 10, -1).transpose(
        3, 1, 0, 2,
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
    t16 = (t14 / t15[:, None] - one_hot_label) / n
    t17 = _masked(t12 > 0, _matmul_into(scratch, 5, t16, w5.T))
    t18 = _masked(t11 > 0, _matmul_into(scratch, 3, t17, w4.T))
    t19 = _masked(t10 > 0, _matmul_into(scratch, 2, t18, w3.T).reshape(rows, 16, 5, 5))
    t20 = _place_first_max(t19, t9, window_max_t9, (2, 2), (2, 2))
    t21 = _matmul_into(scratch, 2, k2.transpose(2, 1, 3, 0).reshape(150, 16), t20.transpose(2, 1, 3, 0).reshape(10, 16, -1)).reshape(
        10, 5, 6, 5, 10, -1,
    )
    t22 = _add_windows(
        _add_windows(t21, (14, 6, 5, 10, rows), (0, 0, (10, 1), (5, 1))), (14, 6, 14, rows),
        (2, 0, (5, 1), (10, 1)),
    )
    t23 = _masked(t6 > 0, t22.transpose(3, 1, 0, 2))
    t24 = _place_first_max(t23, t5, window_max_t5, (2, 2), (2, 2))
    s1 = np.vdot(one_hot_label, _masked(one_hot_label != 0, scores - (np.log(t15) + t13)[:, None]))
    grad_k1 = np.add.reduce(_matmul_into(scratch, 2, t4.reshape(28, 25, -1), t24.transpose(2, 3, 0, 1).reshape(28, -1, 6))).reshape(5, 1, 5, 6).transpose(
        3, 1, 0, 2,
    )
    grad_b1 = np.add.reduce(t23, axis=(0, 2, 3))
    grad_k2 = np.add.reduce(_matmul_into(scratch, 0, t8.reshape(10, 150, -1), t20.transpose(2, 3, 0, 1).reshape(10, -1, 16))).reshape(5, 6, 5, 16).transpose(
        3, 1, 0, 2,
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
        _in_scratch(_scores_block), n, 19600, (image,), (t1, t2, k1, k2, w3, b3, w4, b4, w5, b5), ("rows 0",),
    )
    return scores


def _scores_block(scratch, image, t1, t2, k1, k2, w3, b3, w4, b4, w5, b5):
    """The part of `scores` that one block of samples has."""
    rows = image.shape[0]
    t3 = _windows(np.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t4 = _matmul_into(scratch, 0, k1.transpose(0, 2, 1, 3).reshape(6, 25), _windows(np.ascontiguousarray(t3), (0, 0, (28, 1), (5, 1))).reshape(28, 25, -1)).reshape(28, 6, 28, -1).transpose(
        3, 1, 0, 2,
    )
    window_max_t4 = _of_windows(np.maximum, t4, (2, 2), (2, 2))
    h1 = window_max_t4 + t1
    h1 = np.maximum(h1, 0, out=h1)
    t5 = _windows(np.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t6 = _matmul_into(scratch, 0, k2.transpose(0, 2, 1, 3).reshape(16, 150), _windows(np.ascontiguousarray(t5), (0, 0, (10, 1), (5, 1))).reshape(10, 150, -1)).reshape(10, 16, 10, -1).transpose(
        3, 1, 0, 2,
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
    # u^T Jacobian by k1
    t1 = b1[:, None, None]
    t2 = b2[:, None, None]
    vjp_k1, vjp_b1, vjp_k2, vjp_b2, vjp_w3, vjp_b3, vjp_w4, vjp_b4, vjp_w5, vjp_b5 = _over_blocks(
        _in_scratch(_scores_vjp_block), n, 19600, (image, u), (t1, t2, k1, k2, w3, b3, w4, b4, w5), ("add",) * 10,
        sums=48000,
    )
    return ScoresGrad(vjp_k1, vjp_b1, vjp_k2, vjp_b2, vjp_w3, vjp_b3, vjp_w4, vjp_b4, vjp_w5, vjp_b5)


def _scores_vjp_block(scratch, image, u, t1, t2, k1, k2, w3, b3, w4, b4, w5):
    """The part of `scores_vjp` that one block of samples has."""
    rows = image.shape[0]
    t3 = _windows(np.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t4 = _windows(np.ascontiguousarray(t3), (0, 0, (28, 1), (5, 1)))
    t5 = _matmul_into(scratch, 0, k1.transpose(0, 2, 1, 3).reshape(6, 25), t4.reshape(28, 25, -1)).reshape(28, 6, 28, -1).transpose(
        3, 1, 0, 2,
    )
    window_max_t5 = _of_windows(np.maximum, t5, (2, 2), (2, 2))
    t6 = window_max_t5 + t1
    h1 = np.maximum(t6, 0)
    t7 = _windows(np.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t8 = _windows(np.ascontiguousarray(t7), (0, 0, (10, 1), (5, 1)))
    t9 = _matmul_into(scratch, 1, k2.transpose(0, 2, 1, 3).reshape(16, 150), t8.reshape(10, 150, -1)).reshape(10, 16, 10, -1).transpose(
        3, 1, 0, 2,
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
    t13 = _masked(t12 > 0, _matmul_into(scratch, 4, u, w5.T))
    t14 = _masked(t11 > 0, _matmul_into(scratch, 4, t13, w4.T))
    t15 = _masked(t10 > 0, _matmul_into(scratch, 2, t14, w3.T).reshape(rows, 16, 5, 5))
    t16 = _place_first_max(t15, t9, window_max_t9, (2, 2), (2, 2))
    t17 = _matmul_into(scratch, 2, k2.transpose(2, 1, 3, 0).reshape(150, 16), t16.transpose(2, 1, 3, 0).reshape(10, 16, -1)).reshape(
        10, 5, 6, 5, 10, -1,
    )
    t18 = _add_windows(
        _add_windows(t17, (14, 6, 5, 10, rows), (0, 0, (10, 1), (5, 1))), (14, 6, 14, rows),
        (2, 0, (5, 1), (10, 1)),
    )
    t19 = _masked(t6 > 0, t18.transpose(3, 1, 0, 2))
    t20 = _place_first_max(t19, t5, window_max_t5, (2, 2), (2, 2))
    h4 = np.maximum(t12, 0, out=t12)
    vjp_k1 = np.add.reduce(_matmul_into(scratch, 2, t4.reshape(28, 25, -1), t20.transpose(2, 3, 0, 1).reshape(28, -1, 6))).reshape(5, 1, 5, 6).transpose(
        3, 1, 0, 2,
    )
    vjp_b1 = np.add.reduce(t19, axis=(0, 2, 3))
    vjp_k2 = np.add.reduce(_matmul_into(scratch, 0, t8.reshape(10, 150, -1), t16.transpose(2, 3, 0, 1).reshape(10, -1, 16))).reshape(5, 6, 5, 16).transpose(
        3, 1, 0, 2,
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
    return Grad(*_unflatten(vec, ((6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (400, 120), (120,), (120, 84), (84,), (84, 10), (10,)), {}))


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
        type(k1) is type(b1) is type(k2) is type(b2) is type(w3) is type(b3) is type(w4) is type(b4) is type(w5) is type(b5) is type(image) is np.ndarray
        and k1.dtype is b1.dtype is k2.dtype is b2.dtype is w3.dtype is b3.dtype is w4.dtype is b4.dtype is w5.dtype is b5.dtype is image.dtype and k1.dtype in _FLOATING
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
        and k1.size and b1.size and k2.size and b2.size and w3.size and b3.size and w4.size and b4.size and w5.size and b5.size and image.size
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


# From here on symdiff 0.1.0's runtime: in every module that needs it the same, whatever the model.


_FLOATING = (np.dtype(np.float32), np.dtype(np.float64))


def _typed(kinds, arguments):
    """The arguments by name, as arrays of one floating dtype; integers stay so where they are declared so."""
    arrays = {}
    for name, argument in zip(kinds, arguments):
        weak = isinstance(argument, (int, float)) and not isinstance(argument, np.generic)
        arrays[name] = argument if weak else _array(name, argument)
    dtypes = {name: array.dtype for name, array in arrays.items() if hasattr(array, "dtype")}
    floating = [dtypes[name] for name in dtypes if dtypes[name].kind == "f" and kinds[name] == "float"]
    for name, dtype in dtypes.items():
        if dtype.kind == "f" and dtype not in _FLOATING:
            raise TypeError(f"{name} has dtype {dtype}, expected float32 or float64")
    common = np.result_type(*floating) if floating else np.dtype(np.float64)
    for name, kind in kinds.items():
        array = np.asarray(arrays[name], common if kind == "float" else None)
        if kind == "int" and array.dtype.kind == "f":
            raise TypeError(f"{name} has dtype {array.dtype}, expected integers, as declared")
        if kind == "bool" and array.dtype.kind != "b":
            raise TypeError(f"{name} has dtype {array.dtype}, expected booleans, as declared")
        arrays[name] = array if array.ndim else array[()]
    return arrays


def _array(name, argument):
    """An argument as an array of real numbers."""
    if isinstance(argument, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, expected a plain one: fill or drop what is masked first")
    try:
        array = np.asarray(argument)
    except ValueError as error:
        raise ValueError(f"{name} is no array: {error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {array.dtype}, expected real numbers (float32 or float64)")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _convert(declared, arguments, solved=()):
    """Return the arguments as arrays of one floating dtype; raise for the first that does not fit its declaration."""
    arrays = _typed({name: kind for name, (_, kind) in declared.items()}, arguments)
    sizes = {}
    for name, (shape, _) in declared.items():
        for dim, length in zip(shape, arrays[name].shape):
            if isinstance(dim, str):
                sizes.setdefault(dim, (name, length))
    for size, name, axis, needs, solve in solved:  # sizes that no axis has alone
        if axis < arrays[name].ndim and all(needed in sizes for needed in needs):
            found = solve(arrays[name].shape[axis], *(sizes[needed][1] for needed in needs))
            sizes[size] = (name, max(found, 0))
    for name, (shape, _) in declared.items():
        _fit(name, shape, arrays[name].shape, sizes)
    return arrays.values()


def _fit(name, shape, came, sizes):
    """Compare a shape with the declared one; the first array that has a size settles it for the others."""
    expected = []
    for dim, length in zip(shape, came):
        if isinstance(dim, str):
            expected.append(sizes[dim][1])
        elif isinstance(dim, tuple):
            _, needs, compute = dim
            known = all(size in sizes for size in needs)
            expected.append(compute(*(sizes[size][1] for size in needs)) if known else length)
        else:
            expected.append(dim)
    if len(shape) != len(came) or tuple(expected) != came:
        spelled = ", ".join(dim[0] if isinstance(dim, tuple) else str(dim) for dim in shape)
        text = f"shape ({spelled}{',' if len(shape) == 1 else ''})" if shape else "a scalar"
        used = dict.fromkeys(size for dim in shape for size in (dim[1] if isinstance(dim, tuple) else (dim,)))
        known = [
            f"{size} = {sizes[size][1]} from {sizes[size][0]}" for size in used if sizes.get(size, (name,))[0] != name
        ]
        raise ValueError(f"{name} has shape {came}, expected {text}" + (f" with {', '.join(known)}" if known else ""))
    if 0 in came:
        raise ValueError(f"{name} has shape {came}: it holds no entries, expected at least one")


def _cotangent(name, given, shape, dtype):
    """A cotangent as an array of the output's shape."""
    array = _array(name, given)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}, the shape of the output")
    return array.astype(dtype, copy=False)[()]


def _positions(positions, length):
    """Positions as indices; raise where one does not fit an axis of that length."""
    positions = np.asarray(positions).astype(np.intp, copy=False)
    if positions.size and not 0 <= positions.min() <= positions.max() < length:
        raise IndexError(
            f"positions from {positions.min()} to {positions.max()} do not fit an axis of {length} entries"
        )
    return positions


def _one_hot(positions, length, dtype):
    """Along a new last axis 1 at each position, counted from 0, else 0."""
    positions = _positions(positions, length)
    result = np.zeros((*positions.shape, length), dtype)
    np.put_along_axis(result, positions[..., None], 1, -1)
    return result


def _masked(condition, x):
    """x where the condition holds, else 0, whatever x is there: of large arrays by bits, in a third of the time."""
    if np.size(x) < 4096 or np.shape(condition) != np.shape(x):
        return np.where(condition, x, 0)
    kept = np.negative(condition.view(np.int8)).astype(f"i{x.itemsize}")  # all bits, or none
    return np.bitwise_and(kept, x.view(kept.dtype), out=kept).view(x.dtype)


def _windows(x, *axes, writeable=False):
    """A view of x in which some axes are several, one for each (size, step) of theirs.

    Each of `axes` is (axis, start, (size, step), (size', step'), ...): the entries at start + step i + step' i' + ...
    """
    shape, strides, first = [], [], [slice(None)] * x.ndim
    terms = {axis: sizes for axis, _, *sizes in axes}
    for axis, start, *sizes in axes:
        first[axis] = slice(0 if any(size == 0 for size, _ in sizes) else start, None)
    for axis, stride in enumerate(x.strides):
        for size, step in terms.get(axis, [(x.shape[axis], 1)]):
            shape.append(size)
            strides.append(step * stride)
    return np.lib.stride_tricks.as_strided(x[tuple(first)], shape, strides, writeable=writeable)


def _add_windows(values, shape, *axes):
    """The transpose of `_windows`: zeros of a shape, with each value added where it came from."""
    result = np.zeros(shape, values.dtype)
    view = _windows(result, *axes, writeable=True)
    terms = {axis: sizes for axis, _, *sizes in axes}
    loops, place = [], 0
    for axis, length in enumerate(shape):
        sizes = terms.get(axis, [(length, 1)])
        apart = len(sizes) == 1 or (len(sizes) == 2 and any(abs(s) >= n * abs(t) for _, s in sizes for n, t in sizes))
        if not apart:  # entries meet: they are added one after the other, but for those along the longest
            longest = max(range(len(sizes)), key=lambda k: sizes[k][0])
            loops += [place + k for k in range(len(sizes)) if k != longest]
        place += len(sizes)
    for offsets in np.ndindex(*(view.shape[axis] for axis in loops)):
        entry = [slice(None)] * view.ndim
        for axis, k in zip(loops, offsets):
            entry[axis] = k
        part = view[tuple(entry)]
        part += values[tuple(entry)]
    return result


def _of_windows(function, x, *windows):
    """The sum or the largest entry of each window of the last axes; `windows` are (size, step) along each."""
    for axis, (size, step) in enumerate(windows, x.ndim - len(windows)):
        last = (x.shape[axis] - size) // step * step
        first, *rest = (x[(slice(None),) * axis + (slice(k, k + last + 1, step),)] for k in range(size))
        x = function(first, rest.pop()) if rest else first
        for part in rest:
            function(x, part, out=x)
    return x


def _first_largest(x, y, windows):
    """For each place in the windows of x: those entries of x, and which of them are y, the largest, for the first time."""
    free = np.ones_like(y, bool)
    for place in np.ndindex(*(size for size, _ in windows)):
        steps = [(k, step, count) for k, (_, step), count in zip(place, windows, y.shape[-len(windows) :])]
        spot = (..., *(slice(k, k + step * (count - 1) + 1, step) for k, step, count in steps))
        hit = (x[spot] == y) & free
        free ^= hit
        yield spot, hit


def _place_first_max(g, x, y, *windows):
    """The transpose of `_pick_first_max`: zeros like x, to which g is added at the first largest entry y of each window."""
    result = np.zeros_like(x) if g.ndim == x.ndim else np.zeros((*g.shape[: g.ndim - x.ndim], *x.shape), x.dtype)
    if g.strides != y.strides and g.ndim == y.ndim:
        g, given = np.empty_like(y), g  # lines of memory of both are then of the same entries
        g[...] = given
    apart = all(size <= step for size, step in windows)
    for spot, hit in _first_largest(x, y, windows):
        part = result[spot]
        np.copyto(part, g, where=hit) if apart else np.add(part, np.where(hit, g, 0), out=part)
    return result


def pack(parts):
    """Join arrays, such as the parts of a gradient, into one vector."""
    return np.concatenate([np.ravel(part) for part in parts])


def _unflatten(vec, shapes, sizes):
    """Split a copy of a vector into arrays; at most one size may be None: it follows from the length."""
    vec = np.array(vec)
    if vec.ndim != 1:
        raise ValueError(f"vec has shape {vec.shape}, expected one vector")
    unknown = [name for name, size in sizes.items() if size is None]
    if len(unknown) > 1:
        raise ValueError(f"the sizes {', '.join(unknown)} do not follow from vec: give all but one of them")

    def shapes_at(trial):
        known = {name: trial if size is None else size for name, size in sizes.items()}
        return [tuple(dim if isinstance(dim, int) else dim(**known) for dim in shape) for shape in shapes]

    def too_small(trial):
        trials = shapes_at(trial)
        return any(dim < 0 for shape in trials for dim in shape) or sum(map(math.prod, trials)) < vec.size

    low = high = 1
    while unknown and too_small(high):
        low, high = high + 1, 2 * high
    while low < high:  # the unknown size lies between
        middle = (low + high) // 2
        low, high = (middle + 1, high) if too_small(middle) else (low, middle)
    parts, start = [], 0
    for shape in shapes_at(low):
        stop = start + math.prod(shape)
        parts.append((shape, vec[start:stop]))
        start = stop
    if start != vec.size:
        raise ValueError(f"vec has {vec.size} entries, expected {start}")
    return [part.reshape(shape)[()] for shape, part in parts]


def _over_blocks(block, count, width, data, rest, laws, axes=None, sums=1):
    """The results of block(*data, *rest), computed for a part of the samples at a time, so that arrays stay in cache.

    Each sample has `width` entries in the widest array computed, the largest sum over samples has `sums`; `laws` says how
    the results of parts combine.
    """
    if count * width <= _ENTRIES or (rows := _rows(count, width, data, sums)) >= count:
        return block(*data, *rest)
    cuts = [(slice(None),) * axis for axis in axes or (0,) * len(data)]

    def part(start):
        here = slice(start, start + rows)
        return block(*(array[(*cut, here)] for array, cut in zip(data, cuts, strict=True)), *rest)

    def combine(start, found):
        totals[:] = [_combined(*three, start, count) for three in zip(laws, totals or found, found, strict=True)]

    totals = []
    _THREADS.run(part, range(0, count, rows), combine)
    return totals


def _rows(count, width, data, sums):
    """How many samples a part has: a number that depends on sizes alone, so that results do not depend on the threads."""
    given = max(array.size for array in data) // count
    most = min(_ENTRIES // 4, max(1, 16 * _ENTRIES // given))  # more cost more to hand over than they save
    least = 2 * sums // width  # adding up the sums of all parts stays small against computing them
    rows = min(most, max(1, _ENTRIES // width, least, min(32, 16 * _ENTRIES // width)))
    parts = -(-count // rows)
    return -(-count // parts)


def _combined(law, total, found, start, count):
    """What the parts up to one give: a sum, an extreme, or the rows of all of them."""
    if law.startswith("rows"):
        front = (slice(None),) * int(law.removeprefix("rows "))
        if start == 0:
            total = np.empty((*found.shape[: len(front)], count, *found.shape[len(front) + 1 :]), found.dtype)
        total[(*front, slice(start, start + found.shape[len(front)]))] = found
        return total
    if start == 0:
        return found
    in_place = np.ndim(total) and total.flags.writeable  # rows that are repeated are a view, which is not
    return getattr(np, law)(total, found, out=total if in_place else None)


class _Threads:
    """The threads that parts run on, started when first needed; meanwhile BLAS keeps to the one thread that calls it.

    A signal handler, or a function that a part calls, may call the module again, and Ctrl-C may come anywhere. So no call
    waits for another, and what calls share changes in single steps: those of a queue, of a dict, and ``with lock``.
    """

    def __init__(self):
        self.count, self.pools = None, {}  # by process, since threads do not survive a fork

    def run(self, function, arguments, combine=lambda argument, found: None):
        """Call function(argument) for each argument, and combine(argument, what it returned) in their order.

        Every thread takes the next argument when it is done with one, this thread among them: waking another takes longer
        than many a part.
        """
        remaining, waiting, done, turn = iter(arguments), deque(arguments), {}, threading.Lock()
        wanted, over, settled, failed = threading.Lock(), SimpleQueue(), SimpleQueue(), []

        def take(finished=None, found=None):
            with turn:
                if finished is not None:
                    done[finished] = found
                while waiting and waiting[0] in done:
                    argument = waiting.popleft()
                    combine(argument, done.pop(argument))
                if not waiting:
                    over.put(None)
                return next(remaining, None)

        def work():
            try:
                argument = take()
                while argument is not None and wanted.locked():
                    argument = take(argument, function(argument))
            except BaseException as error:
                failed.append(error)
                deque(remaining, maxlen=0)  # the others stop too
                over.put(None)

        def settle():
            _settle(blas)
            settled.put(None)

        blas, tasks, others = self.ready(len(waiting) - 1)
        try:
            with wanted:
                _settle(blas, wanted)
                for _ in range(others):
                    tasks.put((contextvars.copy_context(), work))
                work()
                over.get()
            _settle(blas)
        except BaseException:  # Ctrl-C, perhaps again and again: but signals interrupt no other thread than this
            _thread.start_new_thread(settle, ())
            settled.get()
            raise
        if failed:
            raise failed.pop()

    def ready(self, most):
        """BLAS, the queue of what other threads are to do, and how many others there are, so many at most."""
        self.count = self.count or _default_count()
        process = os.getpid()
        blas, tasks, threads = self.pools.get(process) or self.pools.setdefault(process, (_blas(), SimpleQueue(), []))
        most = min(most, self.count - 1) if blas else 0  # BLAS has threads of its own, and ours would fight them
        with suppress(RuntimeError):  # there can be no more threads
            while len(threads) < most:  # a loop in C: one of this module would keep it in memory
                loop = starmap(contextvars.Context.run, iter(tasks.get, None))
                threads.append(_thread.start_new_thread(deque, (loop, 0)))
        return blas, tasks, min(most, len(threads))

    def __del__(self):
        for _, tasks, threads in self.pools.values():
            for _ in threads:
                tasks.put(None)


def _default_count():
    """How many threads there are to be: SYMDIFF_NUM_THREADS, or as many as cores."""
    given = os.environ.get("SYMDIFF_NUM_THREADS")
    if given is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not given.strip().isdecimal() or int(given) < 1:
        raise ValueError(f"SYMDIFF_NUM_THREADS is {given!r}, expected a whole number from 1")
    return int(given)


def _blas():
    """What the modules of a process, of all versions of symdiff, agree on: BLAS is one for all; None where nothing limits it.

    "calls" are locks, each locked while a call is at work; "before" are libraries with their threads, where BLAS is limited.
    """
    np.empty(4_000_000)  # once 32 MB were freed, glibc's malloc keeps what parts free, else each faults it in anew
    try:
        import threadpoolctl

        libraries = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    except (AttributeError, ImportError):
        return None
    states = vars(threadpoolctl).setdefault("_symdiff_1", {})
    before = [
        pair for state in states.values() for pair in state["before"]
    ]  # a fork amid a call limits the child for good
    state = {"lock": threading.RLock(), "calls": [], "before": before, "libraries": libraries}
    return states.setdefault(os.getpid(), state)


def _settle(blas, call=None):
    """Let BLAS have one thread while calls are at work, this one among them, then as many as before.

    Where this is interrupted, or called amid itself, it need only be called again.
    """
    if blas is None:
        return
    with blas["lock"]:
        blas["calls"] = [other for other in (call, *blas["calls"]) if other and other.locked()]
        if not blas["calls"]:
            for library, threads in blas["before"]:
                _set_blas_threads(library, threads)
            blas["before"] = []
            return
        now = [] if blas["before"] else [(library, library.num_threads) for library in blas["libraries"]]
        blas["before"] = blas["before"] or now
        for library, _ in blas["before"]:
            _set_blas_threads(library, 1)


def _set_blas_threads(library, count):
    """Set how many threads a library has, whoever did so before: threadpoolctl 3.8 ignores all threads but one."""
    anyone_may = getattr(library, "clear_controlling_thread", lambda force: None)
    anyone_may(force=True)
    library.set_num_threads(count)
    anyone_may(force=True)


_ENTRIES = 262144  # of the widest array of a part: 2 MB of doubles
_THREADS = _Threads()


def set_threads(count):
    """Set how many threads work on parts of the samples: by default SYMDIFF_NUM_THREADS, or all cores there are."""
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"count is {count!r}, expected a whole number from 1")
    _THREADS.count = int(count)


def _in_scratch(block):
    """The function of a block, lent arrays to compute in; a call amid it, say by a signal handler, is lent others."""

    def call(*arguments):
        idle = vars(_SCRATCH)
        scratch = idle.pop("arrays", None) or {}
        try:
            return block(scratch, *arguments)
        finally:
            idle["arrays"] = scratch

    return call


def _matmul_into(scratch, number, a, b):
    """a @ b, over the array of that number in scratch; in a new array where it is small, or too large to be kept."""
    if a.size * b.size < _LEAST // 8 or min(a.ndim, b.ndim) == 1:  # the result has no more entries than that
        return a @ b
    shape, dtype = (*(a.shape[:-2] or b.shape[:-2]), a.shape[-2], b.shape[-1]), np.result_type(a, b)
    size = math.prod(shape) * dtype.itemsize
    if size < _LEAST:
        return a @ b
    found = scratch.get(number)
    if found is None or found.nbytes < size:
        if size + sum(array.nbytes for other, array in scratch.items() if other != number) > _MOST:
            return a @ b
        found = scratch[number] = np.empty(size, np.uint8)
    return np.matmul(a, b, out=found[:size].view(dtype).reshape(shape))


_LEAST, _MOST = 65536, 67108864  # bytes of an array that is worth keeping, and of all that a thread keeps
_SCRATCH = threading.local()  # the arrays of each thread, while no function has them


def release_scratch():
    """Let go of the arrays that threads keep to compute in, 64 MB each at most; later calls make new ones."""
    global _SCRATCH
    _SCRATCH = threading.local()
