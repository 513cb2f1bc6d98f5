"""Functions of the stand-in: those that CuPy has, with the arguments it takes, computed by NumPy."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from cupy import _graph
from cupy._array import SCALARS, allocate, array, call, indices, ndarray, signature_of, to_host, wrap

# Their first parameter is an array of the device, or of concatenate and the like a sequence of them; so is that of the
# parameters called b.
FUNCTIONS = {
    "all": "a, axis=None, out=None, keepdims=False",
    "allclose": "a, b, rtol=1e-05, atol=1e-08, equal_nan=False",
    "amax": "a, axis=None, out=None, keepdims=False",
    "amin": "a, axis=None, out=None, keepdims=False",
    "any": "a, axis=None, out=None, keepdims=False",
    "argmax": "a, axis=None, dtype=None, out=None, keepdims=False",
    "argmin": "a, axis=None, dtype=None, out=None, keepdims=False",
    "argsort": "a, axis=-1, kind=None",
    "around": "a, decimals=0, out=None",
    "array_equal": "a1, a2, equal_nan=False",
    "array_split": "ary, indices_or_sections, axis=0",
    "clip": "a, a_min, a_max, out=None",
    "concatenate": "tup, axis=0, out=None, *, dtype=None, casting='same_kind'",
    "copy": "a, order='K'",
    "count_nonzero": "a, axis=None",
    "cross": "a, b, axisa=-1, axisb=-1, axisc=-1, axis=None",
    "cumprod": "a, axis=None, dtype=None, out=None",
    "cumsum": "a, axis=None, dtype=None, out=None",
    "diag": "v, k=0",
    "diff": "a, n=1, axis=-1, prepend=None, append=None",
    "dstack": "tup",
    "expand_dims": "a, axis",
    "flip": "a, axis=None",
    "fliplr": "a",
    "flipud": "a",
    "hstack": "tup, *, dtype=None, casting='same_kind'",
    "inner": "a, b",
    "isclose": "a, b, rtol=1e-05, atol=1e-08, equal_nan=False",
    "kron": "a, b",
    "max": "a, axis=None, out=None, keepdims=False",
    "mean": "a, axis=None, dtype=None, out=None, keepdims=False",
    "median": "a, axis=None, out=None, overwrite_input=False, keepdims=False",
    "min": "a, axis=None, out=None, keepdims=False",
    "moveaxis": "a, source, destination",
    "nan_to_num": "x, copy=True, nan=0.0, posinf=None, neginf=None",
    "outer": "a, b, out=None",
    "pad": "array, pad_width, mode='constant', **kwargs",
    "prod": "a, axis=None, dtype=None, out=None, keepdims=False",
    "ptp": "a, axis=None, out=None, keepdims=False",
    "ravel": "a, order='C'",
    "reshape": "a, newshape, order='C', *, copy=None",
    "roll": "a, shift, axis=None",
    "rollaxis": "a, axis, start=0",
    "round": "a, decimals=0, out=None",
    "searchsorted": "a, v, side='left', sorter=None",
    "sort": "a, axis=-1, kind=None",
    "split": "ary, indices_or_sections, axis=0",
    "squeeze": "a, axis=None",
    "stack": "tup, axis=0, out=None, *, dtype=None, casting='same_kind'",
    "std": "a, axis=None, dtype=None, out=None, ddof=0, keepdims=False",
    "sum": "a, axis=None, dtype=None, out=None, keepdims=False",
    "swapaxes": "a, axis1, axis2",
    "tile": "A, reps",
    "trace": "a, offset=0, axis1=0, axis2=1, dtype=None, out=None",
    "transpose": "a, axes=None",
    "tril": "m, k=0",
    "triu": "m, k=0",
    "var": "a, axis=None, dtype=None, out=None, ddof=0, keepdims=False",
    "vdot": "a, b",
    "vstack": "tup, *, dtype=None, casting='same_kind'",
}

# They make arrays from numbers.
CREATION = {
    "arange": "start, stop=None, step=1, dtype=None",
    "eye": "N, M=None, k=0, dtype=float, order='C'",
    "identity": "n, dtype=float",
    "linspace": "start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0",
    "ones": "shape, dtype=float, order='C'",
    "tri": "N, M=None, k=0, dtype=float",
    "zeros": "shape, dtype=float, order='C'",
}

UFUNCS = (
    *(
        "abs",
        "absolute",
        "add",
        "arccos",
        "arccosh",
        "arcsin",
        "arcsinh",
        "arctan",
        "arctan2",
        "arctanh",
        "bitwise_and",
    ),
    *(
        "bitwise_or",
        "bitwise_xor",
        "cbrt",
        "ceil",
        "conj",
        "conjugate",
        "copysign",
        "cos",
        "cosh",
        "deg2rad",
        "degrees",
    ),
    *(
        "divide",
        "equal",
        "exp",
        "exp2",
        "expm1",
        "fabs",
        "float_power",
        "floor",
        "floor_divide",
        "fmax",
        "fmin",
    ),
    *("fmod", "frexp", "gcd", "greater", "greater_equal", "heaviside", "hypot", "invert", "isfinite", "isinf", "isnan"),
    *("lcm", "ldexp", "left_shift", "less", "less_equal", "log", "log10", "log1p", "log2", "logaddexp", "logaddexp2"),
    *("logical_and", "logical_not", "logical_or", "logical_xor", "maximum", "minimum", "mod", "modf", "multiply"),
    *("negative", "nextafter", "not_equal", "positive", "power", "rad2deg", "radians", "reciprocal", "remainder"),
    *("right_shift", "rint", "sign", "signbit", "sin", "sinh", "sqrt", "square", "subtract", "tan", "tanh"),
    *("true_divide", "trunc"),
)
_AT = {  # what `at` is there for, and the dtypes it takes
    "add": "iqlefdILQ",
    "subtract": "iI",
    "maximum": "ilqfdILQ",
    "minimum": "ilqfdILQ",
    "bitwise_and": "ilqILQ",
    "bitwise_or": "ilqILQ",
    "bitwise_xor": "ilqILQ",
}


def _floor_divide(x, y, **given):
    """Rounded down after the division is rounded, as CuPy does it."""
    if np.result_type(x, y).kind != "f":
        return np.floor_divide(x, y, **given)
    return np.floor(np.divide(x, y), **given)


def _remainder(x, y, **given):
    """What that leaves: of floats it is not exact, and NaN for an infinite divisor."""
    if np.result_type(x, y).kind != "f":
        return np.remainder(x, y, **given)
    return np.subtract(x, _floor_divide(x, y) * y, **given)


_OF_CUPY = {"floor_divide": _floor_divide, "remainder": _remainder}


class ufunc:  # noqa: N801
    """A function of each entry."""

    def __init__(self, function):
        self.function, self.name = function, f"cupy_{function.__name__}"
        self.nin, self.nout, self.nargs = function.nin, function.nout, function.nargs

    def __call__(self, *args, out=None, dtype=None, casting="same_kind"):
        args, *outs = args[: self.nin], *args[self.nin :]
        for arg in args:
            if not isinstance(arg, (ndarray, *SCALARS)):
                raise TypeError(f"Unsupported type {type(arg)}")
        out = outs[0] if outs else out[0] if isinstance(out, tuple) and self.nout == 1 else out
        if not isinstance(out, (ndarray, tuple, type(None))):
            raise TypeError("Output arguments type must be cupy.ndarray")
        function = _OF_CUPY.get(self.function.__name__, self.function)
        return call(function, *args, out=out, dtype=dtype, casting=casting)

    def outer(self, a, b, **kwargs):
        """All pairs of entries."""
        a, b = array(a), array(b)
        return self(a.reshape(*a.shape, *(1,) * b.ndim), b, **kwargs)

    def at(self, a, indices_, b=None):
        """Change entries in place, each as often as it is named."""
        if self.function.__name__ not in _AT:
            raise NotImplementedError(f"`{self.name}.at` is not supported yet")
        if a.dtype.char not in _AT[self.function.__name__]:
            raise TypeError(f"{self.name}.at does not support {a.dtype}")
        values = to_host(b)
        _graph.submit(lambda: self.function.at(a.host, indices(indices_, a.shape), np.asarray(values).astype(a.dtype)))

    def reduce(self, array, axis=0, dtype=None, out=None, keepdims=False):
        """A sum or a product; CuPy has no other."""
        self._only("reduce", "add", "multiply")
        if array.dtype == np.float16 and dtype is None:
            return wrap(_one_after_the_other(self.function, array.host, axis, keepdims))
        return call(self.function.reduce, array, axis=axis, dtype=dtype, out=out, keepdims=keepdims)

    def accumulate(self, array, axis=0, dtype=None, out=None):
        """Running sums or products."""
        self._only("accumulate", "add", "multiply")
        return call(self.function.accumulate, array, axis=axis, dtype=dtype, out=out)

    def reduceat(self, array, indices, axis=0, dtype=None, out=None):
        """Sums of stretches."""
        self._only("reduceat", "add")
        return call(self.function.reduceat, array, indices, axis=axis, dtype=dtype, out=out)

    def _only(self, method, *names):
        if self.function.__name__ not in names:
            raise NotImplementedError(f"`{self.name}.{method}` is not supported yet")


def _one_after_the_other(function, x, axis, keepdims=False):
    """A reduction of halves in halves, as CUB's may be: each step is rounded."""
    axes = tuple(range(x.ndim)) if axis is None else np.atleast_1d(axis) % x.ndim
    for one in axes:
        with np.errstate(all="ignore"):
            x = np.take(function.accumulate(x, one), [-1], one)
    return x if keepdims else x.squeeze(tuple(axes))


