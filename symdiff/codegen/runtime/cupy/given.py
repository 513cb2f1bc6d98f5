"""What a generated module itself gives to the definitions that it carries along."""

from __future__ import annotations

import cupy as cp

_FLOATING = (cp.dtype(cp.float32), cp.dtype(cp.float64))
_EXPECTED = "float32 or float64"
"""The dtypes that floating arguments may have, and how errors spell them."""
_MATMUL_SOURCE = ""
"""The text of matmul.cu."""
