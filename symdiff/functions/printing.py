"""SymPy expressions as text, without SymPy's algebra.

To put parentheses SymPy asks whether a minus can be pulled out of a product, which it answers by negating it; of a product of
matrices that means to work it out: inverses of explicit matrices entry by entry, sums in closed form. So that question
is answered here by the product's first factor, which is where SymPy keeps its number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.printing.precedence import PRECEDENCE, precedence, precedence_traditional
from sympy.printing.str import StrPrinter

from symdiff.errors import printable

_MOST_PARTS, _DEEPEST = 300, 40  # of an expression that is printed whole


def is_negative(product: Any) -> bool:
    """Whether a product has a negative number in front."""
    first = product.args[0]
    return bool(first.is_Number and first.is_extended_negative)


def binding(expression: Any, traditional: bool = False) -> int:
    """How tightly the outermost operator binds, as SymPy counts it in Python, or in LaTeX."""
    if isinstance(expression, sp.MatMul):
        return PRECEDENCE["Add" if is_negative(expression) else "Mul"]
    return int(precedence_traditional(expression) if traditional else precedence(expression))


def without_minus(term: Any) -> tuple[bool, Any]:
    """Whether a term of a sum of matrices has a minus, and the term without it."""
    if not (isinstance(term, sp.MatMul) and is_negative(term)):
        return False, term
    rest = term.args[1:] if term.args[0] == -1 else (-term.args[0], *term.args[1:])
    return True, rest[0] if len(rest) == 1 else sp.MatMul(*rest)


class Plain(StrPrinter):
    """`str`, where products of matrices are only looked at."""

    def parenthesize(self, item: Any, level: int, strict: bool = False) -> str:
        """Its text, in parentheses unless it binds more tightly than `level`, or if `strict` as tightly."""
        own = binding(item)
        text = str(self._print(item))
        return f"({text})" if own < level or (not strict and own == level) else text

    def _print_MatMul(self, expression: Any) -> str:
        minus, rest = without_minus(expression)
        factors = rest.args if isinstance(rest, sp.MatMul) else (rest,)
        product = "*".join(self.parenthesize(factor, PRECEDENCE["Mul"]) for factor in factors)
        return f"-{product}" if minus else product

    def _print_MatAdd(self, expression: Any) -> str:
        found = []
        for term in self._as_ordered_terms(expression):
            minus, rest = without_minus(term)
            text = self.parenthesize(rest, PRECEDENCE["Add"])
            found.append((" - " if minus else " + ") + text)
        text = "".join(found)
        return f"-{text[3:]}" if text.startswith(" - ") else text[3:]


def written(expression: Any) -> str:
    """An expression as `str` has it, whatever names it holds."""
    return printable(str(Plain().doprint(expression)))


def text(expression: Any, spelled: Callable[[Any], str] = written) -> str:
    """`spelled(expression)`, or its head alone where printing it would be long or would exceed the recursion limit."""
    stack, count = [(expression, 0)], 0
    while stack:
        part, depth = stack.pop()
        count += 1
        if count > _MOST_PARTS or depth > _DEEPEST:
            return f"{type(expression).__name__}(...) of {len(expression.args)} parts"
        stack.extend((argument, depth + 1) for argument in getattr(part, "args", ()))
    return spelled(expression)
