"""What a user declares: a `Model` of SymPy expressions, its parameters, data and constants."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symdiff.errors import ModelError


@dataclass(frozen=True)
class Domain:
    """A symbol, and the bounds that random values for it are drawn between; what `domain` returns."""

    symbol: Any
    low: float
    high: float


def domain(symbol: Any, low: float = -math.inf, high: float = math.inf) -> Domain:
    """A declaration that says where a symbol's values lie: ``Model(..., data=[domain(p, 0, 1), y])``.

    It changes nothing in the generated module; `symdiff compare` draws inputs from it.
    """
    try:
        bounds = float(low), float(high)
    except TypeError as error:
        raise ModelError(f"domain({symbol}, {low}, {high}): the bounds must be numbers.") from error
    if not bounds[0] < bounds[1]:
        raise ModelError(f"domain({symbol}, {low}, {high}) is empty: the lower bound comes first.")
    return Domain(symbol, *bounds)


class Model:
    """An objective, named outputs, and the symbols they depend on.

    Parameters
    ----------
    objective : a scalar expression (a 1x1 matrix counts), or None.
    params : the symbols derivatives are taken by.
    data : symbols with one value per sample, or arrays that carry the sample axis; as `domain(x, 0, 1)`, with bounds
        for drawn values.
    constants : symbols whose values are passed at each call.
    outputs : name -> expression of any shape.
    named : name -> sub-expression, whose name generated source and closed forms keep.
    samples : the size symbol of the sample axis, where it is not unique.
    name : the module's name; by default that of the variable that holds the model.

    Raises
    ------
    ModelError
        If there is neither an objective nor an output, or a declaration is not a symbol.
    """

    def __init__(
        self,
        objective: Any = None,
        *,
        params: Iterable[Any],
        data: Iterable[Any] = (),
        constants: Iterable[Any] = (),
        outputs: Mapping[str, Any] | None = None,
        named: Mapping[str, Any] | None = None,
        samples: Any = None,
        name: str | None = None,
    ) -> None:
        frame = sys._getframe(1)
        self.place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        self._globals = frame.f_globals
        self._name = name
        if objective is None and not outputs:
            raise ModelError("A Model needs an objective, outputs={name: expression}, or both.", place=self.place)
        self.objective = None if objective is None else self._expression(objective, "objective")
        self.outputs = {key: self._expression(e, f"outputs[{key!r}]") for key, e in (outputs or {}).items()}
        self.domains: dict[Any, Domain] = {}
        self.params = self._symbols(params, "params")
        self.data = self._symbols(data, "data")
        self.constants = self._symbols(constants, "constants")
        self.named = {key: self._expression(e, f"named[{key!r}]") for key, e in (named or {}).items()}
        self.samples = None if samples is None else sp.sympify(samples)

    @property
    def name(self) -> str:
        """The given name, else that of the module-level variable that holds this model, else ``"model"``."""
        if self._name is not None:
            return self._name
        return next((key for key, value in self._globals.items() if value is self), "model")

    def __repr__(self) -> str:
        declared = ", ".join(str(symbol) for symbol in self.params)
        return f"<Model {self.name}: params {declared}; {self.place}>"

    def _expression(self, expression: Any, what: str) -> Any:
        try:
            return sp.sympify(expression)
        except (sp.SympifyError, TypeError, AttributeError) as error:
            raise ModelError(
                f"{what} is not a SymPy expression but a {type(expression).__name__}.", place=self.place
            ) from error

    def _symbols(self, symbols: Any, what: str) -> tuple[Any, ...]:
        if isinstance(symbols, (str, sp.Basic)):
            raise ModelError(f"{what} takes a list of symbols: {what}=[{symbols}].", place=self.place)
        declared = tuple(symbols)
        self.domains |= {entry.symbol: entry for entry in declared if isinstance(entry, Domain)}
        found = tuple(entry.symbol if isinstance(entry, Domain) else entry for entry in declared)
        for symbol in found:
            if not isinstance(symbol, (sp.Symbol, sp.MatrixSymbol)):
                raise ModelError(
                    f"{what} holds {symbol!r}, which is not a symbol: declare Symbol or MatrixSymbol objects.",
                    place=self.place,
                )
        return found
