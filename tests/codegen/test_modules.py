"""What a generated module takes and gives back: dtypes, shapes, memory, refusals, pointwise functions, flat forms."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from sympy import HadamardPower, Matrix, MatrixSymbol, Symbol, Trace, exp, log, sqrt, symbols

import symdiff as sd
from symdiff.options import EMIT

w, b, x, y = symbols("w b x y")
n, m, k = symbols("n m k", integer=True, positive=True)
A, D, V = MatrixSymbol("A", m, k), MatrixSymbol("D", n, m), MatrixSymbol("V", n, k)
XS, YS = np.array([1.0, 2.0, 4.0]), np.array([0.5, -1.0, 2.0])


@pytest.fixture(scope="module")
def line():
    return sd.compile(sd.Model(sd.mean((w * x + b - y) ** 2), params=[w, b], data=[x, y], name="line"), emit=EMIT)


@pytest.fixture(scope="module")
def net():
    outputs = {"prediction": D * A}
    model = sd.Model(
        sd.sum(HadamardPower(D * A - V, 2)) + w**2, params=[A, w], data=[D, V], outputs=outputs, name="net"
    )
    return sd.compile(model, emit=EMIT)


def net_arguments(dtype=float):
    rng = np.random.default_rng(0)
    return [
        rng.standard_normal((3, 2)).astype(dtype),
        dtype(0.5),
        rng.standard_normal((5, 3)).astype(dtype),
        np.ones((5, 2), dtype),
    ]


def arrays_of(result):
    """Every array of a result, however nested."""
    return (
        [part for entry in result for part in arrays_of(entry)] if isinstance(result, tuple) else [np.asarray(result)]
    )


# Results

DTYPES = [
    ("Python numbers", (2.0, 1.0), (XS.tolist(), YS.tolist()), np.float64),
    ("ints", (2, 1), ([1, 2, 4], [1, 2, 3]), np.float64),
    ("integer arrays", (2, 1), (np.array([1, 2, 4]), np.array([1, 2, 3], np.uint8)), np.float64),
    ("bools", (True, 1), (np.array([True, False]), [True, True]), np.float64),
    ("float32 with Python numbers", (2.0, 1.0), (np.float32(XS), np.float32(YS)), np.float32),
    ("float32 with ints", (2, 1), (np.float32(XS), np.array([1, 2, 3])), np.float32),
    ("float32 scalars with integer arrays", (np.float32(2), 1), (np.array([1, 2, 4]), np.array([1, 2, 3])), np.float32),
    ("float32 with float64 arrays", (2.0, 1.0), (np.float32(XS), YS), np.float64),
    ("float32 with a NumPy float64 scalar", (np.float64(2), 1.0), (np.float32(XS), np.float32(YS)), np.float64),
    ("float32 with a 0-d float64 array", (np.array(2.0), 1.0), (np.float32(XS), np.float32(YS)), np.float64),
    ("a float subclass", (type("Mine", (float,), {})(2.0), 1.0), (np.float32(XS), np.float32(YS)), np.float32),
    ("0-d float32", (np.array(2.0, np.float32), np.array(1.0, np.float32)), (np.float32(XS), np.float32(YS)), np.float32),
]  # fmt: skip


@pytest.mark.parametrize(("params", "data", "dtype"), [row[1:] for row in DTYPES], ids=[row[0] for row in DTYPES])
def test_the_dtype_of_results(line, params, data, dtype):
    one, two = (np.asarray(d, float) for d in data)
    residual = float(params[0]) * one + float(params[1]) - two
    value, g = line.value_and_grad(*params, *data)
    assert {value.dtype, g.w.dtype, g.b.dtype} == {np.dtype(dtype)}
    assert isinstance(value, np.floating)
    assert value == pytest.approx(np.mean(residual**2), rel=1e-6)
    assert line.hessian(*params, *data).w.b.dtype == dtype
    assert line.value(*params, *data).dtype == dtype
    v = tuple(np.float64(1) for _ in params)  # directions take the dtype of what they belong to
    assert line.hvp(*params, *data, v).w.dtype == dtype
    assert line.jvp(*params, *data, v).dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_and_type_of_every_result(net, dtype):
    arguments = net_arguments(dtype)
    for kind in ("value", "grad", "value_and_grad", "hessian"):
        assert {array.dtype for array in arrays_of(getattr(net, kind)(*arguments))} == {np.dtype(dtype)}
    assert net.prediction(arguments[0], arguments[2]).dtype == dtype


def test_a_scalar_of_matrices_is_a_numpy_scalar():
    square = MatrixSymbol("A", 2, 2)
    module = sd.compile(sd.Model(Trace(square**3), params=[square]), emit="value value_and_grad jvp")
    point = np.array([[1.0, 2.0], [3.0, 4.0]])
    for found in (module.value(point), module.value_and_grad(point)[0]):
        assert type(found) is np.float64
        assert found == np.trace(point @ point @ point)
    assert type(module.jvp(point, (point,))) is np.float64


@pytest.mark.parametrize(
    ("objective", "params", "data"),
    [
        (sd.logsumexp(w) + sd.mean(x), {w: 0.5}, {x: np.ones(3)}),
        (sd.norm(w) * sd.mean(x), {w: 0.5}, {x: np.ones(3)}),
        (log(sd.mean(exp(w * x))), {w: 0.5}, {x: np.ones(3)}),
        (Trace(A.T * sd.softmax(A / sqrt(m))), {A: np.ones((2, 2))}, {}),
    ],
)
def test_functions_of_sizes_do_not_widen_float32(objective, params, data):
    model = sd.Model(objective, params=[*params], data=[*data])
    module = sd.compile(model, emit=("value", "grad", "hvp"))
    arguments = [np.float32(value) for value in (*params.values(), *data.values())]
    direction = tuple(arguments[: len(params)])
    found = [module.value(*arguments), *module.grad(*arguments), *module.hvp(*arguments, direction)]
    assert {part.dtype for part in found} == {np.dtype(np.float32)}


def test_empty_arrays_of_any_role_are_refused(net):
    arguments = net_arguments()
    with pytest.raises(ValueError, match=r"A has shape \(0, 2\): it holds no entries"):
        net.value(np.ones((0, 2)), *arguments[1:])


def test_docstrings_tell_the_shapes_of_pointwise_derivatives(line):
    module = sd.compile(sd.Model(w * b, params=[w, b], outputs={"o": w}), emit=EMIT)
    texts = [" ".join(function.__doc__.split()) for function in (module.hessian, module.o_jacobian, line.hessian)]
    assert texts[0].endswith("entry a.b is of the one shape of the arguments.")
    assert texts[1].endswith("each of the one shape of the arguments.")
    assert texts[2].endswith("entry a.b is of shape a.shape + b.shape.")


def test_integers_declared_so_stay_integers():
    i = Symbol("i", integer=True)
    module = sd.compile(sd.Model(sd.mean(w * x**i), params=[w], data=[x, i]))
    assert module.value(np.float32(2), np.float32(XS), np.array([2, 0, 1])).dtype == np.float32
    assert module.value(2.0, XS, [2, 0, 1]) == 2 * (1 + 1 + 4) / 3
    with pytest.raises(TypeError, match=r"i has dtype float64, expected integers"):
        module.value(2.0, XS, XS)


REFUSED = [
    ("a wrong length", (1.0, 2.0, XS, YS[:2]), ValueError, r"y has shape \(2,\), expected shape \(N,\) with N = 3 from x"),
    ("a column", (1.0, 2.0, XS[:, None], YS), ValueError, r"x has shape \(3, 1\), expected shape \(N,\)"),
    ("a scalar for data", (1.0, 2.0, 3.0, YS), ValueError, r"x has shape \(\), expected shape \(N,\)"),
    ("an array for a scalar", (np.ones(1), 2.0, XS, YS), ValueError, r"w has shape \(1,\), expected a scalar"),
    ("complex", (1j, 2.0, XS, YS), TypeError, r"w has dtype complex128, expected real"),
    ("complex data", (1.0, 2.0, XS + 0j, YS), TypeError, r"x has dtype complex128, expected real"),
    ("objects", (1.0, 2.0, np.array([None, 1, 2]), YS), TypeError, r"x has dtype object, expected real"),
    ("text", ("1", 2.0, XS, YS), TypeError, r"w has dtype <U1, expected real"),
    ("None", (None, 2.0, XS, YS), TypeError, r"w has dtype object, expected real"),
    ("half precision", (1.0, 2.0, np.float16(XS), YS), TypeError, r"x has dtype float16, expected float32 or float64"),
    ("long double", (1.0, 2.0, np.longdouble(XS), YS), TypeError, r"x has dtype .*float32 or float64"),
    ("no samples", (1.0, 2.0, [], []), ValueError, r"x has shape \(0,\): it holds no entries"),
    ("ragged", (1.0, 2.0, [[1], [1, 2]], YS), ValueError, r"x "),
    ("masked", (1.0, 2.0, np.ma.array(XS, mask=[0, 1, 0]), YS), TypeError, r"x is a masked array"),
    ("a date", (1.0, 2.0, np.array(["2020-01-01"] * 3, "M8[D]"), YS), TypeError, r"x has dtype datetime64"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "error", "text"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
@pytest.mark.parametrize("kind", ["value", "grad", "value_and_grad", "hessian"])
def test_arguments_that_do_not_fit_are_refused_by_name(line, kind, arguments, error, text):
    with pytest.raises(error, match=text):
        getattr(line, kind)(*arguments)


def test_the_first_argument_that_does_not_fit_is_named_before_anything_is_computed(net):
    arguments = net_arguments()
    with pytest.raises(ValueError, match=r"D has shape \(5, 4\), expected shape \(n, m\) with m = 3 from A"):
        net.value(arguments[0], arguments[1], np.full((5, 4), np.inf), arguments[3])
    with pytest.raises(ValueError, match=r"V has shape \(2, 5\)"):
        net.value(*arguments[:3], arguments[3].T)


def test_missing_and_surplus_arguments(line):
    with pytest.raises(TypeError, match="'y'"):
        line.value(1.0, 2.0, XS)
    with pytest.raises(TypeError):
        line.value(1.0, 2.0, XS, YS, YS)
    with pytest.raises(TypeError, match="'v'"):
        line.hvp(1.0, 2.0, XS, YS)


DIRECTIONS = [
    ("too few", (1.0,), r"v has 1 parts, expected 2: w, b"),
    ("a wrong shape", (1.0, np.ones(2)), r"v.b has shape \(2,\), expected \(\)"),
    ("complex", (1.0, 1j), r"v.b has dtype complex128"),
    ("a number", 1.0, r"v is a float, expected a tuple such as a gradient: w, b"),
    ("a 0-d array", np.array(1.0), r"v is a ndarray, expected a tuple such as a gradient: w, b"),
    ("nothing", None, r"v is a NoneType, expected a tuple such as a gradient: w, b"),
    ("a dict", {"w": 1.0, "b": 1.0}, r"v is a dict, expected a tuple such as a gradient: w, b"),
]


@pytest.mark.parametrize(("v", "text"), [row[1:] for row in DIRECTIONS], ids=[row[0] for row in DIRECTIONS])
@pytest.mark.parametrize("kind", ["hvp", "jvp"])
def test_directions_that_do_not_fit_are_refused(line, kind, v, text):
    with pytest.raises((ValueError, TypeError), match=text):
        getattr(line, kind)(1.0, 2.0, XS, YS, v)


def test_cotangents_that_do_not_fit_are_refused(net):
    arguments = net_arguments()
    with pytest.raises(ValueError, match=r"u has shape \(2, 5\), expected \(5, 2\)"):
        net.prediction_vjp(arguments[0], arguments[2], np.ones((2, 5)))


def test_arguments_by_name_and_by_position(line):
    assert line.value(y=YS, x=XS, b=2.0, w=1.0) == line.value(1.0, 2.0, XS, YS)
    assert line.SIGNATURE["functions"]["value"] == ("w", "b", "x", "y")


def hvp_arguments(module, arguments):
    return [*arguments, module.grad(*arguments)]


LAYOUTS = [
    ("Fortran order", np.asfortranarray),
    ("every second entry", lambda a: np.repeat(a, 2, -1)[..., ::2]),
    ("reversed", lambda a: a[..., ::-1].copy()[..., ::-1]),
    ("big-endian", lambda a: a.astype(a.dtype.newbyteorder(">"))),
    ("a list", lambda a: a.tolist()),
    ("read-only", lambda a: (a.setflags(write=False), a)[1]),
    ("a subclass of ndarray", lambda a: a.view(type("Mine", (np.ndarray,), {}))),
    ("unaligned", lambda a: np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape)),
]


@pytest.mark.parametrize("layout", [row[1] for row in LAYOUTS], ids=[row[0] for row in LAYOUTS])
@pytest.mark.parametrize("kind", ["value", "value_and_grad", "hessian", "hvp"])
def test_any_layout_of_memory(net, kind, layout):
    arguments = net_arguments()
    v = (arguments[0] + 1, 1.0)
    extra = [v] if kind == "hvp" else []
    expected = arrays_of(getattr(net, kind)(*arguments, *extra))
    changed = [argument if np.ndim(argument) == 0 else layout(argument) for argument in arguments]
    for mine, wanted in zip(arrays_of(getattr(net, kind)(*changed, *extra)), expected, strict=True):
        assert type(mine) is np.ndarray
        assert mine.dtype == np.float64
        assert mine.dtype.isnative
        np.testing.assert_allclose(mine, wanted, rtol=1e-13)


def test_inputs_are_never_written(net, line):
    arguments = net_arguments()
    for argument in arguments:
        np.asarray(argument).flags.writeable = False
    before = [np.copy(argument) for argument in arguments]
    v = net.grad(*arguments)
    for kind in ("value", "grad", "value_and_grad", "hessian"):
        getattr(net, kind)(*arguments)
    net.hvp(*arguments, v)
    for argument, old in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(argument, old)


def test_results_share_no_memory():
    S, T = MatrixSymbol("S", n, n), MatrixSymbol("T", n, n)
    outputs = {"same": S, "turned": S.T, "part": S[0:1, :], "twice": S + S, "pair": Matrix([[S[0, 0], 1]])}
    module = sd.compile(sd.Model(sd.sum(S.T * T), params=[S, T], outputs=outputs), emit=EMIT)
    s, t = np.ones((3, 3)), np.ones((3, 3))
    v = (np.ones((3, 3)), np.ones((3, 3)))
    results = arrays_of(module.grad(s, t)) + arrays_of(module.hessian(s, t)) + arrays_of(module.hvp(s, t, v))
    for name in outputs:
        arguments = [s] if module.SIGNATURE["functions"][name] == ("S",) else [s, t]
        results += [getattr(module, name)(*arguments), *arrays_of(getattr(module, f"{name}_jacobian")(*arguments))]
        results.append(getattr(module, f"{name}_jvp")(*arguments, v[: len(arguments)]))
        u = getattr(module, name)(*arguments)
        results += arrays_of(getattr(module, f"{name}_vjp")(*arguments, u))
    everything = [*results, s, t, *v]
    for i, one in enumerate(everything):
        for other in everything[:i]:
            assert not np.shares_memory(one, other)
    for result in results:
        assert result.flags.writeable
        result[...] = 7
    np.testing.assert_array_equal(module.twice(s), 2 * np.ones((3, 3)))


# Pointwise functions


@pytest.fixture(scope="module")
def bump():
    outputs = {"height": w**2 + b}
    return sd.compile(sd.Model(w * exp(-(b**2)), params=[w, b], outputs=outputs), emit=EMIT)


@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 3), (2, 1, 3)])
def test_a_pointwise_function_has_the_shape_of_its_arguments(bump, shape):
    ws, bs = np.full(shape, 2.0), np.full(shape, 0.5)
    value = 2 * np.exp(-0.25)
    for pair in ((ws, bs), (2.0, bs), (ws, 0.5)):
        results = [
            bump.value(*pair),
            *bump.grad(*pair),
            *arrays_of(bump.hessian(*pair)),
            *bump.hvp(*pair, (ws, bs)),
            bump.jvp(*pair, (ws, bs)),
        ]
        assert {np.shape(result) for result in results} == {shape}
        np.testing.assert_allclose(bump.value(*pair), np.full(shape, value), rtol=1e-15)
        np.testing.assert_allclose(bump.hessian(*pair).w.b, np.full(shape, -np.exp(-0.25)), rtol=1e-15)
        np.testing.assert_allclose(bump.hvp(*pair, (ws, bs)).w, np.full(shape, -0.5 * np.exp(-0.25)), rtol=1e-15)
        np.testing.assert_allclose(bump.jvp(*pair, (ws, bs)), np.full(shape, np.exp(-0.25)), rtol=1e-15)
        assert bump.height(*pair).shape == shape
        np.testing.assert_array_equal(bump.height_jacobian(*pair).w, np.full(shape, 4.0))
        assert bump.height_jacobian(*pair).b.shape == shape


def test_pointwise_shapes_that_differ_are_refused(bump):
    with pytest.raises(ValueError, match=r"b has shape \(3,\), expected a scalar or \(2,\) as w has"):
        bump.value(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match=r"b has shape \(1,\), expected a scalar or \(2,\)"):
        bump.value(np.ones(2), np.ones(1))


def test_a_constant_derivative_keeps_the_shape():
    module = sd.compile(sd.Model(3 * w + b, params=[w, b]), emit=("grad", "hessian"))
    g = module.grad(np.ones(4), 1.0)
    np.testing.assert_array_equal(g.w, np.full(4, 3.0))
    np.testing.assert_array_equal(g.b, np.ones(4))
    np.testing.assert_array_equal(module.hessian(np.ones(4), 1.0).w.b, np.zeros(4))


# Flat forms


def test_pack_and_unpack(net):
    arguments = net_arguments()
    g = net.grad(*arguments)
    vec = net.pack(g)
    assert vec.shape == (7,)
    back = net.unpack(vec, m=3, k=2)
    assert type(back) is type(g)
    for mine, other in zip(back, g, strict=True):
        np.testing.assert_array_equal(mine, other)
        assert not np.shares_memory(mine, vec)
    assert np.shape(back.w) == ()
    np.testing.assert_array_equal(net.unpack(vec, m=3).A, g.A)  # the other size follows from the length
    for given in ({"m": 4, "k": 2}, {"m": 5}):
        with pytest.raises(ValueError, match="vec has 7 entries"):
            net.unpack(vec, **given)
    with pytest.raises(ValueError, match="m, k"):
        net.unpack(vec)


def test_flat_forms_are_the_same_functions(net):
    arguments = net_arguments()
    vec, data = net.pack(arguments[:2]), arguments[2:]
    rng = np.random.default_rng(1)
    v = rng.standard_normal(7)
    assert net.value_flat(vec, *data) == net.value(*arguments)
    np.testing.assert_array_equal(net.grad_flat(vec, *data), net.pack(net.grad(*arguments)))
    value, flat = net.value_and_grad_flat(vec, *data)
    assert value == net.value(*arguments)
    np.testing.assert_array_equal(flat, net.pack(net.grad(*arguments)))
    H = net.hessian_flat(vec, *data)
    assert H.shape == (7, 7)
    np.testing.assert_array_equal(H, H.T)
    np.testing.assert_allclose(net.hvp_flat(vec, *data, v), H @ v, rtol=1e-12)
    np.testing.assert_allclose(net.jvp_flat(vec, *data, v), flat @ v, rtol=1e-12)


def test_flat_forms_of_outputs(line):
    outputs = {"residual": w * x + b - y}
    module = sd.compile(sd.Model(outputs=outputs, params=[w, b], data=[x, y]), emit=("value", "jacobian", "jvp", "vjp"))
    vec = np.array([1.0, 2.0])
    J = module.residual_jacobian_flat(vec, XS, YS)
    np.testing.assert_array_equal(J, np.stack([XS, np.ones(3)], 1))
    np.testing.assert_allclose(module.residual_jvp_flat(vec, XS, YS, vec), J @ vec)
    np.testing.assert_allclose(module.residual_vjp_flat(vec, XS, YS, YS), J.T @ YS)


def test_flat_vectors_must_be_vectors(line):
    for bad in (np.ones((2, 1)), np.ones(3), np.ones(1), 1.0):
        with pytest.raises(ValueError, match="vec has"):
            line.value_flat(bad, XS, YS)


# Other processes


def run(program, *arguments):
    finished = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize("result", ["grad", "hessian"])
def test_results_can_be_pickled_for_another_process(line, tmp_path, result):
    """By a process that has the module's file on its path."""
    (tmp_path / "line_numpy.py").write_text(line.__loader__.get_source(line.__name__))
    program = (
        "import sys, pickle; sys.path.insert(0, sys.argv[1]); import line_numpy, numpy as np\n"
        "data = np.array([1.0, 2.0, 4.0]), np.array([0.5, -1.0, 2.0])\n"
        f"pickle.dump(line_numpy.{result}(1.0, 2.0, *data), open(sys.argv[1] + '/result', 'wb'))"
    )
    run(program, str(tmp_path))
    program = (
        "import sys, pickle; sys.path.insert(0, sys.argv[1]); print(pickle.load(open(sys.argv[1] + '/result', 'rb')))"
    )
    assert re.match(r"Grad\(w=|Hessian\(w=HessianRow", run(program, str(tmp_path)))


def test_results_of_a_compiled_model_can_be_pickled(line):
    for result in (line.grad(1.0, 2.0, XS, YS), line.hessian(1.0, 2.0, XS, YS)):
        again = pickle.loads(pickle.dumps(result))
        assert type(again) is type(result)
        assert again == result


def test_a_module_loads_neither_symdiff_nor_sympy(line, tmp_path):
    (tmp_path / "line_numpy.py").write_text(line.__loader__.get_source(line.__name__))
    program = "import sys; sys.path.insert(0, sys.argv[1]); import line_numpy; print(*sorted(sys.modules))"
    loaded = run(program, str(tmp_path)).split()
    assert "numpy" in loaded
    assert not {"symdiff", "sympy", "mpmath", "scipy"} & set(loaded)


def test_set_threads(line):
    line.set_threads(2)
    for count in (0, -1, 1.5, "a", None):
        with pytest.raises(ValueError, match="count"):
            line.set_threads(count)
