"""What a row is made of: the names of the functions and classes in its expression."""

from __future__ import annotations

from typing import Any

import sympy as sp

from catalogue.case import Case
from symdiff.functions.reductions import AxisFunction, AxisReduction, Reduction
from symdiff.functions.registered import REGISTERED
from symdiff.functions.tensor import TensorExpr, TensorScalar

# Compositions of other functions, or so of tensors: rows are called after them.
COMPOSED = {"mse", "huber", "binary_cross_entropy", "cross_entropy", "softmax", "log_softmax"}
# What `symdiff` calls otherwise than the class that stands for it.
CALLED = {
    "Abs": "abs",
    "Cholesky": "cholesky",
    "Determinant": "det",
    "DiagMatrix": "diag",
    "DiagonalOf": "diag",
    "Inverse": "inv",
    "LogDeterminant": "logdet",
    "Solve": "solve",
    "Trace": "trace",
    "tensor": "Tensor",
}


def words(case: Case) -> set[str]:
    """The names of all functions and classes in a row's expression, and of the composition that it is."""
    found = {case.name.removeprefix("sd.").partition(",")[0]} & COMPOSED
    stack, seen = [case.expression], set()
    while stack:
        part = stack.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        names, inside = _of_tensor(part) if isinstance(part, TensorExpr) else _of_sympy(part)
        found.update(names, (CALLED[name] for name in names if name in CALLED))
        stack += inside
    return found


def _of_tensor(part: TensorExpr) -> tuple[list[str], list[Any]]:
    """The names of an operation on tensors, and its operands."""
    names = [part.op]
    if part.op in ("conv", "max_pool", "avg_pool"):
        names.append(f"{part.op}{len(part.options[0])}d")
    if part.op == "reduce":
        names.append(part.options[0])
    return names, [*part.args, *(option for option in part.options if isinstance(option, sp.Basic))]


def _of_sympy(part: Any) -> tuple[list[str], list[Any]]:
    """The names of a SymPy expression, and its parts."""
    if isinstance(part, TensorScalar):
        return ["TensorScalar"], [part.tensor]
    if isinstance(part, sp.MatrixBase):
        return ["Matrix"], list(part.flat())
    names = [cls.__name__ for cls in type(part).__mro__ if cls.__module__.split(".")[0] in ("sympy", "symdiff")]
    if isinstance(part, Reduction | AxisReduction | AxisFunction):
        names.append(part.name)
    if type(part) in REGISTERED:
        names.append("registered")
    if isinstance(part, sp.Pow) and part.exp == sp.S.Half:
        names.append("sqrt")
    return names, [*part.args, *([part.parent] if isinstance(part, sp.matrices.expressions.slice.MatrixSlice) else [])]
