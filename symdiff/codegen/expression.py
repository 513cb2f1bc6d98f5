"""Expressions of generated source as trees, and their spelling: brackets follow from precedence.

One set of records serves Python and CUDA C++: where both have an operator, they agree on how strongly it binds. An expression
that computes a node of the graph carries that node's shape, so that what is decided about memory needs no second look at text.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from symdiff.graph.node import Shape
from symdiff.graph.size import Size

# How strongly operators bind; & | ^ are Python's alone, && and || are weaker than comparisons and C's alone.
ATOM, POWER, UNARY, PRODUCT, SUM, BIT_AND, BIT_XOR, BIT_OR, COMPARISON, AND, OR = range(11, 0, -1)

PRECEDENCE = {
    "**": POWER,
    **dict.fromkeys(("*", "@", "/", "%"), PRODUCT),
    **dict.fromkeys(("+", "-"), SUM),
    "&": BIT_AND,
    "^": BIT_XOR,
    "|": BIT_OR,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), COMPARISON),
    "&&": AND,
    "||": OR,
}


@dataclass(frozen=True)
class Expression:
    """A piece of an expression.

    Attributes
    ----------
    shape : of the node that it computes, where that holds floating numbers and the array has all of its entries; else None.
    """

    shape: Shape | None = field(default=None, kw_only=True, compare=False)

    @property
    def precedence(self) -> int:
        """That of its outermost operator."""
        return ATOM

    @cached_property
    def source(self) -> str:
        """How it is spelled by itself."""
        return self._spelled()

    def at(self, precedence: int) -> str:
        """The same, in brackets where an operator of that precedence would tear it apart."""
        return self.source if self.precedence >= precedence else f"({self.source})"

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The expressions that it is made of, in the order of the source."""
        return ()

    def rebuilt(self, change: Callable[[Expression], Expression]) -> Expression:
        """The same of changed parts."""
        return self

    def _spelled(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class Name(Expression):
    """A variable, or what is called."""

    name: str

    def _spelled(self) -> str:
        return self.name


@dataclass(frozen=True)
class Literal(Expression):
    """A number, a string or a word such as None, as the language spells it."""

    text: str

    @property
    def precedence(self) -> int:
        """A negative number binds as a sign does."""
        return UNARY if self.text.startswith("-") else ATOM

    def _spelled(self) -> str:
        return self.text


@dataclass(frozen=True)
class Dimension(Expression):
    """A size of an axis: a polynomial in variables."""

    size: Size

    @property
    def precedence(self) -> int:
        """Of a sum where it has several terms."""
        return SUM if len(self.size.terms) > 1 else PRODUCT

    def _spelled(self) -> str:
        return str(self.size)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """Its variables."""
        return tuple(map(Name, self.size.names))


@dataclass(frozen=True)
class Verbatim(Expression):
    """Source that is the same in every module, but for names, and that nothing looks into."""

    text: str

    def _spelled(self) -> str:
        return self.text


@dataclass(frozen=True)
class Template(Expression):
    """A row of a table of templates, ``{0}``, ``{1}`` its operands."""

    template: str
    operands: tuple[Expression, ...]

    def _spelled(self) -> str:
        return self.template.format(*(operand.source for operand in self.operands))

    @property
    def parts(self) -> tuple[Expression, ...]:
        """Its operands."""
        return self.operands

    def rebuilt(self, change: Callable[[Expression], Expression]) -> Expression:
        """The same of changed operands."""
        return replace(self, operands=tuple(map(change, self.operands)))


@dataclass(frozen=True)
class Attribute(Expression):
    """``value.name``."""

    value: Expression
    name: str

    def _spelled(self) -> str:
        return f"{self.value.at(ATOM)}.{self.name}"

    @property
    def parts(self) -> tuple[Expression, ...]:
        """What it is an attribute of."""
        return (self.value,)

    def rebuilt(self, change: Callable[[Expression], Expression]) -> Expression:
        """The same attribute of another value."""
        return replace(self, value=change(self.value))


@dataclass(frozen=True)
class Call(Expression):
    """``function(arguments, name=value)``."""

    function: Expression
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...] = ()

    def _spelled(self) -> str:
        given = [argument.source for argument in self.arguments]
        given += [f"{name}={value.source}" for name, value in self.keywords]
        return f"{self.function.at(ATOM)}({', '.join(given)})"

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The function and what it is given."""
        return (self.function, *self.arguments, *(value for _, value in self.keywords))

    def rebuilt(self, change: Callable[[Expression], Expression]) -> Expression:
        """A call of what the parts have changed to."""
        function, arguments = change(self.function), tuple(map(change, self.arguments))
        return replace(
            self,
            function=function,
            arguments=arguments,
            keywords=tuple((name, change(value)) for name, value in self.keywords),
        )


@dataclass(frozen=True)
class Slice(Expression):
    """``start:stop:step`` between the brackets of a subscript; what is None is left out."""

    start: Expression | None = None
    stop: Expression | None = None
    step: Expression | None = None

    def _spelled(self) -> str:
        start, stop, step = ("" if part is None else part.source for part in (self.start, self.stop, self.step))
        return f"{start}:{stop}" + (f":{step}" if self.step is not None else "")

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The bounds that it has."""
        return tuple(part for part in (self.start, self.stop, self.step) if part is not None)


