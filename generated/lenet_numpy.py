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
    has no form in the model's dialect; see the code.

"""


import contextvars
import math
import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
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
    reshape_k1 = k1.reshape(6, 25)
    reshape_k2 = k2.reshape(16, 150)
    t2 = b2[:, None, None]
    (s1,) = _over_blocks(
        _value_block, n, 19600, (label, image), (reshape_k1, t1, reshape_k2, t2, w3, b3, w4, b4, w5, b5), ("add",),
    )
    value = -s1 / n
    return value


def _value_block(label, image, reshape_k1, t1, reshape_k2, t2, w3, b3, w4, b4, w5, b5):
    """The part of `value` that one block of samples has."""
    rows = label.shape[0]
    t3 = _windows(image, (2, 0, (28, 1), (5, 1)), (3, 0, (28, 1), (5, 1))).transpose(0, 1, 3, 5, 2, 4)
    t4 = np.maximum((reshape_k1 @ t3.reshape(rows, 25, 784)).reshape(rows, 6, 28, 28) + t1, 0)
    h1 = _window_max(_windows(t4, (2, 0, (14, 2), (2, 1)), (3, 0, (14, 2), (2, 1))), (3, 5))
    t5 = _windows(h1, (2, 0, (10, 1), (5, 1)), (3, 0, (10, 1), (5, 1))).transpose(0, 1, 3, 5, 2, 4)
    t6 = np.maximum((reshape_k2 @ t5.reshape(rows, 150, 100)).reshape(rows, 16, 10, 10) + t2, 0)
    h2 = _window_max(_windows(t6, (2, 0, (5, 2), (2, 1)), (3, 0, (5, 2), (2, 1))), (3, 5))
    h3 = np.maximum(h2.reshape(rows, 400) @ w3 + b3, 0)
    h4 = np.maximum(h3 @ w4 + b4, 0)
    scores = h4 @ w5 + b5
    max_scores = np.maximum.reduce(scores, axis=1)
    t7 = np.where(np.abs(max_scores) < np.inf, max_scores, 0)
    t8 = scores - (np.log(np.add.reduce(np.exp(scores - t7[:, None]), axis=1)) + t7)[:, None]
    s1 = np.vdot(_one_hot(label, 10, image.dtype), t8)
    return (s1,)


def grad(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label):
    """Return the gradient of the objective by k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label = _arguments(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label,
    )
    n = image.shape[0]
    # gradient by k1
    t1 = b1[:, None, None]
    reshape_k1 = k1.reshape(6, 25)
    reshape_k2 = k2.reshape(16, 150)
    t2 = b2[:, None, None]
    s1, grad_b1, s3, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5 = _over_blocks(
        _grad_block, n, 19600, (image, label), (reshape_k1, t1, reshape_k2, t2, n, w3, b3, w4, b4, w5, b5),
        ("add",) * 10,
    )
    grad_k1 = s1.reshape(6, 1, 5, 5)
    grad_k2 = s3.reshape(16, 6, 5, 5)
    return Grad(grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5)


