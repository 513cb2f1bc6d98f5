"""Parts of CuPy's library."""

from cupy.lib import stride_tricks  # noqa: F401
