"""Whether a compiled module gives a case's values and derivatives.

A difference counts where it is larger than what rounding does to the formula as it is written, in the module's precision.
"""

from __future__ import annotations

import re
import traceback
import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from float_errors import float_errors

import symdiff as sd
from fuzz.calls import Result, ShapeError, results
from fuzz.cases import Case
from fuzz.reference import Point, exact, extended, rounded
from fuzz.terms import n
from fuzz.values import poisoned
from symdiff.errors import SymdiffError

OBJECTIVE, OUTPUT = ("value", "grad", "value_and_grad", "hessian", "hvp"), ("value", "jacobian", "jvp", "vjp")
LARGEST = 1e15  # numbers of a case that is looked at
UNITS = 64  # of rounding
BEFORE_US = (
    *("what can be emitted is value", "nothing to differentiate", "contains zoo", "the imaginary unit"),
    "of a scalar is over the samples",
)
"""Of refusals that are right: SymPy cancelled every parameter or axis, or made a number that is not real."""
TOO_SHORT = "is too small for"
"""What a module says of sizes at which an inner range is less than empty, since the outer one is empty."""


@dataclass(frozen=True)
class Outcome:
    """What came of a case: right, undefined (it says nothing there), refused, wrong, nan, warning or crash."""

    kind: str
    message: str = ""

    @property
    def is_finding(self) -> bool:
        """Whether it is a fault."""
        return self.kind not in ("right", "undefined")

    @property
    def cause(self) -> str:
        """What it has in common with others of its cause: the kind, and the message without what differs."""
        if self.kind in ("wrong", "nan"):
            return self.kind
        words = re.sub(r"\d+|float64: |float32: ", "", self.message.splitlines()[0] if self.message else "")
        return f"{self.kind} {words[:60]}"


def check(case: Case) -> Outcome:
    """Compile a case and compare what it computes, in both precisions, where nothing looks at anything that could do harm."""
    truth = extended(case)
    if not truth.within(LARGEST):
        return Outcome("undefined", "too large, or not a number")
    if truth.nearest < 1e-10:
        return Outcome("undefined", "a tie")
    if truth.is_singular:
        return Outcome("undefined", "a function where it is not finite")
    try:
        if not _is_written(case):
            return Outcome("undefined", "SymPy cannot write it")
        module = _compiled(case)
    except SymdiffError as error:
        if any(words in str(error) for words in BEFORE_US):
            return Outcome("undefined", str(error))
        return Outcome("refused", f"{type(error).__name__}: {error}")
    except Exception as error:
        return Outcome("crash", _short(error))
    rng = np.random.default_rng(case.seed)
    given = {
        name: poisoned(rng, array, truth.touched[name] if _may_be_missing(case, name, truth) else np.True_)
        for name, array in case.values().items()
    }
    tiny = any(leaf.kind == "tiny" for leaf in case.leaves)  # whose powers are not numbers in single precision
    single = not tiny and truth.nearest > 1e-4 and truth.within(LARGEST / 1000)
    precisions = (np.float64, np.float32) if single else (np.float64,)
    for dtype in precisions:
        outcome = _compare(case, module, given, truth, dtype, float_errors())
        if outcome.kind == "warning":  # which is the lesser fault
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                worse = _compare(case, module, given, truth, dtype, nullcontext())
            outcome = worse if worse.is_finding else outcome
        if dtype is np.float32 and outcome.kind in ("nan", "warning") and not Point(case, given, dtype).within(np.inf):
            continue  # as it is written it leaves the range of single precision, and that of double in another model
        if outcome.is_finding:
            return outcome
    return Outcome("right")


def _may_be_missing(case: Case, name: str, truth: Point) -> bool:
    """Whether anything may stand where nothing looks: not for what no sample needs, which only a pass over all can tell."""
    (leaf,) = (leaf for leaf in case.leaves if leaf.name == name)
    return not case.streams or (n in leaf.shape and bool(truth.touched[name].any()))


