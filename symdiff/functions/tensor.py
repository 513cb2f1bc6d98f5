"""N-dimensional arrays in a model: broadcasting, indexing and operators as NumPy's.

A tensor is not a SymPy expression, since SymPy would cancel shapes away (T - T is a 0 without axes). It is a tree of its own:
an operation, its operands (tensors, matrices or SymPy scalars), and what else determines it. What SymPy does know, scalar
functions of each entry, is one operation here, `elementwise`, that holds a `Lambda`. A full reduction is a `TensorScalar`,
an ordinary SymPy scalar. Shapes are found when the model is compiled.
"""

from __future__ import annotations

import hashlib
import operator
import sys
from collections.abc import Callable, Hashable
from typing import Any

import sympy as sp

from symdiff.errors import Later, ModelError, printable
from symdiff.functions.given import NotASympyExpressionError, as_sympy, refuse_text
from symdiff.functions.tensor_text import latex, plain
from symdiff.names import check_characters

MOST_OPERANDS = 16
_DUMMIES = tuple(
    sp.Dummy(f"t{i}") for i in range(MOST_OPERANDS)
)  # operands of elementwise functions; equal functions are equal


class TensorExpr:
    """An operation on tensors.

    Attributes
    ----------
    op : its name, a row of `symdiff.frontend.tensor`.
    args : the operands.
    options : what else determines it: axes, a shape, a key, a `Lambda`.
    digest : of the structure, the same in every process.
    """

    __slots__ = ("args", "digest", "op", "options")
    digest: str
    __iter__ = None  # an axis has no length before arrays come
    _op_priority = 1000.0  # above SymPy's own, whose operators then hand over to those here at once

    def __init__(self, op: str, args: tuple[Any, ...], options: tuple[Any, ...] = ()) -> None:
        self.op, self.args, self.options = op, args, options
        parts = [part.digest if isinstance(part, TensorExpr) else sp.srepr(part) for part in args]
        text = "\0".join([op, *parts, *map(repr, options)])
        self.digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        """Whether both are written the same; entries are compared by `sd.equal`."""
        return isinstance(other, TensorExpr) and self.digest == other.digest

    def __repr__(self) -> str:
        return spelled(self)

    def __bool__(self) -> bool:
        raise ModelError("A tensor has no truth value: choose entries by sd.where(condition, a, b).")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's functions of entries, and its operators with a NumPy number on the left."""
        if ufunc.__name__ in _OPERATORS and method == "__call__":
            return _OPERATORS[ufunc.__name__](*operands(*inputs))
        raise ModelError(f"np.{ufunc.__name__} takes numbers, and {spelled(self)} has none yet: {_OWN}.")

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """NumPy's functions of whole arrays."""
        raise ModelError(f"np.{function.__name__} takes numbers, and {spelled(self)} has none yet: {_OWN}.")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        remedy = _METHODS.get(name, _OWN)
        raise AttributeError(Later(lambda: f"{spelled(self)} has no attribute {name}: {remedy}."))

    def _sympystr(self, printer: Any) -> str:
        return plain(self, printer=printer)

    def _latex(self, printer: Any) -> str:
        return latex(self, printer)

    def _sympy_(self) -> Any:
        if sys._getframe(1).f_code.co_name == "_do_eq_sympify":  # symbol == tensor: False, as for any other object
            return None
        remedy = "write sd.exp(T), sd.log(T), sd.sum(T), ... for"
        raise NotASympyExpressionError(
            Later(lambda: f"SymPy's own functions take no tensors: {remedy} {spelled(self)}.")
        )

    # Elementwise operators

    def __add__(self, other: Any) -> TensorExpr:
        return elementwise(operator.add, self, other)

    def __radd__(self, other: Any) -> TensorExpr:
        return elementwise(operator.add, other, self)

    def __sub__(self, other: Any) -> TensorExpr:
        return elementwise(operator.sub, self, other)

    def __rsub__(self, other: Any) -> TensorExpr:
        return elementwise(operator.sub, other, self)

    def __mul__(self, other: Any) -> TensorExpr:
        return elementwise(operator.mul, self, other)

    def __rmul__(self, other: Any) -> TensorExpr:
        return elementwise(operator.mul, other, self)

    def __truediv__(self, other: Any) -> TensorExpr:
        return elementwise(operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> TensorExpr:
        return elementwise(operator.truediv, other, self)

    def __pow__(self, other: Any) -> TensorExpr:
        return elementwise(operator.pow, self, other)

    def __rpow__(self, other: Any) -> TensorExpr:
        return elementwise(operator.pow, other, self)

    def __floordiv__(self, other: Any) -> TensorExpr:
        return elementwise(lambda a, b: sp.floor(a / b), self, other)

    def __rfloordiv__(self, other: Any) -> TensorExpr:
        return elementwise(lambda a, b: sp.floor(a / b), other, self)

    def __mod__(self, other: Any) -> TensorExpr:
        return elementwise(sp.Mod, self, other)

    def __rmod__(self, other: Any) -> TensorExpr:
        return elementwise(sp.Mod, other, self)

    def __neg__(self) -> TensorExpr:
        return elementwise(operator.neg, self)

    def __abs__(self) -> TensorExpr:
        return elementwise(sp.Abs, self)

    # Comparisons, as conditions of `sd.where`

    def __lt__(self, other: Any) -> TensorExpr:
        return elementwise(sp.StrictLessThan, self, other)

    def __le__(self, other: Any) -> TensorExpr:
        return elementwise(sp.LessThan, self, other)

    def __gt__(self, other: Any) -> TensorExpr:
        return elementwise(sp.StrictGreaterThan, self, other)

    def __ge__(self, other: Any) -> TensorExpr:
        return elementwise(sp.GreaterThan, self, other)

    def __and__(self, other: Any) -> TensorExpr:
        return elementwise(sp.And, self, other)

    def __rand__(self, other: Any) -> TensorExpr:
        return elementwise(sp.And, other, self)

    def __or__(self, other: Any) -> TensorExpr:
        return elementwise(sp.Or, self, other)

    def __ror__(self, other: Any) -> TensorExpr:
        return elementwise(sp.Or, other, self)

    def __invert__(self) -> TensorExpr:
        return elementwise(sp.Not, self)

    # Whole axes

    def __matmul__(self, other: Any) -> TensorExpr:
        return TensorExpr("matmul", operands(self, other))

    def __rmatmul__(self, other: Any) -> TensorExpr:
        return TensorExpr("matmul", operands(other, self))

    def __getitem__(self, key: Any) -> TensorExpr:
        parts = key if isinstance(key, tuple) else (key,)
        arrays = tuple(part for part in parts if isinstance(part, TensorExpr))
        return TensorExpr("getitem", (self, *arrays), tuple(_key(part) for part in parts))

    @property
    def T(self) -> TensorExpr:
        """The axes in reverse order."""
        return TensorExpr("transpose", (self,), (None,))


class Tensor(TensorExpr):
    """A declared array.

    Parameters
    ----------
    name : of the argument of the generated functions.
    shape : the sizes of its axes: whole numbers or SymPy expressions in size symbols; one size or a tuple.
    dtype : float, int or bool.
    """

    __slots__ = ("dtype", "name", "shape")

    def __init__(self, name: str, shape: Any, dtype: type = float) -> None:
        if dtype not in (float, int, bool):
            raise ModelError(f"Tensor {name}: dtype={dtype} is not one of float, int and bool.")
        check_characters(str(name))
        sizes = shape if isinstance(shape, tuple | list) else (shape,)
        self.name, self.shape, self.dtype = str(name), tuple(_size(name, size) for size in sizes), dtype.__name__
        super().__init__("tensor", (), (self.name, self.shape, self.dtype))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)


