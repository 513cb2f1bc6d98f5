"""The source of a kernel that has one row after the other: loops over its columns, and values of the row between them.

A group of `lanes` threads has a row. Each loop may reduce the row, and then every lane knows the result; the next loop reads
the row again, from cache, and computes its entries again rather than storing them, except those that are written anyway. What
is reduced over rows, each thread adds up for itself: one number for all, or one for each of its columns, in shared memory where
those fit. Blocks are taken together as in the other forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symdiff.codegen.cupy.kernel import KernelWriter, added, plus, times
from symdiff.codegen.expression import Expression, Name
from symdiff.codegen.program import indent
from symdiff.graph.node import Node
from symdiff.graph.space import Axes, is_elementwise, is_whole, loops_of, reduction_of, space_of
from symdiff.names import unique

_ROW = (
    "const bool works = group < rows - first;  // or has the last row once more, for nothing",
    "const I row = works ? first + group : rows - 1;",
)
_WORDS = {"reduce_max": "largest", "reduce_min": "smallest", "reduce_prod": "product", "reduce_norm": "norm"}
_LONGEST = 60  # characters of an expression in a comment


class RowsWriter(KernelWriter):
    """Writes one kernel of the form "rows"."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.forgotten: set[str] = set()  # names of variables of loops
        extremes = [node for node in self.kernel.nodes if node.op in ("reduce_max", "reduce_min")]
        self.writer.rounded = {base for node in extremes for _, base, _ in self._reads(node)} & {*self.kernel.results}

    def _lines(self) -> list[str]:
        kernel = self.kernel
        before = self._statements(kernel.before, kernel.before)
        self.loop = loops_of((*kernel.nodes, *kernel.ends), lambda node: (base for _, base, _ in self._reads(node)))
        self.at: dict[int, list[Node]] = {}
        for node, number in self.loop.items():
            self.at.setdefault(number, []).append(node)
        elementwise = [node for node in kernel.nodes if is_elementwise(node) and not self._is_of_row(node)]
        self.entries = {node: place for place, node in enumerate(elementwise)}
        self.is_end, self.is_result = {*kernel.ends}, {*kernel.results}
        forms = {node: reduction_of(node) for node in kernel.ends}
        self.of_columns = [node for node, one in forms.items() if one and one.form == "columns"]
        self.of_all = [node for node in kernel.ends if node not in self.of_columns]
        others = [node for node in (*kernel.nodes, *kernel.ends) if not self._is_of_row(node)]
        self.in_loops = {base for node in others for _, base, _ in self._reads(node)}
        self.variables: dict[Node, tuple[str, str]] = {}  # of what is reduced over rows, with its law
        self.own: dict[Node, str] = {}  # where a thread adds up a sum of columns
        row, number = [], 0
        while work := self._work(number):
            row += [*self._values(number), *self._over_columns(number, *work)]
            number += 1
        row += [*self._values(number), *self._at_the_end()]
        places = self._places(range(kernel.kept), "row")
        end = self._end() if kernel.ends else []
        loop = "for (I first = (I)blockIdx.x * groups; first < rows; first += (I)gridDim.x * groups) {"
        groups = "const unsigned lane = threadIdx.x % lanes, group = threadIdx.x / lanes, groups = blockDim.x / lanes;"
        lines = [groups, *self._start(), loop, *indent([*_ROW, *places, *row]), "}", *end]
        return [*self._scalars(), *before, *lines]

    def _number(self) -> tuple[int, int]:
        return len(self.of_all), len(self.of_columns)

    def _counts(self) -> list[str]:
        shares = ["volatile A* shares", "unsigned* done"] if self.kernel.ends else []
        return [*shares, "I rows", "I columns", "unsigned lanes", *(["unsigned fits"] if self.of_columns else [])]

    # What is computed when

    def _is_of_row(self, node: Node) -> bool:
        """Whether a node is elementwise in values of rows."""
        return is_elementwise(node) and space_of(node.shape) == self.kernel.space[: self.kernel.kept]

    def _is_of_rows(self, end: Node) -> bool:
        """Whether an end reduces values of rows, not entries."""
        one = reduction_of(end)
        return one is not None and one.space != self.kernel.space

    def _work(self, number: int) -> tuple[list[Node], list[Node], list[Node]] | None:
        """What a loop reduces in each row, what it reduces over rows, and the entries that it writes; None after the last."""
        nodes = [node for node in self.at.get(number, ()) if not self._is_of_row(node)]
        ends = [node for node in nodes if node in self.is_end and not self._is_of_rows(node)]
        reduced = [node for node in nodes if node not in self.is_end and not is_elementwise(node)]
        stored = [node for node in nodes if node in self.entries and node in self.is_result]
        return (reduced, ends, stored) if reduced or ends or stored else None

    def _needed(self, nodes: Sequence[Node], number: int) -> list[Node]:
        """The entries that a loop computes, or reads where one before wrote them, to have what it reduces and writes."""
        needed, left = {*nodes}, [*nodes]
        while left:
            node = left.pop()
            if not self._is_written(node, number):
                more = {base for _, base, _ in self._reads(node) if base in self.entries} - needed
                needed |= more
                left += more
        return sorted(needed & self.entries.keys(), key=self.entries.__getitem__)

    def _is_written(self, node: Node, number: int) -> bool:
        """Whether a loop before this one wrote the entry."""
        return node in self.entries and node in self.is_result and self.loop[node] < number

    # A row

    def _values(self, number: int) -> list[str]:
        """The values of a row that a loop is the first to need."""
        nodes = [node for node in self.at.get(number, ()) if self._is_of_row(node)]
        known = {*self.loaded}
        results = [node for node in nodes if node in self.is_result]
        found = self._statements(nodes, results, named=[node for node in nodes if node in self.in_loops])
        return [*self._loads(known, of_entries=False), *found]

    def _over_columns(self, number: int, reduced: list[Node], ends: list[Node], stored: list[Node]) -> list[str]:
        """A loop over the columns of a row; what it computes for an entry is forgotten after it."""
        texts, taken, known = dict(self.writer.texts), {*self.taken}, {*self.loaded}
        kept = self.kernel.kept
        needed = self._needed([*reduced, *ends, *stored], number)
        back = [self._read_back(node) for node in needed if self._is_written(node, number)]
        computed = [node for node in needed if not self._is_written(node, number)]
        body = [*back, *self._statements(computed, stored, [*reduced, *ends])]
        sums = self._sums([*reduced, *ends])
        taken |= {variable for variable, _, _ in sums}
        self.variables |= {node: sum_[:2] for node, sum_ in zip(ends, sums[len(reduced) :], strict=True)}
        for node in ends:
            if node in self.of_columns:
                self.own[node] = unique(f"{self.variables[node][0]}_sums", self.taken)
                taken.add(self.own[node])
        adding = [added(*one) for one in sums[: len(reduced)]]
        guarded = [
            added(f"{self.own[node]}[column]" if node in self.own else s, law, text)
            for node, (s, law, text) in zip(ends, sums[len(reduced) :], strict=True)
        ]
        guarded += [f"{self._pointer_of(node)}[i] = {self.writer.texts[node].source};" for node in stored]
        loads = self._loads(known, of_entries=True)
        before = self._loads(known, of_entries=False)
        places = self._places(range(kept, len(self.kernel.space)), "column")
        entry = [*places, *loads, *body, *adding]
        if reduced and guarded:
            guarded = ["if (works) {", *indent(guarded), "}"]
        entry += guarded
        fresh = [key for key in self.loaded if key not in known]
        if back or stored or any(is_whole(axes, self.kernel.space) for _, axes in fresh):
            entry = ["const I i = row * columns + column;", *entry]
        condition = "column < columns" if reduced else "works && column < columns"
        loop = f"for (I column = lane; {condition}; column += lanes) {{"
        lines = [*self._comments([*reduced, *ends], sums), *before]
        lines += [f"A {s} = {law}::none();" for s, law, _ in sums[: len(reduced)]]
        lines += [loop, *indent(entry), "}"]
        self._forget(needed, texts, taken)
        for node, (s, law, _) in zip(reduced, sums, strict=False):
            self.need("over_row")
            lines.append(f"{s} = {_root(node.op, f'over_row<{law}>({s}, lanes)')};")
            self.writer.texts[node] = Name(s)
        return lines

    def _read_back(self, node: Node) -> str:
        """The statement that reads an entry that an earlier loop wrote: the same number, not only nearly."""
        name = unique(self.wanted[node], self.taken)
        self.writer.texts[node] = Name(name)
        return f"const {'bool' if node.dtype == 'bool' else 'A'} {name} = {self._pointer_of(node)}[i];"

    def _comments(self, reduced: Sequence[Node], sums: Sequence[tuple[str, str, Expression]]) -> list[str]:
        """What a loop is for."""
        found = []
        for node, (_, _, entry) in zip(reduced, sums, strict=True):
            of = "each column" if node in self.of_columns else "all entries" if node in self.of_all else "the row"
            text = (self.expressions.operands(node)[0] if node.op == "reduce_norm" else entry).source
            found.append(f"// of {of} the {_WORDS.get(node.op, 'sum')}{f' of {text}' if len(text) < _LONGEST else ''}")
        return found

    def _at_the_end(self) -> list[str]:
        """What values of a row add to sums over rows, and where they are written."""
        ends = [node for node in self.kernel.ends if self._is_of_rows(node)]
        known = {*self.loaded}
        found = self._statements((), (), ends)
        sums = self._sums(ends)
        self.variables |= {node: (s, law) for node, (s, law, _) in zip(ends, sums, strict=True)}
        lines = [added(*one) for one in sums]
        values = [node for node in self.kernel.nodes if self._is_of_row(node) or not is_elementwise(node)]
        lines += self._stores(values, "row")
        found = [*self._loads(known, of_entries=False), *found]
        return [*found, "if (works && lane == 0) {", *indent(lines), "}"] if lines else found

    def _forget(self, nodes: Sequence[Node], texts: dict[Node, Expression], taken: set[str]) -> None:
        """Leave a loop: its variables, which the next may name alike."""
        for node in nodes:
            if isinstance(text := self.writer.texts[node], Name):
                self.wanted.setdefault(node, text.name)
        self.writer.texts.clear()
        self.writer.texts.update(texts)
        self.loaded = {key: name for key, name in self.loaded.items() if not self._is_of_entries(key[1])}
        before = {*self.taken}
        self.taken &= {*taken, *self.loaded.values(), *self.writer.sizes.values(), *self.pointers.values()}
        self.forgotten |= before - self.taken

    def _variable(self, base: Node, axes: Axes) -> Name:
        """Scalars are read before all loops, so no variable of one has their names."""
        known, is_scalar = {*self.taken}, all(axis is None for axis in axes)
        self.taken |= self.forgotten if is_scalar else set()
        found = super()._variable(base, axes)
        self.taken &= {*known, found.name, *self.pointers.values()}
        return found

    # Places in memory

    def _is_of_entries(self, axes: Axes) -> bool:
        return any(axis is not None and axis >= self.kernel.kept for axis in axes)

    def _loads(self, known: set[tuple[Node, Axes]], of_entries: bool) -> list[str]:
        """The statements that read what is not known yet, of entries or of rows."""
        fresh = [key for key in self.loaded if key not in known and key[1]]
        return [self._load(*key) for key in fresh if self._is_of_entries(key[1]) == of_entries]

    # What is reduced over rows

    def _start(self) -> list[str]:
        """Where each thread adds up what is reduced over rows."""
        lines = [f"A {s} = {law}::none();" for s, law in (self.variables[node] for node in self.of_all)]
        if not self.of_columns:
            return lines
        number = len(self.of_columns)
        behind = plus(plus("(A*)shares", number, "each"), len(self.of_all), "gridDim.x")
        lines += [
            "const size_t held = (size_t)groups * columns, each = (size_t)gridDim.x * columns;",
            "extern __shared__ A room[];  // for sums of columns, where they fit",
            f"A* sums = fits ? room : {behind} + {times(number, 'held')} * blockIdx.x;",
        ]
        own = []
        for k, node in enumerate(self.of_columns):
            lines.append(f"A* {self.own[node]} = {plus('sums', k, 'held')} + (size_t)group * columns;")
            own.append(f"{self.own[node]}[column] = {self.variables[node][1]}::none();")
        return [*lines, *_for_columns("lane", "lanes", own)]

    def _end(self) -> list[str]:
        """The sums of the threads of a block, then those of all blocks by the last one, and what follows from them."""
        kernel, number = self.kernel, len(self.of_columns)
        self.need("over_blocks")
        self.need("is_last_block")
        columns = [self.variables[node] for node in self.of_columns]
        totals = [(*self.variables[node], node.op) for node in self.of_all]
        behind = [plus(plus("shares", number, "each"), k, "gridDim.x") for k in range(len(totals))]
        lines = ["__syncthreads();"] if columns else []
        for k, (_, law) in enumerate(columns):
            self.need("share_columns")
            given = f"{plus('sums', k, 'held')}, {plus('shares', k, 'each')}, groups, columns"
            lines.append(f"share_columns<{law}>({given});")
        for (s, law, _), place in zip(totals, behind, strict=True):
            lines.append(f"{s} = over_lanes<{law}>({s}, blockDim.x);")
            lines.append(f"if (threadIdx.x == 0) ({place})[blockIdx.x] = {s};")
        lines.append("if (!is_last_block(done)) return;")
        for (s, law, op), place in zip(totals, behind, strict=True):
            lines.append(f"{s} = {_root(op, f'over_blocks<{law}>({place})')};")
        self.writer.texts |= {node: Name(self.variables[node][0]) for node in self.of_all}
        after = [node for node in kernel.after if not space_of(node.shape)]
        lines += self._statements(after, after)
        if stores := self._stores([*self.of_all, *after], "0"):
            lines += ["if (threadIdx.x == 0) {", *indent(stores), "}"]
        return [*lines, *(self._of_all_blocks() if number else ())]

    def _of_all_blocks(self) -> list[str]:
        """The sums of columns of all blocks: each group takes some of them, then the groups are taken together."""
        lines, found = [], []
        for k, node in enumerate(self.of_columns):
            s, law = self.variables[node]
            lines.append(f"take_columns<{law}>({self.own[node]}, {plus('shares', k, 'each')}, lanes, columns);")
            together = f"over_chunks<{law}>({plus('sums', k, 'held')} + column, groups, columns)"
            found.append(f"const A {s} = {_root(node.op, together)};")
            self.need("take_columns")
            self.writer.texts[node] = Name(s)
        found += self._at_column()
        return [*lines, "__syncthreads();", *_for_columns("threadIdx.x", "blockDim.x", found)]


def _for_columns(first: str, step: str, lines: list[str]) -> list[str]:
    return [f"for (I column = {first}; column < columns; column += {step}) {{", *indent(lines), "}"]


def _root(op: str, text: str) -> str:
    return f"sqrt({text})" if op == "reduce_norm" else text
