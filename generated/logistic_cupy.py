# symdiff 0.1.0: --backend cupy --emit value,grad,value_and_grad --math exact --style fast
"""logistic: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    w        parameter, (d, 1)
    b        parameter, scalar
    x        data, (n, d)
    y        data, (n, 1)
    penalty  constant, scalar

Closed form
    e1 = b + x*w
    value = penalty*sum(w∘**2) + sum(softplus(-e1) + (-y + 1) ∘ e1)/n
    probability = sigmoid(e1)
    e2 = probability - y
    grad.w = (2*penalty)*w + 1/n*x.T*e2
    grad.b = sum(e2)/n

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
    "model": "logistic",
    "inputs": {
        "w": {"role": "parameter", "shape": ("d", 1), "dtype": "float"},
        "b": {"role": "parameter", "shape": (), "dtype": "float"},
        "x": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "y": {"role": "data", "shape": ("n", 1), "dtype": "float"},
        "penalty": {"role": "constant", "shape": (), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("w", "b", "x", "y", "penalty"),
        "grad": ("w", "b", "x", "y", "penalty"),
        "value_and_grad": ("w", "b", "x", "y", "penalty"),
        "probability": ("w", "b", "x"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    w: cp.ndarray
    b: cp.ndarray


class ProbabilityGrad(NamedTuple):
    """One array for each parameter of probability."""

    w: cp.ndarray
    b: cp.ndarray


def value(w, b, x, y, penalty):
    """Return the objective."""
    w, b, x, y, penalty = _arguments(w, b, x, y, penalty)
    n = x.shape[0]
    d = w.shape[0]
    t1 = _value_1(w.dtype, (n, d), ((),), y, x, w, b, n)
    value = _value_2(w.dtype, (d,), ((),), w, penalty, t1)
    return value


def grad(w, b, x, y, penalty):
    """Return the gradient of the objective by w, b."""
    w, b, x, y, penalty = _arguments(w, b, x, y, penalty)
    n = x.shape[0]
    d = w.shape[0]
    grad_b, grad_w = _grad_1(w.dtype, (n, d), ((), (d, 1)), y, x, w, b, penalty, n)
    return Grad(grad_w, grad_b)


def value_and_grad(w, b, x, y, penalty):
    """Return the objective and its gradient by w, b."""
    w, b, x, y, penalty = _arguments(w, b, x, y, penalty)
    n = x.shape[0]
    d = w.shape[0]
    t1, grad_b, grad_w = _value_and_grad_1(w.dtype, (n, d), ((), (), (d, 1)), y, x, w, b, penalty, n)
    value = _value_and_grad_2(w.dtype, (d,), ((),), w, penalty, t1)
    return value, Grad(grad_w, grad_b)


def probability(w, b, x):
    """Return probability."""
    w, b, x = _arguments_of_probability(w, b, x)
    n = x.shape[0]
    d = w.shape[0]
    probability = _probability_1(w.dtype, (n, d), ((n, 1),), x, w, b)
    return probability


def unpack(vec, *, d=None):
    """Split one vector into w, b. One size may be left out: it follows from the length of the vector."""
    return Grad(*_unflatten(vec, ((lambda d: d, 1), ()), {"d": d}))


def value_flat(vec, x, y, penalty):
    """As `value`, of one vector that holds w, b."""
    p = unpack(vec, d=cp.shape(x)[1])
    return value(p.w, p.b, x, y, penalty)


def grad_flat(vec, x, y, penalty):
    """As `grad`, of one vector that holds w, b."""
    p = unpack(vec, d=cp.shape(x)[1])
    return pack(grad(p.w, p.b, x, y, penalty))


def value_and_grad_flat(vec, x, y, penalty):
    """As `value_and_grad`, of one vector that holds w, b."""
    p = unpack(vec, d=cp.shape(x)[1])
    value, gradient = value_and_grad(p.w, p.b, x, y, penalty)
    return value, pack(gradient)


def probability_flat(vec, x):
    """As `probability`, of one vector that holds w, b."""
    p = unpack(vec, d=cp.shape(x)[1])
    return probability(p.w, p.b, x)


_FLOATING = (cp.dtype(cp.float16), cp.dtype(cp.float32), cp.dtype(cp.float64))
_EXPECTED = "float16, float32 or float64"


def _arguments(w, b, x, y, penalty):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "w": (("d", 1), "float"),
            "b": ((), "float"),
            "x": (("n", "d"), "float"),
            "y": (("n", 1), "float"),
            "penalty": ((), "float"),
        },
        (w, b, x, y, penalty),
    )


def _arguments_of_probability(w, b, x):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "w": (("d", 1), "float"),
            "b": ((), "float"),
            "x": (("n", "d"), "float"),
        },
        (w, b, x),
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


_DEVICE = """\
__device__ A smaller(A a, A b) { return a < b || a != a ? a : b; }
struct Sum {
    static __device__ A none() { return 0; }
    static __device__ A of(A a, A b) { return a + b; }
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


_value_1 = _Kernel("value_1", "rows", (1, 0), "T", _DEVICE + """\
extern "C" __global__ void value_1(const T* __restrict__ y_all, const T* __restrict__ x_all,
    const T* __restrict__ w_all, const T* __restrict__ b_all, T* t1_all, volatile A* shares, unsigned* done,
    I rows, I columns, unsigned lanes, I n)
{
    const A b = b_all[0];
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    A s2 = Sum::none();
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        const A y = y_all[row];
        // of the row the sum of x * w
        A s = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A x = x_all[i];
            const A w = w_all[column];
            s += x * w;
        }
        s = over_row<Sum>(s, lanes);
        const A t1 = b + s;
        const A t2 = t1 * (1 - y) + (log1p(exp(-fabs(t1))) - smaller(0, t1));
        if (works && lane == 0) {
            s2 += t2;
        }
    }
    s2 = over_lanes<Sum>(s2, blockDim.x);
    if (threadIdx.x == 0) (shares)[blockIdx.x] = s2;
    if (!is_last_block(done)) return;
    s2 = over_blocks<Sum>(shares);
    const A t1_2 = s2 / A(n);
    if (threadIdx.x == 0) {
        t1_all[0] = t1_2;
    }
}
""")


_value_2 = _Kernel("value_2", "all", 1, "T", _DEVICE + """\
// value = penalty*sum(w.**2) + sum(softplus(-e1) + (-y + 1) .* e1)/n
extern "C" __global__ void value_2(const T* w_all, const T* penalty_all, const T* t1_all, T* value_all,
    volatile A* shares, unsigned* done, I count)
{
    const A penalty = penalty_all[0];
    const A t1 = t1_all[0];
    A s = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A w = w_all[i];
        s += w * w;
    }
    s = over_lanes<Sum>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    if (!is_last_block(done)) return;
    s = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A value = penalty * s + t1;
    value_all[0] = value;
}
""")


_grad_1 = _Kernel("grad_1", "rows", (1, 1), "TT", _DEVICE + """\
// grad.b = sum(e2)/n
extern "C" __global__ void grad_1(const T* __restrict__ y_all, const T* __restrict__ x_all,
    const T* __restrict__ w_all, const T* __restrict__ b_all, const T* __restrict__ penalty_all, T* grad_b_all,
    T* grad_w_all, volatile A* shares, unsigned* done, I rows, I columns, unsigned lanes, unsigned fits, I n)
{
    const A b = b_all[0];
    const A penalty = penalty_all[0];
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    A s3 = Sum::none();
    const size_t held = (size_t)groups * columns, each = (size_t)gridDim.x * columns;
    extern __shared__ A room[];  // for sums of columns, where they fit
    A* sums = fits ? room : (A*)shares + each + gridDim.x + held * blockIdx.x;
    A* s2_sums = sums + (size_t)group * columns;
    for (I column = lane; column < columns; column += lanes) {
        s2_sums[column] = Sum::none();
    }
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        const A y = y_all[row];
        // of the row the sum of x * w
        A s = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A x = x_all[i];
            const A w = w_all[column];
            s += x * w;
        }
        s = over_row<Sum>(s, lanes);
        const A t1 = b + s;
        const A t2 = exp(-fabs(t1));
        const A t3 = (t1 >= 0 ? 1 : t2) / (t2 + 1) - y;
        // of each column the sum of x * t3
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A x = x_all[i];
            s2_sums[column] += x * t3;
        }
        if (works && lane == 0) {
            s3 += t3;
        }
    }
    __syncthreads();
    share_columns<Sum>(sums, shares, groups, columns);
    s3 = over_lanes<Sum>(s3, blockDim.x);
    if (threadIdx.x == 0) (shares + each)[blockIdx.x] = s3;
    if (!is_last_block(done)) return;
    s3 = over_blocks<Sum>(shares + each);
    const A grad_b = s3 / A(n);
    if (threadIdx.x == 0) {
        grad_b_all[0] = grad_b;
    }
    take_columns<Sum>(s2_sums, shares, lanes, columns);
    __syncthreads();
    for (I column = threadIdx.x; column < columns; column += blockDim.x) {
        const A s2 = over_chunks<Sum>(sums + column, groups, columns);
        const A w = w_all[column];
        const A grad_w = 2 * penalty * w + s2 / A(n);
        grad_w_all[column] = grad_w;
    }
}
""")


_value_and_grad_1 = _Kernel("value_and_grad_1", "rows", (2, 1), "TTT", _DEVICE + """\
// grad.b = sum(e2)/n
extern "C" __global__ void value_and_grad_1(const T* __restrict__ y_all, const T* __restrict__ x_all,
    const T* __restrict__ w_all, const T* __restrict__ b_all, const T* __restrict__ penalty_all, T* t1_all,
    T* grad_b_all, T* grad_w_all, volatile A* shares, unsigned* done, I rows, I columns, unsigned lanes,
    unsigned fits, I n)
{
    const A b = b_all[0];
    const A penalty = penalty_all[0];
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    A s3 = Sum::none();
    A s4 = Sum::none();
    const size_t held = (size_t)groups * columns, each = (size_t)gridDim.x * columns;
    extern __shared__ A room[];  // for sums of columns, where they fit
    A* sums = fits ? room : (A*)shares + each + 2 * gridDim.x + held * blockIdx.x;
    A* s2_sums = sums + (size_t)group * columns;
    for (I column = lane; column < columns; column += lanes) {
        s2_sums[column] = Sum::none();
    }
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        const A y = y_all[row];
        // of the row the sum of x * w
        A s = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A x = x_all[i];
            const A w = w_all[column];
            s += x * w;
        }
        s = over_row<Sum>(s, lanes);
        const A t1 = b + s;
        const A t2 = exp(-fabs(t1));
        const A t3 = t1 * (1 - y) + (log1p(t2) - smaller(0, t1));
        const A t4 = (t1 >= 0 ? 1 : t2) / (t2 + 1) - y;
        // of each column the sum of x * t4
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A x = x_all[i];
            s2_sums[column] += x * t4;
        }
        if (works && lane == 0) {
            s3 += t3;
            s4 += t4;
        }
    }
    __syncthreads();
    share_columns<Sum>(sums, shares, groups, columns);
    s3 = over_lanes<Sum>(s3, blockDim.x);
    if (threadIdx.x == 0) (shares + each)[blockIdx.x] = s3;
    s4 = over_lanes<Sum>(s4, blockDim.x);
    if (threadIdx.x == 0) (shares + each + gridDim.x)[blockIdx.x] = s4;
    if (!is_last_block(done)) return;
    s3 = over_blocks<Sum>(shares + each);
    s4 = over_blocks<Sum>(shares + each + gridDim.x);
    const A t1_2 = s3 / A(n);
    const A grad_b = s4 / A(n);
    if (threadIdx.x == 0) {
        t1_all[0] = t1_2;
        grad_b_all[0] = grad_b;
    }
    take_columns<Sum>(s2_sums, shares, lanes, columns);
    __syncthreads();
    for (I column = threadIdx.x; column < columns; column += blockDim.x) {
        const A s2 = over_chunks<Sum>(sums + column, groups, columns);
        const A w = w_all[column];
        const A grad_w = 2 * penalty * w + s2 / A(n);
        grad_w_all[column] = grad_w;
    }
}
""")


_value_and_grad_2 = _Kernel("value_and_grad_2", "all", 1, "T", _DEVICE + """\
// value = penalty*sum(w.**2) + sum(softplus(-e1) + (-y + 1) .* e1)/n
extern "C" __global__ void value_and_grad_2(const T* w_all, const T* penalty_all, const T* t1_all, T* value_all,
    volatile A* shares, unsigned* done, I count)
{
    const A penalty = penalty_all[0];
    const A t1 = t1_all[0];
    A s = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A w = w_all[i];
        s += w * w;
    }
    s = over_lanes<Sum>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    if (!is_last_block(done)) return;
    s = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A value = penalty * s + t1;
    value_all[0] = value;
}
""")


_probability_1 = _Kernel("probability_1", "rows", (0, 0), "T", _DEVICE + """\
// probability = sigmoid(e1)
extern "C" __global__ void probability_1(const T* __restrict__ x_all, const T* __restrict__ w_all,
    const T* __restrict__ b_all, T* probability_all, I rows, I columns, unsigned lanes)
{
    const A b = b_all[0];
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the sum of x * w
        A s = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A x = x_all[i];
            const A w = w_all[column];
            s += x * w;
        }
        s = over_row<Sum>(s, lanes);
        const A t1 = b + s;
        const A t2 = exp(-fabs(t1));
        const A probability = (t1 >= 0 ? 1 : t2) / (t2 + 1);
        if (works && lane == 0) {
            probability_all[row] = probability;
        }
    }
}
""")


grad = _takes(grad, lambda d, **_: d + 1, SIGNATURE)
value_and_grad = _takes(value_and_grad, lambda d, **_: d + 3, SIGNATURE)
probability = _takes(probability, lambda n, **_: n, SIGNATURE)
