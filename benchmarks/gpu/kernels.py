"""The registers and the memory that kernels need, as NVIDIA's compiler tells them; that needs no GPU."""

from __future__ import annotations

import sys
from types import ModuleType
from unittest import mock

import numpy as np

from symdiff.compiler import generate
from symdiff.model import Model
from symdiff.options import Options
from tools import nvrtc

ARCHITECTURES = ("sm_80", "sm_90")


def sources(model: Model, function: str, dtype: type) -> dict[str, str]:
    """The kernels of a function in CUDA C++ by name, counting in 32 bits.

    The module is executed with NumPy in CuPy's place: until a kernel is launched, it asks no more of it than names of dtypes.
    """
    module = ModuleType("module")
    text = generate(model, Options.create(backend="cupy", emit=function)).source
    with mock.patch.dict(sys.modules, {"cupy": np}):
        exec(compile(text, f"<{model.name}>", "exec"), module.__dict__)
    kernels = [value for value in vars(module).values() if type(value).__name__ == "_Kernel"]
    own = [kernel for kernel in kernels if kernel.name.rpartition("_")[0] == function]
    return {kernel.name: kernel.code(np.dtype(dtype), False) for kernel in own}


def resources(code: str) -> list[nvrtc.Resources]:
    """What a kernel needs on each of the architectures."""
    return [next(iter(nvrtc.resources(code, name).values())) for name in ARCHITECTURES]
