"""CuPy without a GPU, for tests: NumPy computes, and kernels in CUDA C++ are compiled for the CPU.

It has the names of CuPy 14 that generated modules may use, with CuPy's arguments, and differs from NumPy where CuPy does.
Besides, `no_synchronisation` finds where the host waits for the device, `memory_of` makes the device smaller, and `compile_all`
compiles many kernels at once.
"""

# ruff: noqa: F401, all is for others
from __future__ import annotations

import numpy as _np

from cupy import cuda
from cupy._device import allow_synchronize as _allow_synchronize, memory_of
from cupy._functions import NAMES as _NAMES
from cupy._kernel import CompileError, CompilerMissing, LaunchError, RawKernel, RawModule, compile_all

__version__ = "14.2.0"

_OF_NUMPY = (
    *("bool_", "int8", "int16", "int32", "int64", "intp", "uint8", "uint16", "uint32", "uint64", "float16", "float32"),
    *("float64", "complex64", "complex128", "generic", "number", "integer", "floating", "inexact", "dtype", "finfo"),
    *("iinfo", "inf", "nan", "pi", "e", "euler_gamma", "newaxis", "promote_types", "issubdtype", "isscalar", "isdtype"),
    *("broadcast_shapes", "ndindex", "s_", "index_exp"),
)
globals().update({name: getattr(_np, name) for name in _OF_NUMPY})
globals().update(_NAMES)

from cupy import lib, linalg  # noqa: E402, they use the names above


def get_default_memory_pool():
    """Where memory comes from."""
    return cuda.MemoryPool()


def no_synchronisation():
    """A context in which waiting for the device is an error: a number of an array, an array on the host, a mask's length."""
    return _allow_synchronize(False)
