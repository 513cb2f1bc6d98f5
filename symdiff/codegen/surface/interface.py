"""What a module shows to programs that use it: its result classes and ``SIGNATURE``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symdiff.codegen.program import docstring, indent
from symdiff.errors import ModelError
from symdiff.graph.inputs import Unit
from symdiff.graph.results import Array, Named, by_parameter, class_of, named

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


def check_names(units: Sequence[Unit], xp: str) -> None:
    """Refuse an output whose functions or result class would be called like others of the module."""
    owners = dict.fromkeys((*OWN_NAMES, xp), "the module")
    for unit in units:
        owner = "the objective" if unit.output is None else f"the output {unit.output!r}"
        names = [unit.name, *([f"{unit.name}_flat"] if unit.wrt else [])]
        for name in names if unit.output is None else [*names, class_of(unit.output)]:
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
        unpacked = [parameters_of(unit)] if unit.wrt else []
        for tree in [*unpacked, *named(unit.results)]:
            found.setdefault(tree.class_name, _named_tuple(tree, array))
    return list(found.values())


def parameters_of(unit: Unit) -> Named:
    """One array for each parameter, as `unpack` returns them."""
    return by_parameter(unit.output, [Array(entry.name, entry.name, (entry.name,)) for entry in unit.wrt])


def _named_tuple(tree: Named, array: str) -> list[str]:
    types = [part.class_name if isinstance(part, Named) else array for part in tree.parts]
    members = [f"{name}: {kind}" for name, kind in zip(tree.fields, types, strict=True)]
    return [f"class {tree.class_name}(NamedTuple):", *indent([*docstring(tree.text), "", *members])]


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
    return [*(entry.name for entry in unit.inputs), *(bundle.name for bundle in unit.bundles)]


def _tuple(items: Sequence[object]) -> str:
    """Source of a tuple of numbers and, in double quotes, texts."""
    parts = [str(item) if isinstance(item, int) else _quoted(item) for item in items]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _quoted(item: object) -> str:
    return f'"{item}"'
