"""The declared symbols of a model as inputs of the graph: their names, shapes, dtypes and the sample axis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp

from symdiff.errors import ModelError, UnsupportedError, warn
from symdiff.frontend.indices import inferred_shapes, scan
from symdiff.frontend.whole import check_commutes
from symdiff.functions.given import as_sympy
from symdiff.functions.printing import text
from symdiff.graph.inputs import Input
from symdiff.graph.leaves import parameter
from symdiff.graph.node import Node
from symdiff.graph.program import ENTRIES, Declarations
from symdiff.graph.size import Dim, Size, names_of
from symdiff.names import check_characters, identifiers, unique

ROLES = ("parameter", "data", "constant")


def declare(model: Any) -> Declarations:
    """Check the declarations of a model and give every symbol its node."""
    groups = (("parameter", model.params), ("data", model.data), ("constant", model.constants))
    pairs = [(role, symbol) for role, symbols in groups for symbol in symbols]
    for _, symbol in pairs:
        for part in (symbol, *_inside(symbol)):
            check_commutes(part)
    _check_distinct(pairs)
    names = identifiers([_label(symbol) for _, symbol in pairs], "symbols")
    objective = [] if model.objective is None else [model.objective]
    used = scan([*objective, *model.outputs.values(), *model.named.values()])
    for name, _ in used.ranges:
        check_characters(name)
    inferred = inferred_shapes([s for _, s in pairs if isinstance(s, sp.IndexedBase) and s.shape is None], used)
    shapes = {symbol: inferred.get(symbol) or array_shape(symbol) for _, symbol in pairs if is_array(symbol)}
    size_symbols = _size_symbols(shapes.values())
    for symbol in size_symbols:
        if any(symbol == declared for _, declared in pairs):
            raise ModelError(
                f"{symbol} is both a declared symbol and a size; its value comes from the shapes: remove it."
            )
    size_names = identifiers([str(symbol) for symbol in size_symbols], "sizes")
    taken = set(names.values())
    sizes = {symbol: Size.named(unique(size_names[str(symbol)], taken)) for symbol in size_symbols}
    dims = {symbol: tuple(dimension(dim, sizes) for dim in shape) for symbol, shape in shapes.items()}
    scalars_only = not shapes
    samples = _samples(model, dims, sizes, set(names.values()))
    pointwise = scalars_only and not model.data and _scalar_results(model) and not used.written_out
    inputs = tuple(
        _input(names[_label(symbol)], symbol, role, dims, ENTRIES if pointwise else samples, pointwise)
        for role, symbol in pairs
    )
    return Declarations(inputs, sizes, samples, pointwise, tuple(used.ranges))


def is_array(symbol: Any) -> bool:
    """Whether a declared symbol has axes of its own."""
    return not isinstance(symbol, sp.Symbol)


def _inside(symbol: Any) -> list[Any]:
    """The symbols a declared array is made of: its label, and those in the sizes of its axes."""
    parts = (getattr(symbol, "label", None), *(symbol.shape or ())) if is_array(symbol) else ()
    return [free for part in parts for free in sorted(getattr(part, "free_symbols", ()), key=str)]


def array_shape(symbol: Any) -> tuple[Any, ...]:
    """The sizes of the axes of an array, as SymPy expressions."""
    return tuple(as_sympy(dim, f"A size of {symbol}") for dim in symbol.shape)


def _input(
    name: str, symbol: Any, role: str, dims: dict[Any, tuple[Dim, ...]], samples: Size | None, pointwise: bool
) -> Input:
    if getattr(symbol, "is_commutative", True) and (
        getattr(symbol, "is_imaginary", None) or getattr(symbol, "is_real", None) is False
    ):
        raise UnsupportedError(f"{symbol} is declared not real: symdiff computes over the real numbers.")
    dtype = getattr(symbol, "dtype", None) or ("int" if getattr(symbol, "is_integer", None) else "float")
    if symbol in dims:
        return Input(name, symbol, role, parameter(name, dims[symbol], dtype), has_axes=True)
    carries_samples = role == "data" or pointwise
    shape = (samples,) if carries_samples and samples is not None else ()
    return Input(name, symbol, role, parameter(name, shape, dtype))


def _check_distinct(pairs: list[tuple[str, Any]]) -> None:
    seen: dict[str, tuple[str, Any]] = {}
    for role, symbol in pairs:
        label = _label(symbol)
        if label in seen:
            other_role, other = seen[label]
            if other == symbol:
                raise ModelError(f"{label} is declared twice: as {other_role} and as {role}.")
            raise ModelError(
                f"Two different symbols are called {label}: their assumptions differ, so SymPy takes them for two. "
                "Create the symbol once and use it everywhere."
            )
        seen[label] = (role, symbol)


def _label(symbol: Any) -> str:
    return str(symbol.name)


def _size_symbols(shapes: Iterable[tuple[Any, ...]]) -> list[Any]:
    found: dict[Any, None] = {}
    for shape in shapes:
        for dim in shape:
            for free in sorted(dim.free_symbols, key=str):
                found.setdefault(free)
    return list(found)


def dimension(expression: Any, sizes: dict[Any, Size]) -> Dim:
    """A SymPy size as a size of the graph: a polynomial with integer coefficients in declared size symbols."""
    if expression.is_Integer:
        return int(expression)
    if expression in sizes:
        return sizes[expression]
    parts: list[Dim] = []
    if expression.is_Add or expression.is_Mul:
        parts = [dimension(argument, sizes) for argument in expression.args]
    elif expression.is_Pow and expression.exp.is_Integer and expression.exp > 0:
        parts = [dimension(expression.base, sizes)] * int(expression.exp)
    else:
        raise UnsupportedError(
            f"The size {text(expression)} is not a polynomial in the sizes of declared arrays.",
            expression=text(expression),
        )
    result: Dim = 0 if expression.is_Add else 1
    for part in parts:
        result = result + part if expression.is_Add else result * part
    return result


def _samples(model: Any, dims: dict[Any, tuple[Dim, ...]], sizes: dict[Any, Size], taken: set[str]) -> Size | None:
    """The size data carry and no parameter does; a fresh one for scalar data alone; `samples=` decides."""
    if model.samples is not None:
        if model.samples not in sizes:
            raise ModelError(f"samples={model.samples} is not a size of any declared array.")
        return sizes[model.samples]
    by_params = names_of(dim for symbol in model.params for dim in dims.get(symbol, ()))
    by_data = names_of(dim for symbol in model.data for dim in dims.get(symbol, ()))
    candidates = [name for name in dict.fromkeys(by_data) if name not in by_params]
    if len(candidates) == 1:
        return Size.named(candidates[0])
    if any(isinstance(symbol, sp.Symbol) for symbol in model.data):
        if candidates:
            raise ModelError(
                f"Which axis holds the samples? It could be {' or '.join(candidates)}: say samples=... in the Model."
            )
        return Size.named(unique("N", taken | {size.names[0] for size in sizes.values()}))
    return None


def _scalar_results(model: Any) -> bool:
    results = [*model.outputs.values(), *([] if model.objective is None else [model.objective])]
    return all(not getattr(result, "is_Matrix", False) for result in results)


def warn_unused(declared: Iterable[Input], used: set[Node], place: str) -> None:
    """Warn of each symbol no expression holds."""
    for entry in declared:
        if entry.node not in used:
            warn(
                f"{entry.symbol} is declared as {entry.role} but nothing depends on it (or SymPy cancelled it).", place
            )
