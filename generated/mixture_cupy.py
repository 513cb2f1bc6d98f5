# symdiff 0.1.0: --backend cupy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
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
    e7 = einsum('ij,ijk->ijk', responsibility, e3)
    grad.mu = -einsum('ik,ikj->ij', sum(e7, axis=0), e2)/n
    e8 = einsum('lik,lij->ijk', e1, e7)
    grad.q = -e6[:, None]/n + einsum('ijj->ij', e8)*exp(q)/n
    grad.L = below*e8/n

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
    _matmul = _runtime._matmul
    _takes = _runtime._takes
    _unflatten = _runtime._unflatten
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime_cupy.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
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
    t1, t2, t3 = _value_1(alpha.dtype, (K, d), ((K, d), (K, d), (K,)), mu, q)
    t4, t5 = _value_2(alpha.dtype, (K,), ((), ()), alpha)
    t6 = _value_3(alpha.dtype, (K*d*n,), ((n, K, d),), x, t1, d, K)
    t7 = _value_4(alpha.dtype, (K*d*d,), ((K, d, d),), t2, L, below, d)
    t8 = _matmul(t6.transpose(1, 0, 2), t7.transpose(0, 2, 1)).transpose(1, 0, 2)
    t9 = _value_5(alpha.dtype, (K*n, d), ((n, K),), t8)
    t10 = _value_6(alpha.dtype, (K,), ((),), alpha, t5, t4)
    t11 = _value_7(alpha.dtype, (K,), ((K,),), alpha, t10, t3)
    value = _value_8(alpha.dtype, (n, K), ((),), t9, t11, d, n)
    return value


def grad(alpha, mu, q, L, x, below):
    """Return the gradient of the objective by alpha, mu, q, L."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    n = x.shape[0]
    K = alpha.shape[0]
    t1, t2, t3 = _grad_1(alpha.dtype, (K, d), ((K, d), (K, d), (K,)), mu, q)
    t4, t5 = _grad_2(alpha.dtype, (K,), ((), ()), alpha)
    t6 = _grad_3(alpha.dtype, (K*d*n,), ((n, K, d),), x, t1, d, K)
    t7 = _grad_4(alpha.dtype, (K*d*d,), ((K, d, d),), t2, L, below, d)
    # shared by all results
    t8 = _matmul(t6.transpose(1, 0, 2), t7.transpose(0, 2, 1)).transpose(1, 0, 2)
    t9 = _grad_5(alpha.dtype, (K*n, d), ((n, K),), t8)
    t10, t11, t12 = _grad_6(alpha.dtype, (K,), ((K,), (), ()), alpha, t5, t4)
    t13 = _grad_7(alpha.dtype, (K,), ((K,),), alpha, t12, t3)
    responsibility, t14 = _grad_8(alpha.dtype, (n, K), ((n, K), (K,)), t9, t13, d)
    t15 = _grad_9(alpha.dtype, (K,), ((),), t14, n)
    t16 = _grad_10(alpha.dtype, (K*d*n,), ((n, K, d),), responsibility, t8, K, d)
    t17 = _grad_11(alpha.dtype, (n, K*d), ((K, d),), t16)
    # gradient by q, L
    t18 = _matmul(t16.transpose(1, 2, 0), t6.transpose(1, 0, 2))
    grad_alpha = _grad_12(alpha.dtype, (K,), ((K,),), t14, t10, t11, t15, n)
    # gradient by mu
    t19 = cp.einsum("ik,ikj->ij", t17, t7)
    grad_q = _grad_13(alpha.dtype, (K, d), ((K, d),), t14, t2, t18, n, d)
    grad_L = _grad_14(alpha.dtype, (K*d*d,), ((K, d, d),), below, t18, n, d)
    grad_mu = _grad_15(alpha.dtype, (K*d,), ((K, d),), t19, n)
    return Grad(grad_alpha, grad_mu, grad_q, grad_L)


def value_and_grad(alpha, mu, q, L, x, below):
    """Return the objective and its gradient by alpha, mu, q, L."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    n = x.shape[0]
    K = alpha.shape[0]
    t1, t2, t3 = _value_and_grad_1(alpha.dtype, (K, d), ((K, d), (K, d), (K,)), mu, q)
    t4, t5 = _value_and_grad_2(alpha.dtype, (K,), ((), ()), alpha)
    t6 = _value_and_grad_3(alpha.dtype, (K*d*n,), ((n, K, d),), x, t1, d, K)
    t7 = _value_and_grad_4(alpha.dtype, (K*d*d,), ((K, d, d),), t2, L, below, d)
    # shared by all results
    t8 = _matmul(t6.transpose(1, 0, 2), t7.transpose(0, 2, 1)).transpose(1, 0, 2)
    t9 = _value_and_grad_5(alpha.dtype, (K*n, d), ((n, K),), t8)
    t10, t11, t12 = _value_and_grad_6(alpha.dtype, (K,), ((K,), (), ()), alpha, t5, t4)
    t13 = _value_and_grad_7(alpha.dtype, (K,), ((K,),), alpha, t12, t3)
    responsibility, t14, value = _value_and_grad_8(alpha.dtype, (n, K), ((n, K), (K,), ()), t9, t13, d, n)
    t15 = _value_and_grad_9(alpha.dtype, (K,), ((),), t14, n)
    t16 = _value_and_grad_10(alpha.dtype, (K*d*n,), ((n, K, d),), responsibility, t8, K, d)
    t17 = _value_and_grad_11(alpha.dtype, (n, K*d), ((K, d),), t16)
    # gradient by q, L
    t18 = _matmul(t16.transpose(1, 2, 0), t6.transpose(1, 0, 2))
    grad_alpha = _value_and_grad_12(alpha.dtype, (K,), ((K,),), t10, t11, t15, t14, n)
    # gradient by mu
    t19 = cp.einsum("ik,ikj->ij", t17, t7)
    grad_q = _value_and_grad_13(alpha.dtype, (K, d), ((K, d),), t14, t2, t18, n, d)
    grad_L = _value_and_grad_14(alpha.dtype, (K*d*d,), ((K, d, d),), below, t18, n, d)
    grad_mu = _value_and_grad_15(alpha.dtype, (K*d,), ((K, d),), t19, n)
    return value, Grad(grad_alpha, grad_mu, grad_q, grad_L)


