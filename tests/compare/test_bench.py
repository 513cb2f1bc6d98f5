"""`symdiff bench`: peers are found, compared and timed, and what cannot be run says why. No time is judged."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
import torch
from click.testing import CliRunner
from rich.console import Console

import symdiff as sd
from symdiff.bench import bench, measure, run as bench_run
from symdiff.bench.measure import interleaved
from symdiff.bench.memory import peak_of
from symdiff.cli import main as symdiff
from symdiff.errors import ComparisonError, ModelError
from symdiff.options import EMIT

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

n, d = sp.symbols("n d", integer=True, positive=True)
w, b, x, y = sp.symbols("w b x y")
X, W = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("W", d, 1)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(measure, "SETTLE", 0)
    monkeypatch.setattr(measure, "TURN", 0)


def line():
    return sd.Model(
        sd.mean((w * x + b - y) ** 2), params=[w, b], data=[x, y], outputs={"predict": w * x + b}, name="line"
    )


MODELS = {
    "line": (line(), {"N": 6}),
    "matrix": (sd.Model(sd.sum(sd.sigmoid(X * W)), params=[W], data=[X], name="matrix"), {"n": 5, "d": 3}),
    "pointwise": (sd.Model(w**3 * sp.sin(b), outputs={"curve": w * b**2}, params=[w, b], name="pointwise"), {"S": 4}),
    "labels": (
        sd.Model(
            sd.cross_entropy(sd.Tensor("T", (n, d)) @ sd.Tensor("V", (d, 3)), sd.Tensor("label", n, dtype=int)),
            params=[sd.Tensor("V", (d, 3))],
            data=[sd.Tensor("T", (n, d)), sd.Tensor("label", n, dtype=int)],
            name="labels",
        ),
        {"n": 5, "d": 4},
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_every_function_is_timed_and_agrees(name, dtype):
    model, sizes = MODELS[name]
    found = bench(model, against=("torch", "jax", "plain"), functions=EMIT, sizes=sizes, dtype=dtype, rounds=1)
    assert found.agrees
    assert (found.sizes, found.dtype) == (sizes, dtype)
    assert {row.function for row in found.rows} >= {"value", "grad", "value_and_grad", "hessian", "hvp", "jvp"}
    for row in found.rows:
        assert row.seconds > 0, row
        assert row.agrees is (None if row.name == "symdiff" else True), row


def test_torch_compile_is_a_peer(monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))  # traced; C++ takes half a minute
    found = bench(line(), against=("torch-compile",), functions=("value_and_grad", "hvp"), rounds=1)
    assert [row.agrees for row in found.rows] == [None, True] * 2


def test_torch_compile_without_a_compiler_is_left_out(monkeypatch):
    def fails(*given):
        raise RuntimeError("No C++ compiler\nand more")

    monkeypatch.setattr(torch, "compile", lambda function: fails)
    found = bench(line(), against=("torch-compile", "plain"), rounds=1)
    assert [row.note for row in found.rows] == ["", "RuntimeError: No C++ compiler", ""]


def test_defaults():
    found = bench(line(), against=("plain",), rounds=1)
    assert [(row.function, row.name) for row in found.rows] == [
        ("value_and_grad", "symdiff"),
        ("value_and_grad", "plain"),
    ]
    assert found.sizes == {"N": 1000}
    outputs = sd.Model(outputs={"curve": w * x**2}, params=[w], data=[x])
    found = bench(outputs, against=("plain",), rounds=1)
    assert list(dict.fromkeys(row.function for row in found.rows)) == ["curve_jvp", "curve_vjp"]


def test_only_what_is_timed_is_compiled(monkeypatch):
    emitted = []

    def compiled(model, *, emit, **options):
        emitted.append(emit)
        return sd.compile(model, emit=emit, **options)

    monkeypatch.setattr(bench_run, "compile", compiled)
    bench(line(), against=("plain",), functions=("value_and_grad", "hvp"), rounds=1)
    assert emitted == [("value_and_grad", "hvp")] * 2  # symdiff's module, and the plain one


def test_results_that_differ_are_found(monkeypatch):
    right = bench_run.own_step

    def wrong(module, problem, call):
        step = right(module, problem, call)
        return lambda: (step()[0] * 1.001, step()[1])

    monkeypatch.setattr(bench_run, "own_step", wrong)
    found = bench(line(), against=("torch", "jax"), rounds=1)
    assert not found.agrees
    assert [row.agrees for row in found.rows] == [None, False, False]
    assert "DIFFERS" in text_of(found)


def text_of(found):
    console = Console(width=160, record=True, file=sys.stderr)
    console.print(found.table())
    return console.export_text()


def test_a_peer_that_is_not_there_is_left_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    found = bench(line(), against=("jax", "plain"), rounds=1)
    absent = next(row for row in found.rows if row.name == "jax")
    assert absent.seconds is None
    assert "JAX is not installed: pip install" in absent.note
    assert absent.note in text_of(found)
    with pytest.raises(ComparisonError, match="No peer can run the model: jax: JAX is not installed"):
        bench(line(), against=("jax",), rounds=1)


def test_a_function_that_a_peer_lacks_is_left_out():
    model = sd.Model(sd.sum(sp.besselj(0, w * x)), params=[w], data=[x], name="bessel")
    found = bench(model, against=("torch", "plain"), rounds=1)
    (absent,) = (row for row in found.rows if row.name == "torch")
    assert absent.seconds is None
    assert "besselj" in absent.note


def test_data_give_the_sizes_and_the_dtype(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.standard_normal(shape).astype("f") for name, shape in (("w", ()), ("b", ()), ("x", 9), ("y", 9))
    }
    np.savez(tmp_path / "d.npz", **arrays)
    found = bench(line(), data=tmp_path / "d.npz", against=("torch",), rounds=1)
    assert (found.sizes, found.dtype) == ({"N": 9}, "float32")
    assert bench(line(), data=arrays, against=("torch",), dtype="float64", rounds=1).dtype == "float64"
    with pytest.raises(ComparisonError, match="--data or --sizes, not both"):
        bench(line(), data=arrays, sizes={"N": 3})


def test_wrong_requests_are_refused():
    with pytest.raises(ComparisonError, match=r"no size q. Its sizes: N\.\n  model: .*test_bench.py"):
        bench(line(), sizes={"q": 3})
    with pytest.raises(ComparisonError, match="no peer 'numpy': it is one of torch"):
        bench(line(), against=("numpy",))
    with pytest.raises(ModelError, match="bench takes a Model"):
        bench(w**2)
    outputs = sd.Model(outputs={"curve": w * x**2}, params=[w], data=[x])
    with pytest.raises(ComparisonError, match="no hessian to time"):
        bench(outputs, functions=("hessian",))
    shrunk = sd.Model(sd.sum(sd.Tensor("s", (n - 40,))) * w, params=[w], data=[sd.Tensor("s", (n - 40,))])
    with pytest.raises(ComparisonError, match=r"s has no shape at the sizes n = 3.*--sizes"):
        bench(shrunk, sizes={"n": 3})


def test_inputs_without_a_value_are_refused():
    with pytest.raises(ComparisonError, match=r"--data.*sd\.domain"):
        bench(sd.Model(sd.sum(sp.log(-1 - x**2) * w), params=[w], data=[x]), against=("plain",))


# --- the command ---


def command(*given):
    return CliRunner().invoke(symdiff, ["bench", *given])


def test_the_command_prints_a_table():
    found = command(
        f"{EXAMPLES}/linear_regression/model.py:line", "--against", "plain", "--sizes", "N=50", "--rounds", "1"
    )
    assert found.exit_code == 0, found.output
    assert "line (float64, N = 50)" in found.stdout
    assert "compiled in" in found.stdout
    assert "plain" in found.stdout


def test_the_command_prints_json():
    given = ("--against", "torch,plain", "--rounds", "1", "--json", "--functions", "grad,value", "--dtype", "float32")
    found = command(f"{EXAMPLES}/linear_regression/model.py:line", *given)
    assert found.exit_code == 0, found.output
    (timing,) = json.loads(found.stdout)
    assert timing["model"] == "line"
    assert timing["dtype"] == "float32"
    rows = {(row["function"], row["name"]) for row in timing["rows"]}
    assert {("value", "symdiff"), ("value", "torch"), ("grad", "plain"), ("predict", "torch")} <= rows


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--sizes", "N=three"), "error: 'N=three' is not a size: write --sizes n=1000,d=20."),
        (("--sizes", "q=3"), "error: The model has no size q. Its sizes: N."),
        (("--against", "numpy"), "'numpy' is not one of torch, torch-compile, jax, plain"),
    ],
)
def test_the_command_exits_2_where_nothing_is_timed(options, message):
    found = command(f"{EXAMPLES}/linear_regression/model.py:line", *options)
    assert found.exit_code == 2
    assert message in found.stderr
    assert "Traceback" not in found.stderr


# --- measuring ---


def test_steps_take_turns():
    taken = []
    steps = {name: lambda name=name: taken.append(name) for name in "ab"}
    times = interleaved(steps, 2)
    assert list(times) == ["a", "b"]
    assert "".join(taken) == "aabb" + "aabb" * 2  # two calls first; in each turn one is not counted


def test_slow_steps_take_fewer_turns(monkeypatch):
    rounds = []
    monkeypatch.setattr(measure, "FEWEST", 2)
    interleaved(
        {"a": lambda: sum(range(1000))}, 50, longest=1e-9, after_round=lambda done, of: rounds.append((done, of))
    )
    assert rounds == [(1, 2), (2, 2)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks can be reset on Linux alone")
def test_the_peak_of_a_call_counts_what_it_frees():
    megabytes = 64
    peak = peak_of(lambda: np.ones(megabytes << 17).sum())
    assert peak is None or peak > megabytes << 19
    after = peak_of(lambda: None)
    assert after is None or after < megabytes << 18
