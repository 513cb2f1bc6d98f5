# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad,jacobian,vjp --math exact --style fast --runtime shared
"""pair: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    x1  parameter, scalar
    x2  parameter, scalar

Closed form
    y = Matrix([[x1**2 + 3*x2], [2*x1 + x2**2]])

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
    _cotangent = _runtime._cotangent
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "pair",
    "inputs": {
        "x1": {"role": "parameter", "shape": (), "dtype": "float"},
        "x2": {"role": "parameter", "shape": (), "dtype": "float"},
    },
    "samples": None,
    "pointwise": False,
    "functions": {
        "y": ("x1", "x2"),
        "y_jacobian": ("x1", "x2"),
        "y_vjp": ("x1", "x2", "u"),
    },
}


class YGrad(NamedTuple):
    """One array for each parameter of y."""

    x1: np.ndarray
    x2: np.ndarray


def y(x1, x2):
    """Return y."""
    x1, x2 = _arguments_of_y(x1, x2)
    y = np.array([[3 * x2 + x1**2], [x2**2 + 2 * x1]], x1.dtype)
    return y


def y_jacobian(x1, x2):
    """Return the derivatives of every entry of y by x1, x2: each of shape y.shape + parameter.shape."""
    x1, x2 = _arguments_of_y(x1, x2)
    jacobian_x1 = np.array([[2 * x1], [2]], x1.dtype)
    jacobian_x2 = np.array([[3], [2 * x2]], x1.dtype)
    return YGrad(jacobian_x1, jacobian_x2)


def y_vjp(x1, x2, u):
    """Return u^T times the Jacobian of y, u of the shape of y."""
    x1, x2 = _arguments_of_y(x1, x2)
    u = _cotangent("u", u, (2, 1), x1.dtype)
    # shared by all results
    t1 = u[1, 0]
    t2 = u[0, 0]
    vjp_x1 = 2 * (t2 * x1 + t1)
    vjp_x2 = 3 * t2 + 2 * t1 * x2
    return YGrad(vjp_x1, vjp_x2)


def unpack(vec):
    """Split one vector into x1, x2."""
    shapes = ((), ())
    return YGrad(*_unflatten(vec, shapes, {}))


def y_flat(vec):
    """As `y`, of one vector that holds x1, x2."""
    p = unpack(vec)
    return y(p.x1, p.x2)


def y_jacobian_flat(vec):
    """As `y_jacobian`, of one vector that holds x1, x2."""
    p = unpack(vec)
    blocks = y_jacobian(p.x1, p.x2)
    return np.concatenate([block.reshape(-1, a.size) for a, block in zip(p, blocks)], axis=1)


def y_vjp_flat(vec, u):
    """As `y_vjp`, of one vector that holds x1, x2."""
    p = unpack(vec)
    return pack(y_vjp(p.x1, p.x2, u))


def _arguments_of_y(x1, x2):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "x1": ((), "float"),
            "x2": ((), "float"),
        },
        (x1, x2),
    )
