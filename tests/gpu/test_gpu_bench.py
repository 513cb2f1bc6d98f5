"""The benchmark for a GPU without one: on the stand-in for CuPy at small sizes, its contenders agree and are timed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import numpy as np
import pytest
from as_cupy import stand_in

from symdiff.graph.size import evaluate

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the benchmarks are no part of the package

from benchmarks.case import Contender  # noqa: E402
from benchmarks.gpu import __main__ as program, contenders, results  # noqa: E402
from benchmarks.gpu.cases import CAPTURED, CASES, COPY, PRODUCTS, DeviceCase, Goal  # noqa: E402
from benchmarks.gpu.contenders import OWN, PEERS, Maker, of_jax, of_torch  # noqa: E402
from benchmarks.gpu.count import planned  # noqa: E402
from benchmarks.gpu.run import Result, in_turns, reason, run  # noqa: E402
from benchmarks.run import Outcome  # noqa: E402

ON_CPU = {"torch": Maker(str, partial(of_torch, device="cpu")), "jax": Maker(str, of_jax)}
OSCILLATOR = CASES[0]


@pytest.fixture(scope="module")
def cp() -> Iterator[ModuleType]:
    """The stand-in for CuPy, as what modules import."""
    with stand_in() as cupy:
        try:
            cupy.compile_all([('extern "C" __global__ void nothing() {}', "nothing")])
        except cupy.CompilerMissing as error:
            pytest.skip(str(error))
        yield cupy


@pytest.fixture(autouse=True)
def _short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.gpu.run.TURN", 1e-4)


def quietly(text: str) -> None:
    pass


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.case.name)
def test_contenders_agree_and_are_timed(cp: ModuleType, case: DeviceCase) -> None:
    found = run(case, {"symdiff": OWN["symdiff"]} | ON_CPU, 1, True, quietly)
    assert {name: outcome.why for name, outcome in found.outcomes.items() if outcome.why} == {}
    assert {*found.outcomes} == {"symdiff", "torch", "jax", COPY, *([PRODUCTS] if case.products else [])}
    assert all(outcome.seconds > 0 for outcome in found.outcomes.values())
    assert found.bandwidth > 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.case.name)
def test_inputs_are_of_the_sizes_that_are_told(case: DeviceCase) -> None:
    """In single precision; what is to be reached is of those who take part."""
    inputs = case.inputs(True)
    declared = planned(case.case.model(), case.function).inputs
    for array, entry in zip((*inputs.params, *inputs.data), declared, strict=True):
        assert np.shape(array) == tuple(evaluate(dim, case.small) for dim in entry.node.shape)
        assert array.dtype == np.float32
    assert case.sizes.keys() == case.small.keys()
    for goal in case.goals:
        assert goal.other in {*PEERS, COPY, *([PRODUCTS] if case.products else [])}
        assert goal.own in OWN
        assert goal.other not in PEERS or goal.other in case.case.written


def test_wrong_derivatives_are_left_out(cp: ModuleType) -> None:
    def wrong(case: DeviceCase, inputs):
        contender, seconds = contenders.own(case, inputs)
        return Contender(contender.step, lambda result: [-array for array in contender.read(result)]), seconds

    found = run(OSCILLATOR, {"symdiff": OWN["symdiff"], "torch": Maker(str, wrong)}, 1, True, quietly)
    assert "differs from symdiff's" in found.outcomes["torch"].why


def test_who_runs_out_of_memory_is_left_out_and_the_others_go_on(cp: ModuleType) -> None:
    """At once, or later in its turns."""

    class OutOfMemoryError(RuntimeError):
        pass

    def at_once(case, inputs):
        raise OutOfMemoryError("CUDA: 16 GB are too many")

    def later(case, inputs):
        contender, seconds = contenders.own(case, inputs)
        calls = []

        def step():
            calls.append(1)
            if len(calls) > 6:
                raise MemoryError
            return contender.step()

        return Contender(step, contender.read), seconds

    makers = {"symdiff": OWN["symdiff"], "torch": Maker(str, at_once), "jax": Maker(str, later)}
    found = run(OSCILLATOR, makers, 3, True, quietly)
    assert {name: outcome.why for name, outcome in found.outcomes.items()} == {
        "symdiff": "", "torch": "out of memory", "jax": "out of memory", COPY: "",
    }  # fmt: skip
    assert found.outcomes["symdiff"].seconds > 0
    assert found.ratio("jax", "symdiff") is None
    assert reason(ValueError("RESOURCE_EXHAUSTED: so many bytes")) == "out of memory"
    assert reason(ValueError("no such axis\nmore")) == "ValueError: no such axis"


def test_medians_of_turns() -> None:
    """Steps that are told to take 1, 2, 3, ... seconds: what comes before a turn is not counted."""
    clock: list[int] = []

    def seconds(step, calls):
        clock.append(calls)
        return float(len(clock))

    times, failed = in_turns({"one": (int, seconds)}, 3)
    assert (times, failed) == ({"one": 6.0}, {})  # of 4, 6 and 8; the first turn is there to choose the number of calls
    assert clock == [3, 1, 1, 1, 1, 1, 1, 1]


def test_capture_is_used_where_modules_have_it(cp: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that runs the function again at every step, as a graph does."""
    recorded = []

    def compiled(*given, **options):
        module = original(*given, **options)

        def capture(function, *arrays):
            recorded.append(function.__name__)
            return lambda: function(*arrays)

        monkeypatch.setattr(module, "capture", capture, raising=False)
        return module

    original = contenders.sd.compile
    monkeypatch.setattr(contenders.sd, "compile", compiled)
    found = run(CASES[2], OWN, 1, True, quietly)
    assert recorded == ["value_and_grad"]
    assert found.outcomes[CAPTURED].seconds > 0


