"""One row of the catalogue: a model, the same in PyTorch, the numbers it is tried at, and what PyTorch says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

import symdiff as sd

KINDS = ("value", "grad", "value_and_grad", "hessian", "hvp", "jvp", "out", "out_jacobian", "out_jvp", "out_vjp")
MOST_ENTRIES = 20_000  # of a Hessian or Jacobian: PyTorch's of a larger one takes longer than it tells


@dataclass(frozen=True, eq=False)
class Case:
    """One row.

    Attributes
    ----------
    name : what the row is about; with the dialect it is unique.
    dialect : scalar, matrix, index or tensor.
    expression : the output `out` of the model, and its objective where that is not given.
    theirs : the same in PyTorch, a function of the values of params, then data, then constants.
    draw : a random generator and a symbol -> the symbol's value.
    objective : of an expression that is no scalar, the sum of the polynomial e**2 / 2 + e of its entries.
    """

    name: str
    dialect: str
    expression: Any
    theirs: Callable[..., torch.Tensor]
    draw: Callable[[np.random.Generator, Any], np.ndarray]
    params: tuple[Any, ...]
    data: tuple[Any, ...] = ()
    constants: tuple[Any, ...] = ()
    objective: Any = None

    def __str__(self) -> str:
        return f"{self.dialect}, {self.name}"

    def model(self) -> sd.Model:
        """The model: `out` is the expression, the objective is it or a sum over it."""
        return sd.Model(
            self.expression if self.objective is None else self.objective,
            outputs={"out": self.expression},
            params=self.params,
            data=self.data,
            constants=self.constants,
            name="case",
        )

    @cached_property
    def values(self) -> dict[Any, np.ndarray]:
        """A value for every symbol; exact in float32, so that both precisions see the same numbers."""
        rng = np.random.default_rng(sum(map(ord, self.name)))
        drawn = {symbol: self.draw(rng, symbol) for symbol in (*self.params, *self.data, *self.constants)}
        return {s: rounded(value) if value.dtype.kind == "f" else value for s, value in drawn.items()}

    def arrays(self, dtype: type = np.float64) -> dict[str, np.ndarray]:
        """The arguments by name, the floating ones of a dtype."""
        return {
            name_of(symbol): value.astype(dtype) if value.dtype.kind == "f" else value
            for symbol, value in self.values.items()
        }

    @property
    def wrt(self) -> list[str]:
        """The names derivatives are taken by."""
        return [name_of(symbol) for symbol in self.params]

    @cached_property
    def direction(self) -> list[np.ndarray]:
        """What products with derivatives are taken with: an array for each parameter."""
        rng = np.random.default_rng(1)
        return [rounded(rng.standard_normal(self.values[symbol].shape)) for symbol in self.params]

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of functions the row is tried with: all whose results are not too large."""
        entries = sum(self.values[symbol].size for symbol in self.params)
        sizes = {"hessian": entries**2, "out_jacobian": entries * self.out_of(*self._given()).numel()}
        return tuple(kind for kind in KINDS if sizes.get(kind, 0) <= MOST_ENTRIES)

    @property
    def emit(self) -> list[str]:
        """The same as `sd.compile` names them: an output's functions come with the kind alone."""
        return [kind.removeprefix("out_") for kind in self.kinds if kind != "out"]

    def _given(self) -> tuple[torch.Tensor, ...]:
        return tuple(torch.tensor(self.values[symbol]) for symbol in self.params)

    def out_of(self, *given: torch.Tensor) -> torch.Tensor:
        """The expression in PyTorch, of the parameters; it depends on each, if only by a 0."""
        rest = [torch.tensor(self.values[symbol]) for symbol in (*self.data, *self.constants)]
        return self.theirs(*given, *rest) + 0 * sum(value.sum() for value in given)

    def objective_of(self, *given: torch.Tensor) -> torch.Tensor:
        """The objective in PyTorch."""
        out = self.out_of(*given)
        return out if self.objective is None else (out**2 / 2 + out).sum()

    @cached_property
    def expected(self) -> SimpleNamespace:
        """Everything PyTorch says of a row, as float64 arrays: an array or a list of them for each kind."""
        functional = torch.autograd.functional
        given = self._given()
        leaves = tuple(value.clone().requires_grad_() for value in given)
        value, out = self.objective_of(*given).numpy(), self.out_of(*given).numpy()
        grad = [part.numpy() for part in torch.autograd.grad(self.objective_of(*leaves), leaves)]
        directions = tuple(map(torch.tensor, self.direction))
        u = rounded(np.random.default_rng(2).standard_normal(out.shape))
        said = SimpleNamespace(value=value, grad=grad, value_and_grad=[value, *grad], out=out, u=u)
        said.jvp = sum(np.tensordot(part, v, v.ndim) for part, v in zip(grad, self.direction, strict=True))
        said.hvp = [part.numpy() for part in functional.vhp(self.objective_of, given, directions)[1]]
        if "hessian" in self.kinds:
            hessian = functional.hessian(self.objective_of, given, vectorize=True)
            said.hessian = [block.numpy() for row in hessian for block in row]
        said.out_jvp = functional.jvp(self.out_of, given, directions)[1].numpy()
        said.out_vjp = [part.numpy() for part in torch.autograd.grad(self.out_of(*leaves), leaves, torch.tensor(u))]
        if "out_jacobian" in self.kinds:
            jacobian = functional.jacobian(self.out_of, given, vectorize=out.ndim > 0)
            said.out_jacobian = [part.numpy() for part in jacobian]
        return said


def rounded(value: Any) -> np.ndarray:
    """float64 numbers that float32 holds exactly."""
    return np.asarray(value, np.float32).astype(np.float64)


def name_of(symbol: Any) -> str:
    """What a symbol is called as an argument."""
    return str(symbol.name)