def _grad_block(image, label, reshape_k1, t1, reshape_k2, t2, n, w3, b3, w4, b4, w5, b5):
    """The part of `grad` that one block of samples has."""
    rows = image.shape[0]
    t3 = _windows(image, (2, 0, (28, 1), (5, 1)), (3, 0, (28, 1), (5, 1))).transpose(0, 1, 3, 5, 2, 4)
    reshape_t3 = t3.reshape(rows, 25, 784)
    t4 = (reshape_k1 @ reshape_t3).reshape(rows, 6, 28, 28) + t1
    t5 = _windows(np.maximum(t4, 0), (2, 0, (14, 2), (2, 1)), (3, 0, (14, 2), (2, 1)))
    h1 = _window_max(t5, (3, 5))
    t6 = _windows(h1, (2, 0, (10, 1), (5, 1)), (3, 0, (10, 1), (5, 1))).transpose(0, 1, 3, 5, 2, 4)
    reshape_t6 = t6.reshape(rows, 150, 100)
    t7 = (reshape_k2 @ reshape_t6).reshape(rows, 16, 10, 10) + t2
    t8 = _windows(np.maximum(t7, 0), (2, 0, (5, 2), (2, 1)), (3, 0, (5, 2), (2, 1)))
    h2 = _window_max(t8, (3, 5))
    reshape_h2 = h2.reshape(rows, 400)
    t9 = reshape_h2 @ w3 + b3
    h3 = np.maximum(t9, 0)
    t10 = h3 @ w4 + b4
    h4 = np.maximum(t10, 0)
    scores = h4 @ w5 + b5
    max_scores = np.maximum.reduce(scores, axis=1)
    t11 = np.exp(scores - np.where(np.abs(max_scores) < np.inf, max_scores, 0)[:, None])
    t12 = (t11 / np.add.reduce(t11, axis=1)[:, None] - _one_hot(label, 10, image.dtype)) / n
    t13 = np.where(t10 > 0, t12 @ w5.T, 0)
    t14 = np.where(t9 > 0, t13 @ w4.T, 0)
    t15 = (t14 @ w3.T).reshape(rows, 16, 5, 5)[:, :, :, None, :, None] * _first_max(t8, (3, 5))
    t16 = _add_windows(t15, (rows, 16, 10, 10), (2, 0, (5, 2), (2, 1)), (3, 0, (5, 2), (2, 1)))
    t17 = np.where(t7 > 0, t16, 0)
    reshape_t17 = t17.reshape(rows, 16, 100)
    t18 = (reshape_k2.T @ reshape_t17).reshape(rows, 6, 5, 5, 10, 10).transpose(0, 1, 4, 2, 5, 3)
    t19 = _add_windows(t18, (rows, 6, 14, 14), (2, 0, (10, 1), (5, 1)), (3, 0, (10, 1), (5, 1)))
    t20 = _add_windows(
        t19[:, :, :, None, :, None] * _first_max(t5, (3, 5)), (rows, 6, 28, 28), (2, 0, (14, 2), (2, 1)),
        (3, 0, (14, 2), (2, 1)),
    )
    t21 = np.where(t4 > 0, t20, 0)
    s1 = np.add.reduce(t21.reshape(rows, 6, 784) @ reshape_t3.transpose(0, 2, 1))
    grad_b1 = np.add.reduce(t21, axis=(0, 2, 3))
    s3 = np.add.reduce(reshape_t17 @ reshape_t6.transpose(0, 2, 1))
    grad_b2 = np.add.reduce(t17, axis=(0, 2, 3))
    grad_w3 = reshape_h2.T @ t14
    grad_b3 = np.add.reduce(t14)
    grad_w4 = h3.T @ t13
    grad_b4 = np.add.reduce(t13)
    grad_w5 = h4.T @ t12
    grad_b5 = np.add.reduce(t12)
    return s1, grad_b1, s3, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5


