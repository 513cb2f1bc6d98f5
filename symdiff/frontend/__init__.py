"""From SymPy to the graph and back: one file per dialect."""
