"""Derivatives of sums of exponentials of some hundreds: right wherever value and gradient neither over- nor underflow.

The right numbers are differences of the value in 60 digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symdiff as sd

n, d, K = sp.symbols("n d K", integer=True, positive=True)
i, j, k = sp.symbols("i j k", integer=True)
t, y, z, e = (sp.IndexedBase(name, shape=(n,)) for name in "tyze")
T, Y, b = sd.Tensor("T", (n,)), sd.Tensor("Y", (n,)), sd.Tensor("b", (d,))
X = sd.Tensor("X", (n, d))
u, v, w = sp.symbols("u v w")

AT = np.array([400.0, 399.0, 402.0, 398.5])
WEIGHTS = np.array([0.3, 1.0, 2.0, 0.7])
EVENTS = np.array([1.0, 0.0, 1.0, 1.0])
TIMES = np.array([3.0, 1.0, 2.0, 2.0])
YEARS = np.column_stack([[2001.0, 2004, 1999, 2010], [0.4, -1, 2, 0.3]])
LATER = TIMES[None, :] >= TIMES[:, None]
ROWS = 400 + np.array([[0.3, -1, 2], [1, 0.2, 0.1]])
LABELS = np.array([[0.2, 0.5, 0.3], [1, 0, 0]])

Case = tuple[sd.Model, list[Any], list[Any], Callable[[Sequence[Any]], Any]]
CASES: dict[str, Callable[[], Case]] = {}


def case(make: Callable[[], Case]) -> Callable[[], Case]:
    CASES[make.__name__] = make
    return make


def share(x: Any, all_of_them: Sequence[Any]) -> Any:
    return mp.exp(x) / mp.fsum(map(mp.exp, all_of_them))


def log_sum(terms: Sequence[Any], weights: Sequence[float] | None = None) -> Any:
    return mp.log(mp.fsum(weight * mp.exp(x) for x, weight in zip(terms, weights or [1] * len(terms), strict=True)))


def risk_sets(p: Sequence[Any], at_risk: Callable[[int], Sequence[int]]) -> Any:
    """The negative partial likelihood of Cox's model."""
    eta = [p[0] * row[0] + p[1] * row[1] for row in YEARS.tolist()]
    return -mp.fsum(EVENTS[a] * (eta[a] - log_sum([eta[c] for c in at_risk(a)])) for a in range(4))


@case
def cox_of_ordered_times() -> Case:
    x, beta = sp.IndexedBase("x", shape=(n, d)), sp.IndexedBase("beta", shape=(d,))
    eta = [sp.Sum(x[at, k] * beta[k], (k, 0, d - 1)) for at in (i, j)]
    loss = -sp.Sum(e[i] * (eta[0] - sp.log(sp.Sum(sp.exp(eta[1]), (j, i, n - 1)))), (i, 0, n - 1))
    model = sd.Model(loss, params=[beta], data=[x, e], samples=n)
    return model, [np.array([0.2, -0.3])], [YEARS, EVENTS], lambda p: risk_sets(p, lambda a: range(a, 4))


@case
def cox_by_a_mask() -> Case:
    times = sd.Tensor("times", (n,))
    at_risk = sd.where(times[None, :] >= times[:, None], sd.exp(X @ b)[None, :], 0)
    loss = -sd.sum(Y * (X @ b - sd.log(sd.sum(at_risk, axis=1))))
    model = sd.Model(loss, params=[b], constants=[X, Y, times])
    here = [np.array([0.2, -0.3])], [YEARS, EVENTS, TIMES]
    return model, *here, lambda p: risk_sets(p, lambda a: np.flatnonzero(LATER[a]))


@case
def cox_by_a_matrix() -> Case:
    x, beta, mask, event = (sp.MatrixSymbol(*a) for a in (("x", n, d), ("beta", d, 1), ("mask", n, n), ("event", n, 1)))
    eta = x * beta
    loss = -(event.T * (eta - (mask * eta.applyfunc(sp.exp)).applyfunc(sp.log)))[0, 0]
    model = sd.Model(loss, params=[beta], constants=[x, mask, event])
    data = [YEARS, LATER.astype(float), EVENTS[:, None]]
    return model, [np.array([[0.2], [-0.3]])], data, lambda p: risk_sets(p, lambda a: np.flatnonzero(LATER[a]))


