"""Checks of the arguments of generated functions, whose arrays are on a GPU."""

from __future__ import annotations

import cupy as cp

_FLOATING = (cp.dtype(cp.float16), cp.dtype(cp.float32), cp.dtype(cp.float64))
_EXPECTED = "float16, float32 or float64"


def _typed(kinds, arguments):
    """The arguments by name, as arrays of one floating dtype on one device; integers stay so where they are declared so."""
    arrays, weak = {}, set()
    for name, argument in zip(kinds, arguments):
        arrays[name] = _array(name, argument)
        if isinstance(argument, (int, float)) and not hasattr(argument, "dtype"):
            weak.add(name)  # a Python number takes the dtype of the others
    dtypes = {name: array.dtype for name, array in arrays.items() if name not in weak}
    floating = [dtypes[name] for name in dtypes if dtypes[name].kind == "f" and kinds[name] == "float"]
    for name, dtype in dtypes.items():
        if dtype.kind == "f" and dtype not in _FLOATING:
            raise TypeError(f"{name} has dtype {dtype}, expected {_EXPECTED}")
    common = cp.result_type(*floating) if floating else cp.dtype(cp.float64)
    _on_one_device({name: array for name, array in arrays.items() if name not in weak})
    for name, kind in kinds.items():
        array = arrays[name]
        if kind == "int" and array.dtype.kind == "f":
            raise TypeError(f"{name} has dtype {array.dtype}, expected integers, as declared")
        if kind == "bool" and array.dtype.kind != "b":
            raise TypeError(f"{name} has dtype {array.dtype}, expected booleans, as declared")
        arrays[name] = array.astype({"float": common, "int": cp.int64, "bool": bool}[kind], copy=False)
    return arrays


def _on_one_device(arrays):
    """Raise where arrays lie on several devices, or on another than the one that work goes to."""
    first, current = next(iter(arrays), None), cp.cuda.Device()
    for name, array in arrays.items():
        if array.device != arrays[first].device:
            raise ValueError(
                f"{name} is on {array.device}, {first} on {arrays[first].device}: put all arrays on one device, with "
                f"`with {first}.device: {name} = cupy.array({name})`"
            )
    if arrays and arrays[first].device != current:
        raise ValueError(
            f"{first} is on {arrays[first].device}, but work goes to {current}: call this within `with {first}.device:`"
        )


def _array(name, argument):
    """An argument as an array of real numbers on a GPU; one that is there already is not copied."""
    if (
        isinstance(argument, cp.ndarray)
        or hasattr(argument, "__cuda_array_interface__")
        or isinstance(argument, (bool, int, float))
        or getattr(argument, "shape", None) == ()
    ):
        array = cp.asarray(argument)
    elif hasattr(argument, "__dlpack_device__") and argument.__dlpack_device__()[0] == 2:  # CUDA
        array = cp.from_dlpack(argument)
    else:
        kind = f"{type(argument).__module__}.{type(argument).__name__}".removeprefix("builtins.")
        raise TypeError(
            f"{name} is a {kind} in the memory of the host: put it on the GPU once, before the loop, with cupy.asarray({name})"
            f"{_obstacle()}"
        )
    if array.dtype.kind == "V" and array.dtype.itemsize == 2:
        raise TypeError(f"{name} has dtype bfloat16, of which CuPy has no batched products: expected {_EXPECTED}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {array.dtype}, expected real numbers ({_EXPECTED})")
    return array


def _obstacle():
    """What keeps CuPy from any GPU, if something does."""
    try:
        cp.cuda.runtime.getDeviceCount()
    except cp.cuda.runtime.CUDARuntimeError as error:
        return (
            f". CuPy finds no GPU that it can use, though ({error}): if there is one, its driver is too old for this CuPy, so "
            "update it, or install the CuPy of an older CUDA"
        )
    return ""


def _without_halves(check, names, why):
    """The check of arguments of these names, for a module that takes none in half precision."""

    def checked(*arguments):
        for name, argument in zip(names, arguments):
            if hasattr(argument, "dtype") and _array(name, argument).dtype == cp.float16:
                raise TypeError(f"{name} has dtype float16, expected float32 or float64 ({why})")
        return check(*arguments)

    return checked
