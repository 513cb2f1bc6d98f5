"""Where the arrays of a block function lie: over others that nothing needs any more, ``t2 = np.exp(t1, out=t1)``; in scratch.

A part of the samples is as large as the cache, so an array that is not allocated anew helps (single columns are small and
stay as they read best). An array is written over only where it was computed in the same function, no variable is a view of
it, it has the shape and dtype of the result, and is used for the last time: inputs, and what is returned, never are.

Products of matrices are computed in scratch, arrays that each thread keeps from one part to the next (`codegen/scratch.py`).
Two products share one where the first, and whatever may be a view of it, is used for the last time before the second is
computed. What is returned is never in scratch.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from symdiff.codegen.program import Assign, Statement
from symdiff.graph.node import Shape

SCRATCH = "scratch"
"""The argument of a block function that holds arrays to compute in."""
_BINARY: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("add", "+"),
    ast.Sub: ("subtract", "-"),
    ast.Mult: ("multiply", "*"),
    ast.Div: ("divide", "/"),
}
_ELEMENTWISE = {
    *("abs", "sign", "floor", "ceil", "sqrt", "cbrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "arcsin"),
    *("arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "hypot", "logaddexp"),
    *("maximum", "minimum", "add", "subtract", "multiply", "divide", "negative"),
}
_NEW = {*_ELEMENTWISE, "where", "dot", "vdot", "tensordot", "zeros", "ones", "full"}
_NEW_BY_HELPERS = {"_masked", "_one_hot"}
_SOME = ("rows", "columns")  # the shape of a product that a view says nothing about
_GROUPS = re.compile(r"(?<![\w)\]])\($")  # a bracket that calls nothing


@dataclass
class Buffers:
    """Says, statement by statement, where the results of one function lie.

    Attributes
    ----------
    shapes : source of a variable, or of an expression inside another -> its shape, where it holds floating numbers.
    returned : the expressions that the function returns.
    xp : what the array library is imported as.
    need : called with the name of each helper the source uses.
    uses_scratch : whether a statement that was placed computes in scratch.
    """

    shapes: Mapping[str, Shape]
    returned: Sequence[str]
    xp: str
    need: Callable[[str], None]
    uses_scratch: bool = False
    _own: dict[str, Shape] = field(default_factory=dict)  # what may be written over after its last use
    _in_scratch: dict[str, set[int]] = field(default_factory=dict)  # variable in use -> what it may be a view of
    _used: set[int] = field(default_factory=set)  # the numbers that this statement must leave alone
    _dying: set[str] = field(default_factory=set)  # the variables that this statement is the last to use

    def place(self, statements: Sequence[Statement]) -> list[Statement]:
        """The same computation, with ``out=`` where a result does without memory of its own."""
        trees = [_parsed(s.expression) if isinstance(s, Assign) else None for s in statements]
        results = [name for text in self.returned for name in _names(_parsed(text))]
        last = {name: place for place, tree in enumerate(trees) if tree for name in _names(tree)}
        last |= dict.fromkeys(results, len(statements))
        shared = self._shared(results, statements, trees)
        found: list[Statement] = []
        for place, (statement, tree) in enumerate(zip(statements, trees, strict=True)):
            if not isinstance(statement, Assign) or tree is None:
                found.append(statement)
                continue
            self._dying = {name for name in _names(tree) if last[name] == place}
            self._used = set().union(*self._in_scratch.values())
            first, *more = self._placed(statement, tree, shared)
            for name in (*self._dying, *(target for target in _targets(statement) if target not in last)):
                self._in_scratch.pop(name, None)
            found += [replace(first, comment=statement.comment), *more]
        return found

    def _shared(
        self, results: Sequence[str], statements: Sequence[Statement], trees: Sequence[ast.expr | None]
    ) -> set[str]:
        """The variables whose memory what is returned may share."""
        found = set(results)
        for statement, tree in zip(reversed(statements), reversed(trees), strict=True):
            if isinstance(statement, Assign) and tree and found & _targets(statement) and not self._is_new(tree):
                found.update(_names(tree))
        return found

    def _placed(self, statement: Assign, tree: ast.expr, shared: Collection[str]) -> list[Assign]:
        """One statement, as one or several."""
        target, source, before = statement.target, statement.expression, set(self._used)
        shape, outside = self.shapes.get(target, ()), not _targets(statement).isdisjoint(shared)
        if self._is_new(tree):
            lines, numbers = self._computed(target, source, tree, shape, outside)
            self._own |= {target: shape} if len(shape) > 1 else {}
        else:
            lines = [statement] if outside else [Assign(target, self._text(source, tree))]
            numbers = self._used - before  # it may be a view of anything
            for name in _names(tree):
                self._own.pop(name, None)
                numbers |= self._in_scratch.get(name, set())
        self._in_scratch |= dict.fromkeys(_targets(statement), numbers) if numbers else {}
        return lines

    def _computed(
        self, target: str, source: str, tree: ast.expr, shape: Shape, outside: bool, held: Collection[str] = ()
    ) -> tuple[list[Assign], set[int]]:
        """The statements that compute an array, and the number of the scratch that it lies in.

        Outside of scratch, where results need that. What is `held` is used after these statements.
        """
        before = set(self._used)
        if len(shape) > 1 and self._is_elementwise(tree):
            start = self._start(source, tree, shape)
            if start is not None:
                others = {name for operand in _operands(tree) if operand is not start for name in _names(operand)}
                lines, numbers = self._computed(target, source, start, shape, outside, others.union(held))
                return [*lines, self._onto(target, source, tree, start)], numbers
            free = [name for name in _names(tree) if name in self._dying - set(held) and self._own.get(name) == shape]
            free = [name for name in free if not (outside and self._in_scratch.get(name))]
            over = self._over(source, tree, shape, free)
            if over is not None:
                return [Assign(target, self._into(over, source, tree))], self._in_scratch.get(over, set())
        product = self._product(source, tree)
        text = self._text(source, tree, product if outside else None)
        return [Assign(target, text)], self._used - before if product and not outside else set()

    def _start(self, source: str, tree: ast.expr, shape: Shape) -> ast.expr | None:
        """The operand of an elementwise operation that is a new array of the result's shape, to go on in."""
        for operand in _operands(tree) if self._is_elementwise(tree) else ():
            if not self._is_new(operand) or self.shapes.get(_segment(source, operand)) != shape:
                continue
            by_itself = self._goes_on(source, tree, shape) and self._product(source, operand) is None
            if not by_itself or self._start(source, operand, shape) is not None:
                return operand
        return None

    def _over(self, source: str, tree: ast.expr, shape: Shape, free: Sequence[str]) -> str | None:
        """The variable that an elementwise operation writes over, of those that are free."""
        if isinstance(tree, ast.Call) or self._goes_on(source, tree, shape):
            return free[0] if free and isinstance(tree, ast.Call) else None
        return next((part.id for part in _operands(tree) if isinstance(part, ast.Name) and part.id in free), None)

    def _goes_on(self, source: str, tree: ast.expr, shape: Shape) -> bool:
        """Whether NumPy writes by itself over an array that is new, as its operators do."""
        commutes = isinstance(tree, ast.BinOp) and isinstance(tree.op, (ast.Add, ast.Mult))
        operands = [] if isinstance(tree, ast.Call) else _operands(tree)[: 2 if commutes else 1]
        return any(
            self._is_new(part) and _viewed(part) is None and self.shapes.get(_segment(source, part)) == shape
            for part in operands
        )

    def _onto(self, target: str, source: str, tree: ast.expr, start: ast.expr) -> Assign:
        """An operation on `start`, which is in the target already."""
        first, *_ = operands = _operands(tree)
        symbol = _BINARY[type(tree.op)][1] if isinstance(tree, ast.BinOp) else ""
        if symbol and (first is start or symbol in "+*"):
            return Assign(target, self._text(source, operands[first is start]), operator=symbol)
        return Assign(target, self._into(target, source, tree, start))

    def _into(self, place: str, source: str, tree: ast.expr, start: ast.expr | None = None) -> str:
        """An elementwise operation as a call with ``out=``; `start` is in that place already."""
        texts = [place if operand is start else self._text(source, operand) for operand in _operands(tree)]
        called = self._function(tree) if isinstance(tree, ast.Call) else "negative"
        name = _BINARY[type(tree.op)][0] if isinstance(tree, ast.BinOp) else called
        return f"{self.xp}.{name}({', '.join(texts)}, out={place})"

    def _text(self, source: str, tree: ast.expr, spared: ast.expr | None = None) -> str:
        """The source of an expression, with its products in scratch, but for one that is spared."""
        if tree is not spared and isinstance(tree, ast.BinOp) and self._product(source, tree) is tree:
            number = next(n for n in count() if n not in self._used)
            self._used.add(number)
            self.uses_scratch = True
            self.need("_matmul_into")
            return (
                f"_matmul_into({SCRATCH}, {number}, {self._text(source, tree.left)}, {self._text(source, tree.right)})"
            )
        code, found, at = source.encode(), "", tree.col_offset  # positions are of bytes
        for part in _parts(tree):
            found += code[at : part.col_offset].decode()
            text, at = self._text(source, part, spared), part.end_col_offset or 0
            if part is not spared and self._product(source, part) is part and _GROUPS.search(found):
                found, at = found[:-1], at + 1  # a call needs no brackets around it
            found += text
        return found + code[at : tree.end_col_offset].decode()

    def _product(self, source: str, tree: ast.expr) -> ast.expr | None:
        """The product of matrices that an expression is, or is a view of; that it is one of vectors may show at run time."""
        while (viewed := _viewed(tree)) is not None:
            tree = viewed
        product = isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.MatMult)
        return tree if product and len(self.shapes.get(_segment(source, tree), _SOME)) > 1 else None

    def _is_elementwise(self, tree: ast.expr) -> bool:
        """Whether an expression is an operation that may write its result over an operand."""
        match tree:
            case ast.Call(keywords=[]):
                return self._function(tree) in _ELEMENTWISE
            case ast.BinOp():
                return type(tree.op) in _BINARY
            case ast.UnaryOp():
                return isinstance(tree.op, ast.USub)
        return False

    def _is_new(self, tree: ast.expr) -> bool:
        """Whether an expression is an array in memory of its own, or a view of one that no variable holds."""
        while (viewed := _viewed(tree)) is not None:
            tree = viewed
        if not isinstance(tree, ast.Call):
            return isinstance(tree, (ast.BinOp, ast.UnaryOp, ast.Compare))
        name = self._function(tree)
        if name == "einsum":
            return len(tree.args) > 2  # of one array it may be a view
        reduces = isinstance(tree.func, ast.Attribute) and tree.func.attr == "reduce"
        return name in _NEW or reduces or (isinstance(tree.func, ast.Name) and tree.func.id in _NEW_BY_HELPERS)

    def _function(self, call: ast.Call) -> str | None:
        """The name of the array library's function that is called."""
        match call.func:
            case ast.Attribute(value=ast.Name(id=self.xp), attr=name):
                return name
        return None


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _targets(statement: Assign) -> set[str]:
    return set(statement.target.split(", "))


