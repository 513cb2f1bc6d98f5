"""Source of the helper functions of generated CuPy modules: checks of arguments, and how kernels are launched."""

from __future__ import annotations

from symdiff.codegen.runtime import helpers as numpy_helpers
from symdiff.codegen.runtime.windows import WINDOWS

IMPORT = """\
try:
    import cupy as {xp}
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "This module computes on a GPU with CuPy, which is not installed: pip install 'cupy-cuda12x[ctk]' (13x for CUDA 13)"
    ) from None
"""

TYPES = '''\
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
    common = np.result_type(*floating) if floating else np.dtype(np.float64)
    _on_one_device({name: array for name, array in arrays.items() if name not in weak})
    for name, kind in kinds.items():
        array = arrays[name]
        if kind == "int" and array.dtype.kind == "f":
            raise TypeError(f"{name} has dtype {array.dtype}, expected integers, as declared")
        if kind == "bool" and array.dtype.kind != "b":
            raise TypeError(f"{name} has dtype {array.dtype}, expected booleans, as declared")
        arrays[name] = array.astype({"float": common, "int": np.int64, "bool": bool}[kind], copy=False)
    return arrays


def _on_one_device(arrays):
    """Raise where arrays lie on several devices, or on another than the one that work goes to."""
    first, current = next(iter(arrays), None), np.cuda.Device()
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
    if isinstance(argument, np.ndarray) or hasattr(argument, "__cuda_array_interface__"):
        array = np.asarray(argument)
    elif isinstance(argument, (bool, int, float)) or getattr(argument, "shape", None) == ():
        array = np.asarray(argument)
    elif hasattr(argument, "__dlpack_device__") and argument.__dlpack_device__()[0] == 2:  # CUDA
        array = np.from_dlpack(argument)
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
        np.cuda.runtime.getDeviceCount()
    except np.cuda.runtime.CUDARuntimeError as error:
        return (
            f". CuPy finds no GPU that it can use, though ({error}): if there is one, its driver is too old for this CuPy, so "
            "update it, or install the CuPy of an older CUDA"
        )
    return ""
'''

SCALARS = """\
_TYPES = {  # T is kept in memory, A computed with
    "float16": "#include <cuda_fp16.h>\\ntypedef __half T;\\ntypedef float A;\\n",
    "float32": "typedef float T, A;\\n",
    "float64": "typedef double T, A;\\n",
}
"""