def _size(name: str, size: Any) -> Any:
    """The size of an axis: a whole number from 1, or a SymPy expression; a name stands for a symbol."""
    if isinstance(size, str) and size.isidentifier():
        return sp.Symbol(size, integer=True, positive=True)
    number = isinstance(size, int | sp.Integer) and not isinstance(size, bool)
    if not (number and size > 0) and not (isinstance(size, sp.Expr) and not size.is_number):
        raise ModelError(
            f"Tensor {name}: {size} is no size of an axis: write whole numbers from 1, or symbols such as "
            'n = sp.symbols("n", integer=True, positive=True).'
        )
    return as_sympy(size, f"A size of the tensor {name}")


class TensorScalar(sp.Expr):
    """A full reduction of a tensor: a scalar to SymPy, which sees nothing of what is inside.

    Attributes
    ----------
    tensor : the reduction.
    """

    is_commutative = True
    is_extended_real = True
    tensor: TensorExpr

    def __new__(cls, tensor: TensorExpr) -> TensorScalar:
        self = super().__new__(cls)
        self.tensor = tensor
        return self

    def _hashable_content(self) -> tuple[Any, ...]:
        return (self.tensor.digest,)

    def sort_key(self, order: Any = None) -> tuple[Any, ...]:
        """Tell scalars apart where SymPy sorts terms: those it sees as equal come out in the order of their hashes."""
        return self.class_key(), (1, (self.tensor.digest,)), sp.S.One.sort_key(), sp.S.One

    @property
    def free_symbols(self) -> set[Any]:
        """The SymPy symbols inside, so that SymPy does not take this for a constant."""
        found: set[Any] = set()
        seen: set[str] = set()
        stack = [self.tensor]
        while stack:
            part = stack.pop()
            if part.digest in seen:
                continue
            seen.add(part.digest)
            for operand in part.args:
                if isinstance(operand, TensorExpr):
                    stack.append(operand)
                else:
                    found |= operand.free_symbols
        return found

    def _eval_derivative(self, symbol: Any) -> Any:
        raise ModelError(f"SymPy cannot differentiate {spelled(self.tensor)}: use sd.gradient, or compile the model.")

    def _sympystr(self, printer: Any) -> str:
        return plain(self.tensor, printer=printer)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = latex(self.tensor, printer)
        return text if exp is None else f"{{{text}}}^{{{exp}}}"

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (self.tensor,)


