"""PyTorch: `written(torch, *params, *data)` is the forward computation; eager, or under torch.compile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks.case import Case, Contender, Inputs


def contender(written: Callable[..., Any], case: Case, inputs: Inputs, device: str = "cpu") -> Contender:
    """An eager step."""
    return _contender(partial(written, torch), case, inputs, device)


def compiled_contender(
    written: Callable[..., Any], case: Case, inputs: Inputs, device: str = "cpu", mode: str = "default"
) -> Contender:
    """The same with the forward computation, and through it the backward one, compiled."""
    if case.kind == "hessian":
        function = torch.compile(torch.func.hessian(partial(written, torch)), mode=mode)
        tensors = [torch.tensor(array, device=device) for array in (*inputs.params, *inputs.data)]
        return Contender(lambda: function(*tensors), lambda hessian: arrays([hessian]))
    return _contender(torch.compile(partial(written, torch), mode=mode), case, inputs, device)


def _contender(forward: Callable[..., Any], case: Case, inputs: Inputs, device: str) -> Contender:
    params = [torch.tensor(array, device=device, requires_grad=case.kind != "hessian") for array in inputs.params]
    data = [torch.tensor(array, device=device) for array in inputs.data]
    if case.kind == "hessian":
        function = torch.func.hessian(forward)
        return Contender(lambda: function(*params, *data), lambda hessian: arrays([hessian]))
    seed = torch.ones_like(params[0]) if case.kind == "pointwise" else None

    def gradient() -> Any:
        value = forward(*params, *data)
        return (value, *torch.autograd.grad(value, params, seed))

    if case.rate is None:
        return Contender(gradient, arrays)
    rate = case.rate

    def step() -> Any:
        value, *found = gradient()
        with torch.no_grad():
            for p, g in zip(params, found, strict=True):
                p.sub_(g, alpha=rate)
        return value

    return Contender(step, lambda value: arrays([value, *params]))


def arrays(tensors: Sequence[Any]) -> list[np.ndarray]:
    """Copies, as NumPy arrays."""
    return [tensor.detach().cpu().numpy().copy() for tensor in tensors]
