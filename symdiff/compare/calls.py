"""Calling the module, and the time of a call."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from symdiff.compare.problem import Array, Call, Problem
from symdiff.errors import ComparisonError
from symdiff.graph.results import Array as Part, Named, Tree
from symdiff.kinds import KINDS

T = TypeVar("T")

ENOUGH = 0.005  # seconds of repeated calls


@dataclass(frozen=True)
class Answer:
    """What a function of the module returned: an array for each label, or why there is none."""

    arrays: tuple[Array, ...]
    seconds: float
    failure: str = ""


def ask(module: ModuleType, problem: Problem, call: Call, backend: str) -> Answer:
    """Call a function of the module with the inputs and directions of the problem."""
    root = call.root
    to_device, to_host = transfers(backend)
    given = arguments(problem, call, to_device)
    try:
        function = getattr(module, call.function)
        with np.errstate(all="ignore"):
            result, seconds = timed(lambda: function(*given))
            arrays = tuple(np.asarray(to_host(part)) for part in leaves(call.results, result))
    except Exception as error:
        return Answer((), 0.0, f"{type(error).__name__}: {error}")
    floating = any(entry.node.dtype == "float" for entry in root.inputs)
    dtype = problem.dtype if floating else np.dtype(float)
    for part, array in zip(call.parts, arrays, strict=True):
        expected = problem.result_shape(root, part)
        if array.shape != expected:
            return Answer((), seconds, f"shape {array.shape}, expected {expected}")
        if array.dtype != dtype:
            return Answer((), seconds, f"dtype {array.dtype}, expected {dtype}")
    return Answer(arrays, seconds)


def arguments(problem: Problem, call: Call, to_device: Callable[[Array], Any]) -> list[Any]:
    """What a function of the module is called with."""
    root = call.root
    given: list[Any] = [to_device(problem.values[entry.name]) for entry in root.inputs]
    further: dict[str, Any] = {"direction": tuple(map(to_device, root.v)), "cotangent": to_device(root.u)}
    return [*given, *(further[role] for role in KINDS[call.kind].takes)]


def leaves(tree: Tree, result: Any) -> list[Any]:
    """The arrays of a result, each where the tree says it is."""
    if isinstance(tree, Part):
        return [result]
    held = [getattr(result, name) for name in tree.fields] if isinstance(tree, Named) else result
    return [leaf for part, value in zip(tree.parts, held, strict=True) for leaf in leaves(part, value)]


def timed(function: Callable[[], T]) -> tuple[T, float]:
    """A result, and the least time of a few calls after the first."""
    result = function()
    best, spent = float("inf"), 0.0
    while spent < ENOUGH:
        started = time.perf_counter()
        result = function()
        seconds = time.perf_counter() - started
        best, spent = min(best, seconds), spent + seconds
    return result, best


def transfers(backend: str) -> tuple[Callable[[Array], Any], Callable[[Any], Any]]:
    """How arrays come to the backend's device and back; `ComparisonError` where there is none."""
    if backend == "numpy":
        return (lambda array: array), (lambda array: array)
    try:
        import cupy

        cupy.cuda.runtime.getDeviceCount()
    except ImportError as error:
        raise ComparisonError("CuPy is not installed: pip install 'symdiff-compiler[cuda]'.") from error
    except Exception as error:
        raise ComparisonError(f"CuPy finds no device: {error}") from error
    return cupy.asarray, cupy.asnumpy
