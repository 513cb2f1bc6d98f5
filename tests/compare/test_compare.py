"""`symdiff compare`: right modules agree with every peer, wrong ones with none, and what cannot be run says why."""

from __future__ import annotations

import ast
import json
import random
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
import torch
from click.testing import CliRunner
from rich.console import Console
from sympy import HadamardPower, MatrixSymbol, OneMatrix, Piecewise, exp, log, symbols

import symdiff as sd
from symdiff.cli import main as symdiff
from symdiff.compare import compare, compare_module, run
from symdiff.compare.inputs import draws
from symdiff.compare.judge import Numbers, judge
from symdiff.compiler import generate
from symdiff.errors import ComparisonError, ModelError
from symdiff.frontend.lower import lower
from symdiff.loader import load_source
from symdiff.options import EMIT, Options

ROOT = Path(__file__).resolve().parents[2]
PEERS = ("torch", "jax", "finite-difference", "mpmath")

n, d, k, o = symbols("n d k o", integer=True, positive=True)
w, b, x, y = symbols("w b x y")
X, Y, W, W2 = MatrixSymbol("X", n, d), MatrixSymbol("Y", n, o), MatrixSymbol("W", d, k), MatrixSymbol("W2", k, o)


def line():
    prediction = w * x + b
    return sd.Model(
        sd.mean((prediction - y) ** 2), params=[w, b], data=[x, y], outputs={"predict": prediction}, name="line"
    )


def curve():
    return sd.Model(outputs={"curve": w * exp(-b * x) + log(1 + w**2) - y}, params=[w, b], data=[x, y], name="curve")


def net():
    hidden = sd.sigmoid(X * W)
    return sd.Model(sd.sum(HadamardPower(hidden * W2 - Y, 2)) / 3, params=[W, W2], data=[X, Y], name="net")


def pointwise():
    return sd.Model(w**3 * sp.sin(b) + b / (2 + w**2), params=[w, b], name="pointwise")


RNG = np.random.default_rng(0)
SMALL = {  # inputs of the net that are quick to differentiate at high precision
    name: RNG.standard_normal(shape) for name, shape in {"X": (5, 4), "Y": (5, 2), "W": (4, 3), "W2": (3, 2)}.items()
}
MODELS = {"line": line, "curve": curve, "net": net, "pointwise": pointwise}

t = symbols("t", nonnegative=True)
whole = symbols("whole", integer=True, positive=True)
OTHERS = {
    "dead branch": sd.Model(sd.sum(Piecewise((log(x), x > 0), (w * x, True)) * w), params=[w], data=[x]),
    "integers": sd.Model(sd.mean(w**whole + b * whole), params=[w, b], data=[whole]),
    "reductions": sd.Model(
        sd.logsumexp(w * x) + sd.prod(b + x) + sd.norm(x - w) + sd.max(w * x) + sd.sum(sd.softplus(b * x)),
        params=[w, b],
        data=[x],
    ),
    "softmax": sd.Model(-sd.sum(sd.log_softmax(X * W * W2).applyfunc(lambda e: e**2)), params=[W, W2], data=[X]),
    "saturated": sd.Model(sd.sum((8 * X * W).applyfunc(sp.tanh)), params=[W], data=[X]),
    "explicit": sd.Model(outputs={"moments": sp.Matrix([[x * w, w**2], [b, sp.cos(x * b)]])}, params=[w, b], data=[x]),
    "diagonal": sd.Model(sp.Trace(X.T * X * W * W.T) + sd.sum(W + OneMatrix(d, k)), params=[W], data=[X]),
    "square roots": sd.Model(sd.mean(sp.sqrt(t) * w + (t + b**2) ** sp.Rational(1, 3)), params=[w, b], data=[t]),
    "stopped": sd.Model(sd.sum(sd.stop_gradient(w * x) * w + sp.Abs(w - x)), params=[w], data=[x]),
    "constant": sd.Model(sd.sum(x), params=[w], data=[x], outputs={"one": w * 0 + 1}),
}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Small arrays are not worth PyTorch's threads, which stand in each other's way where tests run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*MODELS, *OTHERS])
def test_right_modules_agree_with_every_peer(name):
    model = OTHERS[name] if name in OTHERS else MODELS[name]()
    found = compare(model, against=PEERS)
    assert found.agrees, [row for row in found.rows if row.agrees is False]
    assert {row.peer for row in found.rows if row.agrees} == set(PEERS)
    assert {row.dtype for row in found.rows} == {"float64", "float32"}