def value_and_grad(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label):
    """Return the objective and its gradient by k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label = _arguments(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label,
    )
    n = image.shape[0]
    t1 = b1[:, None, None]
    reshape_k1 = k1.reshape(6, 25)
    reshape_k2 = k2.reshape(16, 150)
    t2 = b2[:, None, None]
    s1, s2, grad_b1, s4, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5 = _over_blocks(
        _value_and_grad_block, n, 19600, (label, image),
        (reshape_k1, t1, reshape_k2, t2, n, w3, b3, w4, b4, w5, b5), ("add",) * 11,
    )
    value = -s1 / n
    grad_k1 = s2.reshape(6, 1, 5, 5)
    grad_k2 = s4.reshape(16, 6, 5, 5)
    return value, Grad(grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5)


def _value_and_grad_block(label, image, reshape_k1, t1, reshape_k2, t2, n, w3, b3, w4, b4, w5, b5):
    """The part of `value_and_grad` that one block of samples has."""
    rows = label.shape[0]
    one_hot_label = _one_hot(label, 10, image.dtype)
    t3 = _windows(image, (2, 0, (28, 1), (5, 1)), (3, 0, (28, 1), (5, 1))).transpose(0, 1, 3, 5, 2, 4)
    reshape_t3 = t3.reshape(rows, 25, 784)
    t4 = (reshape_k1 @ reshape_t3).reshape(rows, 6, 28, 28) + t1
    t5 = _windows(np.maximum(t4, 0), (2, 0, (14, 2), (2, 1)), (3, 0, (14, 2), (2, 1)))
    h1 = _window_max(t5, (3, 5))
    t6 = _windows(h1, (2, 0, (10, 1), (5, 1)), (3, 0, (10, 1), (5, 1))).transpose(0, 1, 3, 5, 2, 4)
    reshape_t6 = t6.reshape(rows, 150, 100)
    t7 = (reshape_k2 @ reshape_t6).reshape(rows, 16, 10, 10) + t2
    t8 = _windows(np.maximum(t7, 0), (2, 0, (5, 2), (2, 1)), (3, 0, (5, 2), (2, 1)))
    h2 = _window_max(t8, (3, 5))
    reshape_h2 = h2.reshape(rows, 400)
    t9 = reshape_h2 @ w3 + b3
    h3 = np.maximum(t9, 0)
    t10 = h3 @ w4 + b4
    h4 = np.maximum(t10, 0)
    scores = h4 @ w5 + b5
    max_scores = np.maximum.reduce(scores, axis=1)
    t11 = np.where(np.abs(max_scores) < np.inf, max_scores, 0)
    t12 = np.exp(scores - t11[:, None])
    t13 = np.add.reduce(t12, axis=1)
    t14 = (t12 / t13[:, None] - one_hot_label) / n
    t15 = np.where(t10 > 0, t14 @ w5.T, 0)
    t16 = np.where(t9 > 0, t15 @ w4.T, 0)
    t17 = (t16 @ w3.T).reshape(rows, 16, 5, 5)[:, :, :, None, :, None] * _first_max(t8, (3, 5))
    t18 = _add_windows(t17, (rows, 16, 10, 10), (2, 0, (5, 2), (2, 1)), (3, 0, (5, 2), (2, 1)))
    t19 = np.where(t7 > 0, t18, 0)
    reshape_t19 = t19.reshape(rows, 16, 100)
    t20 = (reshape_k2.T @ reshape_t19).reshape(rows, 6, 5, 5, 10, 10).transpose(0, 1, 4, 2, 5, 3)
    t21 = _add_windows(t20, (rows, 6, 14, 14), (2, 0, (10, 1), (5, 1)), (3, 0, (10, 1), (5, 1)))
    t22 = _add_windows(
        t21[:, :, :, None, :, None] * _first_max(t5, (3, 5)), (rows, 6, 28, 28), (2, 0, (14, 2), (2, 1)),
        (3, 0, (14, 2), (2, 1)),
    )
    t23 = np.where(t4 > 0, t22, 0)
    s1 = np.vdot(one_hot_label, scores - (np.log(t13) + t11)[:, None])
    s2 = np.add.reduce(t23.reshape(rows, 6, 784) @ reshape_t3.transpose(0, 2, 1))
    grad_b1 = np.add.reduce(t23, axis=(0, 2, 3))
    s4 = np.add.reduce(reshape_t19 @ reshape_t6.transpose(0, 2, 1))
    grad_b2 = np.add.reduce(t19, axis=(0, 2, 3))
    grad_w3 = reshape_h2.T @ t16
    grad_b3 = np.add.reduce(t16)
    grad_w4 = h3.T @ t15
    grad_b4 = np.add.reduce(t15)
    grad_w5 = h4.T @ t14
    grad_b5 = np.add.reduce(t14)
    return s1, s2, grad_b1, s4, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5


def scores(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image):
    """Return scores."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image = _arguments_of_scores(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image,
    )
    n = image.shape[0]
    t1 = b1[:, None, None]
    reshape_k1 = k1.reshape(6, 25)
    reshape_k2 = k2.reshape(16, 150)
    t2 = b2[:, None, None]
    (scores,) = _over_blocks(
        _scores_block, n, 19600, (image,), (reshape_k1, t1, reshape_k2, t2, w3, b3, w4, b4, w5, b5), ("rows 0",),
    )
    return scores


