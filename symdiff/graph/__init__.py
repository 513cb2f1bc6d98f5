"""The one representation everything works on: a hash-consed graph of tensor operations."""

from symdiff.graph import operators  # noqa: F401
