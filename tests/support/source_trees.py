"""Python source as an expression tree of generated code, for tests that are easier to read as source."""

from __future__ import annotations

import ast
from dataclasses import replace

from symdiff.codegen.expression import (
    Attribute,
    Binary,
    Call,
    Expression,
    Literal,
    Name,
    Slice,
    Subscript,
    Tuple,
    Unary,
)

_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**", ast.Mod: "%"}


def expression(source, shapes=None):
    """The tree of a source; `shapes` holds those of what is written as a key says."""
    shapes = shapes or {}

    def tree(part):
        found = built(part)
        shape = shapes.get(ast.unparse(part)) or shapes.get(f"({ast.unparse(part)})")
        return found if shape is None else replace(found, shape=shape)

    def optional(part):
        return None if part is None else tree(part)

    def built(part) -> Expression:
        match part:
            case ast.Name(id=name):
                return Name(name)
            case ast.Constant(value=value):
                return Literal(f"'{value}'" if isinstance(value, str) else str(value))
            case ast.Attribute(value=value, attr=name):
                return Attribute(tree(value), name)
            case ast.Call(func=function, args=arguments, keywords=keywords):
                named = tuple((keyword.arg, tree(keyword.value)) for keyword in keywords)
                return Call(tree(function), tuple(map(tree, arguments)), named)
            case ast.BinOp(left=left, op=operator, right=right):
                return Binary(_BINARY[type(operator)], tree(left), tree(right))
            case ast.UnaryOp(operand=ast.Constant(value=value)):
                return Literal(f"-{value}")
            case ast.UnaryOp(operand=operand):
                return Unary("-", tree(operand))
            case ast.Subscript(value=value, slice=ast.Tuple(elts=items)):
                return Subscript(tree(value), tuple(map(tree, items)))
            case ast.Subscript(value=value, slice=item):
                return Subscript(tree(value), (tree(item),))
            case ast.Slice(lower=lower, upper=upper, step=step):
                return Slice(optional(lower), optional(upper), optional(step))
            case ast.Tuple(elts=items):
                return Tuple(tuple(map(tree, items)))
        raise NotImplementedError(ast.dump(part))

    return tree(ast.parse(source, mode="eval").body)
