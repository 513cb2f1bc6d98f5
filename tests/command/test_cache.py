"""The cache on disk: many processes, damage, foreign directories, full disks."""

from __future__ import annotations

import errno
import multiprocessing
import os
import stat
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import platformdirs
import pytest
import sympy as sp

import symdiff as sd
from symdiff import cache as cache_module
from symdiff.cache import Cache, CacheWarning, key_of

KEY = key_of("a model")
SOURCE = "# π\r\nx = 1\n\x0c"
posix_only = pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX")


@pytest.fixture(autouse=True)
def no_warning_given_yet(monkeypatch):
    monkeypatch.setattr(cache_module, "_warned", set())


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def entry(cache: Cache) -> Path:
    return cache.directory / f"{KEY}.entry"


def test_what_is_put_is_got_back_exactly(cache):
    assert cache.get(KEY) is None
    cache.put(KEY, SOURCE)
    assert cache.get(KEY) == SOURCE
    cache.put(KEY, "y = 2\n")
    assert cache.get(KEY) == "y = 2\n"
    assert cache.get(key_of("another model")) is None


def test_only_put_makes_the_directory_and_for_its_owner_only(cache):
    assert cache.get(KEY) is None
    assert cache.info() == (cache.directory, 0, 0)
    assert cache.clear() == 0
    assert not cache.directory.exists()
    cache.put(KEY, SOURCE)
    if os.name == "posix":
        assert cache.directory.stat().st_mode & 0o777 == 0o700


@posix_only
def test_entries_are_their_owners_only_whatever_the_umask(cache):
    before = os.umask(0)
    try:
        cache.put(KEY, SOURCE)
    finally:
        os.umask(before)
    assert cache.directory.stat().st_mode & 0o777 == 0o700
    assert entry(cache).stat().st_mode & 0o777 == 0o600


@posix_only
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_an_entry_that_others_may_have_written_is_absent_and_removed(cache, mode):
    cache.put(KEY, SOURCE)
    cache.directory.chmod(0o755)
    entry(cache).chmod(mode)
    assert cache.get(KEY) is None
    assert not entry(cache).exists()
    cache.put(KEY, SOURCE)
    assert cache.get(KEY) == SOURCE


@posix_only
@pytest.mark.skipif(getattr(os, "geteuid", int)() != 0, reason="only root gives files away")
def test_an_entry_of_another_user_is_absent_and_removed(cache):
    cache.put(KEY, SOURCE)
    os.chown(entry(cache), 12345, -1)
    assert cache.get(KEY) is None
    assert not entry(cache).exists()


@posix_only
@pytest.mark.skipif(getattr(os, "geteuid", int)() != 0, reason="only root gives files away")
def test_a_link_of_another_user_to_a_directory_is_not_used(cache, tmp_path):
    cache.put(KEY, SOURCE)
    (tmp_path / "link").symlink_to(cache.directory)
    assert Cache(tmp_path / "link").get(KEY) == SOURCE
    os.chown(tmp_path / "link", 12345, -1, follow_symlinks=False)
    with pytest.warns(CacheWarning, match="belongs to another user"):
        assert Cache(tmp_path / "link").get(KEY) is None


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _socket(path: Path) -> None:
    os.mknod(path, 0o600 | stat.S_IFSOCK)


@posix_only
@pytest.mark.parametrize("make", [_pipe, _device, _socket, Path.mkdir])
def test_what_is_no_file_in_place_of_an_entry_is_absent_and_nothing_waits_for_it(cache, make):
    cache.put(key_of("another model"), SOURCE)
    make(entry(cache))
    assert cache.get(KEY) is None
    assert cache.info()[1] == 1
    if make is not Path.mkdir:
        cache.put(KEY, SOURCE)
        assert cache.get(KEY) == SOURCE


