# symdiff 0.1.0: --backend cupy --runtime shared
"""What the modules in this folder have in common, written by symdiff: their runtime."""


import math
import threading
from contextlib import suppress
from functools import wraps

try:
    import cupy as cp
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "This module computes on a GPU with CuPy, which is not installed: pip install 'cupy-cuda12x[ctk]' (13x for CUDA 13)"
    ) from None

from cupyx import errstate
from cupyx.scipy.linalg import solve_triangular


_VERSION = "0.1.0"


_FLOATING = (cp.dtype(cp.float16), cp.dtype(cp.float32), cp.dtype(cp.float64))
_EXPECTED = "float16, float32 or float64"


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


def _without_halves(check, names, why):
    """The check of arguments of these names, for a module that takes none in half precision."""

    def checked(*arguments):
        for name, argument in zip(names, arguments):
            if hasattr(argument, "dtype") and _array(name, argument).dtype == cp.float16:
                raise TypeError(f"{name} has dtype float16, expected float32 or float64 ({why})")
        return check(*arguments)

    return checked


def _in_single(function):
    """The function, which of arrays in half precision is computed in single, and given back in half."""

    def computed(*given, **options):
        halves = [getattr(x, "dtype", None) == cp.float16 for x in given]
        if not any(halves):
            return function(*given, **options)
        single = (x.astype(cp.float32) if half else x for x, half in zip(given, halves))
        return function(*single, **options).astype(cp.float16)

    return computed


@_in_single
def _sum(x, axis=0):
    """The sum along axes."""
    return cp.add.reduce(x, axis)


@_in_single
def _prod(x, axis=0):
    """The product along axes."""
    return cp.multiply.reduce(x, axis)


@_in_single
def _norm(x, axis=0):
    """The Euclidean norm along axes."""
    return cp.sqrt(cp.add.reduce(x**2, axis))


@_in_single
def _cumsum(x, axis):
    """Running sums along an axis."""
    return cp.cumsum(x, axis)


@_in_single
def _tensordot(a, b, axes):
    """The product, summed over pairs of axes."""
    return cp.tensordot(a, b, axes)


def _positions(positions, length):
    """Whether each position fits an axis of that length: to raise an error the host would have to wait for the device."""
    return (positions >= 0) & (positions < length)


def _one_hot(positions, length, dtype):
    """Along a new last axis 1 at each position, counted from 0, else 0."""
    return (positions[..., None] == cp.arange(length)).astype(dtype)


def _flat_positions(positions, rows, own, length):
    """Positions in rows of a length, numbered by `rows` axes before the last `own`, in all rows joined; -1 where none is."""
    positions = positions.astype(cp.int64, copy=False)
    counts = positions.shape[positions.ndim - own - rows : positions.ndim - own]
    starts = length * cp.arange(math.prod(counts)).reshape(counts + (1,) * own)
    return cp.where(_positions(positions, length), positions + starts, cp.full((), -1, cp.int64))


def _take(x, positions, axis):
    """The entries of x at positions, counted from 0, along an axis; NaN (of integers -1) at a position that x does not have."""
    positions = positions.astype(cp.int64, copy=False)
    inside = _positions(positions, x.shape[axis]).reshape(positions.shape + (1,) * (x.ndim - 1 - axis))
    return cp.where(inside, cp.take(x, positions, axis), cp.full((), cp.nan if x.dtype.kind == "f" else -1, x.dtype))


def _scatter(values, positions, axis, length):
    """The transpose of `_take`: zeros of a length along the axis, with each value added at its position, in any order."""
    positions = positions.astype(cp.int64, copy=False)
    result = cp.zeros((*values.shape[:axis], length, *values.shape[axis + positions.ndim :]), values.dtype)
    inside = _positions(positions, length).reshape(positions.shape + (1,) * (values.ndim - axis - positions.ndim))
    values = cp.where(inside, values, cp.zeros((), values.dtype))
    cp.add.at(result, (slice(None),) * axis + (positions,), values)
    return result


def _masked(condition, x):
    """x where the condition holds, else 0, whatever x is there."""
    return cp.where(condition, x, cp.zeros((), x.dtype))


def _bell(x):
    """exp(-x**2)."""
    return cp.exp(-(x**2))


