"""Find the components of a mixture from its points: SciPy's L-BFGS on one flat vector, from points spread far apart."""

import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))
import mixture_numpy as mixture

MEANS = np.array([[-4.0, 0.0, 1.0], [0.0, 4.0, -1.0], [4.0, 0.0, 0.0], [0.0, -4.0, 2.0]])
SHARES = np.array([0.1, 0.2, 0.3, 0.4])
BELOW = np.tri(3, k=-1)


def points(n, rng):
    """Return n points of the true mixture, whose components are ellipsoids of different directions."""
    shapes = np.eye(3) + 0.5*rng.standard_normal((4, 3, 3))
    component = rng.choice(4, size=n, p=SHARES)
    return MEANS[component] + np.einsum("nij,nj->ni", shapes[component], rng.standard_normal((n, 3)))


def far_apart(x, count):
    """Return some of the points, each the one farthest from those before it."""
    chosen = [x[0]]
    while len(chosen) < count:
        distance = np.min(np.sum((x[:, None] - np.array(chosen))**2, axis=2), axis=1)
        chosen.append(x[np.argmax(distance)])
    return np.array(chosen)


def main(n=2000):
    """Return the shares, the means and the log-likelihood per point after every iteration."""
    x = points(n, np.random.default_rng(0))
    start = [np.zeros(4), far_apart(x, 4), np.full((4, 3), -np.log(x.std())), np.zeros((4, 3, 3))]
    likelihoods = [-float(mixture.value(*start, x, BELOW))]

    def progress(intermediate_result):
        likelihoods.append(-float(intermediate_result.fun))
        if len(likelihoods) % 10 == 0:
            print(f"iteration {len(likelihoods) - 1:3d}   log-likelihood per point {likelihoods[-1]:.6f}")

    fit = minimize(
        mixture.value_and_grad_flat, mixture.pack(start), args=(x, BELOW), jac=True, method="L-BFGS-B", callback=progress
    )
    found = mixture.unpack(fit.x, K=4, d=3)
    shares = np.exp(found.alpha)/np.sum(np.exp(found.alpha))
    return shares, found.mu, likelihoods


if __name__ == "__main__":
    shares, means, _ = main()
    for k in np.argsort(shares):
        print(f"share {shares[k]:.3f}   mean {np.round(means[k], 2)}")
