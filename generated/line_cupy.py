# symdiff 0.1.0: --backend cupy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""line: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    w  parameter, scalar
    b  parameter, scalar
    x  data, (N,)
    y  data, (N,)

Closed form
    e1 = b + w*x - y
    value = mean(e1**2)
    grad.w = 2*mean(e1*x)
    grad.b = 2*mean(e1)
    predict = b + w*x

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
    "model": "line",
    "inputs": {
        "w": {"role": "parameter", "shape": (), "dtype": "float"},
        "b": {"role": "parameter", "shape": (), "dtype": "float"},
        "x": {"role": "data", "shape": ("N",), "dtype": "float"},
        "y": {"role": "data", "shape": ("N",), "dtype": "float"},
    },
    "samples": "N",
    "pointwise": False,
    "functions": {
        "value": ("w", "b", "x", "y"),
        "grad": ("w", "b", "x", "y"),
        "value_and_grad": ("w", "b", "x", "y"),
        "predict": ("w", "b", "x"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    w: cp.ndarray
    b: cp.ndarray


class PredictGrad(NamedTuple):
    """One array for each parameter of predict."""

    w: cp.ndarray
    b: cp.ndarray


def value(w, b, x, y):
    """Return the objective."""
    w, b, x, y = _arguments(w, b, x, y)
    N = x.shape[0]
    value = _value_1(w.dtype, (N,), ((),), w, x, y, b, N)
    return value


def grad(w, b, x, y):
    """Return the gradient of the objective by w, b."""
    w, b, x, y = _arguments(w, b, x, y)
    N = x.shape[0]
    grad_w, grad_b = _grad_1(w.dtype, (N,), ((), ()), w, x, y, b, N)
    return Grad(grad_w, grad_b)


def value_and_grad(w, b, x, y):
    """Return the objective and its gradient by w, b."""
    w, b, x, y = _arguments(w, b, x, y)
    N = x.shape[0]
    value, grad_w, grad_b = _value_and_grad_1(w.dtype, (N,), ((), (), ()), w, x, y, b, N)
    return value, Grad(grad_w, grad_b)


def predict(w, b, x):
    """Return predict."""
    w, b, x = _arguments_of_predict(w, b, x)
    N = x.shape[0]
    predict = _predict_1(w.dtype, (N,), ((N,),), w, x, b)
    return predict


def unpack(vec):
    """Split one vector into w, b."""
    shapes = ((), ())
    return Grad(*_unflatten(vec, shapes, {}))


def value_flat(vec, x, y):
    """As `value`, of one vector that holds w, b."""
    p = unpack(vec)
    return value(p.w, p.b, x, y)


def grad_flat(vec, x, y):
    """As `grad`, of one vector that holds w, b."""
    p = unpack(vec)
    return pack(grad(p.w, p.b, x, y))


def value_and_grad_flat(vec, x, y):
    """As `value_and_grad`, of one vector that holds w, b."""
    p = unpack(vec)
    value, gradient = value_and_grad(p.w, p.b, x, y)
    return value, pack(gradient)


def predict_flat(vec, x):
    """As `predict`, of one vector that holds w, b."""
    p = unpack(vec)
    return predict(p.w, p.b, x)


def _arguments(w, b, x, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "w": ((), "float"),
            "b": ((), "float"),
            "x": (("N",), "float"),
            "y": (("N",), "float"),
        },
        (w, b, x, y),
    )


def _arguments_of_predict(w, b, x):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "w": ((), "float"),
            "b": ((), "float"),
            "x": (("N",), "float"),
        },
        (w, b, x),
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


_value_1 = _Kernel("value_1", "all", 1, "T", _DEVICE + """\
// value = mean(e1**2)
extern "C" __global__ void value_1(const T* w_all, const T* x_all, const T* y_all, const T* b_all, T* value_all,
    volatile A* shares, unsigned* done, I count, I N)
{
    const A w = w_all[0];
    const A b = b_all[0];
    A s = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A x = x_all[i];
        const A y = y_all[i];
        const A t1 = w * x + (b - y);
        s += t1 * t1;
    }
    s = over_lanes<Sum>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    if (!is_last_block(done)) return;
    s = over_blocks<Sum>(shares + 0 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A value = s / A(N);
    value_all[0] = value;
}
""")


_grad_1 = _Kernel("grad_1", "all", 2, "TT", _DEVICE + """\
// grad.w = 2*mean(e1*x)
// grad.b = 2*mean(e1)
extern "C" __global__ void grad_1(const T* w_all, const T* x_all, const T* y_all, const T* b_all, T* grad_w_all,
    T* grad_b_all, volatile A* shares, unsigned* done, I count, I N)
{
    const A w = w_all[0];
    const A b = b_all[0];
    A s = Sum::none();
    A s2 = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A x = x_all[i];
        const A y = y_all[i];
        const A t1 = w * x + (b - y);
        s += t1 * x;
        s2 += t1;
    }
    s = over_lanes<Sum>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    s2 = over_lanes<Sum>(s2, blockDim.x);
    if (threadIdx.x == 0) shares[1 * gridDim.x + blockIdx.x] = s2;
    if (!is_last_block(done)) return;
    s = over_blocks<Sum>(shares + 0 * gridDim.x);
    s2 = over_blocks<Sum>(shares + 1 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A grad_w = 2 * s / A(N);
    const A grad_b = 2 * s2 / A(N);
    grad_w_all[0] = grad_w;
    grad_b_all[0] = grad_b;
}
""")


_value_and_grad_1 = _Kernel("value_and_grad_1", "all", 3, "TTT", _DEVICE + """\
// value = mean(e1**2)
// grad.w = 2*mean(e1*x)
// grad.b = 2*mean(e1)
extern "C" __global__ void value_and_grad_1(const T* w_all, const T* x_all, const T* y_all, const T* b_all,
    T* value_all, T* grad_w_all, T* grad_b_all, volatile A* shares, unsigned* done, I count, I N)
{
    const A w = w_all[0];
    const A b = b_all[0];
    A s = Sum::none();
    A s2 = Sum::none();
    A s3 = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A x = x_all[i];
        const A y = y_all[i];
        const A t1 = w * x + (b - y);
        s += t1 * t1;
        s2 += t1 * x;
        s3 += t1;
    }
    s = over_lanes<Sum>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    s2 = over_lanes<Sum>(s2, blockDim.x);
    if (threadIdx.x == 0) shares[1 * gridDim.x + blockIdx.x] = s2;
    s3 = over_lanes<Sum>(s3, blockDim.x);
    if (threadIdx.x == 0) shares[2 * gridDim.x + blockIdx.x] = s3;
    if (!is_last_block(done)) return;
    s = over_blocks<Sum>(shares + 0 * gridDim.x);
    s2 = over_blocks<Sum>(shares + 1 * gridDim.x);
    s3 = over_blocks<Sum>(shares + 2 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A value = s / A(N);
    const A grad_w = 2 * s2 / A(N);
    const A grad_b = 2 * s3 / A(N);
    value_all[0] = value;
    grad_w_all[0] = grad_w;
    grad_b_all[0] = grad_b;
}
""")


_predict_1 = _Kernel("predict_1", "all", 0, "T", _DEVICE + """\
// predict = b + w*x
extern "C" __global__ void predict_1(const T* w_all, const T* x_all, const T* b_all, T* predict_all, I count)
{
    const A w = w_all[0];
    const A b = b_all[0];
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A x = x_all[i];
        const A predict = w * x + b;
        predict_all[i] = predict;
    }
}
""")


predict = _takes(predict, lambda N, **_: N, SIGNATURE)
