"""The runtime in a file of its own, beside the modules that use it: how it is written, and how modules import from it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from symdiff.codegen.program import docstring
from symdiff.codegen.runtime.definitions import Definition, sources
from symdiff.version import __version__


def shared_file(header: str, imports: Sequence[str], definitions: Sequence[Definition], library: str) -> str:
    """The source of the file: all definitions, under the version that modules ask for."""
    text = "What the modules in this folder have in common, written by symdiff: their runtime."
    blocks = [
        [header, *docstring(text)],
        list(imports),
        [f'VERSION = "{shared_version(definitions)}"'],
        *sources(definitions, library),
    ]
    return "\n\n\n".join("\n".join(block) for block in blocks) + "\n"


def shared_version(definitions: Sequence[Definition]) -> str:
    """symdiff's version and a digest of the text, so that no module runs with another runtime than it was written for."""
    text = "\n".join(definition.source for definition in definitions)
    return f"{__version__} {hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"


def shared_import(file: str, names: Sequence[str], definitions: Sequence[Definition]) -> list[str]:
    """The lines that import names from the file of that name: within a package, or from a folder on the path."""
    version = shared_version(definitions)
    return [
        "try:",
        "    if __package__:",
        f"        from . import {file} as _runtime",
        "    else:",
        f"        import {file} as _runtime",
        f'    if _runtime.VERSION != "{version}":',
        '        raise ImportError(f"that there is of symdiff {_runtime.VERSION}")',
        "except ImportError as error:",
        "    raise ImportError(",
        f'        "{file}.py of symdiff {version} must stand beside this module: "',
        '        f"symdiff compile --runtime shared writes both ({error})"',
        "    ) from None",
        *(f"{name} = _runtime.{name}" for name in names),
    ]
