"""Find the components of a mixture from its points: SciPy's L-BFGS on one flat vector, from points spread far apart.

With ``--backend cupy`` likelihood and gradient are computed on a GPU.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))

MEANS = np.array([[-4.0, 0.0, 1.0], [0.0, 4.0, -1.0], [4.0, 0.0, 0.0], [0.0, -4.0, 2.0]])
SHARES = np.array([0.1, 0.2, 0.3, 0.4])


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


def main(n=2000, iterations=1000, backend="numpy"):
    """Return the shares, the means and the log-likelihood per point after every iteration."""
    xp, mixture = import_module(backend), import_module(f"mixture_{backend}")
    on_host = getattr(xp, "asnumpy", np.asarray)  # where SciPy's optimiser works
    x = points(n, np.random.default_rng(0))
    start = [np.zeros(4), far_apart(x, 4), np.full((4, 3), -np.log(x.std())), np.zeros((4, 3, 3))]
    data = xp.asarray(x), xp.asarray(np.tri(3, k=-1))
    likelihoods = [-float(mixture.value(*map(xp.asarray, start), *data))]

    def objective(vec):
        value, gradient = mixture.value_and_grad_flat(xp.asarray(vec), *data)
        return float(value), on_host(gradient)

    def progress(intermediate_result):
        likelihoods.append(-float(intermediate_result.fun))
        if len(likelihoods) % 10 == 0:
            print(f"iteration {len(likelihoods) - 1:3d}   log-likelihood per point {likelihoods[-1]:.6f}")

    vec = np.concatenate([part.ravel() for part in start])
    options = {"maxiter": iterations}
    fit = minimize(objective, vec, jac=True, method="L-BFGS-B", callback=progress, options=options)
    found = mixture.unpack(xp.asarray(fit.x), K=4, d=3)
    alpha, means = on_host(found.alpha), on_host(found.mu)
    return np.exp(alpha)/np.sum(np.exp(alpha)), means, likelihoods


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", choices=("numpy", "cupy"), default="numpy")
    shares, means, _ = main(backend=parser.parse_args().backend)
    for k in np.argsort(shares):
        print(f"share {shares[k]:.3f}   mean {np.round(means[k], 2)}")
