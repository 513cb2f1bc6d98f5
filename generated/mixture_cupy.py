# symdiff 0.1.0: --backend cupy --emit value,grad,value_and_grad --math exact --style fast
"""mixture: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    alpha  parameter, (K,)
    mu     parameter, (K, d)
    q      parameter, (K, d)
    L      parameter, (K, d, d)
    x      data, (n, d)
    below  constant, (d, d)

Closed form
    e1 = -mu + x[:, None, :]
    e2 = L*below + einsum('ij,jm->ijm', exp(q), diag(broadcast_to(1, d)))
    e3 = einsum('ijl,jkl->ijk', e1, e2)
    e4 = -0.9189385332046728*d + log_softmax(alpha, axis=0) - sum(e3**2, axis=2)/2 + sum(q, axis=1)
    e5 = logsumexp(e4, axis=1)
    value = -sum(e5)/n
    responsibility = softmax(e4, axis=1)
    e6 = sum(responsibility, axis=0)
    grad.alpha = -e6/n + softmax(alpha, axis=0)*sum(e6)/n
    e7 = einsum('ijk,ij->ijk', e3, responsibility)
    grad.mu = -einsum('ik,ikj->ij', sum(e7, axis=0), e2)/n
    e8 = einsum('lik,lij->ijk', e1, e7)
    grad.q = -e6[:, None]/n + einsum('ijj->ij', e8)*exp(q)/n
    grad.L = below*e8/n

"""


import math
import threading
from contextlib import suppress
from functools import wraps
from typing import NamedTuple

try:
    import cupy as cp
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "This module computes on a GPU with CuPy, which is not installed: pip install 'cupy-cuda12x[ctk]' (13x for CUDA 13)"
    ) from None


