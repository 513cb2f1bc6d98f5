"""The reference: a slow interpreter of the user's own SymPy objects, which `compare` holds the compiler against.

It shares nothing with the compiler: it imports SymPy, mpmath and NumPy, knows symdiff's own functions by their class
names, and takes derivatives by differences at high precision.
"""

from symdiff.reference.derivatives import (
    condition_scale,
    count_samples,
    directional,
    evaluate,
    finite_difference,
    gradient,
    second,
)
from symdiff.reference.special import NoReferenceError

__all__ = [
    "NoReferenceError",
    "condition_scale",
    "count_samples",
    "directional",
    "evaluate",
    "finite_difference",
    "gradient",
    "second",
]
