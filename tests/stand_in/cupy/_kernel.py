"""Kernels in CUDA C++, compiled for the CPU with g++ against ``cuda_on_cpu.h`` and kept in a folder."""

from __future__ import annotations

import ctypes
import hashlib
import mmap
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np

from cupy import _graph
from cupy._array import guard, ndarray

COMPILER = "g++"
FLAGS = (
    "-std=c++17",
    "-O0",
    "-ffp-contract=off",
    "-fno-strict-aliasing",
    "-w",
    "-shared",
    "-fPIC",
    "-fvisibility=hidden",
)
FOLDER = Path(__file__).resolve().parents[3] / "build" / "stand_in"  # of compiled kernels
HEADER = Path(__file__).resolve().parents[1] / "cuda_on_cpu.h"
TOGETHER = 100  # kernels in a file
_BOUNDS = r"(?:__launch_bounds__\s*\([^)]*\)\s*)?"
_KERNEL = re.compile(rf"__global__\s+{_BOUNDS}void\s+{_BOUNDS}(\w+)\s*\(")


class CompilerMissing(RuntimeError):  # noqa: N818
    """There is no g++."""


class CompileError(RuntimeError):
    """A kernel is no C++, or needs what the stand-in lacks; with the compiler's words."""


class LaunchError(RuntimeError):
    """A launch that a GPU would refuse, or that would never end there, or that writes outside its arrays."""


class _Launch(ctypes.Structure):
    """As ``cuda_on_cpu.h`` reads it."""

    _fields_ = (
        ("sizes", ctypes.c_uint * 6),
        ("arguments", ctypes.POINTER(ctypes.c_void_p)),
        ("stacks", ctypes.c_void_p),
        ("shared_mem", ctypes.c_size_t),
    )


@cache
def _stacks() -> ctypes.c_char:
    """Memory for the threads of a block, which is only taken when it is used."""
    memory = mmap.mmap(-1, 1024 << 17, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return ctypes.c_char.from_buffer(memory)


class RawKernel:
    """A kernel by its source and name; called with a grid, a block and its arguments."""

    def __init__(
        self,
        code: str,
        name: str,
        options: tuple[str, ...] = (),
        backend: str = "nvrtc",
        *,
        translate_cucomplex: bool = False,
        enable_cooperative_groups: bool = False,
        jitify: object = None,
    ) -> None:
        if not (code.isascii() and name.isascii()):
            raise CompileError(f"{name}: NVIDIA's compiler takes no names beyond ASCII")
        if not isinstance(options, tuple):
            raise TypeError(f"Argument 'options' has incorrect type (expected tuple, got {type(options)})")
        self.code, self.name, self.options, self.backend = code, name, options, backend
        self._launcher: tuple | None = None

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: Sequence, *, shared_mem: int = 0) -> None:
        if not isinstance(grid, tuple) or not isinstance(block, tuple):
            raise TypeError("grid and block are tuples")
        self.compile()
        launch, types = self._launcher
        arguments = [_argument(arg) for arg in args]
        self._check([kind for kind, _ in arguments], types)
        sizes = [max(1, size) for size in (*grid, 1, 1)[:3] + (*block, 1, 1)[:3]]
        _graph.submit(lambda: self._launch(launch, sizes, args, arguments, shared_mem))

    def _launch(self, launch: object, sizes: list[int], args: Sequence, arguments: list, shared_mem: int) -> None:
        pointers = [value.ctypes.data for _, value in arguments]
        pointers = (ctypes.c_void_p * len(pointers))(*pointers)
        error = launch(_Launch((ctypes.c_uint * 6)(*sizes), pointers, ctypes.addressof(_stacks()), shared_mem))
        if error:
            raise LaunchError(f"{self.name}: {error.decode()}")
        memories = [guard(arg.host) for arg in args if isinstance(arg, ndarray)]
        if any(memory is not None and memory.overwritten() for memory in memories):
            raise LaunchError(f"{self.name} wrote outside the arrays it was given")

    def compile(self, log_stream: object = None) -> None:
        """Compile the kernel, if that was not done before."""
        if self._launcher is None:
            code = _with_options(self.code, self.options)
            compile_all([(code, self.name)])
            library, key = _library(str((FOLDER / _key(code)).resolve())), _key(code)
            launch, types = (getattr(library, f"{part}_{key}_{self.name}") for part in ("launch", "types"))
            launch.restype = types.restype = ctypes.c_char_p
            launch.argtypes = [ctypes.POINTER(_Launch)]
            self._launcher = launch, types().decode().split()

    def _check(self, given: list[str], wanted: list[str]) -> None:
        """Refuse arguments that a GPU would take for something else."""
        fits = [g == w or (g[0] == w[0] == "*" and "?" in g + w) for g, w in zip(given, wanted, strict=False)]
        if len(given) != len(wanted) or not all(fits):
            raise LaunchError(f"{self.name} takes {' '.join(wanted)} and was given {' '.join(given)}")