SIGNATURE = {
    "model": "mixture",
    "inputs": {
        "alpha": {"role": "parameter", "shape": ("K",), "dtype": "float"},
        "mu": {"role": "parameter", "shape": ("K", "d"), "dtype": "float"},
        "q": {"role": "parameter", "shape": ("K", "d"), "dtype": "float"},
        "L": {"role": "parameter", "shape": ("K", "d", "d"), "dtype": "float"},
        "x": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "below": {"role": "constant", "shape": ("d", "d"), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("alpha", "mu", "q", "L", "x", "below"),
        "grad": ("alpha", "mu", "q", "L", "x", "below"),
        "value_and_grad": ("alpha", "mu", "q", "L", "x", "below"),
        "responsibility": ("alpha", "mu", "q", "L", "x", "below"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    alpha: cp.ndarray
    mu: cp.ndarray
    q: cp.ndarray
    L: cp.ndarray


class ResponsibilityGrad(NamedTuple):
    """One array for each parameter of responsibility."""

    alpha: cp.ndarray
    mu: cp.ndarray
    q: cp.ndarray
    L: cp.ndarray


def value(alpha, mu, q, L, x, below):
    """Return the objective."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    n = x.shape[0]
    K = alpha.shape[0]
    t1, t2 = _value_1(alpha.dtype, (K,), ((), ()), alpha)
    t3, t4, t5 = _value_2(alpha.dtype, (K, d), ((K,), (K, d), (K, d)), mu, q)
    t6 = _value_3(alpha.dtype, (K*d*n,), ((n, K, d),), x, t4, d, K)
    t7 = _value_4(alpha.dtype, (K*d*d,), ((K, d, d),), t5, L, below, d)
    t8 = _matmul(t6.transpose(1, 0, 2), t7.transpose(0, 2, 1)).transpose(1, 0, 2)
    t9 = _value_5(alpha.dtype, (K*n, d), ((n, K),), t8)
    t10 = _value_6(alpha.dtype, (K,), ((),), alpha, t2, t1)
    t11 = _value_7(alpha.dtype, (K,), ((K,),), t10, alpha, t3)
    value = _value_8(alpha.dtype, (n, K), ((),), t9, t11, d, n)
    return value


def grad(alpha, mu, q, L, x, below):
    """Return the gradient of the objective by alpha, mu, q, L."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    n = x.shape[0]
    K = alpha.shape[0]
    t1, t2 = _grad_1(alpha.dtype, (K,), ((), ()), alpha)
    t3, t4, t5 = _grad_2(alpha.dtype, (K, d), ((K,), (K, d), (K, d)), mu, q)
    t6 = _grad_3(alpha.dtype, (K*d*n,), ((n, K, d),), x, t4, d, K)
    t7 = _grad_4(alpha.dtype, (K*d*d,), ((K, d, d),), t5, L, below, d)
    t8 = _matmul(t6.transpose(1, 0, 2), t7.transpose(0, 2, 1)).transpose(1, 0, 2)
    t9 = _grad_5(alpha.dtype, (K*n, d), ((n, K),), t8)
    t10, t11, t12 = _grad_6(alpha.dtype, (K,), ((K,), (), ()), alpha, t2, t1)
    t13 = _grad_7(alpha.dtype, (K,), ((K,),), t12, alpha, t3)
    responsibility, t14 = _grad_8(alpha.dtype, (n, K), ((n, K), (K,)), t9, t13, d)
    t15 = _grad_9(alpha.dtype, (K,), ((),), t14, n)
    t16 = _grad_10(alpha.dtype, (K*d*n,), ((n, K, d),), responsibility, t8, K, d)
    t17 = _grad_11(alpha.dtype, (n, K*d), ((K, d),), t16)
    t18 = _matmul(t16.transpose(1, 2, 0), t6.transpose(1, 0, 2))
    grad_alpha = _grad_12(alpha.dtype, (K,), ((K,),), t14, t10, t11, t15, n)
    t19 = cp.einsum("ik,ikj->ij", t17, t7)
    grad_q = _grad_13(alpha.dtype, (K, d), ((K, d),), t14, t5, t18, n, d)
    grad_L = _grad_14(alpha.dtype, (K*d*d,), ((K, d, d),), below, t18, n, d)
    grad_mu = _grad_15(alpha.dtype, (K*d,), ((K, d),), t19, n)
    return Grad(grad_alpha, grad_mu, grad_q, grad_L)


def value_and_grad(alpha, mu, q, L, x, below):
    """Return the objective and its gradient by alpha, mu, q, L."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    n = x.shape[0]
    K = alpha.shape[0]
    t1, t2 = _value_and_grad_1(alpha.dtype, (K,), ((), ()), alpha)
    t3, t4, t5 = _value_and_grad_2(alpha.dtype, (K, d), ((K,), (K, d), (K, d)), mu, q)
    t6 = _value_and_grad_3(alpha.dtype, (K*d*n,), ((n, K, d),), x, t4, d, K)
    t7 = _value_and_grad_4(alpha.dtype, (K*d*d,), ((K, d, d),), t5, L, below, d)
    t8 = _matmul(t6.transpose(1, 0, 2), t7.transpose(0, 2, 1)).transpose(1, 0, 2)
    t9 = _value_and_grad_5(alpha.dtype, (K*n, d), ((n, K),), t8)
    t10, t11, t12 = _value_and_grad_6(alpha.dtype, (K,), ((K,), (), ()), alpha, t2, t1)
    t13 = _value_and_grad_7(alpha.dtype, (K,), ((K,),), t12, alpha, t3)
    responsibility, t14, value = _value_and_grad_8(alpha.dtype, (n, K), ((n, K), (K,), ()), t9, t13, d, n)
    t15 = _value_and_grad_9(alpha.dtype, (K,), ((),), t14, n)
    t16 = _value_and_grad_10(alpha.dtype, (K*d*n,), ((n, K, d),), responsibility, t8, K, d)
    t17 = _value_and_grad_11(alpha.dtype, (n, K*d), ((K, d),), t16)
    # gradient by q
    t18 = _matmul(t16.transpose(1, 2, 0), t6.transpose(1, 0, 2))
    grad_alpha = _value_and_grad_12(alpha.dtype, (K,), ((K,),), t14, t10, t11, t15, n)
    t19 = cp.einsum("ik,ikj->ij", t17, t7)
    grad_q = _value_and_grad_13(alpha.dtype, (K, d), ((K, d),), t14, t5, t18, n, d)
    grad_L = _value_and_grad_14(alpha.dtype, (K*d*d,), ((K, d, d),), below, t18, n, d)
    grad_mu = _value_and_grad_15(alpha.dtype, (K*d,), ((K, d),), t19, n)
    return value, Grad(grad_alpha, grad_mu, grad_q, grad_L)


def responsibility(alpha, mu, q, L, x, below):
    """Return responsibility."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    K = alpha.shape[0]
    n = x.shape[0]
    t1, t2 = _responsibility_1(alpha.dtype, (K,), ((), ()), alpha)
    t3, t4, t5 = _responsibility_2(alpha.dtype, (K, d), ((K,), (K, d), (K, d)), mu, q)
    t6 = _responsibility_3(alpha.dtype, (K*d*n,), ((n, K, d),), x, t4, d, K)
    t7 = _responsibility_4(alpha.dtype, (K*d*d,), ((K, d, d),), t5, L, below, d)
    t8 = _matmul(t6.transpose(1, 0, 2), t7.transpose(0, 2, 1)).transpose(1, 0, 2)
    t9 = _responsibility_5(alpha.dtype, (K*n, d), ((n, K),), t8)
    t10 = _responsibility_6(alpha.dtype, (K,), ((),), alpha, t2, t1)
    t11 = _responsibility_7(alpha.dtype, (K,), ((K,),), t10, alpha, t3)
    responsibility = _responsibility_8(alpha.dtype, (n, K), ((n, K),), t9, t11, d)
    return responsibility


def unpack(vec, *, K=None, d=None):
    """Split one vector into alpha, mu, q, L. One size may be left out: it follows from the length of the vector."""
    return Grad(*_unflatten(vec, ((lambda K, d: K,), (lambda K, d: K, lambda K, d: d), (lambda K, d: K, lambda K, d: d), (lambda K, d: K, lambda K, d: d, lambda K, d: d)), {"K": K, "d": d}))


def value_flat(vec, x, below, *, K=None):
    """As `value`, of one vector that holds alpha, mu, q, L."""
    p = unpack(vec, K=K, d=cp.shape(x)[1])
    return value(p.alpha, p.mu, p.q, p.L, x, below)


def grad_flat(vec, x, below, *, K=None):
    """As `grad`, of one vector that holds alpha, mu, q, L."""
    p = unpack(vec, K=K, d=cp.shape(x)[1])
    return pack(grad(p.alpha, p.mu, p.q, p.L, x, below))


def value_and_grad_flat(vec, x, below, *, K=None):
    """As `value_and_grad`, of one vector that holds alpha, mu, q, L."""
    p = unpack(vec, K=K, d=cp.shape(x)[1])
    value, gradient = value_and_grad(p.alpha, p.mu, p.q, p.L, x, below)
    return value, pack(gradient)


def responsibility_flat(vec, x, below, *, K=None):
    """As `responsibility`, of one vector that holds alpha, mu, q, L."""
    p = unpack(vec, K=K, d=cp.shape(x)[1])
    return responsibility(p.alpha, p.mu, p.q, p.L, x, below)


_FLOATING = (cp.dtype(cp.float16), cp.dtype(cp.float32), cp.dtype(cp.float64))
_EXPECTED = "float16, float32 or float64"


def _arguments(alpha, mu, q, L, x, below):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "alpha": (("K",), "float"),
            "mu": (("K", "d"), "float"),
            "q": (("K", "d"), "float"),
            "L": (("K", "d", "d"), "float"),
            "x": (("n", "d"), "float"),
            "below": (("d", "d"), "float"),
        },
        (alpha, mu, q, L, x, below),
    )


# From here on symdiff 0.1.0's runtime: in every module that needs it the same, whatever the model.


def _typed(kinds, arguments):
    """The arguments by name, as arrays of one floating dtype on one device; integers stay so where they are declared so."""
    arrays, weak = {}, set()
    for name, argument in zip(kinds, arguments):
        arrays[name] = _array(name, argument)
        if isinstance(argument, (int, float)) and not hasattr(argument, "dtype"):
            weak.add(name)  # a Python number takes the dtype of the others
    dtypes = {name: array.dtype for name, array in arrays.items() if name not in weak}
    floating = [dtypes[name] for name in dtypes if dtypes[name].kind == "f" and kinds[name] == "float"]
    for name, dtype in dtypes.items():
        if dtype.kind == "f" and dtype not in _FLOATING:
            raise TypeError(f"{name} has dtype {dtype}, expected {_EXPECTED}")
    common = cp.result_type(*floating) if floating else cp.dtype(cp.float64)
    _on_one_device({name: array for name, array in arrays.items() if name not in weak})
    for name, kind in kinds.items():
        array = arrays[name]
        if kind == "int" and array.dtype.kind == "f":
            raise TypeError(f"{name} has dtype {array.dtype}, expected integers, as declared")
        if kind == "bool" and array.dtype.kind != "b":
            raise TypeError(f"{name} has dtype {array.dtype}, expected booleans, as declared")
        arrays[name] = array.astype({"float": common, "int": cp.int64, "bool": bool}[kind], copy=False)
    return arrays


def _on_one_device(arrays):
    """Raise where arrays lie on several devices, or on another than the one that work goes to."""
    first, current = next(iter(arrays), None), cp.cuda.Device()
    for name, array in arrays.items():
        if array.device != arrays[first].device:
            raise ValueError(
                f"{name} is on {array.device}, {first} on {arrays[first].device}: put all arrays on one device, with "
                f"`with {first}.device: {name} = cupy.array({name})`"
            )
    if arrays and arrays[first].device != current:
        raise ValueError(
            f"{first} is on {arrays[first].device}, but work goes to {current}: call this within `with {first}.device:`"
        )


def _array(name, argument):
    """An argument as an array of real numbers on a GPU; one that is there already is not copied."""
    if (
        isinstance(argument, cp.ndarray)
        or hasattr(argument, "__cuda_array_interface__")
        or isinstance(argument, (bool, int, float))
        or getattr(argument, "shape", None) == ()
    ):
        array = cp.asarray(argument)
    elif hasattr(argument, "__dlpack_device__") and argument.__dlpack_device__()[0] == 2:  # CUDA
        array = cp.from_dlpack(argument)
    else:
        kind = f"{type(argument).__module__}.{type(argument).__name__}".removeprefix("builtins.")
        raise TypeError(
            f"{name} is a {kind} in the memory of the host: put it on the GPU once, before the loop, with cupy.asarray({name})"
            f"{_obstacle()}"
        )
    if array.dtype.kind == "V" and array.dtype.itemsize == 2:
        raise TypeError(f"{name} has dtype bfloat16, of which CuPy has no batched products: expected {_EXPECTED}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {array.dtype}, expected real numbers ({_EXPECTED})")
    return array


def _obstacle():
    """What keeps CuPy from any GPU, if something does."""
    try:
        cp.cuda.runtime.getDeviceCount()
    except cp.cuda.runtime.CUDARuntimeError as error:
        return (
            f". CuPy finds no GPU that it can use, though ({error}): if there is one, its driver is too old for this CuPy, so "
            "update it, or install the CuPy of an older CUDA"
        )
    return ""


def capture(function, *arguments):
    """Return a function without arguments that does function(*arguments) again, as one launch of a CUDA graph.

    It reads the arrays where they are and returns the same arrays every time: write what is new into the former
    (`x[...] = batch`), copy what is to stay of the latter. `function` may be one of this module or do more, such as to update
    parameters in place; it is called once to get ready, which counts, and once to be recorded, which does nothing.
    """
    for place, argument in enumerate(arguments):
        for part in argument if isinstance(argument, (tuple, list)) else (argument,):
            if not isinstance(part, cp.ndarray):
                raise TypeError(
                    f"argument {place} of the step is a {type(part).__name__}: a graph reads arrays where they are, "
                    "so give it one made with cupy.asarray"
                )
    pool, stream = cp.cuda.MemoryPool(), cp.cuda.Stream(non_blocking=True)  # of this graph alone
    cp.cuda.get_current_stream().synchronize()
    _STEP.captured = True
    try:
        with cp.cuda.using_allocator(pool.malloc), stream:
            function(*arguments)  # kernels are compiled now, and memory is taken
            stream.synchronize()
            results, graph = _recorded(stream, function, arguments)
    finally:
        _STEP.captured = False

    def step():
        graph.launch(cp.cuda.get_current_stream())
        return results

    step.memory = pool, stream  # as long as the graph, which knows their addresses
    return step


def _recorded(stream, function, arguments):
    """The results of a call, and the graph that computes them."""
    stream.begin_capture()
    try:
        results = function(*arguments)
    except Exception as error:
        with suppress(Exception):
            stream.end_capture()
        raise RuntimeError(
            f"this step cannot be captured: {error}. A graph takes kernels and products of matrices, but nothing that waits "
            "for the device (a number or an array on the host), and no solves, factorisations or einsum"
        ) from error
    return results, stream.end_capture()


_STEP = threading.local()  # captured: whether `capture` is at work


def _matmul(a, b):
    """a @ b by cuBLAS; in a captured step, where CuPy does without cuBLAS, by a kernel of this module."""
    if not getattr(_STEP, "captured", False):
        return a @ b
    left = a[None] if a.ndim == 1 else a
    right = b[:, None] if b.ndim == 1 else b
    batch = cp.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    result = cp.empty((*batch, left.shape[-2], right.shape[-1]), a.dtype)
    left, right = (cp.broadcast_to(x, batch + x.shape[-2:]).reshape(-1, *x.shape[-2:]) for x in (left, right))
    (count, rows, inner), columns = left.shape, right.shape[-1]
    steps = [cp.int64(step // a.itemsize) for step in (*left.strides, *right.strides)]
    tiles = -(-columns // 16), min(-(-rows // 16), 65535), min(count, 65535)  # the most that a grid takes
    if a.dtype not in _MATMUL:
        _MATMUL[a.dtype] = cp.RawKernel(_TYPES[a.dtype.name] + _MATMUL_SOURCE, "matmul")
    sizes = [cp.int64(size) for size in (count, rows, inner, columns)]
    _MATMUL[a.dtype](tiles, (256,), (left, right, result, *sizes, *steps))
    return result.reshape(batch + a.shape[-2:-1] + (b.shape[-1:] if b.ndim > 1 else ()))


_MATMUL = {}  # dtype -> the kernel


_TYPES = {  # T is kept in memory, A computed with
    "float16": "#include <cuda_fp16.h>\ntypedef __half T;\ntypedef float A;\n",
    "float32": "typedef float T, A;\n",
    "float64": "typedef double T, A;\n",
}


_WIDTH = 256  # threads of a block
_BLOCKS = 1024  # at most, of a kernel with reductions: their shares are then added up by one block
_SHARED = 32 * 1024  # bytes of shared memory, at most, for sums of columns


class _Kernel:
    """A CUDA kernel, compiled for a dtype when first called with it, and launched on the current stream.

    `form` says what its `ends` reductions keep: of "all" entries nothing, "columns" (the last axes). One of the form "rows" has
    one row after the other; it ends with reductions of all rows and of columns.
    `kinds` has a letter for each result: T for the dtype of the floating arrays, ? for conditions.
    """

    def __init__(self, name, form, ends, kinds, source):
        """`source` is the kernel's own, below that of the functions it calls."""
        self.name, self.form, self.ends, self.kinds, self.source = name, form, ends, kinds, source
        self.compiled, self.counters = {}, {}

    def __call__(self, dtype, count, shapes, *given):
        """The results, of these shapes; `count` is the number of entries, or of rows and of columns."""
        count = (math.prod(count),) if self.form == "points" else count
        results = [cp.empty(shape, dtype if kind == "T" else bool) for shape, kind in zip(shapes, self.kinds)]
        arrays = [cp.ascontiguousarray(array) for array in given if not isinstance(array, int)]
        wide = max(math.prod(count), *(array.size for array in (*arrays, *results))) > 2**30
        integer = cp.int64 if wide else cp.int32
        blocks, more, shared = getattr(self, f"_{self.form}")(dtype, integer, *count)
        sizes = [integer(size) for size in given if isinstance(size, int)]
        steps = [integer(array.size > 1) for array in arrays] if self.form == "points" else []
        self.of(dtype, wide)(blocks, (_WIDTH,), (*arrays, *results, *more, *sizes, *steps), shared_mem=shared)
        return results if len(results) > 1 else results[0]

    def of(self, dtype, wide):
        """The kernel for arrays of a dtype, that counts in 32 bits or in 64."""
        found = self.compiled.get((dtype, wide))
        if found is None:
            found = self.compiled[dtype, wide] = cp.RawKernel(self.code(dtype, wide), self.name)
        return found

    def code(self, dtype, wide):
        """Its whole source."""
        return f"{_TYPES[cp.dtype(dtype).name]}typedef {'long long' if wide else 'int'} I;\n\n{self.source}"

    def _all(self, dtype, integer, count):
        blocks = max(1, -(-count // _WIDTH))
        if not self.ends:
            return (min(blocks, 2**20),), (integer(count),), 0
        blocks = min(blocks, _BLOCKS)
        return (blocks,), (*self._shares(dtype, self.ends * blocks, 1), integer(count)), 0

    _points = _all

    def _rows(self, dtype, integer, rows, columns):
        totals, sums = self.ends
        size = sums * columns * max(4, cp.dtype(dtype).itemsize)  # of the sums that a group of lanes has, in bytes
        lanes = 1  # that have a row: few enough for columns, enough that all rows at hand stay in cache
        while 2 * lanes <= columns and _WIDTH % (2 * lanes) == 0:
            if lanes >= 32 and 4 * lanes >= columns and size * (_WIDTH // lanes) <= _SHARED:
                break
            lanes *= 2
        groups = _WIDTH // lanes
        blocks = max(1, min(-(-rows // groups), 2**20))
        more = integer(rows), integer(columns), cp.uint32(lanes)
        if not totals + sums:
            return (blocks,), more, 0
        blocks = min(blocks, _BLOCKS)
        if not sums:
            return (blocks,), (*self._shares(dtype, totals * blocks, 1), *more), 0
        blocks = min(blocks, 2 * math.isqrt(rows) + 1)  # whose sums the last one must add up
        fits = size * groups <= _SHARED
        number = blocks * (totals + sums * columns * (1 if fits else 1 + groups))
        shares = self._shares(dtype, number, 1)
        return (blocks,), (*shares, *more, cp.uint32(fits)), size * groups if fits else 0

    def _columns(self, dtype, integer, rows, columns):
        width = 1
        while width < min(columns, _WIDTH):
            width *= 2
        width = min(width, _WIDTH)
        tiles, groups = -(-columns // width), _WIDTH // width
        blocks = max(1, min(-(-rows // (16 * groups)), _BLOCKS // tiles, 2 * math.isqrt(rows)))
        shares = self._shares(dtype, self.ends * blocks * columns, tiles)
        return (blocks, tiles), (*shares, integer(rows), integer(columns), cp.uint32(width)), 0

    def _shares(self, dtype, number, tiles):
        """Room for what each block adds, and the counters of blocks that are done, which every launch leaves at 0."""
        key = cp.cuda.Device().id, cp.cuda.get_current_stream().ptr, tiles
        if key not in self.counters:
            self.counters[key] = cp.zeros(tiles, cp.uint32)
        return cp.empty(number, cp.promote_types(dtype, cp.float32)), self.counters[key]


def _takes(function, entries, signature):
    """The function, whose error where memory is short says what would do: it takes up to so many entries."""

    @wraps(function)
    def call(*arguments, **named):
        try:
            return function(*arguments, **named)
        except cp.cuda.memory.OutOfMemoryError as error:
            names = signature["functions"][function.__name__]
            error.add_note(_advice(signature, function.__name__, entries, dict(zip(names, arguments)) | named))
            raise

    return call


def _advice(signature, name, entries, given):
    """What a function needs beside its arguments, and for how many samples there is room."""
    sizes, samples, width = {}, signature["samples"], 1
    for key, entry in signature["inputs"].items():
        shape, came = entry["shape"], getattr(given.get(key), "shape", ())
        width = max(width, given[key].itemsize if came else 0)
        if signature["pointwise"]:
            (samples,) = shape
            sizes[samples] = max(sizes.get(samples, 1), math.prod(came))
        else:
            sizes |= {dim: length for dim, length in zip(shape, came) if isinstance(dim, str)}
    cp.get_default_memory_pool().free_all_blocks()
    (free, whole), needed = cp.cuda.Device().mem_info, entries(**sizes) * width
    text = f"{name} takes up to {needed / 1e9:.3g} GB beside its arguments; {free / 1e9:.3g} of {whole / 1e9:.3g} GB are free"
    if samples not in sizes:
        return text
    low, high = 0, sizes[samples]
    while low < high:
        middle = (low + high + 1) // 2
        fits = entries(**sizes | {samples: middle}) * width <= free
        low, high = (middle, high) if fits else (low, middle - 1)
    if not low:
        return f"{text}, too little for a single sample"
    return f"{text}: call it with {low} of the {sizes[samples]} samples at a time, and put together what it returns"


def set_threads(count):
    """Set how many threads the module's own loops may use; it has no such loops, so the count is only checked."""
    if not isinstance(count, (int, cp.integer)) or count < 1:
        raise ValueError(f"count is {count!r}, expected a whole number from 1")


def _convert(declared, arguments, solved=()):
    """Return the arguments as arrays of one floating dtype; raise for the first that does not fit its declaration."""
    arrays = _typed({name: kind for name, (_, kind) in declared.items()}, arguments)
    sizes = {}
    for name, (shape, _) in declared.items():
        for dim, length in zip(shape, arrays[name].shape):
            if isinstance(dim, str):
                sizes.setdefault(dim, (name, length))
    for size, name, axis, needs, solve in solved:  # sizes that no axis has alone
        if axis < arrays[name].ndim and all(needed in sizes for needed in needs):
            found = solve(arrays[name].shape[axis], *(sizes[needed][1] for needed in needs))
            sizes[size] = (name, max(found, 0))
    for name, (shape, _) in declared.items():
        _fit(name, shape, arrays[name].shape, sizes)
    return arrays.values()


def _fit(name, shape, came, sizes):
    """Compare a shape with the declared one; the first array that has a size settles it for the others."""
    expected = []
    for dim, length in zip(shape, came):
        if isinstance(dim, str):
            expected.append(sizes[dim][1])
        elif isinstance(dim, tuple):
            _, needs, compute = dim
            known = all(size in sizes for size in needs)
            expected.append(compute(*(sizes[size][1] for size in needs)) if known else length)
        else:
            expected.append(dim)
    if len(shape) != len(came) or tuple(expected) != came:
        spelled = ", ".join(dim[0] if isinstance(dim, tuple) else str(dim) for dim in shape)
        text = f"shape ({spelled}{',' if len(shape) == 1 else ''})" if shape else "a scalar"
        used = dict.fromkeys(size for dim in shape for size in (dim[1] if isinstance(dim, tuple) else (dim,)))
        known = [
            f"{size} = {sizes[size][1]} from {sizes[size][0]}" for size in used if sizes.get(size, (name,))[0] != name
        ]
        raise ValueError(f"{name} has shape {came}, expected {text}" + (f" with {', '.join(known)}" if known else ""))
    if 0 in came:
        raise ValueError(f"{name} has shape {came}: it holds no entries, expected at least one")


def pack(parts):
    """Join arrays, such as the parts of a gradient, into one vector."""
    return cp.concatenate([cp.ravel(part) for part in parts])


def _unflatten(vec, shapes, sizes):
    """Split a copy of a vector into arrays; at most one size may be None: it follows from the length."""
    vec = cp.array(vec)
    if vec.ndim != 1:
        raise ValueError(f"vec has shape {vec.shape}, expected one vector")
    unknown = [name for name, size in sizes.items() if size is None]
    if len(unknown) > 1:
        raise ValueError(f"the sizes {', '.join(unknown)} do not follow from vec: give all but one of them")

    def shapes_at(trial):
        known = {name: trial if size is None else size for name, size in sizes.items()}
        return [tuple(dim if isinstance(dim, int) else dim(**known) for dim in shape) for shape in shapes]

    def too_small(trial):
        trials = shapes_at(trial)
        return any(dim < 0 for shape in trials for dim in shape) or sum(map(math.prod, trials)) < vec.size

    low = high = 1
    while unknown and too_small(high):
        low, high = high + 1, 2 * high
    while low < high:  # the unknown size lies between
        middle = (low + high) // 2
        low, high = (middle + 1, high) if too_small(middle) else (low, middle)
    parts, start = [], 0
    for shape in shapes_at(low):
        stop = start + math.prod(shape)
        parts.append((shape, vec[start:stop]))
        start = stop
    if start != vec.size:
        raise ValueError(f"vec has {vec.size} entries, expected {start}")
    return [part.reshape(shape)[()] for shape, part in parts]


_MATMUL_SOURCE = """\
// c = a b for each of a batch: a block has a tile of 16 x 16 entries, and takes 64 columns of a and rows of b at a time.
extern "C" __global__ void matmul(const T* a_all, const T* b_all, T* c_all, long long count, long long rows,
    long long inner, long long columns, long long a_step, long long a_row, long long a_column, long long b_step,
    long long b_row, long long b_column)
{
    __shared__ A left[16][65], right[64][17];
    const int x = threadIdx.x % 16, y = threadIdx.x / 16;
    for (long long number = blockIdx.z; number < count; number += gridDim.z) {
        for (long long top = 16LL * blockIdx.y; top < rows; top += 16LL * gridDim.y) {
            const long long row = top + y, column = 16LL * blockIdx.x + x;
            const T* a = a_all + number * a_step + row * a_row;
            const T* b = b_all + number * b_step + column * b_column;
            A sum = 0;
            for (long long start = 0; start < inner; start += 64) {
                for (int k = x; k < 64; k += 16)
                    left[y][k] = row < rows && start + k < inner ? A(a[(start + k) * a_column]) : A(0);
                for (int k = y; k < 64; k += 16)
                    right[k][x] = column < columns && start + k < inner ? A(b[(start + k) * b_row]) : A(0);
                __syncthreads();
                for (int k = 0; k < 64; ++k) sum += left[y][k] * right[k][x];
                __syncthreads();
            }
            if (row < rows && column < columns) c_all[(number * rows + row) * columns + column] = T(sum);
        }
    }
}
"""


_DEVICE = """\
__device__ A infinity() { return A(1e300 * 1e300); }
__device__ A larger(A a, A b) { return a > b || a != a ? a : b; }
struct Sum {
    static __device__ A none() { return 0; }
    static __device__ A of(A a, A b) { return a + b; }
};
struct Largest {
    static __device__ A none() { return -infinity(); }
    static __device__ A of(A a, A b) { return larger(a, b); }
};
// Room for a number of each thread of a block.
__device__ A* lane_values() {
    __shared__ A values[1024];
    return values;
}
// For every `lanes` threads side by side (a power of 2, or all of the block) what all of them have together.
template <class Law> __device__ A over_lanes(A value, unsigned lanes) {
    A* values = lane_values();
    const unsigned lane = threadIdx.x % lanes;
    __syncthreads();
    values[threadIdx.x] = value;
    for (unsigned n = lanes; n > 1;) {
        const unsigned half = (n + 1) / 2;
        __syncthreads();
        if (lane + half < n) values[threadIdx.x] = Law::of(values[threadIdx.x], values[threadIdx.x + half]);
        n = half;
    }
    __syncthreads();
    return values[threadIdx.x - lane];
}
// The same of the lanes of a row, of which as many as 32 need not wait for the rest of the block.
template <class Law> __device__ A over_row(A value, unsigned lanes) {
    if (lanes > 32) return over_lanes<Law>(value, lanes);
    const unsigned first = threadIdx.x % 32 / lanes * lanes;
    const unsigned mask = (lanes < 32 ? (1u << lanes) - 1 : ~0u) << first;
    for (unsigned n = lanes / 2; n > 0; n /= 2) value = Law::of(value, __shfl_xor_sync(mask, value, n));
    return __shfl_sync(mask, value, first);
}
// Whether all other blocks (of this column) have written their shares. The counter goes back to 0.
__device__ bool is_last_block(unsigned* done) {
    __shared__ bool is_last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) is_last = atomicInc(done + blockIdx.y, gridDim.x - 1) == gridDim.x - 1;
    __syncthreads();
    __threadfence();
    return is_last;
}
// What the shares of all blocks have together.
template <class Law> __device__ A over_blocks(const volatile A* shares) {
    A value = Law::none();
    for (unsigned block = threadIdx.x; block < gridDim.x; block += blockDim.x) value = Law::of(value, shares[block]);
    return over_lanes<Law>(value, blockDim.x);
}
// The same of one column, of which every chunk of the rows has a share.
template <class Law> __device__ A over_chunks(const volatile A* shares, unsigned chunks, size_t columns) {
    A value = Law::none();
    for (unsigned chunk = 0; chunk < chunks; chunk++) value = Law::of(value, shares[chunk * columns]);
    return value;
}
// For each of `width` threads side by side, a group, what all groups of a block have together.
template <class Law> __device__ A over_groups(A value, unsigned width) {
    A* values = lane_values();
    const unsigned group = threadIdx.x / width;
    __syncthreads();
    values[threadIdx.x] = value;
    for (unsigned n = blockDim.x / width; n > 1;) {
        const unsigned half = (n + 1) / 2;
        __syncthreads();
        if (group + half < n) values[threadIdx.x] = Law::of(values[threadIdx.x], values[threadIdx.x + half * width]);
        n = half;
    }
    __syncthreads();
    return values[threadIdx.x % width];
}
// The share of a block: what its groups have together, of each column.
template <class Law> __device__ void share_columns(const A* sums, volatile A* shares, unsigned groups, I columns) {
    for (I column = threadIdx.x; column < columns; column += blockDim.x)
        shares[(size_t)blockIdx.x * columns + column] = over_chunks<Law>(sums + column, groups, columns);
}
// Of each column what the shares of some blocks have together, as what a group has.
template <class Law> __device__ void take_columns(A* sums, const volatile A* shares, unsigned lanes, I columns) {
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    const unsigned blocks = (gridDim.x + groups - 1 - group) / groups;
    shares += (size_t)group * columns;
    for (I column = lane; column < columns; column += lanes)
        sums[column] = over_chunks<Law>(shares + column, blocks, (size_t)groups * columns);
}
"""


_value_1 = _Kernel("value_1", "all", 1, "TT", _DEVICE + """\
extern "C" __global__ void value_1(const T* alpha_all, T* t1_all, T* t2_all, volatile A* shares, unsigned* done,
    I count)
{
    A s = Largest::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        s = Largest::of(s, alpha);
    }
    s = over_lanes<Largest>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    if (!is_last_block(done)) return;
    s = over_blocks<Largest>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t1 = (fabs(s) < infinity() ? s : 0);
    const A t2 = -t1;
    t1_all[0] = t1;
    t2_all[0] = t2;
}
""")


_value_2 = _Kernel("value_2", "rows", (0, 0), "TTT", _DEVICE + """\
extern "C" __global__ void value_2(const T* __restrict__ mu_all, const T* __restrict__ q_all, T* t3_all,
    T* t4_all, T* t5_all, I rows, I columns, unsigned lanes)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the sum of q
        A t3 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A mu = mu_all[i];
            const A q = q_all[i];
            const A t4 = -mu;
            const A t5 = exp(q);
            t3 += q;
            if (works) {
                t4_all[i] = t4;
                t5_all[i] = t5;
            }
        }
        t3 = over_row<Sum>(t3, lanes);
        if (works && lane == 0) {
            t3_all[row] = t3;
        }
    }
}
""")


_value_3 = _Kernel("value_3", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_3(const T* x_all, const T* t4_all, T* t6_all, I count, I d, I K)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (K*d);
        const I i1 = i / d % K;
        const I i2 = i % d;
        const A x = x_all[i0 * d + i2];
        const A t4 = t4_all[i1 * d + i2];
        const A t6 = t4 + x;
        t6_all[i] = t6;
    }
}
""")


_value_4 = _Kernel("value_4", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_4(const T* t5_all, const T* L_all, const T* below_all, T* t7_all, I count, I d)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (d*d);
        const I i1 = i / d % d;
        const I i2 = i % d;
        const A t5 = t5_all[i0 * d + i1];
        const A L = L_all[i];
        const A below = below_all[i1 * d + i2];
        const A t7 = (i1 == i2 ? t5 : 0) + below * L;
        t7_all[i] = t7;
    }
}
""")


_value_5 = _Kernel("value_5", "rows", (0, 0), "T", _DEVICE + """\
extern "C" __global__ void value_5(const T* __restrict__ t8_all, T* t9_all, I rows, I columns, unsigned lanes)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the sum of t8 * t8
        A t9 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t8 = t8_all[i];
            t9 += t8 * t8;
        }
        t9 = over_row<Sum>(t9, lanes);
        if (works && lane == 0) {
            t9_all[row] = t9;
        }
    }
}
""")


_value_6 = _Kernel("value_6", "all", 1, "T", _DEVICE + """\
extern "C" __global__ void value_6(const T* alpha_all, const T* t2_all, const T* t1_all, T* t10_all,
    volatile A* shares, unsigned* done, I count)
{
    const A t2 = t2_all[0];
    const A t1_2 = t1_all[0];
    A s = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        const A t1 = exp(alpha + t2);
        s += t1;
    }
    s = over_lanes<Sum>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    if (!is_last_block(done)) return;
    s = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t10 = -(log(s) + t1_2);
    t10_all[0] = t10;
}
""")


_value_7 = _Kernel("value_7", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_7(const T* t10_all, const T* alpha_all, const T* t3_all, T* t11_all, I count)
{
    const A t10 = t10_all[0];
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        const A t3 = t3_all[i];
        const A t11 = alpha + t10 + t3;
        t11_all[i] = t11;
    }
}
""")


_value_8 = _Kernel("value_8", "rows", (1, 0), "T", _DEVICE + """\
// value = -sum(e5)/n
extern "C" __global__ void value_8(const T* __restrict__ t9_all, const T* __restrict__ t11_all, T* value_all,
    volatile A* shares, unsigned* done, I rows, I columns, unsigned lanes, I d, I n)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    A s3 = Sum::none();
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the largest of t1
        A s = Largest::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t9 = t9_all[i];
            const A t11 = t11_all[column];
            const A t1 = t11 - A(0.5) * t9 - A(0.9189385332046728) * A(d);
            s = Largest::of(s, t1);
        }
        s = over_row<Largest>(s, lanes);
        const A t2 = -(fabs(s) < infinity() ? s : 0);
        // of the row the sum of t3
        A s2 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t9 = t9_all[i];
            const A t11 = t11_all[column];
            const A t1 = t11 - A(0.5) * t9 - A(0.9189385332046728) * A(d);
            const A t3 = exp(t2 + t1);
            s2 += t3;
        }
        s2 = over_row<Sum>(s2, lanes);
        const A t4 = (fabs(s) < infinity() ? s : 0) + log(s2);
        if (works && lane == 0) {
            s3 += t4;
        }
    }
    s3 = over_lanes<Sum>(s3, blockDim.x);
    if (threadIdx.x == 0) (shares)[blockIdx.x] = s3;
    if (!is_last_block(done)) return;
    s3 = over_blocks<Sum>(shares);
    const A t5 = s3 / A(n);
    const A value = -t5;
    if (threadIdx.x == 0) {
        value_all[0] = value;
    }
}
""")


_grad_1 = _Kernel("grad_1", "all", 1, "TT", _DEVICE + """\
extern "C" __global__ void grad_1(const T* alpha_all, T* t1_all, T* t2_all, volatile A* shares, unsigned* done,
    I count)
{
    A s = Largest::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        s = Largest::of(s, alpha);
    }
    s = over_lanes<Largest>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    if (!is_last_block(done)) return;
    s = over_blocks<Largest>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t1 = (fabs(s) < infinity() ? s : 0);
    const A t2 = -t1;
    t1_all[0] = t1;
    t2_all[0] = t2;
}
""")


_grad_2 = _Kernel("grad_2", "rows", (0, 0), "TTT", _DEVICE + """\
extern "C" __global__ void grad_2(const T* __restrict__ mu_all, const T* __restrict__ q_all, T* t3_all,
    T* t4_all, T* t5_all, I rows, I columns, unsigned lanes)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the sum of q
        A t3 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A mu = mu_all[i];
            const A q = q_all[i];
            const A t4 = -mu;
            const A t5 = exp(q);
            t3 += q;
            if (works) {
                t4_all[i] = t4;
                t5_all[i] = t5;
            }
        }
        t3 = over_row<Sum>(t3, lanes);
        if (works && lane == 0) {
            t3_all[row] = t3;
        }
    }
}
""")


_grad_3 = _Kernel("grad_3", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void grad_3(const T* x_all, const T* t4_all, T* t6_all, I count, I d, I K)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (K*d);
        const I i1 = i / d % K;
        const I i2 = i % d;
        const A x = x_all[i0 * d + i2];
        const A t4 = t4_all[i1 * d + i2];
        const A t6 = t4 + x;
        t6_all[i] = t6;
    }
}
""")


_grad_4 = _Kernel("grad_4", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void grad_4(const T* t5_all, const T* L_all, const T* below_all, T* t7_all, I count, I d)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (d*d);
        const I i1 = i / d % d;
        const I i2 = i % d;
        const A t5 = t5_all[i0 * d + i1];
        const A L = L_all[i];
        const A below = below_all[i1 * d + i2];
        const A t7 = (i1 == i2 ? t5 : 0) + below * L;
        t7_all[i] = t7;
    }
}
""")


_grad_5 = _Kernel("grad_5", "rows", (0, 0), "T", _DEVICE + """\
extern "C" __global__ void grad_5(const T* __restrict__ t8_all, T* t9_all, I rows, I columns, unsigned lanes)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the sum of t8 * t8
        A t9 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t8 = t8_all[i];
            t9 += t8 * t8;
        }
        t9 = over_row<Sum>(t9, lanes);
        if (works && lane == 0) {
            t9_all[row] = t9;
        }
    }
}
""")


_grad_6 = _Kernel("grad_6", "all", 1, "TTT", _DEVICE + """\
extern "C" __global__ void grad_6(const T* alpha_all, const T* t2_all, const T* t1_all, T* t10_all, T* t11_all,
    T* t12_all, volatile A* shares, unsigned* done, I count)
{
    const A t2 = t2_all[0];
    const A t1 = t1_all[0];
    A t11 = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        const A t10 = exp(alpha + t2);
        t11 += t10;
        t10_all[i] = t10;
    }
    t11 = over_lanes<Sum>(t11, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = t11;
    if (!is_last_block(done)) return;
    t11 = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t12 = -(log(t11) + t1);
    t11_all[0] = t11;
    t12_all[0] = t12;
}
""")


_grad_7 = _Kernel("grad_7", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void grad_7(const T* t12_all, const T* alpha_all, const T* t3_all, T* t13_all, I count)
{
    const A t12 = t12_all[0];
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        const A t3 = t3_all[i];
        const A t13 = alpha + t12 + t3;
        t13_all[i] = t13;
    }
}
""")


