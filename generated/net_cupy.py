# symdiff 0.1.0: --backend cupy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""net: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    w1  parameter, (d, k)
    w2  parameter, (k, o)
    x   data, (n, d)
    y   data, (n, o)

Closed form
    h = relu(x*w1)
    e1 = h*w2 - y
    value = sum(e1∘**2)
    grad.w1 = 2*x.T*where(0 < x*w1, e1*w2.T, 0)
    grad.w2 = 2*h.T*e1

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
    "model": "net",
    "inputs": {
        "w1": {"role": "parameter", "shape": ("d", "k"), "dtype": "float"},
        "w2": {"role": "parameter", "shape": ("k", "o"), "dtype": "float"},
        "x": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "y": {"role": "data", "shape": ("n", "o"), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("w1", "w2", "x", "y"),
        "grad": ("w1", "w2", "x", "y"),
        "value_and_grad": ("w1", "w2", "x", "y"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    w1: cp.ndarray
    w2: cp.ndarray


def value(w1, w2, x, y):
    """Return the objective."""
    w1, w2, x, y = _arguments(w1, w2, x, y)
    n = x.shape[0]
    k = w1.shape[1]
    o = w2.shape[1]
    t1 = _matmul(x, w1)
    h = _value_1(w1.dtype, (k*n,), ((n, k),), t1)
    t2 = _matmul(h, w2)
    value = _value_2(w1.dtype, (n*o,), ((),), y, t2)
    return value


def grad(w1, w2, x, y):
    """Return the gradient of the objective by w1, w2."""
    w1, w2, x, y = _arguments(w1, w2, x, y)
    n = x.shape[0]
    k = w1.shape[1]
    o = w2.shape[1]
    # shared by all results
    t1 = _matmul(x, w1)
    h = _grad_1(w1.dtype, (k*n,), ((n, k),), t1)
    t2 = _matmul(h, w2)
    t3 = _grad_2(w1.dtype, (n*o,), ((n, o),), y, t2)
    # gradient by w1
    t4 = _matmul(t3, w2.T)
    grad_w2 = _matmul(h.T, t3)
    t5 = _grad_3(w1.dtype, (k*n,), ((n, k),), t1, t4)
    grad_w1 = _matmul(x.T, t5)
    return Grad(grad_w1, grad_w2)


def value_and_grad(w1, w2, x, y):
    """Return the objective and its gradient by w1, w2."""
    w1, w2, x, y = _arguments(w1, w2, x, y)
    n = x.shape[0]
    k = w1.shape[1]
    o = w2.shape[1]
    # shared by all results
    t1 = _matmul(x, w1)
    h = _value_and_grad_1(w1.dtype, (k*n,), ((n, k),), t1)
    t2 = _matmul(h, w2)
    t3, value = _value_and_grad_2(w1.dtype, (n*o,), ((n, o), ()), y, t2)
    # gradient by w1
    t4 = _matmul(t3, w2.T)
    grad_w2 = _matmul(h.T, t3)
    t5 = _value_and_grad_3(w1.dtype, (k*n,), ((n, k),), t1, t4)
    grad_w1 = _matmul(x.T, t5)
    return value, Grad(grad_w1, grad_w2)


def unpack(vec, *, d=None, k=None, o=None):
    """Split one vector into w1, w2. One size may be left out: it follows from the length of the vector."""
    shapes = (("d", "k"), ("k", "o"))
    return Grad(*_unflatten(vec, shapes, {"d": d, "k": k, "o": o}))


def value_flat(vec, x, y, *, k=None):
    """As `value`, of one vector that holds w1, w2."""
    p = unpack(vec, d=cp.shape(x)[1], k=k, o=cp.shape(y)[1])
    return value(p.w1, p.w2, x, y)


def grad_flat(vec, x, y, *, k=None):
    """As `grad`, of one vector that holds w1, w2."""
    p = unpack(vec, d=cp.shape(x)[1], k=k, o=cp.shape(y)[1])
    return pack(grad(p.w1, p.w2, x, y))


def value_and_grad_flat(vec, x, y, *, k=None):
    """As `value_and_grad`, of one vector that holds w1, w2."""
    p = unpack(vec, d=cp.shape(x)[1], k=k, o=cp.shape(y)[1])
    value, gradient = value_and_grad(p.w1, p.w2, x, y)
    return value, pack(gradient)


def _arguments(w1, w2, x, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "w1": (("d", "k"), "float"),
            "w2": (("k", "o"), "float"),
            "x": (("n", "d"), "float"),
            "y": (("n", "o"), "float"),
        },
        (w1, w2, x, y),
    )


_DEVICE = """\
__device__ A larger(A a, A b) { return a > b || a != a ? a : b; }
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
"""


_value_1 = _Kernel("value_1", "all", 0, "T", _DEVICE + """\
// h = relu(x*w1)
extern "C" __global__ void value_1(const T* t1_all, T* h_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t1 = t1_all[i];
        const A h = larger(t1, 0);
        h_all[i] = h;
    }
}
""")


_value_2 = _Kernel("value_2", "all", 1, "T", _DEVICE + """\
// value = sum(e1.**2)
extern "C" __global__ void value_2(const T* y_all, const T* t2_all, T* value_all, volatile A* shares,
    unsigned* done, I count)
{
    A value = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A y = y_all[i];
        const A t2 = t2_all[i];
        const A t1 = t2 - y;
        value += t1 * t1;
    }
    value = over_lanes<Sum>(value, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = value;
    if (!is_last_block(done)) return;
    value = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    value_all[0] = value;
}
""")


_grad_1 = _Kernel("grad_1", "all", 0, "T", _DEVICE + """\
// h = relu(x*w1)
extern "C" __global__ void grad_1(const T* t1_all, T* h_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t1 = t1_all[i];
        const A h = larger(t1, 0);
        h_all[i] = h;
    }
}
""")


_grad_2 = _Kernel("grad_2", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void grad_2(const T* y_all, const T* t2_all, T* t3_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A y = y_all[i];
        const A t2 = t2_all[i];
        const A t3 = 2 * (t2 - y);
        t3_all[i] = t3;
    }
}
""")


_grad_3 = _Kernel("grad_3", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void grad_3(const T* t1_all, const T* t4_all, T* t5_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t1 = t1_all[i];
        const A t4 = t4_all[i];
        const A t5 = (t1 > 0 ? t4 : 0);
        t5_all[i] = t5;
    }
}
""")


_value_and_grad_1 = _Kernel("value_and_grad_1", "all", 0, "T", _DEVICE + """\
// h = relu(x*w1)
extern "C" __global__ void value_and_grad_1(const T* t1_all, T* h_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t1 = t1_all[i];
        const A h = larger(t1, 0);
        h_all[i] = h;
    }
}
""")


_value_and_grad_2 = _Kernel("value_and_grad_2", "all", 1, "TT", _DEVICE + """\
// value = sum(e1.**2)
extern "C" __global__ void value_and_grad_2(const T* y_all, const T* t2_all, T* t3_all, T* value_all,
    volatile A* shares, unsigned* done, I count)
{
    A value = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A y = y_all[i];
        const A t2 = t2_all[i];
        const A t1 = t2 - y;
        const A t3 = 2 * t1;
        value += t1 * t1;
        t3_all[i] = t3;
    }
    value = over_lanes<Sum>(value, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = value;
    if (!is_last_block(done)) return;
    value = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    value_all[0] = value;
}
""")


_value_and_grad_3 = _Kernel("value_and_grad_3", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_and_grad_3(const T* t1_all, const T* t4_all, T* t5_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t1 = t1_all[i];
        const A t4 = t4_all[i];
        const A t5 = (t1 > 0 ? t4 : 0);
        t5_all[i] = t5;
    }
}
""")


value = _takes(value, lambda k, n, o, **_: 2*k*n + n*o + 1, SIGNATURE)
grad = _takes(grad, lambda d, k, n, o, **_: d*k + 4*k*n + k*o + 2*n*o, SIGNATURE)
value_and_grad = _takes(value_and_grad, lambda d, k, n, o, **_: d*k + 4*k*n + k*o + 2*n*o + 1, SIGNATURE)
