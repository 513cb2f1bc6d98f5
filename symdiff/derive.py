"""Which functions a model's module has, and the graphs of their results: one row for each kind of function."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symdiff.diff.forward import tangents
from symdiff.diff.linear import transpose
from symdiff.diff.reverse import cotangents
from symdiff.diff.second import gradient, hessian, hessian_product, jacobian_forward, jacobian_reverse, zeros
from symdiff.errors import ModelError
from symdiff.graph.inputs import Input, Unit
from symdiff.graph.leaves import parameter
from symdiff.graph.node import Node
from symdiff.graph.program import Program
from symdiff.names import unique
from symdiff.options import DEFAULT_EMIT, EMIT, Options
from symdiff.passes.pipeline import PREPARE, Setting, cost, run

NOTHING_TO_DIFFERENTIATE_BY = (
    "There is nothing to differentiate by: the model has no params. Declare some, or name data, as wrt=x."
)


def prepared(model: Program, executed: bool = True) -> Program:
    """The model as it is differentiated: what could overflow is rewritten, branches not taken are harmless.

    Without guards, unless it is `executed`: then it is meant to be read.
    """
    hidden = {entry.node for entry in model.declarations.inputs if _may_be_missing(entry)}
    setting = Setting(model.declarations.samples, executed=executed, hidden=hidden, transpose=transpose)
    return model.map(lambda graphs: run(PREPARE, graphs, setting))


def _may_be_missing(entry: Input) -> bool:
    """Whether entries of an input may be NaN where nothing needs them: those of arrays, and constants; no single parameter."""
    return entry.node.dtype == "float" and bool(entry.node.shape or entry.role != "parameter")


def derive(model: Program, options: Options) -> list[Unit]:
    """The functions of the module, differentiated."""
    wrt = parameters(model, options)
    setting = Setting.of(model, options)
    check_kinds(model, options, wrt)
    units: list[Unit] = []
    if model.objective is not None:
        for kind in options.emit:
            if kind in _OBJECTIVE and (wrt or kind == "value"):
                units.append(_OBJECTIVE[kind](model, model.objective, wrt))
    names = {entry.name for entry in wrt}
    for name, root in model.outputs.items():
        inputs = model.arguments[name]
        by = tuple(entry for entry in inputs if entry.name in names)
        units.append(Unit(name, "value", name, inputs, by, (root,), labels=(name,)))
        for kind in options.emit:
            if kind in _OUTPUT and by:
                units.append(_OUTPUT[kind](model, name, root, inputs, by, setting))
    return units


def check_kinds(model: Program, options: Options, wrt: Sequence[Input]) -> None:
    """Refuse an explicit wish for derivatives of which the model has none; the default, and all, mean what there is."""
    asked = [kind for kind in options.emit if kind != "value"]
    if not asked or options.emit in (DEFAULT_EMIT, EMIT):
        return
    if not wrt:
        raise ModelError(f"emit={','.join(asked)}: {NOTHING_TO_DIFFERENTIATE_BY}", place=model.place)
    possible = {"value", *(_OBJECTIVE if model.objective is not None else ())}
    possible |= {*_OUTPUT} if any(entry in wrt for used in model.arguments.values() for entry in used) else set()
    if not possible.intersection(asked):
        has = "an objective" if model.objective is not None else "no objective"
        has += f" and the outputs {', '.join(model.outputs)}" if model.outputs else " and no outputs"
        raise ModelError(
            f"emit={','.join(asked)} gives no function: the model has {has}, so what can be emitted is "
            f"{', '.join(kind for kind in EMIT if kind in possible)}.",
            place=model.place,
        )


def parameters(model: Program, options: Options) -> tuple[Input, ...]:
    """The inputs derivatives are taken by: those `wrt` names, else all parameters; in declared order."""
    declared = model.declarations.inputs
    if options.wrt is None:
        chosen = [entry for entry in declared if entry.role == "parameter"]
    else:
        known = {label: entry for entry in declared for label in (entry.name, str(entry.symbol))}
        missing = [name for name in options.wrt if name not in known]
        if missing:
            raise ModelError(
                f"wrt names {', '.join(missing)}, which the model does not declare: "
                f"it has {', '.join(entry.name for entry in declared)}.",
                place=model.place,
            )
        chosen = [known[name] for name in options.wrt]
    for entry in chosen:
        if entry.node.dtype != "float":
            raise ModelError(
                f"{entry.symbol} is declared an integer: there is no derivative by it. Declare it real, or as data.",
                place=model.place,
            )
        if entry.role == "constant":
            raise ModelError(f"wrt names the constant {entry.name}: declare it in params or data.", place=model.place)
    names = {entry.name for entry in chosen}
    return tuple(entry for entry in declared if entry.name in names)


def _nodes(inputs: Sequence[Input]) -> list[Node]:
    return [entry.node for entry in inputs]


def _directions(wrt: Sequence[Input], inputs: Sequence[Input]) -> tuple[str, tuple[Node, ...]]:
    """The argument v and the nodes of its parts."""
    taken = {entry.name for entry in inputs}
    name = unique("v", taken)
    return name, tuple(parameter(unique(f"v_{entry.name}", taken), entry.node.shape) for entry in wrt)


def _value(model: Program, root: Node, wrt: tuple[Input, ...]) -> Unit:
    return Unit("value", "value", None, model.declarations.inputs, wrt, (root,), labels=("value",))


def _grad(model: Program, root: Node, wrt: tuple[Input, ...]) -> Unit:
    labels = tuple(f"grad_{entry.name}" for entry in wrt)
    found = tuple(gradient(root, _nodes(wrt)))
    return Unit("grad", "grad", None, model.declarations.inputs, wrt, found, labels=labels)


def _value_and_grad(model: Program, root: Node, wrt: tuple[Input, ...]) -> Unit:
    both = _grad(model, root, wrt)
    inputs = model.declarations.inputs
    return Unit(
        "value_and_grad", "value_and_grad", None, inputs, wrt, (root, *both.roots), labels=("value", *both.labels)
    )


def _hessian(model: Program, root: Node, wrt: tuple[Input, ...]) -> Unit:
    blocks = hessian(root, _nodes(wrt), model.declarations.pointwise)
    pairs = [(i, j) for i in range(len(wrt)) for j in range(len(wrt))]
    labels = tuple(f"hessian_{wrt[i].name}_{wrt[j].name}" for i, j in pairs)
    roots = tuple(blocks[pair] for pair in pairs)
    return Unit("hessian", "hessian", None, model.declarations.inputs, wrt, roots, labels=labels)


def _hvp(model: Program, root: Node, wrt: tuple[Input, ...]) -> Unit:
    inputs = model.declarations.inputs
    name, v = _directions(wrt, inputs)
    nodes = _nodes(wrt)
    found = tuple(hessian_product(root, nodes, dict(zip(nodes, v, strict=True))))
    return Unit("hvp", "hvp", None, inputs, wrt, found, v, name, tuple(f"hvp_{entry.name}" for entry in wrt))


def _objective_jvp(model: Program, root: Node, wrt: tuple[Input, ...]) -> Unit:
    inputs = model.declarations.inputs
    name, v = _directions(wrt, inputs)
    return Unit("jvp", "jvp", None, inputs, wrt, (_tangent(root, wrt, v),), v, name, ("jvp",))


def _tangent(root: Node, wrt: Sequence[Input], v: Sequence[Node]) -> Node:
    (found,) = tangents([root], dict(zip(_nodes(wrt), v, strict=True)))
    return zeros(root.shape) if found is None else found


def _jvp(
    model: Program, name: str, root: Node, inputs: tuple[Input, ...], by: tuple[Input, ...], setting: Setting
) -> Unit:
    argument, v = _directions(by, inputs)
    return Unit(f"{name}_jvp", "jvp", name, inputs, by, (_tangent(root, by, v),), v, argument, (f"{name}_jvp",))


def _vjp(
    model: Program, name: str, root: Node, inputs: tuple[Input, ...], by: tuple[Input, ...], setting: Setting
) -> Unit:
    argument = unique("u", {entry.name for entry in inputs})
    u = parameter(argument, root.shape)
    found = cotangents(root, _nodes(by), u)
    roots = tuple(found.get(entry.node, zeros(entry.node.shape)) for entry in by)
    return Unit(
        f"{name}_vjp", "vjp", name, inputs, by, roots, (u,), argument, tuple(f"vjp_{entry.name}" for entry in by)
    )


def _jacobian(
    model: Program, name: str, root: Node, inputs: tuple[Input, ...], by: tuple[Input, ...], setting: Setting
) -> Unit:
    """Forward or reverse mode, whichever takes fewer operations."""
    samplewise = model.declarations.pointwise
    candidates = [tuple(jacobian_forward(root, _nodes(by), samplewise))]
    if not samplewise:
        candidates.append(tuple(jacobian_reverse(root, _nodes(by))))
    roots = min(candidates, key=lambda found: cost(found, setting))
    labels = tuple(f"jacobian_{entry.name}" for entry in by)
    return Unit(f"{name}_jacobian", "jacobian", name, inputs, by, roots, labels=labels)


_OBJECTIVE: dict[str, Callable[[Program, Node, tuple[Input, ...]], Unit]] = {
    "value": _value,
    "grad": _grad,
    "value_and_grad": _value_and_grad,
    "hessian": _hessian,
    "hvp": _hvp,
    "jvp": _objective_jvp,
}

_OUTPUT: dict[str, Callable[[Program, str, Node, tuple[Input, ...], tuple[Input, ...], Setting], Unit]] = {
    "jacobian": _jacobian,
    "jvp": _jvp,
    "vjp": _vjp,
}
