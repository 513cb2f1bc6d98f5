"""Generated modules for a GPU: each function is a sequence of kernels of its own and of CuPy's library calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from symdiff.codegen.cupy import halves
from symdiff.codegen.cupy.ascii import ascii_of
from symdiff.codegen.cupy.device import device_functions
from symdiff.codegen.cupy.kernel import KernelSource, KernelWriter
from symdiff.codegen.cupy.rows import RowsWriter
from symdiff.codegen.expression import Expression, Literal, Name, Tuple, call, dotted, method
from symdiff.codegen.function import FunctionWriter
from symdiff.codegen.module import NUMPY_FILES, UNTHREADED, ModuleSpec, ModuleWriter
from symdiff.codegen.numpy.writer import Writer, called
from symdiff.codegen.program import Assign, Function, variables
from symdiff.codegen.runtime.definitions import Definition, Definitions
from symdiff.codegen.surface.arguments import Checker
from symdiff.codegen.surface.results import copied
from symdiff.errors import UnsupportedError
from symdiff.graph.axes import reduced_axes
from symdiff.graph.contraction import is_view
from symdiff.graph.inputs import Input, Unit
from symdiff.graph.node import Node
from symdiff.graph.ops import LEAVES
from symdiff.graph.plan import Kernel, Step
from symdiff.graph.size import Dim, Size, total
from symdiff.graph.space import axes_of, seen_through
from symdiff.graph.special import SPECIAL
from symdiff.names import unique

IMPORT = """\
try:
    import cupy as {xp}
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "This module computes on a GPU with CuPy, which is not installed: pip install 'cupy-cuda12x[ctk]' (13x for CUDA 13)"
    ) from None
"""

# What is written for CuPy comes before what is written for NumPy. A GPU has threads and special functions of its own.
_HOST_ALONE = ("numpy/threads.py", "numpy/scratch.py", "numpy/error_functions.py", "numpy/sines.py")
_FILES = (
    *("cupy/arguments.py", "cupy/halves.py", "cupy/arrays.py", "cupy/linalg.py", "cupy/capture.py", "cupy/kernels.py"),
    *("cupy/memory.py", UNTHREADED, *(file for file in NUMPY_FILES if file not in _HOST_ALONE)),
)

# Of `scipy.special`, but not in CuPy 14.
_MISSING = frozenset(
    (
        *("airy", "ellipe", "elliprd", "elliprf", "elliprj", "erfi", "fresnel", "hyp2f1", "iv", "jv", "kv"),
        *("spence", "spherical_jn", "yv"),
    )
)


class CupyWriter(Writer):
    """Writes single nodes as CuPy expressions, where that is not what NumPy has."""

    sine_and_cosine = ""

    texts: dict[Node, Expression]

    def matrix_product(self, left: Expression, right: Expression) -> Expression:
        """By a helper: while a step is captured, CuPy refuses what `@` calls."""
        return self.helper("_matmul", left, right)

    def _reduction(self, node: Node) -> Expression:
        """CuPy has `reduce` of sums and products alone."""
        (x,), axes = node.args, reduced_axes(node)
        name = {"reduce_max": "max", "reduce_min": "min"}.get(node.op)
        if name is None:
            return super()._reduction(node)
        return method(self.texts[x], name, self._axis(x, axes))

    def _special(self, node: Node) -> Expression:
        """A function of `cupyx.scipy.special`, which lacks some and takes others of arrays alone."""
        missing = [name for name in called(SPECIAL[node.op].template) if name in _MISSING]
        if missing:
            raise UnsupportedError(
                f"{node.op} needs {missing[0]}, which cupyx.scipy.special does not have: compile for numpy, or write it as a "
                "function of your own with sd.register."
            )
        if node.op == "riemann_zeta":
            self.need("special:zeta")
            return call("_zeta", *self._given(node), Literal("1.0"))
        numbers = [a for a in node.args if self._is_weak(a)]
        known = {a: self.texts[a] for a in numbers}
        self.texts |= {a: call(f"{self.xp}.asarray", known[a], self.dtype) for a in numbers}
        written = super()._special(node)
        self.texts |= known
        return written

    def _erf(self, node: Node) -> Expression:
        self.need("special:erf")
        return call("_erf", *self._given(node))

    def _erfc_of(self, node: Node) -> Expression:
        self.need("special:erfc")
        return call("_erfc", self.texts[node.args[0]])


class HalfWriter(CupyWriter):
    """The same where arrays may be of half precision, which CuPy may add up in half precision."""

    def function(self, name: str) -> str:
        """A function of CuPy's, or the helper in its place."""
        helper = halves.CALLS.get(name)
        if helper is None:
            return super().function(name)
        self.need(helper)
        return helper

    def _reduction(self, node: Node) -> Expression:
        if node.op != "reduce_norm":
            return super()._reduction(node)
        (x,), axes = node.args, reduced_axes(node)
        return self.helper("_norm", self.texts[x], axis=self._axis(x, axes))


