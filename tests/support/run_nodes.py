"""Graphs run as the code that symdiff writes of them, without a model around."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from symdiff.codegen.cupy.module import CupyModuleWriter
from symdiff.codegen.module import ModuleSpec, ModuleWriter
from symdiff.files import header
from symdiff.graph.inputs import Input, Unit
from symdiff.graph.node import Node
from symdiff.graph.results import Array
from symdiff.loader import load_source
from symdiff.options import Options
from symdiff.passes.algebra.contract import in_pairs
from symdiff.passes.algebra.expand import WHOLE, expand
from symdiff.passes.schedule.fuse import fuse
from symdiff.passes.schedule.stages import plan
from symdiff.passes.verify import verify


def compiled(
    roots: Sequence[Node], inputs: Sequence[Node], samples: Any = None, backend: str = "numpy"
) -> list[Callable[..., Any]]:
    """A function of the inputs for each root."""
    declared = tuple(
        Input(node.attributes[0], sp.Symbol(node.attributes[0]), "data", node, bool(node.shape)) for node in inputs
    )
    units = []
    for k, root in enumerate(in_pairs(expand(roots), samples and str(samples))):
        chosen = plan([root], samples)
        verify(chosen.order, unwritten=WHOLE)
        steps = fuse(chosen.results, chosen.order, samples) if backend == "cupy" else ()
        units.append(
            Unit(f"r{k}", f"r{k}", declared, (), chosen.results, Array(f"r{k}", f"r{k}"), plan=chosen, steps=steps)
        )
    spec = ModuleSpec(
        header(Options.create(backend=backend)), "nodes", declared, samples, False, tuple(units), (), "fast"
    )
    writer = {"numpy": ModuleWriter, "cupy": CupyModuleWriter}[backend]
    module = load_source(writer(spec).write(), "nodes", "<nodes>")
    return [getattr(module, unit.name) for unit in units]


def run(roots: Sequence[Node], values: Mapping[Node, Any], samples: Any = None) -> list[np.ndarray]:
    """The values of the roots, given those of the inputs they depend on."""
    return [np.asarray(function(*values.values())) for function in compiled(roots, [*values], samples)]
