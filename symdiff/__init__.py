"""symdiff: SymPy models in, readable NumPy gradient modules out."""

from symdiff import errors, functions
from symdiff.compiler import compile, generate
from symdiff.forms.closed_form import NoForm
from symdiff.formulas import gradient
from symdiff.functions import *  # noqa: F403
from symdiff.functions import __all__ as _functions
from symdiff.functions.registered import register
from symdiff.model import Model, domain
from symdiff.version import __version__

__all__ = [
    "Model", "NoForm", "__version__", "compile", "domain", "functions", "generate", "gradient", "register", *_functions
]  # fmt: skip

_LOOPS = ("scan", "fori_loop", "while_loop")


def __getattr__(name: str) -> object:
    """Name what is planned and not there."""
    more = ": loops are not part of this version; write a fixed number of steps out" if name in _LOOPS else ""
    raise AttributeError(f"symdiff has no {name}{more}.")
