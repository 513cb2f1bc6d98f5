"""What a module shows to programs that use it: its result classes and ``SIGNATURE``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symdiff.codegen.program import docstring, indent
from symdiff.errors import ModelError
from symdiff.graph.inputs import Input, Unit

# What a module may define or import besides the functions of its model.
OWN_NAMES = (
    *(
        "Grad",
        "Hessian",
        "HessianRow",
        "NamedTuple",
        "SIGNATURE",
        "SimpleQueue",
        "capture",
        "contextvars",
        "deque",
        "errstate",
    ),
    *(
        "math",
        "os",
        "pack",
        "release_scratch",
        "set_threads",
        "solve_triangular",
        "starmap",
        "suppress",
        "threading",
        "unpack",
        "wraps",
    ),
)


def class_of(unit: Unit) -> str:
    """The result class of a unit that returns one array for each parameter."""
    return "Grad" if unit.output is None else "".join(part.capitalize() for part in unit.output.split("_")) + "Grad"


def check_names(units: Sequence[Unit], xp: str) -> None:
    """Refuse an output whose functions or result class would be called like others of the module."""
    owners = dict.fromkeys((*OWN_NAMES, xp), "the module")
    for unit in units:
        owner = "the objective" if unit.output is None else f"the output {unit.output!r}"
        names = [unit.name, *([f"{unit.name}_flat"] if unit.wrt else [])]
        for name in names if unit.output is None else [*names, class_of(unit)]:
            other = owners.setdefault(name, owner)
            if other != owner:
                raise ModelError(
                    f"In generated source, {other} and {owner} would both define {name!r}: rename the output."
                )


def result_classes(units: Sequence[Unit], xp: str) -> list[list[str]]:
    """The source of a NamedTuple for each set of results."""
    found: dict[str, list[str]] = {}
    array = f"{xp}.ndarray"
    for unit in units:
        if unit.wrt:
            subject = "the objective" if unit.output is None else unit.output
            text = f"One array for each parameter of {subject}."
            found.setdefault(class_of(unit), _named_tuple(class_of(unit), text, unit.wrt, array))
        if unit.kind == "hessian":
            row = _named_tuple("HessianRow", "Second derivatives by one parameter and each other.", unit.wrt, array)
            found["HessianRow"] = row
            found["Hessian"] = _named_tuple("Hessian", "Second derivatives of the objective.", unit.wrt, "HessianRow")
    return list(found.values())


def _named_tuple(name: str, text: str, fields: Sequence[Input], kind: str) -> list[str]:
    members = [f"{entry.name}: {kind}" for entry in fields]
    return [f"class {name}(NamedTuple):", *indent([*docstring(text), "", *members])]


def signature(spec: Any) -> list[str]:
    """``SIGNATURE``: names, roles, shapes, dtypes and functions."""
    inputs = [
        f'"{entry.name}": {{"role": "{entry.role}", "shape": {_tuple(entry.node.shape)}, "dtype": "{entry.node.dtype}"}},'
        for entry in spec.inputs
    ]
    functions = [f'"{unit.name}": {_tuple(arguments_of(unit))},' for unit in spec.units]
    return [
        "SIGNATURE = {",
        f'    "model": "{spec.name}",',
        '    "inputs": {', *indent(indent(inputs)), "    },",
        f'    "samples": {None if spec.samples is None else _quoted(spec.samples)},',
        f'    "pointwise": {spec.pointwise},',
        '    "functions": {', *indent(indent(functions)), "    },",
        "}",
    ]  # fmt: skip


def arguments_of(unit: Unit) -> list[str]:
    """The names of a function's arguments."""
    return [*(entry.name for entry in unit.inputs), *([unit.direction_name] if unit.direction else [])]


def _tuple(items: Sequence[object]) -> str:
    """Source of a tuple of numbers and, in double quotes, texts."""
    parts = [str(item) if isinstance(item, int) else _quoted(item) for item in items]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _quoted(item: object) -> str:
    return f'"{item}"'
