"""Tensors as text: the Python they are written in, and LaTeX.

In LaTeX juxtaposition is the matrix product, ⊙ the entrywise one; axes stand as subscripts, and what only broadcasts is not
written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import sympy as sp
from sympy.printing.precedence import PRECEDENCE

from symdiff.functions.latex import Latex, Operand
from symdiff.functions.printing import Plain, binding

_ATOM, _POWER, _PRODUCT, _SUM = (PRECEDENCE[name] for name in ("Atom", "Pow", "Mul", "Add"))
_LONGEST = 20_000  # characters: parts that are shared but have no name would be written out again and again


class Spelled(NamedTuple):
    """A text, and how tightly its outermost operator binds, as SymPy counts it."""

    text: str
    precedence: int = _ATOM

    def at(self, level: int, brackets: tuple[str, str] = ("(", ")")) -> str:
        """The text where only what binds at least so tightly stands without parentheses."""
        return self.text if self.precedence >= level else self.text.join(brackets)


Spell = Callable[[Any, "list[Spelled]"], Spelled]


def plain(root: Any, longest: int = _LONGEST, printer: Any = None) -> str:
    """A tensor in Python; a part that would be longer stands by its operation alone."""
    printer = printer or Plain()
    return _spelled(root, lambda part, args: _python(printer, part, args), printer, False, longest)


def latex(root: Any, printer: Any = None) -> str:
    """A tensor in LaTeX."""
    writer = printer if isinstance(printer, Latex) else Latex()
    return _spelled(root, lambda part, args: _in_latex(writer, part, args), writer, True, _LONGEST)


def _is_tensor(part: Any) -> bool:
    return hasattr(part, "digest")


def _spelled(root: Any, spell: Spell, printer: Any, traditional: bool, longest: int) -> str:
    """Operands first, without recursion; what is not a tensor is the printer's."""
    texts: dict[str, Spelled] = {}
    stack = [root]
    while stack:
        part = stack[-1]
        if missing := [a for a in part.args if _is_tensor(a) and a.digest not in texts]:
            stack.extend(missing)
            continue
        stack.pop()
        operands = [
            texts[a.digest] if _is_tensor(a) else Spelled(printer._print(a), binding(a, traditional)) for a in part.args
        ]
        found = spell(part, operands)
        texts[part.digest] = found if len(found.text) <= longest else Spelled(f"{part.op}(...)")
    return texts[root.digest].text


def _entries(part: Any, args: Sequence[Spelled]) -> Any:
    """A scalar function with the texts of arrays in place of its variables."""
    (function,) = part.options
    places = {}
    for variable, value, spelled in zip(function.variables, part.args, args, strict=True):
        array = _is_tensor(value) or getattr(value, "is_Matrix", False)
        reduced = not array and value.is_number and not value.is_Number  # SymPy would compare it with numbers
        places[variable] = Operand(spelled.text, spelled.precedence) if array or reduced else value
    return function.expr.xreplace(places)


# Python


def _python(printer: Any, part: Any, args: list[Spelled]) -> Spelled:
    x = args[0] if args else Spelled("")
    match part.op:
        case "tensor":
            return Spelled(part.options[0])
        case "elementwise":
            body = _entries(part, args)
            return Spelled(printer._print(body), binding(body))
        case "matmul":
            return Spelled(f"{x.at(_PRODUCT)} @ {args[1].at(_PRODUCT + 1)}", _PRODUCT)
        case "transpose" if part.options == (None,):
            return Spelled(f"{x.at(_ATOM)}.T")
        case "reduce":
            name, axes, _ = part.options
            over = "" if axes is None else f", axis={axes[0] if len(axes) == 1 else axes}"
            return Spelled(f"{name}({x.text}{over})")
        case "softmax" | "log_softmax":
            return Spelled(f"{part.op}({x.text}, axis={part.options[0]})")
        case "getitem":
            return Spelled(f"{x.at(_ATOM)}[{', '.join(_keys(part.options, args[1:], '...'))}]")
        case "einsum":
            return Spelled(f"einsum({part.options[0]!r}, {', '.join(arg.text for arg in args)})")
    return Spelled(f"{part.op}({', '.join([*(arg.text for arg in args), *map(str, part.options)])})")


def _keys(options: Sequence[Any], arrays: Sequence[Spelled], ellipsis: str) -> Iterator[str]:
    """The parts of an index."""
    left = iter(arrays)
    for option in options:
        if isinstance(option, tuple):
            start, stop, step = ("" if bound is None else str(bound) for bound in option[1:])
            yield f"{start}:{stop}" + (f":{step}" if step else "")
        else:
            yield next(left).text if option == "array" else ellipsis if option is Ellipsis else str(option)


