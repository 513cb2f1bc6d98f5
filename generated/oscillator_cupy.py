# symdiff 0.1.0: --backend cupy --emit value,grad,value_and_grad --math exact --style fast --runtime shared
"""oscillator: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    a  parameter, scalar
    g  parameter, scalar
    w  parameter, scalar
    p  parameter, scalar
    c  parameter, scalar
    t  data, (N,)
    y  data, (N,)

Closed form
    e1 = p + t*w
    e2 = cos(e1)
    e3 = e2*exp(-g*t)
    e4 = a*e3
    e5 = c + e4 - y
    value = mean(e5**2)
    grad.a = 2*mean(e3*e5)
    grad.g = -2*a*mean(e2*e5*t*exp(-g*t))
    e6 = e5*exp(-g*t)*sin(e1)
    grad.w = -2*a*mean(e6*t)
    grad.p = -2*a*mean(e6)
    grad.c = 2*mean(e5)
    displacement = c + e4

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
    "model": "oscillator",
    "inputs": {
        "a": {"role": "parameter", "shape": (), "dtype": "float"},
        "g": {"role": "parameter", "shape": (), "dtype": "float"},
        "w": {"role": "parameter", "shape": (), "dtype": "float"},
        "p": {"role": "parameter", "shape": (), "dtype": "float"},
        "c": {"role": "parameter", "shape": (), "dtype": "float"},
        "t": {"role": "data", "shape": ("N",), "dtype": "float"},
        "y": {"role": "data", "shape": ("N",), "dtype": "float"},
    },
    "samples": "N",
    "pointwise": False,
    "functions": {
        "value": ("a", "g", "w", "p", "c", "t", "y"),
        "grad": ("a", "g", "w", "p", "c", "t", "y"),
        "value_and_grad": ("a", "g", "w", "p", "c", "t", "y"),
        "displacement": ("a", "g", "w", "p", "c", "t"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    a: cp.ndarray
    g: cp.ndarray
    w: cp.ndarray
    p: cp.ndarray
    c: cp.ndarray


class DisplacementGrad(NamedTuple):
    """One array for each parameter of displacement."""

    a: cp.ndarray
    g: cp.ndarray
    w: cp.ndarray
    p: cp.ndarray
    c: cp.ndarray


def value(a, g, w, p, c, t, y):
    """Return the objective."""
    a, g, w, p, c, t, y = _arguments(a, g, w, p, c, t, y)
    N = t.shape[0]
    value = _value_1(a.dtype, (N,), ((),), t, g, w, p, a, y, c, N)
    return value


def grad(a, g, w, p, c, t, y):
    """Return the gradient of the objective by a, g, w, p, c."""
    a, g, w, p, c, t, y = _arguments(a, g, w, p, c, t, y)
    N = t.shape[0]
    grad_a, grad_g, grad_w, grad_p, grad_c = _grad_1(
        a.dtype, (N,), ((), (), (), (), ()), t, g, w, p, a, y, c, N,
    )
    return Grad(grad_a, grad_g, grad_w, grad_p, grad_c)


def value_and_grad(a, g, w, p, c, t, y):
    """Return the objective and its gradient by a, g, w, p, c."""
    a, g, w, p, c, t, y = _arguments(a, g, w, p, c, t, y)
    N = t.shape[0]
    value, grad_a, grad_g, grad_w, grad_p, grad_c = _value_and_grad_1(
        a.dtype, (N,), ((), (), (), (), (), ()), t, g, w, p, a, y, c, N,
    )
    return value, Grad(grad_a, grad_g, grad_w, grad_p, grad_c)


def displacement(a, g, w, p, c, t):
    """Return displacement."""
    a, g, w, p, c, t = _arguments_of_displacement(a, g, w, p, c, t)
    N = t.shape[0]
    displacement = _displacement_1(a.dtype, (N,), ((N,),), t, g, w, p, a, c)
    return displacement


def unpack(vec):
    """Split one vector into a, g, w, p, c."""
    shapes = ((), (), (), (), ())
    return Grad(*_unflatten(vec, shapes, {}))


def value_flat(vec, t, y):
    """As `value`, of one vector that holds a, g, w, p, c."""
    p = unpack(vec)
    return value(p.a, p.g, p.w, p.p, p.c, t, y)


def grad_flat(vec, t, y):
    """As `grad`, of one vector that holds a, g, w, p, c."""
    p = unpack(vec)
    return pack(grad(p.a, p.g, p.w, p.p, p.c, t, y))


def value_and_grad_flat(vec, t, y):
    """As `value_and_grad`, of one vector that holds a, g, w, p, c."""
    p = unpack(vec)
    value, gradient = value_and_grad(p.a, p.g, p.w, p.p, p.c, t, y)
    return value, pack(gradient)


def displacement_flat(vec, t):
    """As `displacement`, of one vector that holds a, g, w, p, c."""
    p = unpack(vec)
    return displacement(p.a, p.g, p.w, p.p, p.c, t)


def _arguments(a, g, w, p, c, t, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "a": ((), "float"),
            "g": ((), "float"),
            "w": ((), "float"),
            "p": ((), "float"),
            "c": ((), "float"),
            "t": (("N",), "float"),
            "y": (("N",), "float"),
        },
        (a, g, w, p, c, t, y),
    )


def _arguments_of_displacement(a, g, w, p, c, t):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "a": ((), "float"),
            "g": ((), "float"),
            "w": ((), "float"),
            "p": ((), "float"),
            "c": ((), "float"),
            "t": (("N",), "float"),
        },
        (a, g, w, p, c, t),
    )


_DEVICE = """\
struct Waves { A sine, cosine; };
__device__ Waves sine_and_cosine(A x) { Waves found; sincos(x, &found.sine, &found.cosine); return found; }
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
// value = mean(e5**2)
extern "C" __global__ void value_1(const T* t_all, const T* g_all, const T* w_all, const T* p_all,
    const T* a_all, const T* y_all, const T* c_all, T* value_all, volatile A* shares, unsigned* done, I count,
    I N)
{
    const A g = g_all[0];
    const A w = w_all[0];
    const A p = p_all[0];
    const A a = a_all[0];
    const A c = c_all[0];
    A s = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t = t_all[i];
        const A y = y_all[i];
        const A t1 = a * (exp(-g * t) * cos(w * t + p)) + (c - y);
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


_grad_1 = _Kernel("grad_1", "all", 5, "TTTTT", _DEVICE + """\
// grad.a = 2*mean(e3*e5)
// grad.g = -2*a*mean(e2*e5*t*exp(-g*t))
// grad.w = -2*a*mean(e6*t)
// grad.p = -2*a*mean(e6)
// grad.c = 2*mean(e5)
extern "C" __global__ void grad_1(const T* t_all, const T* g_all, const T* w_all, const T* p_all,
    const T* a_all, const T* y_all, const T* c_all, T* grad_a_all, T* grad_g_all, T* grad_w_all, T* grad_p_all,
    T* grad_c_all, volatile A* shares, unsigned* done, I count, I N)
{
    const A g = g_all[0];
    const A w = w_all[0];
    const A p = p_all[0];
    const A a = a_all[0];
    const A c = c_all[0];
    A s = Sum::none();
    A s2 = Sum::none();
    A s3 = Sum::none();
    A s4 = Sum::none();
    A s5 = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t = t_all[i];
        const A y = y_all[i];
        const A t1 = exp(-g * t);
        const A t2 = w * t + p;
        const auto [sin_t2, cos_t2] = sine_and_cosine(t2);
        const A t3 = t1 * cos_t2;
        const A t4 = a * t3 + (c - y);
        const A t5 = t * (cos_t2 * t4);
        const A t6 = sin_t2 * (t1 * t4);
        s += t4 * t3;
        s2 += t1 * t5;
        s3 += t * t6;
        s4 += t6;
        s5 += t4;
    }
    s = over_lanes<Sum>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    s2 = over_lanes<Sum>(s2, blockDim.x);
    if (threadIdx.x == 0) shares[1 * gridDim.x + blockIdx.x] = s2;
    s3 = over_lanes<Sum>(s3, blockDim.x);
    if (threadIdx.x == 0) shares[2 * gridDim.x + blockIdx.x] = s3;
    s4 = over_lanes<Sum>(s4, blockDim.x);
    if (threadIdx.x == 0) shares[3 * gridDim.x + blockIdx.x] = s4;
    s5 = over_lanes<Sum>(s5, blockDim.x);
    if (threadIdx.x == 0) shares[4 * gridDim.x + blockIdx.x] = s5;
    if (!is_last_block(done)) return;
    s = over_blocks<Sum>(shares + 0 * gridDim.x);
    s2 = over_blocks<Sum>(shares + 1 * gridDim.x);
    s3 = over_blocks<Sum>(shares + 2 * gridDim.x);
    s4 = over_blocks<Sum>(shares + 3 * gridDim.x);
    s5 = over_blocks<Sum>(shares + 4 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A grad_a = 2 * s / A(N);
    const A grad_g = -2 * a * s2 / A(N);
    const A grad_w = -2 * a * s3 / A(N);
    const A grad_p = -2 * a * s4 / A(N);
    const A grad_c = 2 * s5 / A(N);
    grad_a_all[0] = grad_a;
    grad_g_all[0] = grad_g;
    grad_w_all[0] = grad_w;
    grad_p_all[0] = grad_p;
    grad_c_all[0] = grad_c;
}
""")


_value_and_grad_1 = _Kernel("value_and_grad_1", "all", 6, "TTTTTT", _DEVICE + """\
// value = mean(e5**2)
// grad.a = 2*mean(e3*e5)
// grad.g = -2*a*mean(e2*e5*t*exp(-g*t))
// grad.w = -2*a*mean(e6*t)
// grad.p = -2*a*mean(e6)
// grad.c = 2*mean(e5)
extern "C" __global__ void value_and_grad_1(const T* t_all, const T* g_all, const T* w_all, const T* p_all,
    const T* a_all, const T* y_all, const T* c_all, T* value_all, T* grad_a_all, T* grad_g_all, T* grad_w_all,
    T* grad_p_all, T* grad_c_all, volatile A* shares, unsigned* done, I count, I N)
{
    const A g = g_all[0];
    const A w = w_all[0];
    const A p = p_all[0];
    const A a = a_all[0];
    const A c = c_all[0];
    A s = Sum::none();
    A s2 = Sum::none();
    A s3 = Sum::none();
    A s4 = Sum::none();
    A s5 = Sum::none();
    A s6 = Sum::none();
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t = t_all[i];
        const A y = y_all[i];
        const A t1 = exp(-g * t);
        const A t2 = w * t + p;
        const auto [sin_t2, cos_t2] = sine_and_cosine(t2);
        const A t3 = t1 * cos_t2;
        const A t4 = a * t3 + (c - y);
        const A t5 = t * (cos_t2 * t4);
        const A t6 = sin_t2 * (t1 * t4);
        s += t4 * t4;
        s2 += t4 * t3;
        s3 += t1 * t5;
        s4 += t * t6;
        s5 += t6;
        s6 += t4;
    }
    s = over_lanes<Sum>(s, blockDim.x);
    if (threadIdx.x == 0) shares[0 * gridDim.x + blockIdx.x] = s;
    s2 = over_lanes<Sum>(s2, blockDim.x);
    if (threadIdx.x == 0) shares[1 * gridDim.x + blockIdx.x] = s2;
    s3 = over_lanes<Sum>(s3, blockDim.x);
    if (threadIdx.x == 0) shares[2 * gridDim.x + blockIdx.x] = s3;
    s4 = over_lanes<Sum>(s4, blockDim.x);
    if (threadIdx.x == 0) shares[3 * gridDim.x + blockIdx.x] = s4;
    s5 = over_lanes<Sum>(s5, blockDim.x);
    if (threadIdx.x == 0) shares[4 * gridDim.x + blockIdx.x] = s5;
    s6 = over_lanes<Sum>(s6, blockDim.x);
    if (threadIdx.x == 0) shares[5 * gridDim.x + blockIdx.x] = s6;
    if (!is_last_block(done)) return;
    s = over_blocks<Sum>(shares + 0 * gridDim.x);
    s2 = over_blocks<Sum>(shares + 1 * gridDim.x);
    s3 = over_blocks<Sum>(shares + 2 * gridDim.x);
    s4 = over_blocks<Sum>(shares + 3 * gridDim.x);
    s5 = over_blocks<Sum>(shares + 4 * gridDim.x);
    s6 = over_blocks<Sum>(shares + 5 * gridDim.x);
    if (threadIdx.x != 0) return;
    const A value = s / A(N);
    const A grad_a = 2 * s2 / A(N);
    const A grad_g = -2 * a * s3 / A(N);
    const A grad_w = -2 * a * s4 / A(N);
    const A grad_p = -2 * a * s5 / A(N);
    const A grad_c = 2 * s6 / A(N);
    value_all[0] = value;
    grad_a_all[0] = grad_a;
    grad_g_all[0] = grad_g;
    grad_w_all[0] = grad_w;
    grad_p_all[0] = grad_p;
    grad_c_all[0] = grad_c;
}
""")


_displacement_1 = _Kernel("displacement_1", "all", 0, "T", _DEVICE + """\
// displacement = c + e4
extern "C" __global__ void displacement_1(const T* t_all, const T* g_all, const T* w_all, const T* p_all,
    const T* a_all, const T* c_all, T* displacement_all, I count)
{
    const A g = g_all[0];
    const A w = w_all[0];
    const A p = p_all[0];
    const A a = a_all[0];
    const A c = c_all[0];
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t = t_all[i];
        const A displacement = a * (exp(-g * t) * cos(w * t + p)) + c;
        displacement_all[i] = displacement;
    }
}
""")


displacement = _takes(displacement, lambda N, **_: N, SIGNATURE)
