"""Find y = 2 x + 1 from eleven points by gradient descent, then predict, save and load."""

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))
import line_numpy
import plane_numpy


def train(module, w, b, x, y, epochs=1000, rate=0.001):
    """Descend from (w, b); return the parameters and the loss after each 50 epochs."""
    losses = {}
    for epoch in range(1, epochs + 1):
        loss, g = module.value_and_grad(w, b, x, y)
        w, b = w - rate*g[0], b - rate*g[1]
        if epoch % 50 == 0:
            losses[epoch] = float(loss)
            print(f"epoch {epoch:5d}   loss {loss:.10f}")
    return w, b, losses


def main(epochs=1000, file="line.npz"):
    """Train on one value per sample; save, load, predict; return the parameters and the losses."""
    x = np.arange(11.0)
    w, b, losses = train(line_numpy, 0.0, 0.0, x, 2*x + 1, epochs)
    np.savez(file, w=w, b=b)
    with np.load(file) as saved:
        print("prediction", line_numpy.predict(saved["w"], saved["b"], x).round(3))
    return w, b, losses


def main_matrix(epochs=1000):
    """The same with columns in place of plain values."""
    x = np.arange(11.0).reshape(-1, 1)
    return train(plane_numpy, np.zeros((1, 1)), np.zeros((1, 1)), x, 2*x + 1, epochs)


if __name__ == "__main__":
    w, b, _ = main()
    print(f"y = {w:.6f} x + {b:.6f}")
    w, b, _ = main_matrix()
    print(f"y = {w.item():.6f} x + {b.item():.6f}, by matrices")
