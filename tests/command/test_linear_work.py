"""The work of the compiler grows in proportion to the model: counted in executed lines, since times say little."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symdiff as sd
from symdiff import formulas
from symdiff.compiler import generate
from symdiff.diff import forward
from symdiff.diff.second import hessian
from symdiff.graph.build import pointwise
from symdiff.graph.leaves import parameter
from symdiff.options import Options

OWN = str(Path(sd.__file__).parent)
N = sp.Symbol("N", integer=True, positive=True)
x = sp.symbols("x0:6")


def chain(n: int) -> sd.Model:
    """e <- tanh(e x_k + x_l)."""
    e = x[0]
    for k in range(n):
        e = sp.tanh(e * x[k % 5 + 1] + x[k % 6])
    return sd.Model(e, params=x, name="chain")


def terms(n: int) -> sd.Model:
    """One sum of many terms."""
    return sd.Model(sp.Add(*(sp.sin((k + 2) * x[k % 6]) * x[k % 5] for k in range(n))), params=x, name="terms")


def arrays(n: int) -> sd.Model:
    """A chain whose operations are written out in several others."""
    e, w = sd.Tensor("e", (8,)), [sd.Tensor(f"w{k}", (8,)) for k in range(4)]
    total = e
    for k in range(n):
        total = sd.sigmoid(total * w[k % 4]) + w[(k + 1) % 4]
    return sd.Model(sd.sum(total), params=[e, *w], name="arrays")


def layers(n: int) -> sd.Model:
    """A deep network."""
    h, w = sd.Tensor("h", (N, 8)), [sd.Tensor(f"w{k}", (8, 8)) for k in range(3)]
    total = h
    for k in range(n):
        total = sd.relu(total @ w[k % 3])
    return sd.Model(sd.sum(total**2), params=w, data=[h], name="layers")


def matrices(n: int) -> sd.Model:
    """A recurrence of matrices."""
    a = [sp.MatrixSymbol(f"A{k}", N, N) for k in range(3)]
    total = a[0]
    for k in range(n):
        total = sp.MatAdd(sp.MatMul(a[k % 3], total), a[(k + 1) % 3])
    return sd.Model(sp.Trace(total), params=a, name="matrices")


def parameters(n: int) -> sd.Model:
    """As many parameters as terms."""
    p = sp.symbols(f"p0:{n}")
    return sd.Model(sp.Add(*((b - a**2) ** 2 for a, b in pairwise(p))), params=p, name="parameters")


def entries(n: int) -> sd.Model:
    """A matrix of many entries."""
    matrix = sp.ImmutableMatrix(n // 4, 4, lambda i, j: sp.sin((4 * i + j + 2) * x[j]) * x[i % 6])
    return sd.Model(params=x, outputs={"M": matrix}, name="entries")


def outputs(n: int) -> sd.Model:
    """Many outputs."""
    return sd.Model(params=x, outputs={f"o{k}": sp.sin((k + 2) * x[k % 6]) for k in range(n)}, name="outputs")


def data(n: int) -> sd.Model:
    """Many arrays of samples."""
    return sd.Model(
        sd.mean(sp.Add(*(sp.sin(x[k % 4] * a) for k, a in enumerate(sp.symbols(f"a0:{n}"))))),
        params=x[:4],
        data=sp.symbols(f"a0:{n}"),
        name="data",
    )


def polynomial(n: int) -> sd.Model:
    """Horner's rule, with a parameter for each coefficient."""
    (a, *rest), z = sp.symbols(f"c0:{n}"), sp.Symbol("z")
    total: sp.Expr = a
    for c in rest:
        total = total * z + c
    return sd.Model(sd.sum(total), params=[a, *rest], data=[z], name="polynomial")


def vectors(n: int) -> sd.Model:
    """Many arrays as parameters."""
    p = [sd.Tensor(f"p{k}", (N,)) for k in range(n)]
    return sd.Model(sum(sd.sum((b - a**2) ** 2) for a, b in pairwise(p)), params=p, name="vectors")


