"""Closed forms: the gradient of a model as SymPy expressions, and the lines that a module's docstring shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from symdiff.derive import NOTHING_TO_DIFFERENTIATE_BY, parameters, stabilised
from symdiff.diff.second import gradient as differentiate
from symdiff.errors import ModelError, UnsupportedError
from symdiff.frontend.closed_form import closed_forms
from symdiff.frontend.index_form import index_forms, subscript
from symdiff.frontend.lower import Lowered, lower
from symdiff.frontend.printing import one_line
from symdiff.frontend.tensor_form import tensor_forms
from symdiff.functions.tensor import is_tensor
from symdiff.graph.inputs import Input
from symdiff.graph.node import Node, topological, users
from symdiff.graph.ops import LEAVES
from symdiff.model import Model, checked
from symdiff.names import unique
from symdiff.options import Options
from symdiff.passes.contract import order_contractions
from symdiff.passes.simplify import simplify

_MOST_LINES = 40
_MOST_OPERATIONS = 200  # of the model; SymPy takes long to build larger expressions, which nobody would read


def gradient(model: Model, wrt: Any = None) -> dict[Any, Any]:
    """The closed form of the gradient: parameter -> SymPy expression, in the dialect of the model.

    Each expression compiles again, to the same numbers. `wrt`: symbols or names of params and data to differentiate by,
    or one; all params by default. Raises `UnsupportedError` where the dialect has no form for a derivative.
    """
    lowered = stabilised(lower(checked(model, "gradient")))
    by = parameters(lowered, Options.create(wrt=wrt))
    if lowered.objective is None:
        raise ModelError("The model has outputs but no objective, so it has no gradient.", place=model.place)
    if not by:
        raise ModelError(NOTHING_TO_DIFFERENTIATE_BY, place=model.place)
    try:
        return dict(zip((entry.symbol for entry in by), _closed(lowered, _gradient(lowered, by)), strict=True))
    except UnsupportedError as error:
        error.place = error.place or model.place
        raise


def formulas(model: Lowered, options: Options) -> tuple[str, ...]:
    """Lines ``name = expression``: the objective, the outputs, the gradient; what several share has a line of its own."""
    operations = sum(node.op not in LEAVES for node in topological(model.results))
    if operations > _MOST_OPERATIONS:
        return (f"{operations} distinct operations: too long to show; see the code.",)
    lowered = stabilised(model, guarded=False)
    by = parameters(lowered, options)
    roots: dict[str, Node] = {}
    if lowered.objective is not None:
        roots["value"] = lowered.objective
        if any(kind in options.emit for kind in ("grad", "value_and_grad")):
            found = differentiate(lowered.objective, [entry.node for entry in by])
            roots |= {f"grad.{entry.name}": node for entry, node in zip(by, found, strict=True)}
    roots |= lowered.outputs
    tidied = _tidied(lowered, [*roots.values(), *lowered.names])
    user_names = dict(zip(tidied[len(roots) :], lowered.names.values(), strict=True))
    return _lines(lowered, dict(zip(roots, tidied, strict=False)), user_names)


def _gradient(model: Lowered, by: Sequence[Input]) -> list[Node]:
    assert model.objective is not None
    return _tidied(model, differentiate(model.objective, [entry.node for entry in by]))


def _tidied(model: Lowered, roots: Sequence[Node]) -> list[Node]:
    samples = model.declarations.samples
    return order_contractions(simplify(roots), None if samples is None else str(samples))


def _forms(model: Lowered) -> Callable[..., list[Any]]:
    """What writes closed forms in the dialect of the model: that of tensors, or of indices, where it declares any."""
    symbols = [entry.symbol for entry in model.declarations.inputs]
    if any(map(is_tensor, symbols)):
        return tensor_forms
    return index_forms if any(isinstance(symbol, sp.IndexedBase) for symbol in symbols) else closed_forms


def _closed(model: Lowered, roots: Sequence[Node]) -> list[Any]:
    return _forms(model)(roots, model.declarations)


def _lines(model: Lowered, roots: dict[str, Node], user_names: dict[Node, str]) -> tuple[str, ...]:
    named = _shared(model, list(roots.values()), user_names)
    wanted = {node: name for name, node in reversed(roots.items())}
    order = [node for node in topological(roots.values()) if node in named or node in wanted]
    if len(order) > _MOST_LINES:
        return (f"{len(order)} shared parts: too long to show; see the code.",)
    try:
        forms = _forms(model)
        expressions = forms(order, model.declarations, named)
    except UnsupportedError:
        return ("has no form in the model's dialect; see the code.",)
    lines: list[tuple[str, str]] = []
    for node, expression in zip(order, expressions, strict=True):
        labels = [name for name, root in roots.items() if root is node] or [named[node]]
        axes = subscript(node, model.declarations) if forms is index_forms else ""
        lines += [(f"{label}{axes}", one_line(expression, str(model.declarations.samples))) for label in labels]
    return tuple(f"{name} = {text}" for name, text in _used(lines, [*roots, *user_names.values()]))


def _used(lines: list[tuple[str, str]], wanted: Sequence[str]) -> list[tuple[str, str]]:
    """The lines without those of parts that no other line shows, such as the logsumexp of what is written as a softmax."""
    found: list[tuple[str, str]] = []
    words: set[str] = set()
    for name, text in reversed(lines):
        label = name.partition("[")[0]
        if label in wanted or label in words:
            found.append((name, text))
            words.update(re.findall(r"\w+", text))
    return found[::-1]


def _shared(model: Lowered, roots: Sequence[Node], user_names: dict[Node, str]) -> dict[Node, str]:
    """A name for every part that is used more than once and longer than a symbol."""
    order = topological(roots)
    count = users(order)
    taken = {entry.name for entry in model.declarations.inputs} | set(user_names.values())
    named = {node: user_names[node] for node in order if node in user_names}
    for node in order:
        if node not in named and count.get(node, 0) > 1 and _worth_a_name(node):
            named[node] = unique(f"e{1 + len(named) - len(user_names)}", taken)
    return named


def _worth_a_name(node: Node) -> bool:
    """More than one operation on symbols."""
    return (
        node.dtype == "float"
        and node.op not in (*LEAVES, "neg")
        and any(a.op not in (*LEAVES, "neg") for a in node.args)
    )
