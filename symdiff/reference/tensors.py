"""Tensors: each operation's name -> a function of the evaluation, the node and the values of its operands.

NumPy moves the entries of object arrays about; their arithmetic is the context's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from symdiff.reference.arrays import Array, as_array, numeric
from symdiff.reference.matrices import MATRIX, to_index
from symdiff.reference.reductions import reduce_axes
from symdiff.reference.special import NoReferenceError, exp

Values = Sequence[Array]
Function = Callable[[Any, Any, Values], Array]


def evaluate(self: Any, node: Any, parts: Sequence[Any]) -> Array:
    """The value of a tensor from the values of its operands."""
    if node.op not in _TABLE:
        raise NoReferenceError(f"the reference cannot evaluate {node.op} of tensors")
    values = [self.memo[id(part)] for part in parts]
    return as_array(_TABLE[node.op](self, node, values))


def _elementwise(self: Any, node: Any, values: Values) -> Array:
    """The function's body with a list of entries for each of its variables."""
    (function,) = node.options
    arrays = np.broadcast_arrays(*values) if values else []
    shape = arrays[0].shape if arrays else ()
    inner = self.scope(node, {v: a.ravel() for v, a in zip(function.variables, arrays, strict=True)})
    body = inner.value(function.expr)
    if self.base is not None and body is self.base.scopes[id(node)].memo[id(function.expr)]:
        return self.base.memo[id(node)]
    return np.broadcast_to(body, (int(np.prod(shape)),)).reshape(shape)


def _reduce(self: Any, node: Any, values: Values) -> Array:
    name, axes, keepdims = node.options
    value, at = (numeric(self.context, array) for array in (values[0], self.at(node.args[0])))
    over = tuple(range(value.ndim)) if axes is None else axes
    return as_array(reduce_axes(self.context, name, value, at, over, keep=keepdims))


def _size(self: Any, expression: Any) -> int:
    sizes = {symbol: to_index(self.environment[symbol]) for symbol in expression.free_symbols}
    return int(expression.xreplace(sizes))


def _sizes(self: Any, node: Any) -> list[int]:
    return [_size(self, option) for option in node.options]


def _matmul(self: Any, node: Any, values: Values) -> Array:
    return np.matmul(values[0], values[1])


def _einsum(self: Any, node: Any, values: Values) -> Array:
    """The sum, term by term."""
    inputs, _, wanted = node.options[0].partition("->")
    names = inputs.split(",")
    letters = sorted(set(inputs) - {","})
    if "->" not in node.options[0]:
        wanted = "".join(letter for letter in letters if inputs.count(letter) == 1)
    sizes = dict(pair for own, value in zip(names, values, strict=True) for pair in zip(own, value.shape, strict=True))
    result = np.full(tuple(sizes[letter] for letter in wanted), self.context.zero, dtype=object)
    for places in product(*(range(sizes[letter]) for letter in letters)):
        place = dict(zip(letters, places, strict=True))
        term = self.context.one
        for own, value in zip(names, values, strict=True):
            term = term * value[tuple(place[letter] for letter in own)]
        where = tuple(place[letter] for letter in wanted)
        result[where] = result[where] + term
    return result


def _windows(value: Array, sizes: Sequence[int], stride: Sequence[int], padding: Sequence[int], fill: Any) -> Array:
    """The windows over the last axes: their places, then their entries, at the end."""
    lead = value.ndim - len(sizes)
    padded = np.pad(value, [(0, 0)] * lead + [(p, p) for p in padding], constant_values=fill)
    seen = np.lib.stride_tricks.sliding_window_view(padded, tuple(sizes), tuple(range(lead, value.ndim)))
    return seen[(slice(None),) * lead + tuple(slice(None, None, step) for step in stride)]


def _log_softmax(self: Any, node: Any, values: Values) -> Array:
    (x,) = values
    total = reduce_axes(self.context, "logsumexp", x, self.at(node.args[0]), node.options, keep=True)
    return x - _rounded(self, (id(node), "total"), total)


def _softmax(self: Any, node: Any, values: Values) -> Array:
    logarithms = _rounded(self, (id(node), "logarithms"), _log_softmax(self, node, values))
    return as_array(np.frompyfunc(lambda entry: exp(self.context, entry), 1, 1)(logarithms))


def _rounded(self: Any, key: Any, value: Array) -> Array:
    """An intermediate result, which rounds as that of an operation does."""
    return value if self.noise is None else self.noise.apply(key, value)


