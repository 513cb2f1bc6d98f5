"""The functions of a compiled module at a case's values, each beside what is right."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fuzz.cases import Case
from fuzz.reference import Point


@dataclass(frozen=True)
class Result:
    """What a function gave.

    Attributes
    ----------
    ours, right : what came, and what is right.
    size : how large what was added up to it is.
    parts : the share in it of an error of the value, the gradient and the Hessian.
    """

    name: str
    ours: Any
    right: Any
    size: Any
    parts: Any


class ShapeError(Exception):
    """A part of a result has another shape than it should."""


class Layout:
    """How derivatives lie in a module's results: a part for each parameter, of its shape."""

    def __init__(self, shapes: dict[str, tuple[int, ...]], dtype: Any, rng: np.random.Generator) -> None:
        self.shapes, self.dtype, self.rng = shapes, dtype, rng

    def gradient(self, found: Any, lead: int = 0) -> Any:
        """All parts side by side, behind `lead` axes; of a parameter that SymPy cancelled zeros."""
        named = found._asdict()
        front = np.shape(next(iter(named.values())))[:lead]
        parts = [
            np.asarray(named.get(name, np.zeros(front + shape, self.dtype))) for name, shape in self.shapes.items()
        ]
        for (name, shape), part in zip(self.shapes.items(), parts, strict=True):
            if part.shape != front + shape:
                raise ShapeError(f"the part of {name} has shape {part.shape}, not {front + shape}")
        return np.concatenate(
            [self.in_line(part, front, shape) for part, shape in zip(parts, self.shapes.values(), strict=True)], -1
        )

    def in_line(self, part: Any, front: tuple[int, ...], shape: tuple[int, ...]) -> Any:
        """A part with one axis for all entries of its parameter."""
        return np.reshape(part, (*front, int(np.prod(shape))))

    def hessian(self, found: Any) -> Any:
        """The matrix of all blocks."""
        rows = [self.gradient(getattr(found, name), len(shape)) for name, shape in self.shapes.items()]
        return np.concatenate([row.reshape(-1, row.shape[-1]) for row in rows])

    def direction(self, used: Any = None) -> tuple[tuple[Any, ...], Any]:
        """A part for each parameter that is used, and all entries in line."""
        parts = {name: self.rng.uniform(-1, 1, shape).astype(self.dtype) for name, shape in self.shapes.items()}
        line = np.concatenate([self.in_line(part, (), part.shape) for part in parts.values()], -1)
        return tuple(part[()] for name, part in parts.items() if used is None or name in used), line.astype(float)


class PointwiseLayout(Layout):
    """Of a pointwise model: every part has a number for each point."""

    def in_line(self, part: Any, front: tuple[int, ...], shape: tuple[int, ...]) -> Any:
        return part[..., None]

    def hessian(self, found: Any) -> Any:
        return np.stack([self.gradient(getattr(found, name)) for name in self.shapes], -2)


def results(case: Case, module: Any, given: dict[str, Any], truth: Point, dtype: Any) -> Iterator[Result]:
    """What every function of a module gives."""
    rng = np.random.default_rng(case.seed)
    shapes = {name: np.shape(given[name]) for name in case.params}
    layout = (Layout if case.points is None else PointwiseLayout)(shapes, dtype, rng)
    if case.term.shape:
        yield from _of_output(module, given, truth, layout)
    else:
        yield from _of_objective(module, [given[leaf.name] for leaf in case.leaves], truth, layout)
    if not case.term.shape and case.points is None:
        vector = module.pack([given[name] for name in case.params])
        rest = [given[leaf.name] for leaf in case.leaves if leaf.name not in shapes]
        named = inspect.signature(module.value_and_grad_flat).parameters
        sizes = {size.name: extent for size, extent in case.sizes.items() if size.name in named}
        both = module.value_and_grad_flat(vector, *rest, **sizes)
        yield Result("value_and_grad_flat", both[1], truth.g, np.abs(truth.g), lambda s: s[1])


def _of_objective(module: Any, args: list[Any], truth: Point, layout: Layout) -> Iterator[Result]:
    v, g, h = truth.parts()
    yield Result("value", module.value(*args), v, np.abs(v), lambda s: s[0])
    for _ in range(2):  # what the first call left in scratch is not what the second finds
        value, gradient = module.value_and_grad(*args)
        yield Result("value_and_grad", value, v, np.abs(v), lambda s: s[0])
        yield Result("value_and_grad", layout.gradient(gradient), g, np.abs(g), lambda s: s[1])
    yield Result("grad", layout.gradient(module.grad(*args)), g, np.abs(g), lambda s: s[1])
    yield Result("hessian", layout.hessian(module.hessian(*args)), h, np.abs(h), lambda s: s[2])
    along, line = layout.direction()
    product = lambda a: np.einsum("...ij,...j->...i", np.abs(a).astype(float), np.abs(line))  # noqa: E731
    right = np.einsum("...ij,...j->...i", h, line.astype(np.longdouble))
    yield Result("hvp", layout.gradient(module.hvp(*args, along)), right, product(h), lambda s: product(s[2]))


def _of_output(module: Any, given: dict[str, Any], truth: Point, layout: Layout) -> Iterator[Result]:
    v, g, _ = truth.parts()
    used = list(inspect.signature(module.out).parameters)
    args = [given[name] for name in used]
    yield Result("out", module.out(*args), v, np.abs(v), lambda s: s[0])
    if not set(used) & set(layout.shapes):
        return
    yield Result("out_jacobian", layout.gradient(module.out_jacobian(*args), v.ndim), g, np.abs(g), lambda s: s[1])
    along, line = layout.direction(used)
    product = lambda a: np.abs(a).astype(float) @ np.abs(line)  # noqa: E731
    yield Result("out_jvp", module.out_jvp(*args, along), g @ line, product(g), lambda s: product(s[1]))
    u = layout.rng.uniform(-1, 1, v.shape).astype(layout.dtype)
    pulled = lambda a: np.tensordot(np.abs(u).astype(float), np.abs(a), v.ndim)  # noqa: E731
    right = np.tensordot(u.astype(np.longdouble), g, v.ndim)
    yield Result("out_vjp", layout.gradient(module.out_vjp(*args, u)), right, pulled(g), lambda s: pulled(s[1]))
