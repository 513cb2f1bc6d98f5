"""Views of other shapes and strides."""

from __future__ import annotations

import numpy as np

from cupy import _array


def as_strided(x, shape=None, strides=None):
    """A view; it can always be written to."""
    return _array.call(np.lib.stride_tricks.as_strided, x, shape, strides)


def sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    """A view of all windows."""
    return _array.call(np.lib.stride_tricks.sliding_window_view, x, window_shape, axis, writeable=writeable)
