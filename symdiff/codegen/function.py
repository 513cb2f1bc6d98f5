"""From an ordered list of nodes to the statements of one function.

A node that is used once is written where it is used, as long as the line stays readable; everything else gets a variable,
named after the user's own names where the model has them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from symdiff.codegen.expression import (
    Attribute,
    Binary,
    Expression,
    Literal,
    Name,
    Slice,
    Subscript,
    Unary,
    Verbatim,
    call,
    integer,
)
from symdiff.codegen.numpy.writer import Writer
from symdiff.codegen.program import Assign, Refuse, Statement, variables
from symdiff.errors import ModelError
from symdiff.graph.bounds import requirements
from symdiff.graph.contraction import is_repetition, unrepeated_shape
from symdiff.graph.node import Node, Shape, users
from symdiff.graph.ops import LEAVES, POINTWISE, POOLING
from symdiff.graph.size import Size, broadcast
from symdiff.graph.solve import solutions, unknown_size
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
    purposes : node -> what it is computed for, in words: a comment stands where that changes.
    telling : nodes whose names say what they are, without a comment.
    taken : identifiers that are in use; extended.
    need : called with the name of each helper the source uses.
    words : matrix that is factorised -> the user's words for it.
    lengths : name of a size -> what its variable is called instead.
    broadcasts : whether repeated rows and the like may be left to broadcasting.
    is_part : whether sizes that no argument has, and the dtype if none has it, are left to be arguments themselves.
    missing_dtype : the argument that a part needs for its dtype, "" where it needs none.
    numbered : the last number of a variable such as t3.
    texts : node -> how it is written where it is used.
    """

    inputs: Mapping[Node, str]
    names: Mapping[Node, str]
    purposes: Mapping[Node, str]
    taken: set[str]
    xp: str
    need: Callable[[str], None]
    pointwise: bool = False
    words: Mapping[Node, str] = field(default_factory=dict)
    lengths: Mapping[str, str] = field(default_factory=dict)
    is_part: bool = False
    telling: Collection[Node] = ()
    missing_dtype: str = ""
    broadcasts: bool = True
    writer_class: type[Writer] = Writer
    texts: dict[Node, Expression] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    _weight: dict[Node, int] = field(default_factory=dict)
    numbered: int = 0
    _purpose: str = ""

    def __post_init__(self) -> None:
        self.sizes = Sizes(self._size_source, self.taken, self.lengths)
        self.writer = self.writer_class(
            self.texts, self.sizes, self._dtype_source, self.xp, self.need, self.pointwise, self.words
        )

    def write(self, order: Sequence[Node], results: Sequence[Node], kept: Collection[Node] = ()) -> None:
        """Append the statements that compute every node of `order`; what is `kept` gets a variable."""
        writer = self.writer
        count = users(order)
        here = set(order)
        whole = [node for node in (*results, *kept) if node in here] if self.broadcasts else order
        bare, narrow = _left_to_broadcasting(order, whole)
        wanted, kept = set(results), set(kept)
        subtracted = _subtracted(order)
        waves = _sine_and_cosine(order) if writer.sine_and_cosine else {}
        for node in order:
            if node in self.texts:
                continue
            if node in waves:
                self._assign_together(waves[node])
                continue
            if node in self.inputs:
                self.texts[node] = Name(self.inputs[node])
                continue
            if node in bare:
                self.texts[node] = writer.write_unrepeated(node)
                continue
            whole_floats = node.dtype == "float" and node.shape and node not in narrow
            text = replace(writer.write(node), shape=node.shape if whole_floats else None)
            reused_result = node in kept or (node in wanted and node in count)
            needs_work = node.op not in LEAVES or node.op == "arange"
            if needs_work and (node in self.names or reused_result or self._deserves(node, text, count, subtracted)):
                text = self._assign(node, text)
            self.texts[node] = text

    def finish(self) -> None:
        """Put the sizes that were used in front."""
        self.statements[:0] = [Assign(Name(variable), Verbatim(source)) for variable, source in self.sizes.found]

    def _deserves(self, node: Node, text: Expression, count: Mapping[Node, int], subtracted: Collection[Node]) -> bool:
        self._weight[node] = 1 + sum(self._weight.get(a, 0) for a in node.args)
        if count.get(node, 0) > 1:
            return node not in subtracted and not self._cheap(node, text)
        return len(text.source) > _LONGEST or self._weight[node] > _DEEPEST or node.op in POOLING

    def _cheap(self, node: Node, text: Expression) -> bool:
        """A variable, a view or a negated variable costs less to write twice than to name."""
        match text:
            case Name():
                return True
            case Attribute(value=Name(), name="T"):
                return node.op == "contract" and len(node.args) == 1
            case Subscript(value=Name(), items=items):
                return node.op == "contract" and len(node.args) == 1 and all(map(_is_plain, items))
            case Unary(operator="-", operand=operand) | operand:
                return node.op in ("neg", "cast") and not node.shape and _is_plain(operand)

    def _assign(self, node: Node, text: Expression) -> Name:
        name = unique(self.names.get(node) or self._suggest(node), self.taken)
        self.statements.append(Assign(Name(name), text, self._comment(node)))
        self._weight[node] = 0
        return Name(name, shape=text.shape)

    def _comment(self, node: Node) -> str | None:
        """What the statements from this one on are for, unless those before it are too, or its own name says it."""
        purpose = self.purposes.get(node, "")
        changed, self._purpose = purpose != self._purpose, purpose
        return purpose if changed and purpose and node not in self.telling else None

    def _assign_together(self, waves: Sequence[Node]) -> None:
        """Sine and cosine of one array, by one call."""
        helper, (of,) = self.writer.sine_and_cosine, self.writer.operands(waves[0])
        self.need(helper)
        self.texts[waves[0].args[0]] = of
        names = [unique(self.names.get(node) or self._suggest(node), self.taken) for node in waves]
        self.statements.append(Assign(variables(names), call(helper, of), self._comment(waves[0])))
        self.texts |= {node: Name(name) for node, name in zip(waves, names, strict=True)}
        self._weight |= dict.fromkeys(waves, 0)

    def _suggest(self, node: Node) -> str:
        """A name from the operation and its operand, while it stays short."""
        named = [text.name for text in map(self.texts.__getitem__, node.args) if isinstance(text, Name)]
        if len(node.args) == 1 and named and node.op not in ("contract", "index", "place", "kept"):
            wanted = f"{node.op.removeprefix('reduce_')}_{named[0]}"
            if len(wanted) <= 16:
                return wanted
        self.numbered += 1
        return f"t{self.numbered}"

    def require_sizes(self, order: Sequence[Node]) -> None:
        """Stop where an axis is too short for an entry or a slice, which NumPy would cut or count from the end."""
        for gap, words in requirements(order, self.inputs).items():
            values = ", ".join(f"{name} = {{{self.sizes[name]}}}" for name in gap.names)
            message = f'f"{values} is too small for {words}, which needs {gap} >= 0"'
            self.statements.append(Refuse(Binary("<", self.writer.size(gap), integer(0)), message))

    def _size_source(self, name: str) -> str | None:
        size = Size.named(name)
        for node, argument in self.inputs.items():
            for axis, dim in enumerate(node.shape):
                if dim == size:
                    return f"{argument}.shape[{axis}]"
        for solution in solutions([node.shape for node in self.inputs]):
            if solution.name == name and not (self.is_part and solution.needs):
                length = f"{[*self.inputs.values()][solution.array]}.shape[{solution.axis}]"
                return solution.source(length, {needed: self.sizes[needed] for needed in solution.needs})
        if self.pointwise:
            return name  # nothing needs its number
        if self.is_part:
            return None  # the whole function knows it
        raise ModelError(unknown_size(name))

    @property
    def dtype(self) -> str:
        """Source of the working dtype."""
        return self._dtype_source()

    def _dtype_source(self) -> str:
        floating = [argument for node, argument in self.inputs.items() if node.op == "input" and node.dtype == "float"]
        if floating:
            return f"{floating[0]}.dtype"
        if not self.is_part:
            return f"{self.xp}.float64"
        self.missing_dtype = self.missing_dtype or unique("dtype", self.taken)
        return self.missing_dtype


