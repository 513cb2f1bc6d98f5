# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad,jacobian,vjp --math exact --style fast
"""scaled_mean: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    X  parameter, (n, m)

Closed form
    value = 3*sum((X + 2)∘**2)/(m*n)
    grad.X = (6/(m*n))*(X + 2)

"""


import math
from typing import NamedTuple

import numpy as np


SIGNATURE = {
    "model": "scaled_mean",
    "inputs": {
        "X": {"role": "parameter", "shape": ("n", "m"), "dtype": "float"},
    },
    "samples": None,
    "pointwise": False,
    "functions": {
        "value": ("X",),
        "grad": ("X",),
        "value_and_grad": ("X",),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    X: np.ndarray


def value(X):
    """Return the objective."""
    X, = _arguments(X)
    m = X.shape[1]
    n = X.shape[0]
    t1 = X + 2
    value = 3 * np.vdot(t1, t1) / (m*n)
    return value


def grad(X):
    """Return the gradient of the objective by X."""
    X, = _arguments(X)
    m = X.shape[1]
    n = X.shape[0]
    grad_X = 6 * (X + 2) / (m*n)
    return Grad(grad_X)


def value_and_grad(X):
    """Return the objective and its gradient by X."""
    X, = _arguments(X)
    m = X.shape[1]
    n = X.shape[0]
    # objective
    t1 = X + 2
    value = 3 * np.vdot(t1, t1) / (m*n)
    grad_X = 6 * t1 / (m*n)
    return value, Grad(grad_X)


def unpack(vec, *, n=None, m=None):
    """Split one vector into X. One size may be left out: it follows from the length of the vector."""
    return Grad(*_unflatten(vec, ((lambda n, m: n, lambda n, m: m),), {"n": n, "m": m}))


def value_flat(vec, *, n=None, m=None):
    """As `value`, of one vector that holds X."""
    p = unpack(vec, n=n, m=m)
    return value(p.X)


def grad_flat(vec, *, n=None, m=None):
    """As `grad`, of one vector that holds X."""
    p = unpack(vec, n=n, m=m)
    return pack(grad(p.X))


def value_and_grad_flat(vec, *, n=None, m=None):
    """As `value_and_grad`, of one vector that holds X."""
    p = unpack(vec, n=n, m=m)
    value, gradient = value_and_grad(p.X)
    return value, pack(gradient)


def _arguments(X):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(X) is np.ndarray
        and X.dtype in _FLOATING
        and X.ndim == 2
        and X.size
    ):
        return X,
    return _convert(
        {
            "X": (("n", "m"), "float"),
        },
        (X,),
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
