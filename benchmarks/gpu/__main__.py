"""Count what steps need on a GPU; write ``gpu.md``.

python -m benchmarks.gpu --count
"""
