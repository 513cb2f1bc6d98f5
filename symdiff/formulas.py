"""Closed forms: the gradient of a model as SymPy expressions, and the lines that a module's docstring shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symdiff.derive import NOTHING_TO_DIFFERENTIATE_BY, parameters, prepared
from symdiff.diff.second import gradient as differentiate
from symdiff.errors import ModelError, UnsupportedError, located, printable
from symdiff.forms.closed_form import NoForm
from symdiff.forms.dialects import forms, indices
from symdiff.frontend.lower import lower
from symdiff.frontend.printing import one_line
from symdiff.functions.latex import latex, verbatim
from symdiff.graph.inputs import Input
from symdiff.graph.labelled import Labelled
from symdiff.graph.node import Node, topological, users
from symdiff.graph.ops import LEAVES
from symdiff.graph.program import Program
from symdiff.kinds import KINDS, has_gradient
from symdiff.model import Model, checked
from symdiff.names import unique
from symdiff.options import Options
from symdiff.passes.pipeline import CLOSED_FORM, Setting, run

_MOST_LINES = 40
_TOO_LONG = f"More than {_MOST_LINES} shared parts: too long to show; see the code."
_MOST_OPERATIONS = 200  # of the model; SymPy takes long to build larger expressions, which nobody would read


def gradient(model: Model, wrt: Any = None) -> dict[Any, Any]:
    """The closed form of the gradient: parameter -> SymPy expression, in the dialect of the model.

    Each expression compiles again, to the same numbers. Where the dialect has no form for a derivative (windows, loops), a
    `NoForm` that says why stands in its place. `wrt`: symbols or names of params and data to differentiate by, or one; all
    params by default. Raises `UnsupportedError` where none of the derivatives has a form.
    """
    checked(model, "gradient")
    with located(model.place):
        lowered = prepared(lower(model))
        by = parameters(lowered, Options.create(wrt=wrt))
        if lowered.objective is None:
            raise ModelError("The model has outputs but no objective, so it has no gradient.")
        if not by:
            raise ModelError(NOTHING_TO_DIFFERENTIATE_BY)
        found = forms(_gradient(lowered, by), lowered.declarations)
        if all(isinstance(form, NoForm) for form in found):
            raise UnsupportedError(found[0].reason)
        return dict(zip((entry.symbol for entry in by), found, strict=True))


@dataclass(frozen=True)
class _Line:
    """A formula: ``name[indices] = expression``; `by` where it is the derivative by that symbol."""

    name: str
    indices: tuple[Any, ...]
    expression: Any
    by: Any = None

    def text(self, samples: str) -> str:
        """In the words of the model."""
        axes = f"[{', '.join(map(str, self.indices))}]" if self.indices else ""
        return printable(f"{self.name}{axes}") + f" = {one_line(self.expression, samples)}"

    def latex(self, model: str, samples: str) -> str:
        """In LaTeX, under the name of the model."""
        axes = rf"_{{{','.join(latex(index) for index in self.indices)}}}" if self.indices else ""
        if self.by is not None:
            left = rf"\frac{{\partial {_roman(model)}}}{{\partial {f'{{{latex(self.by)}}}' if axes else latex(self.by)}{axes}}}"
        elif self.name == "value":
            left = _roman(model)
        else:
            left = f"{{{latex(sp.Symbol(self.name))}}}{axes}" if axes else latex(sp.Symbol(self.name))
        if isinstance(self.expression, NoForm):
            return f"{left} = {verbatim(str(self.expression))}"
        return f"{left} = {latex(self.expression, samples)}"


def formulas(model: Program, options: Options) -> tuple[str, ...]:
    """Lines ``name = expression``: the objective, the outputs, the gradient; what several share has a line of its own."""
    samples = str(model.declarations.samples)
    return _shown(model, options, lambda line: line.text(samples))


def formulas_in_latex(model: Program, options: Options) -> tuple[str, ...]:
    """The same lines in LaTeX."""
    samples = latex(sp.Symbol(str(model.declarations.samples)))
    return _shown(model, options, lambda line: line.latex(model.name, samples))


def _shown(model: Program, options: Options, write: Callable[[_Line], str]) -> tuple[str, ...]:
    operations = sum(node.op not in LEAVES for node in topological(model.results))
    if operations > _MOST_OPERATIONS:
        return (f"{operations} distinct operations: too long to show; see the code.",)
    lowered = prepared(model, executed=False)
    by = parameters(lowered, options)
    roots: dict[str, Node] = {}
    symbols: dict[str, Any] = {}
    if lowered.objective is not None:
        roots["value"] = lowered.objective
        if any(has_gradient(KINDS[name]) for name in options.emit):
            found = differentiate(lowered.objective, [entry.node for entry in by])
            symbols = {f"grad.{entry.name}": entry.symbol for entry in by}
            roots |= dict(zip(symbols, found, strict=True))
    roots |= lowered.outputs
    tidied = _tidied(lowered, [*roots.values()])
    lines = _lines(lowered, dict(zip(roots, tidied.roots, strict=True)), tidied.names, symbols)
    return tuple(map(write, lines)) if lines else (_TOO_LONG,)


def _gradient(model: Program, by: Sequence[Input]) -> list[Node]:
    assert model.objective is not None
    return list(_tidied(model, differentiate(model.objective, [entry.node for entry in by])).roots)


def _tidied(model: Program, roots: Sequence[Node]) -> Labelled:
    """Graphs as they are read, with the user's names."""
    return run(CLOSED_FORM, Labelled(tuple(roots), model.names), Setting(model.declarations.samples, executed=False))


