"""The tensor dialect against PyTorch: value, gradient, products with the Hessian, in float64 and float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import sympy as sp
import torch
from torch.nn import functional

import symdiff as sd
from symdiff.errors import ModelError, ShapeError, UnsupportedError

n, d, k, h, w = sp.symbols("n d k h w", integer=True, positive=True)
s = sp.Symbol("s")
X, W, b = sd.Tensor("X", (n, d)), sd.Tensor("W", (d, k)), sd.Tensor("b", k)
T, U, V = sd.Tensor("T", (n, d, k)), sd.Tensor("U", (d, 1)), sd.Tensor("V", (d, d))
B = sd.Tensor("B", (n, d, d))
E, v, g = sd.Tensor("E", (d, k)), sd.Tensor("v", d), sd.Tensor("g", (d,))
label, place = sd.Tensor("label", n, dtype=int), sd.Tensor("place", (n,), dtype=int)
image, kernel = sd.Tensor("image", (n, 2, 8, 8)), sd.Tensor("kernel", (3, 2, 3, 3))
wide, narrow = sd.Tensor("wide", (n, 2, h, w)), sd.Tensor("narrow", (3, 2, d, k))
signal, filt = sd.Tensor("signal", (n, 2, 9)), sd.Tensor("filt", (4, 2, 3))
query, key, value = (sd.Tensor(name, (n, d)) for name in ("query", "key", "value"))
SHAPES: dict[Any, tuple[int, ...]] = {
    X: (4, 3), W: (3, 2), b: (2,), T: (2, 3, 2), U: (3, 1), V: (3, 3), E: (4, 3), v: (3,), g: (3,), s: (),
    B: (2, 3, 3),
    image: (2, 2, 8, 8), kernel: (3, 2, 3, 3), wide: (2, 2, 6, 7), narrow: (3, 2, 3, 2), signal: (2, 2, 9), filt: (4, 2, 3),
    query: (4, 3), key: (4, 3), value: (4, 3),
}  # fmt: skip
LABELS = {label: np.array([0, 1, 1, 0]), place: np.array([0, 2, 2, 1])}


def layer_norm(x: Any) -> Any:
    centred = x - sd.mean(x, axis=-1, keepdims=True)
    return centred / sd.sqrt(sd.mean(centred**2, axis=-1, keepdims=True) + sp.Rational(1, 100000))


def attention(q: Any, k: Any, v: Any) -> Any:
    return sd.softmax(q @ k.T / sp.sqrt(d)) @ v


@dataclass(frozen=True)
class Case:
    """A model's objective, the same in PyTorch, the parameters and the data."""

    name: str
    objective: Any
    torch: Any
    params: tuple[Any, ...]
    data: tuple[Any, ...] = ()


