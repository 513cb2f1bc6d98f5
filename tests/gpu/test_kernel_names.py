"""Names in kernels: ASCII, since NVIDIA's compiler takes nothing else, and each its own, whatever a model calls things."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType

import numpy as np
import nvrtc
import pytest
import sympy as sp
from as_cupy import stand_in
from gpu_rows import flat, kernels, on_device

import symdiff as sd
from symdiff.codegen.cupy.ascii import ascii_of

SPELLED = {
    "θ": "theta", "Δx": "Deltax", "ŷ": "y_hat", "x̄": "x_bar", "ẍ": "x_ddot", "ñ": "n_tilde", "ø": "o_stroke", "ж": "zhe",
    "ß": "sharp_s", "ς": "final_sigma", "数": "u6570", "x٣": "x3", "a ∘ b∘**2": "a .* b.**2", "plain_1": "plain_1",
}  # fmt: skip


@pytest.mark.parametrize(("name", "spelled"), SPELLED.items())
def test_letters_are_spelled_out(name, spelled):
    assert ascii_of(name) == spelled


@pytest.fixture(scope="module")
def cp():
    """The stand-in for CuPy, which takes no other kernels than NVIDIA's compiler."""
    with stand_in() as cupy:
        try:
            cupy.compile_all([('extern "C" __global__ void nothing() {}', "nothing")])
        except cupy.CompilerMissing as error:
            pytest.skip(str(error))
        yield cupy


def scalars(p: str, q: str, x: str, y: str) -> sd.Model:
    a, b, s, t = map(sp.Symbol, (p, q, x, y))
    h = sp.tanh(a * s)
    outputs = {f"one{p}": h * b + t, f"two{q}": h - t}
    return sd.Model(sd.mean((b * h - t) ** 2), params=[a, b], data=[s, t], outputs=outputs, named={f"{p}h": h})


def matrices(p: str, q: str, x: str, y: str) -> sd.Model:
    """Rows, columns, and sizes called alike."""
    n, k = sp.Symbol(f"{p}n", integer=True, positive=True), sp.Symbol(f"{q}n", integer=True, positive=True)
    A, b, X, Y = sp.MatrixSymbol(p, 3, k), sp.MatrixSymbol(q, 1, k), sp.MatrixSymbol(x, n, 3), sp.MatrixSymbol(y, n, k)
    scores = X * A + sp.OneMatrix(n, 1) * b
    return sd.Model(sd.cross_entropy(scores, Y) + sd.max(b) * n, params=[A, b], data=[X, Y])


def points(p: str, q: str, x: str, y: str) -> sd.Model:
    """One entry of every array at a time."""
    a, b, s, t = map(sp.Symbol, (p, q, x, y))
    return sd.Model(sp.sin(a * b) * s + sp.exp(-(t**2)), params=[a, b, s, t])


def tensors(p: str, q: str, x: str, y: str) -> sd.Model:
    """Entries at places along several axes."""
    n = sp.Symbol("n", integer=True, positive=True)
    a, b, s, t = sd.Tensor(p, (4,)), sd.Tensor(q, (3, 1)), sd.Tensor(x, (n, 3, 4)), sd.Tensor(y, (n, 1, 4))
    return sd.Model(sd.sum(sd.tanh(a * s + b) * t), params=[a, b], data=[s, t])


NAMES = [
    ("θ", "theta", "x̂", "x_hat"),  # spelled alike
    ("Θ", "θ", "Theta", "theta"),
    ("数", "u6570", "é", "e_acute"),
    ("x", "x_all", "x_all_all", "x_step"),  # called like what a kernel makes of a name
    ("x", "x_all_step", "x_all", "x_all2"),
    ("i", "i0", "i1", "i2"),
    ("row", "column", "count", "s"),
    ("A", "T", "I", "values"),
]


@pytest.mark.parametrize("names", NAMES, ids=" ".join)
@pytest.mark.parametrize("make", [scalars, matrices, points, tensors], ids=lambda make: make.__name__)
def test_kernels_of_any_names(cp: ModuleType, make: Callable[..., sd.Model], names: tuple[str, ...]) -> None:
    model = make(*names)
    emit = ("value", "grad", "jacobian")
    plain, module = (sd.compile(model, backend=backend, emit=emit, cache=False) for backend in ("numpy", "cupy"))
    found = kernels(module)
    assert found
    assert all(kernel.code(np.dtype(float), False).isascii() for kernel in found)
    assert all(re.search(rf"\b{kernel.name}\(", kernel.source) for kernel in found)
    sizes = {"n": 5, f"{names[0]}n": 5, f"{names[1]}n": 4}
    rng = np.random.default_rng(0)
    given = {}
    for name, entry in plain.SIGNATURE["inputs"].items():
        shape = [sizes[size] if isinstance(size, str) and size in sizes else size for size in entry["shape"]]
        given[name] = rng.standard_normal([7 if isinstance(size, str) else size for size in shape])
    for function in plain.SIGNATURE["functions"]:
        taken = {name: given[name] for name in plain.SIGNATURE["functions"][function]}
        expected = getattr(plain, function)(**taken)
        result = getattr(module, function)(**{name: on_device(cp, value) for name, value in taken.items()})
        for one, other in zip(flat(result), flat(expected), strict=True):
            np.testing.assert_allclose(np.asarray(one.get()), other, rtol=1e-12, atol=1e-12)
    if nvrtc.MISSING is None:
        code, _ = nvrtc.cubin(nvrtc.together(found, np.dtype(np.float32), False))
        assert all(nvrtc.mangled(*numbered) in code for numbered in enumerate(found))


def test_a_closed_form_above_a_kernel_is_in_ascii():
    t, x = sp.symbols("θ x")
    source = sd.generate(
        sd.Model(sd.mean((t * x) ** 2), params=[t], data=[x]), sd.options.Options.create(backend="cupy")
    ).source
    assert "// grad.theta = 2*theta*mean(x**2)" in source
    assert "    grad.θ = 2*θ*mean(x**2)" in source
