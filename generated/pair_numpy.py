# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad,jacobian,vjp --math exact --style fast
"""pair: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    x1  parameter, scalar
    x2  parameter, scalar

Closed form
    y = Matrix([[x1**2 + 3*x2], [2*x1 + x2**2]])

"""


import math
from typing import NamedTuple

import numpy as np


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
    # u^T Jacobian by x1
    t1 = u[1, 0]
    t2 = u[0, 0]
    vjp_x1 = 2 * (t2 * x1 + t1)
    vjp_x2 = 3 * t2 + 2 * t1 * x2
    return YGrad(vjp_x1, vjp_x2)


def unpack(vec):
    """Split one vector into x1, x2."""
    return YGrad(*_unflatten(vec, ((), ()), {}))


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


# From here on symdiff 0.1.0's runtime: in every module that needs it the same, whatever the model.


def set_threads(count):
    """Set how many threads the module's own loops may use; it has no such loops, so the count is only checked."""
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"count is {count!r}, expected a whole number from 1")


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


def _convert(declared, arguments, solved=()):
    """Return the arguments as arrays of one floating dtype; raise for the first that does not fit its declaration."""
    arrays = _typed({name: kind for name, (_, kind) in declared.items()}, arguments)
    sizes = {}
    for name, (shape, _) in declared.items():
        for dim, length in zip(shape, arrays[name].shape):
            if isinstance(dim, str):
                sizes.setdefault(dim, (name, length))
    for size, name, axis, needs, solve in solved:  # sizes that no axis has alone
        if axis < arrays[name].ndim and all(needed in sizes for needed in needs):
            found = solve(arrays[name].shape[axis], *(sizes[needed][1] for needed in needs))
            sizes[size] = (name, max(found, 0))
    for name, (shape, _) in declared.items():
        _fit(name, shape, arrays[name].shape, sizes)
    return arrays.values()


def _fit(name, shape, came, sizes):
    """Compare a shape with the declared one; the first array that has a size settles it for the others."""
    expected = []
    for dim, length in zip(shape, came):
        if isinstance(dim, str):
            expected.append(sizes[dim][1])
        elif isinstance(dim, tuple):
            _, needs, compute = dim
            known = all(size in sizes for size in needs)
            expected.append(compute(*(sizes[size][1] for size in needs)) if known else length)
        else:
            expected.append(dim)
    if len(shape) != len(came) or tuple(expected) != came:
        spelled = ", ".join(dim[0] if isinstance(dim, tuple) else str(dim) for dim in shape)
        text = f"shape ({spelled}{',' if len(shape) == 1 else ''})" if shape else "a scalar"
        used = dict.fromkeys(size for dim in shape for size in (dim[1] if isinstance(dim, tuple) else (dim,)))
        known = [
            f"{size} = {sizes[size][1]} from {sizes[size][0]}" for size in used if sizes.get(size, (name,))[0] != name
        ]
        raise ValueError(f"{name} has shape {came}, expected {text}" + (f" with {', '.join(known)}" if known else ""))
    if 0 in came:
        raise ValueError(f"{name} has shape {came}: it holds no entries, expected at least one")


def _cotangent(name, given, shape, dtype):
    """A cotangent as an array of the output's shape."""
    array = _array(name, given)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}, the shape of the output")
    return array.astype(dtype, copy=False)[()]


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

    def shapes_at(trial):
        known = {name: trial if size is None else size for name, size in sizes.items()}
        return [tuple(dim if isinstance(dim, int) else dim(**known) for dim in shape) for shape in shapes]

    def too_small(trial):
        trials = shapes_at(trial)
        return any(dim < 0 for shape in trials for dim in shape) or sum(map(math.prod, trials)) < vec.size

    low = high = 1
    while unknown and too_small(high):
        low, high = high + 1, 2 * high
    while low < high:  # the unknown size lies between
        middle = (low + high) // 2
        low, high = (middle + 1, high) if too_small(middle) else (low, middle)
    parts, start = [], 0
    for shape in shapes_at(low):
        stop = start + math.prod(shape)
        parts.append((shape, vec[start:stop]))
        start = stop
    if start != vec.size:
        raise ValueError(f"vec has {vec.size} entries, expected {start}")
    return [part.reshape(shape)[()] for shape, part in parts]
