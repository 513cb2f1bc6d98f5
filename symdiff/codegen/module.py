"""A whole generated module: docstring, imports, argument checks, functions, flat forms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from symdiff.codegen.expression import Expression, Name, Tuple, Verbatim, call, dotted, method
from symdiff.codegen.function import FunctionWriter
from symdiff.codegen.numpy.writer import Writer
from symdiff.codegen.program import Assign, Function, Return, Statement, docstring, listed, variables
from symdiff.codegen.runtime.definitions import Definition, Definitions, sources
from symdiff.codegen.stages import StageWriter, streams
from symdiff.codegen.surface.arguments import Checker
from symdiff.codegen.surface.comments import purposes
from symdiff.codegen.surface.flat import FlatWriter
from symdiff.codegen.surface.interface import OWN_NAMES, arguments_of, check_names, result_classes, signature
from symdiff.codegen.surface.results import copied, is_scalar, of_floating_inputs, result_type
from symdiff.codegen.surface.shared import shared_file, shared_import
from symdiff.graph.external import EXTERNAL
from symdiff.graph.inputs import Input, Unit
from symdiff.graph.node import Node
from symdiff.graph.ops import LEAVES
from symdiff.graph.plan import Plan
from symdiff.graph.results import Array, Named, Tree, arrays, class_of
from symdiff.graph.size import Size, names_of
from symdiff.names import unique
from symdiff.version import __version__

NUMPY_FILES = (
    *("numpy/arguments.py", "numpy/arrays.py", "numpy/windows.py", "numpy/linalg.py", "numpy/products.py"),
    *("numpy/flat.py", "numpy/threads.py", "numpy/scratch.py", "numpy/error_functions.py", "numpy/sines.py"),
)
UNTHREADED = "numpy/unthreaded.py"
OWN_AGAIN = "# Of this model again: what calls the runtime while the module is imported."
_FEWEST = 8  # operations of a pointwise function that is worth running in parts


@dataclass(frozen=True)
class ModuleSpec:
    """What a module is made of.

    Attributes
    ----------
    header : the first line, which marks the file and holds its options.
    name, inputs, samples, pointwise : of the model.
    units : its functions, each with its plan.
    closed_form : lines of the closed form, for the docstring.
    style : "fast", in blocks of samples where that is possible, or "plain", straight-line code.
    shared : whether its runtime is in a file beside it.
    batch : the name of the leading axis of a batch of models, if it is of one.
    """

    header: str
    name: str
    inputs: tuple[Input, ...]
    samples: Size | None
    pointwise: bool
    units: tuple[Unit, ...]
    closed_form: tuple[str, ...]
    style: str
    shared: bool = False
    batch: str | None = None


class ModuleWriter:
    """Collects the parts of one module.

    Attributes
    ----------
    library_names : what a module may call the array library: not as one of its inputs.
    runtime : the functions that it may carry along.
    """

    library_names: ClassVar[tuple[str, ...]] = ("np", "numpy_", "np_")
    runtime_file: ClassVar[str] = "_symdiff_runtime"
    runtime: ClassVar[Definitions] = Definitions(NUMPY_FILES)
    unthreaded: ClassVar[Definitions] = Definitions([UNTHREADED, *NUMPY_FILES])
    writer_class: type[Writer] = Writer
    checker_class: ClassVar[type[Checker]] = Checker

    def __init__(self, spec: ModuleSpec) -> None:
        self.spec = spec
        self.arguments = {name for entry in spec.inputs for name in (entry.name, *names_of(entry.node.shape))}
        self.hidden: set[str] = set()
        self.xp = next(name for name in self.library_names if name not in self.arguments)
        self.needed: dict[str, None] = {}
        self.special: dict[str, None] = {}
        self.external: dict[str, None] = {}
        self.shape = unique("S", set(self.arguments))
        self.checker = self.checker_class(spec.pointwise, self.xp, self.shape, self.need)

    def need(self, name: str) -> None:
        """Remember a function of the runtime (or, as ``special:name``, of scipy.special) that the source uses."""
        if name.startswith("special:"):
            self.special.setdefault(name.removeprefix("special:"))
            return
        if name in EXTERNAL:
            self.external.setdefault(name)
            return
        self.needed.setdefault(name)

    def write(self) -> str:
        """The source of the module."""
        check_names(self.spec.units, self.xp)
        source = self.source()
        compile(source, self.spec.name, "exec", dont_inherit=True)  # nothing that is not Python is written or cached
        return source

    def source(self) -> str:
        """The module, top to bottom."""
        functions = [function for unit in self.spec.units for function in self.function(unit)]
        flat = FlatWriter(self.spec, self.xp, self.need, self.call).functions()
        checks = self.checker.functions()
        runtime = self.carried()
        shared = self.spec.shared
        aliases = [f"_{name} = {name}" for name in sorted(self.hidden)]  # where an argument has the name of a function
        endings = [block for block in (*self.endings(), aliases) if block]
        blocks = [
            [self.spec.header, *docstring(self.docstring())],
            self.imports([] if shared else runtime),
            self.shared_names() if shared else [],
            signature(self.spec),
            *result_classes(self.spec.units, self.xp),
            *(function.lines() for function in functions),
            *flat,
            *checks,
            *(EXTERNAL[op].source.rstrip().split("\n") for op in self.external),
            *([] if shared else runtime_blocks(runtime, self.xp)),
            *([] if shared or not endings else [[OWN_AGAIN]]),
            *endings,
        ]
        return "\n\n\n".join("\n".join(block) for block in blocks if block) + "\n"

    def carried(self) -> list[Definition]:
        """What the module takes of the runtime."""
        self.need("set_threads")
        threaded = any("_Threads" in found.names for found in self.runtime.needed(self.needed.keys() - {"set_threads"}))
        return (self.runtime if threaded else self.unthreaded).needed(self.needed)

    def shared_names(self) -> list[str]:
        """The lines that import what the module takes of a runtime beside it."""
        names = sorted(self.needed, key=lambda name: (name.startswith("_"), name))
        return shared_import(self.runtime_file, names)

    @classmethod
    def shared_runtime(cls, header: str) -> str:
        """The source of the runtime that modules share."""
        (library, *_), definitions = cls.library_names, cls.runtime.everything
        imports = [*standard_imports(definitions), "", *cls.library_imports(library, definitions)]
        imports.remove("from typing import NamedTuple")
        return shared_file(header, imports, definitions, library)

    def endings(self) -> list[list[str]]:
        """What else stands at the end."""
        return []

    def imports(self, runtime: Sequence[Definition]) -> list[str]:
        """What the module imports: NumPy, the standard library, scipy.special where it must."""
        return [
            *standard_imports(runtime),
            "",
            *self.library_imports(self.xp, runtime),
            *self.special_imports("scipy.special"),
        ]

    @classmethod
    def library_imports(cls, library: str, runtime: Sequence[Definition]) -> list[str]:
        """The lines that import the array library."""
        return [f"import numpy as {library}"]

    def special_imports(self, package: str) -> list[str]:
        """The import of the special functions that are used, if any are."""
        names = ", ".join(f"{name} as _{name}" for name in sorted(self.special))
        return [f"from {package} import {names}"] if names else []

    def docstring(self) -> str:
        """What the module computes, its arguments with their shapes, the closed form."""
        lines = [
            f"{self.spec.name}: value and derivatives in closed form, written by symdiff; edit the model, not this."
        ]
        lines += ["", "Arguments"] if self.spec.inputs else []
        width = max((len(entry.name) for entry in self.spec.inputs), default=0)
        for entry in self.spec.inputs:
            shape = "scalar or array" if self.spec.pointwise else _shape_text(entry.node)
            kind = ", integers" if entry.node.dtype == "int" else ""
            lines.append(f"    {entry.name:<{width}}  {entry.role}, {shape}{kind}")
        if self.spec.batch:
            lines += ["", f"A batch of {self.spec.batch} models: all results have a leading axis {self.spec.batch}."]
        if self.spec.closed_form:
            lines += ["", "Closed form", *(f"    {line}" for line in self.spec.closed_form)]
        return "\n".join(lines) + "\n"

    def function(self, unit: Unit) -> list[Function]:
        """One function of the module, and the functions of blocks that it runs."""
        body: list[Statement] = [*self.checker.statements(unit)]
        inputs = {entry.node: entry.name for entry in unit.inputs}
        for node in unit.further:
            inputs[node] = node.attributes[0]
        # Nodes with axes besides the points: the one shape of all arguments becomes a single axis.
        flattened = self.spec.pointwise and unit.plan is not None and any(node.ndim > 1 for node in unit.plan.order)
        if flattened:
            names = ", ".join(inputs.values())
            comma = "," if len(inputs) == 1 else ""
            body.append(
                Assign(
                    Verbatim(names + comma),
                    Verbatim(f"({self.xp}.broadcast_to(a, {self.shape}).reshape(-1) for a in ({names}{comma}))"),
                )
            )
        taken = {self.xp, self.shape, *arguments_of(unit), *inputs.values(), *OWN_NAMES, class_of(unit.output)}
        assert unit.plan is not None
        writer = FunctionWriter(
            inputs,
            self.names(unit),
            purposes_of(unit),
            taken,
            self.xp,
            self.need,
            self.spec.pointwise and not flattened,
            words=unit.words,
            writer_class=self.writer_class,
            telling={*unit.roots, *unit.names},
        )
        writer.require_sizes(unit.plan.order)
        if self.in_parts(unit, flattened):
            return self.in_points(unit, body, writer)
        blocks = self.compute(unit, writer, flattened)
        results = self.results(unit, writer, flattened)
        writer.finish()
        body += writer.statements
        sources = (result.source for result in results)
        body.append(Return(Verbatim(self.packed(unit.results, sources))))
        whole = Function(unit.name, tuple(arguments_of(unit)), unit.text, tuple(body))
        return [whole, *blocks]

    def in_parts(self, unit: Unit, flattened: bool) -> bool:
        """Whether a function is one of points that hands them on in parts."""
        assert unit.plan is not None
        return self.spec.style == "fast" and self.spec.pointwise and not flattened and pays(unit.plan)

    def compute(self, unit: Unit, writer: FunctionWriter, flattened: bool) -> list[Function]:
        """Write the statements that compute the results; return further functions that they call."""
        assert unit.plan is not None
        if self.spec.style == "fast" and not self.spec.pointwise and streams(unit.plan):
            return StageWriter(unit.name, unit.plan, writer, partial(self.block_writer, unit), self.need).write()
        writer.write(unit.plan.order, unit.roots)
        return []

    def in_points(self, unit: Unit, body: list[Statement], writer: FunctionWriter) -> list[Function]:
        """A pointwise function that hands its arguments to a function of one part of the points."""
        assert unit.plan is not None
        self.need("_over_points")
        names = [unique(label, set(writer.taken)) for label in unit.labels]
        arguments = tuple(writer.inputs.values())
        block = f"_{unit.name}_block"
        parts = f"_over_points({block}, {len(names)}, {self.shape}, {writer.dtype}, {listed(arguments)})"
        returned = Return(Verbatim(self.packed(unit.results, iter(names))))
        body += [Assign(variables(names), Verbatim(parts)), returned]
        writer.write(unit.plan.order, unit.roots)
        found = Tuple(tuple(writer.texts[root] for root in unit.roots))
        doc = f"The part of `{unit.name}` that one part of the points has."
        whole = Function(unit.name, tuple(arguments_of(unit)), unit.text, tuple(body))
        return [whole, Function(block, arguments, doc, (*writer.statements, Return(found)))]

    def block_writer(
        self, unit: Unit, arguments: dict[Node, str], taken: set[str], lengths: dict[str, str]
    ) -> FunctionWriter:
        """Writes the body of a function of one block of samples."""
        return FunctionWriter(
            arguments,
            unit.names,
            purposes_of(unit),
            taken,
            self.xp,
            self.need,
            words=unit.words,
            lengths=lengths,
            is_part=True,
            telling={*unit.roots, *unit.names},
        )

    def packed(self, tree: Tree, results: Iterator[str]) -> str:
        """The returned expression: the results one after the other, in the places that they have in a tree."""
        if isinstance(tree, Array):
            return next(results)
        joined = ", ".join(self.packed(part, results) for part in tree.parts)
        return f"{self.call(tree.class_name)}({joined})" if isinstance(tree, Named) else joined

    def call(self, name: str) -> str:
        """How a function of the module calls another of its names, which an argument may hide."""
        if name not in self.arguments:
            return name
        self.hidden.add(name)
        return f"_{name}"

    def results(self, unit: Unit, writer: FunctionWriter, flattened: bool) -> list[Expression]:
        """The returned expressions: each an array of its own memory, or a NumPy scalar."""
        assert unit.plan is not None
        dtype = writer.dtype
        floating = of_floating_inputs(unit.plan.order)
        seen: set[Node] = set()
        found: list[Expression] = []
        for root in unit.roots:
            text = writer.texts[root]
            if self.spec.pointwise:
                self.need("_shaped")
                points = method(text, "reshape", Name(self.shape)) if flattened and root.shape else text
                found.append(call("_shaped", points, Name(self.shape), dotted(dtype)))
            elif is_scalar(root):
                found.append(result_type(root, text, dtype, floating))
            else:
                found.append(copied(root, text, seen))
        return found

    def names(self, unit: Unit) -> dict[Node, str]:
        """The wanted names: of the user's, then of the results."""
        names: dict[Node, str] = {}
        for root, label in zip(unit.roots, unit.labels, strict=True):
            if root.op not in ("input", "constant", "size"):
                names.setdefault(root, label)
        return {**names, **unit.names}


def purposes_of(unit: Unit) -> dict[Node, str]:
    """What each node of a function is computed for, in words."""
    return purposes(unit.roots, [array.title for array in arrays(unit.results)])


def standard_imports(runtime: Sequence[Definition]) -> list[str]:
    """The lines that import what a module needs of the standard library."""
    lines = {line for found in runtime for line in found.imports if "cupy" not in line} | {
        "from typing import NamedTuple"
    }
    return sorted(lines, key=lambda line: (line.startswith("from"), line))


def runtime_blocks(runtime: Sequence[Definition], library: str) -> list[list[str]]:
    """The source of what a module takes of the runtime, below a line that says what it is."""
    line = f"# From here on the runtime of symdiff {__version__}: the same text wherever a module needs it."
    first, *rest = sources(runtime, library)
    return [[line, "", "", *first], *rest]


def pays(plan: Plan) -> bool:
    """Whether a pointwise function has enough operations that temporaries in cache are worth a function of its own."""
    return sum(node.op not in LEAVES for node in plan.order) >= _FEWEST


def _shape_text(node: Node) -> str:
    if not node.shape:
        return "scalar"
    return "(" + ", ".join(map(str, node.shape)) + (",)" if node.ndim == 1 else ")")