_grad_8 = _Kernel("grad_8", "rows", (0, 1), "TT", _DEVICE + """\
// responsibility = softmax(e4, axis=1)
extern "C" __global__ void grad_8(const T* __restrict__ t9_all, const T* __restrict__ t13_all,
    T* responsibility_all, T* t14_all, volatile A* shares, unsigned* done, I rows, I columns, unsigned lanes,
    unsigned fits, I d)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    const size_t held = (size_t)groups * columns, each = (size_t)gridDim.x * columns;
    extern __shared__ A room[];  // for sums of columns, where they fit
    A* sums = fits ? room : (A*)shares + each + held * blockIdx.x;
    A* t14_sums = sums + (size_t)group * columns;
    for (I column = lane; column < columns; column += lanes) {
        t14_sums[column] = Sum::none();
    }
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the largest of t1
        A s = Largest::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t9 = t9_all[i];
            const A t13 = t13_all[column];
            const A t1 = t13 - A(0.5) * t9 - A(0.9189385332046728) * A(d);
            s = Largest::of(s, t1);
        }
        s = over_row<Largest>(s, lanes);
        const A t2 = -(fabs(s) < infinity() ? s : 0);
        // of the row the sum of t3
        A s2 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t9 = t9_all[i];
            const A t13 = t13_all[column];
            const A t1 = t13 - A(0.5) * t9 - A(0.9189385332046728) * A(d);
            const A t3 = exp(t2 + t1);
            s2 += t3;
        }
        s2 = over_row<Sum>(s2, lanes);
        // of each column the sum of responsibility
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t9 = t9_all[i];
            const A t13 = t13_all[column];
            const A t1 = t13 - A(0.5) * t9 - A(0.9189385332046728) * A(d);
            const A t3 = exp(t2 + t1);
            const A responsibility = t3 / s2;
            t14_sums[column] += responsibility;
            responsibility_all[i] = responsibility;
        }
    }
    __syncthreads();
    share_columns<Sum>(sums, shares, groups, columns);
    if (!is_last_block(done)) return;
    take_columns<Sum>(t14_sums, shares, lanes, columns);
    __syncthreads();
    for (I column = threadIdx.x; column < columns; column += blockDim.x) {
        const A t14 = over_chunks<Sum>(sums + column, groups, columns);
        t14_all[column] = t14;
    }
}
""")


