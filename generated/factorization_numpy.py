# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""factorization: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    rows     parameter, (n, k)
    columns  parameter, (m, k)
    table    constant, (n, m)
    known    constant, (n, m)
    penalty  constant, scalar

Closed form
    e1 = (rows*columns.T - table) ∘ known
    value = penalty*(sum(columns∘**2) + sum(rows∘**2))/2 + sum(e1∘**2)/2
    e2 = known ∘ e1
    grad.rows = penalty*rows + e2*columns
    grad.columns = penalty*columns + e2.T*rows

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
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "factorization",
    "inputs": {
        "rows": {"role": "parameter", "shape": ("n", "k"), "dtype": "float"},
        "columns": {"role": "parameter", "shape": ("m", "k"), "dtype": "float"},
        "table": {"role": "constant", "shape": ("n", "m"), "dtype": "float"},
        "known": {"role": "constant", "shape": ("n", "m"), "dtype": "float"},
        "penalty": {"role": "constant", "shape": (), "dtype": "float"},
    },
    "samples": None,
    "pointwise": False,
    "functions": {
        "value": ("rows", "columns", "table", "known", "penalty"),
        "grad": ("rows", "columns", "table", "known", "penalty"),
        "value_and_grad": ("rows", "columns", "table", "known", "penalty"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    rows: np.ndarray
    columns: np.ndarray


def value(rows, columns, table, known, penalty):
    """Return the objective."""
    rows, columns, table, known, penalty = _arguments(rows, columns, table, known, penalty)
    t1 = known * (rows @ columns.T - table)
    t2 = penalty * (np.vdot(columns, columns) + np.vdot(rows, rows)) + np.vdot(t1, t1)
    value = 0.5 * t2
    return value


def grad(rows, columns, table, known, penalty):
    """Return the gradient of the objective by rows, columns."""
    rows, columns, table, known, penalty = _arguments(rows, columns, table, known, penalty)
    # shared by all results
    t1 = known * (known * (rows @ columns.T - table))
    grad_rows = t1 @ columns + penalty * rows
    grad_columns = penalty * columns + t1.T @ rows
    return Grad(grad_rows, grad_columns)


def value_and_grad(rows, columns, table, known, penalty):
    """Return the objective and its gradient by rows, columns."""
    rows, columns, table, known, penalty = _arguments(rows, columns, table, known, penalty)
    # shared by all results
    t1 = known * (rows @ columns.T - table)
    # objective
    t2 = penalty * (np.vdot(columns, columns) + np.vdot(rows, rows)) + np.vdot(t1, t1)
    value = 0.5 * t2
    # gradient by rows, columns
    t3 = known * t1
    grad_rows = t3 @ columns + penalty * rows
    grad_columns = penalty * columns + t3.T @ rows
    return value, Grad(grad_rows, grad_columns)


def unpack(vec, *, n=None, k=None, m=None):
    """Split one vector into rows, columns. One size may be left out: it follows from the length of the
    vector.
    """
    shapes = (("n", "k"), ("m", "k"))
    return Grad(*_unflatten(vec, shapes, {"n": n, "k": k, "m": m}))


def value_flat(vec, table, known, penalty, *, k=None):
    """As `value`, of one vector that holds rows, columns."""
    p = unpack(vec, n=np.shape(table)[0], k=k, m=np.shape(table)[1])
    return value(p.rows, p.columns, table, known, penalty)


def grad_flat(vec, table, known, penalty, *, k=None):
    """As `grad`, of one vector that holds rows, columns."""
    p = unpack(vec, n=np.shape(table)[0], k=k, m=np.shape(table)[1])
    return pack(grad(p.rows, p.columns, table, known, penalty))


def value_and_grad_flat(vec, table, known, penalty, *, k=None):
    """As `value_and_grad`, of one vector that holds rows, columns."""
    p = unpack(vec, n=np.shape(table)[0], k=k, m=np.shape(table)[1])
    value, gradient = value_and_grad(p.rows, p.columns, table, known, penalty)
    return value, pack(gradient)


def _arguments(rows, columns, table, known, penalty):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(rows) is type(columns) is type(table) is type(known) is np.ndarray
        and rows.dtype is columns.dtype is table.dtype is known.dtype and rows.dtype in _FLOATING
        and rows.ndim == 2
        and columns.ndim == 2 and columns.shape == (columns.shape[0], rows.shape[1])
        and table.shape == (rows.shape[0], columns.shape[0])
        and known.shape == (rows.shape[0], columns.shape[0])
        and rows.size and columns.size and table.size and known.size
    ):
        kind = rows.dtype.type
        if type(penalty) is kind:
            return rows, columns, table, known, penalty
        if (
            type(penalty) in (kind, float)
        ):
            return (rows, columns, table, known, kind(penalty))
    return _convert(
        {
            "rows": (("n", "k"), "float"),
            "columns": (("m", "k"), "float"),
            "table": (("n", "m"), "float"),
            "known": (("n", "m"), "float"),
            "penalty": ((), "float"),
        },
        (rows, columns, table, known, penalty),
    )
