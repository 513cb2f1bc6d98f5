"""Where a comparison takes its inputs: from a file, or drawn from what the model declares of its symbols."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from symdiff.compare.problem import Array, Shape, shape_at
from symdiff.errors import ComparisonError
from symdiff.graph.inputs import Input
from symdiff.graph.program import ENTRIES, Program
from symdiff.graph.size import Size, names_of
from symdiff.model import Domain

Sizes = dict[str, int]
Values = dict[str, Array]

SAMPLES = 7
SMALLEST = (5, 4, 3, 6)  # other sizes: small, and no two alike, so that a wrong axis shows


def _definite(random: np.random.Generator, shape: Shape) -> Array:
    """Square matrices that are symmetric and positive definite, as factors of Cholesky need them."""
    numbers = random.standard_normal(shape)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        return numbers
    return numbers @ numbers.swapaxes(-1, -2) / shape[-1] + np.eye(shape[-1])


# Tried one after the other until the model has a value: what has none at normal numbers may have one at
# definite matrices, at positive numbers, at small ones, above 1.
SPREADS: tuple[Callable[[np.random.Generator, Shape], Array], ...] = (
    lambda random, shape: random.standard_normal(shape),
    _definite,
    lambda random, shape: random.uniform(0.5, 1.5, shape),
    lambda random, shape: random.uniform(0.1, 0.9, shape),
    lambda random, shape: 0.1 * random.standard_normal(shape),
    lambda random, shape: random.uniform(1.5, 3, shape),
    lambda random, shape: random.uniform(4, 9, shape),
)


def load(source: Path | Mapping[str, Any], lowered: Program) -> tuple[Sizes, Values]:
    """The inputs in an ``.npz`` file or a mapping, by name; `ComparisonError` for what is missing or does not fit."""
    arrays = source if isinstance(source, Mapping) else _read(source)
    where = "data" if isinstance(source, Mapping) else str(source)
    inputs = lowered.declarations.inputs
    found = {e.name: arrays[key] for e in inputs for key in (str(e.symbol), e.name) if key in arrays}
    missing = [e.name for e in inputs if e.name not in found]
    if missing:
        raise ComparisonError(f"{where} lacks {', '.join(missing)}: it holds {', '.join(arrays) or 'nothing'}.")
    values = _typed({e.name: np.asarray(found[e.name]) for e in inputs}, inputs, where)
    sizes: Sizes = {}
    for entry in inputs:
        _fit(entry, values[entry.name].shape, sizes, where, lowered.declarations.pointwise)
    if lowered.declarations.pointwise:
        shape = np.broadcast_shapes(*(array.shape for array in values.values())) or (1,)
        sizes = {str(ENTRIES): math.prod(shape)}
        values = {name: np.broadcast_to(array, shape).ravel() for name, array in values.items()}
    return sizes, values


def _read(path: Path) -> dict[str, Array]:
    try:
        if zipfile.is_zipfile(path):
            with np.load(path) as archive:
                return {name: archive[name] for name in archive.files}
    except OSError as error:
        raise ComparisonError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ComparisonError(
            f"{path} is damaged or holds something else than arrays of numbers: write it by np.savez({path.name!r}, w=w, ...)."
        ) from error
    raise ComparisonError(f"{path} is not an .npz file: write one by np.savez('inputs.npz', w=w, ...), arrays by name.")


def _typed(arrays: Values, inputs: Iterable[Input], where: str) -> Values:
    """Floating inputs in their common dtype; integers count as float64 only where nothing floating is given."""
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise ComparisonError(f"{where}: {name} has dtype {array.dtype}, expected real numbers.")
    floating = [arrays[e.name].dtype for e in inputs if e.node.dtype == "float" and arrays[e.name].dtype.kind == "f"]
    dtype = np.result_type(*floating) if floating else np.dtype(float)
    if dtype not in (np.float32, np.float64):
        raise ComparisonError(f"{where} holds arrays of dtype {dtype}, expected float32 or float64.")
    return {e.name: arrays[e.name].astype(dtype if e.node.dtype == "float" else arrays[e.name].dtype) for e in inputs}


def _fit(entry: Input, shape: Shape, sizes: Sizes, where: str, pointwise: bool) -> None:
    """Settle the sizes an input shows, and hold its shape against those already known."""
    if pointwise:
        return
    expected = entry.node.shape
    if len(expected) == len(shape):
        for dim, length in zip(expected, shape, strict=True):
            unknown = [name for name in names_of([dim]) if name not in sizes]
            if isinstance(dim, Size) and len(unknown) == 1:
                trials = range(length + 1)
                size = next((n for n in trials if dim.evaluate({**sizes, unknown[0]: n}) == length), length)
                sizes[unknown[0]] = size
        if shape_at(entry.node, sizes) == shape:
            return
    known = ", ".join(f"{name} = {size}" for name, size in sizes.items() if name in names_of(expected))
    comma = "," if len(expected) == 1 else ""
    text = f"({', '.join(map(str, expected))}{comma})" if expected else "a scalar"
    text += f" with {known}" if known else ""
    raise ComparisonError(f"{where}: {entry.name} has shape {shape}, expected {text}.")


def draws(lowered: Program, domains: Mapping[Any, Domain]) -> Iterator[tuple[Sizes, Values]]:
    """Inputs to try, one after the other, the same in every run."""
    for scale in (1, 4):
        sizes = _sizes(lowered, scale)
        for values in draws_at(sizes, lowered, domains):
            yield sizes, values


def draws_at(sizes: Mapping[str, int], lowered: Program, domains: Mapping[Any, Domain]) -> Iterator[Values]:
    """The same at given sizes."""
    for attempt, spread in enumerate(SPREADS):
        values = {}
        for entry in lowered.declarations.inputs:
            random = np.random.default_rng([attempt, zlib.crc32(entry.name.encode())])
            shape = shape_at(entry.node, sizes)
            values[entry.name] = _draw(entry, shape, spread, random, domains.get(entry.symbol), attempt)
        yield values


def _sizes(lowered: Program, scale: int) -> Sizes:
    declared = lowered.declarations
    dims = [dim for entry in declared.inputs for dim in entry.node.shape]
    samples = set(names_of([declared.samples])) if declared.samples is not None else set()
    taken = {dim for dim in dims if isinstance(dim, int)} | {SAMPLES * scale}
    fresh = (size * scale for size in chain(SMALLEST, count(8)) if size * scale not in taken)
    ordered = dict.fromkeys(name for dim in dims for name in names_of([dim]))
    return {name: SAMPLES * scale if name in samples else next(fresh) for name in ordered}


def _draw(
    entry: Input,
    shape: Shape,
    spread: Callable[[np.random.Generator, Shape], Array],
    random: np.random.Generator,
    domain: Domain | None,
    attempt: int,
) -> Array:
    """A value within the bounds and with the sign its symbol is declared to have."""
    low, high = (domain.low, domain.high) if domain else (-math.inf, math.inf)
    is_positive, is_negative, is_nonnegative, is_nonpositive = (
        getattr(entry.symbol, f"is_{sign}", None) for sign in ("positive", "negative", "nonnegative", "nonpositive")
    )
    if entry.node.dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if entry.node.dtype == "int" and shape and not domain and entry.has_axes:
        return np.asarray(random.integers(0, 2, shape))  # labels and positions: what any axis has
    if entry.node.dtype == "int":
        least = 1 if is_positive else 0 if is_nonnegative or (attempt and not is_nonpositive) else -3
        most = -1 if is_negative else 0 if is_nonpositive else least + 3
        low, high = (math.ceil(low) if low > -math.inf else least), (math.floor(high) if high < math.inf else most)
        return np.asarray(random.integers(int(low), int(max(low, high)) + 1, shape))
    low = max(low, 0.0) if is_nonnegative else low
    high = min(high, 0.0) if is_nonpositive else high
    numbers = spread(random, shape)
    if low > -math.inf and high < math.inf:
        numbers = low + (high - low) * random.uniform(0.05, 0.95, shape)
    elif low > -math.inf:
        numbers = low + np.abs(numbers)
    elif high < math.inf:
        numbers = high - np.abs(numbers)
    return np.asarray(numbers, np.float32).astype(float)
