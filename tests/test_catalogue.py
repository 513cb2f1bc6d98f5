"""Every row of the catalogue: value, gradient, Hessian and all products, in both precisions, against PyTorch."""

from __future__ import annotations

from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from catalogue import CASES, Case

import symdiff as sd
from symdiff.options import EMIT

# Of float64 and float32: errors in units of the largest entry of the result.
TOLERANCE = {np.float64: 1e-12, np.float32: 3e-5}
KINDS = ("value", "grad", "value_and_grad", "hessian", "hvp", "jvp", "out", "out_jacobian", "out_jvp", "out_vjp")


@cache
def compiled(case: Case) -> ModuleType:
    return sd.compile(case.model(), emit=EMIT)


@cache
def expected(case: Case) -> SimpleNamespace:
    """Everything PyTorch says of a row, as float64 arrays."""
    arrays = case.arrays()
    params = tuple(torch.tensor(arrays[name]) for name in case.params)
    rest = [torch.tensor(arrays[name]) for name in case.names[len(params) :]]

    def out(*values: torch.Tensor) -> torch.Tensor:
        return case.theirs(*values, *rest) + 0 * sum(value.sum() for value in values)

    def objective(*values: torch.Tensor) -> torch.Tensor:
        return case.objective(out(*values))

    leaves = tuple(p.clone().requires_grad_() for p in params)
    gradient = torch.autograd.grad(objective(*leaves), leaves)
    hessian = torch.autograd.functional.hessian(objective, params, vectorize=True)
    jacobian = torch.autograd.functional.jacobian(out, params, vectorize=True)
    rng = np.random.default_rng(1)
    v = [np.asarray(rng.standard_normal(tuple(p.shape)), np.float32).astype(float) for p in params]
    u = np.asarray(rng.standard_normal(tuple(out(*params).shape)), np.float32).astype(float)
    grad, H, J = (
        [g.numpy() for g in gradient],
        [[h.numpy() for h in row] for row in hessian],
        [j.numpy() for j in jacobian],
    )
    contract = [sum(np.tensordot(h, d, d.ndim) for h, d in zip(row, v, strict=True)) for row in H]
    return SimpleNamespace(
        v=v,
        u=u,
        value=objective(*params).numpy(),
        grad=grad,
        value_and_grad=[objective(*params).numpy(), *grad],
        hessian=[h for row in H for h in row],
        hvp=contract,
        jvp=sum(np.tensordot(g, d, d.ndim) for g, d in zip(grad, v, strict=True)),
        out=out(*params).numpy(),
        out_jacobian=J,
        out_jvp=sum(np.tensordot(j, d, d.ndim) for j, d in zip(J, v, strict=True)),
        out_vjp=[np.tensordot(u, j, u.ndim) for j in J],
    )


def flat(result: Any) -> list[Any]:
    """The arrays of a result, however nested."""
    return [part for entry in result for part in flat(entry)] if isinstance(result, tuple) else [result]


@pytest.mark.filterwarnings("ignore:.*without data over the samples")
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_row(case: Case, kind: str, dtype: type) -> None:
    module, theirs = compiled(case), expected(case)
    if kind.startswith("out"):
        taken = module.SIGNATURE["functions"]["out"]
        by = [name for name in case.params if name in taken]
    else:
        taken, by = case.names, case.params
    arrays = case.arrays()
    arguments = [arrays[name].astype(dtype) for name in taken]
    if kind.endswith("vjp"):
        arguments.append(theirs.u.astype(dtype))
    elif kind.endswith(("hvp", "jvp")):
        arguments.append(tuple(v.astype(dtype) for v, name in zip(theirs.v, case.params, strict=True) if name in by))
    wanted = getattr(theirs, kind)
    if kind in ("out_jacobian", "out_vjp"):
        wanted = [part for part, name in zip(wanted, case.params, strict=True) if name in by]
        if not by:
            return
    with np.errstate(all="raise", under="ignore"):
        result = flat(getattr(module, kind)(*arguments))
    wanted = wanted if isinstance(wanted, list) else [wanted]
    assert len(result) == len(wanted)
    scale = max(1.0, *(abs(part).max() for part in wanted))
    for mine, other in zip(result, wanted, strict=True):
        assert mine.dtype == dtype
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine, other, rtol=0, atol=TOLERANCE[dtype] * scale)
