"""The command line: what it prints, writes and exits with. The compiler itself is replaced by fakes."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.table import Table

import symdiff
from symdiff import cli
from symdiff.cache import Cache, key_of
from symdiff.errors import ComparisonError, ModelWarning, ShapeError
from symdiff.files import header
from symdiff.options import Options

MODEL = """\
from sympy import symbols
import symdiff as sd

w, b = symbols("w b")
line = sd.Model(w + b, params=[w, b])
curve = sd.Model(w**2 + b, params=[w, b])
"""


@dataclass
class Report:
    name: str
    operations: int
    formula: str


@dataclass
class Made:
    name: str
    source: str
    backend: str = "numpy"
    seconds: float = 0.25
    sizes: dict[str, int] = field(default_factory=lambda: {"N": 1000, "D": 30})
    functions: tuple[Report, ...] = (Report("value", 12000, "2*N*D + 5*N"), Report("grad", 7, "[N]"))


@dataclass
class Compared:
    name: str
    agrees: bool

    def to_json(self):
        return json.dumps({"model": self.name, "agrees": self.agrees})

    def table(self):
        table = Table("parameter")
        table.add_row(f"{self.name}.w")
        return table


@pytest.fixture
def calls(monkeypatch):
    """Replace the compiler by fakes; the calls they got."""
    calls = []

    def generate(model, options):
        calls.append((model.name, options))
        return Made(model.name, f"{header(options)}\n# {model.objective}\n")

    def show(model, *, latex, source, graph, options):
        calls.append((model.name, latex, source, graph, options))
        return f"closed form of {model.name}\n"

    def compare(model, *, against, data, backend):
        calls.append((model.name, against, data, backend))
        return Compared(model.name, agrees=True)

    for name, fake in (("generate", generate), ("show_model", show), ("compare_model", compare)):
        monkeypatch.setattr(cli, name, fake)
    return calls


@pytest.fixture
def run(calls, tmp_path, monkeypatch):
    """`run(*arguments)` runs symdiff in an empty folder that holds ``model.py``."""
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text(MODEL)
    return lambda *arguments: CliRunner().invoke(cli.main, arguments, prog_name="symdiff")


def one_message(result, code):
    """The message of a failed command: on stderr, the only output, no traceback."""
    assert result.exit_code == code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


# --- compile ---


def test_compile_writes_every_model_and_reports_it(run):
    result = run("compile", "model.py")
    assert (result.exit_code, result.stderr) == (0, "")
    assert Path("generated/line_numpy.py").read_text() == f"{header(Options())}\n# b + w\n"
    assert Path("generated/curve_numpy.py").exists()
    assert result.stdout.splitlines()[:4] == [
        "generated/line_numpy.py: 2 functions in 0.25 s; operations are counted at N = 1,000, D = 30",
        "  function    operations    in general   ",
        "  value           12,000    2*N*D + 5*N  ",
        "  grad                 7    [N]          ",
    ]


def test_compile_hands_options_on(run, calls):
    options = ("--backend", "cupy", "--emit", "hvp, value", "--wrt", "b,w", "--math", "fast", "--style", "plain")
    assert run("compile", "model.py:6", "-o", "a/b", *options).exit_code == 0
    assert calls == [("curve", Options("cupy", ("value", "hvp"), ("b", "w"), "fast", "plain"))]
    assert [str(path) for path in Path("a").rglob("*.py")] == ["a/b/curve_cupy.py"]


def test_compile_takes_several_files_and_a_name_with_a_colon(run, calls):
    Path("other.py").write_text(MODEL.replace("line", "other").replace("curve", "last"))
    Path("odd.py:5").write_text(MODEL.replace("line", "odd").replace("curve", "odder"))
    assert run("compile", "model.py:5", "other.py", "odd.py:5").exit_code == 0
    assert [name for name, _ in calls] == ["line", "other", "last", "odd", "odder"]


def test_a_file_given_twice_counts_once(run, calls, tmp_path):
    assert run("compile", "model.py", "model.py", str(tmp_path / "model.py"), "model.py:5").exit_code == 0
    assert [name for name, _ in calls] == ["line", "curve"]
    calls.clear()
    assert run("compile", "model.py:6", "model.py:6", "model.py:5").exit_code == 0
    assert [name for name, _ in calls] == ["curve", "line"]


def test_lists_may_be_given_in_parts(run, calls):
    assert (
        run("compile", "model.py:5", "--emit", "grad", "--emit", "value,grad", "--wrt", "b", "--wrt", "w").exit_code
        == 0
    )
    assert calls == [("line", Options(emit=("value", "grad"), wrt=("b", "w")))]
    calls.clear()
    run("compare", "model.py:5", "--against", "torch", "--against", "jax,torch")
    assert calls == [("line", ["torch", "jax"], None, "numpy")]
    calls.clear()
    run("compare", "model.py:5")
    assert calls[0][1] == ["finite-difference", "mpmath"]


def test_two_models_of_one_name_are_refused_before_anything_is_written(run, calls):
    Path("other.py").write_text(MODEL)
    assert "Two models have one name: 'line' at" in one_message(run("compile", "model.py", "other.py"), 1)
    assert calls == []
    assert not Path("generated").exists()


def test_an_error_in_one_model_does_not_stop_the_others(run, monkeypatch):
    generate = cli.generate

    def refuse_curve(model, options):
        if model.name == "line":
            raise ShapeError("Sizes n and m differ.", expression="X*Y", place=model.place)
        return generate(model, options)

    monkeypatch.setattr(cli, "generate", refuse_curve)
    result = run("compile", "model.py")
    assert result.exit_code == 1
    assert result.stderr == "error: Sizes n and m differ.\n  in: X*Y\n  model: model.py:5\n"
    assert result.stdout.startswith("generated/curve_numpy.py: 2 functions")
    assert [path.name for path in Path("generated").iterdir()] == ["curve_numpy.py"]
    Path("generated/line_numpy.py").write_text(f"{header(Options())}\n")
    checked = run("compile", "model.py", "--check")
    assert (checked.exit_code, checked.stdout) == (1, "")
    assert "Sizes n and m differ" in checked.stderr


@pytest.mark.parametrize(("command", "fake", "code"), [("show", "show_model", 1), ("compare", "compare_model", 2)])
def test_show_and_compare_go_on_too(run, monkeypatch, command, fake, code):
    work = getattr(cli, fake)

    def refuse_line(model, **options):
        return 1 / 0 if model.name == "line" else work(model, **options)

    monkeypatch.setattr(cli, fake, refuse_line)
    result = run(command, "model.py")
    assert result.exit_code == code
    assert "curve" in result.stdout
    assert result.stderr.startswith("internal error: ZeroDivisionError")
    assert result.stderr.endswith("  model: model.py:5\n")


def test_a_file_of_somebody_else_is_not_overwritten(run):
    Path("generated").mkdir()
    Path("generated/line_numpy.py").write_text("mine\n")
    assert "symdiff did not write it" in one_message(run("compile", "model.py:5"), 1)
    assert Path("generated/line_numpy.py").read_text() == "mine\n"


# --- compile --check ---


@pytest.fixture
def checked(run, calls):
    """`checked(*arguments)` runs ``compile --check`` and asserts that it changed no file."""

    def check(*arguments):
        before = {path: path.read_bytes() for path in Path().rglob("*.py")}
        calls.clear()
        result = run("compile", "model.py", "--check", *arguments)
        assert {path: path.read_bytes() for path in Path().rglob("*.py")} == before
        return result.exit_code, result.stdout.splitlines()

    return check


def test_check_reads_options_from_the_files(run, calls, checked):
    run("compile", "model.py", "--backend", "cupy", "--emit", "grad", "--wrt", "b", "--style", "plain")
    assert checked() == (0, [])
    assert calls == [(name, Options("cupy", ("grad",), ("b",), style="plain")) for name in ("line", "curve")]


def test_check_looks_at_the_files_of_every_backend(run, calls, checked):
    run("compile", "model.py:5")
    run("compile", "model.py:5", "--backend", "cupy", "--emit", "grad")
    assert checked()[1] == ["generated/curve_numpy.py: missing"]
    assert [options.backend for _, options in calls] == ["numpy", "cupy"]
    assert checked("--backend", "cupy")[1] == ["generated/curve_cupy.py: missing"]


def test_check_holds_files_against_options_that_are_given(run, checked):
    run("compile", "model.py", "--emit", "grad")
    assert checked("--emit", "grad") == (0, [])
    assert checked("--emit", "value") == (
        1,
        [f"generated/{name}_numpy.py: out of date, from line 1 on" for name in ("line", "curve")],
    )


def test_check_names_each_file_that_is_not_what_it_should_be(run, checked):
    assert checked()[1] == [f"generated/{name}_numpy.py: missing" for name in ("line", "curve")]
    run("compile", "model.py")
    path = Path("generated/line_numpy.py")
    good = path.read_text()
    path.write_bytes(good.replace("\n", "\r\n").encode())  # as a checkout on Windows has it
    assert checked() == (0, [])
    path.write_text(good.replace("b + w", "b - w"))
    assert checked() == (1, [f"{path}: out of date, from line 2 on"])
    path.write_text(good + "more")
    assert checked() == (1, [f"{path}: out of date, from line 3 on"])
    path.write_text(good.replace("# symdiff 0", "# symdiff 9"))
    assert checked() == (1, [f"{path}: out of date, from line 1 on"])
    path.write_text("mine\n")
    code, (problem,) = checked()
    assert code == 1
    assert problem.startswith(f"{path}: Not a module written by symdiff")


# --- show ---


def test_show_prints_each_model(run, calls):
    result = run("show", "model.py")
    assert (result.exit_code, result.stdout) == (0, "closed form of line\n\nclosed form of curve\n")
    assert calls[0] == ("line", False, False, None, Options())


def test_show_hands_options_on(run, calls):
    result = run("show", "model.py:5", "--latex", "--source", "--graph", "g.svg", "--wrt", "b", "--emit", "hessian")
    assert result.exit_code == 0
    assert calls == [("line", True, True, Path("g.svg"), Options(emit=("hessian",), wrt=("b",)))]


def test_one_graph_is_of_one_model(run):
    message = one_message(run("show", "model.py", "--graph", "g.svg"), 1)
    assert "line at model.py:5, curve at model.py:6" in message


# --- compare ---


def test_compare_prints_a_table_or_json(run, calls):
    Path("d.npz").touch()
    arguments = ("compare", "model.py", "--against", "torch,jax", "--data", "d.npz", "--backend", "cupy")
    result = run(*arguments)
    assert result.exit_code == 0
    assert "line.w" in result.stdout
    assert calls[0] == ("line", ["torch", "jax"], Path("d.npz"), "cupy")
    assert json.loads(run(*arguments, "--json").stdout) == [
        {"model": "line", "agrees": True},
        {"model": "curve", "agrees": True},
    ]


def test_compare_exits_with_1_if_one_model_disagrees(run, monkeypatch):
    monkeypatch.setattr(cli, "compare_model", lambda model, **_: Compared(model.name, model.name == "line"))
    result = run("compare", "model.py")
    assert result.exit_code == 1
    assert "curve.w" in result.stdout
    assert run("compare", "model.py:5").exit_code == 0


@pytest.mark.parametrize("error", [ComparisonError("PyTorch is not installed."), RuntimeError("boom")])
def test_compare_exits_with_2_if_it_could_not_be_run(run, monkeypatch, error):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(cli, "compare_model", fail)
    assert str(error) in one_message(run("compare", "model.py"), 2)
    assert "There is no file" in one_message(run("compare", "absent.py"), 2)


@pytest.mark.parametrize("arguments", [["--against", "tensorflow"], ["--against", ","], ["--data", "absent.npz"]])
def test_compare_refuses_what_it_does_not_know(run, calls, arguments):
    assert arguments[0] in one_message(run("compare", "model.py", *arguments), 2)
    assert calls == []


# --- cache ---


def test_cache_info_and_clear(run, tmp_path, monkeypatch):
    monkeypatch.setenv("SYMDIFF_CACHE_DIR", str(tmp_path / "cache"))
    assert run("cache", "info").stdout == f"{tmp_path / 'cache'}\n0 modules, 0.0 MB\n"
    Cache().put(key_of("a"), "x" * 200_000)
    assert run("cache", "info").stdout == f"{tmp_path / 'cache'}\n1 module, 0.2 MB\n"
    assert run("cache", "clear").stdout == f"Removed 1 module from {tmp_path / 'cache'}\n"
    assert Cache().info()[1] == 0


# --- errors, warnings, help ---


def test_a_fault_of_symdiff_is_told_from_one_of_the_model(run, monkeypatch):
    monkeypatch.setattr(cli, "generate", lambda *_: 1 / 0)
    message = one_message(run("compile", "model.py"), 1)
    assert message.startswith("internal error: ZeroDivisionError: division by zero\n")
    assert "--debug" in message


@pytest.mark.parametrize(("command", "code"), [("compile", 1), ("show", 1), ("compare", 2)])
def test_debug_shows_the_traceback_of_any_error(run, command, code):
    assert "There is no file absent.py" in one_message(run(command, "absent.py"), code)
    result = run(command, "absent.py", "--debug")
    assert result.exit_code == code
    assert "Traceback" in result.stderr
    assert "FileNotFoundError" in result.stderr


def test_a_line_without_a_model(run):
    assert "Its models: line at model.py:5, curve at model.py:6" in one_message(run("compile", "model.py:2"), 1)


def test_what_a_model_file_prints_and_warns_goes_to_stderr(run):
    Path("model.py").write_text(MODEL + "print('hello')\n")
    result = run("compare", "model.py", "--json")
    assert result.stderr == "hello\n"
    assert len(json.loads(result.stdout)) == 2


def test_warnings_of_symdiff_are_one_line(run, monkeypatch):
    def show(*_args, **_kwargs):
        warnings.warn("w is not used.", ModelWarning, stacklevel=1)
        warnings.warn("another library's", UserWarning, stacklevel=1)
        return "closed form"

    monkeypatch.setattr(cli, "show_model", show)
    before = warnings.showwarning
    lines = run("show", "model.py:5").stderr.splitlines()
    assert lines[0] == "warning: w is not used."
    assert re.search(r"test_cli.py:\d+: UserWarning: another library's", lines[1])
    assert warnings.showwarning is before


@pytest.mark.parametrize(
    "command", [[], ["compile"], ["show"], ["compare"], ["cache"], ["cache", "info"], ["cache", "clear"]]
)
def test_every_command_has_help_with_an_example(run, command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert re.search(r"Examples?:\n +symdiff ", result.stdout)


@pytest.mark.parametrize("arguments", [["compile"], ["compile", "model.py", "--backend", "fpga"], ["show"], ["sing"]])
def test_usage_errors_exit_with_2(run, arguments):
    assert "Usage: symdiff" in one_message(run(*arguments), 2)


def test_version(run):
    assert run("--version").stdout == f"symdiff, version {symdiff.__version__}\n"


# --- with the compiler itself ---

KINDS = """\
from sympy import symbols
import symdiff as sd

