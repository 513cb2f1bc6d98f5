# symdiff 0.1.0: --backend numpy --emit value,jacobian --math exact --style fast --runtime shared
"""hahn1: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    b1  parameter, scalar
    b2  parameter, scalar
    b3  parameter, scalar
    b4  parameter, scalar
    b5  parameter, scalar
    b6  parameter, scalar
    b7  parameter, scalar
    x   data, (N,)
    y   data, (N,)

Closed form
    residual = -y + (b1 + b2*x + b3*x**2 + b4*x**3)/(b5*x + b6*x**2 + b7*x**3 + 1)

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
    "model": "hahn1",
    "inputs": {
        "b1": {"role": "parameter", "shape": (), "dtype": "float"},
        "b2": {"role": "parameter", "shape": (), "dtype": "float"},
        "b3": {"role": "parameter", "shape": (), "dtype": "float"},
        "b4": {"role": "parameter", "shape": (), "dtype": "float"},
        "b5": {"role": "parameter", "shape": (), "dtype": "float"},
        "b6": {"role": "parameter", "shape": (), "dtype": "float"},
        "b7": {"role": "parameter", "shape": (), "dtype": "float"},
        "x": {"role": "data", "shape": ("N",), "dtype": "float"},
        "y": {"role": "data", "shape": ("N",), "dtype": "float"},
    },
    "samples": "N",
    "pointwise": False,
    "functions": {
        "residual": ("b1", "b2", "b3", "b4", "b5", "b6", "b7", "x", "y"),
        "residual_jacobian": ("b1", "b2", "b3", "b4", "b5", "b6", "b7", "x", "y"),
    },
}


class ResidualGrad(NamedTuple):
    """One array for each parameter of residual."""

    b1: np.ndarray
    b2: np.ndarray
    b3: np.ndarray
    b4: np.ndarray
    b5: np.ndarray
    b6: np.ndarray
    b7: np.ndarray


def residual(b1, b2, b3, b4, b5, b6, b7, x, y):
    """Return residual."""
    b1, b2, b3, b4, b5, b6, b7, x, y = _arguments_of_residual(b1, b2, b3, b4, b5, b6, b7, x, y)
    N = x.shape[0]
    (residual,) = _over_blocks(_residual_block, N, 1, (x, y), (b1, b2, b3, b4, b5, b6, b7), ("rows 0",))
    return residual


def _residual_block(x, y, b1, b2, b3, b4, b5, b6, b7):
    """The part of `residual` that one block of samples has."""
    t1 = x * x**2
    t2 = x**2
    t3 = (b4 * t1 + (b2 * x + b1 + b3 * t2)) / (b5 * x + 1 + b6 * t2 + b7 * t1)
    residual = t3 - y
    return (residual,)


def residual_jacobian(b1, b2, b3, b4, b5, b6, b7, x, y):
    """Return the derivatives of every entry of residual by b1, b2, b3, b4, b5, b6, b7: each of shape
    residual.shape + parameter.shape.
    """
    b1, b2, b3, b4, b5, b6, b7, x, y = _arguments_of_residual(b1, b2, b3, b4, b5, b6, b7, x, y)
    N = x.shape[0]
    (
        jacobian_b1, jacobian_b2, jacobian_b3, jacobian_b4, jacobian_b5, jacobian_b6,
        jacobian_b7,
    ) = _over_blocks(_residual_jacobian_block, N, 1, (x,), (b1, b2, b3, b4, b5, b6, b7), ("rows 0",) * 7)
    return ResidualGrad(
        jacobian_b1, jacobian_b2, jacobian_b3, jacobian_b4, jacobian_b5, jacobian_b6, jacobian_b7,
    )


def _residual_jacobian_block(x, b1, b2, b3, b4, b5, b6, b7):
    """The part of `residual_jacobian` that one block of samples has."""
    # shared by all results
    t1 = x**2
    t2 = x * x**2
    t3 = b5 * x + 1 + b6 * t1 + b7 * t2
    jacobian_b1 = 1 / t3
    jacobian_b2 = x / t3
    jacobian_b3 = t1 / t3
    jacobian_b4 = t2 / t3
    # Jacobian by b5, b6, b7
    t4 = (b4 * t2 + (b2 * x + b1 + b3 * t1)) / t3 / t3
    jacobian_b5 = -t4 * x
    jacobian_b6 = -t1 * t4
    jacobian_b7 = -t2 * t4
    return jacobian_b1, jacobian_b2, jacobian_b3, jacobian_b4, jacobian_b5, jacobian_b6, jacobian_b7


def unpack(vec):
    """Split one vector into b1, b2, b3, b4, b5, b6, b7."""
    shapes = ((), (), (), (), (), (), ())
    return ResidualGrad(*_unflatten(vec, shapes, {}))


def residual_flat(vec, x, y):
    """As `residual`, of one vector that holds b1, b2, b3, b4, b5, b6, b7."""
    p = unpack(vec)
    return residual(p.b1, p.b2, p.b3, p.b4, p.b5, p.b6, p.b7, x, y)


def residual_jacobian_flat(vec, x, y):
    """As `residual_jacobian`, of one vector that holds b1, b2, b3, b4, b5, b6, b7."""
    p = unpack(vec)
    blocks = residual_jacobian(p.b1, p.b2, p.b3, p.b4, p.b5, p.b6, p.b7, x, y)
    return np.concatenate([block.reshape(-1, a.size) for a, block in zip(p, blocks)], axis=1)


def _arguments_of_residual(b1, b2, b3, b4, b5, b6, b7, x, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(x) is type(y) is np.ndarray
        and x.dtype is y.dtype and x.dtype in _FLOATING
        and x.ndim == 1
        and y.shape == (x.shape[0],)
        and x.size and y.size
    ):
        kind = x.dtype.type
        if type(b1) is type(b2) is type(b3) is type(b4) is type(b5) is type(b6) is type(b7) is kind:
            return b1, b2, b3, b4, b5, b6, b7, x, y
        if (
            type(b1) in (kind, float)
            and type(b2) in (kind, float)
            and type(b3) in (kind, float)
            and type(b4) in (kind, float)
            and type(b5) in (kind, float)
            and type(b6) in (kind, float)
            and type(b7) in (kind, float)
        ):
            return (kind(b1), kind(b2), kind(b3), kind(b4), kind(b5), kind(b6), kind(b7), x, y)
    return _convert(
        {
            "b1": ((), "float"),
            "b2": ((), "float"),
            "b3": ((), "float"),
            "b4": ((), "float"),
            "b5": ((), "float"),
            "b6": ((), "float"),
            "b7": ((), "float"),
            "x": (("N",), "float"),
            "y": (("N",), "float"),
        },
        (b1, b2, b3, b4, b5, b6, b7, x, y),
    )
