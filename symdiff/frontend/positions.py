"""SymPy's index expressions as affine forms over labels, or as what is looked up in an array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from symdiff.errors import ModelError, UnsupportedError
from symdiff.frontend.affine import Affine
from symdiff.functions.printing import text

_AFFINE = "an index is a sum of whole numbers, sizes and bound indices times whole numbers"


def is_gather(position: Any, declarations: Any) -> bool:
    """Whether an index is looked up: it holds an entry of an array, or a declared symbol."""
    stack = [position]
    while stack:
        part = stack.pop()
        if isinstance(part, sp.Indexed) or (part in declarations.nodes and part not in declarations.sizes):
            return True
        stack.extend(part.args)
    return False


def bound(end: Any, variable: Any, indices: Mapping[Any, Affine], walk: Any) -> Affine:
    """The form that the first or last value of an index is."""
    free = {symbol for symbol in end.free_symbols if symbol not in indices and symbol not in walk.declarations.sizes}
    if unknown := sorted(map(str, free)):
        raise ModelError(
            f"One end of the range of {variable} is {text(end)}, but {unknown[0]} is no size of a declared array and no index "
            f"of a Sum around it: give an array an axis of that size, as in shape=({unknown[0]},), or write the bound in sizes "
            "that arrays have. (A Symbol and an Idx of one name are two.)"
        )
    return affine(end, indices, walk)


def affine(position: Any, indices: Mapping[Any, Affine], walk: Any) -> Affine:
    """The form that an index expression is."""
    if position in indices:
        return indices[position]
    if position.is_Integer:
        return Affine(int(position))
    if position.is_Add:
        total = Affine(0)
        for term in position.args:
            total = total + affine(term, indices, walk)
        return total
    if position.is_Symbol or isinstance(position, sp.Idx):
        return _size(position, walk)
    if position.is_Mul or position.is_Pow:
        return _product(position, indices, walk)
    if position.is_Number:
        raise UnsupportedError(
            f"{text(position)} stands where a whole number is meant: write sp.Integer, or // on numbers."
        )
    raise UnsupportedError(
        f"The index {text(position)} is not affine: {_AFFINE}; write others as an integer array, x[k[i]]."
    )


def _size(symbol: Any, walk: Any) -> Affine:
    if symbol in walk.declarations.sizes:
        return Affine(walk.declarations.sizes[symbol])
    raise ModelError(
        f"{symbol} is no index of a Sum and no size of a declared array: write Sum(..., ({symbol}, first, last)), or for "
        f"an axis of an output {symbol} = sp.Idx('{symbol}', n). (A Symbol and an Idx of one name are two.)"
    )


def _product(position: Any, indices: Mapping[Any, Affine], walk: Any) -> Affine:
    """A whole number times an index, or a product of sizes."""
    if position.is_Mul:
        number, rest = position.as_coeff_Mul()
        if number.is_Integer and number != 1:
            return affine(rest, indices, walk) * int(number)
    if position.free_symbols.isdisjoint(indices):
        return Affine(walk.dimension(position))
    raise UnsupportedError(
        f"The index {text(position)} is not affine: {_AFFINE}; write others as an integer array, x[k[i]]."
    )
