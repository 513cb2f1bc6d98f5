"""CuPy modules in half precision: arrays of 16 bits, arithmetic in single."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import nvrtc
import pytest
import sympy as sp
from as_cupy import stand_in
from catalogue import ALL
from gpu_rows import PARTS, calls, flat, kernels, modules, on_device, part_of_the_catalogue
from half_rows import errors, takes_halves
from sympy.tensor.array.array_comprehension import ArrayComprehension

import symdiff as sd

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*without data over the samples"),
    pytest.mark.filterwarnings("ignore:.*nothing depends on it"),
]
HALF = np.dtype(np.float16)
x, w = sp.symbols("x w")


@pytest.fixture(scope="module")
def cp():
    """The stand-in for CuPy, as what modules import."""
    with stand_in() as cupy:
        try:
            cupy.compile_all([('extern "C" __global__ void nothing() {}', "nothing")])
        except cupy.CompilerMissing as error:
            pytest.skip(str(error))
        yield cupy
        modules.cache_clear()


def compile_together(cp: ModuleType, found: Sequence[ModuleType], dtypes: Sequence[type]) -> None:
    """One run of the compiler for the kernels of many modules."""
    every = [kernel for module in found for kernel in kernels(module)]
    cp.compile_all([(kernel.code(dtype, False), kernel.name) for kernel in every for dtype in dtypes])


@pytest.mark.parametrize("number", range(PARTS))
def test_the_catalogue_in_half_precision(cp: ModuleType, number: int) -> None:
    """Modules that take no halves say why."""
    part = part_of_the_catalogue(number)
    cases = [case for case in part if takes_halves(modules(case)[0])]
    compile_together(cp, [modules(case)[0] for case in cases], [np.float16])
    for case in set(part) - set(cases):
        module = modules(case)[0]
        function, given = next(calls(case, module, np.float16))
        with pytest.raises(
            TypeError, match=r"float16, expected float32 or float64 \(there is no \w+ in half precision"
        ):
            getattr(module, function)(*(on_device(cp, one) for one in given))
    found = [one for case in cases for one in errors(cp, case, modules(case)[0], np.float16)]
    off = [f"{name}: off by {error}, at most {bound}" for name, error, bound in found if not error <= bound]
    assert not off, "\n".join(off[:20])
    assert len(found) > 150  # of 16 parts


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("function", [sd.max, sd.min])
def test_the_largest_entry_is_one_of_those_in_memory(cp: ModuleType, function, axis) -> None:
    """Where it is the largest of what was computed, nothing in memory may be equal to it, and the gradient 0 / 0."""
    n, d = sp.symbols("n d", integer=True, positive=True)
    X, Y = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("Y", n, d)
    extremes = function(sd.tanh(X) * sp.Rational(11, 10) + Y, axis=axis)
    model = sd.Model(extremes if axis is None else sd.mean(extremes), params=[X, Y])
    given = [np.random.default_rng(k).standard_normal((7, 5)).astype(HALF) for k in (1, 2)]
    _, wanted = sd.compile(model).value_and_grad(*(one.astype(np.float64) for one in given))
    _, found = sd.compile(model, backend="cupy").value_and_grad(*(cp.asarray(one) for one in given))
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.get(), other, rtol=4e-3, atol=1e-3)


SIGNS = {" + ": " - ", " - ": " + ", " * ": " + "}


def mutated(module: ModuleType, rng: np.random.Generator) -> ModuleType | None:
    """The module with one operator of its kernels' arithmetic exchanged."""
    source = module.__loader__.source
    places = [
        (line.start(1) + found.start(), found[0])
        for line in re.finditer(r"^ +(?:const A \w+ =|s\d* \+=)(.*)$", source, re.MULTILINE)
        for found in re.finditer(r" [-+*] ", line[1])
    ]
    if not places:
        return None
    place, sign = places[rng.integers(len(places))]
    other = ModuleType("mutated")
    exec(compile(source[:place] + SIGNS[sign] + source[place + 3 :], "mutated", "exec"), other.__dict__)
    return other


