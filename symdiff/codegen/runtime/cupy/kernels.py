"""CUDA kernels: how they are compiled and launched."""

from __future__ import annotations

import math

import cupy as cp

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
