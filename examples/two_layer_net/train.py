"""Train the two-layer network on random data by plain gradient descent."""

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))
import net_numpy


def main(steps=500, rate=1e-6):
    """Return the loss of every step."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((64, 1000)), rng.standard_normal((64, 10))
    w1, w2 = rng.standard_normal((1000, 100)), rng.standard_normal((100, 10))
    losses = []
    for step in range(steps):
        loss, g = net_numpy.value_and_grad(w1, w2, x, y)
        w1 -= rate*g.w1
        w2 -= rate*g.w2
        losses.append(float(loss))
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:4d}   loss {loss:.8g}")
    return losses


if __name__ == "__main__":
    main()
