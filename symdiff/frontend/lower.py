"""The walk from a user's SymPy expressions to the graph: once, iteratively, by identity.

What each SymPy class means is in the tables of the dialects; here is only the walk, the symbols, and the place
that errors get their sub-expression and file from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from symdiff.errors import ModelError, SymdiffError, UnsupportedError, located, warn
from symdiff.frontend import indexed, linalg, matrix, reductions, scalar, tensor
from symdiff.frontend.accepted import SYMBOLS
from symdiff.frontend.declare import declare, dimension, warn_unused
from symdiff.frontend.indices import free_indices
from symdiff.frontend.numbers import built
from symdiff.frontend.printing import one_line
from symdiff.frontend.registered import registered_rule
from symdiff.frontend.rule import Rule
from symdiff.frontend.special import refusal
from symdiff.frontend.whole import as_scalar, check_commutes
from symdiff.functions.given import as_sympy
from symdiff.functions.printing import text
from symdiff.graph.inputs import Input
from symdiff.graph.leaves import size
from symdiff.graph.node import Node, topological
from symdiff.graph.program import Declarations, Program
from symdiff.graph.size import Dim, names_of, spelled
from symdiff.graph.solve import derivable
from symdiff.names import check_characters, identifiers

RULES: dict[type, Rule] = {
    **scalar.RULES,
    **reductions.RULES,
    **matrix.RULES,
    **linalg.RULES,
    **tensor.RULES,
    **indexed.RULES,
}


def lower(model: Any) -> Program:
    """Check a model and lower its expressions; every error names the sub-expression and the `Model(...)` call."""
    with located(model.place):
        return _lower(model)


def _lower(model: Any) -> Program:
    check_characters(model.name)
    declarations = declare(model)
    walk = Walk(declarations, model.place)
    objective = None if model.objective is None else _objective(walk, model.objective)
    output_names = identifiers(list(model.outputs), "outputs")
    outputs = {output_names[key]: _output(walk, expression) for key, expression in model.outputs.items()}
    names = {node: name for name, node in outputs.items() if node.args}
    label = identifiers(list(model.named), "named expressions")
    for key, expression in model.named.items():
        names[walk.lower(expression)] = label[key]
    roots = [*outputs.values(), *([objective] if objective is not None else [])]
    warn_unused(declarations.inputs, set(topological(roots)), model.place)
    words = {node: names.get(node, text) for node, text in walk.words.items()}
    arguments = {name: _used(declarations.inputs, node) for name, node in outputs.items()}
    return Program(model.name, model.place, declarations, objective, outputs, arguments, names, words)


def _output(walk: Walk, expression: Any) -> Node:
    """An output may have free indices, which are its axes."""
    found = indexed.output(walk, expression)
    return walk.lower(expression) if found is None else found


def _used(inputs: Sequence[Input], root: Node) -> tuple[Input, ...]:
    """The declared symbols an output takes: those it depends on, and one that gives each size it needs."""
    order = set(topological([root]))
    found = [declared for declared in inputs if declared.node in order]
    lengths = {dim for entry in found for dim in entry.node.shape}
    needed = {*names_of(dim for node in order for dim in _sizes_in(node) if dim not in lengths)}
    missing = needed - derivable([entry.node.shape for entry in found])
    for declared in inputs:
        if declared in found or missing.isdisjoint(names_of(declared.node.shape)):
            continue
        given = derivable([*(entry.node.shape for entry in found), declared.node.shape])
        if not missing.isdisjoint(given):
            found.append(declared)
            missing -= given
    return tuple(declared for declared in inputs if declared in found)


def _sizes_in(node: Node) -> tuple[Dim, ...]:
    return (*node.shape, *(node.attributes[:1] if node.op == "size" else ()))


def _objective(walk: Walk, expression: Any) -> Node:
    if free := free_indices(expression):
        names = ", ".join(map(str, free))
        raise ModelError(
            f"The objective must be a scalar, but no Sum binds its index {names}: write sp.Sum(..., {free[0]}), or give it "
            "as outputs={'y': ...}.",
            expression=text(expression),
        )
    node, rule = walk.lower(expression), walk.rule(expression)
    if rule is None or not rule.array:
        node = as_scalar(node)
    if node.shape and not walk.declarations.pointwise:
        shape = spelled(node.shape)
        remedy = "give it as outputs={'y': ...} for its Jacobian, or reduce it: sd.sum(...) or sd.mean(...)"
        raise ModelError(
            f"The objective must be a scalar, but its shape is {shape}; a gradient is of a scalar: {remedy}.",
            expression=text(expression),
        )
    return node


@dataclass
class Walk:
    """The state of lowering one model: what symbols stand for, and what was lowered already."""

    declarations: Declarations
    place: str
    broadcasting: bool = False  # operands of scalar functions broadcast as NumPy's: inside tensors and written-out sums
    words: dict[Node, str] = field(default_factory=dict)  # matrix that is factorised -> the user's words for it
    _memo: dict[int, tuple[Any, Node]] = field(default_factory=dict)
    _bound: dict[Any, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._symbols: Mapping[Any, Node] = self.declarations.nodes

    @property
    def samples(self) -> Dim | None:
        """The size of the sample axis."""
        return self.declarations.samples

    @property
    def entrywise(self) -> bool:
        """Whether this is the body of an entrywise function, where an operand stands for each entry of a matrix."""
        return bool(self._bound)

    def lower(self, expression: Any) -> Node:
        """The node of an expression."""
        stack: list[tuple[Any, Sequence[Any] | None]] = [(expression, None)]
        while stack:
            part, children = stack.pop()
            if id(part) in self._memo:
                continue
            rule = self.rule(part)
            if children is None and rule is not None and (children := tuple(rule.children(part))):
                stack.append((part, children))
                stack.extend((child, None) for child in reversed(children))
            else:
                self._memo[id(part)] = (part, self._build(part, rule, children or ()))
        return self._memo[id(expression)][1]

    def apply(self, function: Any, arguments: Sequence[Node], broadcasting: bool = False) -> Node:
        """The node of a `Lambda` applied to nodes."""
        inner = Walk(self.declarations, self.place, broadcasting)
        inner._bound = {**self._bound, **dict(zip(function.variables, arguments, strict=True))}
        return inner.lower(function.expr)

    def broadcast(self) -> Walk:
        """The walk with scalar operations whose operands broadcast."""
        inner = Walk(self.declarations, self.place, True)
        inner._bound = self._bound
        return inner

    def alone(self) -> Walk:
        """A walk of expressions that hold no symbols of the model."""
        return Walk(Declarations((), {}, None, False), self.place)

    def dimension(self, expression: Any) -> Dim:
        """A SymPy size."""
        return dimension(as_sympy(expression, "A size"), self.declarations.sizes)

    def describe(self, node: Node, expression: Any) -> None:
        """Keep the user's words for a matrix that is to be factorised, which can fail when it runs."""
        self.words.setdefault(node, text(expression, one_line))

    def warn(self, message: str) -> None:
        """Something allowed but probably not meant."""
        warn(message, self.place)

    def rule(self, part: Any) -> Rule | None:
        """How a SymPy class is lowered: by the row of the most special of its bases that has one."""
        if (own := registered_rule(type(part))) is not None:
            return own
        for cls in type(part).__mro__:
            if cls in RULES:
                return RULES[cls]
        return None

    def _build(self, part: Any, rule: Rule | None, children: Sequence[Any]) -> Node:
        try:
            check_commutes(part)
            if isinstance(part, SYMBOLS):
                return self._symbol(part)
            if rule is None:
                raise UnsupportedError(refusal(part))
            node = built(self, rule, part, children, [self._memo[id(child)][1] for child in children])
        except SymdiffError as error:
            error.expression = error.expression or text(part)
            raise
        return node

    def _symbol(self, symbol: Any) -> Node:
        if symbol in self._bound:
            return self._bound[symbol]
        if symbol in self._symbols:
            return self._symbols[symbol]
        if symbol in self.declarations.sizes:
            return size(self.declarations.sizes[symbol])
        same = [known for known in self._symbols if str(known.name) == str(symbol.name)]
        if same:
            raise ModelError(
                f"Two different symbols are called {symbol}: the declared one and one in the expression; their assumptions "
                "or shapes differ. Create the symbol once and use it everywhere."
            )
        raise ModelError(f"The symbol {symbol} is not declared: add it to params, data or constants.")
