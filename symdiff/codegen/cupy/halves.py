"""Half precision in CuPy modules: kept in memory alone, all arithmetic on it is in single.

Kernels read `__half` and compute in float, and so do CuPy's products of matrices: cuBLAS is called with a compute type of 32
bits, batches of matrices become single precision first. Its sums may add up in half (CUB's do, as do running sums and
additions by position), so those are helpers here. Where CuPy has no half precision at all, a module takes none.
"""

from __future__ import annotations

from collections.abc import Iterable

from symdiff.codegen.cupy.runtime import helpers
from symdiff.codegen.runtime import helpers as numpy_helpers
from symdiff.graph.external import EXTERNAL
from symdiff.graph.node import Node
from symdiff.graph.ops import LINALG
from symdiff.graph.special import SPECIAL

# The dtypes that floating arguments may have, and how an error spells them.
TAKEN = """\
_FLOATING = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64))
_EXPECTED = "float16, float32 or float64"
"""
REFUSED = """\
_FLOATING = (np.dtype(np.float32), np.dtype(np.float64))
_EXPECTED = "float32 or float64 ({why})"
"""

# Of NumPy -> the helper in its place.
CALLS = {"add.reduce": "_sum", "multiply.reduce": "_prod", "cumsum": "_cumsum", "tensordot": "_tensordot"}

DECORATOR = {
    "_in_single": '''\
def _in_single(function):
    """The function, which of arrays in half precision is computed in single, and given back in half."""

    def computed(*given, **options):
        halves = [getattr(x, "dtype", None) == np.float16 for x in given]
        if not any(halves):
            return function(*given, **options)
        single = (x.astype(np.float32) if half else x for x, half in zip(given, halves))
        return function(*single, **options).astype(np.float16)

    return computed
'''
}
_SOURCES = numpy_helpers.HELPERS | helpers.HELPERS
_PRODUCTS = _SOURCES["_prod_others"].replace("def _products", "@_in_single\ndef _products")
_ADDING = ("_add_windows", "_of_windows", "_spread_windows", "_place_first_max", "_scatter")
HELPERS = {
    **{name: f"@_in_single\n{_SOURCES[name]}" for name in _ADDING},
    "_prod_others": _PRODUCTS,
    "_sum": '''\
@_in_single
def _sum(x, axis=0):
    """The sum along axes."""
    return np.add.reduce(x, axis)
''',
    "_prod": '''\
@_in_single
def _prod(x, axis=0):
    """The product along axes."""
    return np.multiply.reduce(x, axis)
''',
    "_norm": '''\
@_in_single
def _norm(x, axis=0):
    """The Euclidean norm along axes."""
    return np.sqrt(np.add.reduce(x**2, axis))
''',
    "_cumsum": '''\
@_in_single
def _cumsum(x, axis):
    """Running sums along an axis."""
    return np.cumsum(x, axis)
''',
    "_tensordot": '''\
@_in_single
def _tensordot(a, b, axes):
    """The product, summed over pairs of axes."""
    return np.tensordot(a, b, axes)
''',
}
_NEEDED = numpy_helpers.REQUIRES | helpers.REQUIRES
REQUIRES = {name: (*_NEEDED.get(name, ()), "_in_single") for name in HELPERS}


def refused(order: Iterable[Node], style: str) -> str | None:
    """Why a module of these nodes takes no half precision; None where it does."""
    if style == "plain":
        return "without kernels, which style fast has, every step would be rounded to half precision"
    lacking = next((node.op for node in order if node.op in LINALG or node.op in SPECIAL or node.op in EXTERNAL), None)
    if lacking is None:
        return None
    return f"there is no {EXTERNAL[lacking].name if lacking in EXTERNAL else lacking} in half precision"
