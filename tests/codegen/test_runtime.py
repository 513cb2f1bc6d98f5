"""The runtime of generated modules: what is cut out of its files, and modules that share one."""

from __future__ import annotations

import ast
import builtins
import importlib
import subprocess
import symtable
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from catalogue import ALL

import symdiff as sd
from symdiff.codegen.cupy.module import CupyModuleWriter
from symdiff.codegen.module import ModuleWriter
from symdiff.codegen.runtime.definitions import read, sources
from symdiff.compiler import generate, shared_runtime
from symdiff.options import EMIT, Options

FOLDER = Path(sd.__file__).parent / "codegen" / "runtime"
w, x, y = sp.symbols("w x y")
LINE = sd.Model(sd.mean((w * x - y) ** 2), params=[w], data=[x, y], name="line")
CURVE = sd.Model(sd.mean((sp.exp(w * x) - y) ** 2), params=[w], data=[x, y], name="curve")


def missing(source: str) -> set[str]:
    """Names that a module refers to and nothing in it defines."""
    tables, asked = [symtable.symtable(source, "module", "exec")], set()
    defined = {s.get_name() for s in tables[0].get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    while tables:
        table = tables.pop()
        top = table.get_type() == "module"
        asked |= {s.get_name() for s in table.get_symbols() if s.is_global() or (top and s.is_referenced())}
        tables += table.get_children()
    return asked - defined - set(dir(builtins)) - {"__package__"}


@pytest.mark.parametrize("runtime", ["inline", "shared"])
@pytest.mark.parametrize("backend", ["numpy", "cupy"])
def test_every_name_is_defined(backend, runtime):
    for case in ALL[:: 8 if runtime == "inline" else 16]:
        try:
            source = generate(case.model(), Options.create(backend=backend, emit=EMIT, runtime=runtime)).source
        except sd.errors.UnsupportedError:
            assert backend == "cupy"  # which lacks some special functions
            continue
        assert not missing(source), case


@pytest.mark.parametrize("writer", [ModuleWriter, CupyModuleWriter])
def test_every_definition_comes_with_what_it_needs(writer):
    for definition in writer.runtime.everything:
        (library, *_) = writer.library_names
        needed = writer.runtime.needed(definition.names[:1])
        imports = {line for part in needed for line in part.imports} | {f"import {library}"}
        source = "\n".join(["\n".join(sorted(imports)), *("\n".join(block) for block in sources(needed, library))])
        assert not missing(source), definition.names


@pytest.mark.parametrize("path", sorted(FOLDER.glob("numpy/[a-z]*.py")), ids=lambda path: path.stem)
def test_files_for_numpy_are_modules(path):
    module = importlib.import_module(f"symdiff.codegen.runtime.numpy.{path.stem}")
    for definition in read(f"numpy/{path.name}"):
        assert all(hasattr(module, name) for name in definition.names)


def test_a_definition_is_whole():
    text = (FOLDER / "numpy" / "error_functions.py").read_text(encoding="utf-8")
    found = {name: definition for definition in read("numpy/error_functions.py") for name in definition.names}
    assert found["_ERF"].source.startswith("# By the bytes of a number")  # with the comment above
    assert found["_erf"].needs == ("_ERF", "_FEW", "_in_parts", "_one_by_one", "_rational", "math", "np")
    assert found["_erf"].imports == ("import math",)
    for definition in found.values():
        assert definition.source in text
        ast.parse(definition.source)


def test_another_name_of_the_library_is_used_throughout():
    found = [part for part in ModuleWriter.runtime.needed(["_typed"]) if "_typed" in part.names]
    (block,) = sources(found, "numpy_")
    assert "    common = numpy_.result_type(*floating) if floating else numpy_.dtype(numpy_.float64)" in block
    assert not any(" np." in line for line in block)


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A folder of modules that share a runtime; what is imported of it is forgotten afterwards."""
    before = set(sys.modules)
    write(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - before:
        if "symdiff_runtime" in name or name.endswith("_numpy") or name == "fits":
            del sys.modules[name]


def write(folder: Path) -> None:
    """Both modules and their runtime."""
    options = Options.create(runtime="shared")
    for model in (LINE, CURVE):
        (folder / f"{model.name}_numpy.py").write_text(generate(model, options).source)
    name, source = shared_runtime("numpy")
    (folder / f"{name}.py").write_text(source)


def test_modules_share_a_runtime(shared):
    line, curve = importlib.import_module("line_numpy"), importlib.import_module("curve_numpy")
    assert line._over_blocks is curve._over_blocks
    x, y = np.random.default_rng(0).normal(size=(2, 400_000))
    for module, model in ((line, LINE), (curve, CURVE)):
        alone = sd.compile(model)
        for mine, its in zip(module.value_and_grad(0.5, x, y), alone.value_and_grad(0.5, x, y), strict=True):
            np.testing.assert_array_equal(mine, its)
    line.set_threads(1)
    assert curve._runtime._THREADS.count == 1


def test_modules_share_a_runtime_in_a_package(shared):
    package = shared / "fits"
    package.mkdir()
    (package / "__init__.py").touch()
    write(package)
    line = importlib.import_module("fits.line_numpy")
    assert line._runtime.__name__ == "fits._symdiff_runtime"
    assert line.value(0.5, np.ones(3), np.ones(3)) == 0.25


def test_a_module_without_its_runtime_says_so(shared):
    (shared / "_symdiff_runtime.py").unlink()
    with pytest.raises(
        ImportError, match=r"_symdiff_runtime\.py of symdiff .* must stand beside this module: symdiff compile"
    ):
        importlib.import_module("line_numpy")


def test_a_module_with_another_runtime_says_so(shared):
    path = shared / "_symdiff_runtime.py"
    path.write_text(path.read_text().replace('_VERSION = "', '_VERSION = "0.0.9 '))
    with pytest.raises(ImportError, match=r"must stand beside this module: .* \(that there is of symdiff 0\.0\.9"):
        importlib.import_module("line_numpy")


def test_a_module_whose_runtime_lacks_a_function_says_so(shared):
    path = shared / "_symdiff_runtime.py"
    path.write_text(path.read_text().replace("def _over_blocks(", "def _by_blocks("))
    with pytest.raises(ImportError, match=r"must stand beside this module: .*no attribute '_over_blocks'"):
        importlib.import_module("line_numpy")


def test_a_change_of_the_runtime_changes_no_module_that_shares_it(monkeypatch):
    options = Options.create(runtime="shared")
    before = generate(LINE, options).source, shared_runtime("numpy")[1]
    changed = [replace(part, source=f"# changed\n{part.source}") for part in ModuleWriter.runtime.everything]
    monkeypatch.setattr(ModuleWriter.runtime, "_all", changed)
    assert generate(LINE, options).source == before[0]
    assert shared_runtime("numpy")[1] != before[1]


def test_the_command_writes_the_runtime_and_checks_it(tmp_path):
    (tmp_path / "model.py").write_text(
        "import sympy as sp\nimport symdiff as sd\nw, x = sp.symbols('w x')\n"
        "line = sd.Model(sd.mean((w * x - 1) ** 2), params=[w], data=[x])\n"
    )
    command = [sys.executable, "-m", "symdiff", "compile", str(tmp_path / "model.py"), "-o", str(tmp_path)]
    subprocess.run([*command, "--runtime", "shared"], check=True, capture_output=True)
    assert (tmp_path / "_symdiff_runtime.py").read_text() == shared_runtime("numpy")[1]
    assert subprocess.run([*command, "--check"], capture_output=True).returncode == 0
    (tmp_path / "_symdiff_runtime.py").unlink()
    finished = subprocess.run([*command, "--check"], capture_output=True, text=True)
    assert finished.returncode == 1
    assert "_symdiff_runtime.py, which it needs, is missing or out of date" in finished.stdout + finished.stderr
