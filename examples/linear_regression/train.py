"""Find y = 2 x + 1 from eleven points by gradient descent, then predict, save and load; with ``--backend cupy`` on a GPU."""

import argparse
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))


def train(module, w, b, x, y, epochs=1000, rate=0.001):
    """Descend from (w, b); return the parameters and the loss after each 50 epochs."""
    losses = {}
    for epoch in range(1, epochs + 1):
        loss, g = module.value_and_grad(w, b, x, y)
        w, b = w - rate*g[0], b - rate*g[1]
        if epoch % 50 == 0:
            losses[epoch] = float(loss)
            print(f"epoch {epoch:5d}   loss {losses[epoch]:.10f}")
    return w, b, losses


def main(epochs=1000, file=None, backend="numpy"):
    """Train on one value per sample; save (to a temporary file by default), load, predict; return parameters and losses."""
    xp, line = import_module(backend), import_module(f"line_{backend}")
    x = xp.arange(11.0)
    w, b, losses = train(line, 0.0, 0.0, x, 2*x + 1, epochs)
    with tempfile.TemporaryDirectory() as folder:
        file = file or Path(folder, "line.npz")
        np.savez(file, w=float(w), b=float(b))
        with np.load(file) as saved:
            print("prediction", line.predict(saved["w"], saved["b"], x).round(3))
    return w, b, losses


def main_matrix(epochs=1000, backend="numpy"):
    """The same with columns in place of plain values."""
    xp, plane = import_module(backend), import_module(f"plane_{backend}")
    x = xp.arange(11.0).reshape(-1, 1)
    return train(plane, xp.zeros((1, 1)), xp.zeros((1, 1)), x, 2*x + 1, epochs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", choices=("numpy", "cupy"), default="numpy")
    backend = parser.parse_args().backend
    w, b, _ = main(backend=backend)
    print(f"y = {float(w):.6f} x + {float(b):.6f}")
    w, b, _ = main_matrix(backend=backend)
    print(f"y = {w.item():.6f} x + {b.item():.6f}, by matrices")
