"""Captured steps: a function done again as one CUDA graph, with products of matrices of its own."""

from __future__ import annotations

import threading
from contextlib import suppress

import cupy as cp

from symdiff.codegen.runtime.cupy.kernels import _TYPES
from symdiff.codegen.runtime.definitions import source_of


def capture(function, *arguments):
    """Return a function without arguments that does function(*arguments) again, as one launch of a CUDA graph.

    It reads the arrays where they are and returns the same arrays every time: write what is new into the former
    (`x[...] = batch`), copy what is to stay of the latter. `function` may be one of this module or do more, such as to update
    parameters in place; it is called once to get ready, which counts, and once to be recorded, which does nothing.
    """
    for place, argument in enumerate(arguments):
        for part in argument if isinstance(argument, (tuple, list)) else (argument,):
            if not isinstance(part, cp.ndarray):
                raise TypeError(
                    f"argument {place} of the step is a {type(part).__name__}: a graph reads arrays where they are, "
                    "so give it one made with cupy.asarray"
                )
    pool, stream = cp.cuda.MemoryPool(), cp.cuda.Stream(non_blocking=True)  # of this graph alone
    cp.cuda.get_current_stream().synchronize()
    _STEP.captured = True
    try:
        with cp.cuda.using_allocator(pool.malloc), stream:
            function(*arguments)  # kernels are compiled now, and memory is taken
            stream.synchronize()
            results, graph = _recorded(stream, function, arguments)
    finally:
        _STEP.captured = False

    def step():
        graph.launch(cp.cuda.get_current_stream())
        return results

    step.memory = pool, stream  # as long as the graph, which knows their addresses
    return step


def _recorded(stream, function, arguments):
    """The results of a call, and the graph that computes them."""
    stream.begin_capture()
    try:
        results = function(*arguments)
    except Exception as error:
        with suppress(Exception):
            stream.end_capture()
        raise RuntimeError(
            f"this step cannot be captured: {error}. A graph takes kernels and products of matrices, but nothing that waits "
            "for the device (a number or an array on the host), and no solves, factorisations or einsum"
        ) from error
    return results, stream.end_capture()


_STEP = threading.local()  # captured: whether `capture` is at work


def _matmul(a, b):
    """a @ b by cuBLAS; in a captured step, where CuPy does without cuBLAS, by a kernel of this module."""
    if not getattr(_STEP, "captured", False):
        return a @ b
    left = a[None] if a.ndim == 1 else a
    right = b[:, None] if b.ndim == 1 else b
    batch = cp.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    result = cp.empty((*batch, left.shape[-2], right.shape[-1]), a.dtype)
    left, right = (cp.broadcast_to(x, batch + x.shape[-2:]).reshape(-1, *x.shape[-2:]) for x in (left, right))
    (count, rows, inner), columns = left.shape, right.shape[-1]
    steps = [cp.int64(step // a.itemsize) for step in (*left.strides, *right.strides)]
    tiles = -(-columns // 16), min(-(-rows // 16), 65535), min(count, 65535)  # the most that a grid takes
    if a.dtype not in _MATMUL:
        _MATMUL[a.dtype] = cp.RawKernel(_TYPES[a.dtype.name] + _MATMUL_SOURCE, "matmul")
    sizes = [cp.int64(size) for size in (count, rows, inner, columns)]
    _MATMUL[a.dtype](tiles, (256,), (left, right, result, *sizes, *steps))
    return result.reshape(batch + a.shape[-2:-1] + (b.shape[-1:] if b.ndim > 1 else ()))


_MATMUL = {}  # dtype -> the kernel
_MATMUL_SOURCE = source_of("cupy/matmul.cu")
