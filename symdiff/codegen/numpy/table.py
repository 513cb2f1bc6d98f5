"""How each elementwise operation is written: a template over its operands, for one array library.

``{xp}`` is the library, ``{0}``, ``{1}`` the operands as atoms. Operators are in `OPERATORS`, with their precedence.
"""

from __future__ import annotations

from symdiff.codegen.program import BIT_AND, BIT_OR, BIT_XOR, COMPARISON, PRODUCT, SUM

# op -> (symbol, its precedence, precedence wanted of the left and of the right operand)
OPERATORS: dict[str, tuple[str, int, int, int]] = {
    "add": (" + ", SUM, SUM, SUM + 1),
    "mul": (" * ", PRODUCT, PRODUCT, PRODUCT + 1),
    "div": (" / ", PRODUCT, PRODUCT, PRODUCT + 1),
    "mod": (" % ", PRODUCT, PRODUCT, PRODUCT + 1),
    "lt": (" < ", COMPARISON, COMPARISON + 1, COMPARISON + 1),
    "le": (" <= ", COMPARISON, COMPARISON + 1, COMPARISON + 1),
    "eq": (" == ", COMPARISON, COMPARISON + 1, COMPARISON + 1),
    "ne": (" != ", COMPARISON, COMPARISON + 1, COMPARISON + 1),
    "and": (" & ", BIT_AND, BIT_AND, BIT_AND + 1),
    "or": (" | ", BIT_OR, BIT_OR, BIT_OR + 1),
    "xor": (" ^ ", BIT_XOR, BIT_XOR, BIT_XOR + 1),
}

# A comparison with its sides exchanged.
MIRRORED = {"lt": " > ", "le": " >= ", "eq": " == ", "ne": " != "}

NUMPY: dict[str, str] = {
    **{
        op: "{xp}." + op + "({0})"
        for op in (
            "abs", "sign", "floor", "ceil", "sqrt", "cbrt", "exp", "expm1", "log", "log1p",
            "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh",
        )
    },
    "arctan2": "{xp}.arctan2({0}, {1})",
    "hypot": "{xp}.hypot({0}, {1})",
    "logaddexp": "{xp}.logaddexp({0}, {1})",
    "relu": "{xp}.maximum({0}, 0)",
    "maximum": "{xp}.maximum({0}, {1})",
    "minimum": "{xp}.minimum({0}, {1})",
    "not": "{xp}.logical_not({0})",
    "stop_gradient": "{0}",
    "kept": "{0}",
}  # fmt: skip
