"""Functions of tensors that work on whole axes: shapes, products, windows, gathers. Conventions are NumPy's and PyTorch's."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from typing import Any

from symdiff.errors import ModelError, shorten
from symdiff.functions.given import as_sympy
from symdiff.functions.tensor import TensorExpr, operands

_SUBSCRIPTS = re.compile("[A-Za-z]*(,[A-Za-z]*)*(->[A-Za-z]*)?")


def reshape(x: Any, shape: Any) -> TensorExpr:
    """The entries in C order in another shape; one of its sizes may be -1, what remains."""
    return TensorExpr("reshape", operands(x), _shape(shape))


def _shape(given: Any) -> tuple[Any, ...]:
    """Sizes as expressions; one may stand alone."""
    sizes = given if isinstance(given, tuple | list) else (given,)
    return tuple(as_sympy(size, "A size") for size in sizes)


def flatten(x: Any, start_axis: int = 0) -> TensorExpr:
    """The axes from `start_axis` on as one."""
    return TensorExpr("flatten", operands(x), (_whole(start_axis, "start_axis"),))


def transpose(x: Any, axes: Sequence[int] | None = None) -> TensorExpr:
    """The axes in another order; reversed by default."""
    return TensorExpr("transpose", operands(x), (None if axes is None else tuple(_whole(a, "axes") for a in axes),))


def expand_dims(x: Any, axis: int) -> TensorExpr:
    """A new axis of size 1, at place `axis` of the result."""
    return TensorExpr("expand_dims", operands(x), (_whole(axis, "axis"),))


def broadcast_to(x: Any, shape: Any) -> TensorExpr:
    """x repeated to a shape, as NumPy does."""
    return TensorExpr("broadcast_to", operands(x), _shape(shape))


def concatenate(parts: Sequence[Any], axis: int = 0) -> TensorExpr:
    """Arrays one after the other along an axis."""
    _check_parts("concatenate", parts)
    return TensorExpr("concatenate", operands(*parts), (_whole(axis, "axis"),))


def stack(parts: Sequence[Any], axis: int = 0) -> TensorExpr:
    """Arrays of one shape side by side along a new axis."""
    _check_parts("stack", parts)
    return TensorExpr("stack", operands(*parts), (_whole(axis, "axis"),))


def _check_parts(name: str, parts: Any) -> None:
    if not isinstance(parts, list | tuple) or not parts:
        raise ModelError(f"sd.{name} takes a list of arrays: sd.{name}([a, b], axis=0).")


def matmul(a: Any, b: Any) -> TensorExpr:
    """The matrix product over the last two axes; leading axes broadcast; vectors as in NumPy."""
    return TensorExpr("matmul", operands(a, b))


def dot(a: Any, b: Any) -> TensorExpr:
    """The sum of products over the last axis of both."""
    return TensorExpr("dot", operands(a, b))


def outer(a: Any, b: Any) -> TensorExpr:
    """All products of an entry of one with an entry of the other: shape a.shape + b.shape."""
    return TensorExpr("outer", operands(a, b))


def einsum(subscripts: str, *arrays: Any) -> TensorExpr:
    """The Einstein sum, as `numpy.einsum` reads its subscripts, without an ellipsis."""
    if not isinstance(subscripts, str):
        raise ModelError('sd.einsum takes its subscripts first, as text: sd.einsum("ij,jk->ik", a, b).')
    letters = str(subscripts).replace(" ", "")
    if not _SUBSCRIPTS.fullmatch(letters):
        raise ModelError(
            f"sd.einsum({shorten(subscripts)!r}): write every axis as a letter, an ellipsis is not supported, as in "
            'sd.einsum("ij,jk->ik", a, b).'
        )
    return TensorExpr("einsum", operands(*arrays), (letters,))


def conv1d(x: Any, kernel: Any, stride: int = 1, padding: int = 0) -> TensorExpr:
    """Cross-correlation of x (n, channels, width) with a kernel (out, channels, size), as `torch.nn.functional.conv1d`."""
    return TensorExpr("conv", operands(x, kernel), (_sizes(stride, 1, 1, "stride"), _sizes(padding, 1, 0, "padding")))


def conv2d(x: Any, kernel: Any, stride: Any = 1, padding: Any = 0) -> TensorExpr:
    """Cross-correlation of x (n, channels, height, width) with a kernel (out, channels, rows, columns)."""
    return TensorExpr("conv", operands(x, kernel), (_sizes(stride, 2, 1, "stride"), _sizes(padding, 2, 0, "padding")))


def max_pool2d(x: Any, size: Any, stride: Any = None, padding: Any = 0) -> TensorExpr:
    """The largest entry of each window of the last two axes; a tie gives its derivative to the first."""
    return _pooled("max_pool", x, size, stride, padding)


def avg_pool2d(x: Any, size: Any, stride: Any = None, padding: Any = 0) -> TensorExpr:
    """The mean of each window of the last two axes; what is padded counts as 0."""
    return _pooled("avg_pool", x, size, stride, padding)


def _pooled(op: str, x: Any, size: Any, stride: Any, padding: Any) -> TensorExpr:
    sizes, steps = _sizes(size, 2, 1, "size"), size if stride is None else stride
    around = _sizes(padding, 2, 0, "padding")
    if any(2 * many > one for many, one in zip(around, sizes, strict=True)):
        raise ModelError(
            f"padding={padding} is more than half of the window {size}: some windows would hold nothing else."
        )
    return TensorExpr(op, operands(x), (sizes, _sizes(steps, 2, 1, "stride"), around))


def _sizes(given: Any, count: int, least: int, what: str) -> tuple[int, ...]:
    sizes = tuple(given) if isinstance(given, tuple | list) else (given,) * count
    found = tuple(_whole(size, what) for size in sizes)
    if len(found) != count or any(size < least for size in found):
        one = "a whole number" if count == 1 else f"one whole number or {count} of them"
        raise ModelError(f"{what}={given}: it should be {one}, from {least} up.")
    return found


def _whole(value: Any, what: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ModelError(f"{what}={value}: it should be a whole number.") from None


def take(x: Any, positions: Any, axis: int = 0) -> TensorExpr:
    """The entries of x at whole-number positions along an axis; the derivative adds to them."""
    return TensorExpr("take", operands(x, positions), (_whole(axis, "axis"),))


def one_hot(labels: Any, classes: Any) -> TensorExpr:
    """1 at the label along a new last axis of size `classes`, else 0."""
    return TensorExpr("one_hot", operands(labels), (as_sympy(classes, "The number of classes"),))
