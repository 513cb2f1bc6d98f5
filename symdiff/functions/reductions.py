"""Reductions: over the samples of a scalar expression, or over the axes of a matrix.

SymPy must neither evaluate nor differentiate them (it knows nothing of the sample axis), so they are plain `Expr` nodes
that hold their argument and nothing else.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.core.symbol import Str
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr
from sympy.matrices.matrixbase import MatrixBase

from symdiff.errors import ModelError
from symdiff.functions.elementwise import one_expression
from symdiff.functions.given import as_sympy
from symdiff.functions.printing import text
from symdiff.functions.tensor import TensorExpr, TensorScalar, is_tensor

NAMES = ("sum", "mean", "max", "min", "prod", "norm", "logsumexp")


class Reduction(sp.Expr):
    """A full reduction: ``args == (Str(name), argument)``; a scalar."""

    is_commutative = True
    is_extended_real = True

    def __new__(cls, name: Any, argument: Any) -> Reduction:
        return super().__new__(cls, Str(str(name)), as_sympy(argument))

    @property
    def name(self) -> str:
        """Which reduction: one of `NAMES`."""
        return str(self.args[0])

    @property
    def argument(self) -> sp.Basic:
        """What is reduced."""
        return self.args[1]

    def _sympystr(self, printer: Any) -> str:
        if self.name == "sum" and self.argument == 1:  # the number of samples, which has no symbol of its own
            return getattr(printer, "samples", "sum(1)")
        return f"{self.name}({printer._print(self.argument)})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        if self.name == "sum" and self.argument == 1 and hasattr(printer, "samples"):
            return str(printer.samples) if exp is None else f"{printer.samples}^{{{exp}}}"
        text = rf"\operatorname{{{self.name}}}\left({printer._print(self.argument)}\right)"
        return text if exp is None else rf"{{{text}}}^{{{exp}}}"

    def _pretty(self, printer: Any) -> Any:
        return printer._helper_print_function(sp.Function(self.name), (self.argument,), func_name=self.name)


class AxisReduction(MatrixExpr):
    """A reduction of a matrix along one axis, which keeps size 1: ``args == (Str(name), matrix, axis)``."""

    def __new__(cls, name: Any, argument: Any, axis: Any) -> AxisReduction:
        return super().__new__(cls, Str(str(name)), as_sympy(argument), sp.Integer(axis))

    name = Reduction.name
    argument = Reduction.argument

    @property
    def axis(self) -> int:
        """The reduced axis: 0 for over the rows, 1 for over the columns."""
        return int(self.args[2])

    @property
    def shape(self) -> tuple[Any, Any]:
        rows, columns = self.argument.shape
        return (sp.Integer(1), columns) if self.axis == 0 else (rows, sp.Integer(1))

    def _entry(self, i: Any, j: Any, **options: Any) -> Any:
        return MatrixElement(self, i, j)

    def _sympystr(self, printer: Any) -> str:
        return f"{self.name}({printer._print(self.argument)}, axis={self.axis})"

    def _latex(self, printer: Any) -> str:
        name = self.name.replace("_", r"\_")
        return rf"\operatorname{{{name}}}_{{{self.axis}}}\left({printer._print(self.argument)}\right)"


class AxisFunction(MatrixExpr):
    """A function of whole rows or columns that keeps the shape (softmax, log_softmax): args as `AxisReduction`."""

    def __new__(cls, name: Any, argument: Any, axis: Any) -> AxisFunction:
        return super().__new__(cls, Str(str(name)), as_sympy(argument), sp.Integer(axis))

    name = Reduction.name
    argument = Reduction.argument
    axis = AxisReduction.axis
    _entry = AxisReduction._entry

    @property
    def shape(self) -> tuple[Any, Any]:
        return self.argument.shape

    _sympystr = AxisReduction._sympystr
    _latex = AxisReduction._latex


def _axis(axis: int, name: str) -> int:
    if axis not in (-2, -1, 0, 1):
        raise ModelError(f"sd.{name}: axis={axis} is out of range for a matrix, which has axes 0 and 1.")
    return axis % 2


def is_matrix(expression: Any) -> bool:
    """Whether `expression` is of the matrix dialect: symbolic or explicit."""
    return isinstance(expression, (MatrixExpr, MatrixBase))


def _reduce(name: str, argument: Any, axis: Any, keepdims: bool) -> Any:
    if is_tensor(argument):
        return _reduced_tensor(name, argument, axis, keepdims)
    argument = one_expression(argument, name)
    if axis is not None and not isinstance(axis, int | sp.Integer):
        raise ModelError(
            f"sd.{name} reduces one expression; its second argument is axis, a number, not {text(axis)}."
            + (f" Of two expressions: sd.{name}imum({text(argument)}, {text(axis)})." if name in ("max", "min") else "")
        )
    if axis is None and not keepdims:
        return Reduction(name, argument)
    if not is_matrix(argument):
        two = f"; of two expressions write sd.{name}imum(a, b)" if name in ("max", "min") else ""
        raise ModelError(
            f"sd.{name}: axis= and keepdims= need a matrix; a scalar expression is reduced over its samples "
            f"as sd.{name}(e){two}.",
            expression=text(argument),
        )
    if axis is None:
        return AxisReduction(name, AxisReduction(name, argument, 0), 1)
    return AxisReduction(name, argument, _axis(axis, name))


def _reduced_tensor(name: str, argument: TensorExpr, axis: Any, keepdims: bool) -> Any:
    """Over one axis, a tuple of them, or all, where the result is a scalar."""
    given = () if axis is None else tuple(axis) if isinstance(axis, tuple | list) else (axis,)
    if any(not isinstance(a, int | sp.Integer) for a in given):
        of_two = f" Of two tensors: sd.{name}imum(a, b)." if name in ("max", "min") else ""
        raise ModelError(f"sd.{name}: axis={text(axis)} is neither a whole number nor a tuple of them.{of_two}")
    axes = None if axis is None else tuple(int(a) for a in given)
    reduced = TensorExpr("reduce", (argument,), (name, axes, bool(keepdims)))
    return TensorScalar(reduced) if axes is None and not keepdims else reduced


def sum(argument: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum over the samples; over all entries of a matrix or tensor; or along `axis`.

    A matrix keeps the axis with size 1; of a tensor it vanishes unless `keepdims`, and may be a tuple of axes.
    """
    return _reduce("sum", argument, axis, keepdims)


