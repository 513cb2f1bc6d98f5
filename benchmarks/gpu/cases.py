"""The cases for a GPU: those of the CPU at other sizes, in single precision, with what is to be reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.case import Case, Inputs
from benchmarks.cases.hessian import HESSIAN
from benchmarks.cases.logistic import LOGISTIC
from benchmarks.cases.net import NETS, products as products_of_net
from benchmarks.cases.oscillator import OSCILLATOR

DTYPE = np.float32
COPY, PRODUCTS = "copy", "products"  # the floors


@dataclass(frozen=True)
class Goal:
    """What a case is to reach: the time of `other`, a peer or a floor, is at least `ratio` times that of `own`."""

    other: str
    ratio: float
    own: str = "symdiff"


@dataclass(frozen=True)
class DeviceCase:
    """A case on a GPU.

    Attributes
    ----------
    case : the model and the same computation in the peers' languages.
    sizes, small : the named sizes of the model, and small ones.
    draw : makes the inputs of given sizes, in the memory of the host.
    products : the matrix products alone, of the inputs as arrays of CuPy; None where there are none.
    """

    case: Case
    sizes: Mapping[str, int]
    small: Mapping[str, int]
    draw: Callable[..., Inputs]
    goals: tuple[Goal, ...]
    products: Callable[..., Any] | None = None

    @property
    def function(self) -> str:
        """What a step calls."""
        return "hessian" if self.case.kind == "hessian" else "value_and_grad"

    @property
    def own(self) -> tuple[str, ...]:
        """The contenders of symdiff: a captured one only where something is to be reached by it."""
        return tuple(dict.fromkeys(["symdiff", *(goal.own for goal in self.goals)]))

    def inputs(self, small: bool) -> Inputs:
        """What a step starts from."""
        return self.draw(**(self.small if small else self.sizes))


def _normal(rng: np.random.Generator, *shape: int, spread: float = 1) -> Any:
    return DTYPE(spread) * rng.standard_normal(shape, DTYPE)


def _oscillator(N: int) -> Inputs:
    t = np.linspace(0, 10, N, dtype=DTYPE)
    y = np.exp(DTYPE(-0.3) * t) * np.cos(2 * t) + _normal(np.random.default_rng(0), N, spread=0.1)
    return Inputs(tuple(map(DTYPE, (1, 0.2, 2.1, 0.1, 0.05))), (t, y))


def _logistic(n: int, d: int) -> Inputs:
    rng = np.random.default_rng(0)
    x, y = _normal(rng, n, d), (rng.random((n, 1), DTYPE) < 0.5).astype(DTYPE)
    return Inputs((_normal(rng, d, 1, spread=0.1), DTYPE(0.1)), (x, y, DTYPE(0.1)))


def _net(n: int, d: int, k: int, o: int) -> Inputs:
    rng = np.random.default_rng(0)
    x, y, w1, w2 = (_normal(rng, *shape) for shape in ((n, d), (n, o), (d, k), (k, o)))
    return Inputs((w1, w2), (x, y))


def _hessian(n: int, d: int) -> Inputs:
    rng = np.random.default_rng(0)
    x, w = _normal(rng, n, d), _normal(rng, d, spread=d**-0.5)
    return Inputs((w,), (x, (rng.random(n, DTYPE) < 0.5).astype(DTYPE)))


def _products_of_logistic(w: Any, b: Any, x: Any, y: Any, penalty: Any) -> Any:
    return x @ w, x.T @ y


def _products_of_hessian(w: Any, x: Any, y: Any) -> Any:
    return x @ w, x.T @ x


def _as(case: Case, name: str, title: str, tolerance: float) -> Case:
    """A case of the CPU under another title, without an update."""
    return replace(case, name=name, title=title, tolerance=tolerance, rate=None)


def _net_case(name: str, title: str, n: int, d: int, k: int, o: int, tolerance: float, *goals: Goal) -> DeviceCase:
    sizes, small = {"n": n, "d": d, "k": k, "o": o}, {"n": 5, "d": 4, "k": 3, "o": 2}
    return DeviceCase(_as(NETS[0], name, title, tolerance), sizes, small, _net, goals, products_of_net)


CAPTURED = "symdiff, captured"
CASES = (
    DeviceCase(
        _as(OSCILLATOR, "oscillator", "damped oscillator, 100,000,000 samples", 1e-4),
        {"N": 100_000_000},
        {"N": 700},
        _oscillator,
        (Goal(COPY, 0.85), Goal("torch-compile", 1), Goal("torch", 5)),
    ),
    DeviceCase(
        _as(LOGISTIC, "logistic", "logistic regression, 10,000,000 x 64", 1e-3),
        {"n": 10_000_000, "d": 64},
        {"n": 300, "d": 20},
        _logistic,
        (Goal("torch", 1.6), Goal("jax", 1.6)),
        _products_of_logistic,
    ),
    _net_case(
        *("net", "two-layer net 64x1000x100x10", 64, 1000, 100, 10, 1e-4),
        *(Goal("torch", 5, CAPTURED), Goal("torch-compile", 1, CAPTURED)),
    ),
    # A unit whose sum is 0 but for rounding is on in one library and off in another, so tolerance is that of one sample.
    _net_case(
        *("big-net", "two-layer net, all sizes 8192", 8192, 8192, 8192, 8192, 1e-2),
        Goal(PRODUCTS, 0.95),
    ),
    DeviceCase(
        _as(HESSIAN, "hessian", "Hessian of logistic regression, d = 4096, n = 16384", 1e-4),
        {"n": 16384, "d": 4096},
        {"n": 50, "d": 6},
        _hessian,
        (Goal("jax", 2),),
        _products_of_hessian,
    ),
)
