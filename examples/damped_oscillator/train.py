"""Find a damped oscillation from noisy samples by gradient descent with momentum; with ``--backend cupy`` on a GPU."""

import argparse
import sys
from importlib import import_module
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))

NAMES = ("a", "g", "w", "p", "c")
TRUE = (1.5, 0.3, 2.0, 0.4, 0.25)
START = (1.0, 0.1, 2.2, 0.0, 0.0)


def samples(n):
    """Return n times and what was measured at them."""
    a, g, w, p, c = TRUE
    t = np.linspace(0, 10, n)
    return t, a*np.exp(-g*t)*np.cos(w*t + p) + c + 0.05*np.random.default_rng(0).standard_normal(n)


def main(steps=300, n=100_000, rate=0.2, momentum=0.9, backend="numpy"):
    """Return the parameters that were found, and the loss of every step."""
    xp, oscillator = import_module(backend), import_module(f"oscillator_{backend}")
    t, y = map(xp.asarray, samples(n))
    params, velocity = list(map(xp.asarray, START)), [0.0]*len(START)
    losses = []
    for step in range(steps):
        loss, gradient = oscillator.value_and_grad(*params, t, y)
        velocity = [momentum*v - rate*g for v, g in zip(velocity, gradient, strict=True)]
        params = [p + v for p, v in zip(params, velocity, strict=True)]
        losses.append(loss)
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:4d}   loss {float(loss):.8f}")
    return [float(p) for p in params], [float(loss) for loss in losses]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", choices=("numpy", "cupy"), default="numpy")
    for name, found, true in zip(NAMES, main(backend=parser.parse_args().backend)[0], TRUE, strict=True):
        print(f"{name} = {found:.4f}   (true: {true})")