def _windows(x, *axes, writeable=False):
    """A view of x in which some axes are several, one for each (size, step) of theirs.

    Each of `axes` is (axis, start, (size, step), (size', step'), ...): the entries at start + step i + step' i' + ...
    """
    shape, strides, first = [], [], [slice(None)] * x.ndim
    terms = {axis: sizes for axis, _, *sizes in axes}
    for axis, start, *sizes in axes:
        first[axis] = slice(0 if any(size == 0 for size, _ in sizes) else start, None)
    for axis, stride in enumerate(x.strides):
        for size, step in terms.get(axis, [(x.shape[axis], 1)]):
            shape.append(size)
            strides.append(step * stride)
    return cp.lib.stride_tricks.as_strided(x[tuple(first)], shape, strides)


def _checked(function, name, *matrices):
    """function(*matrices), whose error names the matrix; to know of one the host waits for the device."""
    try:
        with errstate(linalg="raise"):
            return function(*_of_one_batch(*matrices))
    except cp.linalg.LinAlgError as error:
        raise cp.linalg.LinAlgError(f"{error}: {name}") from None


def _of_one_batch(*matrices):
    """The matrices, with the same leading axes."""
    shape = cp.broadcast_shapes(*(matrix.shape[:-2] for matrix in matrices))
    return [cp.broadcast_to(matrix, shape + matrix.shape[-2:]) for matrix in matrices]


def _solve_triangular(a, b, upper):
    """a^-1 b for a triangular a."""
    return solve_triangular(*_of_one_batch(a, b), lower=not upper)


def _inverse_lower(a):
    """The inverse of a lower triangular matrix."""
    return solve_triangular(a, cp.broadcast_to(cp.eye(a.shape[-1], dtype=a.dtype), a.shape), lower=True)


def _cofactors(a):
    """det(a) a^-T by singular values, of which each cofactor lacks one: a singular matrix is no exception."""
    left, values, right, sign = _singular_values(a)
    others = sign[..., None] * _prod_others(values, axes=(values.ndim - 1,))
    return (left * others[..., None, :]) @ right


def _cofactor_factors(a):
    """U, V and P: the cofactors of a change with it by U (diag(P d) - P o M^T) V^T, M = U^T da V and d its diagonal.

    By singular values, of which each entry of P lacks two.
    """
    left, values, right, sign = _singular_values(a)
    one = cp.eye(a.shape[-1], dtype=a.dtype)
    others = sign[..., None, None] * _products(one, values[..., None, :], axes=(-1,), order=1)
    return cp.stack([left, right.swapaxes(-1, -2), others], axis=-3)


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


def _convert_points(names, arguments):
    """Return the arguments as arrays of one floating dtype, and their one shape; scalars go with any shape."""
    arrays = _typed(dict.fromkeys(names, "float"), arguments)
    shape, owner = (), None
    for name, array in arrays.items():
        if array.shape and owner is None:
            shape, owner = array.shape, name
        elif array.shape and array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, expected a scalar or {shape} as {owner} has")
        if 0 in array.shape:
            raise ValueError(f"{name} has shape {array.shape}: it holds no entries, expected at least one")
    return *arrays.values(), shape


def _direction(name, given, like):
    """A direction as arrays, one for each array of `like`, with its shape and dtype."""
    names = ", ".join(like)
    if not isinstance(given, (tuple, list)) and not cp.ndim(given):
        raise TypeError(f"{name} is a {type(given).__name__}, expected a tuple such as a gradient: {names}")
    if len(given) != len(like):
        raise ValueError(f"{name} has {len(given)} parts, expected {len(like)}: {names}")
    parts = []
    for part, (field, array) in zip(given, like.items()):
        part = _array(f"{name}.{field}", part)
        if part.shape != array.shape:
            raise ValueError(f"{name}.{field} has shape {part.shape}, expected {array.shape} as {field} has")
        parts.append(part.astype(array.dtype, copy=False)[()])
    return parts


def _cotangent(name, given, shape, dtype):
    """A cotangent as an array of the output's shape."""
    array = _array(name, given)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}, the shape of the output")
    return array.astype(dtype, copy=False)[()]


def _on_diagonal(values, diagonal, shape):
    """Zeros, but `values` on the diagonal that einsum(diagonal) views."""
    result = cp.zeros(shape, values.dtype)
    cp.einsum(diagonal, result)[...] = values
    return result


