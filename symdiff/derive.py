"""Which functions a model's module has, each of a kind in `kinds.py`, and the form of the model they are derived from."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.diff.linear import transpose
from symdiff.errors import ModelError
from symdiff.graph.inputs import Input, Unit
from symdiff.graph.program import Program
from symdiff.kinds import KINDS, FunctionKind, Subject
from symdiff.options import DEFAULT_EMIT, Options
from symdiff.passes.pipeline import PREPARE, Setting, run

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
    """The functions of the module, differentiated; an output has one of its value in any case."""
    wrt = parameters(model, options)
    check_kinds(model, options, wrt)
    names = {entry.name for entry in wrt}
    pointwise, setting = model.declarations.pointwise, Setting.of(model, options.backend, options.math)
    units: list[Unit] = []
    if model.objective is not None:
        whole = Subject(None, model.objective, model.declarations.inputs, wrt, pointwise, setting)
        units += [kind.unit(whole) for kind in kinds_of(whole) if kind.name in options.emit]
    for name, root in model.outputs.items():
        inputs = model.arguments[name]
        by = tuple(entry for entry in inputs if entry.name in names)
        part = Subject(name, root, inputs, by, pointwise, setting)
        asked = [kind for kind in kinds_of(part) if kind.name in options.emit or not kind.differentiates]
        units += [kind.unit(part) for kind in asked]
    return units


def kinds_of(subject: Subject) -> list[FunctionKind]:
    """The kinds of functions that there are of an objective or output."""
    return [kind for kind in KINDS.values() if kind.exists(subject.output, bool(subject.wrt))]


def check_kinds(model: Program, options: Options, wrt: Sequence[Input]) -> None:
    """Refuse an explicit wish for derivatives of which the model has none; the default, and all, mean what there is."""
    asked = [name for name in options.emit if KINDS[name].differentiates]
    if not asked or options.emit in (DEFAULT_EMIT, tuple(KINDS)):
        return
    if not wrt:
        raise ModelError(f"emit={','.join(asked)}: {NOTHING_TO_DIFFERENTIATE_BY}", place=model.place)
    of = {"objective"} if model.objective is not None else set()
    of |= {"output"} if any(entry in wrt for used in model.arguments.values() for entry in used) else set()
    possible = [kind.name for kind in KINDS.values() if not kind.differentiates or of.intersection(kind.of)]
    if not set(possible).intersection(asked):
        has = "an objective" if model.objective is not None else "no objective"
        has += f" and the outputs {', '.join(model.outputs)}" if model.outputs else " and no outputs"
        raise ModelError(
            f"emit={','.join(asked)} gives no function: the model has {has}, so what can be emitted is "
            f"{', '.join(possible)}.",
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
