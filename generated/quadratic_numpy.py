# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast
"""quadratic: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    w  parameter, scalar
    b  parameter, scalar
    x  data, (N,)
    y  data, (N,)

Closed form
    e1 = b + w*x**2 - y
    value = sum(e1**2)/2
    grad.w = sum(e1*x**2)
    grad.b = sum(e1)

"""


import math
from typing import NamedTuple

import numpy as np


SIGNATURE = {
    "model": "quadratic",
    "inputs": {
        "w": {"role": "parameter", "shape": (), "dtype": "float"},
        "b": {"role": "parameter", "shape": (), "dtype": "float"},
        "x": {"role": "data", "shape": ("N",), "dtype": "float"},
        "y": {"role": "data", "shape": ("N",), "dtype": "float"},
    },
    "samples": "N",
    "pointwise": False,
    "functions": {
        "value": ("w", "b", "x", "y"),
        "grad": ("w", "b", "x", "y"),
        "value_and_grad": ("w", "b", "x", "y"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    w: np.ndarray
    b: np.ndarray


def value(w, b, x, y):
    """Return the objective."""
    w, b, x, y = _arguments(w, b, x, y)
    t1 = w * x**2 + (b - y)
    value = 0.5 * np.dot(t1, t1)
    return value


def grad(w, b, x, y):
    """Return the gradient of the objective by w, b."""
    w, b, x, y = _arguments(w, b, x, y)
    # gradient by w
    t1 = x**2
    t2 = w * t1 + (b - y)
    grad_w = np.dot(t2, t1)
    grad_b = np.add.reduce(t2)
    return Grad(grad_w, grad_b)


def value_and_grad(w, b, x, y):
    """Return the objective and its gradient by w, b."""
    w, b, x, y = _arguments(w, b, x, y)
    # objective
    t1 = x**2
    t2 = w * t1 + (b - y)
    value = 0.5 * np.dot(t2, t2)
    grad_w = np.dot(t2, t1)
    grad_b = np.add.reduce(t2)
    return value, Grad(grad_w, grad_b)


def unpack(vec):
    """Split one vector into w, b."""
    return Grad(*_unflatten(vec, ((), ()), {}))


def value_flat(vec, x, y):
    """As `value`, of one vector that holds w, b."""
    p = unpack(vec)
    return value(p.w, p.b, x, y)


def grad_flat(vec, x, y):
    """As `grad`, of one vector that holds w, b."""
    p = unpack(vec)
    return pack(grad(p.w, p.b, x, y))


def value_and_grad_flat(vec, x, y):
    """As `value_and_grad`, of one vector that holds w, b."""
    p = unpack(vec)
    value, gradient = value_and_grad(p.w, p.b, x, y)
    return value, pack(gradient)


def _arguments(w, b, x, y):
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
            type(w) in (kind, float)
            and type(b) in (kind, float)
        ):
            return (kind(w), kind(b), x, y)
    return _convert(
        {
            "w": ((), "float"),
            "b": ((), "float"),
            "x": (("N",), "float"),
            "y": (("N",), "float"),
        },
        (w, b, x, y),
    )


def _convert(declared, arguments):
    """Return the arguments as arrays of one floating dtype; raise for the first that does not fit its declaration."""
    arrays = _typed({name: kind for name, (_, kind) in declared.items()}, arguments)
    sizes = {}
    for name, (shape, _) in declared.items():
        _fit(name, shape, arrays[name].shape, sizes)
    return arrays.values()


def _fit(name, shape, came, sizes):
    """Compare a shape with the declared one; the first array that has a size settles it for the others."""
    expected = []
    for dim, length in zip(shape, came):
        if isinstance(dim, str):
            expected.append(sizes.setdefault(dim, (name, length))[1])
        elif isinstance(dim, tuple):
            _, needs, compute = dim
            known = all(size in sizes for size in needs)
            expected.append(compute(*(sizes[size][1] for size in needs)) if known else length)
        else:
            expected.append(dim)
    if len(shape) != len(came) or tuple(expected) != came:
        spelled = ", ".join(dim[0] if isinstance(dim, tuple) else str(dim) for dim in shape)
        text = f"shape ({spelled}{',' if len(shape) == 1 else ''})" if shape else "a scalar"
        known = [f"{dim} = {sizes[dim][1]} from {sizes[dim][0]}" for dim in shape if sizes.get(dim, (name,))[0] != name]
        raise ValueError(f"{name} has shape {came}, expected {text}" + (f" with {', '.join(known)}" if known else ""))
    if 0 in came:
        raise ValueError(f"{name} has shape {came}: it holds no entries, expected at least one")


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

    def known_shapes(trial):
        known = {name: trial if size is None else size for name, size in sizes.items()}
        return [tuple(dim if isinstance(dim, int) else dim(**known) for dim in shape) for shape in shapes]

    trial = 1
    while unknown and sum(math.prod(shape) for shape in known_shapes(trial)) < vec.size:
        trial += 1
    parts, start = [], 0
    for shape in known_shapes(trial):
        stop = start + math.prod(shape)
        parts.append((shape, vec[start:stop]))
        start = stop
    if start != vec.size:
        raise ValueError(f"vec has {vec.size} entries, expected {start}")
    return [part.reshape(shape)[()] for shape, part in parts]


def set_threads(count):
    """Set how many threads the module's own loops may use; it has no such loops, so the count is only checked."""
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"count is {count!r}, expected a whole number from 1")
