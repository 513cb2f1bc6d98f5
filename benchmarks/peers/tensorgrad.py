"""tensorgrad: `written(functions, Variable, symbols)` returns the forward computation and its variables, params and data.

The wrapper that it calls its kernels by needs named tensors, which newer PyTorch lacks, so the kernel is called itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
import torch
from tensorgrad import Variable, functions
from tensorgrad.compiler import compile_to_callable

from benchmarks.case import Case, Contender, Inputs
from benchmarks.peers.torch import arrays


def contender(written: Callable[..., Any], case: Case, inputs: Inputs) -> Contender:
    """A step of the kernel compiled for these sizes."""
    value, variables = written(functions, Variable, sp.symbols)
    params = variables[: len(inputs.params)]
    total = functions.sum(value) if value.edges else value
    derivatives = [total.grad(params[0]).grad(params[0])] if case.kind == "hessian" else list(map(total.grad, params))
    outputs = derivatives if case.kind == "hessian" else [value, *derivatives]
    program = compile_to_callable(*outputs)
    tensors = [torch.tensor(array) for array in (*inputs.params, *inputs.data)]
    values = dict(zip(variables, tensors, strict=True))
    sizes = {symbol: n for v, t in values.items() for symbol, n in zip(v.shape.values(), t.shape, strict=True)}
    kernel = program.codegen.specialize(sizes, verbose=False, dtype=tensors[0].dtype)
    orders = [_order(edges, params[i - 1]) if i else None for i, (_, edges) in enumerate(program.outputs)]
    if case.kind == "hessian":
        orders = [None]

    def gradient() -> list[Any]:
        with torch.no_grad():
            found = kernel(*[values[variable] for variable in program.vars])
        return [part if order is None else part.permute(order) for part, order in zip(found, orders, strict=True)]

    if case.rate is None:
        return Contender(gradient, arrays)
    rate = case.rate

    def step() -> Any:
        value, *found = gradient()
        for p, g in zip(params, found, strict=True):
            values[p].sub_(g, alpha=rate)
        return value

    return Contender(step, lambda value: arrays([value, *(values[p] for p in params)]))


def _order(edges: Any, param: Any) -> list[int] | None:
    """How the axes of a gradient are permuted to those of its parameter."""
    order = [list(edges).index(edge) for edge in param.edges]
    return None if order == sorted(order) else order
