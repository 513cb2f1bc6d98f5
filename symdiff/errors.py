"""The errors symdiff raises: one family, each message says what is wrong, where, and what to do."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

# raised inside, but no fault: by the user's filters of warnings, for want of memory or of a library
_OF_OTHERS = (Warning, MemoryError, ImportError)
_shown: dict[Any, Any] = {}  # as the `__warningregistry__` of a module: what was warned of already


class Later:
    """A text that is made when it is read: SymPy raises and drops errors that nobody sees."""

    def __init__(self, write: Callable[[], str]) -> None:
        self._write = write

    def __str__(self) -> str:
        return self._write()


class SymdiffError(Exception):
    """Base of every error symdiff raises about a model, a file or a comparison.

    Parameters
    ----------
    message : what is wrong and what to do about it, in one or two sentences.
    notes : further lines, under it.
    expression : the sub-expression of the user's model that is at fault, already as text.
    place : ``file:line`` of the ``Model(...)`` call.
    """

    def __init__(
        self,
        message: str | Later,
        *,
        notes: Sequence[str] = (),
        expression: str | None = None,
        place: str | None = None,
    ) -> None:
        super().__init__(message)
        self.notes = notes
        self.expression = expression
        self.place = place

    @property
    def message(self) -> str:
        """What is wrong and what to do about it."""
        return str(self.args[0])

    def __str__(self) -> str:
        lines = [self.message, *(f"  {note}" for note in self.notes)]
        if self.expression is not None:
            lines.append(f"  in: {shorten(self.expression)}")
        if self.place is not None:
            lines.append(f"  model: {self.place}")
        return "\n".join(map(printable, lines))


class ModelError(SymdiffError, ValueError):
    """The model contradicts itself or the rules: an undeclared symbol, a name declared twice."""


class ShapeError(ModelError):
    """The sizes of two parts of a model cannot match."""


class UnsupportedError(ModelError):
    """A construct symdiff does not compile; the message says what to write instead."""


class OutputError(SymdiffError):
    """A file could not be written, or is not symdiff's to overwrite."""


class InternalError(SymdiffError):
    """A fault of symdiff itself: `fault` is what went wrong inside."""

    def __init__(self, fault: Exception | str, *, place: str | None = None) -> None:
        self.fault = f"{type(fault).__name__}: {fault}" if isinstance(fault, Exception) else fault
        super().__init__(
            f"internal error: {self.fault}",
            notes=[
                "This is a fault of symdiff, not of the model. Please report it, with the model and the traceback (of a "
                "command, the option --debug shows it)."
            ],
            place=place,
        )


class ComparisonError(SymdiffError):
    """A comparison could not be run: a framework is missing, a data file does not fit."""


class ModelWarning(UserWarning):
    """Something in a model is allowed but probably not meant."""


def warn(message: str, place: str) -> None:
    """Issue a `ModelWarning` at ``file:line``, where the user's `Model(...)` call is."""
    file, _, line = place.rpartition(":")
    warnings.warn_explicit(f"{printable(message)}\n  model: {place}", ModelWarning, file, int(line), registry=_shown)


def printable(text: str, keep: str = "") -> str:
    """A text in which names of a model may stand, for a terminal or a source file.

    What is no character to be seen is written as an escape, unless it is in `keep`: control characters, which a terminal
    obeys, and those that change the direction of writing, so that something else is read than what is there.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)


def shorten(text: str, limit: int = 200) -> str:
    """Cut a long expression in the middle, so that an error stays one message a person can read."""
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


@contextmanager
def located(place: str) -> Iterator[None]:
    """Errors raised inside name the `Model(...)` call, where they do not yet; others become an `InternalError`."""
    try:
        yield
    except SymdiffError as error:
        error.place = error.place or place
        raise
    except _OF_OTHERS:
        raise
    except Exception as error:
        raise InternalError(error, place=place) from error
