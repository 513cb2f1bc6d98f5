"""Every option of a compilation, in one frozen value that is passed explicitly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from symdiff.errors import ModelError
from symdiff.kinds import KINDS

BACKENDS = ("numpy", "cupy")
EMIT = tuple(KINDS)
DEFAULT_EMIT = ("value", "grad", "value_and_grad")
MATH = ("exact", "fast")
STYLES = ("fast", "plain")
RUNTIMES = ("inline", "shared")


@dataclass(frozen=True)
class Options:
    """What to generate, and how.

    Attributes
    ----------
    backend : the array library the module imports.
    emit : the kinds of functions, in the order of `KINDS`.
    wrt : names of the inputs derivatives are taken by; ``None`` for all parameters.
    math : ``"exact"`` or ``"fast"`` elementary functions: the fast ones may lose relative accuracy next to their zeros.
    style : ``"fast"``, block by block over the samples where that is possible, or ``"plain"`` straight-line code of the
        same functions.
    batch : the name of the leading axis of a batch of models; None for one model.
    over : names of the inputs that have a value for each of the batch; None for all parameters.
    runtime : ``"inline"``, each module with the functions it needs, or ``"shared"``, in one file beside the modules.
    """

    backend: str = "numpy"
    emit: tuple[str, ...] = DEFAULT_EMIT
    wrt: tuple[str, ...] | None = None
    math: str = "exact"
    style: str = "fast"
    runtime: str = "inline"
    batch: str | None = None
    over: tuple[str, ...] | None = None

    @classmethod
    def create(
        cls,
        *,
        backend: str = "numpy",
        emit: str | Sequence[str] = DEFAULT_EMIT,
        wrt: Any = None,
        math: str = "exact",
        style: str = "fast",
        runtime: str = "inline",
        batch: str | None = None,
        over: Any = None,
    ) -> Options:
        """Check every option and return them in canonical order; raise `ModelError` naming a wrong one.

        `emit`, `wrt` and `over` may be one text, separated by commas; the last two also symbols, or one symbol.
        """
        kinds = _words(emit, "emit", tuple(KINDS))
        for value, allowed, what in (
            *((kind, tuple(KINDS), "emit") for kind in kinds),
            (backend, BACKENDS, "backend"),
            (math, MATH, "math"),
            (style, STYLES, "style"),
            (runtime, RUNTIMES, "runtime"),
        ):
            if value not in allowed:
                raise ModelError(f"{what}={value!r} is not one of {', '.join(allowed)}.")
        if not kinds:
            raise ModelError(f"emit is empty: name at least one of {', '.join(KINDS)}.")
        ordered = tuple(kind for kind in KINDS if kind in kinds)
        names = None if wrt is None else _words(wrt, "wrt", ("w", "b"))
        if names == ():
            raise ModelError("wrt is empty: name what to differentiate by, or leave it out for all params.")
        many = None if over is None else _words(over, "over", ("w", "b"))
        if many is not None and batch is None:
            raise ModelError("over is given without batch: name the leading axis, such as batch='B'.")
        if many == ():
            raise ModelError("over is empty: name the inputs that the batch is over, or leave it out for all params.")
        if batch is not None and not batch.isidentifier():
            raise ModelError(f"batch={batch!r} is no name of an axis: choose one such as 'B'.")
        return cls(backend, ordered, names, math, style, runtime, batch, many)


def _words(given: Any, what: str, examples: Sequence[str]) -> tuple[str, ...]:
    """Names given as one text or as a list of names or symbols; a symbol stands for itself."""
    if isinstance(given, str):
        return tuple(given.replace(",", " ").split())
    if hasattr(given, "free_symbols"):  # one symbol, though it may be iterable
        return (str(given),)
    if not isinstance(given, Iterable):
        raise ModelError(f"{what}={given!r} is not a list of names: give some, such as {', '.join(examples)}.")
    return tuple(map(str, given))
