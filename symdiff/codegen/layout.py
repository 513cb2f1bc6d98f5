"""Statements that are longer than a line, broken where a person would break them: at arguments, operators, method calls.

What fits on a line stays there. Else the outermost part is opened, its parts stand one level further in, as many arguments a
line as fit, and a part that is still too long is opened in turn.
"""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.codegen.expression import ATOM, UNARY, Attribute, Binary, Call, Expression, List, Subscript, Tuple, Unary

WIDTH = 112  # columns of generated source
INDENT = 4


def laid_out(start: str, expression: Expression, end: str = "", width: int = WIDTH) -> list[str]:
    """The lines of an expression between two texts, of so many columns where it can be broken there."""
    if len(start) + len(expression.source) + len(end) <= width:
        return [f"{start}{expression.source}{end}"]
    match expression:
        case Call(function=Attribute(value=value)) if not _is_name(value):
            return [f"{start}(", *_indented(_chain(expression, width - INDENT)), f"){end}"]
        case Call(function=function):
            return [f"{start}{function.at(ATOM)}(", *_rows(_given(expression), width), f"){end}"]
        case List(items=items):
            return [f"{start}[", *_rows([("", item) for item in items], width), f"]{end}"]
        case Tuple(items=items):
            return [f"{start}(", *_rows([("", item) for item in items], width), f"){end}"]
        case Subscript(value=value, items=items):
            return _at(ATOM, start, value, f"[{', '.join(item.source for item in items)}]{end}", width)
        case Attribute(value=value, name=name):
            return _at(ATOM, start, value, f".{name}{end}", width)
        case Unary(operator=operator, operand=operand):
            return _at(UNARY, f"{start}{operator}", operand, end, width)
        case Binary() if expression.operator != "**":
            return [f"{start}(", *_terms(expression, width), f"){end}"]
    return [f"{start}{expression.source}{end}"]


def _is_name(value: Expression) -> bool:
    """Whether an expression is a name with attributes, such as ``np.add``."""
    return value.source.replace(".", "").replace("_", "").isalnum()


def _indented(lines: Sequence[str]) -> list[str]:
    return [" " * INDENT + line for line in lines]


def _at(precedence: int, start: str, operand: Expression, end: str, width: int) -> list[str]:
    """An operand, in brackets where an operator of that precedence would tear it apart."""
    if operand.precedence >= precedence:
        return laid_out(start, operand, end, width)
    if isinstance(operand, Binary) and len(start) + len(operand.source) + len(end) + 2 > width:
        return [f"{start}(", *_terms(operand, width), f"){end}"]
    return laid_out(f"{start}(", operand, f"){end}", width)


def _rows(items: Sequence[tuple[str, Expression]], width: int) -> list[str]:
    """Items of a list, each after a text of its own, as many a line as fit, one level further in."""
    width -= INDENT
    rows: list[str] = []
    open_row = False  # whether the last line has room for another item
    for start, item in items:
        text = f"{start}{item.source},"
        if open_row and len(rows[-1]) + 1 + len(text) <= width:
            rows[-1] += f" {text}"
        elif len(text) <= width:
            rows.append(text)
            open_row = True
        else:
            rows += laid_out(start, item, ",", width)
            open_row = False
    return _indented(rows)


def _terms(expression: Binary, width: int) -> list[str]:
    """The operands of operators of one precedence, each on a line that begins with its operator."""
    terms: list[tuple[str, Expression]] = []
    left: Expression = expression
    while isinstance(left, Binary) and left.precedence == expression.precedence and left.first is not None:
        terms.append((left.operator, left.right))
        left = left.left
    if not terms:  # an operator that does not group
        assert isinstance(left, Binary)
        terms, left = [(left.operator, left.right)], left.left
    precedence = expression.precedence
    lines = _at(precedence, "", left, "", width - INDENT)
    for operator, operand in reversed(terms):
        lines += _at(precedence + 1, f"{operator} ", operand, "", width - INDENT)
    return _indented(lines)


def _chain(expression: Expression, width: int) -> list[str]:
    """Methods that are called one after the other, each on a line of its own."""
    methods: list[tuple[str, Call]] = []
    value = expression
    while isinstance(value, Call) and isinstance(value.function, Attribute) and not _is_name(value.function.value):
        methods.append((value.function.name, value))
        value = value.function.value
    lines = _at(ATOM, "", value, "", width)
    for name, called in reversed(methods):
        given = _given(called)
        whole = f".{name}({', '.join(start + part.source for start, part in given)})"
        lines += [whole] if len(whole) <= width else [f".{name}(", *_rows(given, width), ")"]
    return lines


def _given(called: Call) -> list[tuple[str, Expression]]:
    """The arguments of a call, each after the text that stands before it."""
    return [("", argument) for argument in called.arguments] + [(f"{name}=", value) for name, value in called.keywords]
