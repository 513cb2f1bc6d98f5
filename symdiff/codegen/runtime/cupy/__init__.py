"""Functions that generated CuPy modules carry along, besides those of NumPy modules, whose `np` is CuPy there."""