@dataclass(frozen=True)
class Subscript(Expression):
    """``value[items]``."""

    value: Expression
    items: tuple[Expression, ...]

    def _spelled(self) -> str:
        return f"{self.value.at(ATOM)}[{', '.join(item.source for item in self.items)}]"

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The array and the items."""
        return (self.value, *self.items)

    def rebuilt(self, change: Callable[[Expression], Expression]) -> Expression:
        """The same items of another value."""
        return replace(self, value=change(self.value))


@dataclass(frozen=True)
class Tuple(Expression):
    """``(a, b)``."""

    items: tuple[Expression, ...]

    def _spelled(self) -> str:
        return f"({', '.join(item.source for item in self.items)}{',' if len(self.items) == 1 else ''})"

    @property
    def parts(self) -> tuple[Expression, ...]:
        """Its items."""
        return self.items

    def rebuilt(self, change: Callable[[Expression], Expression]) -> Expression:
        """A tuple of changed items."""
        return replace(self, items=tuple(map(change, self.items)))


@dataclass(frozen=True)
class List(Tuple):
    """``[a, b]``."""

    def _spelled(self) -> str:
        return f"[{', '.join(item.source for item in self.items)}]"


@dataclass(frozen=True)
class Unary(Expression):
    """A sign or a negation: ``-a``, ``!a``."""

    operator: str
    operand: Expression

    @property
    def precedence(self) -> int:
        """That of a sign."""
        return UNARY

    def _spelled(self) -> str:
        twice = self.operator == "-" and without_sign(self.operand) is not None  # -- is a decrement in C
        return self.operator + self.operand.at(ATOM if twice or self.operator == "!" else UNARY)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """Its operand."""
        return (self.operand,)

    def rebuilt(self, change: Callable[[Expression], Expression]) -> Expression:
        """The same of another operand."""
        return replace(self, operand=change(self.operand))


@dataclass(frozen=True)
class Binary(Expression):
    """``left operator right``."""

    operator: str
    left: Expression
    right: Expression

    @property
    def precedence(self) -> int:
        """That of its operator."""
        return PRECEDENCE[self.operator]

    @property
    def _wanted(self) -> int:
        """The precedence wanted of the left operand; only what groups to the left takes its own there."""
        return self.precedence + (self.precedence in (POWER, COMPARISON))

    def _spelled(self) -> str:
        if self.operator == "**":
            return f"{self.left.at(ATOM)}**{self.right.at(POWER)}"
        return f"{self.left.at(self._wanted)} {self.operator} {self.right.at(self.precedence + 1)}"

    @property
    def first(self) -> Expression | None:
        """The left operand, where it is written without brackets."""
        return self.left if self.left.precedence >= self._wanted else None

    @property
    def parts(self) -> tuple[Expression, ...]:
        """Both operands."""
        return (self.left, self.right)

    def rebuilt(self, change: Callable[[Expression], Expression]) -> Expression:
        """The same operator of changed operands."""
        left = change(self.left)
        return replace(self, left=left, right=change(self.right))


@dataclass(frozen=True)
class Choice(Expression):
    """C's ``(condition ? value : otherwise)``, with further conditions after the first."""

    cases: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression

    def _spelled(self) -> str:
        cases = "".join(f"{condition.source} ? {value.source} : " for condition, value in self.cases)
        return f"({cases}{self.otherwise.source})"

    @property
    def parts(self) -> tuple[Expression, ...]:
        """Conditions and values."""
        return (*(part for case in self.cases for part in case), self.otherwise)


