"""The closed vocabulary of operations: for each a record of what is known of it.

Everything else (derivatives, rewrites, backends) is a table over these names; `tests/test_operations_are_complete.py` holds
that no table misses one.
"""

from __future__ import annotations

from functools import partial

from symdiff.graph import cost, samples
from symdiff.graph.operation import ALL, FIRST, NONE, REST, Op
from symdiff.graph.special import SPECIAL

_of_entries = partial(Op, "pointwise", cost=1, samplewise=samples.each)
_condition = partial(_of_entries, dtype="bool")
_marker = partial(_of_entries, cost=0)
_linear = partial(Op, "linear", linear=ALL)
_reduction = partial(Op, "reduction", cost=cost.of_operand, samplewise=samples.each)
_of_matrices = partial(Op, "linalg", cost=cost.of_matrix(1), samplewise=samples.before_matrices)

COMPARISONS: dict[str, Op] = {
    "lt": _condition(2),
    "le": _condition(2),
    "eq": _condition(2, commutative=True),
    "ne": _condition(2, commutative=True),
}

# Of each entry by itself.
POINTWISE: dict[str, Op] = {
    # arithmetic
    "add": _of_entries(2, linear=ALL, nonnegative=ALL, commutative=True),
    "mul": _of_entries(2, multilinear=True, nonnegative=ALL, commutative=True),
    "div": _of_entries(2, linear=FIRST, nonnegative=ALL, safe=(None, 1.0)),
    "neg": _of_entries(linear=ALL),
    "pow": _of_entries(2, safe=(1.0, 1.0)),  # base ** exponent
    "mod": _of_entries(2, safe=(None, 1.0)),  # sign of the divisor, as Python
    "abs": _of_entries(homogeneous=ALL, nonnegative=NONE, length=True),
    "sign": _of_entries(increasing=True),
    "floor": _of_entries(increasing=True),
    "ceil": _of_entries(increasing=True),
    # powers, exponentials, logarithms
    "sqrt": _of_entries(nonnegative=NONE, safe=1.0),
    "cbrt": _of_entries(increasing=True, safe=1.0),  # real: cbrt(-8) = -2
    "exp": _of_entries(exponential=True, nonnegative=NONE, positive=True, increasing=True, safe=0.0),
    "expm1": _of_entries(exponential=True, increasing=True, safe=0.0),
    "log": _of_entries(safe=1.0),
    "log1p": _of_entries(safe=0.0),
    # trigonometric and hyperbolic
    "sin": _of_entries(safe=0.0),
    "cos": _of_entries(safe=0.0),
    "tan": _of_entries(safe=0.0),
    "arcsin": _of_entries(safe=0.0),
    "arccos": _of_entries(safe=0.0),
    "arctan": _of_entries(increasing=True),
    "arctan2": _of_entries(2, safe=(None, 1.0)),  # (y, x)
    "sinh": _of_entries(exponential=True, increasing=True, safe=0.0),
    "cosh": _of_entries(exponential=True, nonnegative=NONE, positive=True, safe=0.0),
    "tanh": _of_entries(increasing=True),
    "arcsinh": _of_entries(increasing=True),
    "arccosh": _of_entries(safe=2.0),
    "arctanh": _of_entries(safe=0.0),
    # kept whole until code generation, where they are written without overflow
    "relu": _of_entries(homogeneous=ALL, nonnegative=NONE, increasing=True),
    "sigmoid": _of_entries(exponential=True, nonnegative=NONE, positive=True, increasing=True),
    "softplus": _of_entries(nonnegative=NONE, positive=True, increasing=True),
    "logaddexp": _of_entries(2, cost=5, commutative=True, safe=(0.0, 0.0)),  # log(exp(a) + exp(b))
    "logcosh": _of_entries(cost=6),
    "log1mexp": _of_entries(cost=6, safe=-1.0),  # log(1 - exp(x)), of x < 0
    "maximum": _of_entries(2, homogeneous=ALL, nonnegative=ALL, commutative=True),
    "minimum": _of_entries(2, homogeneous=ALL, nonnegative=ALL, commutative=True),
    "cot": _of_entries(cost=2, safe=1.0),
    "sec": _of_entries(cost=2, safe=0.0),
    "csc": _of_entries(cost=2, safe=1.0),
    "acot": _of_entries(cost=2),  # pi/2 at 0, odd elsewhere: SymPy's branch
    "asec": _of_entries(cost=5, safe=2.0),
    "acsc": _of_entries(cost=5, safe=2.0),
    "coth": _of_entries(cost=6, safe=1.0),
    "sech": _of_entries(cost=6, exponential=True),
    "csch": _of_entries(cost=6, exponential=True, safe=1.0),
    "acoth": _of_entries(cost=6, safe=2.0),
    "asech": _of_entries(cost=6, safe=0.5),
    "acsch": _of_entries(cost=2, safe=1.0),
    "hypot": _of_entries(2, cost=5, homogeneous=ALL, nonnegative=NONE, length=True, commutative=True),
    "weighted": _of_entries(2, cost=3),  # (a, x): a x, and 0 where a is 0, whatever x is there
    # (n, x): spherical Bessel functions over x**n, of a number n; sin(x) / x and sinh(x) / x are those of n = 0
    "sinc": _of_entries(2, cost=4, safe=(None, 0.0)),
    "sinhc": _of_entries(2, cost=4, safe=(None, 0.0)),
    "log1pc": _of_entries(2, cost=6, safe=(None, 0.0)),  # (n, x): the nth derivative of log(1 + x) / x, of a number n
    # error functions
    "erf": _of_entries(cost=40, increasing=True),
    "erfc": _of_entries(cost=40, exponential=True),
    "bell": _of_entries(cost=15, exponential=True),  # exp(-x**2), to full precision
    "erfc_of": _of_entries(2, cost=40, exponential=True),  # (x, bell of x)
    # choice; a condition counts as 0 or 1 where a number is wanted
    "select": _of_entries(3, dtype="operands", linear=REST, nonnegative=REST),  # (condition, where it holds, where not)
    **COMPARISONS,
    "and": _condition(2, commutative=True),
    "or": _condition(2, commutative=True),
    "xor": _condition(2, commutative=True),
    "not": _condition(),
    # markers
    "stop_gradient": _marker(homogeneous=ALL, nonnegative=ALL, shares=FIRST),  # the identity, with derivative 0
    "kept": _marker(linear=ALL, nonnegative=ALL, shares=FIRST),  # the identity, out of which no factor moves
    "cast": _marker(),  # an integer or a condition as a floating number
    **SPECIAL,
}

