"""Compiling itself: deep and nested models stay small, the bytes are the same everywhere, a cached model compiles nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from sympy import MatrixSymbol, cos, exp, log, sin, sqrt, symbols, tanh

import symdiff as sd
from symdiff.compiler import generate, generate_from
from symdiff.derive import prepared
from symdiff.diff.second import gradient
from symdiff.frontend.lower import lower
from symdiff.graph.labelled import Labelled
from symdiff.graph.node import topological
from symdiff.options import Options
from symdiff.passes.pipeline import ALGEBRA, Setting, run

w, b, x, y = symbols("w b x y")
e0 = symbols("e")
n, m = symbols("n m", integer=True, positive=True)
A = MatrixSymbol("A", n, m)


def chain(depth):
    """e <- tanh(e * x_k + y_k), over and over: a model as deep as it is long."""
    xs, ys = symbols("x:10"), symbols("y:10")
    e = e0
    for k in range(depth):
        e = tanh(e * xs[k % 10] + ys[k % 10])
    return sd.Model(e, params=[e0, *xs, *ys], name="chain")


def nest():
    """A nest of 1.3 million operations as a tree, of 44 distinct ones."""
    xs = symbols("x:10")
    e = e0
    for k in range(12):
        e = sin(e) * e + cos(e * xs[k % 10])
    return sd.Model(e, params=[e0, *xs], name="nest")


def nodes(model):
    """How many distinct nodes the value and the gradient take."""
    stable = prepared(lower(model))
    inputs = [entry.node for entry in stable.declarations.inputs]
    both = [stable.objective, *gradient(stable.objective, inputs)]
    setting = Setting.of(stable, "numpy", "exact")
    value, everything = (run(ALGEBRA, Labelled(tuple(roots)), setting).roots for roots in (both[:1], both))
    return len(topological(value)), len(topological(everything))


def test_a_deep_chain_takes_operations_in_proportion_to_its_depth():
    values, gradients = zip(*(nodes(chain(depth)) for depth in (500, 1000, 2000)), strict=True)
    assert values[2] - values[1] == 2 * (values[1] - values[0])
    assert gradients[2] - gradients[1] == 2 * (gradients[1] - gradients[0])
    assert gradients[2] < 4 * values[2]


def test_a_deep_chain_compiles_under_the_default_recursion_limit():
    assert sys.getrecursionlimit() <= 1000 or "pytest" in sys.modules
    limit = sys.getrecursionlimit()
    model = chain(2000)  # building it is SymPy's affair
    sys.setrecursionlimit(min(limit, 1000))
    try:
        module = sd.compile(model, emit=("value", "value_and_grad", "hvp"), cache=False)
    finally:
        sys.setrecursionlimit(limit)
    point = [0.5, *[0.9] * 10, *[0.1] * 10]
    e, slope = 0.5, 1.0
    for _ in range(2000):
        e = np.tanh(e * 0.9 + 0.1)
        slope *= (1 - e**2) * 0.9
    value, g = module.value_and_grad(*point)
    assert value == pytest.approx(e, rel=1e-12)
    assert g.e == pytest.approx(slope, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    "layer",
    [
        lambda e, k: sd.where(w * e + b > 0, w * e + b, exp(w * e + b) - 1),
        lambda e, k: sd.where(e > k, log(e + w), 1),
        lambda e, k: sd.where(e > b, sqrt(e - b), sd.where(e < b, log(b - e), w)),
    ],
)
def test_choices_within_choices_stay_linear(layer):
    """Each guard stands once, however many choices are made of what it guards."""

    def size(depth):
        e = x
        for k in range(depth):
            e = layer(e, k)
        return nodes(sd.Model(sd.mean((e - y) ** 2), params=[w, b], data=[x, y]))

    shallow, middle, deep = size(6), size(12), size(18)
    assert np.all(np.subtract(deep, middle) <= 1.1 * np.subtract(middle, shallow))


def test_a_chain_of_products_is_ordered_before_it_is_differentiated():
    """A B C v is three products with a vector, and so is its gradient."""
    B, C, D = (MatrixSymbol(name, n, n) for name in "BCD")
    v = MatrixSymbol("v", n, 1)
    report = generate(sd.Model(sd.sum((B * C * D * v).applyfunc(tanh)), params=[B, C, D, v]), Options.create())
    assert all("n*n*n" not in function.formula for function in report.functions)


def test_a_nest_is_compiled_in_its_distinct_operations():
    value, both = nodes(nest())
    assert value == 12 * 5 + 11
    assert both < 250
    module = sd.compile(nest(), emit=("value", "value_and_grad", "hessian"), cache=False)
    point = np.linspace(0.2, 1.2, 11)

    def by_hand(e, *xs):
        for k in range(12):
            e = np.sin(e) * e + np.cos(e * xs[k % 10])
        return e

    value, g = module.value_and_grad(*point)
    assert value == pytest.approx(by_hand(*point), rel=1e-12)
    steps = np.array([by_hand(*(point.astype(complex) + 1e-30j * unit)).imag / 1e-30 for unit in np.eye(11)])
    np.testing.assert_allclose(g, steps, rtol=1e-10)
    H = np.array(module.hessian(*point))
    np.testing.assert_array_equal(H, H.T)


MODELS = """
import sys, hashlib
from sympy import *
import symdiff as sd
from symdiff.compiler import generate
from symdiff.options import EMIT, Options
w, b, c, x, y = symbols("w b c x y")
n, m, k = symbols("n m k", integer=True, positive=True)
A, B, C, Q = MatrixSymbol("A", n, m), MatrixSymbol("B", n, m), MatrixSymbol("C", m, k), MatrixSymbol("Q", n, n)
T = sd.Tensor("T", (n, m))
models = [
    sd.Model(sd.mean((w*exp(-b*x)*cos(c*x) - y)**2), params=[w, b, c], data=[x, y], name="oscillator"),
    sd.Model(sd.sum(Max(w*x, b*y, c, x*y)) + w*b*c + (w + b + c)**3, params=[w, b, c], data=[x, y], name="extremes"),
    sd.Model(sd.sum(HadamardPower(sd.relu(A*C), 2)) + Trace(Q*A*B.T), params=[A, B, C, Q], outputs={"out": Q*A*C},
             name="matrices"),
    sd.Model(sd.logsumexp(sd.softmax(A) + 2*B + HadamardProduct(A, B, A + B)), params=[A, B], name="softmax"),
    sd.Model(Piecewise((log(w)*b, And(w > 1, b < c, w < c)), (b**2*c, Or(w < 0, b < 0, c < 0)), (w + b + c, True)),
             params=[w, b, c], name="pieces"),
    sd.Model(sd.sum(sd.norm(T, axis=1)) + sd.sum(sd.prod(T, axis=1)**2) + sd.sum(sd.max(T, axis=0)**2)
             + sd.sum(sd.min(T, axis=0) * sd.sum(T, axis=0)) + sd.sum(T**3), params=[T], name="reductions"),
]
order = [int(i) for i in sys.argv[1].split(",")]
found = {}
for i in order:
    found[i] = generate(models[i], Options.create(emit=EMIT)).source