_grad_9 = _Kernel("grad_9", "all", 1, "T", _DEVICE + """\
extern "C" __global__ void grad_9(const T* t14_all, T* t15_all, volatile A* shares, unsigned* done, I count,
    I n)
{
    A s = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t14 = t14_all[i];
        s += t14;
    }
    s = over_lanes<Sum>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    if (!is_last_block(done)) return;
    s = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t15 = s / A(n);
    t15_all[0] = t15;
}
""")


_grad_10 = _Kernel("grad_10", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void grad_10(const T* responsibility_all, const T* t8_all, T* t16_all, I count, I K, I d)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (K*d);
        const I i1 = i / d % K;
        const A responsibility = responsibility_all[i0 * K + i1];
        const A t8 = t8_all[i];
        const A t16 = responsibility * t8;
        t16_all[i] = t16;
    }
}
""")


_grad_11 = _Kernel("grad_11", "columns", 1, "T", _DEVICE + """\
extern "C" __global__ void grad_11(const T* t16_all, T* t17_all, volatile A* shares, unsigned* done, I rows,
    I columns, unsigned width)
{
    const unsigned groups = blockDim.x / width, group = threadIdx.x / width;
    const I column = (I)blockIdx.y * width + threadIdx.x % width;
    const bool works = group < groups && column < columns;
    A t17 = Sum::none();
    for (I row = (I)blockIdx.x * groups + group; works && row < rows; row += (I)gridDim.x * groups) {
        const I i = row * columns + column;
        const A t16 = t16_all[i];
        t17 += t16;
    }
    const size_t each = (size_t)gridDim.x * columns, own = (size_t)group * columns + column;
    t17 = over_groups<Sum>(t17, width);
    if (works && group == 0) (shares)[(size_t)blockIdx.x * columns + column] = t17;
    if (!is_last_block(done)) return;
    const unsigned blocks = works ? (gridDim.x + groups - 1 - group) / groups : 0;  // of a group
    t17 = over_chunks<Sum>(shares + own, blocks, (size_t)groups * columns);
    t17 = over_groups<Sum>(t17, width);
    if (!works || group != 0) return;
    t17_all[column] = t17;
}
""")


_grad_12 = _Kernel("grad_12", "all", 0, "T", _DEVICE + """\
// grad.alpha = -e6/n + softmax(alpha, axis=0)*sum(e6)/n
extern "C" __global__ void grad_12(const T* t14_all, const T* t10_all, const T* t11_all, const T* t15_all,
    T* grad_alpha_all, I count, I n)
{
    const A t11 = t11_all[0];
    const A t15 = t15_all[0];
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t14 = t14_all[i];
        const A t10 = t10_all[i];
        const A grad_alpha = t15 * (t10 / t11) - t14 / A(n);
        grad_alpha_all[i] = grad_alpha;
    }
}
""")


_grad_13 = _Kernel("grad_13", "rows", (0, 0), "T", _DEVICE + """\
// grad.q = -e6[:, None]/n + einsum('ijj->ij', e8)*exp(q)/n
extern "C" __global__ void grad_13(const T* __restrict__ t14_all, const T* __restrict__ t5_all,
    const T* __restrict__ t18_all, T* grad_q_all, I rows, I columns, unsigned lanes, I n, I d)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        const A t14 = t14_all[row];
        const A t1 = -t14 / A(n);
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t5 = t5_all[i];
            const A t18 = t18_all[row * (d*d) + column * d + column];
            const A grad_q = t5 * t18 / A(n) + t1;
            grad_q_all[i] = grad_q;
        }
    }
}
""")


_grad_14 = _Kernel("grad_14", "all", 0, "T", _DEVICE + """\
// grad.L = below*e8/n
extern "C" __global__ void grad_14(const T* below_all, const T* t18_all, T* grad_L_all, I count, I n, I d)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i / d % d;
        const I i2 = i % d;
        const A below = below_all[i1 * d + i2];
        const A t18 = t18_all[i];
        const A grad_L = below * t18 / A(n);
        grad_L_all[i] = grad_L;
    }
}
""")


_grad_15 = _Kernel("grad_15", "all", 0, "T", _DEVICE + """\
// grad.mu = -einsum('ik,ikj->ij', sum(e7, axis=0), e2)/n
extern "C" __global__ void grad_15(const T* t19_all, T* grad_mu_all, I count, I n)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t19 = t19_all[i];
        const A grad_mu = -t19 / A(n);
        grad_mu_all[i] = grad_mu;
    }
}
""")


_value_and_grad_1 = _Kernel("value_and_grad_1", "all", 1, "TT", _DEVICE + """\
extern "C" __global__ void value_and_grad_1(const T* alpha_all, T* t1_all, T* t2_all, volatile A* shares,
    unsigned* done, I count)
{
    A s = Largest::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        s = Largest::of(s, alpha);
    }
    s = over_lanes<Largest>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    if (!is_last_block(done)) return;
    s = over_blocks<Largest>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t1 = (fabs(s) < infinity() ? s : 0);
    const A t2 = -t1;
    t1_all[0] = t1;
    t2_all[0] = t2;
}
""")


_value_and_grad_2 = _Kernel("value_and_grad_2", "rows", (0, 0), "TTT", _DEVICE + """\
extern "C" __global__ void value_and_grad_2(const T* __restrict__ mu_all, const T* __restrict__ q_all,
    T* t3_all, T* t4_all, T* t5_all, I rows, I columns, unsigned lanes)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the sum of q
        A t3 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A mu = mu_all[i];
            const A q = q_all[i];
            const A t4 = -mu;
            const A t5 = exp(q);
            t3 += q;
            if (works) {
                t4_all[i] = t4;
                t5_all[i] = t5;
            }
        }
        t3 = over_row<Sum>(t3, lanes);
        if (works && lane == 0) {
            t3_all[row] = t3;
        }
    }
}
""")


_value_and_grad_3 = _Kernel("value_and_grad_3", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_and_grad_3(const T* x_all, const T* t4_all, T* t6_all, I count, I d, I K)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (K*d);
        const I i1 = i / d % K;
        const I i2 = i % d;
        const A x = x_all[i0 * d + i2];
        const A t4 = t4_all[i1 * d + i2];
        const A t6 = t4 + x;
        t6_all[i] = t6;
    }
}
""")


