"""Random models in index notation: values and derivatives as by plain loops."""

from __future__ import annotations

import warnings

import numpy as np
import sympy as sp
import torch
from catalogue.indices import K, S, T, a, by_loops, draw, i, j, k, n, symbols_of, x, y, z
from float_errors import float_errors
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from sympy import KroneckerDelta, Ne, Product, Sum

import symdiff as sd

bounded = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
NEXT = {i: j, j: k}  # the index that a sum inside binds
FUNCTIONS = [sp.sin, sp.cos, sp.tanh, lambda e: e**2, lambda e: sp.exp(sp.tanh(e)), lambda e: -e / 2]


@st.composite
def places(draw, bound, size):
    """An index that stays within an axis of `size` where the bound indices run from 0 to n - 1 at most."""
    inside = [index for index in bound if size is n]
    if size is not n:  # an axis of 14, with n = 5
        one, other = draw(st.sampled_from(bound)), draw(st.sampled_from(bound))
        return draw(st.sampled_from([one + other, 2 * one + 3, one + 2 * other, 8 - one, other + 1]))
    index = draw(st.sampled_from(inside))
    return draw(st.sampled_from([index, index, n - 1 - index, sp.Integer(2), K[index]]))


@st.composite
def leaves(draw, bound):
    """An entry of an array, a symbol, or a function of the indices themselves."""
    within = places(bound, n)
    match draw(st.integers(0, 9)):
        case 0 | 1:
            return x[draw(within)]
        case 2 | 3:
            return y[draw(within)]
        case 4 | 5:
            return S[draw(within), draw(within)]
        case 6:
            return z[draw(places(bound, 14))]
        case 7:
            return KroneckerDelta(draw(st.sampled_from(bound)), draw(st.sampled_from([*bound, sp.Integer(1)])))
        case 8:
            return draw(st.sampled_from([a, a * bound[-1], sp.Rational(1, 2)]))
        case _:
            return T[draw(within), bound[-1]]


@st.composite
def summands(draw, bound, depth):
    """An expression under bound indices."""
    if depth == 0:
        return draw(leaves(bound))
    inner = summands(bound, depth - 1)
    match draw(st.integers(0, 7)):
        case 0 | 1:
            return draw(inner) + draw(inner)
        case 2 | 3:
            return draw(inner) * draw(inner)
        case 4:
            return draw(st.sampled_from(FUNCTIONS))(draw(inner))
        case 5:
            # SymPy (1.14) moves a Piecewise out of nested sums, away from the index it depends on
            return sd.where(Ne(bound[0], bound[-1]), draw(inner), draw(leaves(bound)))
        case _ if bound[-1] in NEXT:
            return draw(sums(bound, depth - 1))
        case _:
            return draw(leaves(bound))


@st.composite
def sums(draw, bound, depth):
    """A sum or a product over one more index, whose range may depend on the others."""
    index = NEXT[bound[-1]] if bound else i
    ranges = [(0, n - 1), (1, n - 2)]
    for outer in bound:
        ranges += [(0, outer), (outer, n - 1), (0, outer - 1)]
    low, high = draw(st.sampled_from(ranges))
    body = draw(summands((*bound, index), depth))
    if draw(st.integers(0, 4)) == 0:
        return Product(1 + sp.tanh(body) / 2, (index, low, high))
    return Sum(body, (index, low, high))


@settings(bounded, max_examples=120)
@given(sums((), 3))
def test_index_models_are_as_by_loops(expression):
    expression = expression + x[0]  # which brings the size n
    params, integers = symbols_of(expression)
    values = {s: draw(s) for s in (*params, *integers)}
    fixed = {s: torch.tensor(values[s]) for s in integers}
    leaves = tuple(torch.tensor(values[s], requires_grad=True) for s in params)

    def f(*given):
        return by_loops(expression, {**fixed, **dict(zip(params, given, strict=True))})

    try:
        value = f(*leaves)
    except IndexError:  # an index that is out of range only where bounds of sums depend on others
        assume(False)
    assume(value.isfinite() and value.abs() < 1e4)
    direction = {s: draw(s, "v") for s in params}
    gradient = torch.autograd.grad(value, leaves, create_graph=True)
    slope = sum((g * torch.tensor(direction[s])).sum() for g, s in zip(gradient, params, strict=True))
    product = torch.autograd.grad(slope, leaves, allow_unused=True) if slope.requires_grad else [None] * len(leaves)
    product = [torch.zeros_like(leaf) if part is None else part for part, leaf in zip(product, leaves, strict=True)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given_model = sd.Model(expression, params=params, constants=integers, name="case")
        module = sd.compile(given_model, emit=("value_and_grad", "hvp"), cache=False)
    arguments = [values[s] for s in (*params, *integers)]
    with float_errors():
        mine, g = module.value_and_grad(*arguments)
        hv = module.hvp(*arguments, tuple(direction[s] for s in params))
    for ours, theirs in (([mine], [value]), (g, gradient), (hv, product)):
        scale = max(1.0, *(float(part.detach().abs().max()) for part in theirs))
        for one, other in zip(ours, theirs, strict=True):
            assert one.shape == tuple(other.shape)
            np.testing.assert_allclose(one, other.detach().numpy(), rtol=0, atol=1e-11 * scale)
