"""A slow interpreter of graphs, with NumPy or in mpmath's precision: what the nodes mean, independent of generated code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import mpmath as mp
import numpy as np

from symdiff.graph.axes import reduced_axes
from symdiff.graph.node import Node, topological
from symdiff.graph.size import evaluate as number_of

Array = np.ndarray


class UndefinedError(Exception):
    """An operation has no finite real value at the point."""


def _real(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of real numbers, where its value is a real number."""

    def checked(*operands: Any) -> Any:
        try:
            value = function(*operands)
        except (ZeroDivisionError, ValueError) as error:
            raise UndefinedError from error
        if isinstance(value, mp.mpc) or (isinstance(value, mp.mpf) and not mp.isfinite(value)):
            raise UndefinedError
        return value

    return checked


def _of_positive(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, where all operands are positive."""

    def checked(*operands: Any) -> Any:
        if min(operands) <= 0:
            raise ValueError
        return function(*operands)

    return checked


def _cholesky(a: Any) -> Any:
    try:
        return np.array(mp.cholesky(mp.matrix(a.tolist())).tolist(), object)
    except ValueError as error:
        raise UndefinedError from error


_COMMON: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda x: -x,
    "pow": lambda a, b: a**b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "stop_gradient": lambda x: x,
    "kept": lambda x: x,
}

MPMATH: dict[str, Callable[..., Any]] = {
    op: np.frompyfunc(_real(function), arity, 1)
    for op, (arity, function) in {
        **{op: (2 if op not in ("neg", "stop_gradient", "kept") else 1, function) for op, function in _COMMON.items()},
        **{
            op: (1, getattr(mp, op))
            for op in ("sqrt", "exp", "expm1", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "erfc")
        },
        "log1p": (1, lambda x: mp.log(1 + x)),
        "abs": (1, abs),
        "sign": (1, mp.sign),
        "floor": (1, mp.floor),
        "relu": (1, lambda x: max(x, mp.mpf(0))),
        "sigmoid": (1, lambda x: 1 / (1 + mp.exp(-x))),
        "softplus": (1, lambda x: mp.log(1 + mp.exp(x))),
        "logaddexp": (2, lambda a, b: mp.log(mp.exp(a) + mp.exp(b))),
        "logcosh": (1, lambda x: mp.log(mp.cosh(x))),
        "log1pc": (2, lambda n, x: mp.diff(lambda t: mp.log(1 + t) / t, x, int(n)) if x else (-1) ** n / (n + 1)),
        "log1mexp": (1, lambda x: mp.log(1 - mp.exp(x))),
        "gamma": (1, _of_positive(mp.gamma)),
        "loggamma": (1, _of_positive(mp.loggamma)),
        "lowergamma": (2, _of_positive(lambda a, x: mp.gammainc(a, 0, x))),
        "uppergamma": (2, _of_positive(lambda a, x: mp.gammainc(a, x))),
        "gammainc": (2, _of_positive(lambda a, x: mp.gammainc(a, 0, x, regularized=True))),
        "gammaincc": (2, _of_positive(lambda a, x: mp.gammainc(a, x, regularized=True))),
        "betainc_regularized": (
            3,
            _of_positive(lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True) if x < 1 else mp.nan),
        ),
        "weighted": (2, lambda a, x: a * x if a else a),
        "maximum": (2, max),
        "minimum": (2, min),
        "select": (3, lambda c, yes, no: yes if c else no),
        "and": (2, lambda a, b: bool(a) and bool(b)),
        "or": (2, lambda a, b: bool(a) or bool(b)),
        "xor": (2, lambda a, b: bool(a) != bool(b)),
        "not": (1, lambda a: not a),
        "cast": (1, lambda a: mp.mpf(int(a))),
    }.items()
}
MPMATH |= {
    "cholesky": _cholesky,
    "det": lambda a: mp.det(mp.matrix(a.tolist())),
    "logdet": lambda a: _real(mp.log)(mp.det(mp.matrix(a.tolist()))),
    "log_abs_det": lambda a: mp.log(abs(mp.det(mp.matrix(a.tolist())))),
    "sign_det": lambda a: mp.sign(mp.det(mp.matrix(a.tolist()))),
}

NUMPY: dict[str, Callable[..., Any]] = {
    **_COMMON,
    **{op: getattr(np, op) for op in ("sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{op: getattr(np, op) for op in ("abs", "sign", "maximum", "minimum", "logaddexp")},
    "select": np.where,
    "cast": lambda a: a.astype(float),
    "and": np.logical_and,
    "not": np.logical_not,
}  # fmt: skip

_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "reduce_max": lambda f, x: np.maximum.reduce(x, axis=-1),
    "reduce_min": lambda f, x: np.minimum.reduce(x, axis=-1),
    "reduce_prod": lambda f, x: np.multiply.reduce(x, axis=-1),
    "reduce_norm": lambda f, x: f["sqrt"](np.add.reduce(x * x, axis=-1)),
    "reduce_logsumexp": lambda f, x: f["log"](np.add.reduce(f["exp"](x), axis=-1)),
}


def evaluate(
    roots: Iterable[Node],
    values: Mapping[Node, Any],
    sizes: Mapping[str, int],
    functions: Mapping[str, Callable[..., Any]] = MPMATH,
) -> list[Any]:
    """The value of each root, given those of the inputs (or of any nodes)."""
    roots = list(roots)
    found = dict(values)
    for node in topological(roots):
        if node not in found:
            found[node] = value_of(node, [found[a] for a in node.args], sizes, functions)
    return [found[root] for root in roots]


def value_of(node: Node, args: list[Any], sizes: Mapping[str, int], functions: Mapping[str, Callable[..., Any]]) -> Any:
    """The value of one node, given those of its operands."""
    if node.op == "constant":
        value = node.attributes[0]
        return np.array(value if isinstance(value, bool) or functions is NUMPY else mp.mpf(value))[()]
    if node.op == "size":
        return number_of(node.attributes[0], sizes)
    if node.op == "contract":
        return _contract(node, args, {i: number_of(dim, sizes) for i, dim in enumerate(node.attributes[2])})
    if node.op in _REDUCTIONS:
        (x,), axes = args, reduced_axes(node)
        kept = [axis for axis in range(x.ndim) if axis not in axes]
        moved = np.transpose(x, [*kept, *axes])
        return _REDUCTIONS[node.op](functions, moved.reshape(*moved.shape[: len(kept)], -1))
    if node.op == "index":
        return args[0][
            (..., *(slice(*_bounds(item, sizes)) if isinstance(item, tuple) else item for item in node.attributes[0]))
        ]
    return functions[node.op](*args)


def _bounds(item: tuple[Any, Any, int], sizes: Mapping[str, int]) -> tuple[int, int, int]:
    return number_of(item[0], sizes), number_of(item[1], sizes), item[2]


def _contract(node: Node, args: list[Any], extents: Mapping[int, int]) -> Any:
    """The Einstein sum, entry by entry over the space of all labels."""
    axes, out, _ = node.attributes
    labels = sorted(extents)
    grid = dict(zip(labels, np.indices([extents[i] for i in labels]), strict=True)) if labels else {}
    product: Any = np.ones([extents[i] for i in labels], int)
    for operand, own in zip(args, axes, strict=True):
        product = product * (np.asarray(operand)[tuple(grid[i] for i in own)] if own else operand)
    summed = tuple(position for position, i in enumerate(labels) if i not in out)
    total = np.add.reduce(product, axis=summed) if summed else product
    kept = [i for i in labels if i in out]
    if list(out) == kept:
        return total
    result = np.zeros([extents[i] for i in out], np.asarray(total).dtype)
    inner = dict(zip(kept, np.indices([extents[i] for i in kept]), strict=True))
    result[tuple(inner[i] for i in out)] = total
    return result
