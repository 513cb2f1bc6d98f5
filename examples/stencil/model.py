"""The heat equation on a grid in index notation: how far measured temperatures are from a given diffusivity."""

from sympy import IndexedBase, Sum, symbols

import symdiff as sd

steps, rows, columns = symbols("steps rows columns", integer=True, positive=True)
t, i, j = symbols("t i j", integer=True)
u = IndexedBase("u", shape=(steps, rows, columns))  # temperature
d = IndexedBase("d", shape=(rows, columns))         # diffusivity, different from place to place

laplacian = u[t, i - 1, j] + u[t, i + 1, j] + u[t, i, j - 1] + u[t, i, j + 1] - 4*u[t, i, j]
residual = u[t + 1, i, j] - u[t, i, j] - d[i, j]*laplacian
heat = sd.Model(Sum(residual**2, (t, 0, steps - 2), (i, 1, rows - 2), (j, 1, columns - 2)), params=[d], data=[u])
