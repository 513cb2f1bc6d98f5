"""The choice between two expressions, entry by entry."""

from __future__ import annotations

from typing import Any

from symdiff.errors import ModelError
from symdiff.functions import elementwise

_entrywise = elementwise.entrywise(elementwise.where)


def where(condition: Any, a: Any, b: Any) -> Any:
    """Entry by entry a where the condition holds, else b; the branch not taken contributes nothing."""
    if isinstance(condition, bool):
        raise ModelError(
            f"sd.where({condition}, ...): the condition was decided before any number came, since == and != only compare "
            "how two expressions are written: write sd.equal(a, b) > 0 of tensors, sp.Eq(a, b) of scalars."
        )
    return _entrywise(condition, a, b)
