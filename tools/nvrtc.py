"""Machine code of kernels in CUDA C++, by NVIDIA's run-time compiler, which needs no GPU.

It comes with ``pip install nvidia-cuda-nvrtc-cu12``; headers such as cuda_fp16.h with ``nvidia-cuda-runtime-cu12``.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple


def _file(wheel: str, ending: str) -> Path | None:
    """A file of an installed wheel."""
    try:
        files = metadata.files(wheel) or ()
    except metadata.PackageNotFoundError:
        return None
    return next((Path(file.locate()) for file in files if str(file).endswith(ending)), None)


_WHEEL = "nvidia-cuda-nvrtc-cu12"
_AS_CUPY = ("--std=c++17", "-ftz=true", "--device-as-default-execution-space")
_LIBRARY = _file(_WHEEL, "libnvrtc.so.12")
_HEADERS = _file("nvidia-cuda-runtime-cu12", "cuda_fp16.h")  # only for kernels that include some
MISSING = None if _LIBRARY else f"{_WHEEL} is not installed"
VERSION = metadata.version(_WHEEL) if _LIBRARY else None
MISSING_HEADERS = None if _HEADERS else "nvidia-cuda-runtime-cu12, which has cuda_fp16.h, is not installed"


class CompileError(RuntimeError):
    """The compiler refuses the source, in its words."""


def cubin(code: str, architecture: str = "sm_90", options: Sequence[str] = ()) -> tuple[bytes, str]:
    """The machine code of the kernels, and the compiler's log; with the options that CuPy gives."""
    headers = [f"-I{_HEADERS.parent}"] if _HEADERS else []
    given = [f"--gpu-architecture={architecture}", *_AS_CUPY, *headers, *options]
    program = ctypes.c_void_p()
    _call("nvrtcCreateProgram", ctypes.byref(program), code.encode(), b"kernel.cu", 0, None, None)
    try:
        status = _nvrtc().nvrtcCompileProgram(
            program, len(given), (ctypes.c_char_p * len(given))(*map(str.encode, given))
        )
        log = _read("Program", "Log", program).rstrip(b"\0").decode()
        if status:
            raise CompileError(log)
        code = _read("", "CUBIN", program)
        if not code:
            raise CompileError(f"no machine code for {architecture}: name a real one, such as sm_90")
        return code, log
    finally:
        _call("nvrtcDestroyProgram", ctypes.byref(program))


def together(kernels: Sequence[Any], dtype: Any, wide: bool) -> str:
    """Kernels of many modules as one source, each in a namespace with its device functions, behind what they include."""
    parts: list[str] = []
    headers: dict[str, None] = {}
    for number, kernel in enumerate(kernels):
        code = kernel.code(dtype, wide).replace('extern "C" ', "")
        headers |= dict.fromkeys(re.findall("^#include.*\n", code, re.MULTILINE))
        parts.append(f"namespace n{number} {{\n{re.sub('(?m)^#include.*', '', code)}\n}}")
    return "\n".join(["".join(headers), *parts])


def mangled(number: int, kernel: Any) -> bytes:
    """What a kernel of `together` is called in machine code."""
    space, name = f"n{number}", kernel.name
    return f"_ZN{len(space)}{space}{len(name)}{name}E".encode()


class Resources(NamedTuple):
    """What a kernel needs: registers of a thread, bytes of shared memory of a block, bytes of registers spilled to memory."""

    registers: int
    shared: int
    spilled: int


def resources(code: str, architecture: str = "sm_90", options: Sequence[str] = ()) -> dict[str, Resources]:
    """For each kernel what it needs, in the compiler's words."""
    _, log = cubin(code, architecture, [*options, "--ptxas-options=-v"])
    found = {}
    for part in log.split("Compiling entry function")[1:]:
        name, used = re.search(r"'(\w+)'", part), re.search(r"Used (\d+) registers", part)
        shared, spilled = (sum(map(int, re.findall(rf"(\d+) bytes {what}", part))) for what in ("smem", "spill"))
        found[name[1]] = Resources(int(used[1]), shared, spilled)
    return found


@cache
def _nvrtc() -> ctypes.CDLL:
    if MISSING:
        raise RuntimeError(MISSING)
    return ctypes.CDLL(str(_LIBRARY))


def _call(function: str, *arguments: object) -> None:
    status = getattr(_nvrtc(), function)(*arguments)
    if status:
        raise RuntimeError(f"{function} failed: {status}")


def _read(kind: str, what: str, program: ctypes.c_void_p) -> bytes:
    """Bytes that the compiler has of a program."""
    size = ctypes.c_size_t()
    _call(f"nvrtcGet{kind}{what}Size", program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    _call(f"nvrtcGet{kind}{what}", program, buffer)
    return buffer.raw
