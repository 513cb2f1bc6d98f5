"""The tensor dialect: what each operation of a `TensorExpr` means, as rows of a table.

Axes are the array's own: no sample axis is added, operands broadcast as NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symdiff.errors import ModelError, ShapeError, SymdiffError, UnsupportedError
from symdiff.frontend.reductions import reduce_axes
from symdiff.frontend.rule import Rule
from symdiff.frontend.whole import is_whole
from symdiff.functions.tensor import TensorExpr, TensorScalar
from symdiff.graph import axes as whole, linalg, windows
from symdiff.graph.build import broadcast_to, cast, contract, pointwise
from symdiff.graph.item import Item, Window, is_entry
from symdiff.graph.leaves import size
from symdiff.graph.node import Node
from symdiff.graph.size import Dim, Size, broadcast, spelled as shape_text, total
from symdiff.graph.softmax import log_softmax, softmax

Build = Callable[[Any, TensorExpr, list[Node]], Node]


def _build(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    """Look the operation up; a scalar of per-sample data has no place among the axes of a tensor."""
    for part, node in zip(expression.args, args, strict=True):
        if node.ndim and not is_whole(part):
            raise UnsupportedError(f"{part} has one value per sample: beside tensors, declare its data as sd.Tensor.")
    return _TABLE[expression.op](walk, expression, args)


def _scalar(walk: Any, expression: TensorScalar, args: list[Node]) -> Node:
    return args[0]


def _elementwise(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    """A function that ignores an operand still takes its shape."""
    (function,) = expression.options
    try:
        result = walk.apply(function, args, broadcasting=True)
    except SymdiffError as error:
        error.expression = None  # of the function's own variables: the walk names the tensors
        raise
    return broadcast_to(result, broadcast([result.shape, *(node.shape for node in args)]))


def _axis(axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise ShapeError(f"axis {axis} is out of range for a tensor of {ndim} axes.")
    return axis % ndim


def _reduce(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    (x,), (name, axes, keepdims) = args, expression.options
    over = tuple(range(x.ndim)) if axes is None else tuple(sorted({_axis(a, x.ndim) for a in axes}))
    if axes is not None and len(over) < len(axes):
        raise ShapeError(f"{name}: axis={tuple(axes)} names an axis twice.")
    reduced = reduce_axes(str(name), cast(x), over)
    if not keepdims:
        return reduced
    return whole.insert_axes(reduced, over, tuple(1 if axis in over else dim for axis, dim in enumerate(x.shape)))


def _log_softmax(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    (x,), (axis,) = args, expression.options
    return log_softmax(x, _axis(int(axis), x.ndim))


def _softmax(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    (x,), (axis,) = args, expression.options
    return softmax(x, _axis(int(axis), x.ndim))


# Shapes


def _transpose(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    (x,), (order,) = args, expression.options
    if order is None:
        return whole.transpose(x)
    axes = [_axis(a, x.ndim) for a in order]
    if sorted(axes) != list(range(x.ndim)):
        raise ShapeError(f"transpose: {order} does not name each of the {x.ndim} axes once.")
    return whole.transpose(x, axes)


def _reshape(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    (x,) = args
    sizes: list[Any] = [None if option == -1 else walk.dimension(option) for option in expression.options]
    if sizes.count(None) > 1:
        raise ShapeError("reshape: only one size may be -1.")
    if None in sizes:
        known = total([dim for dim in sizes if dim is not None])
        rest = _quotient(total(x.shape), known)
        if rest is None:
            raise ShapeError(
                f"reshape: {total(x.shape)} entries are not a multiple of {known}: write the size instead of -1."
            )
        sizes[sizes.index(None)] = rest
    return whole.reshape(x, x.shape, sizes)


def _quotient(a: Dim, b: Dim) -> Dim | None:
    """a / b where b is a product of numbers and sizes that divides every term of a."""
    ((names, factor),) = b.terms if isinstance(b, Size) and len(b.terms) == 1 else (((), b),)
    result: Dim = 0
    for have, count in a.terms if isinstance(a, Size) else (((), a),):
        left = list(have)
        for name in names:
            if name not in left:
                return None
            left.remove(name)
        if not isinstance(factor, int) or not factor or count % factor:
            return None
        term: Dim = count // factor
        for name in left:
            term = term * Size.named(name)
        result = result + term
    return result


def _flatten(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    (x,), (start,) = args, expression.options
    first = _axis(int(start), x.ndim) if x.ndim else 0
    return whole.reshape(x, x.shape[first:], [total(x.shape[first:])])


def _expand_dims(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    (x,), (axis,) = args, expression.options
    place = _axis(int(axis), x.ndim + 1)
    return whole.reshape(x, x.shape, (*x.shape[:place], 1, *x.shape[place:]))


def _broadcast_to(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    shape = tuple(walk.dimension(option) for option in expression.options)
    if broadcast([args[0].shape, shape]) != shape:
        raise ShapeError(f"broadcast_to: {shape_text(args[0].shape)} does not broadcast to {shape_text(shape)}.")
    return broadcast_to(args[0], shape)


def _concatenate(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    (axis,) = expression.options
    return whole.concatenate(args, _axis(int(axis), args[0].ndim) - args[0].ndim)


def _stack(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    (axis,) = expression.options
    place = _axis(int(axis), args[0].ndim + 1)
    parts = [whole.reshape(x, x.shape, (*x.shape[:place], 1, *x.shape[place:])) for x in args]
    return whole.concatenate(parts, place - args[0].ndim - 1)


# Products


def _matmul(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    """A vector on the left counts as a row, on the right as a column; that axis vanishes again."""
    a, b = (cast(x) for x in args)
    if not a.ndim or not b.ndim:
        raise ShapeError("@ needs arrays with axes: use * for a scalar.")
    row, column = a.ndim == 1, b.ndim == 1
    a = whole.reshape(a, a.shape, (1, *a.shape)) if row else a
    b = whole.reshape(b, b.shape, (*b.shape, 1)) if column else b
    found = linalg.product(a, b)
    kept = list(found.shape)
    if column:
        del kept[-1]
    if row:
        del kept[-1 if column else -2]
    return whole.reshape(found, found.shape, kept)


def _dot(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    a, b = args
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[-1]:
        raise ShapeError(f"dot: the last axes of {shape_text(a.shape)} and {shape_text(b.shape)} differ.")
    first, second = list(range(a.ndim)), [*range(a.ndim, a.ndim + b.ndim - 1), a.ndim - 1]
    sizes = dict(zip(first + second, (*a.shape, *b.shape), strict=True))
    return contract([a, b], [first, second], first[:-1] + second[:-1], sizes)


def _outer(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    a, b = args
    labels = list(range(a.ndim + b.ndim))
    return contract([a, b], [labels[: a.ndim], labels[a.ndim :]], labels, dict(enumerate((*a.shape, *b.shape))))


def _einsum(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    (subscripts,) = expression.options
    given, arrow, wanted = str(subscripts).partition("->")
    inputs = given.split(",")
    letters = sorted(set(given) - {","})
    if not arrow:
        wanted = "".join(letter for letter in letters if given.count(letter) == 1)
    if len(inputs) != len(args) or any(len(own) != x.ndim for own, x in zip(inputs, args, strict=False)):
        raise ShapeError(f"einsum: {subscripts} does not fit operands of {', '.join(str(x.ndim) for x in args)} axes.")
    sizes: dict[int, Dim] = {}
    for own, x in zip(inputs, args, strict=True):
        for letter, dim in zip(own, x.shape, strict=True):
            if sizes.setdefault(ord(letter), dim) != dim:
                raise ShapeError(f"einsum: axis {letter} is of size {sizes[ord(letter)]} and of size {dim}.")
    if not set(wanted) <= set(letters) or len(set(wanted)) < len(wanted):
        raise ShapeError(f"einsum: the result {wanted} should name axes of the operands, each once.")
    return contract(
        args, [[ord(letter) for letter in own] for own in inputs], [ord(letter) for letter in wanted], sizes
    )


# Windows


def _conv(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    (x, kernel), (stride, padding) = args, expression.options
    n = len(stride)
    if x.ndim == kernel.ndim == n + 2 and x.shape[1] != kernel.shape[1]:
        raise ShapeError(f"conv{n}d: x has {x.shape[1]} channels (axis 1), the kernel is for {kernel.shape[1]}.")
    if x.ndim != n + 2 or kernel.ndim != n + 2:
        raise ShapeError(
            f"conv{n}d needs x (samples, channels, ...) and a kernel (out, channels, ...), of {n + 2} axes, "
            f"not {shape_text(x.shape)} and {shape_text(kernel.shape)}."
        )
    return windows.convolution(x, kernel, stride, padding, f"conv{n}d")


def _max_pool(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    x, spans, padding = _pooled(expression, args)
    return windows.largest_of_windows(x, spans, padding)


def _avg_pool(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    x, spans, padding = _pooled(expression, args)
    return windows.window_sum(windows.padded(x, padding), spans) / size(total(expression.options[0]))


def _pooled(expression: TensorExpr, args: list[Node]) -> tuple[Node, list[windows.Span], tuple[int, ...]]:
    """What is pooled, the windows, and the padding."""
    (x,), (kernel, stride, padding) = args, expression.options
    if x.ndim != 4:
        raise ShapeError(f"{expression.op}2d needs x (samples, channels, ...) of 4 axes, not {shape_text(x.shape)}.")
    return x, list(zip(kernel, stride, strict=True)), padding


# Linear algebra


def _solve(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    a, b = args
    walk.describe(a, expression.args[0])
    if b.ndim != 1:
        return linalg.solve(a, b)
    found = linalg.solve(a, whole.reshape(b, b.shape, (*b.shape, 1)))
    return whole.reshape(found, found.shape, found.shape[:-1])


def _of_square(function: Callable[[Node], Node]) -> Build:
    def build(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
        walk.describe(args[0], expression.args[0])
        return function(args[0])

    return build


def _diag(x: Node) -> Node:
    """A vector on the diagonal of a matrix; the diagonal of a matrix."""
    return linalg.on_diagonal(x) if x.ndim == 1 else linalg.diagonal(x)


# Entries


def _positions(node: Node) -> Node:
    if node.dtype != "int":
        raise ModelError("Positions must be whole numbers: declare them as sd.Tensor(name, shape, dtype=int).")
    return node


def _take(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    (x, positions), (axis,) = args, expression.options
    return whole.take(x, _positions(positions), _axis(int(axis), x.ndim) - x.ndim)


def _one_hot(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    return whole.one_hot(_positions(args[0]), walk.dimension(expression.options[0]))


def _beside(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    """The first of two arrays of a loss, neither of which may be repeated along an axis it has."""
    prediction, target = (node.shape for node in args)
    if broadcast([prediction, target]) not in (prediction, target):
        raise ShapeError(
            f"A loss of predictions {shape_text(prediction)} and targets {shape_text(target)} would compare each with each: "
            "give both one shape, by sd.reshape or an index such as y[:, None]."
        )
    return args[0]


def _cross_entropy(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    logarithms, target = args
    if target.dtype == "int" and target.ndim == logarithms.ndim - 1:
        target = whole.one_hot(target, logarithms.shape[-1])
    if target.shape != logarithms.shape:
        labels = target.ndim == logarithms.ndim - 1 and target.dtype != "int"
        remedy = " Labels are whole numbers: declare them as sd.Tensor(name, shape, dtype=int)." if labels else ""
        raise ShapeError(
            f"cross_entropy: scores {shape_text(logarithms.shape)} need as many probabilities, or labels "
            f"{shape_text(logarithms.shape[:-1])}, not targets {shape_text(target.shape)}.{remedy}"
        )
    return -whole.sum_axes(pointwise("weighted", target, logarithms), (logarithms.ndim - 1,))


def _getitem(walk: Any, expression: TensorExpr, args: list[Node]) -> Node:
    """Whole numbers and slices first, then new axes, then an array of positions."""
    x, *arrays = args
    keys = _spread(list(expression.options), x.ndim)
    items: list[Item] = []
    shape: list[Dim | None] = []  # of the result: None for a new axis
    array_axis = None
    for key in keys:
        if key is None:
            shape.append(None)
            continue
        dim = x.shape[len(items)]
        if key == "array":
            array_axis = len(shape)
        item = (0, dim, 1) if key == "array" else _item(walk, key, dim)
        items.append(item)
        if not is_entry(item):
            shape.append(dim)
    found = whole.index(x, items)
    dims = iter(found.shape)
    after = [1 if dim is None else next(dims) for dim in shape]
    found = whole.reshape(found, found.shape, after)
    if array_axis is None:
        return found
    if len(arrays) > 1 or any(is_entry(item) for item in items):
        raise UnsupportedError(
            "An index holds at most one array of positions, beside slices: use sd.take, or several steps."
        )
    return whole.take(found, _positions(arrays[0]), array_axis - found.ndim)


def _spread(keys: list[Any], ndim: int) -> list[Any]:
    """One key an axis: an ellipsis, or what is missing at the end, as whole slices."""
    used = sum(key is not None and key is not Ellipsis for key in keys)
    if used > ndim or keys.count(Ellipsis) > 1:
        raise ShapeError(f"{used} indices for a tensor of {ndim} axes.")
    place = keys.index(Ellipsis) if Ellipsis in keys else len(keys)
    return [*keys[:place], *[("slice", None, None, None)] * (ndim - used), *keys[place + 1 :]]


def _item(walk: Any, key: Any, dim: Dim) -> Item:
    """A whole number or a slice of an axis; negative numbers count from the end."""
    if not isinstance(key, tuple):
        position = _from_end(walk.dimension(key), dim)
        return position if isinstance(position, int) else Window(position, ())
    _, start, stop, step = key
    step = 1 if step is None else walk.dimension(step)
    if not isinstance(step, int) or step == 0:
        raise UnsupportedError(f"The step of a slice must be a whole number other than 0, not {step}.")
    if step < 0:
        if start is not None or stop is not None:
            raise UnsupportedError(
                "A slice that runs backwards takes the whole axis: T[::-1]; slice it before or after."
            )
        if step != -1:
            raise UnsupportedError("A slice backwards has the step -1: take every other entry before or after.")
        return Window(dim - 1, ((dim, -1),))
    first = 0 if start is None else _from_end(walk.dimension(start), dim)
    last = dim if stop is None else _from_end(walk.dimension(stop), dim)
    return (first, last, step)


def _from_end(position: Dim, dim: Dim) -> Dim:
    if not isinstance(position, int) or position >= 0:
        return position
    if isinstance(dim, int) and -position > dim:
        raise ShapeError(f"index {position} is out of range for an axis of size {dim}.")
    return dim + position


_TABLE: dict[str, Build] = {
    "elementwise": _elementwise,
    "reduce": _reduce,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "transpose": _transpose,
    "reshape": _reshape,
    "flatten": _flatten,
    "expand_dims": _expand_dims,
    "broadcast_to": _broadcast_to,
    "concatenate": _concatenate,
    "stack": _stack,
    "matmul": _matmul,
    "dot": _dot,
    "outer": _outer,
    "einsum": _einsum,
    "solve": _solve,
    "inv": _of_square(linalg.inverse),
    "det": _of_square(linalg.det),
    "logdet": _of_square(linalg.logdet),
    "cofactors": _of_square(linalg.cofactors),
    "cholesky": _of_square(linalg.cholesky),
    "trace": _of_square(linalg.trace),
    "diag": _of_square(_diag),
    "conv": _conv,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "take": _take,
    "one_hot": _one_hot,
    "beside": _beside,
    "cross_entropy": _cross_entropy,
    "getitem": _getitem,
}

RULES: dict[type, Rule] = {TensorExpr: Rule(_build, array=True), TensorScalar: Rule(_scalar, lambda e: (e.tensor,))}
