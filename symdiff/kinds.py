"""The kinds of functions that a module may have: one row says all that derivation, source and comparison ask of a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from symdiff.diff.forward import tangents
from symdiff.diff.reverse import cotangents
from symdiff.diff.second import gradient, hessian, hessian_product, jacobian_forward, jacobian_reverse, zeros
from symdiff.graph.inputs import Bundle, Input, Unit
from symdiff.graph.leaves import parameter
from symdiff.graph.node import Node
from symdiff.graph.results import Array, Named, Several, Tree, arrays, by_parameter, subject_of
from symdiff.names import unique
from symdiff.passes.pipeline import Setting, cost

Given = Mapping[str, tuple[Node, ...]]  # role of a further argument -> the nodes of its parts


@dataclass(frozen=True)
class Subject:
    """What a function is of, and by what it is differentiated.

    Attributes
    ----------
    output : name of the output; None for the objective.
    root : its graph.
    inputs : the declared symbols it takes.
    wrt : those it is differentiated by.
    pointwise : whether all is elementwise, so that derivatives are taken point by point.
    setting : of the passes, to choose between graphs of the same results.
    """

    output: str | None
    root: Node
    inputs: tuple[Input, ...]
    wrt: tuple[Input, ...]
    pointwise: bool
    setting: Setting

    @property
    def by(self) -> list[Node]:
        """The nodes of `wrt`."""
        return [entry.node for entry in self.wrt]


@dataclass(frozen=True)
class FunctionKind:
    """One kind of function.

    Attributes
    ----------
    name : as users ask for it: ``emit=...``.
    of : "objective", "output" or both.
    text : its docstring; {of} and {by} stand for what it is of and by, {block} and {rows} for the shape of a second derivative
        and of a part of a Jacobian.
    results : from the name of the output, or None, and the names it is differentiated by, to what the function returns.
    derive : from what it is of to the graphs of those results, in order.
    takes : the roles of its arguments besides the declared ones: "direction", "cotangent".
    differentiates : whether it needs something to differentiate by; if not, the function of an output is called as the output.
    """

    name: str
    of: tuple[str, ...]
    text: str
    results: Callable[[str | None, Sequence[str]], Tree]
    derive: Callable[[Subject, Given], Sequence[Node]]
    takes: tuple[str, ...] = ()
    differentiates: bool = True

    def function(self, output: str | None) -> str:
        """What the function of an output, or of the objective, is called."""
        if output is None:
            return self.name
        return f"{output}_{self.name}" if self.differentiates else output

    def exists(self, output: str | None, has_wrt: bool) -> bool:
        """Whether there is such a function of an output, or of the objective."""
        return ("objective" if output is None else "output") in self.of and (has_wrt or not self.differentiates)

    def unit(self, subject: Subject) -> Unit:
        """The function, differentiated."""
        bundles = _bundles(self.takes, subject)
        roots = self.derive(subject, {bundle.role: bundle.nodes for bundle in bundles})
        names = tuple(entry.name for entry in subject.wrt)
        of, one = subject_of(subject.output), "of the one shape of the arguments"
        text = self.text.format(
            of=of,
            by=", ".join(names),
            block=one if subject.pointwise else "of shape a.shape + b.shape",
            rows=one if subject.pointwise else f"of shape {of}.shape + parameter.shape",
        )
        results = self.results(subject.output, names)
        return Unit(
            self.function(subject.output),
            subject.output,
            subject.inputs,
            subject.wrt,
            tuple(roots),
            results,
            text,
            bundles,
        )


def _bundles(roles: Sequence[str], subject: Subject) -> tuple[Bundle, ...]:
    """The arguments besides the declared ones, by names that these do not have."""
    taken = {entry.name for entry in subject.inputs}
    found = []
    for role in roles:
        if role == "cotangent":
            name = unique("u", taken)
            nodes = [parameter(name, subject.root.shape)]
        else:
            name = unique("v", taken)
            nodes = [parameter(unique(f"v_{entry.name}", taken), entry.node.shape) for entry in subject.wrt]
        found.append(Bundle(role, name, tuple(nodes)))
    return tuple(found)


# What functions return


def _value(output: str | None, wrt: Sequence[str]) -> Tree:
    return Array(output or "value", output or "objective")


def _gradient(output: str | None, wrt: Sequence[str]) -> Tree:
    return by_parameter(output, [Array(f"grad_{name}", f"gradient by {name}", (name,)) for name in wrt])


def _value_and_gradient(output: str | None, wrt: Sequence[str]) -> Tree:
    return Several(("value", "gradient"), (_value(output, wrt), _gradient(output, wrt)))


def _second_derivatives(output: str | None, wrt: Sequence[str]) -> Tree:
    rows = [
        Named(
            "HessianRow",
            "Second derivatives by one parameter and each other.",
            tuple(wrt),
            tuple(Array(f"hessian_{a}_{b}", f"second derivative {a}, {b}", (a, b)) for b in wrt),
        )
        for a in wrt
    ]
    return Named("Hessian", f"Second derivatives of {subject_of(output)}.", tuple(wrt), tuple(rows))


def _hessian_products(output: str | None, wrt: Sequence[str]) -> Tree:
    parts = [Array(f"hvp_{name}", f"Hessian product by {name}", (name,), ("direction",)) for name in wrt]
    return by_parameter(output, parts)


def _jacobian_blocks(output: str | None, wrt: Sequence[str]) -> Tree:
    parts = [Array(f"jacobian_{name}", f"Jacobian by {name}", (name,), keeps_axes=True) for name in wrt]
    return by_parameter(output, parts)


def _along_direction(output: str | None, wrt: Sequence[str]) -> Tree:
    label = "jvp" if output is None else f"{output}_jvp"
    return Array(label, label, along=("direction",))


def _by_cotangent(output: str | None, wrt: Sequence[str]) -> Tree:
    parts = [Array(f"vjp_{name}", f"u^T Jacobian by {name}", (name,), ("cotangent",)) for name in wrt]
    return by_parameter(output, parts)


# How they are derived


def _hessian(subject: Subject, given: Given) -> list[Node]:
    blocks, count = hessian(subject.root, subject.by, subject.pointwise), range(len(subject.wrt))
    return [blocks[i, j] for i in count for j in count]


def _hvp(subject: Subject, given: Given) -> list[Node]:
    return hessian_product(subject.root, subject.by, dict(zip(subject.by, given["direction"], strict=True)))


def _jacobian(subject: Subject, given: Given) -> Sequence[Node]:
    """Forward or reverse mode, whichever takes fewer operations."""
    candidates = [jacobian_forward(subject.root, subject.by, subject.pointwise)]
    if not subject.pointwise:
        candidates.append(jacobian_reverse(subject.root, subject.by))
    return min(candidates, key=lambda found: cost(found, subject.setting))


def _jvp(subject: Subject, given: Given) -> list[Node]:
    (found,) = tangents([subject.root], dict(zip(subject.by, given["direction"], strict=True)))
    return [zeros(subject.root.shape) if found is None else found]


def _vjp(subject: Subject, given: Given) -> list[Node]:
    (u,) = given["cotangent"]
    found = cotangents(subject.root, subject.by, u)
    return [found.get(node, zeros(node.shape)) for node in subject.by]


_ROWS = (
    FunctionKind(
        "value",
        ("objective", "output"),
        "Return {of}.",
        _value,
        lambda subject, given: [subject.root],
        differentiates=False,
    ),
    FunctionKind(
        "grad",
        ("objective",),
        "Return the gradient of {of} by {by}.",
        _gradient,
        lambda subject, given: gradient(subject.root, subject.by),
    ),
    FunctionKind(
        "value_and_grad",
        ("objective",),
        "Return {of} and its gradient by {by}.",
        _value_and_gradient,
        lambda subject, given: [subject.root, *gradient(subject.root, subject.by)],
    ),
    FunctionKind(
        "hessian",
        ("objective",),
        "Return the second derivatives of {of} by {by}: entry a.b is {block}.",
        _second_derivatives,
        _hessian,
    ),
    FunctionKind(
        "hvp",
        ("objective",),
        "Return the Hessian of {of} times v, which is like a gradient.",
        _hessian_products,
        _hvp,
        ("direction",),
    ),
    FunctionKind(
        "jacobian",
        ("output",),
        "Return the derivatives of every entry of {of} by {by}: each {rows}.",
        _jacobian_blocks,
        _jacobian,
    ),
    FunctionKind(
        "jvp",
        ("objective", "output"),
        "Return the derivative of {of} in the direction v, which is like a gradient.",
        _along_direction,
        _jvp,
        ("direction",),
    ),
    FunctionKind(
        "vjp",
        ("output",),
        "Return u^T times the Jacobian of {of}, u of the shape of {of}.",
        _by_cotangent,
        _vjp,
        ("cotangent",),
    ),
)
KINDS: dict[str, FunctionKind] = {kind.name: kind for kind in _ROWS}
"""By name, in the order that modules have them."""


def has_gradient(kind: FunctionKind) -> bool:
    """Whether a function of the objective returns its gradient."""
    return any(array.is_gradient for array in arrays(kind.results(None, ("",))))
