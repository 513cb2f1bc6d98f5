"""How nodes are written in NumPy, and where their results lie."""