def responsibility(alpha, mu, q, L, x, below):
    """Return responsibility."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    K = alpha.shape[0]
    n = x.shape[0]
    t1, t2, t3 = _responsibility_1(alpha.dtype, (K, d), ((K, d), (K, d), (K,)), mu, q)
    t4, t5 = _responsibility_2(alpha.dtype, (K,), ((), ()), alpha)
    t6 = _responsibility_3(alpha.dtype, (K*d*n,), ((n, K, d),), x, t1, d, K)
    t7 = _responsibility_4(alpha.dtype, (K*d*d,), ((K, d, d),), t2, L, below, d)
    t8 = _matmul(t6.transpose(1, 0, 2), t7.transpose(0, 2, 1)).transpose(1, 0, 2)
    t9 = _responsibility_5(alpha.dtype, (K*n, d), ((n, K),), t8)
    t10 = _responsibility_6(alpha.dtype, (K,), ((),), alpha, t5, t4)
    t11 = _responsibility_7(alpha.dtype, (K,), ((K,),), alpha, t10, t3)
    responsibility = _responsibility_8(alpha.dtype, (n, K), ((n, K),), t9, t11, d)
    return responsibility


def unpack(vec, *, K=None, d=None):
    """Split one vector into alpha, mu, q, L. One size may be left out: it follows from the length of the
    vector.
    """
    shapes = (("K",), ("K", "d"), ("K", "d"), ("K", "d", "d"))
    return Grad(*_unflatten(vec, shapes, {"K": K, "d": d}))


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


_value_1 = _Kernel("value_1", "rows", (0, 0), "TTT", _DEVICE + """\
extern "C" __global__ void value_1(const T* __restrict__ mu_all, const T* __restrict__ q_all, T* t1_all,
    T* t2_all, T* t3_all, I rows, I columns, unsigned lanes)
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
            const A t1 = -mu;
            const A t2 = exp(q);
            t3 += q;
            if (works) {
                t1_all[i] = t1;
                t2_all[i] = t2;
            }
        }
        t3 = over_row<Sum>(t3, lanes);
        if (works && lane == 0) {
            t3_all[row] = t3;
        }
    }
}
""")


_value_2 = _Kernel("value_2", "all", 1, "TT", _DEVICE + """\
extern "C" __global__ void value_2(const T* alpha_all, T* t4_all, T* t5_all, volatile A* shares, unsigned* done,
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
    const A t4 = (fabs(s) < infinity() ? s : 0);
    const A t5 = -t4;
    t4_all[0] = t4;
    t5_all[0] = t5;
}
""")


_value_3 = _Kernel("value_3", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_3(const T* x_all, const T* t1_all, T* t6_all, I count, I d, I K)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (K*d);
        const I i1 = i / d % K;
        const I i2 = i % d;
        const A x = x_all[i0 * d + i2];
        const A t1 = t1_all[i1 * d + i2];
        const A t6 = t1 + x;
        t6_all[i] = t6;
    }
}
""")


