"""The source of one kernel: every entry by one thread, reductions in each block, then over the blocks.

A kernel computes in A what it reads and writes as T, and counts in I. Results do not depend on the order in which blocks run:
each leaves its share of a reduction in memory, and the last block to finish takes them together (the pattern of
`threadFenceReduction` in NVIDIA's samples). How many blocks there are follows from the sizes alone, so results are the same on
every device.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from symdiff.codegen.cupy.ascii import ascii_of
from symdiff.codegen.cupy.cuda import RESERVED, CudaWriter
from symdiff.codegen.expression import PRODUCT, Expression, Name, Tuple, call, integer, product
from symdiff.codegen.function import FunctionWriter
from symdiff.codegen.layout import WIDTH
from symdiff.codegen.numpy.writer import Writer
from symdiff.codegen.program import Assign, indent, listing
from symdiff.graph.contraction import is_view
from symdiff.graph.node import Node
from symdiff.graph.plan import Kernel
from symdiff.graph.size import total
from symdiff.graph.space import Axes, is_elementwise, is_whole, operands_of, reduction_of, seen_through, space_of
from symdiff.names import unique

_LAWS = {"reduce_max": "Largest", "reduce_min": "Smallest", "reduce_prod": "Product"}
_TYPES = {"float": "T", "bool": "bool", "int": "long long"}


@dataclass(frozen=True)
class KernelSource:
    """What a module needs of a kernel.

    Attributes
    ----------
    name, results : what it and its results are called in Python.
    symbol : what it is called in C++.
    types : of each result, "T" or "?".
    arrays : what it reads, in order.
    sizes : the names of the sizes it is given, in order.
    ends : how many reductions it ends with; in the form "rows" of all and of columns.
    """

    name: str
    symbol: str
    results: tuple[str, ...]
    types: str
    arrays: tuple[Node, ...]
    sizes: tuple[str, ...]
    ends: int | tuple[int, int]
    text: str


@dataclass
class _EntryWriter(FunctionWriter):
    """Writes the statements for one entry; `kinds` holds the dtype of each variable, `rounded` what is as it is stored."""

    writer_class: type[Writer] = CudaWriter
    kinds: dict[str, str] = field(default_factory=dict)
    rounded: Collection[Node] = ()

    def _assign(self, node: Node, text: Expression) -> Name:
        named = super()._assign(node, call("A", call("T", text)) if node in self.rounded else text)
        self.kinds[named.name] = node.dtype
        return named

    def lines(self) -> list[str]:
        """The statements so far, which are forgotten."""
        found = []
        for statement in self.statements:
            assert isinstance(statement, Assign)
            target = listing(statement.target)
            kind = "bool" if self.kinds.get(target) == "bool" else "A"
            declared = f"auto [{target}]" if isinstance(statement.target, Tuple) else f"{kind} {target}"
            found += _folded(f"const {declared} = {statement.expression.source};")
        self.statements.clear()
        return found


class _Ascii(dict[str, str]):
    """A name -> what it is called in C++."""

    def get(self, name: str, default: object = None) -> str:
        return ascii_of(name)


class KernelWriter:
    """Writes one kernel.

    Parameters
    ----------
    name : of the kernel.
    kernel : what it computes.
    names : node -> its variable in Python, of what the kernel reads or results in.
    need : called with the name of each device function that the source uses.
    pointwise : whether an array may be one number, which every entry reads.
    """

    def __init__(
        self, name: str, kernel: Kernel, names: Mapping[Node, str], need: Callable[[str], None], pointwise: bool
    ) -> None:
        self.name, self.kernel, self.need, self.pointwise = name, kernel, need, pointwise
        self.symbol = ascii_of(name)
        self.results = tuple(names[node] for node in kernel.results)
        self.given = {node: ascii_of(text) for node, text in names.items()}
        self.taken = {*RESERVED, self.symbol, *(f"i{axis}" for axis in range(len(kernel.space)))}
        self.wanted = {node: self.given[node] for node in kernel.results}
        self.writer = _EntryWriter({}, self.wanted, {}, self.taken, "", need, lengths=_Ascii(), is_part=True)
        assert isinstance(self.writer.writer, CudaWriter)
        self.expressions = self.writer.writer
        self.expressions.axis = self._axis
        self.computed = {*kernel.before, *kernel.nodes, *kernel.ends, *kernel.after}
        self.pointers: dict[Node, str] = {}  # what is read -> its parameter
        self.stored = {node: self._parameter(node) for node in kernel.results}  # what is written -> its parameter
        self.loaded: dict[tuple[Node, Axes], str] = {}
        self.axes: dict[int, str] = {}  # axis -> the variable that counts along it

    def write(self) -> KernelSource:
        """The kernel."""
        lines = self._lines()
        text = [*self._head(), "{", *indent(lines), "}"]
        types = "".join("?" if node.dtype == "bool" else "T" for node in self.kernel.results)
        sizes = tuple(self.writer.sizes.unknown)
        return KernelSource(
            self.name, self.symbol, self.results, types, tuple(self.pointers), sizes, self._number(), "\n".join(text)
        )

    def _lines(self) -> list[str]:
        kernel = self.kernel
        before = self._statements(kernel.before, kernel.before)
        stored = [node for node in kernel.nodes if node in kernel.results]
        body = self._statements(kernel.nodes, stored, kernel.ends)
        sums = self._sums(kernel.ends)
        adding = [added(s, law, text) for s, law, text in sums]
        entries = [f"{self._pointer_of(node)}[i] = {self.writer.texts[node].source};" for node in stored]
        loads = [self._load(*key) for key in self.loaded if key[1]]
        one_entry = [*loads, *body, *adding, *entries]
        form = {"all": self._all, "columns": self._columns}[kernel.form]
        return form(before, self._counting(one_entry), [(s, law) for s, law, _ in sums])

    def _number(self) -> int | tuple[int, int]:
        return len(self.kernel.ends)

    # Statements

    def _reads(self, node: Node) -> list[tuple[Node, Node, Axes]]:
        """The operands of a node, with what they look at and the axes that it runs along."""
        one = None if is_elementwise(node) else reduction_of(node)
        operands = operands_of(node) if one is None else list(one.operands)
        if node in self.kernel.after:  # along columns
            own = self._rows_of()
            operands = [(x, tuple(None if axis is None else axis + own for axis in axes)) for x, axes in operands]
        return [(x, *seen_through(*found)) for x, found in zip(node.args, operands, strict=True)]

    def _statements(
        self, nodes: Sequence[Node], kept: Sequence[Node], ends: Sequence[Node] = (), named: Sequence[Node] = ()
    ) -> list[str]:
        """The statements that compute nodes, and what they look at; what is `named` gets a variable."""
        order: list[Node] = []
        for node in (*nodes, *ends):
            found: list[Expression | None] = []
            for x, base, axes in self._reads(node):
                if base in self.computed:
                    order += _between(x, base)
                found.append(None if base in self.computed else self._read(base, axes))
            self.expressions.read[node] = found
            order += [] if node in ends else [node]
        self.writer.write(order, kept, [*named, *(a for node in ends for a in node.args if a in self.computed)])
        return self.writer.lines()

    def _read(self, base: Node, axes: Axes) -> Expression:
        """What a kernel finds in memory, or knows."""
        if base.op in ("constant", "size"):
            return self.expressions.write(base)
        if is_view(base) and not base.args and base not in self.given:  # ones
            return integer(1)
        if base.op == "arange":
            return call("A", Name(self._axis(axes[0])) if axes[0] is not None else integer(0))
        return self._variable(base, axes)

    def _variable(self, base: Node, axes: Axes) -> Name:
        key = (base, axes if any(axis is not None for axis in axes) else ())
        if key not in self.loaded:
            self.loaded[key] = unique(self.given[base], self.taken)
            self._pointer_of(base)
        return Name(self.loaded[key])

    def _load(self, base: Node, axes: Axes) -> str:
        """The statement that reads an entry."""
        kind = {"float": "A", "bool": "bool", "int": "long long"}[base.dtype]
        return f"const {kind} {self.loaded[base, axes]} = {self._pointer_of(base)}[{self._offset(base, axes)}];"

    def _offset(self, base: Node, axes: Axes) -> str:
        """Where in memory an entry is, in C order."""
        if not any(axis is not None for axis in axes):
            return "0"
        space, rows = self.kernel.space, self._rows_of()
        if is_whole(axes, space):
            return f"i * {self._pointer_of(base)}_step" if self.pointwise else "i"
        own = [axis for axis in axes if axis is not None]
        if rows and own in (list(range(rows)), list(range(rows, len(space)))):
            return "row" if own[0] == 0 else "column"
        terms = []
        for place, axis in enumerate(axes):
            if axis is not None:
                stride = total(base.shape[place + 1 :])
                size = "" if stride == 1 else f" * {self.expressions.size(stride).at(PRODUCT + 1)}"
                terms.append(f"{self._axis(axis)}{size}")
        return " + ".join(terms) or "0"

    def _axis(self, axis: int) -> str:
        """The variable that counts along an axis."""
        rows, last = self._rows_of(), len(self.kernel.space) - 1
        if rows == 1 and axis == 0:
            return "row"
        if rows and axis == last == rows:
            return "column"
        return "i" if last == 0 else self.axes.setdefault(axis, f"i{axis}")

    def _rows_of(self) -> int:
        """How many axes count rows."""
        kernel = self.kernel
        return {"all": 0, "rows": kernel.kept, "columns": len(kernel.space) - kernel.kept}[kernel.form]

    def _counting(self, lines: list[str]) -> list[str]:
        """The statements for one entry, with the place along single axes in front."""
        return [*self._places(range(len(self.kernel.space)), "i"), *lines]

    def _places(self, axes: range, place: str) -> list[str]:
        """The places along single axes that are used, from the place along those axes together."""
        space, found = self.kernel.space, []
        for axis in axes:
            if name := self.axes.pop(axis, None):
                inner = total(space[axis + 1 : axes.stop])
                text = place if inner == 1 else f"{place} / {self.expressions.size(inner).at(PRODUCT + 1)}"
                outer = "" if axis == axes.start else f" % {self.expressions.size(space[axis]).at(PRODUCT + 1)}"
                found.append(f"const I {name} = {text}{outer};")
        return found

    def _pointer_of(self, node: Node) -> str:
        if node in self.stored:
            return self.stored[node]
        if node not in self.pointers:
            self.pointers[node] = self._parameter(node)
        return self.pointers[node]

    def _parameter(self, node: Node) -> str:
        """A parameter of its own."""
        name = unique(f"{self.given[node]}_all", self.taken)
        self.taken.add(f"{name}_step")
        return name

    def _sums(self, ends: Sequence[Node]) -> list[tuple[str, str, Expression]]:
        """For each reduction its variable, its law, and what an entry adds."""
        found = []
        for node in ends:
            law = _LAWS.get(node.op, "Sum")
            self.need(law)
            variable = unique(self.writer.names.get(node, "s"), self.taken)
            factors = self.expressions.operands(node)
            if node.op == "reduce_norm":
                factors *= 2
            found.append((variable, law, product(factors)))
        return found

    # The forms

    def _head(self) -> list[str]:
        kernel = self.kernel
        alone = (
            "__restrict__ " if kernel.form == "rows" else ""
        )  # loops write between reads: into no array that is read
        parameters = [f"const {_TYPES[node.dtype]}* {alone}{name}" for node, name in self.pointers.items()]
        parameters += [f"{_TYPES[node.dtype]}* {self._pointer_of(node)}" for node in kernel.results]
        parameters += self._counts()
        parameters += [f"I {self.writer.sizes[name]}" for name in self.writer.sizes.unknown]
        if self.pointwise:
            parameters += [f"int {name}_step" for name in self.pointers.values()]
        whole = [parameter.replace(" ", "\N{NO-BREAK SPACE}") for parameter in parameters]
        lines = _folded(f'extern "C" __global__ void {self.symbol}({", ".join(whole)})')
        return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]

    def _counts(self) -> list[str]:
        """The parameters that say how much there is to do, and where shares go."""
        shares = ["volatile A* shares", "unsigned* done"] if self.kernel.ends else []
        return [*shares, *(["I count"] if self.kernel.form == "all" else ["I rows", "I columns", "unsigned width"])]

    def _ends(self, taken: Callable[[int], str], place: str, sums: Sequence[tuple[str, str]]) -> list[str]:
        """Each reduction of all blocks together, written where its result is."""
        lines = []
        for k, ((variable, _), node) in enumerate(zip(sums, self.kernel.ends, strict=True)):
            lines.append(f"{variable} = {taken(k)};")
            if node.op == "reduce_norm":
                lines.append(f"{variable} = sqrt({variable});")
            self.writer.texts[node] = Name(variable)
        return lines

    def _stores(self, nodes: Sequence[Node], place: str) -> list[str]:
        return [
            f"{self._pointer_of(node)}[{place}] = {self.writer.texts[node].source};"
            for node in nodes
            if node in self.kernel.results
        ]

    def _all(self, before: list[str], body: list[str], sums: Sequence[tuple[str, str]]) -> list[str]:
        own = "blockIdx.x * (I)blockDim.x + threadIdx.x"
        loop = f"for (I i = {own}; i < count; i += (I)gridDim.x * blockDim.x) {{"
        lines = [f"A {variable} = {law}::none();" for variable, law in sums]
        lines += [loop, *indent(body), "}"]
        if not sums:
            return [*self._scalars(), *before, *lines]
        self.need("over_blocks")
        self.need("is_last_block")
        for k, (variable, law) in enumerate(sums):
            lines.append(f"{variable} = over_lanes<{law}>({variable}, blockDim.x);")
            lines.append(f"if (threadIdx.x == 0) shares[{k} * gridDim.x + blockIdx.x] = {variable};")
        lines.append("if (!is_last_block(done)) return;")
        lines += self._ends(lambda k: f"over_blocks<{sums[k][1]}>(shares + {k} * gridDim.x)", "0", sums)
        after = self._statements(self.kernel.after, [n for n in self.kernel.after if n in self.kernel.results])
        lines += ["if (threadIdx.x != 0) return;", *after, *self._stores([*self.kernel.ends, *self.kernel.after], "0")]
        return [*self._scalars(), *before, *lines]

    def _columns(self, before: list[str], body: list[str], sums: Sequence[tuple[str, str]]) -> list[str]:
        for name in ("over_groups", "over_chunks", "is_last_block"):
            self.need(name)
        lines = [
            "const unsigned groups = blockDim.x / width, group = threadIdx.x / width;",
            "const I column = (I)blockIdx.y * width + threadIdx.x % width;",
            "const bool works = group < groups && column < columns;",
            *(f"A {variable} = {law}::none();" for variable, law in sums),
        ]
        start, step = "(I)blockIdx.x * groups + group", "(I)gridDim.x * groups"
        loop = f"for (I row = {start}; works && row < rows; row += {step}) {{"
        lines += [loop, *indent(["const I i = row * columns + column;", *body]), "}"]
        lines.append("const size_t each = (size_t)gridDim.x * columns, own = (size_t)group * columns + column;")
        for k, (s, law) in enumerate(sums):
            share = f"({plus('shares', k, 'each')})[(size_t)blockIdx.x * columns + column]"
            lines += [f"{s} = over_groups<{law}>({s}, width);", f"if (works && group == 0) {share} = {s};"]
        lines.append("if (!is_last_block(done)) return;")
        lines.append("const unsigned blocks = works ? (gridDim.x + groups - 1 - group) / groups : 0;  // of a group")
        for k, (s, law) in enumerate(sums):
            place = f"{plus('shares', k, 'each')} + own"
            lines.append(f"{s} = over_chunks<{law}>({place}, blocks, (size_t)groups * columns);")
        lines += self._ends(lambda k: f"over_groups<{sums[k][1]}>({sums[k][0]}, width)", "column", sums)
        lines.append("if (!works || group != 0) return;")
        lines += self._at_column()
        return [*self._scalars(), *before, *lines]

    def _at_column(self) -> list[str]:
        """The sums of a column, written where they are results, and what follows from them."""
        self.loaded = {key: name for key, name in self.loaded.items() if not key[1]}  # others were read in a loop
        after = [node for node in self.kernel.after if space_of(node.shape)]
        ends = [node for node in self.kernel.ends if node.shape and space_of(node.shape)]
        found = self._statements(after, [node for node in after if node in self.kernel.results])
        loads = [self._load(*key) for key in self.loaded if key[1]]
        places = self._places(range(self._rows_of(), len(self.kernel.space)), "column")
        return [*places, *loads, *found, *self._stores([*ends, *after], "column")]

    def _scalars(self) -> list[str]:
        """What is read once."""
        return [self._load(*key) for key in self.loaded if not key[1]]


def added(variable: str, law: str, entry: Expression) -> str:
    """The statement that adds an entry to what is reduced so far."""
    return f"{variable} += {entry.source};" if law == "Sum" else f"{variable} = {law}::of({variable}, {entry.source});"


def times(k: int, step: str) -> str:
    """So many steps."""
    return step if k == 1 else f"{k} * {step}"


def plus(start: str, k: int, step: str) -> str:
    """A place so many steps behind another."""
    return f"{start} + {times(k, step)}" if k else start


def _folded(line: str) -> list[str]:
    """A line that is too long, as several."""
    return textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _between(x: Node, base: Node) -> list[Node]:
    """The views from an operand down to what it looks at, innermost first."""
    found: list[Node] = []
    while x is not base and is_view(x) and x.args:
        found.append(x)
        (x,) = x.args
    return found[::-1]
