"""What a generated function returns: a tree of arrays, each of which says what derivative it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True)
class Array:
    """One array.

    Attributes
    ----------
    label : what it is called in source.
    title : what the comment above its statements calls it.
    by : names of the inputs it is a derivative by; its last axes are theirs, in order.
    along : roles of the further arguments that it is a product with: "direction", "cotangent".
    keeps_axes : whether the axes of what is differentiated come first, as in a Jacobian.
    """

    label: str
    title: str
    by: tuple[str, ...] = ()
    along: tuple[str, ...] = ()
    keeps_axes: bool = False

    @property
    def order(self) -> int:
        """How many times it is differentiated; a product with a cotangent is differentiated by its inputs alone."""
        return len(self.by) + ("direction" in self.along)

    @property
    def is_whole(self) -> bool:
        """Whether it is a matrix of derivatives, a Jacobian or a Hessian, rather than a product with one."""
        return len(self.by) + self.keeps_axes > 1

    @property
    def is_gradient(self) -> bool:
        """Whether it is a part of a gradient."""
        return len(self.by) == 1 and not self.along and not self.keeps_axes


@dataclass(frozen=True)
class Named:
    """A NamedTuple of the module, with one part for each of some inputs.

    Attributes
    ----------
    class_name, text : of the NamedTuple, and its docstring.
    fields : the names of the inputs.
    """

    class_name: str
    text: str
    fields: tuple[str, ...]
    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Several:
    """A tuple of results; `names` are those of local variables that hold them."""

    names: tuple[str, ...]
    parts: tuple[Tree, ...]


Tree = Union["Array", "Named", "Several"]


def arrays(tree: Tree) -> list[Array]:
    """The arrays of a tree, in the order they are computed in."""
    return [tree] if isinstance(tree, Array) else [array for part in tree.parts for array in arrays(part)]


def named(tree: Tree) -> list[Named]:
    """The NamedTuples of a tree, each after those it holds."""
    if isinstance(tree, Array):
        return []
    inner = [each for part in tree.parts for each in named(part)]
    return [*inner, tree] if isinstance(tree, Named) else inner


def subject_of(output: str | None) -> str:
    """How docstrings call the objective, or an output."""
    return "the objective" if output is None else output


def class_of(output: str | None) -> str:
    """The NamedTuple with one array for each parameter of the objective, or of an output."""
    return "Grad" if output is None else "".join(part.capitalize() for part in output.split("_")) + "Grad"


def by_parameter(output: str | None, parts: Sequence[Array]) -> Named:
    """One array for each parameter."""
    text = f"One array for each parameter of {subject_of(output)}."
    return Named(class_of(output), text, tuple(part.by[0] for part in parts), tuple(parts))