def lines_run(task: Callable[[], Any], files: tuple[str, ...] = (OWN, "<string>")) -> int:
    """How many lines of symdiff, and of methods that `dataclass` wrote, `task` runs, each round of a comprehension counted."""
    count = 0

    def inside(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return inside

    def outside(frame: FrameType, event: str, argument: Any) -> Any:
        return inside if frame.f_code.co_filename.startswith(files) else None

    before = sys.gettrace()
    sys.settrace(outside)
    try:
        task()
    finally:
        sys.settrace(before)
    return count


CASES = [
    (chain, "value_and_grad"),
    (chain, "hvp"),
    (terms, "value_and_grad"),
    (arrays, "value_and_grad"),
    (layers, "value_and_grad"),
    (matrices, "value_and_grad"),
    (parameters, "value_and_grad"),
    (data, "value_and_grad"),
    (polynomial, "value_and_grad"),
    (vectors, "value_and_grad"),
    (entries, "jacobian"),
    (outputs, "jacobian"),
]


@pytest.mark.parametrize(("model", "emit"), CASES, ids=lambda case: getattr(case, "__name__", str(case)))
def test_twice_the_model_is_twice_the_work(
    model: Callable[[int], sd.Model], emit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formulas, "_MOST_OPERATIONS", 0)  # larger models have no closed form in their docstring
    options = Options.create(emit=emit)
    made = [model(size) for size in (16, 32, 64)]
    generate(made[0], options)  # what is done once in a process
    small, middle, large = (lines_run(lambda given=given: generate(given, options)) for given in made)
    # The difference of two sizes is free of what every model costs; quadratic work would make the ratio 4. Below 2 it is where
    # a search stops after so many tries.
    assert 1.4 < (large - middle) / (middle - small) < 2.3, (small, middle, large)


@pytest.mark.parametrize("model", [parameters, data, polynomial, vectors])
def test_what_is_searched_does_not_grow_with_the_declarations(
    model: Callable[[int], sd.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comparing each symbol with each other is cheap for a few dozen: it shows for some hundreds."""
    monkeypatch.setattr(formulas, "_MOST_OPERATIONS", 0)
    options = Options.create(emit="value_and_grad")
    made = [model(size) for size in (100, 200, 400)]
    small, middle, large = (lines_run(lambda given=given: generate(given, options)) for given in made)
    assert (large - middle) / (middle - small) < 2.2, (small, middle, large)


def test_second_derivatives_walk_the_gradient_once(monkeypatch: pytest.MonkeyPatch) -> None:
    walked = []
    topological = forward.topological

    def counted(roots: Any) -> list[Any]:
        walked.append(topological(roots))
        return walked[-1]

    monkeypatch.setattr(forward, "topological", counted)
    p = [parameter(f"p{k}", ()) for k in range(20)]
    hessian(sum((pointwise("sin", a * b) for a, b in pairwise(p)), p[0]), p)
    nodes = [node for order in walked for node in order]
    assert len(nodes) == len(set(nodes))


def test_the_unknown_size_of_a_long_vector_is_found_in_few_steps() -> None:
    w, v = sd.Tensor("w", (N,)), sd.Tensor("v", (N + 1, 2))
    module = sd.compile(sd.Model(sd.sum(w**2) + sd.sum(v), params=[w, v]), cache=False)
    vec = np.arange(3 * 100_000 + 2.0)
    parts = module.unpack(vec)
    assert (parts.w.shape, parts.v.shape) == ((100_000,), (100_001, 2))
    assert np.array_equal(np.concatenate([parts.w, parts.v.ravel()]), vec)
    assert lines_run(lambda: module.unpack(vec), ("<symdiff",)) < 2000
    with pytest.raises(ValueError, match="entries"):
        module.unpack(vec[1:])


def test_the_unknown_size_is_found_where_a_smaller_one_leaves_no_axes() -> None:
    M = sd.Tensor("M", (N, N))
    module = sd.compile(sd.Model(sd.sum(M[3:, 3:] ** 2), params=[M]), cache=False)
    assert module.unpack(np.zeros(25)).M.shape == (5, 5)
