"""No table misses an operation: each has its row, or stands here with why it needs none.

A new operation fails here, by its name, in every table that it has no row in yet. What a record says of an operation is held
against what the operation does.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytest
import sympy as sp
from catalogue import ALL
from catalogue.vocabulary import words
from run_nodes import run
from scalar_cases import CASES

import symdiff as sd
from symdiff.codegen.cupy import cuda, kernel
from symdiff.codegen.cupy.module import _MISSING
from symdiff.codegen.numpy import writer
from symdiff.codegen.spellings import CUDA, NUMPY
from symdiff.compare.printers.jax import JaxPrinter
from symdiff.compare.printers.torch import TorchPrinter
from symdiff.diff import pointwise as partials, table as derivatives
from symdiff.graph import bounds, node as nodes, rebuild, samples
from symdiff.graph.leaves import parameter
from symdiff.graph.node import Node, topological
from symdiff.graph.operation import ALL as EVERY, NONE, Op
from symdiff.graph.ops import LEAVES, OPS, POINTWISE
from symdiff.graph.size import Size, evaluate, names_of
from symdiff.graph.special import SPECIAL
from symdiff.options import Options
from symdiff.passes import verify
from symdiff.passes.algebra import expand

VOCABULARY = [op for op in OPS if not op.startswith("external:")]
IN_MODELS = [op for op in VOCABULARY if op not in ("bound", "result", "flat_positions")]  # the others no model has yet
FUNCTIONS = [
    op for op, row in POINTWISE.items() if row.arity == 1 and row.dtype == "float" and row.cost
]  # of one number


@dataclass(frozen=True)
class Table:
    """Where operations have rows.

    Attributes
    ----------
    name : of the table, as one finds it.
    has : whether it has a row of an operation.
    without : operation, or kind of operations -> why it has none.
    """

    name: str
    has: Callable[[str], object]
    without: Mapping[str, str] = field(default_factory=dict)


def listed(why: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), why)


def in_numpy(op: str) -> bool:
    named = op in NUMPY or op in writer.Writer.operators or op in writer._UFUNC or hasattr(writer.Writer, f"_{op}")
    return named or (op in SPECIAL and bool(SPECIAL[op].template)) or op in ("contract", "reduce_norm")


def in_cupy(op: str) -> bool:
    lacking = op in SPECIAL and not _MISSING.isdisjoint(writer.called(SPECIAL[op].template))
    return in_numpy(op) and not lacking


def in_kernels(op: str) -> bool:
    own = f"_{op}" in vars(cuda.CudaWriter) or op in cuda.CudaWriter.operators or op in CUDA
    return own or op in kernel._LAWS or op in ("contract", "reduce_norm")


def printed_by(printer: type) -> Callable[[str], bool]:
    return lambda op: op in printer.templates or op in printer.reductions or hasattr(printer, f"_{op}")


# No model has them yet.
OF_BODIES = {
    "bound": "a body has it: tests/graph/test_bodies.py",
    "selector": "a body has it: tests/graph/test_bodies.py",
}
OF_LIFTED = {"flat_positions": "leading axes make it: tests/graph/test_lift.py"}
NO_OPERANDS = {"leaf": "it has no operands"}
WRITTEN_OUT = dict.fromkeys(expand.WHOLE, "passes.algebra.expand writes it out")
WITHOUT_KERNELS = {op: why for op, why in WRITTEN_OUT.items() if op != "erfc"}  # what it becomes is called so in CUDA
FROM_DERIVATIVES = listed(
    "derivatives and passes make it; frameworks are given the model as it was lowered",
    "bell erfc_of kept gammainc gammaincc gamma_density beta_density scatter spread_windows cofactors_tangent "
    "cofactor_factors triangle prod_others prod_others_tangent pick_first_max place_first_max carlson_rf carlson_rd carlson_rj",
)
REFUSED = listed(
    "the framework lacks it: compare says so",
    "erfi binomial besselj bessely besseli besselk jn yn airyai airyaiprime airybi airybiprime elliptic_k elliptic_e "
    "elliptic_f incomplete_e elliptic_pi incomplete_pi expint li Si Ci Shi Chi fresnels fresnelc dilogarithm hyp2f1 LambertW",
)
REFUSED_BY_TORCH = listed(
    "the framework lacks it: compare says so",
    "beta betainc_regularized lowergamma uppergamma RisingFactorial riemann_zeta zeta Ei spence",
)
REFUSED_BY_CUPY = listed(
    "cupyx.scipy.special lacks it: an error says so",
    "erfi besselj bessely besseli besselk jn airyai airyaiprime airybi airybiprime elliptic_e carlson_rf carlson_rd carlson_rj "
    "fresnels fresnelc spence hyp2f1",
)
LIBRARY_CALLS = {
    **dict.fromkeys(SPECIAL, "a library call"),
    **listed("a library call", "linalg product pooling index place concatenate reshape take scatter cumsum"),
    **listed("a library call", "window_sum spread_windows contiguous arange flat_positions"),
}

TABLES = [
    Table(
        "diff",
        lambda op: len(partials.PARTIALS[op]) == OPS[op].arity if op in partials.PARTIALS else op in derivatives._TABLE,
        {
            "leaf": "derivatives are by it",
            "selector": "the node of several results takes its derivative",
            "cofactor_factors": "passes.algebra.expand makes it, after differentiation",
        },
    ),
    Table(
        "graph.rebuild",
        rebuild._CONSTRUCTORS.__contains__,
        {**NO_OPERANDS, "pointwise": "graph.build.pointwise makes it", "reduction": "graph.axes.reduce makes it"},
    ),
    Table(
        "graph.bounds.NEEDS",
        bounds.NEEDS.__contains__,
        {
            **listed("no attribute is a size, or it comes with the operands", "pointwise reduction product linalg input"),
            **listed("no attribute is a size, or it comes with the operands", "constant contract stack concatenate reshape"),
            **listed("no attribute is a size, or it comes with the operands", "contiguous cumsum take pick_first_max"),
            **listed("no attribute is a size, or it comes with the operands", "bound selector flat_positions"),
            **listed("the largest entries, which it needs, are of windows too", "place_first_max"),
            **listed("NumPy refuses a negative length", "one_hot scatter"),
        },
    ),
    Table(
        "passes.verify._SHAPES",
        verify._SHAPES.__contains__,
        {
            **listed("its operands broadcast", "pointwise product"),
            "leaf": "attributes give its shape",
            "selector": "the node of several results gives its shape",
        },
    ),
    Table(
        "Op.cost",
        lambda op: OPS[op].cost != 0,
        {
            **listed("nothing is computed", "leaf selector"),
            **listed("a marker, nothing is computed", "stop_gradient kept cast"),
            **listed("entries are moved, not computed", "index stack concatenate reshape take contiguous"),
        },
    ),
    Table(
        "Op.samplewise",
        lambda op: OPS[op].samplewise is not samples.mixes,
        {
            "leaf": "it is not computed in blocks",
            "product": "it is about all entries along an axis",
            **listed("it may join, add up or reach entries along the samples", "concatenate scatter cumsum"),
            **listed("nothing streams through it yet", "selector flat_positions"),
            "cofactors_tangent": "directions may have the samples in front, or matrices",
        },
    ),
    Table("codegen.numpy", in_numpy, {**WRITTEN_OUT, **OF_BODIES, "input": "it is a variable"}),
    Table(
        "codegen.cupy.cuda",
        in_kernels,
        {**WITHOUT_KERNELS, **LIBRARY_CALLS, **OF_BODIES, "input": "it is read from memory"},
    ),
    Table("codegen.cupy.module", in_cupy, {**WRITTEN_OUT, **OF_BODIES, **REFUSED_BY_CUPY, "input": "it is a variable"}),
    Table("compare.printers.torch", printed_by(TorchPrinter), {
        **FROM_DERIVATIVES, **OF_BODIES, **OF_LIFTED, **REFUSED, **REFUSED_BY_TORCH, "input": "it is a variable",
    }),
    Table("compare.printers.jax", printed_by(JaxPrinter), {
        **FROM_DERIVATIVES, **OF_BODIES, **OF_LIFTED, **REFUSED, "input": "it is a variable",
    }),
]  # fmt: skip


def fault(op: str, table: Table) -> str | None:
    """What is wrong with an operation and a table."""
    if table.has(op):
        return f"{op} has a row in {table.name}, and a reason here why not" if op in table.without else None
    if op in table.without or OPS[op].kind in table.without:
        return None
    return f"{op} has no row in {table.name}: add one, or say in this test why it needs none"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_table_misses_an_operation(table):
    faults = [found for op in VOCABULARY if (found := fault(op, table))]
    assert not faults, "\n".join(faults)
    assert {*table.without} <= {*OPS, *(row.kind for row in OPS.values())}


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(OPS, "made_up", Op("linear"))
    found = [fault("made_up", table) for table in TABLES]
    assert found == [
        f"made_up has no row in {table.name}: add one, or say in this test why it needs none" for table in TABLES
    ]


# Beside the rows that are the first to have a word of the vocabulary: what other rows alone compute.
ROWS = (
    "index, running sum",
    "matrix, log of a negative determinant's size",
    "matrix, log of a quotient of determinants",
    "matrix, sd.exp and sd.log",
)
x, y = sp.symbols("x y")
SCALARS = (
    sp.log(sp.cosh(x)),
    sp.log(1 - sp.exp(x)),
    sp.log(1 + x) / x,
)  # of several functions, which become one operation


def models():
    """Models of the catalogue, of all functions of SymPy, and of `SCALARS`, each with what is computed of it."""
    known: set[str] = set()
    for case in ALL:
        if words(case) - known or str(case) in ROWS:
            known |= words(case)
            yield case.model(), case.emit
    for row in (row for rows in CASES.values() for row in rows):
        symbols = sp.symbols("x y z t")[: len(row.domain)]
        yield sd.Model(row.make(*symbols), params=symbols), ["value", "grad", "hessian"][: row.orders + 1]
    for expression in SCALARS:
        yield sd.Model(expression, params=[x]), ["value", "grad"]
    yield sd.Model(sp.polygamma(y, x), params=[x], constants=[y]), ["value", "grad"]


class Recorded(weakref.WeakValueDictionary):
    """All nodes made, and the first of each operation for good."""

    def __init__(self, known):
        super().__init__(known)
        self.first: dict[str, Node] = {}

    def __setitem__(self, key, node):
        super().__setitem__(key, node)
        self.first.setdefault(node.op, node)


@cache
def compiled() -> tuple[dict[str, Node], list[str]]:
    """For each operation a node of it that a compiled model has, or a step on the way; and why models did not compile."""
    failures = []
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", sd.errors.ModelWarning)
        known = Recorded(nodes._interned)
        patch.setattr(nodes, "_interned", known)
        for model, emit in models():
            try:
                sd.generate(model, Options.create(emit=emit, style="plain"))
            except Exception as error:  # of an operation that a table misses; the others are looked at all the same
                failures.append(f"{model.objective}: {error!r}")
    return known.first, failures


def computed(op: str) -> Node:
    """A node of an operation that a row of the catalogue has."""
    found = compiled()[0].get(op)
    assert found is not None, f"{op}: no row of the catalogue has it; write one, or name one that is there in ROWS"
    return found


def of_inputs(op: str, kept: Collection[str] = LEAVES) -> Node:
    """A node of an operation whose operands are inputs; those that are leaves of the kinds `kept` stay."""
    node = computed(op)
    inputs = [parameter(f"x{i}", x.shape, x.dtype) for i, x in enumerate(node.args)]
    return rebuild.rebuild(node, [x if x.op in kept else z for x, z in zip(node.args, inputs, strict=True)])


def test_rows_of_the_catalogue_compile():
    assert not compiled()[1]


@pytest.mark.parametrize("op", IN_MODELS)
def test_a_row_of_the_catalogue_computes_it(op):
    """Then its values and derivatives are compared with a reference."""
    assert computed(op).op == op


@pytest.mark.parametrize("op", [op for op in IN_MODELS if op not in LEAVES])
def test_it_is_rebuilt_on_other_operands_and_counted(op):
    node = computed(op)
    again = of_inputs(op)
    assert (again.shape, again.dtype) == (node.shape, node.dtype)
    verify.verify(topological([again]))
    count = OPS[op].operations(node)
    assert evaluate(count, dict.fromkeys(names_of([count]), 3)) >= 0


# What records say


def numbers(x: Node, sizes: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    """Entries for an operand at which every operation has a value: positions, conditions, well-conditioned matrices."""
    shape = tuple(evaluate(dim, sizes) for dim in x.shape)
    if x.dtype != "float":
        return rng.integers(0, 2, shape).astype(np.int64 if x.dtype == "int" else bool)
    drawn = rng.uniform(0.3, 0.6, shape)
    square = len(shape) > 1 and shape[-1] == shape[-2]
    return drawn * 0.1 + np.eye(shape[-1]) if square else drawn


def arguments(node: Node) -> dict[Node, np.ndarray]:
    """Arrays for the inputs of a node, and for some that give the sizes in it."""
    order = topological([node])
    named = names_of([dim for z in order for dim in (*z.shape, *(z.attributes if z.op == "size" else ()))])
    lengths = [parameter(f"length{i}", (Size.named(name),)) for i, name in enumerate(named)]
    rng = np.random.default_rng(0)
    return {z: numbers(z, dict.fromkeys(named, 6), rng) for z in (*order, *lengths) if z.op == "input"}


@pytest.mark.parametrize("op", [op for op in IN_MODELS if op not in LEAVES])
def test_its_result_is_no_memory_of_operands(op):
    node = of_inputs(op)
    values = arguments(node)
    with np.errstate(all="ignore"):
        (result,) = run([node], values)
    assert not any(np.shares_memory(result, value) for value in values.values()), f"{op}: Op.shares lacks an operand"


@pytest.mark.parametrize("op", [op for op in IN_MODELS if OPS[op].multilinear or OPS[op].scales_with() is not NONE])
def test_it_scales_with_the_operands_that_its_record_says(op):
    node, row = of_inputs(op, kept=()), OPS[op]
    values = arguments(node)
    scaled = node.args[:1] if row.multilinear else row.scales_with().of(node.args)
    twice = {z: 2 * value if z in scaled and z.dtype == "float" else value for z, value in values.items()}
    np.testing.assert_allclose(run([node], twice)[0], 2 * run([node], values)[0], rtol=1e-12)


def values_of(op: str, *operands: np.ndarray) -> np.ndarray:
    """An operation of each entry, of several points."""
    inputs = [parameter(f"x{i}", value.shape) for i, value in enumerate(operands)]
    with np.errstate(all="ignore"):
        return run([rebuild.pointwise(op, *inputs)], dict(zip(inputs, operands, strict=True)))[0]


@pytest.mark.parametrize("op", FUNCTIONS)
def test_a_function_is_increasing_positive_or_nowhere_negative_as_its_record_says(op):
    row = OPS[op]
    found = values_of(op, np.array([-1e3, -20.0, *np.linspace(-6, 6, 97), 20.0, 1e3]))
    increasing = bool(np.isfinite(found[1:-1]).all()) and bool((np.diff(found) >= 0).all())
    assert increasing == row.increasing, f"{op}: Op.increasing"
    if row.nonnegative is NONE:
        assert not (found < 0).any(), f"{op}: Op.nonnegative"
    if row.positive:
        assert (found[2:-2] > 0).all(), f"{op}: Op.positive"


@pytest.mark.parametrize("op", [op for op, row in POINTWISE.items() if row.linear is EVERY])
def test_a_function_adds_as_its_record_says(op):
    rng = np.random.default_rng(0)
    one, other = ([rng.uniform(-2, 2, 9) for _ in range(OPS[op].arity or 0)] for _ in range(2))
    both = values_of(op, *(v + w for v, w in zip(one, other, strict=True)))
    np.testing.assert_allclose(both, values_of(op, *one) + values_of(op, *other), rtol=1e-12)