_value_and_grad_4 = _Kernel("value_and_grad_4", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_and_grad_4(const T* t5_all, const T* L_all, const T* below_all, T* t7_all,
    I count, I d)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (d*d);
        const I i1 = i / d % d;
        const I i2 = i % d;
        const A t5 = t5_all[i0 * d + i1];
        const A L = L_all[i];
        const A below = below_all[i1 * d + i2];
        const A t7 = (i1 == i2 ? t5 : 0) + below * L;
        t7_all[i] = t7;
    }
}
""")


_value_and_grad_5 = _Kernel("value_and_grad_5", "rows", (0, 0), "T", _DEVICE + """\
extern "C" __global__ void value_and_grad_5(const T* __restrict__ t8_all, T* t9_all, I rows, I columns,
    unsigned lanes)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the sum of t8 * t8
        A t9 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t8 = t8_all[i];
            t9 += t8 * t8;
        }
        t9 = over_row<Sum>(t9, lanes);
        if (works && lane == 0) {
            t9_all[row] = t9;
        }
    }
}
""")


_value_and_grad_6 = _Kernel("value_and_grad_6", "all", 1, "TTT", _DEVICE + """\
extern "C" __global__ void value_and_grad_6(const T* alpha_all, const T* t2_all, const T* t1_all, T* t10_all,
    T* t11_all, T* t12_all, volatile A* shares, unsigned* done, I count)
{
    const A t2 = t2_all[0];
    const A t1 = t1_all[0];
    A t11 = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        const A t10 = exp(alpha + t2);
        t11 += t10;
        t10_all[i] = t10;
    }
    t11 = over_lanes<Sum>(t11, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = t11;
    if (!is_last_block(done)) return;
    t11 = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t12 = -(log(t11) + t1);
    t11_all[0] = t11;
    t12_all[0] = t12;
}
""")


_value_and_grad_7 = _Kernel("value_and_grad_7", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_and_grad_7(const T* t12_all, const T* alpha_all, const T* t3_all, T* t13_all,
    I count)
{
    const A t12 = t12_all[0];
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        const A t3 = t3_all[i];
        const A t13 = alpha + t12 + t3;
        t13_all[i] = t13;
    }
}
""")


