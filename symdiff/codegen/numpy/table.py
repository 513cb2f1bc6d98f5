"""How each elementwise operation is written with an array library: an operator, or a function."""

from __future__ import annotations

# op -> its symbol
OPERATORS = {
    "add": "+",
    "mul": "*",
    "div": "/",
    "mod": "%",
    "lt": "<",
    "le": "<=",
    "eq": "==",
    "ne": "!=",
    "and": "&",
    "or": "|",
    "xor": "^",
}

# A comparison with its sides exchanged.
MIRRORED = {"lt": ">", "le": ">=", "eq": "==", "ne": "!="}

# op -> the function of the array library
FUNCTIONS = {
    **{
        op: op
        for op in (
            "abs", "sign", "floor", "ceil", "sqrt", "cbrt", "exp", "expm1", "log", "log1p",
            "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh",
            "arctan2", "hypot", "logaddexp", "maximum", "minimum",
        )
    },
    "not": "logical_not",
}  # fmt: skip
