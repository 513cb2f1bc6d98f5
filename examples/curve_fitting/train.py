"""Fit the 27 nonlinear regression problems of NIST from both starting points; count the certified digits.

`least_squares` compares sums of squares, which hold only half the digits of the parameters near the minimum. A few
Gauss-Newton steps, which solve J^T r = 0 itself with the same Jacobian, bring out the rest. The default method of
`least_squares` finds the way from all 54 starts; `method="lm"` runs away from the first one of BoxBOD.
"""

import importlib
import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "generated"))

SHARED = ("chwirut", "gauss", "lanczos")  # one curve for several data files
PROBLEMS = tuple(sorted((path.stem for path in (HERE / "data").glob("*.dat")), key=str.lower))


class Problem(NamedTuple):
    """One file of NIST's: two starting points, the certified parameters, the predictors, the response."""

    starts: np.ndarray
    certified: np.ndarray
    predictors: np.ndarray
    response: np.ndarray


def read(name):
    """Parse a data file, which says itself on which of its lines the numbers are."""
    text = (HERE / "data" / f"{name}.dat").read_text()

    def section(title):
        first, last = map(int, re.search(rf"{title} +\(lines (\d+) to +(\d+)\)", text).groups())
        rows = text.splitlines()[first - 1 : last]
        return np.array([[float(number) for number in row.split("=")[-1].split()] for row in rows])

    start1, start2, certified, _ = section("Starting Values").T
    response, *predictors = section("Data").T
    return Problem(np.array([start1, start2]), certified, np.array(predictors), response)


def module_of(name):
    """Import the generated module of a problem."""
    family = name.lower().rstrip("123")
    return importlib.import_module(f"{family if family in SHARED else name.lower()}_numpy")


def digits(found, certified):
    """Return how many digits of the worst parameter agree with the certified ones (which are given to eleven)."""
    error = np.max(np.abs(found - certified)/np.abs(certified))
    return min(11.0, -np.log10(max(error, 1e-300)))


def fit(name, start):
    """Return the parameters by `least_squares` alone, and after the Gauss-Newton steps."""
    curve, (_, _, predictors, response) = module_of(name), read(name)

    def residual(b):
        return curve.residual(*b, *predictors, response)

    def jacobian(b):
        return curve.residual_jacobian_flat(b, *predictors, response)

    tight = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": 5000}
    with np.errstate(all="ignore"):  # a trial step may go far astray; it is then rejected
        solution = least_squares(residual, start, jacobian, x_scale="jac", **tight).x
    b = solution
    for _ in range(30):
        slopes = jacobian(b)
        scale = np.linalg.norm(slopes, axis=0)
        b = b - np.linalg.lstsq(slopes/scale, residual(b), rcond=None)[0]/scale
    return solution, b


def main(problems=PROBLEMS):
    """Return, for each problem and start, the certified digits by `least_squares` alone and in the end."""
    found = {}
    print("certified digits of the worst parameter\nproblem    start   least_squares   in the end")
    for name in problems:
        problem = read(name)
        for number, start in enumerate(problem.starts, 1):
            alone, final = (digits(b, problem.certified) for b in fit(name, start))
            found[name, number] = alone, final
            print(f"{name:10} {number:5d} {alone:15.1f} {final:12.1f}")
    return found


if __name__ == "__main__":
    main()