KERNELS = '''\
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
        self.name, self.form, self.ends, self.kinds, self.source = name, form, ends, kinds, source
        self.compiled, self.counters = {}, {}

    def __call__(self, dtype, count, shapes, *given):
        """The results, of these shapes; `count` is the number of entries, or of rows and of columns."""
        count = (math.prod(count),) if self.form == "points" else count
        results = [np.empty(shape, dtype if kind == "T" else bool) for shape, kind in zip(shapes, self.kinds)]
        arrays = [np.ascontiguousarray(array) for array in given if not isinstance(array, int)]
        wide = max(math.prod(count), *(array.size for array in (*arrays, *results))) > 2**30
        integer = np.int64 if wide else np.int32
        blocks, more, shared = getattr(self, f"_{self.form}")(dtype, integer, *count)
        sizes = [integer(size) for size in given if isinstance(size, int)]
        steps = [integer(array.size > 1) for array in arrays] if self.form == "points" else []
        self.of(dtype, wide)(blocks, (_WIDTH,), (*arrays, *results, *more, *sizes, *steps), shared_mem=shared)
        return results if len(results) > 1 else results[0]

    def of(self, dtype, wide):
        """The kernel for arrays of a dtype, that counts in 32 bits or in 64."""
        found = self.compiled.get((dtype, wide))
        if found is None:
            found = self.compiled[dtype, wide] = np.RawKernel(self.code(dtype, wide), self.name)
        return found

    def code(self, dtype, wide):
        """Its whole source."""
        return f"{_TYPES[np.dtype(dtype).name]}typedef {'long long' if wide else 'int'} I;\\n\\n{_DEVICE}\\n{self.source}"

    def _all(self, dtype, integer, count):
        blocks = max(1, -(-count // _WIDTH))
        if not self.ends:
            return (min(blocks, 2**20),), (integer(count),), 0
        blocks = min(blocks, _BLOCKS)
        return (blocks,), (*self._shares(dtype, self.ends * blocks, 1), integer(count)), 0

    _points = _all

    def _rows(self, dtype, integer, rows, columns):
        totals, sums = self.ends
        size = sums * columns * max(4, np.dtype(dtype).itemsize)  # of the sums that a group of lanes has, in bytes
        lanes = 1  # that have a row: few enough for columns, enough that all rows at hand stay in cache
        while 2 * lanes <= columns and _WIDTH % (2 * lanes) == 0:
            if lanes >= 32 and 4 * lanes >= columns and size * (_WIDTH // lanes) <= _SHARED:
                break
            lanes *= 2
        groups = _WIDTH // lanes
        blocks = max(1, min(-(-rows // groups), 2**20))
        more = integer(rows), integer(columns), np.uint32(lanes)
        if not totals + sums:
            return (blocks,), more, 0
        blocks = min(blocks, _BLOCKS)
        if not sums:
            return (blocks,), (*self._shares(dtype, totals * blocks, 1), *more), 0
        blocks = min(blocks, 2 * math.isqrt(rows) + 1)  # whose sums the last one must add up
        fits = size * groups <= _SHARED
        number = blocks * (totals + sums * columns * (1 if fits else 1 + groups))
        shares = self._shares(dtype, number, 1)
        return (blocks,), (*shares, *more, np.uint32(fits)), size * groups if fits else 0

    def _columns(self, dtype, integer, rows, columns):
        width = 1
        while width < min(columns, _WIDTH):
            width *= 2
        width = min(width, _WIDTH)
        tiles, groups = -(-columns // width), _WIDTH // width
        blocks = max(1, min(-(-rows // (16 * groups)), _BLOCKS // tiles, 2 * math.isqrt(rows)))
        shares = self._shares(dtype, self.ends * blocks * columns, tiles)
        return (blocks, tiles), (*shares, integer(rows), integer(columns), np.uint32(width)), 0

    def _shares(self, dtype, number, tiles):
        """Room for what each block adds, and the counters of blocks that are done, which every launch leaves at 0."""
        key = np.cuda.Device().id, np.cuda.get_current_stream().ptr, tiles
        if key not in self.counters:
            self.counters[key] = np.zeros(tiles, np.uint32)
        return np.empty(number, np.promote_types(dtype, np.float32)), self.counters[key]
'''

