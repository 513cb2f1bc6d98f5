"""Run each lesson and print what it gives beside what mathematics says.

The generated modules stand alone; symdiff itself is imported for the two lessons that compile something on the spot.
"""

import sys
from pathlib import Path

import numpy as np
from model import V, squared_error

import symdiff as sd

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))
import affine_numpy
import curvature_numpy
import detached_numpy
import double_numpy
import pair_numpy
import quartic_numpy
import scaled_mean_numpy
import slope_numpy
import square_numpy
import square_sum_numpy
import squared_error_numpy


def scalars():
    """z = w x + b at x = 2."""
    g = affine_numpy.grad(1.0, 1.0, 2.0)
    yield "(dz/dw, dz/db)", g, (2, 1)
    yield "what has a gradient", g._fields, ("w", "b")


def vectors():
    """X^2 + 3 at X = (1, 1): a vector has no gradient, its sum has, and so has each entry on its own."""
    try:
        sd.compile(sd.Model(V.applyfunc(lambda e: e**2 + 3), params=[V]))
    except ValueError as refusal:
        yield "gradient of the vector", "refused", "refused"
        print(f"    {refusal}")
    yield "gradient of its sum", square_sum_numpy.grad(np.ones((2, 1))).V.ravel(), (2, 2)
    yield "entry by entry", square_numpy.grad(np.ones(2)).x, (2, 2)


def jacobians():
    """y = (x1^2 + 3 x2, x2^2 + 2 x1) at (2, 3), and y = 2 x."""
    yield "Jacobian", pair_numpy.y_jacobian_flat(np.array([2.0, 3.0])), ((4, 3), (2, 6))
    for u, expected in (((1, 0), (4, 3)), ((0, 1), (2, 6)), ((1, 1), (6, 9))):
        column = np.array(u, dtype=float).reshape(2, 1)
        yield f"{u} times the Jacobian", pair_numpy.y_vjp(2.0, 3.0, column), expected
    u = np.arange(1.0, 6.0).reshape(5, 1)
    yield "(1, 2, 3, 4, 5) times that of 2 x", double_numpy.y_vjp(np.ones((5, 1)), u).V.ravel(), (2, 4, 6, 8, 10)


def means():
    """The mean of 3 (x + 2)^2 over a 2 x 2 matrix of ones."""
    value, g = scaled_mean_numpy.value_and_grad(np.ones((2, 2)))
    yield "value", value, 27
    yield "gradient", g.X, np.full((2, 2), 4.5)


def constants_on_the_way():
    """The sum of c x with c = x^2 + 3 held constant, and the sum of x^2 + 3, at x = (1, 1)."""
    value, g = detached_numpy.value_and_grad(np.ones(2))
    yield "value", value, 8
    yield "gradient, c held", g.T, (4, 4)
    yield "gradient of the sum of c", square_sum_numpy.grad(np.ones((2, 1))).V.ravel(), (2, 2)


def higher_orders():
    """x^4, and its derivatives up to the third, at 1, 2, 3."""
    x = np.array([1.0, 2.0, 3.0])
    yield "first", quartic_numpy.grad(x).x, 4*x**3
    yield "second", slope_numpy.grad(x).x, 12*x**2
    yield "third", curvature_numpy.grad(x).x, 24*x


def training_loops():
    """Adding up gradients over mini-batches, the value alone, freezing a parameter."""
    x = np.linspace(-1, 1, 100)
    y = 3*x + 2
    full = squared_error_numpy.grad(1.0, 0.5, x, y)
    parts = [squared_error_numpy.grad(1.0, 0.5, x[i : i + 10], y[i : i + 10]) for i in range(0, 100, 10)]
    yield "sum over ten batches", np.sum(parts, axis=0), full
    yield "value alone", squared_error_numpy.value(3.0, 1.0, x, y), 100
    yield "with b frozen", sd.compile(squared_error, wrt=["w"]).grad(1.0, 0.5, x, y), (full.w,)


def sharing():
    """The caller's arrays are read in place and never written to."""
    x, y = np.ones(3), np.zeros(3)
    y.flags.writeable = False
    yield "before", squared_error_numpy.value(1.0, 0.0, x, y), 3
    x *= 2
    yield "after the caller doubled x", squared_error_numpy.value(1.0, 0.0, x, y), 12


LESSONS = (scalars, vectors, jacobians, means, constants_on_the_way, higher_orders, training_loops, sharing)


def main():
    """Print every lesson; return (lesson, what, result, expected) of each line."""
    rows = []
    for lesson in LESSONS:
        print(f"\n{lesson.__doc__}")
        for what, result, expected in lesson():
            rows.append((lesson.__name__, what, result, expected))
            print(f"  {what}: {_plain(result)}   expected {_plain(expected)}")
    return rows


def _plain(value):
    return value if isinstance(value, str) else np.array(value).tolist()


if __name__ == "__main__":
    main()
