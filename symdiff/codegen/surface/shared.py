"""The runtime in a file of its own, beside the modules that use it: how it is written, and how modules import from it."""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.codegen.program import docstring
from symdiff.codegen.runtime.definitions import Definition, sources
from symdiff.version import __version__


def shared_file(header: str, imports: Sequence[str], definitions: Sequence[Definition], library: str) -> str:
    """The source of the file: all definitions, under the version of symdiff that modules ask for."""
    text = "What the modules in this folder have in common, written by symdiff: their runtime."
    blocks = [
        [header, *docstring(text)],
        list(imports),
        [f'_VERSION = "{__version__}"'],
        *sources(definitions, library),
    ]
    return "\n\n\n".join("\n".join(block) for block in blocks) + "\n"


def shared_import(file: str, names: Sequence[str]) -> list[str]:
    """The lines that take names from the file of that name: within a package, or from a folder on the path.

    Where it is missing, or of another version of symdiff, or lacks a name, importing the module says so. With a digest of it in
    every module, no change of the runtime could change that file alone.
    """
    return [
        "try:",
        "    if __package__:",
        f"        from . import {file} as _runtime",
        "    else:",
        f"        import {file} as _runtime",
        f'    if _runtime._VERSION != "{__version__}":',
        '        raise ImportError(f"that there is of symdiff {_runtime._VERSION}")',
        *(f"    {name} = _runtime.{name}" for name in names),
        "except (AttributeError, ImportError) as error:",
        "    raise ImportError(",
        f'        "{file}.py of symdiff {__version__} must stand beside this module: "',
        '        f"symdiff compile --runtime shared writes both ({error})"',
        "    ) from None",
    ]
