"""Results written over arrays that nothing needs any more: ``t2 = np.exp(t1, out=t1)``.

A part of the samples is as large as the cache, so an array that is not allocated anew helps (single columns are small and
stay as they read best). An array is written over only where it was computed in the same function, no variable is a view of
it, it has the shape and dtype of the result, and is used for the last time: inputs, and what is returned, never are.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from symdiff.codegen.program import Assign, Statement
from symdiff.graph.node import Shape

_BINARY: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}
_FUNCTIONS = {
    *("abs", "sign", "floor", "ceil", "sqrt", "cbrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "arcsin"),
    *("arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "hypot", "logaddexp"),
    *("maximum", "minimum", "add", "subtract", "multiply", "divide", "negative"),
}


def in_place(
    statements: Sequence[Statement], arrays: Mapping[str, Shape], returned: Sequence[str], xp: str
) -> list[Statement]:
    """The same statements; `arrays` gives the shape of every variable that holds floating numbers, `returned` expressions."""
    trees = [ast.parse(s.expression, mode="eval").body if isinstance(s, Assign) else None for s in statements]
    last = {name: place for place, tree in enumerate(trees) for name in _names(tree)}
    last |= dict.fromkeys((name for text in returned for name in _names(ast.parse(text))), len(statements))
    free: dict[str, Shape] = {}  # arrays that may be written over after their last use
    found: list[Statement] = []
    for place, (statement, tree) in enumerate(zip(statements, trees, strict=True)):
        if not isinstance(statement, Assign) or tree is None:
            found.append(statement)
            continue
        shape = arrays.get(statement.target, ())
        dying = [name for name in _names(tree) if free.get(name) == shape and last[name] == place]
        text = _over(statement.expression, tree, dying, xp)
        found.append(replace(statement, expression=text) if text else statement)
        if _is_new(tree, xp):
            free |= {statement.target: shape} if len(shape) > 1 else {}
        else:
            for name in _names(tree):  # it may be a view of them
                free.pop(name, None)
    return found


def _over(source: str, tree: ast.expr, dying: Sequence[str], xp: str) -> str | None:
    """The expression with ``out=``, where it has an operand to write over."""
    if isinstance(tree, ast.BinOp) and type(tree.op) in _BINARY:
        if _is_new(tree.left, xp) or _is_new(tree.right, xp):
            return None  # NumPy writes over that
        sides = [ast.get_source_segment(source, side) for side in (tree.left, tree.right)]
        target = next((side for side in sides if side in dying), None)
        return target and f"{xp}.{_BINARY[type(tree.op)]}({sides[0]}, {sides[1]}, out={target})"
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub) and isinstance(tree.operand, ast.Name):
        name = tree.operand.id
        return f"{xp}.negative({name}, out={name})" if name in dying else None
    if isinstance(tree, ast.Call) and _function(tree, xp) in _FUNCTIONS and not tree.keywords and dying:
        return f"{source[:-1]}, out={dying[0]})"
    return None


def _is_new(tree: ast.expr, xp: str) -> bool:
    """Whether an expression makes an array of its own memory."""
    return isinstance(tree, (ast.BinOp, ast.UnaryOp)) or (
        isinstance(tree, ast.Call) and _function(tree, xp) in (*_FUNCTIONS, "where")
    )


def _function(call: ast.Call, xp: str) -> str | None:
    """The name of the array library's function that is called."""
    named = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id == xp
    return call.func.attr if named and isinstance(call.func, ast.Attribute) else None


def _names(tree: ast.AST | None) -> list[str]:
    """The variables in an expression, each once, in a fixed order."""
    return list(dict.fromkeys(part.id for part in ast.walk(tree) if isinstance(part, ast.Name))) if tree else []
