"""How a node is written in CUDA C++, for one entry; and the small device functions that kernels may need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from symdiff.codegen.cupy.device import FUNCTIONS
from symdiff.codegen.numpy.writer import Writer
from symdiff.codegen.program import ATOM, COMPARISON, PRODUCT, UNARY, Text
from symdiff.graph.build import repeated_scalar
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node
from symdiff.graph.space import axes_of

_AND, _OR = 2, 1  # in C++ weaker than a comparison

_RENAMED = {"abs": "fabs", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh"}
_RENAMED |= {"arccosh": "acosh", "arctanh": "atanh", "maximum": "larger", "minimum": "smaller", "mod": "modulo"}

# Operations that are calls; those that CUDA lacks are in `device.cuh`.
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
RESERVED = frozenset(_WORDS.split()) | {*_CALLS.values(), *FUNCTIONS}


class CudaWriter(Writer):
    """Writes nodes as C++ expressions of one entry.

    Attributes
    ----------
    read : node -> for each of its operands the text of what is read from memory, None for one that is computed.
    axis : gives the variable that counts along an axis.
    """

    operators: ClassVar = {
        **Writer.operators,
        "and": (" && ", _AND, _AND, _AND + 1),
        "or": (" || ", _OR, _OR, _OR + 1),
        "xor": (" != ", COMPARISON, COMPARISON + 1, COMPARISON + 1),
    }
    sine_and_cosine = "sine_and_cosine"

    texts: dict[Node, Text]

    axis: Callable[[int], str]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.read: dict[Node, list[Text | None]] = {}

    def operands(self, node: Node) -> list[Text]:
        """How each operand of a node is written there."""
        read = self.read.get(node) or [None] * len(node.args)
        return [text or self.texts[x] for x, text in zip(node.args, read, strict=True)]

    def write(self, node: Node) -> Text:
        """The expression that computes an entry of a node."""
        self.texts |= dict(zip(node.args, self.operands(node), strict=True))
        if node.op == "contract":
            return self._product(node)
        if node.op in _CALLS:
            self.need(_CALLS[node.op])
            return Text(f"{_CALLS[node.op]}({', '.join(self.texts[a].source for a in node.args)})")
        return self._written(node)

    def write_unrepeated(self, node: Node) -> Text:
        """An entry that a view repeats."""
        return self.write(node)

    def _repeated(self, a: Node, b: Node) -> Text | None:
        return self.texts[a] if repeated_scalar(b) is constant(1.0) and b.shape else None

    def _product(self, node: Node) -> Text:
        out = node.attributes[1]
        if len(set(out)) < len(out):
            return self._on_diagonal(out, node)
        first, *rest = self.operands(node)
        if not rest:
            return first
        return Text(" * ".join([first.at(PRODUCT), *(text.at(PRODUCT + 1) for text in rest)]), PRODUCT)

    def _on_diagonal(self, out: Sequence[int], node: Node) -> Text:
        """A product where the places along axes of one label are the same, else 0."""
        first: dict[int, str] = {}
        same = []
        for label, axis in zip(out, axes_of(node.shape), strict=True):
            if axis is not None:
                place = self.axis(axis)
                same += [f"{first[label]} == {place}"] if label in first else []
                first.setdefault(label, place)
        product = " * ".join(text.at(PRODUCT + 1) for text in self.operands(node)) or "1"
        return Text(f"({' && '.join(same)} ? {product} : 0)") if same else Text(product, PRODUCT)

    def _constant(self, node: Node) -> Text:
        value = node.attributes[0]
        if isinstance(value, bool):
            return Text("true" if value else "false")
        if value != value:
            self.need("nan_")
            return Text("nan_()")
        if value in (float("inf"), -float("inf")):
            self.need("infinity")
            return Text("infinity()" if value > 0 else "-infinity()", ATOM if value > 0 else UNARY)
        if value.is_integer() and abs(value) < 1e6 and str(value) != "-0.0":
            return Text(str(int(value)), UNARY if value < 0 else ATOM)
        return Text(f"A({value!r})") if value > 0 else Text(f"-A({-value!r})", UNARY)

    def _size(self, node: Node) -> Text:
        return Text(f"A({self.size(node.attributes[0]).source})")

    def _neg(self, node: Node) -> Text:
        text = super()._neg(node)
        return text if not text.source.startswith("--") else Text(f"-({text.source[1:]})", UNARY)

    def _pow(self, node: Node) -> Text:
        base, exponent = node.args
        text, n = self.texts[base], number(exponent)
        if n in (2, 3, 4):
            self.need("square")
            square = Text(f"square({text.source})")
            if n == 2:
                return square
            return (
                Text(f"{text.at(PRODUCT)} * {square.source}", PRODUCT) if n == 3 else Text(f"square({square.source})")
            )
        if n == 1.5:
            return Text(f"{text.at(PRODUCT)} * sqrt({text.source})", PRODUCT)
        return Text(f"pow(A({text.source}), A({self.texts[exponent].source}))")

    def _select(self, node: Node) -> Text:
        condition, yes, no = (self.texts[a].source for a in node.args)
        return Text(f"({condition} ? {yes} : {no})")

    def _cast(self, node: Node) -> Text:
        return Text(f"A({self.texts[node.args[0]].source})")

    def _not(self, node: Node) -> Text:
        return Text(f"!{self.texts[node.args[0]].at(ATOM)}", UNARY)

    def _one_hot(self, node: Node) -> Text:
        last = axes_of(node.shape)[-1]
        place = "0" if last is None else self.axis(last)
        return Text(f"A({self.texts[node.args[0]].source} == {place})")

    def _stack(self, node: Node) -> Text:
        """A choice by the place along the last axes."""
        (extents,) = node.attributes
        axes = axes_of(node.shape)[node.ndim - len(extents) :]
        texts = [text.source for text in self.operands(node)]
        for extent, axis in zip(extents[::-1], axes[::-1], strict=True):
            texts = [self._one_of(texts[k : k + extent], axis) for k in range(0, len(texts), extent)]
        return Text(texts[0])

    def _one_of(self, texts: Sequence[str], axis: int | None) -> str:
        if axis is None or len(set(texts)) == 1:
            return texts[0]
        choices = [f"{self.axis(axis)} == {k} ? {text} : " for k, text in enumerate(texts[:-1])]
        return f"({''.join(choices)}{texts[-1]})"

    def _relu(self, node: Node) -> Text:
        self.need("larger")
        return Text(f"larger({self.texts[node.args[0]].source}, 0)")

    def _erfc_of(self, node: Node) -> Text:
        return Text(f"erfc({self.texts[node.args[0]].source})")

    def _stop_gradient(self, node: Node) -> Text:
        return self.texts[node.args[0]]

    _kept = _stop_gradient
