"""What `symdiff show` prints of a model: its closed forms, LaTeX, the generated source, a drawing of its graph."""

from __future__ import annotations

from pathlib import Path

import sympy as sp

from symdiff.compiler import generate
from symdiff.drawing import draw
from symdiff.errors import ModelError, OutputError, UnsupportedError
from symdiff.formulas import formulas, gradient
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
    latex : LaTeX of the gradients and outputs instead.
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
        return "\n".join([*drawn, *_latex(model, options)])
    return "\n".join([*drawn, f"{model.name}", *(f"    {line}" for line in formulas(lower(model), options))])


def _latex(model: Model, options: Options) -> list[str]:
    """One line for each derivative of the objective, and for each output."""
    subject = _roman(model.name)
    try:
        lines = []
        if model.objective is not None and (model.params or options.wrt):
            lines = [
                rf"\frac{{\partial {subject}}}{{\partial {sp.latex(by)}}} = {sp.latex(form)}"
                for by, form in gradient(model, options.wrt).items()
            ]
        elif model.objective is not None:
            lines = [f"{subject} = {sp.latex(model.objective)}"]
        return lines + [f"{_roman(name)} = {sp.latex(expression)}" for name, expression in model.outputs.items()]
    except RecursionError:
        raise UnsupportedError(
            "The closed form is too deep for SymPy to print; see --source.", place=model.place
        ) from None


def _roman(name: str) -> str:
    """A name as LaTeX."""
    return r"\mathrm{" + name.replace("_", r"\_") + "}"
