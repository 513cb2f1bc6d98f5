"""JAX: `written(jax, *params, *data)` is the forward computation; objective, gradient and update are one jitted function."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.case import Case, Contender, Inputs

jax.config.update("jax_enable_x64", True)


def contender(
    written: Callable[..., Any], case: Case, inputs: Inputs, wait: Callable[[Any], Any] = jax.block_until_ready
) -> Contender:
    """A jitted step, which ends with `wait`; parameters that are updated are donated, so that they are updated in place."""
    params, data = tuple(map(jnp.array, inputs.params)), tuple(map(jnp.asarray, inputs.data))
    forward = partial(written, jax)
    wrt = tuple(range(len(params)))
    if case.kind == "hessian":
        hessian = jax.jit(jax.hessian(forward))
        return Contender(lambda: wait(hessian(*params, *data)), lambda found: [np.array(found)])
    if case.rate is None:
        gradient = jax.jit(
            partial(_pointwise, forward) if case.kind == "pointwise" else jax.value_and_grad(forward, wrt)
        )
        return Contender(
            lambda: wait(gradient(*params, *data)),
            lambda found: [np.array(found[0]), *map(np.array, found[1])],
        )

    @partial(jax.jit, donate_argnums=0)
    def descend(params: Any, data: Any) -> Any:
        value, found = jax.value_and_grad(forward, wrt)(*params, *data)
        return value, tuple(p - case.rate * g for p, g in zip(params, found, strict=True))

    state = [params]

    def step() -> Any:
        value, state[0] = wait(descend(state[0], data))
        return value

    return Contender(step, lambda value: [np.array(value), *map(np.array, state[0])])


def _pointwise(forward: Callable[..., Any], *params: Any) -> Any:
    value, pull = jax.vjp(forward, *params)
    return value, pull(jnp.ones_like(value))
