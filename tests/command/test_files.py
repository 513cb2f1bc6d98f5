"""Headers of generated modules, and writing them: whole or not at all, and never over a file of somebody else."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from symdiff.errors import OutputError
from symdiff.files import MARK, header, module_path, read_options, write_generated
from symdiff.options import BACKENDS, EMIT, MATH, STYLES, Options
from symdiff.version import __version__

SOURCE = header(Options()) + '\n"""A module."""\nπ = 3\n'
NEWER = header(Options(style="plain")) + "\nx = 2\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "line_numpy.py"


def test_the_header_is_as_documented():
    assert header(Options(wrt=("w", "b"))) == (
        f"# symdiff {__version__}: --backend numpy --emit value,grad,value_and_grad --wrt w,b --math exact --style fast"
    )
    assert header(Options()).startswith(MARK)


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        *(Options(backend=backend) for backend in BACKENDS),
        *(Options(emit=EMIT[:count]) for count in range(1, len(EMIT) + 1)),
        *(Options(math=math, style=style) for math in MATH for style in STYLES),
        Options(wrt=("w",)),
        Options(wrt=("w_1", "α", "Größe")),
        Options(wrt=("x y", "a,b", "--style", "100%", "\\alpha", "2", "line\nbreak", "\u2028", "'", '"')),
    ],
    ids=str,
)
def test_options_survive_the_header(options):
    line = header(options)
    assert len(line.splitlines()) == 1
    assert read_options(line + "\nx = 1\n") == options
    assert compile(line, "header", "exec").co_consts == (None,)  # whatever the names are, it stays a comment


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x = 1\n",
        "# symdiff\n",
        "# symdiff models of the plant\n",
        "# symdiff 0.1.0\n",
        "\n" + SOURCE,
        "#symdiff 0.1.0: --backend numpy\n",
    ],
)
def test_what_is_no_header_is_refused(source):
    with pytest.raises(OutputError, match="Not a module written by symdiff"):
        read_options(source)


@pytest.mark.parametrize("options", ["--backend fpga", "--colour red", "--backend numpy --emit value,taylor"])
def test_options_of_another_version_are_refused(options):
    with pytest.raises(OutputError, match="another version"):
        read_options(f"# symdiff 9.0: {options}\n")


@pytest.mark.parametrize(("name", "file"), [("line", "line_cupy.py"), ("../up", "up_cupy.py"), ("a b", "a_b_cupy.py")])
def test_a_module_is_named_by_model_and_backend_and_stays_in_its_folder(name, file):
    assert module_path(Path("out"), name, "cupy") == Path("out") / file


def test_a_module_is_written_and_written_again(path):
    write_generated(path, SOURCE)
    assert path.read_bytes() == SOURCE.encode()
    write_generated(path, NEWER)
    assert path.read_bytes() == NEWER.encode()
    assert list(path.parent.iterdir()) == [path]


def test_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "line_numpy.py"
    write_generated(path, SOURCE)
    assert path.exists()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_modes_are_those_of_an_ordinary_file_and_are_kept(path):
    write_generated(path, SOURCE)
    ordinary = path.with_name("ordinary")
    ordinary.touch()
    assert path.stat().st_mode == ordinary.stat().st_mode
    path.chmod(0o640)
    write_generated(path, NEWER)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("content", [b"", b"x = 1\n", b"# symdiff models\n", b"\xff\xfe", b"\n" + SOURCE.encode()])
def test_a_file_of_somebody_else_is_not_overwritten(path, content):
    path.write_bytes(content)
    with pytest.raises(OutputError, match="symdiff did not write it") as caught:
        write_generated(path, SOURCE)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_source_without_its_header_is_refused_so_that_it_can_be_overwritten_later(path):
    with pytest.raises(ValueError, match="header"):
        write_generated(path, "x = 1\n")
    assert not path.exists()


def test_a_folder_in_the_way(path):
    path.mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        write_generated(path, SOURCE)
    assert path.is_dir()


@pytest.mark.parametrize("below", ["line_numpy.py", "deeper/line_numpy.py"])
def test_a_file_where_the_folder_should_be(tmp_path, below):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="a file is where its folder should be"):
        write_generated(tmp_path / "out" / below, SOURCE)


def test_a_link_stays_a_link(tmp_path, path):
    real = tmp_path / "real" / "line.py"
    write_generated(real, SOURCE)
    try:
        path.symlink_to(real)
    except OSError:
        pytest.skip("links cannot be made here")
    write_generated(path, NEWER)
    assert path.is_symlink()
    assert real.read_text(encoding="utf-8") == NEWER


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(path, monkeypatch, step):
    write_generated(path, SOURCE)

    def fail(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OutputError, match="No space left on device") as caught:
        write_generated(path, NEWER)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == SOURCE.encode()
    assert list(path.parent.iterdir()) == [path]


def test_an_unwritable_folder_is_named(path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)  # a mode would not stop a test that runs as root
    with pytest.raises(OutputError, match=r"Permission denied\. Make its folder writable") as caught:
        write_generated(path, SOURCE)
    assert str(path) in str(caught.value)
