# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""attention: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    embedding  parameter, (c, d)
    mark       parameter, (d,)
    wq         parameter, (d, d)
    wk         parameter, (d, d)
    wv         parameter, (d, d)
    gain       parameter, (d,)
    shift      parameter, (d,)
    readout    parameter, (d, c)
    token      data, (n, t), integers
    marked     data, (n, t)
    label      data, (n, t), integers

Closed form
    e1 = mark*marked[:, :, None] + take(embedding, token, 0)
    e2 = e1 @ wv
    e3 = e1 @ (wq @ wk.T).T
    e4 = (e1 @ transpose(e3, (0, 2, 1)))/sqrt(d)
    weights = softmax(e4, axis=2)
    e5 = e1 + weights @ e2
    e6 = e5 - sum(e5, axis=2)[:, :, None]/d
    e7 = sqrt(1e-05 + sum(e6**2, axis=2)/d)
    e8 = (1/e7)[:, :, None]
    e9 = e6*e8
    e10 = e9*gain + shift
    scores = e10 @ readout
    e11 = log_softmax(scores, axis=2)
    value = -sum(e11*one_hot(label, c))/(n*t)
    e12 = -one_hot(label, c) + softmax(scores, axis=2)
    e13 = e12 @ readout.T
    e14 = e13*gain
    e15 = e14*e8/(n*t) - einsum('ij,ijk->ijk', sum(e14*e6, axis=2)/(n*t*e7**3), e6)/d
    e16 = e15 - sum(e15, axis=2)[:, :, None]/d
    e17 = transpose(weights, (0, 2, 1)) @ e16
    e18 = (e16 @ transpose(e2, (0, 2, 1)))*weights
    e19 = (e18 - einsum('ij,ijk->ijk', sum(e18, axis=2), weights))/sqrt(d)
    e20 = transpose(e19, (0, 2, 1)) @ e1
    e21 = e16 + e17 @ wv.T + e19 @ e3 + e20 @ (wq @ wk.T)
    grad.embedding = einsum('klj,kli->ij', e21, one_hot(token, c))
    grad.mark = einsum('jk,jki->i', marked, e21)
    e22 = einsum('klj,kli->ij', e1, e20)
    grad.wq = e22 @ wk
    grad.wk = e22.T @ wq
    grad.wv = einsum('klj,kli->ij', e17, e1)
    grad.gain = sum(e13*e9, axis=(0, 1))/(n*t)
    grad.shift = sum(e13, axis=(0, 1))/(n*t)
    grad.readout = einsum('kli,klj->ij', e10, e12)/(n*t)

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
    _convert = _runtime._convert
    _masked = _runtime._masked
    _one_hot = _runtime._one_hot
    _scatter = _runtime._scatter
    _take = _runtime._take
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "attention",
    "inputs": {
        "embedding": {"role": "parameter", "shape": ("c", "d"), "dtype": "float"},
        "mark": {"role": "parameter", "shape": ("d",), "dtype": "float"},
        "wq": {"role": "parameter", "shape": ("d", "d"), "dtype": "float"},
        "wk": {"role": "parameter", "shape": ("d", "d"), "dtype": "float"},
        "wv": {"role": "parameter", "shape": ("d", "d"), "dtype": "float"},
        "gain": {"role": "parameter", "shape": ("d",), "dtype": "float"},
        "shift": {"role": "parameter", "shape": ("d",), "dtype": "float"},
        "readout": {"role": "parameter", "shape": ("d", "c"), "dtype": "float"},
        "token": {"role": "data", "shape": ("n", "t"), "dtype": "int"},
        "marked": {"role": "data", "shape": ("n", "t"), "dtype": "float"},
        "label": {"role": "data", "shape": ("n", "t"), "dtype": "int"},
    },
    "samples": None,
    "pointwise": False,
    "functions": {
        "value": ("embedding", "mark", "wq", "wk", "wv", "gain", "shift", "readout", "token", "marked", "label"),
        "grad": ("embedding", "mark", "wq", "wk", "wv", "gain", "shift", "readout", "token", "marked", "label"),
        "value_and_grad": ("embedding", "mark", "wq", "wk", "wv", "gain", "shift", "readout", "token", "marked", "label"),
        "scores": ("embedding", "mark", "wq", "wk", "wv", "gain", "shift", "readout", "token", "marked"),
        "weights": ("embedding", "mark", "wq", "wk", "token", "marked"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    embedding: np.ndarray
    mark: np.ndarray
    wq: np.ndarray
    wk: np.ndarray
    wv: np.ndarray
    gain: np.ndarray
    shift: np.ndarray
    readout: np.ndarray


class ScoresGrad(NamedTuple):
    """One array for each parameter of scores."""

    embedding: np.ndarray
    mark: np.ndarray
    wq: np.ndarray
    wk: np.ndarray
    wv: np.ndarray
    gain: np.ndarray
    shift: np.ndarray
    readout: np.ndarray


class WeightsGrad(NamedTuple):
    """One array for each parameter of weights."""

    embedding: np.ndarray
    mark: np.ndarray
    wq: np.ndarray
    wk: np.ndarray


def value(embedding, mark, wq, wk, wv, gain, shift, readout, token, marked, label):
    """Return the objective."""
    embedding, mark, wq, wk, wv, gain, shift, readout, token, marked, label = _arguments(
        embedding, mark, wq, wk, wv, gain, shift, readout, token, marked, label,
    )
    c = embedding.shape[0]
    d = embedding.shape[1]
    n = token.shape[0]
    t = token.shape[1]
    one_hot_label = _one_hot(label, c, embedding.dtype)
    t1 = mark * marked[:, :, None] + _take(embedding, token, 0)
    t2 = t1 @ (t1 @ (wq @ wk.T / float(np.sqrt(d))).T).transpose(0, 2, 1)
    max_t2 = np.maximum.reduce(t2, axis=2)
    t3 = np.exp(t2 - _masked(np.abs(max_t2) < np.inf, max_t2)[:, :, None])
    weights = t3 / np.add.reduce(t3, axis=2)[:, :, None]
    t4 = weights @ t1 @ wv + t1
    t5 = t4 - np.add.reduce(t4, axis=2)[:, :, None] / d
    t6 = gain * (t5 * (1 / np.sqrt(np.einsum("ijk,ijk->ij", t5, t5) / d + 1e-05))[:, :, None])
    scores = (shift + t6) @ readout
    max_scores = np.maximum.reduce(scores, axis=2)
    t7 = _masked(np.abs(max_scores) < np.inf, max_scores)
    t8 = (np.log(np.add.reduce(np.exp(scores - t7[:, :, None]), axis=2)) + t7)[:, :, None]
    value = -np.vdot(one_hot_label, _masked(one_hot_label != 0, scores - t8)) / (n*t)
    return value


def grad(embedding, mark, wq, wk, wv, gain, shift, readout, token, marked, label):
    """Return the gradient of the objective by embedding, mark, wq, wk, wv, gain, shift, readout."""
    embedding, mark, wq, wk, wv, gain, shift, readout, token, marked, label = _arguments(
        embedding, mark, wq, wk, wv, gain, shift, readout, token, marked, label,
    )
    d = embedding.shape[1]
    c = embedding.shape[0]
    n = token.shape[0]
    t = token.shape[1]
    # shared by all results
    t1 = wq @ wk.T
    t2 = mark * marked[:, :, None] + _take(embedding, token, 0)
    t3 = t2 @ wv
    t4 = t2 @ t1.T
    sqrt_d = float(np.sqrt(d))
    t5 = t2 @ t4.transpose(0, 2, 1) / sqrt_d
    max_t5 = np.maximum.reduce(t5, axis=2)
    t6 = np.exp(t5 - _masked(np.abs(max_t5) < np.inf, max_t5)[:, :, None])
    weights = t6 / np.add.reduce(t6, axis=2)[:, :, None]
    t7 = weights @ t3 + t2
    t8 = t7 - np.add.reduce(t7, axis=2)[:, :, None] / d
    t9 = np.sqrt(np.einsum("ijk,ijk->ij", t8, t8) / d + 1e-05)
    t10 = (1 / t9)[:, :, None]
    t11 = t8 * t10
    t12 = gain * t11 + shift
    scores = t12 @ readout
    max_scores = np.maximum.reduce(scores, axis=2)
    t13 = np.exp(scores - _masked(np.abs(max_scores) < np.inf, max_scores)[:, :, None])
    t14 = t13 / np.add.reduce(t13, axis=2)[:, :, None] - _one_hot(label, c, embedding.dtype)
    # gradient by embedding, mark and 5 more
    t15 = t14 @ readout.T
    # gradient by embedding, mark and 3 more
    t16 = gain * t15
    t17 = (np.einsum("ijk,ijk->ij", t8, t16) / (n*t) / (t9 * t9) / t9 / d)[:, :, None] * t8
    t18 = t16 * t10 / (n*t) - t17
    t19 = t18 - np.add.reduce(t18, axis=2)[:, :, None] / d
    # gradient by embedding, mark and 2 more
    t20 = weights * (t19 @ t3.transpose(0, 2, 1))
    t21 = (t20 - np.add.reduce(t20, axis=2)[:, :, None] * weights) / sqrt_d
    t22 = t21.transpose(0, 2, 1) @ t2
    # gradient by embedding, mark, wv
    t23 = weights.transpose(0, 2, 1) @ t19
    # gradient by embedding, mark
    t24 = t22 @ t1 + (t21 @ t4 + t19) + t23 @ wv.T
    grad_embedding = _scatter(t24, token, 0, c)
    grad_mark = np.tensordot(t24, marked, axes=[[0, 1], [0, 1]])
    # gradient by wq, wk
    t25 = np.add.reduce(t22.transpose(0, 2, 1) @ t2)
    grad_wq = t25 @ wk
    grad_wk = t25.T @ wq
    grad_wv = np.add.reduce(t2.transpose(0, 2, 1) @ t23)
    grad_gain = np.einsum("jki,jki->i", t11, t15) / (n*t)
    grad_shift = np.add.reduce(t15, axis=(0, 1)) / (n*t)
    grad_readout = np.add.reduce(t12.transpose(0, 2, 1) @ t14) / (n*t)
    return Grad(grad_embedding, grad_mark, grad_wq, grad_wk, grad_wv, grad_gain, grad_shift, grad_readout)


def value_and_grad(embedding, mark, wq, wk, wv, gain, shift, readout, token, marked, label):
    """Return the objective and its gradient by embedding, mark, wq, wk, wv, gain, shift, readout."""
    embedding, mark, wq, wk, wv, gain, shift, readout, token, marked, label = _arguments(
        embedding, mark, wq, wk, wv, gain, shift, readout, token, marked, label,
    )
    c = embedding.shape[0]
    d = embedding.shape[1]
    n = token.shape[0]
    t = token.shape[1]
    # shared by all results
    one_hot_label = _one_hot(label, c, embedding.dtype)
    t1 = mark * marked[:, :, None] + _take(embedding, token, 0)
    t2 = t1 @ wv
    t3 = wq @ wk.T
    t4 = t1 @ t3.T
    sqrt_d = float(np.sqrt(d))
    t5 = t1 @ t4.transpose(0, 2, 1) / sqrt_d
    max_t5 = np.maximum.reduce(t5, axis=2)
    t6 = np.exp(t5 - _masked(np.abs(max_t5) < np.inf, max_t5)[:, :, None])
    weights = t6 / np.add.reduce(t6, axis=2)[:, :, None]
    t7 = weights @ t2 + t1
    t8 = t7 - np.add.reduce(t7, axis=2)[:, :, None] / d
    t9 = np.sqrt(np.einsum("ijk,ijk->ij", t8, t8) / d + 1e-05)
    t10 = (1 / t9)[:, :, None]
    t11 = t8 * t10
    t12 = gain * t11 + shift
    scores = t12 @ readout
    max_scores = np.maximum.reduce(scores, axis=2)
    t13 = _masked(np.abs(max_scores) < np.inf, max_scores)
    t14 = np.exp(scores - t13[:, :, None])
    t15 = np.add.reduce(t14, axis=2)
    # objective
    t16 = np.vdot(one_hot_label, _masked(one_hot_label != 0, scores - (np.log(t15) + t13)[:, :, None]))
    value = -t16 / (n*t)
    # gradient by embedding, mark and 6 more
    t17 = t14 / t15[:, :, None] - one_hot_label
    # gradient by embedding, mark and 5 more
    t18 = t17 @ readout.T
    # gradient by embedding, mark and 3 more
    t19 = gain * t18
    t20 = (np.einsum("ijk,ijk->ij", t8, t19) / (n*t) / (t9 * t9) / t9 / d)[:, :, None] * t8
    t21 = t19 * t10 / (n*t) - t20
    t22 = t21 - np.add.reduce(t21, axis=2)[:, :, None] / d
    # gradient by embedding, mark and 2 more
    t23 = weights * (t22 @ t2.transpose(0, 2, 1))
    t24 = (t23 - np.add.reduce(t23, axis=2)[:, :, None] * weights) / sqrt_d
    t25 = t24.transpose(0, 2, 1) @ t1
    # gradient by embedding, mark, wv
    t26 = weights.transpose(0, 2, 1) @ t22
    # gradient by embedding, mark
    t27 = t24 @ t4 + t22 + t25 @ t3 + t26 @ wv.T
    grad_embedding = _scatter(t27, token, 0, c)
    grad_mark = np.tensordot(marked, t27, axes=[[0, 1], [0, 1]])
    # gradient by wq, wk
    t28 = np.add.reduce(t25.transpose(0, 2, 1) @ t1)
    grad_wq = t28 @ wk
    grad_wk = t28.T @ wq
    grad_wv = np.add.reduce(t1.transpose(0, 2, 1) @ t26)
    grad_gain = np.einsum("jki,jki->i", t18, t11) / (n*t)
    grad_shift = np.add.reduce(t18, axis=(0, 1)) / (n*t)
    grad_readout = np.add.reduce(t12.transpose(0, 2, 1) @ t17) / (n*t)
    return value, Grad(
        grad_embedding, grad_mark, grad_wq, grad_wk, grad_wv, grad_gain, grad_shift, grad_readout,
    )


def scores(embedding, mark, wq, wk, wv, gain, shift, readout, token, marked):
    """Return scores."""
    embedding, mark, wq, wk, wv, gain, shift, readout, token, marked = _arguments_of_scores(
        embedding, mark, wq, wk, wv, gain, shift, readout, token, marked,
    )
    d = embedding.shape[1]
    t1 = mark * marked[:, :, None] + _take(embedding, token, 0)
    t2 = t1 @ (t1 @ (wq @ wk.T / float(np.sqrt(d))).T).transpose(0, 2, 1)
    max_t2 = np.maximum.reduce(t2, axis=2)
    t3 = np.exp(t2 - _masked(np.abs(max_t2) < np.inf, max_t2)[:, :, None])
    weights = t3 / np.add.reduce(t3, axis=2)[:, :, None]
    t4 = weights @ t1 @ wv + t1
    t5 = t4 - np.add.reduce(t4, axis=2)[:, :, None] / d
    t6 = gain * (t5 * (1 / np.sqrt(np.einsum("ijk,ijk->ij", t5, t5) / d + 1e-05))[:, :, None])
    scores = (shift + t6) @ readout
    return scores


def weights(embedding, mark, wq, wk, token, marked):
    """Return weights."""
    embedding, mark, wq, wk, token, marked = _arguments_of_weights(embedding, mark, wq, wk, token, marked)
    d = embedding.shape[1]
    t1 = mark * marked[:, :, None] + _take(embedding, token, 0)
    t2 = t1 @ (t1 @ (wq @ wk.T / float(np.sqrt(d))).T).transpose(0, 2, 1)
    max_t2 = np.maximum.reduce(t2, axis=2)
    t3 = np.exp(t2 - _masked(np.abs(max_t2) < np.inf, max_t2)[:, :, None])
    weights = t3 / np.add.reduce(t3, axis=2)[:, :, None]
    return weights


def unpack(vec, *, c=None, d=None):
    """Split one vector into embedding, mark, wq, wk, wv, gain, shift, readout. One size may be left out: it
    follows from the length of the vector.
    """
    shapes = (("c", "d"), ("d",), ("d", "d"), ("d", "d"), ("d", "d"), ("d",), ("d",), ("d", "c"))
    return Grad(*_unflatten(vec, shapes, {"c": c, "d": d}))


def _unpack_weights(vec, *, c=None, d=None):
    """Split one vector into embedding, mark, wq, wk. One size may be left out: it follows from the length of
    the vector.
    """
    shapes = (("c", "d"), ("d",), ("d", "d"), ("d", "d"))
    return WeightsGrad(*_unflatten(vec, shapes, {"c": c, "d": d}))


def value_flat(vec, token, marked, label, *, c=None, d=None):
    """As `value`, of one vector that holds embedding, mark, wq, wk, wv, gain, shift, readout."""
    p = unpack(vec, c=c, d=d)
    return value(p.embedding, p.mark, p.wq, p.wk, p.wv, p.gain, p.shift, p.readout, token, marked, label)


def grad_flat(vec, token, marked, label, *, c=None, d=None):
    """As `grad`, of one vector that holds embedding, mark, wq, wk, wv, gain, shift, readout."""
    p = unpack(vec, c=c, d=d)
    return pack(grad(p.embedding, p.mark, p.wq, p.wk, p.wv, p.gain, p.shift, p.readout, token, marked, label))


def value_and_grad_flat(vec, token, marked, label, *, c=None, d=None):
    """As `value_and_grad`, of one vector that holds embedding, mark, wq, wk, wv, gain, shift, readout."""
    p = unpack(vec, c=c, d=d)
    value, gradient = value_and_grad(
        p.embedding, p.mark, p.wq, p.wk, p.wv, p.gain, p.shift, p.readout, token, marked, label,
    )
    return value, pack(gradient)


def scores_flat(vec, token, marked, *, c=None, d=None):
    """As `scores`, of one vector that holds embedding, mark, wq, wk, wv, gain, shift, readout."""
    p = unpack(vec, c=c, d=d)
    return scores(p.embedding, p.mark, p.wq, p.wk, p.wv, p.gain, p.shift, p.readout, token, marked)


def weights_flat(vec, token, marked, *, c=None, d=None):
    """As `weights`, of one vector that holds embedding, mark, wq, wk."""
    p = _unpack_weights(vec, c=c, d=d)
    return weights(p.embedding, p.mark, p.wq, p.wk, token, marked)


def _arguments(embedding, mark, wq, wk, wv, gain, shift, readout, token, marked, label):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "embedding": (("c", "d"), "float"),
            "mark": (("d",), "float"),
            "wq": (("d", "d"), "float"),
            "wk": (("d", "d"), "float"),
            "wv": (("d", "d"), "float"),
            "gain": (("d",), "float"),
            "shift": (("d",), "float"),
            "readout": (("d", "c"), "float"),
            "token": (("n", "t"), "int"),
            "marked": (("n", "t"), "float"),
            "label": (("n", "t"), "int"),
        },
        (embedding, mark, wq, wk, wv, gain, shift, readout, token, marked, label),
    )


def _arguments_of_scores(embedding, mark, wq, wk, wv, gain, shift, readout, token, marked):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "embedding": (("c", "d"), "float"),
            "mark": (("d",), "float"),
            "wq": (("d", "d"), "float"),
            "wk": (("d", "d"), "float"),
            "wv": (("d", "d"), "float"),
            "gain": (("d",), "float"),
            "shift": (("d",), "float"),
            "readout": (("d", "c"), "float"),
            "token": (("n", "t"), "int"),
            "marked": (("n", "t"), "float"),
        },
        (embedding, mark, wq, wk, wv, gain, shift, readout, token, marked),
    )


def _arguments_of_weights(embedding, mark, wq, wk, token, marked):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "embedding": (("c", "d"), "float"),
            "mark": (("d",), "float"),
            "wq": (("d", "d"), "float"),
            "wk": (("d", "d"), "float"),
            "token": (("n", "t"), "int"),
            "marked": (("n", "t"), "float"),
        },
        (embedding, mark, wq, wk, token, marked),
    )
