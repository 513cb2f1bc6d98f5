"""Arrays of the stand-in: each has a NumPy array behind it, its `host`, and does what CuPy's arrays do and nothing else.

It is no subclass of NumPy's: ``np.asarray`` would take the array out of one without asking.
"""

from __future__ import annotations

import inspect
import math
import operator
from collections import namedtuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from cupy import _graph
from cupy._device import current_device, synchronise, take

_PAD = 256  # bytes around what is allocated, in which nothing may write
SCALARS = (bool, int, float, complex, np.generic)


class Padded(np.ndarray):
    """Memory whose first and last bytes must stay as they are."""

    def overwritten(self):
        """Whether something wrote beside the array in it."""
        return bool((self[:_PAD] != 255).any() or (self[-_PAD:] != 255).any())


def allocate(shape, dtype, order="C"):
    """Memory of the device, of which each float is NaN and each integer odd and large, so that it shows when read."""
    dtype = supported(dtype)
    shape = tuple(shape) if np.iterable(shape) else (shape,)
    size = math.prod(map(operator.index, shape)) * dtype.itemsize
    take(size)
    memory = Padded(size + 2 * _PAD, np.uint8)
    memory[...] = 255
    host = memory[_PAD : _PAD + size].view(dtype, np.ndarray)
    forget(host)
    return host.reshape(shape, order="F" if order == "F" else "C")


def forget(host):
    """Make memory as if nobody had written to it."""
    if host.dtype.kind in "biu":
        host[...] = True if host.dtype.kind == "b" else np.iinfo(host.dtype).max
    else:
        host[...] = np.nan


def guard(host):
    """The padded memory an array lies in, if it does."""
    while host is not None and not (isinstance(host, Padded) and host.base is None):
        host = getattr(host, "base", None)
    return host