TOO_LARGE = ("attention", "lenet")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_dir()))
def test_every_example_agrees_with_every_peer(name, example):
    for model in (value for value in vars(example(name, "model")).values() if isinstance(value, sd.Model)):
        found = compare(model, against=PEERS)
        assert found.agrees, (model, [row for row in found.rows if row.agrees is False])
        unjudged = [row for row in found.rows if not row.agrees]
        if name in TOO_LARGE:  # for the slow references; both frameworks judge them
            assert all("too many for high precision" in row.note for row in unjudged), unjudged
            assert {"torch", "jax"} <= {row.peer for row in found.rows if row.agrees}
        else:
            assert not unjudged, (model, [row.note for row in unjudged])


# --- wrong modules ---


KINDS = ("axis", "sign", "term", "factor", "small factor")


_BLOCK = re.compile(r"_(.*)_block(?:_\d+)?")  # what a function does with one block of samples


class Mutation(ast.NodeTransformer):
    """Counts the places where a kind of mistake can be made in a function, and makes it at the one wanted."""

    def __init__(self, kind, place=None):
        self.kind, self.place, self.count = kind, place, 0

    def here(self):
        self.count += 1
        return self.count - 1 == self.place

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Add | ast.Sub) and self.kind in ("sign", "term") and self.here():
            other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            return node.left if self.kind == "term" else ast.BinOp(node.left, other, node.right)
        return node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        return node.value if node.attr == "T" and self.kind == "axis" and self.here() else node

    def visit_Call(self, node):
        self.generic_visit(node)
        if self.kind == "axis" and ast.unparse(node.func).endswith(".reduce") and self.here():
            given = [keyword for keyword in node.keywords if keyword.arg == "axis"]
            axis = 0 if given and ast.unparse(given[0].value) != "0" else 1
            rest = [keyword for keyword in node.keywords if keyword.arg != "axis"]
            return ast.Call(node.func, node.args, [*rest, ast.keyword("axis", ast.Constant(axis))])
        return node

    def visit_Return(self, node):
        self.generic_visit(node)
        factor = {"factor": 2.0, "small factor": 1 + 1e-6}.get(self.kind)
        if factor is not None:
            node.value = self.scaled(node.value, factor)
        return node

    def scaled(self, node, factor):
        """The result, or one of the results that a tuple holds, times a factor."""
        if isinstance(node, ast.Tuple):
            return ast.Tuple([self.scaled(part, factor) for part in node.elts], node.ctx)
        if isinstance(node, ast.Call) and ast.unparse(node.func)[0].isupper():
            return ast.Call(node.func, [self.scaled(part, factor) for part in node.args], node.keywords)
        return ast.BinOp(ast.Constant(factor), ast.Mult(), node) if self.here() else node


def mutants(name, kind, count):
    """The source of a model's module with a mistake of some kind, at `count` random places of its functions."""
    source = generate(MODELS[name](), Options.create(emit=EMIT)).source
    tree = ast.parse(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    wanted = [
        f.name
        for f in functions
        if _BLOCK.fullmatch(f.name) or not (f.name.startswith("_") or f.name.endswith(("pack", "flat", "threads")))
    ]
    places = []
    for function in wanted:
        counter = Mutation(kind)
        counter.visit(next(f for f in ast.parse(source).body if getattr(f, "name", "") == function))
        places += [(function, place) for place in range(counter.count)]
    chosen = random.Random(f"{name} {kind}").sample(places, min(count, len(places)))
    for function, place in chosen:
        tree = ast.parse(source)
        Mutation(kind, place).visit(next(f for f in tree.body if getattr(f, "name", "") == function))
        part = _BLOCK.fullmatch(function)
        yield part[1] if part else function, ast.unparse(ast.fix_missing_locations(tree))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MODELS)