_value_4 = _Kernel("value_4", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_4(const T* t2_all, const T* L_all, const T* below_all, T* t7_all, I count, I d)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (d*d);
        const I i1 = i / d % d;
        const I i2 = i % d;
        const A t2 = t2_all[i0 * d + i1];
        const A L = L_all[i];
        const A below = below_all[i1 * d + i2];
        const A t7 = (i1 == i2 ? t2 : 0) + below * L;
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
extern "C" __global__ void value_6(const T* alpha_all, const T* t5_all, const T* t4_all, T* t10_all,
    volatile A* shares, unsigned* done, I count)
{
    const A t5 = t5_all[0];
    const A t4 = t4_all[0];
    A s = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        const A t1 = exp(alpha + t5);
        s += t1;
    }
    s = over_lanes<Sum>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    if (!is_last_block(done)) return;
    s = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t10 = -(log(s) + t4);
    t10_all[0] = t10;
}
""")


_value_7 = _Kernel("value_7", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_7(const T* alpha_all, const T* t10_all, const T* t3_all, T* t11_all, I count)
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
            const A t3 = exp(t1 + t2);
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


_grad_1 = _Kernel("grad_1", "rows", (0, 0), "TTT", _DEVICE + """\
extern "C" __global__ void grad_1(const T* __restrict__ mu_all, const T* __restrict__ q_all, T* t1_all,
    T* t2_all, T* t3_all, I rows, I columns, unsigned lanes)
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
            const A t1 = -mu;
            const A t2 = exp(q);
            t3 += q;
            if (works) {
                t1_all[i] = t1;
                t2_all[i] = t2;
            }
        }
        t3 = over_row<Sum>(t3, lanes);
        if (works && lane == 0) {
            t3_all[row] = t3;
        }
    }
}
""")


_grad_2 = _Kernel("grad_2", "all", 1, "TT", _DEVICE + """\
extern "C" __global__ void grad_2(const T* alpha_all, T* t4_all, T* t5_all, volatile A* shares, unsigned* done,
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
    const A t4 = (fabs(s) < infinity() ? s : 0);
    const A t5 = -t4;
    t4_all[0] = t4;
    t5_all[0] = t5;
}
""")


_grad_3 = _Kernel("grad_3", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void grad_3(const T* x_all, const T* t1_all, T* t6_all, I count, I d, I K)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (K*d);
        const I i1 = i / d % K;
        const I i2 = i % d;
        const A x = x_all[i0 * d + i2];
        const A t1 = t1_all[i1 * d + i2];
        const A t6 = t1 + x;
        t6_all[i] = t6;
    }
}
""")


