"""The two fast peers: the forward computation in PyTorch or JAX, differentiated by the framework itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import count
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from symdiff.compare.calls import Answer, timed
from symdiff.compare.printers.forward import ForwardPrinter
from symdiff.compare.printers.jax import JaxPrinter
from symdiff.compare.printers.torch import TorchPrinter
from symdiff.compare.problem import Array, Call, Problem, Root
from symdiff.errors import ComparisonError, UnsupportedError
from symdiff.loader import load_source

_numbers = count()


class Framework(ABC):
    """A framework, asked for values and for products with Jacobians and Hessians; all else is made of those."""

    name: ClassVar[str]
    printer: ClassVar[type[ForwardPrinter]]

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.lacks: dict[str, str] = {}
        printer = self.printer(problem.sizes, problem.dtype.name)
        functions = {}
        for root in problem.roots:
            try:
                printer.function(root.name, root.inputs, root.node)
                functions[root.name] = (root.inputs, root.node)
            except UnsupportedError as error:
                self.lacks[root.name] = error.message
        source = printer.module(problem.lowered.name, functions)
        name = f"symdiff_forward_{self.name}_{next(_numbers)}"
        self.module: ModuleType = load_source(source, name, f"<{name}>")

    def answer(self, call: Call) -> Answer:
        """What the module's function returns, in its order; why not, where the framework cannot."""
        if call.root.name in self.lacks:
            return Answer((), 0.0, self.lacks[call.root.name])
        try:
            arrays, seconds = timed(lambda: self.arrays(call))
        except Exception as error:  # whatever a framework raises where it has no derivative
            return Answer((), 0.0, f"{self.name}: {type(error).__name__}: {error}".split("\n")[0])
        return Answer(tuple(arrays), seconds)

    def arrays(self, call: Call) -> list[Array]:
        """The arrays of an answer."""
        root = call.root
        ones = np.ones(root.shape, self.problem.dtype)
        match call.kind:
            case "value":
                return [self.value(root)]
            case "jvp":
                return [self.jvp(root, root.v)]
            case "vjp":
                return self.vjp(root, root.u)[1]
            case "grad":
                return self.vjp(root, ones)[1]
            case "value_and_grad":
                value, gradient = self.vjp(root, ones)
                return [value, *gradient]
            case "hvp":
                return self.hvp(root, root.v)
            case "hessian":
                return self._whole(root, lambda v: self.hvp(root, v), leading=True)
            case "jacobian":
                return self._whole(root, lambda v: [self.jvp(root, v)], leading=False)
        raise UnsupportedError(f"Nothing says how frameworks compute {call.kind}.")

    def _whole(self, root: Root, product: Callable[[Sequence[Array]], list[Array]], leading: bool) -> list[Array]:
        """A Jacobian or Hessian from its products with unit vectors: the axes of what they move last, or first."""
        found: list[Array] = []
        for k, moved in enumerate(root.v):
            zeros = [np.zeros_like(v) for v in root.v]
            if root.pointwise:
                zeros[k] = np.ones_like(moved)
                found += product(zeros)
                continue
            columns = []
            for place in np.ndindex(*moved.shape):
                unit = np.zeros_like(moved)
                unit[place] = 1
                columns.append(product([*zeros[:k], unit, *zeros[k + 1 :]]))
            for parts in zip(*columns, strict=True):
                stacked = np.stack(parts, 0 if leading else -1)
                shape = parts[0].shape
                found.append(stacked.reshape(moved.shape + shape if leading else shape + moved.shape))
        return found

    @abstractmethod
    def value(self, root: Root) -> Array:
        """The value."""

    @abstractmethod
    def jvp(self, root: Root, v: Sequence[Array]) -> Array:
        """The derivative in the direction v."""

    @abstractmethod
    def vjp(self, root: Root, u: Array) -> tuple[Array, list[Array]]:
        """The value, and u times the Jacobian by each parameter."""

    @abstractmethod
    def hvp(self, root: Root, v: Sequence[Array]) -> list[Array]:
        """The Hessian times v, by each parameter; in a pointwise model, of the sum over all entries."""


