"""Who takes part on a GPU, how each makes a step there, and how the device times it."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

import symdiff as sd
from benchmarks.case import Contender, Inputs
from benchmarks.gpu.cases import CAPTURED, COPY, PRODUCTS, DeviceCase

NO_CUPY = "CuPy is not installed: pip install 'cupy-cuda12x[ctk]', or cupy-cuda13x for CUDA 13."
COPIED = 1 << 29  # bytes of the array that the bandwidth is measured with: much more than caches hold

Step = Callable[[], Any]


Seconds = Callable[[Step, int], float]  # of one of so many steps in a row
Timed = tuple[Step, Seconds]


@dataclass(frozen=True)
class Maker:
    """How a contender of a case, and what times it, is made; `absent` says why it cannot be, and is empty where it can."""

    absent: Callable[[], str]
    make: Callable[[DeviceCase, Inputs], tuple[Contender, Seconds]]


def missing() -> str:
    """What the benchmark needs and this machine lacks, in a sentence; empty where all is there."""
    if importlib.util.find_spec("cupy") is None:
        return NO_CUPY
    import cupy

    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return f"CuPy finds no GPU: {error}."
    return "" if devices else "CuPy finds no GPU."


# Time


def cupy_seconds(step: Step, calls: int) -> float:
    """By events on CuPy's stream."""
    import cupy

    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    start.record()
    for _ in range(calls):
        step()
    end.record()
    end.synchronize()
    return cupy.cuda.get_elapsed_time(start, end) / 1e3 / calls


def torch_seconds(step: Step, calls: int) -> float:
    """By events on PyTorch's stream."""
    import torch

    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(calls):
        step()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3 / calls


def wall_seconds(wait: Callable[[Any], Any], step: Step, calls: int) -> float:
    """By the clock on the wall, until what the last step returned is there."""
    started = time.perf_counter()
    for _ in range(calls):
        result = step()
    wait(result)
    return (time.perf_counter() - started) / calls


# symdiff, and what nobody can do without


def on_device(arrays: Sequence[Any]) -> list[Any]:
    """Arrays of CuPy."""
    import cupy

    return [cupy.asarray(array) for array in arrays]


def own(case: DeviceCase, inputs: Inputs) -> tuple[Contender, Seconds]:
    """The generated module, called as its users do."""
    module, arrays = compiled(case), on_device((*inputs.params, *inputs.data))
    function = getattr(module, case.function)
    return Contender(lambda: function(*arrays), partial(_read, case)), cupy_seconds


def captured(case: DeviceCase, inputs: Inputs) -> tuple[Contender, Seconds]:
    """The same as one CUDA graph."""
    module, arrays = compiled(case), on_device((*inputs.params, *inputs.data))
    capture = getattr(module, "capture", None)
    if capture is None:
        raise NotImplementedError("generated modules have no capture")
    return Contender(capture(getattr(module, case.function), *arrays), partial(_read, case)), cupy_seconds


def compiled(case: DeviceCase) -> ModuleType:
    """The generated module, from scratch."""
    return sd.compile(case.case.model(), backend="cupy", emit=case.function, cache=False)


def _read(case: DeviceCase, result: Any) -> list[np.ndarray]:
    if case.case.kind == "hessian":
        ((block,),) = result
        return [block.get()]
    value, gradient = result
    return [value.get(), *(part.get() for part in gradient)]


def copying(size: int = COPIED) -> Step:
    """A copy of so many bytes from the device to itself, which moves twice as many."""
    import cupy

    source, target = cupy.ones(size, "uint8"), cupy.empty(size, "uint8")
    return lambda: cupy.copyto(target, source)


def products(case: DeviceCase, inputs: Inputs) -> Step:
    """The products of matrices of a step alone, by cuBLAS."""
    arrays = on_device((*inputs.params, *inputs.data))
    return lambda: case.products(*arrays)


# Peers


def of_torch(case: DeviceCase, inputs: Inputs, device: str = "cuda") -> tuple[Contender, Seconds]:
    """PyTorch, eager."""
    from benchmarks.peers import torch as peer

    peer.torch.set_float32_matmul_precision("highest")  # all are to round alike
    contender = peer.contender(case.case.written["torch"], case.case, inputs, device)
    return contender, torch_seconds if device == "cuda" else partial(wall_seconds, id)


def of_compiled_torch(case: DeviceCase, inputs: Inputs) -> tuple[Contender, Seconds]:
    """PyTorch, compiled, as CUDA graphs."""
    from benchmarks.peers import torch as peer

    peer.torch.set_float32_matmul_precision("highest")
    written = case.case.written["torch-compile"]
    return peer.compiled_contender(written, case.case, inputs, "cuda", "reduce-overhead"), torch_seconds


def of_jax(case: DeviceCase, inputs: Inputs) -> tuple[Contender, Seconds]:
    """JAX, jitted. It has no events, so its time is that on the wall."""
    from benchmarks.peers import jax as peer

    peer.jax.config.update("jax_default_matmul_precision", "highest")  # on a GPU it would round products to TF32
    contender = peer.contender(case.case.written["jax"], case.case, inputs, wait=lambda result: result)
    return contender, partial(wall_seconds, peer.jax.block_until_ready)


def no_torch() -> str:
    """Why PyTorch is not among them."""
    if importlib.util.find_spec("torch") is None:
        return "not installed"
    import torch

    return "" if torch.cuda.is_available() else "installed without CUDA"


def no_jax() -> str:
    """Why JAX is not among them."""
    if importlib.util.find_spec("jax") is None:
        return "not installed"
    import jax

    return "" if jax.default_backend() in ("gpu", "cuda") else "installed without CUDA"


OWN = {"symdiff": Maker(str, own), CAPTURED: Maker(str, captured)}
PEERS = {
    "torch": Maker(no_torch, of_torch),
    "torch-compile": Maker(no_torch, of_compiled_torch),
    "jax": Maker(no_jax, of_jax),
}
FLOORS = {COPY: "copying its bytes", PRODUCTS: "its products alone"}
