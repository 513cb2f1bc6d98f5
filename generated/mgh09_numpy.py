# symdiff 0.1.0: --backend numpy --emit value,jacobian --math exact --style fast --runtime shared
"""mgh09: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    b1  parameter, scalar
    b2  parameter, scalar
    b3  parameter, scalar
    b4  parameter, scalar
    x   data, (N,)
    y   data, (N,)

Closed form
    residual = b1*(b2*x + x**2)/(b3*x + b4 + x**2) - y

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
    _over_blocks = _runtime._over_blocks
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "mgh09",
    "inputs": {
        "b1": {"role": "parameter", "shape": (), "dtype": "float"},
        "b2": {"role": "parameter", "shape": (), "dtype": "float"},
        "b3": {"role": "parameter", "shape": (), "dtype": "float"},
        "b4": {"role": "parameter", "shape": (), "dtype": "float"},
        "x": {"role": "data", "shape": ("N",), "dtype": "float"},
        "y": {"role": "data", "shape": ("N",), "dtype": "float"},
    },
    "samples": "N",
    "pointwise": False,
    "functions": {
        "residual": ("b1", "b2", "b3", "b4", "x", "y"),
        "residual_jacobian": ("b1", "b2", "b3", "b4", "x", "y"),
    },
}


class ResidualGrad(NamedTuple):
    """One array for each parameter of residual."""

    b1: np.ndarray
    b2: np.ndarray
    b3: np.ndarray
    b4: np.ndarray


def residual(b1, b2, b3, b4, x, y):
    """Return residual."""
    b1, b2, b3, b4, x, y = _arguments_of_residual(b1, b2, b3, b4, x, y)
    N = x.shape[0]
    (residual,) = _over_blocks(_residual_block, N, 1, (x, y), (b1, b2, b3, b4), ("rows 0",))
    return residual


def _residual_block(x, y, b1, b2, b3, b4):
    """The part of `residual` that one block of samples has."""
    t1 = x**2
    residual = b1 * (b2 * x + t1) / (b3 * x + (t1 + b4)) - y
    return (residual,)


def residual_jacobian(b1, b2, b3, b4, x, y):
    """Return the derivatives of every entry of residual by b1, b2, b3, b4: each of shape residual.shape +
    parameter.shape.
    """
    b1, b2, b3, b4, x, y = _arguments_of_residual(b1, b2, b3, b4, x, y)
    N = x.shape[0]
    jacobian_b1, jacobian_b2, jacobian_b3, jacobian_b4 = _over_blocks(
        _residual_jacobian_block, N, 1, (x,), (b1, b2, b3, b4), ("rows 0",) * 4,
    )
    return ResidualGrad(jacobian_b1, jacobian_b2, jacobian_b3, jacobian_b4)


def _residual_jacobian_block(x, b1, b2, b3, b4):
    """The part of `residual_jacobian` that one block of samples has."""
    # shared by all results
    t1 = x**2
    # Jacobian by b1, b3, b4
    t2 = b2 * x + t1
    # shared by all results
    t3 = b3 * x + (t1 + b4)
    jacobian_b1 = t2 / t3
    jacobian_b2 = b1 * (x / t3)
    # Jacobian by b3, b4
    t4 = b1 * t2 / t3 / t3
    jacobian_b3 = -t4 * x
    jacobian_b4 = -t4
    return jacobian_b1, jacobian_b2, jacobian_b3, jacobian_b4


def unpack(vec):
    """Split one vector into b1, b2, b3, b4."""
    shapes = ((), (), (), ())
    return ResidualGrad(*_unflatten(vec, shapes, {}))


def residual_flat(vec, x, y):
    """As `residual`, of one vector that holds b1, b2, b3, b4."""
    p = unpack(vec)
    return residual(p.b1, p.b2, p.b3, p.b4, x, y)


def residual_jacobian_flat(vec, x, y):
    """As `residual_jacobian`, of one vector that holds b1, b2, b3, b4."""
    p = unpack(vec)
    blocks = residual_jacobian(p.b1, p.b2, p.b3, p.b4, x, y)
    return np.concatenate([block.reshape(-1, a.size) for a, block in zip(p, blocks)], axis=1)


def _arguments_of_residual(b1, b2, b3, b4, x, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(x) is type(y) is np.ndarray
        and x.dtype is y.dtype and x.dtype in _FLOATING
        and x.ndim == 1
        and y.shape == (x.shape[0],)
        and x.size and y.size
    ):
        kind = x.dtype.type
        if type(b1) is type(b2) is type(b3) is type(b4) is kind:
            return b1, b2, b3, b4, x, y
        if (
            type(b1) in (kind, float)
            and type(b2) in (kind, float)
            and type(b3) in (kind, float)
            and type(b4) in (kind, float)
        ):
            return (kind(b1), kind(b2), kind(b3), kind(b4), x, y)
    return _convert(
        {
            "b1": ((), "float"),
            "b2": ((), "float"),
            "b3": ((), "float"),
            "b4": ((), "float"),
            "x": (("N",), "float"),
            "y": (("N",), "float"),
        },
        (b1, b2, b3, b4, x, y),
    )
