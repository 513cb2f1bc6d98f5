"""Whole matrices and tensors where scalars stand: what counts as a scalar, and what to write for what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy as sp

from symdiff import functions
from symdiff.errors import UnsupportedError
from symdiff.frontend.rule import Rule
from symdiff.functions.printing import text
from symdiff.functions.reductions import is_matrix
from symdiff.functions.tensor import is_tensor
from symdiff.graph.axes import sum_axes
from symdiff.graph.node import Node

SAMPLES_BESIDE_MATRIX = (
    "A scalar data symbol (one value per sample) is combined with a matrix: declare the data as a MatrixSymbol "
    "with the samples as its rows."
)


def is_whole(expression: Any) -> bool:
    """Whether an expression is a matrix or a tensor; else it is a scalar or a condition."""
    return is_matrix(expression) or is_tensor(expression)


def check_commutes(expression: Any) -> None:
    """Refuse a symbol or a kind of scalar that is declared not to commute: its values are numbers, whose products do."""
    declared = expression if isinstance(expression, sp.Symbol) else type(expression)
    if getattr(declared, "is_commutative", True) is False and not is_whole(expression):
        name = type(expression).__name__ if isinstance(expression, sp.Function) else text(expression)
        raise UnsupportedError(
            f"{name} is declared not to commute, but symdiff computes with numbers, and those do: write sp.MatrixSymbol"
            f"('{name if name.isidentifier() else 'A'}', n, n) for a matrix; for a number leave commutative=False out."
        )


def is_one_by_one(node: Node) -> bool:
    """Whether a node is a 1x1 matrix, which counts as a scalar; there may be samples in front."""
    return node.ndim >= 2 and node.shape[-2:] == (1, 1)


def as_scalar(node: Node) -> Node:
    """The entry of a 1x1 matrix; any other node as it is."""
    return sum_axes(node, (node.ndim - 2, node.ndim - 1)) if is_one_by_one(node) else node


def of_scalars(rule: Rule) -> Rule:
    """A rule whose operands are scalars."""
    return replace(
        rule, build=lambda walk, expression, args: rule.build(walk, expression, _operands(walk, expression, args))
    )


def _operands(walk: Any, expression: Any, args: list[Node]) -> list[Node]:
    """The operands of a scalar operation: a 1x1 matrix counts as a scalar, no other matrix is one."""
    if walk.broadcasting or all(node.ndim < 2 for node in args):
        return args
    of_samples = any(node.ndim == 1 for node in args)
    if any(node.ndim >= 2 and (of_samples or not walk.entrywise) and not is_one_by_one(node) for node in args):
        raise UnsupportedError(SAMPLES_BESIDE_MATRIX if of_samples else _instead(expression))
    return [as_scalar(node) for node in args] if of_samples else args


def _instead(expression: Any) -> str:
    """What to write for a scalar operation on a whole matrix."""
    name = type(expression).__name__
    if isinstance(expression, (sp.Add, sp.Mul, sp.Pow)):
        return (
            "A scalar and a matrix are combined: matrix algebra has no broadcasting. "
            "Multiply the scalar by sp.OneMatrix(rows, columns), or reduce the matrix first."
        )
    if isinstance(expression, sp.Piecewise):
        return "A Piecewise of whole matrices has no meaning in matrix algebra: write sd.where(condition, A, B)."
    own_name = {"Abs": "abs"}.get(name, name)
    also = f" or sd.{own_name}(X)" if own_name in functions.__all__ else ""
    return f"{name}(X) of a whole matrix has no meaning in matrix algebra: write X.applyfunc({name}){also}."
