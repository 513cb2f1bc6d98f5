"""One call of a function of a model, ready to be timed: inputs are where a contender wants them, results stay there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

import numpy as np

from symdiff.bench.measure import Step
from symdiff.compare.calls import arguments
from symdiff.compare.frameworks import Framework, Jax, Torch
from symdiff.compare.problem import Array, Call, Problem, Root
from symdiff.errors import UnsupportedError
from symdiff.kinds import KINDS

Function = Callable[..., Any]


def own_step(module: ModuleType, problem: Problem, call: Call) -> Step:
    """A call of a generated function."""
    function = getattr(module, call.function)
    given = arguments(problem, call, lambda array: array)
    return lambda: function(*given)


class Peer(ABC):
    """A contender that makes steps of the functions of a problem."""

    @abstractmethod
    def step(self, call: Call) -> Step:
        """One call of the peer's own function."""

    def session(self) -> AbstractContextManager[Any]:
        """What holds while steps are made and called."""
        return nullcontext()

    def arrays(self, result: Any) -> list[Array]:
        """What a step returned, in the order of the module's function."""
        return [np.asarray(part) for part in flat(result)]


class Plain(Peer):
    """The module that ``--style plain`` writes."""

    def __init__(self, problem: Problem, module: ModuleType) -> None:
        self.problem, self.module = problem, module

    def step(self, call: Call) -> Step:
        return own_step(self.module, self.problem, call)


class FrameworkPeer(Peer):
    """A framework with the forward computation of a problem."""

    def __init__(self, framework: Framework) -> None:
        self.framework, self.problem = framework, framework.problem

    def step(self, call: Call) -> Step:
        if call.root.name in self.framework.lacks:
            raise UnsupportedError(self.framework.lacks[call.root.name])
        return self._step(call, getattr(self.framework.module, call.root.name))

    @abstractmethod
    def _step(self, call: Call, forward: Function) -> Step:
        """A step of a function whose objective or output is `forward`, of all inputs."""

    def _values(self, root: Root, tensor: Function) -> tuple[list[Any], list[Any], list[int]]:
        """The values of all inputs, those of what is differentiated by, and their places among all."""
        values = [tensor(self.problem.values[entry.name]) for entry in root.inputs]
        places = [root.inputs.index(entry) for entry in root.wrt]
        return values, [values[place] for place in places], places


class TorchPeer(FrameworkPeer):
    """PyTorch: autograd for first derivatives, `torch.func` for the others; eager or under torch.compile."""

    def __init__(self, problem: Problem, compiled: bool) -> None:
        framework = Torch(problem)
        super().__init__(framework)
        self.torch = framework.torch
        self.compiled = self.torch.compile if compiled else lambda function: function

    def _step(self, call: Call, forward: Function) -> Step:
        torch, root = self.torch, call.root
        values, params, places = self._values(root, torch.tensor)

        def function(*params: Any) -> Any:
            return torch.broadcast_to(forward(*_replaced(values, places, params)), root.shape)

        if call.kind == "value":
            return torch.no_grad()(_bound(self.compiled(function), params))
        if call.kind in ("grad", "value_and_grad", "vjp"):
            for param in params:
                param.requires_grad_()
            compiled, seed = self.compiled(function), self._seed(call)
            keeps = call.kind == "value_and_grad"

            def first() -> Any:
                value = compiled(*params)
                gradient = torch.autograd.grad(value, params, seed, allow_unused=True, materialize_grads=True)
                return (value, *gradient) if keeps else gradient

            return first
        v = tuple(map(torch.tensor, root.v))
        return _bound(self.compiled(derived(torch.func, torch.ones_like, call, function)), [params, v])

    def _seed(self, call: Call) -> Any:
        """What a gradient is pulled back from: ones but for a vjp; none of a scalar."""
        root = call.root
        if "cotangent" in KINDS[call.kind].takes:
            return self.torch.tensor(root.u)
        return self.torch.ones(root.shape, dtype=getattr(self.torch, self.problem.dtype.name)) if root.shape else None

    def arrays(self, result: Any) -> list[Array]:
        return [np.asarray(part.detach()) for part in flat(result)]


class JaxPeer(FrameworkPeer):
    """JAX: each function under jax.jit, with data as arguments."""

    def __init__(self, problem: Problem) -> None:
        self.own = Jax(problem)
        super().__init__(self.own)

    def session(self) -> AbstractContextManager[Any]:
        """Double precision, set once: setting it takes longer than a small step."""
        return self.own.precision()

    def _step(self, call: Call, forward: Function) -> Step:
        jax, root = self.own.jax, call.root

        def function(values: Sequence[Any], params: Any, more: Any) -> Any:
            def of(*params: Any) -> Any:
                return jax.numpy.broadcast_to(forward(*_replaced(values, places, params)), root.shape)

            if call.kind == "value":
                return of(*params)
            if call.kind in ("grad", "value_and_grad", "vjp"):
                value, pull = jax.vjp(of, *params)
                gradient = pull(more)
                return (value, *gradient) if call.kind == "value_and_grad" else gradient
            return derived(jax, jax.numpy.ones_like, call, of)(params, more)

        values, params, places = self._values(root, jax.numpy.asarray)
        seed = root.u if "cotangent" in KINDS[call.kind].takes else np.ones(root.shape, self.problem.dtype)
        more = jax.tree.map(jax.numpy.asarray, root.v if "direction" in KINDS[call.kind].takes else seed)
        compiled = jax.jit(function)
        return lambda: jax.block_until_ready(compiled(values, params, more))


def derived(library: Any, ones_like: Function, call: Call, function: Function) -> Function:
    """A jvp, hvp, Hessian or Jacobian, as a function of parameters and directions, by what `jax` and `torch.func` share."""
    count = len(call.root.wrt)
    every = tuple(range(count))

    def product(params: Any, v: Any) -> Any:
        gradient = library.grad(lambda *params: function(*params).sum(), every)
        return library.jvp(gradient, params, v)[1]

    def diagonals(params: Any, v: Any) -> Any:
        """Of a pointwise model: each array of second derivatives is the product with ones."""
        units = [tuple(ones_like(p) * float(i == k) for k, p in enumerate(params)) for i in every]
        return [product(params, unit) for unit in units]

    match call.kind:
        case "jvp":
            return lambda params, v: library.jvp(function, tuple(params), v)[1]
        case "hvp":
            return lambda params, v: product(tuple(params), v)
        case "hessian" if call.root.pointwise:
            return lambda params, v: diagonals(tuple(params), v)
        case "hessian":
            return lambda params, v: library.hessian(function, every)(*params)
        case "jacobian" if call.root.pointwise:
            return lambda params, v: library.vjp(function, *params)[1](ones_like(params[0]))
        case "jacobian":
            return lambda params, v: library.jacrev(function, every)(*params)
    raise UnsupportedError(f"Nothing says how frameworks compute {call.kind}.")


def flat(result: Any) -> list[Any]:
    """The arrays in a result, however it nests them."""
    if isinstance(result, tuple | list):
        return [array for part in result for array in flat(part)]
    return [result]


def _bound(function: Function, given: Sequence[Any]) -> Step:
    return lambda: function(*given)


def _replaced(values: Sequence[Any], places: Sequence[int], params: Sequence[Any]) -> list[Any]:
    """All values, with those at some places given anew."""
    given = list(values)
    for place, param in zip(places, params, strict=True):
        given[place] = param
    return given
