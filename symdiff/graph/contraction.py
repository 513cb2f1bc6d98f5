"""The algebra of contractions, on labels alone: merging views, removing deltas, canonical numbering.

A contraction is an Einstein sum: operands with labelled axes, the labels of the result, the size of each label. A label
repeated in an operand takes its diagonal; repeated in the result it places a diagonal; a label of the result that no
operand has repeats the values along a new axis; a label nowhere in the result is summed. So transposes, traces, outer
products, broadcasts, identity matrices and sums are all contractions, and so are their derivatives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from symdiff.graph.node import Node, Shape
from symdiff.graph.size import Dim

Labels = tuple[int, ...]
_LETTERS = "ijklmnopqrstuvwxyzabcdefghIJKLMNOPQRSTUVWXYZABCDEFGH"


@dataclass
class Contraction:
    """Operands with their labels, the labels of the result and the size of every label."""

    operands: list[tuple[Node, Labels]]
    out: Labels
    sizes: dict[int, Dim]

    @classmethod
    def of(cls, node: Node) -> Contraction:
        """The contraction a node stands for."""
        axes, out, sizes = node.attributes
        return cls(list(zip(node.args, axes, strict=True)), out, dict(enumerate(sizes)))

    def summed(self) -> set[int]:
        """The labels that are summed over; those of size 1 only drop an axis and do not count."""
        return {i for _, labels in self.operands for i in labels if i not in self.out and self.sizes[i] != 1}

    def held_alone(self, label: int) -> bool:
        """Whether a label is summed over and stands once, in one operand."""
        return label not in self.out and sum(labels.count(label) for _, labels in self.operands) == 1

    def rename(self, old: int, new: int) -> None:
        """Identify two labels."""
        self.operands = [(node, _replace(labels, old, new)) for node, labels in self.operands]
        self.out = _replace(self.out, old, new)
        del self.sizes[old]

    def merge(self, position: int) -> None:
        """Replace the operand at `position`, itself a contraction, by its own operands."""
        node, labels = self.operands[position]
        inner = Contraction.of(node)
        start = max(self.sizes, default=-1) + 1
        for label, size in inner.sizes.items():
            self.sizes[label + start] = size
        shifted = [(operand, tuple(i + start for i in axes)) for operand, axes in inner.operands]
        self.operands[position : position + 1] = shifted
        pairs = [(i + start, j) for i, j in zip(inner.out, labels, strict=True)]
        while pairs:
            old, new = pairs.pop()
            if old != new:
                self.rename(old, new)
                pairs = [_replace(pair, old, new) for pair in pairs]  # type: ignore[misc]

    def join_single_axes(self) -> None:
        """An axis of size 1 that an operand has alone, and one that the result inserts, are the same axis.

        Two of them with one label are no diagonal: the result inserts the second.
        """
        first: set[int] = set()
        out = []
        for label in self.out:
            if self.sizes[label] == 1 and label in first:
                label = max(self.sizes) + 1
                self.sizes[label] = 1
            first.add(label)
            out.append(label)
        self.out = tuple(out)
        present = [i for _, labels in self.operands for i in labels]
        dropped = [i for i in present if self.sizes[i] == 1 and i not in self.out and present.count(i) == 1]
        inserted = [i for i in self.out if self.sizes[i] == 1 and i not in present and self.out.count(i) == 1]
        for old, new in zip(dropped, inserted, strict=False):
            self.rename(old, new)

    def canonical(self) -> None:
        """Sort the operands and number the labels by first appearance: in the result, then in the operands."""
        numbers: dict[int, int] = {}
        for label in self.out:
            numbers.setdefault(label, len(numbers))
        known = dict(numbers)
        self.operands.sort(key=lambda item: (item[0].digest, [known.get(i, len(known)) for i in item[1]]))
        for _, labels in self.operands:
            for label in labels:
                numbers.setdefault(label, len(numbers))
        self.operands = [(node, tuple(numbers[i] for i in labels)) for node, labels in self.operands]
        self.out = tuple(numbers[i] for i in self.out)
        self.sizes = {number: self.sizes[label] for label, number in numbers.items()}

    @property
    def shape(self) -> tuple[Dim, ...]:
        """Of the result."""
        return tuple(self.sizes[i] for i in self.out)


def letters(labels: Iterable[int]) -> str:
    """Labels as in an equation of `einsum`; beyond the alphabet's as other characters, which NumPy does not take."""
    return "".join(_LETTERS[label] if label < len(_LETTERS) else chr(140 + label) for label in labels)


def _replace(labels: Labels, old: int, new: int) -> Labels:
    return tuple(new if label == old else label for label in labels)


def is_view(node: Node) -> bool:
    """Whether a node only arranges the entries of at most one operand: transpose, diagonal, repetition, identity."""
    return node.op == "contract" and len(node.args) <= 1 and not Contraction.of(node).summed()


def is_structured(node: Node) -> bool:
    """Whether a node repeats entries or holds zeros off a diagonal, so that products with it are cheaper merged."""
    if node.op != "contract":
        return False
    axes, out, sizes = node.attributes
    present = {label for labels in axes for label in labels}
    return len(set(out)) < len(out) or any(label not in present and sizes[label] != 1 for label in out)


def is_repetition(node: Node) -> bool:
    """Whether a node only repeats one operand along axes of the result, whose other axes stay in their order."""
    if not is_view(node) or not node.args:
        return False
    ((labels,), out, sizes) = node.attributes
    kept = [label for label in labels if label in out]
    missing = any(label not in labels and sizes[label] != 1 for label in out)
    return missing and len(set(out)) == len(out) and kept == [label for label in out if label in labels]


def added_axes(node: Node) -> set[int]:
    """The axes along which a contraction repeats its values, or that it inserts."""
    if node.op != "contract":
        return set()
    axes, out, _ = node.attributes
    present = {label for labels in axes for label in labels}
    return {axis for axis, label in enumerate(out) if label not in present and out.count(label) == 1}


def unrepeated_shape(node: Node) -> Shape:
    """The shape of a contraction with size 1 along the axes that no operand has."""
    axes, out, sizes = node.attributes
    present = {label for labels in axes for label in labels}
    return tuple(sizes[label] if label in present else 1 for label in out)


def aligned(shape: Sequence[Dim], result: Sequence[Dim], fresh: int) -> Labels:
    """Labels of an operand that broadcasts to `result`, whose axes are labelled 0, 1, ...; size-1 axes get fresh ones."""
    offset = len(result) - len(shape)
    return tuple(offset + axis if dim == result[offset + axis] else fresh + axis for axis, dim in enumerate(shape))
