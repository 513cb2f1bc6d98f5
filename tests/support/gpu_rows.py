"""The catalogue on the CuPy backend: modules, their arguments on a device, and the same from the NumPy backend."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from catalogue import ALL, Case

import symdiff as sd

EMIT = ("value_and_grad", "hvp", "jacobian")  # between them they have every operation
PARTS = 16  # of the catalogue: the kernels of one are compiled together
TOLERANCE = {np.float64: 1e-12, np.float32: 5e-5}  # in units of the largest entry


def part_of_the_catalogue(number: int) -> tuple[Case, ...]:
    """Every row is in one of the parts."""
    return tuple(ALL[number::PARTS])


@cache
def modules(case: Case) -> tuple[ModuleType, ModuleType]:
    """The module for CuPy, and that for NumPy."""
    cupy = sd.compile(case.model(), backend="cupy", emit=EMIT)
    return cupy, sd.compile(case.model(), emit=EMIT, style="plain")


def kernels(module: ModuleType) -> list[Any]:
    """The kernels of a module."""
    return [value for value in vars(module).values() if type(value).__name__ == "_Kernel"]


def flat(result: Any) -> list[Any]:
    """The arrays of a result, however nested."""
    return [part for entry in result for part in flat(entry)] if isinstance(result, tuple) else [result]


def calls(case: Case, module: ModuleType, dtype: type) -> Iterator[tuple[str, list[Any]]]:
    """The functions of a module and their arguments, in the memory of the host."""
    arrays = case.arrays(dtype)
    for function, names in module.SIGNATURE["functions"].items():
        given: list[Any] = [arrays[name] for name in names if name in arrays]
        if function.endswith("hvp"):
            given.append(
                tuple(v.astype(dtype) for v, name in zip(case.direction, case.wrt, strict=True) if name in names)
            )
        yield function, given


def on_device(xp: Any, argument: Any) -> Any:
    """An argument as arrays of CuPy."""
    return tuple(on_device(xp, part) for part in argument) if isinstance(argument, tuple) else xp.asarray(argument)


def differences(xp: Any, case: Case, widths: Sequence[int], dtype: type) -> list[str]:
    """Where the results of the CuPy backend are not those of the NumPy backend, with so many threads in each block.

    The stand-in for CuPy raises an error where a function waits for the device.
    """
    module, plain = modules(case)
    found = []
    for function, given in calls(case, module, dtype):
        wanted = flat(getattr(plain, function)(*given))
        for width in widths:
            module._WIDTH = width
            arguments = [on_device(xp, argument) for argument in given]
            with getattr(xp, "no_synchronisation", nullcontext)():
                got = flat(getattr(module, function)(*arguments))
            for one, other in zip(got, wanted, strict=True):
                found += [
                    f"{case}, {function}, {dtype.__name__}, {width}: {text}" for text in _difference(xp, one, other)
                ]
    return found


# Of CUDA's libraries a graph takes none: linear algebra, and products of more than matrices.
_OF_LIBRARIES = re.compile(r'linalg|solve|_inverse|_cofactors|tensordot|vdot|einsum\("[^"]*,')


def differences_captured(xp: Any, case: Case, dtype: type) -> list[str] | None:
    """Where a captured function, given other values in its arrays, does not do as the NumPy backend; None if none can be."""
    module, plain = modules(case)
    function, given = next(calls(case, module, dtype))
    arguments = [on_device(xp, argument) for argument in given]
    for argument in arguments:
        if argument.dtype.kind == "f":
            argument *= dtype(0.75)
    try:
        step = module.capture(getattr(module, function), *arguments)
    except RuntimeError as error:
        return None if _OF_LIBRARIES.search(module.__loader__.source) else [f"{case}, {function}: {error}"]
    for argument, values in zip(arguments, given, strict=True):
        argument[...] = xp.asarray(values)
    wanted, got = flat(getattr(plain, function)(*given)), flat(step())
    pairs = zip(got, wanted, strict=True)
    return [f"{case}, {function}, captured: {text}" for one, other in pairs for text in _difference(xp, one, other)]


def _difference(xp: Any, one: Any, other: np.ndarray) -> Iterator[str]:
    if not isinstance(one, xp.ndarray):
        yield f"{type(one).__name__} is no array on the device"
    elif one.dtype != other.dtype or one.shape != np.shape(other):
        yield f"{one.dtype} of shape {one.shape}, expected {other.dtype} of shape {np.shape(other)}"
    else:
        scale = max(1.0, np.abs(other).max(initial=0))
        error = np.abs(one.get() - other).max(initial=0)
        if not error <= TOLERANCE[other.dtype.type] * scale:
            yield f"off by {error} of {scale}"