class RawModule:
    """The kernels of a source."""

    def __init__(
        self,
        *,
        code: str,
        options: tuple[str, ...] = (),
        backend: str = "nvrtc",
        translate_cucomplex: bool = False,
        enable_cooperative_groups: bool = False,
    ) -> None:
        self.code, self.options = code, options

    def get_function(self, name: str) -> RawKernel:
        """One of them."""
        return RawKernel(self.code, name, self.options)

    def compile(self, log_stream: object = None) -> None:
        """Compile them, if that was not done before."""
        compile_all([(_with_options(self.code, self.options), "")])


def compile_all(codes: Sequence[tuple[str, str]]) -> None:
    """Compile many kernels, given as (code, name), a file of them at a time, so that a `RawKernel` finds its own ready."""
    found = {_key(code): code for code, _ in codes}
    missing = [key for key in found if not (FOLDER / key).exists()]
    if not missing:
        return
    if shutil.which(COMPILER) is None:
        raise CompilerMissing(f"{COMPILER}, which compiles kernels for the CPU, is not installed")
    FOLDER.mkdir(parents=True, exist_ok=True)
    size = min(TOGETHER, -(-len(missing) // (os.cpu_count() or 1)))
    files = [{key: found[key] for key in missing[start : start + size]} for start in range(0, len(missing), size)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_compile, files))


def _compile(codes: dict[str, str]) -> None:
    """Make one library of kernels, and a link to it of each one's key; whole or not at all, whoever else does the same."""
    source = "".join(['#include "cuda_on_cpu.h"\n', *(_section(key, code) for key, code in codes.items())])
    name = f"{_digest(*codes)}.so"
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        library = Path(folder) / name
        command = [COMPILER, *FLAGS, f"-I{HEADER.parent}", "-x", "c++", "-", "-o", str(library)]
        ran = subprocess.run(command, input=source, capture_output=True, text=True)
        if ran.returncode:
            raise CompileError(ran.stderr)
        library.replace(FOLDER / name)
        for key in codes:
            link = Path(folder) / key
            link.symlink_to(name)
            link.replace(FOLDER / key)


def _section(key: str, code: str) -> str:
    """The part of a file for one code, in a namespace of its own."""
    names = _KERNEL.findall(code)
    if not names:
        raise CompileError(f"no kernel in {code!r}")
    waits = int(bool(re.search(r"__syncthreads|__shfl", code)))
    body = re.sub(r"^\s*#\s*include\b.*", "", code, flags=re.MULTILINE).replace('extern "C"', "")
    body = re.sub(r"\bextern\s+__shared__\s+(\w+)\s+(\w+)\[\];", r"\1* \2 = (\1*)cuda_on_cpu::dynamic;", body)
    lines = [
        f"#undef __shared__\n#define __shared__ SHARED({key})",
        f'namespace {{ namespace {key} {{\n#line 1 "{names[0]}"\n{body}\n}} }}',
        *(f"#undef {name}" for name in re.findall(r"^\s*#\s*define\s+(\w+)", code, flags=re.MULTILINE)),
        f'#line 1 "{names[0]}: launchers"\nBOUNDS({key})',
        *(f"LAUNCHER({key}, {name}, {waits})" for name in names),
    ]
    return "\n".join(lines) + "\n"


def _with_options(code: str, options: tuple[str, ...]) -> str:
    """The code, with the macros that options define."""
    defined = [option[2:].partition("=") for option in options if option.startswith("-D")]
    return "".join(f"#define {name} {value or 1}\n" for name, _, value in defined) + code


def _argument(value: object) -> tuple[str, np.ndarray]:
    """What an argument is, "*f8" for a pointer to doubles and "=f8" for a double, and the memory that holds it."""
    if value is None or isinstance(value, ndarray):
        pointer = 0 if value is None else value.host.ctypes.data
        return f"*{'?' if value is None else value.dtype.str[1:]}", np.array(pointer, np.uintp)
    if not isinstance(value, (bool, int, float, np.generic)):
        raise TypeError(f"Unsupported type {type(value)}")
    held = np.asarray(value)
    return f"={held.dtype.str[1:]}", held


def _key(code: str) -> str:
    """The name of a code's namespace and file."""
    return f"k{_digest(code, _header(), *FLAGS)}"


@cache
def _header() -> str:
    return HEADER.read_text()


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:24]


@cache
def _library(path: str) -> ctypes.PyDLL:
    return ctypes.PyDLL(path)  # holds the interpreter's lock: shared memory is one for all threads
