"""How a contraction of at most two operands is written: views, sums, products, `@`, dot, tensordot or einsum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symdiff.codegen.expression import (
    Attribute,
    Binary,
    Expression,
    List,
    Literal,
    Slice,
    Subscript,
    call,
    integer,
    integers,
    method,
    quoted,
)
from symdiff.graph.contraction import Contraction, letters
from symdiff.graph.node import Node
from symdiff.graph.size import Dim, evaluate, names_of, total

_NOMINAL = 30  # sizes that are not known, where the largest array is looked for
Labels = tuple[int, ...]


class ContractionWriter:
    """Writes contraction nodes with the help of a `Writer`, which knows variables and sizes."""

    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def write(self, node: Node) -> Expression:
        """The expression of a contraction."""
        work = Contraction.of(node)
        distinct = tuple(dict.fromkeys(work.out))
        present = {label for _, labels in work.operands for label in labels}
        kept = tuple(label for label in distinct if label in present)
        if not node.args:
            return self._of_nothing(node, work, distinct)
        if len(node.args) == 1:
            operand, labels = work.operands[0]
            text, have = self._reduced(self.writer.texts[operand], labels, kept, work)
            text = self._arranged(text, have, kept)
        else:
            text = self._pair(work, kept)
        text = self._repeated(text, kept, distinct, work)
        return text if distinct == work.out else self._on_diagonal(text, distinct, work)

    def write_unrepeated(self, node: Node) -> Expression:
        """A repetition without its repeating: something that broadcasts to it."""
        work = Contraction.of(node)
        ((operand, labels),) = work.operands
        text = self.writer.texts[operand]
        in_place = zip(labels[::-1], work.out[::-1], strict=False)
        if operand.ndim <= node.ndim and all(work.sizes[own] == 1 or own == label for own, label in in_place):
            return text
        kept = tuple(label for label in work.out if label in labels)
        text, have = self._reduced(text, labels, kept, work)
        return self._arranged(text, have, work.out)

    def _of_nothing(self, node: Node, work: Contraction, distinct: Labels) -> Expression:
        xp, dtype = self.writer.xp, self.writer.dtype
        if self.writer.pointwise:
            return integer(1)
        if distinct == work.out:
            return call(f"{xp}.ones", self.writer.shape(node.shape), dtype)
        if len(work.out) == 2:
            return call(f"{xp}.eye", self.writer.size(node.shape[0]), dtype=dtype)
        ones = call(f"{xp}.ones", self.writer.shape([work.sizes[i] for i in distinct]), dtype)
        return self._on_diagonal(ones, distinct, work)

    def _reduced(
        self, text: Expression, labels: Labels, wanted: Sequence[int], work: Contraction
    ) -> tuple[Expression, Labels]:
        """Take diagonals, drop axes of size 1 and sum what else is not wanted."""
        xp = self.writer.xp
        distinct = tuple(dict.fromkeys(labels))
        kept = tuple(label for label in distinct if label in wanted)
        if distinct != labels:
            if len(labels) == 2:
                return call(f"{xp}.{'diagonal' if kept else 'trace'}", text), kept
            return call(f"{xp}.einsum", quoted(f"{letters(labels)}->{letters(kept)}"), text), kept
        if kept == labels:
            return text, labels
        single = [label for label in labels if label not in wanted and work.sizes[label] == 1]
        if single:
            where = tuple(integer(0) if label in single else Slice() for label in labels)
            rest = tuple(label for label in labels if label not in single)
            return self._reduced(Subscript(text, where), rest, wanted, work)
        axes = [axis for axis, label in enumerate(labels) if label not in wanted]
        if axes == [0]:
            return call(self.writer.function("add.reduce"), text), kept
        axis = Literal("None") if not kept else integer(axes[0]) if len(axes) == 1 else integers(axes)
        return call(self.writer.function("add.reduce"), text, axis=axis), kept

    def _arranged(self, text: Expression, have: Labels, wanted: Labels) -> Expression:
        """Axes in the wanted order, with new axes of size 1 for labels that are missing (none in front)."""
        order = tuple(label for label in wanted if label in have)
        if order != have:
            axes = [have.index(label) for label in order]
            text = Attribute(text, "T") if axes == [1, 0] else method(text, "transpose", *map(integer, axes))
        if not order:
            return text
        inner = wanted[wanted.index(order[0]) :]
        if inner == order:
            return text
        where = [Slice() if label in have else Literal("None") for label in inner]
        while where[-2:] == [Slice(), Slice()]:
            where.pop()
        return Subscript(text, tuple(where))

    def _pair(self, work: Contraction, kept: Labels) -> Expression:
        xp = self.writer.xp
        (a, la), (b, lb) = work.operands
        if not kept and a.shape == b.shape and len(set(la)) == len(la) and _long(la, work) == _long(lb, work):
            return call(f"{xp}.{'dot' if a.ndim == 1 else 'vdot'}", self.writer.texts[a], self.writer.texts[b])
        first, la = self._reduced(self.writer.texts[a], la, [*kept, *lb], work)
        second, lb = self._reduced(self.writer.texts[b], lb, [*kept, *la], work)
        summed = [label for label in la if label in lb and label not in kept]
        if not summed:
            left, right = (
                self.writer.texts[x]
                if len(own) == len(kept) and all(i == k or work.sizes[i] == 1 for i, k in zip(own, kept, strict=True))
                else self._arranged(text, labels, kept)
                for (x, own), text, labels in zip(work.operands, (first, second), (la, lb), strict=True)
            )
            if len(lb) < len(la):
                left, right = right, left
            return Binary("*", left, right)
        for product in (self._matrix_product, self._batched_product, self._summed_batches):
            for (x, own), (y, other) in (((first, la), (second, lb)), ((second, lb), (first, la))):
                if (found := product(x, own, y, other, kept, summed)) is not None:
                    return found
        if (found := self._in_blocks(first, la, second, lb, kept, work)) is not None:
            return found
        if not any(label in la and label in lb for label in kept):
            axes = [[labels.index(label) for label in summed] for labels in (la, lb)]
            pairs = List(tuple(List(tuple(map(integer, own))) for own in axes))
            together = call(self.writer.function("tensordot"), first, second, axes=pairs)
            return self._arranged(together, tuple(i for i in (*la, *lb) if i not in summed), kept)
        return call(f"{xp}.einsum", quoted(f"{letters(la)},{letters(lb)}->{letters(kept)}"), first, second)

    def _batched_product(
        self, a: Expression, la: Labels, b: Expression, lb: Labels, kept: Labels, summed: list[int]
    ) -> Expression | None:
        """A matrix times each of a batch, or each of a batch times its partner, with the axes put in order around it."""
        batch = tuple(i for i in lb if i in kept and i in la)
        rows = tuple(i for i in la if i not in summed and i not in batch)
        columns = tuple(i for i in lb if i not in summed and i not in batch)
        if len(summed) != 1 or len(rows) != 1 or not columns or (batch and len(columns) != 1):
            return None
        lead, last = (batch, columns) if batch else (columns[:-1], columns[-1:])
        order = (*lead, *rows, *last)
        if not batch and (order != kept or len(la) != 2):
            return None
        left = self._arranged(a, la, (*batch, *rows, *summed))
        right = self._arranged(b, lb, (*lead, *summed, *last))
        return self._arranged(self.writer.matrix_product(left, right), order, kept)

    def _summed_batches(
        self, a: Expression, la: Labels, b: Expression, lb: Labels, kept: Labels, summed: list[int]
    ) -> Expression | None:
        """The sum over samples of products of matrices: each sample's operands lie together, so nothing is copied."""
        if len(summed) != 2 or len(la) != 3 or len(lb) != 3 or la[0] != lb[0] or la[0] not in summed or len(kept) != 2:
            return None
        (inner,) = (label for label in summed if label != la[0])
        (row,) = (label for label in la if label not in summed)
        (column,) = (label for label in lb if label not in summed)
        if kept != (row, column):
            return None
        left = self._arranged(a, la, (la[0], row, inner))
        right = self._arranged(b, lb, (la[0], inner, column))
        product = self.writer.matrix_product(left, right)
        return call(self.writer.function("add.reduce"), product)

    def _in_blocks(
        self, a: Expression, la: Labels, b: Expression, lb: Labels, kept: Labels, work: Contraction
    ) -> Expression | None:
        """A product of matrices that leaves the largest of the three arrays as it lies, and turns the others.

        Its axes are (lines, rows, columns), each several or, of lines, none; rows are what it shares with one of the
        others, `small`, a matrix; lines and columns with the other, which is turned to (lines, further axes, columns).
        """
        arrays = sorted((la, lb, kept), key=lambda labels: -_entries(labels, work))
        for large, small, other in (arrays, (arrays[0], arrays[2], arrays[1])):
            rows = tuple(label for label in large if label in small and label not in other)
            further = tuple(label for label in other if label in small and label not in large)
            start = large.index(rows[0]) if rows else 0
            lines, columns = large[:start], large[start + len(rows) :]
            apart = set(lines + columns) | set(further) == set(other) and set(rows) | set(further) == set(small)
            if rows and columns and further and apart and large == lines + rows + columns:
                break
        else:
            return None
        if kept == small and lines and _entries(further, work) > _entries(columns, work):
            return None  # the products of all lines would be larger than what they are of
        given = {la: a, lb: b}

        def shaped(labels: Labels, lead: Labels, *groups: Labels) -> Expression:
            """An operand with its axes in order, and those of each group as one."""
            order = (*lead, *(label for group in groups for label in group))
            return self._grouped(self._arranged(given[labels], labels, order), lead, groups, work)

        if kept == small:
            product = self.writer.matrix_product(
                shaped(large, lines, rows, columns), shaped(other, lines, columns, further)
            )
            if lines:
                axes = {} if len(lines) == 1 else {"axis": integers(range(len(lines)))}
                found: Expression = call(self.writer.function("add.reduce"), product, **axes)
            else:
                found = product
            return self._apart(found, (), (rows, further), kept, work)
        if kept == other:
            left, right = shaped(small, (), further, rows), shaped(large, lines, rows, columns)
            groups = further, columns
        else:
            left, right = shaped(small, (), rows, further), shaped(other, lines, further, columns)
            groups = rows, columns
        return self._apart(self.writer.matrix_product(left, right), lines, groups, kept, work)

    def _grouped(self, text: Expression, lead: Labels, groups: Sequence[Labels], work: Contraction) -> Expression:
        """Axes that lie side by side taken as one."""
        if all(len(group) == 1 for group in groups):
            return text
        return self._reshaped(
            text, [total([work.sizes[i] for i in group]) for group in (*((i,) for i in lead), *groups)]
        )

    def _reshaped(self, text: Expression, dims: Sequence[Dim]) -> Expression:
        """Other axes; of a size that only arrays tell NumPy finds one."""
        sizes = [self.writer.size(dim) for dim in dims]
        unknown = [place for place, dim in enumerate(dims) if not isinstance(dim, int)]
        if len(unknown) == 1:
            sizes[unknown[0]] = integer(-1)
        return method(text, "reshape", *sizes)

    def _apart(
        self, text: Expression, lead: Labels, groups: Sequence[Labels], kept: Labels, work: Contraction
    ) -> Expression:
        """The axes of each group apart again, in the wanted order."""
        labels = (*lead, *(label for group in groups for label in group))
        if any(len(group) > 1 for group in groups):
            text = self._reshaped(text, [work.sizes[label] for label in labels])
        return self._arranged(text, labels, kept)

    def _matrix_product(
        self, a: Expression, la: Labels, b: Expression, lb: Labels, kept: Labels, summed: list[int]
    ) -> Expression | None:
        """``a @ b`` where one label is summed and the rest of the axes already lie as `@` wants them."""
        if len(summed) != 1:
            return None
        label = summed[0]
        batch = tuple(i for i in kept if i in la and i in lb)
        rows = tuple(i for i in la if i != label and i not in batch)
        columns = tuple(i for i in lb if i != label and i not in batch)
        if kept != (*batch, *rows, *columns) or len(columns) > 1 or (batch and (len(rows) != 1 or len(columns) != 1)):
            return None
        if len(rows) > 1 and la != (*rows, label):
            return None
        left = self._arranged(a, la, (*batch, *rows, label))
        right = self._arranged(b, lb, (*batch, label, *columns))
        return self.writer.matrix_product(left, right)

    def _repeated(self, text: Expression, kept: Labels, distinct: Labels, work: Contraction) -> Expression:
        """Values repeated along the labels that no operand has; axes of size 1 are only inserted."""
        missing = [label for label in distinct if label not in kept]
        if not missing:
            return text
        shape = [work.sizes[label] for label in distinct]
        if all(dim == 1 for label, dim in zip(distinct, shape, strict=True) if label in missing):
            where = tuple(Literal("None") if label in missing else Slice() for label in distinct)
            return Subscript(text, where)
        arranged = self._arranged(text, kept, distinct)
        return call(f"{self.writer.xp}.broadcast_to", arranged, self.writer.shape(shape))

    def _on_diagonal(self, text: Expression, distinct: Labels, work: Contraction) -> Expression:
        """Zeros, but the values where labels repeat."""
        if len(work.out) == 2:
            return call(f"{self.writer.xp}.diag", text)
        self.writer.need("_on_diagonal")
        view = quoted(f"{letters(work.out)}->{letters(distinct)}")
        return call("_on_diagonal", text, view, self.writer.shape(work.shape))


def _long(labels: Labels, work: Contraction) -> Sequence[int | None]:
    """The labels of axes longer than 1, in their places."""
    return [label if work.sizes[label] != 1 else None for label in labels]


def _entries(labels: Labels, work: Contraction) -> int:
    """The entries of an array, where sizes that are not known are taken as equal."""
    dim = total([work.sizes[label] for label in labels])
    return evaluate(dim, dict.fromkeys(names_of([dim]), _NOMINAL))
