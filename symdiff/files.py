"""Generated modules as files: where they go, the header line that marks them as symdiff's, and writing them safely."""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from symdiff.errors import ModelError, OutputError
from symdiff.names import identifier
from symdiff.options import Options
from symdiff.version import __version__

MARK = "# symdiff "
_HEADER = re.compile(re.escape(MARK) + r"\S+:((?: --\w+ \S*)+)")


def header(options: Options) -> str:
    """The first line of a generated module: the version and the options it was generated with.

    >>> header(Options(wrt=("w", "b")))
    '# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --wrt w,b --math exact --style fast'
    """
    wrt = "" if options.wrt is None else f" --wrt {','.join(map(_quoted, options.wrt))}"
    more = "" if options.runtime == "inline" else f" --runtime {options.runtime}"
    more += "" if options.batch is None else f" --batch {options.batch}"
    more += "" if options.over is None else f" --over {','.join(map(_quoted, options.over))}"
    return (
        f"{MARK}{__version__}: --backend {options.backend} --emit {','.join(options.emit)}{wrt}"
        f" --math {options.math} --style {options.style}{more}"
    )


def runtime_header(backend: str) -> str:
    """The first line of the runtime that modules share."""
    return f"{MARK}{__version__}: --backend {backend} --runtime shared"


def read_options(source: str) -> Options:
    """The options in the header of a generated module; `OutputError` where its first line is no header."""
    line = source.partition("\n")[0]
    found = _HEADER.fullmatch(line)
    if found is None:
        raise OutputError(f"Not a module written by symdiff: its first line does not begin with {MARK.strip()!r}.")
    given = dict(re.findall(r" --(\w+) (\S*)", found[1]))
    names: dict[str, Any] = {
        key: tuple(unquote(name) for name in given.pop(key).split(",") if name)
        for key in ("wrt", "over")
        if key in given
    }
    try:
        return Options.create(**names, **given)
    except (ModelError, TypeError) as error:
        raise OutputError(
            f"Written by another version of symdiff, with options this one does not have: {line}"
        ) from error


def module_path(folder: Path, name: str, backend: str) -> Path:
    """The file of the module of the model `name`: ``folder/<name>_<backend>.py``."""
    return folder / f"{identifier(name)}_{backend}.py"


def write_generated(path: Path, source: str) -> None:
    """Write the generated module `source` to `path`, whole or not at all.

    Folders that are missing are made. `OutputError` where `path` is not symdiff's to overwrite or cannot be written;
    what was there before is then unchanged.
    """
    if not _HEADER.fullmatch(source.partition("\n")[0]):
        raise ValueError("Generated source does not begin with its header.")
    target = Path(os.path.realpath(path))  # a link stays a link
    try:
        mode = _mode_of_old(target, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, source.encode(), mode)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(
            f"Cannot write {path}: a file is where its folder should be. Choose another with -o."
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"Cannot write {path}: {reason}. Make its folder writable, or choose another with -o."
        ) from error


def _mode_of_old(target: Path, path: Path) -> int | None:
    """The permissions of the file to be replaced, None where there is none; an error if symdiff did not write it."""
    try:
        with target.open("rb") as file:
            first = file.readline().decode(errors="replace").rstrip("\r\n")
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except FileNotFoundError:
        return None
    except IsADirectoryError as error:
        raise OutputError(
            f"Cannot write {path}: it is a folder. Remove it, or choose another folder with -o."
        ) from error
    if not _HEADER.fullmatch(first):
        raise OutputError(
            f"Not overwriting {path}: symdiff did not write it. Move it away, or choose another folder with -o."
        )
    return mode


def _replace(target: Path, content: bytes, mode: int | None) -> None:
    """Write beside `target` and rename, so that a reader, a crash or a full disk never meets half a file."""
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            beside.chmod(mode)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def _quoted(name: str) -> str:
    """A name that is no identifier may hold anything, a line break even: escape it, so that it stays a comment."""
    return name if name.isidentifier() else quote(name, safe="")
