"""Where the arrays of a block function lie: over others that nothing needs any more, ``t2 = np.exp(t1, out=t1)``; in scratch.

A part of the samples is as large as the cache, so an array that is not allocated anew helps (single columns are small and
stay as they read best). An array is written over only where it was computed in the same function, no variable is a view of
it, it has the shape and dtype of the result, and is used for the last time: inputs, and what is returned, never are.

Products of matrices are computed in scratch, arrays that each thread keeps from one part to the next (`codegen/scratch.py`).
Two products share one where the first, and whatever may be a view of it, is used for the last time before the second is
computed. What is returned is never in scratch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from symdiff.codegen.expression import (
    Attribute,
    Binary,
    Call,
    Expression,
    Name,
    Subscript,
    Unary,
    call,
    integer,
    names_in,
)
from symdiff.codegen.liveness import assigned, carried, live_after, reads
from symdiff.codegen.program import Assign, For, Statement, While
from symdiff.codegen.spellings import NUMPY
from symdiff.graph.node import Shape
from symdiff.graph.ops import POINTWISE

SCRATCH = "scratch"
"""The argument of a block function that holds arrays to compute in."""
_BINARY = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
_ELEMENTWISE = {name for op, name in NUMPY.items() if POINTWISE[op].dtype == "float"} | {*_BINARY.values(), "negative"}
_NEW = {*_ELEMENTWISE, "where", "dot", "vdot", "tensordot", "zeros", "ones", "full"}
_NEW_BY_HELPERS = {"_masked", "_one_hot"}


@dataclass
class Buffers:
    """Says, statement by statement, where the results of one region lie.

    Attributes
    ----------
    results : the variables that are needed after the region, such as those that a function returns.
    xp : what the array library is imported as.
    need : called with the name of each helper the source uses.
    held : the numbers of the scratch that is in use around the region.
    uses_scratch : whether a statement that was placed computes in scratch.
    """

    results: Sequence[str]
    xp: str
    need: Callable[[str], None]
    held: Collection[int] = ()
    uses_scratch: bool = False
    _own: dict[str, Shape] = field(default_factory=dict)  # what may be written over after its last use
    _in_scratch: dict[str, set[int]] = field(default_factory=dict)  # variable in use -> what it may be a view of
    _used: set[int] = field(default_factory=set)  # the numbers that this statement must leave alone
    _dying: set[str] = field(default_factory=set)  # the variables that this statement is the last to use

    def place(self, statements: Sequence[Statement]) -> list[Statement]:
        """The same computation, with ``out=`` where a result does without memory of its own."""
        later = live_after(statements, self.results)
        shared = self._shared(statements)
        found: list[Statement] = []
        for statement, live in zip(statements, later, strict=True):
            self._dying = reads(statement) - live
            self._used = set().union(self.held, *self._in_scratch.values())
            if isinstance(statement, Assign):
                first, *more = self._placed(statement, shared)
                found += [replace(first, comment=statement.comment), *more]
            else:
                found.append(self._loop(statement, live) if isinstance(statement, (For, While)) else statement)
            for name in (reads(statement) | assigned(statement)) - live:
                self._in_scratch.pop(name, None)
        return found

    def _loop(self, loop: For | While, live: Collection[str]) -> For | While:
        """A loop, whose body is a region: what goes on to the next iteration or is needed later is never in scratch.

        What the loop sets may be a view of whatever it reads, so neither is written over afterwards.
        """
        read, given = reads(loop), assigned(loop)
        inside = Buffers(sorted(carried(loop).union(live)), self.xp, self.need, self._used)
        body = tuple(inside.place(loop.body))
        self.uses_scratch |= inside.uses_scratch
        numbers = set().union(*(self._in_scratch.get(name, set()) for name in read))
        for name in read | given:
            self._own.pop(name, None)
        self._in_scratch |= dict.fromkeys(given, numbers) if numbers else {}
        return replace(loop, body=body)

    def _shared(self, statements: Sequence[Statement]) -> set[str]:
        """The variables whose memory what is needed after the region may share."""
        found = set(self.results)
        for statement in reversed(statements):
            if isinstance(statement, (For, While)) and found & assigned(statement):
                found |= reads(statement)
            elif isinstance(statement, Assign) and found & assigned(statement):
                found |= set() if self._is_new(statement.expression) else reads(statement)
        return found

    def _placed(self, statement: Assign, shared: Collection[str]) -> list[Assign]:
        """One statement, as one or several."""
        expression, names, before = statement.expression, assigned(statement), set(self._used)
        shape, outside = expression.shape or (), not names.isdisjoint(shared)
        if self._is_new(expression) and isinstance(statement.target, Name) and not statement.operator:
            target = statement.target
            lines, numbers = self._computed(target, expression, shape, outside)
            self._own |= {target.name: shape} if len(shape) > 1 else {}
        else:
            lines = [statement] if outside else [replace(statement, expression=self._in_place(expression))]
            numbers = self._used - before  # it may be a view of anything
            for name in reads(statement):
                self._own.pop(name, None)
                numbers |= self._in_scratch.get(name, set())
        self._in_scratch |= dict.fromkeys(names, numbers) if numbers else {}
        return lines

    def _computed(
        self, target: Name, expression: Expression, shape: Shape, outside: bool, held: Collection[str] = ()
    ) -> tuple[list[Assign], set[int]]:
        """The statements that compute an array, and the number of the scratch that it lies in.

        Outside of scratch, where results need that. What is `held` is used after these statements.
        """
        before = set(self._used)
        if len(shape) > 1 and self._is_elementwise(expression):
            start = self._start(expression, shape)
            if start is not None:
                others = {name for part in _operands(expression) if part is not start for name in names_in(part)}
                lines, numbers = self._computed(target, start, shape, outside, others.union(held))
                return [*lines, self._onto(target, expression, start)], numbers
            free = [name for name in names_in(expression) if name in self._dying - set(held)]
            free = [name for name in free if self._own.get(name) == shape]
            free = [name for name in free if not (outside and self._in_scratch.get(name))]
            over = self._over(expression, shape, free)
            if over is not None:
                return [Assign(target, self._into(Name(over), expression))], self._in_scratch.get(over, set())
        product = self._product(expression)
        placed = self._in_place(expression, product if outside else None)
        return [Assign(target, placed)], self._used - before if product is not None and not outside else set()

    def _start(self, expression: Expression, shape: Shape) -> Expression | None:
        """The operand of an elementwise operation that is a new array of the result's shape, to go on in."""
        for operand in _operands(expression) if self._is_elementwise(expression) else ():
            if not self._is_new(operand) or operand.shape != shape:
                continue
            by_itself = self._goes_on(expression, shape) and self._product(operand) is None
            if not by_itself or self._start(operand, shape) is not None:
                return operand
        return None

    def _over(self, expression: Expression, shape: Shape, free: Sequence[str]) -> str | None:
        """The variable that an elementwise operation writes over, of those that are free."""
        if isinstance(expression, Call) or self._goes_on(expression, shape):
            return free[0] if free and isinstance(expression, Call) else None
        return next((x.name for x in _operands(expression) if isinstance(x, Name) and x.name in free), None)

    def _goes_on(self, expression: Expression, shape: Shape) -> bool:
        """Whether NumPy writes by itself over an array that is new, as its operators do."""
        commutes = isinstance(expression, Binary) and expression.operator in "+*"
        operands = [] if isinstance(expression, Call) else _operands(expression)[: 2 if commutes else 1]
        return any(self._is_new(part) and _viewed(part) is None and part.shape == shape for part in operands)

    def _onto(self, target: Name, expression: Expression, start: Expression) -> Assign:
        """An operation on `start`, which is in the target already."""
        first, *_ = operands = _operands(expression)
        symbol = expression.operator if isinstance(expression, Binary) else ""
        if symbol and (first is start or symbol in "+*"):
            return Assign(target, self._in_place(operands[first is start]), operator=symbol)
        return Assign(target, self._into(target, expression, start))

    def _into(self, place: Name, expression: Expression, start: Expression | None = None) -> Expression:
        """An elementwise operation as a call with ``out=``; `start` is in that place already."""
        operands = [place if part is start else self._in_place(part) for part in _operands(expression)]
        called = self._function(expression) if isinstance(expression, Call) else "negative"
        name = _BINARY[expression.operator] if isinstance(expression, Binary) else called
        return call(f"{self.xp}.{name}", *operands, out=place)

    def _in_place(self, expression: Expression, spared: Expression | None = None) -> Expression:
        """An expression with its products in scratch, but for one that is spared."""
        if expression is not spared and isinstance(expression, Binary) and self._product(expression) is expression:
            number = next(n for n in count() if n not in self._used)
            self._used.add(number)
            self.uses_scratch = True
            self.need("_matmul_into")
            left, right = self._in_place(expression.left), self._in_place(expression.right)
            return call("_matmul_into", Name(SCRATCH), integer(number), left, right)
        return expression.rebuilt(lambda part: self._in_place(part, spared))

    def _product(self, expression: Expression) -> Expression | None:
        """The product of matrices that an expression is, or is a view of; that it is one of vectors may show at run time."""
        while (viewed := _viewed(expression)) is not None:
            expression = viewed
        is_product = isinstance(expression, Binary) and expression.operator == "@"
        return expression if is_product and (expression.shape is None or len(expression.shape) > 1) else None

    def _is_elementwise(self, expression: Expression) -> bool:
        """Whether an expression is an operation that may write its result over an operand."""
        match expression:
            case Call(keywords=()):
                return self._function(expression) in _ELEMENTWISE
            case Binary(operator=operator):
                return operator in _BINARY
            case Unary(operator=operator):
                return operator == "-"
        return False

    def _is_new(self, expression: Expression) -> bool:
        """Whether an expression is an array in memory of its own, or a view of one that no variable holds."""
        while (viewed := _viewed(expression)) is not None:
            expression = viewed
        match expression:
            case Call(function=Name(name=helper)):
                return helper in _NEW_BY_HELPERS
            case Call(function=Attribute(name="reduce")):
                return True
            case Call(arguments=arguments):
                name = self._function(expression)
                return name in _NEW or (name == "einsum" and len(arguments) > 2)  # of one array it may be a view
        return isinstance(expression, (Binary, Unary))

    def _function(self, expression: Call) -> str | None:
        """The name of the array library's function that is called."""
        match expression.function:
            case Attribute(value=Name(name=self.xp), name=name):
                return name
        return None


def _operands(expression: Expression) -> Sequence[Expression]:
    """The operands of an elementwise operation."""
    return expression.arguments if isinstance(expression, Call) else expression.parts


def _viewed(expression: Expression) -> Expression | None:
    """What an expression is a view of, if it says so itself."""
    match expression:
        case Call(function=Attribute(value=viewed, name="reshape" | "transpose")):
            return viewed
        case Attribute(value=viewed, name="T") | Subscript(value=viewed):
            return viewed
    return None
