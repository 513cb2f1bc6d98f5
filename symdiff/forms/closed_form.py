"""From the graph back to SymPy, in the dialect the model was written in.

A node without axes is a scalar expression, and so is one that has only the sample axis; a node with two axes is a matrix
expression, one with a single other axis a column. What has no such form (a product over samples of its other entries, say)
is refused with a message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symdiff.errors import UnsupportedError
from symdiff.forms import matrix as matrix_form, matrix_sums
from symdiff.frontend.scalar import OPERATIONS
from symdiff.frontend.special import CLOSED_FORMS
from symdiff.functions import elementwise as own
from symdiff.functions.elementwise import EntrywiseFunction
from symdiff.functions.linalg import held
from symdiff.functions.reductions import AxisFunction, AxisReduction, Reduction
from symdiff.graph.axes import reduced_axes
from symdiff.graph.contraction import Contraction
from symdiff.graph.node import Node, topological
from symdiff.graph.ops import LINALG, REDUCTIONS
from symdiff.graph.program import ENTRIES, Declarations
from symdiff.graph.size import Dim, Size
from symdiff.graph.softmax import softmax_of

# operation -> the SymPy expression of its operands'
FUNCTIONS: dict[str, Any] = {
    **{op: cls for cls, op in OPERATIONS.items()},
    **CLOSED_FORMS,
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "pow": lambda a, b: a**b,
    "sqrt": sp.sqrt,
    "cbrt": lambda a: sp.sign(a) * sp.Abs(a) ** sp.Rational(1, 3),
    "expm1": lambda a: sp.exp(a) - 1,
    "log1p": lambda a: sp.log(1 + a),
    "hypot": lambda a, b: sp.sqrt(a**2 + b**2),
    "logaddexp": lambda a, b: sp.log(sp.exp(a) + sp.exp(b)),
    "logcosh": lambda a: sp.log(sp.cosh(a)),
    "log1mexp": lambda a: sp.log(1 - sp.exp(a)),
    "weighted": lambda a, x: a * x,
    "and": sp.And,
    "or": sp.Or,
    "xor": sp.Xor,
    "not": sp.Not,
    "cast": lambda a: own.where(a, 1, 0) if _is_condition(a) else a,
}


_MANY_AXES = "An intermediate with more than two axes has no closed form in SymPy."


@dataclass(frozen=True)
class NoForm:
    """Stands where a derivative has no closed form in the dialect of its model, and says why."""

    reason: str

    def __str__(self) -> str:
        return f"({self.reason.rstrip('.')})"


def closed_forms(
    roots: Sequence[Node], declarations: Declarations, named: Mapping[Node, str] | None = None
) -> list[Any]:
    """The SymPy expression of each root, or a `NoForm`; nodes in `named` stand as symbols of those names (except as roots)."""
    writer = ClosedForm(declarations, named or {})
    for node in topological(roots):
        if node.dtype != "bool" or node.ndim < 2:
            writer.convert(node)
    found = [writer.own[root] for root in roots]
    if named is not None:
        return found
    return [
        form if isinstance(form, NoForm) or writer.is_matrix(root) or root.ndim == 0 else writer.of_each_sample(form)
        for root, form in zip(roots, found, strict=True)
    ]


class ClosedForm:
    """Converts nodes, operands first.

    Attributes
    ----------
    own : node -> its expression.
    used : node -> how it is written where it is an operand: its expression, or the symbol it is named by.
    """

    def __init__(self, declarations: Declarations, named: Mapping[Node, str]) -> None:
        self.declarations, self.named = declarations, named
        self.symbols = {entry.node: entry.symbol for entry in declarations.inputs}
        self.sizes = {size: symbol for symbol, size in declarations.sizes.items()}
        self.own: dict[Node, Any] = {}
        self.used: dict[Node, Any] = {}
        self._matrices: dict[Node, bool] = {}

    def convert(self, node: Node) -> None:
        """Find the expression of a node whose operands were converted."""
        self.own[node] = self._form(node)
        self.used[node] = held(self.own[node])
        name = self.named.get(node)
        if name is not None and node.op != "input":
            self.used[node] = self.name(node, name)

    def written(self, node: Node) -> Any:
        """How an operand is written; what has no form is no operand."""
        found = self.used[node]
        if isinstance(found, NoForm):
            raise UnsupportedError(found.reason)
        return found

    def _form(self, node: Node) -> Any:
        try:
            if node.op not in ("contract", "reshape"):  # which may do without some of their operands
                for operand in node.args:
                    if operand in self.used:
                        self.written(operand)
            return self._expression(node)
        except UnsupportedError as error:
            return NoForm(error.message)
        except Exception as error:  # SymPy's own, of any class: it gets sizes wrong, or wants to know what it cannot
            return NoForm(f"SymPy cannot hold the closed form: {error}.")

    def name(self, node: Node, name: str) -> Any:
        """The symbol of a node that has a name."""
        if node.ndim > 2:
            return NoForm(_MANY_AXES)
        return sp.MatrixSymbol(name, *self.shape(node)) if self.is_matrix(node) else sp.Symbol(name)

    def is_matrix(self, node: Node) -> bool:
        """Whether a node stands for a matrix (or a column) rather than a scalar: for rows of a matrix too."""
        if node not in self._matrices:
            alone = node.shape[0] != self._scalar_axis() if node.ndim == 1 else node.ndim == 2
            rows = node.ndim == 1 and node.op != "input" and any(operand.ndim for operand in node.args)
            self._matrices[node] = alone or (rows and all(self.is_matrix(a) for a in node.args if a.ndim))
        return self._matrices[node]

    def _scalar_axis(self) -> Size | None:
        """The axis that scalar expressions carry: the shape of a pointwise model, or the sample axis of scalar data."""
        if self.declarations.pointwise:
            return ENTRIES
        samples = self.declarations.samples
        inputs = self.declarations.inputs
        scalar_data = any(not entry.has_axes and entry.node.shape == (samples,) for entry in inputs)
        return samples if scalar_data else None

    def of_each_sample(self, expression: Any) -> Any:
        """A scalar expression with the sample axis in it, also where it is the same for all samples."""
        axis = self._scalar_axis()
        data = [
            entry.symbol for entry in self.declarations.inputs if not entry.has_axes and entry.node.shape == (axis,)
        ]
        reduced = {part: sp.Dummy() for part in expression.atoms(Reduction)}
        if self.declarations.pointwise or expression.xreplace(reduced).free_symbols & set(data):
            return expression
        return own.where(sp.Gt(data[0], 0, evaluate=False), expression, expression)

    def shape(self, node: Node) -> tuple[Any, Any]:
        """The shape of the matrix a node stands for; one axis is a column."""
        dims = node.shape if node.ndim == 2 else (*node.shape, 1)
        rows, columns = (self.size(dim) for dim in dims)
        return rows, columns

    def size(self, dim: Dim) -> Any:
        """A size as a SymPy expression."""
        if not isinstance(dim, Size):
            return sp.Integer(dim)
        total = sp.Integer(0)
        for names, factor in dim.terms:
            term = sp.Integer(factor)
            for name in names:
                symbol = self.sizes.get(Size.named(name))
                term *= Reduction("sum", 1) if symbol is None else symbol
            total += term
        return total

    def _expression(self, node: Node) -> Any:
        if node.op == "input":
            return self.symbols[node]
        if node.op == "constant":
            return number(node.attributes[0])
        if node.op == "size":
            return self.size(node.attributes[0])
        if node.ndim > 2:
            raise UnsupportedError(_MANY_AXES)
        if node.op == "contract":
            return self._contraction(node)
        if node.op in REDUCTIONS:
            return self._reduction(node)
        if node.op == "stack" and len(node.attributes[0]) == 2:
            return sp.ImmutableMatrix(*node.attributes[0], [self.used[entry] for entry in node.args])
        if node.op == "index":
            return matrix_form.entry_or_slice(self, node)
        if node.op in LINALG:
            return matrix_form.linear_algebra(self, node)
        if node.op == "concatenate":
            return matrix_form.joined(self, node)
        if node.op == "reshape":
            return matrix_sums.kronecker(self, node)
        if node.op == "place":
            return matrix_form.placed(self, node)
        if node.op == "select" or node.op in FUNCTIONS:
            return self._elementwise(node)
        raise UnsupportedError(f"{node.op} has no closed form in SymPy.")

    def _reduction(self, node: Node) -> Any:
        (x,), axes = node.args, reduced_axes(node)
        name = node.op.removeprefix("reduce_")
        if x.ndim == 2 and len(axes) == 1:
            reduced = AxisReduction(name, self.used[x], axes[0])
            return reduced if axes[0] == 1 else reduced.T
        return Reduction(name, self.used[x])

    def _contraction(self, node: Node) -> Any:
        if self.is_matrix(node) or any(operand.ndim > 1 or self.is_matrix(operand) for operand in node.args):
            return matrix_sums.contraction(self, node)
        work = Contraction.of(node)
        repeats = any(len(set(labels)) < len(labels) for labels in (work.out, *(labels for _, labels in work.operands)))
        if repeats or node.ndim > 1:
            raise UnsupportedError("Derivatives of one sample by another have no closed form in SymPy.")
        product = sp.Mul(*(self.written(operand) for operand in node.args))
        return Reduction("sum", product) if work.summed() else product

    # Elementwise

    def _elementwise(self, node: Node) -> Any:
        if node.ndim == 2 and (softmax := softmax_of(node)) is not None and len(softmax[1]) == 1:
            return AxisFunction("softmax", self.used[softmax[0]], softmax[1][0])
        if self.is_matrix(node):
            return self._entrywise(node)
        if node.op == "div" and node.args[1].op == "size" and node.args[1].attributes[0] == self._scalar_axis():
            mean = _as_mean(self.used[node.args[0]])
            if mean is not None:
                return mean
        return self._apply(node, [self.used[operand] for operand in node.args])

    def _apply(self, node: Node, operands: Sequence[Any]) -> Any:
        if node.op == "select":
            condition, yes, no = operands
            return sp.Piecewise((yes, condition)) if no is sp.nan else own.where(condition, yes, no)
        if node.op not in FUNCTIONS:
            raise UnsupportedError(f"{node.op} has no closed form in SymPy.")
        return FUNCTIONS[node.op](*operands)

    def _entrywise(self, node: Node) -> Any:
        """Matrix algebra where it has the operation, else an entrywise function of the matrices below."""
        operands = [matrix_form.repeated(self, operand, node) for operand in node.args if operand.dtype != "bool"]
        algebra = matrix_form.algebra(node.op, operands)
        if algebra is not None:
            return algebra
        places: dict[Node, Any] = {}
        body = self._scalar_body(node, places, top=True)
        matrices = [matrix_form.repeated(self, operand, node) for operand in places]
        if len(matrices) == 1 and getattr(matrices[0], "shape", (1, 1)) != (1, 1):
            return matrices[0].applyfunc(sp.Lambda(next(iter(places.values())), body))
        return EntrywiseFunction(sp.Lambda(tuple(places.values()), body), *matrices)

    def _scalar_body(self, node: Node, places: dict[Node, Any], top: bool = False) -> Any:
        """An elementwise operation, and the conditions inside it, as a scalar expression of placeholders."""
        if node.op == "constant" or not (top or node.dtype == "bool"):
            if node.op == "constant":
                return self.used[node]
            return places.setdefault(node, sp.Dummy(f"d{len(places)}"))
        return self._apply(node, [self._scalar_body(operand, places) for operand in node.args])


def number(value: float) -> Any:
    """A constant as an exact number where it is a short fraction, so that closed forms read as a person writes them."""
    if isinstance(value, bool):
        return sp.true if value else sp.false
    if value != value:
        return sp.nan
    if value in (float("inf"), float("-inf")):
        return sp.oo if value > 0 else -sp.oo
    short = sp.Rational(value).limit_denominator(1000)
    return short if float(short) == value else sp.Float(value, 17)


def _is_condition(expression: Any) -> bool:
    return bool(getattr(expression, "is_Boolean", False) or getattr(expression, "is_Relational", False))


def _as_mean(total: Any) -> Any:
    """factor * sum(e) as factor * mean(e); None where `total` is no such product."""
    factors = list(total.args) if total.is_Mul else [total]
    sums = [factor for factor in factors if isinstance(factor, Reduction) and factor.name == "sum"]
    if len(sums) != 1:
        return None
    factors[factors.index(sums[0])] = Reduction("mean", sums[0].argument)
    return sp.Mul(*factors)