def _conv(self: Any, node: Any, values: Values) -> Array:
    stride, padding = node.options
    x, kernel = values
    seen = _windows(x, kernel.shape[2:], stride, padding, self.context.zero)
    n = len(stride)
    inside = [1, *range(2 + n, 2 + 2 * n)]
    return np.moveaxis(np.tensordot(seen, kernel, axes=(inside, list(range(1, 2 + n)))), -1, 1)


def _max_pool(self: Any, node: Any, values: Values) -> Array:
    sizes, stride, padding = node.options
    fill = -self.context.inf
    seen, at = (_windows(x, sizes, stride, padding, fill) for x in (values[0], self.at(node.args[0])))
    return reduce_axes(self.context, "max", seen, at, (-2, -1))


def _avg_pool(self: Any, node: Any, values: Values) -> Array:
    sizes, stride, padding = node.options
    seen = _windows(values[0], sizes, stride, padding, self.context.zero)
    return reduce_axes(self.context, "mean", seen, seen, (-2, -1))


def _whole(array: Array) -> Array:
    return np.vectorize(lambda entry: round(float(entry)), otypes=[int])(array) if array.size else array.astype(int)


def _one_hot(self: Any, node: Any, values: Values) -> Array:
    return _hot(self, values[0], _size(self, node.options[0]))


def _hot(self: Any, labels: Array, classes: int) -> Array:
    hit = _whole(labels)[..., None] == np.arange(classes)
    return np.where(hit, self.context.one, self.context.zero)


def _cross_entropy(self: Any, node: Any, values: Values) -> Array:
    log_softmax, target = values
    if target.ndim < log_softmax.ndim:
        target = _hot(self, target, log_softmax.shape[-1])
    return -np.add.reduce(np.where(target == 0, target, log_softmax * target), axis=-1)


def _getitem(self: Any, node: Any, values: Values) -> Array:
    arrays = iter(values[1:])
    return values[0][
        tuple(_whole(next(arrays)) if option == "array" else _key(self, option) for option in node.options)
    ]


def _key(self: Any, option: Any) -> Any:
    if option is None or option is Ellipsis:
        return option
    if isinstance(option, tuple):
        return slice(*(None if bound is None else _size(self, bound) for bound in option[1:]))
    return _size(self, option)


def _by_matrices(name: str) -> Function:
    return lambda self, node, values: MATRIX[name](self.context, node, values)


def _solve(self: Any, node: Any, values: Values) -> Array:
    a, b = values
    if b.ndim > 1:
        return MATRIX["Solve"](self.context, node, [a, b])
    return MATRIX["Solve"](self.context, node, [a, b[:, None]])[..., 0]


def _inverse(self: Any, node: Any, values: Values) -> Array:
    n = values[0].shape[-1]
    identity = np.where(np.eye(n, dtype=bool), self.context.one, self.context.zero)
    return MATRIX["Solve"](self.context, node, [values[0], identity])


def _diag(self: Any, node: Any, values: Values) -> Array:
    (x,) = values
    if x.ndim > 1:
        return np.diagonal(x, axis1=-2, axis2=-1)
    return np.where(np.eye(len(x), dtype=bool), x, self.context.zero)


_TABLE: dict[str, Function] = {
    "solve": _solve,
    "inv": _inverse,
    "det": _by_matrices("Determinant"),
    "cofactors": _by_matrices("Cofactors"),
    "logdet": _by_matrices("LogDeterminant"),
    "cholesky": _by_matrices("Cholesky"),
    "trace": lambda self, node, values: np.trace(values[0], axis1=-2, axis2=-1),
    "diag": _diag,
    "elementwise": _elementwise,
    "reduce": _reduce,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "transpose": lambda self, node, values: values[0].transpose(node.options[0]),
    "reshape": lambda self, node, values: values[0].reshape(_sizes(self, node)),
    "flatten": lambda self, node, values: values[0].reshape(*values[0].shape[: node.options[0]], -1),
    "expand_dims": lambda self, node, values: np.expand_dims(values[0], node.options[0]),
    "broadcast_to": lambda self, node, values: np.broadcast_to(values[0], _sizes(self, node)),
    "concatenate": lambda self, node, values: np.concatenate(values, node.options[0]),
    "stack": lambda self, node, values: np.stack(values, node.options[0]),
    "matmul": _matmul,
    "dot": lambda self, node, values: np.tensordot(values[0], values[1], axes=(-1, -1)),
    "outer": lambda self, node, values: np.multiply.outer(values[0], values[1]),
    "einsum": _einsum,
    "conv": _conv,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "take": lambda self, node, values: np.take(values[0], _whole(values[1]), node.options[0]),
    "one_hot": _one_hot,
    "beside": lambda self, node, values: values[0],
    "cross_entropy": _cross_entropy,
    "getitem": _getitem,
}
