"""A mixture of K Gaussians in d dimensions with full covariances: the negative log-likelihood of n points."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.case import Case, Inputs, Target
from benchmarks.examples import example

NORMAL = float(np.log(2 * np.pi) / 2)


def inputs(n: int, d: int, k: int, small: bool) -> Inputs:
    n, d, k = (30, 4, 3) if small else (n, d, k)
    rng = np.random.default_rng(0)
    params = [rng.standard_normal(k), rng.standard_normal((k, d)), 0.1 * rng.standard_normal((k, d))]
    params.append(0.1 * rng.standard_normal((k, d, d)))
    return Inputs(tuple(params), (rng.standard_normal((n, d)), np.tri(d, k=-1)))


def by_hand(alpha: Any, mu: Any, q: Any, L: Any, x: Any, below: Any) -> Any:
    d, scale, low = x.shape[1], np.exp(q), L * below
    r = x[:, None, :] - mu
    whitened = scale * r + np.einsum("kij,nkj->nki", low, r, optimize=True)
    weights = np.exp(alpha - alpha.max())
    log_total = alpha.max() + np.log(weights.sum())
    joint = alpha - log_total + q.sum(axis=1) - (whitened**2).sum(axis=2) / 2 - d * NORMAL
    top = joint.max(axis=1, keepdims=True)
    p = np.exp(joint - top)
    total = p.sum(axis=1, keepdims=True)
    g = -p / (total * len(x))  # the derivative by joint
    by_component = g.sum(axis=0)
    gw = -g[:, :, None] * whitened
    g_alpha = by_component - weights / weights.sum() * by_component.sum()
    g_q = by_component[:, None] + (gw * r).sum(axis=0) * scale
    g_L = np.einsum("nki,nkj->kij", gw, r, optimize=True) * below
    g_mu = -(gw.sum(axis=0) * scale + np.einsum("kij,ki->kj", low, gw.sum(axis=0)))
    return -(top + np.log(total)).mean(), [g_alpha, g_mu, g_q, g_L]


def torch(torch: Any, alpha: Any, mu: Any, q: Any, L: Any, x: Any, below: Any) -> Any:
    r = x[:, None, :] - mu
    whitened = torch.exp(q) * r + torch.einsum("kij,nkj->nki", L * below, r)
    joint = alpha - torch.logsumexp(alpha, 0) + q.sum(1) - (whitened**2).sum(2) / 2
    return x.shape[1] * NORMAL - torch.logsumexp(joint, 1).mean()


def arrays(xp: Any, logsumexp: Any, alpha: Any, mu: Any, q: Any, L: Any, x: Any, below: Any) -> Any:
    """The same for libraries like NumPy."""
    r = x[:, None, :] - mu
    whitened = xp.exp(q) * r + xp.einsum("kij,nkj->nki", L * below, r)
    joint = alpha - logsumexp(alpha) + xp.sum(q, axis=1) - xp.sum(whitened**2, axis=2) / 2
    return x.shape[1] * NORMAL - xp.mean(logsumexp(joint, axis=1))


def jax(jax: Any, *given: Any) -> Any:
    return arrays(jax.numpy, jax.nn.logsumexp, *given)


def pytensor(pt: Any, *given: Any) -> Any:
    return arrays(pt, pt.logsumexp, *given)


def autograd(anp: Any, *given: Any) -> Any:
    from autograd.scipy.special import logsumexp

    return arrays(anp, logsumexp, *given)


def casadi(ca: Any, alpha: Any, mu: Any, q: Any, L: Any, x: Any, below: Any) -> Any:
    """One component after the other, since CasADi has matrices only: L holds their rows."""
    n, d = x.shape
    columns = []
    for k in range(mu.shape[0]):
        Q = ca.diag(ca.exp(q[k, :])) + L[k * d : (k + 1) * d, :] * below
        whitened = (x - ca.repmat(mu[k, :], n, 1)) @ Q.T
        columns.append(alpha[k] - ca.logsumexp(alpha) + ca.sum2(q[k, :]) - ca.sum2(whitened**2) / 2)
    top = columns[0]
    for column in columns[1:]:
        top = ca.fmax(top, column)
    total = sum(ca.exp(column - top) for column in columns)
    return d * NORMAL - ca.sum1(top + ca.log(total)) / n


def tensorgrad(F: Any, Variable: Any, symbols: Any) -> Any:
    n, d, K = symbols("n d K")
    alpha, mu, q = Variable("alpha", K), Variable("mu", K, d), Variable("q", K, d)
    L, x, below = Variable("L", K, d, e=d), Variable("x", n, d), Variable("below", d, e=d)
    r = x - mu
    whitened = F.exp(q) * r + F.sum(L * below * r.rename(d="e"), "e")
    joint = alpha - F.log(F.sum(F.exp(alpha))) + F.sum(q, "d") - F.sum(whitened**2, "d") / 2
    evidence = F.mean(F.log(F.sum(F.exp(joint), "K")))  # its compiler makes this safe
    return F.Delta(d) * NORMAL - evidence, (alpha, mu, q, L, x, below)


def mixture(n: int, d: int, k: int) -> Case:
    best = ("torch", "torch-compile", "jax", "pytensor", "tensorgrad", "autograd", "casadi", "numpy")
    return Case(
        name=f"mixture-{n}",
        title=f"mixture of {k} Gaussians in {d} dimensions, {n:,} points",
        model=partial(example, "gaussian_mixture", "mixture"),
        inputs=partial(inputs, n, d, k),
        written={
            "numpy": by_hand,
            "torch": torch,
            "torch-compile": torch,
            "jax": jax,
            "pytensor": pytensor,
            "tensorgrad": tensorgrad,
            "autograd": autograd,
            "casadi": casadi,
        },
        cannot={
            "lambdify": f"its derivatives are of scalars: {k * (1 + 2 * d + d * d):,} parameters are too many",
            "numba": "nobody would write these derivatives in loops",
        },
        targets=(Target(0.4, best),),
    )


MIXTURES = (mixture(1_000, 64, 50), mixture(10_000, 20, 25))
