"""Every model of the catalogue with a leading axis: as a loop over single calls."""

import numpy as np
import pytest
from catalogue import ALL
from run_nodes import compiled

from symdiff.compiler import optimised
from symdiff.derive import stabilised
from symdiff.diff.second import gradient
from symdiff.frontend.lower import lower
from symdiff.graph.leaves import parameter
from symdiff.graph.lift import lift
from symdiff.options import Options

BATCH = 3


@pytest.mark.parametrize("case", ALL, ids=str)
@pytest.mark.parametrize("over", ["parameters", "everything"])
def test_as_one_call_after_the_other(case, over):
    """Of value, gradient and output, with a leading axis on the parameters, or on all arguments."""
    model = stabilised(lower(case.model()))
    inputs, samples = model.declarations.inputs, model.declarations.samples
    by = [entry.node for entry in inputs if entry.role == "parameter"]
    roots = optimised([*model.results, *gradient(model.objective, by)], model, Options.create())
    many = {
        entry.node: parameter(entry.name, (BATCH, *entry.node.shape), entry.node.dtype)
        for entry in inputs
        if over == "everything" or entry.role == "parameter"
    }
    arrays = {entry.node: case.arrays()[entry.name] for entry in inputs}
    rng = np.random.default_rng(0)
    batches = {node: np.stack([varied(arrays[node], rng) for _ in range(BATCH)]) for node in many}
    one_by_one = compiled(roots, [entry.node for entry in inputs], samples)
    at_once = compiled(lift(roots, many, (BATCH,)), [many.get(entry.node, entry.node) for entry in inputs], samples)
    for single, whole in zip(one_by_one, at_once, strict=True):
        found = whole(*({**arrays, **batches}[entry.node] for entry in inputs))
        for k in range(BATCH):
            wanted = single(*(batches[entry.node][k] if entry.node in many else arrays[entry.node] for entry in inputs))
            np.testing.assert_allclose(
                found[k], wanted, rtol=1e-10, atol=1e-10 * max(1.0, np.abs(wanted).max(initial=0))
            )


def varied(value, rng):
    """A value nearby, which the model takes as it takes this one."""
    return value * (1 + 0.01 * rng.random(value.shape)) if value.dtype.kind == "f" else value
