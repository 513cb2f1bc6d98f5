"""The closed vocabulary of operations.

Everything else (derivatives, rewrites, backends) is a table over these names; a test holds that no table misses one.
"""

from __future__ import annotations

from symdiff.graph.pointwise import Pointwise
from symdiff.graph.special import SPECIAL

POINTWISE: dict[str, Pointwise] = {
    # arithmetic
    "add": Pointwise(2),
    "mul": Pointwise(2),
    "div": Pointwise(2, safe=(None, 1.0)),
    "neg": Pointwise(1),
    "pow": Pointwise(2, safe=(1.0, 1.0)),  # base ** exponent
    "mod": Pointwise(2, safe=(None, 1.0)),  # sign of the divisor, as Python
    "abs": Pointwise(1),
    "sign": Pointwise(1),
    "floor": Pointwise(1),
    "ceil": Pointwise(1),
    # powers, exponentials, logarithms
    "sqrt": Pointwise(1, safe=1.0),
    "cbrt": Pointwise(1, safe=1.0),  # real: cbrt(-8) = -2
    "exp": Pointwise(1, safe=0.0),
    "expm1": Pointwise(1, safe=0.0),
    "log": Pointwise(1, safe=1.0),
    "log1p": Pointwise(1, safe=0.0),
    # trigonometric and hyperbolic
    "sin": Pointwise(1, safe=0.0),
    "cos": Pointwise(1, safe=0.0),
    "tan": Pointwise(1, safe=0.0),
    "arcsin": Pointwise(1, safe=0.0),
    "arccos": Pointwise(1, safe=0.0),
    "arctan": Pointwise(1),
    "arctan2": Pointwise(2, safe=(None, 1.0)),  # (y, x)
    "sinh": Pointwise(1, safe=0.0),
    "cosh": Pointwise(1, safe=0.0),
    "tanh": Pointwise(1),
    "arcsinh": Pointwise(1),
    "arccosh": Pointwise(1, safe=2.0),
    "arctanh": Pointwise(1, safe=0.0),
    # kept whole until code generation, where they are written without overflow
    "relu": Pointwise(1),
    "sigmoid": Pointwise(1),
    "softplus": Pointwise(1),
    "logaddexp": Pointwise(2, cost=5, safe=(0.0, 0.0)),  # log(exp(a) + exp(b))
    "logcosh": Pointwise(1, cost=6),
    "log1mexp": Pointwise(1, cost=6, safe=-1.0),  # log(1 - exp(x)), of x < 0
    "maximum": Pointwise(2),
    "minimum": Pointwise(2),
    "cot": Pointwise(1, cost=2, safe=1.0),
    "sec": Pointwise(1, cost=2, safe=0.0),
    "csc": Pointwise(1, cost=2, safe=1.0),
    "acot": Pointwise(1, cost=2),  # pi/2 at 0, odd elsewhere: SymPy's branch
    "asec": Pointwise(1, cost=5, safe=2.0),
    "acsc": Pointwise(1, cost=5, safe=2.0),
    "coth": Pointwise(1, cost=6, safe=1.0),
    "sech": Pointwise(1, cost=6),
    "csch": Pointwise(1, cost=6, safe=1.0),
    "acoth": Pointwise(1, cost=6, safe=2.0),
    "asech": Pointwise(1, cost=6, safe=0.5),
    "acsch": Pointwise(1, cost=2, safe=1.0),
    "hypot": Pointwise(2, cost=5),
    "weighted": Pointwise(2, cost=3),  # (a, x): a x, and 0 where a is 0, whatever x is there
    # (n, x): spherical Bessel functions over x**n, of a number n; sin(x) / x and sinh(x) / x are those of n = 0
    "sinc": Pointwise(2, cost=4, safe=(None, 0.0)),
    "sinhc": Pointwise(2, cost=4, safe=(None, 0.0)),
    "log1pc": Pointwise(2, cost=6, safe=(None, 0.0)),  # (n, x): the nth derivative of log(1 + x) / x, of a number n
    # error functions
    "erf": Pointwise(1, cost=40),
    "erfc": Pointwise(1, cost=40),
    "bell": Pointwise(1, cost=15),  # exp(-x**2), to full precision
    "erfc_of": Pointwise(2, cost=40),  # (x, bell of x)
    # choice; a condition counts as 0 or 1 where a number is wanted
    "select": Pointwise(3),  # (condition, where it holds, where it does not)
    "lt": Pointwise(2, dtype="bool"),
    "le": Pointwise(2, dtype="bool"),
    "eq": Pointwise(2, dtype="bool"),
    "ne": Pointwise(2, dtype="bool"),
    "and": Pointwise(2, dtype="bool"),
    "or": Pointwise(2, dtype="bool"),
    "xor": Pointwise(2, dtype="bool"),
    "not": Pointwise(1, dtype="bool"),
    # markers
    "stop_gradient": Pointwise(1, cost=0),  # the identity, with derivative 0
    "kept": Pointwise(1, cost=0),  # the identity, out of which no factor moves
    "cast": Pointwise(1, cost=0),  # an integer or a condition as a floating number
}