def _device_arrays(name, values):
    """Refuse what is no array of the device."""
    for value in values:
        if not isinstance(value, ndarray):
            raise TypeError(f"{name} takes cupy.ndarray, not {type(value)}")


_BY_LIBRARIES = dict.fromkeys(("inner", "kron", "vdot"), "cuBLAS") | dict.fromkeys(
    ("eigh", "eigvalsh", "matrix_power", "pinv", "qr", "svd"), "cuSOLVER"
)


def function_of(name, parameters, function):
    """A function of NumPy with the parameters that CuPy gives it."""
    signature = signature_of(parameters)

    def wrapped(*args, **kwargs):
        given = signature.bind(*args, **kwargs)
        if name in _BY_LIBRARIES:
            _graph.refuse(_BY_LIBRARIES[name])
        arguments = given.arguments
        first = next(iter(arguments.values()))
        _device_arrays(name, first if "tup" in arguments else [first])
        _device_arrays(name, [arguments[key] for key in ("b", "out") if arguments.get(key) is not None])
        out = arguments.pop("out", None)
        return call(function, *given.args, **given.kwargs, out=out)

    wrapped.__name__ = wrapped.__qualname__ = name
    wrapped.__signature__ = signature
    return wrapped


def _creation(name, parameters):
    signature = signature_of(parameters)

    def wrapped(*args, **kwargs):
        given = signature.bind(*args, **kwargs)
        found = getattr(np, name)(*given.args, **given.kwargs)
        return tuple(map(array, found)) if isinstance(found, tuple) else array(found)

    wrapped.__name__ = wrapped.__qualname__ = name
    wrapped.__signature__ = signature
    return wrapped


