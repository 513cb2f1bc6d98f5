"""How JAX spells each operation of a lowered graph; `compare` alone asks for it."""

from __future__ import annotations

from typing import ClassVar

from symdiff.codegen.spellings import templates
from symdiff.compare.printers.forward import RECIPROCALS, ForwardPrinter, literal


class JaxPrinter(ForwardPrinter):
    """Prints JAX."""

    framework = "jax"
    xp = "jnp"
    imports = ("import jax", "import jax.numpy as jnp", "from jax.scipy import special")
    templates: ClassVar = {
        **templates("jnp", "jax"),
        **RECIPROCALS,
        **{op: "special." + op + "({0})" for op in ("erf", "erfc", "erfinv", "gamma", "digamma", "spence")},
        "erfcinv": "special.erfinv(1 - {0})",
        "loggamma": "jnp.where({0} > 0, special.gammaln({0}), jnp.nan)",
        "polygamma": "special.polygamma({0}, {1})",
        "beta": "special.beta({0}, {1})",
        "betainc_regularized": "special.betainc({0}, {1}, {2})",
        "lowergamma": "special.gamma({0}) * special.gammainc({0}, {1})",
        "uppergamma": "special.gamma({0}) * special.gammaincc({0}, {1})",
        "RisingFactorial": "special.poch({0}, {1})",
        "riemann_zeta": "special.zeta({0}, 1.0)",
        "zeta": "special.zeta({0}, {1})",
        "Ei": "special.expi({0})",
        "sinc": "jnp.sinc({1} / jnp.pi)",
        "neg": "-{0}",
        "relu": "jax.nn.relu({0})",
        "sigmoid": "jax.nn.sigmoid({0})",
        "softplus": "jax.nn.softplus({0})",
        "logcosh": "jnp.logaddexp({0}, -{0}) - 0.6931471805599453",
        "log1mexp": "jnp.log(-jnp.expm1({0}))",
        "weighted": "{0} * jnp.where({0} == 0, 0, {1})",
        "select": "jnp.where({0}, {1}, {2})",
        "stop_gradient": "jax.lax.stop_gradient({0})",
        "contiguous": "{0}",
        "cast": "{0}.astype({dtype})",
        "inverse": "jnp.linalg.inv({0})",
        "det": "jnp.linalg.det({0})",
        "cofactors": "jnp.linalg.det({0})[..., None, None] * jnp.linalg.inv({0}).mT",
        "logdet": "jnp.where(jnp.linalg.slogdet({0})[0] < 0, jnp.nan, jnp.linalg.slogdet({0})[1])",
        "log_abs_det": "jnp.linalg.slogdet({0})[1]",
        "sign_det": "jnp.linalg.slogdet({0})[0]",
        "cholesky": "jnp.linalg.cholesky(({0} + {0}.mT) / 2)",
    }  # fmt: skip
    reductions: ClassVar = {
        "reduce_max": "jnp.max({0}, {axes})",
        "window_max": "jnp.max({0}, {axes})",
        "window_sum": "jnp.sum({0}, {axes})",
        "reduce_min": "jnp.min({0}, {axes})",
        "reduce_prod": "jnp.prod({0}, {axes})",
        "reduce_norm": "jnp.sqrt(jnp.sum({0} ** 2, {axes}))",
        "reduce_logsumexp": "special.logsumexp({0}, {axes})",
    }

    def scalar(self, value: float | bool) -> str:
        dtype = "" if isinstance(value, bool) else f", dtype={self.dtype}"
        return f"jnp.asarray({literal(value)}{dtype})"

    def padded(self, text: str, axis: int, ndim: int, before: int, after: int) -> str:
        pairs = [(before, after) if place == axis else (0, 0) for place in range(ndim)]
        return f"jnp.pad({text}, {pairs})"
