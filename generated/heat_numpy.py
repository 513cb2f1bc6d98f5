# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""heat: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    d  parameter, (rows, columns)
    u  data, (steps, rows, columns)

Closed form
    e1[t, i, j] = -4*u[t, i + 1, j + 1] + u[t, i + 1, j + 2] + u[t, i + 1, j] + u[t, i + 2, j + 1] + u[t, i, j + 1]
    e2[t, i, j] = -d[i + 1, j + 1]*e1[t, i, j] + u[t + 1, i + 1, j + 1] - u[t, i + 1, j + 1]
    value = Sum(e2[t, i, j]**2, (t, 0, steps - 2), (i, 0, rows - 3), (j, 0, columns - 3))
    grad.d[i, j] = Sum(-2*KroneckerDelta(k + 1, i)*KroneckerDelta(l + 1, j)*Sum(e1[t, k, l]*e2[t, k, l], (t, 0, steps - 2)), (k, 0, rows - 3), (l, 0, columns - 3))

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
    _place = _runtime._place
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "heat",
    "inputs": {
        "d": {"role": "parameter", "shape": ("rows", "columns"), "dtype": "float"},
        "u": {"role": "data", "shape": ("steps", "rows", "columns"), "dtype": "float"},
    },
    "samples": "steps",
    "pointwise": False,
    "functions": {
        "value": ("d", "u"),
        "grad": ("d", "u"),
        "value_and_grad": ("d", "u"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    d: np.ndarray


def value(d, u):
    """Return the objective."""
    d, u = _arguments(d, u)
    rows = d.shape[0]
    columns = d.shape[1]
    steps = u.shape[0]
    if rows - 2 < 0:
        raise ValueError(f"rows = {rows} is too small for the indices 1 to rows - 2 on axis 1 of u, which needs rows - 2 >= 0")
    if columns - 2 < 0:
        raise ValueError(f"columns = {columns} is too small for the indices 1 to columns - 2 on axis 2 of u, which needs columns - 2 >= 0")
    t1 = u[:steps - 1, 1:rows - 1, 1:columns - 1]
    t2 = u[:steps - 1, 1:rows - 1, :columns - 2] + (u[:steps - 1, 1:rows - 1, 2:] - 4 * t1)
    t3 = u[:steps - 1, :rows - 2, 1:columns - 1] + (u[:steps - 1, 2:, 1:columns - 1] + t2)
    t4 = u[1:, 1:rows - 1, 1:columns - 1] - (d[1:rows - 1, 1:columns - 1] * t3 + t1)
    value = np.vdot(t4, t4)
    return value


def grad(d, u):
    """Return the gradient of the objective by d."""
    d, u = _arguments(d, u)
    rows = d.shape[0]
    columns = d.shape[1]
    steps = u.shape[0]
    if rows - 2 < 0:
        raise ValueError(f"rows = {rows} is too small for the indices 1 to rows - 2 on axis 1 of u, which needs rows - 2 >= 0")
    if columns - 2 < 0:
        raise ValueError(f"columns = {columns} is too small for the indices 1 to columns - 2 on axis 2 of u, which needs columns - 2 >= 0")
    t1 = u[:steps - 1, 1:rows - 1, 1:columns - 1]
    t2 = u[:steps - 1, 1:rows - 1, :columns - 2] + (u[:steps - 1, 1:rows - 1, 2:] - 4 * t1)
    t3 = u[:steps - 1, :rows - 2, 1:columns - 1] + (u[:steps - 1, 2:, 1:columns - 1] + t2)
    t4 = np.einsum(
        "kij,kij->ij", u[1:, 1:rows - 1, 1:columns - 1] - (d[1:rows - 1, 1:columns - 1] * t3 + t1), t3,
    )
    grad_d = _place(-2 * t4, np.s_[1:rows - 1, 1:columns - 1], (rows, columns), d.dtype)
    return Grad(grad_d)


def value_and_grad(d, u):
    """Return the objective and its gradient by d."""
    d, u = _arguments(d, u)
    rows = d.shape[0]
    columns = d.shape[1]
    steps = u.shape[0]
    if rows - 2 < 0:
        raise ValueError(f"rows = {rows} is too small for the indices 1 to rows - 2 on axis 1 of u, which needs rows - 2 >= 0")
    if columns - 2 < 0:
        raise ValueError(f"columns = {columns} is too small for the indices 1 to columns - 2 on axis 2 of u, which needs columns - 2 >= 0")
    # shared by all results
    t1 = u[:steps - 1, 1:rows - 1, 1:columns - 1]
    t2 = u[:steps - 1, 1:rows - 1, :columns - 2] + (u[:steps - 1, 1:rows - 1, 2:] - 4 * t1)
    t3 = u[:steps - 1, :rows - 2, 1:columns - 1] + (u[:steps - 1, 2:, 1:columns - 1] + t2)
    t4 = u[1:, 1:rows - 1, 1:columns - 1] - (d[1:rows - 1, 1:columns - 1] * t3 + t1)
    value = np.vdot(t4, t4)
    grad_d = _place(
        -2 * np.einsum("kij,kij->ij", t4, t3), np.s_[1:rows - 1, 1:columns - 1], (rows, columns), d.dtype,
    )
    return value, Grad(grad_d)


def unpack(vec, *, rows=None, columns=None):
    """Split one vector into d. One size may be left out: it follows from the length of the vector."""
    shapes = (("rows", "columns"),)
    return Grad(*_unflatten(vec, shapes, {"rows": rows, "columns": columns}))


def value_flat(vec, u):
    """As `value`, of one vector that holds d."""
    p = unpack(vec, rows=np.shape(u)[1], columns=np.shape(u)[2])
    return value(p.d, u)


def grad_flat(vec, u):
    """As `grad`, of one vector that holds d."""
    p = unpack(vec, rows=np.shape(u)[1], columns=np.shape(u)[2])
    return pack(grad(p.d, u))


def value_and_grad_flat(vec, u):
    """As `value_and_grad`, of one vector that holds d."""
    p = unpack(vec, rows=np.shape(u)[1], columns=np.shape(u)[2])
    value, gradient = value_and_grad(p.d, u)
    return value, pack(gradient)


def _arguments(d, u):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(d) is type(u) is np.ndarray
        and d.dtype is u.dtype and d.dtype in _FLOATING
        and d.ndim == 2
        and u.ndim == 3 and u.shape == (u.shape[0], d.shape[0], d.shape[1])
        and d.size and u.size
    ):
        return d, u
    return _convert(
        {
            "d": (("rows", "columns"), "float"),
            "u": (("steps", "rows", "columns"), "float"),
        },
        (d, u),
    )
