"""Convolution and pooling of random sizes against PyTorch: value, gradients, products with the Hessian, in parts too."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import HealthCheck, given, settings, strategies as st
from torch.nn import functional

import symdiff as sd
from symdiff.graph.build import pointwise, select
from symdiff.graph.leaves import constant, parameter
from symdiff.graph.windows import largest_of_windows, padded, window_max
from symdiff.passes.prepare.pool import pool_first

relu, tanh = partial(pointwise, "relu"), partial(pointwise, "tanh")
pooled = partial(window_max, spans=((2, 2), (2, 2)))
n = sp.Symbol("n", integer=True, positive=True)
bounded = settings(
    derandomize=True, deadline=None, database=None, max_examples=25, suppress_health_check=list(HealthCheck)
)
FUNCTIONS = {
    "none": (lambda t: t, lambda t: t),
    "relu": (sd.relu, torch.relu),
    "tanh": (sd.tanh, torch.tanh),
    "softplus of 2 t": (lambda t: sd.softplus(2 * t), lambda t: functional.softplus(2 * t)),
}
TOLERANCE = {np.float64: 1e-11, np.float32: 2e-4}


@st.composite
def windows(draw: Any, axes: int) -> tuple[tuple[int, ...], ...]:
    """Sizes, strides and padding of windows, and lengths that they fit."""
    sizes = draw(st.tuples(*[st.integers(1, 4)] * axes))
    strides = draw(st.tuples(*[st.integers(1, 3)] * axes))
    padding = tuple(draw(st.integers(0, size // 2)) for size in sizes)
    lengths = tuple(
        draw(st.integers(max(1, size - 2 * around), 9)) for size, around in zip(sizes, padding, strict=True)
    )
    return sizes, strides, padding, lengths


def agree(model: sd.Model, theirs: Any, arrays: dict[str, np.ndarray]) -> None:
    """Value and gradients in both precisions, whole and in parts of two samples; in double, the Hessian times a direction."""
    module = sd.compile(model, emit=("value_and_grad", "hvp"), cache=False)
    for entries in (getattr(module, "_ENTRIES", 0), 8):
        module._ENTRIES = entries
        for dtype, tolerance in TOLERANCE.items():
            given = [array.astype(dtype) for array in arrays.values()]
            there = [torch.tensor(array, requires_grad=True) for array in given]
            expected = theirs(*there)
            value, gradient = module.value_and_grad(*given)
            assert value.dtype == dtype
            close([value, *gradient], [expected, *torch.autograd.grad(expected, there)], tolerance)
    direction = [np.cos(np.arange(array.size, dtype=float)).reshape(array.shape) for array in arrays.values()]
    there = [torch.tensor(array, requires_grad=True) for array in arrays.values()]
    slopes = torch.autograd.grad(theirs(*there), there, create_graph=True)
    along = sum((slope * torch.tensor(part)).sum() for slope, part in zip(slopes, direction, strict=True))
    close(module.hvp(*arrays.values(), v=direction), torch.autograd.grad(along, there, materialize_grads=True), 1e-11)


def close(mine: Any, theirs: Any, tolerance: float) -> None:
    expected = [part.detach().numpy() for part in theirs]
    scale = max(1.0, *(np.abs(part).max() for part in expected))
    for own, part in zip(mine, expected, strict=True):
        np.testing.assert_allclose(own, part, rtol=0, atol=tolerance * scale)


@bounded
@given(st.data(), st.integers(1, 2), st.integers(1, 5), st.integers(1, 3), st.integers(1, 4))
def test_convolutions_of_all_sizes(data: Any, axes: int, samples: int, channels: int, out: int) -> None:
    sizes, strides, padding, lengths = data.draw(windows(axes))
    x, kernel = sd.Tensor("x", (n, channels, *lengths)), sd.Tensor("kernel", (out, channels, *sizes))
    ours, theirs = ((sd.conv1d, functional.conv1d), (sd.conv2d, functional.conv2d))[axes - 1]
    given = (strides[0], padding[0]) if axes == 1 else (strides, padding)
    rng = np.random.default_rng(0)
    agree(
        sd.Model(sd.sum(ours(x, kernel, *given) ** 3), params=[x, kernel], samples=n),
        lambda x, kernel: (theirs(x, kernel, stride=strides, padding=padding) ** 3).sum(),
        {
            "x": rng.standard_normal((samples, channels, *lengths)),
            "kernel": rng.standard_normal((out, channels, *sizes)),
        },
    )


@bounded
@given(st.data(), st.sampled_from(sorted(FUNCTIONS)), st.booleans(), st.integers(1, 4))
def test_pooling_of_all_sizes_before_and_after_functions(data: Any, name: str, bias: bool, samples: int) -> None:
    sizes, strides, padding, lengths = data.draw(windows(2))
    ours, theirs = FUNCTIONS[name]
    x, b = sd.Tensor("x", (n, 2, *lengths)), sd.Tensor("b", 2)
    rng = np.random.default_rng(1)
    arrays = {"x": rng.standard_normal((samples, 2, *lengths)), "b": rng.standard_normal(2)}
    shift = b[:, None, None] if bias else b[0]
    for own, other in ((sd.max_pool2d, functional.max_pool2d), (sd.avg_pool2d, functional.avg_pool2d)):
        agree(
            sd.Model(sd.sum(own(ours(x + shift), sizes, strides, padding) ** 2), params=[x, b], samples=n),
            lambda x, b, other=other: (
                other(theirs(x + (b[:, None, None] if bias else b[0])), sizes, strides, padding) ** 2
            ).sum(),
            arrays,
        )


@bounded
@given(st.data(), st.sampled_from(("none", "relu")))
def test_the_first_of_equal_entries_takes_the_derivative(data: Any, name: str) -> None:
    sizes, strides, padding, lengths = data.draw(windows(2))
    ours, theirs = FUNCTIONS[name]
    x = sd.Tensor("x", (n, 2, *lengths))
    module = sd.compile(sd.Model(sd.sum(sd.max_pool2d(ours(x), sizes, strides, padding) ** 2), params=[x]), cache=False)
    given = np.random.default_rng(2).integers(-1, 3, (3, 2, *lengths)).astype(float)
    there = torch.tensor(given, requires_grad=True)
    (functional.max_pool2d(theirs(there), sizes, strides, padding) ** 2).sum().backward()
    np.testing.assert_array_equal(module.grad(given).x, there.grad)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_not_a_number_passes_through_pooling(name: str) -> None:
    ours, theirs = FUNCTIONS[name]
    x = sd.Tensor("x", (n, 1, 4, 4))
    module = sd.compile(sd.Model(outputs={"y": sd.max_pool2d(ours(x), 2, padding=1)}, params=[x]), cache=False)
    given = np.random.default_rng(3).standard_normal((2, 1, 4, 4))
    given[0, 0, 1, 1], given[1, 0, 3, 0], given[1, 0, 0, 0] = np.nan, np.inf, -np.inf
    expected = functional.max_pool2d(theirs(torch.tensor(given)), 2, padding=1)
    np.testing.assert_allclose(module.y(given), expected, rtol=1e-14)


def test_what_only_pooling_uses_comes_after_it() -> None:
    x, b = parameter("x", (4, 2, 6, 6)), parameter("b", (2, 1, 1))
    everywhere, row = relu(x + b), relu(x + parameter("row", (6,)))
    after, shared, _, inside = pool_first([pooled(everywhere), pooled(row), *[pooled(tanh(x))] * 2])
    assert after is relu(b + pooled(x))
    assert shared is relu(pooled(x + parameter("row", (6,))))  # that differs along a window
    assert inside is tanh(pooled(x))
    assert pool_first([pooled(everywhere), everywhere]) == [pooled(everywhere), everywhere]
    padded_first = largest_of_windows(everywhere, [(2, 2), (2, 2)], (1, 1))
    assert pool_first([padded_first]) == [relu(b + largest_of_windows(x, [(2, 2), (2, 2)], (1, 1)))]


def test_what_is_masked_otherwise_than_by_padding_is_pooled_as_it_is() -> None:
    """A window may have no entry inside such a mask: its largest is minus infinity, of which relu is 0."""
    x, mask = parameter("x", (4, 2, 6, 6)), pointwise("lt", constant(0.0), parameter("mask", (8, 8)))
    masked = pooled(select(mask, padded(relu(x), (1, 1)), constant(float("-inf"))))
    assert pool_first([masked]) == [masked]


def test_a_deep_network_is_pooled_before_its_functions_and_streams() -> None:
    """Two convolutions with padding and overlapping pooling, as in networks for photographs."""
    x, k1, b1 = sd.Tensor("x", (n, 3, 11, 11)), sd.Tensor("k1", (4, 3, 3, 3)), sd.Tensor("b1", 4)
    k2 = sd.Tensor("k2", (5, 4, 3, 3))
    h = sd.max_pool2d(sd.relu(sd.conv2d(x, k1, 1, 1) + b1[:, None, None]), 3, 2, 1)
    model = sd.Model(sd.sum(sd.avg_pool2d(sd.tanh(sd.conv2d(h, k2, 2, 1)), 2) ** 2), params=[k1, b1, k2], data=[x])
    module = sd.compile(model, cache=False)
    module._ENTRIES = 8  # two samples at a time
    rng = np.random.default_rng(4)
    arrays = [rng.standard_normal(shape) for shape in ((4, 3, 3, 3), (4,), (5, 4, 3, 3), (7, 3, 11, 11))]
    t1, c1, t2, image = (torch.tensor(array, requires_grad=True) for array in arrays)
    pooled = functional.max_pool2d(torch.relu(functional.conv2d(image, t1, c1, padding=1)), 3, 2, 1)
    objective = (functional.avg_pool2d(torch.tanh(functional.conv2d(pooled, t2, stride=2, padding=1)), 2) ** 2).sum()
    value, gradient = module.value_and_grad(*arrays)
    np.testing.assert_allclose(value, objective.item(), rtol=1e-12)
    for own, slope in zip(gradient, torch.autograd.grad(objective, (t1, c1, t2)), strict=True):
        np.testing.assert_allclose(own, slope, rtol=0, atol=1e-10 * float(slope.abs().max()))


@pytest.mark.parametrize("stride", [1, 2])
def test_an_infinite_derivative_reaches_the_largest_entry_alone(stride: int) -> None:
    """Where a window's largest entry is 0 the square root rises without bound; the entries beside it still have 0."""
    x = sd.Tensor("x", (n, 1, 4, 4))
    model = sd.Model(sd.sum(sd.sqrt(sd.max_pool2d(x, 2, stride=stride))), params=[x], data=[], samples=n)
    given_ = -np.arange(16.0).reshape(1, 1, 4, 4) % 7
    given_[..., :2, :2] = [[0, -1], [-2, -3]]
    tensor = torch.tensor(given_, requires_grad=True)
    functional.max_pool2d(tensor, 2, stride).sqrt().sum().backward()
    with np.errstate(divide="ignore"):
        found = sd.compile(model, cache=False).grad(given_).x
    assert np.isinf(found).any()
    np.testing.assert_allclose(found, tensor.grad.numpy(), rtol=1e-14)


@pytest.mark.parametrize("pool", [sd.max_pool2d, sd.avg_pool2d])
@pytest.mark.parametrize("emit", ["value", "grad"])
def test_an_axis_that_is_shorter_than_a_window_is_refused_by_every_function(pool: Any, emit: str) -> None:
    image = sd.Tensor("image", (1, 1, n, 4))
    module = sd.compile(sd.Model(sd.sum(pool(image, 3, stride=1)), params=[image]), emit=emit, cache=False)
    getattr(module, emit)(np.ones((1, 1, 3, 4)))
    with pytest.raises(ValueError, match="n = 2 is too small"):
        getattr(module, emit)(np.ones((1, 1, 2, 4)))