def test_mutations_are_found(name, kind):
    found = list(mutants(name, kind, 2))
    if kind != "axis":
        assert len(found) == 2
    for i, (function, source) in enumerate(found):
        peer = PEERS[(i + KINDS.index(kind)) % 4]
        module = load_source(source, f"mutant_{name}_{kind.replace(' ', '_')}_{i}", f"<mutant {name} {kind} {i}>")
        comparison = compare_module(module, MODELS[name](), against=[peer], data=SMALL if name == "net" else None)
        assert not comparison.agrees, f"{function}:\n{source}"
        assert {row.function for row in comparison.rows if row.agrees is False} == {function}


def test_some_mutation_is_of_an_axis():
    assert sum(len(list(mutants(name, "axis", 9))) for name in MODELS) > 3


class Wrong:
    """A module whose gradient has one entry off by a part in a thousand."""

    def __init__(self, module, entry):
        self.module, self.entry = module, entry

    def __getattr__(self, name):
        return getattr(self.module, name)

    def grad(self, *arguments):
        found = self.module.grad(*arguments)
        found.W[self.entry] *= 1.001
        return found


@pytest.mark.parametrize("peer", ["torch", "mpmath"])
def test_one_wrong_entry_of_many_is_found(peer):
    """Not every entry is held against high precision, but all are by a product with a vector."""
    model = sd.Model(sd.sum(HadamardPower((X * W).applyfunc(sp.tanh), 2)), params=[W], data=[X], name="many")
    rng = np.random.default_rng(0)
    data = {"X": rng.standard_normal((4, 12)), "W": rng.standard_normal((12, 3)) / 3}
    module = sd.compile(model, emit=EMIT)
    right = compare_module(module, model, against=[peer], data=data)
    (row,) = (row for row in right.rows if row.function == "grad")
    assert right.agrees
    assert row.entries < row.of == 36
    for entry in ((0, 0), (11, 2)):
        assert not compare_module(Wrong(module, entry), model, against=[peer], data=data).agrees


def test_a_module_that_fails_differs():
    source = generate(line(), Options.create(emit=EMIT)).source
    module = load_source(source.replace("def grad(", "def gradient("), "lacks_grad", "<lacks grad>")
    found = compare_module(module, line(), against=["mpmath"])
    wrong = [row for row in found.rows if row.agrees is False]
    assert {row.function for row in wrong} == {"grad"}
    assert "grad" in wrong[0].note


# --- the judge ---


def verdict(module, peer, exact=1.0, scale=1.0, **more):
    numbers = [np.array([float(number)]) for number in (module, peer, exact, scale)]
    return judge(Numbers(*numbers, **more), np.dtype(float), "torch")


EPS = float(np.finfo(float).eps)


def test_sixteen_roundings_are_allowed():
    assert verdict(1 + 15 * EPS, 1)["agrees"]
    assert not verdict(1 + 18 * EPS, 1)["agrees"]
    assert verdict(1 + 150 * EPS, 1, scale=10)["agrees"]


def test_four_times_the_error_of_the_peer_is_allowed():
    assert verdict(1 + 100 * EPS, 1 - 30 * EPS)["agrees"]
    assert not verdict(1 + 200 * EPS, 1 - 30 * EPS)["agrees"]


def test_a_wrong_peer_hides_nothing():
    for peer in (2.0, np.nan, np.inf):
        assert not verdict(1.5, peer)["agrees"]
        assert verdict(1.0, peer)["agrees"]
        assert verdict(1.0, peer)["closer"] == "symdiff"


def test_nan_and_infinities_agree_with_their_like():
    for value in (np.nan, np.inf, -np.inf):
        assert verdict(value, value, value, value)["agrees"]
        assert not verdict(1.0, value, value, value)["agrees"]
        assert not verdict(value, 1.0)["agrees"]
    assert not verdict(np.inf, -np.inf, -np.inf, np.inf)["agrees"]


