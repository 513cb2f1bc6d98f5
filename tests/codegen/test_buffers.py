"""Results are written over arrays that nothing needs any more, products in scratch: over and in nothing else."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from source_trees import expression
from sympy import HadamardPower, MatrixSymbol, symbols

import symdiff as sd
from symdiff.codegen.expression import Name, names_in
from symdiff.codegen.numpy.buffers import Buffers
from symdiff.codegen.program import Assign, For, While
from symdiff.codegen.runtime.definitions import source_of

CHANGED = [
    ("a function of its last use", ["a = x * y", "b = np.exp(a)"], "b", ["a = x * y", "b = np.exp(a, out=a)"]),
    ("the left of a difference", ["a = x * y", "b = a - x"], "b", ["a = x * y", "b = np.subtract(a, x, out=a)"]),
    ("the right of a quotient", ["a = x * y", "b = x / a"], "b", ["a = x * y", "b = np.divide(x, a, out=a)"]),
    ("a sign", ["a = x * y", "b = -a"], "b", ["a = x * y", "b = np.negative(a, out=a)"]),
    (
        "deep inside a function, which NumPy would not reuse",
        ["a = x * y", "b = np.maximum(a - x, 0)", "c = np.add.reduce(b)"],
        "c",
        ["a = x * y", "b = np.subtract(a, x, out=a)", "b = np.maximum(b, 0, out=b)", "c = np.add.reduce(b)"],
    ),
    (
        "not what the rest of the line still uses",
        ["a = x * y", "b = np.maximum(a - x, a)", "c = np.add.reduce(b)"],
        "c",
        ["a = x * y", "b = a - x", "b = np.maximum(b, a, out=b)", "c = np.add.reduce(b)"],
    ),
    (
        "one after the other",
        ["a = x * y", "b = np.exp(a)", "c = b * x"],
        "c",
        ["a = x * y", "b = np.exp(a, out=a)", "c = np.multiply(b, x, out=b)"],
    ),
    (
        "after what only reads it",
        ["a = x * y", "s = np.add.reduce(a, axis=1)", "b = a / s[:, None]"],
        "b",
        ["a = x * y", "s = np.add.reduce(a, axis=1)", "b = np.divide(a, s[:, None], out=a)"],
    ),
    (
        "a product, and what is done to it",
        ["a = np.exp(x @ y.T - x[:, :1])", "c = np.add.reduce(a)"],
        "c",
        ["a = _matmul_into(scratch, 0, x, y.T)", "a -= x[:, :1]", "a = np.exp(a, out=a)", "c = np.add.reduce(a)"],
    ),
    (
        "a view of a product",
        ["a = x[:, :1] - (x @ y.T).T", "c = np.add.reduce(a)"],
        "c",
        ["a = _matmul_into(scratch, 0, x, y.T).T", "a = np.subtract(x[:, :1], a, out=a)", "c = np.add.reduce(a)"],
    ),
    (
        "in scratch again, where the first is not needed",
        ["a = x @ y.T", "b = (a + 1) @ x", "c = np.exp(b) @ y.T", "r = np.add.reduce(c)"],
        "r",
        [
            *("a = _matmul_into(scratch, 0, x, y.T)", "b = _matmul_into(scratch, 1, a + 1, x)"),
            "c = _matmul_into(scratch, 0, np.exp(b), y.T)",
            "r = np.add.reduce(c)",
        ],
    ),
    (
        "elsewhere in scratch, while a view of the first is needed",
        ["a = x @ y.T", "v = a[:1]", "b = x.T @ x", "c = _helper(v)", "d = y.T @ y + c[0, 0]", "r = b * d"],
        "r",
        [
            *(
                "a = _matmul_into(scratch, 0, x, y.T)",
                "v = a[:1]",
                "b = _matmul_into(scratch, 1, x.T, x)",
                "c = _helper(v)",
            ),
            *("d = _matmul_into(scratch, 2, y.T, y)", "d += c[0, 0]", "r = b * d"),
        ],
    ),
    (
        "elsewhere in scratch, while what a helper made of the first is needed",
        ["a = _helper(x @ y.T)", "b = x.T @ x", "r = a * b"],
        "r",
        ["a = _helper(_matmul_into(scratch, 0, x, y.T))", "b = _matmul_into(scratch, 1, x.T, x)", "r = a * b"],
    ),
    (
        "elsewhere in scratch, while what was written over the first is needed",
        ["a = x @ y.T", "b = np.exp(a)", "c = x.T @ x", "d = b + c", "r = np.add.reduce(d)"],
        "r",
        [
            *("a = _matmul_into(scratch, 0, x, y.T)", "b = np.exp(a, out=a)", "c = _matmul_into(scratch, 1, x.T, x)"),
            *("d = np.add(b, c, out=b)", "r = np.add.reduce(d)"),
        ],
    ),
    (
        "not over a smaller array",
        ["a = x * y", "b = np.maximum(x[:1] * y[:1], a)", "c = np.add.reduce(b)"],
        "c",
        ["a = x * y", "b = np.maximum(x[:1] * y[:1], a, out=a)", "c = np.add.reduce(b)"],
    ),
    (
        "an array of its own, where it is returned",
        ["a = np.exp(x @ y.T)"],
        "a",
        ["a = x @ y.T", "a = np.exp(a, out=a)"],
    ),
    (
        "only inside of what is returned",
        ["a = np.exp(x @ y.T) @ x", "b = a.T"],
        "b",
        ["a = np.exp(_matmul_into(scratch, 0, x, y.T)) @ x", "b = a.T"],
    ),
    (
        "outside of scratch, where it is returned",
        ["a = x @ y.T", "b = np.exp(a)"],
        "b",
        ["a = _matmul_into(scratch, 0, x, y.T)", "b = np.exp(a)"],
    ),
]
KEPT = [
    ("an argument", ["b = np.exp(x)"], "b"),
    ("what is used again", ["a = x * y", "b = np.exp(a)", "c = a + b + x"], "c"),
    ("what is used again in the same line", ["a = x * y", "b = np.exp(a) - x / a"], "b"),
    ("what is returned", ["a = x * y", "b = np.exp(a)"], "a, b"),
    ("a product that is returned", ["a = x @ y.T"], "a"),
    ("a product of which a view is returned", ["a = x @ y.T", "b = a[:1]"], "b"),
    ("a product that a helper may return", ["a = _helper(x @ y.T)"], "a"),
    ("what another variable is a view of", ["a = x * y", "v = a.T", "b = np.exp(a)", "c = x * y + v.T * b"], "c"),
    (
        "what an einsum of one array is a view of",
        ["a = x * y", "v = np.einsum('ij->ji', a)", "b = np.exp(a)", "r = v * b"],
        "r",
    ),
    ("a view of an argument", ["v = x[::-1]", "b = np.exp(v)"], "b"),
    ("what a helper may have returned", ["a = _helper(x)", "b = np.exp(a)"], "b"),
    ("another shape", ["a = x[:1] * y[:1]", "b = x + a"], "b"),
    ("one column", ["s = x[:, 0] * 2", "t = np.exp(s)"], "t"),
    ("a sum that NumPy computes over its own temporary", ["a = x * y", "b = a - x * x + a * y"], "b"),
]
KNOWN = [
    "a",
    "b",
    "c",
    "v",
    "a - x",
    "x @ y.T",
    "(x @ y.T).T",
    "x @ y.T - x[:, :1]",
    "y.T @ y",
    "np.exp(a)",
    "x / a",
    "x * x",
]


def run(lines, returned, x, y):
    """The results of the lines, with NumPy."""
    scope = {"np": np, "x": x, "y": y, "_helper": lambda x: x, "threading": threading, "math": __import__("math")}
    scope["scratch"] = {}
    exec(source_of("numpy/scratch.py") + "\n_LEAST = 0\n" + "\n".join(lines), scope)  # the lines are the test's own
    return eval(returned, scope)


def changed(lines, returned):
    shapes = dict.fromkeys([*KNOWN, "d"], ("n", "n")) | {"s": ("n",), "t": ("n",)}
    shapes |= {"a": ("1", "n")} if "[:1] *" in lines[0] else {}
    statements = []
    for line in lines:
        target, source = line.split(" = ", 1)
        statements.append(Assign(Name(target), replace(expression(source, shapes), shape=shapes.get(target))))
    placed = Buffers(names_in(expression(returned)), "np", [].append).place(statements)
    return [line for statement in placed for line in statement.lines()]


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


SHAPES = dict.fromkeys(["a", "b", "c", "r", "v", "w", "x @ y.T", "y.T @ x", "a * x", "x * y"], ("n", "n"))


def assign(line):
    target, source = line.split(" = ", 1)
    return Assign(Name(target), replace(expression(source, SHAPES), shape=SHAPES[target]))


LOOPS = [
    (
        "inside an iteration, an array of that iteration",
        [For("i", Name("n"), (assign("a = x * y"), assign("b = np.exp(a)"), assign("c = np.add.reduce(b)")))],
        ["for i in range(n):", "    a = x * y", "    b = np.exp(a, out=a)", "    c = np.add.reduce(b)"],
    ),
    (
        "not what the next iteration reads again",
        [assign("a = x * y"), For("i", Name("n"), (assign("c = np.exp(a)"),))],
        ["a = x * y", "for i in range(n):", "    c = np.exp(a)"],
    ),
    (
        "not what goes on to the next iteration",
        [assign("a = x * y"), For("i", Name("n"), (assign("c = np.exp(a)"), assign("a = x * y")))],
        ["a = x * y", "for i in range(n):", "    c = np.exp(a)", "    a = x * y"],
    ),
    (
        "no product that goes on to the next iteration in scratch",
        [
            assign("v = x * y"),
            For("i", Name("n"), (assign("b = y.T @ x"), assign("c = np.add.reduce(b * v)"), assign("v = x @ y.T"))),
        ],
        [
            "v = x * y",
            "for i in range(n):",
            "    b = _matmul_into(scratch, 0, y.T, x)",
            "    c = np.add.reduce(b * v)",
            "    v = x @ y.T",
        ],
    ),
    (
        "elsewhere in scratch, while a loop needs what lies there",
        [
            assign("a = x @ y.T"),
            While(expression("_helper(a)"), (assign("b = y.T @ x"), assign("w = np.add.reduce(b)"))),
        ],
        [
            "a = _matmul_into(scratch, 0, x, y.T)",
            "while _helper(a):",
            "    b = _matmul_into(scratch, 1, y.T, x)",
            "    w = np.add.reduce(b)",
        ],
    ),
    (
        "not what a loop may have made a view of an argument",
        [assign("a = x * y"), For("i", Name("n"), (assign("a = x.T"),)), assign("c = np.exp(a)")],
        ["a = x * y", "for i in range(n):", "    a = x.T", "c = np.exp(a)"],
    ),
]


@pytest.mark.parametrize(("statements", "expected"), [row[1:] for row in LOOPS], ids=[row[0] for row in LOOPS])
def test_regions(statements, expected):
    placed = Buffers(["c"], "np", [].append).place(statements)
    assert [line for statement in placed for line in statement.lines()] == expected


n, d, k = symbols("n d k", integer=True, positive=True)
X, W = MatrixSymbol("X", n, d), MatrixSymbol("W", d, k)
MODEL = sd.Model(sd.mean(HadamardPower(sd.tanh(X * W), 2)), params=[W], data=[X], outputs={"scores": X * W})


@pytest.fixture
def module():
    return sd.compile(MODEL, cache=False)


def drawn(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((8, 20)), rng.standard_normal((count, 8))


def idle(module):
    """The arrays that this thread keeps."""
    return dict(vars(module._SCRATCH).get("arrays", {}))


def kept(module):
    """The bytes of each array that this thread keeps."""
    return {number: array.nbytes for number, array in idle(module).items()}


def test_scratch_is_kept_for_the_next_call_until_it_is_released(module):
    module.grad(*drawn(100))
    assert kept(module) == {}  # of small arrays new ones are as fast
    module.grad(*drawn(2_000))
    arrays = idle(module)
    assert kept(module) == {0: 2_000 * 20 * 8}
    module.grad(*drawn(1_500, seed=1))
    module.value(*drawn(1_200, seed=1))
    assert all(idle(module)[number] is array for number, array in arrays.items())
    module.grad(*drawn(3_000))
    assert kept(module) == {0: 3_000 * 20 * 8}
    module.release_scratch()
    assert kept(module) == {}


def test_releasing_reaches_every_thread(module):
    module.set_threads(2)
    module.grad(*drawn(200_000))
    found = []
    with ThreadPoolExecutor(1) as other:
        other.submit(module.grad, *drawn(2_000)).result()
        other.submit(lambda: found.extend(map(weakref.ref, idle(module).values()))).result()
        assert found
        assert found[0]() is not None
        module.release_scratch()
        assert found[0]() is None
        np.testing.assert_array_equal(other.submit(module.grad, *drawn(2_000)).result().W, module.grad(*drawn(2_000)).W)


def test_a_thread_that_ends_leaves_nothing(module):
    found = []

    def work():
        module.grad(*drawn(2_000))
        found.extend(map(weakref.ref, idle(module).values()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [array() for array in found] == [None]


def test_scratch_is_bounded(module):
    expected = module.grad(*drawn(2_000)).W
    module.release_scratch()
    module._MOST = 100_000
    np.testing.assert_array_equal(module.grad(*drawn(2_000)).W, expected)
    assert kept(module) == {}
    np.testing.assert_allclose(
        module.grad(*drawn(600)).W, sd.compile(MODEL, style="plain").grad(*drawn(600)).W, rtol=1e-12
    )
    assert kept(module) == {0: 600 * 20 * 8}


def test_no_result_is_in_scratch(module):
    for function in ("grad", "value_and_grad", "scores"):
        given = [
            dict(zip(("W", "X"), drawn(2_000), strict=True))[name] for name in module.SIGNATURE["functions"][function]
        ]
        results = getattr(module, function)(*given)
        arrays = (
            [part for part in np.atleast_1d(results) if isinstance(part, np.ndarray)]
            if function == "scores"
            else (results if function == "grad" else results[1])
        )
        for array in arrays:
            assert not any(np.shares_memory(array, own) for own in idle(module).values())


def test_callers_on_many_threads_do_not_meet(module):
    inputs = [drawn(2_000, seed) for seed in range(24)]
    expected = [module.grad(*given).W for given in inputs]
    with ThreadPoolExecutor(4) as callers:
        for found, own in zip(callers.map(lambda given: module.grad(*given).W, inputs), expected, strict=True):
            np.testing.assert_array_equal(found, own)


def test_products_with_vectors_and_of_integers_are_right_too():
    T, v, whole = sd.Tensor("T", (n, k, d)), sd.Tensor("v", d), sd.Tensor("whole", (n, d), dtype=int)
    M = sd.Tensor("M", (d, k))
    rng = np.random.default_rng(0)
    cases = [
        (
            sd.Model(sd.sum(sd.tanh(T @ v) ** 2), params=[v], data=[T], samples=n),
            (4,),
            rng.standard_normal((500, 3, 4)),
        ),
        (
            sd.Model(sd.sum(sd.tanh(whole @ M) ** 2), params=[M], data=[whole], samples=n),
            (4, 3),
            rng.integers(0, 4, (500, 4)),
        ),
    ]
    for model, shape, data in cases:
        fast, plain = (sd.compile(model, style=style, cache=False) for style in ("fast", "plain"))
        fast._ENTRIES, fast._LEAST = 100, 0
        for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-4)):
            given = rng.standard_normal(shape).astype(dtype), data.astype(dtype) if data.dtype.kind == "f" else data
            mine, theirs = fast.grad(*given)[0], plain.grad(*given)[0]
            assert mine.dtype == theirs.dtype
            np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * np.abs(theirs).max())
