"""Executing source: generated modules, and the files that hold a user's models."""

from __future__ import annotations

import ast
import contextlib
import importlib.abc
import importlib.util
import linecache
import sys
import threading
import traceback
import weakref
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

from symdiff.cache import Cache
from symdiff.errors import ModelError, SymdiffError, warn
from symdiff.model import Model, recorded
from symdiff.names import identifier

CACHE_PACKAGE = "symdiff_cache"
"""Modules named ``symdiff_cache.<name>_<key>`` can be imported, and so unpickled, wherever the cache holds `key`."""

_lock = threading.RLock()
_live: weakref.WeakValueDictionary[str, ModuleType] = weakref.WeakValueDictionary()
"""Modules by name, as long as anything of them is in use: ``sys.modules`` would keep every model ever compiled."""


def load_source(source: str, module_name: str, filename: str) -> ModuleType:
    """Execute `source` and return it as the module `module_name`, which can be imported as long as it is in use.

    So its NamedTuples can be pickled; tracebacks show its lines under `filename`. The same source under
    the same name is executed once, so that what an earlier call returned stays importable.
    """
    with _lock:
        loaded = _live.get(module_name)
        if loaded is not None and getattr(loaded.__loader__, "source", None) == source:
            return loaded
        loader = _SourceLoader(source, filename)
        module = importlib.util.module_from_spec(_spec(module_name, loader))
        with _registered(module):
            loader.exec_module(module)
        del sys.modules[module_name]
        return module


