"""Rows of the tensor dialect: layers, broadcasting, indexing, windows, products and linear algebra of batches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import sympy as sp
import torch
from torch.nn import functional

import symdiff as sd
from catalogue.case import Case
from symdiff.functions.tensor import is_tensor

n, d, k, h, w = sp.symbols("n d k h w", integer=True, positive=True)
s = sp.Symbol("s")
X, W, b = sd.Tensor("X", (n, d)), sd.Tensor("W", (d, k)), sd.Tensor("b", k)
T, U, V = sd.Tensor("T", (n, d, k)), sd.Tensor("U", (d, 1)), sd.Tensor("V", (d, d))
B = sd.Tensor("B", (n, d, d))
E, v, g = sd.Tensor("E", (d, k)), sd.Tensor("v", d), sd.Tensor("g", (d,))
Z, J = sd.Tensor("Z", (2, 3)), sd.Tensor("J", (n, d), dtype=bool)
label, place = sd.Tensor("label", n, dtype=int), sd.Tensor("place", (n,), dtype=int)
image, kernel = sd.Tensor("image", (n, 2, 8, 8)), sd.Tensor("kernel", (3, 2, 3, 3))
wide, narrow = sd.Tensor("wide", (n, 2, h, w)), sd.Tensor("narrow", (3, 2, d, k))
signal, filt = sd.Tensor("signal", (n, 2, 9)), sd.Tensor("filt", (4, 2, 3))
query, key, value = (sd.Tensor(name, (n, d)) for name in ("query", "key", "value"))
SHAPES: dict[Any, tuple[int, ...]] = {
    X: (4, 3), Z: (2, 3), W: (3, 2), b: (2,), T: (2, 3, 2), U: (3, 1), V: (3, 3), E: (4, 3), v: (3,), g: (3,), s: (),
    B: (2, 3, 3),
    image: (2, 2, 8, 8), kernel: (3, 2, 3, 3), wide: (2, 2, 6, 7), narrow: (3, 2, 3, 2), signal: (2, 2, 9), filt: (4, 2, 3),
    query: (4, 3), key: (4, 3), value: (4, 3),
}  # fmt: skip
LABELS = {label: np.array([0, 1, 1, 0]), place: np.array([0, 2, 2, 1]), J: np.arange(12).reshape(4, 3) % 3 > 0}


def layer_norm(x: Any) -> Any:
    centred = x - sd.mean(x, axis=-1, keepdims=True)
    return centred / sd.sqrt(sd.mean(centred**2, axis=-1, keepdims=True) + sp.Rational(1, 100000))


def attention(q: Any, k: Any, v: Any) -> Any:
    return sd.softmax(q @ k.T / sp.sqrt(d)) @ v


def draw(rng: np.random.Generator, symbol: Any, domain: tuple[float, float] | None = None) -> np.ndarray:
    """Labels and masks as they are; all else from the domain, or normal."""
    if symbol in LABELS:
        return LABELS[symbol]
    return np.asarray(rng.uniform(*domain, SHAPES[symbol]) if domain else rng.standard_normal(SHAPES[symbol]))


def row(
    name: str,
    expression: Any,
    theirs: Callable[..., torch.Tensor],
    params: tuple[Any, ...],
    data: tuple[Any, ...] = (),
    domain: tuple[float, float] | None = None,
) -> Case:
    """A row; of a tensor the objective is a sum over its entries."""
    objective = sd.sum(expression**2 / 2 + expression) if is_tensor(expression) else None
    return Case(name, "tensor", expression, theirs, partial(draw, domain=domain), params, data, objective=objective)


ROWS = [
    row("linear layer", sd.sum(sd.tanh(X @ W + b)), lambda W, b, X: torch.tanh(X @ W + b).sum(), (W, b), (X,)),
    row(
        "labels",
        sd.cross_entropy(X @ W + b, label),
        lambda W, b, X, y: functional.cross_entropy(X @ W + b, y),
        (W, b),
        (X, label),
    ),
    row(
        "one-hot",
        sd.cross_entropy(X @ W, sd.one_hot(label, k)),
        lambda W, X, y: functional.cross_entropy(X @ W, y),
        (W,),
        (X, label),
    ),
    row(
        "quotients by exponentials",
        sd.sum(sd.where(label > 0, X[:, 0] / sd.exp(X @ v), 0)),
        lambda X, v, i: torch.where(i > 0, X[:, 0] / torch.exp(X @ v), 0).sum(),
        (X, v),
        (label,),
    ),
    row("mse", sd.mse(X @ W, 1), lambda W, X: ((X @ W - 1) ** 2).mean(), (W,), (X,)),
    row("huber", sd.huber(3 * X, 1), lambda X: functional.huber_loss(3 * X, torch.ones_like(X)), (X,)),
    row(
        "scalars beside",
        sd.sum(sd.exp(X * s) * sd.sum(X * X, axis=1, keepdims=True)) * s,
        lambda X, s: (torch.exp(X * s) * (X * X).sum(1, keepdim=True)).sum() * s,
        (X, s),
    ),
    row(
        "a scalar inside",
        sd.sum(X * sd.sum(X**2) / (1 + sd.max(X**2))),
        lambda X: (X * (X**2).sum() / (1 + (X**2).max())).sum(),
        (X,),
    ),
    row(
        "broadcasting",
        sd.sum(sd.tanh(T * U + 1) / (2 + T**2)),
        lambda T, U: (torch.tanh(T * U + 1) / (2 + T**2)).sum(),
        (T, U),
    ),
    row(
        "reductions",
        sd.sum(sd.logsumexp(T, axis=(0, 2)) ** 2)
        + sd.sum(sd.max(T, axis=1) ** 2)
        + sd.sum(sd.prod(T, axis=-1) ** 2)
        + sd.sum(sd.norm(T, axis=1))
        + sd.sum(sd.min(T, axis=0, keepdims=True) * T)
        + sd.mean(T, axis=0)[0, 0],
        lambda T: (
            (torch.logsumexp(T, (0, 2)) ** 2).sum()
            + (T.amax(1) ** 2).sum()
            + (T.prod(-1) ** 2).sum()
            + T.norm(dim=1).sum()
            + (T.amin(0, keepdim=True) * T).sum()
            + T.mean(0)[0, 0]
        ),
        (T,),
    ),
    row(
        "slices",
        sd.sum((E[:-1] - E[1:]) ** 2) + sd.sum(E[::-1, 0] * E[:, -1]) + E[-1, -1] ** 2 * sd.sum(E[None, :, ...]),
        lambda E: ((E[:-1] - E[1:]) ** 2).sum() + (E.flip(0)[:, 0] * E[:, -1]).sum() + E[-1, -1] ** 2 * E.sum(),
        (E,),
    ),
    row(
        "strides",
        sd.sum(signal[:, :, ::2] ** 3) + sd.sum(signal[..., 1:8:3] ** 2),
        lambda x: (x[:, :, ::2] ** 3).sum() + (x[..., 1:8:3] ** 2).sum(),
        (signal,),
    ),
    row(
        "positions",
        sd.sum(sd.take(E, place) ** 3 * (1 + E[place])),
        lambda E, i: (E[i] ** 3 * (1 + E[i])).sum(),
        (E,),
        (place,),
    ),
    row("positions of columns", sd.sum(E[1:, place] ** 3), lambda E, i: (E[1:, i] ** 3).sum(), (E,), (place,)),
    row(
        "joined",
        sd.sum(sd.concatenate([E, E * 2, E[:1]], axis=0) ** 2 * sd.concatenate([E, E * E, E[:1]]))
        + sd.sum(sd.stack([E, E**2], axis=1) ** 2),
        lambda E: (
            (torch.cat([E, E * 2, E[:1]]) ** 2 * torch.cat([E, E * E, E[:1]])).sum()
            + (torch.stack([E, E**2], 1) ** 2).sum()
        ),
        (E,),
    ),
    row(
        "reshaped",
        sd.sum(sd.reshape(T, (n, -1)) ** 3)
        + sd.sum(sd.flatten(T, 1) @ sd.flatten(T, 1).T)
        + sd.sum(sd.transpose(T, (2, 0, 1))[0] ** 2)
        + sd.sum(sd.expand_dims(T, 1) * sd.broadcast_to(T[0], (1, 1, d, k))),
        lambda T: (
            (T**3).sum() + (T.flatten(1) @ T.flatten(1).T).sum() + (T.permute(2, 0, 1)[0] ** 2).sum() + (T * T[0]).sum()
        ),
        (T,),
    ),
    row(
        "einsum",
        sd.sum(sd.einsum("ijk,jl->ikl", T, V) ** 2) + sd.einsum("ii", V) ** 2,
        lambda T, V: (torch.einsum("ijk,jl->ikl", T, V) ** 2).sum() + V.trace() ** 2,
        (T, V),
    ),
    row(
        "batches of products",
        sd.sum((T @ sd.transpose(T, (0, 2, 1))) ** 2),
        lambda T: ((T @ T.transpose(1, 2)) ** 2).sum(),
        (T,),
    ),
    row(
        "vectors",
        (v @ v) ** 2 + sd.sum(X @ v) ** 2 + sd.sum(sd.outer(v, v) ** 2) + sd.dot(v, v) + sd.sum(v @ V),
        lambda v, X, V: (v @ v) ** 2 + (X @ v).sum() ** 2 + (torch.outer(v, v) ** 2).sum() + v @ v + (v @ V).sum(),
        (v, X, V),
    ),
    row(
        "attention",
        sd.sum(attention(query, key, value) ** 2),
        lambda q, k, v: (functional.scaled_dot_product_attention(q, k, v) ** 2).sum(),
        (query, key, value),
    ),
    row(
        "layer norm",
        sd.sum((layer_norm(X) * g) ** 3),
        lambda X, g: (functional.layer_norm(X, (3,), eps=1e-5) * g).pow(3).sum(),
        (X, g),
    ),
    row(
        "choices",
        sd.sum(sd.where((X > 0) & (X < 1), sd.log(sd.abs(X)) * X, X**2) + sd.clip(X, -1, 1) + sd.maximum(X, 2 * X)),
        lambda X: (
            torch.where((X > 0) & (X < 1), torch.log(X.abs()) * X, X**2) + X.clamp(-1, 1) + torch.maximum(X, 2 * X)
        ).sum(),
        (X,),
    ),
    row("stop_gradient", sd.sum(sd.stop_gradient(X**2 + 3) * X), lambda X: ((X**2 + 3).detach() * X).sum(), (X,)),
    row(
        "softmax",
        sd.sum(sd.log_softmax(X, axis=0) * sd.softmax(X)),
        lambda X: (X.log_softmax(0) * X.softmax(-1)).sum(),
        (X,),
    ),
    *(
        row(
            f"conv2d, stride {stride}, padding {padding}",
            sd.sum(sd.conv2d(image, kernel, stride, padding) ** 3),
            lambda f, x, stride=stride, padding=padding: (
                functional.conv2d(x, f, stride=stride, padding=padding) ** 3
            ).sum(),
            (kernel, image),
        )
        for stride, padding in ((1, 0), (1, 1), (2, 1), (3, 0), ((2, 1), (0, 2)))
    ),
    row(
        "conv2d of unknown sizes",
        sd.sum(sd.conv2d(wide, narrow) ** 2),
        lambda f, x: (functional.conv2d(x, f) ** 2).sum(),
        (narrow, wide),
    ),
    row(
        "conv1d",
        sd.sum(sd.conv1d(signal, filt, 2, 1) ** 3),
        lambda f, x: (functional.conv1d(x, f, stride=2, padding=1) ** 3).sum(),
        (filt, signal),
    ),
    *(
        row(
            f"{name}, {size} {stride} {padding}",
            sd.sum(own(image, size, stride, padding) ** 3),
            lambda x, theirs=theirs, window=(size, stride, padding): (theirs(x, *window) ** 3).sum(),
            (image,),
        )
        for name, own, theirs in (
            ("max_pool2d", sd.max_pool2d, functional.max_pool2d),
            ("avg_pool2d", sd.avg_pool2d, functional.avg_pool2d),
        )
        for size, stride, padding in ((2, 2, 0), (3, 2, 1), (3, 1, 0), (2, 3, 0))
    ),
]


NOISY = V @ V.T + sd.diag(v**2 + 1)  # positive definite, whatever V is
COVARIANCES = B @ sd.transpose(B, (0, 2, 1)) + sd.diag(v**2 + 1)


def noisy(x: Any, v: Any) -> Any:
    return x @ x.transpose(-1, -2) + torch.diag(v**2 + 1)


ROWS += [
    row(
        "solve",
        sd.sum(sd.solve(V, X.T) ** 2) + sd.sum(sd.solve(V, v)),
        lambda V, v, X: (torch.linalg.solve(V, X.T) ** 2).sum() + torch.linalg.solve(V, v).sum(),
        (V, v, X),
    ),
    row(
        "inverse",
        sd.sum(sd.inv(V) ** 2) + sd.trace(sd.inv(V) @ V @ V),
        lambda V: (torch.linalg.inv(V) ** 2).sum() + V.trace(),
        (V,),
    ),
    row(
        "determinants",
        sd.det(V) ** 2 + sd.logdet(V @ V.T) * sd.sum(V),
        lambda V: torch.linalg.det(V) ** 2 + torch.logdet(V @ V.T) * V.sum(),
        (V,),
    ),
    row(
        "cholesky",
        sd.sum(sd.cholesky(NOISY) ** 3),
        lambda V, v: (torch.linalg.cholesky(noisy(V, v)) ** 3).sum(),
        (V, v),
    ),
    row(
        "triangular",
        sd.sum(sd.solve(sd.cholesky(NOISY), X.T) ** 2),
        lambda V, v, X: (torch.linalg.solve(torch.linalg.cholesky(noisy(V, v)), X.T) ** 2).sum(),
        (V, v, X),
    ),
    row("batch: solve", sd.sum(sd.solve(B, T) ** 2), lambda B, T: (torch.linalg.solve(B, T) ** 2).sum(), (B, T)),
    row(
        "batch: inverse, det",
        sd.sum(sd.det(B) ** 2) + sd.sum(sd.inv(B) ** 3),
        lambda B: (torch.linalg.det(B) ** 2).sum() + (torch.linalg.inv(B) ** 3).sum(),
        (B,),
    ),
    row(
        "batch: logdet",
        sd.sum(sd.logdet(COVARIANCES) ** 2),
        lambda B, v: (torch.logdet(noisy(B, v)) ** 2).sum(),
        (B, v),
    ),
    row(
        "batch: cholesky",
        sd.sum(sd.cholesky(COVARIANCES) ** 3),
        lambda B, v: (torch.linalg.cholesky(noisy(B, v)) ** 3).sum(),
        (B, v),
    ),
    row(
        "diagonals",
        sd.sum(sd.diag(V) ** 2 * v) + sd.trace(V) ** 2 + sd.sum(sd.diag(v) @ V),
        lambda V, v: (V.diagonal() ** 2 * v).sum() + V.trace() ** 2 + (torch.diag(v) @ V).sum(),
        (V, v),
    ),
]


def reductions() -> list[Case]:
    """Every reduction along an axis, along two, and with the axes kept."""
    theirs = {
        "sum": torch.sum,
        "mean": torch.mean,
        "max": torch.amax,
        "min": torch.amin,
        "norm": torch.linalg.vector_norm,
        "logsumexp": torch.logsumexp,
    }
    rows = [row("prod axis=1", sd.prod(T, axis=1), lambda T: T.prod(1), (T,))]
    for name, f in theirs.items():
        for axis in (1, (0, 2)):
            ours = getattr(sd, name)(T, axis=axis)
            rows.append(row(f"{name} axis={axis}", ours, lambda T, f=f, axis=axis: f(T, dim=axis), (T,)))
        ours = getattr(sd, name)(T, axis=-1, keepdims=True)
        rows.append(row(f"{name} axis=-1 keepdims", ours, lambda T, f=f: f(T, dim=-1, keepdim=True), (T,)))
    return rows


# fmt: off
OUTPUTS = [  # arrays: their Jacobians and products with them
    row("output: layer", sd.tanh(sd.matmul(X, W) + b), lambda W, b, X: torch.tanh(X @ W + b), (W, b), (X,)),
    row("output: softmax", sd.softmax(X, axis=0), lambda X: X.softmax(0), (X,)),
    row("output: log_softmax", sd.log_softmax(X @ W), lambda X, W: (X @ W).log_softmax(-1), (X, W)),
    row("log_softmax", sd.sum(sd.log_softmax(X) ** 2), lambda X: (X.log_softmax(-1) ** 2).sum(), (X,)),
    row("output: batches of products", T @ W.T + V, lambda T, W, V: T @ W.T + V, (T, W, V)),
    row("output: einsum", sd.einsum("ijk,jl->lik", T, V), lambda T, V: torch.einsum("ijk,jl->lik", T, V), (T, V)),
    row("output: outer and dot", sd.outer(v, v) * sd.dot(X, v)[0], lambda v, X: torch.outer(v, v) * (X @ v)[0], (v, X)),
    row("output: matrix times an outer product", X @ sd.outer(v, b), lambda X, v, b: X @ torch.outer(v, b), (X, v, b)),
    row("output: matrix times a column times a row", X @ (U @ b[None]), lambda X, U, b: X @ (U @ b[None]), (X, U, b)),
    row("output: one row times an outer product", X[:1] @ sd.outer(v, b), lambda X, v, b: X[:1] @ torch.outer(v, b), (X, v, b)),
    row("mean of a column times a row", sd.mean(X @ (U @ b[None]) ** 2),
        lambda X, U, b: (X @ (U @ b[None]) ** 2).mean(), (X, U, b)),
    row("mean after an outer product", sd.mean(X @ sd.outer(v, b)), lambda X, v, b: (X @ torch.outer(v, b)).mean(), (X, v, b)),
    row("output: transpose", sd.transpose(T, (1, 0, 2)), lambda T: T.permute(1, 0, 2), (T,)),
    row("output: reshape", sd.reshape(T, (n, -1)) ** 2, lambda T: T.reshape(2, -1) ** 2, (T,)),
    row("output: flatten", sd.flatten(T, 1) * 2, lambda T: T.flatten(1) * 2, (T,)),
    row("output: broadcast_to", sd.broadcast_to(v, (2, d)) * V[:2], lambda v, V: v * V[:2], (v, V)),
    row("output: expand_dims", sd.expand_dims(X, 1) * X, lambda X: X[:, None] * X, (X,)),
    row("output: concatenate", sd.concatenate([X, X**2], axis=1), lambda X: torch.cat([X, X**2], 1), (X,)),
    row("output: stack", sd.stack([X, sd.exp(X)], axis=-1), lambda X: torch.stack([X, X.exp()], -1), (X,)),
    row("output: slices", E[1:, ::-1] * E[:-1], lambda E: E[1:].flip(1) * E[:-1], (E,)),
    row("output: one entry of each axis", T[0, :, 1], lambda T: T[0, :, 1], (T,)),
    row("output: take", sd.take(X, place, axis=0) ** 2, lambda X, i: X[i] ** 2, (X,), (place,)),
    row("output: one_hot", sd.one_hot(label, 2) * X[:, :2], lambda X, i: functional.one_hot(i, 2) * X[:, :2], (X,), (label,)),
    row("output: where", sd.where(v < X, X * v, sd.sin(X)), lambda X, v: torch.where(v < X, X * v, X.sin()), (X, v)),
    row("output: conv2d", sd.conv2d(image, kernel, 2), lambda f, x: functional.conv2d(x, f, stride=2), (kernel,), (image,)),
    row("output: conv1d", sd.conv1d(signal, filt), lambda f, x: functional.conv1d(x, f), (filt, signal)),
    row("output: max_pool2d", sd.max_pool2d(image, 4), lambda x: functional.max_pool2d(x, 4), (image,)),
    row("output: avg_pool2d", sd.avg_pool2d(image, 4), lambda x: functional.avg_pool2d(x, 4), (image,)),
    row("output: solve", sd.solve(V, X.T), lambda V, X: torch.linalg.solve(V, X.T), (V, X)),
    row("output: inverse", sd.inv(V), lambda V: torch.linalg.inv(V), (V,)),
    row("output: cholesky", sd.cholesky(NOISY), lambda V, v: torch.linalg.cholesky(noisy(V, v)), (V, v)),
    row("output: batch: det, logdet", sd.stack([sd.det(B), sd.logdet(COVARIANCES)]),
        lambda B, v: torch.stack([torch.linalg.det(B), torch.logdet(noisy(B, v))]), (B, v)),
    row("output: diag", sd.diag(v) + sd.diag(V), lambda v, V: torch.diag(v) + V.diagonal(), (v, V)),
    row("output: remainder", X % sd.exp(v), lambda X, v: torch.remainder(X, v.exp()), (X, v)),
    row("output: Not, Or", sd.where(~(X > 0) | (X > 1), X**2, X * v),
        lambda X, v: torch.where(~(X > 0) | (X > 1), X**2, X * v), (X, v)),
]
# fmt: on
ROWS += [*reductions(), *OUTPUTS]