def test_errors_that_shrink_with_the_precision_are_roundings():
    assert verdict(1 + 100 * EPS, 1, own=50 * EPS)["agrees"]
    assert not verdict(1 + 1e-6, 1, own=1e-6 * 2.0**-29)["agrees"]
    assert not verdict(2, 1, own=1.0)["agrees"]


def test_without_high_precision_half_the_digits_must_agree():
    peer = np.array([1.0, 1e-12])
    assert judge(Numbers(np.array([1.0, 0.0]), peer), np.dtype(float), "torch")["agrees"]
    assert not judge(Numbers(np.array([1.0, 1e-6]), peer), np.dtype(float), "torch")["agrees"]


# --- inputs ---


def test_drawn_inputs_lie_where_the_symbols_are_declared():
    p, q, r, s = symbols("p", positive=True), symbols("q", negative=True), symbols("r"), symbols("s", integer=True)
    model = sd.Model(
        sd.sum(log(p) + log(-q) + sp.acos(r) + s * x), params=[p, q], data=[sd.domain(r, -0.5, 0.5), s, sd.domain(x, 3)]
    )
    for sizes, values in draws(lower(model), model.domains):
        assert values["p"] > 0 > values["q"]
        assert (abs(values["r"]) <= 0.5).all()
        assert (values["x"] > 3).all()
        assert values["s"].dtype.kind == "i"
        assert values["r"].shape == (sizes["N"],)
    sizes, first = next(draws(lower(model), model.domains))
    again = next(draws(lower(model), model.domains))[1]
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_drawn_sizes_differ():
    sizes, _ = next(draws(lower(net()), {}))
    assert len(set(sizes.values())) == len(sizes) == 4


@pytest.mark.parametrize("bounds", [(1, 0), (1, 1), (0, w)])
def test_domains_are_checked(bounds):
    with pytest.raises(ModelError, match="domain"):
        sd.domain(x, *bounds)


def test_values_without_a_sign_are_found_where_there_are_some():
    assert compare(sd.Model(sd.sum(sp.sqrt(x - 1) * w), params=[w], data=[x]), against=["mpmath"]).agrees
    with pytest.raises(ComparisonError, match=r"--data.*sd\.domain"):
        compare(sd.Model(sd.sum(log(-1 - x**2) * w), params=[w], data=[x]), against=["mpmath"])


def test_data_from_a_file(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", w=0.5, b=np.float64(-1.0), x=rng.standard_normal(20), y=rng.standard_normal(20))
    found = compare(line(), data=tmp_path / "d.npz")
    assert found.agrees
    assert found.sizes == {"N": 20}


def test_data_in_single_precision_are_judged_in_it():
    rng = np.random.default_rng(0)
    data = {
        name: rng.standard_normal(shape).astype(np.float32)
        for name, shape in (("w", ()), ("b", ()), ("x", 9), ("y", 9))
    }
    found = compare(line(), data=data, against=PEERS)
    assert found.agrees
    assert {row.dtype for row in found.rows} == {"float32"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"w": 1.0, "x": np.ones(3), "y": np.ones(3)}, "lacks b"),
        ({"w": 1.0, "b": 1.0, "x": np.ones(3), "y": np.ones(4)}, r"y has shape \(4,\), expected \(N,\) with N = 3"),
        ({"w": np.ones(2), "b": 1.0, "x": np.ones(3), "y": np.ones(3)}, r"w has shape \(2,\), expected a scalar"),
        ({"w": 1j, "b": 1.0, "x": np.ones(3), "y": np.ones(3)}, "w has dtype complex128"),
        ({}, "it holds nothing"),
    ],
)
def test_data_that_do_not_fit(data, message):
    with pytest.raises(ComparisonError, match=message):
        compare(line(), data=data)


# --- what cannot be run ---


