"""What a user declares: a `Model` of SymPy expressions, its parameters, data and constants."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.logic.boolalg import Boolean

from symdiff.errors import ModelError, located, printable
from symdiff.frontend.accepted import SYMBOL_NAMES, SYMBOLS, as_written
from symdiff.functions.given import as_sympy
from symdiff.functions.printing import text

_record: ContextVar[list[Model] | None] = ContextVar("_record", default=None)


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
    except (TypeError, ValueError) as error:
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
        if not isinstance(name, str | None):
            raise ModelError(f"name={name!r} is not a text: write name='...'.", place=self.place)
        self._name = name
        if objective is None and not outputs:
            raise ModelError("A Model needs an objective, outputs={name: expression}, or both.", place=self.place)
        self.objective = None if objective is None else self._objective(objective)
        self.outputs = self._expressions(outputs, "outputs")
        self.domains: dict[Any, Domain] = {}
        self.params = self._symbols(params, "params")
        self.data = self._symbols(data, "data")
        self.constants = self._symbols(constants, "constants")
        if not (self.params or self.data or self.constants):
            raise ModelError("A Model needs symbols: declare them in params, data or constants.", place=self.place)
        self.named = self._expressions(named, "named")
        self.samples = None if samples is None else self._size(samples)
        if (record := _record.get()) is not None:
            record.append(self)

    @property
    def name(self) -> str:
        """The given name, else that of the module-level variable that holds this model, else ``"model"``."""
        if self._name is not None:
            return self._name
        return next((key for key, value in self._globals.items() if value is self), "model")

    def __repr__(self) -> str:
        declared = ", ".join(str(symbol) for symbol in self.params)
        return printable(f"<Model {self.name}: params {declared}; {self.place}>")

    @property
    def is_named(self) -> bool:
        """Whether it was given a name of its own, as ``name=``."""
        return self._name is not None

    def _objective(self, objective: Any) -> Any:
        expression = self._expression(objective, "The objective")
        if isinstance(expression, Boolean) and not isinstance(expression, sp.Expr):
            raise ModelError(
                f"The objective is a condition, not a number: write sd.where({text(expression)}, 1, 0), "
                "or a Piecewise with a value for each case.",
                place=self.place,
            )
        return expression

    def _expressions(self, given: Any, what: str) -> dict[str, Any]:
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            raise ModelError(f"{what} takes a dict, name -> expression: {what}={{'y': ...}}.", place=self.place)
        for key in given:
            if not isinstance(key, str):
                raise ModelError(f"{what} has the key {key}, which is not a text: write '{key}'.", place=self.place)
        return {key: self._expression(e, f"{what}[{key!r}]") for key, e in given.items()}

    def _expression(self, given: Any, what: str) -> Any:
        with located(self.place):
            expression = as_written(given, what)
        if (part := _infinite_part(expression)) is not None:
            raise ModelError(
                "An infinite constant leaves no value to differentiate: write a finite number. oo may be compared with, "
                "bound a clip or domain, and be a branch of a Piecewise.",
                expression=text(part),
                place=self.place,
            )
        return expression

    def _size(self, given: Any) -> Any:
        with located(self.place):
            return as_sympy(given, "samples")

    def _symbols(self, symbols: Any, what: str) -> tuple[Any, ...]:
        if isinstance(symbols, (str, sp.Basic, *SYMBOLS)):
            raise ModelError(f"{what} takes a list of symbols: {what}=[{symbols}].", place=self.place)
        if isinstance(symbols, Mapping):
            raise ModelError(
                f"{what} takes a list of symbols, not values: {what}=[{', '.join(map(str, symbols))}]; "
                "their values are passed at each call.",
                place=self.place,
            )
        if not isinstance(symbols, Iterable) or isinstance(symbols, set | frozenset):
            raise ModelError(
                f"{what} takes a list of symbols, in the order of the arguments, not a {type(symbols).__name__}.",
                place=self.place,
            )
        declared = tuple(symbols)
        self.domains |= {entry.symbol: entry for entry in declared if isinstance(entry, Domain)}
        found = tuple(entry.symbol if isinstance(entry, Domain) else entry for entry in declared)
        for symbol in found:
            if not isinstance(symbol, SYMBOLS):
                raise ModelError(
                    f"{what} holds {symbol!r}, which is not a symbol: declare {SYMBOL_NAMES}.",
                    place=self.place,
                )
        return found


def checked(model: Any, caller: str) -> Model:
    """The model, if it is one."""
    if isinstance(model, Model):
        return model
    given = "an expression" if isinstance(model, sp.Basic) else f"a {type(model).__name__}"
    raise ModelError(f"{caller} takes a Model, not {given}: {caller}(sd.Model(expression, params=[...])).")


@contextmanager
def recorded() -> Iterator[list[Model]]:
    """Every model made inside, in order."""
    record: list[Model] = []
    token = _record.set(record)
    try:
        yield record
    finally:
        _record.reset(token)


def _infinite_part(expression: Any) -> Any:
    """The first sum, product or power of an infinite constant, or such a constant alone; None where there is none."""
    if expression is sp.oo or expression is sp.S.NegativeInfinity:
        return expression
    stack = [expression]
    seen = {}  # id -> expression, which keeps the id its own
    while stack:
        part = stack.pop()
        if isinstance(part, (sp.Add, sp.Mul, sp.Pow)) and any(arg is sp.oo or arg is -sp.oo for arg in part.args):
            return part
        for arg in getattr(part, "args", ()):
            if id(arg) not in seen:
                seen[id(arg)] = arg
                stack.append(arg)
    return None
