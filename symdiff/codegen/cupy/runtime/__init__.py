"""Source of the helper functions that generated CuPy modules carry along."""
