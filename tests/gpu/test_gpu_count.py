"""What a step needs on a GPU is counted right: by hand, and as the stand-in for CuPy sees it; so is the page."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import nvrtc
import pytest
from as_cupy import stand_in
from sympy import HadamardPower, MatrixSymbol, symbols

import symdiff as sd

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the benchmarks are no part of the package

from benchmarks.gpu import counted  # noqa: E402
from benchmarks.gpu.count import Count, count, planned  # noqa: E402

n, d, k = symbols("n d k", integer=True, positive=True)
X, W, Y = MatrixSymbol("X", n, d), MatrixSymbol("W", d, k), MatrixSymbol("Y", n, k)
LINE, PLANE, NET, LOGISTIC, OSCILLATOR, MIXTURE, LENET = counted.EXAMPLES
HESSIAN = counted.ROWS[-1]


def test_the_line_is_one_launch_that_reads_the_samples_once() -> None:
    found = count(planned(LINE.model(), "value_and_grad"), {"N": 1000}, 8)
    assert (found.launches, found.calls) == (1, 0)
    assert (found.read, found.written) == ((2 * 1000 + 2) * 8, 3 * 8)  # x, y, w and b; the value and two derivatives
    assert found.least == found.bytes
    assert found.operations > 1000


def test_a_product_reads_its_operands_and_writes_its_result() -> None:
    model = sd.Model(sd.sum(HadamardPower(X * W - Y, 2)), params=[W], data=[X, Y])
    found = count(planned(model, "value"), {"n": 10, "d": 3, "k": 5}, 4)
    product, kernel = (10 * 3 + 3 * 5, 10 * 5), (2 * 10 * 5, 1)
    least = 10 * 3 + 3 * 5 + 10 * 5 + 1
    operations = 2 * 10 * 3 * 5 + 2 * 10 * 5 + 2 * 10 * 5  # the product, minus and plus, the sum of squares
    assert found == Count(1, 1, 4 * (product[0] + kernel[0]), 4 * (product[1] + kernel[1]), operations, 4 * least)


def test_views_are_not_in_memory() -> None:
    """Of a diagonal its own entries are read, of what is repeated one each, of an array and its transpose one of them."""
    A, v = sd.Tensor("A", (n, n)), sd.Tensor("v", n)
    diagonal = sd.Model(sd.sum(sd.exp(sd.diag(A))), params=[A])
    assert count(planned(diagonal, "value"), {"n": 30}, 8).read == 30 * 8
    repeated = sd.Model(sd.sum(sd.exp(A + v[None, :] * v[:, None] + A.T)), params=[A, v])
    assert count(planned(repeated, "value"), {"n": 30}, 8).read == (30 * 30 + 30) * 8


def test_integers_have_eight_bytes() -> None:
    x, label = sd.Tensor("x", n), sd.Tensor("label", n, dtype=int)
    model = sd.Model(sd.sum(x * label), params=[x], data=[label])
    assert count(planned(model, "value"), {"n": 30}, 4).read == 30 * (4 + 8)


@pytest.fixture(scope="module")
def cp() -> Iterator[ModuleType]:
    """The stand-in for CuPy, as what modules import."""
    with stand_in() as cupy:
        try:
            cupy.compile_all([('extern "C" __global__ void nothing() {}', "nothing")])
        except cupy.CompilerMissing as error:
            pytest.skip(str(error))
        yield cupy


@pytest.fixture
def seen(cp: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts launches of kernels, products of matrices, and copies of arrays that kernels could not read as they lie."""
    found: Counter[str] = Counter()

    def counting(name: str, function: Callable) -> Callable:
        def call(*given, **more):
            found[name] += 1
            return function(*given, **more)

        return call

    def contiguous(array):
        result = original(array)
        found["copies"] += not np.shares_memory(result.host, array.host)
        return result

    original = cp.ascontiguousarray
    monkeypatch.setattr(cp, "ascontiguousarray", contiguous)
    monkeypatch.setattr(cp.RawKernel, "__call__", counting("launches", cp.RawKernel.__call__))
    monkeypatch.setattr(cp.ndarray, "__matmul__", counting("products", cp.ndarray.__matmul__))
    return found


SMALL = {"N": 50, "n": 6, "d": 3, "k": 4, "o": 2, "K": 3}


def step(cp: ModuleType, row: counted.Row) -> None:
    """One call of the function, on small arrays."""
    module = sd.compile(row.model(), backend="cupy", emit=row.function)
    rng = np.random.default_rng(0)
    given = []
    for name in module.SIGNATURE["functions"][row.function]:
        entry = module.SIGNATURE["inputs"][name]
        shape = [SMALL.get(dim, dim) for dim in entry["shape"]]
        given.append(rng.integers(0, 3, shape) if entry["dtype"] == "int" else 0.1 * rng.standard_normal(shape))
    getattr(module, row.function)(*map(cp.asarray, given))


@pytest.mark.parametrize("row", [LINE, PLANE, NET, LOGISTIC, OSCILLATOR, HESSIAN], ids=lambda row: row.title)
def test_what_is_counted_is_what_happens(cp: ModuleType, seen: Counter[str], row: counted.Row) -> None:
    step(cp, row)
    found = count(planned(row.model(), row.function), SMALL, 8)
    assert (seen["launches"], seen["products"], seen["copies"]) == (found.launches, found.calls, 0)


@pytest.mark.parametrize("row", [MIXTURE, LENET], ids=lambda row: row.title)
def test_launches_of_larger_models(cp: ModuleType, seen: Counter[str], row: counted.Row) -> None:
    """Their other calls are of several kinds, and transposed results of products are copied, as the page says."""
    step(cp, row)
    found = count(planned(row.model(), row.function), SMALL, 8)
    assert seen["launches"] == found.launches
    assert 0 < seen["products"] <= found.calls
    assert seen["copies"] > 0


PAGE = (ROOT / "benchmarks" / "gpu.md").read_text()


def test_the_committed_page_has_what_is_counted() -> None:
    for row in counted.steps():
        assert f"{row}\n" in PAGE, "Run python -m benchmarks.gpu --count."
    named = [f"\n| {title}: `{name}` | {dtype.__name__} |" for title, name, dtype, _ in counted.listed()]
    assert all(name in PAGE for name in named), "Run python -m benchmarks.gpu --count."
    assert PAGE.count(": `") == len(named)


@pytest.mark.skipif(f"NVRTC {nvrtc.VERSION} " not in PAGE, reason="the page is of another version of the compiler")
def test_the_committed_page_has_what_the_compiler_says() -> None:
    assert "\n".join(counted.kernels()) in PAGE, "Run python -m benchmarks.gpu --count."
