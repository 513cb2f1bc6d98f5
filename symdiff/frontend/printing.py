"""SymPy expressions as one line of text, with entrywise functions written as a person would."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symdiff.errors import printable
from symdiff.functions.latex import without_repetitions
from symdiff.functions.printing import Plain


class OneLinePrinter(Plain):
    """`str`, but ``relu(X)`` for an entrywise function of a matrix, and entrywise products as ``A∘B``."""

    def __init__(self, samples: str = "N") -> None:
        super().__init__()
        self.samples = samples

    def _print_ElementwiseApplyFunction(self, expression: Any) -> str:
        (variable,), body = expression.function.variables, expression.function.expr
        return self._print(body.xreplace({variable: sp.Symbol(self._operand(body, variable, expression.expr))}))

    def _operand(self, body: Any, variable: Any, operand: Any) -> str:
        """The operand's text, in parentheses unless it is an argument anyway."""
        text = str(self._print(operand))
        alone = text.isidentifier() or (body.is_Function and body.args == (variable,))
        return text if alone else f"({text})"

    def _print_HadamardProduct(self, expression: Any) -> str:
        return " ∘ ".join(self._factor(part) for part in expression.args)

    def _print_HadamardPower(self, expression: Any) -> str:
        return f"{self._factor(expression.base)}∘**{self._print(expression.exp)}"

    def _print_MatMul(self, expression: Any) -> str:
        shown = without_repetitions(expression)
        return str(super()._print_MatMul(shown) if isinstance(shown, sp.MatMul) else self._print(shown))

    def _print_ImmutableDenseMatrix(self, expression: Any) -> str:
        rows = (", ".join(map(self._print, row)) for row in expression.tolist())
        return f"Matrix([{', '.join(f'[{row}]' for row in rows)}])"

    def _print_Float(self, expression: Any) -> str:
        return repr(float(expression))

    def _factor(self, part: Any) -> str:
        text = str(self._print(part))
        return f"({text})" if part.is_Add or getattr(part, "is_MatAdd", False) or " ∘ " in text else text


def one_line(expression: Any, samples: str = "N") -> str:
    """An expression as one line; a remark alone where it is too deep to print. `samples`: how to write their number."""
    try:
        return printable(str(OneLinePrinter(samples).doprint(expression)))
    except RecursionError:
        return "(too deep to print)"