_value_and_grad_8 = _Kernel("value_and_grad_8", "rows", (1, 1), "TTT", _DEVICE + """\
// responsibility = softmax(e4, axis=1)
// value = -sum(e5)/n
extern "C" __global__ void value_and_grad_8(const T* __restrict__ t9_all, const T* __restrict__ t13_all,
    T* responsibility_all, T* t14_all, T* value_all, volatile A* shares, unsigned* done, I rows, I columns,
    unsigned lanes, unsigned fits, I d, I n)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    A s3 = Sum::none();
    const size_t held = (size_t)groups * columns, each = (size_t)gridDim.x * columns;
    extern __shared__ A room[];  // for sums of columns, where they fit
    A* sums = fits ? room : (A*)shares + each + gridDim.x + held * blockIdx.x;
    A* t14_sums = sums + (size_t)group * columns;
    for (I column = lane; column < columns; column += lanes) {
        t14_sums[column] = Sum::none();
    }
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the largest of t1
        A s = Largest::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t9 = t9_all[i];
            const A t13 = t13_all[column];
            const A t1 = t13 - A(0.5) * t9 - A(0.9189385332046728) * A(d);
            s = Largest::of(s, t1);
        }
        s = over_row<Largest>(s, lanes);
        const A t2 = -(fabs(s) < infinity() ? s : 0);
        // of the row the sum of t3
        A s2 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t9 = t9_all[i];
            const A t13 = t13_all[column];
            const A t1 = t13 - A(0.5) * t9 - A(0.9189385332046728) * A(d);
            const A t3 = exp(t2 + t1);
            s2 += t3;
        }
        s2 = over_row<Sum>(s2, lanes);
        const A t4 = (fabs(s) < infinity() ? s : 0) + log(s2);
        // of each column the sum of responsibility
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t9 = t9_all[i];
            const A t13 = t13_all[column];
            const A t1 = t13 - A(0.5) * t9 - A(0.9189385332046728) * A(d);
            const A t3 = exp(t2 + t1);
            const A responsibility = t3 / s2;
            t14_sums[column] += responsibility;
            responsibility_all[i] = responsibility;
        }
        if (works && lane == 0) {
            s3 += t4;
        }
    }
    __syncthreads();
    share_columns<Sum>(sums, shares, groups, columns);
    s3 = over_lanes<Sum>(s3, blockDim.x);
    if (threadIdx.x == 0) (shares + each)[blockIdx.x] = s3;
    if (!is_last_block(done)) return;
    s3 = over_blocks<Sum>(shares + each);
    const A t5 = s3 / A(n);
    const A value = -t5;
    if (threadIdx.x == 0) {
        value_all[0] = value;
    }
    take_columns<Sum>(t14_sums, shares, lanes, columns);
    __syncthreads();
    for (I column = threadIdx.x; column < columns; column += blockDim.x) {
        const A t14 = over_chunks<Sum>(sums + column, groups, columns);
        t14_all[column] = t14;
    }
}
""")