class DeviceChecker(Checker):
    """Writes the checks of a module for a GPU, where scalars are arrays too."""

    refused: str | None = None  # why the module takes no half precision, if it does not

    def functions(self) -> list[list[str]]:
        """As in other modules."""
        if self.refused:
            self.need("_without_halves")
        return super().functions()

    def endings(self) -> list[str]:
        """What makes checks refuse half precision."""
        if not self.refused:
            return []
        names = {name: tuple(entry.name for entry in inputs) for inputs, name in self._names.items()}
        return [f"{name} = _without_halves({name}, {given!r}, {self.refused!r})" for name, given in names.items()]

    def _fast(self, inputs: Sequence[Input]) -> list[str]:
        return []

    _fast_pointwise = _fast


class CupyModuleWriter(ModuleWriter):
    """Writes a module that computes with CuPy."""

    library_names: ClassVar[tuple[str, ...]] = ("cp", "cupy_", "cp_")
    runtime_file: ClassVar[str] = "_symdiff_runtime_cupy"
    writer_class: type[Writer] = HalfWriter
    checker_class: ClassVar[type[Checker]] = DeviceChecker
    runtime: ClassVar[Definitions] = Definitions(_FILES)
    unthreaded: ClassVar[Definitions] = runtime

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec)
        self.kernels: list[tuple[Kernel, KernelSource]] = []
        self.devices: dict[str, None] = {}
        self.memory: dict[str, Dim] = {}
        order = [node for unit in spec.units if unit.plan for node in unit.plan.order]
        if (why := halves.refused(order, spec.style)) is not None:
            assert isinstance(self.checker, DeviceChecker)
            self.checker.refused = why
            self.writer_class = CupyWriter

    def carried(self) -> list[Definition]:
        """What the module takes of the runtime: beside what its functions call, captured steps, kernels, advice on memory."""
        self.need("capture")
        if self.kernels:
            self.need("_Kernel")
        if self._large():
            self.need("_takes")
        if self._in_single():
            self.need("_in_single")
        return super().carried()

    def _in_single(self) -> list[str]:
        """The functions of the runtime that are to compute in single precision."""
        taken = halves.IN_SINGLE if self.writer_class is HalfWriter else ()
        return [name for name in taken if name in self.needed]

    @classmethod
    def library_imports(cls, library: str, runtime: Sequence[Definition]) -> list[str]:
        """The lines that import CuPy, or say that it is not there, and what the runtime needs of `cupyx`."""
        more = [*dict.fromkeys(line for found in runtime for line in found.imports if "cupy" in line)]
        return [*IMPORT.format(xp=library).rstrip().split("\n"), *([""] if more else []), *more]

    def special_imports(self, package: str) -> list[str]:
        """Special functions are in `cupyx.scipy.special`."""
        lines = super().special_imports("cupyx.scipy.special")
        return ["", *lines] if lines else []

    def in_parts(self, unit: Unit, flattened: bool) -> bool:
        """A GPU has all points at once."""
        return False

    def compute(self, unit: Unit, writer: FunctionWriter, flattened: bool) -> list[Function]:
        """Write the function as kernels and library calls; in plain style, as library calls alone."""
        assert unit.plan is not None
        self.memory[unit.name] = _entries(unit)
        if self.spec.style == "plain":
            writer.write(unit.plan.order, unit.roots)
            return []
        shape = self.shape if self.spec.pointwise and not flattened else None
        StepsWriter(unit.name, unit.steps, writer, self.kernels, self.devices, shape).write(unit.plan.order, unit.roots)
        return []

    def results(self, unit: Unit, writer: FunctionWriter, flattened: bool) -> list[Expression]:
        """The returned expressions: each an array of its own memory."""
        assert unit.plan is not None
        seen: set[Node] = set()
        computed = {node for kernel, _ in self.kernels for node in kernel.results}
        found: list[Expression] = []
        for root in unit.roots:
            text = writer.texts[root]
            if self.spec.pointwise and (flattened or root not in computed):
                self.need("_shaped")
                points = method(text, "reshape", Name(self.shape)) if flattened and root.shape else text
                found.append(call("_shaped", points, Name(self.shape), dotted(writer.dtype)))
            elif root.op in ("constant", "size"):
                found.append(call(f"{self.xp}.asarray", text, dotted(writer.dtype)))
            else:
                found.append(copied(root, text, seen))
        return found

    def endings(self) -> list[list[str]]:
        """What is in single precision, the kernels, and what functions say where memory is short."""
        assert isinstance(self.checker, DeviceChecker)
        found = [[f"{name} = _in_single({name})" for name in self._in_single()] + self.checker.endings()]
        if self.kernels:
            device = ['_DEVICE = """\\', *device_functions([*self.devices]).rstrip().split("\n"), '"""']
            found += [device, *(self._kernel(*kernel) for kernel in self.kernels)]
        large = self._large().items()
        found.append(
            [f"{name} = _takes({name}, lambda {', '.join(n.names)}, **_: {n}, SIGNATURE)" for name, n in large]
        )
        return found

    def _large(self) -> dict[str, Size]:
        """The functions whose memory depends on sizes, with how many entries that is."""
        return {name: needed for name, needed in self.memory.items() if isinstance(needed, Size)}

    def _kernel(self, kernel: Kernel, source: KernelSource) -> list[str]:
        form = "points" if self.spec.pointwise and kernel.form == "all" else kernel.form
        head = f'_{source.name} = _Kernel("{source.symbol}", "{form}", {source.ends}, "{source.types}", _DEVICE + """\\'
        return [head, *self._formulas(source), *source.text.split("\n"), '""")']

    def _formulas(self, source: KernelSource) -> list[str]:
        """The closed form of what a kernel results in, where it has one, as comments."""
        known = {line.partition(" = ")[0].replace(".", "_"): line for line in self.spec.closed_form}
        lines = [ascii_of(known[name]) for name in source.results if name in known]
        return [f"// {line}" for line in lines if " = (" not in line and line.isprintable() and not {*'"\\'} & {*line}]


