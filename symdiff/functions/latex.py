"""SymPy's LaTeX with what a person would write: indices without their ranges, entrywise products as A ⊙ B, functions of
entries of arrays as functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter, greek_letters_set, other_symbols
from sympy.printing.precedence import PRECEDENCE

from symdiff.errors import printable
from symdiff.functions.printing import binding, without_minus

_SPECIAL = {c: f"\\{c}" for c in "{}$%#&_"} | {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
}
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_WORDS = """
hat bar tilde vec dot ddot check breve acute grave mathring widehat widetilde overline underline
mathbf mathrm mathit mathcal mathsf mathtt mathbb mathfrak mathscr boldsymbol bm operatorname text
ell hbar nabla partial infty prime star ast dagger perp parallel top Re Im cdot times pm circ
varepsilon vartheta varpi varrho varsigma varphi varkappa
"""
_COMMANDS = {*_WORDS.split(), *other_symbols, *greek_letters_set, *map(str.capitalize, greek_letters_set)}  # of names


class Operand(sp.Symbol):
    """An array, as text, in a scalar function of its entries that is to be printed; equal texts are one operand."""

    precedence: int

    def __new__(cls, text: str, precedence: int) -> Operand:
        self = sp.Symbol.__xnew__(cls, text)
        self.precedence = precedence
        return self

    @classmethod
    def class_key(cls) -> tuple[int, int, str]:
        """Behind the scalars of a product."""
        return 2, 1, cls.__name__

    def _sympystr(self, printer: Any) -> str:
        return str(self.name)

    def _latex(self, printer: Any) -> str:
        return str(self.name)


class Latex(LatexPrinter):
    """SymPy's printer with those rows changed; `samples`: how to write their number."""

    def __init__(self, samples: str = "N") -> None:
        super().__init__({"parenthesize_super": False})
        self.samples = samples

    def _print_Symbol(self, expression: Any, style: str = "plain") -> str:
        text = str(super()._print_Symbol(expression, style))
        return rf"\mathrm{{{text}}}" if re.fullmatch("[A-Za-z]{2,}", text) else text

    def _deal_with_super_sub(self, string: str, style: str = "plain") -> str:
        """A name as a formula, where it is one that a person writes; else as it is, letter by letter."""
        return str(super()._deal_with_super_sub(string, style)) if _is_formula(string) else verbatim(string)

    def _hprint_Function(self, func: str) -> str:
        return str(super()._hprint_Function(func)).replace("%", "%%")  # SymPy puts the arguments in by `%`

    def _print_Idx(self, expression: Any) -> str:
        return str(self._print(expression.label))

    def _print_Float(self, expression: Any) -> str:
        mantissa, _, exponent = repr(float(expression)).partition("e")
        if not exponent:
            return mantissa
        power = rf"10^{{{int(exponent)}}}"
        return power if mantissa == "1" else rf"{mantissa} \cdot {power}"

    def _print_Mul(self, expression: Any) -> str:
        if not expression.has(Operand):
            return str(super()._print_Mul(expression))
        if expression.as_coeff_Mul()[0].is_negative:
            return f"- {self._print(-expression)}"
        above, below = sp.fraction(expression, exact=True)
        if below == 1:
            return self._product(above)
        return rf"\frac{{{self._product(above)}}}{{{self._product(below)}}}"

    def _product(self, expression: Any) -> str:
        """Scalars, then arrays entry by entry."""
        factors = sp.Mul.make_args(expression)
        if len(factors) == 1:
            return str(self._print(expression))
        factors = sorted(factors, key=lambda factor: (not factor.is_number, factor.sort_key()))
        level = PRECEDENCE["Mul"]
        arrays = [factor for factor in factors if factor.has(Operand)]
        texts = [self.parenthesize(factor, level, strict=True) for factor in factors if factor not in arrays]
        many = len(arrays) > 1
        return " ".join([*texts, r" \odot ".join(self.parenthesize(a, level, strict=not many) for a in arrays)])

    def parenthesize(self, item: Any, level: int, is_neg: bool = False, strict: bool = False) -> str:
        """Its text, in parentheses unless it binds more tightly than `level`, or if `strict` as tightly."""
        own = binding(item, traditional=True)
        alone = not (is_neg and strict) and (own > level or (strict and own == level))
        text = str(self._print(item))
        return text if alone else str(self._add_parens(text))

    def _print_MatMul(self, expression: Any) -> str:
        shown = without_repetitions(expression)
        if not isinstance(shown, sp.MatMul):
            return str(self._print(shown))
        level, (minus, rest) = binding(shown, traditional=True), without_minus(shown)
        factors = rest.args if isinstance(rest, sp.MatMul) else (rest,)
        product = " ".join(
            str(self._print(factor))
            if isinstance(factor, sp.Mul) and not isinstance(factor, sp.MatMul)
            else self.parenthesize(factor, level)
            for factor in factors
        )
        return f"- {product}" if minus else product

    def _print_MatAdd(self, expression: Any) -> str:
        found = []
        for term in self._as_ordered_terms(expression):
            minus, rest = without_minus(term)
            text = self.parenthesize(rest, PRECEDENCE["Add"])
            found.append(f"{' - ' if minus else ' + '}{text}")
        text = "".join(found)
        return f"- {text[3:]}" if text.startswith(" - ") else text[3:]

    def _print_ElementwiseApplyFunction(self, expression: Any) -> str:
        return self.of_entries(expression.function, [expression.expr])

    def of_entries(self, function: Any, operands: Sequence[Any]) -> str:
        """A function of the entries of matrices, scalars among them."""
        places = {
            variable: Operand(self._print(x), binding(x, traditional=True)) if getattr(x, "is_Matrix", False) else x
            for variable, x in zip(function.variables, operands, strict=True)
        }
        return str(self._print(function.expr.xreplace(places)))


def _is_formula(name: str) -> bool:
    """Whether a name holds nothing that LaTeX would carry out but letters, accents and fonts, and braces that match."""
    plain = _COMMAND.sub(lambda found: "" if found[1] in _COMMANDS else found[0], name)
    if "^^" in plain or not plain.isprintable() or any(c in plain for c in _SPECIAL.keys() - set("{}_^")):
        return False
    depth = 0
    for c in plain:
        depth += (c == "{") - (c == "}")
        if depth < 0:
            return False
    return depth == 0


def verbatim(text: str) -> str:
    """Any text in LaTeX, as it is."""
    return rf"\text{{{''.join(_SPECIAL.get(c, c) for c in printable(text))}}}"


def latex(expression: Any, samples: str = "N") -> str:
    """An expression, or a tensor, in LaTeX; a remark alone where it is too deep to print."""
    try:
        return str(Latex(samples).doprint(expression))
    except RecursionError:
        return r"\text{too deep to print}"


def without_repetitions(product: Any) -> Any:
    """A product of matrices without the matrices of ones that only repeat a scalar, a row or a column."""
    scalar, matrices = product.as_coeff_matrices()
    kept = list(matrices)
    for place, part in enumerate(matrices):
        before, after = matrices[:place], matrices[place + 1 :]
        first, last = after and not before, before and not after  # between others it adds up
        repeats = (first and part.cols == 1) or (last and part.rows == 1) or (len(kept) == 1 and scalar != 1)
        if isinstance(part, sp.OneMatrix) and repeats:
            kept.remove(part)
    if len(kept) == len(matrices):
        return product
    return scalar * sp.MatMul(*kept) if kept else scalar
