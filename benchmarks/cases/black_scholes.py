"""The price of a European call by Black and Scholes and its five derivatives, for a million options: a pointwise model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sympy as sp

import symdiff as sd
from benchmarks.case import Case, Inputs, Target
from benchmarks.peers.lambdify import Scalars

SPOT, STRIKE, RATE, VOLATILITY, YEARS = INPUTS = sp.symbols("spot strike rate volatility years")


def _normal(z: Any) -> Any:
    return (1 + sp.erf(z / sp.sqrt(2))) / 2


SPREAD = VOLATILITY * sp.sqrt(YEARS)
ABOVE = (sp.log(SPOT / STRIKE) + (RATE + VOLATILITY**2 / 2) * YEARS) / SPREAD
CALL = SPOT * _normal(ABOVE) - STRIKE * sp.exp(-RATE * YEARS) * _normal(ABOVE - SPREAD)


def model() -> sd.Model:
    return sd.Model(CALL, params=INPUTS, name="black_scholes")


def inputs(small: bool) -> Inputs:
    rng = np.random.default_rng(0)
    bounds = ((80, 120), (80, 120), (0, 0.05), (0.1, 0.5), (0.1, 2))
    return Inputs(tuple(rng.uniform(*pair, 100 if small else 1_000_000) for pair in bounds), ())


def lambdify() -> Scalars:
    return Scalars(CALL, INPUTS, [])


def by_hand(spot: Any, strike: Any, rate: Any, volatility: Any, years: Any) -> Any:
    from scipy.special import ndtr

    root = np.sqrt(years)
    spread = volatility * root
    above = (np.log(spot / strike) + (rate + volatility**2 / 2) * years) / spread
    discounted = strike * np.exp(-rate * years)
    p_above, p_below = ndtr(above), discounted * ndtr(above - spread)
    density = spot * np.exp(-above * above / 2) / math.sqrt(2 * math.pi)
    by_years = rate * p_below + density * volatility / (2 * root)
    return spot * p_above - p_below, [p_above, -p_below / strike, years * p_below, density * root, by_years]


def price(log: Any, exp: Any, sqrt: Any, normal: Any) -> Any:
    """The forward computation, with the functions of a library; `normal` is the normal distribution."""

    def call(xp: Any, spot: Any, strike: Any, rate: Any, volatility: Any, years: Any) -> Any:
        spread = volatility * sqrt(years)
        above = (log(spot / strike) + (rate + volatility**2 / 2) * years) / spread
        return spot * normal(above) - strike * exp(-rate * years) * normal(above - spread)

    return call


def torch(torch: Any, *given: Any) -> Any:
    return price(torch.log, torch.exp, torch.sqrt, torch.special.ndtr)(torch, *given)


def jax(jax: Any, *given: Any) -> Any:
    return price(jax.numpy.log, jax.numpy.exp, jax.numpy.sqrt, jax.scipy.special.ndtr)(jax, *given)


def pytensor(pt: Any, *given: Any) -> Any:
    return price(pt.log, pt.exp, pt.sqrt, lambda z: (1 + pt.erf(z * math.sqrt(0.5))) / 2)(pt, *given)


def autograd(anp: Any, *given: Any) -> Any:
    from autograd.scipy.stats import norm

    return price(anp.log, anp.exp, anp.sqrt, norm.cdf)(anp, *given)


def casadi(ca: Any, *given: Any) -> Any:
    return price(ca.log, ca.exp, ca.sqrt, lambda z: (1 + ca.erf(z * math.sqrt(0.5))) / 2)(ca, *given)


def tensorgrad(F: Any, Variable: Any, symbols: Any) -> Any:
    n = symbols("n")
    variables = [Variable(str(symbol), n) for symbol in INPUTS]
    return price(F.log, F.exp, F.sqrt, lambda z: (1 + F.erf(z * math.sqrt(0.5))) / 2)(F, *variables), variables


def numba(nb: Any) -> Any:
    @nb.njit
    def normal(z: float) -> float:
        return math.erfc(-z * math.sqrt(0.5)) / 2

    @nb.njit(parallel=True)
    def value_and_derivatives(spot: Any, strike: Any, rate: Any, volatility: Any, years: Any) -> Any:
        n = spot.size
        value, found = np.empty(n), [np.empty(n) for _ in range(5)]
        by_spot, by_strike, by_rate, by_volatility, by_years = found
        for i in nb.prange(n):
            root = math.sqrt(years[i])
            spread = volatility[i] * root
            above = (math.log(spot[i] / strike[i]) + (rate[i] + volatility[i] ** 2 / 2) * years[i]) / spread
            p_above = normal(above)
            p_below = strike[i] * math.exp(-rate[i] * years[i]) * normal(above - spread)
            density = spot[i] * math.exp(-above * above / 2) / math.sqrt(2 * math.pi)
            value[i] = spot[i] * p_above - p_below
            by_spot[i] = p_above
            by_strike[i] = -p_below / strike[i]
            by_rate[i] = years[i] * p_below
            by_volatility[i] = density * root
            by_years[i] = rate[i] * p_below + density * volatility[i] / (2 * root)
        return value, (by_spot, by_strike, by_rate, by_volatility, by_years)

    return value_and_derivatives


BLACK_SCHOLES = Case(
    name="black-scholes",
    title="Black-Scholes price and five derivatives, 1,000,000 options",
    model=model,
    inputs=inputs,
    kind="pointwise",
    written={
        "numpy": by_hand,
        "lambdify": lambdify,
        "torch": torch,
        "torch-compile": torch,
        "jax": jax,
        "pytensor": pytensor,
        "tensorgrad": tensorgrad,
        "autograd": autograd,
        "casadi": casadi,
        "numba": numba,
    },
    variants={"symdiff": {}, "symdiff fast": {"math": "fast"}},
    targets=(Target(0.5, ("torch",)), Target(0.5, ("jax",)), Target(1.0, ("torch-compile",), stretch=True)),
)