def load_models(path: Path, *chosen: int | str) -> list[Model]:
    """Execute the model file `path`; its module-level models, in order, or those `chosen` by name or by line.

    A model in a list or dict counts if it was given a ``name=``. What else the file makes is warned of.

    Raises
    ------
    ModelError
        If the file cannot be run, or holds no such model, or two of one name.
    """
    tree, code = _parse(path)
    with recorded() as made:
        namespace = _execute(path, code)
    imported = {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    own = [value for name, value in namespace.items() if name not in imported]
    there = [model for value in own for model in _held(value) if model is value or model.is_named]
    models = list({id(model): model for model in there}.values())
    left_out = _left_out(path, made, models, own)
    if chosen:
        picked = [
            _named(models, path, choice) if isinstance(choice, str) else _at_line(models, left_out, path, choice, tree)
            for choice in chosen
        ]
        models = list({id(model): model for found in picked for model in found}.values())
    else:
        if not models:
            raise ModelError(
                f"{path} holds no model: assign one to a variable of the module, name = symdiff.Model(...).",
                notes=[*left_out.values()],
            )
        for place, reason in left_out.items():
            warn(reason, place)
    refuse_twins(models)
    return models


def refuse_twins(models: Sequence[Model]) -> None:
    """`ModelError` if two models have one name, or names that become one in Python: their modules would be one file."""
    by_name: dict[str, Model] = {}
    for model in models:
        twin = by_name.setdefault(identifier(model.name), model)
        if twin is not model:
            raise ModelError(
                f"Two models have one name: {twin.name!r} at {twin.place} and {model.name!r} at {model.place}. "
                "Pass another name= to one of them."
            )


class _SourceLoader(importlib.abc.InspectLoader):
    """Executes source that is held in memory, once.

    The module, its functions, its classes and so their instances keep each other: each is importable while one is in use.
    """

    def __init__(self, source: str, filename: str) -> None:
        self.source = source
        self.filename = filename
        self.module: ModuleType | None = None

    def get_source(self, fullname: str) -> str:
        return self.source

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        if module is self.module:
            return
        lines = [line + "\n" for line in self.source.removesuffix("\n").split("\n")]
        entry = (len(self.source), None, lines, self.filename)
        linecache.cache[self.filename] = entry
        weakref.finalize(module, _forget_lines, self.filename, entry).atexit = False
        exec(compile(self.source, self.filename, "exec", dont_inherit=True), module.__dict__)
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == module.__name__:
                value._module = module  # type: ignore[attr-defined]
        self.module = _live[module.__name__] = module


def _forget_lines(filename: str, entry: object) -> None:
    if linecache.cache.get(filename) is entry:
        del linecache.cache[filename]


class _CacheFinder(importlib.abc.MetaPathFinder):
    """Finds modules that are in use, and ``symdiff_cache.<name>_<key>`` in the cache on disk.

    Unpickling a gradient imports the module its class came from. In a process that imported symdiff this makes
    that work, without the model: the key in the name says which source, and the cache checks it before it is executed.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if (live := _live.get(fullname)) is not None:
            return live.__spec__
        package, _, name = fullname.partition(".")
        if package != CACHE_PACKAGE:
            return None
        if not name:
            return ModuleSpec(CACHE_PACKAGE, None, is_package=True)  # a namespace without files
        with contextlib.suppress(ValueError):  # what follows the last _ is no key
            source = Cache().get(name.rpartition("_")[2])
            if source is not None:
                return _spec(fullname, _SourceLoader(source, f"<{fullname}>"))
        return None


sys.meta_path.append(_CacheFinder())


def _spec(module_name: str, loader: _SourceLoader) -> ModuleSpec:
    spec = ModuleSpec(module_name, loader, origin=loader.filename)
    spec.has_location = True  # so that the module has a __file__
    return spec


@contextlib.contextmanager
def _registered(module: ModuleType) -> Iterator[None]:
    """Register a module while its code runs (dataclasses look their module up) and after, unless it fails."""
    sys.modules[module.__name__] = module
    try:
        yield
    except BaseException:
        del sys.modules[module.__name__]
        raise


def _parse(path: Path) -> tuple[ast.Module, CodeType]:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"There is no file {path}.") from error
    except IsADirectoryError as error:
        raise ModelError(f"{path} is a folder: name the Python file in it that holds the model.") from error
    except OSError as error:
        raise ModelError(f"Cannot read {path}: {error.strerror}.") from error
    try:
        tree = ast.parse(content, str(path))
        return tree, compile(tree, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise ModelError(f"{path}{line} is not Python: {reason}.") from error


def _execute(path: Path, code: CodeType) -> dict[str, object]:
    """Run the user's file as a module of its own, and say in one message where it failed."""
    module = ModuleType(f"symdiff_model_{path.stem}")
    module.__file__ = str(path.absolute())
    try:
        with _registered(module), _first_on_path(str(path.parent.absolute())):
            exec(code, module.__dict__)
    except SymdiffError as error:
        error.place = error.place or f"{path}:{_line_of(error, path)}"
        raise
    except (Exception, SystemExit) as error:
        text = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise ModelError(f"{path} failed to run: {text}", place=f"{path}:{_line_of(error, path)}") from error
    return vars(module)


@contextlib.contextmanager
def _first_on_path(folder: str) -> Iterator[None]:
    """Let the model file import its neighbours, as it could were it run as a script."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


def _line_of(error: BaseException, path: Path) -> int:
    """The deepest line of `path` that was being executed."""
    frames = traceback.extract_tb(error.__traceback__)
    return next(frame.lineno or 0 for frame in reversed(frames) if frame.filename == str(path))


def _held(value: object) -> Iterator[Model]:
    """A model, or those in a list, tuple, set or dict, however nested."""
    if isinstance(value, Model):
        yield value
    elif isinstance(value, list | tuple | set | frozenset | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _held(inner)


def _left_out(path: Path, made: Sequence[Model], models: Sequence[Model], values: Sequence[object]) -> dict[str, str]:
    """Place -> why a model that the file itself makes there is none of its models."""
    kept = {id(model) for model in models}
    listed = {id(model) for value in values for model in _held(value)}
    reasons = {}
    for model in made:
        if id(model) not in kept and model.place.rpartition(":")[0] == str(path):
            reasons[model.place] = f"The model made at {model.place} is left out: " + (
                "it is in a list or dict and has no name. Pass name= to it, or assign it to a variable."
                if id(model) in listed
                else "no variable of the module holds it. Assign it to one, and no other to the same."
            )
    return reasons


def _named(models: Sequence[Model], path: Path, name: str) -> list[Model]:
    """The model of a name."""
    if found := [model for model in models if model.name == name]:
        return found
    raise ModelError(f"{path} holds no model {name}. Its models: {', '.join(model.name for model in models)}.")


def _at_line(
    models: Sequence[Model], left_out: Mapping[str, str], path: Path, line: int, tree: ast.Module
) -> list[Model]:
    """The models made by the call at `line`, else by the assignment that spans it."""
    if exact := [model for model in models if model.place == f"{path}:{line}"]:
        return exact
    if f"{path}:{line}" in left_out:
        raise ModelError(left_out[f"{path}:{line}"])
    assignments = (node for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.AnnAssign))
    spans = ((node.lineno, node.end_lineno or node.lineno) for node in assignments)
    first, last = next((span for span in spans if span[0] <= line <= span[1]), (line, line))
    places = {f"{path}:{number}" for number in range(first, last + 1)}
    chosen = [model for model in models if model.place in places]
    if not chosen:
        if reason := next((left_out[place] for place in sorted(places) if place in left_out), None):
            raise ModelError(reason)
        there = ", ".join(f"{model.name} at {model.place}" for model in models)
        raise ModelError(f"No model is made at {path}:{line}. Its models: {there}.")
    return chosen