@pytest.mark.parametrize("chosen", [None, "~/cache", "~nobody_of_that_name/cache"])
def test_without_a_home_directory_the_cache_is_among_temporary_files(monkeypatch, tmp_path, chosen):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os.path, "expanduser", lambda path: os.fspath(path))  # as where no home is known
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: Path("~/.cache") / name)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    monkeypatch.delenv("SYMDIFF_CACHE_DIR", raising=False)
    cache = Cache(chosen)
    cache.put(KEY, SOURCE)
    assert cache.get(KEY) == SOURCE
    assert cache.directory.parent == tmp_path / "temporary"
    assert [path.name for path in tmp_path.iterdir()] == ["temporary"]
    if os.name == "posix":
        assert cache.directory.name == f"symdiff-{os.getuid()}"
        assert cache.directory.stat().st_mode & 0o777 == 0o700


def test_clear_spares_what_is_being_written(cache, monkeypatch):
    cache.put(key_of("another model"), SOURCE)
    replace = os.replace

    def cleared_before(beside, path):
        assert Cache(cache.directory).clear() == 1
        replace(beside, path)

    monkeypatch.setattr(os, "replace", cleared_before)
    cache.put(KEY, SOURCE)
    assert cache.get(KEY) == SOURCE
    assert cache.clear() == 1


def test_info_and_clear_see_entries_and_leave_other_files(cache):
    cache.put(KEY, SOURCE)
    cache.put(key_of("another model"), SOURCE)
    (cache.directory / "notes.txt").write_text("mine")
    left_by_a_crash = cache.directory / f"{KEY}.{'0' * 16}.tmp"
    left_by_a_crash.write_text("half")
    size = sum(path.stat().st_size for path in cache.directory.glob("*.entry"))
    assert cache.info() == (cache.directory, 2, size)
    assert cache.clear() == 2
    assert [path.name for path in cache.directory.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("length", [0, 1, 40, 73, 76, -1])
def test_a_truncated_entry_is_absent_and_removed(cache, length):
    cache.put(KEY, SOURCE)
    entry(cache).write_bytes(entry(cache).read_bytes()[:length])
    assert cache.get(KEY) is None
    assert not entry(cache).exists()
    cache.put(KEY, SOURCE)
    assert cache.get(KEY) == SOURCE


def test_every_flipped_bit_is_noticed(cache):
    cache.put(KEY, SOURCE)
    whole = entry(cache).read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        entry(cache).write_bytes(damaged)
        assert cache.get(KEY) is None, position


def test_an_entry_with_the_right_digest_of_bad_utf8_is_absent(cache):
    cache.put(KEY, SOURCE)
    entry(cache).write_bytes(cache_module._header(KEY, b"\xff") + b"\n\xff")
    assert cache.get(KEY) is None
    assert not entry(cache).exists()


def test_an_entry_moved_to_another_key_is_absent(cache):
    cache.put(KEY, SOURCE)
    other = key_of("another model")
    entry(cache).rename(cache.directory / f"{other}.entry")
    assert cache.get(other) is None


@pytest.mark.parametrize("key", ["", "../" + "0" * 61, "0" * 63, "0" * 65, "G" * 64, "0" * 64 + "\n"])
def test_what_is_not_a_key_never_becomes_a_path(cache, key):
    with pytest.raises(ValueError, match="not a key"):
        cache.get(key)
    with pytest.raises(ValueError, match="not a key"):
        cache.put(key, SOURCE)


def test_keys_depend_on_every_part_its_place_and_its_borders():
    keys = [key_of(), key_of(""), key_of("ab"), key_of("a", "b"), key_of("b", "a"), key_of("ab", ""), key_of("1:a")]
    assert len(set(keys)) == len(keys)
    assert key_of("é") == key_of("é".encode())


def test_keys_depend_on_the_version_and_on_symdiff_itself(monkeypatch):
    before = key_of("a model")
    monkeypatch.setattr(cache_module, "__version__", "0.0.0")
    assert key_of("a model") != before
    monkeypatch.undo()
    monkeypatch.setattr(cache_module, "_fingerprint", lambda: b"edited")
    assert key_of("a model") != before


def test_keys_are_the_same_in_every_process():
    program = "from symdiff.cache import key_of; print(key_of('a model'))"
    printed = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_the_directory_is_the_variable_or_the_platforms(monkeypatch, tmp_path):
    monkeypatch.setenv("SYMDIFF_CACHE_DIR", str(tmp_path / "a"))
    cache = Cache()
    monkeypatch.setenv("SYMDIFF_CACHE_DIR", str(tmp_path / "b"))
    assert cache.directory == tmp_path / "a"
    assert Cache().directory == tmp_path / "b"
    assert Cache(tmp_path / "c").directory == tmp_path / "c"
    monkeypatch.setenv("SYMDIFF_CACHE_DIR", "")
    assert Cache().directory == Path(platformdirs.user_cache_path("symdiff"))


@posix_only
@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_directory_others_may_write_to_is_not_used(cache, mode):
    cache.put(KEY, SOURCE)
    cache.directory.chmod(mode)
    with pytest.warns(CacheWarning, match="chmod 700"):
        assert cache.get(KEY) is None
    entry(cache).unlink()
    cache.put(KEY, SOURCE)
    assert not entry(cache).exists()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda: _total("i"), lambda: _total("j")),
        (lambda: _total("i"), lambda: _total_of_a_tensor()),
    ],
)
def test_a_docstring_is_the_models_own(monkeypatch, tmp_path, first, second):
    """Models that are one graph, but written with other names of indices, or in another dialect."""
    monkeypatch.setenv("SYMDIFF_CACHE_DIR", str(tmp_path))
    found = [sd.compile(model()).__doc__ for model in (first, second)]
    assert found == [sd.compile(model(), cache=False).__doc__ for model in (first, second)]
    assert found[0] != found[1]


