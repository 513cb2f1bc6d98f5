"""Arrays of context numbers: how scalars, per-sample values and matrices combine.

The rank says what a value is: 0 a number, 1 one number per sample, 2 a matrix, 3 one matrix per sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Context = Any  # mpmath.mp or mpmath.fp; mpmath has no type stubs
Number = Any  # a number of such a context


def as_array(value: Any) -> Array:
    """`value` as an array; NumPy hands a bare object back where a result has rank 0."""
    if isinstance(value, np.ndarray):
        return value
    array = np.empty((), dtype=object)
    array[()] = value
    return array


def to_number(context: Context, value: Any) -> Number:
    """A Python, NumPy or mpmath number as an exact number of the context (precision permitting)."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        value = int(value)
    return context.convert(value)


def to_numbers(context: Context, values: Any) -> Array:
    """Anything array-like as an array of context numbers."""
    if not isinstance(values, np.ndarray):
        values = np.asarray(values, dtype=object)
    return as_array(np.frompyfunc(lambda value: to_number(context, value), 1, 1)(values))


def numeric(context: Context, array: Array) -> Array:
    """Truth values as 0 and 1; numbers as they are."""
    return to_numbers(context, array) if array.dtype == bool else array


def align(arrays: Sequence[Array]) -> list[Array]:
    """Give per-sample scalars the rank of per-sample matrices, where both meet."""
    if max(array.ndim for array in arrays) < 2:
        return list(arrays)
    return [array[:, None, None] if array.ndim == 1 else array for array in arrays]


def fold(operation: Callable[[Any, Any], Any], arrays: Sequence[Array]) -> Array:
    """Combine the arrays entry by entry, from the left."""
    first, *others = align(arrays)
    for other in others:
        first = as_array(operation(first, other))
    return first


def entrywise(function: Callable[..., Any], arrays: Sequence[Array]) -> Array:
    """`function` of numbers, applied to each entry of the arrays."""
    return as_array(np.frompyfunc(function, len(arrays), 1)(*align(arrays)))


def unbox(array: Array) -> Array:
    """A 1x1 matrix as the scalar it stands for.

    Raises
    ------
    ValueError
        If the matrix has any other size.
    """
    if array.shape[-2:] != (1, 1):
        raise ValueError(f"a matrix of size {array.shape[-2:]} where a scalar is meant")
    return as_array(array[..., 0, 0])


def same_shape(arrays: Sequence[Array]) -> None:
    """Refuse matrices of different sizes, which NumPy would broadcast."""
    sizes = {array.shape[-2:] for array in arrays}
    if len(sizes) > 1:
        raise ValueError(f"matrices of different sizes {sorted(sizes)} cannot be combined entry by entry")
