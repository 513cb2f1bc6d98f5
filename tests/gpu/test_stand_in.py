"""The stand-in for CuPy runs kernels as a GPU would, and refuses what CuPy or a GPU would refuse."""

from __future__ import annotations

import inspect
import json
import math
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import nvrtc
import pytest
from as_cupy import stand_in
from kernel_sources import SHUFFLES, SOURCES, TOTAL

with stand_in():
    import cupy as cp
    import cupyx
    import cupyx.scipy.linalg
    import cupyx.scipy.special
    import names_of_cupy
    from cupy import _kernel

    MODULES = {name: sys.modules[name] for name in sys.modules if name.split(".")[0] in ("cupy", "cupyx")}


@pytest.fixture(autouse=True, scope="module")
def _as_cupy():
    with stand_in(MODULES):
        yield


compiled = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")


def one_line(statement, parameters="double* x", name="line"):
    """A kernel of one statement, or a few."""
    return f'extern "C" __global__ void {name}({parameters}) {{ int t = threadIdx.x; {statement} }}'


def run(statement, *arguments, grid=(1,), block=(1,), parameters="double* x"):
    cp.RawKernel(one_line(statement, parameters), "line")(grid, block, arguments)


# ---- Kernels


@compiled
@pytest.mark.parametrize("block", [1, 32, 33, 256])
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=str)
def test_elementwise(dtype, block):
    x = np.linspace(-2, 3, 1001).astype(dtype)
    kernel = cp.RawKernel(SOURCES[f"elementwise in {'float' if dtype == np.float32 else 'double'}"], "bend")
    y = cp.empty_like(cp.asarray(x))
    kernel((-(-x.size // block),), (block,), (cp.asarray(x), y, dtype(0.7), x.size))
    with np.errstate(invalid="ignore"):
        expected = np.where(x > 0, np.log1p(np.exp(-dtype(0.7) * x)), dtype(0.7) * x + np.abs(x) ** dtype(1.5))
    np.testing.assert_allclose(y.get(), expected, rtol=3 * np.finfo(dtype).eps, atol=3 * np.finfo(dtype).eps)


@compiled
@pytest.mark.parametrize("block", [1, 32, 33, 256])
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=str)
def test_a_sum_whose_last_block_adds_the_others(dtype, block):
    x = np.random.default_rng(0).standard_normal(5000).astype(dtype)
    kernel = cp.RawKernel(TOTAL.replace("TYPE", "float" if dtype == np.float32 else "double"), "total")
    parts, counter, out = cp.empty(7, dtype), cp.zeros(1, cp.uint32), cp.empty((), dtype)
    for _ in range(3):  # the counter starts at 0 again by itself
        out.fill(np.nan)
        kernel((7,), (block,), (cp.asarray(x), parts, counter, out, x.size))
        np.testing.assert_allclose(out.get(), x.sum(dtype=np.float64), rtol=0, atol=300 * np.finfo(dtype).eps)
        assert int(counter[0]) == 0


@compiled
def test_a_forgotten_barrier_is_seen():
    whole = SOURCES["a sum in double"]
    first = whole.index("__syncthreads()")
    kernel = cp.RawKernel(whole[:first] + whole[first + len("__syncthreads();") :], "total")
    out = cp.empty(())
    kernel((2,), (256,), (cp.ones(900), cp.empty(2), cp.zeros(1, cp.uint32), out, 900))
    assert math.isnan(out)


@compiled
def test_shuffles():
    x = np.random.default_rng(0).standard_normal(128)
    down, broadcast, exchanged = cp.empty(128), cp.empty(128, cp.float32), cp.empty(128, cp.int32)
    cp.RawKernel(SHUFFLES, "shuffles")((2,), (64,), (cp.asarray(x), down, broadcast, exchanged))
    np.testing.assert_allclose(down.get()[::32], x.reshape(4, 32).sum(1), rtol=1e-13)
    np.testing.assert_array_equal(broadcast.get(), np.repeat(x[3::32].astype(np.float32), 32))
    np.testing.assert_array_equal(exchanged.get(), np.tile(np.arange(64) ^ 1, 2))


@compiled
def test_lanes_that_are_not_there_hand_over_nan():
    x = cp.asarray(np.ones(33))
    run("x[t] += __shfl_down_sync(0xffffffffu, x[t], 16);", x, block=(33,))
    np.testing.assert_array_equal(x.get()[:32], 2)
    assert math.isnan(x[32])


@compiled
def test_threads_that_left_are_not_waited_for():
    x = cp.zeros(64)
    exchange = "s[t] = t; __syncthreads(); x[t] = s[t % 3 == 1 ? t + 1 : t - 1];"
    run(f"__shared__ double s[64]; if (t % 3 == 0) return; {exchange}", x, block=(64,))
    np.testing.assert_array_equal(x.get(), [[0, t + 1, t - 1][t % 3] for t in range(64)])


@compiled
@pytest.mark.parametrize(
    "statement",
    [
        "if (t < 5) __syncthreads(); else x[__shfl_sync(0xffffffffu, t, 0)] = 1;",
        "if (t < 5)\n __syncthreads();\n else\n __syncthreads();",
        "if (t < 5) x[0] = __shfl_sync(0xffffffffu, t, 0);\n else\n __syncthreads();",
    ],
)
def test_threads_that_would_wait_forever(statement):
    with pytest.raises(cp.LaunchError, match="threads wait forever: thread 0 is at"):
        run(statement, cp.zeros(64), block=(64,))
    x = cp.zeros(64)
    run("__syncthreads(); x[t] = 1;", x, block=(64,))  # what comes next is not disturbed
    assert float(x.sum()) == 64


@compiled
def test_grids_of_two_axes():
    x = cp.empty((3, 5, 2), cp.int32)
    run(
        "x[(blockIdx.y * gridDim.x + blockIdx.x) * blockDim.x + t] = 100 * blockIdx.y + 10 * blockIdx.x + t;",
        *(x,),
        grid=(5, 3),
        block=(2,),
        parameters="int* x",
    )
    y, b, t = np.indices((3, 5, 2))
    np.testing.assert_array_equal(x.get(), 100 * y + 10 * b + t)


SHARED = "extern __shared__ double s[]; s[t] = t; __syncthreads(); x[t] = s[31 - t];"


@compiled
def test_shared_memory_whose_size_the_launch_chooses():
    x = cp.zeros(32)
    cp.RawKernel(one_line(SHARED), "line")((2,), (32,), (x,), shared_mem=256)
    np.testing.assert_array_equal(x.get(), range(31, -1, -1))
    with pytest.raises(cp.LaunchError, match="outside the shared memory that the launch asks for"):
        cp.RawKernel(one_line(SHARED), "line")((2,), (32,), (x,), shared_mem=248)
    with pytest.raises(cp.LaunchError, match="at most 48 KB of shared memory"):
        cp.RawKernel(one_line(SHARED), "line")((2,), (32,), (x,), shared_mem=48 * 1024 + 1)
    cp.RawKernel(one_line("extern __shared__ double s[]; x[t] = s[t];"), "line")((2,), (32,), (x,), shared_mem=256)
    assert np.isnan(x.get()).all()


@compiled
def test_atomic_sums():
    for dtype, name in [(cp.int32, "int"), (cp.uint32, "unsigned"), (cp.float32, "float"), (cp.float64, "double")]:
        x = cp.zeros(2, dtype)
        run(f"atomicAdd(x + t % 2, ({name})t);", x, grid=(3,), block=(10,), parameters=f"{name}* x")
        np.testing.assert_array_equal(x.get(), [60, 75])


FUNCTIONS = {
    **{
        name: getattr(np, name)
        for name in ("exp", "log", "expm1", "log1p", "sin", "cos", "tan", "tanh", "sqrt", "cbrt")
    },
    **{"asinh": np.arcsinh, "floor": np.floor, "ceil": np.ceil, "fabs": np.abs, "rsqrt": lambda x: 1 / np.sqrt(x)},
    **{name: np.vectorize(getattr(math, name), otypes=[float]) for name in ("erf", "erfc", "lgamma")},
    **{name: getattr(cupyx.scipy.special, name).function for name in ("erfinv", "erfcinv")},
    "erfinv(1 - 1e-9 *": lambda x: cupyx.scipy.special.erfcinv.function(1e-9 * x),
}


@compiled
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_keep_single_precision(name):
    x = np.linspace(0.05, 0.95, 50)
    for dtype, kind in [(np.float32, "float"), (np.float64, "double")]:
        if "(" in name and dtype == np.float32:
            continue
        given, size = cp.asarray(x.astype(dtype)), cp.empty(1, cp.int32)
        call = f"{name}{'' if '(' in name else '('}x[t])"
        run(f"*size = sizeof({call}); x[t] = {call};", given, size, block=(50,), parameters=f"{kind}* x, int* size")
        assert int(size[0]) == np.dtype(dtype).itemsize
        rtol = 1e-6 if "(" in name else 4 * np.finfo(dtype).eps  # 1 - 1e-9 x loses digits
        np.testing.assert_allclose(
            given.get(), FUNCTIONS[name](x.astype(dtype)), rtol=rtol, atol=4 * np.finfo(dtype).eps
        )


@compiled
def test_halves():
    x = np.concatenate([np.linspace(-3, 3, 501), np.geomspace(1e-9, 1e6, 999), [0, 65504, 65519.9, 65520, 2047.5]])
    x = x.astype(np.float32)
    halves, back = cp.empty(x.size, cp.float16), cp.empty(x.size, cp.float32)
    code = "y[t] = __float2half(x[t]); z[t] = __half2float(y[t]);"
    parameters = "const float* x, __half* y, float* z"
    kernel = cp.RawKernel(
        "#include <cuda_fp16.h>\n" + one_line(code.replace("[t]", "[blockIdx.x]"), parameters), "line"
    )
    kernel((x.size,), (1,), (cp.asarray(x), halves, back))
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(halves.get(), x.astype(np.float16))
    np.testing.assert_array_equal(back.get(), halves.get().astype(np.float32))


@compiled
def test_what_a_gpu_would_take_for_something_else():
    kernel = cp.RawKernel(one_line("x[t] = w * n;", "float* x, double w, int n"), "line")
    x = cp.zeros(1, cp.float32)
    kernel((1,), (1,), (x, 0.5, np.int32(4)))
    assert float(x[0]) == 2
    for wrong in [(cp.zeros(1), 0.5, np.int32(4)), (x, np.float32(0.5), np.int32(4)), (x, 0.5, 4), (x, 0.5)]:
        with pytest.raises(cp.LaunchError, match=r"takes \*f4 =f8 =i4 and was given"):
            kernel((1,), (1,), wrong)
    with pytest.raises(TypeError, match="Unsupported type"):
        kernel((1,), (1,), (np.zeros(1, np.float32), 0.5, np.int32(4)))
    with pytest.raises(cp.LaunchError, match="1024"):
        kernel((1,), (1025,), (x, 0.5, np.int32(4)))


@compiled
@pytest.mark.parametrize("place", [-1, 3])
def test_writing_beside_an_array(place):
    with pytest.raises(cp.LaunchError, match="outside"):
        run(f"x[{place}] = 1;", cp.zeros(3))


def scaling(factor):
    helper = f"#define SCALE {factor}\n__device__ double scaled(double x) {{ return SCALE * x; }}\n"
    return helper + one_line("x[t] = scaled(x[t]);"), "line"


@compiled
def test_kernels_compiled_together_keep_their_macros_and_helpers(monkeypatch, tmp_path):
    monkeypatch.setattr(_kernel, "FOLDER", tmp_path / "kernels")
    codes = [scaling(k) for k in range(5)]
    with ThreadPoolExecutor() as pool:  # several at once do not disturb each other
        list(pool.map(cp.compile_all, [codes, codes]))
    assert len(list(_kernel.FOLDER.glob("*.so"))) <= os.cpu_count()
    monkeypatch.setattr(_kernel, "COMPILER", "none")  # from here on none is needed
    for k, (code, name) in enumerate(codes):
        x = cp.ones(1)
        cp.RawKernel(code, name)((1,), (1,), (x,))
        assert float(x[0]) == k


@compiled
def test_modules_of_several_kernels_and_options():
    code = one_line("x[t] = SCALE;", name="first") + one_line("x[t] += SCALE;", name="second")
    module, x = cp.RawModule(code=code, options=("-DSCALE=4",)), cp.empty(3)
    for name in ("first", "second"):
        module.get_function(name)((1,), (3,), (x,))
    np.testing.assert_array_equal(x.get(), 8)


@compiled
def test_errors_of_the_compiler_name_the_kernel():
    with pytest.raises(cp.CompileError, match=r"line:1:.*nonsense"):
        run("x[t] = nonsense;", cp.zeros(1))


def test_without_a_compiler(monkeypatch, tmp_path):
    monkeypatch.setattr(_kernel, "FOLDER", tmp_path)
    monkeypatch.setattr(_kernel, "COMPILER", "no-such-compiler")
    with pytest.raises(cp.CompilerMissing, match="not installed"):
        run("x[t] = 1;", cp.zeros(1))


# ---- Arrays


def test_all_results_are_arrays_of_the_device():
    x = cp.asarray(np.arange(6.0).reshape(2, 3))
    found = [
        x.sum(),
        x[0, 0],
        cp.dot(x[0], x[1]),
        x.max(),
        cp.exp(1.0),
        2 - x,
        np.float64(2) * x[0, 0],
        np.exp(x),
        x @ x.T,
    ]
    found += [np.sum(x), cp.linalg.slogdet(x @ x.T)[0], cp.einsum("ij->", x), x.mean(axis=0), cp.where(x > 0, x, 0), -x]
    assert all(type(entry) is cp.ndarray for entry in found)
    assert [entry.shape for entry in found[:3]] == [(), (), ()]
    entry = x[1, 2]
    entry += 10  # a view
    assert x.get()[1, 2] == 15
    assert (x[0] * np.float32(2)).dtype == cp.float64
    assert (x[0].astype(cp.float32) * 2.5).dtype == cp.float32


@pytest.mark.parametrize(
    "mixed",
    [
        lambda x, h: x + h,
        lambda x, h: h * x,
        lambda x, h: cp.exp(h),
        lambda x, h: np.add(h, x),
        lambda x, h: cp.add(x, x, out=h),
        lambda x, h: x.__iadd__(h),
        lambda x, h: cp.dot(x, h),
        lambda x, h: cp.concatenate([x, h]),
        lambda x, h: np.concatenate([x, h]),
        lambda x, h: cp.where(x > 0, x, h),
        lambda x, h: cp.array([x, h]),
        lambda x, h: np.asarray(x),
        lambda x, h: cp.sum(h),
    ],
)
def test_arrays_of_the_host_are_not_mixed_in(mixed):
    with pytest.raises(TypeError):
        mixed(cp.ones(3), np.ones(3))


def test_what_nobody_wrote_is_nan_or_large():
    assert bool(cp.isnan(cp.empty((2, 3))).all())
    assert bool(cp.isnan(cp.empty_like(cp.ones(3), cp.float32)).all())
    assert int(cp.ndarray(2, cp.int32)[0]) == 2**31 - 1


@pytest.mark.parametrize(
    "waits", [float, int, bool, str, cp.asnumpy, cp.ndarray.item, cp.ndarray.get, lambda x: x[x > 0], "{:.3}".format]
)
def test_waiting_for_the_device_is_an_error_where_it_is_not_allowed(waits):
    x = cp.ones(())
    waits(x)
    with cp.no_synchronisation(), pytest.raises(cupyx.DeviceSynchronized):
        waits(x)
    waits(x)
    with cp.no_synchronisation():
        cp.asarray(np.ones(3)).sum()


def test_memory_of_others_is_not_copied():
    class Theirs:
        def __init__(self, host):
            self.host = host
            self.__cuda_array_interface__ = host.__array_interface__

    host = np.arange(6.0)
    for mine in (cp.asarray(Theirs(host[::2])), cp.from_dlpack(host[::2])):
        mine += 1
    np.testing.assert_array_equal(host, [2, 1, 4, 3, 6, 5])
    x = cp.ones((2, 3))
    assert cp.asarray(x) is x
    y = cp.ndarray((3, 2), x.dtype, x.data, strides=(8, 24))
    y[...] = 5
    assert float(x.sum()) == 30
    copied = cp.asarray(host)
    copied += 1
    assert host[0] == 2


def test_where_cupy_differs_from_numpy():
    x = cp.arange(4.0)
    np.testing.assert_array_equal(cp.take(x, cp.asarray([1, 5, -1])).get(), [1, 1, 3])
    np.testing.assert_array_equal(x[cp.asarray([[4], [7]])].get(), [[0], [3]])
    with pytest.raises(IndexError):
        x[4]
    result = cp.zeros((2, 2))
    cp.add.at(result, (slice(None), cp.asarray([0, 0, 3])), cp.ones((2, 3)))
    np.testing.assert_array_equal(result.get(), [[2, 1], [2, 1]])
    assert float(cp.asarray(1.0) % 0.1) == 0
    assert math.isnan(cp.asarray(1.0) % math.inf)
    assert int(cp.asarray(-7) % 3) == 2
    for lacking in ("maximum", "minimum", "logaddexp"):
        with pytest.raises(NotImplementedError):
            getattr(cp, lacking).reduce(x)
    for wrong in (
        lambda: cp.add.reduce(x, initial=0),
        lambda: cp.exp(x, where=x > 0),
        lambda: cp.take(x, 0, mode="clip"),
    ):
        with pytest.raises(TypeError, match="argument"):
            wrong()
    assert not hasattr(cp, "block")
    with pytest.raises(TypeError):
        range(cp.asarray(3))


def test_matrices_that_cannot_be_factorised():
    batch = cp.asarray(np.stack([np.eye(2), np.zeros((2, 2)), -np.eye(2)]))
    for function, failing in [(cp.linalg.inv, [1]), (cp.linalg.cholesky, [1, 2])]:
        found = function(batch).get()
        assert [k for k in range(3) if np.isnan(found[k]).any()] == failing
        with cupyx.errstate(linalg="raise"), pytest.raises(np.linalg.LinAlgError):
            function(batch)
    assert bool(cp.isnan(cp.linalg.solve(batch[1], cp.ones(2))).all())
    with pytest.raises(ValueError, match="shape"):
        cp.linalg.solve(batch, cp.ones((1, 2, 2)))
    lower = cp.asarray([[2.0, 0], [1, 4]])
    found = cupyx.scipy.linalg.solve_triangular(lower, cp.asarray([2.0, 9]), lower=True)
    np.testing.assert_allclose(found.get(), [1, 2])


OWN = {"CompileError", "CompilerMissing", "LaunchError", "compile_all", "memory_of", "no_synchronisation"}
LOOSE = {"einsum", "matmul"}  # CuPy's take any arguments, and then refuse some


def test_names_and_arguments_are_those_of_cupy():
    """Against CuPy itself, where it is installed."""
    public = {
        home: {name: value for name, value in vars(owner).items() if name[0] != "_" and not inspect.ismodule(value)}
        for home, owner in names_of_cupy.HOMES.items()
    }
    wanted = json.dumps({home: list(names) for home, names in public.items()})
    command = [sys.executable, "-P", names_of_cupy.__file__]  # -P: without the folder of the stand-in
    ran = subprocess.run(command, input=wanted, capture_output=True, text=True, check=False)
    if "No module named 'cupy'" in ran.stderr:
        pytest.skip("CuPy is not installed")
    theirs = json.loads(ran.stdout)
    for home, names in public.items():
        assert names.keys() - theirs[home] - OWN - {"annotations"} == set()
        for name, value in names.items():
            if inspect.isfunction(value) and theirs[home].get(name) and name not in OWN | LOOSE:
                mine = names_of_cupy.parameters(value)
                assert [*map(plain, mine)] == [*map(plain, theirs[home][name])], name


def plain(parameter):
    """A name and a default, however that is written."""
    name, default = parameter
    return name, default.strip("'").replace(str(inspect.Parameter.empty), "")


# ---- Machine code


@pytest.mark.skipif(bool(nvrtc.MISSING), reason=str(nvrtc.MISSING))
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize("name", SOURCES)
def test_the_same_sources_become_machine_code(name, architecture):
    code, _ = nvrtc.cubin(SOURCES[name], architecture)
    assert code.startswith(b"\x7fELF")
    (needed,) = nvrtc.resources(SOURCES[name], architecture).values()
    assert 8 <= needed.registers <= 64
    assert needed.spilled == 0


@pytest.mark.skipif(bool(nvrtc.MISSING), reason=str(nvrtc.MISSING))
def test_what_is_no_cuda():
    with pytest.raises(nvrtc.CompileError, match='"INFINITY" is undefined'):
        nvrtc.cubin(one_line("x[t] = INFINITY;"))
    with pytest.raises(nvrtc.CompileError, match="no machine code"):
        nvrtc.cubin(one_line("x[t] = 1;"), "compute_80")


@pytest.mark.skipif(bool(nvrtc.MISSING or nvrtc.MISSING_HEADERS), reason=f"{nvrtc.MISSING or nvrtc.MISSING_HEADERS}")
def test_halves_become_machine_code():
    code = "#include <cuda_fp16.h>\n" + one_line(
        "y[t] = __float2half(x[t] + __half2float(y[t]));", "float* x, __half* y"
    )
    assert nvrtc.resources(code).keys() == {"line"}


@compiled
def test_cuda_has_no_infinity_without_headers():
    with pytest.raises(cp.CompileError, match="INFINITY"):
        run("x[t] = INFINITY;", cp.zeros(1))
