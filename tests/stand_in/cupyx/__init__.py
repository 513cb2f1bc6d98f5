"""What goes beyond NumPy's interface."""

from __future__ import annotations

import contextlib

import numpy as np
from cupy._device import DeviceSynchronized, allow_synchronize
from cupy._functions import TABLE

_STATE = {"divide": None, "over": None, "under": None, "invalid": None, "linalg": "ignore"}


def geterr():
    """What is done where something cannot be computed."""
    return dict(_STATE)


def seterr(*, divide=None, over=None, under=None, invalid=None, linalg=None):
    """Set what is done where a matrix cannot be factorised: "ignore" or "raise"."""
    if any(choice is not None for choice in (divide, over, under, invalid)) or linalg not in (None, "ignore", "raise"):
        raise NotImplementedError
    before = geterr()
    _STATE["linalg"] = linalg or before["linalg"]
    return before


@contextlib.contextmanager
def errstate(**choices):
    """`seterr` for a while."""
    before = seterr(**choices)
    try:
        yield
    finally:
        _STATE.update(before)


def scatter_add(a, slices, value):
    """Add values, each to its entry."""
    TABLE["add"].at(a, slices, value)


def rsqrt(x, out=None):
    """1 / sqrt(x)."""
    return TABLE["reciprocal"](TABLE["sqrt"](x), out=out)


__all__ = ["DeviceSynchronized", "allow_synchronize", "errstate", "geterr", "np", "rsqrt", "scatter_add", "seterr"]