def call(function: str, *arguments: Expression, **keywords: Expression) -> Call:
    """A call of a function by its name, which may have dots."""
    return Call(dotted(function), arguments, tuple(keywords.items()))


def method(value: Expression, name: str, *arguments: Expression, **keywords: Expression) -> Call:
    """``value.name(arguments)``."""
    return Call(Attribute(value, name), arguments, tuple(keywords.items()))


def dotted(name: str) -> Expression:
    """A name with its attributes."""
    first, *rest = name.split(".")
    found: Expression = Name(first)
    for attribute in rest:
        found = Attribute(found, attribute)
    return found


def integer(value: int) -> Literal:
    """A whole number."""
    return Literal(str(value))


def quoted(text: str) -> Literal:
    """A string without characters that need escapes."""
    return Literal(f'"{text}"')


def integers(values: Sequence[int]) -> Tuple:
    """A tuple of whole numbers."""
    return Tuple(tuple(map(integer, values)))


def product(factors: Sequence[Expression]) -> Expression:
    """``a * b * c``."""
    first, *rest = factors
    for factor in rest:
        first = Binary("*", first, factor)
    return first


def walk(expression: Expression) -> Iterator[Expression]:
    """An expression and all that it is made of, level by level."""
    waiting = deque([expression])
    while waiting:
        found = waiting.popleft()
        yield found
        waiting.extend(found.parts)


def names_in(expression: Expression) -> list[str]:
    """The variables in an expression, each once, in a fixed order."""
    return list(dict.fromkeys(part.name for part in walk(expression) if isinstance(part, Name)))


def before(factor: Expression, rest: Expression) -> Expression:
    """``factor * a * b`` of a product ``a * b``: the factor meets the first operand."""
    if isinstance(rest, Binary) and rest.precedence == PRODUCT:
        return replace(rest, left=before(factor, rest.left), shape=None)
    return Binary("*", factor, rest)


def negative(operand: Expression) -> Expression:
    """Minus an expression; of a product minus its first factor, since that reads better."""
    if without_sign(operand) is None and _is_product(operand):
        assert isinstance(operand, Binary)
        return replace(operand, left=negative(operand.left), shape=None)
    return Unary("-", operand)


def _is_product(expression: Expression) -> bool:
    """Whether the sign of its first factor is its own; of a remainder it is not."""
    while isinstance(expression, Binary) and expression.precedence == PRODUCT:
        if expression.operator == "%":
            return False
        if expression.left.precedence != PRODUCT:
            return True
        expression = expression.left
    return False


def without_sign(expression: Expression) -> Expression | None:
    """What an expression is minus of, where it is spelled so: ``a * b`` of ``-a * b``, but none of ``-a % b``."""
    match expression:
        case Unary(operator="-", operand=operand):
            return operand
        case Literal(text=text) if text.startswith("-"):
            return Literal(text[1:])
        case Binary(operator=operator, first=Expression() as first) if operator != "%":
            rest = without_sign(first)
            return None if rest is None else replace(expression, left=rest, shape=None)
    return None
