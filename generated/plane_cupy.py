# symdiff 0.1.0: --backend cupy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""plane: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    W  parameter, (d, 1)
    B  parameter, (1, 1)
    X  data, (n, d)
    Y  data, (n, 1)

Closed form
    predict = X*W + B
    e1 = -Y + predict
    value = sum(e1∘**2)/n
    grad.W = (2/n)*X.T*e1
    grad.B = (2/n)*sum(e1, axis=0)

"""


from typing import NamedTuple

try:
    import cupy as cp
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "This module computes on a GPU with CuPy, which is not installed: pip install 'cupy-cuda12x[ctk]' (13x for CUDA 13)"
    ) from None


try:
    if __package__:
        from . import _symdiff_runtime_cupy as _runtime
    else:
        import _symdiff_runtime_cupy as _runtime
    if _runtime._VERSION != "0.1.0":
        raise ImportError(f"that there is of symdiff {_runtime._VERSION}")
    capture = _runtime.capture
    pack = _runtime.pack
    set_threads = _runtime.set_threads
    _Kernel = _runtime._Kernel
    _convert = _runtime._convert
    _takes = _runtime._takes
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime_cupy.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "plane",
    "inputs": {
        "W": {"role": "parameter", "shape": ("d", 1), "dtype": "float"},
        "B": {"role": "parameter", "shape": (1, 1), "dtype": "float"},
        "X": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "Y": {"role": "data", "shape": ("n", 1), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("W", "B", "X", "Y"),
        "grad": ("W", "B", "X", "Y"),
        "value_and_grad": ("W", "B", "X", "Y"),
        "predict": ("W", "B", "X"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    W: cp.ndarray
    B: cp.ndarray


class PredictGrad(NamedTuple):
    """One array for each parameter of predict."""

    W: cp.ndarray
    B: cp.ndarray


def value(W, B, X, Y):
    """Return the objective."""
    W, B, X, Y = _arguments(W, B, X, Y)
    n = X.shape[0]
    d = W.shape[0]
    value = _value_1(W.dtype, (n, d), ((),), Y, X, W, B, n)
    return value


def grad(W, B, X, Y):
    """Return the gradient of the objective by W, B."""
    W, B, X, Y = _arguments(W, B, X, Y)
    n = X.shape[0]
    d = W.shape[0]
    grad_B, grad_W = _grad_1(W.dtype, (n, d), ((1, 1), (d, 1)), Y, X, W, B, n)
    return Grad(grad_W, grad_B)


def value_and_grad(W, B, X, Y):
    """Return the objective and its gradient by W, B."""
    W, B, X, Y = _arguments(W, B, X, Y)
    n = X.shape[0]
    d = W.shape[0]
    value, grad_B, grad_W = _value_and_grad_1(W.dtype, (n, d), ((), (1, 1), (d, 1)), Y, X, W, B, n)
    return value, Grad(grad_W, grad_B)


def predict(W, B, X):
    """Return predict."""
    W, B, X = _arguments_of_predict(W, B, X)
    n = X.shape[0]
    d = W.shape[0]
    predict = _predict_1(W.dtype, (n, d), ((n, 1),), X, W, B)
    return predict


def unpack(vec, *, d=None):
    """Split one vector into W, B. One size may be left out: it follows from the length of the vector."""
    shapes = (("d", 1), (1, 1))
    return Grad(*_unflatten(vec, shapes, {"d": d}))


def value_flat(vec, X, Y):
    """As `value`, of one vector that holds W, B."""
    p = unpack(vec, d=cp.shape(X)[1])
    return value(p.W, p.B, X, Y)


def grad_flat(vec, X, Y):
    """As `grad`, of one vector that holds W, B."""
    p = unpack(vec, d=cp.shape(X)[1])
    return pack(grad(p.W, p.B, X, Y))


def value_and_grad_flat(vec, X, Y):
    """As `value_and_grad`, of one vector that holds W, B."""
    p = unpack(vec, d=cp.shape(X)[1])
    value, gradient = value_and_grad(p.W, p.B, X, Y)
    return value, pack(gradient)


def predict_flat(vec, X):
    """As `predict`, of one vector that holds W, B."""
    p = unpack(vec, d=cp.shape(X)[1])
    return predict(p.W, p.B, X)


def _arguments(W, B, X, Y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "W": (("d", 1), "float"),
            "B": ((1, 1), "float"),
            "X": (("n", "d"), "float"),
            "Y": (("n", 1), "float"),
        },
        (W, B, X, Y),
    )


def _arguments_of_predict(W, B, X):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "W": (("d", 1), "float"),
            "B": ((1, 1), "float"),
            "X": (("n", "d"), "float"),
        },
        (W, B, X),
    )


_DEVICE = """\
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
// value = sum(e1.**2)/n
extern "C" __global__ void value_1(const T* __restrict__ Y_all, const T* __restrict__ X_all,
    const T* __restrict__ W_all, const T* __restrict__ B_all, T* value_all, volatile A* shares, unsigned* done,
    I rows, I columns, unsigned lanes, I n)
{
    const A B = B_all[0];
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    A s2 = Sum::none();
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        const A Y = Y_all[row];
        // of the row the sum of X * W
        A s = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A X = X_all[i];
            const A W = W_all[column];
            s += X * W;
        }
        s = over_row<Sum>(s, lanes);
        const A t1 = B + s - Y;
        if (works && lane == 0) {
            s2 += t1 * t1;
        }
    }
    s2 = over_lanes<Sum>(s2, blockDim.x);
    if (threadIdx.x == 0) (shares)[blockIdx.x] = s2;
    if (!is_last_block(done)) return;
    s2 = over_blocks<Sum>(shares);
    const A value = s2 / A(n);
    if (threadIdx.x == 0) {
        value_all[0] = value;
    }
}
""")


_grad_1 = _Kernel("grad_1", "rows", (1, 1), "TT", _DEVICE + """\
extern "C" __global__ void grad_1(const T* __restrict__ Y_all, const T* __restrict__ X_all,
    const T* __restrict__ W_all, const T* __restrict__ B_all, T* grad_B_all, T* grad_W_all, volatile A* shares,
    unsigned* done, I rows, I columns, unsigned lanes, unsigned fits, I n)
{
    const A B = B_all[0];
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
        const A Y = Y_all[row];
        // of the row the sum of X * W
        A s = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A X = X_all[i];
            const A W = W_all[column];
            s += X * W;
        }
        s = over_row<Sum>(s, lanes);
        const A t1 = B + s - Y;
        // of each column the sum of t1 * X
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A X = X_all[i];
            s2_sums[column] += t1 * X;
        }
        if (works && lane == 0) {
            s3 += t1;
        }
    }
    __syncthreads();
    share_columns<Sum>(sums, shares, groups, columns);
    s3 = over_lanes<Sum>(s3, blockDim.x);
    if (threadIdx.x == 0) (shares + each)[blockIdx.x] = s3;
    if (!is_last_block(done)) return;
    s3 = over_blocks<Sum>(shares + each);
    const A t2 = s3 / A(n);
    const A grad_B = 2 * t2;
    if (threadIdx.x == 0) {
        grad_B_all[0] = grad_B;
    }
    take_columns<Sum>(s2_sums, shares, lanes, columns);
    __syncthreads();
    for (I column = threadIdx.x; column < columns; column += blockDim.x) {
        const A s2 = over_chunks<Sum>(sums + column, groups, columns);
        const A grad_W = 2 * s2 / A(n);
        grad_W_all[column] = grad_W;
    }
}
""")


_value_and_grad_1 = _Kernel("value_and_grad_1", "rows", (2, 1), "TTT", _DEVICE + """\
// value = sum(e1.**2)/n
extern "C" __global__ void value_and_grad_1(const T* __restrict__ Y_all, const T* __restrict__ X_all,
    const T* __restrict__ W_all, const T* __restrict__ B_all, T* value_all, T* grad_B_all, T* grad_W_all,
    volatile A* shares, unsigned* done, I rows, I columns, unsigned lanes, unsigned fits, I n)
{
    const A B = B_all[0];
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
        const A Y = Y_all[row];
        // of the row the sum of X * W
        A s = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A X = X_all[i];
            const A W = W_all[column];
            s += X * W;
        }
        s = over_row<Sum>(s, lanes);
        const A t1 = B + s - Y;
        // of each column the sum of t1 * X
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A X = X_all[i];
            s2_sums[column] += t1 * X;
        }
        if (works && lane == 0) {
            s3 += t1 * t1;
            s4 += t1;
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
    const A value = s3 / A(n);
    const A t2 = s4 / A(n);
    const A grad_B = 2 * t2;
    if (threadIdx.x == 0) {
        value_all[0] = value;
        grad_B_all[0] = grad_B;
    }
    take_columns<Sum>(s2_sums, shares, lanes, columns);
    __syncthreads();
    for (I column = threadIdx.x; column < columns; column += blockDim.x) {
        const A s2 = over_chunks<Sum>(sums + column, groups, columns);
        const A grad_W = 2 * s2 / A(n);
        grad_W_all[column] = grad_W;
    }
}
""")


_predict_1 = _Kernel("predict_1", "rows", (0, 0), "T", _DEVICE + """\
// predict = X*W + B
extern "C" __global__ void predict_1(const T* __restrict__ X_all, const T* __restrict__ W_all,
    const T* __restrict__ B_all, T* predict_all, I rows, I columns, unsigned lanes)
{
    const A B = B_all[0];
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the sum of X * W
        A s = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A X = X_all[i];
            const A W = W_all[column];
            s += X * W;
        }
        s = over_row<Sum>(s, lanes);
        const A predict = B + s;
        if (works && lane == 0) {
            predict_all[row] = predict;
        }
    }
}
""")


grad = _takes(grad, lambda d, **_: d + 1, SIGNATURE)
value_and_grad = _takes(value_and_grad, lambda d, **_: d + 2, SIGNATURE)
predict = _takes(predict, lambda n, **_: n, SIGNATURE)
