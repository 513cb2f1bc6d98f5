"""The examples written with tensors: values and gradients as PyTorch's, and what their training reaches."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.nn import functional

from symdiff.cli import main as symdiff

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = {np.float64: 1e-10, np.float32: 1e-5}


def generated(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A committed module."""
    monkeypatch.syspath_prepend(str(ROOT / "generated"))
    return importlib.import_module(f"{name}_numpy")


def same(ours: Any, theirs: torch.Tensor, dtype: type) -> None:
    """The difference is small beside the largest entry."""
    theirs = theirs.detach().numpy()
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE[dtype] * np.abs(theirs).max())


def rounded(arrays: list[Any], dtype: type) -> list[Any]:
    """The arrays in a floating dtype; integers as they are."""
    return [array if array.dtype.kind == "i" else array.astype(dtype) for array in arrays]


def leaves(arrays: list[Any]) -> list[torch.Tensor]:
    """The same numbers for PyTorch, which computes with them in float64."""
    return [torch.tensor(a) if a.dtype.kind == "i" else torch.tensor(a).double().requires_grad_() for a in arrays]


def same_with_gradient(
    module: Any, objective: Callable[..., torch.Tensor], params: list[Any], data: list[Any], dtype: type
) -> None:
    """Value and gradient are those of autograd."""
    params, data = rounded(params, dtype), rounded(data, dtype)
    wrt = leaves(params)
    expected = objective(*wrt, *leaves(data))
    value, gradient = module.value_and_grad(*params, *data)
    same(value, expected, dtype)
    same(module.value(*params, *data), expected, dtype)
    for ours, theirs in zip(gradient, torch.autograd.grad(expected, wrt), strict=True):
        same(ours, theirs, dtype)


def lenet_scores(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image):
    h = functional.max_pool2d(functional.relu(functional.conv2d(image, k1, b1)), 2)
    h = functional.max_pool2d(functional.relu(functional.conv2d(h, k2, b2)), 2).flatten(1)
    return functional.relu(functional.relu(h @ w3 + b3) @ w4 + b4) @ w5 + b5


def lenet_batch(n: int) -> tuple[list[Any], Any, Any]:
    """Parameters about as large as training starts from, images and labels."""
    rng = np.random.default_rng(0)
    shapes = [(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (400, 120), (120,), (120, 84), (84,), (84, 10), (10,)]
    sizes = [5, 10, 12, 10, 20, 10, 11, 10, 9, 10]  # the square root of the number of terms in a sum
    params = [rng.standard_normal(shape) / size for shape, size in zip(shapes, sizes, strict=True)]
    return params, rng.standard_normal((n, 1, 32, 32)), rng.integers(10, size=n)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_p15_value_and_gradient(dtype, monkeypatch):
    params, image, label = lenet_batch(8)

    def objective(*arguments: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(lenet_scores(*arguments[:-1]), arguments[-1])

    same_with_gradient(generated("lenet", monkeypatch), objective, params, [image, label], dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_p15_product_with_the_jacobian_of_the_outputs(dtype, monkeypatch):
    lenet = generated("lenet", monkeypatch)
    params, image, _ = lenet_batch(1)
    *params, image = rounded([*params, image], dtype)
    u = np.random.default_rng(1).standard_normal((1, 10)).astype(dtype)
    *wrt, pixels = leaves([*params, image])
    scores = lenet_scores(*wrt, pixels)
    same(lenet.scores(*params, image), scores, dtype)
    products = torch.autograd.grad(scores, wrt, torch.tensor(u).double())
    for ours, theirs in zip(lenet.scores_vjp(*params, image, u), products, strict=True):
        same(ours, theirs, dtype)


def test_p15_reads_held_out_digits(example):
    """The whole run of the example: 8 epochs, some ten seconds."""
    params, right = example("lenet", "train").main()
    assert right >= 0.97
    assert len(params) == 10
    assert all(p.dtype == np.float32 for p in params)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_softmax_regression_is_torch_s(dtype, monkeypatch):
    rng = np.random.default_rng(0)

    def objective(w, b, x, label, penalty):
        return functional.cross_entropy(x @ w + b, label) + penalty * (w**2).sum()

    params, x, label = (
        [rng.standard_normal((64, 10)), rng.standard_normal(10)],
        rng.random((50, 64)),
        rng.integers(10, size=50),
    )
    same_with_gradient(generated("softmax", monkeypatch), objective, params, [x, label, np.array(0.1)], dtype)


def test_softmax_regression_reads_held_out_digits(example):
    assert example("softmax_regression", "train").main(epochs=40)[2] > 0.95


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_attention_is_torch_s(dtype, example, monkeypatch):
    train = example("attention", "train")
    rng = np.random.default_rng(0)
    params = train.start(rng, c=5, d=6)
    params[5:7] = rng.standard_normal((2, 6))

    def objective(embedding, mark, wq, wk, wv, gain, shift, readout, token, marked, label):
        x = functional.embedding(token, embedding) + marked[:, :, None] * mark
        z = x + functional.scaled_dot_product_attention(x @ wq, x @ wk, x @ wv)
        scores = functional.layer_norm(z, (6,), gain, shift) @ readout
        return functional.cross_entropy(scores.flatten(0, 1), label.flatten())

    data = list(train.sequences(rng, 4, 7, 5))
    same_with_gradient(generated("attention", monkeypatch), objective, params, data, dtype)


def test_attention_learns_where_to_look(example):
    right, looked = example("attention", "train").main(steps=200)
    assert right > 0.99
    assert looked > 0.9


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gaussian_mixture_is_torch_s(dtype, monkeypatch):
    n, d, count = 50, 3, 4
    rng = np.random.default_rng(0)
    params = [rng.standard_normal(shape) for shape in ((count,), (count, d), (count, d), (count, d, d))]

    def objective(alpha, mu, q, lower, x, below):
        factor = torch.diag_embed(torch.exp(q)) + lower * below
        components = torch.distributions.MultivariateNormal(mu, scale_tril=torch.linalg.inv(factor).tril())
        weights = torch.distributions.Categorical(logits=alpha)
        return -torch.distributions.MixtureSameFamily(weights, components).log_prob(x).mean()

    data = [rng.standard_normal((n, d)), np.tri(d, k=-1)]
    same_with_gradient(generated("mixture", monkeypatch), objective, params, data, dtype)


def test_gaussian_mixture_finds_the_components(example):
    train = example("gaussian_mixture", "train")
    shares, means, likelihoods = train.main()
    assert np.all(np.diff(likelihoods) >= 0)
    assert likelihoods[-1] > likelihoods[0] + 1
    order = np.argsort(shares)
    np.testing.assert_allclose(shares[order], train.SHARES, atol=0.02)
    np.testing.assert_allclose(means[order], train.MEANS, atol=0.2)


def test_p3_the_graph_is_drawn_and_tells_leaves_from_inner_nodes(tmp_path):
    file = tmp_path / "affine.svg"
    model = ROOT / "examples" / "autograd_basics" / "model.py"
    result = CliRunner().invoke(symdiff, ["show", f"{model}:affine", "--graph", str(file)])
    assert result.exit_code == 0, result.output
    corners = re.findall(r'rx="(\d+)"', file.read_text())
    assert sorted(corners) == ["18"] * 3 + ["3"] * 2  # w, b and x; their product and its sum with b
