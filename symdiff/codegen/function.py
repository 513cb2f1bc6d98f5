"""From an ordered list of nodes to the statements of one function.

A node that is used once is written where it is used, as long as the line stays readable; everything else gets a variable,
named after the user's own names where the model has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from symdiff.codegen.numpy import Writer
from symdiff.codegen.program import ATOM, SUM, Assign, Refuse, Statement, Text
from symdiff.graph.bounds import requirements
from symdiff.graph.node import Node, users
from symdiff.graph.ops import LEAVES
from symdiff.graph.size import Size, names_of
from symdiff.names import unique

_LONGEST = 76  # characters of an inlined expression
_DEEPEST = 12  # operations in it


@dataclass
class FunctionWriter:
    """Writes the body of one function.

    Attributes
    ----------
    inputs : node -> its argument.
    names : node -> the name the user or the caller wants for it.
    comments : node -> (comment above its first statement, the result it leads to).
    taken : identifiers that are in use; extended.
    need : called with the name of each helper the source uses.
    """

    inputs: Mapping[Node, str]
    names: Mapping[Node, str]
    comments: Mapping[Node, tuple[str, Node]]
    taken: set[str]
    xp: str
    need: Callable[[str], None]
    pointwise: bool = False
    writer_class: type[Writer] = Writer
    texts: dict[Node, Text] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    _weight: dict[Node, int] = field(default_factory=dict)
    _numbered: int = 0
    _pending: tuple[str, Node] | None = None

    def write(self, order: Sequence[Node], results: Sequence[Node]) -> None:
        """Append the statements that compute every node of `order`."""
        variables: dict[str, str] = {}
        if not self.pointwise:
            self._size_statements(order, variables)
        writer = self.writer_class(self.texts, variables, self.dtype, self.xp, self.need, self.pointwise)
        self._size_requirements(order, writer)
        count = users(order)
        wanted = set(results)
        for node in order:
            self._pending = self.comments.get(node, self._pending)
            if node in self.texts:
                continue
            if node in self.inputs:
                self.texts[node] = Text(self.inputs[node])
                continue
            text = writer.write(node)
            reused_result = node in wanted and node in count
            if node.op not in LEAVES and (node in self.names or reused_result or self._deserves(node, text, count)):
                text = self._assign(node, text)
            self.texts[node] = text

    def _deserves(self, node: Node, text: Text, count: Mapping[Node, int]) -> bool:
        self._weight[node] = 1 + sum(self._weight.get(a, 0) for a in node.args)
        if count.get(node, 0) > 1:
            return not self._cheap(node, text)
        return len(text.source) > _LONGEST or self._weight[node] > _DEEPEST

    def _cheap(self, node: Node, text: Text) -> bool:
        """A view or a negated variable costs less to write twice than to name."""
        view = node.op == "contract" and len(node.args) == 1 and re.fullmatch(r"\w+(\.T|\[[:\w, ]*\])", text.source)
        return bool(view) or (
            node.op in ("neg", "cast") and not node.shape and re.fullmatch(r"-?\w+", text.source) is not None
        )

    def _assign(self, node: Node, text: Text) -> Text:
        name = unique(self.names.get(node) or self._suggest(node), self.taken)
        comment = self._pending[0] if self._pending and self._pending[1] is not node else None  # its own name says it
        self.statements.append(Assign(name, text.source, comment))
        self._pending = None
        self._weight[node] = 0
        return Text(name, ATOM)

    def _suggest(self, node: Node) -> str:
        """A name from the operation and its operand, while it stays short."""
        named = [self.texts[a].source for a in node.args if self.texts[a].source.isidentifier()]
        if len(node.args) == 1 and named and node.op not in ("contract", "index", "place"):
            wanted = f"{node.op.removeprefix('reduce_')}_{named[0]}"
            if len(wanted) <= 16:
                return wanted
        self._numbered += 1
        return f"t{self._numbered}"

    def _size_statements(self, order: Sequence[Node], variables: dict[str, str]) -> None:
        """``n = X.shape[0]`` for every size the source mentions."""
        needed = _sizes_mentioned(order)
        for name in needed:
            if name in variables:
                continue
            source = self._size_source(name)
            if source is None:
                continue
            variables[name] = unique(name, self.taken)
            self.statements.append(Assign(variables[name], source))

    def _size_requirements(self, order: Sequence[Node], writer: Writer) -> None:
        """Stop where an axis is too short for an entry or a slice, which NumPy would cut or count from the end."""
        for gap in requirements(order):
            values = ", ".join(f"{name} = {{{writer.sizes[name]}}}" for name in gap.names)
            message = f'f"{values} is too small for a slice or an entry in the model, which needs {gap} >= 0"'
            self.statements.append(Refuse(f"{writer.size(gap).at(SUM)} < 0", message))

    def _size_source(self, name: str) -> str | None:
        size = Size.named(name)
        for node, argument in self.inputs.items():
            for axis, dim in enumerate(node.shape):
                if dim == size:
                    return f"{argument}.shape[{axis}]"
        for node, argument in self.inputs.items():
            for axis, dim in enumerate(node.shape):
                if isinstance(dim, Size) and dim.names == (name,):
                    rest = dim - size
                    if isinstance(rest, int):
                        return (
                            f"{argument}.shape[{axis}] - {rest}" if rest > 0 else f"{argument}.shape[{axis}] + {-rest}"
                        )
        return None

    @property
    def dtype(self) -> str:
        """Source of the working dtype."""
        floating = [argument for node, argument in self.inputs.items() if node.dtype == "float"]
        return f"{floating[0]}.dtype" if floating else f"{self.xp}.float64"


def _sizes_mentioned(order: Sequence[Node]) -> list[str]:
    """The sizes whose numbers the source needs: of constants, new axes and places."""
    found: dict[str, None] = {}
    for node in order:
        dims: list[object] = []
        if node.op == "size":
            dims = [node.attributes[0]]
        elif node.op == "contract":
            present = {label for labels in node.attributes[0] for label in labels}
            out = node.attributes[1]
            if len(set(out)) < len(out) or any(label not in present for label in out):
                dims = list(node.shape)
        elif node.op == "place" or node.op == "stack":
            dims = list(node.shape)
        elif node.op == "index":
            dims = [bound for item in node.attributes[0] if not isinstance(item, int) for bound in item[:2]]
        for name in names_of(dims):  # type: ignore[arg-type]
            found.setdefault(name)
    for gap in requirements(order):
        found |= dict.fromkeys(gap.names)
    return list(found)
