"""Every function of SymPy: compiled and compared with mpmath, or refused by name with what to do instead."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
import warnings
import zlib

import numpy as np
import pytest
import scalar_cases
import sympy as sp
from mpmath import mp
from scalar_cases import BASES, CASES, REFUSED

import symdiff as sd
from symdiff.errors import UnsupportedError

REMEDY = re.compile(r": (.* )?(write|pass|call|give|use|replace|make|expand|compute|try)\b")
ROWS = [(cls.__name__, i, row) for cls, rows in CASES.items() for i, row in enumerate(rows)]
X = sp.symbols("x y")


def sympy_functions() -> dict[type, str]:
    """Every public subclass of sympy.Function that SymPy defines anywhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in pkgutil.walk_packages(sp.__path__, "sympy."):
            if not re.search(r"\.(tests|benchmarks|conftest|__main__)", module.name):
                try:
                    importlib.import_module(module.name)
                except ImportError:
                    continue  # needs a package that is not here
    found: dict[type, str] = {}
    pending = [sp.Function]
    while pending:
        for cls in pending.pop().__subclasses__():
            module = sys.modules.get(cls.__module__ or "")
            own = any(value is cls for value in vars(module).values()) if module else False
            if own and cls not in found and module.__name__.startswith("sympy.") and not cls.__name__.startswith("_"):
                found[cls] = f"{module.__name__}.{cls.__name__}"
            pending.append(cls)
    return found


def test_every_function_of_sympy_is_compiled_or_refused():
    for cls, name in sympy_functions().items():
        places = [cls in CASES, cls.__name__ in REFUSED and cls not in CASES, cls.__name__ in BASES]
        assert sum(places) == 1, f"{name} is in {sum(places)} of CASES, REFUSED and BASES"


def test_what_is_refused_is_named_with_a_remedy():
    for cls, name in sympy_functions().items():
        if cls.__name__ not in REFUSED or cls in CASES:
            continue
        expression = sp.Basic.__new__(cls, *X)
        with pytest.raises(UnsupportedError) as caught:
            sd.compile(sd.Model(sp.Add(1, expression, evaluate=False), params=X), cache=False)
        message = caught.value.message
        assert cls.__name__ in message, name
        assert REMEDY.search(message), message


@pytest.mark.parametrize(("row"), [row for *_, row in ROWS], ids=[f"{name}-{i}" if i else name for name, i, _ in ROWS])
def test_value_and_derivatives_against_mpmath(row):
    symbols = X[: len(row.domain)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sd.errors.ModelWarning)
        module = compiled(row.make(*symbols), symbols, row.orders)
    points = sample(row)
    with np.errstate(all="ignore"):
        found = derivatives(module, symbols, points, row.orders)
        single = derivatives(module, symbols, points.astype(np.float32), row.orders)
    for orders, values in found.items():
        assert single[orders].dtype == np.float32
        for i, point in enumerate(points.T):
            check(row, orders, point, values[i], row.tolerance, 4 * np.finfo(np.float64).eps)
            if i < 2:
                rounded = point.astype(np.float32).astype(float)
                check(row, orders, rounded, single[orders][i], 2e-5, 16 * np.finfo(np.float32).eps)


def compiled(expression, symbols, orders):
    return sd.compile(sd.Model(expression, params=symbols), cache=False, emit=("value", "grad", "hessian")[: orders + 1])


def sample(row):
    """Random points of the domain, the same in every run, and the row's own: one column a point."""
    random = np.random.default_rng(zlib.crc32(repr(row.domain).encode()))
    drawn = np.stack([random.uniform(low, high, 8) for low, high in row.domain])
    return np.concatenate([drawn, np.array(row.at).T.reshape(len(row.domain), -1)], axis=1) if row.at else drawn


def derivatives(module, symbols, points, orders):
    """(order in each argument) -> values at the points."""
    count = len(symbols)
    unit = np.eye(count, dtype=int)
    found = {(0,) * count: module.value(*points)}
    if orders >= 1:
        found |= {tuple(unit[i]): part for i, part in enumerate(module.grad(*points))}
    if orders >= 2:
        second = module.hessian(*points)
        found |= {tuple(unit[i] + unit[j]): second[i][j] for i in range(count) for j in range(i, count)}
    return found


def check(row, orders, point, value, tolerance, rounding):
    """The value is right but for `tolerance` and for what rounding each argument by `rounding` may change."""
    want = reference(row, orders, point)
    if not mp.isfinite(want):
        assert not np.isfinite(value), (orders, point, value, want)
        return
    allowed = tolerance * abs(want)
    for i, coordinate in enumerate(point):
        more = tuple(n + (i == j) for j, n in enumerate(orders))
        slope = reference(row, more, point)
        if mp.isfinite(slope):
            allowed += rounding * abs(slope) * max(abs(coordinate), 1e-30)
    assert abs(mp.mpf(float(value)) - want) <= allowed + 1e-300, (orders, point, float(value), mp.nstr(want, 20))


def reference(row, orders, point):
    """A derivative by mpmath's differences at 30 digits; NaN where there is none."""
    with mp.workdps(30):
        arguments = tuple(mp.mpf(float(v)) for v in point)
        try:
            if not any(orders):
                return mp.mpf(row.reference(*arguments))
            single = len(point) == 1
            return mp.mpf(mp.diff(row.reference, arguments[0] if single else arguments, orders[0] if single else orders))
        except (ZeroDivisionError, ValueError, TypeError):
            return mp.nan
