"""How each language spells the elementwise operations that are a call of one function, or an operator: a row each."""

from __future__ import annotations

from dataclasses import dataclass

from symdiff.graph.ops import POINTWISE

# op -> its operator in Python
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
CUDA_OPERATORS = {**OPERATORS, "and": "&&", "or": "||", "xor": "!="}

# A comparison with its sides exchanged.
MIRRORED = {"lt": ">", "le": ">=", "eq": "==", "ne": "!="}


@dataclass(frozen=True)
class Spelling:
    """The name of the function in each language; "" where it has none of that kind, and the printer says what is written.

    NumPy's names are CuPy's too. JAX's and PyTorch's are looked up in `jnp` and `torch`.
    """

    numpy: str
    cuda: str
    jax: str
    torch: str


def _alike(name: str, cuda: str = "") -> Spelling:
    return Spelling(name, cuda or name, name, name)


FUNCTIONS = {
    "abs": _alike("abs", "fabs"),
    "sign": _alike("sign"),
    "floor": _alike("floor"),
    "ceil": _alike("ceil"),
    "sqrt": _alike("sqrt"),
    "cbrt": Spelling("cbrt", "cbrt", "cbrt", ""),
    "exp": _alike("exp"),
    "expm1": _alike("expm1"),
    "log": _alike("log"),
    "log1p": _alike("log1p"),
    "sin": _alike("sin"),
    "cos": _alike("cos"),
    "tan": _alike("tan"),
    "arcsin": _alike("arcsin", "asin"),
    "arccos": _alike("arccos", "acos"),
    "arctan": _alike("arctan", "atan"),
    "arctan2": _alike("arctan2", "atan2"),
    "sinh": _alike("sinh"),
    "cosh": _alike("cosh"),
    "tanh": _alike("tanh"),
    "arcsinh": _alike("arcsinh", "asinh"),
    "arccosh": _alike("arccosh", "acosh"),
    "arctanh": _alike("arctanh", "atanh"),
    "hypot": _alike("hypot"),
    "logaddexp": _alike("logaddexp"),
    "maximum": _alike("maximum", "larger"),
    "minimum": _alike("minimum", "smaller"),
    "not": Spelling("logical_not", "", "logical_not", "logical_not"),
    "mod": Spelling("", "modulo", "", "remainder"),
    "erf": Spelling("", "erf", "", ""),
    "erfc": Spelling("", "erfc", "", ""),
    "bell": Spelling("", "bell", "", ""),
}

NUMPY = {op: row.numpy for op, row in FUNCTIONS.items() if row.numpy}
CUDA = {op: row.cuda for op, row in FUNCTIONS.items() if row.cuda}


def templates(library: str, language: str) -> dict[str, str]:
    """Operators, and calls of a library's functions, as templates over ``{0}``, ``{1}``."""
    found = {op: f"{{0}} {symbol} {{1}}" for op, symbol in OPERATORS.items()}
    for op, row in FUNCTIONS.items():
        if name := getattr(row, language):
            found[op] = f"{library}.{name}({', '.join(f'{{{i}}}' for i in range(POINTWISE[op].arity or 1))})"
    return found
