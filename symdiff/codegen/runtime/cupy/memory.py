"""What functions say where the memory of the device is too small."""

from __future__ import annotations

import math
from functools import wraps

import cupy as cp


def _takes(function, entries, signature):
    """The function, whose error where memory is short says what would do: it takes up to so many entries."""

    @wraps(function)
    def call(*arguments, **named):
        try:
            return function(*arguments, **named)
        except cp.cuda.memory.OutOfMemoryError as error:
            names = signature["functions"][function.__name__]
            error.add_note(_advice(signature, function.__name__, entries, dict(zip(names, arguments)) | named))
            raise

    return call


def _advice(signature, name, entries, given):
    """What a function needs beside its arguments, and for how many samples there is room."""
    sizes, samples, width = {}, signature["samples"], 1
    for key, entry in signature["inputs"].items():
        shape, came = entry["shape"], getattr(given.get(key), "shape", ())
        width = max(width, given[key].itemsize if came else 0)
        if signature["pointwise"]:
            (samples,) = shape
            sizes[samples] = max(sizes.get(samples, 1), math.prod(came))
        else:
            sizes |= {dim: length for dim, length in zip(shape, came) if isinstance(dim, str)}
    cp.get_default_memory_pool().free_all_blocks()
    (free, whole), needed = cp.cuda.Device().mem_info, entries(**sizes) * width
    text = f"{name} takes up to {needed / 1e9:.3g} GB beside its arguments; {free / 1e9:.3g} of {whole / 1e9:.3g} GB are free"
    if samples not in sizes:
        return text
    low, high = 0, sizes[samples]
    while low < high:
        middle = (low + high + 1) // 2
        fits = entries(**sizes | {samples: middle}) * width <= free
        low, high = (middle, high) if fits else (low, middle - 1)
    if not low:
        return f"{text}, too little for a single sample"
    return f"{text}: call it with {low} of the {sizes[samples]} samples at a time, and put together what it returns"
