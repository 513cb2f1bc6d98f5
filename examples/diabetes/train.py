"""Predict the progress of diabetes over a year: scikit-learn's diabetes data, ridge regression by gradient descent."""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))
import ridge_numpy as ridge


def patients():
    """Return standardised features and the progress: those to train on, those held out."""
    x, y = load_diabetes(return_X_y=True, scaled=False)
    x, x_test, y, y_test = train_test_split(x, y[:, None], test_size=0.25, random_state=0)
    scaler = StandardScaler().fit(x)
    return scaler.transform(x), y, scaler.transform(x_test), y_test


def main(steps=600, rate=0.2, penalty=0.1):
    """Return the weights, the bias, and the share of the held-out variance that is explained."""
    x, y, x_test, y_test = patients()
    w, b = np.zeros((x.shape[1], 1)), 0.0
    for step in range(steps):
        loss, g = ridge.value_and_grad(w, b, x, y, penalty)
        w, b = w - rate*g.w, b - rate*g.b
        if step % 50 == 0:
            print(f"step {step:4d}   loss {loss:.6f}   slope {np.linalg.norm(g.w):.2e}")
    return w, b, r2_score(y_test, ridge.predict(w, b, x_test))


if __name__ == "__main__":
    print(f"held-out R^2 {main()[2]:.3f}")
