"""Source of captured steps in generated CuPy modules: a function done again as one CUDA graph, with products of their own."""

from __future__ import annotations

CAPTURE = '''\
def capture(function, *arguments):
    """Return a function without arguments that does function(*arguments) again, as one launch of a CUDA graph.

    It reads the arrays where they are and returns the same arrays every time: write what is new into the former
    (`x[...] = batch`), copy what is to stay of the latter. `function` may be one of this module or do more, such as to update
    parameters in place; it is called once to get ready, which counts, and once to be recorded, which does nothing.
    """
    for place, argument in enumerate(arguments):
        for part in argument if isinstance(argument, (tuple, list)) else (argument,):
            if not isinstance(part, np.ndarray):
                raise TypeError(
                    f"argument {place} of the step is a {type(part).__name__}: a graph reads arrays where they are, "
                    "so give it one made with cupy.asarray"
                )
    pool, stream = np.cuda.MemoryPool(), np.cuda.Stream(non_blocking=True)  # of this graph alone
    np.cuda.get_current_stream().synchronize()
    _STEP.captured = True
    try:
        with np.cuda.using_allocator(pool.malloc), stream:
            function(*arguments)  # kernels are compiled now, and memory is taken
            stream.synchronize()
            results, graph = _recorded(stream, function, arguments)
    finally:
        _STEP.captured = False

    def step():
        graph.launch(np.cuda.get_current_stream())
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
'''

MATMUL = '''\
def _matmul(a, b):
    """a @ b by cuBLAS; in a captured step, where CuPy does without cuBLAS, by a kernel of this module."""
    if not getattr(_STEP, "captured", False):
        return a @ b
    left = a[None] if a.ndim == 1 else a
    right = b[:, None] if b.ndim == 1 else b
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    result = np.empty((*batch, left.shape[-2], right.shape[-1]), a.dtype)
    left, right = (np.broadcast_to(x, batch + x.shape[-2:]).reshape(-1, *x.shape[-2:]) for x in (left, right))
    (count, rows, inner), columns = left.shape, right.shape[-1]
    steps = [np.int64(step // a.itemsize) for step in (*left.strides, *right.strides)]
    tiles = -(-columns // 16), min(-(-rows // 16), 65535), min(count, 65535)  # the most that a grid takes
    if a.dtype not in _MATMUL:
        _MATMUL[a.dtype] = np.RawKernel(_TYPES[a.dtype.name] + _MATMUL_SOURCE, "matmul")
    sizes = [np.int64(size) for size in (count, rows, inner, columns)]
    _MATMUL[a.dtype](tiles, (256,), (left, right, result, *sizes, *steps))
    return result.reshape(batch + a.shape[-2:-1] + (b.shape[-1:] if b.ndim > 1 else ()))


_MATMUL = {}  # dtype -> the kernel
_MATMUL_SOURCE = """\\
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
'''
