"""The benchmarks compute what they say: every contender of every case, at small sizes, agrees with symdiff."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the benchmarks are no part of the package

from benchmarks import report  # noqa: E402
from benchmarks.agreement import difference  # noqa: E402
from benchmarks.case import Case, Target  # noqa: E402
from benchmarks.cases import CASES  # noqa: E402
from benchmarks.peers import PEERS, build  # noqa: E402
from benchmarks.probe import Probed  # noqa: E402
from benchmarks.run import Outcome, Result, run  # noqa: E402

QUICK = ("numpy", "lambdify", "torch", "jax")  # of those that the tests install; torch.compile takes minutes
WRITTEN = [(case, peer) for case in CASES.values() for peer in QUICK if peer in case.written]


def first_result(case: Case, name: str):
    contender = build(name, case, case.inputs(True))
    return contender.read(contender.step())


@pytest.fixture(scope="module")
def own():
    return {name: first_result(case, "symdiff") for name, case in CASES.items()}


@pytest.mark.parametrize(("case", "peer"), WRITTEN, ids=lambda value: getattr(value, "name", value))
def test_contenders_agree(case, peer, own):
    if PEERS[peer].version is None:
        pytest.skip("not installed")
    assert difference(case, case.inputs(True), own[case.name], first_result(case, peer)) == ""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_variants_agree(case, own):
    for variant in case.variants:
        assert difference(case, case.inputs(True), own[case.name], first_result(case, variant)) == ""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_peer_is_written_or_said_to_be_unable(case):
    assert {*case.written} | {*case.cannot} == {*PEERS}
    assert not {*case.written} & {*case.cannot}
    for target in case.targets:
        assert {*target.peers} <= {*PEERS, "floor"}
        assert target.own in case.variants


@pytest.mark.parametrize("name", ["line", "net-float32", "net-float64", "logistic", "hessian"])
def test_wrong_derivatives_are_found(name, own):
    case, inputs = CASES[name], CASES[name].inputs(True)
    for place, right in enumerate(own[name]):
        start = inputs.params[place - 1] if case.rate and place else 0
        wrong = list(own[name])
        wrong[place] = np.asarray(start - (right - start), right.dtype)
        assert "differs from symdiff's" in difference(case, inputs, own[name], wrong)
    assert "arrays" in difference(case, inputs, own[name], own[name][:-1] + own[name][-1:] * 2)


def test_a_contender_alone_in_a_process():
    command = [sys.executable, "-m", "benchmarks.probe", "oscillator", "numpy", "--small"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert Probed(**json.loads(found.stdout)).ready > 0


def test_who_fails_is_left_out_and_the_others_go_on(monkeypatch):
    def fails(*given):
        raise RuntimeError("it is broken")

    def differs(w, b, x, y):
        return 0.0, (0.0, 0.0)

    line = CASES["line"]
    broken = Case(**{**vars(line), "written": {"numpy": line.written["numpy"], "torch": fails, "lambdify": None}})
    monkeypatch.setattr("benchmarks.run.probe", lambda case, name, small: Probed(1.0, 0.1, 0))
    found = run(broken, ["numpy", "torch"], 1, True, lambda text: None)
    assert found.outcomes["torch"].why == "RuntimeError: it is broken"
    assert found.ratio("numpy", "symdiff") > 0
    wrong = Case(**{**vars(line), "written": {"numpy": differs}})
    assert "differs" in run(wrong, ["numpy"], 1, True, lambda text: None).outcomes["numpy"].why


def test_losses_are_as_plain_as_wins():
    case = Case(**{**vars(CASES["line"]), "targets": (Target(0.6, ("jax",)), Target(0.4, ("torch", "jax")))})
    outcomes = {
        "symdiff": Outcome(2e-3, Probed(0.5, 2e-3, 3_000_000)),
        "torch": Outcome(4e-3, Probed(0.1, 4e-3, 9_000_000)),
        "jax": Outcome(1e-3, Probed(1.0, 1e-3, None)),
        "numba": Outcome(why="not installed"),
    }
    results = [Result(case, outcomes)]
    assert report.steps(results, ["torch", "jax", "numba"])[-1] == f"| {case.title} | 2 ms | 2.00 | **0.50** | - |"
    assert [row.split(" | ", 1)[1] for row in report.targets(results)[2:]] == [
        "jax | 0.6 | 2.00 | **missed** |",
        "the best, jax | 0.4 | 2.00 | **missed** |",
    ]
    assert report.memory(results, ["torch", "jax", "numba"])[-1] == f"| {case.title} | 3 MB | 9 MB | - | - |"
    assert report.absent(results) == ["- numba (every case): not installed"]


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="plots need matplotlib")
def test_plots_are_drawn(tmp_path):
    from benchmarks.plots import draw

    outcomes = {"symdiff": Outcome(2e-3, Probed(0.5, 2e-3, 10)), "jax": Outcome(1e-3, Probed(1.0, 1e-3, None))}
    paths = draw([Result(CASES["line"], outcomes)], tmp_path)
    assert [path.name for path in paths] == ["ratios.svg", "memory.svg", "compile.svg"]
    assert "0.50" in paths[0].read_text()
