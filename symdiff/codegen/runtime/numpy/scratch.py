"""Arrays that are kept to compute in.

Systems hand out large arrays page by page, at the first write to each, and C libraries often hand them back as soon as they are
freed. So a part of the samples that allocates its arrays anew may pay for that with more than it computes.
"""

from __future__ import annotations

import math
import threading

import numpy as np


def _in_scratch(block):
    """The function of a block, lent arrays to compute in; a call amid it, say by a signal handler, is lent others."""

    def call(*arguments):
        idle = vars(_SCRATCH)
        scratch = idle.pop("arrays", None) or {}
        try:
            return block(scratch, *arguments)
        finally:
            idle["arrays"] = scratch

    return call


def _matmul_into(scratch, number, a, b):
    """a @ b, over the array of that number in scratch; in a new array where it is small, or too large to be kept."""
    if a.size * b.size < _LEAST // 8 or min(a.ndim, b.ndim) == 1:  # the result has no more entries than that
        return a @ b
    shape, dtype = (*(a.shape[:-2] or b.shape[:-2]), a.shape[-2], b.shape[-1]), np.result_type(a, b)
    size = math.prod(shape) * dtype.itemsize
    if size < _LEAST:
        return a @ b
    found = scratch.get(number)
    if found is None or found.nbytes < size:
        if size + sum(array.nbytes for other, array in scratch.items() if other != number) > _MOST:
            return a @ b
        found = scratch[number] = np.empty(size, np.uint8)
    return np.matmul(a, b, out=found[:size].view(dtype).reshape(shape))


_LEAST, _MOST = 65536, 67108864  # bytes of an array that is worth keeping, and of all that a thread keeps
_SCRATCH = threading.local()  # the arrays of each thread, while no function has them


def release_scratch():
    """Let go of the arrays that threads keep to compute in, 64 MB each at most; later calls make new ones."""
    global _SCRATCH
    _SCRATCH = threading.local()