_value_and_grad_9 = _Kernel("value_and_grad_9", "all", 1, "T", _DEVICE + """\
extern "C" __global__ void value_and_grad_9(const T* t14_all, T* t15_all, volatile A* shares, unsigned* done,
    I count, I n)
{
    A s = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t14 = t14_all[i];
        s += t14;
    }
    s = over_lanes<Sum>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    if (!is_last_block(done)) return;
    s = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t15 = s / A(n);
    t15_all[0] = t15;
}
""")


_value_and_grad_10 = _Kernel("value_and_grad_10", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_and_grad_10(const T* responsibility_all, const T* t8_all, T* t16_all, I count,
    I K, I d)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (K*d);
        const I i1 = i / d % K;
        const A responsibility = responsibility_all[i0 * K + i1];
        const A t8 = t8_all[i];
        const A t16 = responsibility * t8;
        t16_all[i] = t16;
    }
}
""")


_value_and_grad_11 = _Kernel("value_and_grad_11", "columns", 1, "T", _DEVICE + """\
extern "C" __global__ void value_and_grad_11(const T* t16_all, T* t17_all, volatile A* shares, unsigned* done,
    I rows, I columns, unsigned width)
{
    const unsigned groups = blockDim.x / width, group = threadIdx.x / width;
    const I column = (I)blockIdx.y * width + threadIdx.x % width;
    const bool works = group < groups && column < columns;
    A t17 = Sum::none();
    for (I row = (I)blockIdx.x * groups + group; works && row < rows; row += (I)gridDim.x * groups) {
        const I i = row * columns + column;
        const A t16 = t16_all[i];
        t17 += t16;
    }
    const size_t each = (size_t)gridDim.x * columns, own = (size_t)group * columns + column;
    t17 = over_groups<Sum>(t17, width);
    if (works && group == 0) (shares)[(size_t)blockIdx.x * columns + column] = t17;
    if (!is_last_block(done)) return;
    const unsigned blocks = works ? (gridDim.x + groups - 1 - group) / groups : 0;  // of a group
    t17 = over_chunks<Sum>(shares + own, blocks, (size_t)groups * columns);
    t17 = over_groups<Sum>(t17, width);
    if (!works || group != 0) return;
    t17_all[column] = t17;
}
""")


_value_and_grad_12 = _Kernel("value_and_grad_12", "all", 0, "T", _DEVICE + """\
// grad.alpha = -e6/n + softmax(alpha, axis=0)*sum(e6)/n
extern "C" __global__ void value_and_grad_12(const T* t14_all, const T* t10_all, const T* t11_all,
    const T* t15_all, T* grad_alpha_all, I count, I n)
{
    const A t11 = t11_all[0];
    const A t15 = t15_all[0];
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t14 = t14_all[i];
        const A t10 = t10_all[i];
        const A grad_alpha = t15 * (t10 / t11) - t14 / A(n);
        grad_alpha_all[i] = grad_alpha;
    }
}
""")


_value_and_grad_13 = _Kernel("value_and_grad_13", "rows", (0, 0), "T", _DEVICE + """\
// grad.q = -e6[:, None]/n + einsum('ijj->ij', e8)*exp(q)/n
extern "C" __global__ void value_and_grad_13(const T* __restrict__ t14_all, const T* __restrict__ t5_all,
    const T* __restrict__ t18_all, T* grad_q_all, I rows, I columns, unsigned lanes, I n, I d)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        const A t14 = t14_all[row];
        const A t1 = -t14 / A(n);
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t5 = t5_all[i];
            const A t18 = t18_all[row * (d*d) + column * d + column];
            const A grad_q = t5 * t18 / A(n) + t1;
            grad_q_all[i] = grad_q;
        }
    }
}
""")


_value_and_grad_14 = _Kernel("value_and_grad_14", "all", 0, "T", _DEVICE + """\
// grad.L = below*e8/n
extern "C" __global__ void value_and_grad_14(const T* below_all, const T* t18_all, T* grad_L_all, I count, I n,
    I d)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i / d % d;
        const I i2 = i % d;
        const A below = below_all[i1 * d + i2];
        const A t18 = t18_all[i];
        const A grad_L = below * t18 / A(n);
        grad_L_all[i] = grad_L;
    }
}
""")


_value_and_grad_15 = _Kernel("value_and_grad_15", "all", 0, "T", _DEVICE + """\
// grad.mu = -einsum('ik,ikj->ij', sum(e7, axis=0), e2)/n
extern "C" __global__ void value_and_grad_15(const T* t19_all, T* grad_mu_all, I count, I n)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t19 = t19_all[i];
        const A grad_mu = -t19 / A(n);
        grad_mu_all[i] = grad_mu;
    }
}
""")


_responsibility_1 = _Kernel("responsibility_1", "all", 1, "TT", _DEVICE + """\
extern "C" __global__ void responsibility_1(const T* alpha_all, T* t1_all, T* t2_all, volatile A* shares,
    unsigned* done, I count)
{
    A s = Largest::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        s = Largest::of(s, alpha);
    }
    s = over_lanes<Largest>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    if (!is_last_block(done)) return;
    s = over_blocks<Largest>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t1 = (fabs(s) < infinity() ? s : 0);
    const A t2 = -t1;
    t1_all[0] = t1;
    t2_all[0] = t2;
}
""")


_responsibility_2 = _Kernel("responsibility_2", "rows", (0, 0), "TTT", _DEVICE + """\
extern "C" __global__ void responsibility_2(const T* __restrict__ mu_all, const T* __restrict__ q_all,
    T* t3_all, T* t4_all, T* t5_all, I rows, I columns, unsigned lanes)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the sum of q
        A t3 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A mu = mu_all[i];
            const A q = q_all[i];
            const A t4 = -mu;
            const A t5 = exp(q);
            t3 += q;
            if (works) {
                t4_all[i] = t4;
                t5_all[i] = t5;
            }
        }
        t3 = over_row<Sum>(t3, lanes);
        if (works && lane == 0) {
            t3_all[row] = t3;
        }
    }
}
""")


_responsibility_3 = _Kernel("responsibility_3", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void responsibility_3(const T* x_all, const T* t4_all, T* t6_all, I count, I d, I K)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (K*d);
        const I i1 = i / d % K;
        const I i2 = i % d;
        const A x = x_all[i0 * d + i2];
        const A t4 = t4_all[i1 * d + i2];
        const A t6 = t4 + x;
        t6_all[i] = t6;
    }
}
""")


