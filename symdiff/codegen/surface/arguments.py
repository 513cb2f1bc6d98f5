"""The checks at the head of every generated function: one comparison where all is well, an exact message where not."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from symdiff.codegen.expression import Name, Verbatim
from symdiff.codegen.layout import WIDTH
from symdiff.codegen.program import Assign, Statement, docstring, indent, wrapped
from symdiff.errors import ModelError
from symdiff.graph.inputs import Bundle, Input, Unit
from symdiff.graph.size import Dim, Size, names_of
from symdiff.graph.solve import Solution, plain, solutions, unknown_size
from symdiff.names import unique


class Checker:
    """Writes the checks of a module; functions with the same arguments share one.

    Parameters
    ----------
    need : called with the name of each function of the runtime that the checks use.
    """

    def __init__(self, pointwise: bool, xp: str, shape: str, need: Callable[[str], None]) -> None:
        self.pointwise, self.xp, self.shape, self.need = pointwise, xp, shape, need
        self._names: dict[tuple[Input, ...], str] = {}
        self._taken: set[str] = set()

    def statements(self, unit: Unit) -> list[Statement]:
        """The statements that check a function's arguments; none where there are none."""
        if not unit.inputs:
            return []
        wanted = "_arguments" if unit.output is None else f"_arguments_of_{unit.output}"
        check = self._names.get(unit.inputs) or self._names.setdefault(unit.inputs, unique(wanted, self._taken))
        names = ", ".join(entry.name for entry in unit.inputs)
        targets = names + (f", {self.shape}" if self.pointwise else "," if len(unit.inputs) == 1 else "")
        found: list[Statement] = [Assign(Verbatim(targets), Verbatim(f"{check}({names})"))]
        checks = {"direction": self._direction, "cotangent": self._cotangent}
        for bundle in unit.bundles:
            self.need(f"_{bundle.role}")
            found.append(checks[bundle.role](unit, bundle))
        return found

    def _direction(self, unit: Unit, bundle: Bundle) -> Statement:
        """That a direction has an array like each input it is a direction of."""
        like = ", ".join(f'"{entry.name}": {entry.name}' for entry in unit.wrt)
        if self.pointwise:
            like = ", ".join(
                f'"{entry.name}": {self.xp}.broadcast_to({entry.name}, {self.shape})' for entry in unit.wrt
            )
        targets = ", ".join(node.attributes[0] for node in bundle.nodes)
        comma = "," if len(bundle.nodes) == 1 else ""
        check = f'_direction("{bundle.name}", {bundle.name}, {{{like}}})'
        return Assign(Verbatim(targets + comma), Verbatim(check))

    def _cotangent(self, unit: Unit, bundle: Bundle) -> Statement:
        """That a cotangent is an array like the output."""
        (u,) = bundle.nodes
        dtype = next(
            (f"{entry.name}.dtype" for entry in unit.inputs if entry.node.dtype == "float"), f"{self.xp}.float64"
        )
        shape = self.shape if self.pointwise else shape_source(u.shape, unit.inputs)
        return Assign(Name(u.attributes[0]), Verbatim(f'_cotangent("{bundle.name}", {bundle.name}, {shape}, {dtype})'))

    def functions(self) -> list[list[str]]:
        """The source of the checks."""
        self.need("_convert_points" if self.pointwise else "_convert")
        return [self._check(name, inputs) for inputs, name in self._names.items()]

    def _check(self, name: str, inputs: tuple[Input, ...]) -> list[str]:
        names = ", ".join(entry.name for entry in inputs)
        body = docstring("Return the arguments as arrays of one floating dtype; raise for one that does not fit.")
        solved = [] if self.pointwise else solutions([entry.node.shape for entry in inputs])
        body += self._fast_pointwise(inputs) if self.pointwise else [] if solved else self._fast(inputs)
        comma = "," if len(inputs) == 1 else ""
        if self.pointwise:
            body += wrapped(f"return _convert_points({tuple(entry.name for entry in inputs)!r}, ({names}{comma}))")
        else:
            declared = [f'"{entry.name}": ({_declared(entry.node.shape)}, "{entry.node.dtype}"),' for entry in inputs]
            body += ["return _convert(", "    {", *indent(indent(declared)), "    },", f"    ({names}{comma}),"]
            body += [f"    ({', '.join(_solver(solution, inputs) for solution in solved)},),"] if solved else []
            body.append(")")
        return [*wrapped(f"def {name}({names}):"), *indent(body)]

    def _fast(self, inputs: Sequence[Input]) -> list[str]:
        """Every array already of one floating dtype and the declared shape."""
        if _hostile(inputs):
            return []
        arrays = [entry for entry in inputs if entry.node.shape]
        lead = next((entry.name for entry in arrays if entry.node.dtype == "float"), None)
        if lead is None or any(entry.node.dtype != "float" for entry in inputs):
            return []
        scalars = [entry.name for entry in inputs if not entry.node.shape]
        kind = unique("kind", {entry.name for entry in inputs})
        self.need("_FLOATING")
        conditions = [" is ".join(f"type({entry.name})" for entry in arrays) + f" is {self.xp}.ndarray"]
        conditions.append(" is ".join(f"{entry.name}.dtype" for entry in arrays) + " in _FLOATING")
        if len(arrays) > 1:
            conditions[-1] = conditions[-1].replace(" in _", f" and {lead}.dtype in _")
        conditions += _shape_conditions(arrays)
        conditions = [("" if i == 0 else "and ") + text for i, text in enumerate(conditions)]
        broken = [line for text in conditions for line in textwrap.wrap(text, WIDTH - 8, subsequent_indent="    ")]
        lines = ["if (", *indent(broken), "):"]
        inner = []
        if scalars:
            inner.append(f"{kind} = {lead}.dtype.type")
            inner += [
                *_if(f"{' is '.join(f'type({name})' for name in scalars)} is {kind}"),
                f"    return {', '.join(entry.name for entry in inputs)}",
            ]
            tests = [f"type({name}) in ({kind}, float)" for name in scalars]
            returned = ", ".join(f"{kind}({entry.name})" if not entry.node.shape else entry.name for entry in inputs)
            inner += ["if (", *indent([("" if i == 0 else "and ") + test for i, test in enumerate(tests)]), "):"]
            inner += indent(wrapped(f"return ({returned})", WIDTH - 12))
        else:
            inner.append("return " + ", ".join(entry.name for entry in inputs) + ("," if len(inputs) == 1 else ""))
        return [*lines, *indent(inner)]

    def _fast_pointwise(self, inputs: Sequence[Input]) -> list[str]:
        if _hostile(inputs):
            return []
        self.need("_FLOATING")
        names = [entry.name for entry in inputs]
        first = names[0]
        types = " is ".join(f"type({name})" for name in names)
        dtypes = (
            " is ".join(f"{name}.dtype" for name in names) + f" and {first}.dtype"
            if len(names) > 1
            else f"{first}.dtype"
        )
        shapes = " == ".join(f"{name}.shape" for name in names) + " and " if len(names) > 1 else ""
        returned = ", ".join(names)
        floats = ", ".join(f"{self.xp}.float64({name})" for name in names)
        scalars = f"{types} and type({first})" if len(names) > 1 else types
        return [
            *_if(f"{types} is {self.xp}.ndarray and {dtypes} in _FLOATING"),
            *indent(_if(f"{shapes}{first}.ndim and {first}.size")),
            f"        return {returned}, {first}.shape",
            *_if(f"{scalars} in ({self.xp}.float64, float)", "elif"),
            *indent(wrapped(f"return ({floats}, ())" if len(floats) > WIDTH - 24 else f"return {floats}, ()")),
        ]


