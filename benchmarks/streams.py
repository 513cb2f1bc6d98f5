"""Cases with many samples, which symdiff works on in parts: objective and all gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp

import symdiff as sd
from symdiff.loader import load_models

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
Step = Callable[[], object]


def _against(
    model: sd.Model, params: Sequence[Any], data: Sequence[Any], torch_loss: Any, jax_loss: Any
) -> dict[str, Step]:
    """symdiff's step, and those of the frameworks that are installed; the losses take the library, params and data."""
    module = sd.compile(model, emit="value_and_grad", cache=False)
    steps: dict[str, Step] = {"symdiff": lambda: module.value_and_grad(*params, *data)}
    try:
        import torch

        given = [torch.tensor(p, requires_grad=True) for p in params]
        tensors = [torch.tensor(array) for array in data]
        steps["torch"] = lambda: torch.autograd.grad(torch_loss(torch, *given, *tensors), given)
    except ImportError:
        pass
    try:
        import jax

        jax.config.update("jax_enable_x64", True)
        compiled = jax.jit(jax.value_and_grad(lambda p, d: jax_loss(jax, *p, *d)))
        own, arrays = [jax.numpy.asarray(p) for p in params], [jax.numpy.asarray(array) for array in data]
        steps["jax"] = lambda: jax.block_until_ready(compiled(own, arrays))
    except ImportError:
        pass
    return steps


def logistic() -> dict[str, Step]:
    """Logistic regression on a million samples of 20 features, float64."""
    (model,) = load_models(EXAMPLES / "logistic_regression" / "model.py")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((1_000_000, 20)), (rng.random((1_000_000, 1)) < 0.5).astype(float)

    def torch_loss(torch: Any, w: Any, b: Any, x: Any, y: Any, penalty: Any) -> Any:
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(x @ w + b, y)
        return entropy + penalty * (w * w).sum()

    def jax_loss(jax: Any, w: Any, b: Any, x: Any, y: Any, penalty: Any) -> Any:
        z = x @ w + b
        return (jax.nn.softplus(z) - y * z).mean() + penalty * (w * w).sum()

    return _against(model, (0.1 * rng.standard_normal((20, 1)), np.float64(0.1)), (x, y, 0.1), torch_loss, jax_loss)


def softmax() -> dict[str, Step]:
    """Softmax regression on 60,000 samples of 784 features, 10 classes, float32."""
    (model,) = load_models(EXAMPLES / "softmax_regression" / "model.py")
    rng = np.random.default_rng(0)
    x, label = rng.standard_normal((60_000, 784)).astype(np.float32), rng.integers(0, 10, 60_000)
    params = ((0.01 * rng.standard_normal((784, 10))).astype(np.float32), np.zeros(10, np.float32))

    def torch_loss(torch: Any, w: Any, b: Any, x: Any, label: Any, penalty: Any) -> Any:
        return torch.nn.functional.cross_entropy(x @ w + b, label) + penalty * (w * w).sum()

    def jax_loss(jax: Any, w: Any, b: Any, x: Any, label: Any, penalty: Any) -> Any:
        logs = jax.nn.log_softmax(x @ w + b)
        return -jax.numpy.take_along_axis(logs, label[:, None], 1).mean() + penalty * (w * w).sum()

    return _against(model, params, (x, label, np.float32(0.1)), torch_loss, jax_loss)


def oscillator() -> dict[str, Step]:
    """A damped oscillator with 5 parameters fitted to a million samples, float64."""
    a, g, w, p, c, t, y = sp.symbols("a g w p c t y")
    model = sd.Model(
        sd.mean((a * sp.exp(-g * t) * sp.cos(w * t + p) + c - y) ** 2), params=[a, g, w, p, c], data=[t, y]
    )
    rng = np.random.default_rng(0)
    times = np.linspace(0, 10, 1_000_000)
    seen = np.exp(-0.3 * times) * np.cos(2 * times) + 0.1 * rng.standard_normal(times.size)

    def torch_loss(torch: Any, a: Any, g: Any, w: Any, p: Any, c: Any, t: Any, y: Any) -> Any:
        return ((a * torch.exp(-g * t) * torch.cos(w * t + p) + c - y) ** 2).mean()

    def jax_loss(jax: Any, a: Any, g: Any, w: Any, p: Any, c: Any, t: Any, y: Any) -> Any:
        return ((a * jax.numpy.exp(-g * t) * jax.numpy.cos(w * t + p) + c - y) ** 2).mean()

    return _against(model, tuple(map(np.float64, (1, 0.2, 2.1, 0.1, 0.05))), (times, seen), torch_loss, jax_loss)