def _total(letter: str) -> sd.Model:
    n, index = sp.Symbol("n", integer=True, positive=True), sp.Symbol(letter, integer=True)
    w, x = sp.Symbol("w"), sp.IndexedBase("x", shape=(n,))
    return sd.Model(sp.Sum(sp.sin(w * x[index]), (index, 0, n - 1)), params=[w], data=[x], name="total")


def _total_of_a_tensor() -> sd.Model:
    w, x = sp.Symbol("w"), sd.Tensor("x", sp.Symbol("n", integer=True, positive=True))
    return sd.Model(sd.sum(sd.sin(w * x)), params=[w], data=[x], name="total")


@posix_only
def test_a_directory_of_another_user_is_not_used(cache, monkeypatch):
    cache.put(KEY, SOURCE)
    monkeypatch.setattr(os, "getuid", lambda: cache.directory.stat().st_uid + 1)
    with pytest.warns(CacheWarning, match="belongs to another user: set SYMDIFF_CACHE_DIR"):
        assert cache.get(KEY) is None


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EACCES])
@pytest.mark.parametrize("where", ["mkdir", "write_bytes"])
def test_a_disk_that_cannot_be_written_to_warns_once(cache, monkeypatch, code, where):
    def fail(*_args, **_kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, where, fail)
    with pytest.warns(CacheWarning, match=os.strerror(code)):
        cache.put(KEY, SOURCE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.put(KEY, SOURCE)
        assert cache.get(KEY) is None


def test_a_write_that_fails_half_way_leaves_the_old_entry_and_nothing_else(cache, monkeypatch):
    cache.put(KEY, SOURCE)

    def fail(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.warns(CacheWarning, match="No space left"):
        cache.put(KEY, "y = 2\n")
    assert cache.get(KEY) == SOURCE
    assert list(cache.directory.iterdir()) == [entry(cache)]


def test_a_file_where_the_directory_should_be_warns(tmp_path):
    (tmp_path / "cache").write_text("a file")
    cache = Cache(tmp_path / "cache")
    with pytest.warns(CacheWarning, match="cannot be written"):
        cache.put(KEY, SOURCE)
    assert cache.get(KEY) is None
    assert cache.info()[1:] == (0, 0)


def _put_and_get(directory: Path, source: str) -> bool:
    """In one of many processes: write the key again and again, and always find some whole entry."""
    cache = Cache(directory)
    found = set()
    for _ in range(50):
        cache.put(KEY, source)
        found.add(cache.get(KEY))
    return None not in found and all(text == text[:1] * len(text) for text in found)


def test_many_processes_share_a_directory(cache):
    sources = [letter * 100_000 for letter in "abcdefgh"]
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert all(pool.starmap(_put_and_get, [(cache.directory, source) for source in sources]))
    assert list(cache.directory.iterdir()) == [entry(cache)]
    assert cache.get(KEY) in sources
