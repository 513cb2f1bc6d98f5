"""Every option of a compilation, in one frozen value that is passed explicitly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symdiff.errors import ModelError

BACKENDS = ("numpy", "cupy")
EMIT = ("value", "grad", "value_and_grad", "hessian", "hvp", "jacobian", "jvp", "vjp")
DEFAULT_EMIT = ("value", "grad", "value_and_grad")
MATH = ("exact", "fast")
STYLES = ("fast", "plain")


@dataclass(frozen=True)
class Options:
    """What to generate, and how.

    Attributes
    ----------
    backend : the array library the module imports.
    emit : the kinds of functions, in the order of ``EMIT``.
    wrt : names of the inputs derivatives are taken by; ``None`` for all parameters.
    math : ``"exact"`` or ``"fast"`` elementary functions; so far they are the same.
    style : ``"fast"`` schedules, or ``"plain"`` straight-line code of the same functions; so far all code is plain.
    """

    backend: str = "numpy"
    emit: tuple[str, ...] = DEFAULT_EMIT
    wrt: tuple[str, ...] | None = None
    math: str = "exact"
    style: str = "fast"

    @classmethod
    def create(
        cls,
        *,
        backend: str = "numpy",
        emit: str | Sequence[str] = DEFAULT_EMIT,
        wrt: Sequence[str] | None = None,
        math: str = "exact",
        style: str = "fast",
    ) -> Options:
        """Check every option and return them in canonical order; raise `ModelError` naming a wrong one."""
        kinds = tuple(emit.replace(",", " ").split()) if isinstance(emit, str) else tuple(emit)
        for value, allowed, what in (
            *((kind, EMIT, "emit") for kind in kinds),
            (backend, BACKENDS, "backend"),
            (math, MATH, "math"),
            (style, STYLES, "style"),
        ):
            if value not in allowed:
                raise ModelError(f"{what}={value!r} is not one of {', '.join(allowed)}.")
        if not kinds:
            raise ModelError(f"emit is empty: name at least one of {', '.join(EMIT)}.")
        ordered = tuple(kind for kind in EMIT if kind in kinds)
        return cls(backend, ordered, None if wrt is None else tuple(wrt), math, style)
