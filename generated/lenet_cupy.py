# symdiff 0.1.0: --backend cupy --emit value,grad,value_and_grad,vjp --math exact --style fast --runtime shared
"""lenet: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    k1     parameter, (6, 1, 5, 5)
    b1     parameter, (6,)
    k2     parameter, (16, 6, 5, 5)
    b2     parameter, (16,)
    w3     parameter, (400, 120)
    b3     parameter, (120,)
    w4     parameter, (120, 84)
    b4     parameter, (84,)
    w5     parameter, (84, 10)
    b5     parameter, (10,)
    image  data, (n, 1, 32, 32)
    label  data, (n,), integers

Closed form
    e3 = (window_max has no closed form in tensors)
    e4 = b1[:, None, None] + e3
    h1 = relu(e4)
    e5 = (Windows have no closed form in tensors)
    e7 = (window_max has no closed form in tensors)
    e8 = b2[:, None, None] + e7
    h2 = relu(e8)
    e9 = reshape(h2, n, 400)
    e10 = b3 + e9 @ w3
    h3 = relu(e10)
    e11 = b4 + h3 @ w4
    h4 = relu(e11)
    scores = b5 + h4 @ w5
    e12 = log_softmax(scores, axis=1)
    value = -sum(e12*one_hot(label, 10))/n
    e13 = -one_hot(label, 10) + softmax(scores, axis=1)
    e14 = where(0 < e11, (e13 @ w5.T)/n, 0)
    e15 = where(0 < e10, e14 @ w4.T, 0)
    e16 = where(0 < e8, reshape(e15 @ w3.T, n, 16, 5, 5), 0)
    e17 = (place_first_max has no closed form in tensors)
    e18 = (Windows and strides have no closed form in tensors)
    grad.k1 = (place_first_max has no closed form in tensors)
    grad.b1 = sum(e18, axis=(0, 2, 3))
    grad.k2 = einsum('mkjlno,oimn->ijkl', e5, e17)
    grad.b2 = sum(e16, axis=(0, 2, 3))
    grad.w3 = e9.T @ e15
    grad.b3 = sum(e15, axis=0)
    grad.w4 = h3.T @ e14
    grad.b4 = sum(e14, axis=0)
    grad.w5 = (h4.T @ e13)/n
    grad.b5 = sum(e13, axis=0)/n

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
    _add_windows = _runtime._add_windows
    _convert = _runtime._convert
    _cotangent = _runtime._cotangent
    _in_single = _runtime._in_single
    _matmul = _runtime._matmul
    _of_windows = _runtime._of_windows
    _place_first_max = _runtime._place_first_max
    _sum = _runtime._sum
    _takes = _runtime._takes
    _unflatten = _runtime._unflatten
    _windows = _runtime._windows
except (AttributeError, ImportError) as error:
    raise ImportError(
        "_symdiff_runtime_cupy.py of symdiff 0.1.0 must stand beside this module: "
        f"symdiff compile --runtime shared writes both ({error})"
    ) from None


SIGNATURE = {
    "model": "lenet",
    "inputs": {
        "k1": {"role": "parameter", "shape": (6, 1, 5, 5), "dtype": "float"},
        "b1": {"role": "parameter", "shape": (6,), "dtype": "float"},
        "k2": {"role": "parameter", "shape": (16, 6, 5, 5), "dtype": "float"},
        "b2": {"role": "parameter", "shape": (16,), "dtype": "float"},
        "w3": {"role": "parameter", "shape": (400, 120), "dtype": "float"},
        "b3": {"role": "parameter", "shape": (120,), "dtype": "float"},
        "w4": {"role": "parameter", "shape": (120, 84), "dtype": "float"},
        "b4": {"role": "parameter", "shape": (84,), "dtype": "float"},
        "w5": {"role": "parameter", "shape": (84, 10), "dtype": "float"},
        "b5": {"role": "parameter", "shape": (10,), "dtype": "float"},
        "image": {"role": "data", "shape": ("n", 1, 32, 32), "dtype": "float"},
        "label": {"role": "data", "shape": ("n",), "dtype": "int"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("k1", "b1", "k2", "b2", "w3", "b3", "w4", "b4", "w5", "b5", "image", "label"),
        "grad": ("k1", "b1", "k2", "b2", "w3", "b3", "w4", "b4", "w5", "b5", "image", "label"),
        "value_and_grad": ("k1", "b1", "k2", "b2", "w3", "b3", "w4", "b4", "w5", "b5", "image", "label"),
        "scores": ("k1", "b1", "k2", "b2", "w3", "b3", "w4", "b4", "w5", "b5", "image"),
        "scores_vjp": ("k1", "b1", "k2", "b2", "w3", "b3", "w4", "b4", "w5", "b5", "image", "u"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    k1: cp.ndarray
    b1: cp.ndarray
    k2: cp.ndarray
    b2: cp.ndarray
    w3: cp.ndarray
    b3: cp.ndarray
    w4: cp.ndarray
    b4: cp.ndarray
    w5: cp.ndarray
    b5: cp.ndarray


class ScoresGrad(NamedTuple):
    """One array for each parameter of scores."""

    k1: cp.ndarray
    b1: cp.ndarray
    k2: cp.ndarray
    b2: cp.ndarray
    w3: cp.ndarray
    b3: cp.ndarray
    w4: cp.ndarray
    b4: cp.ndarray
    w5: cp.ndarray
    b5: cp.ndarray


def value(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label):
    """Return the objective."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label = _arguments(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label,
    )
    n = image.shape[0]
    t1 = _windows(cp.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t2 = (
        _matmul(
            k1.transpose(0, 2, 1, 3).reshape(6, 25),
            _windows(cp.ascontiguousarray(t1), (0, 0, (28, 1), (5, 1))).reshape(28, 25, -1),
        )
        .reshape(28, 6, 28, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t2 = _of_windows(cp.maximum, t2, (2, 2), (2, 2))
    h1 = _value_1(k1.dtype, (1176*n,), ((n, 6, 14, 14),), b1, window_max_t2)
    t3 = _windows(cp.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t4 = (
        _matmul(
            k2.transpose(0, 2, 1, 3).reshape(16, 150),
            _windows(cp.ascontiguousarray(t3), (0, 0, (10, 1), (5, 1))).reshape(10, 150, -1),
        )
        .reshape(10, 16, 10, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t4 = _of_windows(cp.maximum, t4, (2, 2), (2, 2))
    h2 = _value_2(k1.dtype, (400*n,), ((n, 16, 5, 5),), window_max_t4, b2)
    t5 = _matmul(h2.reshape(n, 400), w3)
    h3 = _value_3(k1.dtype, (120*n,), ((n, 120),), b3, t5)
    t6 = _matmul(h3, w4)
    h4 = _value_4(k1.dtype, (84*n,), ((n, 84),), t6, b4)
    t7 = _matmul(h4, w5)
    value = _value_5(k1.dtype, (n, 10), ((),), t7, b5, label, n)
    return value


def grad(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label):
    """Return the gradient of the objective by k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label = _arguments(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label,
    )
    n = image.shape[0]
    # shared by all results
    t1 = _windows(cp.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t2 = _windows(cp.ascontiguousarray(t1), (0, 0, (28, 1), (5, 1)))
    t3 = (
        _matmul(k1.transpose(0, 2, 1, 3).reshape(6, 25), t2.reshape(28, 25, -1))
        .reshape(28, 6, 28, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t3 = _of_windows(cp.maximum, t3, (2, 2), (2, 2))
    t4, h1 = _grad_1(k1.dtype, (1176*n,), ((n, 6, 14, 14), (n, 6, 14, 14)), b1, window_max_t3)
    t5 = _windows(cp.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t6 = _windows(cp.ascontiguousarray(t5), (0, 0, (10, 1), (5, 1)))
    t7 = (
        _matmul(k2.transpose(0, 2, 1, 3).reshape(16, 150), t6.reshape(10, 150, -1))
        .reshape(10, 16, 10, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t7 = _of_windows(cp.maximum, t7, (2, 2), (2, 2))
    t8, h2 = _grad_2(k1.dtype, (400*n,), ((n, 16, 5, 5), (n, 16, 5, 5)), window_max_t7, b2)
    reshape_h2 = h2.reshape(n, 400)
    t9 = _matmul(reshape_h2, w3)
    t10, h3 = _grad_3(k1.dtype, (120*n,), ((n, 120), (n, 120)), b3, t9)
    t11 = _matmul(h3, w4)
    t12, h4 = _grad_4(k1.dtype, (84*n,), ((n, 84), (n, 84)), t11, b4)
    t13 = _matmul(h4, w5)
    t14, grad_b5 = _grad_5(k1.dtype, (n, 10), ((n, 10), (10,)), t13, b5, label, n)
    # gradient by k1, b1 and 6 more
    t15 = _matmul(t14, w5.T)
    grad_w5 = _matmul(h4.T, t14)
    t16, grad_b4 = _grad_6(k1.dtype, (n, 84), ((n, 84), (84,)), t12, t15)
    # gradient by k1, b1 and 4 more
    t17 = _matmul(t16, w4.T)
    grad_w4 = _matmul(h3.T, t16)
    t18, grad_b3 = _grad_7(k1.dtype, (n, 120), ((n, 120), (120,)), t10, t17)
    grad_w3 = _matmul(reshape_h2.T, t18)
    # gradient by k1, b1 and 2 more
    t19 = _matmul(t18, w3.T).reshape(n, 16, 5, 5)
    t20 = _grad_8(k1.dtype, (400*n,), ((n, 16, 5, 5),), t8, t19)
    # gradient by k1, b1, k2
    t21 = _place_first_max(t20, t7, window_max_t7, (2, 2), (2, 2))
    grad_b2 = _sum(t20, axis=(0, 2, 3))
    # gradient by k1, b1
    t22 = (
        _matmul(k2.transpose(2, 1, 3, 0).reshape(150, 16), t21.transpose(2, 1, 3, 0).reshape(10, 16, -1))
        .reshape(10, 5, 6, 5, 10, -1)
    )
    grad_k2 = (
        _sum(_matmul(t6.reshape(10, 150, -1), t21.transpose(2, 3, 0, 1).reshape(10, -1, 16)))
        .reshape(5, 6, 5, 16)
        .transpose(3, 1, 0, 2)
    )
    # gradient by k1, b1
    t23 = _add_windows(
        _add_windows(t22, (14, 6, 5, 10, n), (0, 0, (10, 1), (5, 1))), (14, 6, 14, n), (2, 0, (5, 1), (10, 1)),
    )
    t24 = _grad_9(k1.dtype, (1176*n,), ((n, 6, 14, 14),), t4, t23, n)
    # gradient by k1
    t25 = _place_first_max(t24, t3, window_max_t3, (2, 2), (2, 2))
    grad_b1 = _sum(t24, axis=(0, 2, 3))
    grad_k1 = (
        _sum(_matmul(t2.reshape(28, 25, -1), t25.transpose(2, 3, 0, 1).reshape(28, -1, 6)))
        .reshape(5, 1, 5, 6)
        .transpose(3, 1, 0, 2)
    )
    return Grad(grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5)


def value_and_grad(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label):
    """Return the objective and its gradient by k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label = _arguments(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label,
    )
    n = image.shape[0]
    # shared by all results
    t1 = _windows(cp.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t2 = _windows(cp.ascontiguousarray(t1), (0, 0, (28, 1), (5, 1)))
    t3 = (
        _matmul(k1.transpose(0, 2, 1, 3).reshape(6, 25), t2.reshape(28, 25, -1))
        .reshape(28, 6, 28, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t3 = _of_windows(cp.maximum, t3, (2, 2), (2, 2))
    t4, h1 = _value_and_grad_1(k1.dtype, (1176*n,), ((n, 6, 14, 14), (n, 6, 14, 14)), b1, window_max_t3)
    t5 = _windows(cp.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t6 = _windows(cp.ascontiguousarray(t5), (0, 0, (10, 1), (5, 1)))
    t7 = (
        _matmul(k2.transpose(0, 2, 1, 3).reshape(16, 150), t6.reshape(10, 150, -1))
        .reshape(10, 16, 10, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t7 = _of_windows(cp.maximum, t7, (2, 2), (2, 2))
    t8, h2 = _value_and_grad_2(k1.dtype, (400*n,), ((n, 16, 5, 5), (n, 16, 5, 5)), window_max_t7, b2)
    reshape_h2 = h2.reshape(n, 400)
    t9 = _matmul(reshape_h2, w3)
    t10, h3 = _value_and_grad_3(k1.dtype, (120*n,), ((n, 120), (n, 120)), b3, t9)
    t11 = _matmul(h3, w4)
    t12, h4 = _value_and_grad_4(k1.dtype, (84*n,), ((n, 84), (n, 84)), t11, b4)
    t13 = _matmul(h4, w5)
    t14, grad_b5, value = _value_and_grad_5(k1.dtype, (n, 10), ((n, 10), (10,), ()), t13, b5, label, n)
    # gradient by k1, b1 and 6 more
    t15 = _matmul(t14, w5.T)
    grad_w5 = _matmul(h4.T, t14)
    t16, grad_b4 = _value_and_grad_6(k1.dtype, (n, 84), ((n, 84), (84,)), t12, t15)
    # gradient by k1, b1 and 4 more
    t17 = _matmul(t16, w4.T)
    grad_w4 = _matmul(h3.T, t16)
    t18, grad_b3 = _value_and_grad_7(k1.dtype, (n, 120), ((n, 120), (120,)), t10, t17)
    grad_w3 = _matmul(reshape_h2.T, t18)
    # gradient by k1, b1 and 2 more
    t19 = _matmul(t18, w3.T).reshape(n, 16, 5, 5)
    t20 = _value_and_grad_8(k1.dtype, (400*n,), ((n, 16, 5, 5),), t8, t19)
    # gradient by k1, b1, k2
    t21 = _place_first_max(t20, t7, window_max_t7, (2, 2), (2, 2))
    grad_b2 = _sum(t20, axis=(0, 2, 3))
    # gradient by k1, b1
    t22 = (
        _matmul(k2.transpose(2, 1, 3, 0).reshape(150, 16), t21.transpose(2, 1, 3, 0).reshape(10, 16, -1))
        .reshape(10, 5, 6, 5, 10, -1)
    )
    grad_k2 = (
        _sum(_matmul(t6.reshape(10, 150, -1), t21.transpose(2, 3, 0, 1).reshape(10, -1, 16)))
        .reshape(5, 6, 5, 16)
        .transpose(3, 1, 0, 2)
    )
    # gradient by k1, b1
    t23 = _add_windows(
        _add_windows(t22, (14, 6, 5, 10, n), (0, 0, (10, 1), (5, 1))), (14, 6, 14, n), (2, 0, (5, 1), (10, 1)),
    )
    t24 = _value_and_grad_9(k1.dtype, (1176*n,), ((n, 6, 14, 14),), t4, t23, n)
    # gradient by k1
    t25 = _place_first_max(t24, t3, window_max_t3, (2, 2), (2, 2))
    grad_b1 = _sum(t24, axis=(0, 2, 3))
    grad_k1 = (
        _sum(_matmul(t2.reshape(28, 25, -1), t25.transpose(2, 3, 0, 1).reshape(28, -1, 6)))
        .reshape(5, 1, 5, 6)
        .transpose(3, 1, 0, 2)
    )
    return value, Grad(grad_k1, grad_b1, grad_k2, grad_b2, grad_w3, grad_b3, grad_w4, grad_b4, grad_w5, grad_b5)


def scores(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image):
    """Return scores."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image = _arguments_of_scores(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image,
    )
    n = image.shape[0]
    t1 = _windows(cp.ascontiguousarray(image.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (28, 1)))
    t2 = (
        _matmul(
            k1.transpose(0, 2, 1, 3).reshape(6, 25),
            _windows(cp.ascontiguousarray(t1), (0, 0, (28, 1), (5, 1))).reshape(28, 25, -1),
        )
        .reshape(28, 6, 28, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t2 = _of_windows(cp.maximum, t2, (2, 2), (2, 2))
    h1 = _scores_1(k1.dtype, (1176*n,), ((n, 6, 14, 14),), b1, window_max_t2)
    t3 = _windows(cp.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t4 = (
        _matmul(
            k2.transpose(0, 2, 1, 3).reshape(16, 150),
            _windows(cp.ascontiguousarray(t3), (0, 0, (10, 1), (5, 1))).reshape(10, 150, -1),
        )
        .reshape(10, 16, 10, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t4 = _of_windows(cp.maximum, t4, (2, 2), (2, 2))
    h2 = _scores_2(k1.dtype, (400*n,), ((n, 16, 5, 5),), window_max_t4, b2)
    t5 = _matmul(h2.reshape(n, 400), w3)
    h3 = _scores_3(k1.dtype, (120*n,), ((n, 120),), b3, t5)
    t6 = _matmul(h3, w4)
    h4 = _scores_4(k1.dtype, (84*n,), ((n, 84),), t6, b4)
    t7 = _matmul(h4, w5)
    scores = _scores_5(k1.dtype, (10*n,), ((n, 10),), t7, b5)
    return scores


def scores_vjp(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, u):
    """Return u^T times the Jacobian of scores, u of the shape of scores."""
    k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image = _arguments_of_scores(
        k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image,
    )
    u = _cotangent("u", u, (image.shape[0], 10), k1.dtype)
    n = image.shape[0]
    # u^T Jacobian by k1, b1 and 7 more
    t1 = cp.ascontiguousarray(image.transpose(2, 1, 3, 0))
    # u^T Jacobian by k1, b1 and 6 more
    t2 = _matmul(u, w5.T)
    vjp_b5 = _scores_vjp_1(k1.dtype, (n, 10), ((10,),), u)
    # u^T Jacobian by k1, b1 and 7 more
    t3 = _windows(cp.ascontiguousarray(_windows(t1, (2, 0, (5, 1), (28, 1)))), (0, 0, (28, 1), (5, 1)))
    t4 = (
        _matmul(k1.transpose(0, 2, 1, 3).reshape(6, 25), t3.reshape(28, 25, -1))
        .reshape(28, 6, 28, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t4 = _of_windows(cp.maximum, t4, (2, 2), (2, 2))
    t5, h1 = _scores_vjp_2(k1.dtype, (1176*n,), ((n, 6, 14, 14), (n, 6, 14, 14)), b1, window_max_t4)
    t6 = _windows(cp.ascontiguousarray(h1.transpose(2, 1, 3, 0)), (2, 0, (5, 1), (10, 1)))
    t7 = _windows(cp.ascontiguousarray(t6), (0, 0, (10, 1), (5, 1)))
    t8 = (
        _matmul(k2.transpose(0, 2, 1, 3).reshape(16, 150), t7.reshape(10, 150, -1))
        .reshape(10, 16, 10, -1)
        .transpose(3, 1, 0, 2)
    )
    window_max_t8 = _of_windows(cp.maximum, t8, (2, 2), (2, 2))
    t9, h2 = _scores_vjp_3(k1.dtype, (400*n,), ((n, 16, 5, 5), (n, 16, 5, 5)), window_max_t8, b2)
    reshape_h2 = h2.reshape(n, 400)
    t10 = _matmul(reshape_h2, w3)
    t11, h3 = _scores_vjp_4(k1.dtype, (120*n,), ((n, 120), (n, 120)), b3, t10)
    t12 = _matmul(h3, w4)
    t13, h4, vjp_b4 = _scores_vjp_5(k1.dtype, (n, 84), ((n, 84), (n, 84), (84,)), t12, b4, t2)
    # u^T Jacobian by k1, b1 and 4 more
    t14 = _matmul(t13, w4.T)
    vjp_w4 = _matmul(h3.T, t13)
    vjp_w5 = _matmul(h4.T, u)
    t15, vjp_b3 = _scores_vjp_6(k1.dtype, (n, 120), ((n, 120), (120,)), t11, t14)
    vjp_w3 = _matmul(reshape_h2.T, t15)
    # u^T Jacobian by k1, b1 and 2 more
    t16 = _matmul(t15, w3.T).reshape(n, 16, 5, 5)
    t17 = _scores_vjp_7(k1.dtype, (400*n,), ((n, 16, 5, 5),), t9, t16)
    # u^T Jacobian by k1, b1, k2
    t18 = _place_first_max(t17, t8, window_max_t8, (2, 2), (2, 2))
    vjp_b2 = _sum(t17, axis=(0, 2, 3))
    # u^T Jacobian by k1, b1
    t19 = (
        _matmul(k2.transpose(2, 1, 3, 0).reshape(150, 16), t18.transpose(2, 1, 3, 0).reshape(10, 16, -1))
        .reshape(10, 5, 6, 5, 10, -1)
    )
    vjp_k2 = (
        _sum(_matmul(t7.reshape(10, 150, -1), t18.transpose(2, 3, 0, 1).reshape(10, -1, 16)))
        .reshape(5, 6, 5, 16)
        .transpose(3, 1, 0, 2)
    )
    # u^T Jacobian by k1, b1
    t20 = _add_windows(
        _add_windows(t19, (14, 6, 5, 10, n), (0, 0, (10, 1), (5, 1))), (14, 6, 14, n), (2, 0, (5, 1), (10, 1)),
    )
    t21 = _scores_vjp_8(k1.dtype, (1176*n,), ((n, 6, 14, 14),), t5, t20, n)
    # u^T Jacobian by k1
    t22 = _place_first_max(t21, t4, window_max_t4, (2, 2), (2, 2))
    vjp_b1 = _sum(t21, axis=(0, 2, 3))
    vjp_k1 = (
        _sum(_matmul(t3.reshape(28, 25, -1), t22.transpose(2, 3, 0, 1).reshape(28, -1, 6)))
        .reshape(5, 1, 5, 6)
        .transpose(3, 1, 0, 2)
    )
    return ScoresGrad(vjp_k1, vjp_b1, vjp_k2, vjp_b2, vjp_w3, vjp_b3, vjp_w4, vjp_b4, vjp_w5, vjp_b5)


def unpack(vec):
    """Split one vector into k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    shapes = ((6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (400, 120), (120,), (120, 84), (84,), (84, 10), (10,))
    return Grad(*_unflatten(vec, shapes, {}))


def value_flat(vec, image, label):
    """As `value`, of one vector that holds k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    p = unpack(vec)
    return value(p.k1, p.b1, p.k2, p.b2, p.w3, p.b3, p.w4, p.b4, p.w5, p.b5, image, label)


def grad_flat(vec, image, label):
    """As `grad`, of one vector that holds k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    p = unpack(vec)
    return pack(grad(p.k1, p.b1, p.k2, p.b2, p.w3, p.b3, p.w4, p.b4, p.w5, p.b5, image, label))


def value_and_grad_flat(vec, image, label):
    """As `value_and_grad`, of one vector that holds k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    p = unpack(vec)
    value, gradient = value_and_grad(p.k1, p.b1, p.k2, p.b2, p.w3, p.b3, p.w4, p.b4, p.w5, p.b5, image, label)
    return value, pack(gradient)


def scores_flat(vec, image):
    """As `scores`, of one vector that holds k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    p = unpack(vec)
    return scores(p.k1, p.b1, p.k2, p.b2, p.w3, p.b3, p.w4, p.b4, p.w5, p.b5, image)


def scores_vjp_flat(vec, image, u):
    """As `scores_vjp`, of one vector that holds k1, b1, k2, b2, w3, b3, w4, b4, w5, b5."""
    p = unpack(vec)
    return pack(scores_vjp(p.k1, p.b1, p.k2, p.b2, p.w3, p.b3, p.w4, p.b4, p.w5, p.b5, image, u))


def _arguments(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "k1": ((6, 1, 5, 5), "float"),
            "b1": ((6,), "float"),
            "k2": ((16, 6, 5, 5), "float"),
            "b2": ((16,), "float"),
            "w3": ((400, 120), "float"),
            "b3": ((120,), "float"),
            "w4": ((120, 84), "float"),
            "b4": ((84,), "float"),
            "w5": ((84, 10), "float"),
            "b5": ((10,), "float"),
            "image": (("n", 1, 32, 32), "float"),
            "label": (("n",), "int"),
        },
        (k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image, label),
    )


def _arguments_of_scores(k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    return _convert(
        {
            "k1": ((6, 1, 5, 5), "float"),
            "b1": ((6,), "float"),
            "k2": ((16, 6, 5, 5), "float"),
            "b2": ((16,), "float"),
            "w3": ((400, 120), "float"),
            "b3": ((120,), "float"),
            "w4": ((120, 84), "float"),
            "b4": ((84,), "float"),
            "w5": ((84, 10), "float"),
            "b5": ((10,), "float"),
            "image": (("n", 1, 32, 32), "float"),
        },
        (k1, b1, k2, b2, w3, b3, w4, b4, w5, b5, image),
    )


_add_windows = _in_single(_add_windows)
_of_windows = _in_single(_of_windows)
_place_first_max = _in_single(_place_first_max)


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


_value_1 = _Kernel("value_1", "all", 0, "T", _DEVICE + """\
// h1 = relu(e4)
extern "C" __global__ void value_1(const T* b1_all, const T* window_max_t2_all, T* h1_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i / 196 % 6;
        const A b1 = b1_all[i1];
        const A window_max_t2 = window_max_t2_all[i];
        const A h1 = larger(window_max_t2 + b1, 0);
        h1_all[i] = h1;
    }
}
""")


_value_2 = _Kernel("value_2", "all", 0, "T", _DEVICE + """\
// h2 = relu(e8)
extern "C" __global__ void value_2(const T* window_max_t4_all, const T* b2_all, T* h2_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i / 25 % 16;
        const A window_max_t4 = window_max_t4_all[i];
        const A b2 = b2_all[i1];
        const A h2 = larger(window_max_t4 + b2, 0);
        h2_all[i] = h2;
    }
}
""")


_value_3 = _Kernel("value_3", "all", 0, "T", _DEVICE + """\
// h3 = relu(e10)
extern "C" __global__ void value_3(const T* b3_all, const T* t5_all, T* h3_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i % 120;
        const A b3 = b3_all[i1];
        const A t5 = t5_all[i];
        const A h3 = larger(b3 + t5, 0);
        h3_all[i] = h3;
    }
}
""")


_value_4 = _Kernel("value_4", "all", 0, "T", _DEVICE + """\
// h4 = relu(e11)
extern "C" __global__ void value_4(const T* t6_all, const T* b4_all, T* h4_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i % 84;
        const A t6 = t6_all[i];
        const A b4 = b4_all[i1];
        const A h4 = larger(t6 + b4, 0);
        h4_all[i] = h4;
    }
}
""")


_value_5 = _Kernel("value_5", "rows", (1, 0), "T", _DEVICE + """\
// value = -sum(e12*one_hot(label, 10))/n
extern "C" __global__ void value_5(const T* __restrict__ t7_all, const T* __restrict__ b5_all,
    const long long* __restrict__ label_all, T* value_all, volatile A* shares, unsigned* done, I rows,
    I columns, unsigned lanes, I n)
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
            const A t7 = t7_all[i];
            const A b5 = b5_all[column];
            const A t1 = t7 + b5;
            s = Largest::of(s, t1);
        }
        s = over_row<Largest>(s, lanes);
        const A t2 = -(fabs(s) < infinity() ? s : 0);
        // of the row the sum of t3
        A s2 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t7 = t7_all[i];
            const A b5 = b5_all[column];
            const A t1 = t7 + b5;
            const A t3 = exp(t2 + t1);
            s2 += t3;
        }
        s2 = over_row<Sum>(s2, lanes);
        const A t4 = -((fabs(s) < infinity() ? s : 0) + log(s2));
        // of all entries the sum of t5 * one_hot_label
        const long long label = label_all[row];
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t7 = t7_all[i];
            const A b5 = b5_all[column];
            const A one_hot_label = A(label == column);
            const A t1 = t7 + b5;
            const A t5 = (one_hot_label != 0 ? t4 + t1 : 0);
            s3 += t5 * one_hot_label;
        }
    }
    s3 = over_lanes<Sum>(s3, blockDim.x);
    if (threadIdx.x == 0) (shares)[blockIdx.x] = s3;
    if (!is_last_block(done)) return;
    s3 = over_blocks<Sum>(shares);
    const A t6 = s3 / A(n);
    const A value = -t6;
    if (threadIdx.x == 0) {
        value_all[0] = value;
    }
}
""")


_grad_1 = _Kernel("grad_1", "all", 0, "TT", _DEVICE + """\
// h1 = relu(e4)
extern "C" __global__ void grad_1(const T* b1_all, const T* window_max_t3_all, T* t4_all, T* h1_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i / 196 % 6;
        const A b1 = b1_all[i1];
        const A window_max_t3 = window_max_t3_all[i];
        const A t4 = window_max_t3 + b1;
        const A h1 = larger(t4, 0);
        t4_all[i] = t4;
        h1_all[i] = h1;
    }
}
""")


_grad_2 = _Kernel("grad_2", "all", 0, "TT", _DEVICE + """\
// h2 = relu(e8)
extern "C" __global__ void grad_2(const T* window_max_t7_all, const T* b2_all, T* t8_all, T* h2_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i / 25 % 16;
        const A window_max_t7 = window_max_t7_all[i];
        const A b2 = b2_all[i1];
        const A t8 = window_max_t7 + b2;
        const A h2 = larger(t8, 0);
        t8_all[i] = t8;
        h2_all[i] = h2;
    }
}
""")


_grad_3 = _Kernel("grad_3", "all", 0, "TT", _DEVICE + """\
// h3 = relu(e10)
extern "C" __global__ void grad_3(const T* b3_all, const T* t9_all, T* t10_all, T* h3_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i % 120;
        const A b3 = b3_all[i1];
        const A t9 = t9_all[i];
        const A t10 = b3 + t9;
        const A h3 = larger(t10, 0);
        t10_all[i] = t10;
        h3_all[i] = h3;
    }
}
""")


_grad_4 = _Kernel("grad_4", "all", 0, "TT", _DEVICE + """\
// h4 = relu(e11)
extern "C" __global__ void grad_4(const T* t11_all, const T* b4_all, T* t12_all, T* h4_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i % 84;
        const A t11 = t11_all[i];
        const A b4 = b4_all[i1];
        const A t12 = t11 + b4;
        const A h4 = larger(t12, 0);
        t12_all[i] = t12;
        h4_all[i] = h4;
    }
}
""")


_grad_5 = _Kernel("grad_5", "rows", (0, 1), "TT", _DEVICE + """\
// grad.b5 = sum(e13, axis=0)/n
extern "C" __global__ void grad_5(const T* __restrict__ t13_all, const T* __restrict__ b5_all,
    const long long* __restrict__ label_all, T* t14_all, T* grad_b5_all, volatile A* shares, unsigned* done,
    I rows, I columns, unsigned lanes, unsigned fits, I n)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    const size_t held = (size_t)groups * columns, each = (size_t)gridDim.x * columns;
    extern __shared__ A room[];  // for sums of columns, where they fit
    A* sums = fits ? room : (A*)shares + each + held * blockIdx.x;
    A* grad_b5_sums = sums + (size_t)group * columns;
    for (I column = lane; column < columns; column += lanes) {
        grad_b5_sums[column] = Sum::none();
    }
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the largest of t1
        A s = Largest::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t13 = t13_all[i];
            const A b5 = b5_all[column];
            const A t1 = t13 + b5;
            s = Largest::of(s, t1);
        }
        s = over_row<Largest>(s, lanes);
        const A t2 = -(fabs(s) < infinity() ? s : 0);
        // of the row the sum of t3
        A s2 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t13 = t13_all[i];
            const A b5 = b5_all[column];
            const A t1 = t13 + b5;
            const A t3 = exp(t2 + t1);
            s2 += t3;
        }
        s2 = over_row<Sum>(s2, lanes);
        // of each column the sum of t14
        const long long label = label_all[row];
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t13 = t13_all[i];
            const A b5 = b5_all[column];
            const A t1 = t13 + b5;
            const A t3 = exp(t2 + t1);
            const A t14 = (t3 / s2 - A(label == column)) / A(n);
            grad_b5_sums[column] += t14;
            t14_all[i] = t14;
        }
    }
    __syncthreads();
    share_columns<Sum>(sums, shares, groups, columns);
    if (!is_last_block(done)) return;
    take_columns<Sum>(grad_b5_sums, shares, lanes, columns);
    __syncthreads();
    for (I column = threadIdx.x; column < columns; column += blockDim.x) {
        const A grad_b5 = over_chunks<Sum>(sums + column, groups, columns);
        grad_b5_all[column] = grad_b5;
    }
}
""")


_grad_6 = _Kernel("grad_6", "columns", 1, "TT", _DEVICE + """\
// grad.b4 = sum(e14, axis=0)
extern "C" __global__ void grad_6(const T* t12_all, const T* t15_all, T* t16_all, T* grad_b4_all,
    volatile A* shares, unsigned* done, I rows, I columns, unsigned width)
{
    const unsigned groups = blockDim.x / width, group = threadIdx.x / width;
    const I column = (I)blockIdx.y * width + threadIdx.x % width;
    const bool works = group < groups && column < columns;
    A grad_b4 = Sum::none();
    for (I row = (I)blockIdx.x * groups + group; works && row < rows; row += (I)gridDim.x * groups) {
        const I i = row * columns + column;
        const A t12 = t12_all[i];
        const A t15 = t15_all[i];
        const A t16 = (t12 > 0 ? t15 : 0);
        grad_b4 += t16;
        t16_all[i] = t16;
    }
    const size_t each = (size_t)gridDim.x * columns, own = (size_t)group * columns + column;
    grad_b4 = over_groups<Sum>(grad_b4, width);
    if (works && group == 0) (shares)[(size_t)blockIdx.x * columns + column] = grad_b4;
    if (!is_last_block(done)) return;
    const unsigned blocks = works ? (gridDim.x + groups - 1 - group) / groups : 0;  // of a group
    grad_b4 = over_chunks<Sum>(shares + own, blocks, (size_t)groups * columns);
    grad_b4 = over_groups<Sum>(grad_b4, width);
    if (!works || group != 0) return;
    grad_b4_all[column] = grad_b4;
}
""")


_grad_7 = _Kernel("grad_7", "columns", 1, "TT", _DEVICE + """\
// grad.b3 = sum(e15, axis=0)
extern "C" __global__ void grad_7(const T* t10_all, const T* t17_all, T* t18_all, T* grad_b3_all,
    volatile A* shares, unsigned* done, I rows, I columns, unsigned width)
{
    const unsigned groups = blockDim.x / width, group = threadIdx.x / width;
    const I column = (I)blockIdx.y * width + threadIdx.x % width;
    const bool works = group < groups && column < columns;
    A grad_b3 = Sum::none();
    for (I row = (I)blockIdx.x * groups + group; works && row < rows; row += (I)gridDim.x * groups) {
        const I i = row * columns + column;
        const A t10 = t10_all[i];
        const A t17 = t17_all[i];
        const A t18 = (t10 > 0 ? t17 : 0);
        grad_b3 += t18;
        t18_all[i] = t18;
    }
    const size_t each = (size_t)gridDim.x * columns, own = (size_t)group * columns + column;
    grad_b3 = over_groups<Sum>(grad_b3, width);
    if (works && group == 0) (shares)[(size_t)blockIdx.x * columns + column] = grad_b3;
    if (!is_last_block(done)) return;
    const unsigned blocks = works ? (gridDim.x + groups - 1 - group) / groups : 0;  // of a group
    grad_b3 = over_chunks<Sum>(shares + own, blocks, (size_t)groups * columns);
    grad_b3 = over_groups<Sum>(grad_b3, width);
    if (!works || group != 0) return;
    grad_b3_all[column] = grad_b3;
}
""")


_grad_8 = _Kernel("grad_8", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void grad_8(const T* t8_all, const T* t19_all, T* t20_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t8 = t8_all[i];
        const A t19 = t19_all[i];
        const A t20 = (t8 > 0 ? t19 : 0);
        t20_all[i] = t20;
    }
}
""")


_grad_9 = _Kernel("grad_9", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void grad_9(const T* t4_all, const T* t23_all, T* t24_all, I count, I n)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / 1176;
        const I i1 = i / 196 % 6;
        const I i2 = i / 14 % 14;
        const I i3 = i % 14;
        const A t4 = t4_all[i];
        const A t23 = t23_all[i2 * (84*n) + i1 * (14*n) + i3 * n + i0];
        const A t24 = (t4 > 0 ? t23 : 0);
        t24_all[i] = t24;
    }
}
""")


_value_and_grad_1 = _Kernel("value_and_grad_1", "all", 0, "TT", _DEVICE + """\
// h1 = relu(e4)
extern "C" __global__ void value_and_grad_1(const T* b1_all, const T* window_max_t3_all, T* t4_all, T* h1_all,
    I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i / 196 % 6;
        const A b1 = b1_all[i1];
        const A window_max_t3 = window_max_t3_all[i];
        const A t4 = window_max_t3 + b1;
        const A h1 = larger(t4, 0);
        t4_all[i] = t4;
        h1_all[i] = h1;
    }
}
""")


_value_and_grad_2 = _Kernel("value_and_grad_2", "all", 0, "TT", _DEVICE + """\
// h2 = relu(e8)
extern "C" __global__ void value_and_grad_2(const T* window_max_t7_all, const T* b2_all, T* t8_all, T* h2_all,
    I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i / 25 % 16;
        const A window_max_t7 = window_max_t7_all[i];
        const A b2 = b2_all[i1];
        const A t8 = window_max_t7 + b2;
        const A h2 = larger(t8, 0);
        t8_all[i] = t8;
        h2_all[i] = h2;
    }
}
""")


_value_and_grad_3 = _Kernel("value_and_grad_3", "all", 0, "TT", _DEVICE + """\
// h3 = relu(e10)
extern "C" __global__ void value_and_grad_3(const T* b3_all, const T* t9_all, T* t10_all, T* h3_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i % 120;
        const A b3 = b3_all[i1];
        const A t9 = t9_all[i];
        const A t10 = b3 + t9;
        const A h3 = larger(t10, 0);
        t10_all[i] = t10;
        h3_all[i] = h3;
    }
}
""")


_value_and_grad_4 = _Kernel("value_and_grad_4", "all", 0, "TT", _DEVICE + """\
// h4 = relu(e11)
extern "C" __global__ void value_and_grad_4(const T* t11_all, const T* b4_all, T* t12_all, T* h4_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i % 84;
        const A t11 = t11_all[i];
        const A b4 = b4_all[i1];
        const A t12 = t11 + b4;
        const A h4 = larger(t12, 0);
        t12_all[i] = t12;
        h4_all[i] = h4;
    }
}
""")


_value_and_grad_5 = _Kernel("value_and_grad_5", "rows", (1, 1), "TTT", _DEVICE + """\
// grad.b5 = sum(e13, axis=0)/n
// value = -sum(e12*one_hot(label, 10))/n
extern "C" __global__ void value_and_grad_5(const T* __restrict__ t13_all, const T* __restrict__ b5_all,
    const long long* __restrict__ label_all, T* t14_all, T* grad_b5_all, T* value_all, volatile A* shares,
    unsigned* done, I rows, I columns, unsigned lanes, unsigned fits, I n)
{
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    A s3 = Sum::none();
    const size_t held = (size_t)groups * columns, each = (size_t)gridDim.x * columns;
    extern __shared__ A room[];  // for sums of columns, where they fit
    A* sums = fits ? room : (A*)shares + each + gridDim.x + held * blockIdx.x;
    A* grad_b5_sums = sums + (size_t)group * columns;
    for (I column = lane; column < columns; column += lanes) {
        grad_b5_sums[column] = Sum::none();
    }
    for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {
        const bool works = group < rows - first;  // or has the last row once more, for nothing
        const I row = works ? first + group : rows - 1;
        // of the row the largest of t1
        A s = Largest::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t13 = t13_all[i];
            const A b5 = b5_all[column];
            const A t1 = t13 + b5;
            s = Largest::of(s, t1);
        }
        s = over_row<Largest>(s, lanes);
        const A t2 = -(fabs(s) < infinity() ? s : 0);
        // of the row the sum of t3
        A s2 = Sum::none();
        for (I column = lane; column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t13 = t13_all[i];
            const A b5 = b5_all[column];
            const A t1 = t13 + b5;
            const A t3 = exp(t2 + t1);
            s2 += t3;
        }
        s2 = over_row<Sum>(s2, lanes);
        const A t4 = -((fabs(s) < infinity() ? s : 0) + log(s2));
        // of all entries the sum of t5 * one_hot_label
        // of each column the sum of t14
        const long long label = label_all[row];
        for (I column = lane; works && column < columns; column += lanes) {
            const I i = row * columns + column;
            const A t13 = t13_all[i];
            const A b5 = b5_all[column];
            const A one_hot_label = A(label == column);
            const A t1 = t13 + b5;
            const A t3 = exp(t2 + t1);
            const A t5 = (one_hot_label != 0 ? t4 + t1 : 0);
            const A t14 = (t3 / s2 - one_hot_label) / A(n);
            s3 += t5 * one_hot_label;
            grad_b5_sums[column] += t14;
            t14_all[i] = t14;
        }
    }
    __syncthreads();
    share_columns<Sum>(sums, shares, groups, columns);
    s3 = over_lanes<Sum>(s3, blockDim.x);
    if (threadIdx.x == 0) (shares + each)[blockIdx.x] = s3;
    if (!is_last_block(done)) return;
    s3 = over_blocks<Sum>(shares + each);
    const A t6 = s3 / A(n);
    const A value = -t6;
    if (threadIdx.x == 0) {
        value_all[0] = value;
    }
    take_columns<Sum>(grad_b5_sums, shares, lanes, columns);
    __syncthreads();
    for (I column = threadIdx.x; column < columns; column += blockDim.x) {
        const A grad_b5 = over_chunks<Sum>(sums + column, groups, columns);
        grad_b5_all[column] = grad_b5;
    }
}
""")


_value_and_grad_6 = _Kernel("value_and_grad_6", "columns", 1, "TT", _DEVICE + """\
// grad.b4 = sum(e14, axis=0)
extern "C" __global__ void value_and_grad_6(const T* t12_all, const T* t15_all, T* t16_all, T* grad_b4_all,
    volatile A* shares, unsigned* done, I rows, I columns, unsigned width)
{
    const unsigned groups = blockDim.x / width, group = threadIdx.x / width;
    const I column = (I)blockIdx.y * width + threadIdx.x % width;
    const bool works = group < groups && column < columns;
    A grad_b4 = Sum::none();
    for (I row = (I)blockIdx.x * groups + group; works && row < rows; row += (I)gridDim.x * groups) {
        const I i = row * columns + column;
        const A t12 = t12_all[i];
        const A t15 = t15_all[i];
        const A t16 = (t12 > 0 ? t15 : 0);
        grad_b4 += t16;
        t16_all[i] = t16;
    }
    const size_t each = (size_t)gridDim.x * columns, own = (size_t)group * columns + column;
    grad_b4 = over_groups<Sum>(grad_b4, width);
    if (works && group == 0) (shares)[(size_t)blockIdx.x * columns + column] = grad_b4;
    if (!is_last_block(done)) return;
    const unsigned blocks = works ? (gridDim.x + groups - 1 - group) / groups : 0;  // of a group
    grad_b4 = over_chunks<Sum>(shares + own, blocks, (size_t)groups * columns);
    grad_b4 = over_groups<Sum>(grad_b4, width);
    if (!works || group != 0) return;
    grad_b4_all[column] = grad_b4;
}
""")


_value_and_grad_7 = _Kernel("value_and_grad_7", "columns", 1, "TT", _DEVICE + """\
// grad.b3 = sum(e15, axis=0)
extern "C" __global__ void value_and_grad_7(const T* t10_all, const T* t17_all, T* t18_all, T* grad_b3_all,
    volatile A* shares, unsigned* done, I rows, I columns, unsigned width)
{
    const unsigned groups = blockDim.x / width, group = threadIdx.x / width;
    const I column = (I)blockIdx.y * width + threadIdx.x % width;
    const bool works = group < groups && column < columns;
    A grad_b3 = Sum::none();
    for (I row = (I)blockIdx.x * groups + group; works && row < rows; row += (I)gridDim.x * groups) {
        const I i = row * columns + column;
        const A t10 = t10_all[i];
        const A t17 = t17_all[i];
        const A t18 = (t10 > 0 ? t17 : 0);
        grad_b3 += t18;
        t18_all[i] = t18;
    }
    const size_t each = (size_t)gridDim.x * columns, own = (size_t)group * columns + column;
    grad_b3 = over_groups<Sum>(grad_b3, width);
    if (works && group == 0) (shares)[(size_t)blockIdx.x * columns + column] = grad_b3;
    if (!is_last_block(done)) return;
    const unsigned blocks = works ? (gridDim.x + groups - 1 - group) / groups : 0;  // of a group
    grad_b3 = over_chunks<Sum>(shares + own, blocks, (size_t)groups * columns);
    grad_b3 = over_groups<Sum>(grad_b3, width);
    if (!works || group != 0) return;
    grad_b3_all[column] = grad_b3;
}
""")


_value_and_grad_8 = _Kernel("value_and_grad_8", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_and_grad_8(const T* t8_all, const T* t19_all, T* t20_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t8 = t8_all[i];
        const A t19 = t19_all[i];
        const A t20 = (t8 > 0 ? t19 : 0);
        t20_all[i] = t20;
    }
}
""")


_value_and_grad_9 = _Kernel("value_and_grad_9", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void value_and_grad_9(const T* t4_all, const T* t23_all, T* t24_all, I count, I n)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / 1176;
        const I i1 = i / 196 % 6;
        const I i2 = i / 14 % 14;
        const I i3 = i % 14;
        const A t4 = t4_all[i];
        const A t23 = t23_all[i2 * (84*n) + i1 * (14*n) + i3 * n + i0];
        const A t24 = (t4 > 0 ? t23 : 0);
        t24_all[i] = t24;
    }
}
""")


_scores_1 = _Kernel("scores_1", "all", 0, "T", _DEVICE + """\
// h1 = relu(e4)
extern "C" __global__ void scores_1(const T* b1_all, const T* window_max_t2_all, T* h1_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i / 196 % 6;
        const A b1 = b1_all[i1];
        const A window_max_t2 = window_max_t2_all[i];
        const A h1 = larger(window_max_t2 + b1, 0);
        h1_all[i] = h1;
    }
}
""")


_scores_2 = _Kernel("scores_2", "all", 0, "T", _DEVICE + """\
// h2 = relu(e8)
extern "C" __global__ void scores_2(const T* window_max_t4_all, const T* b2_all, T* h2_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i / 25 % 16;
        const A window_max_t4 = window_max_t4_all[i];
        const A b2 = b2_all[i1];
        const A h2 = larger(window_max_t4 + b2, 0);
        h2_all[i] = h2;
    }
}
""")


_scores_3 = _Kernel("scores_3", "all", 0, "T", _DEVICE + """\
// h3 = relu(e10)
extern "C" __global__ void scores_3(const T* b3_all, const T* t5_all, T* h3_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i % 120;
        const A b3 = b3_all[i1];
        const A t5 = t5_all[i];
        const A h3 = larger(b3 + t5, 0);
        h3_all[i] = h3;
    }
}
""")


_scores_4 = _Kernel("scores_4", "all", 0, "T", _DEVICE + """\
// h4 = relu(e11)
extern "C" __global__ void scores_4(const T* t6_all, const T* b4_all, T* h4_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i % 84;
        const A t6 = t6_all[i];
        const A b4 = b4_all[i1];
        const A h4 = larger(t6 + b4, 0);
        h4_all[i] = h4;
    }
}
""")


_scores_5 = _Kernel("scores_5", "all", 0, "T", _DEVICE + """\
// scores = b5 + h4 @ w5
extern "C" __global__ void scores_5(const T* t7_all, const T* b5_all, T* scores_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i % 10;
        const A t7 = t7_all[i];
        const A b5 = b5_all[i1];
        const A scores = t7 + b5;
        scores_all[i] = scores;
    }
}
""")


_scores_vjp_1 = _Kernel("scores_vjp_1", "columns", 1, "T", _DEVICE + """\
extern "C" __global__ void scores_vjp_1(const T* u_all, T* vjp_b5_all, volatile A* shares, unsigned* done,
    I rows, I columns, unsigned width)
{
    const unsigned groups = blockDim.x / width, group = threadIdx.x / width;
    const I column = (I)blockIdx.y * width + threadIdx.x % width;
    const bool works = group < groups && column < columns;
    A vjp_b5 = Sum::none();
    for (I row = (I)blockIdx.x * groups + group; works && row < rows; row += (I)gridDim.x * groups) {
        const I i = row * columns + column;
        const A u = u_all[i];
        vjp_b5 += u;
    }
    const size_t each = (size_t)gridDim.x * columns, own = (size_t)group * columns + column;
    vjp_b5 = over_groups<Sum>(vjp_b5, width);
    if (works && group == 0) (shares)[(size_t)blockIdx.x * columns + column] = vjp_b5;
    if (!is_last_block(done)) return;
    const unsigned blocks = works ? (gridDim.x + groups - 1 - group) / groups : 0;  // of a group
    vjp_b5 = over_chunks<Sum>(shares + own, blocks, (size_t)groups * columns);
    vjp_b5 = over_groups<Sum>(vjp_b5, width);
    if (!works || group != 0) return;
    vjp_b5_all[column] = vjp_b5;
}
""")


_scores_vjp_2 = _Kernel("scores_vjp_2", "all", 0, "TT", _DEVICE + """\
// h1 = relu(e4)
extern "C" __global__ void scores_vjp_2(const T* b1_all, const T* window_max_t4_all, T* t5_all, T* h1_all,
    I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i / 196 % 6;
        const A b1 = b1_all[i1];
        const A window_max_t4 = window_max_t4_all[i];
        const A t5 = window_max_t4 + b1;
        const A h1 = larger(t5, 0);
        t5_all[i] = t5;
        h1_all[i] = h1;
    }
}
""")


_scores_vjp_3 = _Kernel("scores_vjp_3", "all", 0, "TT", _DEVICE + """\
// h2 = relu(e8)
extern "C" __global__ void scores_vjp_3(const T* window_max_t8_all, const T* b2_all, T* t9_all, T* h2_all,
    I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i / 25 % 16;
        const A window_max_t8 = window_max_t8_all[i];
        const A b2 = b2_all[i1];
        const A t9 = window_max_t8 + b2;
        const A h2 = larger(t9, 0);
        t9_all[i] = t9;
        h2_all[i] = h2;
    }
}
""")


_scores_vjp_4 = _Kernel("scores_vjp_4", "all", 0, "TT", _DEVICE + """\
// h3 = relu(e10)
extern "C" __global__ void scores_vjp_4(const T* b3_all, const T* t10_all, T* t11_all, T* h3_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i1 = i % 120;
        const A b3 = b3_all[i1];
        const A t10 = t10_all[i];
        const A t11 = t10 + b3;
        const A h3 = larger(t11, 0);
        t11_all[i] = t11;
        h3_all[i] = h3;
    }
}
""")


_scores_vjp_5 = _Kernel("scores_vjp_5", "columns", 1, "TTT", _DEVICE + """\
// h4 = relu(e11)
extern "C" __global__ void scores_vjp_5(const T* t12_all, const T* b4_all, const T* t2_all, T* t13_all,
    T* h4_all, T* vjp_b4_all, volatile A* shares, unsigned* done, I rows, I columns, unsigned width)
{
    const unsigned groups = blockDim.x / width, group = threadIdx.x / width;
    const I column = (I)blockIdx.y * width + threadIdx.x % width;
    const bool works = group < groups && column < columns;
    A vjp_b4 = Sum::none();
    for (I row = (I)blockIdx.x * groups + group; works && row < rows; row += (I)gridDim.x * groups) {
        const I i = row * columns + column;
        const A t12 = t12_all[i];
        const A b4 = b4_all[column];
        const A t2 = t2_all[i];
        const A t1 = t12 + b4;
        const A t13 = (t1 > 0 ? t2 : 0);
        const A h4 = larger(t1, 0);
        vjp_b4 += t13;
        t13_all[i] = t13;
        h4_all[i] = h4;
    }
    const size_t each = (size_t)gridDim.x * columns, own = (size_t)group * columns + column;
    vjp_b4 = over_groups<Sum>(vjp_b4, width);
    if (works && group == 0) (shares)[(size_t)blockIdx.x * columns + column] = vjp_b4;
    if (!is_last_block(done)) return;
    const unsigned blocks = works ? (gridDim.x + groups - 1 - group) / groups : 0;  // of a group
    vjp_b4 = over_chunks<Sum>(shares + own, blocks, (size_t)groups * columns);
    vjp_b4 = over_groups<Sum>(vjp_b4, width);
    if (!works || group != 0) return;
    vjp_b4_all[column] = vjp_b4;
}
""")


_scores_vjp_6 = _Kernel("scores_vjp_6", "columns", 1, "TT", _DEVICE + """\
extern "C" __global__ void scores_vjp_6(const T* t11_all, const T* t14_all, T* t15_all, T* vjp_b3_all,
    volatile A* shares, unsigned* done, I rows, I columns, unsigned width)
{
    const unsigned groups = blockDim.x / width, group = threadIdx.x / width;
    const I column = (I)blockIdx.y * width + threadIdx.x % width;
    const bool works = group < groups && column < columns;
    A vjp_b3 = Sum::none();
    for (I row = (I)blockIdx.x * groups + group; works && row < rows; row += (I)gridDim.x * groups) {
        const I i = row * columns + column;
        const A t11 = t11_all[i];
        const A t14 = t14_all[i];
        const A t15 = (t11 > 0 ? t14 : 0);
        vjp_b3 += t15;
        t15_all[i] = t15;
    }
    const size_t each = (size_t)gridDim.x * columns, own = (size_t)group * columns + column;
    vjp_b3 = over_groups<Sum>(vjp_b3, width);
    if (works && group == 0) (shares)[(size_t)blockIdx.x * columns + column] = vjp_b3;
    if (!is_last_block(done)) return;
    const unsigned blocks = works ? (gridDim.x + groups - 1 - group) / groups : 0;  // of a group
    vjp_b3 = over_chunks<Sum>(shares + own, blocks, (size_t)groups * columns);
    vjp_b3 = over_groups<Sum>(vjp_b3, width);
    if (!works || group != 0) return;
    vjp_b3_all[column] = vjp_b3;
}
""")


_scores_vjp_7 = _Kernel("scores_vjp_7", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void scores_vjp_7(const T* t9_all, const T* t16_all, T* t17_all, I count)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const A t9 = t9_all[i];
        const A t16 = t16_all[i];
        const A t17 = (t9 > 0 ? t16 : 0);
        t17_all[i] = t17;
    }
}
""")


_scores_vjp_8 = _Kernel("scores_vjp_8", "all", 0, "T", _DEVICE + """\
extern "C" __global__ void scores_vjp_8(const T* t5_all, const T* t20_all, T* t21_all, I count, I n)
{
    for (I i = blockIdx.x * (I)blockDim.x + threadIdx.x; i < count; i += (I)gridDim.x * blockDim.x) {
        const I i0 = i / 1176;
        const I i1 = i / 196 % 6;
        const I i2 = i / 14 % 14;
        const I i3 = i % 14;
        const A t5 = t5_all[i];
        const A t20 = t20_all[i2 * (84*n) + i1 * (14*n) + i3 * n + i0];
        const A t21 = (t5 > 0 ? t20 : 0);
        t21_all[i] = t21;
    }
}
""")


value = _takes(value, lambda n, **_: 64434*n + 1, SIGNATURE)
grad = _takes(grad, lambda n, **_: 95688*n + 61706, SIGNATURE)
value_and_grad = _takes(value_and_grad, lambda n, **_: 95688*n + 61707, SIGNATURE)
scores = _takes(scores, lambda n, **_: 64444*n, SIGNATURE)
scores_vjp = _takes(scores_vjp, lambda n, **_: 95584*n + 61706, SIGNATURE)
