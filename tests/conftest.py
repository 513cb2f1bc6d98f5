"""What all tests share."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from verified import every_pass_verified

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory):
    """Keep the tests out of the user's cache, and what an earlier run compiled out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMDIFF_CACHE_DIR", str(tmp_path_factory.mktemp("cache") / "symdiff"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _verified():
    """Graphs are verified after every pass, not only before they are written."""
    with every_pass_verified():
        yield


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], ModuleType]:
    """`example(name, "model")` and `example(name, "train")` execute that file of an example, each time afresh."""

    def load(name: str, part: str) -> ModuleType:
        folder = ROOT / "examples" / name
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, "model", raising=False)
        spec = importlib.util.spec_from_file_location(f"{name}_{part}", folder / f"{part}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load
