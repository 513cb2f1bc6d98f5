"""Imports go only downwards, sibling folders never import each other, and nothing is imported where it is not seen."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from symdiff.frontend import lower

PACKAGE = Path(__file__).resolve().parents[1] / "symdiff"
LAYERS = (  # what stands in one row is independent of the others in it
    "errors version",
    "names",
    "graph functions",
    "frontend diff passes codegen",
    "forms kinds",
    "options",
    "cache files model derive drawing",
    "loader formulas batch",
    "compiler",
    "compare show",
    "bench cli_options",
    "cli",
    "__init__ __main__",
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names.split()} | {"reference": 0}
OPTIONAL = {"cupy", "cupyx", "jax", "threadpoolctl", "torch"}  # heavy or absent: imported where they are used
FILES = sorted(PACKAGE.rglob("*.py"))


def part(path: Path) -> str:
    """The file or folder of the package that `path` belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(node: ast.AST) -> Iterator[list[str]]:
    """Each module imported anywhere below `node`, as its parts."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.ImportFrom):
            assert inner.level == 0, f"line {inner.lineno}: write relative imports out in full"
            module = inner.module.split(".")
            yield from [[*module, alias.name] for alias in inner.names] if module == ["symdiff"] else [module]
        elif isinstance(inner, ast.Import):
            yield from (alias.name.split(".") for alias in inner.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_only_downwards(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = part(path)
    for module in imports(tree):
        if module[0] == "symdiff":
            other = module[1] if len(module) > 1 and module[1] in LEVEL else "__init__"
            assert other == own or LEVEL[other] < LEVEL[own], f"{own} imports {'.'.join(module)}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            hidden = {module[0] for module in imports(node)} - OPTIONAL
            assert not hidden, f"{getattr(node, 'name', 'lambda')} hides an import of {hidden}"


def test_every_part_has_its_layer():
    assert {part(path) for path in FILES} <= set(LEVEL)


@pytest.mark.parametrize("dialect", ["scalar", "matrix", "indexed", "tensor"])
def test_dialects_do_not_know_one_another(dialect):
    tree = ast.parse((PACKAGE / "frontend" / f"{dialect}.py").read_text(encoding="utf-8"))
    others = {"scalar", "matrix", "indexed", "tensor"} - {dialect}
    found = {module[2] for module in imports(tree) if module[:2] == ["symdiff", "frontend"] and len(module) > 2}
    found |= {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "symdiff.frontend"
        for alias in node.names
    }
    assert found, "every dialect uses what is shared"
    assert not found & others, f"{dialect} imports {found & others}: move what they share to a file of its own"


def classes(module):
    """The classes that any table of a module has rows for; those of expressions, not of Python's own values."""
    tables = [value for value in vars(module).values() if isinstance(value, dict)]
    return {key for table in tables for key in table if isinstance(key, type) and key.__module__ != "builtins"}


def test_a_class_has_one_meaning():
    """No dialect overrides a row of another: what a class means does not depend on the order the tables are joined in.

    A dialect has no second table either, in which a class of another would mean something else.
    """
    tables = {name: classes(table) for name, table in vars(lower).items() if hasattr(table, "RULES")}
    assert set(tables) >= {"scalar", "matrix", "indexed", "tensor"}
    for (one, rows), (other, others) in combinations(tables.items(), 2):
        assert not rows & others, f"{one} and {other} both say what these mean: {rows & others}"


OF_DIALECTS = {"MatrixSymbol", "IndexedBase", "Tensor", "TensorExpr", "ArrayComprehension", "is_matrix", "is_tensor"}
WITHOUT_DIALECTS = [path for path in FILES if part(path) not in ("frontend", "forms", "functions", "reference")]


@pytest.mark.parametrize("path", WITHOUT_DIALECTS, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_dialect_is_known_behind_the_frontend(path):
    named = {
        name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "name", None))
    }
    assert not named & OF_DIALECTS
