"""Tell benign from malignant tumours: scikit-learn's breast-cancer data, SciPy's L-BFGS, the generated gradient.

With ``--backend cupy`` that is computed on a GPU.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))


def tumours():
    """Return standardised features and labels: those to train on, those held out."""
    x, y = load_breast_cancer(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y[:, None].astype(float), test_size=0.25, random_state=0)
    scaler = StandardScaler().fit(x)
    return scaler.transform(x), y, scaler.transform(x_test), y_test


def main(backend="numpy"):
    """Return the weights, the bias, and the share of held-out tumours told right."""
    xp, logistic = import_module(backend), import_module(f"logistic_{backend}")
    on_host = getattr(xp, "asnumpy", np.asarray)  # where SciPy's optimiser works
    x, y, x_test, y_test = map(xp.asarray, tumours())
    penalty = 1/(2*len(x))
    losses = []

    def objective(vec):
        loss, gradient = logistic.value_and_grad_flat(xp.asarray(vec), x, y, penalty)
        losses.append(float(loss))
        return losses[-1], on_host(gradient)

    def progress(vec):
        if len(losses) % 5 == 0:
            print(f"evaluation {len(losses):3d}   loss {losses[-1]:.10f}")

    start = np.zeros(x.shape[1] + 1)
    options = {"ftol": 1e-15, "gtol": 1e-10}
    fit = minimize(objective, start, jac=True, method="L-BFGS-B", callback=progress, options=options)
    w, b = fit.x[:-1, None], fit.x[-1]
    right = float(((logistic.probability(xp.asarray(w), b, x_test) > 0.5) == (y_test > 0.5)).mean())
    return w, b, right


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", choices=("numpy", "cupy"), default="numpy")
    print(f"held-out accuracy {main(parser.parse_args().backend)[2]:.3f}")
