"""Fit a parabola four ways: by hand, with an optimiser object, with shuffled mini-batches, and with half the mean."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))
import quadratic_half_mean_numpy
import quadratic_mean_numpy
import quadratic_numpy


@dataclass
class SGD:
    """Gradient descent as an object: it holds the rate and makes the step."""

    rate: float

    def step(self, params, gradients):
        return tuple(p - self.rate*g for p, g in zip(params, gradients, strict=True))


def problem():
    """Return the starting values (w, b) and the points x, y."""
    rng = np.random.RandomState(100)
    x = np.linspace(-1, 1, 100)
    y = 3*x**2 + 2 + 0.2*rng.rand(100)
    return (rng.rand(), rng.rand()), x, y


def batches(x, y, size, epochs, seed=0):
    """Yield the points in batches, in a new order each epoch."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for chosen in order.reshape(-1, size):
            yield x[chosen], y[chosen]


def descend(module, points, rate, report):
    """Make one step for each (x, y) of `points`; return the last w and b."""
    optimiser = SGD(rate)
    params = problem()[0]
    for step, (x, y) in enumerate(points):
        loss, g = module.value_and_grad(*params, x, y)
        params = optimiser.step(params, g)
        if step % report == 0:
            print(f"step {step:6d}   loss {loss:.8f}   w {params[0]:.8f}   b {params[1]:.8f}")
    return params


def main(steps=800, rate=0.001):
    """The sum of halved squares."""
    _, x, y = problem()
    return descend(quadratic_numpy, [(x, y)]*steps, rate, report=100)


def main_mean(steps=10_000, rate=0.01):
    """The mean of squares, all points at once."""
    _, x, y = problem()
    return descend(quadratic_mean_numpy, [(x, y)]*steps, rate, report=1000)


def main_batches(epochs=1000, rate=0.01):
    """The mean of squares, ten points at a time."""
    _, x, y = problem()
    return descend(quadratic_mean_numpy, batches(x, y, 10, epochs), rate, report=1000)


def main_half_mean(steps=14_000, rate=0.01):
    """The mean of halved squares."""
    _, x, y = problem()
    return descend(quadratic_half_mean_numpy, [(x, y)]*steps, rate, report=1000)


if __name__ == "__main__":
    for fit in (main, main_mean, main_batches, main_half_mean):
        print(fit.__doc__)
        print("w = {:.8f}, b = {:.8f}".format(*fit()))
