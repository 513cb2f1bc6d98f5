"""Derivatives in double precision: extrapolated central differences, and the complex step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symdiff.reference.arrays import Array

Direction = Mapping[Any, Array]
Shifted = Callable[..., Array]  # (step, direction), ... -> the function's value there
Estimate = tuple[NDArray[np.float64], NDArray[np.float64]]

EPS = float(np.finfo(float).eps)
RATIO = 4.0  # of one step to the next
SMALLEST = 1e-12  # step, relative to the inputs: below, all is rounding
ORDERS = 4  # of extrapolation; more amplifies rounding
NUDGE = 2.0**-30  # a relative change of the inputs, to see how a derivative responds
TINY = 1e-40  # the complex step: its square is lost against any number in use
WILD = 1e20  # a complex step this large met a branch cut, where Im f does not vanish with the step


def differentiate(
    shifted: Shifted, value: Array, point: Mapping[Any, Array], directions: Sequence[Direction]
) -> Estimate:
    """The derivative of `shifted` at `point` along one or two directions, and an estimate of its error."""
    values = value.astype(float)
    first, *others = directions
    steps = _steps(point, first)
    if others:
        return _second(shifted, values, point, first, others[0])
    extrapolated = _extrapolate(lambda t: _real(shifted((t, first))), steps, np.abs(values))
    stepped = _complex_step(shifted, first)
    best, error = _prefer_complex_step(stepped, extrapolated)
    nearby = [_complex_step(shifted, first, (NUDGE, nudge)) for nudge in _nudges(point, first)]
    responses = [np.where(np.abs(change := other - stepped) < WILD, np.abs(change), 0) / NUDGE for other in nearby]
    return best, error + 2 * EPS * np.sum(responses, axis=0)


def _nudges(point: Mapping[Any, Array], direction: Direction) -> list[Direction]:
    """Random relative changes of the inputs: how they move a derivative tells how rounding does."""
    random = np.random.default_rng(0)
    return [{symbol: point[symbol] * random.normal(size=v.shape) for symbol, v in direction.items()} for _ in range(3)]


def _second(
    shifted: Shifted, values: NDArray[np.float64], point: Mapping[Any, Array], first: Direction, other: Direction
) -> Estimate:
    """Differences along one direction of complex steps along the other, or of nested differences."""
    steps = _steps(point, first)
    slope, _ = differentiate(shifted, values, point, [other])
    if np.array_equal(slope, _complex_step(shifted, other)):
        return _extrapolate(lambda t: _imaginary(shifted((t, first), (1j * TINY, other))), steps, np.abs(slope))
    inner = _steps(point, other)[0] / steps[0]

    def mixed(t: float) -> NDArray[np.float64]:
        s = t * inner
        upper, lower = (_real(shifted((t, first), (sign * s, other))) for sign in (1, -1))
        return np.asarray((upper - lower) / (2 * s), dtype=float)

    # Each inner difference rounds as a value divided by its step.
    return _extrapolate(mixed, steps, np.abs(values), lambda t: 1 / (t * inner))


def _steps(point: Mapping[Any, Array], direction: Direction) -> list[float]:
    """Steps from the size of the inputs, or 1 if that is more, down to where only rounding is left."""
    sizes = [(_size(point[symbol]), _size(v)) for symbol, v in direction.items() if _size(v)]
    scales = [size / length for size, length in sizes if size] + [1 / length for _, length in sizes]
    largest, smallest = max(scales, default=1.0), min(scales, default=1.0)
    count = math.ceil(math.log(largest / (smallest * SMALLEST), RATIO))
    return [largest / 8 / RATIO**k for k in range(count)]


def _size(array: Array) -> float:
    numbers = np.abs(array.astype(float))
    return float(np.max(numbers, where=np.isfinite(numbers), initial=0))


def _extrapolate(
    function: Callable[[float], NDArray[np.float64]],
    steps: Sequence[float],
    sizes: NDArray[np.float64],
    amplification: Callable[[float], float] = lambda step: 1.0,
) -> Estimate:
    """Richardson's extrapolation of central differences; each entry takes the pair of estimates that agrees best.

    `sizes` times `amplification` of a step is the size of what is subtracted, to which its rounding is relative; moved
    inputs round too.
    """
    best = np.full(sizes.shape, np.nan)
    error = np.full(sizes.shape, np.inf)
    previous: list[NDArray[np.float64]] = []
    for h in steps:
        row = [(function(h) - function(-h)) / (2 * h)]
        rounding = 2 * EPS * (sizes * amplification(h) + np.abs(row[0]) * 8 * steps[0]) / h
        for j, coarser in enumerate(previous[:ORDERS]):
            finer = row[j]
            row.append(finer + (finer - coarser) / (RATIO ** (2 * j + 2) - 1))
            spread = 2 * np.maximum(np.abs(row[-1] - finer), np.abs(row[-1] - coarser)) + rounding
            better = spread < error
            best, error = np.where(better, row[-1], best), np.where(better, spread, error)
        previous = row
    return best, error


def _complex_step(shifted: Shifted, direction: Direction, *steps: tuple[float, Direction]) -> NDArray[np.float64]:
    return _imaginary(shifted((1j * TINY, direction), *steps))


def _prefer_complex_step(stepped: NDArray[np.float64], extrapolated: Estimate) -> Estimate:
    """Take the complex step where extrapolation confirms it; how far the two differ bounds the error of either."""
    best, error = extrapolated
    difference = np.abs(stepped - best)
    agree = difference <= 10 * error
    plausible = np.abs(stepped) < WILD
    difference = np.where(plausible, difference, 0)
    confirmed = np.maximum(difference, 4 * EPS * np.abs(best))
    return np.where(agree, stepped, best), np.where(agree, confirmed, np.maximum(error, 2 * difference))


def _real(array: Array) -> NDArray[np.float64]:
    return array.astype(float)


def _imaginary(array: Array) -> NDArray[np.float64]:
    """Im f / h; NaN where f has no value, as where a function is not defined for complex numbers."""
    values = array.astype(complex)
    return np.asarray(np.where(np.isnan(values.real), np.nan, values.imag / TINY), dtype=float)
