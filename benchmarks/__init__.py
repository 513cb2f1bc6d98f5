"""Generated modules against their peers: ``python -m benchmarks``."""
