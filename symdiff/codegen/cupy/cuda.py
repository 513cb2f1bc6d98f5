"""How a node is written in CUDA C++, for one entry; and the small device functions that kernels may need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from symdiff.codegen.expression import (
    Binary,
    Choice,
    Expression,
    Literal,
    Name,
    Unary,
    call,
    integer,
    product,
)
from symdiff.codegen.numpy.writer import Writer
from symdiff.graph.build import repeated_scalar
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node
from symdiff.graph.space import axes_of

_RENAMED = {"abs": "fabs", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh"}
_RENAMED |= {"arccosh": "acosh", "arctanh": "atanh", "maximum": "larger", "minimum": "smaller", "mod": "modulo"}

# Operations that are calls; those that CUDA lacks are in `PRELUDE`.
_CALLS = {
    op: _RENAMED.get(op, op)
    for op in (
        *(
            "abs",
            "sign",
            "floor",
            "ceil",
            "sqrt",
            "cbrt",
            "exp",
            "expm1",
            "log",
            "log1p",
            "sin",
            "cos",
            "tan",
            "arcsin",
        ),
        *("arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "hypot", "logaddexp"),
        *("maximum", "minimum", "mod", "erf", "erfc", "bell"),
    )
}

PRELUDE = {
    "sine_and_cosine": """\
struct Waves { A sine, cosine; };
__device__ Waves sine_and_cosine(A x) { Waves found; sincos(x, &found.sine, &found.cosine); return found; }
""",
    "infinity": "__device__ A infinity() { return A(1e300 * 1e300); }",
    "nan_": "__device__ A nan_() { return infinity() - infinity(); }",
    "square": "__device__ A square(A x) { return x * x; }",
    "sign": "__device__ A sign(A x) { return x > 0 ? 1 : x < 0 ? -1 : x; }",
    "larger": "__device__ A larger(A a, A b) { return a > b || a != a ? a : b; }",
    "smaller": "__device__ A smaller(A a, A b) { return a < b || a != a ? a : b; }",
    "modulo": """\
__device__ A modulo(A a, A b) {  // of the sign of b
    const A rest = fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}""",
    "logaddexp": """\
__device__ A logaddexp(A a, A b) {
    return a == b ? a + A(0.6931471805599453) : larger(a, b) + log1p(exp(-fabs(a - b)));
}""",
    "bell": """\
__device__ A bell(A x) {  // exp(-x**2), with what is lost in rounding the square
    const A square = x * x;
    const A lost = fma(x, x, -square);
    return square < 1000 ? exp(-square) * (1 - lost) : x == x ? 0 : x;
}""",
    "Sum": """\
struct Sum {
    static __device__ A none() { return 0; }
    static __device__ A of(A a, A b) { return a + b; }
};""",
    "Product": """\
struct Product {
    static __device__ A none() { return 1; }
    static __device__ A of(A a, A b) { return a * b; }
};""",
    "Largest": """\
struct Largest {
    static __device__ A none() { return -infinity(); }
    static __device__ A of(A a, A b) { return larger(a, b); }
};""",
    "Smallest": """\
struct Smallest {
    static __device__ A none() { return infinity(); }
    static __device__ A of(A a, A b) { return smaller(a, b); }
};""",
    "lane_values": """\
// Room for a number of each thread of a block.
__device__ A* lane_values() {
    __shared__ A values[1024];
    return values;
}""",
    "over_lanes": """\
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
}""",
    "over_row": """\
// The same of the lanes of a row, of which as many as 32 need not wait for the rest of the block.
template <class Law> __device__ A over_row(A value, unsigned lanes) {
    if (lanes > 32) return over_lanes<Law>(value, lanes);
    const unsigned first = threadIdx.x % 32 / lanes * lanes;
    const unsigned mask = (lanes < 32 ? (1u << lanes) - 1 : ~0u) << first;
    for (unsigned n = lanes / 2; n > 0; n /= 2) value = Law::of(value, __shfl_xor_sync(mask, value, n));
    return __shfl_sync(mask, value, first);
}""",
    "is_last_block": """\
// Whether all other blocks (of this column) have written their shares. The counter goes back to 0.
__device__ bool is_last_block(unsigned* done) {
    __shared__ bool is_last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) is_last = atomicInc(done + blockIdx.y, gridDim.x - 1) == gridDim.x - 1;
    __syncthreads();
    __threadfence();
    return is_last;
}""",
    "over_blocks": """\
// What the shares of all blocks have together.
template <class Law> __device__ A over_blocks(const volatile A* shares) {
    A value = Law::none();
    for (unsigned block = threadIdx.x; block < gridDim.x; block += blockDim.x) value = Law::of(value, shares[block]);
    return over_lanes<Law>(value, blockDim.x);
}""",
    "over_chunks": """\
// The same of one column, of which every chunk of the rows has a share.
template <class Law> __device__ A over_chunks(const volatile A* shares, unsigned chunks, size_t columns) {
    A value = Law::none();
    for (unsigned chunk = 0; chunk < chunks; chunk++) value = Law::of(value, shares[chunk * columns]);
    return value;
}""",
    "over_groups": """\
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
}""",
    "share_columns": """\
// The share of a block: what its groups have together, of each column.
template <class Law> __device__ void share_columns(const A* sums, volatile A* shares, unsigned groups, I columns) {
    for (I column = threadIdx.x; column < columns; column += blockDim.x)
        shares[(size_t)blockIdx.x * columns + column] = over_chunks<Law>(sums + column, groups, columns);
}""",
    "take_columns": """\
// Of each column what the shares of some blocks have together, as what a group has.
template <class Law> __device__ void take_columns(A* sums, const volatile A* shares, unsigned lanes, I columns) {
    const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;
    const unsigned blocks = (gridDim.x + groups - 1 - group) / groups;
    shares += (size_t)group * columns;
    for (I column = lane; column < columns; column += lanes)
        sums[column] = over_chunks<Law>(shares + column, blocks, (size_t)groups * columns);
}""",
}

_REQUIRES = {
    "logaddexp": ("larger",),
    "nan_": ("infinity",),
    "Largest": ("larger", "infinity"),
    "Smallest": ("smaller", "infinity"),
    "over_lanes": ("lane_values",),
    "over_row": ("over_lanes",),
    "over_blocks": ("over_lanes", "is_last_block"),
    "over_chunks": ("is_last_block",),
    "over_groups": ("lane_values", "over_chunks"),
    "share_columns": ("over_chunks",),
    "take_columns": ("over_chunks",),
}

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
RESERVED = frozenset(_WORDS.split()) | {*_CALLS.values(), *PRELUDE}


def with_required(names: Iterable[str]) -> list[str]:
    """The device functions of these names and those that they need, in the order of their table."""
    found = set(names) & PRELUDE.keys()
    while more := {other for name in found for other in _REQUIRES.get(name, ())} - found:
        found |= more
    return [name for name in PRELUDE if name in found]


class CudaWriter(Writer):
    """Writes nodes as C++ expressions of one entry.

    Attributes
    ----------
    read : node -> for each of its operands the text of what is read from memory, None for one that is computed.
    axis : gives the variable that counts along an axis.
    """

    operators: ClassVar = {**Writer.operators, "and": "&&", "or": "||", "xor": "!="}
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
        if node.op in _CALLS:
            return self.helper(_CALLS[node.op], *self._given(node))
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