def is_tensor(value: Any) -> bool:
    """Whether a value is of the tensor dialect."""
    return isinstance(value, TensorExpr)


def operands(*values: Any) -> tuple[Any, ...]:
    """Tensors and matrices as they are, anything else as a SymPy scalar."""
    return tuple(value if isinstance(value, TensorExpr) else _scalar(value) for value in values)


def _scalar(value: Any) -> Any:
    refuse_text(value, "What meets a tensor")
    try:
        return as_sympy(value)
    except NotASympyExpressionError as error:
        kind = type(value).__name__
        raise ModelError(
            f"A tensor meets a {kind}: declare it as an sd.Tensor in data or constants, and pass its value."
        ) from error


# What NumPy calls the operators
_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv,
    "power": operator.pow, "matmul": operator.matmul, "less": operator.lt, "less_equal": operator.le,
    "greater": operator.gt, "greater_equal": operator.ge, "negative": operator.neg, "absolute": operator.abs,
}  # fmt: skip
_OWN = "write symdiff's own function, such as sd.exp(T), sd.sum(T, axis=0), sd.reshape(T, (n, 2)), a @ b"
_METHODS = {
    "shape": "shapes are found when the model is compiled, and only a declared sd.Tensor knows its own",
    "ndim": "axes are counted when the model is compiled, and only a declared sd.Tensor knows its own",
    "I": "write sd.inv(T)",
    "dot": "write sd.dot(a, b), or a @ b",
    "size": "shapes are found when the model is compiled",
}


def elementwise(function: Callable[..., Any], *values: Any) -> TensorExpr:
    """A scalar function of the entries of operands that broadcast; numbers stay inside the function."""
    places = iter(_DUMMIES)
    arguments = [(value, value if is_number(value) else next(places)) for value in operands(*values)]
    varying = [(value, place) for value, place in arguments if place is not value]
    body = function(*(place for _, place in arguments))
    return TensorExpr(
        "elementwise", tuple(value for value, _ in varying), (sp.Lambda(tuple(place for _, place in varying), body),)
    )


def is_number(value: Any) -> bool:
    """Whether a value is a number without symbols."""
    return isinstance(value, (sp.Number, sp.NumberSymbol))


def _key(part: Any) -> Hashable:
    """One part of an index; an array among the operands stands as its word."""
    if isinstance(part, TensorExpr):
        return "array"
    if part is None or part is Ellipsis:
        return part
    if isinstance(part, slice):
        return (
            "slice",
            *(None if bound is None else as_sympy(bound, "A slice") for bound in (part.start, part.stop, part.step)),
        )
    try:
        position = as_sympy(part)
    except NotASympyExpressionError:
        position = sp.Float(0)
    if position.is_Float or position.is_integer is False:
        raise ModelError(f"An index is a whole number, a slice, None, ... or an integer Tensor, not {part!r}.")
    return position


def spelled(root: TensorExpr) -> str:
    """A tensor as text for a message, its head alone where that would be long."""
    return printable(plain(root, longest=200))
