# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast
"""process: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    scale   parameter, scalar
    length  parameter, scalar
    noise   parameter, scalar
    D       data, (n, n)
    y       data, (n, 1)

Closed form
    e1 = exp(2*noise)
    e2 = exp(-2*length)
    e3 = exp((-e2/2)*D)
    e4 = exp(2*scale)
    K = e1*I + e4*e3
    L = cholesky(K)
    z = L**(-1)*y
    value = 0.9189385332046728*n + sum(log(DiagonalOf(L))) + sum(z∘**2)/2
    e5 = L**(-1)
    e6 = L.T**(-1)*z
    e7 = -e6*e6.T + e5.T*e5
    e8 = e3 ∘ e7
    grad.scale = e4*sum(e8)
    grad.length = e2*e4*sum(e8 ∘ D)/2
    grad.noise = e1*Trace(e7)

"""


import math
from typing import NamedTuple

import numpy as np


SIGNATURE = {
    "model": "process",
    "inputs": {
        "scale": {"role": "parameter", "shape": (), "dtype": "float"},
        "length": {"role": "parameter", "shape": (), "dtype": "float"},
        "noise": {"role": "parameter", "shape": (), "dtype": "float"},
        "D": {"role": "data", "shape": ("n", "n"), "dtype": "float"},
        "y": {"role": "data", "shape": ("n", 1), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("scale", "length", "noise", "D", "y"),
        "grad": ("scale", "length", "noise", "D", "y"),
        "value_and_grad": ("scale", "length", "noise", "D", "y"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    scale: np.ndarray
    length: np.ndarray
    noise: np.ndarray


def value(scale, length, noise, D, y):
    """Return the objective."""
    scale, length, noise, D, y = _arguments(scale, length, noise, D, y)
    n = D.shape[0]
    K = np.exp(2 * noise) * np.eye(n, dtype=scale.dtype) + np.exp(2 * scale) * np.exp(-0.5 * np.exp(-2 * length) * D)
    L = _checked(_cholesky, 'K', K)
    z = _solve_triangular(L, y, upper=False)
    value = 0.5 * np.vdot(z, z) + 0.9189385332046728 * n + np.add.reduce(np.log(np.diagonal(L)))
    return value


def grad(scale, length, noise, D, y):
    """Return the gradient of the objective by scale, length, noise."""
    scale, length, noise, D, y = _arguments(scale, length, noise, D, y)
    n = D.shape[0]
    # gradient by scale
    t1 = np.exp(-2 * length)
    t2 = np.exp(-0.5 * t1 * D)
    t3 = np.exp(2 * noise)
    t4 = np.exp(2 * scale)
    K = t3 * np.eye(n, dtype=scale.dtype) + t4 * t2
    L = _checked(_cholesky, 'K', K)
    inverse_L = _inverse_lower(L)
    z = _solve_triangular(L, y, upper=False)
    t5 = _solve_triangular(L.T, z, upper=True)
    t6 = inverse_L.T @ inverse_L - t5 @ t5.T
    t7 = t2 * t6
    grad_scale = t4 * np.add.reduce(t7, axis=None)
    grad_length = 0.5 * t1 * t4 * np.vdot(t7, D)
    grad_noise = t3 * np.trace(t6)
    return Grad(grad_scale, grad_length, grad_noise)


def value_and_grad(scale, length, noise, D, y):
    """Return the objective and its gradient by scale, length, noise."""
    scale, length, noise, D, y = _arguments(scale, length, noise, D, y)
    n = D.shape[0]
    # objective
    t1 = np.exp(2 * noise)
    t2 = np.exp(-2 * length)
    t3 = np.exp(-0.5 * t2 * D)
    t4 = np.exp(2 * scale)
    K = t1 * np.eye(n, dtype=scale.dtype) + t4 * t3
    L = _checked(_cholesky, 'K', K)
    z = _solve_triangular(L, y, upper=False)
    value = 0.5 * np.vdot(z, z) + 0.9189385332046728 * n + np.add.reduce(np.log(np.diagonal(L)))
    # gradient by scale
    inverse_L = _inverse_lower(L)
    t5 = _solve_triangular(L.T, z, upper=True)
    t6 = inverse_L.T @ inverse_L - t5 @ t5.T
    t7 = t3 * t6
    grad_scale = t4 * np.add.reduce(t7, axis=None)
    grad_length = 0.5 * t2 * t4 * np.vdot(t7, D)
    grad_noise = t1 * np.trace(t6)
    return value, Grad(grad_scale, grad_length, grad_noise)


def unpack(vec):
    """Split one vector into scale, length, noise."""
    return Grad(*_unflatten(vec, ((), (), ()), {}))


def value_flat(vec, D, y):
    """As `value`, of one vector that holds scale, length, noise."""
    p = unpack(vec)
    return value(p.scale, p.length, p.noise, D, y)


def grad_flat(vec, D, y):
    """As `grad`, of one vector that holds scale, length, noise."""
    p = unpack(vec)
    return pack(grad(p.scale, p.length, p.noise, D, y))


def value_and_grad_flat(vec, D, y):
    """As `value_and_grad`, of one vector that holds scale, length, noise."""
    p = unpack(vec)
    value, gradient = value_and_grad(p.scale, p.length, p.noise, D, y)
    return value, pack(gradient)


def _arguments(scale, length, noise, D, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(D) is type(y) is np.ndarray
        and D.dtype is y.dtype and D.dtype in _FLOATING
        and D.ndim == 2 and D.shape == (D.shape[0], D.shape[0])
        and y.shape == (D.shape[0], 1)
        and D.size and y.size
    ):
        kind = D.dtype.type
        if type(scale) is type(length) is type(noise) is kind:
            return scale, length, noise, D, y
        if (
            type(scale) in (kind, float)
            and type(length) in (kind, float)
            and type(noise) in (kind, float)
        ):
            return (kind(scale), kind(length), kind(noise), D, y)
    return _convert(
        {
            "scale": ((), "float"),
            "length": ((), "float"),
            "noise": ((), "float"),
            "D": (("n", "n"), "float"),
            "y": (("n", 1), "float"),
        },
        (scale, length, noise, D, y),
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


def _inverse_lower(a):
    """The inverse of a lower triangular matrix, by halves."""
    n = a.shape[-1]
    if n <= 64:
        return np.linalg.inv(a)
    first, last = slice(0, n // 2), slice(n // 2, n)
    x = np.zeros_like(a)
    x[..., first, first] = _inverse_lower(a[..., first, first])
    x[..., last, last] = _inverse_lower(a[..., last, last])
    x[..., last, first] = -x[..., last, last] @ a[..., last, first] @ x[..., first, first]
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
