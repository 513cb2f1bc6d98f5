"""The whole compiler on one screen: a model goes in, the source of a module comes out, each step by its name.

model.py --lower--> Program --prepare--> Program --derive--> graphs of each function --algebra, schedule--> plans
         --ModuleWriter--> source --load--> module

The passes within `prepare`, `algebra` and `schedule` are listed in `passes/pipeline.py`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import sympy as sp

from symdiff.batch import Batch, batch_of
from symdiff.cache import Cache, key_of
from symdiff.codegen.cupy.module import CupyModuleWriter
from symdiff.codegen.module import ModuleSpec, ModuleWriter
from symdiff.derive import derive, prepared
from symdiff.errors import located
from symdiff.files import header, runtime_header
from symdiff.formulas import formulas
from symdiff.frontend.lower import lower
from symdiff.graph.inputs import Unit
from symdiff.graph.program import Program
from symdiff.graph.size import evaluate
from symdiff.loader import CACHE_PACKAGE, load_source
from symdiff.model import Model, checked
from symdiff.names import identifier
from symdiff.options import DEFAULT_EMIT, Options
from symdiff.passes.algebra.operations import operations
from symdiff.passes.pipeline import ALGEBRA, Setting, nominal_sizes, run, schedule

_WRITERS = {"numpy": ModuleWriter, "cupy": CupyModuleWriter}


@dataclass(frozen=True)
class FunctionReport:
    """One generated function: its operations, as a polynomial in the sizes and at nominal sizes."""

    name: str
    operations: int
    formula: str


@dataclass(frozen=True)
class Generated:
    """What `generate` returns: the source, and what `symdiff compile` prints of it.

    Attributes
    ----------
    sizes : the nominal sizes at which the operations of the functions are counted.
    """

    name: str
    backend: str
    source: str
    functions: tuple[FunctionReport, ...]
    sizes: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0


def compile(
    model: Model,
    *,
    backend: str = "numpy",
    emit: str | Sequence[str] = DEFAULT_EMIT,
    wrt: Any = None,
    cache: bool = True,
    math: str = "exact",
    style: str = "fast",
    batch: str | None = None,
    over: Any = None,
) -> ModuleType:
    """Return the generated module of a model, from the cache where it was compiled before.

    Parameters
    ----------
    emit : the kinds of functions: value, grad, value_and_grad, hessian, hvp, jacobian, jvp, vjp.
    wrt : symbols or names of params and data to differentiate by, or one; all params by default.
    cache : whether to read and write the cache.
    batch : a name, such as "B", for a new leading axis: every function then is of a batch of models at once.
    over : symbols or names of the inputs that have that axis, or one; all params by default. All results have it.
    """
    checked(model, "compile")
    options = Options.create(backend=backend, emit=emit, wrt=wrt, math=math, style=style, batch=batch, over=over)
    with located(model.place):
        lowered = lower(model)
        key = cache_key(lowered, options)
        store = Cache() if cache else None
        source = store.get(key) if store else None
        if source is None:
            source = generate_from(lowered, options, formulas(lowered, options)).source
            if store:
                store.put(key, source)
        module_name = f"{CACHE_PACKAGE}.{identifier(lowered.name)}_{key}"
        shown = f"<symdiff {identifier(lowered.name)}_{backend} {key[:12]}>"  # another for each model, also of one name
        return load_source(source, module_name, shown)


def generate(model: Model, options: Options) -> Generated:
    """Compile a model to source, and count its operations."""
    started = time.perf_counter()
    checked(model, "generate")
    with located(model.place):
        lowered = lower(model)
        generated = generate_from(lowered, options, formulas(lowered, options))
    return replace(generated, seconds=time.perf_counter() - started)


def generate_from(model: Program, options: Options, closed_form: tuple[str, ...]) -> Generated:
    """The steps from a lowered model to source."""
    setting, sound = Setting.of(model, options.backend, options.math), prepared(model)
    batch = batch_of(model, options)
    units = tuple(scheduled(unit, sound, setting, batch) for unit in derive(sound, options))
    spec = ModuleSpec(
        header=header(options),
        name=identifier(model.name),
        inputs=model.declarations.inputs if batch is None else batch.of_inputs(model.declarations.inputs),
        samples=model.declarations.samples,
        pointwise=model.declarations.pointwise,
        units=units,
        closed_form=closed_form,
        style=options.style,
        shared=options.runtime == "shared",
        batch=options.batch,
    )
    source = _WRITERS[options.backend](spec).write()
    counts = [operations(unit.roots) for unit in units]
    sizes = nominal_sizes(counts, model.declarations.samples)
    reports = tuple(
        FunctionReport(unit.name, evaluate(count, sizes), str(count)) for unit, count in zip(units, counts, strict=True)
    )
    return Generated(spec.name, options.backend, source, reports, sizes)


def scheduled(unit: Unit, model: Program, setting: Setting, batch: Batch | None = None) -> Unit:
    """From the results of one function to its plan; the labels of `model` that are of its nodes go along."""
    graphs = run(ALGEBRA, model.graphs.below(unit.roots), setting)
    if batch is not None:
        unit, graphs = batch.of_function(unit, graphs)
    plan, steps = schedule(graphs.roots, setting)
    return replace(unit, roots=plan.results, plan=plan, steps=steps, names=graphs.names, words=graphs.words)


def shared_runtime(backend: str) -> tuple[str, str]:
    """The runtime that modules of a backend share: the name of its file, without ``.py``, and its source."""
    writer = _WRITERS[backend]
    return writer.runtime_file, writer.shared_runtime(runtime_header(backend))


def cache_key(model: Program, options: Options) -> str:
    """A digest of everything that reaches the bytes of the source."""
    nodes = [node for node in (model.objective, *model.outputs.values()) if node is not None]
    labels = [
        *model.outputs,
        *(f"{name}={node.digest.hex()}" for node, name in (*model.names.items(), *model.words.items())),
    ]
    inputs = [f"{e.name}:{e.role}:{e.node.shape}:{e.node.dtype}:{_words(e.symbol)}" for e in model.declarations.inputs]
    sizes = [f"{_words(symbol)}={size}" for symbol, size in model.declarations.sizes.items()]
    indices = [f"{name}:{length}" for name, length in model.declarations.indices]
    return key_of(
        sp.__version__, header(options), model.name, str(model.declarations.samples), str(model.declarations.pointwise),
        str(model.objective is None), str(sizes), str(indices), *inputs, *labels, *(node.digest for node in nodes),
    )  # fmt: skip


def _words(symbol: Any) -> str:
    """A symbol with what SymPy knows of it: the closed forms in docstrings are in its dialect, and simplified by that."""
    return f"{type(symbol).__name__} {symbol} {sorted(getattr(symbol, 'assumptions0', {}).items())}"