w, x = symbols("w x")
loss = sd.Model(sd.mean((w*x)**2), params=[w], data=[x])
fit = sd.Model(outputs={"fit": w*x}, params=[w], data=[x])
mean = sd.Model(sd.mean(x), params=[], data=[x])
"""


@pytest.fixture
def real(tmp_path, monkeypatch):
    """`real(*arguments)` runs symdiff with nothing replaced, on a file with a model of each kind."""
    monkeypatch.chdir(tmp_path)
    Path("kinds.py").write_text(KINDS)
    return lambda *arguments: CliRunner().invoke(cli.main, arguments, prog_name="symdiff")


def test_the_default_fits_every_kind_of_model(real):
    result = real("compile", "kinds.py")
    assert (result.exit_code, result.stderr) == (0, "")
    functions = {line.split()[0] for line in result.stdout.splitlines()} - {"function"}
    assert functions - {f"generated/{name}_numpy.py:" for name in ("loss", "fit", "mean")} == {
        "value", "grad", "value_and_grad", "fit"
    }  # fmt: skip
    assert real("compile", "kinds.py", "--check").exit_code == 0


@pytest.mark.parametrize(
    ("line", "kinds", "reason"),
    [
        (5, "jacobian", "an objective and no outputs, so what can be emitted is value, grad, value_and_grad, hessian"),
        (6, "value,grad", "no objective and the outputs fit, so what can be emitted is value, jacobian, jvp, vjp."),
        (6, "hessian", "emit=hessian gives no function"),
        (7, "value,grad", "emit=grad: There is nothing to differentiate by"),
    ],
)
def test_derivatives_that_a_model_has_none_of_are_refused(real, line, kinds, reason):
    message = one_message(real("compile", f"kinds.py:{line}", "--emit", kinds), 1)
    assert reason in message
    assert f"model: kinds.py:{line}" in message


def test_show_prints_outputs_in_latex(real):
    result = real("show", "kinds.py", "--latex")
    assert result.stdout.splitlines() == [
        r"\mathrm{loss} = w^{2} \operatorname{mean}\left(x^{2}\right)",
        r"\frac{\partial \mathrm{loss}}{\partial w} = 2 w \operatorname{mean}\left(x^{2}\right)",
        "",
        r"\mathrm{fit} = w x",
        "",
        r"\mathrm{mean} = \operatorname{mean}\left(x\right)",
    ]


def test_show_has_closed_forms_of_gradients_only(real):
    assert "emit=jacobian: closed forms are of values and gradients" in one_message(
        real("show", "kinds.py:6", "--emit", "jacobian"), 1
    )
    assert "def fit_jacobian" in real("show", "kinds.py:6", "--emit", "jacobian", "--source").stdout


def test_a_graph_is_drawn_as_svg(real):
    assert "call the file o.svg, not o.png" in one_message(real("show", "kinds.py:5", "--graph", "o.png"), 1)
    assert not Path("o.png").exists()


def test_a_model_left_out_is_noted(real):
    Path("kinds.py").write_text(KINDS.replace("mean = sd.Model", "loss = sd.Model"))
    result = real("show", "kinds.py")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        "warning: The model made at kinds.py:5 is left out: no variable of the module holds it."
    )