def test_what_is_allowed_hides_no_mutation(cp: ModuleType) -> None:
    """Exchanged operators that double precision shows are more than half precision may be off, but for one in fifty."""
    chosen = [(case, zlib.crc32(case.name.encode())) for case in ALL if takes_halves(modules(case)[0])]
    pairs = [(case, mutated(modules(case)[0], np.random.default_rng(seed))) for case, seed in chosen if seed % 6 == 0]
    pairs = [(case, module) for case, module in pairs if module is not None]
    compile_together(cp, [module for _, module in pairs], [np.float16, np.float64])
    seen, shown = [], []
    for case, module in pairs:
        if any(not error <= 1e-6 for _, error, _ in errors(cp, case, module, np.float64)):
            shown.append(case)
            seen += (
                [case] if any(not error <= bound for _, error, bound in errors(cp, case, module, np.float16)) else []
            )
    assert len(shown) > 60
    assert len(seen) >= 0.98 * len(shown), [case.name for case in shown if case not in seen]


# Long sums: one after the other in half precision, ones add up to 2,048 and no further

n, m = sp.symbols("n m", integer=True, positive=True)
i, j = sp.symbols("i j", integer=True)
N = 5_000
A, B, T, Q = sd.Tensor("A", (n, 3)), sd.Tensor("B", (3, n)), sd.Tensor("T", (2, n, 3)), sd.Tensor("Q", (2, 3, n))
V, P = sd.Tensor("V", (n,)), sd.Tensor("P", (m,), dtype=int)
y = sp.IndexedBase("y", shape=(n,))
RUNNING = ArrayComprehension(sp.Sum(y[j], (j, 0, i)), (i, 0, n - 1))
LONG = {
    # what is added up -> what of, in terms of which arrays of ones; what comes out
    "all": (sd.sum(V) / n, {V: (N,)}, 1),
    "rows": (sd.sum(B, axis=1), {B: (3, N)}, N),
    "columns": (sd.sum(A, axis=0), {A: (N, 3)}, N),
    "an axis between": (sd.sum(T, axis=1), {T: (2, N, 3)}, N),
    "a product": (B @ A, {B: (3, N), A: (N, 3)}, N),
    "products of batches": (Q @ T, {Q: (2, 3, N), T: (2, N, 3)}, N),
    "a trace of a product": (sd.sum(A * B.T) / n, {A: (N, 3), B: (3, N)}, 3),
    "running sums": (RUNNING, {y: (N,)}, np.arange(1, N + 1)),
}
OWN_HELPER = ("an axis between", "a trace of a product", "running sums")  # CuPy's sums in half precision are replaced


def in_halves(cp: ModuleType, module: ModuleType, function: str, given: Sequence[np.ndarray]) -> np.ndarray:
    """One result of a module."""
    arguments = [cp.asarray(one.astype(np.float16) if one.dtype.kind == "f" else one) for one in given]
    result = flat(getattr(module, function)(*arguments))[0]
    assert result.dtype == np.float16
    return result.get()


def without_single(module: ModuleType) -> ModuleType:
    """The module, whose helpers compute in the precision of what they are given."""
    other = ModuleType("mutated")
    source = re.sub(r"^@_in_single\n|^\w+ = _in_single\(\w+\)\n", "", module.__loader__.source, flags=re.MULTILINE)
    exec(compile(source, "mutated", "exec"), other.__dict__)
    return other


BETWEEN = {  # too large for half precision before the end
    "a norm": (sd.norm(T, axis=1), np.full((2, 3, 3), 256.0), 443.5),
    "a product": (sd.prod(T, axis=1), np.broadcast_to([[512.0], [512], [2**-9], [2**-9]], (2, 4, 3)), 1),
}


@pytest.mark.parametrize("name", BETWEEN)
def test_what_is_too_large_in_between(cp: ModuleType, name: str) -> None:
    expression, given, wanted = BETWEEN[name]
    model = sd.Model(sd.sum(T), outputs={"out": expression}, params=[T])
    module = sd.compile(model, backend="cupy", emit="value")
    assert (in_halves(cp, module, "out", [given]) == wanted).all()
    assert np.isinf(in_halves(cp, without_single(module), "out", [given])).all()