def _scores_block(image, reshape_k1, t1, reshape_k2, t2, w3, b3, w4, b4, w5, b5):
    """The part of `scores` that one block of samples has."""
    rows = image.shape[0]
    t3 = _windows(image, (2, 0, (28, 1), (5, 1)), (3, 0, (28, 1), (5, 1))).transpose(0, 1, 3, 5, 2, 4)
    t4 = np.maximum((reshape_k1 @ t3.reshape(rows, 25, 784)).reshape(rows, 6, 28, 28) + t1, 0)
    h1 = _window_max(_windows(t4, (2, 0, (14, 2), (2, 1)), (3, 0, (14, 2), (2, 1))), (3, 5))
    t5 = _windows(h1, (2, 0, (10, 1), (5, 1)), (3, 0, (10, 1), (5, 1))).transpose(0, 1, 3, 5, 2, 4)
    t6 = np.maximum((reshape_k2 @ t5.reshape(rows, 150, 100)).reshape(rows, 16, 10, 10) + t2, 0)
    h2 = _window_max(_windows(t6, (2, 0, (5, 2), (2, 1)), (3, 0, (5, 2), (2, 1))), (3, 5))
    h3 = np.maximum(h2.reshape(rows, 400) @ w3 + b3, 0)
    h4 = np.maximum(h3 @ w4 + b4, 0)
    scores = h4 @ w5 + b5
    return (scores,)


def scores_vjp(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, u):
    """Return u^T times the Jacobian of scores, u of the shape of scores."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image = _arguments_of_scores(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image,
    )
    u = _cotangent("u", u, (image.shape[0], 10), k1.dtype)
    n = image.shape[0]
    t1 = b1[:, None, None]
    reshape_k1 = k1.reshape(6, 25)
    reshape_k2 = k2.reshape(16, 150)
    t2 = b2[:, None, None]
    s1, vjp_b1, s3, vjp_b2, vjp_w3, vjp_b3, vjp_w4, vjp_b4, vjp_w5, vjp_b5 = _over_blocks(
        _scores_vjp_block, n, 19600, (image, u), (reshape_k1, t1, reshape_k2, t2, w3, b3, w4, b4, w5),
        ("add",) * 10,
    )
    vjp_k1 = s1.reshape(6, 1, 5, 5)
    vjp_k2 = s3.reshape(16, 6, 5, 5)
    return ScoresGrad(vjp_k1, vjp_b1, vjp_k2, vjp_b2, vjp_w3, vjp_b3, vjp_w4, vjp_b4, vjp_w5, vjp_b5)


def _scores_vjp_block(image, u, reshape_k1, t1, reshape_k2, t2, w3, b3, w4, b4, w5):
    """The part of `scores_vjp` that one block of samples has."""
    rows = image.shape[0]
    t3 = _windows(image, (2, 0, (28, 1), (5, 1)), (3, 0, (28, 1), (5, 1))).transpose(0, 1, 3, 5, 2, 4)
    reshape_t3 = t3.reshape(rows, 25, 784)
    t4 = (reshape_k1 @ reshape_t3).reshape(rows, 6, 28, 28) + t1
    t5 = _windows(np.maximum(t4, 0), (2, 0, (14, 2), (2, 1)), (3, 0, (14, 2), (2, 1)))
    h1 = _window_max(t5, (3, 5))
    t6 = _windows(h1, (2, 0, (10, 1), (5, 1)), (3, 0, (10, 1), (5, 1))).transpose(0, 1, 3, 5, 2, 4)
    reshape_t6 = t6.reshape(rows, 150, 100)
    t7 = (reshape_k2 @ reshape_t6).reshape(rows, 16, 10, 10) + t2
    t8 = _windows(np.maximum(t7, 0), (2, 0, (5, 2), (2, 1)), (3, 0, (5, 2), (2, 1)))
    h2 = _window_max(t8, (3, 5))
    reshape_h2 = h2.reshape(rows, 400)
    t9 = reshape_h2 @ w3 + b3
    h3 = np.maximum(t9, 0)
    t10 = h3 @ w4 + b4
    t11 = np.where(t10 > 0, u @ w5.T, 0)
    t12 = np.where(t9 > 0, t11 @ w4.T, 0)
    t13 = (t12 @ w3.T).reshape(rows, 16, 5, 5)[:, :, :, None, :, None] * _first_max(t8, (3, 5))
    t14 = _add_windows(t13, (rows, 16, 10, 10), (2, 0, (5, 2), (2, 1)), (3, 0, (5, 2), (2, 1)))
    t15 = np.where(t7 > 0, t14, 0)
    reshape_t15 = t15.reshape(rows, 16, 100)
    t16 = (reshape_k2.T @ reshape_t15).reshape(rows, 6, 5, 5, 10, 10).transpose(0, 1, 4, 2, 5, 3)
    t17 = _add_windows(t16, (rows, 6, 14, 14), (2, 0, (10, 1), (5, 1)), (3, 0, (10, 1), (5, 1)))
    t18 = _add_windows(
        t17[:, :, :, None, :, None] * _first_max(t5, (3, 5)), (rows, 6, 28, 28), (2, 0, (14, 2), (2, 1)),
        (3, 0, (14, 2), (2, 1)),
    )
    t19 = np.where(t4 > 0, t18, 0)
    h4 = np.maximum(t10, 0, out=t10)
    s1 = np.add.reduce(t19.reshape(rows, 6, 784) @ reshape_t3.transpose(0, 2, 1))
    vjp_b1 = np.add.reduce(t19, axis=(0, 2, 3))
    s3 = np.add.reduce(reshape_t15 @ reshape_t6.transpose(0, 2, 1))
    vjp_b2 = np.add.reduce(t15, axis=(0, 2, 3))
    vjp_w3 = reshape_h2.T @ t12
    vjp_b3 = np.add.reduce(t12)
    vjp_w4 = h3.T @ t11
    vjp_b4 = np.add.reduce(t11)
    vjp_w5 = h4.T @ u
    vjp_b5 = np.add.reduce(u)
    return s1, vjp_b1, s3, vjp_b2, vjp_w3, vjp_b3, vjp_w4, vjp_b4, vjp_w5, vjp_b5


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


def _convert(declared, arguments):
    """Return the arguments as arrays of one floating dtype; raise for the first that does not fit its declaration."""
    arrays = _typed({name: kind for name, (_, kind) in declared.items()}, arguments)
    sizes = {}
    for name, (shape, _) in declared.items():
        _fit(name, shape, arrays[name].shape, sizes)
    return arrays.values()


def _fit(name, shape, came, sizes):
    """Compare a shape with the declared one; the first array that has a size settles it for the others."""
    expected = []
    for dim, length in zip(shape, came):
        if isinstance(dim, str):
            expected.append(sizes.setdefault(dim, (name, length))[1])
        elif isinstance(dim, tuple):
            _, needs, compute = dim
            known = all(size in sizes for size in needs)
            expected.append(compute(*(sizes[size][1] for size in needs)) if known else length)
        else:
            expected.append(dim)
    if len(shape) != len(came) or tuple(expected) != came:
        spelled = ", ".join(dim[0] if isinstance(dim, tuple) else str(dim) for dim in shape)
        text = f"shape ({spelled}{',' if len(shape) == 1 else ''})" if shape else "a scalar"
        known = [f"{dim} = {sizes[dim][1]} from {sizes[dim][0]}" for dim in shape if sizes.get(dim, (name,))[0] != name]
        raise ValueError(f"{name} has shape {came}, expected {text}" + (f" with {', '.join(known)}" if known else ""))
    if 0 in came:
        raise ValueError(f"{name} has shape {came}: it holds no entries, expected at least one")


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


def _cotangent(name, given, shape, dtype):
    """A cotangent as an array of the output's shape."""
    array = _array(name, given)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}, the shape of the output")
    return array.astype(dtype, copy=False)[()]


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
        view[tuple(entry)] += values[tuple(entry)]
    return result


