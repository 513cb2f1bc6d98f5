"""CuPy modules without a GPU: their kernels run on the CPU, and are compiled to a GPU's machine code."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import compile_examples
import numpy as np
import nvrtc
import pytest
import sympy as sp
from as_cupy import stand_in
from catalogue import Case
from gpu_rows import PARTS, differences, differences_captured, flat, kernels, modules, on_device, part_of_the_catalogue
from sympy import MatrixSymbol

import symdiff as sd
from symdiff.compare import compare
from symdiff.errors import UnsupportedError

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*without data over the samples"),
    pytest.mark.filterwarnings("ignore:.*nothing depends on it"),
]
n, d, k = sp.symbols("n d k", integer=True, positive=True)
X, Y, W = MatrixSymbol("X", n, d), MatrixSymbol("Y", n, k), MatrixSymbol("W", d, k)
B = MatrixSymbol("B", 1, k)
w, b, x, y = sp.symbols("w b x y")


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


def compile_together(cp: ModuleType, cases: tuple[Case, ...], wide: bool = False) -> None:
    """One run of the compiler for the kernels of many modules."""
    found = [kernel for case in cases for kernel in kernels(modules(case)[0])]
    dtypes = (np.dtype(np.float32), np.dtype(np.float64))
    cp.compile_all([(kernel.code(dtype, wide), kernel.name) for kernel in found for dtype in dtypes])


@pytest.mark.parametrize("number", range(PARTS))
def test_the_catalogue_as_on_numpy(cp: ModuleType, number: int) -> None:
    """No function waits for the device, with any number of threads in a block."""
    cases = part_of_the_catalogue(number)
    compile_together(cp, cases)
    found = []
    for case in cases:
        for dtype in (np.float64, np.float32):
            found += differences(cp, case, (1, 32, 33, 256), dtype)
    captured = [differences_captured(cp, case, np.float64) for case in cases]
    found += [text for texts in captured for text in texts or ()]
    assert not found, "\n".join(found[:20])
    assert captured.count(None) < len(cases) / 3


@pytest.mark.skipif(nvrtc.MISSING is not None, reason=str(nvrtc.MISSING))
@pytest.mark.parametrize("number", range(PARTS))
def test_the_catalogue_compiles_for_a_gpu(cp: ModuleType, number: int) -> None:
    """All kernels to machine code: single precision for sm_80, double for sm_90, each counting in 32 and in 64 bits."""
    sources = {}
    for case in part_of_the_catalogue(number):
        for kernel in kernels(modules(case)[0]):
            sources.setdefault(re.sub(rf"\b{kernel.name}\b", "kernel", kernel.source), kernel)
    for dtype, wide, architecture in ((np.float32, True, "sm_80"), (np.float64, False, "sm_90")):
        source = nvrtc.together([*sources.values()], np.dtype(dtype), wide)
        code, _ = nvrtc.cubin(source, architecture, ("--Ofast-compile=max",))
        assert code.startswith(b"\x7fELF")
        assert all(nvrtc.mangled(*found) in code for found in enumerate(sources.values()))


def models_in(value: object) -> list[sd.Model]:
    """The models of a module, also those in lists and dictionaries."""
    if isinstance(value, sd.Model):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [model for part in parts for model in models_in(part)]


@pytest.mark.skipif(nvrtc.MISSING is not None, reason=str(nvrtc.MISSING))
@pytest.mark.parametrize("name", compile_examples.EMIT)
def test_every_example_compiles_for_a_gpu(cp: ModuleType, name: str, example) -> None:
    found = dict.fromkeys(models_in(dict(vars(example(name, "model")))))
    made = [sd.compile(model, backend="cupy", emit=compile_examples.EMIT[name]) for model in found]
    every = [kernel for module in made for kernel in kernels(module)]
    assert len(every) > len(found)
    for dtype, architecture in ((np.float64, "sm_80"), (np.float32, "sm_90")):
        source = nvrtc.together(every, np.dtype(dtype), False)
        code, _ = nvrtc.cubin(source, architecture, ("--Ofast-compile=max",))
        assert all(nvrtc.mangled(*found) in code for found in enumerate(every))


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 700, 2), (5_000, 3, 300), (70_000, 2, 7)], ids=str)
def test_any_sizes(cp: ModuleType, shape: tuple[int, int, int]) -> None:
    """More rows, columns and entries than one block has threads, and than one pass of all blocks."""
    logits = sd.exp(X * W / 9) + sp.OneMatrix(n, 1) * B
    penalty = sd.sum(sp.HadamardPower(sd.mean(logits, axis=0), 3)) + sd.max(logits) - sd.norm(W)
    model = sd.Model(sd.mean(sp.HadamardPower(sd.logsumexp(logits, axis=1), 2)) + penalty, params=[W, B], data=[X])
    rows, inner, columns = shape
    rng = np.random.default_rng(0)
    given = [rng.standard_normal(size) for size in ((inner, columns), (1, columns), (rows, inner))]
    plain, module = (sd.compile(model, backend=backend, emit="value_and_grad") for backend in ("numpy", "cupy"))
    value, gradient = module.value_and_grad(*(on_device(cp, a) for a in given))
    expected, parts = plain.value_and_grad(*given)
    for one, other in zip((value, *gradient), (expected, *parts), strict=True):
        np.testing.assert_allclose(one.get(), other, rtol=1e-11, atol=1e-11 * np.abs(other).max())
    module._BLOCKS, module._WIDTH = 3, 33
    other_value, _ = module.value_and_grad(*(on_device(cp, a) for a in given))
    np.testing.assert_allclose(other_value.get(), value.get(), rtol=1e-12)


MUTATIONS = {
    "a sign": ("A t1 = t", "A t1 = -t"),
    "a sum that starts at 1": ("{ return 0; }", "{ return 1; }"),
    "a sum without the last block's share": ("block < gridDim.x;", "block + 1 < gridDim.x;"),
    "a largest that is the smallest": ("return a > b ||", "return a < b ||"),
    "a wrong axis": ("B_all[column]", "B_all[0]"),
    "half of the lanes": ("lane + half < n", "lane + half < n / 2"),
    "a missing entry": ("column < columns; column", "column < columns - 1; column"),
    "a dropped factor": ("exp(", "(1 + "),
    "a shorter loop": ("i < count; i +=", "i < count - 1; i +="),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_of_kernels_are_caught(cp: ModuleType, name: str) -> None:
    """Softmax regression: rows, columns and sums of all entries."""
    scores = X * W + sp.OneMatrix(n, 1) * B
    loss = sd.mean(sd.logsumexp(scores, axis=1)) - sd.sum(sp.HadamardProduct(Y, scores)) / n
    model = sd.Model(loss, params=[W, B], data=[X, Y], name="softmax")
    source = sd.compile(model, backend="cupy", emit="value_and_grad").__loader__.source
    before, after = MUTATIONS[name]
    assert before in source
    rng = np.random.default_rng(0)
    given = [rng.standard_normal(shape) for shape in ((4, 5), (1, 5), (600, 4), (600, 5))]
    given[0] *= 300  # exponentials overflow where the largest is not taken off
    wanted, parts = sd.compile(model).value_and_grad(*given)
    off = []
    for text in (source, source.replace(before, after)):
        module = ModuleType("mutated")
        exec(compile(text, "mutated", "exec"), module.__dict__)
        value, gradient = module.value_and_grad(*(on_device(cp, a) for a in given))
        pairs = zip((value, *gradient), (wanted, *parts), strict=True)
        off.append(np.max([np.abs(one.get() / other - 1).max() for one, other in pairs]))
    assert off[0] < 1e-9
    assert not off[1] < 1e-6


SPECIAL = {
    name: make(sp.Symbol("x"))
    for name, make in {
        "gamma": sp.gamma, "loggamma": sp.loggamma, "digamma": sp.digamma, "polygamma": lambda x: sp.polygamma(2, x),
        "beta": lambda x: sp.beta(x, x + 1), "erf": sp.erf, "erfc": sp.erfc, "erfinv": lambda x: sp.erfinv(x / 9),
        "zeta": lambda x: sp.zeta(x + 2, x + 1), "riemann zeta": lambda x: sp.zeta(x + 2),
        "binomial": lambda x: sp.binomial(x + 3, x),
        "Ei": sp.Ei, "Si": sp.Si, "Ci": sp.Ci, "Chi": sp.Chi, "LambertW": sp.LambertW, "K": lambda x: sp.elliptic_k(x / 9),
        "lower gamma": lambda x: sp.lowergamma(2, x), "F": lambda x: sp.elliptic_f(x, sp.Rational(1, 3)),
    }.items()
}  # fmt: skip


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions(cp: ModuleType, name: str) -> None:
    model = sd.Model(w * SPECIAL[name], params=[w], constants=[x])
    points = np.linspace(0.5, 2.5, 7)
    for style in ("fast", "plain"):
        module = sd.compile(model, backend="cupy", emit="value", style=style)
        np.testing.assert_allclose(
            module.value(2.0, cp.asarray(points)).get(), sd.compile(model).value(2.0, points), rtol=1e-12
        )


@pytest.mark.parametrize("function", [sp.besselj, sp.jn])
def test_functions_that_cupy_lacks_are_refused(function) -> None:
    model = sd.Model(function(sp.Rational(1, 3), x) + function(2, x), params=[x])
    with pytest.raises(UnsupportedError, match=r"which cupyx.scipy.special does not have: compile for numpy, or"):
        sd.compile(model, backend="cupy")


@pytest.mark.parametrize("math", ["exact", "fast"])
def test_sine_and_cosine_together(cp: ModuleType, math: str) -> None:
    """By one function of CUDA, which is as fast as it gets: with math="fast" it is no other."""
    model = sd.Model(sd.mean((sp.sin(w * x + b) + sp.cos(w * x + b) - y) ** 2), params=[w, b], data=[x, y])
    module = sd.compile(model, backend="cupy", math=math, emit="value_and_grad")
    assert module.__loader__.source.count("= sine_and_cosine(") == 1
    assert " tan(" not in module.__loader__.source
    rng = np.random.default_rng(0)
    given = [np.float64(3.0), np.float64(0.5), 9 * rng.standard_normal(1_000), rng.standard_normal(1_000)]
    value, gradient = sd.compile(model).value_and_grad(*given)
    found, other = module.value_and_grad(*(cp.asarray(one) for one in given))
    for one, two in zip((found, *other), (value, *gradient), strict=True):
        np.testing.assert_allclose(one.get(), two, rtol=1e-11)


# Bad input

LINE = sd.Model(sd.mean((w * x + b - y) ** 2), params=[w, b], data=[x, y], name="line")


@pytest.fixture
def line(cp: ModuleType) -> ModuleType:
    return sd.compile(LINE, backend="cupy")


def test_arguments_as_they_come(cp: ModuleType, line: ModuleType) -> None:
    """Views, integers, Python and NumPy scalars, arrays of other libraries on the device; the results stay there."""

    class Foreign:
        def __init__(self, array):
            self.array, self.__cuda_array_interface__ = array, array.__cuda_array_interface__

    xs, ys = cp.arange(24.0), 2 * cp.arange(24.0) + 1
    expected = line.value(cp.asarray(0.5), cp.asarray(0.0), xs[::2], ys[::2]).get()
    several = [
        (0.5, 0, xs[::2], ys[::2]),
        (np.float64(0.5), np.int64(0), xs[::2].copy(), Foreign(ys[::2].copy())),
        (cp.asarray(0.5), cp.asarray(0), cp.arange(0, 24, 2), ys.reshape(12, 2)[:, 0]),
    ]
    for given in several:
        value = line.value(*given)
        assert isinstance(value, cp.ndarray)
        assert (value.shape, value.dtype) == ((), np.float64)
        assert value.get() == expected
    assert line.value(0.5, 0.0, xs.astype(np.float32), ys.astype(np.float32)).dtype == np.float32


def test_wrong_arguments_say_what_to_do(cp: ModuleType, line: ModuleType) -> None:
    xs = cp.arange(3.0)
    with pytest.raises(TypeError, match=r"x is a numpy.ndarray in the memory of the host: .* cupy.asarray\(x\)"):
        line.value(1.0, 0.0, np.arange(3.0), xs)
    with pytest.raises(TypeError, match=r"y is a list in the memory of the host"):
        line.value(1.0, 0.0, xs, [1, 2, 3])
    with pytest.raises(ValueError, match=r"y has shape \(4,\), expected shape \(N,\) with N = 3 from x"):
        line.value(1.0, 0.0, xs, cp.arange(4.0))
    with pytest.raises(TypeError, match=r"x has dtype complex128"):
        line.value(1.0, 0.0, xs.astype(complex), xs)


def test_arrays_on_other_devices(cp: ModuleType, line: ModuleType) -> None:
    here = cp.arange(3.0)
    with cp.cuda.Device(1):
        there = cp.arange(3.0)
        assert float(line.value(1.0, 0.0, there, there)) == 0
    with pytest.raises(
        ValueError, match=r"y is on <CUDA Device 1>, x on <CUDA Device 0>: put all arrays on one device"
    ):
        line.value(1.0, 0.0, here, there)
    with pytest.raises(
        ValueError, match=r"x is on <CUDA Device 1>, but work goes to <CUDA Device 0>: call this within `with"
    ):
        line.value(1.0, 0.0, there, there)


def test_a_driver_that_is_too_old(cp: ModuleType, line: ModuleType, monkeypatch) -> None:
    def refuse() -> int:
        raise cp.cuda.runtime.CUDARuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient")

    monkeypatch.setattr(cp.cuda.runtime, "getDeviceCount", refuse)
    with pytest.raises(
        TypeError, match=r"no GPU that it can use, though \(cudaErrorInsufficientDriver.*driver is too old"
    ):
        line.value(1.0, 0.0, np.arange(3.0), np.arange(3.0))


def test_too_little_memory_says_what_would_do(cp: ModuleType) -> None:
    model = sd.Model(sd.mean(sd.relu(X * W)), params=[W], data=[X], name="layer")
    module = sd.compile(model, backend="cupy")
    given = [on_device(cp, np.ones(shape)) for shape in ((3, 50), (1_000, 3))]
    with (
        cp.memory_of(100_000),
        pytest.raises(cp.cuda.memory.OutOfMemoryError, match="allocating 400,000 bytes") as caught,
    ):
        module.value_and_grad(*given)
    (note,) = caught.value.__notes__
    count, whole = (int(text) for text in re.findall(r"call it with (\d+) of the (\d+) samples at a time", note)[0])
    assert whole == 1_000
    assert re.match(r"value_and_grad takes up to 0\.\d+ GB beside its arguments; 0\.0001 of 17.2 GB are free", note)
    with cp.memory_of(100_000):
        parts = [module.value(given[0], given[1][start : start + count]) for start in range(0, 1_000, count)]
    assert len(parts) > 4
    with cp.memory_of(10), pytest.raises(cp.cuda.memory.OutOfMemoryError) as caught:
        module.value(W=given[0], X=given[1])
    assert "too little for a single sample" in caught.value.__notes__[0]


def test_too_little_memory_for_points(cp: ModuleType) -> None:
    module = sd.compile(sd.Model(sp.exp(x * y), params=[x, y]), backend="cupy", emit=("value_and_grad", "hvp"))
    points = cp.ones((100, 10))
    for function, more in ((module.value_and_grad, ()), (module.hvp, ((points, points),))):
        with cp.memory_of(6_000), pytest.raises(cp.cuda.memory.OutOfMemoryError) as caught:
            function(points, 2.0, *more)
        assert re.search(r"call it with \d+ of the 1000 samples at a time", caught.value.__notes__[0])


def test_inputs_stay_as_they_are(cp: ModuleType, line: ModuleType) -> None:
    given = [cp.asarray(1.5), cp.asarray(0.5), cp.arange(5.0), cp.ones(5)]
    before = [a.get() for a in given]
    first = line.value_and_grad(*given)[1].w.get()
    np.testing.assert_array_equal(line.value_and_grad(*given)[1].w.get(), first)
    for one, other in zip(given, before, strict=True):
        np.testing.assert_array_equal(one.get(), other)


def test_without_cupy_a_module_says_what_is_missing(tmp_path: Path) -> None:
    sd_source = sd.generate(LINE, sd.options.Options.create(backend="cupy")).source
    (tmp_path / "line_cupy.py").write_text(sd_source)
    code = f"""
        import sys
        sys.modules["cupy"] = None
        sys.path.insert(0, {str(tmp_path)!r})
        import line_cupy
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert (
        "This module computes on a GPU with CuPy, which is not installed: pip install 'cupy-cuda12x[ctk]'" in run.stderr
    )


