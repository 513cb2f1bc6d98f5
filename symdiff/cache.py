"""Generated source kept on disk, addressed by what it was generated from.

One entry is one file, named by its key: a header line with the SHA-256 of key and source, then the source. What does
not match its header (damaged, truncated, moved), or what somebody else may have written, counts as absent: it is removed
and never executed. Entries are written beside and renamed into place, so any number of processes may share a directory.
Nothing here makes a compilation fail: where the directory cannot be used, one warning says why and symdiff goes on without.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import secrets
import stat
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import platformdirs

from symdiff.errors import OutputError
from symdiff.version import __version__

try:
    import fcntl

    _SHARED, _ALONE = fcntl.LOCK_SH | fcntl.LOCK_NB, fcntl.LOCK_EX | fcntl.LOCK_NB
except ImportError:  # Windows
    _SHARED = _ALONE = 0

DIRECTORY_VARIABLE = "SYMDIFF_CACHE_DIR"
_KEY = re.compile(r"[0-9a-f]{64}")
_OWN_FILE = re.compile(r"[0-9a-f]{64}\.(entry|[0-9a-f]{16}\.tmp)")
_warned: set[Path] = set()


class CacheWarning(UserWarning):
    """The cache cannot be used; symdiff goes on without it."""


def key_of(*parts: bytes | str) -> str:
    """The hex SHA-256 of `parts` (kept apart, so order and borders count), symdiff's version and its own source."""
    digest = hashlib.sha256()
    for part in (__version__, _fingerprint(), *parts):
        content = part.encode() if isinstance(part, str) else part
        digest.update(b"%d:" % len(content))
        digest.update(content)
    return digest.hexdigest()


class Cache:
    """A directory of generated source.

    Parameters
    ----------
    directory : where entries lie; by default that of the environment variable ``SYMDIFF_CACHE_DIR``, else the
        platform's cache directory, else, for a user without a home, one of the user's own among temporary files. It
        is made by the first `put`, for its owner only; one that belongs to somebody else, or that others may write
        to, is not used, because what it holds is executed.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        chosen = directory or os.environ.get(DIRECTORY_VARIABLE) or platformdirs.user_cache_path("symdiff")
        expanded = os.path.expanduser(chosen)
        homeless = expanded.startswith("~")  # there is no home to put in its place
        self.directory = _temporary() if homeless else Path(expanded).absolute()

    def get(self, key: str) -> str | None:
        """The source stored under `key`, or None where there is none that is whole."""
        path = self._entry(key)
        if not self._usable():
            return None
        try:
            header, _, payload = _read(path).partition(b"\n")
        except OSError:
            return None
        if header == _header(key, payload):
            with suppress(UnicodeDecodeError):
                return payload.decode()
        with suppress(OSError):
            path.unlink()
        return None

    def put(self, key: str, source: str) -> None:
        """Store `source` under `key`; where that is impossible, warn once."""
        path = self._entry(key)
        payload = source.encode()
        beside = path.with_name(f"{key}.{secrets.token_hex(8)}.tmp")
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._usable():
                return
            with self._locked(_SHARED):
                try:
                    beside.touch(mode=0o600, exist_ok=False)
                    beside.write_bytes(_header(key, payload) + b"\n" + payload)
                    os.replace(beside, path)
                finally:
                    beside.unlink(missing_ok=True)
        except FileNotFoundError:  # the cache was cleared meanwhile
            return
        except OSError as error:
            self._warn(f"cannot be written to ({error.strerror or error})")

    def info(self) -> tuple[Path, int, int]:
        """The directory, how many entries it holds, and their size in bytes."""
        try:
            entries = [path.lstat() for path in self._files() if path.suffix == ".entry"]
            sizes = [entry.st_size for entry in entries if stat.S_ISREG(entry.st_mode)]
        except OSError as error:
            raise OutputError(f"Cannot read the cache directory {self.directory}: {error.strerror}.") from error
        return self.directory, len(sizes), sum(sizes)

    def clear(self) -> int:
        """Remove every entry, and what interrupted writes left; the number of entries removed. Other files stay.

        So do those that are being written.
        """
        try:
            with self._locked(_ALONE) as alone:
                found = [path for path in self._files() if alone or path.suffix == ".entry"]
                for path in found:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"Cannot clear the cache directory {self.directory}: {error.strerror}.") from error
        return sum(path.suffix == ".entry" for path in found)

    def _entry(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not a key made by key_of().")
        return self.directory / f"{key}.entry"

    def _files(self) -> list[Path]:
        """The cache's own files; none where the directory does not exist."""
        if not self.directory.is_dir():
            return []
        return sorted(path for path in self.directory.iterdir() if _OWN_FILE.fullmatch(path.name))

    @contextmanager
    def _locked(self, kind: int) -> Iterator[bool]:
        """Lock the directory, `_SHARED` by all that write, or `_ALONE`; whether that was possible at once."""
        with ExitStack() as stack:
            try:
                descriptor = os.open(self.directory, os.O_RDONLY)
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, kind)
                possible = True
            except (NameError, OSError):  # Windows has no such locks, nor have all file systems
                possible = False
            yield possible

    def _usable(self) -> bool:
        """Whether the directory exists and nobody else can have put something into it."""
        try:
            status, link = self.directory.stat(), self.directory.lstat()
        except OSError:
            return False
        if not _belongs(status) or not _belongs(link):
            self._warn(f"belongs to another user: set {DIRECTORY_VARIABLE} to a directory of your own")
        elif _others_may_write(status):
            self._warn(f"is writable by others: run chmod 700 on it, or set {DIRECTORY_VARIABLE} to another")
        else:
            return True
        return False

    def _warn(self, problem: str) -> None:
        if self.directory not in _warned:
            _warned.add(self.directory)
            message = f"The cache directory {self.directory} {problem}. symdiff goes on without a cache."
            warnings.warn(message, CacheWarning, stacklevel=4)


def _read(path: Path) -> bytes:
    """The content of a file that nobody but the user can have written; nothing where it is another, or no file."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait for somebody to write
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not _belongs(status) or _others_may_write(status):
            return b""
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


# Elsewhere than on POSIX, owners and modes say nothing; there a user's cache directory is the user's.
def _belongs(status: os.stat_result) -> bool:
    return os.name != "posix" or status.st_uid == os.getuid()


def _others_may_write(status: os.stat_result) -> bool:
    return os.name == "posix" and bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _temporary() -> Path:
    """A directory among temporary files: that of this user, which nobody else can take the place of unnoticed."""
    user = f"-{os.getuid()}" if os.name == "posix" else ""
    return Path(tempfile.gettempdir()).absolute() / f"symdiff{user}"


def _header(key: str, payload: bytes) -> bytes:
    return b"# sha256 " + hashlib.sha256(key.encode() + payload).hexdigest().encode()


@functools.cache
def _fingerprint() -> bytes:
    """A digest of symdiff's own source, so that an edited symdiff never meets what an older one generated."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(hashlib.sha256(path.relative_to(package).as_posix().encode()).digest())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.digest()
