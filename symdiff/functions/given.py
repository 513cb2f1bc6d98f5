"""What users give where an expression is meant: SymPy's own objects and numbers, and nothing that SymPy would have to parse.

SymPy's `sympify` evaluates text as Python, also text in a list, a dict or an array. So it only meets numbers here, and this
is the one place that calls it.
"""

from __future__ import annotations

from numbers import Number
from typing import Any

import sympy as sp
from sympy.core.sympify import SympifyError
from sympy.matrices.matrixbase import MatrixBase

from symdiff.errors import ModelError

TEXT = (str, bytes, bytearray, memoryview)


class NotASympyExpressionError(ModelError, SympifyError):
    """What was given is no expression; as a `SympifyError` it lets SymPy's own operators hand over to the other operand's."""


def as_sympy(given: Any, what: str = "An operand") -> Any:
    """A SymPy object as it is (a mutable matrix as it is now), a number as SymPy's; an error for anything else.

    Parameters
    ----------
    what : it is, for the message.
    """
    if isinstance(given, sp.Basic | MatrixBase):
        return sp.sympify(given)
    refuse_text(given, what)
    if isinstance(given, Number | bool):
        return sp.sympify(given, strict=True)
    if hasattr(given, "_sympy_"):
        return _sympy_object(given._sympy_(), given, what)
    if getattr(given, "shape", None) == () and hasattr(given, "item"):  # an array of one number
        return as_sympy(given.item(), what)
    raise _not_an_expression(given, what)


def refuse_text(given: Any, what: str) -> None:
    """An error where text stands for an expression."""
    if isinstance(given, TEXT):
        shown = f"{given[:60]!r}{'...' if len(given) > 60 else ''}"
        raise NotASympyExpressionError(
            f"{what} is a text, {shown}, and text is never run: write the expression itself, with symbols such as "
            'w = sp.symbols("w").'
        )


def _sympy_object(found: Any, given: Any, what: str) -> Any:
    """What an object says it is in SymPy."""
    if isinstance(found, sp.Basic | MatrixBase):
        return sp.sympify(found)
    raise _not_an_expression(given, what)


def _not_an_expression(given: Any, what: str) -> NotASympyExpressionError:
    return NotASympyExpressionError(f"{what} is not a SymPy expression but a {type(given).__name__}.")
