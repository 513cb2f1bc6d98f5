"""Functions of the user's own: their Python bodies become operations, their `fdiff` the derivatives, when asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.function import ArgumentIndexError

from symdiff.errors import ModelError, UnsupportedError
from symdiff.frontend.rule import Rule
from symdiff.functions.given import as_sympy
from symdiff.functions.registered import REGISTERED
from symdiff.graph.build import pointwise
from symdiff.graph.external import External, declare
from symdiff.graph.node import Node


def registered_rule(cls: Any) -> Rule | None:
    """The rule of a registered class; None where it has no body."""
    return Rule(_build) if cls in REGISTERED else None


def _build(walk: Any, expression: Any, args: list[Node]) -> Node:
    cls, body = type(expression), REGISTERED[type(expression)]
    alone = walk.alone()

    def partial(i: int, operands: Sequence[Node]) -> Node:
        symbols = _symbols(len(operands))
        return alone.apply(sp.Lambda(symbols, _derivative(cls, symbols, i)), operands)

    digest = hashlib.blake2b("\n".join(_meaning(cls, len(args), {})).encode(), digest_size=8).hexdigest()
    op = declare(External(body.name, body.source, partial), digest, len(args), body.safe)
    return pointwise(op, *args)


def _symbols(count: int) -> tuple[Any, ...]:
    return tuple(sp.Symbol(f"x{i}", real=True) for i in range(count))


def _derivative(cls: Any, symbols: Sequence[Any], i: int) -> Any:
    """What the class says its derivative is."""
    name = cls.__name__
    if cls.fdiff is sp.Function.fdiff:
        raise UnsupportedError(f"{name} has no derivative: give the class a method fdiff(self, argindex=1).")
    try:
        return as_sympy(cls(*symbols, evaluate=False).fdiff(i + 1), f"{name}.fdiff({i + 1})")
    except ArgumentIndexError:
        raise UnsupportedError(f"{name}.fdiff gives no derivative by argument {i + 1}: add it.") from None
    except Exception as error:
        raise ModelError(f"{name}.fdiff failed: {type(error).__name__}: {error}") from error


def _meaning(cls: Any, arity: int, seen: dict[Any, None]) -> list[str]:
    """All that decides values and derivatives: body and derivatives, and those of the functions the derivatives need."""
    seen.setdefault(cls)
    found = [REGISTERED[cls].source, repr(REGISTERED[cls].safe)]
    symbols = _symbols(arity)
    for i in range(arity):
        try:
            derivative = _derivative(cls, symbols, i)
        except UnsupportedError:
            continue
        found.append(f"{i}: {sp.srepr(derivative)}")
        for part in sp.preorder_traversal(derivative):
            if type(part) in REGISTERED and type(part) not in seen:
                found += _meaning(type(part), len(part.args), seen)
    return found
