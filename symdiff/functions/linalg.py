"""Linear algebra: what SymPy has no class for (solve, cholesky), and the functions that take symbolic or explicit matrices.

SymPy works out the inverse or determinant of an explicit matrix, entry by entry, whenever it can; the classes here hold
their matrices as they are.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.matrices.expressions.diagonal import DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr
from sympy.matrices.matrixbase import MatrixBase
from sympy.printing.precedence import PRECEDENCE

from symdiff.errors import ShapeError
from symdiff.functions.elementwise import one_expression
from symdiff.functions.given import as_sympy
from symdiff.functions.printing import text
from symdiff.functions.reductions import is_matrix
from symdiff.functions.tensor import TensorExpr, is_tensor, operands


class _OwnMatrix(MatrixExpr):
    """A matrix expression whose entries SymPy cannot work out."""

    def _entry(self, i: Any, j: Any, **options: Any) -> Any:
        return MatrixElement(self, i, j)


class Explicit(_OwnMatrix):
    """An explicit matrix that SymPy's operators leave as it is: ``args == (matrix,)``.

    They call `doit` of all that they meet, which adds and multiplies explicit matrices entry by entry, and inverts them.
    """

    def __new__(cls, matrix: Any) -> Explicit:
        return super().__new__(cls, as_sympy(matrix))

    @property
    def shape(self) -> tuple[Any, Any]:
        return self.args[0].shape

    def doit(self, **hints: Any) -> Explicit:
        """Itself."""
        return self

    def _entry(self, i: Any, j: Any, **options: Any) -> Any:
        return self.args[0][i, j]

    def _eval_transpose(self) -> Explicit:
        return Explicit(self.args[0].T)

    def _sympystr(self, printer: Any) -> str:
        return str(printer._print(self.args[0]))

    def _latex(self, printer: Any) -> str:
        return str(printer._print(self.args[0]))


class Element(MatrixElement):
    """An entry of a matrix expression that stays one; SymPy writes entries of products as sums, and works those out."""

    def doit(self, **hints: Any) -> Element:
        """Itself."""
        return self


def held(expression: Any) -> Any:
    """An explicit matrix as an operand that stays so; anything else as it is."""
    return Explicit(expression) if isinstance(expression, MatrixBase) else expression


class Solve(_OwnMatrix):
    """A^-1 B without the inverse: ``args == (A, B)``."""

    def __new__(cls, a: Any, b: Any) -> Solve:
        return super().__new__(cls, as_sympy(a), as_sympy(b))

    @property
    def shape(self) -> tuple[Any, Any]:
        return self.args[0].shape[1], self.args[1].shape[1]

    def _sympystr(self, printer: Any) -> str:
        return f"solve({printer._print(self.args[0])}, {printer._print(self.args[1])})"

    def _latex(self, printer: Any) -> str:
        a, b = self.args
        return f"{printer.parenthesize(a, PRECEDENCE['Pow'])}^{{-1}} {printer.parenthesize(b, PRECEDENCE['Mul'])}"


class _OfOneMatrix(_OwnMatrix):
    """A square matrix made of another: ``args == (matrix,)``."""

    _label = ""

    def __new__(cls, argument: Any) -> Any:
        return super().__new__(cls, as_sympy(argument))

    @property
    def shape(self) -> tuple[Any, Any]:
        return self.args[0].shape

    def _sympystr(self, printer: Any) -> str:
        return f"{self._label}({printer._print(self.args[0])})"

    def _latex(self, printer: Any) -> str:
        return rf"\operatorname{{{self._label}}}\left({printer._print(self.args[0])}\right)"


class Cholesky(_OfOneMatrix):
    """The lower triangular L of A = L L^T, where A is symmetric and positive definite."""

    _label = "cholesky"


class HalvedTriangle(_OfOneMatrix):
    """The lower triangle of a matrix, with its diagonal halved: what closed forms of a Cholesky factor's derivative need."""

    _label = "halved_triangle"


class Cofactors(_OfOneMatrix):
    """det(A) A^-T, which a singular matrix has too: what closed forms of a determinant's derivative need."""

    _label = "cofactors"


class LogDeterminant(sp.Expr):
    """log det A, without the determinant, which overflows early; NaN where that is negative."""

    is_commutative = True
    is_extended_real = True

    def __new__(cls, argument: Any) -> LogDeterminant:
        return super().__new__(cls, as_sympy(argument))

    def _sympystr(self, printer: Any) -> str:
        return f"logdet({printer._print(self.args[0])})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\operatorname{{logdet}}\left({printer._print(self.args[0])}\right)"
        return text if exp is None else rf"{text}^{{{exp}}}"


def _matrix(argument: Any, name: str) -> Any:
    argument = one_expression(argument, name)
    if not is_matrix(argument):
        raise ShapeError(f"sd.{name} needs a matrix, not a scalar.", expression=text(argument))
    return argument


def inv(A: Any) -> Any:
    """The inverse of a square matrix; a product with it is computed as a solve."""
    if is_tensor(A):
        return TensorExpr("inv", (A,))
    A = _matrix(A, "inv")
    return Solve(A, sp.Identity(A.shape[0])) if isinstance(A, MatrixBase) else sp.Inverse(A)


def solve(A: Any, B: Any) -> Any:
    """A^-1 B; of tensors over the last two axes, B may be a vector."""
    if is_tensor(A) or is_tensor(B):
        return TensorExpr("solve", operands(A, B))
    return Solve(_matrix(A, "solve"), _matrix(B, "solve"))


def det(A: Any) -> Any:
    """The determinant of a square matrix."""
    if is_tensor(A):
        return TensorExpr("det", (A,))
    return sp.Determinant(held(_matrix(A, "det")))


def logdet(A: Any) -> Any:
    """The logarithm of the determinant, without overflow; NaN where the determinant is negative."""
    if is_tensor(A):
        return TensorExpr("logdet", (A,))
    return LogDeterminant(_matrix(A, "logdet"))


def cholesky(A: Any) -> Any:
    """The lower triangular L of A = L L^T; of a matrix that is not symmetric its symmetric part is taken."""
    if is_tensor(A):
        return TensorExpr("cholesky", (A,))
    return Cholesky(_matrix(A, "cholesky"))


def trace(A: Any) -> Any:
    """The sum of the diagonal."""
    if is_tensor(A):
        return TensorExpr("trace", (A,))
    return sp.Trace(held(_matrix(A, "trace")))


def diag(A: Any) -> Any:
    """The diagonal matrix with a row or column on its diagonal; of a square matrix its diagonal, as a column."""
    if is_tensor(A):
        return TensorExpr("diag", (A,))
    A = _matrix(A, "diag")
    if 1 in A.shape:
        return sp.DiagMatrix(A)
    if A.shape[0] != A.shape[1]:
        raise ShapeError(f"sd.diag needs a row, a column or a square matrix, not {A.shape[0]}x{A.shape[1]}.")
    return DiagonalOf(A)
