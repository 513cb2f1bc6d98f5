"""Find where a plate conducts heat well, from pictures of its temperature: SciPy's L-BFGS on the generated gradient."""

import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))
import heat_numpy


def pictures(steps=60, rows=24, columns=32):
    """Temperatures of a plate with a well conducting disk in it, from random ones at the start; the diffusivity."""
    y, x = np.mgrid[:rows, :columns]
    d = np.where((x - 20)**2 + (y - 10)**2 < 36, 0.2, 0.05)
    u = np.empty((steps, rows, columns))
    u[0] = np.random.default_rng(0).uniform(size=(rows, columns))
    for t in range(steps - 1):
        around = u[t, :-2, 1:-1] + u[t, 2:, 1:-1] + u[t, 1:-1, :-2] + u[t, 1:-1, 2:]
        u[t + 1] = u[t]
        u[t + 1, 1:-1, 1:-1] += d[1:-1, 1:-1]*(around - 4*u[t, 1:-1, 1:-1])
    return u, d


def main():
    """Return the diffusivity found, and the one the pictures were made with."""
    u, d = pictures()
    start = np.full(d.size, 0.1)
    found = minimize(heat_numpy.value_and_grad_flat, start, args=(u,), jac=True, method="L-BFGS-B",
                     options={"maxiter": 500, "ftol": 1e-15, "gtol": 1e-9})  # fmt: skip
    mine = found.x.reshape(d.shape)
    inside = np.s_[1:-1, 1:-1]
    print(f"{found.nit} iterations   loss {found.fun:.2e}   largest error {abs(mine - d)[inside].max():.2e}")
    for row in mine[inside][::2]:
        print("".join("#" if value > 0.125 else "." for value in row))
    return mine[inside], d[inside]


if __name__ == "__main__":
    main()
