r"""When two results agree, and what is said of them.

Of each entry, x is its value at high precision, m the module's and p the peer's, s the size that rounding errors are
relative to (`reference.condition_scale`), eps the machine epsilon of the dtype. The module agrees with the peer where

.. math:: |m - x| \le 4 \min(e, \sqrt{eps}\, \max s) + 16\, eps\, s

for every entry: no more than four times the peer's error and 16 roundings. The peer's error e is that of the entry or, in
units of s, the largest of the result: where rounding is at work, that single entries come out exact is chance. A peer that
has not even half the digits excuses nothing more, so that a wrong peer does not hide a wrong module. NaN and infinities
agree with their like alone. eps s is at least the smallest normal number, and the size below which high precision itself
resolves no derivative.

High precision makes no roundings that excuse any, and s knows the user's expression, not the terms that cancel in its
derivative, such as 1 - tanh(z)^2. So finite differences and mpmath hold the module against itself in the other precision:
what is rounding grows and shrinks with eps, a mistake does not. There e is at least the largest error of the same result
in the other precision, times the ratio of the two eps.

Where high precision is out of reach, m and p must agree to half the digits of the largest entry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from symdiff.compare.problem import Array

PEER_FACTOR = 4
ROUNDINGS = 16
CERTAIN = 1e-28


@dataclass(frozen=True)
class Row:
    """One result of one function, held against one peer.

    Attributes
    ----------
    function, parameter, peer : which; the parameter of a Hessian block is ``"w.b"``, of a value ``""``.
    agrees : None where the peer cannot say.
    absolute, relative : the largest difference of the two, and the largest relative to the larger of the two.
    roundings : the largest difference in units of rounding, eps s.
    module_error, peer_error : the largest error of either against high precision, in units of rounding.
    closer : ``"symdiff"``, the peer's name, or ``""`` where the two err alike or the peer is high precision itself.
    entries, of : how many numbers were held against high precision, and how many the result has.
    dtype : of the module's inputs, and of a framework's.
    seconds, peer_seconds : of one call of the function; of the peer's.
    note : what else there is to say.
    """

    function: str
    parameter: str
    peer: str
    agrees: bool | None
    dtype: str = "float64"
    absolute: float | None = None
    relative: float | None = None
    roundings: float | None = None
    module_error: float | None = None
    peer_error: float | None = None
    closer: str = ""
    entries: int = 0
    of: int = 0
    seconds: float | None = None
    peer_seconds: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Numbers:
    """Some numbers of a result: the module's, a peer's, and where they are known the exact ones with their scales.

    Numbers below `floor` are noise even at high precision. `own` is the size of the module's rounding errors as another
    precision shows it.
    """

    module: Array
    peer: Array
    exact: Array | None = None
    scale: Array | None = None
    floor: float = 0.0
    own: float = 0.0


def judge(numbers: Numbers, dtype: np.dtype[Any], peer: str) -> dict[str, Any]:
    """The fields of a `Row` that follow from the numbers."""
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
    if numbers.exact is None or numbers.scale is None:
        size = largest(np.abs(numbers.peer[np.isfinite(numbers.peer)]))
        difference = errors(numbers.module, numbers.peer)
        return {"agrees": bool(np.all(difference <= math.sqrt(eps) * size + tiny))}
    rounding = np.maximum(eps * numbers.scale, max(tiny, numbers.floor))
    is_exact = numbers.peer is numbers.exact  # the peer is high precision itself
    limits = float(np.finfo(dtype).max), numbers.floor
    error = errors(numbers.module, numbers.exact, *limits)
    peer_error = np.zeros_like(error) if is_exact else errors(numbers.peer, numbers.exact, *limits)
    known = np.where(np.isfinite(peer_error), peer_error, 0.0)
    with np.errstate(invalid="ignore"):
        excused = np.maximum(np.maximum(known, in_units(known, rounding) * rounding), numbers.own)
    half = math.sqrt(eps) * largest(numbers.scale[np.isfinite(numbers.scale)])
    allowed = PEER_FACTOR * np.minimum(excused, half) + ROUNDINGS * rounding
    ours, theirs = in_units(error, rounding), in_units(peer_error, rounding)
    return {
        "agrees": bool(np.all((error == 0) | (np.isfinite(error) & (error <= allowed)))),
        "roundings": in_units(errors(numbers.module, numbers.peer, *limits), rounding),
        "module_error": ours,
        "peer_error": theirs,
        "closer": "" if ours == theirs or is_exact else "symdiff" if ours < theirs else peer,
        "entries": numbers.module.size,
    }


def differences(module: Array, peer: Array, floor: float = 0.0) -> dict[str, float]:
    """The largest absolute and relative difference of two arrays."""
    absolute = errors(module, peer, floor=floor)
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(module), np.abs(peer.astype(float)))
        relative = np.where(absolute == 0, 0, absolute / np.where(size > 0, size, 1))
    return {"absolute": largest(absolute), "relative": largest(relative)}


def errors(found: Array, exact: Array, top: float = math.inf, floor: float = 0.0) -> Array:
    """How far numbers are from others, which may be of mpmath; infinite where only one is finite, or NaN.

    What is larger than `top` counts as infinite, a difference up to `floor` as none.
    """
    with np.errstate(all="ignore"):
        approximate = exact.astype(float)
        approximate = np.where(np.abs(approximate) > top, np.copysign(np.inf, approximate), approximate)
        alike = (found == approximate) | (np.isnan(found) & np.isnan(approximate))
        if exact.dtype == object:
            with mpmath.workdps(50):
                difference = np.frompyfunc(_difference, 2, 1)(found, exact)
        else:
            difference = found.astype(float) - exact
        size = np.abs(np.asarray(difference).astype(float))
        size = np.where(size <= floor, 0.0, size)
    finite = np.isfinite(found) & np.isfinite(approximate)
    return np.asarray(np.where(finite, size, np.where(alike, 0.0, np.inf)))


def _difference(found: Any, exact: Any) -> Any:
    """The difference of two numbers; 0 where it is less than the digits that high precision is good to."""
    difference = mpmath.mpf(float(found)) - exact
    return difference if abs(difference) > CERTAIN * abs(exact) else mpmath.mpf(0)


def in_units(error: Array, rounding: Array) -> float:
    """The largest error in units of rounding; no error is none, whatever the unit."""
    with np.errstate(all="ignore"):
        return largest(np.where(error == 0, 0.0, np.where(np.isfinite(error), error / rounding, np.inf)))


def largest(array: Array) -> float:
    """The largest entry; 0 of none."""
    return float(np.max(array, initial=0.0))
