"""Fit the approximations in symdiff/codegen/runtime/ and print them, with their errors: takes a minute.

Each minimises the largest weighted error on Chebyshev points: linear least squares with the denominator of the round before
(Sanathanan and Koerner 1963) and Lawson's weights (1961), in 80 digits.
"""

from __future__ import annotations

from collections.abc import Callable

from mpmath import mp, mpf

Function = Callable[[mpf], mpf]
_POINTS, _ROUNDS = 90, 10


def fit(
    function: Function, weight: Function, degrees: tuple[int, int], points: list[mpf]
) -> tuple[mpf, list[mpf], list[mpf]]:
    """The largest weighted error, and the numerator and denominator of these degrees, highest power first."""
    above, below = degrees
    values, weights = [function(x) for x in points], [weight(x) for x in points]
    denominators, lawson = [mpf(1)] * len(points), [mpf(1)] * len(points)
    best = None
    for _ in range(_ROUNDS):
        rows, right = [], []
        for x, y, w, q, share in zip(points, values, weights, denominators, lawson, strict=True):
            scale = w / q * mp.sqrt(share)
            rows.append([scale * x**k for k in range(above + 1)] + [-scale * y * x**k for k in range(1, below + 1)])
            right.append(scale * y)
        matrix = mp.matrix(rows)
        found = mp.lu_solve(matrix.T * matrix, matrix.T * mp.matrix(right))
        p, q = list(found[above::-1]), [*list(found[:above:-1]), mpf(1)]
        denominators = [mp.polyval(q, x) for x in points]
        parts = zip(points, values, weights, denominators, strict=True)
        errors = [abs(mp.polyval(p, x) / d - y) * w for x, y, w, d in parts]
        if best is None or max(errors) < best[0]:
            best = max(errors), p, q
        mean = sum(errors) / len(errors)
        lawson = [share * (error / mean + mpf("0.02")) for share, error in zip(lawson, errors, strict=True)]
    assert best is not None
    return best


def chebyshev() -> list[mpf]:
    """Chebyshev points between -1 and 1."""
    return [mp.cos(mp.pi * (2 * i + 1) / (2 * _POINTS)) for i in range(_POINTS)]


def tail(degrees: tuple[int, int], last: float) -> tuple[mpf, list[mpf], list[mpf]]:
    """R of exp(x**2) erfc(x) = (1 + x R(x)) / (1 + 2 x) from 0 to `last`, by its relative error there."""
    points = [2 * (1 + s) / (1 + mpf(4) / last - s) for s in chebyshev()]
    whole = lambda x: (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)  # noqa: E731
    return fit(lambda x: (whole(x) - 1) / x, lambda x: x / whole(x), degrees, points)


def middle(degrees: tuple[int, int], last: float) -> tuple[mpf, list[mpf], list[mpf]]:
    """R of erf(x) = tanh(x + x R(x**2)) for |x| up to `last`, by the relative error of erf."""
    points = [mpf(last) ** 2 / 2 * (1 + s) for s in chebyshev()]

    def slope(z: mpf) -> mpf:
        return mp.atanh(mp.erf(mp.sqrt(z))) / mp.sqrt(z)

    def weight(z: mpf) -> mpf:
        inner = slope(z) * mp.sqrt(z)
        return mp.sqrt(z) / (mp.cosh(inner) * mp.sinh(inner))

    return fit(lambda z: slope(z) - 1, weight, degrees, points)


def octant() -> list[mpf]:
    """Points of z = r**2 for |r| <= pi/4."""
    return [(mp.pi / 4) ** 2 / 2 * (1 + s) for s in chebyshev()]


def sine(degree: int) -> tuple[mpf, list[mpf], list[mpf]]:
    """S of sin(r) = r + r**3 S(r**2), by the relative error of the sine."""
    whole = lambda z: mp.sin(mp.sqrt(z)) / mp.sqrt(z)  # noqa: E731
    return fit(lambda z: (whole(z) - 1) / z, lambda z: z / whole(z), (degree, 0), octant())


def cosine(degree: int) -> tuple[mpf, list[mpf], list[mpf]]:
    """C of cos(r) = 1 - r**2/2 + r**4 C(r**2), by the relative error of the cosine."""
    whole = lambda z: mp.cos(mp.sqrt(z))  # noqa: E731
    return fit(lambda z: (whole(z) - 1 + z / 2) / z**2, lambda z: z**2 / whole(z), (degree, 0), octant())


if __name__ == "__main__":
    mp.dps = 80
    for title, (error, p, q) in {
        "erf, float32": middle((4, 5), 4.0),
        "erf, float64": middle((9, 10), 5.95),
        "erfc, float32": tail((4, 5), 10.2),
        "erfc, float64": tail((9, 10), 28.0),
        "sine, float64": sine(5),
        "cosine, float64": cosine(5),
    }.items():
        print(f"# {title}: error {mp.nstr(error, 3)}")
        for side in (p[::-1], q[-1:0:-1]):  # the denominator's first coefficient is 1
            for start in range(0, len(side), 5):
                print(f"    {tuple(float(c / q[0]) for c in side[start : start + 5])},")