def _place(values, where, shape, dtype):
    """Zeros, but `values` at `where`."""
    result = cp.zeros(shape, dtype)
    result[where] = values
    return result


def _shaped(result, shape, dtype):
    """A result that may not depend on every argument, at the shape of them all, in memory of its own."""
    result = cp.asarray(result, dtype)
    return cp.broadcast_to(result, shape).copy() if shape else result[()]


def _add_windows(values, shape, *axes):
    """The transpose of `_windows`: zeros of a shape, with each value added where it came from."""
    result = cp.zeros(shape, values.dtype)
    view = _windows(result, *axes, writeable=True)
    terms = {axis: sizes for axis, _, *sizes in axes}
    loops, place = [], 0
    for axis, length in enumerate(shape):
        sizes = terms.get(axis, [(length, 1)])
        apart = len(sizes) == 1 or (len(sizes) == 2 and any(abs(s) >= n * abs(t) for _, s in sizes for n, t in sizes))
        if not apart:  # entries meet: they are added one after the other, but for those along the longest
            longest = max(range(len(sizes)), key=lambda k: sizes[k][0])
            loops += [place + k for k in range(len(sizes)) if k != longest]
        place += len(sizes)
    for offsets in cp.ndindex(*(view.shape[axis] for axis in loops)):
        entry = [slice(None)] * view.ndim
        for axis, k in zip(loops, offsets):
            entry[axis] = k
        part = view[tuple(entry)]
        part += values[tuple(entry)]
    return result


def _of_windows(function, x, *windows):
    """The sum or the largest entry of each window of the last axes; `windows` are (size, step) along each."""
    for axis, (size, step) in enumerate(windows, x.ndim - len(windows)):
        last = (x.shape[axis] - size) // step * step
        first, *rest = (x[(slice(None),) * axis + (slice(k, k + last + 1, step),)] for k in range(size))
        x = function(first, rest.pop()) if rest else first
        for part in rest:
            function(x, part, out=x)
    return x


def _spread_windows(values, shape, *windows):
    """The transpose of `_of_windows(np.add, ...)`: zeros of a shape, with each value added to all entries of its window."""
    for axis, (size, step) in reversed(list(enumerate(windows, values.ndim - len(windows)))):
        spread = cp.zeros((*values.shape[:axis], *shape[axis:]), values.dtype)
        for k in range(size):
            part = spread[(slice(None),) * axis + (slice(k, k + step * (values.shape[axis] - 1) + 1, step),)]
            part += values
        values = spread
    return values


def _first_largest(x, y, windows):
    """For each place in the windows of x: those entries of x, and which of them are y, the largest, for the first time."""
    free = cp.ones_like(y, bool)
    for place in cp.ndindex(*(size for size, _ in windows)):
        steps = [(k, step, count) for k, (_, step), count in zip(place, windows, y.shape[-len(windows) :])]
        spot = (..., *(slice(k, k + step * (count - 1) + 1, step) for k, step, count in steps))
        hit = (x[spot] == y) & free
        free ^= hit
        yield spot, hit


def _pick_first_max(t, x, y, *windows):
    """For each window of x the entry of t at the first largest entry y."""
    return sum(cp.where(hit, t[spot], 0) for spot, hit in _first_largest(x, y, windows))


def _place_first_max(g, x, y, *windows):
    """The transpose of `_pick_first_max`: zeros like x, to which g is added at the first largest entry y of each window."""
    result = cp.zeros_like(x) if g.ndim == x.ndim else cp.zeros((*g.shape[: g.ndim - x.ndim], *x.shape), x.dtype)
    if g.strides != y.strides and g.ndim == y.ndim:
        g, given = cp.empty_like(y), g  # lines of memory of both are then of the same entries
        g[...] = given
    apart = all(size <= step for size, step in windows)
    for spot, hit in _first_largest(x, y, windows):
        part = result[spot]
        cp.copyto(part, g, where=hit) if apart else cp.add(part, cp.where(hit, g, 0), out=part)
    return result


def _det_and_inverse(a):
    """det(a) and a^-1; None twice where one of a batch is singular or under- or overflows."""
    try:
        with cp.errstate(all="ignore"):
            det, inverse = cp.linalg.det(a), cp.linalg.inv(a)
    except cp.linalg.LinAlgError:
        return None, None
    in_range = (abs(det) > cp.finfo(a.dtype).tiny).all() and cp.isfinite(det).all() and cp.isfinite(inverse).all()
    return (det, inverse) if in_range else (None, None)