# Helpers that are other than those for NumPy.
HELPERS = {
    "_windows": WINDOWS["_windows"].replace(", writeable=writeable)", ")"),
    "_positions": '''\
def _positions(positions, length):
    """Whether each position fits an axis of that length: to raise an error the host would have to wait for the device."""
    return (positions >= 0) & (positions < length)
''',
    "_one_hot": '''\
def _one_hot(positions, length, dtype):
    """Along a new last axis 1 at each position, counted from 0, else 0."""
    return (positions[..., None] == np.arange(length)).astype(dtype)
''',
    "_flat_positions": '''\
def _flat_positions(positions, rows, own, length):
    """Positions in rows of a length, numbered by `rows` axes before the last `own`, in all rows joined; -1 where none is."""
    positions = positions.astype(np.int64, copy=False)
    counts = positions.shape[positions.ndim - own - rows : positions.ndim - own]
    starts = length * np.arange(math.prod(counts)).reshape(counts + (1,) * own)
    return np.where(_positions(positions, length), positions + starts, np.full((), -1, np.int64))
''',
    "_take": '''\
def _take(x, positions, axis):
    """The entries of x at positions, counted from 0, along an axis; NaN (of integers -1) at a position that x does not have."""
    positions = positions.astype(np.int64, copy=False)
    inside = _positions(positions, x.shape[axis]).reshape(positions.shape + (1,) * (x.ndim - 1 - axis))
    return np.where(inside, np.take(x, positions, axis), np.full((), np.nan if x.dtype.kind == "f" else -1, x.dtype))
''',
    "_scatter": '''\
def _scatter(values, positions, axis, length):
    """The transpose of `_take`: zeros of a length along the axis, with each value added at its position, in any order."""
    positions = positions.astype(np.int64, copy=False)
    result = np.zeros((*values.shape[:axis], length, *values.shape[axis + positions.ndim :]), values.dtype)
    inside = _positions(positions, length).reshape(positions.shape + (1,) * (values.ndim - axis - positions.ndim))
    values = np.where(inside, values, np.zeros((), values.dtype))
    np.add.at(result, (slice(None),) * axis + (positions,), values)
    return result
''',
    "_masked": '''\
def _masked(condition, x):
    """x where the condition holds, else 0, whatever x is there."""
    return np.where(condition, x, np.zeros((), x.dtype))
''',
    "_bell": '''\
def _bell(x):
    """exp(-x**2)."""
    return np.exp(-(x**2))
''',
    "_checked": '''\
def _checked(function, name, *matrices):
    """function(*matrices), whose error names the matrix; to know of one the host waits for the device."""
    try:
        with errstate(linalg="raise"):
            return function(*_of_one_batch(*matrices))
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(f"{error}: {name}") from None


def _of_one_batch(*matrices):
    """The matrices, with the same leading axes."""
    shape = np.broadcast_shapes(*(matrix.shape[:-2] for matrix in matrices))
    return [np.broadcast_to(matrix, shape + matrix.shape[-2:]) for matrix in matrices]
''',
    "_solve_triangular": '''\
def _solve_triangular(a, b, upper):
    """a^-1 b for a triangular a."""
    return solve_triangular(*_of_one_batch(a, b), lower=not upper)
''',
    "_inverse_lower": '''\
def _inverse_lower(a):
    """The inverse of a lower triangular matrix."""
    return solve_triangular(a, np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape), lower=True)
''',
    "_cofactors": '''\
def _cofactors(a):
    """det(a) a^-T by singular values, of which each cofactor lacks one: a singular matrix is no exception."""
    left, values, right, sign = _singular_values(a)
    others = sign[..., None] * _prod_others(values, axes=(values.ndim - 1,))
    return (left * others[..., None, :]) @ right
''',
    "_cofactor_factors": '''\
def _cofactor_factors(a):
    """U, V and P: the cofactors of a change with it by U (diag(P d) - P o M^T) V^T, M = U^T da V and d its diagonal.

    By singular values, of which each entry of P lacks two.
    """
    left, values, right, sign = _singular_values(a)
    one = np.eye(a.shape[-1], dtype=a.dtype)
    others = sign[..., None, None] * _products(one, values[..., None, :], axes=(-1,), order=1)
    return np.stack([left, right.swapaxes(-1, -2), others], axis=-3)
''',
}
IMPORTS = {
    "_checked": "from cupyx import errstate",
    "_solve_triangular": "from cupyx.scipy.linalg import solve_triangular",
    "_inverse_lower": "from cupyx.scipy.linalg import solve_triangular",
}
REQUIRES = {name: needs for name, needs in numpy_helpers.REQUIRES.items() if name not in HELPERS} | {
    "_take": ("_positions",),
    "_cofactors": ("_singular_values", "_prod_others"),
    "_cofactor_factors": ("_singular_values", "_prod_others"),
    "_solve_triangular": ("_checked",),
    "_inverse_lower": ("_checked",),
    "_scatter": ("_positions",),
}
