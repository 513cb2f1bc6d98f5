"""Every example runs on the committed modules and reaches its figures; the committed modules are up to date."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import compile_examples
import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import LogisticRegression, Ridge

import symdiff as sd
from symdiff.cli import main as symdiff
from symdiff.compiler import generate
from symdiff.options import Options

ROOT = Path(__file__).resolve().parents[2]


def test_every_example_has_its_two_files_and_is_compiled():
    folders = {path.name for path in (ROOT / "examples").iterdir() if path.is_dir()}
    assert folders == set(compile_examples.EMIT)
    for name in folders:
        assert {"model.py", "train.py"} <= {path.name for path in (ROOT / "examples" / name).iterdir()}


COMMITTED = compile_examples.chosen()


@pytest.mark.parametrize(("name", "backend"), COMMITTED)
def test_generated_modules_are_up_to_date(name, backend):
    result = CliRunner().invoke(symdiff, compile_examples.arguments(name, backend, check=True))
    assert result.exit_code == 0, f"{result.output}\nRun python tools/compile_examples.py."


@pytest.mark.parametrize(("name", "backend"), COMMITTED)
def test_compiling_again_writes_the_same_bytes(name, backend, tmp_path, monkeypatch):
    monkeypatch.setattr(compile_examples, "GENERATED", tmp_path)
    result = CliRunner().invoke(symdiff, compile_examples.arguments(name, backend))
    assert result.exit_code == 0, result.output
    written = sorted(tmp_path.glob("*.py"))
    assert written
    for path in written:
        assert path.read_bytes() == (ROOT / "generated" / path.name).read_bytes(), path.name


def test_generated_holds_what_the_examples_yield_and_nothing_else(example):
    models = []
    for name, backend in COMMITTED:
        found = [value.name for value in vars(example(name, "model")).values() if isinstance(value, sd.Model)]
        models += [f"{model}_{backend}" for model in found]
    models += ["_symdiff_runtime", "_symdiff_runtime_cupy"]
    assert sorted(path.stem for path in (ROOT / "generated").glob("*.py")) == sorted(models)


@pytest.mark.parametrize("name", compile_examples.EMIT)
def test_a_gradient_takes_at_most_four_times_the_operations_of_the_value(name, example):
    for model in vars(example(name, "model")).values():
        if isinstance(model, sd.Model) and model.objective is not None:
            count = {f.name: f.operations for f in generate(model, Options.create()).functions}
            assert count["grad"] <= 4 * count["value"], (model.name, count)


def test_a_stale_module_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(compile_examples, "GENERATED", tmp_path)
    for name in ("net_numpy", "_symdiff_runtime"):
        shutil.copy(ROOT / "generated" / f"{name}.py", tmp_path)
    arguments = compile_examples.arguments("two_layer_net", check=True)
    assert CliRunner().invoke(symdiff, arguments).exit_code == 0
    with (tmp_path / "net_numpy.py").open("a") as file:
        file.write("# changed by hand\n")
    assert CliRunner().invoke(symdiff, arguments).exit_code == 1


def test_a_stale_runtime_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(compile_examples, "GENERATED", tmp_path)
    shutil.copy(ROOT / "generated" / "net_numpy.py", tmp_path)
    result = CliRunner().invoke(symdiff, compile_examples.arguments("two_layer_net", check=True))
    assert result.exit_code == 1
    assert "_symdiff_runtime.py, which it needs, is missing or out of date" in " ".join(result.output.split())


def test_generated_modules_need_neither_symdiff_nor_sympy():
    names = sorted(path.stem for path in (ROOT / "generated").glob("*_numpy.py"))
    program = (
        "import sys\n"
        "sys.modules['symdiff'] = sys.modules['sympy'] = None\n"
        f"for name in {names}:\n    __import__(name)\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT / "generated", capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr


def test_examples_run_as_programs(tmp_path):
    script = ROOT / "examples" / "linear_regression" / "train.py"
    finished = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert "epoch  1000   loss 0.0454077825" in finished.stdout
    assert not [*tmp_path.iterdir()]  # what it saves, it saves in a temporary folder


def test_linear_regression(example, tmp_path):
    train = example("linear_regression", "train")
    w, b, losses = train.main(epochs=100, file=tmp_path / "line.npz")
    np.testing.assert_allclose([losses[50], losses[100]], [0.2442796495, 0.1245055052], atol=5e-11)
    with np.load(tmp_path / "line.npz") as saved:
        assert (saved["w"], saved["b"]) == (w, b)
    columns = train.main_matrix(epochs=100)
    np.testing.assert_allclose([columns[0].item(), columns[1].item()], [w, b], rtol=1e-12)


def test_two_layer_net(example):
    losses = example("two_layer_net", "train").main(steps=11)
    np.testing.assert_allclose(losses[::10], [31519525.11987488, 1282336.7381878488], rtol=1e-6)


def test_damped_oscillator(example):
    train = example("damped_oscillator", "train")
    found, losses = train.main()
    np.testing.assert_allclose(found, train.TRUE, atol=2e-3)
    assert losses[-1] == pytest.approx(0.05**2, rel=1e-2)  # the noise is what is left


def test_quadratic_fit(example):
    train = example("quadratic_fit", "train")
    np.testing.assert_allclose(train.main(), [2.98927619, 2.09818307], atol=5e-9)
    _, x, y = train.problem()
    best = np.linalg.lstsq(np.stack([x**2, np.ones(100)], axis=1), y)[0]
    for fit in (train.main_mean, train.main_batches, train.main_half_mean):
        np.testing.assert_allclose(fit(), best, atol=1e-3)


def test_autograd_basics(example):
    rows = example("autograd_basics", "train").main()
    assert len(rows) == 23  # one is missing where the gradient of a vector is not refused
    for lesson, what, result, expected in rows:
        if isinstance(expected, str) or "what has" in what:
            assert result == expected, (lesson, what)
        else:
            np.testing.assert_allclose(np.ravel(result), np.ravel(expected), rtol=1e-12, atol=1e-12, err_msg=what)


def test_logistic_regression_agrees_with_scikit_learn(example):
    train = example("logistic_regression", "train")
    w, b, right = train.main()
    x, y, x_test, y_test = train.tumours()
    theirs = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(x, y.ravel())
    np.testing.assert_allclose(w.ravel(), theirs.coef_.ravel(), atol=1e-4)
    np.testing.assert_allclose(b, theirs.intercept_[0], atol=1e-4)
    assert right == theirs.score(x_test, y_test.ravel())
    assert right > 0.95


def test_diabetes_agrees_with_scikit_learn(example):
    train = example("diabetes", "train")
    w, b, explained = train.main()
    x, y, x_test, y_test = train.patients()
    theirs = Ridge(alpha=0.1 * len(x), tol=1e-14).fit(x, y.ravel())
    np.testing.assert_allclose(w.ravel(), theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(b, theirs.intercept_, rtol=1e-6)
    np.testing.assert_allclose(explained, theirs.score(x_test, y_test.ravel()), rtol=1e-6)


def test_gaussian_process_agrees_with_scikit_learn(example):
    train = example("gaussian_process", "train")
    found, likelihood, error = train.main()
    scale, length, noise = np.exp(found)
    x, y = train.points()
    kernel = ConstantKernel(scale**2) * RBF(length) + WhiteKernel(noise**2)
    theirs = GaussianProcessRegressor(kernel, alpha=0, optimizer=None).fit(x[:, None], y.ravel())
    expected, slope = theirs.log_marginal_likelihood(theirs.kernel_.theta, eval_gradient=True)
    np.testing.assert_allclose(likelihood, expected, rtol=1e-9)
    np.testing.assert_allclose(slope, 0, atol=1e-2)  # of the logarithms: a maximum
    grid = np.linspace(-9, 9, 181)
    mean, deviation = theirs.predict(grid[:, None], return_std=True)
    known = (*found, train.squared_distances(x, x), train.squared_distances(x, grid))
    np.testing.assert_allclose(train.posterior.mean(*known, y).ravel(), mean, atol=1e-8)
    variance = train.posterior.variance(*known).ravel() + noise**2  # theirs is of a new observation
    np.testing.assert_allclose(np.sqrt(variance), deviation, rtol=1e-6)
    assert error < 0.06


def test_matrix_factorization(example):
    assert example("matrix_factorization", "train").main() < 1e-3


def test_curve_fitting_reaches_certified_digits(example):
    """Eight digits on every parameter from both starts, for all 27; for most by least_squares alone."""
    train = example("curve_fitting", "train")
    found = train.main()
    assert len(found) == 2 * 27
    assert {key: final for key, (_, final) in found.items() if final < 8} == {}
    unaided = [name for name in train.PROBLEMS if min(found[name, 1][0], found[name, 2][0]) >= 8]
    assert len(unaided) >= 10


def test_stencil_recovers_the_diffusivity(example):
    found, true = example("stencil", "train").main()
    np.testing.assert_allclose(found, true, atol=1e-5)