def _singular_values(a):
    """U, s and V^T of a = U diag(s) V^T, and det U det V: NaN where an entry of a is not finite."""
    finite = cp.isfinite(a).all(axis=(-2, -1))
    left, values, right = cp.linalg.svd(cp.where(finite[..., None, None], a, 0))
    return left, values, right, cp.where(finite, cp.linalg.det(left) * cp.linalg.det(right), cp.nan)


def _cholesky(a):
    """The lower Cholesky factor of the symmetric part of a."""
    return cp.linalg.cholesky((a + a.swapaxes(-1, -2)) / 2)


def _triangle(x, on_diagonal):
    """The lower triangle of x, with its diagonal scaled."""
    result = cp.tril(x)
    cp.einsum("...ii->...i", result)[...] *= on_diagonal
    return result


def _logdet(a):
    """The logarithm of the determinant; NaN where that is negative."""
    sign, logarithm = cp.linalg.slogdet(a)
    return cp.where(sign < 0, cp.nan, logarithm)[()]


def _prod_others(x, axes):
    """For each entry, the product of all others along `axes`; no division, so zeros are no exception."""
    return _products(cp.ones_like(x), x, axes, order=0)


def _products(v, x, axes, order):
    """The products of all other entries of x (order 0), or their derivative in the direction v (order 1).

    The entries are halved again and again: a half's share is what lies outside it, times the product of the other half.
    """
    x, v = cp.broadcast_arrays(x, v)
    last = tuple(range(-len(axes), 0))
    moved, direction = (cp.moveaxis(a, axes, last) for a in (x, v))
    flat = moved.reshape(*moved.shape[: -len(axes)], math.prod(moved.shape[-len(axes) :]))
    slope = direction.reshape(flat.shape)
    levels = [(flat, slope)]
    while levels[-1][0].shape[-1] > 1:
        p, d = levels[-1]
        if p.shape[-1] % 2:
            one, zero = cp.ones_like(p[..., :1]), cp.zeros_like(p[..., :1])
            p, d = cp.concatenate([p, one], -1), cp.concatenate([d, zero], -1)
            levels[-1] = p, d
        levels.append((p[..., ::2] * p[..., 1::2], d[..., ::2] * p[..., 1::2] + p[..., ::2] * d[..., 1::2]))
    outside, change = cp.ones_like(levels[-1][0]), cp.zeros_like(levels[-1][0])
    for p, d in reversed(levels[:-1]):
        outside, change = cp.repeat(outside, 2, -1), cp.repeat(change, 2, -1)
        pairs = (*p.shape[:-1], p.shape[-1] // 2, 2)
        other = p.reshape(pairs)[..., ::-1].reshape(p.shape)
        slopes = d.reshape(pairs)[..., ::-1].reshape(p.shape)
        change = change[..., : p.shape[-1]] * other + outside[..., : p.shape[-1]] * slopes
        outside = outside[..., : p.shape[-1]] * other
    result = (change if order else outside)[..., : flat.shape[-1]]
    return cp.ascontiguousarray(cp.moveaxis(result.reshape(moved.shape), last, axes))


def _prod_others_tangent(x, v, axes):
    """The derivative of the products of all other entries, in the direction v."""
    return _products(v, x, axes, order=1)


def pack(parts):
    """Join arrays, such as the parts of a gradient, into one vector."""
    return cp.concatenate([cp.ravel(part) for part in parts])


def _unflatten(vec, shapes, sizes):
    """Split a copy of a vector into arrays; at most one size may be None: it follows from the length.

    Axes in `shapes` are numbers, names of sizes, or functions of all sizes.
    """
    vec = cp.array(vec)
    if vec.ndim != 1:
        raise ValueError(f"vec has shape {vec.shape}, expected one vector")
    unknown = [name for name, size in sizes.items() if size is None]
    if len(unknown) > 1:
        raise ValueError(f"the sizes {', '.join(unknown)} do not follow from vec: give all but one of them")

    def shapes_at(trial):
        known = {name: trial if size is None else size for name, size in sizes.items()}
        return [tuple(dim(**known) if callable(dim) else known.get(dim, dim) for dim in shape) for shape in shapes]

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
