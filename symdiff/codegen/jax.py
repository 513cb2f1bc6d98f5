"""How JAX spells each operation of a lowered graph; `compare` alone asks for it."""

from __future__ import annotations

from typing import ClassVar

from symdiff.codegen.forward import ForwardPrinter, literal
from symdiff.codegen.table import OPERATORS


class JaxPrinter(ForwardPrinter):
    """Prints JAX."""

    framework = "jax"
    xp = "jnp"
    imports = ("import jax", "import jax.numpy as jnp")
    templates: ClassVar = {
        **{op: "{0}" + symbol + "{1}" for op, (symbol, *_) in OPERATORS.items()},
        **{
            op: "jnp." + op + "({0})"
            for op in (
                "abs", "sign", "floor", "ceil", "sqrt", "cbrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan",
                "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh",
            )
        },
        "neg": "-{0}",
        "arctan2": "jnp.arctan2({0}, {1})",
        "relu": "jax.nn.relu({0})",
        "sigmoid": "jax.nn.sigmoid({0})",
        "softplus": "jax.nn.softplus({0})",
        "maximum": "jnp.maximum({0}, {1})",
        "minimum": "jnp.minimum({0}, {1})",
        "select": "jnp.where({0}, {1}, {2})",
        "not": "jnp.logical_not({0})",
        "stop_gradient": "jax.lax.stop_gradient({0})",
        "cast": "{0}.astype({dtype})",
    }  # fmt: skip
    reductions: ClassVar = {
        "reduce_max": "jnp.max({0}, {axes})",
        "reduce_min": "jnp.min({0}, {axes})",
        "reduce_prod": "jnp.prod({0}, {axes})",
        "reduce_norm": "jnp.sqrt(jnp.sum({0} ** 2, {axes}))",
        "reduce_logsumexp": "jax.scipy.special.logsumexp({0}, {axes})",
    }

    def scalar(self, value: float | bool) -> str:
        dtype = "" if isinstance(value, bool) else f", dtype={self.dtype}"
        return f"jnp.asarray({literal(value)}{dtype})"
