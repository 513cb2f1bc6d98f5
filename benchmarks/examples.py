"""The models of the examples, which most cases measure."""

from __future__ import annotations

from pathlib import Path

import symdiff as sd
from symdiff.loader import load_models

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def example(folder: str, name: str) -> sd.Model:
    """A model of an example, by name."""
    (model,) = load_models(EXAMPLES / folder / "model.py", name)
    return model
