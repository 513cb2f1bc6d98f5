"""Functions with kinks or jumps: which smooth piece applies is decided at one point, the value taken at another.

A derivative by differences would otherwise mix the pieces beside a kink. Each function takes the context, its live
arguments `x`, and the same arguments `at` the point where the derivative is asked for. The pieces are those of the
rules of meaning: relu'(0) = 0, ties share equally, clip' = 1 on its bounds, |x|' = 0 at 0, jumps have derivative 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symdiff.reference.arrays import Context, Number

Numbers = Sequence[Number]
KinkedFunction = Callable[[Context, Numbers, Numbers], Number]


def average(values: Numbers) -> Number:
    """The mean of tied values: equal at the tie, and sharing the derivative equally."""
    return values[0] if len(values) == 1 else sum(values[1:], values[0]) / len(values)


def largest(c: Context, x: Numbers, at: Numbers) -> Number:
    """The largest of several values; NaN if one is."""
    if any(a != a for a in at):
        return c.nan
    top = max(at)
    return average([value for value, a in zip(x, at, strict=True) if a == top])


def smallest(c: Context, x: Numbers, at: Numbers) -> Number:
    """The smallest of several values; NaN if one is."""
    if any(a != a for a in at):
        return c.nan
    bottom = min(at)
    return average([value for value, a in zip(x, at, strict=True) if a == bottom])


def _sign(c: Context, x: Numbers, at: Numbers) -> Number:
    return c.mpf((at[0] > 0) - (at[0] < 0))


def _abs(c: Context, x: Numbers, at: Numbers) -> Number:
    return x[0] if at[0] > 0 else -x[0] if at[0] < 0 else c.zero


def _heaviside(c: Context, x: Numbers, at: Numbers) -> Number:
    return x[1] if at[0] == 0 else c.mpf(at[0] > 0)


def _clip(c: Context, x: Numbers, at: Numbers) -> Number:
    value, low, high = at
    if value > high or low > high:  # crossed bounds: the upper one, as in NumPy
        return x[2]
    return x[1] if value < low else x[0]


def _mod(c: Context, x: Numbers, at: Numbers) -> Number:
    return c.nan if at[1] == 0 else x[0] - x[1] * c.floor(at[0] / at[1])


KINKED: dict[tuple[str, str], KinkedFunction] = {
    ("sympy", "Abs"): _abs,
    ("sympy", "sign"): _sign,
    ("sympy", "Heaviside"): _heaviside,
    ("sympy", "DiracDelta"): lambda c, x, at: c.zero,
    ("sympy", "floor"): lambda c, x, at: c.floor(at[0]),
    ("sympy", "ceiling"): lambda c, x, at: c.ceil(at[0]),
    ("sympy", "frac"): lambda c, x, at: x[0] - c.floor(at[0]),
    ("sympy", "Mod"): _mod,
    ("sympy", "Max"): largest,
    ("sympy", "Min"): smallest,
    ("sympy", "arg"): lambda c, x, at: c.pi * (at[0] < 0),
    ("sympy", "KroneckerDelta"): lambda c, x, at: c.mpf(at[0] == at[1]),
    ("symdiff", "relu"): lambda c, x, at: x[0] if at[0] > 0 else c.zero,
    ("symdiff", "maximum"): largest,
    ("symdiff", "minimum"): smallest,
    ("symdiff", "clip"): _clip,
    ("symdiff", "equal"): lambda c, x, at: c.mpf(at[0] == at[1]),
}


def guarded(context: Context, function: KinkedFunction) -> Callable[..., Number]:
    """`function` of its live arguments followed by the deciding ones; NaN passes through, `equal` is IEEE's."""
    keeps_nan = function not in (KINKED["symdiff", "equal"], KINKED["sympy", "KroneckerDelta"])

    def apply(*arguments: Number) -> Number:
        middle = len(arguments) // 2
        if keeps_nan and any(x != x for x in arguments):
            return context.nan
        return function(context, arguments[:middle], arguments[middle:])

    return apply