def supported(dtype):
    """A dtype that CuPy has."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "biufc" or dtype.itemsize > 16 or dtype.char in "gG":
        raise ValueError(f"Unsupported dtype {dtype}")
    return dtype.newbyteorder("=")


def wrap(host):
    """An array of the device, of this memory."""
    array = object.__new__(ndarray)
    array.host, array.place = np.asarray(host), current_device()
    return array


def to_host(value):
    """What NumPy is called with for an argument; arrays of the host are refused."""
    if isinstance(value, ndarray):
        return value.host
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, (list, tuple)):
        return [to_host(entry) for entry in value] if isinstance(value, list) else tuple(map(to_host, value))
    return value


def to_device(value):
    """A result of NumPy as CuPy returns it: whatever has a dtype is an array, and a result class a tuple."""
    if isinstance(value, (np.ndarray, np.generic, bool)):
        return wrap(value)
    if isinstance(value, (list, tuple)):
        return [to_device(entry) for entry in value] if isinstance(value, list) else tuple(map(to_device, value))
    return value


def call(function, *args, out=None, **kwargs):
    """A function of NumPy on arrays of the device; CuPy warns of no division by zero."""
    args, kwargs = [to_host(value) for value in args], {name: to_host(value) for name, value in kwargs.items()}

    def compute(**more):
        with np.errstate(all="ignore"):
            return function(*args, **kwargs, **more)

    if out is not None:
        _graph.submit(lambda: compute(out=to_host(out)))
        return out
    result = to_device(compute())
    given = [array for array in _leaves([*args]) if isinstance(array, np.ndarray)]
    hosts = [array.host for array in _leaves([result]) if isinstance(array, ndarray)]
    if hosts and not any(np.may_share_memory(host, other) for host in hosts for other in given):
        take(sum(host.nbytes for host in hosts))
        if _graph.is_recording():
            _record(compute, hosts)
    return result


def _record(compute, hosts):
    """Let a graph compute what is in the memory of a result."""
    for host in hosts:
        forget(host)

    def again():
        for host, found in zip(hosts, _leaves([compute()]), strict=True):
            host[...] = found

    _graph.submit(again)


def signature_of(parameters):
    """The signature that is written so."""
    return inspect.signature(eval(f"lambda {parameters}: None"))  # the texts are this package's own


def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
    """An array of the device: a copy of what lies on the host, a view of what lies on the device where it may be one."""
    if hasattr(obj, "__cuda_array_interface__") and not isinstance(obj, ndarray):
        obj = _shared(obj)
    if isinstance(obj, ndarray):
        same = np.array(obj.host, dtype, copy=copy, order=order or "K", ndmin=ndmin)
        if same is obj.host or np.shares_memory(same, obj.host):
            return obj if same is obj.host else wrap(same)
        return call(lambda host: np.array(host, dtype, order=order or "K", ndmin=ndmin), obj)
    leaves = list(_leaves(obj)) if isinstance(obj, (list, tuple)) else []
    if any(isinstance(leaf, ndarray) for leaf in leaves):
        if not all(isinstance(leaf, ndarray) and leaf.shape == leaves[0].shape for leaf in leaves):
            ndarray.__array__(leaves[0])
        obj = to_host(obj)
    given = np.array(obj, dtype, order=order or "K", ndmin=ndmin)
    host = allocate(given.shape, given.dtype, "F" if given.flags.fnc else "C")
    _graph.submit(lambda: np.copyto(host, given))
    return wrap(host)


def _leaves(nested):
    for entry in nested:
        yield from _leaves(entry) if isinstance(entry, (list, tuple)) else (entry,)


class _Shared:
    """Memory of another library, as NumPy takes it."""

    def __init__(self, owner):
        given = owner.__cuda_array_interface__
        names = ("shape", "typestr", "strides", "data")
        self.__array_interface__ = {name: given.get(name) for name in names} | {"version": 3}
        self.owner = owner


def _shared(owner):
    return wrap(np.asarray(_Shared(owner)))


def indices(where, shape):
    """An index as NumPy takes it: CuPy wraps positions around, and an entry is an array of no axes, a view."""
    items = [_index_item(item) for item in (where if isinstance(where, tuple) else (where,))]
    taken = sum(_axes(item) for item in items)
    axis, found = 0, []
    for item in items:
        if isinstance(item, np.ndarray):
            if item.dtype.kind == "b":
                synchronise()  # for the number of entries
            elif item.dtype.kind not in "iu":
                raise IndexError(
                    f"arrays used as indices must be of integer or boolean type. (actual: {item.dtype.type})"
                )
            elif axis < len(shape) and shape[axis]:
                item = np.remainder(item, shape[axis])
        found.append(item)
        axis += len(shape) - taken if item is Ellipsis else _axes(item)
    return tuple(found) if any(item is Ellipsis for item in items) else (*found, Ellipsis)


def _index_item(item):
    if isinstance(item, ndarray):
        return item.host
    if isinstance(item, (list, tuple, np.ndarray, bool, np.bool_)):
        found = np.asarray(array(item).host)
        return found if found.size or isinstance(item, np.ndarray) else found.astype(np.int32)
    return item


def _axes(item):
    if isinstance(item, np.ndarray) and item.dtype.kind == "b":
        return item.ndim
    return 0 if item is None or item is Ellipsis else 1


MemoryPointer = namedtuple("MemoryPointer", "ptr mem")
Flags = namedtuple("Flags", "c_contiguous f_contiguous owndata")


class ndarray(NDArrayOperatorsMixin):  # noqa: N801
    """An array of the device."""

    __array_priority__ = 100

    def __new__(cls, shape, dtype=float, memptr=None, strides=None, order="C"):
        if memptr is None and strides is None:
            return wrap(allocate(shape, dtype, order))
        memory = {"shape": shape, "typestr": np.dtype(dtype).str, "data": (memptr.ptr, False), "strides": strides}
        owner = type("", (), {"__cuda_array_interface__": memory, "memory": memptr})()
        return _shared(owner)

    # What NumPy asks for

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        import cupyx.scipy.special

        import cupy

        name = ufunc.__name__
        function = getattr(cupy, name, None) or getattr(cupyx.scipy.special, name, None)
        function = function if method == "__call__" else getattr(function, method, None)
        if function is None:
            return NotImplemented
        return function(*inputs, **kwargs, **({} if out is None else {"out": out[0]}))

    def __array_function__(self, function, types, args, kwargs):
        import cupy

        home = cupy
        for part in function.__module__.split(".")[1:]:
            home = getattr(home, part, None)
        own = getattr(home, function.__name__, None)
        return NotImplemented if own is None or own is function else own(*args, **kwargs)

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array explicitly."
        )

    @property
    def __cuda_array_interface__(self):
        host = self.host
        strides = None if host.flags.c_contiguous else host.strides
        memory = {"shape": host.shape, "typestr": host.dtype.str, "data": (host.ctypes.data, False)}
        return memory | {"strides": strides, "version": 3, "stream": 1}

    def __dlpack__(self, **kwargs):
        return self.host.__dlpack__()

    def __dlpack_device__(self):
        return self.host.__dlpack_device__()

    # Attributes

    @property
    def shape(self):
        return self.host.shape

    @shape.setter
    def shape(self, shape):
        self.host = np.reshape(self.host, shape, copy=False)

    @property
    def data(self):
        return MemoryPointer(self.host.ctypes.data, self.host)

    @property
    def flags(self):
        flags = self.host.flags
        return Flags(flags.c_contiguous, flags.f_contiguous, flags.owndata)

    @property
    def device(self):
        from cupy.cuda import Device

        return Device(self.place)

    # Entries

    def __getitem__(self, where):
        found = indices(where, self.shape)
        if any(isinstance(item, np.ndarray) for item in found):
            return call(lambda host: host[indices(where, host.shape)], self)
        return wrap(self.host[found])

    def __setitem__(self, where, value):
        picked = any(isinstance(item, np.ndarray) for item in indices(where, self.shape))
        if not picked and not isinstance(value, ndarray) and np.ndim(value):
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")

        def write():
            with np.errstate(all="ignore"):
                self.host[indices(where, self.shape)] = value.host if isinstance(value, ndarray) else value

        _graph.submit(write)

    def __len__(self):
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self):
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    # What the host waits for

    def get(self, stream=None, order="C", out=None, blocking=True):
        synchronise()
        if out is None:
            return np.array(self.host, order=order)
        out[...] = self.host
        return out

    def item(self):
        return self.get().item()

    def tolist(self):
        return self.get().tolist()

    def tobytes(self, order="C"):
        return self.get().tobytes(order)

    def nonzero(self):
        synchronise()
        return call(np.nonzero, self)

    def __bool__(self):
        return bool(self.get())

    def __int__(self):
        return int(self.get())

    def __float__(self):
        return float(self.get())

    def __complex__(self):
        return complex(self.get())

    def __repr__(self):
        return repr(self.get())

    def __str__(self):
        return str(self.get())

    def __format__(self, spec):
        return format(self.get(), spec)

    def __reduce__(self):
        return array, (self.get(),)

    # Methods that differ from NumPy's

    def __pow__(self, exponent):
        import cupy

        if type(exponent) in (int, float) and exponent == 2:
            return cupy.square(self)
        if type(exponent) is float and exponent in (0.5, -1.0):
            return cupy.sqrt(self) if exponent > 0 else cupy.reciprocal(self)
        return super().__pow__(exponent)

    def astype(self, dtype, order="K", casting=None, subok=None, copy=True):
        if casting is not None or subok is not None:
            raise TypeError("casting and subok are not supported yet")
        if not copy and supported(dtype) == self.dtype and (order in ("K", None) or self.flags.c_contiguous):
            return self
        return call(np.ndarray.astype, self, supported(dtype), order or "K")

    def copy(self, order="C"):
        host = allocate(self.shape, self.dtype, "F" if order != "C" and self.host.flags.fnc else order)
        _graph.submit(lambda: np.copyto(host, self.host))
        return wrap(host)

    __copy__ = copy

    def __deepcopy__(self, memo):
        return self.copy()

    def view(self, dtype=None, type=None):
        return wrap(self.host.view() if dtype is None else self.host.view(dtype))

    def fill(self, value):
        self[...] = value

    def reshape(self, *shape, order="C", copy=None):
        return call(np.ndarray.reshape, self, *shape, order=order)

    def transpose(self, *axes):
        return call(np.ndarray.transpose, self, *axes)

    def take(self, indices, axis=None, out=None):
        source, axis = (self.ravel(), 0) if axis is None else (self, axis % self.ndim)
        found = source[(slice(None),) * axis + (array(indices),)]
        if out is None:
            return found
        out[...] = found
        return out

    def put(self, indices, values, mode="wrap"):
        indices, values = array(indices), array(values, self.dtype)
        _graph.submit(lambda: call(np.put, self, indices, values, mode=mode))

    def dot(self, b, out=None):
        _graph.refuse("cuBLAS")
        if not isinstance(b, ndarray):
            raise TypeError(f"Argument 'b' has incorrect type (expected cupy.ndarray, got {type(b)})")
        return call(np.dot, self, b, out=out)

    def diagonal(self, offset=0, axis1=0, axis2=1):
        host = np.diagonal(self.host, offset, axis1, axis2)
        host.flags.writeable = self.host.flags.writeable  # as a view of CuPy's is
        return wrap(host)

    def repeat(self, repeats, axis=None):
        if not isinstance(repeats, (int, np.integer)):
            synchronise()
        return call(np.repeat, self, repeats, axis=axis)


METHODS = {
    "all": "axis=None, out=None, keepdims=False",
    "any": "axis=None, out=None, keepdims=False",
    "argmax": "axis=None, out=None, dtype=None, keepdims=False",
    "argmin": "axis=None, out=None, dtype=None, keepdims=False",
    "argsort": "axis=-1, kind=None",
    "clip": "min=None, max=None, out=None",
    "conj": "",
    "conjugate": "",
    "cumprod": "axis=None, dtype=None, out=None",
    "cumsum": "axis=None, dtype=None, out=None",
    "flatten": "order='C'",
    "max": "axis=None, out=None, keepdims=False",
    "mean": "axis=None, dtype=None, out=None, keepdims=False",
    "min": "axis=None, out=None, keepdims=False",
    "prod": "axis=None, dtype=None, out=None, keepdims=None",
    "ptp": "axis=None, out=None, keepdims=False",
    "ravel": "order='C'",
    "round": "decimals=0, out=None",
    "searchsorted": "v, side='left', sorter=None",
    "sort": "axis=-1, kind=None",
    "squeeze": "axis=None",
    "std": "axis=None, dtype=None, out=None, ddof=0, keepdims=False",
    "sum": "axis=None, dtype=None, out=None, keepdims=False",
    "swapaxes": "axis1, axis2",
    "trace": "offset=0, axis1=0, axis2=1, dtype=None, out=None",
    "var": "axis=None, dtype=None, out=None, ddof=0, keepdims=False",
}
ATTRIBUTES = ("dtype", "itemsize", "nbytes", "ndim", "size", "strides", "T", "mT", "real", "imag")


def _method(name, parameters):
    signature, function = signature_of(f"self, {parameters}"), getattr(np.ndarray, name, None) or getattr(np, name)

    def method(*args, **kwargs):
        given = signature.bind(*args, **kwargs)
        out = given.arguments.pop("out", None)
        return call(function, *given.args, **given.kwargs, out=out)

    method.__signature__ = signature
    return method


for _name, _parameters in METHODS.items():
    setattr(ndarray, _name, _method(_name, _parameters))
for _name in ATTRIBUTES:
    setattr(ndarray, _name, property(lambda self, name=_name: _attribute(getattr(self.host, name))))


def _attribute(value):
    return wrap(value) if isinstance(value, np.ndarray) else value
