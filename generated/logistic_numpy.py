# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast
"""logistic: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    w        parameter, (d, 1)
    b        parameter, scalar
    x        data, (n, d)
    y        data, (n, 1)
    penalty  constant, scalar

Closed form
    e1 = b + x*w
    value = penalty*sum(w∘**2) + sum((-y + 1) ∘ softplus(e1) + softplus(-e1) ∘ y)/n
    probability = sigmoid(e1)
    e2 = (-y + 1) ∘ probability - (sigmoid(-e1) ∘ y)
    grad.w = (2*penalty)*w + 1/n*x.T*e2
    grad.b = sum(e2)/n

"""


import math
from typing import NamedTuple

import numpy as np


SIGNATURE = {
    "model": "logistic",
    "inputs": {
        "w": {"role": "parameter", "shape": ("d", 1), "dtype": "float"},
        "b": {"role": "parameter", "shape": (), "dtype": "float"},
        "x": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "y": {"role": "data", "shape": ("n", 1), "dtype": "float"},
        "penalty": {"role": "constant", "shape": (), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("w", "b", "x", "y", "penalty"),
        "grad": ("w", "b", "x", "y", "penalty"),
        "value_and_grad": ("w", "b", "x", "y", "penalty"),
        "probability": ("w", "b", "x"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    w: np.ndarray
    b: np.ndarray


class ProbabilityGrad(NamedTuple):
    """One array for each parameter of probability."""

    w: np.ndarray
    b: np.ndarray


def value(w, b, x, y, penalty):
    """Return the objective."""
    w, b, x, y, penalty = _arguments(w, b, x, y, penalty)
    n = x.shape[0]
    t1 = x @ w + b
    t2 = np.log1p(np.exp(-np.abs(t1)))
    t3 = np.add.reduce((y * (np.maximum(0, -t1) + t2) + (1 - y) * (np.maximum(0, t1) + t2))[:, 0])
    value = penalty * np.vdot(w, w) + t3 / n
    return value


def grad(w, b, x, y, penalty):
    """Return the gradient of the objective by w, b."""
    w, b, x, y, penalty = _arguments(w, b, x, y, penalty)
    n = x.shape[0]
    # gradient by w
    t1 = x @ w + b
    t2 = np.exp(-np.abs(t1))
    t3 = t2 + 1
    probability = np.where(t1 >= 0, 1, t2) / t3
    t4 = probability * (1 - y) - y * (np.where(t1 <= 0, 1, t2) / t3)
    grad_w = 2 * (penalty * w) + x.T @ t4 / n
    grad_b = np.add.reduce(t4[:, 0]) / n
    return Grad(grad_w, grad_b)


def value_and_grad(w, b, x, y, penalty):
    """Return the objective and its gradient by w, b."""
    w, b, x, y, penalty = _arguments(w, b, x, y, penalty)
    n = x.shape[0]
    # objective
    t1 = x @ w + b
    t2 = np.exp(-np.abs(t1))
    log1p_t2 = np.log1p(t2)
    t3 = 1 - y
    t4 = np.add.reduce((y * (np.maximum(0, -t1) + log1p_t2) + t3 * (np.maximum(0, t1) + log1p_t2))[:, 0])
    value = penalty * np.vdot(w, w) + t4 / n
    # gradient by w
    t5 = t2 + 1
    probability = np.where(t1 >= 0, 1, t2) / t5
    t6 = probability * t3 - y * (np.where(t1 <= 0, 1, t2) / t5)
    grad_w = 2 * (penalty * w) + x.T @ t6 / n
    grad_b = np.add.reduce(t6[:, 0]) / n
    return value, Grad(grad_w, grad_b)


def probability(w, b, x):
    """Return probability."""
    w, b, x = _arguments_of_probability(w, b, x)
    t1 = x @ w + b
    t2 = np.exp(-np.abs(t1))
    probability = np.where(t1 >= 0, 1, t2) / (t2 + 1)
    return probability


def unpack(vec, *, d=None):
    """Split one vector into w, b. One size may be left out: it follows from the length of the vector."""
    return Grad(*_unflatten(vec, ((lambda d: d, 1), ()), {"d": d}))


def value_flat(vec, x, y, penalty):
    """As `value`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1])
    return value(p.w, p.b, x, y, penalty)


def grad_flat(vec, x, y, penalty):
    """As `grad`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1])
    return pack(grad(p.w, p.b, x, y, penalty))


def value_and_grad_flat(vec, x, y, penalty):
    """As `value_and_grad`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1])
    value, gradient = value_and_grad(p.w, p.b, x, y, penalty)
    return value, pack(gradient)


def probability_flat(vec, x):
    """As `probability`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1])
    return probability(p.w, p.b, x)


def _arguments(w, b, x, y, penalty):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(w) is type(x) is type(y) is np.ndarray
        and w.dtype is x.dtype is y.dtype and w.dtype in _FLOATING
        and w.ndim == 2 and w.shape == (w.shape[0], 1)
        and x.ndim == 2 and x.shape == (x.shape[0], w.shape[0])
        and y.shape == (x.shape[0], 1)
        and w.size and x.size and y.size
    ):
        kind = w.dtype.type
        if (
            type(b) in (kind, float)
            and type(penalty) in (kind, float)
        ):
            return (w, kind(b), x, y, kind(penalty))
    return _convert(
        {
            "w": (("d", 1), "float"),
            "b": ((), "float"),
            "x": (("n", "d"), "float"),
            "y": (("n", 1), "float"),
            "penalty": ((), "float"),
        },
        (w, b, x, y, penalty),
    )


def _arguments_of_probability(w, b, x):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(w) is type(x) is np.ndarray
        and w.dtype is x.dtype and w.dtype in _FLOATING
        and w.ndim == 2 and w.shape == (w.shape[0], 1)
        and x.ndim == 2 and x.shape == (x.shape[0], w.shape[0])
        and w.size and x.size
    ):
        kind = w.dtype.type
        if (
            type(b) in (kind, float)
        ):
            return (w, kind(b), x)
    return _convert(
        {
            "w": (("d", 1), "float"),
            "b": ((), "float"),
            "x": (("n", "d"), "float"),
        },
        (w, b, x),
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
