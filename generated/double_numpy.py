# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad,jacobian,vjp --math exact --style fast --runtime shared
"""double: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    V  parameter, (n, 1)

Closed form
    y = 2*V

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
    _cotangent = _runtime._cotangent
    _on_diagonal = _runtime._on_diagonal
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "double",
    "inputs": {
        "V": {"role": "parameter", "shape": ("n", 1), "dtype": "float"},
    },
    "samples": None,
    "pointwise": False,
    "functions": {
        "y": ("V",),
        "y_jacobian": ("V",),
        "y_vjp": ("V", "u"),
    },
}


class YGrad(NamedTuple):
    """One array for each parameter of y."""

    V: np.ndarray


def y(V):
    """Return y."""
    V, = _arguments_of_y(V)
    y = 2 * V
    return y


def y_jacobian(V):
    """Return the derivatives of every entry of y by V: each of shape y.shape + parameter.shape."""
    V, = _arguments_of_y(V)
    n = V.shape[0]
    jacobian_V = 2 * _on_diagonal(np.ones((n, 1, 1), V.dtype), "ijik->ijk", (n, 1, n, 1))
    return YGrad(jacobian_V)


def y_vjp(V, u):
    """Return u^T times the Jacobian of y, u of the shape of y."""
    V, = _arguments_of_y(V)
    u = _cotangent("u", u, (V.shape[0], 1), V.dtype)
    vjp_V = 2 * u
    return YGrad(vjp_V)


def unpack(vec, *, n=None):
    """Split one vector into V. One size may be left out: it follows from the length of the vector."""
    shapes = (("n", 1),)
    return YGrad(*_unflatten(vec, shapes, {"n": n}))


def y_flat(vec, *, n=None):
    """As `y`, of one vector that holds V."""
    p = unpack(vec, n=n)
    return y(p.V)


def y_jacobian_flat(vec, *, n=None):
    """As `y_jacobian`, of one vector that holds V."""
    p = unpack(vec, n=n)
    blocks = y_jacobian(p.V)
    return np.concatenate([block.reshape(-1, a.size) for a, block in zip(p, blocks)], axis=1)


def y_vjp_flat(vec, u, *, n=None):
    """As `y_vjp`, of one vector that holds V."""
    p = unpack(vec, n=n)
    return pack(y_vjp(p.V, u))


def _arguments_of_y(V):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(V) is np.ndarray
        and V.dtype in _FLOATING
        and V.ndim == 2 and V.shape == (V.shape[0], 1)
        and V.size
    ):
        return V,
    return _convert(
        {
            "V": (("n", 1), "float"),
        },
        (V,),
    )
