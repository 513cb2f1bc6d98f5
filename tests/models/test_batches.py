"""Batches of models: every function of a module, for all of a batch at once, equals a loop of single calls."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sympy as sp
from as_cupy import stand_in
from catalogue import ALL, Case
from gpu_rows import on_device

import symdiff as sd
from symdiff.errors import ModelError

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*without data over the samples"),
    pytest.mark.filterwarnings("ignore:.*nothing depends on it"),
]
MANY = 3
w, b, x, y = sp.symbols("w b x y")
N = sp.Symbol("N", integer=True, positive=True)
LINE = sd.Model(sd.mean((w * x + b - y) ** 2), params=[w, b], data=[x, y], outputs={"predict": w * x + b}, name="line")
KINDS = ("value", "grad", "value_and_grad", "hessian", "hvp", "jacobian", "jvp", "vjp")


def flat(result: Any) -> list[Any]:
    """The arrays of a result, however nested."""
    return [part for entry in result for part in flat(entry)] if isinstance(result, tuple) else [result]


def call(module: ModuleType, kind: str, arrays: dict[str, Any], direction: dict[str, Any], u: Any) -> list[Any]:
    """One function of a module."""
    taken = module.SIGNATURE["functions"][kind]
    more = []
    if kind.endswith(("hvp", "jvp", "vjp")):
        *taken, _ = taken  # the last is what the product is with
        more = [u if kind.endswith("vjp") else tuple(direction[name] for name in direction if name in taken)]
    return flat(getattr(module, kind)(*(arrays[name] for name in taken), *more))


def varied(rng: np.random.Generator, array: np.ndarray) -> np.ndarray:
    """Values near those of a row, which its model takes as it takes these."""
    if array.dtype.kind != "f":
        return np.stack([array] * MANY)
    return np.stack([array * (1 + 0.01 * rng.random(array.shape)) for _ in range(MANY)]).astype(array.dtype)


def compare(case: Case, dtype: Any, tolerance: float) -> None:
    """All functions of a row, of which the parameters have a batch."""
    single = sd.compile(case.model(), emit=case.emit)
    many = sd.compile(case.model(), emit=case.emit, batch="many")
    rng = np.random.default_rng(0)
    arrays = case.arrays(dtype)
    batch = {name: varied(rng, arrays[name]) for name in case.wrt}
    direction = {name: rng.standard_normal(batch[name].shape).astype(dtype) for name in case.wrt}
    for kind in single.SIGNATURE["functions"]:
        u = None
        if kind.endswith("vjp"):
            out = many.__dict__[kind.removesuffix("_vjp")]
            taken = many.SIGNATURE["functions"][out.__name__]
            u = rng.standard_normal(np.shape(out(*((arrays | batch)[name] for name in taken)))).astype(dtype)
        found = call(many, kind, arrays | batch, direction, u)
        loop = []
        for k in range(MANY):
            mine = {name: value[k] for name, value in batch.items()}
            v = {name: value[k] for name, value in direction.items()}
            takes_batch = any(name in single.SIGNATURE["functions"][kind] for name in batch)
            loop.append(call(single, kind, arrays | mine, v, u[k] if u is not None and takes_batch else u))
        for part, *singles in zip(found, *loop, strict=True):
            expected = np.stack(singles) if np.ndim(part) > np.ndim(singles[0]) else singles[0]
            assert part.dtype == dtype, kind
            scale = max(1.0, np.abs(expected).max(initial=0))
            np.testing.assert_allclose(part, expected, rtol=0, atol=tolerance * scale, err_msg=kind)


@pytest.mark.parametrize("case", ALL, ids=str)
def test_as_a_loop_of_single_calls(case):
    compare(case, np.float64, 1e-12)


@pytest.mark.parametrize("case", ALL[::9], ids=str)
def test_as_a_loop_of_single_calls_in_single_precision(case):
    compare(case, np.float32, 3e-5)


@pytest.mark.parametrize("style", ["fast", "plain"])
def test_over_what_is_named(style):
    rng = np.random.default_rng(1)
    module = sd.compile(LINE, batch="B", over=[w, x], emit="value_and_grad", style=style)
    assert [module.SIGNATURE["inputs"][name]["shape"] for name in ("w", "b", "x", "y")] == [
        ("B",),
        (),
        ("B", "N"),
        ("N",),
    ]
    ws, xs, ys = rng.normal(size=4), rng.normal(size=(4, 7)), rng.normal(size=7)
    value, grad = module.value_and_grad(ws, 0.5, xs, ys)
    single = sd.compile(LINE, emit="value_and_grad")
    for k in range(4):
        one, its = single.value_and_grad(ws[k], 0.5, xs[k], ys)
        np.testing.assert_allclose([value[k], grad.w[k], grad.b[k]], [one, its.w, its.b], rtol=1e-14)


def test_a_batch_streams():
    rng = np.random.default_rng(2)
    ws, bs, (xs, ys) = rng.normal(size=50), rng.normal(size=50), rng.normal(size=(2, 30_000))
    module = sd.compile(LINE, batch="B")
    value, grad = module.value_and_grad(ws, bs, xs, ys)
    parts = []
    block = module._value_and_grad_block
    module._value_and_grad_block = lambda x, *rest: parts.append(len(x)) or block(x, *rest)
    module.value_and_grad(ws, bs, xs, ys)
    assert len(parts) > 1
    assert sum(parts) == 30_000
    residual = ws[:, None] * xs + bs[:, None] - ys
    np.testing.assert_allclose(value, np.mean(residual**2, axis=1), rtol=1e-12)
    np.testing.assert_allclose(grad.w, 2 * np.mean(residual * xs, axis=1), rtol=1e-10)


def test_a_hundred_thousand_gradients_in_one_call():
    rng = np.random.default_rng(3)
    ws, bs, xs, ys = rng.normal(size=100_000), rng.normal(size=100_000), rng.normal(size=11), rng.normal(size=11)
    value, grad = sd.compile(LINE, batch="B").value_and_grad(ws, bs, xs, ys)
    residual = ws[:, None] * xs + bs[:, None] - ys
    np.testing.assert_allclose(value, np.mean(residual**2, axis=1), rtol=1e-12)
    np.testing.assert_allclose(grad.b, 2 * np.mean(residual, axis=1), rtol=1e-9, atol=1e-12)


def test_on_a_gpu_as_on_numpy():
    with stand_in() as cupy:
        try:
            cupy.compile_all([('extern "C" __global__ void nothing() {}', "nothing")])
        except cupy.CompilerMissing as error:
            pytest.skip(str(error))
        rng = np.random.default_rng(4)
        arrays = rng.normal(size=5), rng.normal(size=5), rng.normal(size=9), rng.normal(size=9)
        for emit in ("value_and_grad", "hessian"):
            ours = sd.compile(LINE, batch="B", emit=emit)
            theirs = sd.compile(LINE, batch="B", emit=emit, backend="cupy")
            for mine, its in zip(
                flat(getattr(ours, emit)(*arrays)),
                flat(getattr(theirs, emit)(*(on_device(cupy, array) for array in arrays))),
                strict=True,
            ):
                np.testing.assert_allclose(its.get(), mine, rtol=1e-12)


def test_what_takes_no_batch_is_as_it_was():
    model = sd.Model(params=[w], data=[x], outputs={"square": x**2, "product": w * x})
    module = sd.compile(model, batch="B", emit="value")
    assert module.square(np.ones(3)).shape == (3,)
    assert module.product(np.ones(2), np.ones(3)).shape == (2, 3)


def test_there_are_no_flat_forms():
    module = sd.compile(LINE, batch="B")
    assert not [name for name in vars(module) if name.endswith("_flat") or name in ("pack", "unpack")]


def test_arguments_of_other_lengths_are_refused():
    module = sd.compile(LINE, batch="B")
    with pytest.raises(ValueError, match=r"b has shape \(4,\), expected shape \(B,\) with B = 3 from w"):
        module.value(np.ones(3), np.ones(4), np.ones(2), np.ones(2))


POINTWISE = sd.Model(w**2 + b, params=[w, b])
REFUSED = [
    (LINE, {"batch": "x"}, "batch='x' is a name of the model's already"),
    (LINE, {"batch": "N"}, "batch='N' is a name of the model's already"),
    (LINE, {"batch": "B", "over": "q"}, "over names q, which the model does not declare: it has w, b, x, y"),
    (LINE, {"over": "w"}, "over is given without batch"),
    (LINE, {"batch": "a b"}, "batch='a b' is no name of an axis"),
    (LINE, {"batch": "B", "over": ""}, "over is empty"),
    (POINTWISE, {"batch": "B"}, "it needs no batch"),
    (sd.Model(params=[], outputs={"s": x**2}, data=[x]), {"batch": "B"}, "has no params"),
]


@pytest.mark.parametrize(("model", "options", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_is_no_batch_is_refused(model, options, message):
    with pytest.raises(ModelError, match=message):
        sd.compile(model, **options)