def test_a_page_is_written(cp: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(
        sys, "argv", ["benchmarks.gpu", "--quick", "--only", "net", "--peers", "jax", "--out", str(tmp_path)]
    )
    monkeypatch.setattr(program, "PEERS", ON_CPU)
    program.main()
    page = (tmp_path / "gpu_results.md").read_text()
    assert page in capsys.readouterr().out
    assert page.startswith("# Results on a GPU\n\nstand-in, Python ")
    step = next(line for line in page.splitlines() if line.startswith("| two-layer net 64x1000x100x10 |"))
    assert step.count("|") == 10
    assert "| two-layer net 64x1000x100x10 | symdiff, captured | torch | 5 | - | not measured |" in page


def test_targets_are_reached_or_missed() -> None:
    case = replace(OSCILLATOR, goals=(Goal(COPY, 0.85), Goal("torch", 5), Goal("jax", 1)))
    outcomes = {
        "symdiff": Outcome(2e-3), "torch": Outcome(9e-3), COPY: Outcome(1.8e-3), "jax": Outcome(why="out of memory"),
    }  # fmt: skip
    found = [Result(case, outcomes, 3e12)]
    assert [row.split(" | ", 2)[2] for row in results.targets(found)[2:]] == [
        "copying its bytes | 0.85 | 0.90 | reached |",
        "torch | 5 | 4.50 | **missed** |",
        "jax | 1 | - | not measured |",
    ]
    assert results.steps(found)[-1] == f"| {case.case.title} | 2 ms | - | 4.50 | - | - | 0.90 | - | 3000 GB/s |"
    assert results.absent(found) == [f"- {case.case.title}: jax: out of memory"]


NO_DEVICE = """
    class Error(RuntimeError): pass
    def count(): raise Error("cudaErrorNoDevice: no CUDA-capable device is detected")
    cuda = SimpleNamespace(runtime=SimpleNamespace(CUDARuntimeError=Error, getDeviceCount=count))
    sys.modules["cupy"] = SimpleNamespace(cuda=cuda, __spec__=ModuleSpec("cupy", None))
"""


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        ('sys.modules["cupy"] = None', contenders.NO_CUPY),
        (NO_DEVICE, "CuPy finds no GPU: cudaErrorNoDevice: no CUDA-capable device is detected."),
    ],
    ids=["no CuPy", "no device"],
)
def test_without_a_gpu_it_says_what_is_missing(before: str, sentence: str) -> None:
    first = "import runpy, sys\nfrom importlib.machinery import ModuleSpec\nfrom types import SimpleNamespace\n"
    code = f'{first}{dedent(before)}\nsys.argv[1:] = []\nrunpy.run_module("benchmarks.gpu", run_name="__main__")'
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", f"{sentence}\n")
