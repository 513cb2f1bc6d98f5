"""Executing generated source and the files that hold models."""

from __future__ import annotations

import gc
import importlib
import inspect
import linecache
import os
import pickle
import subprocess
import sys
import traceback
import weakref

import numpy as np
import pytest
import sympy as sp

import symdiff as sd
from symdiff.cache import Cache, key_of
from symdiff.errors import ModelError, ModelWarning
from symdiff.graph.node import _interned
from symdiff.loader import CACHE_PACKAGE, load_models, load_source

GENERATED = """\
from typing import NamedTuple


class Grad(NamedTuple):
    w: float


def grad(w):
    return Grad(2 * w)


def fail():
    raise ZeroDivisionError("as asked")
"""
HEAD = """\
from sympy import symbols
import symdiff as sd

w, x = symbols("w x")
"""


@pytest.fixture
def cached(monkeypatch, tmp_path):
    """The name of a module whose source is in the cache."""
    monkeypatch.setenv("SYMDIFF_CACHE_DIR", str(tmp_path / "cache"))
    key = key_of(str(tmp_path))
    Cache().put(key, GENERATED)
    return f"{CACHE_PACKAGE}.line_{key}"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """`write(text)` makes ``model.py`` in the current folder, which is empty otherwise."""
    monkeypatch.chdir(tmp_path)
    path = type(tmp_path)("model.py")

    def write(text):
        path.write_text(text, encoding="utf-8")
        return path

    return write


# --- generated source ---


def test_source_is_a_module_with_a_name_and_a_file():
    module = load_source(GENERATED, "loaded_line", "<line>")
    assert module.grad(3.0) == (6.0,)
    assert importlib.import_module("loaded_line") is module
    assert (module.__name__, module.__file__) == ("loaded_line", "<line>")


def test_results_can_be_pickled():
    module = load_source(GENERATED, "loaded_line", "<line>")
    assert pickle.loads(pickle.dumps(module.grad(3.0))) == module.Grad(6.0)


def test_tracebacks_and_inspect_show_the_source():
    module = load_source(GENERATED, "loaded_line", "<line>")
    linecache.checkcache()
    with pytest.raises(ZeroDivisionError) as caught:
        module.fail()
    assert 'raise ZeroDivisionError("as asked")' in "".join(traceback.format_exception(caught.value))
    assert inspect.getsource(module.grad) == "def grad(w):\n    return Grad(2 * w)\n"
    assert inspect.getsource(module) == GENERATED


def test_the_same_source_is_executed_once_and_other_source_replaces_it():
    module = load_source(GENERATED, "loaded_twice", "<line>")
    assert load_source(GENERATED, "loaded_twice", "<line>") is module
    assert importlib.import_module("loaded_twice") is module
    other = load_source("x = 1\n", "loaded_twice", "<line>")
    assert importlib.import_module("loaded_twice") is other
    assert not hasattr(other, "grad")


@pytest.mark.parametrize("kept", ["module", "function", "class", "result"])
def test_a_module_stays_importable_as_long_as_anything_of_it_is_in_use(kept):
    module = load_source(GENERATED, "loaded_kept", "<kept>")
    used = {"module": module, "function": module.grad, "class": module.Grad, "result": module.grad(3.0)}[kept]
    result, reference, module = module.grad(3.0) if kept == "result" else None, weakref.ref(module), None
    gc.collect()
    assert importlib.import_module("loaded_kept") is reference()
    assert inspect.getsource(reference().grad) == "def grad(w):\n    return Grad(2 * w)\n"
    if result:
        assert type(pickle.loads(pickle.dumps(used))) is type(result)
    del sys.modules["loaded_kept"], used, result
    gc.collect()
    assert reference() is None
    assert "<kept>" not in linecache.cache
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("loaded_kept")


def test_lines_of_a_module_stay_when_another_of_that_file_name_goes():
    first = load_source(GENERATED, "loaded_first", "<shared>")
    second = load_source(GENERATED, "loaded_second", "<shared>")
    del first
    gc.collect()
    assert inspect.getsource(second.grad) == "def grad(w):\n    return Grad(2 * w)\n"


def test_compiling_many_models_keeps_none_of_them():
    """Neither modules nor their source nor nodes of their graphs."""
    w, x = sp.symbols("w x")

    def compiled(number):
        model = sd.Model(sd.mean(sp.sin(w * x + number)), params=[w], data=[x])
        return weakref.ref(sd.compile(model, cache=False))

    def kept():
        gc.collect()
        return (
            [name for name in sys.modules if name.startswith(f"{CACHE_PACKAGE}.")],
            len(linecache.cache),
            len(_interned),
        )

    compiled(0)
    before = kept()
    references = [compiled(number) for number in range(1, 6)]
    assert kept() == before
    assert [reference() for reference in references] == [None] * 5