def _window_max(x, axes):
    """The largest entries along the few places of some axes."""
    result = None
    for place in np.ndindex(*(x.shape[axis] for axis in axes)):
        entry = [slice(None)] * x.ndim
        for axis, k in zip(axes, place):
            entry[axis] = k
        part = x[tuple(entry)]
        result = part.copy() if result is None else np.maximum(result, part, out=result)
    return result


def _positions(positions, length):
    """Positions as indices; raise where one does not fit an axis of that length."""
    positions = np.asarray(positions).astype(np.intp, copy=False)
    if positions.size and not 0 <= positions.min() <= positions.max() < length:
        raise IndexError(f"positions from {positions.min()} to {positions.max()} do not fit an axis of {length} entries")
    return positions


def _one_hot(positions, length, dtype):
    """Along a new last axis 1 at each position, counted from 0, else 0."""
    positions = _positions(positions, length)
    result = np.zeros((*positions.shape, length), dtype)
    np.put_along_axis(result, positions[..., None], 1, -1)
    return result


def _first_max(x, axes):
    """1 at the first largest entry along the few places of some axes, else 0."""
    top = _window_max(x, axes)
    result = np.zeros(x.shape, x.dtype)
    free = np.ones(top.shape, bool)
    for place in np.ndindex(*(x.shape[axis] for axis in axes)):
        entry = [slice(None)] * x.ndim
        for axis, k in zip(axes, place):
            entry[axis] = k
        hit = free & (x[tuple(entry)] == top)
        result[tuple(entry)] = hit
        free &= ~hit
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

    def known_shapes(trial):
        known = {name: trial if size is None else size for name, size in sizes.items()}
        return [tuple(dim if isinstance(dim, int) else dim(**known) for dim in shape) for shape in shapes]

    trial = 1
    while unknown and sum(math.prod(shape) for shape in known_shapes(trial)) < vec.size:
        trial += 1
    parts, start = [], 0
    for shape in known_shapes(trial):
        stop = start + math.prod(shape)
        parts.append((shape, vec[start:stop]))
        start = stop
    if start != vec.size:
        raise ValueError(f"vec has {vec.size} entries, expected {start}")
    return [part.reshape(shape)[()] for shape, part in parts]