@case
def rankings() -> Case:
    """Plackett and Luce."""
    model = sd.Model(sp.Sum(t[i] - sp.log(sp.Sum(sp.exp(t[j]), (j, i, n - 1))), (i, 0, n - 1)), params=[t])
    return model, [-AT], [], lambda p: mp.fsum(p[a] - log_sum(p[a:]) for a in range(4))


@case
def paired_comparisons() -> Case:
    """Bradley and Terry, with shares instead of their logarithms."""
    chance = sp.exp(t[i]) / (sp.exp(t[i]) + sp.exp(t[j]))
    model = sd.Model(sp.Sum(y[i] * (z[j] - chance) ** 2, (i, 0, n - 1), (j, 0, n - 1)), params=[t], data=[y, z])
    return (
        model,
        [AT],
        [WEIGHTS, EVENTS],
        lambda p: mp.fsum(
            WEIGHTS[a] * (EVENTS[c] - share(p[a], [p[a], p[c]])) ** 2 for a in range(4) for c in range(4)
        ),
    )


@case
def ratio_of_weighted_sums() -> Case:
    sums = [sp.Sum(weight[i] * sp.exp(t[i]), (i, 0, n - 1)) for weight in (y, z)]
    model = sd.Model(sums[0] / sums[1], params=[t, z], data=[y])
    return (
        model,
        [AT, WEIGHTS],
        [TIMES],
        lambda p: (
            mp.fsum(weight * mp.exp(x) for weight, x in zip(TIMES, p, strict=False))
            / mp.fsum(p[4 + a] * mp.exp(p[a]) for a in range(4))
        ),
    )


@case
def running_averages() -> Case:
    sums = [sp.Sum(weight * sp.exp(t[j]), (j, 0, i)) for weight in (y[j], 1)]
    model = sd.Model(sp.Sum((y[i] - sums[0] / sums[1]) ** 2, (i, 0, n - 1)), params=[t], data=[y])
    return (
        model,
        [AT],
        [WEIGHTS],
        lambda p: mp.fsum(
            (WEIGHTS[a] - mp.fsum(WEIGHTS[c] * share(p[c], p[: a + 1]) for c in range(a + 1))) ** 2 for a in range(4)
        ),
    )


@case
def windows() -> Case:
    weight = sp.IndexedBase("weight", shape=(3,))
    inner = sp.Sum(weight[k] * sp.exp(t[i + k]), (k, 0, 2))
    model = sd.Model(sp.Sum(sp.log(inner), (i, 0, n - 3)), params=[t, weight])
    return model, [AT, WEIGHTS[:3]], [], lambda p: mp.fsum(log_sum(p[a : a + 3], p[4:]) for a in range(2))


@case
def softmax_of_rows() -> Case:
    scores, target = sd.Tensor("scores", (n, K)), sd.Tensor("target", (n, K))
    grown = sd.exp(scores)
    loss = sd.sum((target - grown / sd.sum(grown, axis=1, keepdims=True)) ** 2)
    model = sd.Model(loss, params=[scores], data=[target], samples=n)
    return (
        model,
        [ROWS],
        [LABELS],
        lambda p: mp.fsum(
            (LABELS[a, c] - share(p[3 * a + c], p[3 * a : 3 * a + 3])) ** 2 for a in range(2) for c in range(3)
        ),
    )


@case
def three_scalars() -> Case:
    x = sp.Symbol("x")
    grown = [sp.exp(s * x) for s in (u, v, w)]
    model = sd.Model(sd.mean(grown[0] * grown[1] / sum(grown) ** 2), params=[u, v, w], data=[x])
    places = np.array([2.99, 3.001, 3.01])
    return (
        model,
        [100.0, 100.3, 99.8],
        [places],
        lambda p: (
            mp.fsum(share(p[0] * x, [q * x for q in p]) * share(p[1] * x, [q * x for q in p]) for x in places) / 3
        ),
    )


@case
def mean_energy() -> Case:
    """Boltzmann's average, whose exponentials are small."""
    x = sp.Symbol("x")
    model = sd.Model(sd.mean(x * sp.exp(-w * x)) / sd.mean(sp.exp(-w * x)), params=[w], data=[x])
    return (
        model,
        [0.2],
        [YEARS[:, 0]],
        lambda p: mp.fsum(x * share(-p[0] * x, [-p[0] * q for q in YEARS[:, 0]]) for x in YEARS[:, 0]),
    )