@dataclass
class StepsWriter:
    """Writes the body of one function, step by step.

    Attributes
    ----------
    writer : of the function.
    kernels : what is written so far; extended.
    devices : names of the device functions that kernels use; extended.
    shape : in a pointwise module the variable that holds the shape of the arguments, else None.
    """

    name: str
    steps: Sequence[Step]
    writer: FunctionWriter
    kernels: list[tuple[Kernel, KernelSource]]
    devices: dict[str, None]
    shape: str | None = None

    def write(self, order: Sequence[Node], roots: Sequence[Node]) -> None:
        """Append the statements that compute the roots."""
        self.writer.broadcasts = False
        self.writer.write([node for node in order if node.op in LEAVES], roots)
        run: list[Node] = []
        for k, step in enumerate(self.steps):
            if isinstance(step, Node):
                run.append(step)
                continue
            self._calls(run, self.steps[k:], roots)
            run = []
            self._kernel(step)
        self._calls(run, (), roots)
        self._with_views(roots, roots)

    def _calls(self, run: Sequence[Node], later: Sequence[Step], roots: Sequence[Node]) -> None:
        """Library calls that come one after the other."""
        kept = {seen_through(x, axes_of(x.shape))[0] for step in later for x in _read(step)}
        self._with_views(run, [*roots, *(node for node in run if node in kept)])

    def _with_views(self, nodes: Sequence[Node], kept: Sequence[Node]) -> None:
        order: dict[Node, None] = {}
        for node in nodes:
            chain = [node] if node not in self.writer.texts else []
            while chain:
                top = chain[-1]
                missing = [x for x in top.args if x not in self.writer.texts and x not in order]
                if missing:
                    chain += missing[::-1]
                else:
                    order.setdefault(chain.pop())
        self.writer.write([*order], [], [node for node in kept if node in order and not is_view(node)])

    def _kernel(self, kernel: Kernel) -> None:
        writer, taken = self.writer, self.writer.taken
        names = {node: text.name if isinstance(text, Name) else "a" for node, text in writer.texts.items()}
        for node in kernel.results:
            names[node] = unique(writer.names.get(node) or self._numbered(), taken)
        name = f"{self.name}_{1 + sum(source.name.rpartition('_')[0] == self.name for _, source in self.kernels)}"
        pointwise = self.shape is not None
        kind = RowsWriter if kernel.form == "rows" else KernelWriter
        source = kind(name, kernel, names, lambda found: self.devices.setdefault(found), pointwise).write()
        self.kernels.append((kernel, source))
        arrays = [writer.texts[node] for node in source.arrays]
        given = [*arrays, *(Name(writer.sizes[size]) for size in source.sizes)]
        shapes = [Name(self.shape) if self.shape else writer.writer.shape(node.shape) for node in kernel.results]
        launch = call(f"_{name}", dotted(writer.dtype), self._count(kernel), Tuple(tuple(shapes)), *given)
        targets = [names[node] for node in kernel.results]
        writer.statements.append(Assign(variables(targets) if len(targets) > 1 else Name(targets[0]), launch))
        writer.texts |= {node: Name(names[node]) for node in kernel.results}

    def _numbered(self) -> str:
        self.writer.numbered += 1
        return f"t{self.writer.numbered}"

    def _count(self, kernel: Kernel) -> Expression:
        if self.shape:
            return Name(self.shape)
        cut = len(kernel.space) - kernel.kept if kernel.form == "columns" else kernel.kept
        parts = [kernel.space] if kernel.form == "all" else [kernel.space[:cut], kernel.space[cut:]]
        return Tuple(tuple(self.writer.writer.size(total(part)) for part in parts))


def _entries(unit: Unit) -> Dim:
    """How many entries of memory a function takes: of whatever its steps write."""
    kernels = [step for step in unit.steps if isinstance(step, Kernel)]
    calls = [step for step in unit.steps if isinstance(step, Node) and not is_view(step)]
    written = [*calls, *(node for kernel in kernels for node in kernel.results)]
    return sum((total(node.shape) for node in written), start=0)


def _read(step: Step) -> list[Node]:
    """The operands of a step."""
    nodes = [step] if isinstance(step, Node) else [*step.before, *step.nodes, *step.ends, *step.after]
    return [x for node in nodes for x in node.args]
