"""The command ``symdiff``: what its options say, handed to the functions that do the work."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from symdiff.bench import PEERS as BENCH_PEERS, Timing, bench as bench_model, parse_sizes
from symdiff.cache import Cache, CacheWarning
from symdiff.cli_options import ListType, generation_options, list_option
from symdiff.compare import Comparison, compare as compare_model
from symdiff.compiler import Generated, generate, shared_runtime
from symdiff.errors import InternalError, ModelError, ModelWarning, OutputError, SymdiffError, printable
from symdiff.files import module_path, read_options, write_generated
from symdiff.loader import load_models, refuse_twins
from symdiff.model import Model
from symdiff.options import BACKENDS, EMIT, MATH, Options
from symdiff.show import show as show_model
from symdiff.version import __version__

T = TypeVar("T")

DEBUG = "symdiff.debug"  # in the context of a command: whether errors are shown as tracebacks
REFERENCES = ("torch", "jax", "finite-difference", "mpmath")


class Command(click.Command):
    """A command that reports every error as one message on stderr; with ``--debug``, as a traceback."""

    failure = 1

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(click.Option(["--debug"], is_flag=True, help="Show the traceback of an error."))

    def invoke(self, ctx: click.Context) -> Any:
        ctx.meta[DEBUG] = ctx.params.pop("debug")
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
                raise
            except Exception as error:
                _report(error)
                ctx.exit(self.failure)


class ComparingCommand(Command):
    """Exit code 1 says that the sides differ; what stops the comparison from being made is 2."""

    failure = 2


class Group(click.Group):
    """A group whose commands report errors as `Command` does."""

    command_class = Command
    group_class = type


@dataclass(frozen=True)
class Target:
    """A model file, or the one model in it that has a name or is made at a line."""

    path: Path
    chosen: int | str | None = None


class TargetType(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click only
    """``model.py``, ``model.py:name`` or ``model.py:12``, the line of the `Model(...)` call."""

    name = "model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        """Split off the name or line, unless a file has that very name."""
        found = re.fullmatch(r"(.+\.py):(\w+)", value)
        if found and not Path(value).exists():
            return Target(Path(found[1]), int(found[2]) if found[2].isdecimal() else found[2])
        return Target(Path(value))


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="symdiff")
def main() -> None:
    """Compile SymPy models into standalone NumPy or CuPy modules of their values and derivatives.

    \b
    Example:
      symdiff compile model.py
    """


@main.command("compile")
@click.argument("targets", type=TargetType(), metavar="MODEL.py[:NAME]...", nargs=-1, required=True)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("generated"),
    show_default=True,
    help="Folder to write to.",
)
@generation_options
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; exit 1 if a file is not what would be written now, with its own options.",
)
@click.pass_context
def compile_command(
    ctx: click.Context, /, targets: tuple[Target, ...], out: Path, check: bool, **given: str | tuple[str, ...] | None
) -> None:
    """Write a module for every model of the files given, or for the one at a line.

    \b
    Examples:
      symdiff compile model.py
      symdiff compile model.py:line -o generated --emit value,grad,hvp --wrt w
      symdiff compile model.py --check
    """
    models = _load(*targets)
    if check:
        problems, failed = _each(models, lambda model: _out_of_date(model, out, given))
        for problem in (problem for found in problems for problem in found):
            _say(problem)
        ctx.exit(1 if failed or any(problems) else 0)
    options = _options(given)

    def write(model: Model) -> None:
        path = module_path(out, model.name, options.backend)
        generated = generate(model, options)
        if options.runtime == "shared":
            name, source = shared_runtime(options.backend)
            write_generated(out / f"{name}.py", source)
        write_generated(path, generated.source)
        _print_report(path, generated)

    _, failed = _each(models, write)
    ctx.exit(1 if failed else 0)


@main.command("show")
@click.argument("target", type=TargetType(), metavar="MODEL.py[:NAME]")
@click.option("--latex", is_flag=True, help="Formulas in LaTeX.")
@click.option("--source", is_flag=True, help="The generated source instead of formulas.")
@click.option(
    "--graph", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.svg", help="Draw the graph into a file."
)
@generation_options
@click.pass_context
def show_command(
    ctx: click.Context,
    /,
    target: Target,
    latex: bool,
    source: bool,
    graph: Path | None,
    **given: str | tuple[str, ...] | None,
) -> None:
    """Print the closed form of a model's gradients.

    \b
    Examples:
      symdiff show model.py
      symdiff show model.py:line --graph graph.svg
    """
    models = _load(target)
    if graph is not None and len(models) > 1:
        raise ModelError(f"{target.path} holds {len(models)} models, and {graph} can show one: {_places(models)}.")
    options = _options(given)
    texts, failed = _each(
        models, lambda model: show_model(model, latex=latex, source=source, graph=graph, options=options)
    )
    if texts:
        shown = "\n\n".join(text.rstrip("\n") for text in texts)
        click.echo(shown) if source else _say(shown)  # source is printed to the byte
    ctx.exit(1 if failed else 0)


@main.command("compare", cls=ComparingCommand)
@click.argument("target", type=TargetType(), metavar="MODEL.py[:NAME]")
@list_option(
    "--against",
    ListType("references", REFERENCES),
    default=["finite-difference,mpmath"],
    show_default=True,
    help=f"Comma-separated: {', '.join(REFERENCES)}.",
)
@click.option(
    "--data", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.npz", help="Inputs, by name."
)
@click.option(
    "--backend", type=click.Choice(BACKENDS), default="numpy", show_default=True, help="Whose module to check."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with an object for each model.")
@click.pass_context
def compare_command(
    ctx: click.Context, /, target: Target, against: tuple[str, ...], data: Path | None, backend: str, as_json: bool
) -> None:
    """Hold the generated functions against other ways to compute them.

    Exit code: 0 when all agree, 1 when not, 2 when the comparison could not be run.

    \b
    Example:
      symdiff compare model.py --against torch,finite-difference
    """
    models = _load(target)
    comparisons, failed = _each(
        models, lambda model: compare_model(model, against=list(against), data=data, backend=backend)
    )
    _print_findings(comparisons, as_json)
    ctx.exit(2 if failed else 0 if all(comparison.agrees for comparison in comparisons) else 1)


@main.command("bench", cls=ComparingCommand)
@click.argument("target", type=TargetType(), metavar="MODEL.py[:NAME]")
@list_option(
    "--against",
    ListType("peers", BENCH_PEERS),
    default=["torch,jax"],
    show_default=True,
    help=f"Comma-separated: {', '.join(BENCH_PEERS)}, the last being --style plain. Who is not installed is left out.",
)
@list_option(
    "--functions", ListType("kinds", EMIT), help="What to time [default: value_and_grad, or products of outputs]."
)
@click.option(
    "--data", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.npz", help="Inputs, by name."
)
@list_option(
    "--sizes", ListType("sizes"), help="Of inputs that are drawn: n=100000,d=20 [default: 1000 samples, else 30]."
)
@click.option(
    "--dtype", type=click.Choice(["float32", "float64"]), help="Of the inputs [default: float64, or the data's]."
)
@click.option("--math", type=click.Choice(MATH), default="exact", show_default=True, help="Of symdiff's own module.")
@click.option("--rounds", type=click.IntRange(1), default=30, show_default=True, help="Turns at most.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with an object for each model.")
@click.pass_context
def bench_command(
    ctx: click.Context, /, target: Target, sizes: tuple[str, ...] | None, as_json: bool, **given: Any
) -> None:
    """Time the generated functions beside the same computation in other libraries.

    All take turns, so that their ratios stay where the machine slows down. Exit code: 0, 1 when a peer's results differ,
    2 when nothing could be timed.

    \b
    Example:
      symdiff bench model.py --against torch,torch-compile,jax --sizes n=100000,d=20 --dtype float32
    """
    models, given["sizes"] = _load(target), parse_sizes(sizes or ())
    with Progress(console=Console(stderr=True), transient=True) as bars:

        def run(model: Model) -> Timing:
            bar = bars.add_task(escape(printable(model.name)))
            show = partial(bars.update, bar)
            progress = lambda what, done, of: show(description=escape(what), completed=done, total=of)  # noqa: E731
            return bench_model(model, progress=progress, **given)

        timings, failed = _each(models, run)
    _print_findings(timings, as_json)
    ctx.exit(2 if failed else 0 if all(timing.agrees for timing in timings) else 1)


@main.group("cache")
def cache_group() -> None:
    """Look at or empty the cache of generated source.

    \b
    Example:
      symdiff cache info
    """


@cache_group.command("info")
def cache_info_command() -> None:
    """Print where the cache is, how many modules it holds and their size.

    \b
    Example:
      symdiff cache info
    """
    directory, entries, size = Cache().info()
    _say(f"{directory}\n{_count(entries, 'module')}, {size / 1e6:.1f} MB")


@cache_group.command("clear")
def cache_clear_command() -> None:
    """Remove every module from the cache.

    \b
    Example:
      symdiff cache clear
    """
    cache = Cache()
    _say(f"Removed {_count(cache.clear(), 'module')} from {cache.directory}")


def message_of(error: Exception) -> str:
    """What a user reads about an error."""
    if not isinstance(error, SymdiffError):
        error = InternalError(error)
    return str(error) if isinstance(error, InternalError) else f"error: {error}"


def traceback_of(error: Exception) -> str:
    """What ``--debug`` shows of an error."""
    return "".join(traceback.format_exception(error)).rstrip()


def _say(text: str, err: bool = False) -> None:
    """Print lines that names of a model, or of files, may stand in."""
    click.echo(printable(text, keep="\n\t"), err=err)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    ours = issubclass(category, ModelWarning | CacheWarning)
    text = f"warning: {message}" if ours else warnings.formatwarning(message, category, filename, lineno, line)
    _say(text.rstrip(), err=True)


def _each(models: Iterable[Model], work: Callable[[Model], T]) -> tuple[list[T], bool]:
    """The work done for each model, and whether it failed for any: its error is reported, and the others go on."""
    done, failed = [], False
    for model in models:
        try:
            done.append(work(model))
        except BrokenPipeError:
            raise
        except Exception as error:
            _report(error, model)
            failed = True
    return done, failed


def _report(error: Exception, model: Model | None = None) -> None:
    debug = click.get_current_context().meta[DEBUG]
    where = "" if model is None or model.place in str(error) else f"\n  model: {model.place}"
    _say(traceback_of(error) if debug else message_of(error) + where, err=True)


def _load(*targets: Target) -> list[Model]:
    choices: dict[Path, list[int | str | None]] = {}  # a file is executed once, however often it is named
    paths = {target.path.resolve(): target.path for target in reversed(targets)}
    for target in targets:
        choices.setdefault(paths[target.path.resolve()], []).append(target.chosen)
    with contextlib.redirect_stdout(sys.stderr):  # what a model file prints is not the command's output
        models = []
        for path, wanted in choices.items():
            chosen = [choice for choice in wanted if choice is not None]
            models += load_models(path, *(chosen if len(chosen) == len(wanted) else ()))
    refuse_twins(models)
    return models


def _options(given: Mapping[str, Any], base: Options | None = None) -> Options:
    """The options given, and for the others those of `base` or the defaults."""
    chosen = {name: value for name, value in given.items() if value is not None}
    return Options.create(**{**(asdict(base) if base else {}), **chosen})


def _out_of_date(model: Model, out: Path, given: Mapping[str, Any]) -> list[str]:
    """What is wrong with the model's files: of the backend given, else of each backend that has a file."""
    paths = {backend: module_path(out, model.name, backend) for backend in BACKENDS}
    present = [backend for backend in BACKENDS if paths[backend].exists()]
    wanted = [given["backend"]] if given["backend"] else present or [Options().backend]
    problems = ((paths[backend], _problem(model, paths[backend], {**given, "backend": backend})) for backend in wanted)
    return [f"{path}: {problem}" for path, problem in problems if problem]