# Of whole axes; attribute: the axes reduced, which vanish, counted from the end. (A sum is a contraction.)
REDUCTIONS: dict[str, Op] = {
    "reduce_max": _reduction(homogeneous=ALL, combine="maximum"),
    "reduce_min": _reduction(homogeneous=ALL, combine="minimum"),
    "reduce_prod": _reduction(exponential=True, combine="multiply"),
    "reduce_norm": _reduction(homogeneous=ALL, length=True, combine="hypot"),  # Euclidean
    "reduce_logsumexp": _reduction(),
}

# Linear in each operand.
LINEAR: dict[str, Op] = {
    # sum over axes of a product: attributes (axes of each operand, axes of the result, sizes of the axes)
    "contract": Op(
        "linear",
        None,
        cost=cost.of_contraction,
        multilinear=True,
        nonnegative=ALL,
        shares=FIRST,
        combine="add",
        samplewise=samples.contracted,
    ),
    # x[..., a:b:c, d]: attribute, for each of the last axes, an integer, (start, stop, step) or a Window
    "index": _linear(dtype="operands", nonnegative=ALL, shares=FIRST, samplewise=samples.picked),
    # the transpose of index: zeros, x added at that place: attributes (the same, sizes of those axes)
    "place": _linear(cost=cost.of_operand, nonnegative=ALL, samplewise=samples.placed),
    # entries side by side: attribute, the shape they form at the end
    "stack": _linear(None, nonnegative=ALL, samplewise=samples.each),
    # arrays one after the other: attribute, the axis from the end
    "concatenate": _linear(None, nonnegative=ALL),
    # the last axes in C order as others: attributes (sizes before, sizes after)
    "reshape": _linear(
        dtype="operands",
        nonnegative=ALL,
        shares=FIRST,
        samplewise=samples.before(lambda node: len(node.attributes[1])),
    ),
    # (x, positions): entries along an axis: attribute, the axis from the end
    "take": _linear(2, linear=FIRST, nonnegative=FIRST, positions=1, samplewise=samples.taken),
    # (x, positions), the transpose of take: attributes (axis from the end, its size)
    "scatter": _linear(2, cost=cost.of_operand, linear=FIRST, nonnegative=FIRST, positions=1),
    # of each window of the last axes: attribute, (size, step) along each of them
    "window_sum": _linear(cost=cost.of_operand, nonnegative=ALL, samplewise=samples.before_windows),
    # its transpose: zeros, x added to every entry of its window: attributes (the same, sizes of those axes)
    "spread_windows": _linear(cost=cost.of_operand, nonnegative=ALL, samplewise=samples.before_windows),
    # the identity: entries that lie in memory in the order of the axes
    "contiguous": _linear(dtype="operands", nonnegative=ALL, shares=FIRST, samplewise=samples.kept),
    # running sums: attributes (axis from the end, whether backwards)
    "cumsum": _linear(cost=cost.of_operand, nonnegative=ALL),
}

