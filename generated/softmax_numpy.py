# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast
"""softmax: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    w        parameter, (d, c)
    b        parameter, (c,)
    x        data, (n, d)
    label    data, (n,), integers
    penalty  constant, scalar

Closed form
    e1 = (x @ w) + b
    e2 = log_softmax(e1, axis=1)
    value = penalty*sum(w**2) - sum(e2*one_hot(label, c))/n
    probability = softmax(e1, axis=1)
    e3 = -one_hot(label, c) + probability
    grad.w = (x.T @ e3)/n + 2*penalty*w
    grad.b = sum(e3, axis=0)/n

"""


import math
from typing import NamedTuple

import numpy as np


SIGNATURE = {
    "model": "softmax",
    "inputs": {
        "w": {"role": "parameter", "shape": ("d", "c"), "dtype": "float"},
        "b": {"role": "parameter", "shape": ("c",), "dtype": "float"},
        "x": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "label": {"role": "data", "shape": ("n",), "dtype": "int"},
        "penalty": {"role": "constant", "shape": (), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("w", "b", "x", "label", "penalty"),
        "grad": ("w", "b", "x", "label", "penalty"),
        "value_and_grad": ("w", "b", "x", "label", "penalty"),
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


def value(w, b, x, label, penalty):
    """Return the objective."""
    w, b, x, label, penalty = _arguments(w, b, x, label, penalty)
    c = w.shape[1]
    n = x.shape[0]
    t1 = x @ w + b
    max_t1 = np.maximum.reduce(t1, axis=1)
    t2 = np.where(np.abs(max_t1) < np.inf, max_t1, 0)
    t3 = np.vdot(
        _one_hot(label, c, w.dtype), t1 - (np.log(np.add.reduce(np.exp(t1 - t2[:, None]), axis=1)) + t2)[:, None],
    )
    value = penalty * np.vdot(w, w) - t3 / n
    return value


def grad(w, b, x, label, penalty):
    """Return the gradient of the objective by w, b."""
    w, b, x, label, penalty = _arguments(w, b, x, label, penalty)
    c = w.shape[1]
    n = x.shape[0]
    # gradient by w
    t1 = x @ w + b
    max_t1 = np.maximum.reduce(t1, axis=1)
    t2 = np.exp(t1 - np.where(np.abs(max_t1) < np.inf, max_t1, 0)[:, None])
    probability = t2 / np.add.reduce(t2, axis=1)[:, None]
    t3 = probability - _one_hot(label, c, w.dtype)
    grad_w = x.T @ t3 / n + 2 * (penalty * w)
    grad_b = np.add.reduce(t3) / n
    return Grad(grad_w, grad_b)


def value_and_grad(w, b, x, label, penalty):
    """Return the objective and its gradient by w, b."""
    w, b, x, label, penalty = _arguments(w, b, x, label, penalty)
    c = w.shape[1]
    n = x.shape[0]
    # objective
    one_hot_label = _one_hot(label, c, w.dtype)
    t1 = x @ w + b
    max_t1 = np.maximum.reduce(t1, axis=1)
    t2 = np.where(np.abs(max_t1) < np.inf, max_t1, 0)
    t3 = np.exp(t1 - t2[:, None])
    t4 = np.add.reduce(t3, axis=1)
    value = penalty * np.vdot(w, w) - np.vdot(one_hot_label, t1 - (np.log(t4) + t2)[:, None]) / n
    # gradient by w
    probability = t3 / t4[:, None]
    t5 = probability - one_hot_label
    grad_w = 2 * (penalty * w) + x.T @ t5 / n
    grad_b = np.add.reduce(t5) / n
    return value, Grad(grad_w, grad_b)


def probability(w, b, x):
    """Return probability."""
    w, b, x = _arguments_of_probability(w, b, x)
    t1 = x @ w + b
    max_t1 = np.maximum.reduce(t1, axis=1)
    t2 = np.exp(t1 - np.where(np.abs(max_t1) < np.inf, max_t1, 0)[:, None])
    probability = t2 / np.add.reduce(t2, axis=1)[:, None]
    return probability


def unpack(vec, *, d=None, c=None):
    """Split one vector into w, b. One size may be left out: it follows from the length of the vector."""
    return Grad(*_unflatten(vec, ((lambda d, c: d, lambda d, c: c), (lambda d, c: c,)), {"d": d, "c": c}))


def value_flat(vec, x, label, penalty, *, c=None):
    """As `value`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1], c=c)
    return value(p.w, p.b, x, label, penalty)


def grad_flat(vec, x, label, penalty, *, c=None):
    """As `grad`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1], c=c)
    return pack(grad(p.w, p.b, x, label, penalty))


def value_and_grad_flat(vec, x, label, penalty, *, c=None):
    """As `value_and_grad`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1], c=c)
    value, gradient = value_and_grad(p.w, p.b, x, label, penalty)
    return value, pack(gradient)


def probability_flat(vec, x, *, c=None):
    """As `probability`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1], c=c)
    return probability(p.w, p.b, x)


def _arguments(w, b, x, label, penalty):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "w": (("d", "c"), "float"),
            "b": (("c",), "float"),
            "x": (("n", "d"), "float"),
            "label": (("n",), "int"),
            "penalty": ((), "float"),
        },
        (w, b, x, label, penalty),
    )


def _arguments_of_probability(w, b, x):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(w) is type(b) is type(x) is np.ndarray
        and w.dtype is b.dtype is x.dtype and w.dtype in _FLOATING
        and w.ndim == 2
        and b.shape == (w.shape[1],)
        and x.ndim == 2 and x.shape == (x.shape[0], w.shape[0])
        and w.size and b.size and x.size
    ):
        return w, b, x
    return _convert(
        {
            "w": (("d", "c"), "float"),
            "b": (("c",), "float"),
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


def _positions(positions, length):
    """Positions as indices; raise where one does not fit an axis of that length."""
    positions = np.asarray(positions).astype(np.intp, copy=False)
    if positions.size and not 0 <= positions.min() <= positions.max() < length:
        raise IndexError(f"positions from {positions.min()} to {positions.max()} do not fit an axis of {length} entries")
    return positions


def _one_hot(positions, length, dtype):
    """Along a new last axis 1 at each position, counted from 0, else 0."""
    positions = _positions(positions, length)
    result = np.zeros((*positions.shape, length), dtype)
    np.put_along_axis(result, positions[..., None], 1, -1)
    return result


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
