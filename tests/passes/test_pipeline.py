"""The pipeline: its list is what the documentation says, and a pass or a plan that is not sound is found and named."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import sympy as sp

import symdiff as sd
from symdiff import derive
from symdiff.compiler import generate, scheduled
from symdiff.derive import prepared
from symdiff.errors import InternalError
from symdiff.frontend.lower import lower
from symdiff.graph.labelled import Labelled
from symdiff.graph.leaves import constant, parameter
from symdiff.graph.plan import Kernel
from symdiff.graph.size import Size
from symdiff.options import Options
from symdiff.passes import pipeline
from symdiff.passes.pipeline import ALGEBRA, CLOSED_FORM, PREPARE, Pass, Setting, run, schedule
from symdiff.passes.verify_plan import verify_plan, verify_steps

DESIGN = (Path(__file__).resolve().parents[2] / "docs" / "design.md").read_text(encoding="utf-8")
w, x, y = sp.symbols("w x y")
N = Size.named("N")
LINE = sd.Model(sd.mean((w * x - y) ** 2), params=[w], data=[x, y])


@pytest.mark.parametrize(("folder", "passes"), [("prepare", PREPARE), ("algebra", ALGEBRA)])
def test_the_document_names_every_pass_in_order(folder, passes):
    (part,) = re.findall(rf"\|  passes/{folder}/\n((?:    \|    .*\n)+)", DESIGN)
    named = re.findall(r"^    \|    (\w+)", part, flags=re.MULTILINE)
    assert [name for name in named if name in {each.name for each in passes}] == [each.name for each in passes]


@pytest.mark.parametrize("each", [*PREPARE, *ALGEBRA, *CLOSED_FORM], ids=lambda each: each.name)
def test_every_pass_has_an_example(each):
    assert each.example


def broken(graphs: Labelled, setting: Setting) -> Labelled:
    """A pass whose results claim a shape that their operands do not have."""
    return replace(graphs, roots=tuple(wrong_shape(root) for root in graphs.roots))


def wrong_shape(node):
    """The node, with one more axis."""
    twin = object.__new__(type(node))
    twin.op, twin.args, twin.attributes = node.op, node.args, node.attributes
    twin.shape, twin.dtype, twin.digest = (*node.shape, 3), node.dtype, node.digest
    return twin


def test_a_pass_that_breaks_a_graph_is_named(monkeypatch):
    bad = Pass("careless", broken, "x -> nonsense")
    graphs = Labelled((parameter("a", (N,)) * parameter("b", (N,)),))
    with pytest.raises(InternalError, match="after the pass careless: "):
        run((*ALGEBRA[:2], bad), graphs, Setting(N))
    monkeypatch.setenv("SYMDIFF_VERIFY", "0")
    run((bad,), graphs, Setting(N))  # not asked for


def test_passes_that_do_not_apply_are_left_out():
    seen = []
    note = Pass("note", lambda graphs, setting: seen.append("run") or graphs, "", when=lambda s: s.math == "fast")
    run((note,), Labelled(()), Setting(None))
    assert not seen
    run((note,), Labelled(()), Setting(None, math="fast"))
    assert seen == ["run"]


def test_labels_go_along():
    a, b = parameter("a", (N,)), parameter("b", (N,))
    product, root = a * b, a * b + 1
    graphs = Labelled((root,), {product: "p"}, {a: "the user's a"})
    new = graphs.map(lambda roots: [node * 2 for node in roots])
    assert new.roots == (root * 2,)
    assert new.names == {product * 2: "p"}
    assert new.words == {a * 2: "the user's a"}
    assert graphs.below([b]).names == graphs.below([b]).words == {}


def the_plan(backend="numpy"):
    options = Options.create(emit="value_and_grad", backend=backend)
    program, setting = prepared(lower(LINE)), Setting.of(lower(LINE), options.backend, options.math)
    (unit,) = derive.derive(program, options)
    found = scheduled(unit, program, setting)
    return found.plan, found.steps


FAULTS = {
    "is a result of no stage": lambda plan: replace(plan, stages=plan.stages[:-1]),
    "before an operand": lambda plan: replace(
        plan, stages=(replace(plan.stages[0], streamed=plan.stages[0].streamed[::-1]), *plan.stages[1:])
    ),
    "nothing says how blocks": lambda plan: replace(plan, stages=(with_law(plan.stages[0], "none"), *plan.stages[1:])),
    "and has no samples": lambda plan: replace(plan, samples=Size.named("other")),
    "is kept for all samples, and not computed": lambda plan: replace(
        plan, stages=(replace(plan.stages[0], rows=plan.results), *plan.stages[1:])
    ),
    "ends it without an operand": lambda plan: replace(
        plan, stages=(replace(plan.stages[0], streamed=()), *plan.stages[1:])
    ),
    "is a result that is not computed": lambda plan: replace(
        plan, results=(*plan.results, constant(77.0) * plan.results[0])
    ),
    "comes after it": lambda plan: replace(plan, order=plan.order[::-1]),
}


def with_law(stage, law):
    """The stage, whose parts combine by another law."""
    return replace(stage, partials=tuple((node, law) for node, _ in stage.partials))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_plan_that_is_not_sound_is_refused(fault):
    plan, _ = the_plan()
    verify_plan(plan, ())
    with pytest.raises(InternalError, match=fault):
        verify_plan(FAULTS[fault](plan), ())


def reversed_nodes(steps):
    """The steps, where the nodes of the first kernel of several are computed in the opposite order."""
    number = next(i for i, step in enumerate(steps) if isinstance(step, Kernel) and len(step.nodes) > 1)
    kernel = replace(steps[number], nodes=steps[number].nodes[::-1])
    return (*steps[:number], kernel, *steps[number + 1 :])


BAD_STEPS = {
    "is written by no step": lambda steps: steps[:-1],
    "writes what it does not compute": lambda steps: (replace(steps[0], results=(constant(5.0),)), *steps[1:]),
    "which a later one writes": lambda steps: steps[::-1],
    "before an operand": reversed_nodes,
}


@pytest.mark.parametrize("fault", BAD_STEPS)
def test_steps_that_are_not_sound_are_refused(fault):
    model = sd.Model(
        sd.logsumexp(sd.sum(w * x * y)) + sd.max(x) * sd.mean(sp.exp(x * sd.max(x))), params=[w], data=[x, y]
    )
    program = prepared(lower(model))
    roots = run(ALGEBRA, Labelled((program.objective,)), Setting(program.declarations.samples)).roots
    plan, steps = schedule(roots, Setting(program.declarations.samples, backend="cupy"))
    verify_steps(plan, steps)
    with pytest.raises(InternalError, match=fault):
        verify_steps(plan, BAD_STEPS[fault](steps))


def test_a_plan_that_is_not_sound_is_named(monkeypatch):
    real = pipeline.plan
    monkeypatch.setattr(pipeline, "plan", lambda roots, samples: replace(real(roots, samples), stages=()))
    with pytest.raises(InternalError, match="after the pass plan: In a plan "):
        generate(LINE, Options.create())


def test_kernels_that_are_not_sound_are_named(monkeypatch):
    monkeypatch.setattr(pipeline, "fuse", lambda roots, order, samples: ())
    with pytest.raises(InternalError, match="after the pass fuse: In the steps of a plan "):
        generate(LINE, Options.create(backend="cupy"))
