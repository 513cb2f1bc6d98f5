"""Functions of one flat vector that holds all parameters, as optimisers want them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symdiff.codegen.program import docstring, indent, listed, wrapped
from symdiff.codegen.surface.arguments import size_sources
from symdiff.graph.inputs import Input, Unit
from symdiff.graph.results import Array, Named, Several, Tree, class_of
from symdiff.graph.size import Dim, Size, names_of
from symdiff.graph.solve import plain
from symdiff.names import unique


class FlatWriter:
    """Writes ``unpack`` and the flat form of each function of a module.

    Parameters
    ----------
    spec : the module.
    call : name of a function or class of the module -> how to call it where an argument may have the same name.
    """

    def __init__(self, spec: Any, xp: str, need: Callable[[str], None], call: Callable[[str], str]) -> None:
        self.spec, self.xp, self.need, self.call = spec, xp, need, call
        self.unpackers: dict[tuple[Input, ...], str] = {}

    def functions(self) -> list[list[str]]:
        """The source of each."""
        units = [unit for unit in self.spec.units if unit.wrt and not self.spec.batch]
        if not units:
            return []
        self.need("pack")
        self.need("_unflatten")
        found = []
        for unit in sorted(units, key=lambda unit: unit.output is not None):  # the objective's is called `unpack`
            if unit.wrt not in self.unpackers:
                self.unpackers[unit.wrt] = f"_unpack_{unit.output}" if self.unpackers else "unpack"
                found.append(self._unpack(self.unpackers[unit.wrt], unit))
        return found + [self._function(unit) for unit in units]

    def _unpack(self, name: str, unit: Unit) -> list[str]:
        sizes = self._sizes(unit.wrt)
        vec = unique("vec", set(sizes))
        shapes = [self._shape(entry.node.shape, sizes) for entry in unit.wrt]
        keywords = f", *, {', '.join(f'{size}=None' for size in sizes)}" if sizes else ""
        known = "{" + ", ".join(f'"{size}": {size}' for size in sizes) + "}"
        text = f"Split one vector into {', '.join(entry.name for entry in unit.wrt)}."
        if sizes:
            text += " One size may be left out: it follows from the length of the vector."
        table = unique("shapes", {vec, *sizes})
        lines = [*docstring(text), *wrapped(f"{table} = {listed(shapes)}")]
        lines.append(f"return {self.call(class_of(unit.output))}(*_unflatten({vec}, {table}, {known}))")
        return [f"def {name}({vec}{keywords}):", *indent(lines)]

    def _sizes(self, wrt: Sequence[Input]) -> list[str]:
        """The named sizes of the parameters, in order; none for a pointwise model, whose parameters are then scalars."""
        if self.spec.pointwise:
            return []
        return list(dict.fromkeys(name for entry in wrt for dim in entry.node.shape for name in names_of([dim])))

    def _shape(self, shape: Sequence[Dim], sizes: Sequence[str]) -> str:
        dims = [] if self.spec.pointwise else [self._dim(dim, sizes) for dim in shape]
        return f"({', '.join(dims)}{',' if len(dims) == 1 else ''})"

    def _dim(self, dim: Dim, sizes: Sequence[str]) -> str:
        if (name := plain(dim)) is not None:
            return f'"{name}"'
        return f"lambda {', '.join(sizes)}: {dim}" if isinstance(dim, Size) else str(dim)

    def _function(self, unit: Unit) -> list[str]:
        packed = {entry.name for entry in unit.wrt}
        rest = [entry for entry in unit.inputs if entry.name not in packed]
        sizes = self._sizes(unit.wrt)
        taken = {entry.name for entry in rest} | {self.xp, *sizes}
        vec, parts = unique("vec", taken), unique("p", taken)
        further = {bundle: unique(bundle.name, taken) for bundle in unit.bundles}
        told = {} if self.spec.pointwise else size_sources(rest, f"{self.xp}.shape({{}})[{{}}]")
        known = {name: told[name] for name in sizes if name in told}
        missing = [name for name in sizes if name not in known]
        parameters = [vec, *(entry.name for entry in rest), *further.values()]
        parameters += ["*", *(f"{name}=None" for name in missing)] if missing else []
        unpack = self.call(self.unpackers[unit.wrt])
        given = "".join(f", {name}={known.get(name, name)}" for name in sizes)
        call = [f"{parts}.{entry.name}" if entry.name in packed else entry.name for entry in unit.inputs]
        for bundle, name in further.items():
            call.append(f"{unpack}({name}{given})" if bundle.role == "direction" else name)
        text = f"As `{unit.name}`, of one vector that holds {', '.join(entry.name for entry in unit.wrt)}."
        body = [*docstring(text), f"{parts} = {unpack}({vec}{given})"]
        statements, result = self._flattened(unit.results, f"{self.call(unit.name)}({', '.join(call)})", parts, taken)
        body += [*statements, f"return {result}"]
        head = wrapped(f"def {unit.name}_flat({', '.join(parameters)}):")
        return [*head, *indent([part for line in body for part in wrapped(line)])]

    def _flattened(self, tree: Tree, source: str, parts: str, taken: set[str]) -> tuple[list[str], str]:
        """What `source` gives, flat: statements, then an expression; `parts` holds the parameters by name."""
        if isinstance(tree, Array):
            return [], source
        if isinstance(tree, Several):
            names = [unique(name, taken) for name in tree.names]
            found = [self._flattened(*each, parts, taken) for each in zip(tree.parts, names, strict=True)]
            statements = [statement for before, _ in found for statement in before]
            return [f"{', '.join(names)} = {source}", *statements], ", ".join(result for _, result in found)
        if all(isinstance(part, Array) and not part.is_whole for part in tree.parts):
            return [], f"{self.call('pack')}({source})"
        return self._matrix(tree, source, parts, taken)

    def _matrix(self, tree: Named, source: str, parts: str, taken: set[str]) -> tuple[list[str], str]:
        """Whole derivatives as one matrix: of an output a row for each entry, else one for each parameter."""
        blocks, rows = unique("blocks", taken), unique("rows", taken)
        if isinstance(tree.parts[0], Array):
            block = f"[block.reshape(-1, a.size) for a, block in {self.call('zip')}({parts}, {blocks})]"
            return [f"{blocks} = {source}"], f"{self.xp}.concatenate({block}, axis=1)"
        block = f"[block.reshape(a.size, b.size) for b, block in {self.call('zip')}({parts}, row)]"
        statements = [
            f"{blocks} = {source}",
            f"{rows} = [{block} for a, row in {self.call('zip')}({parts}, {blocks})]",
        ]
        return statements, f"{self.xp}.concatenate([{self.xp}.concatenate(row, axis=1) for row in {rows}])"
