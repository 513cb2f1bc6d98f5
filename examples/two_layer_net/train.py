"""Train the two-layer network on random data by plain gradient descent; with ``--backend cupy`` on a GPU."""

import argparse
import sys
from importlib import import_module
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))


def main(steps=500, rate=1e-6, backend="numpy"):
    """Return the loss of every step."""
    xp, net = import_module(backend), import_module(f"net_{backend}")
    rng = np.random.default_rng(0)
    x, y = (xp.asarray(rng.standard_normal(shape)) for shape in ((64, 1000), (64, 10)))
    w1, w2 = (xp.asarray(rng.standard_normal(shape)) for shape in ((1000, 100), (100, 10)))
    losses = []
    for step in range(steps):
        loss, g = net.value_and_grad(w1, w2, x, y)
        w1 -= rate*g.w1
        w2 -= rate*g.w2
        losses.append(loss)
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:4d}   loss {float(loss):.8g}")
    return [float(loss) for loss in losses]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", choices=("numpy", "cupy"), default="numpy")
    main(backend=parser.parse_args().backend)