_grad_4 = _Kernel("grad_4", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void grad_4(const T* t2_all, const T* L_all, const T* below_all, T* t7_all, I count, I d)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (d*d);
        const I i1 = i / d % d;
        const I i2 = i % d;
        const A t2 = t2_all[i0 * d + i1];
        const A L = L_all[i];
        const A below = below_all[i1 * d + i2];
        const A t7 = (i1 == i2 ? t2 : 0) + below * L;
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
extern "C" __global__ void grad_6(const T* alpha_all, const T* t5_all, const T* t4_all, T* t10_all, T* t11_all,
    T* t12_all, volatile A* shares, unsigned* done, I count)
{
    const A t5 = t5_all[0];
    const A t4 = t4_all[0];
    A t11 = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        const A t10 = exp(alpha + t5);
        t11 += t10;
        t10_all[i] = t10;
    }
    t11 = over_lanes<Sum>(t11, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = t11;
    if (!is_last_block(done)) return;
    t11 = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t12 = -(log(t11) + t4);
    t11_all[0] = t11;
    t12_all[0] = t12;
}
""")


_grad_7 = _Kernel("grad_7", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void grad_7(const T* alpha_all, const T* t12_all, const T* t3_all, T* t13_all, I count)
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
            const A t3 = exp(t1 + t2);
            s2 += t3;
        }
        s2 = over_row<Sum>(s2, lanes);
        // of each column the sum of responsibility
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t9 = t9_all[i];
            const A t13 = t13_all[column];
            const A t1 = t13 - A(0.5) * t9 - A(0.9189385332046728) * A(d);
            const A t3 = exp(t1 + t2);
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
extern "C" __global__ void grad_13(const T* __restrict__ t14_all, const T* __restrict__ t2_all,
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
            const A t2 = t2_all[i];
            const A t18 = t18_all[row * (d*d) + column * d + column];
            const A grad_q = t2 * t18 / A(n) + t1;
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


_value_and_grad_1 = _Kernel("value_and_grad_1", "rows", (0, 0), "TTT", _DEVICE + """\
extern "C" __global__ void value_and_grad_1(const T* __restrict__ mu_all, const T* __restrict__ q_all,
    T* t1_all, T* t2_all, T* t3_all, I rows, I columns, unsigned lanes)
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
            const A t1 = -mu;
            const A t2 = exp(q);
            t3 += q;
            if (works) {
                t1_all[i] = t1;
                t2_all[i] = t2;
            }
        }
        t3 = over_row<Sum>(t3, lanes);
        if (works && lane == 0) {
            t3_all[row] = t3;
        }
    }
}
""")


_value_and_grad_2 = _Kernel("value_and_grad_2", "all", 1, "TT", _DEVICE + """\
extern "C" __global__ void value_and_grad_2(const T* alpha_all, T* t4_all, T* t5_all, volatile A* shares,
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
    const A t4 = (fabs(s) < infinity() ? s : 0);
    const A t5 = -t4;
    t4_all[0] = t4;
    t5_all[0] = t5;
}
""")


_value_and_grad_3 = _Kernel("value_and_grad_3", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_and_grad_3(const T* x_all, const T* t1_all, T* t6_all, I count, I d, I K)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (K*d);
        const I i1 = i / d % K;
        const I i2 = i % d;
        const A x = x_all[i0 * d + i2];
        const A t1 = t1_all[i1 * d + i2];
        const A t6 = t1 + x;
        t6_all[i] = t6;
    }
}
""")


_value_and_grad_4 = _Kernel("value_and_grad_4", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_and_grad_4(const T* t2_all, const T* L_all, const T* below_all, T* t7_all,
    I count, I d)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (d*d);
        const I i1 = i / d % d;
        const I i2 = i % d;
        const A t2 = t2_all[i0 * d + i1];
        const A L = L_all[i];
        const A below = below_all[i1 * d + i2];
        const A t7 = (i1 == i2 ? t2 : 0) + below * L;
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
extern "C" __global__ void value_and_grad_6(const T* alpha_all, const T* t5_all, const T* t4_all, T* t10_all,
    T* t11_all, T* t12_all, volatile A* shares, unsigned* done, I count)
{
    const A t5 = t5_all[0];
    const A t4 = t4_all[0];
    A t11 = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        const A t10 = exp(alpha + t5);
        t11 += t10;
        t10_all[i] = t10;
    }
    t11 = over_lanes<Sum>(t11, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = t11;
    if (!is_last_block(done)) return;
    t11 = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t12 = -(log(t11) + t4);
    t11_all[0] = t11;
    t12_all[0] = t12;
}
""")


_value_and_grad_7 = _Kernel("value_and_grad_7", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_and_grad_7(const T* alpha_all, const T* t12_all, const T* t3_all, T* t13_all,
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
            const A t3 = exp(t1 + t2);
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
            const A t3 = exp(t1 + t2);
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
extern "C" __global__ void value_and_grad_12(const T* t10_all, const T* t11_all, const T* t15_all,
    const T* t14_all, T* grad_alpha_all, I count, I n)
{
    const A t11 = t11_all[0];
    const A t15 = t15_all[0];
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t10 = t10_all[i];
        const A t14 = t14_all[i];
        const A grad_alpha = t15 * (t10 / t11) - t14 / A(n);
        grad_alpha_all[i] = grad_alpha;
    }
}
""")


