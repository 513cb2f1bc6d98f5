"""Gaussian process regression: the negative log marginal likelihood of n points, from their squared distances.

The kernel is the squared exponential; its hyperparameters are logarithms, so that any value is allowed (Rasmussen and
Williams 2006, equations 2.23 to 2.30).
"""

from sympy import HadamardPower, Identity, MatrixSymbol, OneMatrix, Trace, exp, log, pi, symbols

import symdiff as sd

n, m = symbols("n m", integer=True, positive=True)
D = MatrixSymbol("D", n, n)  # squared distances between the points
y = MatrixSymbol("y", n, 1)
scale, length, noise = symbols("scale length noise")  # logarithms


def kernel(squared_distances):
    """The covariance of the function between points."""
    return exp(2*scale)*sd.exp(-squared_distances/(2*exp(2*length)))


K = kernel(D) + exp(2*noise)*Identity(n)
L = sd.cholesky(K)
z = sd.solve(L, y)

process = sd.Model(
    Trace(z.T*z)/2 + sd.sum(sd.log(sd.diag(L))) + n*log(2*pi)/2,
    params=[scale, length, noise],
    data=[D, y],
    named={"K": K, "L": L, "z": z},
)

# The mean and the variance of the function at m other points; E holds their squared distances from the n.
E = MatrixSymbol("E", n, m)
h = sd.solve(L, kernel(E))

posterior = sd.Model(
    outputs={
        "mean": h.T*z,
        "variance": exp(2*scale)*OneMatrix(1, m) - sd.sum(HadamardPower(h, 2), axis=0),
    },
    params=[scale, length, noise],
    data=[D, E, y],
    samples=n,
    named={"K": K, "L": L, "z": z, "h": h},
)
