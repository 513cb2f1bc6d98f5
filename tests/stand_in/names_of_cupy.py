"""Which of the names it is given CuPy has, and the parameters of its functions, as JSON; run where CuPy itself is found."""

from __future__ import annotations

import inspect
import json
import sys

import cupy
import cupy.lib.stride_tricks
import cupyx.scipy.special


def parameters(value):
    """The names and defaults of a function's parameters."""
    if not callable(value) or isinstance(value, (type, cupy.ufunc)):
        return []
    try:
        return [[entry.name, str(entry.default)] for entry in inspect.signature(value).parameters.values()]
    except ValueError:  # the first line of the documentation has them
        heading = (value.__doc__ or "").strip().split("\n")[0].partition("(")[2].partition(")")[0]
        parts = [part.partition("=") for part in heading.split(", ") if part not in "*/"]
        return [[name.split()[-1].strip("*"), default] for name, _, default in parts]


HOMES = {
    "cupy": cupy,
    "cupy.ndarray": cupy.ndarray,
    "cupy.linalg": cupy.linalg,
    "cupy.lib.stride_tricks": cupy.lib.stride_tricks,
    "cupyx.scipy.special": cupyx.scipy.special,
}

if __name__ == "__main__":
    found = {
        home: {name: parameters(getattr(HOMES[home], name)) for name in names if hasattr(HOMES[home], name)}
        for home, names in json.load(sys.stdin).items()
    }
    print(json.dumps(found))