def _over_blocks(block, count, width, data, rest, laws, axes=None):
    """The results of block(*data, *rest), computed for a part of the samples at a time, so that arrays stay in cache.

    Each sample has `width` entries in the widest array computed; `laws` says how the results of parts combine.
    """
    rows = count if count * width <= _ENTRIES else _rows(count, width, data, rest)
    if rows >= count:
        return block(*data, *rest)
    cuts = [(slice(None),) * axis for axis in axes or (0,) * len(data)]

    def part(start):
        here = slice(start, start + rows)
        return block(*(array[(*cut, here)] for array, cut in zip(data, cuts, strict=True)), *rest)

    starts = range(0, count, rows)
    totals = None
    for start, found in zip(starts, _THREADS.run(part, starts), strict=True):
        totals = found if totals is None else totals
        totals = [_combined(*three, start, count) for three in zip(laws, totals, found, strict=True)]
    return totals


def _rows(count, width, data, rest):
    """How many samples a part has: a number that depends on sizes alone, so that results do not depend on the threads."""
    given = max(array.size for array in data) // count
    again = max(map(np.size, rest), default=0)  # what every part reads, and sums that are as large, are work for each part
    most = min(_ENTRIES // 4, max(1, 16 * _ENTRIES // given))  # more cost more to hand over than they save
    rows = min(most, max(1, _ENTRIES // width, 2 * again // width, min(32, 16 * _ENTRIES // width)))
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
    return total if start == 0 else getattr(np, law)(total, found)


class _Threads:
    """The threads that parts run on, started when first needed; meanwhile BLAS keeps to the one thread that calls it.

    Of several callers one works at a time.
    """

    def __init__(self):
        self.lock, self.count, self.pool, self.blas = threading.Lock(), None, None, None

    def run(self, function, arguments):
        """The results for each argument, in order, the same for any number of threads."""
        with self.lock:
            self.start()
            with self.blas.limit(limits=1, user_api="blas") if self.blas else nullcontext():
                pending = deque()
                for argument in arguments if self.pool else ():
                    pending.append(self.pool.submit(contextvars.copy_context().run, function, argument))
                    if len(pending) > 2 * self.count:
                        yield pending.popleft().result()
                yield from (part.result() for part in pending) if self.pool else map(function, arguments)

    def start(self):
        if self.count is None:
            np.empty(4_000_000)  # malloc keeps for later parts what is as small as this, once one such block is freed
            usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
            self.count = int(os.environ.get("SYMDIFF_NUM_THREADS") or usable)
        if self.blas is None:
            try:
                from threadpoolctl import ThreadpoolController

                self.blas = ThreadpoolController()
            except ImportError:  # BLAS has threads of its own, and ours would fight them
                self.blas, self.count = False, 1
        if self.pool is None and self.count > 1:
            self.pool = ThreadPoolExecutor(self.count)


_ENTRIES = 131072  # of the widest array of a part: 1 MB of doubles
_THREADS = _Threads()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _THREADS.__init__())  # threads do not survive a fork


def set_threads(count):
    """Set how many threads work on parts of the samples: by default SYMDIFF_NUM_THREADS, or all cores there are."""
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"count is {count!r}, expected a whole number from 1")
    with _THREADS.lock:
        _THREADS.count, _THREADS.pool = int(count) if _THREADS.blas is not False else 1, None
