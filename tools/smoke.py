"""Whether symdiff works where it is installed: each dialect compiled, run and held against differences, and the command.

Needs what symdiff itself needs and nothing else; `make test-minimum` runs it with the lowest versions of that.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import requires, version
from pathlib import Path

import numpy as np

MODELS = """\
import sympy as sp
import symdiff as sd

x, y, w, b = sp.symbols("x y w b")
scalar = sd.Model(sd.mean((sp.tanh(w * x + b) - y) ** 2), params=[w, b], data=[x, y])

n, d, k = sp.symbols("n d k", integer=True, positive=True)
X, Y, W = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("Y", n, k), sp.MatrixSymbol("W", d, k)
residual = X * W - Y
matrix = sd.Model(sp.Trace(residual.T * residual) + sp.log(sp.det(W.T * W)), params=[W], data=[X, Y])

i, j = sp.symbols("i j", integer=True)
u, z = sp.IndexedBase("u", shape=(n,)), sp.IndexedBase("z", shape=(n, k))
index = sd.Model(sp.Sum(sp.exp(-((u[i] - z[i, j]) ** 2)) * w, (i, 0, n - 1), (j, 0, k - 1)), params=[u, w], data=[z])

T, V, L = sd.Tensor("T", (n, d)), sd.Tensor("V", (d, k)), sd.Tensor("L", n, dtype=int)
tensor = sd.Model(sd.cross_entropy(T @ V, L), params=[V], data=[T, L])
"""
SIZES = {"n": 7, "N": 7, "d": 4, "k": 3}
KINDS = ("value", "grad", "value_and_grad", "hessian", "hvp")


def main() -> None:
    """Say what is installed, try all of it, and fail where anything is wrong."""
    names = [entry.split(">=")[0] for entry in requires("symdiff-compiler") or [] if "extra ==" not in entry]
    print("Python", sys.version.split()[0], *(f"{name} {version(name)}" for name in sorted(names)))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SYMDIFF_CACHE_DIR"] = f"{folder}/cache"
        path = Path(folder, "model.py")
        path.write_text(MODELS)
        _dialects(path)
        _command(path)
    print("All of it works.")


def _dialects(path: Path) -> None:
    """Values, gradients and products with the Hessian of each model, against central differences; from the cache too."""
    import symdiff as sd
    from symdiff.loader import load_models

    rng = np.random.default_rng(0)
    for model in load_models(path):
        module = sd.compile(model, emit=KINDS)
        assert sd.compile(model, emit=KINDS) is module
        assert all(str(form) for form in sd.gradient(model).values())
        inputs = module.SIGNATURE["inputs"].values()
        arrays = [_drawn(rng, entry) for entry in inputs]
        count = sum(entry["role"] == "parameter" for entry in inputs)
        params, data = arrays[:count], arrays[count:]
        gradient = module.grad(*params, *data)
        direction = [rng.standard_normal(np.shape(part)) for part in gradient]
        step = 1e-5
        ahead, behind = ([p + sign * step * v for p, v in zip(params, direction, strict=True)] for sign in (1, -1))
        _agree(
            model.name,
            _dot(gradient, direction),
            (module.value(*ahead, *data) - module.value(*behind, *data)) / step / 2,
        )
        slopes = [
            (a - b) / step / 2 for a, b in zip(module.grad(*ahead, *data), module.grad(*behind, *data), strict=True)
        ]
        for mine, theirs in zip(module.hvp(*params, *data, direction), slopes, strict=True):
            _agree(model.name, mine, theirs)
        _agree(model.name, module.value_and_grad(*params, *data)[0], module.value(*params, *data))
        print(f"{model.name}: value, gradient and Hessian agree with differences")


def _drawn(rng: np.random.Generator, entry: dict[str, object]) -> np.ndarray | np.float64:
    """An argument: numbers, or positions where it holds integers."""
    shape = entry["shape"]
    assert isinstance(shape, Sequence)
    lengths = [SIZES.get(size, size) for size in shape]
    return rng.integers(0, SIZES["k"], lengths) if entry["dtype"] == "int" else rng.uniform(0.2, 1.2, lengths)[()]


def _dot(ones: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    return sum(float(np.sum(one * other)) for one, other in zip(ones, others, strict=True))


def _agree(name: str, mine: object, theirs: object) -> None:
    np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-7, err_msg=name)


def _command(path: Path) -> None:
    """Each command that needs no other library."""
    for arguments in (
        ["compile", str(path), "-o", str(path.parent / "generated"), "--emit", "value,grad,hessian"],
        ["compile", str(path), "-o", str(path.parent / "generated"), "--check"],
        ["compare", str(path), "--against", "finite-difference,mpmath"],
        ["show", str(path)],
        ["show", "--latex", f"{path}:scalar"],
        ["show", "--source", f"{path}:matrix"],
        ["cache", "info"],
        ["cache", "clear"],
    ):
        finished = subprocess.run([sys.executable, "-m", "symdiff", *arguments], capture_output=True, text=True)
        if finished.returncode or "Traceback" in finished.stderr:
            sys.exit(f"symdiff {' '.join(arguments)}\n{finished.stdout}{finished.stderr}")
        print("symdiff", *arguments[:1], *(word for word in arguments if word.startswith("-")))


if __name__ == "__main__":
    main()
