"""The two slow peers: the user's own expression at high precision, and by differences in double precision."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np

from symdiff import reference
from symdiff.compare.probes import Chain, Probe
from symdiff.compare.problem import Array, Problem, Root

DIGITS = 30
RESOLUTION = 1e-40  # of a difference at high precision, relative to the value


@dataclass
class Exact:
    """Derivatives of a root at high precision, each with the size its rounding errors are relative to."""

    problem: Problem
    root: Root
    _known: dict[Chain, tuple[Array, Array, float]] = field(default_factory=dict)

    def probe(self, probes: Sequence[Probe]) -> tuple[Array, Array, float]:
        """The numbers of all probes, their scales, and the seconds this takes."""
        self._learn([probe.chain for probe in probes])
        found = [(probe, *self._known[probe.chain]) for probe in probes]
        numbers = [probe.contract(derivative) for probe, derivative, _, _ in found]
        scales = [probe.bound(scale) for probe, _, scale, _ in found]
        # Errors of the entries add up in a product with a vector, at random where they are not one common error.
        for i, probe in enumerate(probes):
            if probe.along is not None:
                others = np.array([s for p, s in zip(probes, scales, strict=True) if p.along is None])
                typical = np.sqrt(np.mean(others**2, axis=0)) * np.linalg.norm(probe.along)
                scales[i] = np.maximum(scales[i], typical)
        return np.concatenate(numbers), np.concatenate(scales), sum(seconds for *_, seconds in found)

    def floor(self) -> float:
        """The size below which derivatives are noise: what the rounding of the value leaves of a difference."""
        self._learn([()])
        scale = self._known[()][1]
        return RESOLUTION * float(np.max(scale, where=np.isfinite(scale), initial=0.0))

    def value(self) -> Array:
        """The value alone, for a quick look at a point."""
        return _shaped(reference.evaluate(self.root.expression, digits=DIGITS, **self.point()), self.root.shape)

    def point(self) -> dict[str, Any]:
        """The values of the user's symbols, of sizes too, and the number of samples."""
        declared = self.problem.lowered.declarations
        samples = declared.samples
        count = None if samples is None or self.root.pointwise else samples.evaluate(self.problem.sizes)
        sizes = {symbol: dim.evaluate(self.problem.sizes) for symbol, dim in declared.sizes.items()}
        return {"values": {**sizes, **self.problem.symbols(self.problem.values)}, "samples": count}

    def _learn(self, chains: Sequence[Chain]) -> None:
        """Compute what is not known yet; unit directions that share all else in one go."""
        groups: dict[Any, list[Chain]] = {}
        for chain in dict.fromkeys(chains):
            if chain not in self._known:
                units = bool(chain) and chain[-1].entry is not None
                groups.setdefault((chain[:-1], chain[-1].symbol) if units else chain, []).append(chain)
        for group in groups.values():
            started = time.perf_counter()
            units = bool(group[0]) and group[0][-1].entry is not None
            derivatives, scales = self._entries(group) if units else self._single(group[0])
            seconds = (time.perf_counter() - started) / len(group)
            for i, chain in enumerate(group):
                self._known[chain] = derivatives[i], scales[i], seconds

    def _entries(self, group: Sequence[Chain]) -> tuple[list[Array], list[Array]]:
        *first, last = group[0]
        given = {
            "symbol": last.symbol,
            "entries": [chain[-1].entry for chain in group],
            "directions": first[0].parts if first else None,
            **self.point(),
        }
        derivative = reference.gradient(self.root.expression, digits=DIGITS, **given)
        scale = reference.condition_scale(self.root.expression, digits=DIGITS, **given)
        derivatives = [_shaped(derivative[..., i], self.root.shape) for i in range(len(group))]
        return derivatives, [_shaped(scale[..., i], self.root.shape) for i in range(len(group))]

    def _single(self, chain: Chain) -> tuple[list[Array], list[Array]]:
        expression, point = self.root.expression, self.point()
        if len(chain) == 2:
            first, other = (direction.parts for direction in chain)
            derivative = reference.second(expression, directions1=first, directions2=other, digits=DIGITS, **point)
            scale = reference.condition_scale(expression, directions=first, directions2=other, digits=DIGITS, **point)
        elif chain:
            (direction,) = chain
            derivative = reference.directional(expression, directions=direction.parts, digits=DIGITS, **point)
            scale = reference.condition_scale(expression, directions=direction.parts, digits=DIGITS, **point)
        else:
            derivative = reference.evaluate(expression, digits=DIGITS, **point)
            scale = reference.condition_scale(expression, digits=DIGITS, **point)
        return [_shaped(derivative, self.root.shape)], [_shaped(scale, self.root.shape)]


@dataclass
class Differences:
    """Derivatives of a root in double precision: extrapolated differences, or complex steps where these agree."""

    problem: Problem
    root: Root
    _known: dict[Chain, tuple[Array, float]] = field(default_factory=dict)

    def probe(self, probes: Sequence[Probe]) -> tuple[Array, float]:
        """The numbers of all probes, and the seconds this takes."""
        for probe in probes:
            if probe.chain not in self._known:
                started = time.perf_counter()
                derivative = _shaped(self._derivative(probe.chain), self.root.shape)
                self._known[probe.chain] = derivative, time.perf_counter() - started
        found = [(probe, *self._known[probe.chain]) for probe in probes]
        numbers = np.concatenate([probe.contract(derivative) for probe, derivative, _ in found])
        return numbers, sum(seconds for *_, seconds in found)

    def _derivative(self, chain: Chain) -> Array:
        point = Exact(self.problem, self.root).point()
        if not chain:
            return reference.evaluate(self.root.expression, context=mpmath.fp, **point).astype(float)
        values, directions = point.pop("values"), [direction.parts for direction in chain]
        return reference.finite_difference(self.root.expression, values, *directions, **point)[0]


def _shaped(array: Array, shape: tuple[int, ...]) -> Array:
    """A value in the shape of the module's: which may lack axes of length 1, and a constant may be repeated."""
    return array.reshape(shape) if array.size == np.prod(shape, dtype=int) else np.broadcast_to(array, shape)
