"""How long models take to compile, and how many operations a gradient has."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import sympy as sp

import symdiff as sd
from benchmarks.examples import EXAMPLES, example
from benchmarks.report import Rows, line, table
from symdiff import compiler
from symdiff.compiler import generate
from symdiff.loader import load_models
from symdiff.options import Options

STEPS = {  # functions of `symdiff.compiler` -> what they do; the rest is writing the source
    "lower": "SymPy's objects to a graph",
    "formulas": "closed forms for the docstring",
    "prepared": "guards and forms that do not overflow",
    "derive": "derivatives",
    "scheduled": "passes and plan",
}
FOLDERS = ("lenet", "gaussian_mixture", "gaussian_process", "attention", "stencil")
LEVELS = (500, 1000, 2000, 10000)
SHORT, LONG = 1000, 10000  # of which the steps are timed
REPEATS = 20


def compile_times() -> Rows:
    """Lowering, differentiating and printing: value and gradient."""
    rows = table(["compile", "seconds", "operations"])
    for name, model in _models():
        started = time.perf_counter()
        generated = generate(model, Options.create(emit="value_and_grad"))
        seconds = time.perf_counter() - started
        rows.append(line([name, f"{seconds:.3f}", generated.functions[0].formula]))
    rows.append(line(["two-layer net, from the cache", f"{_cached():.4f}", ""]))
    return rows


def compile_steps() -> Rows:
    """The seconds of each step of the compiler, for a short and a long chain."""
    spent = [_seconds_by_step(chain(levels)) for levels in (SHORT, LONG)]
    rows = table(["step", *(f"chain of {levels} tanh" for levels in (SHORT, LONG))])
    for step in (*STEPS.values(), "writing source", "all"):
        rows.append(line([step, *(f"{seconds[step]:.2f}" for seconds in spent)]))
    return rows


def _seconds_by_step(model: sd.Model) -> dict[str, float]:
    spent = dict.fromkeys(STEPS.values(), 0.0)

    def timed(name: str) -> Callable[..., Any]:
        function = getattr(compiler, name)

        def call(*given: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*given, **options)
            finally:
                spent[STEPS[name]] += time.perf_counter() - started

        return call

    with mock.patch.multiple(compiler, **{name: timed(name) for name in STEPS}):
        whole = compiler.generate(model, Options.create(emit="value_and_grad")).seconds
    return {**spent, "writing source": whole - sum(spent.values()), "all": whole}


def operations() -> Rows:
    """Operations of the gradient over those of the value, at nominal sizes, for every example."""
    rows = table(["example", "value", "gradient", "ratio"])
    for path in sorted(EXAMPLES.glob("*/model.py")):
        for model in load_models(path):
            if model.objective is not None:
                generated = generate(model, Options.create(emit="value,grad"))
                value, gradient = (
                    report.operations for report in generated.functions if report.name in ("value", "grad")
                )
                ratio = f"{gradient / value:.2f}" if value else "-"
                rows.append(line([f"{path.parent.name}: {model.name}", str(value), str(gradient), ratio]))
    return rows


def _models() -> Iterator[tuple[str, sd.Model]]:
    for folder in FOLDERS:
        models = load_models(EXAMPLES / folder / "model.py")
        yield from ((f"{folder}: {model.name}", model) for model in models if model.objective is not None)
    yield "12-fold nest", nest(12)
    for levels in LEVELS:
        yield f"chain of {levels} tanh", chain(levels)


def nest(levels: int) -> sd.Model:
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


def _cached() -> float:
    """Seconds of `sd.compile` for the two-layer net, from a warm disk cache, beyond building the model."""
    model = example("two_layer_net", "net")
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"SYMDIFF_CACHE_DIR": folder}):
        sd.compile(model)
        started = time.perf_counter()
        for _ in range(REPEATS):
            sd.compile(model)
        return (time.perf_counter() - started) / REPEATS
