"""Evaluation of a SymPy expression, node by node, at one point.

The walk is iterative and remembers every node by identity, so depth and sharing cost nothing. Derivatives need three
kinds of evaluation of one expression, which this class links:

- the *decider*, at the user's values: it decides every branch, tie and jump;
- the *base* of a derivative: the decider itself, or a copy with simulated rounding errors;
- evaluations beside the base: they keep the decider's choices and the base's value of each `stop_gradient`, and reuse
  the base's value of each node that nothing they moved reaches.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce
from typing import Any

import numpy as np
import sympy as sp
from sympy.matrices.matrixbase import MatrixBase

from symdiff.reference import indexed, kinks, special, tensors
from symdiff.reference.arrays import Array, Context, align, as_array, entrywise, fold, numeric, to_numbers, unbox
from symdiff.reference.matrices import EXACT, MATRIX
from symdiff.reference.reductions import normalise, reduce_axes, reduce_replicated
from symdiff.reference.special import NoReferenceError, by_sympy, from_sympy

Environment = Mapping[Any, Array]
Rule = Callable[["Interpreter", Any, list[Any]], Array]

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "Equality": operator.eq,
    "Unequality": operator.ne,
    "StrictLessThan": operator.lt,
    "LessThan": operator.le,
    "StrictGreaterThan": operator.gt,
    "GreaterThan": operator.ge,
}
LOGIC: dict[str, Callable[..., Any]] = {
    "And": lambda *p: reduce(np.logical_and, p),
    "Or": lambda *p: reduce(np.logical_or, p),
    "Not": np.logical_not,
    "Xor": lambda *p: reduce(np.logical_xor, p),
    "Implies": lambda p, q: np.logical_or(np.logical_not(p), q),
    "Equivalent": lambda p, *others: reduce(np.logical_and, [np.equal(p, q) for q in others]),
    "ITE": np.where,
}


class Noise:
    """Relative errors of a given size and random sign, the same for a node whenever it is evaluated."""

    def __init__(self, context: Context, size: Any, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._factors = np.array([1 - size, 1 + size], dtype=object)
        self._drawn: dict[Any, Array] = {}

    def apply(self, key: Any, value: Array) -> Array:
        """`value`, each entry with its own error."""
        key = (key, value.shape)
        if key not in self._drawn:
            self._drawn[key] = self._factors[self._random.integers(2, size=value.shape)]
        return as_array(value * self._drawn[key])


class Interpreter:
    """The values of expressions at one point.

    Parameters
    ----------
    context : mpmath.mp or mpmath.fp.
    environment : symbol -> array of context numbers, as `bind` makes it.
    samples : the number of samples, where it is known.
    decider, base : other evaluations of the same expression, as explained above; None means this one is it.
    noise : simulated rounding errors of every operation.
    """

    def __init__(
        self,
        context: Context,
        environment: Environment,
        samples: int | None,
        *,
        decider: Interpreter | None = None,
        base: Interpreter | None = None,
        noise: Noise | None = None,
    ) -> None:
        self.context = context
        self.environment = environment
        self.samples = samples
        self.decider = decider or self
        self.base = base
        self.noise = noise
        self.memo: dict[int, Array] = {}
        self.scopes: dict[Any, Interpreter] = {}
        # The parts of each node, read once: some SymPy classes make new objects at each access. Holding the node
        # itself keeps its id from being reused.
        self._parts: dict[int, tuple[Any, list[Any]]] = {} if decider is None else decider._parts

    def value(self, root: Any) -> Array:
        """The value of an expression; nodes already known are not evaluated again."""
        stack = [root]
        while stack:
            node = stack[-1]
            if id(node) in self.memo:
                stack.pop()
                continue
            needed = self._needed(node)
            missing = [part for part in needed if id(part) not in self.memo]
            if missing:
                stack.extend(reversed(missing))
                continue
            self.memo[id(node)] = self._compute(node, needed)
            stack.pop()
        return self.memo[id(root)]

    def parts(self, node: Any) -> list[Any]:
        """The sub-expressions of a node; for one with branches: condition, branch, condition, branch, ..."""
        if id(node) not in self._parts:
            self._parts[id(node)] = (node, _parts(node))
        return self._parts[id(node)][1]

    def at(self, node: Any) -> Array:
        """The value of a node where branches and ties are decided."""
        return self.decider.memo[id(node)]

    def _needed(self, node: Any) -> list[Any]:
        """What must be known before the node can be: of a branching node, first the conditions, then what they take."""
        kind = _kind(node.__class__)
        if kind is _branches:
            conditions = self.parts(node)[::2]
            if self.decider is self and any(id(condition) not in self.memo for condition in conditions):
                return conditions
            return [branch for _, branch in self.taken(node)]
        if (self.decider is not self and kind in (_comparison, _logic)) or (self.base and kind is _stop_gradient):
            return []
        return self.parts(node)

    def _compute(self, node: Any, needed: list[Any]) -> Array:
        kind = _kind(node.__class__)
        if self.decider is not self and kind in (_comparison, _logic):
            return self.at(node)
        if self.base is not None:
            if kind is _stop_gradient:
                return self.base.memo[id(node)]
            known = self.base.memo[id(node)]
            unmoved = all(self.memo[id(part)] is self.base.memo[id(part)] for part in needed)
            if unmoved and kind not in (_symbol, _apply_function, indexed.loop, indexed.entry):
                return known
        result = kind(self, node, needed)
        if self.noise is not None and kind not in _NOISELESS and not _is_exact(node.__class__):
            result = self.noise.apply(id(node), result)
        return result

    def taken(self, node: Any) -> list[tuple[Array, Any]]:
        """The branches of a node that at least one sample takes, each with the mask of those samples."""
        remaining = np.asarray(True)
        taken = []
        parts = self.parts(node)
        for condition, branch in zip(parts[::2], parts[1::2], strict=True):
            holds, remaining = align([_truth(self.at(condition)), remaining])
            if (mask := holds & remaining).any():
                taken.append((mask, branch))
            remaining = remaining & ~holds
        return taken

    def numbers(self, nodes: Sequence[Any]) -> list[Array]:
        """Values for a scalar function: numbers, with 1x1 matrices unboxed."""
        return [self._scalar(node, self.memo[id(node)]) for node in nodes]

    def numbers_at(self, nodes: Sequence[Any]) -> list[Array]:
        """The same where branches and ties are decided."""
        return [self._scalar(node, self.at(node)) for node in nodes]

    def _scalar(self, node: Any, value: Array) -> Array:
        value = numeric(self.context, value)
        return unbox(value) if _is_matrix(node) else value

    def scope(self, node: Any, bound: Mapping[Any, Array], key: Any = None) -> Interpreter:
        """An interpreter for the body of a function applied at `node`, with its variables bound; `key` names it."""
        key = id(node) if key is None else key
        inner = Interpreter(
            self.context,
            {**self.environment, **bound},
            self.samples,
            decider=None if self.decider is self else self.decider.scopes[key],
            base=None if self.base is None else self.base.scopes[key],
            noise=self.noise,
        )
        inner._parts = self._parts
        self.scopes[key] = inner
        return inner


def _is_matrix(node: Any) -> bool:
    return bool(getattr(node, "is_Matrix", False))


def _truth(value: Array) -> Array:
    return value if value.dtype == bool else np.asarray(value != 0, dtype=bool)


# --- the parts of a node ---


def _parts(node: Any) -> list[Any]:
    kind = _kind(node.__class__)
    if kind is _unsupported:
        raise NoReferenceError(f"the reference cannot evaluate {type(node).__name__}")
    if kind in (_symbol, _number, _truth_value, indexed.loop, indexed.entry, indexed.delta):
        return []
    if kind is _whole_tensor:
        return [node.tensor]
    if kind is _branches:
        if type(node).__name__ == "Piecewise":
            return [part for pair in node.args for part in (pair.args[1], pair.args[0])]
        condition, taken, otherwise = node.args
        return [condition, taken, sp.true, otherwise]
    if kind in (_reduction, _axis_reduction, _axis_function):
        return [node.args[1]]
    if kind is _apply_function:
        return list(node.args[1:])
    if kind is _hyper:
        return [*node.args[0], *node.args[1], node.args[2]]
    if isinstance(node, MatrixBase):
        return list(node.flat())
    name = type(node).__name__
    if name == "MatrixSlice":
        return [node.args[0], *node.args[1], *node.args[2]]
    return list(node.blocks.flat()) if name in ("BlockMatrix", "BlockDiagMatrix") else list(node.args)


# --- one rule a kind of node: (interpreter, node, its needed parts) -> value ---


def _symbol(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    if node not in self.environment:
        raise KeyError(f"no value was given for {node}")
    return self.environment[node]


def _number(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    return as_array(from_sympy(self.context, node))


def _truth_value(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    return np.asarray(bool(node))


def _add(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    terms = self.numbers(parts)
    if self.noise is not None:  # a sum rounds at the size of its terms
        terms = [self.noise.apply((id(node), i), term) for i, term in enumerate(terms)]
    return fold(np.add, terms)


def _multiply(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    return fold(np.multiply, self.numbers(parts))


def _comparison(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    compare = next(COMPARISONS[cls.__name__] for cls in type(node).__mro__ if cls.__name__ in COMPARISONS)
    return np.asarray(entrywise(compare, self.numbers(parts)), dtype=bool)


def _logic(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    name = type(node).__name__
    if name not in LOGIC:
        raise NoReferenceError(f"the condition {name}")
    return np.asarray(LOGIC[name](*align([_truth(self.memo[id(part)]) for part in parts])), dtype=bool)


def _branches(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    result = as_array(self.context.nan)
    for mask, branch in self.taken(node):
        mask, value, result = align([mask, *self.numbers([branch]), result])
        result = as_array(np.where(mask, value, result))
    return result


def _stop_gradient(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    return self.numbers(parts)[0]


def _reduction(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    name, value, at = str(node.args[0]), self.memo[id(parts[0])], self.at(parts[0])
    value, at = numeric(self.context, value), numeric(self.context, at)
    if _is_matrix(parts[0]):
        return reduce_axes(self.context, name, value, at, (-2, -1))
    if value.ndim == 0:
        return as_array(reduce_replicated(self.context, name, value.item(), at.item(), self.samples))
    if value.ndim > 1:
        raise NoReferenceError("a reduction inside a function that is applied entry by entry")
    # A perturbed constant symbol stays a constant; only data make an argument per-sample, there and here.
    return reduce_axes(self.context, name, value, at, (0,))


def _axis_reduction(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    axis = int(node.args[2]) - 2
    value, at = self.memo[id(parts[0])], self.at(parts[0])
    return reduce_axes(self.context, str(node.args[0]), value, at, (axis,), keep=True)


def _axis_function(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    value, at = self.memo[id(parts[0])], self.at(parts[0])
    return normalise(self.context, str(node.args[0]), value, at, int(node.args[2]) - 2)


def _apply_function(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    """f(A), f(A, B, ...) entry by entry: the body of f, with matrices for its variables, in a scope of its own."""
    function = node.args[0]
    values = [self.memo[id(part)] for part in parts]
    inner = self.scope(node, dict(zip(function.variables, values, strict=True)))
    body = inner.value(function.expr)
    if self.base is not None and body is self.base.scopes[id(node)].memo[id(function.expr)]:
        return self.base.memo[id(node)]
    body, *_ = np.broadcast_arrays(*align([body, *values]))
    return body


def _tensor(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    return tensors.evaluate(self, node, parts)


def _whole_tensor(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    return self.memo[id(parts[0])]


def _hyper(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    split = len(node.args[0])
    function = special.guarded(
        self.context, special.by_high_precision(lambda c, *x: c.hyper(x[:split], x[split:-1], x[-1]))
    )
    return entrywise(function, self.numbers(parts))


def _unsupported(self: Interpreter, node: Any, parts: list[Any]) -> Array:
    raise AssertionError("refused when its parts were asked for")


_KINDS: dict[tuple[str, str], Rule] = {
    **{("sympy", name): _symbol for name in ("Symbol", "MatrixSymbol", "Idx")},
    **{("sympy", name): _number for name in ("Number", "NumberSymbol", "ComplexInfinity", "ImaginaryUnit")},
    ("sympy", "BooleanAtom"): _truth_value,
    ("sympy", "Add"): _add,
    ("sympy", "Mul"): _multiply,
    ("sympy", "Relational"): _comparison,
    ("sympy", "BooleanFunction"): _logic,
    ("sympy", "Piecewise"): _branches,
    ("symdiff", "where"): _branches,
    ("symdiff", "stop_gradient"): _stop_gradient,
    **{("sympy", name): indexed.loop for name in indexed.LOOPS},
    ("sympy", "Indexed"): indexed.entry,
    ("sympy", "KroneckerDelta"): indexed.delta,
    ("symdiff", "Tensor"): _symbol,
    ("symdiff", "TensorExpr"): _tensor,
    ("symdiff", "TensorScalar"): _whole_tensor,
    ("symdiff", "Reduction"): _reduction,
    ("symdiff", "AxisReduction"): _axis_reduction,
    ("symdiff", "AxisFunction"): _axis_function,
    ("sympy", "ElementwiseApplyFunction"): _apply_function,
    ("symdiff", "EntrywiseFunction"): _apply_function,
    ("sympy", "hyper"): _hyper,
}
# Selecting, copying and truth values make no rounding errors; inputs get theirs where they are bound.
_NOISELESS = (
    _symbol, _number, _truth_value, _comparison, _logic, _branches, _stop_gradient, _apply_function,
    indexed.loop, indexed.entry, indexed.delta,
)  # fmt: skip


def _names(cls: Any) -> list[tuple[str, str]]:
    """The class and its bases, most special first, as (package, name)."""
    return [((base.__module__ or "").partition(".")[0], base.__name__) for base in cls.__mro__]


@cache
def _is_exact(cls: Any) -> bool:
    return any(key in kinks.KINKED or (key[0] == "sympy" and key[1] in EXACT) for key in _names(cls))


@cache
def _kind(cls: Any) -> Rule:
    """The rule for a class of node: that of the most special of its bases that has one."""
    for key in _names(cls):
        if key in _KINDS:
            return _KINDS[key]
        if key in kinks.KINKED:
            return _kinked(kinks.KINKED[key])
        if key in special.ELEMENTARY:
            return _smooth(special.ELEMENTARY[key])
        if key in special.SPECIAL:
            return _smooth(special.by_high_precision(special.SPECIAL[key]))
        if key[0] in ("sympy", "symdiff") and key[1] in MATRIX:
            return _matrix(key[1])
    return _smooth(by_sympy(cls)) if issubclass(cls, sp.Function) else _unsupported


def _smooth(function: special.ScalarFunction) -> Rule:
    def rule(self: Interpreter, node: Any, parts: list[Any]) -> Array:
        return entrywise(special.guarded(self.context, function), self.numbers(parts))

    return rule


def _kinked(function: kinks.KinkedFunction) -> Rule:
    def rule(self: Interpreter, node: Any, parts: list[Any]) -> Array:
        arguments = [*self.numbers(parts), *self.numbers_at(parts)]
        return entrywise(kinks.guarded(self.context, function), arguments)

    return rule


def _matrix(name: str) -> Rule:
    def rule(self: Interpreter, node: Any, parts: list[Any]) -> Array:
        # An explicit matrix is made of scalars, one of which may be a 1x1 matrix.
        values = self.numbers(parts) if name == "MatrixBase" else [self.memo[id(part)] for part in parts]
        return MATRIX[name](self.context, node, values)

    return rule


# --- inputs ---


def bind(context: Context, values: Mapping[Any, Any]) -> dict[Any, Array]:
    """The values of symbols as arrays of context numbers, with the size symbols of the matrices among them.

    Raises
    ------
    ValueError
        If an array does not fit its symbol, or two matrices give a size symbol different values.
    """
    bound: dict[Any, Array] = {}
    sizes: dict[Any, int] = {}
    for symbol, value in values.items():
        array = to_numbers(context, value)
        if _is_matrix(symbol):
            array = _as_matrix(symbol, array, sizes)
        elif isinstance(symbol, sp.IndexedBase) and symbol.shape is None:
            pass  # its shape is read off the expression: the caller gives the sizes
        elif hasattr(symbol, "shape"):
            array = _as_tensor(symbol, array, sizes)
        elif array.ndim > 1:
            raise ValueError(f"{symbol} is a scalar: give a number or one value per sample, not shape {array.shape}")
        bound[symbol] = array
    for symbol, size in sizes.items():
        bound.setdefault(symbol, as_array(context.convert(size)))
    return bound


def _as_matrix(symbol: Any, array: Array, sizes: dict[Any, int]) -> Array:
    """A 2-D array of the symbol's shape; a 1-D one may be given for a single row or column."""
    declared = symbol.shape
    if array.ndim == 1:
        array = array[None, :] if declared[0] == 1 and declared[1] != 1 else array[:, None]
    if array.ndim != 2:
        raise ValueError(f"{symbol} is a matrix: give a 2-D array, not shape {array.shape}")
    return _as_tensor(symbol, array, sizes)


def _as_tensor(symbol: Any, array: Array, sizes: dict[Any, int]) -> Array:
    """An array of the symbol's shape."""
    declared = symbol.shape
    if array.ndim != len(declared):
        raise ValueError(f"{symbol} has {len(declared)} axes: give an array of as many, not of shape {array.shape}")
    for size, actual in zip(declared, array.shape, strict=True):
        expected = int(size) if size.is_Integer else sizes.setdefault(size, actual) if size.is_Symbol else actual
        if expected != actual:
            raise ValueError(f"{symbol} has size {actual} where {size} is {expected}")
    return array