print(*(hashlib.sha256(found[i].encode()).hexdigest() for i in sorted(found)))
"""  # fmt: skip


def digests(order, seed):
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    finished = subprocess.run([sys.executable, "-c", MODELS, order], env=environment, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()


def test_the_same_bytes_in_any_process_and_after_any_other_model():
    first = digests("0,1,2,3,4,5", "0")
    assert len(set(first)) == 6
    assert digests("5,4,3,2,1,0", "4242") == first
    assert digests("2", "7") == first[2:3]


def test_the_same_bytes_twice_in_one_process():
    def source():
        # new symbols and new nodes: nothing may depend on what lay in memory before
        model = sd.Model(sd.mean((w * x + b - y) ** 2) + w * b, params=[w, b], data=[x, y], name="line")
        return generate_from(lower(model), Options.create(), ()).source

    first = source()
    sd.compile(sd.Model(sd.sum(A * A.T), params=[A]), cache=False)
    assert source() == first


CACHED = """
import sys
from sympy import symbols
import symdiff as sd
w, b, x, y = symbols("w b x y")
model = sd.Model(sd.mean((w*x + b - y)**2), params=[w, b], data=[x, y], name="cached")
if sys.argv[1] == "again":
    def watch(frame, event, argument):
        name = frame.f_globals.get("__name__", "")
        if name.startswith(("symdiff.diff", "symdiff.passes", "symdiff.codegen", "symdiff.derive", "symdiff.formulas")):
            sys.stderr.write(f"called {name}.{frame.f_code.co_name}")
            sys.exit(9)
    sys.setprofile(watch)
module = sd.compile(model, emit="value grad hessian")
sys.setprofile(None)
import numpy as np
print(module.value(1.0, 2.0, np.ones(3), np.zeros(3)))
"""


def test_a_cached_model_differentiates_rewrites_and_writes_nothing(tmp_path):
    environment = {**os.environ, "SYMDIFF_CACHE_DIR": str(tmp_path)}
    for turn in ("first", "again"):
        finished = subprocess.run([sys.executable, "-c", CACHED, turn], env=environment, capture_output=True, text=True)
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout == "9.0\n"
    environment["SYMDIFF_CACHE_DIR"] = str(tmp_path / "empty")  # and the watch does see what is called
    finished = subprocess.run([sys.executable, "-c", CACHED, "again"], env=environment, capture_output=True, text=True)
    assert finished.returncode == 9
    assert finished.stderr.startswith("called symdiff.")