def _problem(model: Model, path: Path, given: Mapping[str, Any]) -> str | None:
    """How the file at `path` differs from what would be written now; None where it does not."""
    try:
        there = path.read_text(encoding="utf-8", errors="replace")
        options = _options(given, read_options(there))
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except OutputError as error:
        return error.message
    now = generate(model, options).source
    if now == there:
        name, runtime = shared_runtime(options.backend)
        beside = path.with_name(f"{name}.py")
        if options.runtime == "shared" and not (beside.exists() and beside.read_text(encoding="utf-8") == runtime):
            return f"{beside.name}, which it needs, is missing or out of date"
        return None
    pairs = zip(there.split("\n"), now.split("\n"), strict=False)
    line = next((number for number, (old, new) in enumerate(pairs, 1) if old != new), None)
    return "out of date" if line is None else f"out of date, from line {line} on"


def _print_report(path: Path, generated: Generated) -> None:
    sizes = ", ".join(f"{name} = {size:,}" for name, size in generated.sizes.items())
    counted = f"; operations are counted at {sizes}" if sizes else ""
    _say(f"{path}: {_count(len(generated.functions), 'function')} in {generated.seconds:.2f} s{counted}")
    table = Table("function", box=None, padding=(0, 2))
    table.add_column("operations", justify="right")
    table.add_column("in general", overflow="fold")
    for function in generated.functions:
        table.add_row(Text(function.name), f"{function.operations:,}", Text(function.formula))
    _console().print(table)


def _print_findings(found: Sequence[Comparison] | Sequence[Timing], as_json: bool) -> None:
    """Comparisons or timings, as a JSON list or as tables."""
    if as_json and found:
        click.echo(json.dumps([json.loads(one.to_json()) for one in found], indent=2))
    else:
        for one in found:
            _console().print(one.table())


def _console() -> Console:
    """The terminal; a pipe or a file has no width of its own, so tables get room there."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def _places(models: Iterable[Model]) -> str:
    return ", ".join(f"{model.name} at {model.place}" for model in models)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