@pytest.mark.parametrize("name", LONG)
def test_long_sums(cp: ModuleType, name: str) -> None:
    expression, arrays, expected = LONG[name]
    total = sum(sp.Sum(y[i], (i, 0, n - 1)) if array is y else sd.sum(array) for array in arrays)
    module = sd.compile(sd.Model(total, outputs={"out": expression}, params=list(arrays)), backend="cupy", emit="value")
    given = [np.ones(shape) for shape in arrays.values()]
    wanted = np.asarray(expected, np.float16)
    assert (in_halves(cp, module, "out", given) == wanted).all()
    if name in OWN_HELPER:
        assert not (in_halves(cp, without_single(module), "out", given) == wanted).all()


def test_additions_by_position(cp: ModuleType) -> None:
    model = sd.Model(sd.sum(sd.take(V, P)), params=[V], constants=[P])
    module = sd.compile(model, backend="cupy", emit="grad")
    given = np.ones(2), np.ones(N, int)
    np.testing.assert_array_equal(in_halves(cp, module, "grad", given), [0, N])
    np.testing.assert_array_equal(in_halves(cp, without_single(module), "grad", given), [0, 2048])


# What comes in, and what is compiled

LINE = sd.Model(sd.mean((w * x - 1) ** 2), params=[w], data=[x], name="line")


def test_half_precision_joins_what_is_wider(cp: ModuleType) -> None:
    line = sd.compile(LINE, backend="cupy", emit="value")
    given = {dtype: cp.ones(4, dtype) for dtype in (np.float16, np.float32, np.float64)}
    for dtype, array in given.items():
        assert line.value(0.5, array).dtype == dtype
        assert line.value(cp.asarray(0.5, np.float16), array).dtype == dtype
        assert line.value(cp.asarray(0.5, np.float32), array).dtype == np.result_type(dtype, np.float32)


def test_where_there_is_no_half_precision(cp: ModuleType) -> None:
    halves = cp.ones(4, np.float16)
    plain = sd.compile(LINE, backend="cupy", style="plain")
    with pytest.raises(TypeError, match=r"x has dtype float16, expected float32 or float64 \(without kernels"):
        plain.value(0.5, halves)
    with pytest.raises(TypeError, match="x has dtype float16, expected float32 or float64"):
        sd.compile(LINE).value(0.5, np.ones(4, np.float16))


def test_bfloat16_is_refused(cp: ModuleType) -> None:
    """As PyTorch hands it over: without its name."""
    bits = np.zeros(4, np.uint16)
    torch = SimpleNamespace(__cuda_array_interface__={**bits.__array_interface__, "typestr": "<V2"})
    with pytest.raises(TypeError, match=r"x has dtype bfloat16, of which .*: expected float16, float32 or float64"):
        sd.compile(LINE, backend="cupy").value(0.5, torch)


def test_only_kernels_in_half_precision_include_a_header(cp: ModuleType) -> None:
    module = sd.compile(LINE, backend="cupy")
    for kernel in kernels(module):
        assert "#include <cuda_fp16.h>\ntypedef __half T;\ntypedef float A;" in kernel.code(np.float16, False)
        assert not any("#include" in kernel.code(dtype, False) for dtype in (np.float32, np.float64))


@pytest.mark.skipif(bool(nvrtc.MISSING or nvrtc.MISSING_HEADERS), reason=f"{nvrtc.MISSING or nvrtc.MISSING_HEADERS}")
@pytest.mark.parametrize("number", range(PARTS))
def test_the_catalogue_compiles_in_half_precision(cp: ModuleType, number: int) -> None:
    """To machine code, counting in 32 and in 64 bits."""
    sources = {}
    for case in part_of_the_catalogue(number):
        for kernel in kernels(modules(case)[0]):
            sources.setdefault(re.sub(rf"\b{kernel.name}\b", "kernel", kernel.source), kernel)
    wide = bool(number % 2)
    source = nvrtc.together([*sources.values()], HALF, wide)
    code, _ = nvrtc.cubin(source, "sm_80" if wide else "sm_90", ("--Ofast-compile=max",))
    assert code.startswith(b"\x7fELF")
    assert all(nvrtc.mangled(*found) in code for found in enumerate(sources.values()))


def test_no_module_asks_for_tf32() -> None:
    """Single precision is computed as such, until the user tells CuPy otherwise."""
    for path in (Path(__file__).resolve().parents[2] / "generated").glob("*_cupy.py"):
        assert not re.search("tf32|compute_type|math_mode", path.read_text(encoding="utf-8"), re.IGNORECASE)
