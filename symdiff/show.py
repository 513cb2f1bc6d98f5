"""What `symdiff show` prints of a model: its closed forms, LaTeX, the generated source, a drawing of its graph."""

from __future__ import annotations

from pathlib import Path

from symdiff.compiler import generate
from symdiff.drawing import draw
from symdiff.errors import ModelError, OutputError, printable
from symdiff.formulas import formulas, formulas_in_latex
from symdiff.frontend.lower import lower
from symdiff.model import Model
from symdiff.options import DEFAULT_EMIT, Options


def show(
    model: Model,
    *,
    latex: bool = False,
    source: bool = False,
    graph: Path | None = None,
    options: Options | None = None,
) -> str:
    """The text `symdiff show` prints: the closed-form gradients unless something else is asked for.

    Parameters
    ----------
    latex : the same in LaTeX.
    source : the generated source instead.
    graph : also write a drawing of the model's graph to this SVG file.
    options : of the generated source, and what to differentiate by.
    """
    options = options or Options.create()
    unseen = [kind for kind in options.emit if kind not in DEFAULT_EMIT]
    if unseen and not source:
        raise ModelError(
            f"emit={','.join(unseen)}: closed forms are of values and gradients. The others are in the source: --source."
        )
    if graph is not None and graph.suffix.lower() != ".svg":
        raise OutputError(f"The graph is drawn as SVG: call the file {graph.with_suffix('.svg')}, not {graph}.")
    drawn = []
    if graph is not None:
        lowered = lower(model)
        try:
            Path(graph).write_text(draw(lowered.results, lowered.names), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"Cannot write {graph}: {error.strerror}. Choose another file.") from error
        drawn = [f"The graph is drawn in {graph}."]
    if source:
        return "\n".join([*drawn, generate(model, options).source])
    if latex:
        return "\n".join([*drawn, *formulas_in_latex(lower(model), options)])
    return "\n".join([*drawn, printable(model.name), *(f"    {line}" for line in formulas(lower(model), options))])