def _is_plain(item: Expression) -> bool:
    """Whether an expression is a variable or a literal, or a slice between such."""
    return isinstance(item, (Name, Literal)) or (isinstance(item, Slice) and all(map(_is_plain, item.parts)))


class Sizes(dict[str, str]):
    """Name of a size -> the variable that holds it.

    `found` lists (variable, source) of those that were asked for, `unknown` the names of those that have no source.
    """

    def __init__(self, source: Callable[[str], str | None], taken: set[str], lengths: Mapping[str, str]) -> None:
        self.source, self.taken, self.lengths = source, taken, lengths
        self.found: list[tuple[str, str]] = []
        self.unknown: list[str] = []

    def __missing__(self, name: str) -> str:
        self[name] = unique(self.lengths.get(name, name), self.taken)
        source = self.source(name)
        if source is None:
            self.unknown.append(name)
        else:
            self.found.append((self[name], source))
        return self[name]


def _sine_and_cosine(order: Sequence[Node]) -> dict[Node, tuple[Node, Node]]:
    """Sine or cosine of an array both of which are needed -> the two."""
    found = {(node.op, node.args[0]): node for node in order if node.op in ("sin", "cos") and node.shape}
    pairs = [(node, found["cos", of]) for (op, of), node in found.items() if op == "sin" and ("cos", of) in found]
    return {node: pair for pair in pairs for node in pair}


def _subtracted(order: Sequence[Node]) -> set[Node]:
    """Negative inputs that are only added to others: each is written as a difference."""
    found = {a for node in order if node.op == "add" for a in node.args if a.op == "neg" and a.args[0].op == "input"}
    return found - {a for node in order if node.op != "add" for a in node.args}


def _left_to_broadcasting(order: Sequence[Node], results: Sequence[Node]) -> tuple[set[Node], set[Node]]:
    """Repeated rows, columns and the like that need not be repeated, since elementwise operations broadcast them.

    Besides, all nodes that are narrower for it.
    """
    shape: dict[Node, Shape] = {}
    bare = {node for node in order if is_repetition(node)}
    while bare:
        for node in order:
            elementwise = node.op in POINTWISE and node.args
            shape[node] = broadcast([shape.get(a, a.shape) for a in node.args]) if elementwise else node.shape
            if node in bare:
                shape[node] = unrepeated_shape(node)
        whole = [*results, *(a for node in order if node.op not in POINTWISE for a in node.args)]
        narrow = [node for node in whole if shape.get(node, node.shape) != node.shape]
        if not narrow:
            break
        while narrow:
            node = narrow.pop()
            bare.discard(node)
            if node.op in POINTWISE and shape.get(node, node.shape) != node.shape:
                shape[node] = node.shape
                narrow += node.args
    return bare, {node for node in shape if bare and shape[node] != node.shape}
