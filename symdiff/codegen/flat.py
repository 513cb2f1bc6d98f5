"""The parts of a module that only rearrange: result classes, its signature, flat vectors for optimisers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symdiff.codegen.program import docstring, indent, wrapped
from symdiff.graph.inputs import Input, Unit
from symdiff.graph.size import Size

_FLAT = ("value", "grad", "value_and_grad", "hessian", "hvp", "jvp", "jacobian", "vjp")

def class_of(unit: Unit) -> str:
    """The result class of a unit that returns one array for each parameter."""
    return "Grad" if unit.output is None else "".join(part.capitalize() for part in unit.output.split("_")) + "Grad"


def result_classes(spec: Any, xp: str) -> list[list[str]]:
    """A NamedTuple for each set of results."""
    found: dict[str, list[str]] = {}
    for unit in spec.units:
        if unit.wrt and unit.kind not in ("value", "jvp"):
            subject = "the objective" if unit.output is None else unit.output
            text = f"Derivatives of {subject}, one for each parameter."
            found.setdefault(class_of(unit), _named_tuple(class_of(unit), text, unit.wrt, f"{xp}.ndarray"))
        if unit.kind == "hessian":
            row = _named_tuple("HessianRow", "Second derivatives by one parameter and each other.", unit.wrt, f"{xp}.ndarray")
            found.setdefault("HessianRow", row)
            found.setdefault("Hessian", _named_tuple("Hessian", "Second derivatives of the objective.", unit.wrt, "HessianRow"))
    if _objective_units(spec) and "Grad" not in found and spec.units[0].wrt:
        text = "One array for each parameter."
        found["Grad"] = _named_tuple("Grad", text, _objective_units(spec)[0].wrt, f"{xp}.ndarray")
    return list(found.values())


def _objective_units(spec: Any) -> list[Unit]:
    return [unit for unit in spec.units if unit.output is None]


def _named_tuple(name: str, text: str, fields: Sequence[Input], kind: str) -> list[str]:
    return [f"class {name}(NamedTuple):", *indent([*docstring(text), "", *(f"{entry.name}: {kind}" for entry in fields)])]


def signature(spec: Any) -> list[str]:
    """``SIGNATURE``: names, roles, shapes, dtypes and functions, for programs that use the module."""
    inputs = [
        f'"{entry.name}": {{"role": "{entry.role}", "shape": {_texts(entry)}, "dtype": "{entry.node.dtype}"}},'
        for entry in spec.inputs
    ]
    functions = [f'"{unit.name}": {_tuple(_parameters(unit))},' for unit in spec.units]
    samples = None if spec.samples is None else f'"{spec.samples}"'
    return [
        "SIGNATURE = {",
        f'    "model": "{spec.name}",',
        '    "inputs": {', *(f"        {line}" for line in inputs), "    },",
        f'    "samples": {samples},',
        f'    "pointwise": {spec.pointwise},',
        '    "functions": {', *(f"        {line}" for line in functions), "    },",
        "}",
    ]  # fmt: skip


def _texts(entry: Input) -> str:
    return _tuple(entry.node.shape)


def _tuple(items: Sequence[object]) -> str:
    """Source of a tuple of numbers and, in double quotes, texts."""
    parts = [str(item) if isinstance(item, int) else f'"{item}"' for item in items]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _parameters(unit: Unit) -> list[str]:
    names = [entry.name for entry in unit.inputs]
    return [*names, *(["u"] if unit.kind == "vjp" else ["v"] if unit.direction else [])]


def flat_functions(spec: Any, need: Callable[[str], None]) -> list[list[str]]:
    """pack, unpack, and each function of one vector that holds all parameters."""
    with_wrt = [unit for unit in spec.units if unit.wrt]
    if not with_wrt:
        return []
    need("pack")
    need("_unflatten")
    found: list[list[str]] = []
    objective = _objective_units(spec)
    packers: dict[tuple[Input, ...], str] = {}
    for unit in [*objective, *(unit for unit in with_wrt if unit.output is not None)]:
        if unit.wrt and unit.wrt not in packers:
            name = "unpack" if not packers else f"_unpack_{unit.output}"
            packers[unit.wrt] = name
            found.append(_unpack(name, class_of(unit), unit.wrt, spec.pointwise))
    for unit in with_wrt:
        if unit.kind in _FLAT:
            found.append(_flat_function(unit, packers[unit.wrt], spec))
    return found


def _flat_function(unit: Unit, unpack: str, spec: Any) -> list[str]:
    rest = [entry for entry in unit.inputs if entry not in unit.wrt]
    sizes = _free_sizes(unit.wrt)
    extra = [name for name in ("v", "u") if unit.direction and name == ("u" if unit.kind == "vjp" else "v")]
    parameters = ["vec", *(entry.name for entry in rest), *extra]
    known = {name: source for name in sizes if (source := _size_from(name, rest)) is not None}
    unknown = [name for name in sizes if name not in known]
    if unknown:
        parameters += ["*", *(f"{name}=None" for name in unknown)]
    given = "".join(f", {name}={known.get(name, name)}" for name in sizes)
    call = ", ".join(f"p.{entry.name}" if entry in unit.wrt else entry.name for entry in unit.inputs)
    call += {"v": f", {unpack}(v{given})", "u": ", u"}.get(extra[0], "") if extra else ""
    text = f"As `{unit.name}`, of one vector `vec` that holds {', '.join(entry.name for entry in unit.wrt)}."
    body = [*docstring(text), f"p = {unpack}(vec{given})"]
    match unit.kind:
        case "value" | "jvp":
            body.append(f"return {unit.name}({call})")
        case "value_and_grad":
            body += [f"value, gradient = {unit.name}({call})", "return value, pack(gradient)"]
        case "hessian":
            body.append(f"blocks = {unit.name}({call})")
            body.append("rows = [[block.reshape(a.size, b.size) for b, block in zip(p, row)] for a, row in zip(p, blocks)]")
            body.append("return np.block(rows)")
        case "jacobian":
            body.append(f"blocks = {unit.name}({call})")
            body.append("return np.concatenate([block.reshape(-1, a.size) for a, block in zip(p, blocks)], axis=1)")
        case _:
            body.append(f"return pack({unit.name}({call}))")
    head = wrapped(f"def {unit.name}_flat({', '.join(parameters)}):")
    return [*head, *indent([part for line in body for part in wrapped(line)])]


def _free_sizes(wrt: Sequence[Input]) -> list[str]:
    """The named sizes of the parameters."""
    return list(dict.fromkeys(name for entry in wrt for dim in entry.node.shape if isinstance(dim, Size) for name in dim.names
                              if dim != Size.named("S")))


def _size_from(name: str, inputs: Sequence[Input]) -> str | None:
    for entry in inputs:
        for axis, dim in enumerate(entry.node.shape):
            if dim == Size.named(name):
                return f"np.shape({entry.name})[{axis}]"
    return None


def _unpack(name: str, result: str, wrt: Sequence[Input], pointwise: bool) -> list[str]:
    sizes = [] if pointwise else _free_sizes(wrt)
    shapes = []
    for entry in wrt:
        dims = [] if pointwise else [str(dim) if not isinstance(dim, Size) else f"lambda {', '.join(sizes)}: {dim}" for dim in entry.node.shape]
        shapes.append(f"({', '.join(dims)}{',' if len(dims) == 1 else ''})")
    keywords = f", *, {', '.join(f'{s}=None' for s in sizes)}" if sizes else ""
    table = "{" + ", ".join(f'"{s}": {s}' for s in sizes) + "}"
    text = f"Split one vector into {', '.join(entry.name for entry in wrt)}."
    if sizes:
        text += " One unknown size follows from the length of the vector; give the others."
    body = [*docstring(text), f"shapes = ({', '.join(shapes)}{',' if len(shapes) == 1 else ''})",
            f"return {result}(*_unflatten(vec, shapes, {table}))"]
    return [f"def {name}(vec{keywords}):", *indent(body)]
