"""Results are written over arrays that nothing needs any more, and over nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from symdiff.codegen.inplace import in_place
from symdiff.codegen.program import Assign

CHANGED = [
    ("a function of its last use", ["a = x * y", "b = np.exp(a)"], "b", ["a = x * y", "b = np.exp(a, out=a)"]),
    ("the left of a difference", ["a = x * y", "b = a - x"], "b", ["a = x * y", "b = np.subtract(a, x, out=a)"]),
    ("the right of a quotient", ["a = x * y", "b = x / a"], "b", ["a = x * y", "b = np.divide(x, a, out=a)"]),
    ("a sign", ["a = x * y", "b = -a"], "b", ["a = x * y", "b = np.negative(a, out=a)"]),
    (
        "deep inside a function, which NumPy would not reuse",
        ["a = x * y", "b = np.maximum(a - x, 0)"],
        "b",
        ["a = x * y", "b = np.maximum(a - x, 0, out=a)"],
    ),
    (
        "one after the other",
        ["a = x * y", "b = np.exp(a)", "c = b * x"],
        "c",
        ["a = x * y", "b = np.exp(a, out=a)", "c = np.multiply(b, x, out=b)"],
    ),
]
KEPT = [
    ("an argument", ["b = np.exp(x)"], "b"),
    ("what is used again", ["a = x * y", "b = np.exp(a)", "c = a + b + x"], "c"),
    ("what is returned", ["a = x * y", "b = np.exp(a)"], "a, b"),
    ("what another variable is a view of", ["a = x * y", "v = a.T", "b = np.exp(a)", "c = x * y + v.T * b"], "c"),
    ("a view of an argument", ["v = x[::-1]", "b = np.exp(v)"], "b"),
    ("what a helper may have returned", ["a = _helper(x)", "b = np.exp(a)"], "b"),
    ("another shape", ["a = x[:1] * y[:1]", "b = x + a"], "b"),
    ("one column", ["s = x[:, 0] * 2", "t = np.exp(s)"], "t"),
    ("a sum that NumPy computes over its own temporary", ["a = x * y", "b = a - x * x"], "b"),
]
SHAPES = {**dict.fromkeys("bcv", ("n", 3)), "s": ("n",), "t": ("n",)}


def run(lines, returned, x, y):
    """The results of the lines, with NumPy."""
    scope = {"np": np, "x": x, "y": y, "_helper": lambda x: x}
    exec("\n".join(lines), scope)  # the lines are the test's own
    return eval(returned, scope)


def changed(lines, returned):
    statements = [Assign(*line.split(" = ", 1)) for line in lines]
    shapes = SHAPES | {"a": ("1", 3) if "[:1]" in lines[0] else ("n", 3)}
    return [f"{s.target} = {s.expression}" for s in in_place(statements, shapes, [returned], "np")]


@pytest.mark.parametrize(
    ("lines", "returned", "expected"), [row[1:] for row in CHANGED], ids=[row[0] for row in CHANGED]
)
def test_an_array_is_written_over_after_its_last_use(lines, returned, expected):
    assert changed(lines, returned) == expected
    x, y = np.random.default_rng(0).standard_normal((2, 3, 3))
    before = x.copy(), y.copy()
    np.testing.assert_array_equal(run(expected, returned, x, y), run(lines, returned, x, y))
    np.testing.assert_array_equal([x, y], before)


@pytest.mark.parametrize(("lines", "returned"), [row[1:] for row in KEPT], ids=[row[0] for row in KEPT])
def test_what_is_needed_is_not_written_over(lines, returned):
    assert changed(lines, returned) == lines
