"""How operations on whole axes are written in NumPy: picking, placing, joining, reshaping, linear algebra."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeGuard

from symdiff.codegen.expression import Expression, List, Literal, Slice, Subscript, Tuple, call, dotted, integer, method
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

    texts: Mapping[Node, Expression]
    xp: str
    need: Callable[[str], None]
    _is_weak: Callable[[Node], bool]
    words: Mapping[Node, str]

    @property
    def dtype(self) -> Expression:
        """The working dtype, such as ``x.dtype``."""
        raise NotImplementedError

    def size(self, dim: Dim) -> Expression:
        """A size."""
        raise NotImplementedError

    def shape(self, dims: Sequence[Dim]) -> Expression:
        """A shape as a tuple."""
        raise NotImplementedError

    def function(self, name: str) -> str:
        """What a function of NumPy's is called here."""
        raise NotImplementedError

    def helper(self, name: str, *arguments: Expression, **keywords: Expression) -> Expression:
        """A call of a helper of the module, which it then has."""
        self.need(name)
        return call(name, *arguments, **keywords)

    def _given(self, node: Node) -> list[Expression]:
        return [self.texts[operand] for operand in node.args]

    # Picking and placing

    def _index(self, node: Node) -> Expression:
        """Entries and slices between brackets; then windows, from the last axis on."""
        (x,), (items,) = node.args, node.attributes
        text = self.texts[x]
        lead = x.ndim - len(items)
        dims = x.shape[lead:]
        flat = [(0, dim, 1) if _spans(item, dim) else item for item, dim in zip(items, dims, strict=True)]
        if any(item != (0, dim, 1) for item, dim in zip(flat, dims, strict=True)):
            text = Subscript(text, self._subscript(x, flat))
        left = [(item, dim) for item, dim in zip(items, dims, strict=True) if not is_entry(item)]
        windows = [(axis, item) for axis, (item, dim) in enumerate(left, start=lead) if _spans(item, dim)]
        if not windows:
            return text
        return self.helper("_windows", text, *(self._window(axis, item) for axis, item in windows))

    def _window(self, axis: int, item: Window) -> Expression:
        return Tuple((integer(axis), self.size(item.start), *self._steps(item.terms)))

    def _steps(self, terms: Sequence[tuple[Dim, int]]) -> list[Expression]:
        """Windows as pairs of a length and a step."""
        return [Tuple((self.size(dim), integer(step))) for dim, step in terms]

    def _subscript(self, x: Node, items: Sequence[Item]) -> tuple[Expression, ...]:
        parts: list[Expression] = [Literal("...")] if x.ndim > len(items) else []
        dims = x.shape[x.ndim - len(items) :]
        for item, dim in zip(items, dims, strict=True):
            if isinstance(item, int):
                parts.append(integer(item))
            elif isinstance(item, Window):
                parts.append(self._window_slice(item, dim))
            else:
                start, stop, step = item
                parts.append(self._slice(start, stop, dim, integer(step) if step != 1 else None))
        return tuple(parts)

    def _slice(self, start: Dim, stop: Dim, length: Dim, step: Expression | None) -> Expression:
        return Slice(None if start == 0 else self.size(start), None if stop == length else self.size(stop), step)

    def _window_slice(self, item: Window, length: Dim) -> Expression:
        """A window that is an entry or a slice; without entries it ends where it starts."""
        if not item.terms:
            return self.size(item.start)
        ((dim, step),) = item.terms
        if step < 0:
            return Slice(step=integer(-1))
        return self._slice(item.start, item.start + dim * step, length, integer(step))

    def _place(self, node: Node) -> Expression:
        items, dims = node.attributes
        text = self.texts[node.args[0]]
        lead = node.ndim - len(items)
        left = [(item, dim) for item, dim in zip(items, dims, strict=True) if not is_entry(item)]
        windows = [(axis, item) for axis, (item, dim) in enumerate(left, start=lead) if _spans(item, dim)]
        if windows:
            lengths = [dim if _spans(item, dim) else dims_of(item)[0] for item, dim in left]
            shape = self.shape([*node.shape[:lead], *lengths])
            text = self.helper("_add_windows", text, shape, *(self._window(axis, item) for axis, item in windows))
        flat = [(0, dim, 1) if _spans(item, dim) else item for item, dim in zip(items, dims, strict=True)]
        if all(item == (0, dim, 1) for item, dim in zip(flat, dims, strict=True)):
            return text
        where = Subscript(dotted(f"{self.xp}.s_"), self._subscript(node, flat))
        return self.helper("_place", text, where, self.shape(node.shape), self.dtype)

    def _take(self, node: Node) -> Expression:
        return self.helper("_take", *self._given(node), integer(node.args[0].ndim + node.attributes[0]))

    def _one_hot(self, node: Node) -> Expression:
        return self.helper("_one_hot", *self._given(node), self.size(node.shape[-1]), self.dtype)

    def _flat_positions(self, node: Node) -> Expression:
        rows, own, dim = node.attributes
        return self.helper("_flat_positions", *self._given(node), Literal(str(rows)), Literal(str(own)), self.size(dim))

    def _scatter(self, node: Node) -> Expression:
        x, positions = self._given(node)
        axis, dim = node.attributes
        if self._is_weak(node.args[0]):
            x = call(f"{self.xp}.asarray", x, self.dtype)
        return self.helper("_scatter", x, positions, integer(node.ndim + axis), self.size(dim))

    # Joining and reshaping

    def _concatenate(self, node: Node) -> Expression:
        axis = node.ndim + node.attributes[0]
        more = {"axis": integer(axis)} if axis else {}
        return call(f"{self.xp}.concatenate", List(tuple(self._given(node))), **more)

    def _reshape(self, node: Node) -> Expression:
        return method(self.texts[node.args[0]], "reshape", *map(self.size, node.shape))

    def _contiguous(self, node: Node) -> Expression:
        return call(f"{self.xp}.ascontiguousarray", *self._given(node))

    def _arange(self, node: Node) -> Expression:
        return call(f"{self.xp}.arange", self.size(node.shape[0]), dtype=self.dtype)

    def _cumsum(self, node: Node) -> Expression:
        from_end, backwards = node.attributes
        axis, (x,) = integer(node.ndim + from_end), self._given(node)
        cumsum = self.function("cumsum")
        if not backwards:
            return call(cumsum, x, axis=axis)
        flip = f"{self.xp}.flip"
        return call(flip, call(cumsum, call(flip, x, axis), axis=axis), axis)

    def _window_max(self, node: Node) -> Expression:
        return self._of_windows("maximum", node)

    def _window_sum(self, node: Node) -> Expression:
        return self._of_windows("add", node)

    def _of_windows(self, function: str, node: Node) -> Expression:
        by = dotted(f"{self.xp}.{function}")
        return self.helper("_of_windows", by, *self._given(node), *self._steps(node.attributes[0]))

    def _spread_windows(self, node: Node) -> Expression:
        return self.helper(
            "_spread_windows", *self._given(node), self.shape(node.shape), *self._steps(node.attributes[0])
        )

    def _pick_first_max(self, node: Node) -> Expression:
        return self.helper(f"_{node.op}", *self._given(node), *self._steps(node.attributes[0]))

    _place_first_max = _pick_first_max

    def _stack(self, node: Node) -> Expression:
        (extents,) = node.attributes
        lead = node.shape[: node.ndim - len(extents)]
        if not lead:
            return call(f"{self.xp}.array", self._nested(self._given(node), extents), self.dtype)
        entries = [
            self.texts[a] if a.shape == lead else call(f"{self.xp}.full", self.shape(lead), self.texts[a], self.dtype)
            for a in node.args
        ]
        joined = call(f"{self.xp}.stack", List(tuple(entries)), axis=integer(-1))
        return joined if len(extents) == 1 else method(joined, "reshape", *map(self.size, node.shape))

    def _nested(self, entries: Sequence[Expression], extents: Sequence[int]) -> Expression:
        if len(extents) == 1:
            return List(tuple(entries))
        width = len(entries) // extents[0]
        return List(tuple(self._nested(entries[i * width : (i + 1) * width], extents[1:]) for i in range(extents[0])))

    # Linear algebra

    def _solve(self, node: Node) -> Expression:
        (structure,) = node.attributes
        if structure == "general":
            return self._checked(f"{self.xp}.linalg.solve", node)
        upper = Literal(str(structure == "upper"))
        return self.helper("_solve_triangular", *self._given(node), upper=upper)

    def _inverse(self, node: Node) -> Expression:
        structure, regular = node.attributes
        if structure == "general":
            return self._checked(f"{self.xp}.linalg.inv", node)
        if regular:
            return self.helper("_inverse_lower", *self._given(node))
        self.need("_inverse_lower")
        return self._checked("_inverse_lower", node)

    def _cholesky(self, node: Node) -> Expression:
        (symmetric,) = node.attributes
        if symmetric:
            return self._checked(f"{self.xp}.linalg.cholesky", node)
        self.need("_cholesky")
        return self._checked("_cholesky", node)

    def _det(self, node: Node) -> Expression:
        return call(f"{self.xp}.linalg.det", *self._given(node))

    def _cofactors(self, node: Node) -> Expression:
        return self.helper("_cofactors", *self._given(node))

    def _cofactor_factors(self, node: Node) -> Expression:
        return self.helper("_cofactor_factors", *self._given(node))

    def _logdet(self, node: Node) -> Expression:
        return self.helper("_logdet", *self._given(node))

    def _log_abs_det(self, node: Node) -> Expression:
        return Subscript(call(f"{self.xp}.linalg.slogdet", *self._given(node)), (integer(1),))

    def _sign_det(self, node: Node) -> Expression:
        return Subscript(call(f"{self.xp}.linalg.slogdet", *self._given(node)), (integer(0),))

    def _triangle(self, node: Node) -> Expression:
        (on_diagonal,), (x,) = node.attributes, self._given(node)
        if on_diagonal == 1:
            return call(f"{self.xp}.tril", x)
        return self.helper("_triangle", x, Literal(str(on_diagonal)))

    def _checked(self, function: str, node: Node) -> Expression:
        """A function that may fail: its error names the matrix."""
        spoken = Literal(repr(self._spoken(node.args[0])))
        return self.helper("_checked", dotted(function), spoken, *self._given(node))

    def _spoken(self, a: Node) -> str:
        """A matrix in the user's words, where it or its transpose has them, else its source."""
        if a in self.words:
            return shorten(self.words[a], 60)
        if a.op == "contract" and len(a.args) == 1 and a.args[0] in self.words:
            return f"the transpose of {shorten(self.words[a.args[0]], 60)}"
        return self.texts[a].source
