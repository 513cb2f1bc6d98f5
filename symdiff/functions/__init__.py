"""The functions a model may use beyond SymPy's own, and SymPy's elementwise ones extended to matrices."""

import sympy as sp

from symdiff.functions.arrays import (
    avg_pool2d,
    broadcast_to,
    concatenate,
    conv1d,
    conv2d,
    dot,
    einsum,
    expand_dims,
    flatten,
    matmul,
    max_pool2d,
    one_hot,
    outer,
    reshape,
    stack,
    take,
    transpose,
)
from symdiff.functions.choice import where
from symdiff.functions.elementwise import (
    clip as _clip,
    entrywise,
    equal as _equal,
    gelu as _gelu,
    maximum as _maximum,
    minimum as _minimum,
    relu as _relu,
    sigmoid as _sigmoid,
    softplus as _softplus,
    stop_gradient as _stop_gradient,
)
from symdiff.functions.linalg import cholesky, det, diag, inv, logdet, solve, trace
from symdiff.functions.losses import binary_cross_entropy, cross_entropy, huber, mse
from symdiff.functions.reductions import (
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    norm,
    prod,
    softmax,
    sum,
)
from symdiff.functions.tensor import Tensor

relu = entrywise(_relu)
sigmoid = entrywise(_sigmoid)
softplus = entrywise(_softplus)
gelu = entrywise(_gelu)
maximum = entrywise(_maximum)
minimum = entrywise(_minimum)
clip = entrywise(_clip)
equal = entrywise(_equal)
stop_gradient = entrywise(_stop_gradient)

abs = entrywise(sp.Abs)
sign = entrywise(sp.sign)
floor = entrywise(sp.floor)
ceiling = entrywise(sp.ceiling)
Mod = entrywise(sp.Mod)
sqrt = entrywise(sp.sqrt)
exp = entrywise(sp.exp)
log = entrywise(sp.log)
sin = entrywise(sp.sin)
cos = entrywise(sp.cos)
tan = entrywise(sp.tan)
asin = entrywise(sp.asin)
acos = entrywise(sp.acos)
atan = entrywise(sp.atan)
atan2 = entrywise(sp.atan2)
sinh = entrywise(sp.sinh)
cosh = entrywise(sp.cosh)
tanh = entrywise(sp.tanh)
asinh = entrywise(sp.asinh)
acosh = entrywise(sp.acosh)
atanh = entrywise(sp.atanh)
erf = entrywise(sp.erf)
erfc = entrywise(sp.erfc)
sinc = entrywise(sp.sinc)
Heaviside = entrywise(sp.Heaviside)

__all__ = [
    "Heaviside",
    "Mod",
    "Tensor",
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "avg_pool2d",
    "binary_cross_entropy",
    "broadcast_to",
    "ceiling",
    "cholesky",
    "clip",
    "concatenate",
    "conv1d",
    "conv2d",
    "cos",
    "cosh",
    "cross_entropy",
    "det",
    "diag",
    "dot",
    "einsum",
    "equal",
    "erf",
    "erfc",
    "exp",
    "expand_dims",
    "flatten",
    "floor",
    "gelu",
    "huber",
    "inv",
    "log",
    "log_softmax",
    "logdet",
    "logsumexp",
    "matmul",
    "max",
    "max_pool2d",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mse",
    "norm",
    "one_hot",
    "outer",
    "prod",
    "relu",
    "reshape",
    "sigmoid",
    "sign",
    "sin",
    "sinc",
    "sinh",
    "softmax",
    "softplus",
    "solve",
    "sqrt",
    "stack",
    "stop_gradient",
    "sum",
    "take",
    "tan",
    "tanh",
    "trace",
    "transpose",
    "where",
]
