"""The peers: what each needs to be installed, and how it turns a computation into a step.

A peer's module has `contender(written, case, inputs)`; it is imported only when the peer takes part.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass
from types import ModuleType

from benchmarks.case import Case, Contender, Inputs


@dataclass(frozen=True)
class Peer:
    """A contender.

    Attributes
    ----------
    module : of this package.
    package : what must be installed, as it is imported; `distribution` as it is named where it differs.
    what : a few words for the README and tables.
    compiles_late : whether the first call of a step compiles it.
    """

    module: str
    package: str
    what: str
    distribution: str = ""
    compiles_late: bool = False

    @property
    def version(self) -> str | None:
        """The installed version; None where it is not installed."""
        if importlib.util.find_spec(self.package) is None:
            return None
        return importlib.metadata.version(self.distribution or self.package)


PEERS = {
    "numpy": Peer("by_hand", "numpy", "plain NumPy, derivatives by hand"),
    "lambdify": Peer("lambdify", "sympy", "what SymPy alone offers: diff, then lambdify with cse"),
    "torch": Peer("torch", "torch", "PyTorch, eager"),
    "torch-compile": Peer("torch", "torch", "PyTorch, the objective under torch.compile", compiles_late=True),
    "jax": Peer("jax", "jax", "JAX, jax.jit of objective, gradient and update", compiles_late=True),
    "pytensor": Peer("pytensor", "pytensor", "PyTensor, compiled in its default mode", compiles_late=True),
    "tensorgrad": Peer("tensorgrad", "tensorgrad", "tensorgrad, compiled to PyTorch", compiles_late=True),
    "autograd": Peer("autograd", "autograd", "HIPS autograd"),
    "casadi": Peer("casadi", "casadi", "CasADi, its virtual machine"),
    "numba": Peer("numba", "numba", "Numba, derivatives by hand, loops on all cores", compiles_late=True),
}


def contenders_of(case: Case) -> list[str]:
    """All contenders of a case by name, those of symdiff first; whether they are installed or not."""
    return [*case.variants, *(name for name in PEERS if name in case.written)]


def load(name: str, case: Case) -> ModuleType:
    """Import what a contender needs."""
    module = "symdiff" if name in case.variants else PEERS[name].module
    return importlib.import_module(f"benchmarks.peers.{module}")


def build(name: str, case: Case, inputs: Inputs) -> Contender:
    """A contender of a case."""
    module = load(name, case)
    if name in case.variants:
        return module.contender(case.variants[name], case, inputs)
    if name == "torch-compile":
        return module.compiled_contender(case.written[name], case, inputs)
    return module.contender(case.written[name], case, inputs)
