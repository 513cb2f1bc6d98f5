"""How a node is written in NumPy, given how its operands are: one method a kind of operation."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from symdiff.codegen.expression import (
    PRODUCT,
    SUM,
    Binary,
    Dimension,
    Expression,
    Literal,
    Name,
    Template,
    Tuple,
    Unary,
    before,
    call,
    dotted,
    integer,
    integers,
    method,
    negative,
    walk,
    without_sign,
)
from symdiff.codegen.numpy.arrays import ArrayWriter
from symdiff.codegen.numpy.contraction import ContractionWriter
from symdiff.codegen.spellings import MIRRORED, NUMPY, OPERATORS
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
    operators : op -> its symbol.
    sine_and_cosine : the helper that computes both of one array, or "" where each is as fast by itself.
    """

    operators: ClassVar = OPERATORS
    sine_and_cosine: ClassVar[str] = "_sin_cos"

    def __init__(
        self,
        texts: Mapping[Node, Expression],
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
    def dtype(self) -> Expression:
        """The working dtype."""
        return dotted(self._dtype_source())

    def write(self, node: Node) -> Expression:
        """The expression that computes a node."""
        text = self._written(node)
        called = node.args and not node.shape and node.op not in self.operators and node.op not in ("neg", "pow")
        if called and node.dtype == "float" and all(self._is_weak(operand) for operand in node.args):
            return call("float", text)  # a function of sizes would be a double, and make doubles of others
        return text

    def operands(self, node: Node) -> list[Expression]:
        """How each operand of a node is written there."""
        return [self.texts[x] for x in node.args]

    def write_unrepeated(self, node: Node) -> Expression:
        """What broadcasts to a node that repeats its operand."""
        return self._contractions.write_unrepeated(node)

    def function(self, name: str) -> str:
        """What a function of NumPy's is called here."""
        return f"{self.xp}.{name}"

    def matrix_product(self, left: Expression, right: Expression) -> Expression:
        """A product of matrices, or of batches of them."""
        return Binary("@", left, right)

    def _is_weak(self, node: Node) -> bool:
        """Whether a node is written as a Python number, which takes the dtype of what it meets."""
        if node not in self._weak:
            self._weak[node] = node.op != "input" and not node.shape and all(map(self._is_weak, node.args))
        return self._weak[node]

    def _written(self, node: Node) -> Expression:
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
        args = (
            sorted(node.args, key=lambda a: number(a) is not None) if node.op in ("maximum", "minimum") else node.args
        )
        return call(f"{self.xp}.{NUMPY[node.op]}", *(self.texts[a] for a in args))

    def size(self, dim: Dim) -> Expression:
        """A size as source."""
        if not isinstance(dim, Size):
            return integer(dim)
        renamed = Size(tuple((tuple(self.sizes[name] for name in names), k) for names, k in dim.terms))
        (monomial, factor), *more = renamed.terms
        return Name(monomial[0]) if len(monomial) == factor == 1 and not more else Dimension(renamed)

    def shape(self, dims: Sequence[Dim]) -> Expression:
        """A shape as a tuple."""
        return Tuple(tuple(map(self.size, dims)))

    # Leaves

    def _constant(self, node: Node) -> Expression:
        value = node.attributes[0]
        if isinstance(value, bool):
            return Literal(str(value))
        if math.isnan(value):
            return dotted(f"{self.xp}.nan")
        if math.isinf(value):
            infinity = dotted(f"{self.xp}.inf")
            return infinity if value > 0 else Unary("-", infinity)
        if (of_pi := self._of_pi(value)) is not None:
            return of_pi
        text = str(int(value)) if value.is_integer() and abs(value) < 1e6 and str(value) != "-0.0" else repr(value)
        return Literal(text)

    def _of_pi(self, value: float) -> Expression | None:
        """A number that is a multiple or a part of pi, to the last bit as it is computed from that."""
        pi: Expression = dotted(f"{self.xp}.pi")
        for k in (1, *range(2, 9)):
            for size, text in (
                (k * math.pi, Binary("*", integer(k), pi) if k > 1 else pi),
                (math.pi / k, Binary("/", pi, integer(k))),
            ):
                if abs(value) == size:
                    return text if value > 0 else negative(text)
        return None

    def _size(self, node: Node) -> Expression:
        return self.size(node.attributes[0])

    # Elementwise

    def _operator(self, node: Node) -> Expression:
        a, b = self._ordered(node)
        symbol = self.operators[node.op]
        if node.op == "add":
            return self._sum(a, b)
        if node.op in MIRRORED and number(a) is not None:
            a, b, symbol = b, a, MIRRORED[node.op]
        if node.op == "mul" and (repeated := self._repeated(a, b)) is not None:
            return repeated
        if node.op == "mul" and not a.shape and self._starts_with_scalar(b, number(a) is not None):
            return before(self.texts[a], self.texts[b])  # in a * b * x, one product of arrays is enough
        return Binary(symbol, self.texts[a], self.texts[b])

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

    def _repeated(self, a: Node, b: Node) -> Expression | None:
        """A scalar repeated over a shape."""
        if repeated_scalar(b) != constant(1.0) or a.shape:
            return None
        if self.pointwise:
            return self.texts[a]
        shape = self.shape(b.shape)
        if number(a) == 0:
            return call(f"{self.xp}.zeros", shape, self.dtype)
        return call(f"{self.xp}.full", shape, self.texts[a], self.dtype)

    def _sum(self, a: Node, b: Node) -> Expression:
        """a + b, as a difference where one is negative and both are written here."""
        first, second = self.texts[a], self.texts[b]
        signed, other_signed = (without_sign(x) is not None for x in (first, second))
        if (signed and not other_signed) or (
            not other_signed and (number(a) is not None or _is_shorter(first, second))
        ):
            first, second = second, first
        rest = without_sign(second)
        if rest is None or second.precedence <= SUM:
            return Binary("+", first, second)
        return Binary("-", first, rest)

    def _neg(self, node: Node) -> Expression:
        return negative(self.texts[node.args[0]])

    def _pow(self, node: Node) -> Expression:
        base, exponent = node.args
        n = number(exponent)
        text = self.texts[base]
        rooted = n == 1.5 and not self._is_weak(base)  # which would make a double of a size
        if (rooted or n in (3, 4)) and isinstance(text, Name):
            if rooted:
                return Binary("*", text, call(f"{self.xp}.sqrt", text))
            square = Binary("**", text, integer(2))
            return Binary("*", text, square) if n == 3 else Binary("**", square, integer(2))
        return Binary("**", text, self.texts[exponent])

    def _select(self, node: Node) -> Expression:
        condition, yes, no = node.args
        values = (number(yes), number(no))
        if values == (1, 0) and condition.shape == node.shape:
            return self._as_number(condition)
        if values[1] == 0 and condition.shape == yes.shape == node.shape != () and not self._is_weak(yes):
            return self.helper("_masked", self.texts[condition], self.texts[yes])
        chosen = call(f"{self.xp}.where", *self._given(node))
        weak = node.dtype == "float" and self._is_weak(yes) and self._is_weak(no)  # else np.where makes doubles of them
        return method(chosen, "astype", self.dtype) if weak else chosen

    def _cast(self, node: Node) -> Expression:
        return self._as_number(node.args[0])

    def _as_number(self, x: Node) -> Expression:
        if self._is_weak(x):  # a comparison of sizes, a bool of Python's
            return self.texts[x]
        return method(self.texts[x], "astype", self.dtype)

    def _stop_gradient(self, node: Node) -> Expression:
        return self.texts[node.args[0]]

    _kept = _stop_gradient

    def _relu(self, node: Node) -> Expression:
        return call(f"{self.xp}.maximum", self.texts[node.args[0]], integer(0))

    # Functions that NumPy lacks

    def _erf(self, node: Node) -> Expression:
        return self.helper("_erf", *self._given(node))

    def _bell(self, node: Node) -> Expression:
        return self.helper("_bell", *self._given(node))

    def _erfc_of(self, node: Node) -> Expression:
        return self.helper("_erfc", *self._given(node))

    def _special(self, node: Node) -> Expression:
        """A function of `scipy.special`, whose names stand behind an underscore; its result in the working dtype."""
        row = SPECIAL[node.op]
        for name in called(row.template):
            self.need(f"special:{name}")
        template = _CALLED.sub(r"_\1", row.template)
        if " * " in template:
            template = f"({template})"
        text = Template(template.replace("{xp}", self.xp), tuple(self._given(node)))
        return method(text, "astype", self.dtype) if row.double else text

    def _external(self, node: Node) -> Expression:
        """A function of the user's own."""
        self.need(node.op)
        return call(EXTERNAL[node.op].name, Name(self.xp), *self._given(node))

    # Whole axes

    def _reduction(self, node: Node) -> Expression:
        (x,), axes = node.args, reduced_axes(node)
        axis, text = {} if axes == (0,) else {"axis": self._axis(x, axes)}, self.texts[x]
        if node.op == "reduce_norm":
            squares = call(f"{self.xp}.add.reduce", Binary("**", text, integer(2)), **axis)
            if x.ndim == 1 and isinstance(text, Name):
                squares = call(f"{self.xp}.dot", text, text)
            return call(f"{self.xp}.sqrt", squares)
        return call(self.function(_UFUNC[node.op] + ".reduce"), text, **axis)

    def _axis(self, x: Node, axes: Sequence[int]) -> Expression:
        if len(axes) == x.ndim:
            return Literal("None")
        return integer(axes[0]) if len(axes) == 1 else integers(axes)

    def _prod_others(self, node: Node) -> Expression:
        return self.helper("_prod_others", *self._given(node), axes=Literal(str(node.attributes[0])))

    def _prod_others_tangent(self, node: Node) -> Expression:
        v, x = self._given(node)
        return self.helper("_prod_others_tangent", x, v, axes=Literal(str(node.attributes[0])))


def _is_shorter(first: Expression, second: Expression) -> bool:
    """Whether one term of a sum is written after a longer one, since it multiplies nothing."""
    if len(first.source) >= len(second.source):
        return False
    return not any(
        (isinstance(part, Binary) and part.operator in ("*", "@", "**"))
        or (isinstance(part, (Dimension, Template)) and "*" in part.source)
        for part in walk(first)
    )
