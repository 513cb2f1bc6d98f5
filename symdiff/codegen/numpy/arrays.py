"""How operations on whole axes are written in NumPy: picking, placing, joining, reshaping, linear algebra."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeGuard

from symdiff.codegen.program import ATOM, Text
from symdiff.errors import shorten
from symdiff.graph.item import Item, Window, dims_of, is_entry
from symdiff.graph.node import Node
from symdiff.graph.size import Dim


def _spans(item: Item, dim: Dim) -> TypeGuard[Window]:
    """Whether a window is more than a slice forwards, or the whole axis backwards."""
    if not isinstance(item, Window) or is_entry(item):
        return False
    backwards = item == Window(dim - 1, ((dim, -1),))
    return not (backwards or (len(item.terms) == 1 and item.terms[0][1] > 0))


class ArrayWriter:
    """The part of a `Writer` that writes them: a method for each operation, of its name."""

    texts: Mapping[Node, Text]
    xp: str
    need: Callable[[str], None]
    _is_weak: Callable[[Node], bool]
    words: Mapping[Node, str]

    @property
    def dtype(self) -> str:
        """Source of the working dtype, such as ``x.dtype``."""
        raise NotImplementedError

    def size(self, dim: Dim) -> Text:
        """A size as source."""
        raise NotImplementedError

    def shape(self, dims: Sequence[Dim]) -> str:
        """A shape as source of a tuple."""
        raise NotImplementedError

    def function(self, name: str) -> str:
        """What a function of NumPy's is called here."""
        raise NotImplementedError

    def _sources(self, node: Node) -> list[str]:
        return [self.texts[operand].source for operand in node.args]

    # Picking and placing

    def _index(self, node: Node) -> Text:
        """Entries and slices between brackets; then windows, from the last axis on."""
        (x,), (items,) = node.args, node.attributes
        text = self.texts[x]
        lead = x.ndim - len(items)
        dims = x.shape[lead:]
        flat = [(0, dim, 1) if _spans(item, dim) else item for item, dim in zip(items, dims, strict=True)]
        if any(item != (0, dim, 1) for item, dim in zip(flat, dims, strict=True)):
            text = Text(f"{text.at(ATOM)}[{self._subscript(x, flat)}]")
        left = [(item, dim) for item, dim in zip(items, dims, strict=True) if not is_entry(item)]
        windows = [(axis, item) for axis, (item, dim) in enumerate(left, start=lead) if _spans(item, dim)]
        if not windows:
            return text
        self.need("_windows")
        return Text(f"_windows({text.source}, {', '.join(self._window(axis, item) for axis, item in windows)})")

    def _window(self, axis: int, item: Window) -> str:
        terms = ", ".join(f"({self.size(dim).source}, {step})" for dim, step in item.terms)
        return f"({axis}, {self.size(item.start).source}, {terms})"

    def _subscript(self, x: Node, items: Sequence[Item]) -> str:
        parts = ["..."] if x.ndim > len(items) else []
        dims = x.shape[x.ndim - len(items) :]
        for item, dim in zip(items, dims, strict=True):
            if isinstance(item, int):
                parts.append(str(item))
                continue
            if isinstance(item, Window):
                parts.append(self._window_slice(item, dim))
                continue
            start, stop, step = item
            head = "" if start == 0 else self.size(start).source
            tail = "" if stop == dim else self.size(stop).source
            parts.append(f"{head}:{tail}" + (f":{step}" if step != 1 else ""))
        return ", ".join(parts)

    def _window_slice(self, item: Window, length: Dim) -> str:
        """A window that is an entry or a slice; without entries it ends where it starts."""
        if not item.terms:
            return self.size(item.start).source
        ((dim, step),) = item.terms
        if step < 0:
            return "::-1"
        stop = item.start + dim * step
        head = "" if item.start == 0 else self.size(item.start).source
        tail = "" if stop == length else self.size(stop).source
        return f"{head}:{tail}:{step}"

    def _place(self, node: Node) -> Text:
        items, dims = node.attributes
        source = self.texts[node.args[0]].source
        lead = node.ndim - len(items)
        left = [(item, dim) for item, dim in zip(items, dims, strict=True) if not is_entry(item)]
        windows = [(axis, item) for axis, (item, dim) in enumerate(left, start=lead) if _spans(item, dim)]
        if windows:
            self.need("_add_windows")
            lengths = [dim if _spans(item, dim) else dims_of(item)[0] for item, dim in left]
            shape = self.shape([*node.shape[:lead], *lengths])
            source = f"_add_windows({source}, {shape}, {', '.join(self._window(axis, item) for axis, item in windows)})"
        flat = [(0, dim, 1) if _spans(item, dim) else item for item, dim in zip(items, dims, strict=True)]
        if all(item == (0, dim, 1) for item, dim in zip(flat, dims, strict=True)):
            return Text(source)
        self.need("_place")
        where = self._subscript(node, flat)
        return Text(f"_place({source}, {self.xp}.s_[{where}], {self.shape(node.shape)}, {self.dtype})")

    def _take(self, node: Node) -> Text:
        self.need("_take")
        x, positions = self._sources(node)
        return Text(f"_take({x}, {positions}, {node.args[0].ndim + node.attributes[0]})")

    def _one_hot(self, node: Node) -> Text:
        self.need("_one_hot")
        return Text(f"_one_hot({self._sources(node)[0]}, {self.size(node.shape[-1]).source}, {self.dtype})")

    def _flat_positions(self, node: Node) -> Text:
        self.need("_flat_positions")
        rows, own, dim = node.attributes
        return Text(f"_flat_positions({self._sources(node)[0]}, {rows}, {own}, {self.size(dim).source})")

    def _scatter(self, node: Node) -> Text:
        self.need("_scatter")
        x, positions = self._sources(node)
        axis, dim = node.attributes
        if self._is_weak(node.args[0]):
            x = f"{self.xp}.asarray({x}, {self.dtype})"
        return Text(f"_scatter({x}, {positions}, {node.ndim + axis}, {self.size(dim).source})")

    # Joining and reshaping

    def _concatenate(self, node: Node) -> Text:
        joined = ", ".join(self._sources(node))
        axis = node.ndim + node.attributes[0]
        return Text(f"{self.xp}.concatenate([{joined}]{f', axis={axis}' if axis else ''})")

    def _reshape(self, node: Node) -> Text:
        dims = ", ".join(self.size(dim).source for dim in node.shape)
        return Text(f"{self.texts[node.args[0]].at(ATOM)}.reshape({dims})")

    def _contiguous(self, node: Node) -> Text:
        return Text(f"{self.xp}.ascontiguousarray({self._sources(node)[0]})")

    def _arange(self, node: Node) -> Text:
        return Text(f"{self.xp}.arange({self.size(node.shape[0]).source}, dtype={self.dtype})")

    def _cumsum(self, node: Node) -> Text:
        from_end, backwards = node.attributes
        axis, (x,) = node.ndim + from_end, self._sources(node)
        cumsum = self.function("cumsum")
        if not backwards:
            return Text(f"{cumsum}({x}, axis={axis})")
        return Text(f"{self.xp}.flip({cumsum}({self.xp}.flip({x}, {axis}), axis={axis}), {axis})")

    def _window_max(self, node: Node) -> Text:
        return self._of_windows(f"{self.xp}.maximum", node)

    def _window_sum(self, node: Node) -> Text:
        return self._of_windows(f"{self.xp}.add", node)

    def _of_windows(self, function: str, node: Node) -> Text:
        self.need("_of_windows")
        return Text(f"_of_windows({function}, {self._sources(node)[0]}, {self._spans(node)})")

    def _spread_windows(self, node: Node) -> Text:
        self.need("_spread_windows")
        return Text(f"_spread_windows({self._sources(node)[0]}, {self.shape(node.shape)}, {self._spans(node)})")

    def _pick_first_max(self, node: Node) -> Text:
        self.need(f"_{node.op}")
        return Text(f"_{node.op}({', '.join(self._sources(node))}, {self._spans(node)})")

    _place_first_max = _pick_first_max

    def _spans(self, node: Node) -> str:
        return ", ".join(f"({self.size(size).source}, {step})" for size, step in node.attributes[0])

    def _stack(self, node: Node) -> Text:
        (extents,) = node.attributes
        lead = node.shape[: node.ndim - len(extents)]
        if not lead:
            return Text(
                f"{self.xp}.array({self._nested([self.texts[a].source for a in node.args], extents)}, {self.dtype})"
            )
        entries = [
            self.texts[a].source
            if a.shape == lead
            else f"{self.xp}.full({self.shape(lead)}, {self.texts[a].source}, {self.dtype})"
            for a in node.args
        ]
        joined = f"{self.xp}.stack([{', '.join(entries)}], axis=-1)"
        return Text(
            joined if len(extents) == 1 else f"{joined}.reshape({', '.join(self.size(d).source for d in node.shape)})"
        )

    def _nested(self, entries: Sequence[str], extents: Sequence[int]) -> str:
        if len(extents) == 1:
            return f"[{', '.join(entries)}]"
        width = len(entries) // extents[0]
        rows = [self._nested(entries[i * width : (i + 1) * width], extents[1:]) for i in range(extents[0])]
        return f"[{', '.join(rows)}]"

    # Linear algebra

    def _solve(self, node: Node) -> Text:
        (structure,) = node.attributes
        if structure == "general":
            return self._checked(f"{self.xp}.linalg.solve", node)
        self.need("_solve_triangular")
        a, b = self._sources(node)
        return Text(f"_solve_triangular({a}, {b}, upper={structure == 'upper'})")

    def _inverse(self, node: Node) -> Text:
        structure, regular = node.attributes
        if structure == "general":
            return self._checked(f"{self.xp}.linalg.inv", node)
        self.need("_inverse_lower")
        if regular:
            return Text(f"_inverse_lower({self._sources(node)[0]})")
        return self._checked("_inverse_lower", node)

    def _cholesky(self, node: Node) -> Text:
        (symmetric,) = node.attributes
        if symmetric:
            return self._checked(f"{self.xp}.linalg.cholesky", node)
        self.need("_cholesky")
        return self._checked("_cholesky", node)

    def _det(self, node: Node) -> Text:
        return Text(f"{self.xp}.linalg.det({self._sources(node)[0]})")

    def _cofactors(self, node: Node) -> Text:
        self.need("_cofactors")
        return Text(f"_cofactors({self._sources(node)[0]})")

    def _cofactor_factors(self, node: Node) -> Text:
        self.need("_cofactor_factors")
        return Text(f"_cofactor_factors({self._sources(node)[0]})")

    def _logdet(self, node: Node) -> Text:
        self.need("_logdet")
        return Text(f"_logdet({self._sources(node)[0]})")

    def _log_abs_det(self, node: Node) -> Text:
        return Text(f"{self.xp}.linalg.slogdet({self._sources(node)[0]})[1]")

    def _sign_det(self, node: Node) -> Text:
        return Text(f"{self.xp}.linalg.slogdet({self._sources(node)[0]})[0]")

    def _triangle(self, node: Node) -> Text:
        (on_diagonal,), (x,) = node.attributes, self._sources(node)
        if on_diagonal == 1:
            return Text(f"{self.xp}.tril({x})")
        self.need("_triangle")
        return Text(f"_triangle({x}, {on_diagonal})")

    def _checked(self, function: str, node: Node) -> Text:
        """A function that may fail: its error names the matrix."""
        self.need("_checked")
        operands = ", ".join(self._sources(node))
        return Text(f"_checked({function}, {self._spoken(node.args[0])!r}, {operands})")

    def _spoken(self, a: Node) -> str:
        """A matrix in the user's words, where it or its transpose has them, else its source."""
        if a in self.words:
            return shorten(self.words[a], 60)
        if a.op == "contract" and len(a.args) == 1 and a.args[0] in self.words:
            return f"the transpose of {shorten(self.words[a.args[0]], 60)}"
        return self.texts[a].source