def mean(argument: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean over the samples, over all entries, or along `axis`: as `sum`."""
    return _reduce("mean", argument, axis, keepdims)


def max(argument: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest value; the derivative is split evenly over ties."""
    return _reduce("max", argument, axis, keepdims)


def min(argument: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest value; the derivative is split evenly over ties."""
    return _reduce("min", argument, axis, keepdims)


def prod(argument: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The product; its derivatives are right at zeros too."""
    return _reduce("prod", argument, axis, keepdims)


def norm(argument: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The Euclidean norm (of a matrix: Frobenius); its derivative at 0 is 0."""
    return _reduce("norm", argument, axis, keepdims)


def logsumexp(argument: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log(sum(exp(e))) without overflow."""
    return _reduce("logsumexp", argument, axis, keepdims)


def softmax(argument: Any, axis: int = -1) -> Any:
    """exp(X) normalised to sum 1 along an axis of a matrix."""
    return _along("softmax", argument, axis)


def log_softmax(argument: Any, axis: int = -1) -> Any:
    """The logarithm of `softmax`, without overflow."""
    return _along("log_softmax", argument, axis)


def _axis_of_tensor(axis: Any, name: str) -> int:
    if not isinstance(axis, int | sp.Integer):
        raise ModelError(f"sd.{name}: axis={text(axis)} is not a whole number.")
    return int(axis)


def _along(name: str, argument: Any, axis: int) -> Any:
    if is_tensor(argument):
        return TensorExpr(name, (argument,), (_axis_of_tensor(axis, name),))
    argument = one_expression(argument, name)
    if not is_matrix(argument):
        raise ModelError(
            f"sd.{name} needs a matrix, with an axis to normalise along; for two classes use sd.sigmoid.",
            expression=text(argument),
        )
    return AxisFunction(name, argument, _axis(axis, name))
