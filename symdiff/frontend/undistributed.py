"""c (x - y) where SymPy has multiplied it out: of large x and y that lie close together, c x - c y has few digits left.

SymPy turns (x - 100000)/3 into x/3 - 100000/3 before anyone sees it, and 0.1*(x - y) into 0.1*x - 0.1*y.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import sympy as sp

_DIGITS = 12  # a decimal number that a user types has no more


def undistributed(total: Any) -> Sequence[Any]:
    """The terms of a sum; a number in front of several of them, if fewer products have to be rounded so, in front of all.

    A constant of 1 or -1 stays outside: log(1 + x/3) is computed well because of its 1.
    """
    terms = [_with_factor(term) for term in total.args if not isinstance(term, sp.Number)]
    numbers = [term for term in total.args if isinstance(term, sp.Number)]
    rounded = _rounded(factor for factor, _ in terms)
    for inside in (numbers, []) if rounded else ():
        if len(terms) + len(inside) < 2 or any(abs(number) == 1 for number in inside):
            continue
        common = _common([*(factor for factor, _ in terms), *inside])
        quotients = [] if common is None else [_quotient(factor, common) for factor, _ in terms]
        shifts = [] if common is None else [_quotient(number, common) for number in inside]
        if common is None or None in (*quotients, *shifts) or _rounded(quotients) >= rounded:
            continue
        parts = (_times(factor, part) for factor, (_, part) in zip(quotients, terms, strict=True))
        outside = () if inside else numbers
        if isinstance(total, sp.MatAdd):
            return (sp.MatMul(common, sp.MatAdd(*parts)),)
        return (sp.Mul(common, sp.Add(*shifts, *parts), evaluate=False), *outside)
    return total.args


def _with_factor(term: Any) -> tuple[Any, Any]:
    """A term as a number times the rest."""
    if isinstance(term, sp.MatMul):
        factor, matrix = term.as_coeff_mmul()
        number, scalar = factor.as_coeff_Mul()
        return number, _times(scalar, matrix)
    return (sp.S.One, term) if getattr(term, "is_Matrix", False) else term.as_coeff_Mul()


def _times(factor: Any, part: Any) -> Any:
    if factor == 1:
        return part
    return sp.MatMul(factor, part) if getattr(part, "is_Matrix", False) else factor * part


def _rounded(factors: Any) -> int:
    """How many of the products with these factors are rounded: all but those with powers of two."""
    return sum(not _is_power_of_two(factor) for factor in factors)


def _is_power_of_two(factor: Any) -> bool:
    if factor.is_Rational:
        p, q = abs(factor.p), factor.q
        return bool(p & (p - 1) == 0 and q & (q - 1) == 0)
    return math.frexp(float(factor))[0] in (0.5, -0.5)


def _common(factors: Sequence[Any]) -> Any:
    """What all factors are multiples of: of decimals the first one, without its sign."""
    if not all(factor.is_Rational or factor.is_Float for factor in factors):
        return None
    exact = all(factor.is_Rational for factor in factors)
    return reduce(lambda a, b: a.gcd(b), factors) if exact else abs(factors[0])


def _quotient(number: Any, common: Any) -> Any:
    """A number over the common one, if that times the quotient is exactly the number again."""
    if number.is_Rational and common.is_Rational:
        return number / common
    quotient = float(f"{float(number) / float(common):.{_DIGITS}g}")
    if quotient * float(common) != float(number):
        return None
    return sp.Integer(int(quotient)) if quotient.is_integer() else sp.Float(quotient)
