"""Parts of the samples on threads: the same results as straight-line code, the same bits for any number of threads."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sympy as sp
from catalogue import ALL, Case
from hypothesis import given, settings, strategies as st
from sympy import HadamardPower, MatrixSymbol, OneMatrix, exp, symbols
from threadpoolctl import threadpool_info

import symdiff as sd

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*without data over the samples"),
    pytest.mark.filterwarnings("ignore:.*nothing depends on it"),
]
w, b, x, y = symbols("w b x y")
n, d, k = symbols("n d k", integer=True, positive=True)
X, Y, W = MatrixSymbol("X", n, d), MatrixSymbol("Y", n, k), MatrixSymbol("W", d, k)
scores = X * W
MODELS = {
    "one pass": sd.Model(sd.mean((w * exp(x) + b - y) ** 2), params=[w, b], data=[x, y]),
    "two passes": sd.Model(sd.mean((x - sd.mean(x) * w) ** 2 * y), params=[w, b], data=[x, y]),
    "three passes": sd.Model(sd.sum((x - sd.mean((x - sd.mean(x)) ** 2 * w)) ** 2) * b, params=[w, b], data=[x, y]),
    "extremes": sd.Model(sd.max(w * x) * sd.min(b * y + x) + sd.logsumexp(w * x * y), params=[w, b], data=[x, y]),
    "norm and product": sd.Model(sd.norm(w * x - y) + sd.prod(1 + (b * x) ** 2 / 9), params=[w, b], data=[x, y]),
    "regression": sd.Model(sd.mean(HadamardPower(sd.tanh(scores) - Y, 2)), params=[W], data=[X, Y]),
    "a product kept for a second pass": sd.Model(
        sd.sum(HadamardPower(scores - OneMatrix(n, 1) * sd.mean(sd.exp(scores), axis=0), 2)), params=[W], data=[X]
    ),
    "results of each sample": sd.Model(outputs={"out": sd.softmax(scores)}, params=[W], data=[X]),
}


def both(model: sd.Model, **options):
    """The module that works in parts, and the straight-line one."""
    return [sd.compile(model, style=style, cache=False, **options) for style in ("fast", "plain")]


def flat(result):
    """The arrays of a result, however nested."""
    return [part for entry in result for part in flat(entry)] if isinstance(result, tuple) else [result]


def drawn(module, function, count, seed=0):
    """Arguments of a function, with so many samples."""
    rng = np.random.default_rng(seed)
    sizes = {"n": count, "N": count, "d": 3, "k": 2}
    entries = module.SIGNATURE["inputs"]
    shapes = [
        [sizes.get(dim, dim) for dim in entries[name]["shape"]] for name in module.SIGNATURE["functions"][function]
    ]
    return [rng.uniform(0.2, 1.2, shape)[()] for shape in shapes]


def agree(mine, theirs, tolerance=3e-13):
    for one, other in zip(flat(mine), flat(theirs), strict=True):
        assert one.dtype == other.dtype
        assert np.shape(one) == np.shape(other)
        scale = max(1.0, np.abs(other).max(initial=0))
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale)


def scratch_of(module):
    """The arrays that this thread keeps to compute in."""
    return list(vars(module._SCRATCH).get("arrays", {}).values()) if hasattr(module, "_SCRATCH") else []


@pytest.mark.parametrize("case", ALL, ids=str)
def test_every_row_of_the_catalogue_in_parts(case: Case, monkeypatch):
    monkeypatch.setattr("symdiff.codegen.module._FEWEST", 1)  # pointwise models however small
    parts, plain = both(case.model(), emit=case.emit)
    if not hasattr(parts, "_Threads"):
        return
    parts._ENTRIES = 4 if parts.SIGNATURE["pointwise"] else 24
    parts._LEAST = 0  # bytes of what is computed in scratch
    parts.set_threads(1)  # whose scratch is then this thread's
    functions = [name for name in parts.SIGNATURE["functions"] if not name.endswith(("jvp", "vjp", "hvp"))]
    for dtype, tolerance in ((np.float64, 3e-13), (np.float32, 1e-4)):
        arrays = case.arrays(dtype)
        for function in functions:
            given = [arrays[name] for name in parts.SIGNATURE["functions"][function]]
            found = getattr(parts, function)(*given)
            for array in scratch_of(parts):
                array.view(np.uint8)[:] = 255  # no result is there, and no later one may depend on it
            agree(found, getattr(plain, function)(*given), tolerance)


def test_much_of_the_catalogue_is_done_in_parts():
    assert sum(hasattr(sd.compile(case.model(), emit=case.emit), "_Threads") for case in ALL) > 80


m = symbols("m", integer=True, positive=True)
i, j = symbols("i j", integer=True)
bases = {
    name: sp.IndexedBase(name, shape=shape)
    for name, shape in {"u": (n,), "z": (n + 1,), "A": (n, n + 1), "B": (n, m)}.items()
}
u, z, A, B = bases.values()
T, T1, TA = sd.Tensor("u", n), sd.Tensor("z", n + 1), sd.Tensor("A", (n, n + 1))
K = sd.Tensor("K", m, dtype=int)
BESIDE = {  # the number of samples is also a position, or in the size of another axis
    "entries of a longer array": ([u, z], sp.Sum(sp.sin(w * u[i] * z[i]), (i, 0, n - 1))),
    "a slice of a longer tensor": ([T, T1], sd.sum(sd.sin(w * T * T1[:-1]))),
    "the later entries": ([T, T1], sd.sum(sd.sin(w * T * T1[1:]))),
    "an entry at the end of another axis": ([TA], sd.sum(sd.sin(w * TA[:, -1]))),
    "a slice of another axis": ([TA], sd.sum(sd.sin(w * TA[:, :-2]))),
    "the entry at that position": ([A], sp.Sum(sp.sin(w * A[i, n]), (i, 0, n - 1))),
    "sums up to it": ([A], sp.Sum(sp.sin(w * A[i, j]), (i, 0, n - 1), (j, 1, n - 2))),
    "a position on an axis of its own size": ([B], sp.Sum(sp.sin(w * B[i, n - 1]), (i, 0, n - 1))),
    "positions of samples": ([T, K], sd.sum(sd.sin(w * T * sd.sum(sd.one_hot(K, n), axis=0)))),
    "all pairs": ([T], sd.sum(sd.sin(w * (T[:, None] - T[None, :])))),
    "running sums": ([u], sp.Sum(sp.sin(w * sp.Sum(u[j], (j, 0, i))), (i, 0, n - 1))),
    "neighbours": ([T], sd.sum((T[1:] - w * T[:-1]) ** 2)),
}


@pytest.mark.parametrize("name", BESIDE)
def test_where_the_number_of_samples_is_more_than_an_axis(name):
    data, objective = BESIDE[name]
    model = sd.Model(objective, params=[w], data=data, samples=n)
    parts, plain = both(model, emit=("value", "grad", "hessian"))
    parts._ENTRIES = 24
    rng = np.random.default_rng(0)
    drawn_ = {
        "u": rng.standard_normal(40), "z": rng.standard_normal(41), "A": rng.standard_normal((40, 41)),
        "B": rng.standard_normal((40, 60)), "K": np.array([1, 30, 39, 5]),
    }  # fmt: skip
    given_ = [0.3, *(drawn_[name] for name in plain.SIGNATURE["functions"]["value"][1:])]
    for function in ("value", "grad", "hessian"):
        agree(getattr(parts, function)(*given_), getattr(plain, function)(*given_))


@pytest.mark.parametrize("name", MODELS)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_any_number_of_samples(name, data):
    parts, plain = compiled(name)
    rows = data.draw(st.integers(1, 9), "rows")
    count = data.draw(
        st.sampled_from([1, rows - 1, rows, rows + 1, 2 * rows, 3 * rows + 1, 40]).filter(bool), "samples"
    )
    parts._ENTRIES = 4 * rows
    for function in ("value", "grad", "hessian", "out", "out_jacobian"):
        if hasattr(parts, function):
            given = drawn(parts, function, count, seed=count)
            agree(getattr(parts, function)(*given), getattr(plain, function)(*given))


_compiled: dict[str, list] = {}


def compiled(name):
    if name not in _compiled:
        _compiled[name] = both(MODELS[name], emit=("value", "grad", "hessian", "jacobian"))
        _compiled[name][0]._LEAST = 0  # bytes of what is computed in scratch
        assert hasattr(_compiled[name][0], "_over_blocks")
    return _compiled[name]


@pytest.mark.parametrize("name", MODELS)
def test_the_same_bits_for_any_number_of_threads(name):
    parts, _ = both(MODELS[name])
    parts._ENTRIES = 2048
    function = "grad" if hasattr(parts, "grad") else "out"
    given = drawn(parts, function, 20_000)
    found = []
    for count in (1, 2, 4):
        parts.set_threads(count)
        found.append(flat(getattr(parts, function)(*given)))
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def module_of_many_parts():
    module = sd.compile(MODELS["regression"], cache=False)
    module._ENTRIES = 256
    return module, drawn(module, "grad", 3_000)


def test_blas_has_its_threads_again_afterwards():
    module, given = module_of_many_parts()
    np.ones((9, 9)) @ np.ones((9, 9))
    before = [(entry["filepath"], entry["num_threads"]) for entry in threadpool_info() if entry["user_api"] == "blas"]
    with ThreadPoolExecutor(4) as callers:
        results = list(callers.map(lambda _: flat(module.grad(*given)), range(16)))
    assert before == [(e["filepath"], e["num_threads"]) for e in threadpool_info() if e["user_api"] == "blas"]
    for other in results[1:]:
        np.testing.assert_array_equal(results[0][0], other[0])


def _in_child(queue, module, given):
    queue.put(module.grad(*given).W)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_forked_process_has_threads_of_its_own():
    module, given = module_of_many_parts()
    module.set_threads(2)
    expected = module.grad(*given).W
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue, module, given))
    child.start()
    np.testing.assert_array_equal(queue.get(timeout=60), expected)
    child.join()


def test_errors_and_their_settings_reach_every_thread():
    model = sd.Model(sd.sum(sd.log(X * W)), params=[W], data=[X])
    module = sd.compile(model, cache=False)
    module._ENTRIES = 64
    module.set_threads(2)
    values = np.ones((1_000, 3))
    values[700] = 0
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        module.value(np.ones((3, 2)), values)
    with np.errstate(divide="ignore"):
        assert module.value(np.ones((3, 2)), values) == -np.inf
    assert np.isfinite(module.value(np.ones((3, 2)), np.ones((1_000, 3))))


def test_parts_are_combined_in_their_order_whoever_is_done_first():
    module, _ = module_of_many_parts()
    module.set_threads(3)
    combined, busy = [], threading.Event()

    def part(number):
        if number == 0:
            assert busy.wait(60)  # until another thread has done all the rest
        if number == 40:
            busy.set()
        return 10 * number

    module._THREADS.run(part, range(41), lambda number, found: combined.append((number, found)))
    assert combined == [(number, 10 * number) for number in range(41)]


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", None])
def test_a_wrong_number_of_threads_is_refused(count):
    module = sd.compile(MODELS["one pass"], cache=False)
    with pytest.raises(ValueError, match="expected a whole number from 1"):
        module.set_threads(count)


def test_data_larger_than_memory(tmp_path):
    """30 million samples in files, with 150 MB to compute in: straight-line code has no room for its temporaries."""
    pytest.importorskip("resource")
    source = f"""
        import resource, sys
        import numpy as np
        sys.path.insert(0, {str(tmp_path)!r})
        import fit_numpy as module
        module.set_threads(2)
        x, y = (np.memmap({str(tmp_path)!r} + "/" + name, float, "r", shape=(30_000_000,)) for name in "xy")
        small = module.value_and_grad(0.5, 0.25, x[:200_000], y[:200_000])
        with open("/proc/self/status") as status:
            used = next(int(line.split()[1]) for line in status if line.startswith("VmData")) * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (used + 150_000_000,) * 2)
        value, grad = module.value_and_grad(0.5, 0.25, x, y)
        print(value, grad.w, grad.b)
    """
    if sys.platform != "linux":
        pytest.skip("the limit is one of Linux")
    for name in "xy":
        np.memmap(tmp_path / name, float, "w+", shape=(30_000_000,)).flush()  # zeros, which take no room on the disk
    outcomes = {}
    for style in ("fast", "plain"):
        model = sd.Model(sd.mean((w * exp(x) + b - y) ** 2), params=[w, b], data=[x, y], name="fit")
        (tmp_path / "fit_numpy.py").write_text(sd.compile(model, style=style, cache=False).__loader__.source)
        outcomes[style] = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True, check=False
        )
    assert outcomes["fast"].returncode == 0, outcomes["fast"].stderr
    np.testing.assert_allclose([float(part) for part in outcomes["fast"].stdout.split()], [0.5625, 1.5, 1.5], rtol=1e-9)
    assert "MemoryError" in outcomes["plain"].stderr


WAVES = (sp.sin, sp.cos, sp.erf, sp.erfc, lambda e: sp.exp(sp.sin(e)), lambda e: sp.erf(e) + sp.cos(e))


@pytest.mark.parametrize("extreme", [sd.max, sd.min])
@pytest.mark.parametrize("function", WAVES)
def test_what_is_held_against_its_largest_entry_is_computed_once(function, extreme):
    """Computed again in another pass, by a helper for other sizes or together with others, its last bit could differ."""
    model = sd.Model(extreme((X * W).applyfunc(function)), params=[W], data=[X])
    plain, module = (sd.compile(model, style=style, cache=False) for style in ("plain", "fast"))
    rng = np.random.default_rng(0)
    for count in (3, 150, 1_500, 4_000):
        for entries in (50, 2_000, 10**6):
            module._ENTRIES = entries
            w, x = 0.3 * rng.standard_normal((3, 2)), rng.standard_normal((count, 3))
            np.testing.assert_allclose(module.grad(w, x).W, plain.grad(w, x).W, rtol=1e-9, atol=1e-12)
