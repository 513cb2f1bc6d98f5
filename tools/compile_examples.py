"""Compile the models of every example into ``generated/``; with ``--check``, only say which files are stale.

python tools/compile_examples.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

from symdiff.cli import main as symdiff

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ROOT / "generated"
EXAMPLES = ROOT / "examples"

EMIT = {
    "attention": "value,grad,value_and_grad",
    "autograd_basics": "value,grad,value_and_grad,jacobian,vjp",
    "curve_fitting": "value,jacobian",
    "damped_oscillator": "value,grad,value_and_grad",
    "diabetes": "value,grad,value_and_grad",
    "gaussian_mixture": "value,grad,value_and_grad",
    "gaussian_process": "value,grad,value_and_grad",
    "lenet": "value,grad,value_and_grad,vjp",
    "linear_regression": "value,grad,value_and_grad",
    "logistic_regression": "value,grad,value_and_grad",
    "matrix_factorization": "value,grad,value_and_grad",
    "quadratic_fit": "value,grad,value_and_grad",
    "softmax_regression": "value,grad,value_and_grad",
    "stencil": "value,grad,value_and_grad",
    "two_layer_net": "value,grad,value_and_grad",
}
"""Which functions each example uses."""


ON_A_GPU = (
    *("damped_oscillator", "gaussian_mixture", "lenet", "linear_regression", "logistic_regression"),
    "two_layer_net",
)
"""Examples whose modules for CuPy are committed too: their ``train.py`` takes ``--backend cupy``."""


def arguments(example: str, backend: str = "numpy", *, check: bool = False) -> list[str]:
    """The command line that compiles an example; a check reads the other options from the files' own headers."""
    model = str(EXAMPLES / example / "model.py")
    options = ["--check"] if check else ["--emit", EMIT[example], "--runtime", "shared"]
    return ["compile", model, "-o", str(GENERATED), "--backend", backend, *options]


def chosen() -> list[tuple[str, str]]:
    """The examples and backends that ``generated/`` holds."""
    return [(example, "numpy") for example in EMIT] + [(example, "cupy") for example in ON_A_GPU]


def main(check: bool = False) -> int:
    """Run the command for every example; return how many failed."""
    failed = 0
    for example, backend in chosen():
        try:
            symdiff(arguments(example, backend, check=check), prog_name="symdiff")
        except SystemExit as end:
            failed += bool(end.code)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main("--check" in sys.argv[1:]) else 0)