def test_an_unknown_peer():
    with pytest.raises(ComparisonError, match="torch, jax, finite-difference, mpmath"):
        compare(line(), against=["theano"])


@pytest.mark.parametrize("peer", ["torch", "jax"])
def test_a_missing_framework(peer, monkeypatch):
    monkeypatch.setitem(sys.modules, peer, None)
    with pytest.raises(ComparisonError, match=r"not installed: pip install 'symdiff-compiler\[compare\]'"):
        compare(line(), against=[peer])


def test_a_missing_backend(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ComparisonError, match="CuPy is not installed"):
        compare(line(), backend="cupy")


def test_a_peer_that_lacks_an_operation():
    model = sd.Model(sd.sum(sp.Shi(w * x)), params=[w], data=[x], name="model")
    with pytest.raises(ComparisonError, match="torch cannot express Shi"):
        compare(model, against=["torch"])
    found = compare(model, against=["torch", "mpmath"])
    assert found.agrees
    assert {row.agrees for row in found.rows if row.peer == "torch"} == {None}


def test_a_model_too_large_for_high_precision():
    rng = np.random.default_rng(0)
    shapes = {"X": (64, 100), "Y": (64, 10), "W": (100, 100), "W2": (100, 10)}
    data = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    found = compare(net(), against=["torch", "mpmath"], data=data)
    assert found.agrees
    assert {row.agrees for row in found.rows if row.peer == "torch"} == {True}
    assert "too many for high precision" in next(row.note for row in found.rows if row.peer == "mpmath")
    module = Wrong(sd.compile(net(), emit=EMIT), (3, 5))
    assert not compare_module(module, net(), against=["torch"], data=data).agrees


# --- the command ---

MODEL = """\
from sympy import symbols
import symdiff as sd

w, b, x, y = symbols("w b x y")
line = sd.Model(sd.mean((w*x + b - y)**2), params=[w, b], data=[x, y])
"""


@pytest.fixture
def command(tmp_path, monkeypatch):
    """`command(*options)` runs `symdiff compare model.py` in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text(MODEL)
    return lambda *options: CliRunner().invoke(symdiff, ["compare", "model.py", *options])


def test_the_command_exits_with_0_when_all_agree(command):
    result = command("--against", ",".join(PEERS))
    assert result.exit_code == 0, result.output
    assert "line: agrees" in result.stdout


def test_the_command_prints_json(command):
    (found,) = json.loads(command("--json", "--against", "mpmath").stdout)
    assert (found["model"], found["agrees"], found["sizes"], found["drawn"]) == ("line", True, {"N": 7}, True)
    row = next(row for row in found["rows"] if row["function"] == "grad")
    assert row["parameter"] == "w"
    assert row["module_error"] < 16
    assert row["seconds"] > 0


def test_the_command_exits_with_1_when_one_differs(command, monkeypatch):
    def wrong(model, **options):
        source = next(source for function, source in mutants("line", "small factor", 99) if function == "grad")
        return load_source(source, "mutant_of_the_command", "<mutant of the command>")

    monkeypatch.setattr(run, "compile", wrong)
    monkeypatch.setattr(
        sys.modules[__name__], "line", lambda: sd.Model(sd.mean((w * x + b - y) ** 2), params=[w, b], data=[x, y])
    )
    result = command()
    assert result.exit_code == 1
    assert "DIFFERS" in result.stdout


@pytest.mark.parametrize("options", [["--data", "d.npz"], ["--backend", "cupy"], ["--against", "theano"]])
def test_the_command_exits_with_2_when_it_cannot_run(command, options, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    np.savez("d.npz", w=1.0)
    result = command(*options)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_the_table_fits_and_names_every_result(capsys):
    Console(width=120).print(compare(line(), against=PEERS).table())
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("value_and_grad", "hessian", "predict_vjp", "w.b", "torch", "mpmath"))
    assert printed.startswith("line: agrees (drawn inputs, float64, N = 7)")
    assert all(
        name in printed for name in ("time symdiff", "time torch", "largest difference of symdiff from any peer")
    )