def test_source_that_fails_leaves_no_module():
    with pytest.raises(ZeroDivisionError):
        load_source("1 / 0\n", "loaded_broken", "<broken>")
    assert "loaded_broken" not in sys.modules


def test_a_loaded_module_is_an_attribute_of_its_package(cached):
    module = load_source(GENERATED, cached, "<line>")
    assert importlib.import_module(cached) is module
    assert getattr(importlib.import_module(CACHE_PACKAGE), cached.partition(".")[2]) is module


def test_another_process_unpickles_from_the_cache(cached):
    pickled = pickle.dumps(load_source(GENERATED, cached, "<line>").grad(3.0))
    program = "import pickle, sys, symdiff.loader; print(pickle.loads(sys.stdin.buffer.read()))"
    result = subprocess.run([sys.executable, "-c", program], input=pickled, capture_output=True, check=True)
    assert result.stdout.decode().strip() == "Grad(w=6.0)"


@pytest.mark.parametrize("name", ["line", "line_", f"line_{'0' * 64}", f"line_{'0' * 63}/", "a.b"])
def test_what_the_cache_does_not_hold_cannot_be_imported(cached, name):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{CACHE_PACKAGE}.{name}")


def test_a_damaged_entry_is_not_executed(cached):
    path = Cache().directory / f"{cached.rpartition('_')[2]}.entry"
    path.write_bytes(path.read_bytes() + b"raise SystemExit\n")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(cached)


# --- model files ---


def test_models_come_in_the_order_of_their_file_once_each(write):
    path = write(
        HEAD
        + """
second, first = sd.Model(w, params=[w]), sd.Model(w + x, params=[w], data=[x])
again = first
third = sd.Model(w**2, params=[w])
"""
    )
    assert [model.name for model in load_models(path)] == ["second", "first", "third"]


def test_a_model_imported_from_another_file_belongs_to_that_file(write, tmp_path):
    (tmp_path / "neighbour_base.py").write_text(HEAD + "base = sd.Model(w, params=[w])\n")
    path = write("import symdiff as sd\nfrom neighbour_base import base, w\nown = sd.Model(w**2, params=[w])\n")
    assert [model.name for model in load_models(path)] == ["own"]
    assert str(tmp_path) not in sys.path


def test_the_file_runs_as_a_module_in_its_own_folder(write, tmp_path):
    path = write(
        f"""
import sys
from dataclasses import dataclass
from pathlib import Path
{HEAD}
assert sys.path[0] == str(Path(__file__).parent)
assert __name__ != "__main__"

@dataclass
class Sizes:
    n: "int" = 3

line = sd.Model(w, params=[w])
if __name__ == "__main__":
    raise SystemExit
"""
    )
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    os.chdir(folder)
    (model,) = load_models(type(path)("..") / path)
    assert model.name == "line"


def test_one_model_is_chosen_by_any_line_of_its_assignment(write):
    path = write(HEAD + "a = sd.Model(w, params=[w])\nb = sd.Model(\n    w**2,\n    params=[w],\n)\n")
    assert [model.name for model in load_models(path, "a")] == ["a"]
    with pytest.raises(ModelError, match=r"holds no model c\. Its models: a, b"):
        load_models(path, "c")
    assert [model.name for model in load_models(path, 5)] == ["a"]
    for line in (6, 7, 8, 9):
        assert [model.name for model in load_models(path, line)] == ["b"]


def test_a_line_without_a_model_lists_the_lines_there_are(write):
    path = write(HEAD + "a = sd.Model(w, params=[w])\nb = sd.Model(w**2, params=[w])\n")
    for line in (1, 4, 99):
        with pytest.raises(ModelError, match=rf"model.py:{line}. Its models: a at model.py:5, b at model.py:6"):
            load_models(path, line)


@pytest.mark.parametrize(
    "text",
    [
        'a = sd.Model(w, params=[w], name="m")\nb = sd.Model(w**2, params=[w], name="m")\n',
        'a = sd.Model(w, params=[w], name="a b")\na_b = sd.Model(w**2, params=[w])\n',
    ],
)
def test_two_models_of_one_name_are_refused(write, text):
    path = write(HEAD + text)
    with pytest.raises(ModelError, match=r"one name.*model.py:5 and .*model.py:6.*name="):
        load_models(path)
    assert len(load_models(path, 6)) == 1


