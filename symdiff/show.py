"""What `symdiff show` prints of a model: its closed forms, LaTeX, the generated source, a drawing of its graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sympy as sp

from symdiff.compiler import generate
from symdiff.drawing import draw
from symdiff.errors import OutputError, UnsupportedError
from symdiff.formulas import formulas, gradient
from symdiff.frontend.lower import lower
from symdiff.model import Model
from symdiff.options import Options


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
    latex : LaTeX of the gradients instead.
    source : the generated source instead.
    graph : also write a drawing of the model's graph to this SVG file.
    options : of the generated source, and what to differentiate by.
    """
    options = options or Options.create()
    drawn = []
    if graph is not None:
        lowered = lower(model)
        roots = [*([] if lowered.objective is None else [lowered.objective]), *lowered.outputs.values()]
        try:
            Path(graph).write_text(draw(roots, lowered.names), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"Cannot write {graph}: {error.strerror}. Choose another file.") from error
        drawn = [f"The graph is drawn in {graph}."]
    if source:
        return "\n".join([*drawn, generate(model, options).source])
    if latex:
        return "\n".join([*drawn, *_latex(model, options)])
    return "\n".join([*drawn, f"{model.name}", *(f"    {line}" for line in formulas(model, options))])


def _latex(model: Model, options: Options) -> list[str]:
    """One line for each parameter."""
    subject: Any = r"\mathrm{" + model.name.replace("_", r"\_") + "}"
    try:
        found = gradient(model, options.wrt)
        return [
            rf"\frac{{\partial {subject}}}{{\partial {sp.latex(by)}}} = {sp.latex(form)}" for by, form in found.items()
        ]
    except RecursionError:
        raise UnsupportedError(
            "The closed form is too deep for SymPy to print; see --source.", place=model.place
        ) from None
