# symdiff 0.1.0: --backend cupy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
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
    shapes = (("d", 1), ())
    return Grad(*_unflatten(vec, shapes, {"d": d}))


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