TABLE = {
    **{name: function_of(name, parameters, getattr(np, name)) for name, parameters in FUNCTIONS.items()},
    **{name: _creation(name, parameters) for name, parameters in CREATION.items()},
    **{name: ufunc(getattr(np, name)) for name in UFUNCS},
}


def empty(shape, dtype=float, order="C"):
    """An array nobody wrote to."""
    return wrap(allocate(shape, dtype, order))


def full(shape, fill_value, dtype=None, order="C"):
    """An array of one number."""
    dtype = dtype or getattr(fill_value, "dtype", None) or np.array(fill_value).dtype
    found = empty(shape, dtype, order)
    found[...] = fill_value
    return found


def empty_like(prototype, dtype=None, order="K", subok=None, shape=None):
    """An array nobody wrote to, of a shape and dtype."""
    _device_arrays("empty_like", [prototype])
    fortran = order == "F" or (order != "C" and prototype.host.flags.fnc)
    return empty(prototype.shape if shape is None else shape, dtype or prototype.dtype, "F" if fortran else "C")


def full_like(a, fill_value, dtype=None, order="K", subok=None, shape=None):
    """An array of one number, of a shape and dtype."""
    found = empty_like(a, dtype, order, subok, shape)
    found[...] = fill_value
    return found


def zeros_like(a, dtype=None, order="K", subok=None, shape=None):
    """Zeros, of a shape and dtype."""
    return full_like(a, 0, dtype, order, subok, shape)


def ones_like(a, dtype=None, order="K", subok=None, shape=None):
    """Ones, of a shape and dtype."""
    return full_like(a, 1, dtype, order, subok, shape)


def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    """An array of the device, itself where it is one."""
    return array(a, dtype, copy, order)


def ascontiguousarray(a, dtype=None):
    """The array with its entries in C's order."""
    _device_arrays("ascontiguousarray", [a])
    return a if a.flags.c_contiguous and dtype in (None, a.dtype) else a.astype(dtype or a.dtype, order="C")


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
    """An array of the host."""
    return a.get(stream, order, out, blocking) if isinstance(a, ndarray) else np.asarray(a, order=order)


def from_dlpack(array, *, device=None, copy=None):
    """An array of another library, not copied."""
    return wrap(np.from_dlpack(array))


def where(condition, x=None, y=None):
    """Entries of x or of y, or where the condition holds."""
    if x is None and y is None:
        return condition.nonzero()
    if not isinstance(condition, (ndarray, np.generic)):
        raise AttributeError(f"{type(condition)} has no attribute 'astype'")
    return call(np.where, condition, x, y)


def copyto(dst, src, casting="same_kind", where=None):
    """Write an array over another, where a mask holds."""
    _device_arrays("copyto", [dst])
    _graph.submit(lambda: call(np.copyto, dst, src, casting=casting, where=True if where is None else where))


