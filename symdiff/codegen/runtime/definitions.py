"""The functions that generated modules carry along, read from the files of this folder, which are ordinary Python.

A module is given the definitions it needs, whole and by name; what those need in turn, imports too, is read off them.
"""

from __future__ import annotations

import ast
import io
import symtable
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

_OWN = "symdiff."  # imports from here say where another definition stands
_LIBRARIES = ("np", "cp")  # what these files call the array library, which every module imports itself


@dataclass(frozen=True)
class Definition:
    """One function, class or constant at the top of a file.

    Attributes
    ----------
    names : what it defines.
    source : its lines, with the comments directly above.
    needs : names it refers to that are defined or imported at the top of its file.
    imports : the lines that import those of them that are imported from elsewhere.
    joined : whether it stands directly below the definition before it, without an empty line.
    """

    names: tuple[str, ...]
    source: str
    needs: tuple[str, ...]
    imports: tuple[str, ...]
    joined: bool = False


class Definitions:
    """What stands in several files, in order; of a name that is defined twice, the first file has it.

    Parameters
    ----------
    files : paths below this folder, such as ``numpy/arrays.py``.
    """

    def __init__(self, files: Sequence[str]) -> None:
        self._all: list[Definition] = []
        self._of: dict[str, Definition] = {}
        for file in files:
            new = [found for found in read(file) if self._of.keys().isdisjoint(found.names)]
            self._all += new
            self._of |= {name: found for found in new for name in found.names}

    def __contains__(self, name: str) -> bool:
        return name in self._of

    def needed(self, names: Iterable[str]) -> list[Definition]:
        """The definitions of some names and all that those need, in the order of the files."""
        found: set[Definition] = set()
        pending = [self._of[name] for name in names]
        while pending:
            definition = pending.pop()
            if definition not in found:
                found.add(definition)
                pending += [self._of[name] for name in definition.needs if name in self._of]
        return [definition for definition in self._all if definition in found]

    @property
    def everything(self) -> list[Definition]:
        """All of them."""
        return list(self._all)


def sources(definitions: Sequence[Definition], library: str) -> list[list[str]]:
    """The lines of definitions, in blocks, with the array library under the name it has in the module."""
    blocks: list[list[str]] = []
    before: Definition | None = None
    for definition in definitions:
        lines = _renamed(definition.source, library).split("\n")
        if definition.joined and before is not None and blocks:
            blocks[-1] += lines
        else:
            blocks.append(lines)
        before = definition
    return blocks


@cache
def read(file: str) -> tuple[Definition, ...]:
    """The definitions of one file."""
    text = source_of(file)
    lines, tree = text.split("\n"), ast.parse(text)
    imported = dict(_imported(tree))
    found: list[Definition] = []
    end = 0  # the last line of the definition before
    for statement in tree.body:
        names = _defined(statement)
        if not names:
            continue
        first = min((statement, *getattr(statement, "decorator_list", ())), key=lambda part: part.lineno).lineno
        while lines[first - 2].startswith("#"):
            first -= 1
        source = _with_text(statement) or "\n".join(lines[first - 1 : statement.end_lineno])
        needs = tuple(sorted(_referenced(source) - set(names)))
        imports = tuple(dict.fromkeys(imported[name] for name in needs if imported.get(name)))
        found.append(Definition(names, source, needs, imports, joined=bool(found) and first == end + 1))
        end = statement.end_lineno or 0
    return tuple(found)


def source_of(file: str) -> str:
    """The text of a file of this folder."""
    return (Path(__file__).parent / file).read_text(encoding="utf-8")


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each name that is imported, with the line that imports it; an empty one where a module need not, or does so itself."""
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            module = getattr(statement, "module", None)
            for alias in statement.names:
                name = alias.asname or alias.name
                text = ast.unparse(ast.ImportFrom(module, [alias], 0) if module else ast.Import([alias]))
                yield name, "" if name in _LIBRARIES or (module or "").startswith(_OWN) else text


def _defined(statement: ast.stmt) -> tuple[str, ...]:
    """What a statement at the top of a file defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return (statement.name,)
    if isinstance(statement, ast.Assign):
        return tuple(
            part.id for part in ast.walk(statement) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        )
    return ()


def _with_text(statement: ast.stmt) -> str | None:
    """``NAME = source_of("file")`` with the text of the file in its place."""
    match statement:
        case ast.Assign([ast.Name(name)], ast.Call(ast.Name("source_of"), [ast.Constant(file)])):
            return f'{name} = """\\\n{source_of(str(file))}"""'
    return None


def _referenced(source: str) -> set[str]:
    """The names at the top of a file that a definition refers to, from inside functions too."""
    found: set[str] = set()
    tables = [(symtable.symtable(source, "definition", "exec"), True)]
    while tables:
        table, top = tables.pop()
        found |= {s.get_name() for s in table.get_symbols() if s.is_global() or (top and s.is_referenced())}
        tables += [(inner, False) for inner in table.get_children()]
    return found


@cache
def _renamed(source: str, library: str) -> str:
    """The source with the array library under another name."""
    others = [name for name in _LIBRARIES if name != library]
    if not any(name in source for name in others):
        return source
    lines = source.split("\n")
    tokens = [*tokenize.generate_tokens(io.StringIO("\n" + source).readline)]  # the line: one before the first name
    for before, token in reversed([*pairwise(tokens)]):
        if token.type == tokenize.NAME and token.string in others and before.string != ".":
            (row, start), (_, end) = token.start, token.end
            lines[row - 2] = lines[row - 2][:start] + library + lines[row - 2][end:]
    return "\n".join(lines)
