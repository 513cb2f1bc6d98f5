"""What a model may be given: the expressions and the symbols of all dialects."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.logic.boolalg import Boolean
from sympy.tensor.array.array_comprehension import ArrayComprehension

from symdiff.frontend.whole import is_whole
from symdiff.functions.tensor import Tensor, is_tensor

SYMBOLS = (sp.Symbol, sp.MatrixSymbol, sp.IndexedBase, Tensor)
SYMBOL_NAMES = "Symbol, MatrixSymbol, IndexedBase or sd.Tensor"
SEVERAL = "give several as outputs={'y': ...}, or as one matrix, sp.Matrix([...])"


def as_written(given: Any) -> Any:
    """What was given as an expression; a `SympifyError`, `TypeError` or `AttributeError` where it is none."""
    return given if is_tensor(given) else sp.sympify(given)


def is_expression(given: Any) -> bool:
    """Whether it is one expression of any dialect."""
    return isinstance(given, (sp.Expr, Boolean, ArrayComprehension)) or is_whole(given)
