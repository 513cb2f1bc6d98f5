"""Every model of the catalogue with a leading axis: as a loop over single calls."""

import numpy as np
import pytest
from as_cupy import stand_in
from catalogue import ALL
from run_nodes import compiled

from symdiff.derive import prepared
from symdiff.diff.second import gradient
from symdiff.frontend.lower import lower
from symdiff.graph.axes import scatter, take
from symdiff.graph.labelled import Labelled
from symdiff.graph.leaves import parameter
from symdiff.graph.lift import lift
from symdiff.passes.pipeline import ALGEBRA, Setting, run

BATCH = 3


@pytest.mark.parametrize("case", ALL, ids=str)
def test_as_one_call_after_the_other(case):
    """Of value, gradient and output, with a leading axis on all arguments; `test_batches.py` has it on the parameters."""
    single, whole, samples, inputs, many = graphs(case, "everything", "numpy")
    arrays, batches = values(case, inputs, many)
    given = [batches.get(node, arrays[node]) for node in inputs]
    lifted = compiled(whole, [many.get(node, node) for node in inputs], samples)
    for one, function in zip(compiled(single, inputs, samples), lifted, strict=True):
        found = function(*given)
        for k in range(BATCH):
            wanted = one(*(batches[node][k] if node in many else arrays[node] for node in inputs))
            close(found[k], wanted)


ON_A_GPU = [case for case in ALL if "Min of three" in case.name] + ALL[5::60]


@pytest.fixture(scope="module")
def cupy():
    """The stand-in for CuPy."""
    with stand_in() as found:
        try:
            found.compile_all([('extern "C" __global__ void nothing() {}', "nothing")])
        except found.CompilerMissing as error:
            pytest.skip(str(error))
        yield found


@pytest.mark.parametrize("case", ON_A_GPU, ids=str)
@pytest.mark.parametrize("over", ["parameters", "everything"])
def test_as_on_the_host(cupy, case, over):
    """The kernels of lifted graphs, on the stand-in for CuPy."""
    _, whole, samples, inputs, many = graphs(case, over, "cupy")
    arrays, batches = values(case, inputs, many)
    given = [batches.get(node, arrays[node]) for node in inputs]
    taken = [many.get(node, node) for node in inputs]
    for one, other in zip(compiled(whole, taken, samples, "cupy"), compiled(whole, taken, samples), strict=True):
        close(cupy.asnumpy(one(*map(cupy.asarray, given))), other(*given))


def test_positions_in_rows_on_a_gpu(cupy):
    """Each row is picked from at its own positions; one that a row does not have gives NaN, not an entry of the next row."""
    x, k = parameter("x", (3, 4)), parameter("k", (3, 2), "int")
    one, at = parameter("one", (4,)), parameter("at", (2,), "int")
    picked, added = lift([take(one, at, -1), scatter(take(one, at, -1), at, -1, 4)], {one: x, at: k}, (3,))
    values, positions = np.arange(12.0).reshape(3, 4), np.array([[0, 3], [4, 1], [-1, 2]])
    pick, add = compiled([picked, added], [x, k], None, "cupy")
    wanted = [[0, 3], [np.nan, 5], [np.nan, 10]]
    np.testing.assert_array_equal(pick(cupy.asarray(values), cupy.asarray(positions)).get(), wanted)
    positions = np.array([[0, 3], [1, 1], [2, 0]])
    wanted = [[0, 0, 0, 3], [0, 10, 0, 0], [8, 0, 10, 0]]
    np.testing.assert_array_equal(add(cupy.asarray(values), cupy.asarray(positions)).get(), wanted)


def graphs(case, over, backend):
    """Value, outputs and gradient of a row, the same with a leading axis; samples, inputs, and those that have the axis."""
    model = prepared(lower(case.model()))
    inputs = model.declarations.inputs
    by = [entry.node for entry in inputs if entry.role == "parameter"]
    roots = Labelled((*model.results, *gradient(model.objective, by)))
    single = run(ALGEBRA, roots, Setting.of(model, backend, "exact")).roots
    many = {
        entry.node: parameter(entry.name, (BATCH, *entry.node.shape), entry.node.dtype)
        for entry in inputs
        if over == "everything" or entry.role == "parameter"
    }
    return single, lift(single, many, (BATCH,)), model.declarations.samples, [entry.node for entry in inputs], many


def values(case, inputs, many):
    """A row's own values, and for those with a leading axis others nearby, which the model takes as it takes these."""
    arrays = {node: case.arrays()[node.attributes[0]] for node in inputs}
    rng = np.random.default_rng(0)

    def varied(value):
        return value * (1 + 0.01 * rng.random(value.shape)) if value.dtype.kind == "f" else value

    return arrays, {node: np.stack([varied(arrays[node]) for _ in range(BATCH)]) for node in many}


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10 * max(1.0, np.abs(wanted).max(initial=0)))
