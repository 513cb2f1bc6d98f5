"""Larger cases: a convolutional network and a Gaussian mixture, objective and all gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import symdiff as sd
from symdiff.loader import load_models

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
Step = Callable[[], object]


def lenet() -> dict[str, Step]:
    """LeNet, a batch of 64 images of 32 x 32, float32."""
    (model,) = load_models(EXAMPLES / "lenet" / "model.py")
    module = sd.compile(model, emit="value_and_grad", cache=False)
    rng = np.random.default_rng(0)
    shapes = (
        (6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (400, 120), (120,), (120, 84), (84,), (84, 10), (10,),
    )  # fmt: skip
    params = [(0.1 * rng.standard_normal(shape)).astype(np.float32) for shape in shapes]
    image, label = rng.standard_normal((64, 1, 32, 32)).astype(np.float32), rng.integers(0, 10, 64)
    return {
        "symdiff": lambda: module.value_and_grad(*params, image, label),
        **_lenet_torch(params, image, label),
        **_lenet_jax(params, image, label),
    }


def _lenet_torch(params: list[Any], image: Any, label: Any) -> dict[str, Step]:
    try:
        import torch
        from torch.nn import functional
    except ImportError:
        return {}
    given = [torch.tensor(p, requires_grad=True) for p in params]
    x, y = torch.tensor(image), torch.tensor(label)

    def step() -> Any:
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5 = given
        h = functional.max_pool2d(functional.relu(functional.conv2d(x, k1, b1)), 2)
        h = functional.max_pool2d(functional.relu(functional.conv2d(h, k2, b2)), 2).flatten(1)
        h = functional.relu(functional.relu(h @ w3 + b3) @ w4 + b4)
        return torch.autograd.grad(functional.cross_entropy(h @ w5 + b5, y), given)

    return {"torch": step}


def _lenet_jax(params: list[Any], image: Any, label: Any) -> dict[str, Step]:
    try:
        import jax
        from jax import numpy as jnp
    except ImportError:
        return {}

    def pool(x: Any) -> Any:
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def loss(params: Any, x: Any, y: Any) -> Any:
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5 = params
        h = pool(jax.nn.relu(jax.lax.conv(x, k1, (1, 1), "VALID") + b1[:, None, None]))
        h = pool(jax.nn.relu(jax.lax.conv(h, k2, (1, 1), "VALID") + b2[:, None, None])).reshape(64, -1)
        h = jax.nn.relu(jax.nn.relu(h @ w3 + b3) @ w4 + b4)
        return -jnp.mean(jax.nn.log_softmax(h @ w5 + b5)[jnp.arange(64), y])

    compiled = jax.jit(jax.value_and_grad(loss))
    given, x, y = [jnp.asarray(p) for p in params], jnp.asarray(image), jnp.asarray(label)
    return {"jax": lambda: jax.block_until_ready(compiled(given, x, y))}


def mixture(n: int, d: int, k: int) -> Callable[[], dict[str, Step]]:
    """A mixture of k Gaussians in d dimensions, n points, float64."""
    return lambda: _mixture(n, d, k)


def _mixture(n: int, d: int, k: int) -> dict[str, Step]:
    (model,) = load_models(EXAMPLES / "gaussian_mixture" / "model.py")
    module = sd.compile(model, emit="value_and_grad", cache=False)
    rng = np.random.default_rng(0)
    params = [rng.standard_normal(k), rng.standard_normal((k, d)), 0.1 * rng.standard_normal((k, d))]
    params.append(0.1 * rng.standard_normal((k, d, d)))
    x, below = rng.standard_normal((n, d)), np.tri(d, k=-1)
    return {
        "symdiff": lambda: module.value_and_grad(*params, x, below),
        **_mixture_torch(params, x, below),
        **_mixture_jax(params, x, below),
    }


def _mixture_torch(params: list[Any], x: Any, below: Any) -> dict[str, Step]:
    try:
        import torch
    except ImportError:
        return {}
    given = [torch.tensor(p, requires_grad=True) for p in params]
    points, mask = torch.tensor(x), torch.tensor(below)

    def step() -> Any:
        alpha, mu, q, low = given
        r = points[:, None, :] - mu
        whitened = torch.exp(q) * r + torch.einsum("kij,nkj->nki", low * mask, r)
        joint = alpha - torch.logsumexp(alpha, 0) + q.sum(1) - (whitened**2).sum(2) / 2
        return torch.autograd.grad(-torch.logsumexp(joint, 1).mean(), given)

    return {"torch": step}


def _mixture_jax(params: list[Any], x: Any, below: Any) -> dict[str, Step]:
    try:
        import jax
        from jax import numpy as jnp
    except ImportError:
        return {}
    jax.config.update("jax_enable_x64", True)

    def loss(params: Any, x: Any, below: Any) -> Any:
        alpha, mu, q, low = params
        r = x[:, None, :] - mu
        whitened = jnp.exp(q) * r + jnp.einsum("kij,nkj->nki", low * below, r)
        joint = alpha - jax.nn.logsumexp(alpha) + q.sum(1) - (whitened**2).sum(2) / 2
        return -jax.nn.logsumexp(joint, 1).mean()

    compiled = jax.jit(jax.value_and_grad(loss))
    given, points, mask = [jnp.asarray(p) for p in params], jnp.asarray(x), jnp.asarray(below)
    return {"jax": lambda: jax.block_until_ready(compiled(given, points, mask))}
