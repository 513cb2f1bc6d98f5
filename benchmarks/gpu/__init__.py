"""Generated modules on a GPU: what their steps need, counted, and the benchmark: ``python -m benchmarks.gpu``."""
