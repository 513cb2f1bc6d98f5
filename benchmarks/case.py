"""What a case of the benchmark is: a model, its inputs, and the same computation as each peer writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import symdiff as sd

Array = Any  # of NumPy or a peer


@dataclass(frozen=True)
class Inputs:
    """The values a step starts from; `data` holds data and constants, in the order of the model's arguments."""

    params: tuple[Array, ...]
    data: tuple[Array, ...]


@dataclass(frozen=True)
class Contender:
    """A step, and how what it returned is read: as a list of NumPy arrays, the same for every contender of a case."""

    step: Callable[[], Any]
    read: Callable[[Any], list[np.ndarray]]


@dataclass(frozen=True)
class Target:
    """What a case is to reach: the time of `own` is at most `share` of the fastest of `peers`."""

    share: float
    peers: tuple[str, ...]
    own: str = "symdiff"
    stretch: bool = False


@dataclass(frozen=True)
class Case:
    """A computation that is timed.

    Attributes
    ----------
    name, title : for the command line, and for people.
    model : makes the model, which symdiff compiles.
    inputs : makes the inputs: of the size the title tells, or small ones if its argument is true.
    written : peer -> the computation in that peer's language; `peers/` says what each of them takes.
    cannot : peer -> why it is not among them.
    kind : ``"gradient"``: a scalar and its gradient; ``"pointwise"``: values, and derivatives of each by its own inputs;
        ``"hessian"``: the Hessian by the one parameter.
    rate : of the gradient descent that each step makes, whose parameters then go on; None for no update.
    variants : contenders of symdiff -> options of `symdiff.compile`.
    floor : what no contender can do without, in words and as a NumPy function; timed beside them.
    targets : what is to be reached; their peers may be ``"floor"``.
    most_memory : megabytes that a step of symdiff may take, where that is a target.
    tolerance : how far results may be from symdiff's, relative to the largest entry of each.
    """

    name: str
    title: str
    model: Callable[[], sd.Model]
    inputs: Callable[[bool], Inputs]
    written: Mapping[str, Any]
    cannot: Mapping[str, str] = field(default_factory=dict)
    kind: str = "gradient"
    rate: float | None = None
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {"symdiff": {}})
    floor: tuple[str, Callable[..., Any]] | None = None
    targets: tuple[Target, ...] = ()
    most_memory: float | None = None
    tolerance: float = 1e-8


def same(written: Any, *peers: str) -> dict[str, Any]:
    """One text for several peers."""
    return dict.fromkeys(peers, written)