def _if(condition: str, word: str = "if") -> list[str]:
    """The head of a branch; a long condition is broken between its words."""
    if len(condition) + len(word) + 2 <= WIDTH - 8:
        return [f"{word} {condition}:"]
    return [f"{word} (", *indent(textwrap.wrap(condition, WIDTH - 12)), "):"]


def _hostile(inputs: Sequence[Input]) -> bool:
    """Whether an argument hides a builtin that the fast check calls."""
    return any(entry.name in ("type", "float") for entry in inputs)


def _shape_conditions(arrays: Sequence[Input]) -> list[str]:
    """Each shape against what earlier arrays settled."""
    known: dict[str, str] = {}
    found = []
    for entry in _settling_first(arrays):
        dims = entry.node.shape
        expected = []
        fresh = []
        for axis, dim in enumerate(dims):
            text = _known(dim, known)
            if (
                text is None
                and isinstance(dim, Size)
                and len(dim.terms) == 1
                and dim.terms[0][1] == 1
                and len(dim.terms[0][0]) == 1
            ):
                place = f"{entry.name}.shape[{axis}]"
                known[dim.names[0]] = place
                fresh.append(place)
                text = place
            expected.append(text or f"{entry.name}.shape[{axis}]")
        if len(fresh) == len(dims):
            found.append(f"{entry.name}.ndim == {len(dims)}")
        else:
            # ndim first: the expected shape may read the array's own axes
            own = (
                f"{entry.name}.ndim == {len(dims)} and "
                if any(text.startswith(f"{entry.name}.") for text in expected)
                else ""
            )
            found.append(f"{own}{entry.name}.shape == ({', '.join(expected)}{',' if len(dims) == 1 else ''})")
    found.append(" and ".join(f"{entry.name}.size" for entry in arrays))
    return found


