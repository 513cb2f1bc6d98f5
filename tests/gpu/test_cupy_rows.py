"""Kernels that have one row after the other: what becomes one, and that it computes right without a GPU."""

from __future__ import annotations

import re
from functools import cache
from types import ModuleType

import numpy as np
import nvrtc
import pytest
import sympy as sp
from as_cupy import stand_in
from gpu_rows import flat, kernels, on_device
from sympy import MatrixSymbol

import symdiff as sd
from symdiff.options import Options


def chained(x, times: int):
    """One softmax of rows after the other."""
    return chained(sd.softmax(x) * x + x, times - 1) if times else x


n, d, k = sp.symbols("n d k", integer=True, positive=True)
X, y, w = MatrixSymbol("X", n, d), MatrixSymbol("y", n, 1), MatrixSymbol("w", d, 1)
Y, W, B = MatrixSymbol("Y", n, k), MatrixSymbol("W", d, k), MatrixSymbol("B", 1, k)
V, u = MatrixSymbol("V", k, 1), MatrixSymbol("u", n, 1)
b = sp.Symbol("b")
ones = sp.OneMatrix(n, 1)
scores = X * W + ones * B
Z = sd.Tensor("Z", (n, 3, k))

MODELS = {
    "logistic": sd.Model(sd.binary_cross_entropy(sd.sigmoid(X * w + b * ones), y), params=[w, b], data=[X, y]),
    "softmax": sd.Model(
        sd.mean(sd.logsumexp(scores, axis=1)) - sd.sum(sp.HadamardProduct(Y, scores)) / n, params=[W, B], data=[X, Y]
    ),
    "layer": sd.Model(sd.mean(sd.tanh(sd.tanh(scores) * V + b * ones)), params=[W, B, V, b], data=[X]),
    "laws": sd.Model(
        sd.sum(sd.max(sd.softmax(scores, axis=1), axis=0)) + sd.sum(sd.norm(sd.softmax(scores, axis=1), axis=0))
        + sd.max(sd.logsumexp(scores, axis=1)) + sd.norm(sd.min(scores, axis=1) + sd.norm(scores, axis=1)),
        params=[W, B], data=[X],
    ),
    "columns": sd.Model(
        sd.sum(sp.HadamardPower(sd.mean(sd.tanh(scores), axis=0), 3)) + sd.sum(sd.max(scores, axis=0)),
        params=[W, B], data=[X],
    ),
    "a long way": sd.Model(sd.mean(chained(sd.Tensor("Q", (n, k)), 6) ** 2), params=[sd.Tensor("Q", (n, k))]),
    "rows of two axes": sd.Model(
        sd.sum(sd.mean(sd.softmax(Z) * sd.exp(sd.max(Z, axis=0)), axis=(0, 1)) ** 2) + sd.max(sd.logsumexp(Z, axis=2)),
        params=[Z],
    ),
}  # fmt: skip
SIZES = [(1, 1, 1), (3, 700, 2), (2, 5_000, 3), (20, 5, 1_100), (3_000, 3, 7)]


@pytest.fixture(scope="module")
def cp():
    """The stand-in for CuPy, as what modules import."""
    with stand_in() as cupy:
        try:
            cupy.compile_all([('extern "C" __global__ void nothing() {}', "nothing")])
        except cupy.CompilerMissing as error:
            pytest.skip(str(error))
        yield cupy
        compiled.cache_clear()


EMIT = ("value_and_grad", "hvp")


@cache
def compiled(name: str) -> tuple[ModuleType, ModuleType]:
    """The modules for CuPy and for NumPy."""
    return tuple(sd.compile(MODELS[name], backend=backend, emit=EMIT) for backend in ("cupy", "numpy"))


def source(model: sd.Model, emit: str | tuple[str, ...] = "value_and_grad") -> str:
    return sd.generate(model, Options.create(backend="cupy", emit=emit)).source


def body(source: str, function: str = "value_and_grad") -> str:
    """The statements of a function."""
    return source.split(f"\ndef {function}(")[1].split("\n\n\n")[0]


