"""The functions a model may use beyond SymPy's own."""

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
    where as _where,
)
from symdiff.functions.losses import binary_cross_entropy, huber, mse
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

relu = entrywise(_relu)
sigmoid = entrywise(_sigmoid)
softplus = entrywise(_softplus)
gelu = entrywise(_gelu)
maximum = entrywise(_maximum)
minimum = entrywise(_minimum)
clip = entrywise(_clip)
where = entrywise(_where)
equal = entrywise(_equal)
stop_gradient = entrywise(_stop_gradient)

__all__ = [
    "binary_cross_entropy",
    "clip",
    "equal",
    "gelu",
    "huber",
    "log_softmax",
    "logsumexp",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mse",
    "norm",
    "prod",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "stop_gradient",
    "sum",
    "where",
]