def _settling_first(arrays: Sequence[Input]) -> list[Input]:
    """The arrays in an order in which each derived size comes after the sizes it is made of."""
    left, found = list(arrays), []
    known: set[str | None] = set()
    while left:
        entry = next((e for e in left if {*names_of(e.node.shape)} <= known | {*map(plain, e.node.shape)}), left[0])
        left.remove(entry)
        found.append(entry)
        known |= {*map(plain, entry.node.shape)}
    return found


def _known(dim: Dim, known: dict[str, str]) -> str | None:
    if not isinstance(dim, Size):
        return str(dim)
    if all(name in known for name in dim.names):
        return str(Size(tuple((tuple(known[name] for name in names), k) for names, k in dim.terms)))
    return None


def _declared(shape: Sequence[Dim]) -> str:
    """A shape as the checks hold it: numbers, names, and for derived sizes (text, names, function)."""
    parts = []
    for dim in shape:
        if not isinstance(dim, Size):
            parts.append(str(dim))
        elif str(dim) == dim.names[0]:
            parts.append(f'"{dim}"')
        else:
            names = ", ".join(f'"{name}"' for name in dim.names)
            parts.append(f'("{dim}", ({names},), lambda {", ".join(dim.names)}: {dim})')
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _solver(solution: Solution, inputs: Sequence[Input]) -> str:
    """A size that no axis has alone, as the checks hold it: (name, argument, axis, names, function)."""
    length = unique("length", set(solution.needs))
    names = ", ".join(f'"{name}"' for name in solution.needs) + ("," if len(solution.needs) == 1 else "")
    formula = solution.source(length, {name: name for name in solution.needs})
    function = f"lambda {', '.join((length, *solution.needs))}: {formula}"
    return f'("{solution.name}", "{inputs[solution.array].name}", {solution.axis}, ({names}), {function})'


def size_sources(inputs: Sequence[Input], length: str = "{}.shape[{}]") -> dict[str, str]:
    """Each size that the arguments tell, as source in terms of them; `length` is that of an axis."""
    known: dict[str, str] = {}
    for entry in inputs:
        for axis, dim in enumerate(entry.node.shape):
            if (name := plain(dim)) is not None:
                known.setdefault(name, length.format(entry.name, axis))
    for solution in solutions([entry.node.shape for entry in inputs]):
        place = length.format(inputs[solution.array].name, solution.axis)
        known[solution.name] = f"({solution.source(place, known)})"
    return known


def shape_source(shape: Sequence[Dim], inputs: Sequence[Input]) -> str:
    """A shape in terms of the arguments that have its sizes."""
    known = size_sources(inputs)
    for name in names_of(shape):
        if name not in known:
            raise ModelError(unknown_size(name))
    parts = [str(_known(dim, known)) for dim in shape]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
