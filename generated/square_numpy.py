# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad,jacobian,vjp --math exact --style fast
"""square: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    x  parameter, scalar or array

Closed form
    value = x**2 + 3
    grad.x = 2*x

"""


import math
from typing import NamedTuple

import numpy as np


SIGNATURE = {
    "model": "square",
    "inputs": {
        "x": {"role": "parameter", "shape": ("S",), "dtype": "float"},
    },
    "samples": None,
    "pointwise": True,
    "functions": {
        "value": ("x",),
        "grad": ("x",),
        "value_and_grad": ("x",),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    x: np.ndarray


def value(x):
    """Return the objective."""
    x, S2 = _arguments(x)
    value = x**2 + 3
    return _shaped(value, S2, x.dtype)


def grad(x):
    """Return the gradient of the objective by x."""
    x, S2 = _arguments(x)
    grad_x = 2 * x
    return Grad(_shaped(grad_x, S2, x.dtype))


def value_and_grad(x):
    """Return the objective and its gradient by x."""
    x, S2 = _arguments(x)
    value = x**2 + 3
    grad_x = 2 * x
    return _shaped(value, S2, x.dtype), Grad(_shaped(grad_x, S2, x.dtype))


def unpack(vec):
    """Split one vector into x."""
    return Grad(*_unflatten(vec, ((),), {}))


def value_flat(vec):
    """As `value`, of one vector that holds x."""
    p = unpack(vec)
    return value(p.x)


def grad_flat(vec):
    """As `grad`, of one vector that holds x."""
    p = unpack(vec)
    return pack(grad(p.x))


def value_and_grad_flat(vec):
    """As `value_and_grad`, of one vector that holds x."""
    p = unpack(vec)
    value, gradient = value_and_grad(p.x)
    return value, pack(gradient)


def _arguments(x):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if type(x) is np.ndarray and x.dtype in _FLOATING:
        if x.ndim and x.size:
            return x, x.shape
    elif type(x) in (np.float64, float):
        return np.float64(x), ()
    return _convert_points(('x',), (x,))


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


def _convert_points(names, arguments):
    """Return the arguments as arrays of one floating dtype, and their one shape; scalars go with any shape."""
    arrays = _typed(dict.fromkeys(names, "float"), arguments)
    shape, owner = (), None
    for name, array in arrays.items():
        if array.shape and owner is None:
            shape, owner = array.shape, name
        elif array.shape and array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, expected a scalar or {shape} as {owner} has")
        if 0 in array.shape:
            raise ValueError(f"{name} has shape {array.shape}: it holds no entries, expected at least one")
    return *arrays.values(), shape


def _shaped(result, shape, dtype):
    """A result that may not depend on every argument, at the shape of them all, in memory of its own."""
    result = np.asarray(result, dtype)
    return np.broadcast_to(result, shape).copy() if shape else result[()]


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
