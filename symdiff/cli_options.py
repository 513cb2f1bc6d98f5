"""Options that several commands of ``symdiff`` have: lists of words, and those of a compilation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from symdiff.options import BACKENDS, DEFAULT_EMIT, EMIT, MATH, RUNTIMES, STYLES


class ListType(click.ParamType):  # type: ignore[type-arg]
    """Words separated by commas, each one of `allowed` where that is given."""

    def __init__(self, name: str, allowed: tuple[str, ...] | None = None) -> None:
        self.name = name
        self.allowed = allowed

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Split and check."""
        words = tuple(word.strip() for word in value.split(",") if word.strip())
        for word in words:
            if self.allowed and word not in self.allowed:
                self.fail(f"{word!r} is not one of {', '.join(self.allowed)}.", param, ctx)
        if not words:
            self.fail("it names nothing.", param, ctx)
        return words


def list_option(name: str, kind: ListType, **attributes: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """An option that takes words separated by commas, and may be repeated: then all of them count."""

    def join(ctx: click.Context, param: click.Parameter, value: tuple[tuple[str, ...], ...]) -> tuple[str, ...] | None:
        return tuple(dict.fromkeys(word for words in value for word in words)) or None

    return click.option(name, type=kind, multiple=True, callback=join, **attributes)


def generation_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of `Options`; one that is not given is None."""
    for option in (
        list_option(
            "--over", ListType("names"), show_default="all parameters", help="Inputs that have the axis of --batch."
        ),
        click.option(
            "--batch", metavar="NAME", help="A batch of models at once, along a new leading axis of this name."
        ),
        click.option(
            "--style", type=click.Choice(STYLES), show_default="fast", help="Scheduled or straight-line code."
        ),
        click.option(
            "--runtime",
            type=click.Choice(RUNTIMES),
            show_default="inline",
            help="Helpers in each module, or in one file.",
        ),
        click.option("--math", type=click.Choice(MATH), show_default="exact", help="Accuracy of elementary functions."),
        list_option(
            "--wrt",
            ListType("names"),
            show_default="all parameters",
            help="Inputs to differentiate by, comma-separated.",
        ),
        list_option(
            "--emit",
            ListType("functions", EMIT),
            show_default=", ".join(DEFAULT_EMIT),
            help=f"Functions to generate, comma-separated: {', '.join(EMIT)}.",
        ),
        click.option("--backend", type=click.Choice(BACKENDS), show_default="numpy", help="Array library to use."),
    ):
        command = option(command)
    return command