def _names(tree: ast.AST) -> list[str]:
    """The variables in an expression, each once, in a fixed order."""
    return list(dict.fromkeys(part.id for part in ast.walk(tree) if isinstance(part, ast.Name)))


def _segment(source: str, tree: ast.expr) -> str:
    return source.encode()[tree.col_offset : tree.end_col_offset].decode()


def _operands(tree: ast.expr) -> list[ast.expr]:
    """The operands of an elementwise operation."""
    if isinstance(tree, ast.BinOp):
        return [tree.left, tree.right]
    return tree.args if isinstance(tree, ast.Call) else [tree.operand] if isinstance(tree, ast.UnaryOp) else []


def _parts(tree: ast.expr) -> list[ast.expr]:
    """The expressions that one is made of, in the order of its source."""
    found = [part.value if isinstance(part, ast.keyword) else part for part in ast.iter_child_nodes(tree)]
    return sorted((part for part in found if isinstance(part, ast.expr)), key=lambda part: part.col_offset)


def _viewed(tree: ast.expr) -> ast.expr | None:
    """What an expression is a view of, if it says so itself."""
    match tree:
        case ast.Call(func=ast.Attribute(value=viewed, attr="reshape" | "transpose")):
            return viewed
        case ast.Attribute(value=viewed, attr="T") | ast.Subscript(value=viewed):
            return viewed
    return None
