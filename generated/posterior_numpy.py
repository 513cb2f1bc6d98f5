# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast
"""posterior: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    scale   parameter, scalar
    length  parameter, scalar
    noise   parameter, scalar
    D       data, (n, n)
    E       data, (n, m)
    y       data, (n, 1)

Closed form
    e1 = exp(2*scale)
    e2 = exp(-2*length)
    K = e1*exp((-e2/2)*D) + exp(2*noise)*I
    L = cholesky(K)
    z = L**(-1)*y
    e3 = L**(-1)*exp((-e2/2)*E)
    mean = e1*e3.T*z
    variance = e1 + (-exp(4*scale))*sum(e3∘**2, axis=0)

"""


import math
from typing import NamedTuple

import numpy as np


SIGNATURE = {
    "model": "posterior",
    "inputs": {
        "scale": {"role": "parameter", "shape": (), "dtype": "float"},
        "length": {"role": "parameter", "shape": (), "dtype": "float"},
        "noise": {"role": "parameter", "shape": (), "dtype": "float"},
        "D": {"role": "data", "shape": ("n", "n"), "dtype": "float"},
        "E": {"role": "data", "shape": ("n", "m"), "dtype": "float"},
        "y": {"role": "data", "shape": ("n", 1), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "mean": ("scale", "length", "noise", "D", "E", "y"),
        "variance": ("scale", "length", "noise", "D", "E"),
    },
}


class MeanGrad(NamedTuple):
    """One array for each parameter of mean."""

    scale: np.ndarray
    length: np.ndarray
    noise: np.ndarray


class VarianceGrad(NamedTuple):
    """One array for each parameter of variance."""

    scale: np.ndarray
    length: np.ndarray
    noise: np.ndarray


def mean(scale, length, noise, D, E, y):
    """Return mean."""
    scale, length, noise, D, E, y = _arguments_of_mean(scale, length, noise, D, E, y)
    n = D.shape[0]
    t1 = np.exp(2 * scale)
    t2 = np.exp(-2 * length)
    K = np.exp(2 * noise) * np.eye(n, dtype=scale.dtype) + t1 * np.exp(-0.5 * t2 * D)
    L = _checked(_cholesky, 'K', K)
    z = _solve_triangular(L, y, upper=False)
    mean = t1 * (_solve_triangular(L, np.exp(-0.5 * t2 * E), upper=False).T @ z)
    return mean


def variance(scale, length, noise, D, E):
    """Return variance."""
    scale, length, noise, D, E = _arguments_of_variance(scale, length, noise, D, E)
    n = D.shape[0]
    t1 = np.exp(2 * scale)
    t2 = np.exp(-2 * length)
    K = np.exp(2 * noise) * np.eye(n, dtype=scale.dtype) + t1 * np.exp(-0.5 * t2 * D)
    L = _checked(_cholesky, 'K', K)
    t3 = _solve_triangular(L, np.exp(-0.5 * t2 * E), upper=False)
    variance = (t1 - np.exp(4 * scale) * np.einsum("ji,ji->i", t3, t3))[None, :]
    return variance


def unpack(vec):
    """Split one vector into scale, length, noise."""
    return MeanGrad(*_unflatten(vec, ((), (), ()), {}))


def mean_flat(vec, D, E, y):
    """As `mean`, of one vector that holds scale, length, noise."""
    p = unpack(vec)
    return mean(p.scale, p.length, p.noise, D, E, y)


def variance_flat(vec, D, E):
    """As `variance`, of one vector that holds scale, length, noise."""
    p = unpack(vec)
    return variance(p.scale, p.length, p.noise, D, E)


def _arguments_of_mean(scale, length, noise, D, E, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(D) is type(E) is type(y) is np.ndarray
        and D.dtype is E.dtype is y.dtype and D.dtype in _FLOATING
        and D.ndim == 2 and D.shape == (D.shape[0], D.shape[0])
        and E.ndim == 2 and E.shape == (D.shape[0], E.shape[1])
        and y.shape == (D.shape[0], 1)
        and D.size and E.size and y.size
    ):
        kind = D.dtype.type
        if type(scale) is type(length) is type(noise) is kind:
            return scale, length, noise, D, E, y
        if (
            type(scale) in (kind, float)
            and type(length) in (kind, float)
            and type(noise) in (kind, float)
        ):
            return (kind(scale), kind(length), kind(noise), D, E, y)
    return _convert(
        {
            "scale": ((), "float"),
            "length": ((), "float"),
            "noise": ((), "float"),
            "D": (("n", "n"), "float"),
            "E": (("n", "m"), "float"),
            "y": (("n", 1), "float"),
        },
        (scale, length, noise, D, E, y),
    )


def _arguments_of_variance(scale, length, noise, D, E):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(D) is type(E) is np.ndarray
        and D.dtype is E.dtype and D.dtype in _FLOATING
        and D.ndim == 2 and D.shape == (D.shape[0], D.shape[0])
        and E.ndim == 2 and E.shape == (D.shape[0], E.shape[1])
        and D.size and E.size
    ):
        kind = D.dtype.type
        if type(scale) is type(length) is type(noise) is kind:
            return scale, length, noise, D, E
        if (
            type(scale) in (kind, float)
            and type(length) in (kind, float)
            and type(noise) in (kind, float)
        ):
            return (kind(scale), kind(length), kind(noise), D, E)
    return _convert(
        {
            "scale": ((), "float"),
            "length": ((), "float"),
            "noise": ((), "float"),
            "D": (("n", "n"), "float"),
            "E": (("n", "m"), "float"),
        },
        (scale, length, noise, D, E),
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


def _solve_triangular(a, b, upper):
    """a^-1 b for a triangular a, block by block (Golub and Van Loan 2013, 3.1.3)."""
    n, block = a.shape[-1], 64
    x = np.array(np.broadcast_to(b, np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) + b.shape[-2:]))
    starts = range(0, n, block)
    for start in reversed(starts) if upper else starts:
        here = slice(start, start + block)
        rest = slice(0, start) if upper else slice(start + block, n)
        x[..., here, :] = np.linalg.solve(a[..., here, here], x[..., here, :])
        x[..., rest, :] -= a[..., rest, here] @ x[..., here, :]
    return x


def _cholesky(a):
    """The lower Cholesky factor of the symmetric part of a."""
    return np.linalg.cholesky((a + a.swapaxes(-1, -2)) / 2)


def _checked(function, name, *matrices):
    """function(*matrices), whose error names the matrix."""
    try:
        return function(*matrices)
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(f"{error}: {name}") from None


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
