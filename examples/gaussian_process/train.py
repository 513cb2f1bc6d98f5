"""Learn a kernel's scale, length and noise from noisy values of sin(x)/x, by SciPy's L-BFGS; then predict."""

import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))
import posterior_numpy as posterior
import process_numpy as process


def points(count=60, noise=0.05):
    """Return noisy values of sin(x)/x at random places."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(-10, 10, count))
    return x, (np.sinc(x/np.pi) + noise*rng.standard_normal(count))[:, None]


def squared_distances(x, other):
    """Return the squared distance of each point from each other one."""
    return (x[:, None] - other)**2


def main():
    """Return the hyperparameters, the likelihood, and the largest error of the predicted mean."""
    x, y = points()
    distances = squared_distances(x, x)
    found = minimize(process.value_and_grad_flat, np.zeros(3), (distances, y), jac=True, method="L-BFGS-B")
    scale, length, noise = found.x
    print(f"scale {np.exp(scale):.3f}   length {np.exp(length):.3f}   noise {np.exp(noise):.3f}")
    grid = np.linspace(-9, 9, 181)
    known = (*found.x, distances, squared_distances(x, grid), y)
    error = np.abs(posterior.mean(*known).ravel() - np.sinc(grid/np.pi))
    inside = np.mean(error < 2*np.sqrt(posterior.variance(*known[:-1]).ravel()))
    print(f"largest error of the mean {error.max():.3f}; {inside:.0%} of the grid within two standard deviations")
    return found.x, -found.fun, error.max()


if __name__ == "__main__":
    main()
