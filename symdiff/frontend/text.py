"""SymPy expressions as text, for messages, however deep they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_LIMIT = 300


def text(expression: Any, spelled: Callable[[Any], str] = str) -> str:
    """`spelled(expression)`, or its head alone where printing it would be long or would exceed the recursion limit."""
    stack, count = [(expression, 0)], 0
    while stack:
        part, depth = stack.pop()
        count += 1
        if count > _LIMIT or depth > 40:
            return f"{type(expression).__name__}(...) of {len(expression.args)} parts"
        stack.extend((argument, depth + 1) for argument in getattr(part, "args", ()))
    return spelled(expression)
