"""Half precision in CuPy modules: kept in memory alone, all arithmetic on it is in single.

Kernels read `__half` and compute in float, and so do CuPy's products of matrices: cuBLAS is called with a compute type of 32
bits, batches of matrices become single precision first. Its sums may add up in half (CUB's do, as do running sums and
additions by position), so the runtime has functions for those. Where CuPy has no half precision at all, a module takes none.
"""

from __future__ import annotations

from collections.abc import Iterable

from symdiff.graph.external import EXTERNAL
from symdiff.graph.node import Node
from symdiff.graph.ops import LINALG
from symdiff.graph.special import SPECIAL

# Of NumPy -> the function of the runtime in its place.
CALLS = {"add.reduce": "_sum", "multiply.reduce": "_prod", "cumsum": "_cumsum", "tensordot": "_tensordot"}

# Functions of the runtime that add up or multiply many numbers: of half precision they are computed in single.
IN_SINGLE = (
    *("_add_windows", "_of_windows", "_spread_windows", "_place_first_max", "_scatter"),
    *("_prod_others", "_prod_others_tangent"),
)


def refused(order: Iterable[Node], style: str) -> str | None:
    """Why a module of these nodes takes no half precision; None where it does."""
    if style == "plain":
        return "without kernels, which style fast has, every step would be rounded to half precision"
    lacking = next((node.op for node in order if node.op in LINALG or node.op in SPECIAL or node.op in EXTERNAL), None)
    if lacking is None:
        return None
    return f"there is no {EXTERNAL[lacking].name if lacking in EXTERNAL else lacking} in half precision"