# Of the last two axes, square matrices; leading axes are a batch.
LINALG: dict[str, Op] = {
    # (A, B): A^-1 B; attribute, the structure of A: "general", "lower" or "upper" triangular
    "solve": _of_matrices(2, cost=cost.of_solve, linear=REST),
    # attributes: the structure of A; whether it is a factor of Cholesky, which is never singular
    "inverse": _of_matrices(cost=cost.of_inverse),
    "det": _of_matrices(exponential=True),
    "logdet": _of_matrices(),  # log det A, NaN where the determinant is negative
    # det(A) A^-T, the derivative of the determinant
    "cofactors": _of_matrices(cost=cost.of_matrix(2), exponential=True),
    # (A, T): their derivative in the direction T, which may have axes in front
    "cofactors_tangent": _of_matrices(2, linear=REST, exponential=True, samplewise=samples.mixes),
    # U, V and P, which that derivative is made of, where it takes singular values; see `graph.linalg.cofactors_tangent`
    "cofactor_factors": _of_matrices(cost=cost.of_matrix(20)),
    "log_abs_det": _of_matrices(),
    "sign_det": _of_matrices(),
    # the lower factor of the symmetric part, positive definite; attribute: whether A is symmetric by its form
    "cholesky": _of_matrices(),
    # the lower triangle, zeros above; attribute, what scales the diagonal
    "triangle": _of_matrices(cost=1, homogeneous=ALL),
}

# Products of all other entries along axes (attribute, from the end), and their derivative in a direction: for `reduce_prod`.
PRODUCTS: dict[str, Op] = {
    "prod_others": Op("product", cost=cost.of_operand, exponential=True),
    "prod_others_tangent": Op("product", 2, cost=cost.of_operand, linear=FIRST, exponential=True),  # (direction, x)
}

# The largest entry y of each window of the last axes of x, the first of several; attribute, (size, step) along each of them.
POOLING: dict[str, Op] = {
    # (x)
    "window_max": Op("pooling", cost=cost.of_operand, homogeneous=ALL, samplewise=samples.before_windows),
    # (t, x, y): the entry of t there, linear in t
    "pick_first_max": Op("pooling", 3, cost=cost.of_operand, linear=FIRST, samplewise=samples.before_windows),
    # (g, x, y), its transpose: zeros like x, to which g is added there
    "place_first_max": Op("pooling", 3, cost=cost.of_operand, linear=FIRST, samplewise=samples.before_windows),
}

# Of positions, which to derivatives are constants.
INDICATORS: dict[str, Op] = {
    # 1 at a position along a new last axis, else 0: attribute, its size
    "one_hot": Op("indicator", cost=cost.of_operand, nonnegative=NONE, samplewise=samples.kept),
    # in rows, as positions in all rows joined: attributes (axes that number rows, axes of one row, its size)
    "flat_positions": Op("indicator", dtype="int", cost=cost.of_operand),
}

LEAVES: dict[str, Op] = {
    "input": Op("leaf", 0, dtype="given"),  # attributes (name, shape, dtype)
    "constant": Op("leaf", 0, dtype="given"),  # attribute: a float or a bool; always a scalar
    # attributes: a Size, used as a number, and "count" where it is one of entries, which is not negative
    "size": Op("leaf", 0),
    "arange": Op("leaf", 0),  # attribute: its size; the numbers 0, 1, ...
    "bound": Op("leaf", 0, dtype="given"),  # a parameter of a body (`graph.body`): attributes (position, shape, dtype)
}

# Of a node that has several results (`graph.several`) one: attribute, which.
SELECTORS: dict[str, Op] = {"result": Op("selector", dtype="given")}

OPS: dict[str, Op] = {
    **POINTWISE, **REDUCTIONS, **LINEAR, **LINALG, **PRODUCTS, **POOLING, **INDICATORS, **LEAVES, **SELECTORS,
}  # fmt: skip