_responsibility_4 = _Kernel("responsibility_4", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void responsibility_4(const T* t5_all, const T* L_all, const T* below_all, T* t7_all,
    I count, I d)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (d*d);
        const I i1 = i / d % d;
        const I i2 = i % d;
        const A t5 = t5_all[i0 * d + i1];
        const A L = L_all[i];
        const A below = below_all[i1 * d + i2];
        const A t7 = (i1 == i2 ? t5 : 0) + below * L;
        t7_all[i] = t7;
    }
}
""")


_responsibility_5 = _Kernel("responsibility_5", "rows", (0, 0), "T", _DEVICE + """\
extern "C" __global__ void responsibility_5(const T* __restrict__ t8_all, T* t9_all, I rows, I columns,
    unsigned lanes)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the sum of t8 * t8
        A t9 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t8 = t8_all[i];
            t9 += t8 * t8;
        }
        t9 = over_row<Sum>(t9, lanes);
        if (works && lane == 0) {
            t9_all[row] = t9;
        }
    }
}
""")


_responsibility_6 = _Kernel("responsibility_6", "all", 1, "T", _DEVICE + """\
extern "C" __global__ void responsibility_6(const T* alpha_all, const T* t2_all, const T* t1_all, T* t10_all,
    volatile A* shares, unsigned* done, I count)
{
    const A t2 = t2_all[0];
    const A t1_2 = t1_all[0];
    A s = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        const A t1 = exp(alpha + t2);
        s += t1;
    }
    s = over_lanes<Sum>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    if (!is_last_block(done)) return;
    s = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t10 = -(log(s) + t1_2);
    t10_all[0] = t10;
}
""")


_responsibility_7 = _Kernel("responsibility_7", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void responsibility_7(const T* t10_all, const T* alpha_all, const T* t3_all, T* t11_all,
    I count)
{
    const A t10 = t10_all[0];
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        const A t3 = t3_all[i];
        const A t11 = alpha + t10 + t3;
        t11_all[i] = t11;
    }
}
""")


_responsibility_8 = _Kernel("responsibility_8", "rows", (0, 0), "T", _DEVICE + """\
// responsibility = softmax(e4, axis=1)
extern "C" __global__ void responsibility_8(const T* __restrict__ t9_all, const T* __restrict__ t11_all,
    T* responsibility_all, I rows, I columns, unsigned lanes, I d)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the largest of t1
        A s = Largest::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t9 = t9_all[i];
            const A t11 = t11_all[column];
            const A t1 = t11 - A(0.5) * t9 - A(0.9189385332046728) * A(d);
            s = Largest::of(s, t1);
        }
        s = over_row<Largest>(s, lanes);
        const A t2 = -(fabs(s) < infinity() ? s : 0);
        // of the row the sum of t3
        A s2 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t9 = t9_all[i];
            const A t11 = t11_all[column];
            const A t1 = t11 - A(0.5) * t9 - A(0.9189385332046728) * A(d);
            const A t3 = exp(t2 + t1);
            s2 += t3;
        }
        s2 = over_row<Sum>(s2, lanes);
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t9 = t9_all[i];
            const A t11 = t11_all[column];
            const A t1 = t11 - A(0.5) * t9 - A(0.9189385332046728) * A(d);
            const A t3 = exp(t2 + t1);
            const A responsibility = t3 / s2;
            responsibility_all[i] = responsibility;
        }
    }
}
""")


value = _takes(value, lambda K, d, n, **_: K*d*d + 2*K*d*n + 2*K*d + K*n + 2*K + 4, SIGNATURE)
grad = _takes(grad, lambda K, d, n, **_: 3*K*d*d + 3*K*d*n + 6*K*d + 2*K*n + 5*K + 5, SIGNATURE)
value_and_grad = _takes(value_and_grad, lambda K, d, n, **_: 3*K*d*d + 3*K*d*n + 6*K*d + 2*K*n + 5*K + 6, SIGNATURE)
responsibility = _takes(responsibility, lambda K, d, n, **_: K*d*d + 2*K*d*n + 2*K*d + 2*K*n + 2*K + 3, SIGNATURE)
