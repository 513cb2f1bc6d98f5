"""What a model may be given: the expressions and the symbols of all dialects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp
from sympy.logic.boolalg import Boolean
from sympy.tensor.array.array_comprehension import ArrayComprehension

from symdiff.errors import ModelError
from symdiff.frontend.whole import is_whole
from symdiff.functions.given import TEXT, NotASympyExpressionError, as_sympy
from symdiff.functions.tensor import Tensor, is_tensor

SYMBOLS = (sp.Symbol, sp.MatrixSymbol, sp.IndexedBase, Tensor)
SYMBOL_NAMES = "Symbol, MatrixSymbol, IndexedBase or sd.Tensor"
SEVERAL = "give several as outputs={'y': ...}, or as one matrix, sp.Matrix([...])"


def as_written(given: Any, what: str) -> Any:
    """What was given as one expression of any dialect; an error that calls it `what` where it is none."""
    try:
        expression = given if is_tensor(given) else as_sympy(given, what)
    except NotASympyExpressionError:
        if isinstance(given, TEXT) or not isinstance(given, Iterable):
            raise
        expression = None
    if isinstance(expression, (sp.Expr, Boolean, ArrayComprehension)) or is_whole(expression):
        return expression
    raise ModelError(f"{what} is a {type(given).__name__}, not one expression: {SEVERAL}.")
