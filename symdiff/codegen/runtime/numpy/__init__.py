"""Functions that generated NumPy modules carry along."""