def _is_written(case: Case) -> bool:
    """Whether SymPy makes the expression: a BlockMatrix of what became a scalar is none, for one."""
    try:
        return case.term.written is not None
    except SymdiffError:
        raise
    except (TypeError, ValueError) as error:
        return "symdiff" in traceback.extract_tb(error.__traceback__)[-1].filename.split("/")


def _compiled(case: Case) -> Any:
    """The case's module; what it computes in parts, in small ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = sd.compile(case.model(), emit=OUTPUT if case.term.shape else OBJECTIVE, style=case.style, cache=False)
    module._ENTRIES, module._LEAST = case.entries, 0
    return module


def _short(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:200]} ({last.filename.rsplit('/', 1)[-1]}:{last.name})"


def _compare(
    case: Case, module: Any, values: dict[str, Any], truth: Point, dtype: Any, errors: AbstractContextManager[None]
) -> Outcome:
    """Every function of the module in one precision."""
    precision = np.dtype(dtype).name
    given = {name: a.astype(dtype)[()] if a.dtype.kind == "f" else a for name, a in values.items()}
    try:
        with errors:
            found = list(results(case, module, given, truth, dtype))
    except ShapeError as error:
        return Outcome("wrong", f"{precision}: {error}")
    except RuntimeWarning as warning:
        return Outcome("warning", f"{precision}: {_short(warning)}")
    except Exception as error:
        if TOO_SHORT in str(error):
            return Outcome("undefined", _short(error))
        return Outcome("crash", f"{precision}: {_short(error)}")
    wrong = next((text for result in found if (text := _form(result, dtype))), "")
    if wrong:
        return Outcome("wrong", wrong)
    for result in found:
        if not np.isfinite(result.ours).all():
            return Outcome("nan", f"{result.name} in {precision} is {_text(result.ours)}, right {_text(result.right)}")
    if all(_near(result, truth, 8 * UNITS, dtype) for result in found):
        return Outcome("right")
    if not truth.is_exact:
        with np.errstate(all="ignore"):
            truth = exact(case)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = list(results(case, module, given, truth, dtype))
    spread = _largest(list(rounded(case, dtype)), truth)
    for result in found:
        if not _near(result, truth, UNITS, dtype, UNITS * result.parts(spread)):
            off = np.abs(result.ours - result.right).max() / max(np.abs(result.right).max(), 1e-300)
            text = f"{_text(result.ours)}, right {_text(result.right)}"
            return Outcome("wrong", f"{result.name} in {precision} is off by {off:.1e}: {text}")
    return Outcome("right")


def _form(result: Result, dtype: Any) -> str:
    """What is wrong with a result's shape or dtype."""
    ours = np.asarray(result.ours)
    if ours.shape != result.right.shape:
        return f"{result.name} has shape {ours.shape}, not {result.right.shape}"
    return f"{result.name} in {np.dtype(dtype).name} has dtype {ours.dtype}" if ours.dtype != dtype else ""


def _text(array: Any) -> str:
    return np.array2string(np.asarray(array, float), threshold=40, max_line_width=200).replace("\n", "")


def _near(result: Result, truth: Point, units: float, dtype: Any, more: Any = 0) -> bool:
    """Whether a result is right within units of rounding of its size, and of a part of the largest, or of the value."""
    eps, tiny = np.finfo(dtype).eps, np.finfo(dtype).tiny
    size = result.size + max(result.size.max(initial=0), truth.size) / 8 + eps
    return bool((np.abs(result.ours - result.right) <= units * eps * size + more + 1e3 * tiny).all())


def _largest(spread: list[Point], truth: Point) -> tuple[Any, Any, Any]:
    """By how much value, gradient and Hessian move."""
    found = []
    for order, right in enumerate(truth.parts()):
        moves = [np.abs(point.parts()[order] - right) for point in spread]
        found.append(np.max([np.where(np.isfinite(move), move, 0) for move in moves], axis=0))
    return tuple(found)