def arrays(module: ModuleType, sizes: dict[str, int]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {name: [sizes.get(dim, dim) for dim in one["shape"]] for name, one in module.SIGNATURE["inputs"].items()}
    return {name: rng.standard_normal(shape) / (1 + (shape == [sizes["d"], 1])) for name, shape in shapes.items()}


def off(cp: ModuleType, module: ModuleType, plain: ModuleType, given: dict[str, np.ndarray], dtype: type) -> float:
    """By how much results are not those of NumPy, in units of the largest entry."""
    found = [0.0]
    params = [name for name, one in plain.SIGNATURE["inputs"].items() if one["role"] == "parameter"]
    for name, names in module.SIGNATURE["functions"].items():
        own = [given[one].astype(dtype) for one in names if one in given]
        own += [tuple(np.cos(given[one]).astype(dtype) for one in params)] if name == "hvp" else []
        wanted = flat(getattr(plain, name)(*own))
        with cp.no_synchronisation():
            got = flat(getattr(module, name)(*(on_device(cp, one) for one in own)))
        assert all(one.dtype == dtype for one in got)
        found += [
            np.abs(one.get() - other).max() / max(1, np.abs(other).max())
            for one, other in zip(got, wanted, strict=True)
        ]
    return np.max(found)


@pytest.mark.parametrize("shape", SIZES, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_any_sizes(cp: ModuleType, name: str, shape: tuple[int, int, int]) -> None:
    """One row and one column, more of them than a block has threads, sums of columns that do not fit in shared memory."""
    module, plain = compiled(name)
    given = arrays(plain, dict(zip("ndk", shape, strict=True)))
    defaults = module._WIDTH, module._BLOCKS, module._SHARED
    for width, blocks, shared in (defaults, (32, 3, 64), (33, 1024, 1024), (1, 5, 16)):
        module._WIDTH, module._BLOCKS, module._SHARED = width, blocks, shared
        assert off(cp, module, plain, given, np.float64) < 1e-11
    module._WIDTH, module._BLOCKS, module._SHARED = defaults
    assert off(cp, module, plain, given, np.float32) < 2e-4


@pytest.mark.parametrize("name", MODELS)
def test_places_in_64_bits(cp: ModuleType, name: str) -> None:
    plain = compiled(name)[1]
    text = source(MODELS[name], EMIT)
    assert text.count("> 2**30") == 1
    module = executed(text.replace("> 2**30", "> 0"))
    assert off(cp, module, plain, arrays(plain, {"n": 70, "d": 3, "k": 40}), np.float64) < 1e-11
    assert all(wide for kernel in kernels(module) for _, wide in kernel.compiled)


def executed(source: str) -> ModuleType:
    module = ModuleType("executed")
    exec(compile(source, "executed", "exec"), module.__dict__)
    return module


MUTATIONS = {
    "a dropped phase": ("logistic", "s = over_row<Sum>(s, lanes);", ""),
    "half of a row's lanes": ("logistic", "unsigned n = lanes / 2;", "unsigned n = lanes / 4;"),
    "the result of one lane alone": (
        "logistic",
        "return __shfl_sync(mask, value, first);",
        "return value + threadIdx.x % 2;",
    ),
    "a wrong row": ("logistic", "y_all[row]", "y_all[first]"),
    "a row too many": ("logistic", "if (works && lane == 0)", "if (lane == 0)"),
    "a row too many in sums of columns": ("logistic", "; works && column < columns;", "; column < columns;"),
    "a row once for each lane": ("logistic", "if (works && lane == 0)", "if (works)"),
    "no row but the first of a block": ("logistic", "first += (I)gridDim.x * groups", "first += rows"),
    "sums that do not start at none": ("logistic", "_sums[column] = Sum::none();", "_sums[column] += 1;"),
    "a missing column": ("logistic", "works && column < columns;", "works && column < columns - 1;"),
    "without the last group": (
        "logistic",
        "(sums + column, groups, columns);",
        "(sums + column, groups - 1, columns);",
    ),
    "without the last block": ("logistic", "(gridDim.x + groups - 1 - group)", "(gridDim.x - 1 + groups - 1 - group)"),
    "shares of another block": ("logistic", "(size_t)blockIdx.x * columns + column", "column"),
    "another divisor": ("logistic", "/ A(n)", "/ A(n + 1)"),
    "half of the groups": ("columns", "group + half < n", "group + half < n / 2"),
    "no sum over groups": ("columns", "over_groups<Sum>(t", "(t"),
    "a column's shares without the last": ("columns", "? (gridDim.x + groups - 1", "? (gridDim.x - 1 + groups - 1"),
    "another group's shares": ("columns", "own = (size_t)group * columns", "own = (size_t)0 * columns"),
    "a sum for the largest": ("softmax", "over_row<Largest>(s,", "over_row<Sum>(s,"),
    "an entry that is not computed again": ("softmax", "s2 += ", "s2 = "),
    "a row's sum that goes on in the next": ("softmax", "A s2 = Sum::none();", "static A s2 = Sum::none();"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_caught(cp: ModuleType, name: str) -> None:
    model, before, after = MUTATIONS[name]
    plain = compiled(model)[1]
    text = source(MODELS[model])
    assert before in text
    given = arrays(plain, {"n": 1_001, "d": 9, "k": 11})
    given |= {one: 2_000 * given[one] for one in ("B",) if one in given}
    right, wrong = executed(text), executed(text.replace(before, after))
    right._BLOCKS = wrong._BLOCKS = 5
    assert off(cp, right, plain, given, np.float64) < 1e-11
    assert not off(cp, wrong, plain, given, np.float64) < 1e-6


# What becomes one kernel

LINES = {
    "logistic": ["_value_and_grad_1(w.dtype, (n, d),"],
    "softmax": [
        "_matmul(X, W)",
        "_value_and_grad_1(W.dtype, (n, k),",
        "_matmul(X.T, t",
        "_value_and_grad_2(W.dtype, (d*k,),",
    ],
    "layer": ["_matmul(X, W)", "W.dtype, (n, k),", "_matmul(X.T, t"],
}


@pytest.mark.parametrize("name", LINES)
def test_launches(name: str) -> None:
    """Library calls for products of matrices, and all that goes row by row in one kernel."""
    statements = [line for line in body(source(MODELS[name])).split("\n") if "_matmul(" in line or ".dtype" in line]
    for line, words in zip(statements, LINES[name], strict=True):
        assert words in line


def test_logistic_regression_reads_its_data_once() -> None:
    text = source(MODELS["logistic"], ("value_and_grad", "hvp"))
    for function in ("value_and_grad", "hvp"):
        statements = body(text, function)
        assert "_matmul(" not in statements
        readers = [one for one in text.split("= _Kernel(")[1:] if f"void {function}" in one and "X_all" in one]
        assert len(readers) == 1


def test_the_examples() -> None:
    """Cross-entropy of softmax regression: the penalty, the rows of scores, and what follows from x.T @ ..."""
    x, label = sd.Tensor("x", (n, d)), sd.Tensor("label", n, dtype=int)
    weights, bias = sd.Tensor("weights", (d, k)), sd.Tensor("bias", k)
    loss = sd.cross_entropy(x @ weights + bias, label) + sd.sum(weights**2)
    statements = body(source(sd.Model(loss, params=[weights, bias], data=[x, label])))
    assert len(re.findall(r"_value_and_grad_\d\(", statements)) == 3
    assert statements.count("_matmul(") == 2


def test_entries_are_held_against_their_largest_as_they_were() -> None:
    """Computed again, with other roundings, no entry might be the largest."""
    text = source(sd.Model(sd.sum(sd.max(sd.exp(scores) * 3, axis=1)), params=[W, B], data=[X]))
    assert re.search(r"const A (\w+) = \1_all\[i\];[^}]*\(\w+ == \1 \?", text)


def test_what_is_far_from_memory_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than computed again from the start in each of the loops over a row."""
    stored = source(MODELS["a long way"])
    monkeypatch.setattr("symdiff.passes.schedule.fuse._DEEPEST", 1_000)
    again = source(MODELS["a long way"])
    for text in (stored, again):
        assert len(re.findall(r"_value_and_grad_\d\(", body(text))) == 1
    assert stored.count("exp(") < 0.8 * again.count("exp(")


M, K = MatrixSymbol("M", 500, d), MatrixSymbol("K", n, n)
LIBRARY = {
    "more than one column": sd.Model(sd.mean(sd.tanh(X * W)), params=[W], data=[X]),
    "rows that are not the samples": sd.Model(
        sd.mean(y) + sd.sum((M * w).applyfunc(sp.exp)), params=[w], data=[y], constants=[M]
    ),
    "as many columns as rows": sd.Model(sd.mean((K * u).applyfunc(sp.exp)), params=[u], data=[K]),
    "what waits for a sum over samples": sd.Model(sd.norm((X * w).applyfunc(sp.exp)), params=[w], data=[X]),
    "no work but the product": sd.Model(sd.mean(y), params=[y], data=[X], constants=[w], outputs={"product": X * w}),
}


@pytest.mark.parametrize("name", LIBRARY)
def test_what_stays_a_library_call(name: str) -> None:
    text = source(LIBRARY[name])
    assert "_matmul(" in body(text, "product" if "product" in name else "value_and_grad")


@pytest.mark.skipif(nvrtc.MISSING is not None, reason=str(nvrtc.MISSING))
@pytest.mark.parametrize("name", MODELS)
def test_registers(cp: ModuleType, name: str) -> None:
    """Few enough for three blocks of 256 threads on a multiprocessor, two where a row has many values, and none spilled."""
    found = [kernel for kernel in kernels(compiled(name)[0]) if kernel.form in ("rows", "columns")]
    assert found
    for kernel in found:
        for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
            needed = nvrtc.resources(kernel.code(dtype, False), "sm_90")[kernel.name]
            assert needed.spilled == 0
            assert needed.registers <= (128 if name == "a long way" else 80)
