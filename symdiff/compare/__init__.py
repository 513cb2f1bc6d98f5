"""`symdiff compare`: a generated module held against other ways to compute the same.

    inputs --> problem --> module, PyTorch, JAX, differences --> judge, with high precision --> rows

The frameworks differentiate the model's own forward computation themselves. Differences and high precision come from
`symdiff.reference`, which evaluates the user's expressions and shares no code with the compiler.
"""

from symdiff.compare.comparison import Comparison
from symdiff.compare.judge import Row
from symdiff.compare.run import compare, compare_module

__all__ = ["Comparison", "Row", "compare", "compare_module"]
