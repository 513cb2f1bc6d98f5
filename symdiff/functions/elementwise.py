"""Scalar functions a model may use beyond SymPy's own, and the rule that lets each take a matrix too.

A class here is an ordinary `sympy.Function` with its derivative in `fdiff`; the public function of the same
name applies it to a scalar, or to every entry of a matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr
from sympy.matrices.matrixbase import MatrixBase

from symdiff.errors import ModelError
from symdiff.functions.given import as_sympy
from symdiff.functions.latex import Latex
from symdiff.functions.tensor import elementwise, is_tensor


def _call(operator: str, function: Any, printer: Any, exp: str | None) -> str:
    """A call under an operator of LaTeX's own."""
    text = rf"{operator}\left({', '.join(map(printer._print, function.args))}\right)"
    return text if exp is None else f"{{{text}}}^{{{exp}}}"


class relu(sp.Function):
    """max(x, 0), with derivative 0 at 0."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.Piecewise((sp.Integer(1), self.args[0] > 0), (sp.Integer(0), True))


class sigmoid(sp.Function):
    """The logistic function 1 / (1 + exp(-x))."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return self * (1 - self)


class softplus(sp.Function):
    """log(1 + exp(x)), without overflow."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sigmoid(self.args[0])


class gelu(sp.Function):
    """x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016, exact form)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        x = self.args[0]
        return sp.erfc(-x / sp.sqrt(2)) / 2 + x * sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)


class maximum(sp.Function):
    """The larger of two values; a tie shares its derivative equally."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _call(r"\max", self, printer, exp)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        mine, other = self.args[argindex - 1], self.args[2 - argindex]
        return sp.Heaviside(mine - other, sp.Rational(1, 2))


class minimum(sp.Function):
    """The smaller of two values; a tie shares its derivative equally."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _call(r"\min", self, printer, exp)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        mine, other = self.args[argindex - 1], self.args[2 - argindex]
        return sp.Heaviside(other - mine, sp.Rational(1, 2))


class clip(sp.Function):
    """clip(x, low, high): x held between two bounds; the derivative by x is 1 on the bounds."""

    nargs = 3

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        x, low, high = self.args
        inside = sp.And(x >= low, x <= high)
        one, zero = sp.Integer(1), sp.Integer(0)
        if argindex == 1:
            return sp.Piecewise((one, inside), (zero, True))
        if argindex == 2:
            return sp.Piecewise((one, x < low), (zero, True))
        return sp.Piecewise((one, x > high), (zero, True))


class where(sp.Function):
    """where(c, a, b): a where the condition c holds, else b; the branch not taken contributes nothing."""

    nargs = 3
    is_commutative = True  # SymPy cannot tell, for a condition

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        if argindex == 1:
            return sp.Integer(0)
        one, zero = sp.Integer(1), sp.Integer(0)
        return where(self.args[0], one, zero) if argindex == 2 else where(self.args[0], zero, one)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        """Cases; of 1 and 0 an indicator."""
        condition, yes, no = map(printer._print, self.args)
        if self.args[1:] == (1, 0):
            return rf"\mathbf{{1}}_{{{condition}}}"
        text = rf"\begin{{cases}} {yes} & \text{{if}}\: {condition} \\ {no} & \text{{otherwise}} \end{{cases}}"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"


class equal(sp.Function):
    """1 where two values are equal, else 0."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"\mathbf{{1}}_{{{' = '.join(map(printer._print, self.args))}}}"

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.Integer(0)


class stop_gradient(sp.Function):
    """Its argument, with derivative 0."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return sp.Integer(0)


def one_expression(argument: Any, name: str) -> Any:
    """The argument as a SymPy expression; several in a list or dict are none."""
    if isinstance(argument, list | tuple | set | dict):
        raise ModelError(
            f"sd.{name} takes an expression, not a {type(argument).__name__} of them: make it one matrix, "
            "sp.Matrix([...]), or call the function for each."
        )
    return as_sympy(argument, f"What sd.{name} is given")


def entrywise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` extended to matrices and tensors.

    Of one matrix it is SymPy's `applyfunc`; with several, which has no SymPy form, an `EntrywiseFunction`; a scalar beside
    a matrix applies to each entry. Tensors broadcast.
    """

    def apply(*arguments: Any) -> Any:
        if any(is_tensor(argument) for argument in arguments):
            return elementwise(function, *arguments)
        arguments = tuple(one_expression(argument, function.__name__.lower()) for argument in arguments)
        matrices = [a for a in arguments if isinstance(a, (MatrixExpr, MatrixBase))]
        if not matrices:
            return function(*arguments)
        if len(matrices) == 1 and matrices[0].shape != (1, 1):  # there `applyfunc` gives a scalar
            position = next(i for i, a in enumerate(arguments) if a is matrices[0])
            entry = sp.Dummy("d")
            body = function(*arguments[:position], entry, *arguments[position + 1 :])
            return matrices[0].applyfunc(sp.Lambda(entry, body))
        return EntrywiseFunction(function, *arguments)

    apply.__name__ = apply.__qualname__ = function.__name__
    apply.__doc__ = function.__doc__
    return apply


class EntrywiseFunction(MatrixExpr):
    """f(A, B, ...) entry by entry, of matrices of one shape and scalars."""

    def __new__(cls, function: Any, *arguments: Any) -> EntrywiseFunction:
        dummies = [sp.Dummy(f"d{i}") for i in range(len(arguments))]
        body = function if isinstance(function, sp.Lambda) else sp.Lambda(tuple(dummies), function(*dummies))
        return super().__new__(cls, body, *(as_sympy(a) for a in arguments))

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of the matrices; a 1x1 matrix among larger ones counts as a scalar."""
        shapes = [a.shape for a in self.args[1:] if isinstance(a, (MatrixExpr, MatrixBase))]
        return next((shape for shape in shapes if shape != (1, 1)), shapes[0])

    # A 1x1 matrix scales other matrices; SymPy would compare the sizes

    _op_priority = MatrixExpr._op_priority + 0.5

    def __mul__(self, other: Any) -> Any:
        return self[0, 0] * other if self._scales(other, 0) else super().__mul__(other)

    def __rmul__(self, other: Any) -> Any:
        return other * self[0, 0] if self._scales(other, 1) else super().__rmul__(other)

    def __pow__(self, exponent: Any) -> Any:
        return EntrywiseFunction(sp.Pow, self, exponent) if self.shape == (1, 1) else super().__pow__(exponent)

    def __rtruediv__(self, other: Any) -> Any:
        return other * self**-1

    def _scales(self, other: Any, axis: int) -> bool:
        return self.shape == (1, 1) and isinstance(other, (MatrixExpr, MatrixBase)) and other.shape[axis] != 1

    def _entry(self, i: Any, j: Any, **options: Any) -> Any:
        return MatrixElement(self, i, j)

    def _sympystr(self, printer: Any) -> str:
        operands = {
            dummy: sp.Symbol(printer._print(a)) for dummy, a in zip(self.args[0].variables, self.args[1:], strict=True)
        }
        return str(printer._print(self.args[0].expr.xreplace(operands)))

    def _latex(self, printer: Any) -> str:
        return (printer if isinstance(printer, Latex) else Latex()).of_entries(self.args[0], self.args[1:])
