"""Random models of the tensor dialect: value, gradient and products with the Hessian against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import HealthCheck, assume, given, settings, strategies as st

import symdiff as sd

n, m, k = sp.symbols("n m k", integer=True, positive=True)
SIZES = {n: 2, m: 3, k: 4}
bounded = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False
)
Pair = tuple[Any, Any]  # a tensor, and the same as a function of the values in PyTorch


def leaf(shape: tuple[Any, ...]) -> Pair:
    name = "x" + "".join(map(str, shape))
    return sd.Tensor(name, shape), lambda values: values[name]


UNARY = [
    (sd.tanh, torch.tanh),
    (sd.sin, torch.sin),
    (sd.sigmoid, torch.sigmoid),
    (sd.softplus, torch.nn.functional.softplus),
    (sd.relu, torch.relu),
    (lambda t: t**2, lambda t: t**2),
    (lambda t: -t, lambda t: -t),
    (lambda t: sd.exp(sd.tanh(t)), lambda t: torch.exp(torch.tanh(t))),
    (lambda t: sd.where(t > 0, t**3, t), lambda t: torch.where(t > 0, t**3, t)),
    (lambda t: 1 / (2 + sd.cos(t)), lambda t: 1 / (2 + torch.cos(t))),
]
BINARY = [
    (lambda a, b: a + b, lambda a, b: a + b),
    (lambda a, b: a * b, lambda a, b: a * b),
    (lambda a, b: a - 2 * b, lambda a, b: a - 2 * b),
    (lambda a, b: a / (1 + b**2), lambda a, b: a / (1 + b**2)),
    (sd.maximum, torch.maximum),
]


def of_one(pair: Pair, function: Any) -> Pair:
    (tensor, there), (ours, theirs) = pair, function
    return ours(tensor), lambda values: theirs(there(values))


def of_two(one: Pair, other: Pair, function: Any) -> Pair:
    ours, theirs = function
    return ours(one[0], other[0]), lambda values: theirs(one[1](values), other[1](values))


@st.composite
def tensors(draw: Any, shape: tuple[Any, ...], depth: int = 3) -> Pair:
    """A tensor expression of a shape."""
    if depth == 0:
        return leaf(shape)
    same = tensors(shape, depth - 1)
    kind = draw(st.integers(0, 9))
    if kind <= 1:
        return of_one(draw(same), draw(st.sampled_from(UNARY)))
    if kind <= 3:
        return of_two(draw(same), draw(same), draw(st.sampled_from(BINARY)))
    if kind == 4:  # broadcasting
        narrow = tuple(1 if draw(st.booleans()) else dim for dim in shape)
        return of_two(draw(same), draw(tensors(narrow, depth - 1)), draw(st.sampled_from(BINARY[:4])))
    if kind == 5:  # a reduction, kept
        axis, name = draw(st.integers(0, len(shape) - 1)), draw(st.sampled_from(["sum", "mean", "logsumexp"]))
        theirs = {"sum": torch.sum, "mean": torch.mean, "logsumexp": torch.logsumexp}[name]
        function = (
            lambda t: t * getattr(sd, name)(t, axis=axis, keepdims=True),
            lambda t: t * theirs(t, axis, keepdim=True),
        )
        return of_one(draw(same), function)
    if kind == 6:
        inner = draw(st.sampled_from([n, m, k]))
        left, right = draw(tensors((*shape[:-1], inner), depth - 1)), draw(tensors((inner, shape[-1]), depth - 1))
        return of_two(left, right, (lambda a, b: a @ b, lambda a, b: a @ b))
    if kind == 7:
        order = draw(st.permutations(range(len(shape))))
        turned = tuple(shape[order.index(axis)] for axis in range(len(shape)))
        function = (lambda t: sd.transpose(t, order), lambda t: t.permute(*order))
        return of_one(draw(tensors(turned, depth - 1)), function)
    if kind == 8:
        return of_one(draw(same), (lambda t: sd.softmax(t, axis=-1), lambda t: torch.softmax(t, -1)))
    return of_one(draw(same), (lambda t: t[::-1] * t[:1], lambda t: t.flip(0) * t[:1]))


def shapes() -> Any:
    dims = st.sampled_from([n, m, k])
    return st.lists(dims, min_size=2, max_size=3).map(tuple)


@settings(bounded, max_examples=150)
@given(st.data())
def test_tensor_models_are_as_in_torch(data):
    tensor, there = data.draw(tensors(data.draw(shapes())))
    symbols = sorted(set(leaves(tensor)), key=lambda symbol: symbol.name)
    module = sd.compile(sd.Model(sd.sum(sd.tanh(tensor)), params=symbols), emit=("value_and_grad", "hvp"))
    rng = np.random.default_rng(0)
    values = [rng.standard_normal([SIZES.get(dim, 1) for dim in symbol.shape]) for symbol in symbols]
    direction = [rng.standard_normal(value.shape) for value in values]
    inputs = [torch.tensor(value, requires_grad=True) for value in values]
    named = {symbol.name: value for symbol, value in zip(symbols, inputs, strict=True)}
    expected = torch.tanh(there(named)).sum()
    gradient = torch.autograd.grad(expected, inputs, create_graph=True)
    slope = sum((part * torch.tensor(v)).sum() for part, v in zip(gradient, direction, strict=True))
    products = torch.autograd.grad(slope, inputs, allow_unused=True)
    value, parts = module.value_and_grad(*values)
    found = module.hvp(*values, tuple(direction))
    np.testing.assert_allclose(value, expected.item(), rtol=1e-11, atol=1e-11)
    for ours, theirs in zip(parts, gradient, strict=True):
        np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-9, atol=1e-9 * max(1, theirs.detach().abs().max()))
    for ours, theirs in zip(found, products, strict=True):
        wanted = np.zeros_like(ours) if theirs is None else theirs.numpy()
        np.testing.assert_allclose(ours, wanted, rtol=1e-8, atol=1e-8 * max(1, np.abs(wanted).max()))


OVER_ALL = {
    "sum": lambda t: sd.sum(sd.tanh(t)),
    "max": sd.max,
    "min of products": lambda t: sd.min(t * t),
    "logsumexp": sd.logsumexp,
    "norm": sd.norm,
    "largest of columns": lambda t: sd.sum(sd.tanh(sd.max(t, axis=0))),
    "smallest of rows": lambda t: sd.mean(sd.min(t, axis=-1) ** 2),
    "squares about the mean": lambda t: sd.sum((t - sd.mean(t, axis=0, keepdims=True)) ** 2),
    "the first column": lambda t: sd.max(t[..., :1]) + sd.logsumexp(t[..., -1:]),
}


@pytest.mark.filterwarnings("ignore:.*nothing depends on it")
@settings(bounded, max_examples=100)
@given(st.data(), st.sampled_from(sorted(OVER_ALL)), st.integers(4, 60))
def test_tensor_models_in_parts_are_as_in_one(data, name, entries):
    tensor, _ = data.draw(tensors((n, *data.draw(shapes())[:-1]), depth=4))
    inputs = sorted(set(leaves(tensor)), key=lambda symbol: symbol.name)
    params, samples = ([symbol for symbol in inputs if (n in symbol.shape) == own] for own in (False, True))
    assume(params and samples)
    model = sd.Model(OVER_ALL[name](tensor), params=params, data=samples, samples=n)
    parts, plain = (sd.compile(model, style=style, cache=False) for style in ("fast", "plain"))
    parts._ENTRIES, parts._LEAST = entries, 0  # of a part, and of what is computed in scratch
    rng = np.random.default_rng(0)
    values = [
        rng.standard_normal([{**SIZES, n: 9}.get(dim, 1) for dim in symbol.shape]) for symbol in (*params, *samples)
    ]
    for _ in range(2):  # what the first call left in scratch is not what the second finds
        value, gradient = parts.value_and_grad(*values)
        expected, slopes = plain.value_and_grad(*values)
        np.testing.assert_allclose(value, expected, rtol=1e-11, atol=1e-11)
        for ours, theirs in zip(gradient, slopes, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * max(1, np.abs(theirs).max()))
        values = [value + 0.1 * rng.standard_normal(value.shape) for value in values]


def leaves(tensor: Any) -> Any:
    stack = [tensor]
    while stack:
        part = stack.pop()
        if isinstance(part, sd.Tensor):
            yield part
        stack.extend(getattr(part, "args", ()))
