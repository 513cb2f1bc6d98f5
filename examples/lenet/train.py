"""Read handwritten digits: scikit-learn's 8 x 8 images enlarged to 32 x 32, LeNet, momentum on mini-batches of 64.

With ``--backend cupy`` on a GPU.
"""

import argparse
import sys
import time
from importlib import import_module
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))


def digits():
    """Return images and labels: those to train on, those held out."""
    pixels, label = load_digits(return_X_y=True)
    small = (pixels.reshape(-1, 1, 8, 8)/8 - 1).astype(np.float32)
    image = small.repeat(4, axis=2).repeat(4, axis=3)
    image, image_test, label, label_test = train_test_split(image, label, test_size=0.25, random_state=0)
    return image, label, image_test, label_test


def start(lenet, rng):
    """Return biases of 0 and weights whose sums have about the variance of what comes in, past a ReLU."""
    params = []
    for spec in list(lenet.SIGNATURE["inputs"].values())[:10]:
        shape = spec["shape"]
        inputs = np.prod(shape[1:]) if len(shape) == 4 else shape[0]
        spread = np.sqrt(2/inputs) if len(shape) > 1 else 0
        params.append((spread*rng.standard_normal(shape)).astype(np.float32))
    return params


def accuracy(lenet, params, image, label):
    """Return the share of images whose label has the highest score."""
    return float((lenet.scores(*params, image).argmax(axis=1) == label).mean())


def main(epochs=8, rate=0.05, momentum=0.9, batch=64, backend="numpy"):
    """Return the parameters and the share of held-out digits read right."""
    xp, lenet = import_module(backend), import_module(f"lenet_{backend}")
    image, label, image_test, label_test = map(xp.asarray, digits())
    rng = np.random.default_rng(0)
    params = [xp.asarray(p) for p in start(lenet, rng)]
    velocity = [xp.zeros_like(p) for p in params]
    began = time.perf_counter()
    for epoch in range(epochs):
        step = rate*(1 - epoch/epochs)
        losses = []
        order = xp.asarray(rng.permutation(len(image)))
        for some in order[: len(order) - len(order) % batch].reshape(-1, batch):  # the few that are left over sit out
            loss, gradient = lenet.value_and_grad(*params, image[some], label[some])
            for p, v, g in zip(params, velocity, gradient, strict=True):
                v *= momentum
                v -= step*g
                p += v
            losses.append(loss)
        loss = sum(map(float, losses))/len(losses)
        right = accuracy(lenet, params, image_test, label_test)
        seconds = time.perf_counter() - began
        print(f"epoch {epoch + 1}   loss {loss:.4f}   held-out accuracy {right:.4f}   {seconds:5.1f} s")
    return params, right


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", choices=("numpy", "cupy"), default="numpy")
    main(backend=parser.parse_args().backend)
