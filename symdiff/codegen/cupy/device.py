"""The functions that kernels call, read from ``runtime/cupy/device.cuh``: each with those that it calls in turn."""

from __future__ import annotations

import re
from collections.abc import Iterable

from symdiff.codegen.runtime.definitions import source_of

_NAME = re.compile(r"^(?:struct|(?:template <class Law> )?__device__ [\w*]+) (\w+)", re.MULTILINE)


def _read() -> dict[str, str]:
    """Name -> source of every device function, in the order of the file, where empty lines part them."""
    texts = source_of("cupy/device.cuh").rstrip().split("\n\n")
    return {_NAME.findall(text)[-1]: text for text in texts}


FUNCTIONS = _read()
_CALLED = {name: FUNCTIONS.keys() & {*re.findall(r"\w+(?=[(<])", text)} - {name} for name, text in FUNCTIONS.items()}


def device_functions(names: Iterable[str]) -> str:
    """The source of those names that are device functions, and of what they call in turn, in the order of the file."""
    found = FUNCTIONS.keys() & {*names}
    pending = [*found]
    while pending:
        more = _CALLED[pending.pop()] - found
        found |= more
        pending += more
    return "\n".join(text for name, text in FUNCTIONS.items() if name in found) + "\n"
