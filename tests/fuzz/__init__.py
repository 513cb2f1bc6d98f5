"""Random models of every dialect, each with its meaning entry by entry: what the suite and ``python -m fuzz`` check."""
