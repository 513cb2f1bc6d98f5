"""From the graph back to SymPy: the closed forms of a model, in the dialect it is written in."""
