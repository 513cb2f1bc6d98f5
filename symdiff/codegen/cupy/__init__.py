"""From a plan to the source of a module for a GPU: CuPy's library calls, and kernels in CUDA C++."""
