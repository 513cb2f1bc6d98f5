# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast
"""net: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    w1  parameter, (d, k)
    w2  parameter, (k, o)
    x   data, (n, d)
    y   data, (n, o)

Closed form
    h = relu(x*w1)
    e1 = h*w2 - y
    value = sum(e1∘**2)
    grad.w1 = 2*x.T*where(0 < x*w1, e1*w2.T, 0)
    grad.w2 = 2*h.T*e1

"""


import math
from typing import NamedTuple

import numpy as np


SIGNATURE = {
    "model": "net",
    "inputs": {
        "w1": {"role": "parameter", "shape": ("d", "k"), "dtype": "float"},
        "w2": {"role": "parameter", "shape": ("k", "o"), "dtype": "float"},
        "x": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "y": {"role": "data", "shape": ("n", "o"), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("w1", "w2", "x", "y"),
        "grad": ("w1", "w2", "x", "y"),
        "value_and_grad": ("w1", "w2", "x", "y"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    w1: np.ndarray
    w2: np.ndarray


def value(w1, w2, x, y):
    """Return the objective."""
    w1, w2, x, y = _arguments(w1, w2, x, y)
    h = np.maximum(x @ w1, 0)
    t1 = h @ w2 - y
    value = np.vdot(t1, t1)
    return value


def grad(w1, w2, x, y):
    """Return the gradient of the objective by w1, w2."""
    w1, w2, x, y = _arguments(w1, w2, x, y)
    # gradient by w1
    t1 = x @ w1
    h = np.maximum(t1, 0)
    t2 = 2 * (h @ w2 - y)
    grad_w1 = x.T @ np.where(t1 > 0, t2 @ w2.T, 0)
    grad_w2 = h.T @ t2
    return Grad(grad_w1, grad_w2)


def value_and_grad(w1, w2, x, y):
    """Return the objective and its gradient by w1, w2."""
    w1, w2, x, y = _arguments(w1, w2, x, y)
    # objective
    t1 = x @ w1
    h = np.maximum(t1, 0)
    t2 = h @ w2 - y
    value = np.vdot(t2, t2)
    # gradient by w1
    t3 = 2 * t2
    grad_w1 = x.T @ np.where(t1 > 0, t3 @ w2.T, 0)
    grad_w2 = h.T @ t3
    return value, Grad(grad_w1, grad_w2)


def unpack(vec, *, d=None, k=None, o=None):
    """Split one vector into w1, w2. One size may be left out: it follows from the length of the vector."""
    return Grad(*_unflatten(vec, ((lambda d, k, o: d, lambda d, k, o: k), (lambda d, k, o: k, lambda d, k, o: o)), {"d": d, "k": k, "o": o}))


def value_flat(vec, x, y, *, k=None):
    """As `value`, of one vector that holds w1, w2."""
    p = unpack(vec, d=np.shape(x)[1], k=k, o=np.shape(y)[1])
    return value(p.w1, p.w2, x, y)


def grad_flat(vec, x, y, *, k=None):
    """As `grad`, of one vector that holds w1, w2."""
    p = unpack(vec, d=np.shape(x)[1], k=k, o=np.shape(y)[1])
    return pack(grad(p.w1, p.w2, x, y))


def value_and_grad_flat(vec, x, y, *, k=None):
    """As `value_and_grad`, of one vector that holds w1, w2."""
    p = unpack(vec, d=np.shape(x)[1], k=k, o=np.shape(y)[1])
    value, gradient = value_and_grad(p.w1, p.w2, x, y)
    return value, pack(gradient)


def _arguments(w1, w2, x, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(w1) is type(w2) is type(x) is type(y) is np.ndarray
        and w1.dtype is w2.dtype is x.dtype is y.dtype and w1.dtype in _FLOATING
        and w1.ndim == 2
        and w2.ndim == 2 and w2.shape == (w1.shape[1], w2.shape[1])
        and x.ndim == 2 and x.shape == (x.shape[0], w1.shape[0])
        and y.shape == (x.shape[0], w2.shape[1])
        and w1.size and w2.size and x.size and y.size
    ):
        return w1, w2, x, y
    return _convert(
        {
            "w1": (("d", "k"), "float"),
            "w2": (("k", "o"), "float"),
            "x": (("n", "d"), "float"),
            "y": (("n", "o"), "float"),
        },
        (w1, w2, x, y),
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
