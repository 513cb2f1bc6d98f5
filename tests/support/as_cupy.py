"""The stand-in for CuPy as what `import cupy` finds, for as long as it is wanted."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

from symdiff import loader

FOLDER = str(Path(__file__).resolve().parents[1] / "stand_in")


@contextmanager
def stand_in(known: Mapping[str, ModuleType] | None = None) -> Iterator[ModuleType]:
    """CuPy is the stand-in: a fresh one, or the one whose modules are `known`."""
    others = taken_out()
    sys.path.insert(0, FOLDER)
    sys.modules.update(known or {})
    try:
        yield import_module("cupy")
    finally:
        sys.path.remove(FOLDER)
        cupy = taken_out().get("cupy")
        for modules in (sys.modules, loader._live):
            for name in [name for name, module in modules.items() if _is_of(module, cupy)]:
                del modules[name]  # or what asks for it later finds one that computes with another CuPy
        sys.modules.update(others)


def _is_of(module: ModuleType, cupy: ModuleType | None) -> bool:
    """Whether a module was generated and computes with this CuPy."""
    known = getattr(module, "__dict__", {})
    return "SIGNATURE" in known and any(value is cupy for value in known.values())


def taken_out() -> dict[str, ModuleType]:
    """Take what is imported of CuPy out of the imported modules."""
    names = [name for name in sys.modules if name.split(".")[0] in ("cupy", "cupyx")]
    return {name: sys.modules.pop(name) for name in names}
