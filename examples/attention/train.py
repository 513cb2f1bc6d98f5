"""Learn to look up: in each sequence of random tokens one is marked, and every place is to name that one.

Only attention carries anything from one place to another, so a model that learns this has learnt where to look.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))
import attention_numpy as attention


def sequences(rng, n, t, c):
    """Return n sequences of t tokens out of c, the mark as 1 at one of each, and the token it is at, for every place."""
    token, place = rng.integers(c, size=(n, t)), rng.integers(t, size=n)
    marked = np.zeros((n, t))
    marked[np.arange(n), place] = 1
    label = np.repeat(token[np.arange(n), place][:, None], t, axis=1)
    return token, marked, label


def start(rng, c, d):
    """Return random parameters, the gain of the layer normalisation at 1 and its shift at 0."""
    square = [rng.standard_normal((d, d))/np.sqrt(d) for _ in range(3)]
    embedding, mark = rng.standard_normal((c, d)), rng.standard_normal(d)
    return [embedding, mark, *square, np.ones(d), np.zeros(d), rng.standard_normal((d, c))/np.sqrt(d)]


def main(steps=300, rate=0.003, t=12, c=8, d=32):
    """Return the share of places named right and the weight given to the marked token, on new, longer sequences."""
    rng = np.random.default_rng(0)
    params = start(rng, c, d)
    mean, square = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]
    for step in range(1, steps + 1):
        loss, gradient = attention.value_and_grad(*params, *sequences(rng, 64, t, c))
        for p, m, s, g in zip(params, mean, square, gradient, strict=True):  # Adam
            m += 0.1*(g - m)
            s += 0.01*(g**2 - s)
            p -= rate*(m/(1 - 0.9**step))/(np.sqrt(s/(1 - 0.99**step)) + 1e-8)
        if step % 50 == 0:
            print(f"step {step:4d}   loss {loss:.4f}")
    token, marked, label = sequences(rng, 500, 2*t, c)
    right = np.mean(attention.scores(*params, token, marked).argmax(axis=2) == label)
    weights = attention.weights(*params[:4], token, marked)
    return float(right), float(np.mean(np.sum(weights*marked[:, None, :], axis=2)))


if __name__ == "__main__":
    right, looked = main()
    print(f"on sequences twice as long: {right:.3f} of the places right, weight {looked:.3f} on the marked token")