# LaTeX

_BRACKETS = (r"\left(", r"\right)")
_NAMES = {"logdet": r"\log\det", "det": r"\det", "trace": r"\operatorname{tr}", "max": r"\max", "min": r"\min"}
_WHOLE = ("slice", None, None, None)


def _in_latex(printer: Any, part: Any, args: list[Spelled]) -> Spelled:
    x = args[0] if args else Spelled("")
    match part.op:
        case "tensor":
            return Spelled(printer._print(sp.Symbol(part.options[0])))
        case "elementwise":
            body = _entries(part, args)
            return Spelled(printer._print(body), binding(body, traditional=True))
        case "matmul":
            return Spelled(" ".join(arg.at(_PRODUCT, _BRACKETS) for arg in args), _PRODUCT)
        case "dot" | "outer":
            sign = r" \cdot " if part.op == "dot" else r" \otimes "
            return Spelled(sign.join(arg.at(_PRODUCT + 1, _BRACKETS) for arg in args), _PRODUCT)
        case "solve":
            return Spelled(f"{_power(x, '-1')} {args[1].at(_PRODUCT, _BRACKETS)}", _PRODUCT)
        case "inv":
            return Spelled(_power(x, "-1"), _POWER)
        case "transpose" if _turns_last(part.options[0]):
            return Spelled(_power(x, "T"), _POWER)
        case "reduce":
            name, axes, _ = part.options
            return _call(name, [x], axes or ())
        case "softmax" | "log_softmax":
            return _call(part.op, [x], part.options)
        case "broadcast_to" if _is_tensor(part.args[0]):
            return x
        case "broadcast_to" | "reshape":
            shape = r" \times ".join(printer._print(size) for size in part.options)
            return Spelled(f"{{{x.text}}}_{{{shape}}}") if part.op == "broadcast_to" else _call("reshape", [x], [shape])
        case "getitem":
            return _picked(part, args)
        case "take" if part.options[0] >= 0:
            keys = [*[":"] * int(part.options[0]), args[1].text]
            return Spelled(rf"{x.at(_ATOM, _BRACKETS)}\left[{', '.join(keys)}\right]")
        case "einsum":
            return _einstein_sum(part.options[0], args)
    return _call(part.op, [*args, *(Spelled(_option(printer, option)) for option in part.options)])


def _call(name: str, args: Sequence[Spelled], axes: Sequence[Any] = ()) -> Spelled:
    """A function, its axes as a subscript."""
    operator = _NAMES.get(name) or rf"\operatorname{{{name}}}".replace("_", r"\_")
    subscript = f"_{{{', '.join(map(str, axes))}}}" if axes else ""
    return Spelled(rf"{operator}{subscript}\left({', '.join(arg.text for arg in args)}\right)")


def _option(printer: Any, option: Any) -> str:
    return printer._print(option) if isinstance(option, sp.Basic) else str(option).replace("_", r"\_")


def _power(x: Spelled, exponent: str) -> str:
    return (
        f"{Spelled(x.text, x.precedence if '^' not in x.text else _PRODUCT).at(_POWER + 1, _BRACKETS)}^{{{exponent}}}"
    )


def _turns_last(order: Any) -> bool:
    """Whether axes are reversed, or the last two of them swapped."""
    return order is None or tuple(order) == (*range(len(order) - 2), len(order) - 1, len(order) - 2)


def _picked(part: Any, args: Sequence[Spelled]) -> Spelled:
    """Entries and slices in brackets; new axes only make operands broadcast."""
    x = args[0]
    options = [option for option in part.options if option is not None]
    if all(option is Ellipsis or option == _WHOLE for option in options):
        return x
    keys = ", ".join(_keys(options, args[1:], r"\ldots"))
    return Spelled(rf"{x.at(_ATOM, _BRACKETS)}\left[{keys}\right]")


def _einstein_sum(subscripts: str, args: Sequence[Spelled]) -> Spelled:
    """The sum of products of entries, its free indices behind brackets."""
    given, arrow, wanted = subscripts.partition("->")
    if not arrow:
        wanted = "".join(sorted(letter for letter in set(given) - {","} if given.count(letter) == 1))
    factors = []
    for own, x in zip(given.split(","), args, strict=True):
        bare = x.precedence == _ATOM and not {"_", "^", "["} & set(x.text)
        factors.append(f"{x.text if bare else x.text.join(_BRACKETS)}_{{{own}}}")
    summed = sorted(set(given) - set(wanted) - {","})
    body = " ".join([*([rf"\sum_{{{', '.join(summed)}}}"] if summed else []), *factors])
    return Spelled(rf"\left[{body}\right]_{{{wanted}}}" if wanted else body.join(_BRACKETS))
