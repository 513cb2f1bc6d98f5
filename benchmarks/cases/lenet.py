"""LeNet: two convolutions with pooling, three linear layers; a batch of 64 images of 32 x 32, float32."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.case import Case, Inputs, Target
from benchmarks.examples import example

SHAPES = ((6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (400, 120), (120,), (120, 84), (84,), (84, 10), (10,))


def inputs(small: bool) -> Inputs:
    n = 2 if small else 64
    rng = np.random.default_rng(0)
    params = tuple((0.1 * rng.standard_normal(shape)).astype(np.float32) for shape in SHAPES)
    return Inputs(params, (rng.standard_normal((n, 1, 32, 32)).astype(np.float32), rng.integers(0, 10, n)))


def torch(torch: Any, *given: Any) -> Any:
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label = given
    nn = torch.nn.functional
    h = nn.max_pool2d(nn.relu(nn.conv2d(image, k1, b1)), 2)
    h = nn.max_pool2d(nn.relu(nn.conv2d(h, k2, b2)), 2).flatten(1)
    h = nn.relu(nn.relu(h @ w3 + b3) @ w4 + b4)
    return nn.cross_entropy(h @ w5 + b5, label)


def jax(jax: Any, *given: Any) -> Any:
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label = given
    lax, relu = jax.lax, jax.nn.relu

    def pool(x: Any) -> Any:
        return lax.reduce_window(x, -jax.numpy.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    h = pool(relu(lax.conv(image, k1, (1, 1), "VALID") + b1[:, None, None]))
    h = pool(relu(lax.conv(h, k2, (1, 1), "VALID") + b2[:, None, None])).reshape(len(image), -1)
    logs = jax.nn.log_softmax(relu(relu(h @ w3 + b3) @ w4 + b4) @ w5 + b5)
    return -jax.numpy.take_along_axis(logs, label[:, None], 1).mean()


def autograd(anp: Any, *given: Any) -> Any:
    """As in autograd's own example of a convolutional network."""
    from autograd.scipy.signal import convolve
    from autograd.scipy.special import logsumexp

    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label = given

    def layer(x: Any, kernel: Any, bias: Any) -> Any:
        flipped = kernel[:, :, ::-1, ::-1]  # a convolution turns its kernel, a correlation does not
        found = convolve(x, flipped, axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid") + bias[:, None, None]
        n, c, rows, columns = found.shape
        found = anp.maximum(found, 0).reshape(n, c, rows // 2, 2, columns // 2, 2)
        return anp.max(anp.max(found, axis=5), axis=3)

    h = layer(layer(image, k1, b1), k2, b2).reshape(len(image), -1)
    h = anp.maximum(anp.dot(anp.maximum(anp.dot(h, w3) + b3, 0), w4) + b4, 0)
    scores = anp.dot(h, w5) + b5
    return anp.mean(logsumexp(scores, axis=1) - scores[np.arange(len(label)), label])


LENET = Case(
    name="lenet",
    title="LeNet, batch 64, float32",
    model=partial(example, "lenet", "lenet"),
    inputs=inputs,
    written={"torch": torch, "torch-compile": torch, "jax": jax, "autograd": autograd},
    cannot={
        "numpy": "nobody would write these derivatives by hand",
        "lambdify": "it has no windows",
        "pytensor": "it has convolutions of single images only, and no pooling",
        "tensorgrad": "its maximum over windows has no compiled derivative",
        "casadi": "double precision only, no windows",
        "numba": "nobody would write these derivatives by hand",
    },
    targets=(Target(1.0, ("jax",)), Target(1.0, ("torch",), stretch=True)),
    tolerance=1e-3,
)
