"""Linear algebra: how it is computed, of batches too, what is refused, and its closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
import torch
from sympy import BlockDiagMatrix, BlockMatrix, Identity, KroneckerProduct, MatrixSymbol, Trace, symbols

import symdiff as sd
from symdiff.codegen.module import ModuleSpec, ModuleWriter
from symdiff.compare import compare
from symdiff.compiler import generate
from symdiff.diff.second import hessian, jacobian_forward, jacobian_reverse
from symdiff.errors import ShapeError, SymdiffError, UnsupportedError
from symdiff.graph.axes import sum_axes
from symdiff.graph.inputs import Input, Unit
from symdiff.graph.leaves import parameter
from symdiff.graph.linalg import cholesky, det, inverse, is_symmetric, log_abs_det, logdet, product, solve, swapped
from symdiff.graph.results import Array, Several
from symdiff.loader import load_source
from symdiff.options import Options
from symdiff.passes.algebra.contract import order_contractions
from symdiff.passes.algebra.expand import expand
from symdiff.passes.algebra.simplify import simplify
from symdiff.passes.schedule.stages import plan

n, m, k, N = symbols("n m k N", integer=True, positive=True)
w, s = symbols("w s")
A, B, S, K = (MatrixSymbol(name, n, n) for name in "ABSK")
X, Y = MatrixSymbol("X", n, m), MatrixSymbol("Y", m, k)
u, v, y = MatrixSymbol("u", n, 1), MatrixSymbol("v", m, 1), MatrixSymbol("y", n, 1)
PEERS = ("torch", "jax", "finite-difference", "mpmath")
RNG = np.random.default_rng(0)


def source(objective, *params, emit=("value",), **options):
    """The generated functions, without docstrings and helpers."""
    text = generate(sd.Model(objective, params=params, **options), Options.create(emit=emit)).source
    return text[text.index("def ") : text.index("def _arguments")]


def regular(*shape):
    """A matrix, or a stack of them, far from singular."""
    return RNG.standard_normal(shape) + 4 * np.eye(shape[-1])


def definite(*shape):
    """A symmetric positive definite matrix, or a stack of them."""
    root = RNG.standard_normal(shape)
    return root @ root.swapaxes(-1, -2) + np.eye(shape[-1])


# How products with inverses are computed

SOLVED = [
    ("sandwich", sd.sum(X.T * A.I * X), 1, 0),
    ("columns on the right are fewer", sd.sum(X.T * A.I * y), 1, 0),
    ("columns on the left are fewer", sd.sum(y.T * A.I * X), 1, 0),
    ("power", sd.sum(A**-2 * X), 1, 0),
    ("two inverses", sd.sum(A.I * B.I * X), 2, 0),
    ("inverses on both sides", sd.sum(A.I * X * X.T * B.I), 2, 0),
    ("sd.inv", sd.sum(sd.inv(A) * X), 1, 0),
    ("the inverse itself", sd.sum(A.I), 0, 1),
]


@pytest.mark.parametrize(("objective", "solves", "inverses"), [r[1:] for r in SOLVED], ids=[r[0] for r in SOLVED])
def test_a_product_with_an_inverse_is_a_solve(objective, solves, inverses):
    text = source(objective, *sorted(objective.atoms(MatrixSymbol), key=str))
    assert (text.count("linalg.solve"), text.count("linalg.inv")) == (solves, inverses)


def test_the_narrower_side_is_solved_for():
    assert "A, y)" in source(sd.sum(X.T * A.I * y), A, X, y)
    assert "A.T, y)" in source(sd.sum(y.T * A.I * X), A, X, y)


def test_a_symmetric_matrix_is_solved_with_once():
    gram = X * X.T + Identity(n)
    assert source(Trace(y.T * gram.I * y), X, y, emit="grad").count("linalg.solve") == 1
    assert source(Trace(y.T * A.I * y), A, y, emit="grad").count("linalg.solve") == 2


def test_symmetry_by_form():
    a, x = parameter("a", (3, 3)), parameter("x", (3, 2))
    gram = product(x, swapped(x))
    for matrix in (gram, a + swapped(a), -2.0 * gram, inverse(gram + 1.0), (a + swapped(a) + gram) ** 2):
        assert is_symmetric(matrix)
    for matrix in (a, product(a, gram), a + 2.0 * swapped(a), x):
        assert not is_symmetric(matrix)


def test_the_likelihood_of_a_gaussian_process():
    """One Cholesky factor, which all share; the gradient is (A^-1 - a a^T) / 2, a = A^-1 y; in the value no inverse."""
    L = sd.cholesky(K + s**2 * Identity(n))
    alpha = sd.solve(L.T, sd.solve(L, y))
    likelihood = Trace(y.T * alpha) / 2 + sd.sum(sd.log(sd.diag(L)))
    options = {"data": [y], "samples": n}
    text = source(likelihood, K, s, emit="value_and_grad", **options)
    assert text.count("_cholesky") == 1
    assert text.count("_solve_triangular") == 2
    assert text.count("_inverse_lower(") == 1
    assert "linalg" not in text
    assert "inv" not in source(likelihood, K, s, emit="value", **options)
    module = sd.compile(sd.Model(likelihood, params=[K, s], **options))
    k0, y0 = definite(130, 130), RNG.standard_normal((130, 1))  # three blocks of a triangular solve
    value, grad = module.value_and_grad(k0, 0.7, y0)
    kernel, noise = (torch.tensor(z, dtype=torch.float64, requires_grad=True) for z in (k0, 0.7))
    covariance = kernel + noise**2 * torch.eye(130, dtype=torch.float64)
    data = torch.tensor(y0)
    theirs = (data.T @ torch.linalg.solve(covariance, data))[0, 0] / 2 + torch.logdet(covariance) / 2
    theirs.backward()
    np.testing.assert_allclose(value, theirs.item(), rtol=1e-12)
    np.testing.assert_allclose(grad.K, kernel.grad, atol=1e-11 * np.abs(grad.K).max())
    np.testing.assert_allclose(grad.s, noise.grad, rtol=1e-11)


def matrix_functions():
    """Two functions of a matrix each, side by side, so that the Jacobian has a leading axis in reverse mode."""
    square = sd.Tensor("square", (n, n))
    factor = sd.cholesky(square)
    scalars = {
        "trace of the factor": lambda a: torch.linalg.cholesky(a).trace(),
        "log of the factor": lambda a: torch.linalg.cholesky(a).diagonal().log().sum(),
        "squares of the factor": lambda a: (torch.linalg.cholesky(a) ** 2).sum(),
        "det": torch.det,
        "logdet": torch.logdet,
        "inverse": lambda a: torch.linalg.inv(a).sum(),
    }
    forms = [
        sd.trace(factor), sd.sum(sd.log(sd.diag(factor))), sd.sum(factor**2),
        sd.det(square), sd.logdet(square), sd.sum(sd.inv(square)),
    ]  # fmt: skip
    return [(name, square, form, theirs) for (name, theirs), form in zip(scalars.items(), forms, strict=True)]


@pytest.mark.parametrize(("name", "square", "form", "theirs"), matrix_functions(), ids=lambda row: row)
def test_jacobians_of_several_functions_of_a_matrix(name, square, form, theirs):
    a = definite(4, 4)
    stacked = sd.Model(outputs={"out": sd.stack([form, 3 * form])}, params=[square])
    found = sd.compile(stacked, emit="jacobian", cache=False).out_jacobian(a).square
    leaf = torch.tensor(a, requires_grad=True)
    (slope,) = torch.autograd.grad(theirs(leaf), leaf)
    slope = (slope + slope.T) / 2 if "factor" in name else slope  # of a factor the symmetric part
    np.testing.assert_allclose(found, np.stack([slope, 3 * slope]), rtol=1e-11, atol=1e-12)


LOGS = [
    ("determinant", sp.log(sp.det(A)), 1),
    ("its absolute value", sp.log(abs(sp.Determinant(-A))), 1),
    ("product", sp.log(3 * sp.sqrt(sp.det(A)) / sp.det(S)), 2),
    ("normal density", sp.log(1 / sp.sqrt((2 * sp.pi) ** n * sp.det(A))), 1),
    ("negative of a determinant", sp.log(-sp.Determinant(A - 2 * A) * sp.det(S) ** 2), 2),
]


@pytest.mark.parametrize(("expression", "count"), [r[1:] for r in LOGS], ids=[r[0] for r in LOGS])
def test_a_logarithm_of_determinants_does_not_overflow(expression, count):
    used = sorted(expression.atoms(MatrixSymbol), key=str)
    module = sd.compile(sd.Model(expression, params=used))
    size = 401  # of odd order, so that -A has a negative determinant
    large = [1e3 * np.eye(size)] * len(used)
    small = [1e-3 * np.eye(size)] * len(used)
    with np.errstate(all="raise"):
        values = [module.value(*large), module.value(*small), *(part.max() for part in module.grad(*large))]
    assert np.isfinite(values).all()


def test_a_logarithm_of_a_negative_determinant_is_nan():
    module = sd.compile(sd.Model(sp.log(sp.det(A)), params=[A]))
    assert np.isnan(module.value(np.diag([1.0, -1.0])))
    both = sd.compile(sd.Model(sp.log(sp.Determinant(A) * sp.Determinant(S)), params=[A, S]))
    negative = np.diag([1.0, -2.0])
    np.testing.assert_allclose(both.value(negative, negative), np.log(4))
    with np.errstate(invalid="ignore"):
        assert np.isnan(both.value(negative, np.eye(2)))


def test_the_gradient_of_a_determinant_exists_where_the_matrix_is_singular():
    module = sd.compile(sd.Model(sp.det(A), params=[A]))
    a = np.array([[1.0, 2, 3], [2, 4, 6], [1, 0, 1]])  # of rank 2
    leaf = torch.tensor(a, requires_grad=True)
    minors = [
        [leaf[[j for j in range(3) if j != i]][:, [j for j in range(3) if j != k]] for k in range(3)] for i in range(3)
    ]
    signed = [[(-1) ** (i + k) * torch.linalg.det(minors[i][k]).item() for k in range(3)] for i in range(3)]
    np.testing.assert_allclose(module.grad(a).A, signed, atol=1e-14)
    np.testing.assert_array_equal(module.grad(np.zeros((3, 3))).A, np.zeros((3, 3)))


def test_a_hessian_needs_one_factorisation():
    text = source(Trace(y.T * A.I * y), A, y, emit="hessian")
    assert text.count("linalg.inv") == 1
    assert text.count("linalg.solve") == 2


# Batches, which tensors have: nodes built directly


def evaluated(roots, inputs, values):
    """The values of nodes by the generated source."""
    entries = tuple(Input(node.attributes[0], None, "parameter", node) for node in inputs)
    names = tuple(f"r{i}" for i in range(len(roots)))
    results = Several(names, tuple(Array(name, name) for name in names))
    chosen = plan(order_contractions(expand(simplify(roots)), None), None)
    unit = Unit("value", None, entries, entries, chosen.results, results, plan=chosen)
    module = load_source(
        ModuleWriter(ModuleSpec("# test", "t", entries, None, False, (unit,), (), "plain")).write(), "t_module", "<t>"
    )
    return module.value(*values)


def as_tensor_function(op):
    return {
        "solve": torch.linalg.solve,
        "inverse": torch.linalg.inv,
        "det": torch.linalg.det,
        "logdet": torch.logdet,
        "log_abs_det": lambda a: torch.linalg.slogdet(a)[1],
        "cholesky": lambda a: torch.linalg.cholesky((a + a.mT) / 2),
        "triangular": lambda a, b: torch.linalg.solve(torch.linalg.cholesky((a + a.mT) / 2), b),
        "triangular, transposed": lambda a, b: torch.linalg.solve(torch.linalg.cholesky((a + a.mT) / 2).mT, b),
    }[op]


OURS = {
    "solve": solve,
    "inverse": inverse,
    "det": det,
    "logdet": logdet,
    "log_abs_det": log_abs_det,
    "cholesky": cholesky,
    "triangular": lambda a, b: solve(cholesky(a), b),
    "triangular, transposed": lambda a, b: solve(swapped(cholesky(a)), b),
}
BATCHES = [((), ()), ((2,), (2,)), ((), (2,)), ((2,), ()), ((2, 1), (3,))]
BATCHED = [
    (op, *batches) for op in OURS for batches in BATCHES if "sol" in op or "tri" in op or batches[0] == batches[1]
]


@pytest.mark.parametrize(("op", "lead", "other"), BATCHED)
def test_batches_agree_with_pytorch(op, lead, other):
    a, b = parameter("a", (*lead, 3, 3)), parameter("b", (*other, 3, 2))
    values = [definite(*a.shape), RNG.standard_normal(b.shape)]
    two = op in ("solve", "triangular", "triangular, transposed")
    inputs, values = ([a, b], values) if two else ([a], values[:1])
    out, theirs = OURS[op](*inputs), as_tensor_function(op)
    weights = RNG.standard_normal(tuple(torch.tensor(0.0).expand(out.shape).shape))
    tensors = tuple(map(torch.tensor, values))

    def total(*given):
        return (theirs(*given) ** 2 * torch.tensor(weights)).sum()

    weight = parameter("weight", out.shape)
    squared = out**2 * weight
    objective = sum_axes(squared, range(squared.ndim))
    second = hessian(objective, inputs)
    roots = [out, *jacobian_forward(out, inputs), *jacobian_reverse(out, inputs)]
    roots += [second[i, j] for i in range(len(inputs)) for j in range(len(inputs))]
    found = evaluated(roots, [*inputs, weight], [*values, weights])
    jacobians = torch.autograd.functional.jacobian(theirs, tensors)
    hessians = [block for row in torch.autograd.functional.hessian(total, tensors) for block in row]
    for mine, expected in zip(found, [theirs(*tensors), *jacobians, *jacobians, *hessians], strict=True):
        assert mine.shape == tuple(expected.shape)
        np.testing.assert_allclose(mine, expected, atol=1e-10 * max(1, expected.abs().max().item()))


# Errors


def test_matrices_that_are_not_square_are_refused():
    for make in (
        lambda: sp.Inverse(X),
        lambda: sd.det(X) * X,
        lambda: sd.logdet(X) * X,
        lambda: sd.cholesky(X),
        lambda: sd.solve(X, X),
        lambda: sd.trace(X) * X,
    ):
        with pytest.raises(ValueError, match=r"(?s)square matrix.*n.*m.*model: .*test_linalg.py"):
            sd.compile(sd.Model(sd.sum(make()), params=[X]))
    with pytest.raises(ShapeError, match="m unknowns, but the right side has n rows"):
        sd.compile(sd.Model(sd.sum(sd.solve(MatrixSymbol("Q", m, m), X)), params=[MatrixSymbol("Q", m, m), X]))
    for function in (sd.inv, sd.det, sd.logdet, sd.cholesky, sd.trace, sd.diag):
        with pytest.raises(ShapeError, match="needs a matrix, not a scalar"):
            function(w)
    with pytest.raises(ShapeError, match="row, a column or a square"):
        sd.diag(X)
    with pytest.raises(UnsupportedError, match="matrix power 1/2"):
        sd.compile(sd.Model(sd.sum(A ** sp.Rational(1, 2)), params=[A]))


def test_arguments_that_are_not_square_are_refused_by_name():
    module = sd.compile(sd.Model(sd.logdet(A), params=[A]))
    with pytest.raises(ValueError, match=r"A has shape \(2, 3\), expected shape \(n, n\)"):
        module.value(np.ones((2, 3)))


FAILING = [
    ("a symbol", sd.sum(A.I * u), "Singular matrix: (the transpose of )?A$"),
    ("an expression", sd.sum((A + A.T).I * u), r"Singular matrix: A \+ A.T$"),
    ("an inverse", sd.sum((A + 2 * B).I), r"Singular matrix: (2\*B \+ A|A \+ 2\*B)$"),
    ("a transpose", sd.sum(A.T.I * u), "Singular matrix: (the transpose of A|A(.T)?)$"),
    ("a solve", sd.sum(sd.solve(A + A**2, u)), r"Singular matrix: (the transpose of )?A\*\*2 \+ A$"),
    ("a factor", sd.sum(sd.cholesky(A - Identity(n)) * u), r"positive definite.*: (-I \+ A|A - I)$"),
]


@pytest.mark.parametrize(("objective", "message"), [r[1:] for r in FAILING], ids=[r[0] for r in FAILING])
def test_a_matrix_that_cannot_be_factorised_is_named(objective, message):
    used = sorted(objective.atoms(MatrixSymbol), key=str)
    module = sd.compile(sd.Model(objective, params=used), emit=("value", "grad"))
    arguments = [np.ones((2, 1)) if symbol == u else np.zeros((2, 2)) for symbol in used]
    for function in (module.value, module.grad):
        with pytest.raises(np.linalg.LinAlgError, match=message):
            function(*arguments)


def test_a_branch_not_taken_factorises_nothing_singular():
    choice = sp.Piecewise((sd.logdet(sd.cholesky(A)) + Trace(A.I), w > 0), (w**2 * Trace(A), True))
    module = sd.compile(sd.Model(choice, params=[A, w]), emit=("value", "value_and_grad", "hessian"))
    zeros = np.zeros((2, 2))
    with np.errstate(all="raise"):
        value, grad = module.value_and_grad(zeros, -3.0)
        assert value == 0
        np.testing.assert_array_equal(grad.A, 9 * np.eye(2))
        assert np.isfinite(module.hessian(zeros, -3.0).A.A).all()
    np.testing.assert_allclose(module.value(np.eye(2), 1.0), 2)


# SymPy's side


def test_how_they_print():
    assert str(sd.solve(A + B, X)) == "solve(A + B, X)"
    assert str(sd.cholesky(A) * X) == "cholesky(A)*X"
    assert str(sd.logdet(A) + 1) == "logdet(A) + 1"
    assert sp.latex(sd.solve(A + B, X)) == r"\left(A + B\right)^{-1} X"
    assert sp.latex(sd.cholesky(A)) == r"\operatorname{cholesky}\left(A\right)"
    assert sp.latex(sd.logdet(A) ** 2) == r"\operatorname{logdet}\left(A\right)^{2}"
    assert sd.solve(A, X).shape == (n, m)
    assert str(sd.cholesky(A)[0, 1]) == "cholesky(A)[0, 1]"


def test_explicit_matrices_stay_whole():
    rotation = sp.Matrix([[sp.cos(w), -sp.sin(w)], [sp.sin(w), sp.cos(w)]])
    assert str(sd.inv(rotation)).startswith("solve(")
    module = sd.compile(sd.Model(outputs={"r": sd.inv(rotation)}, params=[w]), emit="value")
    np.testing.assert_allclose(module.r(0.3), [[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]], atol=1e-15)


GRADIENTS = {
    "log determinant": (sp.log(sp.det(A)), {A: "A.T**(-1)"}),
    "absolute": (sp.log(abs(sp.det(A))), {A: "A.T**(-1)"}),
    "form": (Trace(y.T * A.I * y), {A: "-A.T**(-1)*y*y.T*A.T**(-1)", y: "A**(-1)*y + A.T**(-1)*y"}),
    "determinant": (sp.det(A), {A: None}),
    "solve": (sd.sum(sd.solve(A, X)), {A: None, X: None}),
    "factor": (sd.sum(sd.log(sd.diag(sd.cholesky(S)))), {S: None}),
    "whitened": (sd.norm(sd.solve(sd.cholesky(S), X)), {S: None, X: None}),
    "blocks": (sd.norm(BlockMatrix([[A, X], [X.T, Identity(m)]])), {A: None, X: None}),
    "diagonal blocks": (sd.norm(BlockDiagMatrix(A, X)), {A: None, X: None}),
    "powers": (Trace(A**-2 * S), {A: None, S: None}),
    "normal density": (sp.log(sp.exp(-Trace(y.T * S.I * y) / 2) / sp.sqrt(sp.det(2 * sp.pi * S))), {S: None, y: None}),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_closed_forms_compile_again_to_the_same_numbers(name):
    objective, forms = GRADIENTS[name]
    module = sd.compile(sd.Model(objective, params=list(forms)), emit="grad")
    found = sd.gradient(sd.Model(objective, params=list(forms)))
    values = {A: regular(3, 3), S: definite(3, 3), X: RNG.standard_normal((3, 2)), y: RNG.standard_normal((3, 1))}
    grad = module.grad(*(values[symbol] for symbol in forms))
    for symbol, expected in forms.items():
        if expected is not None:
            assert str(found[symbol]) == expected
        again = sd.compile(sd.Model(outputs={"out": found[symbol]}, params=list(forms)), emit="value")
        by_name = {str(other): value for other, value in values.items()}
        result = again.out(*(by_name[name] for name in again.SIGNATURE["functions"]["out"]))
        np.testing.assert_allclose(result, getattr(grad, str(symbol)), rtol=1e-11, atol=1e-12)


def test_what_has_no_closed_form_says_so():
    with pytest.raises(SymdiffError, match=r"no .*form"):
        sd.gradient(sd.Model(sd.sum(sd.sin(KroneckerProduct(A, B))), params=[A, B]))


# Against every peer

COMPARED = {
    "normal density": (sp.log(sp.exp(-Trace(y.T * (X * X.T + Identity(n)).I * y) / 2)
                              / sp.sqrt(sp.det(X * X.T + Identity(n)))), [X, y]),
    "factor": (Trace(sd.solve(sd.cholesky(X * X.T + w**2 * Identity(n)), y).T * u), [X, w, y, u]),
    "determinants": (sp.log(abs(sp.det(A))) + sd.logdet(A * A.T) + sp.det(A), [A]),
    "solve": (sd.sum(sd.sin(sd.solve(A, X))) + sd.sum(A**-2), [A, X]),
    "blocks": (sd.sum(sd.sin(BlockMatrix([[A, X], [X.T, Identity(m)]]))) + sd.norm(BlockDiagMatrix(A, X) ), [A, X]),
    "Kronecker product": (sd.sum(sd.sin(KroneckerProduct(A, X))), [A, X]),
    "explicit": (sd.logdet(sp.Matrix([[w**2 + 2, s], [s, s**2 + 3]])), [w, s]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", COMPARED)
def test_every_peer_agrees(name):
    objective, params = COMPARED[name]
    found = compare(sd.Model(objective, params=params, name="model"), against=PEERS)
    assert found.agrees, [row for row in found.rows if row.agrees is False]
    assert {row.peer for row in found.rows if row.agrees} == set(PEERS)