class Torch(Framework):
    """PyTorch in eager mode."""

    name = "torch"
    printer = TorchPrinter

    def __init__(self, problem: Problem) -> None:
        self.torch = _import_torch()
        super().__init__(problem)

    def value(self, root: Root) -> Array:
        function, parameters = self._function(root)
        with self.torch.no_grad():
            return self._array(function(*parameters))

    def jvp(self, root: Root, v: Sequence[Array]) -> Array:
        function, parameters = self._function(root)
        found = self.torch.autograd.functional.jvp(function, parameters, tuple(map(self._tensor, v)))
        return self._array(found[1])

    def vjp(self, root: Root, u: Array) -> tuple[Array, list[Array]]:
        function, parameters = self._function(root)
        value, found = self.torch.autograd.functional.vjp(function, parameters, self._tensor(u))
        return self._array(value), [self._array(part) for part in found]

    def hvp(self, root: Root, v: Sequence[Array]) -> list[Array]:
        function, parameters = self._function(root)
        total = lambda *given: function(*given).sum()  # noqa: E731
        found = self.torch.autograd.functional.vhp(total, parameters, tuple(map(self._tensor, v)))
        return [self._array(part) for part in found[1]]

    def _function(self, root: Root) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """The root as a function of its parameters alone, and their values."""
        forward = getattr(self.module, root.name)
        known = {entry: self._tensor(self.problem.values[entry.name]) for entry in root.inputs}

        def function(*parameters: Any) -> Any:
            given = {**known, **dict(zip(root.wrt, parameters, strict=True))}
            return self.torch.broadcast_to(forward(*given.values()), root.shape)

        return function, tuple(known[entry] for entry in root.wrt)

    def _tensor(self, array: Array) -> Any:
        return self.torch.tensor(array)

    def _array(self, tensor: Any) -> Array:
        return np.asarray(tensor.detach().numpy())


class Jax(Framework):
    """JAX, each function compiled once."""

    name = "jax"
    printer = JaxPrinter

    def __init__(self, problem: Problem) -> None:
        self.jax = _import_jax()
        self._compiled: dict[tuple[str, str], Callable[..., Any]] = {}
        with self.precision():
            super().__init__(problem)

    def value(self, root: Root) -> Array:
        return np.asarray(self._run(root, "value", lambda f, p: f(*p)))

    def jvp(self, root: Root, v: Sequence[Array]) -> Array:
        return np.asarray(self._run(root, "jvp", lambda f, p, v: self.jax.jvp(f, p, v)[1], tuple(v)))

    def vjp(self, root: Root, u: Array) -> tuple[Array, list[Array]]:
        def both(f: Callable[..., Any], parameters: Any, u: Any) -> Any:
            value, pull = self.jax.vjp(f, *parameters)
            return value, pull(u)

        value, found = self._run(root, "vjp", both, u)
        return np.asarray(value), [np.asarray(part) for part in found]

    def hvp(self, root: Root, v: Sequence[Array]) -> list[Array]:
        def product(f: Callable[..., Any], parameters: Any, v: Any) -> Any:
            gradient = self.jax.grad(lambda *p: f(*p).sum(), tuple(range(len(parameters))))
            return self.jax.jvp(gradient, parameters, v)[1]

        return [np.asarray(part) for part in self._run(root, "hvp", product, tuple(v))]

    def _run(self, root: Root, kind: str, of: Callable[..., Any], *more: Any) -> Any:
        """`of` the root as a function of its parameters, at their values; compiled at the first call."""
        if (root.name, kind) not in self._compiled:
            forward = getattr(self.module, root.name)

            def function(known: dict[str, Any], parameters: Any, *more: Any) -> Any:
                def restricted(*parameters: Any) -> Any:
                    given = {**known, **dict(zip([entry.name for entry in root.wrt], parameters, strict=True))}
                    value = forward(*(given[entry.name] for entry in root.inputs))
                    return self.jax.numpy.broadcast_to(value, root.shape)

                return of(restricted, parameters, *more)

            self._compiled[root.name, kind] = self.jax.jit(function)
        known = {entry.name: self.problem.values[entry.name] for entry in root.inputs}
        with self.precision():
            parameters = tuple(known[entry.name] for entry in root.wrt)
            return self.jax.block_until_ready(self._compiled[root.name, kind](known, parameters, *more))

    def precision(self) -> Any:
        """A context of double precision, which JAX has only on request."""
        where = self.jax if hasattr(self.jax, "enable_x64") else self.jax.experimental
        return where.enable_x64(True)


FRAMEWORKS: dict[str, type[Framework]] = {"torch": Torch, "jax": Jax}


def _import_torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise _missing("PyTorch") from error
    return torch


def _import_jax() -> Any:
    try:
        import jax
        import jax.experimental
        import jax.numpy
        import jax.scipy.special
    except ImportError as error:
        raise _missing("JAX") from error
    return jax


def _missing(name: str) -> ComparisonError:
    return ComparisonError(f"{name} is not installed: pip install 'symdiff-compiler[compare]'.")