def _lines(
    model: Program, roots: dict[str, Node], user_names: Mapping[Node, str], symbols: Mapping[str, Any]
) -> list[_Line]:
    """The formula of each root and of each part that has a name; none where they are too many."""
    named = _shared(model, list(roots.values()), user_names)
    wanted = set(roots.values())
    order = [node for node in topological(roots.values()) if node in named or node in wanted]
    if len(order) > _MOST_LINES:
        return []
    lines = []
    for node, expression in zip(order, forms(order, model.declarations, named), strict=True):
        axes = indices(node, model.declarations)
        labels = [name for name, root in roots.items() if root is node] or [named[node]]
        lines += [_Line(label, axes, expression, symbols.get(label)) for label in labels]
    return _used(lines, [*roots, *user_names.values()])


def _used(lines: list[_Line], wanted: Sequence[str]) -> list[_Line]:
    """The lines without those of parts that no other line shows, such as the logsumexp of what is written as a softmax."""
    found: list[_Line] = []
    words: set[str] = set()
    for line in reversed(lines):
        if line.name in wanted or line.name in words:
            found.append(line)
            words.update(re.findall(r"\w+", one_line(line.expression)))
    return found[::-1]


def _roman(name: str) -> str:
    """A name as LaTeX."""
    return r"\mathrm{" + name.replace("_", r"\_") + "}" if re.fullmatch(r"\w+", name) else verbatim(name)


def _shared(model: Program, roots: Sequence[Node], user_names: Mapping[Node, str]) -> dict[Node, str]:
    """A name for every part that is used more than once and longer than a symbol."""
    order = topological(roots)
    count = users(order)
    taken = {entry.name for entry in model.declarations.inputs} | set(user_names.values())
    named = {node: user_names[node] for node in order if node in user_names}
    shared = [node for node in order if node not in named and count.get(node, 0) > 1 and _worth_a_name(node)]
    return named | {node: unique(f"e{number}", taken) for number, node in enumerate(shared, 1)}


def _worth_a_name(node: Node) -> bool:
    """More than one operation on symbols."""
    return (
        node.dtype == "float"
        and node.op not in (*LEAVES, "neg")
        and any(a.op not in (*LEAVES, "neg") for a in node.args)
    )
