# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""mixture: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    alpha  parameter, (K,)
    mu     parameter, (K, d)
    q      parameter, (K, d)
    L      parameter, (K, d, d)
    x      data, (n, d)
    below  constant, (d, d)

Closed form
    e1 = -mu + x[:, None, :]
    e2 = L*below + einsum('ij,jm->ijm', exp(q), diag(broadcast_to(1, d)))
    e3 = einsum('ijl,jkl->ijk', e1, e2)
    e4 = -0.9189385332046728*d + log_softmax(alpha, axis=0) - sum(e3**2, axis=2)/2 + sum(q, axis=1)
    e5 = logsumexp(e4, axis=1)
    value = -sum(e5)/n
    responsibility = softmax(e4, axis=1)
    e6 = sum(responsibility, axis=0)
    grad.alpha = -e6/n + softmax(alpha, axis=0)*sum(e6)/n
    e7 = einsum('ij,ijk->ijk', responsibility, e3)
    grad.mu = -einsum('ik,ikj->ij', sum(e7, axis=0), e2)/n
    e8 = einsum('lik,lij->ijk', e1, e7)
    grad.q = -e6[:, None]/n + einsum('ijj->ij', e8)*exp(q)/n
    grad.L = below*e8/n

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
    _on_diagonal = _runtime._on_diagonal
    _over_blocks = _runtime._over_blocks
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "mixture",
    "inputs": {
        "alpha": {"role": "parameter", "shape": ("K",), "dtype": "float"},
        "mu": {"role": "parameter", "shape": ("K", "d"), "dtype": "float"},
        "q": {"role": "parameter", "shape": ("K", "d"), "dtype": "float"},
        "L": {"role": "parameter", "shape": ("K", "d", "d"), "dtype": "float"},
        "x": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "below": {"role": "constant", "shape": ("d", "d"), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("alpha", "mu", "q", "L", "x", "below"),
        "grad": ("alpha", "mu", "q", "L", "x", "below"),
        "value_and_grad": ("alpha", "mu", "q", "L", "x", "below"),
        "responsibility": ("alpha", "mu", "q", "L", "x", "below"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    alpha: np.ndarray
    mu: np.ndarray
    q: np.ndarray
    L: np.ndarray


class ResponsibilityGrad(NamedTuple):
    """One array for each parameter of responsibility."""

    alpha: np.ndarray
    mu: np.ndarray
    q: np.ndarray
    L: np.ndarray


def value(alpha, mu, q, L, x, below):
    """Return the objective."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    n = x.shape[0]
    K = alpha.shape[0]
    neg_mu = -mu
    t1 = _on_diagonal(np.exp(q), "ijj->ij", (K, d, d)) + below * L
    max_alpha = np.maximum.reduce(alpha)
    t2 = np.where(np.abs(max_alpha) < np.inf, max_alpha, 0)
    t3 = alpha - (np.log(np.add.reduce(np.exp(alpha - t2))) + t2) + np.add.reduce(q, axis=1)
    t4 = -0.9189385332046728 * d
    (s1,) = _over_blocks(_in_scratch(_value_block), n, K*d, (x,), (neg_mu, t1, t3, t4), ("add",))
    value = -s1 / n
    return value


def _value_block(scratch, x, neg_mu, t1, t3, t4):
    """The part of `value` that one block of samples has."""
    t5 = (
        _matmul_into(scratch, 0, (x[:, None, :] + neg_mu).transpose(1, 0, 2), t1.transpose(0, 2, 1))
        .transpose(1, 0, 2)
    )
    t6 = t3 - 0.5 * np.einsum("ijk,ijk->ij", t5, t5) + t4
    max_t6 = np.maximum.reduce(t6, axis=1)
    t7 = _masked(np.abs(max_t6) < np.inf, max_t6)
    s1 = np.add.reduce(np.log(np.add.reduce(np.exp(t6 - t7[:, None]), axis=1)) + t7)
    return (s1,)


def grad(alpha, mu, q, L, x, below):
    """Return the gradient of the objective by alpha, mu, q, L."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    n = x.shape[0]
    K = alpha.shape[0]
    # shared by all results
    neg_mu = -mu
    exp_q = np.exp(q)
    t1 = _on_diagonal(exp_q, "ijj->ij", (K, d, d)) + below * L
    max_alpha = np.maximum.reduce(alpha)
    t2 = np.where(np.abs(max_alpha) < np.inf, max_alpha, 0)
    t3 = np.exp(alpha - t2)
    t4 = np.add.reduce(t3)
    t5 = alpha - (np.log(t4) + t2) + np.add.reduce(q, axis=1)
    t6 = -0.9189385332046728 * d
    # gradient by alpha
    t7 = t3 / t4
    s1, s2, s3 = _over_blocks(
        _in_scratch(_grad_block), n, K*d, (x,), (neg_mu, t1, t5, t6), ("add", "add", "add"), sums=K*d*d,
    )
    grad_alpha = np.add.reduce(s1) / n * t7 - s1 / n
    grad_mu = -np.einsum("ik,ikj->ij", s2, t1) / n
    grad_q = exp_q * np.einsum("ijj->ij", s3) / n - s1[:, None] / n
    grad_L = below * s3 / n
    return Grad(grad_alpha, grad_mu, grad_q, grad_L)


def _grad_block(scratch, x, neg_mu, t1, t5, t6):
    """The part of `grad` that one block of samples has."""
    # shared by all results
    t8 = x[:, None, :] + neg_mu
    t9 = _matmul_into(scratch, 0, t8.transpose(1, 0, 2), t1.transpose(0, 2, 1)).transpose(1, 0, 2)
    t10 = t5 - 0.5 * np.einsum("ijk,ijk->ij", t9, t9) + t6
    max_t10 = np.maximum.reduce(t10, axis=1)
    t11 = np.subtract(t10, _masked(np.abs(max_t10) < np.inf, max_t10)[:, None], out=t10)
    t11 = np.exp(t11, out=t11)
    responsibility = np.divide(t11, np.add.reduce(t11, axis=1)[:, None], out=t11)
    # gradient by mu, q, L
    t12 = np.multiply(responsibility[:, :, None], t9, out=t9)
    # gradient by alpha, q
    s1 = np.add.reduce(responsibility)
    # gradient by mu
    s2 = np.add.reduce(t12)
    # gradient by q, L
    s3 = t12.transpose(1, 2, 0) @ t8.transpose(1, 0, 2)
    return s1, s2, s3


def value_and_grad(alpha, mu, q, L, x, below):
    """Return the objective and its gradient by alpha, mu, q, L."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    n = x.shape[0]
    K = alpha.shape[0]
    # shared by all results
    neg_mu = -mu
    exp_q = np.exp(q)
    t1 = _on_diagonal(exp_q, "ijj->ij", (K, d, d)) + below * L
    max_alpha = np.maximum.reduce(alpha)
    t2 = np.where(np.abs(max_alpha) < np.inf, max_alpha, 0)
    t3 = np.exp(alpha - t2)
    t4 = np.add.reduce(t3)
    t5 = alpha - (np.log(t4) + t2) + np.add.reduce(q, axis=1)
    t6 = -0.9189385332046728 * d
    # gradient by alpha
    t7 = t3 / t4
    s1, s2, s3, s4 = _over_blocks(
        _in_scratch(_value_and_grad_block), n, K*d, (x,), (neg_mu, t1, t5, t6), ("add",) * 4, sums=K*d*d,
    )
    value = -s1 / n
    grad_alpha = np.add.reduce(s2) / n * t7 - s2 / n
    grad_mu = -np.einsum("ik,ikj->ij", s3, t1) / n
    grad_q = exp_q * np.einsum("ijj->ij", s4) / n - s2[:, None] / n
    grad_L = below * s4 / n
    return value, Grad(grad_alpha, grad_mu, grad_q, grad_L)


def _value_and_grad_block(scratch, x, neg_mu, t1, t5, t6):
    """The part of `value_and_grad` that one block of samples has."""
    # shared by all results
    t8 = x[:, None, :] + neg_mu
    t9 = _matmul_into(scratch, 0, t8.transpose(1, 0, 2), t1.transpose(0, 2, 1)).transpose(1, 0, 2)
    t10 = t5 - 0.5 * np.einsum("ijk,ijk->ij", t9, t9) + t6
    max_t10 = np.maximum.reduce(t10, axis=1)
    t11 = _masked(np.abs(max_t10) < np.inf, max_t10)
    t12 = np.subtract(t10, t11[:, None], out=t10)
    t12 = np.exp(t12, out=t12)
    t13 = np.add.reduce(t12, axis=1)
    responsibility = np.divide(t12, t13[:, None], out=t12)
    # gradient by mu, q, L
    t14 = np.multiply(responsibility[:, :, None], t9, out=t9)
    # objective
    s1 = np.add.reduce(np.log(t13) + t11)
    # gradient by alpha, q
    s2 = np.add.reduce(responsibility)
    # gradient by mu
    s3 = np.add.reduce(t14)
    # gradient by q, L
    s4 = t14.transpose(1, 2, 0) @ t8.transpose(1, 0, 2)
    return s1, s2, s3, s4


def responsibility(alpha, mu, q, L, x, below):
    """Return responsibility."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    K = alpha.shape[0]
    n = x.shape[0]
    neg_mu = -mu
    t1 = _on_diagonal(np.exp(q), "ijj->ij", (K, d, d)) + below * L
    max_alpha = np.maximum.reduce(alpha)
    t2 = np.where(np.abs(max_alpha) < np.inf, max_alpha, 0)
    t3 = alpha - (np.log(np.add.reduce(np.exp(alpha - t2))) + t2) + np.add.reduce(q, axis=1)
    t4 = -0.9189385332046728 * d
    (responsibility,) = _over_blocks(
        _in_scratch(_responsibility_block), n, K*d, (x,), (neg_mu, t1, t3, t4), ("rows 0",),
    )
    return responsibility


def _responsibility_block(scratch, x, neg_mu, t1, t3, t4):
    """The part of `responsibility` that one block of samples has."""
    t5 = (
        _matmul_into(scratch, 0, (x[:, None, :] + neg_mu).transpose(1, 0, 2), t1.transpose(0, 2, 1))
        .transpose(1, 0, 2)
    )
    t6 = t3 - 0.5 * np.einsum("ijk,ijk->ij", t5, t5) + t4
    max_t6 = np.maximum.reduce(t6, axis=1)
    t7 = np.subtract(t6, _masked(np.abs(max_t6) < np.inf, max_t6)[:, None], out=t6)
    t7 = np.exp(t7, out=t7)
    responsibility = np.divide(t7, np.add.reduce(t7, axis=1)[:, None], out=t7)
    return (responsibility,)


def unpack(vec, *, K=None, d=None):
    """Split one vector into alpha, mu, q, L. One size may be left out: it follows from the length of the
    vector.
    """
    shapes = (("K",), ("K", "d"), ("K", "d"), ("K", "d", "d"))
    return Grad(*_unflatten(vec, shapes, {"K": K, "d": d}))


def value_flat(vec, x, below, *, K=None):
    """As `value`, of one vector that holds alpha, mu, q, L."""
    p = unpack(vec, K=K, d=np.shape(x)[1])
    return value(p.alpha, p.mu, p.q, p.L, x, below)


def grad_flat(vec, x, below, *, K=None):
    """As `grad`, of one vector that holds alpha, mu, q, L."""
    p = unpack(vec, K=K, d=np.shape(x)[1])
    return pack(grad(p.alpha, p.mu, p.q, p.L, x, below))


def value_and_grad_flat(vec, x, below, *, K=None):
    """As `value_and_grad`, of one vector that holds alpha, mu, q, L."""
    p = unpack(vec, K=K, d=np.shape(x)[1])
    value, gradient = value_and_grad(p.alpha, p.mu, p.q, p.L, x, below)
    return value, pack(gradient)


def responsibility_flat(vec, x, below, *, K=None):
    """As `responsibility`, of one vector that holds alpha, mu, q, L."""
    p = unpack(vec, K=K, d=np.shape(x)[1])
    return responsibility(p.alpha, p.mu, p.q, p.L, x, below)


def _arguments(alpha, mu, q, L, x, below):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(alpha) is type(mu) is type(q) is type(L) is type(x) is type(below) is np.ndarray
        and alpha.dtype is mu.dtype is q.dtype is L.dtype is x.dtype is below.dtype and alpha.dtype in _FLOATING
        and alpha.ndim == 1
        and mu.ndim == 2 and mu.shape == (alpha.shape[0], mu.shape[1])
        and q.shape == (alpha.shape[0], mu.shape[1])
        and L.shape == (alpha.shape[0], mu.shape[1], mu.shape[1])
        and x.ndim == 2 and x.shape == (x.shape[0], mu.shape[1])
        and below.shape == (mu.shape[1], mu.shape[1])
        and alpha.size and mu.size and q.size and L.size and x.size and below.size
    ):
        return alpha, mu, q, L, x, below
    return _convert(
        {
            "alpha": (("K",), "float"),
            "mu": (("K", "d"), "float"),
            "q": (("K", "d"), "float"),
            "L": (("K", "d", "d"), "float"),
            "x": (("n", "d"), "float"),
            "below": (("d", "d"), "float"),
        },
        (alpha, mu, q, L, x, below),
    )
