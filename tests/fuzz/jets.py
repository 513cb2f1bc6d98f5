"""Numbers that carry their first and second derivatives, and the functions of them: what models are held against.

A `Jet` is a value, a gradient and a Hessian by all parameters, in arrays of any dtype: of NumPy's, or mpmath's numbers.
Nothing here knows symdiff. Kinks are as PyTorch has them: see `Functions.maximum` and its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mpmath as mp
import numpy as np

_UNDERFLOW = 1e-290  # what differs by less may be one number, 0
_SINGLE = 1e-30  # and in single precision
_LARGEST = 1e308


class Jet:
    """A value with its derivatives; a Hessian of zeros is None."""

    __slots__ = ("g", "h", "v")
    __array_ufunc__ = None  # NumPy's numbers hand over to the operators below
    rounded: Callable[[Any], Any] | None = None
    """What rounds the parts of every new number; see `rounding`."""

    def __init__(self, v: Any, g: Any, h: Any = None) -> None:
        if self.rounded is not None:
            v, g, h = self.rounded(v), self.rounded(g), None if h is None else self.rounded(h)
        self.v, self.g, self.h = v, g, h

    def chain(self, f0: Any, f1: Any, f2: Any) -> Jet:
        """f of this, by the value of f and of its first two derivatives."""
        h = f2 * _outer(self.g, self.g)
        return Jet(f0, f1 * self.g, h if self.h is None else h + f1 * self.h)

    def __add__(self, other: Any) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.v + other, self.g, self.h)
        return Jet(self.v + other.v, self.g + other.g, _plus(self.h, other.h))

    def __neg__(self) -> Jet:
        found = Jet.__new__(Jet)  # exact, also where results are rounded
        found.v, found.g, found.h = -self.v, -self.g, None if self.h is None else -self.h
        return found

    def __mul__(self, other: Any) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.v * other, self.g * other, None if self.h is None else self.h * other)
        cross = _outer(self.g, other.g)
        h = _plus(None if self.h is None else self.h * other.v, None if other.h is None else self.v * other.h)
        return Jet(self.v * other.v, self.g * other.v + self.v * other.g, _plus(cross + cross.T, h))

    def __truediv__(self, other: Any) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.v / other, self.g / other, None if self.h is None else self.h / other)
        return self * other.reciprocal()

    def reciprocal(self) -> Jet:
        """1 / this."""
        one = 1 / self.v
        return self.chain(one, -one * one, 2 * one * one * one)

    def __pow__(self, n: int) -> Jet:
        if n == 2:
            return self * self
        v = self.v
        return self.chain(
            v**n, n * v ** (n - 1) if n else 0 * v, n * (n - 1) * v ** (n - 2) if n not in (0, 1) else 0 * v
        )

    def __sub__(self, other: Any) -> Jet:
        return self + -other

    def __rsub__(self, other: Any) -> Jet:
        return -self + other

    def __rtruediv__(self, other: Any) -> Jet:
        return self.reciprocal() * other

    __radd__, __rmul__ = __add__, __mul__

    def __lt__(self, other: Any) -> bool:
        return bool(self.v < value(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.v <= value(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.v > value(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.v >= value(other))


@contextmanager
def rounding(unit: float, rng: np.random.Generator) -> Iterator[None]:
    """Inside, the result of every operation is off by a random part of a unit of rounding.

    So it is in a module's own precision, without its overflow, and without the luck of one evaluation (Parker 1997).
    """

    def rounded(x: Any) -> Any:
        return x * (1 + unit * rng.uniform(-1, 1, np.shape(x)))

    Jet.rounded = staticmethod(rounded)
    try:
        yield
    finally:
        Jet.rounded = None


def _outer(a: Any, b: Any) -> Any:
    return a[:, None] * b


def _plus(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


def _overflows(x: Any) -> bool:
    """Whether a number or its derivatives are beyond the range of double precision."""
    parts = (x.v, x.g, *(() if x.h is None else (x.h,))) if isinstance(x, Jet) else (x,)
    return any(bool(np.any(np.abs(part) > _LARGEST)) for part in parts)


def value(x: Any) -> Any:
    """The number without derivatives."""
    return x.v if isinstance(x, Jet) else x


class Functions:
    """The functions of jets and of numbers, in one arithmetic: ``Functions(np.longdouble)``, or mpmath's with `mp.mpf`."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.exact = kind is mp.mpf
        self.nearest = 1.0
        """How near two values that were compared came to one another, relative to them; ties of data do not count."""
        self.is_singular = False
        """Whether a function was asked for where it is not finite."""

    def number(self, p: Any, q: int = 1) -> Any:
        """p / q; p may be a float, which is exact."""
        return self.kind(p) / q if q != 1 else self.kind(p)

    def _library(self, name: str, x: Any) -> Any:
        """A function of a number: of NumPy, or of mpmath where NumPy has none."""
        if self.exact:
            return getattr(mp, name)(x)
        if hasattr(np, name):
            return getattr(np, name)(x)
        with mp.workdps(30):
            found = getattr(mp, name)(mp.mpf(repr(float(x))) if self.kind is not np.longdouble else _mpf(x))
            return self.kind(mp.nstr(found, 25))

    def _of(self, x: Any, name: str, slopes: Callable[[Any, Any], tuple[Any, Any]]) -> Any:
        """A function by name; `slopes` gives its first two derivatives by its argument and its value."""
        v = value(x)
        f = self._library(name, v)
        self.is_singular |= not abs(f) < np.inf
        if not isinstance(x, Jet):
            return f
        f = f if Jet.rounded is None else Jet.rounded(f)  # as the slopes see it: 1 - tanh**2 loses digits
        return x.chain(f, *slopes(v, f))

    def exp(self, x: Any) -> Any:
        return self._of(x, "exp", lambda v, f: (f, f))

    def log(self, x: Any) -> Any:
        return self._of(x, "log", lambda v, f: (1 / v, -1 / v / v))

    def sin(self, x: Any) -> Any:
        return self._of(x, "sin", lambda v, f: (self._library("cos", v), -f))

    def cos(self, x: Any) -> Any:
        return self._of(x, "cos", lambda v, f: (-self._library("sin", v), -f))

    def tanh(self, x: Any) -> Any:
        return self._of(x, "tanh", lambda v, f: (1 - f * f, -2 * f * (1 - f * f)))

    def sinh(self, x: Any) -> Any:
        return self._of(x, "sinh", lambda v, f: (self._library("cosh", v), f))

    def cosh(self, x: Any) -> Any:
        return self._of(x, "cosh", lambda v, f: (self._library("sinh", v), f))

    def sqrt(self, x: Any) -> Any:
        return self._of(x, "sqrt", lambda v, f: (1 / (2 * f), -1 / (4 * f * v)))

    def atan(self, x: Any) -> Any:
        name = "atan" if self.exact else "arctan"
        return self._of(x, name, lambda v, f: (1 / (1 + v * v), -2 * v / (1 + v * v) ** 2))

    def erf(self, x: Any) -> Any:
        return self._of(x, "erf", lambda v, f: self._gaussian(v))

    def erfc(self, x: Any) -> Any:
        return self._of(x, "erfc", lambda v, f: tuple(-slope for slope in self._gaussian(v)))

    def _gaussian(self, v: Any) -> tuple[Any, Any]:
        pi = mp.pi + 0 if self.exact else self.kind("3.14159265358979323846264338")
        slope = 2 / self._library("sqrt", pi) * self._library("exp", -v * v)
        return slope, -2 * v * slope

    def loggamma(self, x: Any) -> Any:
        polygamma = lambda n, v: self._special(lambda u: mp.psi(n, u), v)  # noqa: E731
        return self._of(x, "loggamma", lambda v, f: (polygamma(0, v), polygamma(1, v)))

    def _special(self, function: Callable[[Any], Any], v: Any) -> Any:
        if self.exact:
            return function(v)
        with mp.workdps(30):
            return self.kind(mp.nstr(function(_mpf(v)), 25))

    def sigmoid(self, x: Any) -> Any:
        v = value(x)
        small = self._library("exp", -abs(v))
        s = 1 / (1 + small) if v >= 0 else small / (1 + small)
        rest = small / (1 + small) if v >= 0 else 1 / (1 + small)
        return x.chain(s, s * rest, s * rest * (rest - s)) if isinstance(x, Jet) else s

    def softplus(self, x: Any) -> Any:
        v = value(x)
        f = max(v, 0 * v) + self._log1p(self._library("exp", -abs(v)))
        slope = self.sigmoid(v)
        return x.chain(f, slope, slope * self.sigmoid(-v)) if isinstance(x, Jet) else f

    def _log1p(self, v: Any) -> Any:
        return mp.log1p(v) if self.exact else np.log1p(v)

    def log1p(self, x: Any) -> Any:
        return self._of(x, "log1p", lambda v, f: (1 / (1 + v), -1 / (1 + v) ** 2))

    def expm1(self, x: Any) -> Any:
        return self._of(x, "expm1", lambda v, f: (f + 1, f + 1))

    def logcosh(self, x: Any) -> Any:
        """log cosh x: |x| - log 2 + log(1 + exp(-2 |x|))."""
        v, tail = value(x), self._library("exp", -2 * abs(value(x)))
        slope = (1 - tail) / (1 + tail) * (1 if v >= 0 else -1)
        f = abs(v) + self._log1p(tail) - self._log1p(self.kind(1))
        return x.chain(f, slope, 4 * tail / (1 + tail) ** 2) if isinstance(x, Jet) else f

    def power(self, x: Any, y: Any) -> Any:
        """x**y: of a whole number y by its own rule, right at x = 0 too; else of a positive x."""
        n = value(y)
        self.is_singular |= bool(value(x) < 0 and n != int(n))
        if not isinstance(y, Jet) and n == int(n):
            return x ** int(n) if isinstance(x, Jet) or n >= 0 else 1 / x ** int(-n)
        if not isinstance(y, Jet) and isinstance(x, Jet):
            v = x.v
            f = v**n
            return x.chain(f, n * f / v, n * (n - 1) * f / v / v)
        if not isinstance(x, Jet) and not isinstance(y, Jet):
            return x**y
        return self.exp(y * self.log(x))

    # Kinks

    def compared(self, a: Any, b: Any) -> None:
        """Remember how near two numbers are, since rounding may exchange them."""
        a, b = value(a), value(b)
        tie = 1.0 if (float(a) * 64).is_integer() else 0.0
        size = abs(a) + abs(b)
        distance = tie if a == b else float(abs(a - b) / (size + _UNDERFLOW))
        if a != b and size < _SINGLE:
            distance = min(distance, 1e-5)
        if distance == distance:
            self.nearest = min(self.nearest, distance)

    @staticmethod
    def choose(condition: bool, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        """The branch that is taken; the other is not looked at."""
        return yes() if condition else no()

    def less(self, a: Any, b: Any) -> bool:
        """a < b."""
        self.compared(a, b)
        return bool(value(a) < value(b))

    def largest(self, *values: Any) -> Any:
        """The largest; ties share the derivatives evenly."""
        if any(value(x) != value(x) for x in values):  # NaN
            return sum(values[1:], values[0])
        most = max(value(x) for x in values)
        for x in values:
            if value(x) != most:
                self.compared(x, most)
        tied = [x for x in values if value(x) == most]
        self.is_singular |= any(_overflows(x) for x in values if value(x) != most)  # its derivative is multiplied by 0
        if len(tied) > 1 and any(isinstance(x, Jet) for x in tied):
            self.compared(most, most)
            return sum(tied[1:], tied[0]) / len(tied)
        return tied[0]

    def smallest(self, *values: Any) -> Any:
        """The smallest; ties share the derivatives evenly."""
        return -self.largest(*(-x for x in values))

    def relu(self, x: Any) -> Any:
        self.compared(x, 0)
        return x if value(x) > 0 else 0 * value(x)

    def abs(self, x: Any) -> Any:
        self.compared(x, 0)
        return x if value(x) > 0 else -x if value(x) < 0 else 0 * value(x)

    def clip(self, x: Any, low: Any, high: Any) -> Any:
        self.compared(x, low)
        self.compared(x, high)
        return low if value(x) < value(low) else high if value(x) > value(high) else x

    # Of several numbers

    def norm(self, values: list[Any]) -> Any:
        """The root of the sum of squares, scaled as nothing else is; with derivative 0 at 0."""
        total = sum((x * x for x in values[1:]), values[0] * values[0])
        return self.sqrt(total) if value(total) != 0 else 0 * value(total)

    def logsumexp(self, values: list[Any]) -> Any:
        most = max(value(x) for x in values)
        parts = [self.exp(x - most) for x in values]
        return self.log(sum(parts[1:], parts[0])) + most


def _mpf(x: Any) -> Any:
    """A number of NumPy's in mpmath, all its digits."""
    head = float(x)
    return mp.mpf(head) + mp.mpf(float(x - type(x)(head))) if np.isfinite(head) else mp.mpf(head)
