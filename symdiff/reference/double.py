"""Derivatives in double precision: extrapolated central differences, and the complex step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symdiff.reference.arrays import Array

Direction = Mapping[Any, Array]
Shifted = Callable[..., Array]  # (step, direction), ... -> the function's value there
Estimate = tuple[NDArray[np.float64], NDArray[np.float64]]

EPS = float(np.finfo(float).eps)
STEPS = 14  # of 1/8, 1/16, ... relative to the size of the direction
ORDERS = 5  # of extrapolation; more amplifies rounding
TINY = 1e-40  # the complex step: its square is lost against any number in use


def differentiate(shifted: Shifted, value: Array, directions: Sequence[Direction]) -> Estimate:
    """The derivative along one or two directions, and an estimate of its error."""
    values = value.astype(float)
    first = directions[0]
    if len(directions) == 2:
        return _second(shifted, values, *directions)
    extrapolated = _extrapolate(lambda t: _real(shifted((t, first))), values, _unit_step(first))
    return _prefer_complex_step(_complex_step(shifted, first), extrapolated)


def _second(shifted: Shifted, values: NDArray[np.float64], first: Direction, other: Direction) -> Estimate:
    """Differences along one direction of complex steps along the other, or of nested differences."""
    slope, _ = _prefer_complex_step(stepped := _complex_step(shifted, other), differentiate(shifted, values, [other]))
    if np.array_equal(slope, stepped):
        return _extrapolate(lambda t: _imaginary(shifted((t, first), (1j * TINY, other))), slope, _unit_step(first))
    inner, outer = _unit_step(other), _unit_step(first)

    def mixed(t: float) -> NDArray[np.float64]:
        s = t / outer * inner
        upper, lower = (_real(shifted((t, first), (sign * s, other))) for sign in (1, -1))
        return np.asarray((upper - lower) / (2 * s), dtype=float)

    # Each inner difference rounds as values / step, not as the slope.
    return _extrapolate(mixed, np.abs(values) / inner, outer, rounding_order=2)


def _unit_step(direction: Direction) -> float:
    """A step that moves the largest component of the direction by 1."""
    sizes = [float(np.max(np.abs(v.astype(float)))) for v in direction.values() if v.size]
    return 1 / max([*sizes, 1e-300]) if any(sizes) else 1.0


def _extrapolate(
    function: Callable[[float], NDArray[np.float64]],
    values: NDArray[np.float64],
    unit: float,
    rounding_order: int = 1,
) -> Estimate:
    """Richardson's extrapolation of central differences; each entry takes the pair of estimates that agrees best."""
    best = np.full(values.shape, np.nan)
    error = np.full(values.shape, np.inf)
    previous: list[NDArray[np.float64]] = []
    with np.errstate(all="ignore"):
        for k in range(STEPS):
            h = unit * 2.0 ** -(k + 3)
            row = [(function(h) - function(-h)) / (2 * h)]
            rounding = 2 * EPS * np.abs(values) / h * (2.0 ** (k + 3)) ** (rounding_order - 1)
            for j, coarser in enumerate(previous[:ORDERS]):
                finer = row[j]
                row.append(finer + (finer - coarser) / (4.0 ** (j + 1) - 1))
                spread = 2 * np.maximum(np.abs(row[-1] - finer), np.abs(row[-1] - coarser)) + rounding
                better = spread < error
                best, error = np.where(better, row[-1], best), np.where(better, spread, error)
            previous = row
    return best, error


def _complex_step(shifted: Shifted, direction: Direction) -> NDArray[np.float64]:
    """Im f(x + ihv) / h, or NaN where a function on the way has no complex values."""
    try:
        return _imaginary(shifted((1j * TINY, direction)))
    except (ArithmeticError, ValueError, TypeError):
        return np.asarray(np.nan)


def _prefer_complex_step(stepped: NDArray[np.float64], extrapolated: Estimate) -> Estimate:
    """Take the complex step where extrapolation confirms it; how well they agree bounds its error."""
    best, error = extrapolated
    difference = np.abs(stepped - best)
    agree = difference <= 10 * error
    return np.where(agree, stepped, best), np.where(agree, np.maximum(difference, 4 * EPS * np.abs(best)), error)


def _real(array: Array) -> NDArray[np.float64]:
    return array.astype(float)


def _imaginary(array: Array) -> NDArray[np.float64]:
    return np.asarray(array.astype(complex).imag / TINY, dtype=float)
