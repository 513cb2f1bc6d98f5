"""The README says what is: its models compile, its module is what is generated, its numbers come out."""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from as_cupy import stand_in
from click.testing import CliRunner

import symdiff as sd
from symdiff import cli

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
MODEL, EXCERPT, SESSION, NET, INDICES, TENSORS, STEP = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def net():
    names = {}
    exec(NET, names)
    return names["net"]


def test_the_first_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("model.py").write_text(MODEL)
    for command in re.findall(r"^\$ symdiff (compile .*)$", README, re.MULTILINE):
        assert CliRunner().invoke(cli.main, command.split()).exit_code == 0
    body = EXCERPT.split("\n", 1)[1]
    assert body in Path("line_numpy.py").read_text()
    session = doctest.DocTestParser().get_doctest(SESSION, {}, "README", None, None)
    with patch.dict(sys.modules):  # what the session imports is not what other tests import under that name
        sys.modules.pop("line_numpy", None)
        assert doctest.DocTestRunner().run(session).failed == 0


def test_show_and_compare(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text(MODEL)
    for command in re.findall(r"^\$ symdiff ((?:show|compare) [^#\n]*)", README, re.MULTILINE):
        result = CliRunner().invoke(cli.main, command.split())
        assert result.exit_code == 0, result.output


def test_what_is_said_of_a_module():
    module = sd.compile(net(), emit=("value_and_grad", "hessian"))
    rng = np.random.default_rng(0)
    w1, w2, x, y = (rng.standard_normal(shape) for shape in ((4, 3), (3, 2), (5, 4), (5, 2)))
    assert module.hessian(w1, w2, x, y).w1.w2.shape == w1.shape + w2.shape
    vec = module.pack([w1, w2])
    np.testing.assert_array_equal(module.unpack(vec, d=4, k=3).w2, w2)
    assert module.value_and_grad_flat(vec, x, y, k=3)[1].shape == vec.shape


def test_index_notation():
    names = {}
    exec(INDICES, names)
    module = sd.compile(names["filtered"])
    rng = np.random.default_rng(0)
    x, y, k = rng.standard_normal(9), rng.standard_normal(7), rng.standard_normal(3)
    residual = np.correlate(x, k, "valid") - y
    value, gradient = module.value_and_grad(k, x, y)
    np.testing.assert_allclose(value, residual @ residual)
    np.testing.assert_allclose(gradient.k, [2 * residual @ x[p : p + 7] for p in range(3)])


def test_tensors():
    names = {}
    exec(TENSORS, names)
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape) for shape in ((4, 4), (4, 4), (4, 4), (4, 3))]
    x, label = rng.standard_normal((5, 4)), rng.integers(0, 3, 5)
    module = sd.compile(names["block"])
    _, gradient = module.value_and_grad(*weights, x, label)
    step = [1e-6 * rng.standard_normal(part.shape) for part in weights]
    up, down = (module.value(*(w + sign * s for w, s in zip(weights, step, strict=True)), x, label) for sign in (1, -1))
    slope = sum((part * s).sum() for part, s in zip(gradient, step, strict=True))
    np.testing.assert_allclose(up - down, 2 * slope, rtol=1e-5)


def test_the_closed_form():
    names = {}
    exec(MODEL, names)
    (said,) = re.findall(r"`\{w: (.*?), \.\.\.\}`", README)
    assert str(sd.gradient(names["line"])[names["w"]]) == said


def test_pointwise_and_outputs():
    names = {}
    exec("from sympy import symbols\nimport symdiff as sd\na, b = symbols('a b')", names)
    (pointwise,) = re.findall(r"`(sd\.Model\(\(1 - a\).*?)` takes", README)
    module = sd.compile(eval(pointwise, names), emit=("value", "grad", "hessian"))
    ones = np.ones((2, 3))
    assert (
        module.value(ones, 2.0).shape
        == module.grad(ones, ones).b.shape
        == module.hessian(ones, 1.0).a.b.shape
        == (2, 3)
    )
    model = sd.Model(outputs={"residual": names["a"] * names["b"]}, params=[names["a"]], data=[names["b"]])
    assert list(sd.compile(model).SIGNATURE["functions"]) == ["residual"]
    (kinds,) = re.findall(r"with\n`--emit ([\w,]+)`", README)
    said = {"residual", *re.findall(r"`m\.(residual_\w+)", README)}
    assert set(sd.compile(model, emit=kinds).SIGNATURE["functions"]) == said


def test_the_captured_step():
    with stand_in() as cp:
        try:
            cp.compile_all([('extern "C" __global__ void nothing() {}', "nothing")])
        except cp.CompilerMissing as error:
            pytest.skip(str(error))
        rng = np.random.default_rng(0)
        w1, w2, x, y = given = [cp.asarray(rng.standard_normal(shape)) for shape in ((4, 3), (3, 2), (5, 4), (5, 2))]
        names = {"net": sd.compile(net(), backend="cupy"), "w1": w1, "w2": w2, "x": x, "y": y}
        exec(STEP, names)
        loss, gradient = names["net"].value_and_grad(*given)
        np.testing.assert_allclose(names["loss"].get(), loss.get(), rtol=1e-12)
        np.testing.assert_allclose(names["gradient"].w1.get(), gradient.w1.get(), rtol=1e-12)
