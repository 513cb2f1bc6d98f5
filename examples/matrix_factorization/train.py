"""Fill in a table of rank 3 of which 40% is known, by SciPy's L-BFGS on one flat vector."""

import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

sys.path.append(str(Path(__file__).resolve().parents[2] / "generated"))
import factorization_numpy as factorization


def problem(n=60, m=50, rank=3, share=0.4):
    """Return a table and which of its entries are known."""
    rng = np.random.default_rng(0)
    table = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, m))
    return table, (rng.random((n, m)) < share).astype(float)


def main(rank=3, penalty=1e-3):
    """Return the root mean square error of the entries that were not known."""
    table, known = problem()
    n, m = table.shape
    start = 0.1*np.random.default_rng(1).standard_normal((n + m)*rank)
    found = minimize(
        factorization.value_and_grad_flat, start, (table*known, known, penalty), jac=True, method="L-BFGS-B",
        options={"maxiter": 1000, "maxfun": 2000},
    )
    rows, columns = found.x[: n*rank].reshape(n, rank), found.x[n*rank :].reshape(m, rank)
    error = np.sqrt(np.mean((rows @ columns.T - table)[known == 0]**2))
    print(f"{found.nit} steps; root mean square error of the unknown entries {error:.5f} of {table.std():.3f}")
    return error


if __name__ == "__main__":
    main()