CASES = [
    Case("linear layer", sd.sum(sd.tanh(X @ W + b)), lambda W, b, X: torch.tanh(X @ W + b).sum(), (W, b), (X,)),
    Case(
        "labels",
        sd.cross_entropy(X @ W + b, label),
        lambda W, b, X, y: functional.cross_entropy(X @ W + b, y),
        (W, b),
        (X, label),
    ),
    Case(
        "one-hot",
        sd.cross_entropy(X @ W, sd.one_hot(label, k)),
        lambda W, X, y: functional.cross_entropy(X @ W, y),
        (W,),
        (X, label),
    ),
    Case("mse", sd.mse(X @ W, 1), lambda W, X: ((X @ W - 1) ** 2).mean(), (W,), (X,)),
    Case("huber", sd.huber(3 * X, 1), lambda X: functional.huber_loss(3 * X, torch.ones_like(X)), (X,)),
    Case(
        "scalars beside",
        sd.sum(sd.exp(X * s) * sd.sum(X * X, axis=1, keepdims=True)) * s,
        lambda X, s: (torch.exp(X * s) * (X * X).sum(1, keepdim=True)).sum() * s,
        (X, s),
    ),
    Case(
        "a scalar inside",
        sd.sum(X * sd.sum(X**2) / (1 + sd.max(X**2))),
        lambda X: (X * (X**2).sum() / (1 + (X**2).max())).sum(),
        (X,),
    ),
    Case(
        "broadcasting",
        sd.sum(sd.tanh(T * U + 1) / (2 + T**2)),
        lambda T, U: (torch.tanh(T * U + 1) / (2 + T**2)).sum(),
        (T, U),
    ),
    Case(
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
    Case(
        "slices",
        sd.sum((E[:-1] - E[1:]) ** 2) + sd.sum(E[::-1, 0] * E[:, -1]) + E[-1, -1] ** 2 * sd.sum(E[None, :, ...]),
        lambda E: ((E[:-1] - E[1:]) ** 2).sum() + (E.flip(0)[:, 0] * E[:, -1]).sum() + E[-1, -1] ** 2 * E.sum(),
        (E,),
    ),
    Case(
        "strides",
        sd.sum(signal[:, :, ::2] ** 3) + sd.sum(signal[..., 1:8:3] ** 2),
        lambda x: (x[:, :, ::2] ** 3).sum() + (x[..., 1:8:3] ** 2).sum(),
        (signal,),
    ),
    Case(
        "positions",
        sd.sum(sd.take(E, place) ** 3 * (1 + E[place])),
        lambda E, i: (E[i] ** 3 * (1 + E[i])).sum(),
        (E,),
        (place,),
    ),
    Case("positions of columns", sd.sum(E[1:, place] ** 3), lambda E, i: (E[1:, i] ** 3).sum(), (E,), (place,)),
    Case(
        "joined",
        sd.sum(sd.concatenate([E, E * 2, E[:1]], axis=0) ** 2 * sd.concatenate([E, E * E, E[:1]]))
        + sd.sum(sd.stack([E, E**2], axis=1) ** 2),
        lambda E: (
            (torch.cat([E, E * 2, E[:1]]) ** 2 * torch.cat([E, E * E, E[:1]])).sum()
            + (torch.stack([E, E**2], 1) ** 2).sum()
        ),
        (E,),
    ),
    Case(
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
    Case(
        "einsum",
        sd.sum(sd.einsum("ijk,jl->ikl", T, V) ** 2) + sd.einsum("ii", V) ** 2,
        lambda T, V: (torch.einsum("ijk,jl->ikl", T, V) ** 2).sum() + V.trace() ** 2,
        (T, V),
    ),
    Case(
        "batches of products",
        sd.sum((T @ sd.transpose(T, (0, 2, 1))) ** 2),
        lambda T: ((T @ T.transpose(1, 2)) ** 2).sum(),
        (T,),
    ),
    Case(
        "vectors",
        (v @ v) ** 2 + sd.sum(X @ v) ** 2 + sd.sum(sd.outer(v, v) ** 2) + sd.dot(v, v) + sd.sum(v @ V),
        lambda v, X, V: (v @ v) ** 2 + (X @ v).sum() ** 2 + (torch.outer(v, v) ** 2).sum() + v @ v + (v @ V).sum(),
        (v, X, V),
    ),
    Case(
        "attention",
        sd.sum(attention(query, key, value) ** 2),
        lambda q, k, v: (functional.scaled_dot_product_attention(q, k, v) ** 2).sum(),
        (query, key, value),
    ),
    Case(
        "layer norm",
        sd.sum((layer_norm(X) * g) ** 3),
        lambda X, g: (functional.layer_norm(X, (3,), eps=1e-5) * g).pow(3).sum(),
        (X, g),
    ),
    Case(
        "choices",
        sd.sum(sd.where((X > 0) & (X < 1), sd.log(sd.abs(X)) * X, X**2) + sd.clip(X, -1, 1) + sd.maximum(X, 2 * X)),
        lambda X: (
            torch.where((X > 0) & (X < 1), torch.log(X.abs()) * X, X**2) + X.clamp(-1, 1) + torch.maximum(X, 2 * X)
        ).sum(),
        (X,),
    ),
    Case("stop_gradient", sd.sum(sd.stop_gradient(X**2 + 3) * X), lambda X: ((X**2 + 3).detach() * X).sum(), (X,)),
    Case(
        "softmax",
        sd.sum(sd.log_softmax(X, axis=0) * sd.softmax(X)),
        lambda X: (X.log_softmax(0) * X.softmax(-1)).sum(),
        (X,),
    ),
    *(
        Case(
            f"conv2d, stride {stride}, padding {padding}",
            sd.sum(sd.conv2d(image, kernel, stride, padding) ** 3),
            lambda f, x, stride=stride, padding=padding: (
                functional.conv2d(x, f, stride=stride, padding=padding) ** 3
            ).sum(),
            (kernel, image),
        )
        for stride, padding in ((1, 0), (1, 1), (2, 1), (3, 0), ((2, 1), (0, 2)))
    ),
    Case(
        "conv2d of unknown sizes",
        sd.sum(sd.conv2d(wide, narrow) ** 2),
        lambda f, x: (functional.conv2d(x, f) ** 2).sum(),
        (narrow, wide),
    ),
    Case(
        "conv1d",
        sd.sum(sd.conv1d(signal, filt, 2, 1) ** 3),
        lambda f, x: (functional.conv1d(x, f, stride=2, padding=1) ** 3).sum(),
        (filt, signal),
    ),
    *(
        Case(
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


CASES += [
    Case(
        "solve",
        sd.sum(sd.solve(V, X.T) ** 2) + sd.sum(sd.solve(V, v)),
        lambda V, v, X: (torch.linalg.solve(V, X.T) ** 2).sum() + torch.linalg.solve(V, v).sum(),
        (V, v, X),
    ),
    Case(
        "inverse",
        sd.sum(sd.inv(V) ** 2) + sd.trace(sd.inv(V) @ V @ V),
        lambda V: (torch.linalg.inv(V) ** 2).sum() + V.trace(),
        (V,),
    ),
    Case(
        "determinants",
        sd.det(V) ** 2 + sd.logdet(V @ V.T) * sd.sum(V),
        lambda V: torch.linalg.det(V) ** 2 + torch.logdet(V @ V.T) * V.sum(),
        (V,),
    ),
    Case(
        "cholesky",
        sd.sum(sd.cholesky(NOISY) ** 3),
        lambda V, v: (torch.linalg.cholesky(noisy(V, v)) ** 3).sum(),
        (V, v),
    ),
    Case(
        "triangular",
        sd.sum(sd.solve(sd.cholesky(NOISY), X.T) ** 2),
        lambda V, v, X: (torch.linalg.solve(torch.linalg.cholesky(noisy(V, v)), X.T) ** 2).sum(),
        (V, v, X),
    ),
    Case("batch: solve", sd.sum(sd.solve(B, T) ** 2), lambda B, T: (torch.linalg.solve(B, T) ** 2).sum(), (B, T)),
    Case(
        "batch: inverse, det",
        sd.sum(sd.det(B) ** 2) + sd.sum(sd.inv(B) ** 3),
        lambda B: (torch.linalg.det(B) ** 2).sum() + (torch.linalg.inv(B) ** 3).sum(),
        (B,),
    ),
    Case(
        "batch: logdet",
        sd.sum(sd.logdet(COVARIANCES) ** 2),
        lambda B, v: (torch.logdet(noisy(B, v)) ** 2).sum(),
        (B, v),
    ),
    Case(
        "batch: cholesky",
        sd.sum(sd.cholesky(COVARIANCES) ** 3),
        lambda B, v: (torch.linalg.cholesky(noisy(B, v)) ** 3).sum(),
        (B, v),
    ),
    Case(
        "diagonals",
        sd.sum(sd.diag(V) ** 2 * v) + sd.trace(V) ** 2 + sd.sum(sd.diag(v) @ V),
        lambda V, v: (V.diagonal() ** 2 * v).sum() + V.trace() ** 2 + (torch.diag(v) @ V).sum(),
        (V, v),
    ),
]


def draw(case: Case, dtype: Any) -> list[Any]:
    rng = np.random.default_rng(len(case.name))
    return [
        LABELS[entry] if entry in LABELS else dtype(rng.standard_normal(SHAPES[entry]))
        for entry in (*case.params, *case.data)
    ]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_as_in_torch(case, dtype):
    module = sd.compile(sd.Model(case.objective, params=case.params, data=case.data), emit=("value_and_grad", "hvp"))
    arguments = draw(case, dtype)
    count = len(case.params)
    given = [
        torch.tensor(a, dtype=torch.float64 if i < count or a.dtype.kind == "f" else torch.int64)
        for i, a in enumerate(arguments)
    ]
    wrt = [a.requires_grad_() for a in given[:count]]
    expected = case.torch(*given)
    gradient = torch.autograd.grad(expected, wrt, create_graph=True)
    rng = np.random.default_rng(1)
    direction = [dtype(rng.standard_normal(np.shape(a))) for a in arguments[:count]]
    slope = sum(
        (part * torch.tensor(v, dtype=torch.float64)).sum() for part, v in zip(gradient, direction, strict=True)
    )
    products = torch.autograd.grad(slope, wrt, allow_unused=True) if slope.requires_grad else [None] * count
    found, parts = module.value_and_grad(*arguments)
    hvp = module.hvp(*arguments, tuple(direction))
    assert found.dtype == dtype
    tolerance = 1e-10 if dtype is np.float64 else 2e-4
    close(found, expected, tolerance)
    for ours, theirs in zip((*parts, *hvp), (*gradient, *products), strict=True):
        assert ours.dtype == dtype
        close(ours, torch.zeros(ours.shape) if theirs is None else theirs, tolerance)


def close(ours: Any, theirs: Any, tolerance: float) -> None:
    theirs = theirs.detach().numpy()
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * max(1.0, np.abs(theirs).max()))


@pytest.mark.parametrize("case", [c for c in CASES if len(c.name) < 14], ids=lambda case: case.name)
def test_the_hessian_gives_its_products(case):
    module = sd.compile(sd.Model(case.objective, params=case.params, data=case.data), emit=("hessian", "hvp"))
    arguments = draw(case, np.float64)
    rng = np.random.default_rng(2)
    direction = tuple(rng.standard_normal(np.shape(a)) for a in arguments[: len(case.params)])
    hessian, product = module.hessian(*arguments), module.hvp(*arguments, direction)
    for row, part in zip(hessian, product, strict=True):
        whole = sum(np.tensordot(block, v, axes=np.ndim(v)) for block, v in zip(row, direction, strict=True))
        np.testing.assert_allclose(whole, part, rtol=1e-10, atol=1e-10)


def test_a_tensor_keeps_its_shape_where_sympy_would_cancel_it():
    module = sd.compile(sd.Model(outputs={"y": X - X, "z": 0 * X + 1, "t": X**0}, params=[X]))
    for name, entry in (("y", 0), ("z", 1), ("t", 1)):
        np.testing.assert_array_equal(getattr(module, name)(np.ones((2, 3))), np.full((2, 3), entry))


def test_sums_of_what_cancels_cover_every_entry():
    module = sd.compile(sd.Model(sd.sum(X / X) + sd.sum(X - X + 2), params=[X]))
    assert module.value(np.full((4, 3), 2.0)) == 12 + 24


def factor_of(matrix):
    return sd.compile(sd.Model(sd.sum(sd.cholesky(matrix)), params=[matrix]))


REFUSED = [
    (lambda: sp.exp(X), ModelError, "sd.exp"),
    (lambda: sd.Model(sd.sum(X @ X), params=[X]), ShapeError, "n rows"),
    (lambda: sd.Model(sd.sum(X + W), params=[X, W]), ShapeError, "do not match"),
    (lambda: sd.Model(X, params=[X]), ModelError, "sd.sum"),
    (lambda: sd.Model(sd.sum(X, axis=1)[0] + s, params=[X], data=[s]), UnsupportedError, "sd.Tensor"),
    (lambda: sd.Model(sd.sum(sd.reshape(X, (5, -1))), params=[X]), ShapeError, "multiple"),
    (lambda: sd.Model(sd.sum(sd.take(X, b)), params=[X, b]), ModelError, "dtype=int"),
    (lambda: sd.Model(sd.sum(signal[:, :, 9]), params=[signal]), ShapeError, "index 9"),
    (lambda: sd.Model(sd.sum(X[0, 0, 0]), params=[X]), ShapeError, "3 indices"),
    (lambda: sd.Model(sd.sum(sd.conv2d(wide, narrow, stride=2)), params=[wide, narrow]), UnsupportedError, "stride"),
    (lambda: sd.Model(sd.sum(sd.einsum("ij,ij", X, W)), params=[X, W]), ShapeError, "axis i"),
    (lambda: sd.Model(sd.sum(sd.transpose(T, (0, 1))), params=[T]), ShapeError, "transpose"),
    (lambda: sp.diff(sd.sum(X * s), s), ModelError, "sd.gradient"),
    (lambda: bool(X > 0), ModelError, "sd.where"),
    (lambda: X * np.ones(3), ModelError, "ndarray"),
    (lambda: np.ones(3) @ X, ModelError, "data or constants"),
    (lambda: X[0.5], ModelError, "whole number"),
    (lambda: sd.max(X, X), ModelError, "sd.maximum"),
    (lambda: sd.Model(sd.sum(v + b), params=[v, b]), ShapeError, r"in: b \+ v"),
    (
        lambda: sd.compile(sd.Model(sd.logdet(sd.cholesky(V)), params=[V])).value(-np.eye(2)),
        np.linalg.LinAlgError,
        "definite: V",
    ),
    (lambda: X["a"], ModelError, "index"),
    (lambda: sd.Tensor("Z", 3, dtype=complex), ModelError, "dtype"),
]


@pytest.mark.parametrize(("build", "error", "text"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_is_refused(build, error, text):
    def compiled():
        model = build()
        return sd.compile(model) if isinstance(model, sd.Model) else model

    with pytest.raises(error, match=text):
        compiled()


def test_positions_out_of_range_are_refused_when_called():
    module = sd.compile(sd.Model(sd.sum(sd.take(E, place)), params=[E], data=[place]))
    for wrong in ([0, 4], [-1, 0]):
        with pytest.raises(IndexError, match="axis of 4 entries"):
            module.value(np.ones((4, 3)), np.array(wrong))


def test_the_first_of_a_tie_takes_the_derivative_of_pooling():
    pixels = sd.Tensor("pixels", (1, 1, 2, 2))
    module = sd.compile(sd.Model(sd.sum(sd.max_pool2d(pixels, 2)), params=[pixels]))
    np.testing.assert_array_equal(module.grad(np.ones((1, 1, 2, 2))).pixels, [[[[1, 0], [0, 0]]]])


def test_a_boolean_tensor_is_a_mask():
    mask = sd.Tensor("mask", (n, d), dtype=bool)
    module = sd.compile(sd.Model(sd.sum(sd.where(mask, X**2, 0)), params=[X], data=[mask]))
    at, seen = np.arange(6.0).reshape(2, 3), np.array([[True, False, True], [False, True, False]])
    value, gradient = module.value_and_grad(at, seen)
    assert value == (at[seen] ** 2).sum()
    np.testing.assert_array_equal(gradient.X, 2 * at * seen)
    with pytest.raises(TypeError, match="mask"):
        module.value(at, at)


NO_FORM = (
    "conv",
    "max_pool",
    "avg_pool",
    "strides",
    "slices",
    "diagonals",
    "reductions",
    "cholesky",
    "triangular",
    "batch: cholesky",
    "einsum",
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_closed_forms_compile_to_the_same_numbers(case):
    model = sd.Model(case.objective, params=case.params, data=case.data)
    if case.name.startswith(NO_FORM):
        with pytest.raises(UnsupportedError, match="closed form"):
            sd.gradient(model)
        return
    forms = sd.gradient(model)
    outputs = {f"g{i}": forms[entry] for i, entry in enumerate(case.params)}
    again = sd.compile(sd.Model(outputs=outputs, params=case.params, data=case.data), emit="value")
    arguments = draw(case, np.float64)
    expected = sd.compile(model).grad(*arguments)
    named = {
        str(getattr(entry, "name", entry)): a for entry, a in zip((*case.params, *case.data), arguments, strict=True)
    }
    for i, part in enumerate(expected):
        function = getattr(again, f"g{i}")
        given = {name: named[name] for name in again.SIGNATURE["functions"][f"g{i}"]}
        np.testing.assert_allclose(function(**given), part, rtol=1e-10, atol=1e-10)


def test_three_dialects_give_the_same_numbers():
    """Ridge regression as tensors, as matrices and in indices."""
    i, j = sp.symbols("i j", integer=True)
    t = {name: sd.Tensor(name, shape) for name, shape in (("X", (n, d)), ("w", d), ("y", n))}
    tensors = sd.sum((t["X"] @ t["w"] - t["y"]) ** 2) / n + s * sd.sum(t["w"] ** 2)
    X_, w_, y_ = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("w", d, 1), sp.MatrixSymbol("y", n, 1)
    matrices = ((X_ * w_ - y_).T * (X_ * w_ - y_))[0, 0] / n + s * sp.Trace(w_.T * w_)
    x = {name: sp.IndexedBase(name, shape=shape) for name, shape in (("X", (n, d)), ("w", (d,)), ("y", (n,)))}
    residual = sp.Sum(x["X"][i, j] * x["w"][j], (j, 0, d - 1)) - x["y"][i]
    indices = sp.Sum(residual**2, (i, 0, n - 1)) / n + s * sp.Sum(x["w"][j] ** 2, (j, 0, d - 1))
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((5, 3)), rng.standard_normal(3), rng.standard_normal(5)
    found = []
    for objective, (points, weights, targets), column in (
        (tensors, t.values(), False),
        (matrices, (X_, w_, y_), True),
        (indices, x.values(), False),
    ):
        model = sd.Model(objective, params=[weights, s], data=[points, targets], samples=n)
        module = sd.compile(model, emit=("value", "grad", "hessian"))
        arguments = (b[:, None], 0.3, a, c[:, None]) if column else (b, 0.3, a, c)
        gradient, hessian = module.grad(*arguments), module.hessian(*arguments)
        found.append(
            np.concatenate([[module.value(*arguments)], np.ravel(gradient.w), np.ravel(hessian.w.w), [gradient.s]])
        )
    np.testing.assert_allclose(found[0], found[1], rtol=1e-13)
    np.testing.assert_allclose(found[0], found[2], rtol=1e-13)