def dot(a, b, out=None):
    """A product of vectors or matrices."""
    return a.dot(b, out)


def matmul(a, b, /, out=None):
    """A product of matrices; of halves it is added up in single precision, but for one row times one column."""
    _graph.refuse("cuBLAS")
    _device_arrays("matmul", [a, b])
    found = call(np.matmul, a, b, out=out)
    return _of_vectors(found, a.host, b.host) if max(a.ndim, b.ndim) <= 2 else found


def tensordot(a, b, axes=2):
    """A product, summed over pairs of axes; of halves as `matmul`."""
    _graph.refuse("cuBLAS")
    _device_arrays("tensordot", [a, b])
    found = call(np.tensordot, a, b, axes)
    if found.ndim or isinstance(axes, int):
        return found
    return _of_vectors(found, a.host.transpose(axes[0]), b.host.transpose(axes[1]))


def _of_vectors(found, a, b):
    """A product with one entry: of halves it is added up in halves."""
    if found.dtype == np.float16 and found.size == 1:
        found.host[...] = _one_after_the_other(np.add, a.ravel() * b.ravel(), None)
    return found


def einsum(*operands, dtype=None, optimize=False):
    """Sums of products; of one operand without sums a view."""
    arrays = [operand for operand in operands if not isinstance(operand, (str, list, tuple))]
    _device_arrays("einsum", arrays)
    if len(arrays) > 1:
        _graph.refuse("cuBLAS")
    return call(np.einsum, *operands, dtype=dtype, optimize=optimize)


def diagonal(a, offset=0, axis1=0, axis2=1):
    """The diagonal, a view."""
    return a.diagonal(offset, axis1, axis2)


def broadcast_to(array, shape):
    """The array repeated, a view."""
    _device_arrays("broadcast_to", [array])
    return call(np.broadcast_to, array, shape)


def broadcast_arrays(*args):
    """Arrays repeated to their common shape, views."""
    _device_arrays("broadcast_arrays", args)
    shape = np.broadcast_shapes(*(arg.shape for arg in args))
    return tuple(broadcast_to(arg, shape) for arg in args)


def repeat(a, repeats, axis=None):
    """Each entry several times."""
    return a.repeat(repeats, axis)


def take(a, indices, axis=None, out=None):
    """Entries at positions, which are wrapped around."""
    return a.take(indices, axis, out)


def _along(a, indices, axis):
    grid = [np.arange(size).reshape([-1 if k == i else 1 for k in range(a.ndim)]) for i, size in enumerate(a.shape)]
    grid[axis] = indices
    return tuple(grid)


def take_along_axis(a, indices, axis):
    """Entries at positions along an axis."""
    return a[_along(a, indices, axis)]


def put_along_axis(arr, indices, values, axis):
    """Write to positions along an axis."""
    arr[_along(arr, indices, axis)] = values


def put(a, ind, v, mode="wrap"):
    """Write to positions of the flat array."""
    a.put(ind, v, mode)


def nonzero(a):
    """Where an array is not zero."""
    return a.nonzero()


def result_type(*arrays_and_dtypes):
    """The dtype of a result."""
    return np.result_type(*(entry.dtype if isinstance(entry, ndarray) else entry for entry in arrays_and_dtypes))


def ndim(a):
    """The number of axes."""
    return a.ndim if isinstance(a, ndarray) else np.ndim(a)


def shape(a):
    """The sizes of the axes."""
    return a.shape if isinstance(a, ndarray) else np.shape(a)


def size(a, axis=None):
    """The number of entries."""
    return a.size if axis is None else a.shape[axis]


def can_cast(from_, to, casting="safe"):
    """Whether a dtype may become another."""
    return np.can_cast(getattr(from_, "dtype", from_), to, casting)


def may_share_memory(a, b, max_work=None):
    """Whether two arrays may lie in the same memory."""
    return np.may_share_memory(a.host, b.host)


def shares_memory(a, b, max_work=None):
    """Whether two arrays lie in the same memory."""
    return np.shares_memory(a.host, b.host)


def get_array_module(*args):
    """CuPy for its arrays, else NumPy."""
    import cupy

    return cupy if any(isinstance(arg, ndarray) for arg in args) else np


def get_default_memory_pool():
    """What holds memory that was freed: nothing, here."""
    return SimpleNamespace(free_all_blocks=lambda stream=None: None, used_bytes=lambda: 0, total_bytes=lambda: 0)


_OWN = [value for value in globals().values() if getattr(value, "__module__", None) == __name__]
NAMES = {value.__name__: value for value in _OWN if value is not function_of and value.__name__[0] != "_"}
NAMES |= {"array": array, "asanyarray": asarray, "ndarray": ndarray} | TABLE
