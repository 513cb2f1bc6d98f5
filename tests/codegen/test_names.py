"""Names of a model in a generated module: one mapping, whatever the user called things; nothing of a name is ever run."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from pathlib import Path

import numpy as np
import pytest
from sympy import Function, Idx, IndexedBase, MatrixSymbol, Sum, Symbol, sin, symbols

import symdiff as sd
from symdiff.codegen.surface.interface import OWN_NAMES
from symdiff.errors import ModelError
from symdiff.names import identifier
from symdiff.options import EMIT

ROOT = Path(__file__).resolve().parents[2]
XS = np.array([1.0, 2.0])
INJECTION = '"""\nimport os; os._exit(9)\n"""'

MAPPED = {
    "w": "w",
    "x_1": "x_1",
    "θ": "θ",
    "ﬁ": "fi",  # a ligature: NFKC
    "µ": "μ",  # the micro sign: NFKC makes it the letter
    "x²": "x2",
    "ｗ": "w",
    "a b": "a_b",
    "a\nb": "a_b",
    "a'b": "a_b",
    'a"b': "a_b",
    "a.b": "a_b",
    "x[0]": "x_0_",
    "2x": "n2x",
    "_hidden": "hidden",
    "__dunder__": "dunder__",
    "_": "unnamed",
    "": "unnamed",
    "🙂": "unnamed",
    "lambda": "lambda_",
    "None": "None_",
    "match": "match",
    "type": "type",
    "count": "count_",
    "index": "index_",
    "_fields": "fields",
    "_replace": "replace",
    r"\alpha": "alpha",
    "x_{1}": "x__1_",
    "w); import os; os._exit(9)  #": "w___import_os__os__exit_9____",
}


@pytest.mark.parametrize(("name", "expected"), MAPPED.items(), ids=[ascii(name) for name in MAPPED])
def test_the_mapping(name, expected):
    assert identifier(name) == expected
    assert expected.isidentifier()
    assert not keyword.iskeyword(expected)


# Names that the code around them uses: of the array library, builtins, functions and locals of the module.
TAKEN = [
    "np", "math", "numpy_", "len", "type", "float", "int", "zip", "tuple", "isinstance", "list", "dict", "range", "sum", "all",
    "value", "grad", "value_and_grad", "hessian", "hvp", "jvp", "pack", "unpack", "set_threads", "Grad", "Hessian",
    "HessianRow", "SIGNATURE", "NamedTuple", "vec", "p", "v", "u", "S", "N", "n", "kind", "declared", "blocks",
    "rows", "gradient", "t1", "t2", "out", "self", "cls", "name", "result", "shape", "dtype", "args", "lambda",
    "class", "count", "index", "v_w", "grad_w", "sin_x", "a", "b", "row", "block", "_arguments", "_convert",
    "_FLOATING", "_unflatten", "__name__", "print",
]  # fmt: skip
HOSTILE = [
    "a b",
    "x\ny",
    "it's",
    'say "x"',
    INJECTION,
    "}}{{",
    "{0}",
    "%s",
    "\\",
    "\t",
    "#",
    "x # y",
    "ﬁ",
    "λ",
    "2w",
    "\x00",
    "\u2028",
    "'''",
]


def check(module, names, shape):
    """Everything such a module computes: of w * sin(w * x), summed over samples or entry by entry."""
    w, x = np.full(shape[0], 2.0), XS
    label_w, label_x = (identifier(name) for name in names)
    assert list(module.SIGNATURE["inputs"]) == [label_w, label_x]
    assert module.value(w, x) == pytest.approx(np.sum(2 * np.sin(2 * x)), rel=1e-15)
    assert module.value(**{label_w: w, label_x: x}) == module.value(w, x)
    slope = np.sum(np.sin(2 * x) + 2 * x * np.cos(2 * x))
    g = module.grad(w, x)
    assert g._fields == (label_w,)
    assert getattr(g, label_w) == pytest.approx(slope, rel=1e-15)
    value, again = module.value_and_grad(w, x)
    assert (value, again) == (module.value(w, x), g)
    H = getattr(getattr(module.hessian(w, x), label_w), label_w)
    assert getattr(module.hvp(w, x, (3.0,)), label_w) == pytest.approx(3 * H, rel=1e-15)
    assert module.jvp(w, x, (3.0,)) == pytest.approx(3 * slope, rel=1e-15)
    vec = module.pack(g)
    assert module.unpack(vec) == g
    flat = np.array([2.0])
    assert module.value_flat(flat, x) == module.value(w, x)
    assert module.grad_flat(flat, x) == pytest.approx(slope, rel=1e-15)
    assert module.value_and_grad_flat(flat, x)[0] == module.value(w, x)
    assert module.hessian_flat(flat, x).shape == (1, 1)
    assert module.hvp_flat(flat, x, np.array([3.0])) == pytest.approx(3 * H, rel=1e-15)
    for call in (module.value, module.grad):
        with pytest.raises(ValueError, match="expected"):
            call(w, np.ones((2, 1)))
        with pytest.raises(TypeError, match="dtype"):
            call(w, x.astype(complex))


@pytest.mark.parametrize("name", [*TAKEN, *HOSTILE], ids=ascii)
@pytest.mark.parametrize("role", ["parameter", "data"])
def test_any_name_will_do(name, role):
    other = "other"
    names = (name, other) if role == "parameter" else (other, name)
    w, x = Symbol(names[0]), Symbol(names[1])
    module = sd.compile(sd.Model(sd.sum(w * sin(w * x)), params=[w], data=[x]), emit=EMIT)
    check(module, names, ((), ()))


@pytest.mark.parametrize(
    "name",
    ["np", "len", "value", "Grad", "vec", "p", "v", "u", "n", "pack", "lambda", "count", "shape", INJECTION],
    ids=ascii,
)
def test_any_name_of_a_matrix_of_a_size_and_of_an_output(name):
    n, m = symbols("n m", integer=True, positive=True)
    A, B = MatrixSymbol(name if name != "n" else "q", n, m), MatrixSymbol("B" if name != "B" else "C", m, 2)
    module = sd.compile(sd.Model(sd.sum(A * B), params=[B], data=[A]), emit=EMIT)
    values, by = np.ones((4, 3)), np.ones((3, 2))
    assert module.value(by, values) == 24
    np.testing.assert_array_equal(module.grad_flat(np.ones(6), values), np.full(6, 4.0))
    size = Symbol(name, integer=True, positive=True)
    A = MatrixSymbol("A", size, 3)
    module = sd.compile(sd.Model(sd.sum(A.applyfunc(lambda e: size * e**2)), params=[A]), emit=EMIT)
    assert module.value(np.ones((4, 3))) == 48
    np.testing.assert_array_equal(module.hessian_flat(np.ones(12)), 8 * np.eye(12))
    np.testing.assert_array_equal(module.grad_flat(np.ones(12), **{identifier(name): 4}), np.full(12, 8.0))
    A = MatrixSymbol("A", n, 3)
    module = sd.compile(sd.Model(outputs={name: 2 * A}, params=[A]), emit=EMIT) if name not in REFUSED_OUTPUTS else None
    if module is not None:
        label = identifier(name)
        np.testing.assert_array_equal(getattr(module, label)(np.ones((2, 3))), np.full((2, 3), 2.0))
        assert getattr(module, f"{label}_jacobian")(np.ones((2, 3))).A.shape == (2, 3, 2, 3)
        np.testing.assert_array_equal(
            getattr(module, f"{label}_vjp")(np.ones((2, 3)), np.ones((2, 3))).A, np.full((2, 3), 2.0)
        )


REFUSED_OUTPUTS = ("np", "value", "Grad", "pack")


@pytest.mark.parametrize(
    "name",
    sorted({*REFUSED_OUTPUTS, *OWN_NAMES, "hessian", "jvp", "hvp"} - {"HessianRow"}),
)
def test_an_output_may_not_be_called_like_what_the_module_has_already(name):
    w, x = symbols("w x")
    with pytest.raises(ModelError, match=f"'{name}'"):
        sd.compile(sd.Model(sd.sum(w * x), outputs={name: w * x}, params=[w], data=[x]), emit=EMIT)


@pytest.mark.parametrize("name", [INJECTION, "a\\", 'a"b', "θ", "*/ int", "a\nb"], ids=ascii)
def test_no_name_leaves_the_comment_of_a_kernel(name):
    w, x = Symbol(name), Symbol("x")
    model = sd.Model(sd.mean((w * x) ** 2), outputs={"out": w * x}, params=[w], data=[x])
    source = sd.generate(model, sd.options.Options.create(backend="cupy")).source
    texts = re.findall(r'^_\w+ = _Kernel\(.*?"""\\\n(.*?)^"""\)', source, re.MULTILINE | re.DOTALL)
    assert len(texts) == 4
    heads = [line for text in texts for line in text.partition('extern "C"')[0].splitlines()]
    assert all(line.startswith("// ") and line[-1] != "\\" for line in heads)
    assert bool(heads) == (not {*'"\n\\'} & {*name})


def defined(source):
    """The public names that a module defines or imports."""
    found = set()
    for part in ast.walk(ast.parse(source)):
        if isinstance(part, (ast.Import, ast.ImportFrom)) and part.col_offset < 8:
            found |= {alias.asname or alias.name for alias in part.names}
    for part in ast.parse(source).body:
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            found.add(part.name)
        elif isinstance(part, ast.Assign):
            found |= {target.id for target in part.targets if isinstance(target, ast.Name)}
    return {name for name in found if name[0] != "_"}


def test_a_module_has_no_names_but_those_of_its_model_and_those_no_output_may_have():
    n = Symbol("n", integer=True, positive=True)
    A, b = MatrixSymbol("A", n, n), MatrixSymbol("b", n, 1)
    model = sd.Model(sd.sum(A.I * b) + sd.sum(sd.cholesky(A)) + sd.sum(sd.cholesky(A).I * b), params=[A], data=[b])
    sources = [sd.generate(model, sd.options.Options.create(backend=backend)).source for backend in ("numpy", "cupy")]
    sources += [path.read_text() for path in (ROOT / "generated").glob("*.py")]
    assert len(sources) > 50
    for source in sources:
        functions = set(re.findall(r'^        "(\w+)": \(', source, re.MULTILINE))
        functions |= {f"{name}_flat" for name in functions}
        classes = {f"{name.title().replace('_', '')}Grad" for name in functions}
        assert defined(source) - functions - classes <= {*OWN_NAMES, "np", "cp"}


@pytest.mark.parametrize("other", ["a_jacobian", "a_vjp", "a_jvp", "a_flat", "a_jvp_flat"])
def test_outputs_whose_functions_fall_together_are_refused(other):
    w, x = symbols("w x")
    with pytest.raises(ModelError, match=rf"(?s)'a'.*'{other}'|'{other}'.*'a'"):
        sd.compile(sd.Model(outputs={"a": w * x, other: w + x}, params=[w], data=[x]), emit=EMIT)


@pytest.mark.parametrize(
    ("one", "two"),
    [("ﬁ", "fi"), ("a b", "a_b"), ("_x", "x"), ("x'", "x_"), ("lambda", "lambda_"), ("é", "e\u0301")],
    ids=ascii,
)
def test_names_that_fall_together_are_refused_naming_both(one, two):
    first, second = Symbol(one), Symbol(two)
    with pytest.raises(ModelError) as caught:
        sd.compile(sd.Model(first * second, params=[first, second]))
    assert repr(one) in str(caught.value)
    assert repr(two) in str(caught.value)
    with pytest.raises(ModelError):
        sd.compile(sd.Model(outputs={one: first, two: first**2}, params=[first]))


def test_a_size_may_be_called_like_an_input():
    n = Symbol("n", integer=True, positive=True)
    A = MatrixSymbol("n", n, n)
    module = sd.compile(sd.Model(sd.sum(A) * n, params=[A]))
    assert module.value(np.ones((3, 3))) == 27


@pytest.mark.parametrize("name", [*HOSTILE, "np", "t1", "value", "len"], ids=ascii)
def test_named_expressions_of_any_name(name):
    w, x = symbols("w x")
    hidden = sin(w * x)
    module = sd.compile(sd.Model(sd.sum(hidden**2 + hidden), params=[w], data=[x], named={name: hidden}), emit=EMIT)
    assert module.value(2.0, XS) == pytest.approx(np.sum(np.sin(2 * XS) ** 2 + np.sin(2 * XS)), rel=1e-15)
    module.hessian(2.0, XS)


@pytest.mark.parametrize("name", [*HOSTILE, "count", "lambda", "", "model", "numpy", "../x"], ids=ascii)
def test_models_of_any_name(name):
    w = Symbol("w")
    module = sd.compile(sd.Model(w**2, params=[w], name=name))
    assert module.value(3.0) == 9
    assert module.SIGNATURE["model"] == identifier(name)


def test_symbols_may_be_called_like_functions_and_functions_may_not_be_undefined():
    names = ("exp", "sqrt", "cos", "where")
    params = [Symbol(name) for name in names]
    module = sd.compile(sd.Model(sin(params[0]) + params[1] * params[2] * params[3], params=params), emit=EMIT)
    assert module.value(0.0, 2.0, 3.0, 4.0) == 24
    assert module.grad(0.0, 2.0, 3.0, 4.0)._fields == names
    with pytest.raises(ModelError, match="f"):
        sd.compile(sd.Model(Function("f")(params[0]), params=params[:1]))


def test_builtins_are_left_alone():
    before = dict(vars(builtins))
    test_any_name_will_do("len", "data")
    assert vars(builtins) == before


HALF = "a\udfffb"  # a lone surrogate: a text of Python's that no file can hold
t = Symbol("t")
entry, size = IndexedBase("entry", shape=(3,)), Symbol(HALF, integer=True, positive=True)
HELD_BY_NO_FILE = {
    "a symbol": lambda: sd.Model(Symbol(HALF) ** 2, params=[Symbol(HALF)]),
    "data": lambda: sd.Model(sd.mean(t * Symbol(HALF)), params=[t], data=[Symbol(HALF)]),
    "a matrix": lambda: sd.Model(sd.sum(MatrixSymbol(HALF, 2, 2)), params=[MatrixSymbol(HALF, 2, 2)]),
    "an array": lambda: sd.Model(IndexedBase(HALF, shape=(2,))[0], params=[IndexedBase(HALF, shape=(2,))]),
    "a tensor": lambda: sd.Model(sd.sum(sd.Tensor(HALF, 3)), params=[sd.Tensor(HALF, 3)]),
    "a size": lambda: sd.Model(sd.sum(sd.Tensor("T", size)), params=[sd.Tensor("T", size)]),
    "a letter": lambda: sd.Model(Sum(entry[Symbol(HALF)], (Symbol(HALF), 0, 2)), params=[entry]),
    "an axis": lambda: sd.Model(outputs={"o": entry[Idx(HALF, 3)]}, params=[entry]),
    "a model": lambda: sd.Model(t**2, params=[t], name=HALF),
    "an output": lambda: sd.Model(outputs={HALF: t**2}, params=[t]),
    "a part": lambda: sd.Model(sin(t**2), params=[t], named={HALF: t**2}),
}  # fmt: skip


@pytest.mark.parametrize("what", HELD_BY_NO_FILE)
def test_a_name_that_no_file_can_hold_is_refused(what):
    with pytest.raises(ModelError, match=r"The name 'a\\udfffb' holds a lone surrogate") as caught:
        sd.compile(HELD_BY_NO_FILE[what]())
    str(caught.value).encode()


@pytest.mark.parametrize("name", ["f{y}", "{}", "{0}", "f{y.__class__}", "%s", "f{", "a\nb"])
def test_a_function_of_any_name_is_refused_by_that_name(name):
    own = type(name, (Function,), {})
    for function in (own, Function(name)):
        with pytest.raises(ModelError) as caught:
            sd.compile(sd.Model(function(t), params=[t]))
        assert str(caught.value).startswith(name.split("\n")[0])


def test_the_library_hidden_by_an_input_also_where_parts_are_combined():
    np_, x_ = symbols("np x")
    module = sd.compile(sd.Model(sd.max(np_ * x_), params=[np_], data=[x_]))
    x = np.random.default_rng(0).normal(size=900_000)
    assert module.value(2.0, x) == 2 * x.max()
