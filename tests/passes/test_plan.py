"""Plans: how they print, that their stages can be run in blocks of any size, that temporaries never collide."""

from __future__ import annotations

import re

import numpy as np
import pytest
from catalogue import ALL
from node_values import NUMPY, evaluate, value_of
from sympy import HadamardPower, HadamardProduct, MatrixSymbol, OneMatrix, Piecewise, exp, log, symbols, tanh

import symdiff as sd
from symdiff.compiler import scheduled
from symdiff.derive import derive, prepared
from symdiff.frontend.lower import lower
from symdiff.graph.ops import LEAVES
from symdiff.options import Options
from symdiff.passes.pipeline import Setting
from symdiff.passes.schedule.stages import carries

w, b, x, y = symbols("w b x y")
n, m, k, N = symbols("n m k N", integer=True, positive=True)
X, Y, C, v = MatrixSymbol("X", N, m), MatrixSymbol("Y", N, k), MatrixSymbol("C", m, k), MatrixSymbol("v", m, 1)
SAMPLES = 29
SIZES = {"N": SAMPLES, "m": 3, "k": 2}


def plans(model, emit=("value_and_grad",)):
    """The inputs and the plan of each function."""
    program = prepared(lower(model))
    options = Options.create(emit=emit)
    setting = Setting.of(program, options.backend, options.math)
    units = derive(program, options)
    return [(unit.inputs, unit.further, scheduled(unit, program, setting).plan) for unit in units]


def draw(inputs):
    """Values for the inputs."""
    rng = np.random.default_rng(0)
    nodes = [getattr(entry, "node", entry) for entry in inputs]
    return {node: rng.uniform(0.5, 1.5, [SIZES.get(str(dim), dim) for dim in node.shape]) for node in nodes}


def in_blocks(plan, inputs, block):
    """Run the stages of a plan over blocks of samples, and return its results."""
    leaves = [node for node in plan.order if node.op in LEAVES and node.op != "input"]
    values = {node: value_of(node, [], SIZES, NUMPY) for node in leaves}
    values |= {node: array for node, array in inputs.items() if not carries(node, plan.samples)}
    data = {node: array for node, array in inputs.items() if carries(node, plan.samples)}
    for stage in plan.stages:
        for node in stage.whole:
            values[node] = value_of(node, [values[a] for a in node.args], SIZES, NUMPY)
        pieces = {node: [] for node in stage.rows}
        for start in range(0, SAMPLES if stage.streamed or stage.partials else 0, block if stage.streams else SAMPLES):
            count = min(block if stage.streams else SAMPLES, SAMPLES - start)
            here = dict(values)
            for node, array in data.items():
                here[node] = np.take(array, range(start, start + count), axis=node.shape.index(plan.samples))
            for node in stage.streamed:
                here[node] = value_of(node, [here[a] for a in node.args], {**SIZES, "N": count}, NUMPY)
            for node in pieces:
                pieces[node].append(here[node])
            for node, law in stage.partials:
                partial = value_of(node, [here[a] for a in node.args], {**SIZES, "N": count}, NUMPY)
                values[node] = partial if start == 0 else getattr(np, law)(values[node], partial)
        data |= {node: np.concatenate(parts, axis=node.shape.index(plan.samples)) for node, parts in pieces.items()}
    return [values[node] if node in values else data[node] for node in plan.results]


STREAMING = [
    ("line", sd.mean((w * x + b - y) ** 2), (w, b), (x, y), 1),
    ("two stages", sd.mean((x - sd.mean(x) * w) ** 2), (w,), (x,), 2),
    ("three stages", sd.sum((x - sd.mean((x - sd.mean(x)) ** 2 * w)) ** 2) * w, (w,), (x,), 3),
    ("standardised", sd.mean(((x - sd.mean(x)) / sd.norm(x - sd.mean(x)) * w - y) ** 2), (w,), (x, y), 3),
    ("logsumexp", sd.logsumexp(w * x + b * y), (w, b), (x, y), None),
    ("softmax", sd.sum(exp(w * x - sd.logsumexp(w * x)) * y), (w,), (x, y), None),
    ("norm", sd.norm(w * x - y), (w,), (x, y), 1),
    ("extremes", sd.max(w * x) * sd.min(w * y + x), (w,), (x, y), None),
    ("Piecewise", sd.sum(Piecewise((log(w * x), x > y), (w * y, True))), (w,), (x, y), 1),
    ("linear regression", sd.sum(HadamardPower(X * C - Y, 2)), (C,), (X, Y), 1),
    ("softmax regression", -sd.mean(HadamardProduct(sd.log_softmax(X * C), Y)), (C,), (X, Y), 1),
    ("column means", sd.sum(HadamardPower(X - OneMatrix(N, 1) * sd.mean(X, axis=0), 2) * v), (v,), (X,), 2),
    ("Gram", sd.norm(X.T * X * C), (C,), (X,), None),
]