_value_and_grad_13 = _Kernel("value_and_grad_13", "rows", (0, 0), "T", _DEVICE + """\
// grad.q = -e6[:, None]/n + einsum('ijj->ij', e8)*exp(q)/n
extern "C" __global__ void value_and_grad_13(const T* __restrict__ t14_all, const T* __restrict__ t2_all,
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
            const A t2 = t2_all[i];
            const A t18 = t18_all[row * (d*d) + column * d + column];
            const A grad_q = t2 * t18 / A(n) + t1;
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


_responsibility_1 = _Kernel("responsibility_1", "rows", (0, 0), "TTT", _DEVICE + """\
extern "C" __global__ void responsibility_1(const T* __restrict__ mu_all, const T* __restrict__ q_all,
    T* t1_all, T* t2_all, T* t3_all, I rows, I columns, unsigned lanes)
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
            const A t1 = -mu;
            const A t2 = exp(q);
            t3 += q;
            if (works) {
                t1_all[i] = t1;
                t2_all[i] = t2;
            }
        }
        t3 = over_row<Sum>(t3, lanes);
        if (works && lane == 0) {
            t3_all[row] = t3;
        }
    }
}
""")


_responsibility_2 = _Kernel("responsibility_2", "all", 1, "TT", _DEVICE + """\
extern "C" __global__ void responsibility_2(const T* alpha_all, T* t4_all, T* t5_all, volatile A* shares,
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
    const A t4 = (fabs(s) < infinity() ? s : 0);
    const A t5 = -t4;
    t4_all[0] = t4;
    t5_all[0] = t5;
}
""")


_responsibility_3 = _Kernel("responsibility_3", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void responsibility_3(const T* x_all, const T* t1_all, T* t6_all, I count, I d, I K)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (K*d);
        const I i1 = i / d % K;
        const I i2 = i % d;
        const A x = x_all[i0 * d + i2];
        const A t1 = t1_all[i1 * d + i2];
        const A t6 = t1 + x;
        t6_all[i] = t6;
    }
}
""")


_responsibility_4 = _Kernel("responsibility_4", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void responsibility_4(const T* t2_all, const T* L_all, const T* below_all, T* t7_all,
    I count, I d)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / (d*d);
        const I i1 = i / d % d;
        const I i2 = i % d;
        const A t2 = t2_all[i0 * d + i1];
        const A L = L_all[i];
        const A below = below_all[i1 * d + i2];
        const A t7 = (i1 == i2 ? t2 : 0) + below * L;
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
extern "C" __global__ void responsibility_6(const T* alpha_all, const T* t5_all, const T* t4_all, T* t10_all,
    volatile A* shares, unsigned* done, I count)
{
    const A t5 = t5_all[0];
    const A t4 = t4_all[0];
    A s = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A alpha = alpha_all[i];
        const A t1 = exp(alpha + t5);
        s += t1;
    }
    s = over_lanes<Sum>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    if (!is_last_block(done)) return;
    s = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A t10 = -(log(s) + t4);
    t10_all[0] = t10;
}
""")


_responsibility_7 = _Kernel("responsibility_7", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void responsibility_7(const T* alpha_all, const T* t10_all, const T* t3_all, T* t11_all,
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
            const A t3 = exp(t1 + t2);
            s2 += t3;
        }
        s2 = over_row<Sum>(s2, lanes);
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t9 = t9_all[i];
            const A t11 = t11_all[column];
            const A t1 = t11 - A(0.5) * t9 - A(0.9189385332046728) * A(d);
            const A t3 = exp(t1 + t2);
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
