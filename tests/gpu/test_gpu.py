"""CuPy modules on a GPU: the whole catalogue, as on NumPy."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import numpy as np
import pytest
from gpu_rows import PARTS, differences, differences_captured, modules, part_of_the_catalogue
from half_rows import errors, takes_halves

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.filterwarnings("ignore:.*without data over the samples"),
    pytest.mark.filterwarnings("ignore:.*nothing depends on it"),
]


@pytest.fixture(scope="module")
def cp() -> ModuleType:
    """CuPy itself, with a device."""
    if importlib.util.find_spec("cupy") is None:
        pytest.skip("CuPy is not installed: make test-gpu installs it")
    import cupy

    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        pytest.skip(f"CuPy finds no device: {error}")
    modules.cache_clear()
    return cupy


@pytest.mark.parametrize("number", range(PARTS))
def test_the_catalogue_as_on_numpy(cp: ModuleType, number: int) -> None:
    found = []
    for case in part_of_the_catalogue(number):
        for dtype in (np.float64, np.float32):
            found += differences(cp, case, (33, 256), dtype)
        found += differences_captured(cp, case, np.float64) or ()
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize("number", range(PARTS))
def test_the_catalogue_in_half_precision(cp: ModuleType, number: int) -> None:
    cases = [case for case in part_of_the_catalogue(number) if takes_halves(modules(case)[0])]
    found = [one for case in cases for one in errors(cp, case, modules(case)[0], np.float16)]
    off = [f"{name}: off by {error}, at most {bound}" for name, error, bound in found if not error <= bound]
    assert not off, "\n".join(off[:20])
