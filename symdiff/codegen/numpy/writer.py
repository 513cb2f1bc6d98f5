"""How a node is written in NumPy, given how its operands are: one method a kind of operation."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from symdiff.codegen.numpy.arrays import ArrayWriter
from symdiff.codegen.numpy.contraction import ContractionWriter
from symdiff.codegen.numpy.table import MIRRORED, NUMPY, OPERATORS
from symdiff.codegen.program import ATOM, POWER, PRODUCT, SUM, UNARY, Text
from symdiff.graph.axes import reduced_axes
from symdiff.graph.build import repeated_scalar
from symdiff.graph.external import EXTERNAL
from symdiff.graph.leaves import constant, number
from symdiff.graph.node import Node
from symdiff.graph.ops import REDUCTIONS
from symdiff.graph.size import Dim, Size
from symdiff.graph.special import SPECIAL

_CALLED = re.compile(r"(?<![\w.])([a-z]\w*)(?=\()")  # a function's name, unless it is one of the array library
_UFUNC = {"reduce_max": "maximum", "reduce_min": "minimum", "reduce_prod": "multiply"}


def called(template: str) -> list[str]:
    """The special functions that a template calls."""
    return _CALLED.findall(template)


class Writer(ArrayWriter):
    """Writes nodes as NumPy expressions.

    Parameters
    ----------
    texts : node -> how it is written where it is used: a variable or an inlined expression.
    sizes : name of a size -> the variable that holds it.
    dtype_source : gives the source of the working dtype, such as ``x.dtype``.
    xp : what the array library is imported as.
    need : called with the name of each helper function or special function that the source uses.
    pointwise : whether every array has the one shape S, so that a repeated scalar may stay a scalar.
    words : matrix that is factorised -> the user's words for it, for errors.
    operators : op -> (symbol, its precedence, precedence wanted of the left and of the right operand).
    sine_and_cosine : the helper that computes both of one array, or "" where each is as fast by itself.
    """

    operators: ClassVar = OPERATORS
    sine_and_cosine: ClassVar[str] = "_sin_cos"

    def __init__(
        self,
        texts: Mapping[Node, Text],
        sizes: Mapping[str, str],
        dtype_source: Callable[[], str],
        xp: str,
        need: Callable[[str], None],
        pointwise: bool = False,
        words: Mapping[Node, str] | None = None,
    ) -> None:
        self.texts, self.sizes, self.xp, self.need = texts, sizes, xp, need
        self._dtype_source = dtype_source
        self.pointwise, self.words = pointwise, words or {}
        self._contractions = ContractionWriter(self)
        self._weak: dict[Node, bool] = {}

    @property
    def dtype(self) -> str:
        """Source of the working dtype."""
        return self._dtype_source()

    def write(self, node: Node) -> Text:
        """The expression that computes a node."""
        text = self._written(node)
        called = node.args and not node.shape and node.op not in self.operators and node.op not in ("neg", "pow")
        if called and node.dtype == "float" and all(self._is_weak(operand) for operand in node.args):
            return Text(f"float({text.source})")  # a function of sizes would be a double, and make doubles of others
        return text

    def operands(self, node: Node) -> list[Text]:
        """How each operand of a node is written there."""
        return [self.texts[x] for x in node.args]

    def write_unrepeated(self, node: Node) -> Text:
        """What broadcasts to a node that repeats its operand."""
        return self._contractions.write_unrepeated(node)

    def function(self, name: str) -> str:
        """What a function of NumPy's is called here."""
        return f"{self.xp}.{name}"

    def matrix_product(self, left: Text, right: Text) -> Text:
        """A product of matrices, or of batches of them."""
        return Text(f"{left.at(PRODUCT)} @ {right.at(PRODUCT + 1)}", PRODUCT)

    def _is_weak(self, node: Node) -> bool:
        """Whether a node is written as a Python number, which takes the dtype of what it meets."""
        if node not in self._weak:
            self._weak[node] = node.op != "input" and not node.shape and all(map(self._is_weak, node.args))
        return self._weak[node]

    def _written(self, node: Node) -> Text:
        if node.op == "contract":
            return self._contractions.write(node)
        if node.op in REDUCTIONS:
            return self._reduction(node)
        if node.op in self.operators:
            return self._operator(node)
        if node.op in SPECIAL:
            return self._special(node)
        if node.op in EXTERNAL:
            return self._external(node)
        special = getattr(self, f"_{node.op}", None)
        if special is not None:
            return special(node)
        template = NUMPY[node.op]
        args = (
            sorted(node.args, key=lambda a: number(a) is not None) if node.op in ("maximum", "minimum") else node.args
        )
        operands = [self.texts[a].source for a in args]
        return Text(
            template.format(*operands, xp=self.xp), self.texts[node.args[0]].precedence if template == "{0}" else ATOM
        )

    def size(self, dim: Dim) -> Text:
        """A size as source."""
        if not isinstance(dim, Size):
            return Text(str(dim), ATOM)
        renamed = Size(tuple((tuple(self.sizes[name] for name in names), k) for names, k in dim.terms))
        (monomial, factor), *more = renamed.terms
        precedence = SUM if more else ATOM if len(monomial) == 1 and factor == 1 else PRODUCT
        return Text(str(renamed), precedence)

    def shape(self, dims: Sequence[Dim]) -> str:
        """A shape as source of a tuple."""
        inner = ", ".join(self.size(dim).source for dim in dims)
        return f"({inner},)" if len(dims) == 1 else f"({inner})"

    # Leaves

    def _constant(self, node: Node) -> Text:
        value = node.attributes[0]
        if isinstance(value, bool):
            return Text(str(value))
        if math.isnan(value):
            return Text(f"{self.xp}.nan")
        if math.isinf(value):
            return Text(f"{self.xp}.inf" if value > 0 else f"-{self.xp}.inf", ATOM if value > 0 else UNARY)
        text = str(int(value)) if value.is_integer() and abs(value) < 1e6 and str(value) != "-0.0" else repr(value)
        return Text(text, UNARY if text.startswith("-") else ATOM)

    def _size(self, node: Node) -> Text:
        return self.size(node.attributes[0])

    # Elementwise

    def _operator(self, node: Node) -> Text:
        a, b = self._ordered(node)
        symbol, own, left, right = self.operators[node.op]
        if node.op == "add":
            return self._sum(a, b)
        if node.op in MIRRORED and number(a) is not None:
            a, b, symbol = b, a, MIRRORED[node.op]
        if node.op == "mul" and (repeated := self._repeated(a, b)) is not None:
            return repeated
        if node.op == "mul" and not a.shape and self._starts_with_scalar(b, number(a) is not None):
            right = own  # scalars meet first: in a * b * x, one product of arrays is enough
        return Text(self.texts[a].at(left) + symbol + self.texts[b].at(right), own)

    def _starts_with_scalar(self, node: Node, after_number: bool) -> bool:
        """Whether a product or quotient that is written here starts with a scalar, or may follow a number."""
        if node.op not in ("mul", "div") or self.texts[node].precedence != PRODUCT:
            return False
        first = self._ordered(node)[0]
        if after_number and number(first) is not None and node.op == "mul":  # two numbers whose product is no double
            return False
        return (after_number and node.op == "div") or not first.shape

    def _ordered(self, node: Node) -> tuple[Node, ...]:
        """Commuting operands as a person would write them: numbers, scalars, then arrays; short before long."""
        if node.op != "mul":
            return node.args
        return tuple(
            sorted(
                node.args,
                key=lambda a: (number(a) is None, a.ndim, -self.texts[a].precedence, len(self.texts[a].source) > 12),
            )
        )

    def _repeated(self, a: Node, b: Node) -> Text | None:
        """A scalar repeated over a shape."""
        if repeated_scalar(b) != constant(1.0) or a.shape:
            return None
        if self.pointwise:
            return self.texts[a]
        shape = self.shape(b.shape)
        if number(a) == 0:
            return Text(f"{self.xp}.zeros({shape}, {self.dtype})")
        return Text(f"{self.xp}.full({shape}, {self.texts[a].source}, {self.dtype})")

    def _sum(self, a: Node, b: Node) -> Text:
        """a + b, as a difference where one is negative and both are written here."""
        x, y = self.texts[a].source, self.texts[b].source
        if x.startswith("-") and not y.startswith("-"):
            a, b = b, a
            x, y = y, x
        elif not y.startswith("-") and (number(a) is not None or len(x) < len(y)) and "*" not in x and "@" not in x:
            a, b = b, a
        first, second = self.texts[a], self.texts[b]
        if second.source.startswith("-") and second.precedence >= SUM:
            rest = second.source[1:]
            return Text(
                f"{first.at(SUM)} - {rest}" if second.precedence != SUM else f"{first.at(SUM)} + ({second.source})", SUM
            )
        return Text(f"{first.at(SUM)} + {second.at(SUM + 1)}", SUM)

    def _neg(self, node: Node) -> Text:
        operand = self.texts[node.args[0]]
        if operand.precedence == PRODUCT and " % " not in operand.source:  # -a % b is (-a) % b
            return Text(f"-{operand.source}", PRODUCT)
        return Text(f"-{operand.at(UNARY)}", UNARY)

    def _pow(self, node: Node) -> Text:
        base, exponent = node.args
        n = number(exponent)
        text = self.texts[base]
        rooted = n == 1.5 and not self._is_weak(base)  # which would make a double of a size
        if (rooted or n in (3, 4)) and text.source.isidentifier():
            x = text.source
            if rooted:
                return Text(f"{x} * {self.xp}.sqrt({x})", PRODUCT)
            return Text(f"{x} * {x}**2", PRODUCT) if n == 3 else Text(f"({x}**2)**2", POWER)
        return Text(f"{text.at(ATOM)}**{self.texts[exponent].at(POWER)}", POWER)

    def _select(self, node: Node) -> Text:
        condition, yes, no = node.args
        c = self.texts[condition].source
        values = (number(yes), number(no))
        if values == (1, 0) and condition.shape == node.shape:
            return self._as_number(condition)
        if values[1] == 0 and condition.shape == yes.shape == node.shape != () and not self._is_weak(yes):
            self.need("_masked")
            return Text(f"_masked({c}, {self.texts[yes].source})")
        chosen = f"{self.xp}.where({c}, {self.texts[yes].source}, {self.texts[no].source})"
        weak = node.dtype == "float" and self._is_weak(yes) and self._is_weak(no)  # else np.where makes doubles of them
        return Text(f"{chosen}.astype({self.dtype})" if weak else chosen)

    def _cast(self, node: Node) -> Text:
        return self._as_number(node.args[0])

    def _as_number(self, x: Node) -> Text:
        if self._is_weak(x):  # a comparison of sizes, a bool of Python's
            return self.texts[x]
        return Text(f"{self.texts[x].at(ATOM)}.astype({self.dtype})")

    # Functions that NumPy lacks

    def _erf(self, node: Node) -> Text:
        self.need("_erf")
        return Text(f"_erf({self.texts[node.args[0]].source})")

    def _bell(self, node: Node) -> Text:
        self.need("_bell")
        return Text(f"_bell({self.texts[node.args[0]].source})")

    def _erfc_of(self, node: Node) -> Text:
        self.need("_erfc")
        return Text(f"_erfc({', '.join(self.texts[a].source for a in node.args)})")

    def _special(self, node: Node) -> Text:
        """A function of `scipy.special`, whose names stand behind an underscore; its result in the working dtype."""
        row = SPECIAL[node.op]
        for name in called(row.template):
            self.need(f"special:{name}")
        template = _CALLED.sub(r"_\1", row.template)
        text = template.format(*(self.texts[a].source for a in node.args), xp=self.xp)
        if " * " in template:
            text = f"({text})"
        return Text(f"{text}.astype({self.dtype})" if row.double else text)

    def _external(self, node: Node) -> Text:
        """A function of the user's own."""
        self.need(node.op)
        operands = "".join(f", {self.texts[a].source}" for a in node.args)
        return Text(f"{EXTERNAL[node.op].name}({self.xp}{operands})")

    # Whole axes

    def _reduction(self, node: Node) -> Text:
        (x,), axes = node.args, reduced_axes(node)
        axis = "" if axes == (0,) else f", axis={self._axis(x, axes)}"
        if node.op == "reduce_norm":
            source = self.texts[x].source
            squares = f"{self.xp}.add.reduce({self.texts[x].at(ATOM)}**2{axis})"
            if x.ndim == 1 and source.isidentifier():
                squares = f"{self.xp}.dot({source}, {source})"
            return Text(f"{self.xp}.sqrt({squares})")
        return Text(f"{self.function(_UFUNC[node.op] + '.reduce')}({self.texts[x].source}{axis})")

    def _axis(self, x: Node, axes: Sequence[int]) -> str:
        if len(axes) == x.ndim:
            return "None"
        return str(axes[0]) if len(axes) == 1 else str(tuple(axes))

    def _prod_others(self, node: Node) -> Text:
        self.need("_prod_others")
        return Text(f"_prod_others({self.texts[node.args[0]].source}, axes={node.attributes[0]})")

    def _prod_others_tangent(self, node: Node) -> Text:
        self.need("_prod_others_tangent")
        v, x = (self.texts[a].source for a in node.args)
        return Text(f"_prod_others_tangent({x}, {v}, axes={node.attributes[0]})")
