# symdiff 0.1.0: --backend numpy --emit value,jacobian --math exact --style fast --runtime shared
"""enso: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    b1  parameter, scalar
    b2  parameter, scalar
    b3  parameter, scalar
    b4  parameter, scalar
    b5  parameter, scalar
    b6  parameter, scalar
    b7  parameter, scalar
    b8  parameter, scalar
    b9  parameter, scalar
    x   data, (N,)
    y   data, (N,)

Closed form
    e1 = 6.283185307179586*x/b7
    e2 = 6.283185307179586*x/b4
    e3 = 0.5235987755982988*x
    residual = b1 + b2*cos(e3) + b3*sin(e3) + b5*cos(e2) + b6*sin(e2) + b8*cos(e1) + b9*sin(e1) - y

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
    _sin_cos = _runtime._sin_cos
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "enso",
    "inputs": {
        "b1": {"role": "parameter", "shape": (), "dtype": "float"},
        "b2": {"role": "parameter", "shape": (), "dtype": "float"},
        "b3": {"role": "parameter", "shape": (), "dtype": "float"},
        "b4": {"role": "parameter", "shape": (), "dtype": "float"},
        "b5": {"role": "parameter", "shape": (), "dtype": "float"},
        "b6": {"role": "parameter", "shape": (), "dtype": "float"},
        "b7": {"role": "parameter", "shape": (), "dtype": "float"},
        "b8": {"role": "parameter", "shape": (), "dtype": "float"},
        "b9": {"role": "parameter", "shape": (), "dtype": "float"},
        "x": {"role": "data", "shape": ("N",), "dtype": "float"},
        "y": {"role": "data", "shape": ("N",), "dtype": "float"},
    },
    "samples": "N",
    "pointwise": False,
    "functions": {
        "residual": ("b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9", "x", "y"),
        "residual_jacobian": ("b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9", "x", "y"),
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
    b8: np.ndarray
    b9: np.ndarray


def residual(b1, b2, b3, b4, b5, b6, b7, b8, b9, x, y):
    """Return residual."""
    b1, b2, b3, b4, b5, b6, b7, b8, b9, x, y = _arguments_of_residual(b1, b2, b3, b4, b5, b6, b7, b8, b9, x, y)
    N = x.shape[0]
    (residual,) = _over_blocks(_residual_block, N, 1, (x, y), (b1, b2, b3, b4, b5, b6, b7, b8, b9), ("rows 0",))
    return residual


def _residual_block(x, y, b1, b2, b3, b4, b5, b6, b7, b8, b9):
    """The part of `residual` that one block of samples has."""
    t1 = 2 * np.pi * x
    t2 = t1 / b4
    sin_t2, cos_t2 = _sin_cos(t2)
    t3 = np.pi * x / 6
    sin_t3, cos_t3 = _sin_cos(t3)
    t4 = t1 / b7
    sin_t4, cos_t4 = _sin_cos(t4)
    t5 = b5 * cos_t2 + (b3 * sin_t3 + (b2 * cos_t3 + (b1 - y))) + b6 * sin_t2 + b8 * cos_t4
    residual = b9 * sin_t4 + t5
    return (residual,)


def residual_jacobian(b1, b2, b3, b4, b5, b6, b7, b8, b9, x, y):
    """Return the derivatives of every entry of residual by b1, b2, b3, b4, b5, b6, b7, b8, b9: each of shape
    residual.shape + parameter.shape.
    """
    b1, b2, b3, b4, b5, b6, b7, b8, b9, x, y = _arguments_of_residual(b1, b2, b3, b4, b5, b6, b7, b8, b9, x, y)
    N = x.shape[0]
    (
        jacobian_b1, jacobian_b2, jacobian_b3, jacobian_b5, jacobian_b6, jacobian_b4,
        jacobian_b9, jacobian_b8, jacobian_b7,
    ) = _over_blocks(_residual_jacobian_block, N, 1, (x,), (b4, b5, b6, b7, b8, b9), ("rows 0",) * 9)
    return ResidualGrad(
        jacobian_b1, jacobian_b2, jacobian_b3, jacobian_b4, jacobian_b5, jacobian_b6, jacobian_b7, jacobian_b8,
        jacobian_b9,
    )


def _residual_jacobian_block(x, b4, b5, b6, b7, b8, b9):
    """The part of `residual_jacobian` that one block of samples has."""
    rows = x.shape[0]
    jacobian_b1 = np.ones((rows,), x.dtype)
    # Jacobian by b2, b3
    t1 = np.pi * x / 6
    jacobian_b3, jacobian_b2 = _sin_cos(t1)
    # Jacobian by b4, b5, b6
    t2 = x / b4
    t3 = 2 * np.pi * t2
    jacobian_b6, jacobian_b5 = _sin_cos(t3)
    # Jacobian by b4
    t4 = t2 / b4
    jacobian_b4 = 2 * np.pi * (b5 * (t4 * jacobian_b6) - b6 * (jacobian_b5 * t4))
    # Jacobian by b7, b8, b9
    t5 = x / b7
    t6 = 2 * np.pi * t5
    jacobian_b9, jacobian_b8 = _sin_cos(t6)
    # Jacobian by b7
    t7 = t5 / b7
    jacobian_b7 = 2 * np.pi * (b8 * (jacobian_b9 * t7) - b9 * (t7 * jacobian_b8))
    return (
        jacobian_b1, jacobian_b2, jacobian_b3, jacobian_b5, jacobian_b6, jacobian_b4, jacobian_b9, jacobian_b8,
        jacobian_b7,
    )


def unpack(vec):
    """Split one vector into b1, b2, b3, b4, b5, b6, b7, b8, b9."""
    shapes = ((), (), (), (), (), (), (), (), ())
    return ResidualGrad(*_unflatten(vec, shapes, {}))


def residual_flat(vec, x, y):
    """As `residual`, of one vector that holds b1, b2, b3, b4, b5, b6, b7, b8, b9."""
    p = unpack(vec)
    return residual(p.b1, p.b2, p.b3, p.b4, p.b5, p.b6, p.b7, p.b8, p.b9, x, y)


def residual_jacobian_flat(vec, x, y):
    """As `residual_jacobian`, of one vector that holds b1, b2, b3, b4, b5, b6, b7, b8, b9."""
    p = unpack(vec)
    blocks = residual_jacobian(p.b1, p.b2, p.b3, p.b4, p.b5, p.b6, p.b7, p.b8, p.b9, x, y)
    return np.concatenate([block.reshape(-1, a.size) for a, block in zip(p, blocks)], axis=1)


def _arguments_of_residual(b1, b2, b3, b4, b5, b6, b7, b8, b9, x, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(x) is type(y) is np.ndarray
        and x.dtype is y.dtype and x.dtype in _FLOATING
        and x.ndim == 1
        and y.shape == (x.shape[0],)
        and x.size and y.size
    ):
        kind = x.dtype.type
        if (
            type(b1) is type(b2) is type(b3) is type(b4) is type(b5) is type(b6) is type(b7) is type(b8) is
            type(b9) is kind
        ):
            return b1, b2, b3, b4, b5, b6, b7, b8, b9, x, y
        if (
            type(b1) in (kind, float)
            and type(b2) in (kind, float)
            and type(b3) in (kind, float)
            and type(b4) in (kind, float)
            and type(b5) in (kind, float)
            and type(b6) in (kind, float)
            and type(b7) in (kind, float)
            and type(b8) in (kind, float)
            and type(b9) in (kind, float)
        ):
            return (
                kind(b1), kind(b2), kind(b3), kind(b4), kind(b5), kind(b6), kind(b7), kind(b8), kind(b9), x, y,
            )
    return _convert(
        {
            "b1": ((), "float"),
            "b2": ((), "float"),
            "b3": ((), "float"),
            "b4": ((), "float"),
            "b5": ((), "float"),
            "b6": ((), "float"),
            "b7": ((), "float"),
            "b8": ((), "float"),
            "b9": ((), "float"),
            "x": (("N",), "float"),
            "y": (("N",), "float"),
        },
        (b1, b2, b3, b4, b5, b6, b7, b8, b9, x, y),
    )
