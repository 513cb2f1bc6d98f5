"""How a node is written in CUDA C++, for one entry; and the small device functions that kernels may need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from symdiff.codegen.cupy.device import FUNCTIONS
from symdiff.codegen.expression import (
    Binary,
    Choice,
    Expression,
    Literal,
    Name,
    Unary,
    call,
    integer,
    negative,
    product,
)
from symdiff.codegen.numpy.writer import Writer
from symdiff.codegen.spellings import CUDA, CUDA_OPERATORS
from symdiff.graph.build import repeated_scalar
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node
from symdiff.graph.space import axes_of

# Names that no variable of a kernel may have.
_WORDS = """
A T alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const constexpr continue
default delete do double else enum explicit extern false float for friend goto half if inline int long mutable
namespace new not not_eq operator or or_eq private protected public register restrict return short signed sizeof
static struct switch template this throw true try typedef typeid typename union unsigned using virtual void volatile
wchar_t while xor xor_eq threadIdx blockIdx blockDim gridDim warpSize NAN INFINITY signbit i entry row column done
shares lanes isnan isinf count rows columns lane group groups chunk chunks width first j0 j1 jn y0 y1 yn gamma fma
fmod pow works fits sums room held each size_t blocks own
"""
RESERVED = frozenset(_WORDS.split()) | {*CUDA.values(), *FUNCTIONS}


class CudaWriter(Writer):
    """Writes nodes as C++ expressions of one entry.

    Attributes
    ----------
    read : node -> for each of its operands the text of what is read from memory, None for one that is computed.
    axis : gives the variable that counts along an axis.
    """

    operators: ClassVar = CUDA_OPERATORS
    sine_and_cosine = "sine_and_cosine"

    texts: dict[Node, Expression]

    axis: Callable[[int], str]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.read: dict[Node, list[Expression | None]] = {}

    def operands(self, node: Node) -> list[Expression]:
        """How each operand of a node is written there."""
        read = self.read.get(node) or [None] * len(node.args)
        return [text or self.texts[x] for x, text in zip(node.args, read, strict=True)]

    def write(self, node: Node) -> Expression:
        """The expression that computes an entry of a node."""
        self.texts |= dict(zip(node.args, self.operands(node), strict=True))
        if node.op == "contract":
            return self._product(node)
        if node.op in CUDA:
            return self.helper(CUDA[node.op], *self._given(node))
        return self._written(node)

    def write_unrepeated(self, node: Node) -> Expression:
        """An entry that a view repeats."""
        return self.write(node)

    def _repeated(self, a: Node, b: Node) -> Expression | None:
        return self.texts[a] if repeated_scalar(b) is constant(1.0) and b.shape else None

    def _product(self, node: Node) -> Expression:
        out = node.attributes[1]
        if len(set(out)) < len(out):
            return self._on_diagonal(out, node)
        return product(self.operands(node))

    def _on_diagonal(self, out: Sequence[int], node: Node) -> Expression:
        """A product where the places along axes of one label are the same, else 0."""
        first: dict[int, Expression] = {}
        same: Expression | None = None
        for label, axis in zip(out, axes_of(node.shape), strict=True):
            if axis is not None:
                place = Name(self.axis(axis))
                if label in first:
                    meets = Binary("==", first[label], place)
                    same = meets if same is None else Binary("&&", same, meets)
                first.setdefault(label, place)
        factors = self.operands(node)
        entry = product(factors) if factors else integer(1)
        return entry if same is None else Choice(((same, entry),), integer(0))

    def _constant(self, node: Node) -> Expression:
        value = node.attributes[0]
        if isinstance(value, bool):
            return Literal("true" if value else "false")
        if value != value:
            return self.helper("nan_")
        if value in (float("inf"), -float("inf")):
            infinity = self.helper("infinity")
            return infinity if value > 0 else Unary("-", infinity)
        if value.is_integer() and abs(value) < 1e6 and str(value) != "-0.0":
            return integer(int(value))
        return call("A", Literal(repr(value))) if value > 0 else Unary("-", call("A", Literal(repr(-value))))

    def _size(self, node: Node) -> Expression:
        return call("A", self.size(node.attributes[0]))

    def _neg(self, node: Node) -> Expression:
        return negative(self.texts[node.args[0]])

    def _stop_gradient(self, node: Node) -> Expression:
        return self.texts[node.args[0]]

    _kept = _stop_gradient

    def _pow(self, node: Node) -> Expression:
        base, exponent = node.args
        text, n = self.texts[base], number(exponent)
        if n in (2, 3, 4):
            square = self.helper("square", text)
            if n == 2:
                return square
            return Binary("*", text, square) if n == 3 else call("square", square)
        if n == 1.5:
            return Binary("*", text, call("sqrt", text))
        return call("pow", call("A", text), call("A", self.texts[exponent]))

    def _select(self, node: Node) -> Expression:
        condition, yes, no = self._given(node)
        return Choice(((condition, yes),), no)

    def _cast(self, node: Node) -> Expression:
        return call("A", *self._given(node))

    def _not(self, node: Node) -> Expression:
        return Unary("!", self.texts[node.args[0]])

    def _one_hot(self, node: Node) -> Expression:
        last = axes_of(node.shape)[-1]
        place = integer(0) if last is None else Name(self.axis(last))
        return call("A", Binary("==", self.texts[node.args[0]], place))

    def _stack(self, node: Node) -> Expression:
        """A choice by the place along the last axes."""
        (extents,) = node.attributes
        axes = axes_of(node.shape)[node.ndim - len(extents) :]
        entries = self.operands(node)
        for extent, axis in zip(extents[::-1], axes[::-1], strict=True):
            entries = [self._one_of(entries[k : k + extent], axis) for k in range(0, len(entries), extent)]
        return entries[0]

    def _one_of(self, entries: Sequence[Expression], axis: int | None) -> Expression:
        if axis is None or len(set(entries)) == 1:
            return entries[0]
        place = Name(self.axis(axis))
        return Choice(tuple((Binary("==", place, integer(k)), x) for k, x in enumerate(entries[:-1])), entries[-1])

    def _relu(self, node: Node) -> Expression:
        return self.helper("larger", *self._given(node), integer(0))

    def _erfc_of(self, node: Node) -> Expression:
        return call("erfc", self.texts[node.args[0]])
