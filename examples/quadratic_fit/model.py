"""The parabola w x^2 + b fitted to noisy points, by three losses that differ only in how they scale."""

from sympy import symbols

import symdiff as sd

x, y = symbols("x y")
w, b = symbols("w b")
residual = w*x**2 + b - y

quadratic = sd.Model(sd.sum(residual**2/2), params=[w, b], data=[x, y])
quadratic_mean = sd.Model(sd.mean(residual**2), params=[w, b], data=[x, y])
quadratic_half_mean = sd.Model(sd.mean(residual**2/2), params=[w, b], data=[x, y])