@case
def log_of_a_product_of_matrices() -> Case:
    mix, power = sd.Tensor("mix", (n, K)), sd.Tensor("power", (K, d))
    model = sd.Model(sd.sum(sd.log(mix @ sd.exp(power))), params=[power, mix])
    return (
        model,
        [ROWS.T, LABELS],
        [],
        lambda p: mp.fsum(
            log_sum([p[2 * c + a] for c in range(3)], p[6 + 3 * r : 9 + 3 * r]) for r in range(2) for a in range(2)
        ),
    )


@case
def shares_of_sigmoids() -> Case:
    model = sd.Model(sd.sum(Y * sd.sigmoid(T)) / sd.sum(sd.sigmoid(T)), params=[T], constants=[Y])
    return (
        model,
        [-AT],
        [WEIGHTS],
        lambda p: (
            mp.fsum(weight / (1 + mp.exp(-x)) for weight, x in zip(WEIGHTS, p, strict=True))
            / mp.fsum(1 / (1 + mp.exp(-x)) for x in p)
        ),
    )


@case
def high_powers() -> Case:
    model = sd.Model(sp.Sum(sp.log(sp.Sum(t[j] ** 120, (j, i, n - 1))), (i, 0, n - 1)), params=[t])
    return (
        model,
        [np.array([30.0, 31, 29, 30.5])],
        [],
        lambda p: mp.fsum(mp.log(mp.fsum(x**120 for x in p[a:])) for a in range(4)),
    )


def differences(f: Callable[[Sequence[Any]], Any], at: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Value, gradient and Hessian of f by central differences in 60 digits."""
    with mp.workdps(60):
        h, here = mp.mpf(10) ** -20, [mp.mpf(x) for x in at.tolist()]

        def moved(*steps: tuple[int, int]) -> Any:
            p = list(here)
            for place, sign in steps:
                p[place] += sign * h
            return f(p)

        def second(a: int, c: int) -> Any:
            corners = [(one, two) for one in (1, -1) for two in (1, -1)]
            return mp.fsum(one * two * moved((a, one), (c, two)) for one, two in corners) / (4 * h * h)

        all_of_them = range(len(here))
        gradient = [(moved((a, 1)) - moved((a, -1))) / (2 * h) for a in all_of_them]
        second_derivatives = [[second(a, c) for c in all_of_them] for a in all_of_them]
        return float(f(here)), np.array(gradient, float), np.array(second_derivatives, float)


def flat(parts: Sequence[Any]) -> np.ndarray:
    return np.concatenate([np.ravel(part) for part in parts])


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", CASES)
def test_derivatives_need_no_larger_numbers_than_the_gradient(name: str) -> None:
    model, params, data, f = CASES[name]()
    value, gradient, hessian = differences(f, flat(params))
    module = sd.compile(model, emit=("value", "grad", "hessian", "hvp"), cache=False)
    direction = np.cos(np.arange(len(gradient)))
    rows = module.hessian(*params, *data)
    sizes = [np.size(p) for p in params]
    blocks = [
        [np.reshape(part, (r, c)) for part, c in zip(row, sizes, strict=True)]
        for row, r in zip(rows, sizes, strict=True)
    ]
    parts = np.split(direction, np.cumsum(sizes)[:-1])
    product = module.hvp(*params, *data, [part.reshape(np.shape(p)) for part, p in zip(parts, params, strict=True)])
    np.testing.assert_allclose(module.value(*params, *data), value, rtol=1e-12)
    np.testing.assert_allclose(flat(module.grad(*params, *data)), gradient, atol=1e-9 * np.abs(gradient).max())
    np.testing.assert_allclose(np.block(blocks), hessian, atol=1e-8 * np.abs(hessian).max())
    np.testing.assert_allclose(flat(product), hessian @ direction, atol=1e-8 * np.abs(hessian).max())


def test_the_jacobian_of_shares_by_either_mode() -> None:
    shares = Y * sd.exp(T) / sd.sum(Y * sd.exp(T))
    module = sd.compile(
        sd.Model(outputs={"out": shares}, params=[T], constants=[Y]), emit=("jacobian", "vjp", "jvp"), cache=False
    )
    exact = WEIGHTS * np.exp(AT - 400)
    exact /= exact.sum()
    jacobian = np.diag(exact) - np.outer(exact, exact)
    np.testing.assert_allclose(module.out_jacobian(AT, WEIGHTS).T, jacobian, atol=1e-14)
    np.testing.assert_allclose(module.out_vjp(AT, WEIGHTS, EVENTS).T, EVENTS @ jacobian, atol=1e-14)
    np.testing.assert_allclose(module.out_jvp(AT, WEIGHTS, (EVENTS,)), jacobian @ EVENTS, atol=1e-14)
