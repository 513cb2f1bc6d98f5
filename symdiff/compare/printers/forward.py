"""A model's forward computation printed for a framework that differentiates it itself, so that `compare` can ask it.

The graph is printed as it was lowered, one statement a node: nothing is rewritten, ordered or shared with the code that
writes NumPy. A framework is a table of templates and a few spellings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from symdiff.errors import UnsupportedError
from symdiff.graph.axes import reduced_axes
from symdiff.graph.contraction import letters
from symdiff.graph.inputs import Input
from symdiff.graph.item import Item, Window, is_entry
from symdiff.graph.leaves import number
from symdiff.graph.node import Node, topological
from symdiff.graph.ops import REDUCTIONS
from symdiff.graph.size import Dim, evaluate
from symdiff.names import identifier, unique

# Functions that no framework has by name, in terms of ``{xp}``.
RECIPROCALS = {
    "cot": "1 / {xp}.tan({0})",
    "sec": "1 / {xp}.cos({0})",
    "csc": "1 / {xp}.sin({0})",
    "acot": "{xp}.arctan(1 / {0})",
    "asec": "{xp}.arccos(1 / {0})",
    "acsc": "{xp}.arcsin(1 / {0})",
    "coth": "1 / {xp}.tanh({0})",
    "sech": "1 / {xp}.cosh({0})",
    "csch": "1 / {xp}.sinh({0})",
    "acoth": "{xp}.arctanh(1 / {0})",
    "asech": "{xp}.arccosh(1 / {0})",
    "acsch": "{xp}.arcsinh(1 / {0})",
    "sinhc": "{xp}.where({1} == 0, 1.0, {xp}.sinh({1}) / {xp}.where({1} == 0, 1.0, {1}))",
    "log1pc": "{xp}.where({1} == 0, 1.0, {xp}.log1p({1}) / {xp}.where({1} == 0, 1.0, {1}))",
}


class ForwardPrinter:
    """Prints graphs at given sizes and a given dtype, ``"float64"`` or ``"float32"``.

    Attributes
    ----------
    framework : its name, for messages.
    xp : what its array functions are found in.
    imports : the import lines of the source.
    templates : op -> template over its operands ``{0}``, ``{1}``; ``{dtype}`` is the working dtype, ``{xp}`` is `xp`.
    reductions : op of `REDUCTIONS` -> template over the operand and ``{axes}``.
    """

    framework: ClassVar[str]
    xp: ClassVar[str]
    imports: ClassVar[tuple[str, ...]]
    templates: ClassVar[Mapping[str, str]]
    reductions: ClassVar[Mapping[str, str]]

    def __init__(self, sizes: Mapping[str, int], dtype: str) -> None:
        self.sizes = sizes
        self.dtype = f"{self.xp}.{dtype}"

    def module(self, title: str, roots: Mapping[str, tuple[Sequence[Input], Node]]) -> str:
        """The source of a module with a function for each root, of its inputs."""
        blocks = [[f'"""{identifier(title)}: the forward computation in {self.framework}."""', "", *self.imports]]
        blocks += [self.function(name, inputs, root) for name, (inputs, root) in roots.items()]
        return "\n\n\n".join("\n".join(block) for block in blocks) + "\n"

    def function(self, name: str, inputs: Sequence[Input], root: Node) -> list[str]:
        """The lines of one function; `UnsupportedError` where the framework lacks an operation."""
        taken = _words(self.imports)
        texts = {entry.node: unique(entry.name, taken) for entry in inputs}
        lines = [f"def {name}({', '.join(texts.values())}):"]
        for node in topological([root]):
            if node not in texts:
                texts[node] = unique(f"t{len(lines)}", taken)
                lines.append(f"    {texts[node]} = {self.expression(node, [texts[a] for a in node.args])}")
        return [*lines, f"    return {texts[root]}"]

    def expression(self, node: Node, args: Sequence[str]) -> str:
        """How a node is computed from its operands."""
        if node.op in REDUCTIONS and node.op in self.reductions:
            return self.reductions[node.op].format(*args, axes=reduced_axes(node))
        special = getattr(self, f"_{node.op}", None)
        if special is not None:
            return str(special(node, args))
        if node.op not in self.templates:
            raise UnsupportedError(f"{self.framework} cannot express {node.op}")
        return self.templates[node.op].format(*args, dtype=self.dtype, xp=self.xp)

    def shape(self, dims: Sequence[Dim]) -> tuple[int, ...]:
        """A shape at the given sizes."""
        return tuple(evaluate(dim, self.sizes) for dim in dims)

    def scalar(self, value: float | bool) -> str:
        """A number as an array without axes."""
        raise NotImplementedError

    def _constant(self, node: Node, args: Sequence[str]) -> str:
        return self.scalar(node.attributes[0])

    def _size(self, node: Node, args: Sequence[str]) -> str:
        return self.scalar(float(evaluate(node.attributes[0], self.sizes)))

    def _pow(self, node: Node, args: Sequence[str]) -> str:
        exponent = number(node.args[1])
        if exponent is None:
            return f"{self.xp}.pow({args[0]}, {args[1]})"
        return f"{args[0]} ** {int(exponent) if exponent % 1 == 0 else repr(exponent)}"

    def _polygamma(self, node: Node, args: Sequence[str]) -> str:
        """Of an order and an operand: frameworks take orders that are whole numbers, and of most functions none but 0."""
        order = number(node.args[0])
        if order is None or order % 1 or (order and node.op != "polygamma"):
            raise UnsupportedError(f"{self.framework} cannot express {node.op} of such an order")
        return self.templates[node.op].format(int(order), args[1], xp=self.xp)

    _sinc = _sinhc = _log1pc = _polygamma

    def _contract(self, node: Node, args: Sequence[str]) -> str:
        """An einsum, then axes that no operand has, then zeros off the diagonals."""
        axes, out, dims = node.attributes
        sizes = self.shape(dims)
        distinct = list(dict.fromkeys(out))
        kept = [label for label in distinct if any(label in labels for labels in axes)]
        text = self.scalar(1.0)
        if args:
            equation = ",".join(letters(labels) for labels in axes)
            text = f'{self.xp}.einsum("{equation}->{letters(kept)}", {", ".join(args)})'
        if kept != distinct or len(distinct) < len(out):
            first = [i == out.index(label) for i, label in enumerate(out)]
            inserted = tuple(sizes[label] if label in kept and first[i] else 1 for i, label in enumerate(out))
            text = f"{self.xp}.broadcast_to({text}.reshape({inserted}), {tuple(sizes[label] for label in out)})"
        for i, label in enumerate(out):
            if out.index(label) < i:
                text = self._diagonal(text, out.index(label), i, sizes[label], len(out))
        return text

    def _diagonal(self, text: str, first: int, second: int, size: int, ndim: int) -> str:
        shape = tuple(size if axis in (first, second) else 1 for axis in range(ndim))
        zero = self.scalar(0.0)
        return f"{self.xp}.where({self.xp}.eye({size}, dtype={self.xp}.bool).reshape({shape}), {text}, {zero})"

    def _index(self, node: Node, args: Sequence[str]) -> str:
        """Integers and slices between brackets; then, from the last axis on, windows as arrays of positions."""
        (text,), (items,) = args, node.attributes
        lead = node.args[0].ndim - len(items)
        text = f"{text}[..., {self.subscript(items)}]"
        left = [item for item in items if not is_entry(item)]
        for axis, item in reversed(list(enumerate(left, start=lead))):
            if isinstance(item, Window):
                text = f"{text}[{':, ' * axis}{self.positions(item)}]"
        return text

    def _window_max(self, node: Node, args: Sequence[str]) -> str:
        (text,), (spans,) = args, node.attributes
        lead = node.ndim - len(spans)
        for axis, (size, step) in reversed(list(enumerate(spans, start=lead))):
            item = Window(0, ((node.shape[axis], step), (size, 1)))
            text = f"{text}[{':, ' * axis}{self.positions(item)}]"
        return self.reductions[node.op].format(text, axes=tuple(range(lead + 1, lead + 2 * len(spans), 2)))

    _window_sum = _window_max

    def positions(self, item: Window) -> str:
        """The positions that a window looks at, as an array with an axis for each of its terms."""
        parts = [str(evaluate(item.start, self.sizes))]
        for place, (size, step) in enumerate(item.terms):
            axes = "[:" + ", None" * (len(item.terms) - 1 - place) + "]"
            parts.append(f"{step} * {self.xp}.arange({evaluate(size, self.sizes)}){axes}")
        return " + ".join(parts)

    def subscript(self, items: Sequence[Item]) -> str:
        """Integers and slices as they stand between brackets; a window leaves its axis whole."""
        parts = []
        for item in items:
            if isinstance(item, int):
                parts.append(str(item))
            elif isinstance(item, Window):
                parts.append(str(evaluate(item.start, self.sizes)) if is_entry(item) else ":")
            else:
                start, stop, step = item
                parts.append(f"{evaluate(start, self.sizes)}:{evaluate(stop, self.sizes)}:{step}")
        return ", ".join(parts)

    def _place(self, node: Node, args: Sequence[str]) -> str:
        """Zeros before and after, as models pad: axis by axis from the first placed one on."""
        items, dims = node.attributes
        text, axis = args[0], node.ndim - len(items)
        for item, dim in zip(items, dims, strict=True):
            if not isinstance(item, tuple) or item[2] != 1:
                raise UnsupportedError(f"{self.framework} cannot express {node.op} of single or strided entries")
            before, after = evaluate(item[0], self.sizes), evaluate(dim - item[1], self.sizes)
            text = self.padded(text, axis, node.ndim, before, after) if before or after else text
            axis += 1
        return text

    def padded(self, text: str, axis: int, ndim: int, before: int, after: int) -> str:
        """An array with zeros before and after along one axis."""
        raise NotImplementedError

    def _reshape(self, node: Node, args: Sequence[str]) -> str:
        return f"{args[0]}.reshape({self.shape(node.shape)})"

    def _concatenate(self, node: Node, args: Sequence[str]) -> str:
        return f"{self.xp}.concatenate([{', '.join(args)}], {node.attributes[0]})"

    def _arange(self, node: Node, args: Sequence[str]) -> str:
        return f"{self.xp}.arange({self.shape(node.shape)[0]}, dtype={self.dtype})"

    def _cumsum(self, node: Node, args: Sequence[str]) -> str:
        axis, backwards = node.attributes
        if not backwards:
            return f"{self.xp}.cumsum({args[0]}, {axis})"
        flipped = f"{self.xp}.flip({args[0]}, ({axis},))"
        return f"{self.xp}.flip({self.xp}.cumsum({flipped}, {axis}), ({axis},))"

    def _take(self, node: Node, args: Sequence[str]) -> str:
        axis = node.args[0].ndim + node.attributes[0]
        return f"{args[0]}[{':, ' * axis}{args[1]}]"

    def _one_hot(self, node: Node, args: Sequence[str]) -> str:
        return f"{self.xp}.eye({self.shape(node.shape)[-1]}, dtype={self.dtype})[{args[0]}]"

    def _solve(self, node: Node, args: Sequence[str]) -> str:
        return f"{self.xp}.linalg.solve({args[0]}, {args[1]})"

    def _stack(self, node: Node, args: Sequence[str]) -> str:
        shape = self.shape(node.shape)
        lead = shape[: len(shape) - len(node.attributes[0])]
        entries = ", ".join(f"{self.xp}.broadcast_to({text}, {lead})" for text in args)
        return f"{self.xp}.stack([{entries}], -1).reshape({shape})"


def literal(value: float | bool) -> str:
    """A number as Python source."""
    if isinstance(value, bool) or math.isfinite(value):
        return repr(value)
    return f'float("{value}")'


def _words(lines: Sequence[str]) -> set[str]:
    return {word for line in lines for word in line.replace(".", " ").split()}