POINTWISE |= SPECIAL

# Operands in either order give the same node.
COMMUTATIVE = ("add", "mul", "maximum", "minimum", "hypot", "logaddexp", "eq", "ne", "and", "or", "xor")

COMPARISONS = ("lt", "le", "eq", "ne")

# Of whole axes; attribute: the axes reduced, which vanish, counted from the end. (A sum is a contraction.)
REDUCTIONS = (
    "reduce_max",
    "reduce_min",
    "reduce_prod",
    "reduce_norm",  # Euclidean
    "reduce_logsumexp",
)

# Linear in each operand.
LINEAR = (
    "contract",  # sum over axes of a product: attributes (axes of each operand, axes of the result, sizes of the axes)
    "index",  # x[..., a:b:c, d]: attribute, for each of the last axes, an integer, (start, stop, step) or a Window
    "place",  # the transpose of index: zeros, x added at that place: attributes (the same, sizes of those axes)
    "stack",  # entries side by side: attribute, the shape they form at the end
    "concatenate",  # arrays one after the other: attribute, the axis from the end
    "reshape",  # the last axes in C order as others: attributes (sizes before, sizes after)
    "take",  # (x, positions): entries along an axis: attribute, the axis from the end
    "scatter",  # (x, positions), the transpose of take: attributes (axis from the end, its size)
    "window_sum",  # of each window of the last axes: attribute, (size, step) along each of them
    "spread_windows",  # its transpose: zeros, x added to every entry of its window: attributes (the same, sizes of those axes)
    "contiguous",  # the identity: entries that lie in memory in the order of the axes
    "cumsum",  # running sums: attributes (axis from the end, whether backwards)
)

# Of the last two axes, square matrices; leading axes are a batch.
LINALG = (
    "solve",  # (A, B): A^-1 B; attribute, the structure of A: "general", "lower" or "upper" triangular
    "inverse",  # attributes: the structure of A; whether it is a factor of Cholesky, which is never singular
    "det",
    "logdet",  # log det A, NaN where the determinant is negative
    "cofactors",  # det(A) A^-T, the derivative of the determinant
    "cofactors_tangent",  # (A, T): their derivative in the direction T, which may have axes in front
    "cofactor_factors",  # U, V and P, which that derivative is made of; see `graph.linalg.cofactors_tangent`
    "log_abs_det",
    "sign_det",
    "cholesky",  # the lower factor of the symmetric part, positive definite; attribute: whether A is symmetric by its form
    "triangle",  # the lower triangle, zeros above; attribute, what scales the diagonal
)

# Products of all other entries along axes (attribute, from the end), and their derivative in a direction: for `reduce_prod`.
PRODUCTS = ("prod_others", "prod_others_tangent")

# The largest entry y of each window of the last axes of x, the first of several; attribute, (size, step) along each of them.
POOLING = (
    "window_max",  # (x)
    "pick_first_max",  # (t, x, y): the entry of t there, linear in t
    "place_first_max",  # (g, x, y), its transpose: zeros like x, to which g is added there
)

# Of positions, which to derivatives are constants.
INDICATORS = (
    "one_hot",  # 1 at a position along a new last axis, else 0: attribute, its size
    "flat_positions",  # in rows, as positions in all rows joined: attributes (axes that number rows, axes of one row, its size)
)

LEAVES = (
    "input",  # attributes (name, shape, dtype)
    "constant",  # attribute: a float or a bool; always a scalar
    "size",  # attributes: a Size, used as a number, and "count" where it is one of entries, which is not negative
    "arange",  # attribute: its size; the numbers 0, 1, ...
    "bound",  # a parameter of a body (`graph.body`): attributes (position, shape, dtype)
)

# Of a node that has several results (`graph.several`) one: attribute, which.
SELECTORS = ("result",)
