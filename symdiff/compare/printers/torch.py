"""How PyTorch spells each operation of a lowered graph; `compare` alone asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from symdiff.codegen.spellings import templates
from symdiff.compare.printers.forward import RECIPROCALS, ForwardPrinter, literal
from symdiff.graph.axes import reduced_axes
from symdiff.graph.node import Node


class TorchPrinter(ForwardPrinter):
    """Prints PyTorch."""

    framework = "torch"
    xp = "torch"
    imports = ("import torch",)
    templates: ClassVar = {
        **templates("torch", "torch"),
        **{op: f"torch.{op}({{0}})" for op in ("relu", "sigmoid")},
        **RECIPROCALS,
        **{op: "torch.special." + op + "({0})" for op in ("erf", "erfc", "erfinv", "digamma")},
        "erfcinv": "torch.special.erfinv(1 - {0})",
        "loggamma": "torch.where({0} > 0, torch.special.gammaln({0}), torch.nan)",
        "gamma": "torch.where({0} > 0, torch.exp(torch.special.gammaln({0})), torch.nan)",
        "polygamma": "torch.special.polygamma({0}, {1})",
        "sinc": "torch.special.sinc({1} / torch.pi)",
        "neg": "-{0}",
        "cbrt": "torch.sign({0}) * torch.abs({0}) ** (1 / 3)",
        "softplus": "torch.logaddexp({0}, torch.zeros_like({0}))",
        "logcosh": "torch.logaddexp({0}, -{0}) - 0.6931471805599453",
        "log1mexp": "torch.log(-torch.expm1({0}))",
        "weighted": "{0} * torch.where({0} == 0, 0, {1})",
        "select": "torch.where({0}, {1}, {2})",
        "stop_gradient": "{0}.detach()",
        "contiguous": "{0}",
        "cast": "{0}.to({dtype})",
        "inverse": "torch.linalg.inv({0})",
        "det": "torch.linalg.det({0})",
        "cofactors": "torch.linalg.det({0})[..., None, None] * torch.linalg.inv({0}).mT",
        "logdet": "torch.logdet({0})",
        "log_abs_det": "torch.linalg.slogdet({0})[1]",
        "sign_det": "torch.linalg.slogdet({0})[0]",
        "cholesky": "torch.linalg.cholesky(({0} + {0}.mT) / 2)",
    }  # fmt: skip
    reductions: ClassVar = {
        "reduce_max": "torch.amax({0}, {axes})",
        "window_max": "torch.amax({0}, {axes})",
        "window_sum": "torch.sum({0}, {axes})",
        "reduce_min": "torch.amin({0}, {axes})",
        "reduce_norm": "torch.linalg.vector_norm({0}, dim={axes})",
        "reduce_logsumexp": "torch.logsumexp({0}, {axes})",
    }

    def scalar(self, value: float | bool) -> str:
        dtype = "" if isinstance(value, bool) else f", dtype={self.dtype}"
        return f"torch.tensor({literal(value)}{dtype})"

    def _reduce_prod(self, node: Node, args: Sequence[str]) -> str:
        """`torch.prod` takes one axis: from the last to the first, so that the numbers of the others stay."""
        return args[0] + "".join(f".prod({axis})" for axis in reversed(reduced_axes(node)))

    def padded(self, text: str, axis: int, ndim: int, before: int, after: int) -> str:
        pairs = (0, 0) * (ndim - 1 - axis) + (before, after)
        return f"torch.nn.functional.pad({text}, {pairs})"
