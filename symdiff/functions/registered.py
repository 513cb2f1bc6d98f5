"""SymPy functions of the user's own, with a Python function that computes them."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import symtable
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symdiff.errors import ModelError
from symdiff.names import identifier


@dataclass(frozen=True)
class Registered:
    """A function's body.

    Attributes
    ----------
    name : of the function that `source` defines in a generated module.
    source : the body, under that name.
    safe : an operand that is harmless to value and derivatives, or None.
    """

    name: str
    source: str
    safe: float | None


REGISTERED: dict[Any, Registered] = {}


def register(function: Any, body: Callable[..., Any], *, safe: float | None = None) -> None:
    """Let models use `function`, a subclass of `sympy.Function`, computed by `body`.

    Parameters
    ----------
    function : the class; its derivatives come from its `fdiff`, which may use any function symdiff knows.
    body : ``body(xp, *arguments)`` of NumPy or CuPy and floating arrays; returns an array of their dtype. Its source is
        copied into generated modules, so it must need nothing from outside: no closure, no globals; import inside.
    safe : a value of the arguments at which the function and its derivatives are finite; it stands in for them on a
        branch that is not taken. Needed only if the function has a singularity.

    Example
    -------
    >>> class Log2(sp.Function):
    ...     def fdiff(self, argindex=1):
    ...         return 1 / (self.args[0] * sp.log(2))
    >>> def log2(xp, x):
    ...     return xp.log2(x)
    >>> register(Log2, log2, safe=1.0)  # doctest: +SKIP
    """
    if not (isinstance(function, type) and issubclass(function, sp.Function)):
        raise ModelError(f"register() takes a subclass of sympy.Function, not {function!r}.")
    if not isinstance(safe, int | float | None):
        raise ModelError(f"register({function.__name__}, safe={safe!r}): it should be a number.")
    name = f"_user_{identifier(function.__name__)}"
    for other in REGISTERED:
        if REGISTERED[other].name == name and _identity(other) != _identity(function):
            raise ModelError(f"Two registered functions are called {function.__name__}: rename one of the classes.")
    REGISTERED[function] = Registered(name, _source(function.__name__, body, name), safe)


def _identity(function: Any) -> tuple[str, str]:
    """The same for a class and for what replaces it when its definition is executed again."""
    return function.__module__, function.__qualname__


def _source(function: str, body: Any, name: str) -> str:
    """The body's source under another name, once it is sure to need nothing from outside."""
    refused = f"The body of {function} must be a plain function, def body(xp, x): ..., "
    if not inspect.isfunction(body) or body.__name__ == "<lambda>":
        raise ModelError(f"{refused}whose source can be copied, not {body!r}.")
    try:
        source = textwrap.dedent(inspect.getsource(body))
        (definition,) = ast.parse(source).body
    except (OSError, SyntaxError, ValueError) as error:
        raise ModelError(f"{refused}defined in a file: its source cannot be read ({error}).") from error
    if not isinstance(definition, ast.FunctionDef) or definition.decorator_list:
        raise ModelError(f"{refused}without decorators.")
    if "." in body.__qualname__.rpartition("<locals>.")[2] or not definition.args.args:
        raise ModelError(f"{refused}of its own, whose first argument is the array library: no method.")
    table = symtable.symtable(source, "body", "exec").get_children()[0]
    outside = [outer for outer in _free_names(table) if not hasattr(builtins, outer)]
    outside += [
        node.id for part in _evaluated_outside(definition) for node in ast.walk(part) if isinstance(node, ast.Name)
    ]
    if outside:
        raise ModelError(
            f"{refused}that needs nothing from outside: it uses {', '.join(dict.fromkeys(outside))}. "
            "Import inside the body, and write numbers where they are used."
        )
    return re.sub(rf"^def\s+{body.__name__}\b", f"def {name}", source, count=1)


def _free_names(table: symtable.SymbolTable) -> Iterator[str]:
    """The names a function looks up outside itself."""
    yield from (symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() or symbol.is_free())
    for inner in table.get_children():
        yield from (name for name in _free_names(inner) if name not in table.get_identifiers())


def _evaluated_outside(definition: ast.FunctionDef) -> Iterator[ast.AST]:
    """Defaults and annotations."""
    arguments = definition.args
    yield from (default for default in (*arguments.defaults, *arguments.kw_defaults) if default is not None)
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
    yield from (argument.annotation for argument in every if argument is not None and argument.annotation is not None)
    if definition.returns is not None:
        yield definition.returns
