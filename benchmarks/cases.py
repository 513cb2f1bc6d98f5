"""The cases of the benchmark: each a model, its data, and one step as every contender writes it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import larger
import numpy as np
import streams
import sympy as sp

import symdiff as sd
from symdiff.compiler import generate
from symdiff.loader import load_models
from symdiff.options import Options

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PEERS = ("lambdify", "torch", "jax")
Step = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """A named step; `contenders` gives it as each contender takes it."""

    name: str
    contenders: Callable[[], dict[str, Step]]


def _model(example: str, name: str) -> Any:
    return next(model for model in load_models(EXAMPLES / example / "model.py") if model.name == name)


def line_through_points() -> dict[str, Step]:
    """w x + b through 11 points, mean squared error, one step of gradient descent."""
    module = sd.compile(_model("linear_regression", "line"), cache=False)
    x = np.arange(11.0)
    y = 2 * x + 1
    state = {"w": np.float64(0), "b": np.float64(0)}

    def own() -> None:
        _, g = module.value_and_grad(state["w"], state["b"], x, y)
        state["w"] -= 1e-3 * g.w
        state["b"] -= 1e-3 * g.b

    return {"symdiff": own, "lambdify": _line_lambdify(x, y), **_line_torch(x, y), **_line_jax(x, y)}


def _line_lambdify(x: Any, y: Any) -> Step:
    """What SymPy alone offers: diff, cse and lambdify of the loss of one point, then means in NumPy."""
    w, b, s, t = sp.symbols("w b s t")
    loss = (w * s + b - t) ** 2
    function = sp.lambdify((w, b, s, t), [loss, sp.diff(loss, w), sp.diff(loss, b)], "numpy", cse=True)
    state = [np.float64(0), np.float64(0)]

    def step() -> None:
        _, gw, gb = (np.mean(part) for part in function(*state, x, y))
        state[0] -= 1e-3 * gw
        state[1] -= 1e-3 * gb

    return step


def _line_torch(x: Any, y: Any) -> dict[str, Step]:
    try:
        import torch
    except ImportError:
        return {}
    tx, ty = torch.tensor(x), torch.tensor(y)
    w = torch.zeros((), dtype=torch.float64, requires_grad=True)
    b = torch.zeros((), dtype=torch.float64, requires_grad=True)

    def step() -> None:
        loss = ((w * tx + b - ty) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            for p in (w, b):
                p -= 1e-3 * p.grad
                p.grad = None

    return {"torch": step}


def _line_jax(x: Any, y: Any) -> dict[str, Step]:
    try:
        import jax
    except ImportError:
        return {}
    jax.config.update("jax_enable_x64", True)

    @jax.jit
    def update(w: Any, b: Any, x: Any, y: Any) -> Any:
        gw, gb = jax.grad(lambda w, b: ((w * x + b - y) ** 2).mean(), (0, 1))(w, b)
        return w - 1e-3 * gw, b - 1e-3 * gb

    state = [jax.numpy.zeros(()), jax.numpy.zeros(())]
    jx, jy = jax.numpy.asarray(x), jax.numpy.asarray(y)

    def step() -> None:
        state[:] = update(*state, jx, jy)
        state[0].block_until_ready()

    return {"jax": step}


def two_layer_net(dtype: str) -> Callable[[], dict[str, Step]]:
    """64 samples, 1000-100-10, ReLU, sum of squares, one step of gradient descent."""

    def contenders() -> dict[str, Step]:
        module = sd.compile(_model("two_layer_net", "net"), cache=False)
        rng = np.random.default_rng(0)
        shapes = ((64, 1000), (64, 10), (1000, 100), (100, 10))
        x, y, w1, w2 = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
        state = [w1.copy(), w2.copy()]

        def own() -> None:
            _, g = module.value_and_grad(*state, x, y)
            state[0] -= 1e-6 * g.w1
            state[1] -= 1e-6 * g.w2

        return {"symdiff": own, **_net_torch(x, y, w1, w2), **_net_jax(x, y, w1, w2)}

    return contenders


def _net_torch(x: Any, y: Any, w1: Any, w2: Any) -> dict[str, Step]:
    try:
        import torch
    except ImportError:
        return {}
    tx, ty = torch.tensor(x), torch.tensor(y)
    p1, p2 = (torch.tensor(w, requires_grad=True) for w in (w1, w2))

    def step() -> None:
        loss = ((tx.mm(p1).clamp(min=0).mm(p2) - ty) ** 2).sum()
        loss.backward()
        with torch.no_grad():
            for p in (p1, p2):
                p -= 1e-6 * p.grad
                p.grad = None

    return {"torch": step}


def _net_jax(x: Any, y: Any, w1: Any, w2: Any) -> dict[str, Step]:
    try:
        import jax
    except ImportError:
        return {}
    jax.config.update("jax_enable_x64", True)

    @jax.jit
    def update(w1: Any, w2: Any, x: Any, y: Any) -> Any:
        def loss(w1: Any, w2: Any) -> Any:
            return ((jax.nn.relu(x @ w1) @ w2 - y) ** 2).sum()

        g1, g2 = jax.grad(loss, (0, 1))(w1, w2)
        return w1 - 1e-6 * g1, w2 - 1e-6 * g2

    state = [jax.numpy.asarray(w1), jax.numpy.asarray(w2)]
    jx, jy = jax.numpy.asarray(x), jax.numpy.asarray(y)

    def step() -> None:
        state[:] = update(*state, jx, jy)
        state[0].block_until_ready()

    return {"jax": step}


STEPS = (
    Case("line through 11 points, float64", line_through_points),
    Case("two-layer net 64x1000x100x10, float32", two_layer_net("float32")),
    Case("two-layer net 64x1000x100x10, float64", two_layer_net("float64")),
    Case("LeNet, batch 64, float32, without update", larger.lenet),
    Case("Gaussian mixture, n=1000 d=64 K=50, float64, without update", larger.mixture(1_000, 64, 50)),
    Case("Gaussian mixture, n=10000 d=20 K=25, float64, without update", larger.mixture(10_000, 20, 25)),
    Case("logistic regression 1e6x20, float64, without update", streams.logistic),
    Case("softmax regression 60000x784, 10 classes, float32, without update", streams.softmax),
    Case("damped oscillator, 1e6 samples, float64, without update", streams.oscillator),
)


def nest(levels: int = 12) -> sd.Model:
    """e <- sin(e) e + cos(e x_k): a tree of millions of operations, of which few are distinct."""
    symbols = sp.symbols("x0:10")
    e = symbols[0]
    for k in range(levels):
        e = sp.sin(e) * e + sp.cos(e * symbols[k % 10])
    return sd.Model(e, params=symbols, name=f"nest_{levels}")


def chain(levels: int) -> sd.Model:
    """e <- tanh(e x_k + y_k)."""
    x, y = sp.symbols("x0:10"), sp.symbols("y0:10")
    e = sp.Symbol("e")
    for k in range(levels):
        e = sp.tanh(e * x[k % 10] + y[k % 10])
    return sd.Model(e, params=[sp.Symbol("e"), *x, *y], name=f"chain_{levels}")


def compiled_models() -> Iterator[tuple[str, sd.Model]]:
    """The models whose compile time is measured."""
    for name in ("lenet", "gaussian_mixture", "gaussian_process", "attention", "stencil"):
        path = EXAMPLES / name / "model.py"
        yield from (
            (f"{name}: {model.name}", model)
            for model in load_models(path)
            if path.exists() and model.objective is not None
        )
    yield "12-fold nest", nest()
    for levels in (500, 1000, 2000):
        yield f"chain of {levels} tanh", chain(levels)


def compile_gradient(model: sd.Model) -> str:
    """Compile value and gradient; the operations of both together."""
    generated = generate(model, Options.create(emit="value_and_grad"))
    return generated.functions[0].formula


def cached_compile(repeats: int = 20) -> float:
    """Seconds of `sd.compile` for the two-layer net, from a warm disk cache, beyond building the model."""
    model = _model("two_layer_net", "net")
    with tempfile.TemporaryDirectory() as folder, _environment("SYMDIFF_CACHE_DIR", folder):
        sd.compile(model)
        started = time.perf_counter()
        for _ in range(repeats):
            sd.compile(model)
        return (time.perf_counter() - started) / repeats


def _environment(name: str, value: str) -> Any:
    from unittest import mock

    return mock.patch.dict("os.environ", {name: value})


def example_operations() -> Iterator[tuple[str, int, int]]:
    """(model, operations of the value, of the gradient) for every example with an objective."""
    for path in sorted(EXAMPLES.glob("*/model.py")):
        for model in load_models(path):
            if model.objective is not None:
                generated = generate(model, Options.create(emit="value,grad"))
                count = {report.name: report.operations for report in generated.functions}
                yield f"{path.parent.name}: {model.name}", count["value"], count["grad"]
