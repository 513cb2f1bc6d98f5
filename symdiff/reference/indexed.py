"""Written-out sums and products by plain loops, entries of arrays, and outputs with free indices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import sympy as sp
from sympy.tensor.array.array_comprehension import ArrayComprehension

from symdiff.reference.arrays import Array, as_array, entrywise, numeric
from symdiff.reference.matrices import to_index
from symdiff.reference.special import NoReferenceError

LOOPS = ("Sum", "Product", "ArrayComprehension")


def close(expression: Any) -> Any:
    """An expression with free indices as an array over their ranges, in alphabetical order."""
    free: dict[Any, None] = {}
    stack: list[tuple[Any, frozenset[Any]]] = [(expression, frozenset())]
    seen = {}
    while stack:
        part, bound = stack.pop()
        if (id(part), bound) in seen:
            continue
        seen[id(part), bound] = part
        if isinstance(part, sp.Idx):
            if part not in bound:
                free.setdefault(part)
        elif type(part).__name__ in LOOPS:
            inner = bound | {limit[0] for limit in part.limits}
            stack += [(part.function, inner), *((end, inner) for limit in part.limits for end in limit[1:])]
        elif not isinstance(part, sp.IndexedBase):
            stack += [(argument, bound) for argument in getattr(part, "args", ())]
    if not free:
        return expression
    ordered = sorted(free, key=lambda index: str(index.name))
    return ArrayComprehension(expression, *((index, index.lower, index.upper) for index in ordered))


def loop(self: Any, node: Any, parts: list[Any]) -> Array:
    """The summand at each place of the indices, then added, multiplied or laid out."""
    kind = type(node).__name__
    limits = node.limits if kind == "ArrayComprehension" else node.limits[::-1]
    places, values, unmoved = [], [], self.base is not None
    for place, bound in _places(self, limits, {}):
        key = (id(node), place)
        inner = self.scope(node, bound, key)
        value = inner.value(node.function)
        unmoved = unmoved and value is self.base.scopes[key].memo[id(node.function)]
        value = numeric(self.context, value)
        if kind == "Sum" and self.noise is not None:  # a sum rounds at the size of its terms
            value = self.noise.apply(key, value)
        places.append(place)
        values.append(value)
    if unmoved:
        return self.base.memo[id(node)]
    if kind == "ArrayComprehension":
        return _laid_out(places, values)
    total = as_array(self.context.one if kind == "Product" else self.context.zero)
    for value in values:
        total = as_array(total * value if kind == "Product" else total + value)
    return total


def _laid_out(places: list[Any], values: list[Array]) -> Array:
    """An axis for each index, after that of the samples."""
    low, high = np.min(places, axis=0), np.max(places, axis=0)
    arrays = np.broadcast_arrays(*values)
    result = np.empty((*arrays[0].shape, *(high - low + 1)), dtype=object)
    for place, value in zip(places, arrays, strict=True):
        result[(..., *(np.array(place) - low))] = value
    return result


def _places(self: Any, limits: Any, bound: dict[Any, Array]) -> Iterator[tuple[tuple[int, ...], dict[Any, Array]]]:
    """Every place of the indices, the first limit outermost, with the index values as numbers."""
    if not limits:
        yield (), bound
        return
    limit, *rest = limits
    if len(limit) != 3:
        raise NoReferenceError(f"a sum over {limit[0]} without a range")
    environment = {**self.environment, **bound}
    low, high = (int(whole(end, environment)) for end in limit[1:])
    if high < low - 1:
        raise ValueError(f"{limit[0]} runs from {low} to {high}")
    for place in range(low, high + 1):
        at = {**bound, limit[0]: as_array(self.context.convert(place))}
        yield from (((place, *others), inner) for others, inner in _places(self, rest, at))


def entry(self: Any, node: Any, parts: list[Any]) -> Array:
    """x[i, j]; at one position for each sample where an index holds per-sample data."""
    array = self.environment[node.base]
    if self.base is not None and array is self.base.environment[node.base]:
        return self.base.memo[id(node)]
    places = np.broadcast_arrays(*(whole(index, self.environment) for index in node.indices))
    for place, size in zip(places, array.shape, strict=True):
        if (place < 0).any() or (place >= size).any():
            raise IndexError(f"{node}: an index is {place} on an axis of size {size}")
    return as_array(array[tuple(places)])


def delta(self: Any, node: Any, parts: list[Any]) -> Array:
    """1 where two indices are equal, else 0."""
    same = whole(node.args[0], self.environment) == whole(node.args[1], self.environment)
    return entrywise(lambda equal: self.context.one if equal else self.context.zero, [np.asarray(same)])


def whole(index: Any, environment: Mapping[Any, Array]) -> Any:
    """An index expression as whole numbers."""
    if index in environment:
        return np.vectorize(lambda x: to_index(np.asarray(x)), otypes=[int])(environment[index])
    if index.is_Integer:
        return np.asarray(int(index))
    if isinstance(index, sp.Indexed):
        array = whole(index.base, environment)
        places = tuple(whole(part, environment) for part in index.indices)
        if any((place < 0).any() or (place >= size).any() for place, size in zip(places, array.shape, strict=True)):
            raise IndexError(f"{index} is out of range")
        return array[places]
    if index.is_Add or index.is_Mul:
        terms = [whole(argument, environment) for argument in index.args]
        return np.add.reduce(terms) if index.is_Add else np.multiply.reduce(terms)
    if index.is_Pow and index.exp.is_Integer and index.exp > 0:
        return whole(index.base, environment) ** int(index.exp)
    raise NoReferenceError(f"the index {index}")