@pytest.mark.parametrize("block", [1, 7, SAMPLES - 1, SAMPLES, SAMPLES + 1])
@pytest.mark.parametrize(
    ("objective", "params", "data", "stages"), [row[1:] for row in STREAMING], ids=[row[0] for row in STREAMING]
)
def test_blocks_of_any_size_give_the_same_results(objective, params, data, stages, block):
    model = sd.Model(objective, params=params, data=data)
    for inputs, direction, plan in plans(model, ("value", "value_and_grad", "hvp")):
        values = draw([*inputs, *direction])
        assert all(stage.streams for stage in plan.stages if stage.streamed)
        expected = evaluate(plan.results, values, SIZES, NUMPY)
        for mine, wanted in zip(in_blocks(plan, values, block), expected, strict=True):
            np.testing.assert_allclose(mine, wanted, rtol=1e-11, atol=1e-13)
    if stages is not None:
        (_, _, plan) = plans(model, ("value",))[0]
        assert sum(bool(stage.partials) for stage in plan.stages) == stages


@pytest.mark.parametrize("block", [1, 7, SAMPLES])
def test_results_of_each_sample_are_streamed_too(block):
    outputs = {"residual": w * x - y * sd.mean(x), "prediction": X * C}
    for name, data in (("residual", (x, y)), ("prediction", (X,))):
        params = (w,) if name == "residual" else (C,)
        model = sd.Model(outputs={name: outputs[name]}, params=params, data=data)
        for inputs, direction, plan in plans(model, ("value", "jvp", "vjp")):
            values = draw([*inputs, *direction])
            expected = evaluate(plan.results, values, SIZES, NUMPY)
            for mine, wanted in zip(in_blocks(plan, values, block), expected, strict=True):
                np.testing.assert_allclose(mine, wanted, rtol=1e-12)


PAIRS = [
    ("products of all pairs", sd.sum(HadamardPower(X * C * C.T * X.T, 2)), (C,), (X,)),
    ("differences of neighbours", sd.sum(HadamardPower((X[1:N, :] - X[0 : N - 1, :]) * C, 2)), (C,), (X,)),
]


@pytest.mark.parametrize(("objective", "params", "data"), [row[1:] for row in PAIRS], ids=[row[0] for row in PAIRS])
def test_what_mixes_samples_does_not_stream(objective, params, data):
    for inputs, _, plan in plans(sd.Model(objective, params=params, data=data)):
        assert not all(stage.streams for stage in plan.stages if stage.streamed or stage.partials)
        values = draw(inputs)
        expected = evaluate(plan.results, values, SIZES, NUMPY)
        for mine, wanted in zip(in_blocks(plan, values, 7), expected, strict=True):
            np.testing.assert_allclose(mine, wanted, rtol=1e-12)


def test_a_plan_prints_its_stages():
    ((_, _, plan),) = plans(sd.Model(sd.mean((x - sd.mean(x) * w) ** 2), params=[w], data=[x]), ("value",))
    lines = str(plan).splitlines()
    assert lines[0] == f"plan: {len(plan.order)} nodes, {len(plan.stages)} stages, samples N"
    assert [line for line in lines if line.startswith("stage")] == [
        "stage 0: in blocks", "stage 1: in blocks", *(f"stage {i}: whole" for i in range(2, len(plan.stages)))
    ]  # fmt: skip
    assert sum(" by add" in line for line in lines) == 2
    assert lines[-1] == f"results: %{len(plan.order) - 1}"
    computed = [node for node in plan.order if node.op not in LEAVES]
    assert sum(line.startswith(("  once", "  block", "  reduce")) for line in lines) >= len(computed)


def test_what_is_held_against_another_is_computed_in_one_pass_alone():
    """Its last bit could differ in another, where it is written in other words: the largest entry would not be found."""
    found = 0
    for case in (case for case in ALL if re.search("max|min", str(case))):
        for _, _, plan in plans(case.model(), case.emit):
            held = {x for node in plan.order if node.op == "eq" for x in node.args} - set(plan.results)
            for node in held:
                found += sum(node in stage.streamed for stage in plan.stages) == 1
                assert sum(node in stage.streamed for stage in plan.stages) <= 1, f"{case}: {node}"
    assert found > 20


@pytest.mark.parametrize("name", ["two products", "an extreme between them", "three passes"])
def test_only_what_a_later_pass_reads_is_kept(name):
    """An array of all samples that is there for what is kept itself would be memory for nothing."""
    first = (X * C).applyfunc(tanh)
    second = (first * C.T).applyfunc(tanh)
    ones = OneMatrix(N, 1)
    objective = {
        "two products": sd.sum(HadamardPower(second - ones * sd.mean(second, axis=0), 2)),
        "an extreme between them": sd.sum(sd.max(first, axis=0)) + sd.mean(HadamardPower(second - X, 2)),
        "three passes": sd.sum(
            HadamardPower(second - ones * sd.max(second - ones * sd.mean(first * C.T, axis=0), axis=0), 2)
        ),
    }[name]
    for inputs, _, plan in plans(sd.Model(objective, params=[C], data=[X])):
        kept = 0
        for k, stage in enumerate(plan.stages):
            later = {
                x
                for other in plan.stages[k + 1 :]
                for node in (*other.streamed, *(end for end, _ in other.partials))
                for x in node.args
            }
            later |= {x for other in plan.stages[k + 1 :] for node in other.whole for x in node.args}
            assert not [node for node in stage.rows if node not in later and node not in plan.results]
            kept += len(stage.rows)
        assert kept
        values = draw(inputs)
        expected = evaluate(plan.results, values, SIZES, NUMPY)
        for mine, wanted in zip(in_blocks(plan, values, 7), expected, strict=True):
            np.testing.assert_allclose(mine, wanted, rtol=1e-11)