# Examples

EXAMPLES = {
    "two_layer_net": "net",
    "linear_regression": "line",
    "logistic_regression": "logistic",
    "softmax_regression": "softmax",
    "stencil": "heat",
    "gaussian_process": "process",
    "matrix_factorization": "factorization",
    "diabetes": "ridge",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_agree_with_autograd(cp: ModuleType, name: str, example) -> None:
    found = vars(example(name, "model")).values()
    model = next(value for value in found if isinstance(value, sd.Model) and value.name == EXAMPLES[name])
    comparison = compare(model, against=["torch"], backend="cupy")
    assert comparison.agrees, str(comparison)


@pytest.mark.parametrize("name", ["autograd_basics", "curve_fitting", "damped_oscillator", "quadratic_fit"])
def test_examples_of_many_models_are_those_of_numpy(cp: ModuleType, name: str, example) -> None:
    found = dict.fromkeys(models_in(dict(vars(example(name, "model")))))
    both = [[sd.compile(model, backend=backend) for backend in ("numpy", "cupy")] for model in found]
    every = [kernel for _, module in both for kernel in kernels(module)]
    cp.compile_all([(kernel.code(np.dtype(float), False), kernel.name) for kernel in every])
    rng = np.random.default_rng(0)
    for plain, module in both:
        inputs = plain.SIGNATURE["inputs"]
        shapes = {
            entry: [dim if isinstance(dim, int) else 5 for dim in given["shape"]] for entry, given in inputs.items()
        }
        drawn = {entry: rng.uniform(0.5, 1.5, shape) for entry, shape in shapes.items()}
        functions = [function for function in plain.SIGNATURE["functions"] if not function.endswith("vjp")]
        assert functions
        for function in functions:
            given = [drawn[argument] for argument in plain.SIGNATURE["functions"][function]]
            wanted = flat(getattr(plain, function)(*given))
            got = flat(getattr(module, function)(*(on_device(cp, one) for one in given)))
            for one, other in zip(got, wanted, strict=True):
                np.testing.assert_allclose(
                    one.get(), other, rtol=1e-10, atol=1e-13, err_msg=f"{module.__name__}: {function}"
                )


@pytest.mark.parametrize("name", ["lenet", "gaussian_mixture", "attention"])
def test_large_examples_are_those_of_numpy(cp: ModuleType, name: str, example) -> None:
    models = [value for value in vars(example(name, "model")).values() if isinstance(value, sd.Model)]
    plain, module = (sd.compile(models[0], backend=backend) for backend in ("numpy", "cupy"))
    sizes = {"n": 3, "K": 4, "d": 3, "t": 4, "c": 3}
    rng = np.random.default_rng(0)
    given = []
    for entry in plain.SIGNATURE["inputs"].values():
        shape = [sizes.get(dim, dim) for dim in entry["shape"]]
        given.append(rng.integers(0, 3, shape) if entry["dtype"] == "int" else 0.3 * rng.standard_normal(shape))
    value, gradient = plain.value_and_grad(*given)
    other_value, other = module.value_and_grad(*(on_device(cp, a) for a in given))
    for one, two in zip((other_value, *other), (value, *gradient), strict=True):
        np.testing.assert_allclose(one.get(), two, rtol=1e-9, atol=1e-11)


def test_the_largest_of_arrays_with_different_axes(cp: ModuleType) -> None:
    """A matrix, a row and a column: each is read along its own axes."""
    i, j = sp.Idx("i", n), sp.Idx("j", d)
    shapes = {"M": (n, d), "r": (d,), "c": (n,)}
    whole, row, column = (sp.IndexedBase(name, shape=shape) for name, shape in shapes.items())
    largest = sp.Sum(sp.Max(whole[i, j], row[j], column[i]), (i, 0, n - 1), (j, 0, d - 1))
    module = sd.compile(sd.Model(largest, params=[whole, row, column]), backend="cupy", emit="value")
    rng = np.random.default_rng(0)
    values = [rng.normal(size=shape) for shape in ((4, 4), (4,), (4,))]
    wanted = np.maximum(np.maximum(values[0], values[1]), values[2][:, None]).sum()
    np.testing.assert_allclose(module.value(*map(cp.asarray, values)).get(), wanted, rtol=1e-14)


def test_second_derivatives_of_determinants_some_singular(cp: ModuleType) -> None:
    Q, r = sd.Tensor("Q", (n, d, d)), np.random.default_rng(0)
    model = sd.Model(sd.sum(sd.det(Q) ** 2), params=[Q])
    emit = ("grad", "hessian", "hvp")
    ours, theirs = (sd.compile(model, backend=backend, emit=emit) for backend in ("cupy", "numpy"))
    q, direction = r.standard_normal((4, 3, 3)), (r.standard_normal((4, 3, 3)),)
    q[0], q[1] = np.arange(9).reshape(3, 3), np.outer([1, 2, 3], [1, 0, 2])
    for function, more in (("grad", ()), ("hessian", ()), ("hvp", (direction,))):
        found = getattr(ours, function)(*on_device(cp, (q, *more)))
        for mine, their in zip(flat(found), flat(getattr(theirs, function)(q, *more)), strict=True):
            np.testing.assert_allclose(cp.asnumpy(mine), their, atol=1e-12)
