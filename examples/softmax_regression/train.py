"""Read handwritten digits by ten linear scores: scikit-learn's 8 x 8 images, gradient descent on mini-batches."""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))
import softmax_numpy as softmax


def digits():
    """Return pixels from 0 to 1 and labels: those to train on, those held out."""
    x, label = load_digits(return_X_y=True)
    x, x_test, label, label_test = train_test_split(x/16, label, test_size=0.25, random_state=0)
    return x, label, x_test, label_test


def main(epochs=100, rate=0.5, batch=64, penalty=1e-4):
    """Return the weights, the biases, and the share of held-out digits read right."""
    x, label, x_test, label_test = digits()
    rng = np.random.default_rng(0)
    w, b = np.zeros((64, 10)), np.zeros(10)
    for epoch in range(1, epochs + 1):
        losses = []
        order = rng.permutation(len(x))
        for some in order[: len(order) - len(order) % batch].reshape(-1, batch):  # the few that are left over sit out
            loss, g = softmax.value_and_grad(w, b, x[some], label[some], penalty)
            w -= rate*g.w
            b -= rate*g.b
            losses.append(loss)
        if epoch % 10 == 0:
            print(f"epoch {epoch:4d}   loss {np.mean(losses):.4f}")
    right = float(np.mean(softmax.probability(w, b, x_test).argmax(axis=1) == label_test))
    return w, b, right


if __name__ == "__main__":
    print(f"held-out accuracy {main()[2]:.3f}")
