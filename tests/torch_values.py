"""What SymPy expressions of the scalar and matrix dialects mean, in PyTorch: a direct recursion, for random tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import torch as t

Value = t.Tensor
Environment = Mapping[Any, Value]

FUNCTIONS: dict[str, Callable[..., Value]] = {
    "Add": lambda *a: reduce(t.add, a),
    "Mul": lambda *a: reduce(t.mul, a),
    "Pow": lambda a, n: a**n,
    "Abs": t.abs,
    "Max": lambda *a: t.stack(t.broadcast_tensors(*a)).amax(0),
    "Min": lambda *a: t.stack(t.broadcast_tensors(*a)).amin(0),
    "maximum": t.maximum,
    "relu": t.relu,
    "softplus": t.nn.functional.softplus,
    "StrictLessThan": t.lt,
    "StrictGreaterThan": t.gt,
    "LessThan": t.le,
    "GreaterThan": t.ge,
    "And": lambda *a: reduce(t.logical_and, a),
    "Or": lambda *a: reduce(t.logical_or, a),
    "Not": t.logical_not,
    "ITE": t.where,
    "MatAdd": lambda *a: reduce(t.add, a),
    "MatMul": lambda *a: reduce(lambda p, q: p @ q if p.ndim == q.ndim == 2 else p * q, a),
    "MatPow": lambda a, n: t.linalg.matrix_power(a, int(n)),
    "HadamardProduct": lambda *a: reduce(t.mul, a),
    "HadamardPower": lambda a, n: a**n,
    "Transpose": lambda a: a.T,
    "Trace": t.trace,
    "DiagMatrix": lambda a: t.diag(a.reshape(-1)),
    "DiagonalOf": lambda a: t.diagonal(a)[:, None],
    **{name: getattr(t, name) for name in ("sin", "cos", "exp", "tanh", "sigmoid", "log", "sqrt")},
}  # fmt: skip

REDUCTIONS: dict[str, Callable[..., Value]] = {
    "sum": t.sum,
    "mean": t.mean,
    "max": t.amax,
    "norm": lambda a, *axis: t.linalg.vector_norm(a, dim=axis[0] if axis else None, keepdim=bool(axis)),
    "logsumexp": lambda a, *axis: t.logsumexp(a, axis[0] if axis else tuple(range(a.ndim)), keepdim=bool(axis)),
}


class Translator:
    """Evaluates expressions where symbols have the values of an environment; sizes are numbers in `sizes`."""

    def __init__(self, environment: Environment, sizes: Mapping[Any, int], samples: int) -> None:
        self.environment, self.sizes, self.samples = environment, sizes, samples

    def __call__(self, e: Any) -> Value:
        """The value of an expression."""
        if e in self.environment:
            return self.environment[e]
        if e in self.sizes:
            return t.tensor(float(self.sizes[e]), dtype=t.float64)
        special = getattr(self, f"_{type(e).__name__.lower()}", None)
        if special is not None:
            return special(e)
        if e.is_Number or e.is_NumberSymbol:
            return t.tensor(float(e), dtype=t.float64)
        return FUNCTIONS[type(e).__name__](*map(self, e.args))

    def _shape(self, e: Any) -> list[int]:
        return [int(dim.subs(self.sizes)) for dim in e.shape]

    def _identity(self, e: Any) -> Value:
        return t.eye(self._shape(e)[0], dtype=t.float64)

    def _onematrix(self, e: Any) -> Value:
        return t.ones(self._shape(e), dtype=t.float64)

    def _zeromatrix(self, e: Any) -> Value:
        return t.zeros(self._shape(e), dtype=t.float64)

    def _booleantrue(self, e: Any) -> Value:
        return t.tensor(True)

    def _booleanfalse(self, e: Any) -> Value:
        return t.tensor(False)

    def _piecewise(self, e: Any) -> Value:
        value = t.tensor(float("nan"), dtype=t.float64)
        for pair in reversed(e.args):
            value = t.where(self(pair.cond), self(pair.expr), value)
        return value

    def _elementwiseapplyfunction(self, e: Any) -> Value:
        return self._applied(e.function, [self(e.expr)])

    def _entrywisefunction(self, e: Any) -> Value:
        return self._applied(e.args[0], [self(part) for part in e.args[1:]])

    def _applied(self, function: Any, operands: list[Value]) -> Value:
        inner = {**self.environment, **dict(zip(function.variables, operands, strict=True))}
        result = Translator(inner, self.sizes, self.samples)(function.expr)
        return result.broadcast_to(t.broadcast_shapes(result.shape, *(operand.shape for operand in operands)))

    def _reduction(self, e: Any) -> Value:
        operand = self(e.argument)
        return REDUCTIONS[e.name](operand if operand.ndim else operand.expand(self.samples))

    def _axisreduction(self, e: Any) -> Value:
        operand = self(e.argument)
        if e.name in ("norm", "logsumexp"):
            return REDUCTIONS[e.name](operand, e.axis)
        return REDUCTIONS[e.name](operand, e.axis, keepdim=True)

    def _axisfunction(self, e: Any) -> Value:
        return {"softmax": t.softmax, "log_softmax": t.log_softmax}[e.name](self(e.argument), e.axis)