def test_a_missing_file_a_folder_and_a_file_without_models(write, tmp_path):
    path = write(HEAD)
    with pytest.raises(ModelError, match="holds no model"):
        load_models(path)
    with pytest.raises(ModelError, match=r"There is no file absent\.py"):
        load_models(path.with_name("absent.py"))
    with pytest.raises(ModelError, match="is a folder"):
        load_models(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x = 1\ny = (2\n", "model.py:2 is not Python: '\\(' was never closed"),
        (b"x = '\xff'\n", "model.py.* is not Python"),
        (b"x = 1\0\n", "model.py.* is not Python"),
    ],
)
def test_what_is_not_python_is_named_with_its_line(write, content, message):
    path = write("")
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load_models(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n\ndef f():\n    return 1 / 0\n\nf()\n", "ZeroDivisionError: division by zero\n  model: model.py:4"),
        ("\nimport no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'\n  model: model.py:2"),
        ("raise SystemExit(3)\n", "SystemExit: 3\n  model: model.py:1"),
        ("\n\nraise KeyError\n", "KeyError\n  model: model.py:3"),
        ("def f():\n    f()\nf()\n", "RecursionError: .*\n  model: model.py:2"),
    ],
)
def test_what_fails_to_run_is_named_with_its_line(write, text, message):
    path = write(text)
    with pytest.raises(ModelError, match=message):
        load_models(path)
    assert "symdiff_model_model" not in sys.modules


def test_errors_of_symdiff_pass_through_with_a_place(write):
    path = write(HEAD + "a = sd.Model(w, params=w)\n")
    with pytest.raises(ModelError, match=r"params takes a list(.|\n)*model: model.py:5"):
        load_models(path)
    path.write_text("from symdiff.errors import ShapeError\n\nraise ShapeError('bad shape')\n")
    with pytest.raises(ModelError, match=r"^bad shape\n  model: model\.py:3$"):
        load_models(path)


def test_models_in_lists_and_dicts_count_if_they_have_a_name(write):
    path = write(
        HEAD
        + """several = [sd.Model(w**k, params=[w], name=f"power_{k}") for k in (1, 2)]
more = {"a": (sd.Model(w, params=[w], name="nested"),),
        "b": sd.Model(w, params=[w])}
one = several[0]
"""
    )
    with pytest.warns(
        ModelWarning, match=r"model\.py:7 is left out: it is in a list or dict and has no name"
    ) as caught:
        assert [model.name for model in load_models(path)] == ["power_1", "power_2", "nested"]
    assert [(warning.filename, warning.lineno) for warning in caught] == [("model.py", 7)]
    assert [model.name for model in load_models(path, 5, 6)] == ["power_1", "power_2", "nested"]
    with pytest.raises(ModelError, match=r"model\.py:7 is left out: .*Pass name="):
        load_models(path, 7)


def test_a_model_whose_variable_was_given_another_is_noted(write):
    path = write(HEAD + "m = sd.Model(w, params=[w])\nm = sd.Model(w**2, params=[w])\nsd.Model(w**3, params=[w])\n")
    with pytest.warns(ModelWarning, match="no variable of the module holds it") as caught:
        (model,) = load_models(path)
    assert model.place == "model.py:6"
    assert [warning.lineno for warning in caught] == [5, 7]
    with pytest.raises(ModelError, match=r"model\.py:5 is left out"):
        load_models(path, 5)


def test_a_file_with_nothing_but_unnamed_models_says_why(write):
    path = write(HEAD + "several = [sd.Model(w, params=[w])]\n")
    with pytest.raises(ModelError, match=r"holds no model(.|\n)*model\.py:5 is left out"):
        load_models(path)


def test_modules_of_one_name_show_their_own_lines():
    w, x = sp.symbols("w x")
    models = [sd.Model(sd.mean(function(w * x)), params=[w], data=[x]) for function in (sp.sin, sp.cosh)]
    modules = [sd.compile(model, cache=False) for model in models]
    assert len({module.__file__ for module in modules}) == 2
    assert [sd.compile(model, cache=False).__file__ for model in models] == [module.__file__ for module in modules]
    linecache.checkcache()
    for module, word in zip(modules, ("sin", "cosh"), strict=True):
        assert module.__file__.startswith("<symdiff model_numpy ")
        assert f"np.{word}(" in inspect.getsource(module)
        with pytest.raises(ValueError, match="x has shape") as caught:
            module.grad(1.0, np.ones((2, 2)))
        for frame in traceback.extract_tb(caught.tb):
            if frame.filename == module.__file__:
                assert frame.line == module.__loader__.source.split("\n")[frame.lineno - 1].strip()
